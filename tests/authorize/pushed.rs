//! Pushed authorization requests: RFC 9126.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use regrant::client::ClientBuilder;
use regrant::engine::{Person, RenewalPolicy, ShownError};
use regrant::http::EndpointService;
use regrant::{
    Authorization, AuthorizationError, BuildError, Client, Denial, Endpoints, Engine, EngineBuilder, MemoryStore,
    Request, RootSecret, StaticClients, Timestamp,
};
use serde_json::{Value, json};

use crate::kit::portal::{
    CALLBACK, CHALLENGE, ISSUER, Landing, NONCE, OnShelf, PKCE, Portal, STATE, from, portal, portal_as, query, run,
};
use crate::kit::{Ask, Reply, SECRET, Shelf, World, at, form, scope, secret};
use crate::link::asked;

type Builder = EngineBuilder<Arc<Shelf>, StaticClients>;

/// What another engine is built with.
type Change = fn(Builder) -> Builder;

const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";

fn root(id: u8) -> RootSecret {
    RootSecret::from_bytes(id, &[id; 32])
}

/// The second root secret, while the first is accepted until then.
fn replaced(builder: Builder, until: Timestamp) -> Builder {
    builder.root_secret(root(2)).accept_root(root(1), until).subject_secret(root(1).subject_secret())
}

/// Anybody's.
fn stranger() -> ClientBuilder {
    let stranger = Client::public("stranger").stranger(true).name("Anybody").scope(scope("read"));
    stranger.grant_type("authorization_code").redirect_uri("https://anybody.example/cb")
}

fn on(store: &Arc<Shelf>, change: impl FnOnce(Builder) -> Builder) -> OnShelf {
    with([strict()], store, change)
}

fn with(
    clients: impl IntoIterator<Item = ClientBuilder>,
    store: &Arc<Shelf>,
    change: impl FnOnce(Builder) -> Builder,
) -> OnShelf {
    let pushing = |builder: Builder| change(builder.root_secret(root(1)).pushed_authorization_requests());
    Portal::new(Arc::clone(store), clients, pushing)
}

/// Only what it pushed counts.
fn strict() -> ClientBuilder {
    let strict = Client::public("strict").grant_type("authorization_code").redirect_uri("https://strict.example/cb");
    strict.require_pushed_authorization_requests(true)
}

fn world() -> OnShelf {
    on(&Arc::default(), |builder| builder)
}

fn push(world: &OnShelf, ask: &Ask, now: Timestamp) -> Reply {
    let reply = Reply::of(&run(world.engine.push(&ask.request(), now)));
    assert_eq!(
        (reply.header("content-type"), reply.header("cache-control")),
        (vec!["application/json"], vec!["no-store"])
    );
    reply
}

/// The `request_uri` of what a client pushed.
#[track_caller]
fn pushed(world: &OnShelf, client_id: &str, body: &str, now: Timestamp) -> String {
    let reply = push(world, &from(client_id, body), now);
    assert_eq!(reply.status, 201, "{}", String::from_utf8_lossy(&reply.body));
    let uri = reply.text("request_uri");
    assert!(uri.starts_with(PREFIX) && uri.len() < 4_200, "{uri}");
    uri
}

/// What the browser comes with.
fn arrives(client_id: &str, uri: &str) -> String {
    let uri: String = form_urlencoded::byte_serialize(uri.as_bytes()).collect();
    format!("client_id={client_id}&request_uri={uri}")
}

/// What a page says of a request that is nobody's to redirect.
#[track_caller]
fn shown(world: &OnShelf, query: &str, now: Timestamp) -> (u16, String) {
    match asked(world, query, now, async |_| ()) {
        Err(AuthorizationError::Show(error)) => {
            assert!(error.way_on().is_none());
            (error.status(), error.code().as_str().to_owned())
        }
        other => panic!("{other:?} of {query}"),
    }
}

fn approved(world: &OnShelf, query: &str, person: &str, arrival: u64, now: u64) -> Result<Landing, ShownError> {
    let alice = || Authorization::of(person).with_page_shown();
    asked(world, query, at(arrival), async |asked| {
        let approval = world.engine.approve(asked, alice(), at(now)).await?;
        Ok(Landing::of(&approval.response))
    })
    .unwrap()
}

fn gone() -> (u16, String) {
    (400, "invalid_request_uri".into())
}

/// Sections 2.2 and 4.
#[test]
fn what_was_pushed_is_what_is_asked() {
    let world = world();
    let reply = push(&world, &from("portal", &query("portal")), at(0));
    assert_eq!((reply.status, &reply.json()["expires_in"]), (201, &json!(60)));
    assert_eq!(reply.json().len(), 2);
    let uri = reply.text("request_uri");
    for said in ["portal", STATE, NONCE, CHALLENGE, "openid"] {
        assert!(!uri.contains(said), "{said}");
    }
    assert!(world.store.grants().is_empty(), "nothing is kept");
    let landing = asked(&world, &arrives("portal", &uri), at(1), async |asked| {
        assert!(asked.was_pushed());
        assert_eq!((asked.client().id(), asked.redirect_uri()), ("portal", CALLBACK));
        assert_eq!((asked.scope().as_str(), asked.parameter("nonce")), ("openid read", Some(NONCE)));
        assert_eq!((asked.parameter("client_secret"), asked.parameter("request_uri")), (None, None));
        let approval = world.engine.approve(asked, Authorization::of("alice"), at(2)).await.unwrap();
        Landing::of(&approval.response)
    })
    .unwrap();
    assert_eq!((landing.uri.as_str(), landing.get("state"), landing.get("iss")), (CALLBACK, Some(STATE), Some(ISSUER)));
    world.redeem("portal", landing.get("code").unwrap(), at(3)).assert_ok();
}

/// Section 2.1: what is repeated is repeated when the browser comes, though one of it is empty. As `token/code_attacks.rs` has it of requests
/// that are not pushed.
#[test]
fn what_is_pushed_twice_counts_as_little_as_what_is_sent_twice() {
    for (asks, renews) in [
        ("&keep=true", true),
        ("", false),
        ("&keep=", false),
        ("&keep=true&keep=true", false),
        ("&keep=&keep=true", false),
        ("&keep=true&ke%65p=", false),
        ("&keep=True", false),
        ("&keep=+true", false),
        ("&Keep=true", false),
    ] {
        let world = on(&Arc::default(), |builder| builder.renewal(RenewalPolicy::OptIn("keep".into())));
        let uri = pushed(&world, "portal", &format!("{}&hint=&hint=x&empty={asks}", query("portal")), at(0));
        let landing = asked(&world, &arrives("portal", &uri), at(1), async |asked| {
            assert_eq!(asked.parameter("hint"), None, "one of the host's own");
            let approval = world.engine.approve(asked, Authorization::of("alice"), at(2)).await.unwrap();
            Landing::of(&approval.response)
        });
        let token = world.redeem("portal", landing.unwrap().get("code").unwrap(), at(3)).refresh_token();
        assert_eq!(world.refresh("portal", &token, at(4)).status == 200, renews, "{asks}");
    }
}

/// "Beside `request_uri` only `client_id` counts": section 4, RFC 9101 section 5.
#[test]
fn nothing_beside_it_counts() {
    let world = world();
    let uri = pushed(&world, "portal", &query("portal"), at(0));
    for beside in [
        "&scope=write&state=another&redirect_uri=https://evil.example/cb",
        "&scope=read&scope=write",
        "&response_type=token",
        "&prompt=none+login&max_age=soon",
        "&state=a b",
    ] {
        asked(&world, &format!("{}{beside}", arrives("portal", &uri)), at(1), async |asked| {
            assert_eq!((asked.scope().as_str(), asked.redirect_uri()), ("openid read", CALLBACK), "{beside}");
            assert_eq!(asked.parameter("state"), Some(STATE), "{beside}");
        })
        .unwrap();
    }
    let twice = format!("{}&request_uri=x", arrives("portal", &uri));
    assert_eq!(shown(&world, &twice, at(1)), (400, "invalid_request".into()));
}

/// A form that was posted counts as well as a query (RFC 6749 section 3.1), and a query beside it does not.
#[test]
fn a_browser_may_come_by_post() {
    let world = world();
    let body = arrives("portal", &pushed(&world, "portal", &query("portal"), at(0)));
    let ask = form(&body);
    let asked = run(world.engine.authorize(&ask.request().with_query(b"client_id=rival"), at(1))).unwrap();
    assert_eq!(asked.client().id(), "portal");
}

/// Sections 2.1 and 2.3: the endpoint refuses what the authorization endpoint would, as JSON.
#[test]
fn each_fault_of_a_request_is_told_at_once() {
    let world = world();
    let good = query("portal");
    let without = |name: &str| {
        let kept: Vec<&str> = good.split('&').filter(|pair| !pair.starts_with(name)).collect();
        kept.join("&")
    };
    let with = |more: &str| format!("{good}{more}");
    let rows: [(&str, Ask, u16, &str); 22] = [
        ("section 2: POST alone", from("portal", &good).method("GET"), 405, "invalid_request"),
        ("section 2: a form", from("portal", &good).content_type("application/json"), 400, "invalid_request"),
        ("section 2.3: too large", from("portal", &with(&"&x=1".repeat(70))), 413, "invalid_request"),
        ("4 KiB sealed", from("portal", &with(&format!("&claims={}", "x".repeat(3_000)))), 413, "invalid_request"),
        ("section 2.1: a wrong secret", form(&good).basic("portal", "wrong"), 401, "invalid_client"),
        ("no authentication", form(&good), 401, "invalid_client"),
        ("two of them", from("portal", &with("&client_secret=x")), 400, "invalid_request"),
        ("an unknown client", form(good.replace("portal&", "nobody&")), 401, "invalid_client"),
        ("another client id", from("rival", &good), 400, "invalid_request"),
        ("section 2.1: a request_uri", from("portal", &with("&request_uri=urn:x")), 400, "invalid_request"),
        ("an empty one, too", from("portal", &with("&request_uri=")), 400, "invalid_request"),
        ("a request object", from("portal", &with("&request=e30.e30.")), 400, "request_not_supported"),
        ("a repeated parameter", from("portal", &with("&state=2")), 400, "invalid_request"),
        ("a control character", from("portal", &with("&login_hint=%00")), 400, "invalid_request"),
        (
            "no redirect URI of its own",
            from("portal", &good.replace("portal.example", "evil.example")),
            400,
            "invalid_request",
        ),
        ("no response type", from("portal", &without("response_type")), 400, "invalid_request"),
        ("another response type", from("portal", &good.replace("=code&", "=token&")), 400, "unsupported_response_type"),
        ("a response mode that is off", from("portal", &with("&response_mode=form_post")), 400, "invalid_request"),
        ("no challenge", form(query("native").replace(PKCE, "")), 400, "invalid_request"),
        (
            "a scope that it may not have",
            from("portal", &good.replace("openid+read", "read+admin")),
            400,
            "invalid_scope",
        ),
        (
            "a client without codes",
            from("api", &format!("response_type=code&client_id=api{PKCE}")),
            400,
            "invalid_request",
        ),
        ("a malformed prompt", from("portal", &with("&prompt=none+login")), 400, "invalid_request"),
    ];
    for (name, ask, status, code) in rows {
        let reply = push(&world, &ask, at(0));
        assert_eq!(reply.outcome(), (status, Some(code.into())), "{name}: {}", String::from_utf8_lossy(&reply.body));
        assert_eq!(reply.header("allow").is_empty(), status != 405, "{name}");
    }
    assert!(world.store.grants().is_empty());
    assert!(world.events.take().iter().all(|event| event.starts_with("Refused") && !event.contains(STATE)));
}

#[test]
fn off_until_asked_for() {
    let world = OnShelf::on_shelf(|builder| builder.root_secret(root(1)));
    assert_eq!(push(&world, &from("portal", &query("portal")), at(0)).outcome(), (404, Some("invalid_request".into())));
    // As it was before there were any.
    let landing = world.refused(&format!("{}&request_uri={PREFIX}x", query("portal"))).unwrap();
    assert_eq!(landing.get("error"), Some("request_uri_not_supported"));
    let builder = || Engine::builder(MemoryStore::new(), StaticClients::new()).issuer(ISSUER).root_secret(root(1));
    let without_codes = builder().pushed_authorization_requests().build().unwrap();
    assert_eq!(without_codes.blocking().push(&Request::new("POST", b""), at(0)).unwrap().status(), 404);
    let unsealed = Engine::builder(MemoryStore::new(), StaticClients::new()).pushed_authorization_requests();
    assert_eq!(unsealed.build().unwrap_err(), BuildError::RootSecretRequired);
    for millis in [0, 999, 1_500, 601_000] {
        let odd = builder().pushed_request_lifetime(Duration::from_millis(millis));
        assert_eq!(odd.build().unwrap_err(), BuildError::PushedRequestLifetime, "{millis}");
    }
}

/// By reference to a client's own server (RFC 9101 section 5.2) nothing is fetched.
#[test]
fn a_request_uri_of_elsewhere_is_refused() {
    let world = world();
    for uri in ["https://portal.example/request.jwt", "urn:example:1", "urn:ietf:params:oauth:request_uri"] {
        let landing = world.refused(&format!("{}&request_uri={uri}", query("portal"))).unwrap();
        assert_eq!(landing.get("error"), Some("request_uri_not_supported"), "{uri}");
    }
}

/// It counts at its first arrival, and opens again within its time: sections 4 and 7.3.
#[test]
fn it_lives_for_a_minute_and_its_page_for_longer() {
    let world = world();
    let uri = pushed(&world, "portal", &query("portal"), at(0));
    let browser = arrives("portal", &uri);
    // A reload.
    for now in [0, 30, 59] {
        assert!(asked(&world, &browser, at(now), async |_| ()).is_ok(), "{now}");
    }
    assert_eq!(shown(&world, &browser, at(60)), gone());
    // A person who takes longer than the request lives gets in.
    let handle = asked(&world, &browser, at(59), async |asked| world.engine.interaction_handle(asked, at(59)).unwrap());
    let handle = handle.unwrap();
    let late = world.engine.open_interaction(&handle, at(60 + 1_799)).unwrap();
    let resumed = run(world.engine.resume(&late)).unwrap();
    assert!(resumed.was_pushed());
    let approval = run(world.engine.approve(&resumed, Authorization::of("alice"), at(60 + 1_799))).unwrap();
    let code = Landing::of(&approval.response).get("code").unwrap().to_owned();
    world.redeem("portal", &code, at(60 + 1_800)).assert_ok();
    assert!(world.engine.open_interaction(&handle, at(60 + 1_800)).is_err());

    let world = on(&Arc::default(), |builder| builder.pushed_request_lifetime(Duration::from_secs(599)));
    let reply = push(&world, &from("portal", &query("portal")), at(0));
    assert_eq!(reply.json()["expires_in"], json!(599));
    let browser = arrives("portal", &reply.text("request_uri"));
    assert!(asked(&world, &browser, at(598), async |_| ()).is_ok());
    assert_eq!(shown(&world, &browser, at(599)), gone());
}

/// Section 7.3: whichever way the page came back, and however often it was shown, one person has one answer.
#[test]
fn it_is_approved_once() {
    let world = world();
    let browser = arrives("portal", &pushed(&world, "portal", &query("portal"), at(0)));
    let handle =
        |now| asked(&world, &browser, at(now), async |asked| world.engine.interaction_handle(asked, at(now)).unwrap());
    let (first_page, second_page) = (handle(1).unwrap(), handle(20).unwrap());
    let code = approved(&world, &browser, "alice", 1, 30).unwrap().get("code").unwrap().to_owned();
    // The answer got lost: the same one again, from a reload and from either page.
    assert_eq!(approved(&world, &browser, "alice", 40, 41).unwrap().get("code"), Some(&*code));
    for page in [&first_page, &second_page] {
        let interaction = world.engine.open_interaction(page, at(50)).unwrap();
        let resumed = run(world.engine.resume(&interaction)).unwrap();
        let again = run(world.engine.approve(&resumed, Authorization::of("alice"), at(50))).unwrap();
        assert_eq!(Landing::of(&again.response).get("code"), Some(&*code));
        let other = run(world.engine.approve(&resumed, Authorization::of("mallory"), at(50))).unwrap_err();
        assert_eq!((other.status(), other.way_on().is_some()), (400, false));
        let no = run(world.engine.deny(&resumed, Denial::AccessDenied, Person::LoggedIn("alice"), at(50)));
        assert_eq!(no.unwrap_err().status(), 400);
    }
    assert_eq!(approved(&world, &browser, "mallory", 59, 59).unwrap_err().status(), 400);
    world.redeem("portal", &code, at(60)).assert_ok();
    let interaction = world.engine.open_interaction(&second_page, at(100)).unwrap();
    let resumed = run(world.engine.resume(&interaction)).unwrap();
    assert!(run(world.engine.approve(&resumed, Authorization::of("alice"), at(100))).is_err(), "it was redeemed");
    assert_eq!(world.store.grants().iter().filter(|grant| grant.subject().is_some()).count(), 1);
    // Another push of the same is another request.
    let other = arrives("portal", &pushed(&world, "portal", &query("portal"), at(0)));
    assert_ne!(other, browser);
    assert!(approved(&world, &other, "mallory", 1, 1).unwrap().get("code").is_some_and(|other| other != code));
}

/// Section 2.2: "bound to the client that posted the authorization request". And to the engine that sealed it.
#[test]
fn only_its_client_at_this_engine_opens_it() {
    let store = Arc::new(Shelf::default());
    let world = on(&store, |builder| builder);
    let uri = pushed(&world, "portal", &query("portal"), at(0));
    assert_eq!(shown(&world, &arrives("rival", &uri), at(1)), gone(), "another client, of the same redirect URI");
    let others: [(&str, Change); 5] = [
        ("realm", |builder| builder.realm("shop")),
        ("root", |builder| builder.root_secret(root(2))),
        ("root of this id", |builder| builder.root_secret(RootSecret::from_bytes(1, &[9; 32]))),
        ("issuer", |builder| builder.issuer("https://other.example")),
        ("a root that is gone", |builder| replaced(builder, at(1))),
    ];
    for (name, other) in others {
        assert_eq!(shown(&on(&store, other), &arrives("portal", &uri), at(1)), gone(), "{name}");
    }
    let next = on(&store, |builder| replaced(builder, at(60)));
    assert!(asked(&next, &arrives("portal", &uri), at(1), async |_| ()).is_ok());
    // A handle of a page is no request_uri, though the same secret seals it, and the other way round.
    let handle =
        asked(&world, &query("portal"), at(0), async |asked| world.engine.interaction_handle(asked, at(0)).unwrap());
    assert_eq!(shown(&world, &arrives("portal", &format!("{PREFIX}{}", handle.unwrap())), at(1)), gone());
    assert!(world.engine.open_interaction(&uri[PREFIX.len()..], at(1)).is_err());
    for place in PREFIX.len()..uri.len() {
        let mut altered = uri.clone();
        let other = if &uri[place..=place] == "A" { "B" } else { "A" };
        altered.replace_range(place..=place, other);
        assert_eq!(shown(&world, &arrives("portal", &altered), at(1)), gone(), "{place}");
    }
    for cut in [PREFIX.len(), PREFIX.len() + 40, uri.len() - 1] {
        assert_eq!(shown(&world, &arrives("portal", &uri[..cut]), at(1)), gone(), "{cut}");
    }
    assert_eq!(shown(&world, &arrives("portal", &format!("{PREFIX}{}", "A".repeat(5_000))), at(1)), gone());
    assert!(store.grants().is_empty());
}

/// Section 4: validated as any other. What the client had when it pushed, it may have no longer.
#[test]
fn what_the_client_may_do_is_checked_again() {
    let world = Portal::changing(|builder| builder.root_secret(root(1)).pushed_authorization_requests());
    let reply = Reply::of(&run(world.engine.push(&from("portal", &query("portal")).request(), at(0))));
    let browser = arrives("portal", &reply.text("request_uri"));
    let refused = |now: u64| {
        let request = Request::new("GET", b"").with_query(browser.as_bytes());
        match run(world.engine.authorize(&request, at(now))) {
            Ok(_) => None,
            Err(AuthorizationError::Redirect(response)) => Landing::of(&response).get("error").map(String::from),
            Err(AuthorizationError::Show(error)) => Some(format!("shown {}", error.status())),
        }
    };
    assert_eq!(refused(1), None);
    world.set(portal().scope(scope("write")).default_scope(scope("write")));
    assert_eq!(refused(1), Some("invalid_scope".into()));
    let moved = Client::confidential("portal").secret(crate::kit::secret(crate::kit::SECRET));
    world.set(moved.grant_type("authorization_code").redirect_uri("https://portal.example/other"));
    assert_eq!(refused(1), Some("shown 400".into()));
    // Between the page and the decision, too.
    world.set(portal());
    let request = Request::new("GET", b"").with_query(browser.as_bytes());
    let asked = run(world.engine.authorize(&request, at(2))).unwrap();
    let handle = world.engine.interaction_handle(&asked, at(2)).unwrap();
    world.set(portal().no_logins_from(at(5)));
    let interaction = world.engine.open_interaction(&handle, at(6)).unwrap();
    let resumed = run(world.engine.resume(&interaction)).unwrap();
    let approval = run(world.engine.approve(&resumed, Authorization::of("alice"), at(6))).unwrap();
    assert_eq!(Landing::of(&approval.response).get("error"), Some("unauthorized_client"));
}

/// Sections 5 and 6.
#[test]
fn who_must_push_is_refused_otherwise() {
    let world = world();
    let asks = format!("response_type=code&state={STATE}{PKCE}");
    let landing = world.refused(&format!("{asks}&client_id=strict")).unwrap();
    assert_eq!((landing.get("error"), landing.get("state")), (Some("invalid_request"), Some(STATE)));
    let browser = arrives("strict", &pushed(&world, "strict", &asks, at(0)));
    let handle = asked(&world, &browser, at(1), async |asked| world.engine.interaction_handle(asked, at(1)).unwrap());
    // The page comes back with what was pushed, and is asked for nothing more.
    let interaction = world.engine.open_interaction(&handle.unwrap(), at(2)).unwrap();
    let resumed = run(world.engine.resume(&interaction)).unwrap();
    assert!(run(world.engine.approve(&resumed, Authorization::of("alice"), at(2))).unwrap().grant.is_some());

    let clients = |builder: Builder| builder.root_secret(root(1)).require_pushed_authorization_requests();
    let world = OnShelf::on_shelf(clients);
    assert_eq!(world.refused(&query("portal")).unwrap().get("error"), Some("invalid_request"));
    assert!(
        asked(&world, &arrives("portal", &pushed(&world, "portal", &query("portal"), at(0))), at(1), async |_| ())
            .is_ok()
    );
    // A page that was shown before all of them had to: it is a request that was not pushed.
    let store = Arc::new(Shelf::default());
    let before = on(&store, |builder| builder);
    let handle =
        asked(&before, &query("portal"), at(0), async |asked| before.engine.interaction_handle(asked, at(0)).unwrap());
    let after = on(&store, Builder::require_pushed_authorization_requests);
    let interaction = after.engine.open_interaction(&handle.unwrap(), at(1)).unwrap();
    assert!(run(after.engine.resume(&interaction)).is_err());
}

/// Law 20 has more of it: strangers push as much as they like.
#[test]
fn a_stranger_stores_nothing() {
    let world = with([stranger()], &Arc::default(), |builder| builder);
    let asks = format!("response_type=code{PKCE}&redirect_uri=https://anybody.example/cb");
    for _ in 0..50 {
        let browser = arrives("stranger", &pushed(&world, "stranger", &asks, at(0)));
        assert!(asked(&world, &browser, at(1), async |_| ()).is_ok());
        let denied = asked(&world, &browser, at(1), async |asked| {
            world.engine.deny(asked, Denial::AccessDenied, Person::AtThePage, at(1)).await
        });
        assert!(denied.unwrap().is_ok());
    }
    assert!(world.store.bytes().is_empty());
}

/// A request that lists nothing of what the client is authenticated by, and keeps what the host's page reads.
#[test]
fn credentials_are_not_sealed() {
    let world = world();
    let body = format!("{}&client_secret={}&ui_theme=dark&empty=", query("portal"), crate::kit::SECRET);
    let uri = push(&world, &form(&body), at(0)).text("request_uri");
    asked(&world, &arrives("portal", &uri), at(1), async |asked| {
        assert_eq!((asked.parameter("client_secret"), asked.parameter("ui_theme")), (None, Some("dark")));
        assert!(asked.carried().any(|pair| pair == ("client_id", "portal")));
    })
    .unwrap();
}

/// Section 5.
#[test]
fn metadata_say_where_and_whether() {
    let documents = |change: fn(Builder) -> Builder| {
        let aliases = Endpoints::new().with_pushed_authorization("https://mtls.id.example/par");
        let endpoints = Endpoints::new().with_authorization("/authorize").with_pushed_authorization("/par");
        let endpoints = endpoints.with_mtls_aliases(aliases);
        let world = OnShelf::on_shelf(|builder| change(builder.root_secret(root(1)).endpoints(endpoints)));
        serde_json::from_slice::<Value>(world.engine.metadata().unwrap().body()).unwrap()
    };
    let (place, required) = ("pushed_authorization_request_endpoint", "require_pushed_authorization_requests");
    let off = documents(|builder| builder);
    assert_eq!((off.get(place), off.get(required)), (None, None));
    let on = documents(Builder::pushed_authorization_requests);
    assert_eq!((&on[place], &on[required]), (&json!("https://id.example/par"), &json!(false)));
    // RFC 8705 section 5: clients with certificates push elsewhere.
    let alias = |document: &Value| document["mtls_endpoint_aliases"].get(place).cloned();
    assert_eq!((alias(&off), alias(&on)), (None, Some(json!("https://mtls.id.example/par"))));
    // By reference no request is taken: left out, it would be said to be.
    assert_eq!(on["request_uri_parameter_supported"], json!(false));
    assert_eq!(documents(Builder::require_pushed_authorization_requests)[required], json!(true));
}

/// Over HTTP, as a router mounts it.
#[test]
fn it_is_served() {
    let world = World::new([portal()], |builder| {
        builder.issuer(ISSUER).authorization_code().root_secret(root(1)).pushed_authorization_requests()
    });
    let service = EndpointService::pushed_authorization(Arc::clone(&world.engine)).with_clock(|| at(0));
    let answer = |request: http::Request<Full<Bytes>>| {
        run(async {
            let (parts, body) = service.respond(request).await.into_parts();
            (parts.status.as_u16(), body.collect().await.unwrap().to_bytes())
        })
    };
    let ask = from("portal", &query("portal"));
    let post =
        ask.headers.iter().fold(http::Request::post("/par"), |post, (name, value)| post.header(*name, &value[..]));
    let (status, body) = answer(post.body(ask.body.clone().into()).unwrap());
    assert_eq!(status, 201);
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert!(body["request_uri"].as_str().unwrap().starts_with(PREFIX));
    let (status, _) = answer(http::Request::get("/par?client_id=portal").body(Full::default()).unwrap());
    assert_eq!(status, 405);
    let large = "x".repeat(70_000);
    let post = http::Request::post("/par").header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(answer(post.body(large.into()).unwrap()).0, 413);
}

/// A client that says of itself that it always sends a proof says so to all servers, to those too that take none: neither here nor at the token
/// endpoint is it kept to it. One that was made by hand is.
#[test]
fn a_stranger_proves_nothing_where_nobody_takes_a_proof() {
    for (is_stranger, status) in [(true, 201), (false, 400)] {
        let client = portal_as("prover").secret(secret(SECRET)).require_dpop(true).stranger(is_stranger);
        let world = Portal::new(Arc::default(), [client], |builder| {
            builder.root_secret(root(1)).pushed_authorization_requests()
        });
        let pushed = push(&world, &form(query("prover")).basic("prover", SECRET), at(0));
        assert_eq!(pushed.status, status, "{pushed:?}");
        let refresh = form("grant_type=refresh_token&refresh_token=x").basic("prover", SECRET);
        let code = if is_stranger { "invalid_grant" } else { "invalid_dpop_proof" };
        Reply::of(&run(world.engine.token(&refresh.request(), at(0)))).assert_error(400, code);
    }
}

/// In another world than that of the kit, as a host has it.
#[test]
fn a_push_says_no_more_than_the_client_has_to_know() {
    let world: World = World::new([portal()], |builder| {
        builder.issuer(ISSUER).authorization_code().root_secret(root(1)).pushed_authorization_requests()
    });
    let ask = from("portal", &query("portal"));
    let response = run(world.engine.push(&ask.request(), at(0)));
    assert_eq!(format!("{response:?}"), "Response { status: 201, .. }");
    assert!(world.events.take().is_empty());
}
