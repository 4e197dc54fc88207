//! Clients that are known by a document, from the login to the end: what is fetched, for whom, and that neither a restart nor a
//! site that is down logs anybody out.

use std::sync::Arc;
use std::time::Duration;

use regrant::client::NativeRedirects;
use regrant::jwt::{JwtAccessTokens, SigningAlgorithm, SigningKey};
use regrant::{Authorization, Clients, EngineBuilder, Key, Lifetimes, Request, RootSecret};
use serde_json::json;

use crate::kit::foreign::{OldServer, UUID};
use crate::kit::portal::{PKCE, STATE, ScopeAsClaim, VERIFIER, query, run};
use crate::kit::{Reply, Shelf, altered, at};
use crate::site::{APP, Hand, Port, Web, document, port, port_on, shown, signing, strangers};

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// A login at the usual client, and its first tokens.
fn logged_in<C: Clients>(port: &Port<C>) -> Reply {
    let tokens = port.login(APP, at(0));
    port.events.take();
    tokens
}

/// The same after a restart, or another node that nobody has asked for this client.
fn restarted(port: &Port, web: &Web, clock: &Hand) -> Port {
    web.fetched();
    port_on(Arc::clone(&port.store), strangers(web, clock), |builder| builder)
}

#[track_caller]
fn assert_unavailable(reply: &Reply) {
    assert_eq!(reply.outcome(), (503, Some("temporarily_unavailable".into())));
}

#[test]
fn a_client_that_nobody_registered_logs_in_and_refreshes() {
    let (web, clock) = (Web::usual(), Hand::new());
    let port = port(strangers(&web, &clock));
    let tokens = logged_in(&port);
    assert_eq!(tokens.text("scope"), "openid read");
    assert!(port.bearer(&tokens.access_token(), at(1)).unwrap().scope().contains("read"));
    let renewed = port.refresh(APP, &tokens.refresh_token(), at(2));
    renewed.assert_ok();
    assert_eq!(port.revoke(APP, &renewed.refresh_token(), at(3)).status, 200);
    assert!(port.bearer(&renewed.access_token(), at(4)).is_err());
    assert_eq!(web.fetched(), [APP], "one fetch for all of it");
}

/// What a page shows: claims, and the one thing that is certain.
#[test]
fn a_page_is_told_what_the_document_says() {
    let (web, clock) = (Web::usual(), Hand::new());
    let port = port(strangers(&web, &clock));
    let asked = query(APP);
    let request = Request::new("GET", b"").with_query(asked.as_bytes());
    let asked = run(port.engine.authorize(&request, at(0))).unwrap();
    let client = asked.client();
    assert!(client.is_stranger());
    assert_eq!((client.name(), client.logo_uri()), (Some("App"), Some("https://app.example/logo.png")));
    assert_eq!(regrant::fetch::FetchUrl::parse(client.id()).unwrap().host(), "app.example");
    // RFC 9700 sections 2.1.1 and 4.11.2: PKCE always, and no redirect before a person is there.
    assert_eq!(shown(&port, &query(APP).replace(PKCE, "")).0, 400);
    assert!(port.engine.clients().lets_strangers_in());
}

/// Documents like those that large clients publish.
#[test]
fn documents_that_are_out_there_are_read() {
    let native = [
        ("https://claude.example/oauth/metadata", "http://localhost/callback", "http://localhost:58135/callback"),
        ("https://editor.example/client.json", "http://127.0.0.1/", "http://127.0.0.1:33418/"),
        (
            "https://editor.example/client.json",
            "cursor://anysphere.cursor-mcp/oauth/callback",
            "cursor://anysphere.cursor-mcp/oauth/callback",
        ),
    ];
    for (url, registered, asked) in native {
        let (web, clock) = (Web::default(), Hand::new());
        let mut document = document(url);
        document["redirect_uris"] = json!([registered]);
        web.puts(url, &document);
        let allowed = NativeRedirects::new().with_free_localhost_port(true).with_schemes(["cursor"]);
        let port = port(strangers(&web, &clock).with_native_redirects(allowed));
        let uri: String = form_urlencoded::byte_serialize(asked.as_bytes()).collect();
        let query = format!("response_type=code&client_id={url}&redirect_uri={uri}&state={STATE}{PKCE}");
        let landing = port.approve(&query, Authorization::of("alice"), at(0));
        assert_eq!(landing.uri, asked);
        let code = landing.get("code").unwrap();
        let body = format!("grant_type=authorization_code&code={code}&redirect_uri={uri}&code_verifier={VERIFIER}");
        let tokens = port.token(url, &body, at(1));
        tokens.assert_ok();
        assert_eq!(tokens.text("scope"), "read", "the default of these clients");
    }
}

/// A genuine code or refresh token is the licence to fetch.
#[test]
fn a_restart_logs_nobody_out() {
    let (web, clock) = (Web::usual(), Hand::new());
    let first = port(strangers(&web, &clock));
    let tokens = logged_in(&first);
    let code = first.code(APP, at(1));
    let node = restarted(&first, &web, &clock);
    let renewed = node.refresh(APP, &tokens.refresh_token(), at(2));
    renewed.assert_ok();
    node.redeem(APP, &code, at(3)).assert_ok();
    assert_eq!(web.fetched(), [APP]);
    // The retry of a lost response, too; and revocation, by each kind of token.
    let node = restarted(&first, &web, &clock);
    assert_eq!(node.refresh(APP, &tokens.refresh_token(), at(4)).refresh_token(), renewed.refresh_token());
    let node = restarted(&first, &web, &clock);
    assert_eq!(node.revoke(APP, &renewed.access_token(), at(5)).status, 200);
    assert!(node.bearer(&renewed.access_token(), at(5)).is_err());
    assert_eq!(web.fetches(), 1);
    let node = restarted(&first, &web, &clock);
    assert_eq!(node.revoke(APP, &renewed.refresh_token(), at(6)).status, 200);
    assert_eq!(node.refresh(APP, &renewed.refresh_token(), at(7)).outcome().0, 400);
}

/// Another server's token is no licence, but whoever has one is not logged out by the move: its client is fetched within the limits of
/// what anybody may cause. RFC 6749 section 6.
#[test]
fn a_client_moves_here_with_another_server_s_token() {
    let (web, clock) = (Web::usual(), Hand::new());
    let began = regrant::Timestamp::from_secs(1_590_000_000);
    let old = OldServer::default().ready().with(UUID, APP, "alice", began).with("revoked", APP, "alice", began);
    let open = |store: Arc<Shelf>| {
        port_on(store, strangers(&web, &clock), |builder| {
            builder.root_secret(RootSecret::from_bytes(1, &[2; 32])).foreign_tokens(old.clone())
        })
    };
    let first = open(Arc::default());
    assert_eq!(first.revoke(APP, "revoked", at(0)).status, 200);
    let node = open(Arc::clone(&first.store));
    let tokens = node.refresh(APP, UUID, at(1));
    tokens.assert_ok();
    assert_eq!(web.fetched(), [APP, APP], "by each node");
    let node = open(Arc::clone(&first.store));
    assert_eq!(node.refresh(APP, UUID, at(2)).refresh_token(), tokens.refresh_token(), "a lost response");
    assert_eq!(node.refresh(APP, "revoked", at(3)).outcome(), (400, Some("invalid_grant".into())));
    assert_eq!(web.fetched(), [APP]);
    // A site that is down logs nobody out, and is not asked for ever.
    let node = open(Arc::clone(&first.store));
    web.is_down(true);
    for secs in 4..100 {
        let reply = node.refresh(APP, UUID, at(4 + secs % 2));
        assert_unavailable(&reply);
    }
    assert!(web.fetches() <= 20, "as the URL may cause");
    web.is_down(false);
    node.refresh(APP, &tokens.refresh_token(), at(6)).assert_ok();
    // A code is of no other server.
    web.fetched();
    let node = open(Arc::clone(&first.store));
    let code = "grant_type=authorization_code&code=88642e36&code_verifier=x";
    assert_eq!(node.token(APP, code, at(7)).outcome(), (400, Some("invalid_grant".into())));
    assert!(web.fetched().is_empty());
}

/// Such a token has any form. Where it is that of a token of this engine, under a key that is not here, nobody is told of a key that is missing;
/// where it is that of a JWT, it is revoked as any other (RFC 7009 section 2.1).
#[test]
fn another_server_s_token_may_look_like_one_of_this_server() {
    let (web, clock) = (Web::usual(), Hand::new());
    let began = regrant::Timestamp::from_secs(1_590_000_000);
    let (signing_key, _) = SigningKey::generate(SigningAlgorithm::Es256).unwrap();
    let elsewhere =
        port_on(Arc::default(), strangers(&web, &clock), |builder| builder.key(Key::from_bytes(9, &[1; 32])));
    let like_ours = elsewhere.login(APP, at(0)).refresh_token();
    let old = OldServer::default().ready().with(&like_ours, APP, "alice", began).with("a.b.c", APP, "alice", began);
    let open = || {
        port_on(Arc::default(), strangers(&web, &clock), |builder| {
            let builder = signing(&signing_key, JwtAccessTokens::new())(builder);
            builder.root_secret(RootSecret::from_bytes(1, &[2; 32])).foreign_tokens(old.clone())
        })
    };
    web.fetched();
    let node = open();
    node.refresh(APP, &like_ours, at(1)).assert_ok();
    assert!(!node.events.names().contains(&"UnknownKey".to_owned()));
    let node = open();
    assert_eq!(node.revoke(APP, "a.b.c", at(1)).status, 200);
    assert_eq!(web.fetched(), [APP, APP], "by each node");
    assert_eq!(node.refresh(APP, "a.b.c", at(2)).outcome(), (400, Some("invalid_grant".into())));
}

/// A replay after a restart is a replay.
#[test]
fn a_replay_ends_the_grant_after_a_restart_too() {
    let (web, clock) = (Web::usual(), Hand::new());
    let first = port(strangers(&web, &clock));
    let tokens = logged_in(&first);
    let current = first.refresh(APP, &first.refresh(APP, &tokens.refresh_token(), at(1)).refresh_token(), at(2));
    let node = restarted(&first, &web, &clock);
    assert_eq!(node.refresh(APP, &tokens.refresh_token(), at(200)).outcome(), (400, Some("invalid_grant".into())));
    assert!(node.events.take().iter().any(|event| event.starts_with("ReplayFound")));
    assert_eq!(node.refresh(APP, &current.refresh_token(), at(201)).outcome().0, 400);
}

/// Never `invalid_client`, on which clients throw themselves and their tokens away.
#[test]
fn a_document_that_cannot_be_had_for_an_hour_logs_nobody_out() {
    let (web, clock) = (Web::usual(), Hand::new());
    let first = port(strangers(&web, &clock));
    let mut token = logged_in(&first).refresh_token();
    let code = first.code(APP, at(1));
    web.is_down(true);
    // At hand: it is used past its freshness, while it is tried a few times to get a new one.
    for minute in 0..60 {
        clock.is_at(at(minute * 60));
        token = first.refresh(APP, &token, at(minute * 60)).refresh_token();
    }
    assert!((1..=60).contains(&web.fetches()));
    // Not at hand.
    let node = restarted(&first, &web, &clock);
    clock.is_at(at(2));
    let before = node.store.bytes();
    for _ in 0..50 {
        assert_unavailable(&node.refresh(APP, &token, at(HOUR)));
        assert_unavailable(&node.redeem(APP, &code, at(2)));
        let revoked = node.revoke(APP, &token, at(HOUR));
        assert_unavailable(&revoked);
    }
    assert_eq!(node.store.bytes(), before, "nothing is spent");
    assert_eq!(web.fetches(), 5, "as its budget has it");
    // Where the limit answers, it says after how long.
    let limited = node.refresh(APP, &token, at(HOUR));
    assert_eq!(limited.header("retry-after"), ["60"]);
    web.is_down(false);
    clock.is_at(at(62));
    node.refresh(APP, &token, at(HOUR + 1)).assert_ok();
}

/// OpenID Connect Core section 5.3.3, RFC 9110 section 10.2.3: userinfo says when to come back, as the token endpoint does.
#[test]
fn userinfo_says_when_the_document_may_be_had_again() {
    let (web, clock) = (Web::usual(), Hand::new());
    let (key, _) = SigningKey::generate(SigningAlgorithm::Es256).unwrap();
    let on = |store: &Arc<Shelf>| {
        let key = key.clone();
        port_on(Arc::clone(store), strangers(&web, &clock), |builder| builder.signing_key(key).id_tokens(ScopeAsClaim))
    };
    let first = on(&Arc::default());
    let token = logged_in(&first).access_token();
    let node = on(&first.store);
    web.is_down(true);
    let header = format!("Bearer {token}");
    let request = Request::new("GET", b"").with_header("authorization", header.as_bytes());
    let userinfo = || Reply::of(&run(node.engine.userinfo(&request, at(2))));
    for _ in 0..5 {
        assert_unavailable(&userinfo());
    }
    let limited = userinfo();
    assert_unavailable(&limited);
    assert_eq!(limited.header("retry-after"), ["60"]);
}

/// A good document is used for a day past its freshness, then there is none; still nobody is told to forget anything.
#[test]
fn after_a_day_without_a_document_the_answer_is_to_wait() {
    let (web, clock) = (Web::usual(), Hand::new());
    let port =
        port(strangers(&web, &clock).with_lifetimes(Lifetimes::default().with_idle(Duration::from_secs(30 * DAY))));
    let token = logged_in(&port).refresh_token();
    for body in ["gone", "wrong"] {
        let status = if body == "gone" { 404 } else { 200 };
        web.answers(APP, status, "application/json", body.into());
        clock.is_at(at(600 + DAY));
        assert_unavailable(&port.refresh(APP, &token, at(600 + DAY)));
    }
    web.puts(APP, &document(APP));
    port.refresh(APP, &token, at(600 + DAY + 1)).assert_ok();
}

/// What never waits for somebody else's server.
#[test]
fn access_tokens_and_sessions_never_fetch() {
    let (web, clock) = (Web::usual(), Hand::new());
    let first = port(strangers(&web, &clock));
    let tokens = logged_in(&first);
    let node = restarted(&first, &web, &clock);
    web.is_down(true);
    let access = node.bearer(&tokens.access_token(), at(1)).unwrap();
    assert_eq!((access.client_id(), access.scope().as_str()), (APP, "openid read"));
    let introspected = node.introspect("api", &tokens.access_token(), at(1)).json();
    assert_eq!((&introspected["active"], &introspected["client_id"]), (&json!(true), &json!(APP)));
    assert!(run(node.engine.has_grants_at("alice", APP, at(1))).unwrap());
    let page = run(node.engine.sessions("alice", None, 10, at(1))).unwrap();
    let [session] = &page.sessions[..] else { panic!("one session of {page:?}") };
    assert!(session.client_id() == APP && !session.is_client_at_hand());
    assert_eq!(web.fetches(), 0);
    web.is_down(false);
    node.refresh(APP, &tokens.refresh_token(), at(2)).assert_ok();
    let page = run(node.engine.sessions("alice", None, 10, at(1))).unwrap();
    assert!(page.sessions[0].is_client_at_hand());
    assert!(run(node.engine.end_session("alice", page.sessions[0].id(), regrant::Timestamp::EPOCH)).unwrap());
    assert!(node.bearer(&tokens.access_token(), at(3)).is_err());
}

/// The same where the signature alone is believed, and with hints and revocation by JWTs.
#[test]
fn jwts_of_such_clients_outlive_a_restart() {
    let (web, clock) = (Web::usual(), Hand::new());
    let (key, _) = SigningKey::generate(SigningAlgorithm::Es256).unwrap();
    let store = Arc::new(Shelf::default());
    let alone = || JwtAccessTokens::new().danger_signature_alone();
    let first = port_on(Arc::clone(&store), strangers(&web, &clock), signing(&key, alone()));
    let tokens = logged_in(&first);
    assert_eq!(web.fetches(), 1);
    let node = port_on(Arc::clone(&store), strangers(&web, &clock), signing(&key, alone()));
    assert!(node.bearer(&tokens.access_token(), at(1)).is_ok());
    assert_eq!(web.fetches(), 0);
    // Forged ones license nothing; another's does not either.
    let forged = crate::kit::altered(&tokens.access_token(), 80);
    assert_eq!(node.revoke(APP, &forged, at(1)).status, 200);
    let other = "https://other.example/client.json";
    assert_eq!(node.revoke(other, &tokens.access_token(), at(1)).outcome(), (400, Some("invalid_grant".into())));
    assert_eq!(web.fetches(), 0);
    assert_eq!(node.revoke(APP, &tokens.access_token(), at(1)).status, 200);
    assert_eq!(web.fetched(), [APP]);
}

/// OpenID Connect RP-Initiated Logout 1.0 section 2: a hint is by the engine's key, so nobody has to be asked.
#[test]
fn an_id_token_of_such_a_client_is_a_hint_after_a_restart_too() {
    let (web, clock) = (Web::usual(), Hand::new());
    let (key, _) = SigningKey::generate(SigningAlgorithm::Es256).unwrap();
    let store = Arc::new(Shelf::default());
    let node = || {
        let key = key.clone();
        let with_id_tokens = |builder: EngineBuilder<_, _>| builder.signing_key(key).id_tokens(ScopeAsClaim);
        port_on(Arc::clone(&store), strangers(&web, &clock), with_id_tokens)
    };
    let token = logged_in(&node()).text("id_token");
    web.fetched();
    let node = node();
    for client_id in [None, Some(APP)] {
        let hint = run(node.engine.verify_id_token_hint(&token, client_id)).unwrap();
        assert_eq!((hint.subject(), hint.client_id()), ("alice", APP));
    }
    let other = Some("https://other.example/client.json");
    assert!(run(node.engine.verify_id_token_hint(&token, other)).is_err());
    assert!(run(node.engine.verify_id_token_hint(&altered(&token, 150), None)).is_err());
    assert_eq!(web.fetches(), 0);
}

/// What is in the document now counts.
#[test]
fn a_document_that_changes_is_what_counts() {
    let (web, clock) = (Web::usual(), Hand::new());
    let port = port(strangers(&web, &clock));
    let tokens = logged_in(&port);
    let later = |secs: u64| {
        clock.is_at(at(secs));
        at(secs)
    };
    let mut narrower = document(APP);
    narrower["scope"] = json!("read");
    web.puts(APP, &narrower);
    // Fresh for ten minutes.
    let renewed = port.refresh(APP, &tokens.refresh_token(), later(599));
    assert_eq!(renewed.text("scope"), "openid read");
    let renewed = port.refresh(APP, &renewed.refresh_token(), later(600));
    assert_eq!(renewed.text("scope"), "read");
    assert_eq!(port.bearer(&tokens.access_token(), at(700)).unwrap().scope().as_str(), "read");
    // A redirect URI that is gone, for codes that are out and for requests.
    let asked = query(APP).replace("openid+read", "read");
    let code = port.approve(&asked, Authorization::of("alice"), later(1_190)).get("code").unwrap().to_owned();
    let mut elsewhere = document(APP);
    elsewhere["redirect_uris"] = json!(["https://app.example/elsewhere"]);
    web.puts(APP, &elsewhere);
    assert_eq!(port.redeem(APP, &code, later(1_200)).outcome(), (400, Some("invalid_grant".into())));
    assert_eq!(shown(&port, &query(APP)).0, 400);
    // No refresh tokens any more.
    let mut without = document(APP);
    without["grant_types"] = json!(["authorization_code"]);
    web.puts(APP, &without);
    let refused = port.refresh(APP, &renewed.refresh_token(), later(1_800));
    assert_eq!(refused.outcome(), (400, Some("unauthorized_client".into())));
    web.puts(APP, &document(APP));
    port.refresh(APP, &renewed.refresh_token(), later(2_400)).assert_ok();
}
