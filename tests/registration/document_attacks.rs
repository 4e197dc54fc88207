//! Attacks on what is fetched for clients that are known by a document: strangers who make the server fetch, or who keep it from
//! fetching for others.

use std::future::pending;
use std::net::IpAddr;
use std::sync::Arc;

use regrant::fetch::{DocumentClients, Fetch, FetchError, FetchLimits, FetchResponse, FetchUrl};
use regrant::jwt::{JwtAccessTokens, SigningAlgorithm, SigningKey};
use regrant::{Authorization, Client, Request, RootSecret, StaticClients};
use serde_json::json;

use crate::kit::portal::{CALLBACK, query, redemption, run};
use crate::kit::schedule::run_and_drop;
use crate::kit::{Ask, Reply, SECRET, Shelf, altered, at, forged, form, renewal, scope};
use crate::site::{APP, Hand, Port, Web, by_hand, document, port, port_on, shown, shown_to, strangers};

const EVIL: &str = "https://evil.example/client.json";

fn restarted(port: &Port, web: &Web, clock: &Hand) -> Port {
    web.fetched();
    port_on(Arc::clone(&port.store), strangers(web, clock), |builder| builder)
}

/// The id alone, and whatever is not a token of this very client, starts nothing.
#[test]
fn no_token_request_of_a_stranger_fetches() {
    let (web, clock) = (Web::usual(), Hand::new());
    web.puts(EVIL, &document(EVIL));
    let first = port(strangers(&web, &clock));
    let (tokens, theirs) = (first.login(APP, at(0)), first.login(EVIL, at(0)));
    let (code, their_code) = (first.code(APP, at(0)), first.code(EVIL, at(0)));
    let node = restarted(&first, &web, &clock);
    let (refresh, access) = (tokens.refresh_token(), tokens.access_token());
    let mut sent = Vec::new();
    let made_up = ["", "x", &altered(&refresh, 0), &altered(&refresh, 5), &forged(&refresh), &theirs.refresh_token()];
    for token in
        made_up.into_iter().chain([&*access, &code, "a.b.c", &"A".repeat(43), &"A".repeat(67), &"A".repeat(70)])
    {
        sent.push(renewal(token));
        sent.push(format!("{}&scope=read", renewal(token)));
    }
    for code in ["", "x", &altered(&code, 0), &altered(&code, 5), &forged(&code), &their_code, &*refresh, &*access] {
        sent.push(redemption("x", code));
    }
    for grant_type in ["client_credentials", "password", "urn:ietf:params:oauth:grant-type:device_code", "x"] {
        sent.push(format!("grant_type={grant_type}&code={code}&refresh_token={refresh}"));
    }
    sent.push(format!("code={code}&refresh_token={refresh}"));
    let before = node.store.bytes();
    for body in &sent {
        let reply = node.token(APP, body, at(1));
        assert_eq!(reply.status, 400, "{body}: {reply:?}");
        assert_ne!(reply.text("error"), "invalid_client");
    }
    for token in ["x", &forged(&refresh), &altered(&access, 60), &"A".repeat(67), "a.b.c", &code] {
        assert_eq!(node.revoke(APP, token, at(1)).status, 200, "{token}");
        assert_eq!(node.introspect(APP, token, at(1)).outcome().0, 401, "{token}");
    }
    // Another client's is refused by its name (RFC 7009 section 2.1).
    assert_eq!(node.revoke(APP, &theirs.refresh_token(), at(1)).outcome(), (400, Some("invalid_grant".into())));
    assert_eq!(node.revoke(APP, &theirs.access_token(), at(1)).outcome(), (400, Some("invalid_grant".into())));
    for token in ["x", &*access, "a.b.c"] {
        let _ = node.bearer(token, at(1));
    }
    assert_eq!(web.fetched(), Vec::<String>::new());
    // What was shown is spent by none of it, and nothing is kept (law 20).
    assert_eq!(node.store.bytes(), before);
    node.refresh(APP, &refresh, at(2)).assert_ok();
    node.redeem(APP, &code, at(2)).assert_ok();
    assert_eq!(web.fetched(), [APP]);
}

/// RFC 7009 section 2.2: nor does it change what is said of a token that is another client's and has ended.
#[test]
fn anothers_dead_token_is_invalid_whether_or_not_a_document_is_at_hand() {
    let (key, _) = SigningKey::generate(SigningAlgorithm::Es256).unwrap();
    for jwts in [false, true] {
        let (web, clock) = (Web::usual(), Hand::new());
        web.puts(EVIL, &document(EVIL));
        let on = |store| {
            let key = key.clone();
            port_on(store, strangers(&web, &clock), |builder| {
                if jwts { builder.signing_key(key).jwt_access_tokens(JwtAccessTokens::new()) } else { builder }
            })
        };
        let warm = on(Arc::new(Shelf::default()));
        let theirs = warm.login(EVIL, at(0));
        warm.login(APP, at(0));
        let cold = on(Arc::clone(&warm.store));
        let (alive, long_after) = (at(1), at(100 * 86_400));
        for (now, status) in [(alive, 400), (long_after, 200)] {
            for token in [theirs.access_token(), theirs.refresh_token()] {
                assert_eq!(warm.revoke(APP, &token, now).status, status);
                assert_eq!(cold.revoke(APP, &token, now).status, status);
            }
        }
    }
}

/// Nor of one whose client is gone. Whoever asks hears nothing that is said of clients: on `invalid_client` it would throw itself away.
#[test]
fn a_token_of_a_client_that_is_gone_is_as_invalid_as_any() {
    let (web, clock) = (Web::usual(), Hand::new());
    let gone = Client::public("gone")
        .grant_type("authorization_code")
        .grant_type("refresh_token")
        .redirect_uri(CALLBACK)
        .scope(scope("openid read"));
    let with = StaticClients::new().with(gone.build().unwrap()).unwrap();
    let clients = |by_hand| {
        let clock = clock.clone();
        DocumentClients::new(by_hand, web.clone()).with_scope(scope("openid read")).with_clock(move || clock.read())
    };
    let first = port_on(Arc::new(Shelf::default()), clients(with), |builder| builder);
    let theirs = first.login("gone", at(0));
    let on = || port_on(Arc::clone(&first.store), clients(StaticClients::new()), |builder| builder);
    let (warm, cold) = (on(), on());
    warm.login(APP, at(0));
    for node in [&warm, &cold] {
        assert_eq!(
            node.refresh(APP, &theirs.refresh_token(), at(1)).outcome(),
            (400, Some("invalid_grant".into())),
            "RFC 6749 section 5.2"
        );
        for token in [theirs.access_token(), theirs.refresh_token()] {
            assert_eq!(node.revoke(APP, &token, at(1)).status, 200);
        }
    }
}

/// A document at hand changes no answer: it would tell who was here before.
#[test]
fn what_a_stranger_hears_does_not_tell_whether_a_document_is_at_hand() {
    let (web, clock) = (Web::usual(), Hand::new());
    let warm = port(strangers(&web, &clock));
    let tokens = warm.login(APP, at(0));
    let cold = restarted(&warm, &web, &clock);
    let secret = format!("&client_secret={SECRET}");
    for body in [
        renewal("x"),
        renewal(&forged(&tokens.refresh_token())),
        renewal("x") + &secret,
        "grant_type=client_credentials".into(),
        "grant_type=client_credentials".to_owned() + &secret,
        redemption("x", "x"),
        "token=x".into(),
    ] {
        assert_eq!(warm.token(APP, &body, at(1)), cold.token(APP, &body, at(1)), "{body}");
    }
    for token in ["x", "a.b.c", &forged(&tokens.refresh_token())] {
        assert_eq!(warm.revoke(APP, token, at(1)), cold.revoke(APP, token, at(1)));
        assert_eq!(warm.introspect(APP, token, at(1)), cold.introspect(APP, token, at(1)));
    }
    assert_eq!(web.fetches(), 0);
}

/// Such a client is public: whoever sends a secret is not it.
#[test]
fn a_secret_is_not_believed() {
    let (web, clock) = (Web::usual(), Hand::new());
    let port = port(strangers(&web, &clock));
    let tokens = port.login(APP, at(0));
    let id: String = form_urlencoded::byte_serialize(APP.as_bytes()).collect();
    let basic = form(renewal(&tokens.refresh_token())).basic(&id, SECRET);
    let in_body = form(renewal(&tokens.refresh_token()) + "&client_id=" + APP + "&client_secret=" + SECRET);
    for ask in [basic, in_body] {
        let reply = Reply::of(&run(port.engine.token(&ask.request(), at(1))));
        assert_eq!(reply.outcome(), (401, Some("invalid_client".into())));
    }
    port.refresh(APP, &tokens.refresh_token(), at(1)).assert_ok();
}

/// Strangers spend what is theirs.
#[test]
fn strangers_who_spend_their_fetches_leave_those_with_a_licence() {
    let (web, clock) = (Web::usual(), Hand::new());
    let first = port(strangers(&web, &clock));
    let tokens = first.login(APP, at(0));
    let node = restarted(&first, &web, &clock);
    web.is_down(true);
    // The URL's own limit, and its site's by paths that are made up, from as many addresses.
    let mut answers = Vec::new();
    for n in 0..200_u32 {
        let url = if n < 20 { APP.to_owned() } else { format!("https://app.example/{n}.json") };
        let query = query(&url);
        let peer = IpAddr::from(std::net::Ipv4Addr::from(0xc633_6400 | n));
        let request = Request::new("GET", b"").with_query(query.as_bytes()).with_peer(peer);
        answers.push(shown_to(&node, &request));
    }
    assert_eq!(web.fetches(), 30, "as many as the site may cause at once");
    assert!(answers.iter().all(|(status, ..)| *status == 503));
    assert_eq!(answers[19].2, Some(60), "the URL's limit says after how long");
    assert!(answers.iter().any(|(.., wait)| *wait == Some(2)), "and so does its site's");
    web.is_down(false);
    node.refresh(APP, &tokens.refresh_token(), at(1)).assert_ok();
    assert_eq!(web.fetched(), [APP]);
    // What was fetched is there for those who log in.
    assert!(node.approve(&query(APP), Authorization::of("bob"), at(2)).get("code").is_some());
    assert_eq!(web.fetches(), 0);
}

/// Where the host gives no addresses, one stranger keeps all others waiting: the host hears of it once, and of no limit that it set itself.
#[test]
fn a_limit_that_all_share_is_told_once() {
    for (gives_addresses, told) in [(false, 1), (true, 0)] {
        let (web, clock) = (Web::usual(), Hand::new());
        let port = port(strangers(&web, &clock));
        web.is_down(true);
        for n in 0..20_u32 {
            let query = query(APP);
            let request = Request::new("GET", b"").with_query(query.as_bytes());
            let peer = IpAddr::from(std::net::Ipv4Addr::from(0xc633_6400 | n));
            let request = if gives_addresses { request.with_peer(peer) } else { request };
            let (status, ..) = shown_to(&port, &request);
            assert_eq!(status, 503);
            let so_far = port.events.names().iter().filter(|name| *name == "PeerUnknown").count();
            assert_eq!(so_far, if n == 5 { told } else { 0 }, "five fetches of one URL at once, and then: {n}");
        }
    }
}

/// One network is one asker.
#[test]
fn an_address_causes_no_more_fetches_than_its_share() {
    for network in [false, true] {
        let (web, clock) = (Web::default(), Hand::new());
        let port = port(strangers(&web, &clock));
        for n in 0..100_u16 {
            let query = query(&format!("https://site-{n}.example/client.json"));
            let last = if network { n } else { 1 };
            let peer = IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, last]);
            let request = Request::new("GET", b"").with_query(query.as_bytes()).with_peer(peer);
            assert_eq!(shown_to(&port, &request).0, 503);
        }
        assert_eq!(web.fetches(), 20);
        // Another network has its own.
        let query = query("https://other.example/client.json");
        let peer = IpAddr::from([0x2001, 0xdb8, 0, 2, 0, 0, 0, 1]);
        shown_to(&port, &Request::new("GET", b"").with_query(query.as_bytes()).with_peer(peer));
        assert_eq!(web.fetches(), 1);
    }
}

/// Nor by a page that comes back, after a restart.
#[test]
fn a_form_is_of_the_address_that_it_comes_from() {
    let (web, clock) = (Web::default(), Hand::new());
    let node = || {
        port_on(Shelf::default().into(), strangers(&web, &clock), |builder| {
            builder.root_secret(RootSecret::from_bytes(7, &[7; 32]))
        })
    };
    let first = node();
    let mut handles = Vec::new();
    for n in 0..30 {
        let url = format!("https://site-{n}.example/client.json");
        web.puts(&url, &document(&url));
        let query = query(&url);
        let asked = run(first.engine.authorize(&Request::new("GET", b"").with_query(query.as_bytes()), at(0))).unwrap();
        handles.push(first.engine.interaction_handle(&asked, at(0)).unwrap());
    }
    let after = node();
    web.is_down(true);
    web.fetched();
    let resumed = |handle: &str, peer: [u8; 4]| {
        let interaction = after.engine.open_interaction(handle, at(1)).unwrap().with_peer(peer.into());
        run(after.engine.resume(&interaction)).map(drop)
    };
    for handle in &handles {
        let Err(regrant::AuthorizationError::Show(error)) = resumed(handle, [192, 0, 2, 1]) else {
            panic!("it is down")
        };
        assert_eq!(error.status(), 503);
    }
    assert_eq!(web.fetches(), 20);
    assert!(resumed(&handles[0], [192, 0, 2, 2]).is_err());
    assert_eq!(web.fetches(), 1);
    // What is limited is one address, and the host has said which.
    for n in 3..=20 {
        assert!(resumed(&handles[0], [192, 0, 2, n]).is_err());
    }
    assert!(web.fetches() < 18, "the limit of the URL");
    assert!(!after.events.names().iter().any(|name| name == "PeerUnknown"));
}

/// Documents of clients with logins are evicted last.
#[test]
fn a_flood_of_documents_displaces_none_that_is_in_use() {
    let (web, clock) = (Web::usual(), Hand::new());
    let port = port(strangers(&web, &clock).with_room(10));
    let tokens = port.login(APP, at(0));
    for n in 0..500 {
        let url = format!("https://site-{n}.example/client.json");
        web.puts(&url, &document(&url));
        let query = query(&url);
        assert!(run(port.engine.authorize(&Request::new("GET", b"").with_query(query.as_bytes()), at(0))).is_ok());
    }
    web.fetched();
    port.refresh(APP, &tokens.refresh_token(), at(1)).assert_ok();
    assert_eq!(web.fetches(), 0);
    let debug = format!("{:?}", port.engine.clients());
    assert!(debug.contains("kept: 10"), "{debug}");
}

/// What one site says is believed of that site's ids alone.
#[test]
fn no_document_says_anything_of_another_id() {
    let (web, clock) = (Web::usual(), Hand::new());
    let port = port(strangers(&web, &clock));
    let mut poison = document(APP);
    poison["redirect_uris"] = json!(["https://evil.example/cb"]);
    web.puts(EVIL, &poison);
    // Whichever is first.
    for _ in 0..2 {
        assert_eq!(shown(&port, &query(EVIL)).0, 400);
        let stolen = query(APP).replace("https://portal.example/cb", "https://evil.example/cb");
        assert_eq!(shown(&port, &stolen), (400, "the redirect_uri is not one that the client has registered", None));
        port.login(APP, at(0)).assert_ok();
    }
    // Ids that differ in a byte are two.
    for other in
        ["https://app.example/client.json?", "https://app.example//client.json", "https://app.example:8443/client.json"]
    {
        assert_eq!(shown(&port, &query(other)).0, 503, "{other}: fetched for itself");
    }
    // A token of one is not the other's.
    web.puts(EVIL, &document(EVIL));
    let tokens = port.login(APP, at(0));
    assert_eq!(port.refresh(EVIL, &tokens.refresh_token(), at(1)).outcome(), (400, Some("invalid_grant".into())));
}

/// Somebody with a code or token of the client who hangs up each time, before the site has answered: the fetch is there for the others.
#[test]
fn hanging_up_keeps_no_client_out() {
    let (web, clock) = (Web::usual(), Hand::new());
    let first = port(strangers(&web, &clock));
    let mut tokens = first.login(APP, at(0));
    for secs in [1, 59, 60, 61, 600] {
        let node = restarted(&first, &web, &clock);
        web.hangs(true);
        for n in 0..=secs {
            clock.is_at(at(n));
            let ask = form(renewal(&tokens.refresh_token()) + "&client_id=" + APP);
            assert!(run_and_drop(node.engine.token(&ask.request(), at(n)), 50).is_none(), "{n}");
        }
        web.hangs(false);
        tokens = node.refresh(APP, &tokens.refresh_token(), at(secs));
        tokens.assert_ok();
        assert!(web.fetches() as u64 <= 1 + secs / 60);
    }
}

/// The same of strangers, at the page.
#[test]
fn hanging_up_keeps_nobody_from_logging_in() {
    let (web, clock) = (Web::usual(), Hand::new());
    let port = port(strangers(&web, &clock));
    let query = query(APP);
    web.hangs(true);
    for n in 0..20_u32 {
        let peer = IpAddr::from(std::net::Ipv4Addr::from(0xc633_6400 | n));
        let request = Request::new("GET", b"").with_query(query.as_bytes()).with_peer(peer);
        assert!(run_and_drop(port.engine.authorize(&request, at(0)), 50).is_none());
    }
    web.hangs(false);
    port.login(APP, at(0)).assert_ok();
    assert_eq!(web.fetches(), 1);
}

/// A site that does not answer, ever.
struct Stuck;

impl Fetch for Stuck {
    async fn fetch(&self, _: &FetchUrl, _: &FetchLimits) -> Result<FetchResponse, FetchError> {
        pending().await
    }

    /// Stands for one that is a task.
    fn goes_on_unpolled(&self) -> bool {
        true
    }
}

/// Law 18, and nobody waits for a client that is somebody else's.
#[test]
fn a_site_that_never_answers_holds_up_its_own_clients_alone() {
    let (web, clock) = (Web::usual(), Hand::new());
    let first = port(strangers(&web, &clock));
    let tokens = first.login(APP, at(0));
    let clients = DocumentClients::new(by_hand(), Stuck).with_clock(|| at(0));
    let stuck = port_on(Arc::clone(&first.store), clients, |builder| builder.grant_handler(crate::kit::Password));
    let before = stuck.store.bytes();
    let ask = form(renewal(&tokens.refresh_token()) + "&client_id=" + APP);
    let request = ask.request();
    for n in 0..20 {
        // Its client gives up, and tries again: it waits for the same fetch.
        let status = run_and_drop(stuck.engine.token(&request, at(1)), 50).map(|response| response.status());
        assert_eq!(status, None, "{n}");
    }
    assert_eq!(stuck.store.bytes(), before);
    let login = form(crate::kit::LOGIN).basic("app", SECRET);
    Reply::of(&run(stuck.engine.token(&login.request(), at(1)))).assert_ok();
    assert!(stuck.bearer(&tokens.access_token(), at(1)).is_ok());
    first.refresh(APP, &tokens.refresh_token(), at(2)).assert_ok();
}

/// What holds of strangers holds of these; no grants but those of a person who was asked.
#[test]
fn such_a_client_gets_nothing_without_a_person() {
    let (web, clock) = (Web::usual(), Hand::new());
    let mut greedy = document(APP);
    greedy["grant_types"] = json!(["authorization_code", "refresh_token", "client_credentials", "password"]);
    web.puts(APP, &greedy);
    let store = Arc::new(Shelf::default());
    let port = port_on(store, strangers(&web, &clock), |builder| {
        builder.grant_handler(regrant::engine::ClientCredentials).grant_handler(crate::kit::Password)
    });
    port.login(APP, at(0)).assert_ok();
    let login = format!("{}&client_id={APP}", crate::kit::LOGIN);
    let asks: [Ask; 2] = [form(format!("grant_type=client_credentials&client_id={APP}")), form(login)];
    for ask in asks {
        let reply = Reply::of(&run(port.engine.token(&ask.request(), at(1))));
        assert_eq!(reply.outcome(), (400, Some("unauthorized_client".into())));
    }
}
