//! A logout that a client begins: OpenID Connect RP-Initiated Logout 1.0.

use regrant::client::{ClientRef, ClientsError, Lookup};
use regrant::engine::{LogoutConsent, LogoutFault, LogoutRequest};
use regrant::jwt::IdTokenHintError;
use regrant::{Clients, Engine, Request};

use super::provider::{provider, shop, world};
use crate::kit::bank::{KEY, Query};
use crate::kit::schedule::run;
use crate::kit::{Reply, World, at};

const OUT: &str = "https://shop.example/out";
const BROWSER: Option<(&str, &str)> = Some(("alice", "c"));
const SESSION: LogoutConsent<'_> = LogoutConsent::Session { subject: "alice", name: "c" };

/// Looks at what a query comes to.
#[track_caller]
fn asked<R>(world: &World, query: &Query, look: impl FnOnce(&LogoutRequest<'_>) -> R) -> R {
    let encoded = query.encoded();
    let request = Request::new("GET", b"").with_query(encoded.as_bytes());
    look(&world.engine.blocking().end_session_request(&request).unwrap().unwrap())
}

fn hint(world: &World, client: &str, cookie: &str) -> String {
    world.log_in_to(client, cookie, at(1)).text("id_token")
}

fn location(response: Option<regrant::Response>) -> Option<String> {
    response.map(|response| {
        let reply = Reply::of(&response);
        assert_eq!(reply.status, 303);
        reply.header("location")[0].to_owned()
    })
}

/// Sections 2 and 6: an ID token of this very session is the client's proof that it is not another site that wants this.
#[test]
fn a_hint_of_the_browsers_own_session_needs_no_question() {
    let world = provider();
    let query = Query::of(&[("post_logout_redirect_uri", OUT), ("state", "a&b")])
        .and("id_token_hint", &hint(&world, "shop", "c"));
    asked(&world, &query, |asked| {
        assert_eq!((asked.client().unwrap().id(), asked.fault()), ("shop", None));
        assert!(!asked.needs_question(BROWSER));
        assert_eq!(location(asked.way_back(SESSION)).unwrap(), format!("{OUT}?state=a%26b"));
        assert!(asked.needs_question(None), "a browser without a session");
        for (subject, name) in [("alice", "d"), ("bob", "c"), ("alice", "")] {
            assert!(asked.needs_question(Some((subject, name))), "{subject} {name}");
            assert_eq!(location(asked.way_back(LogoutConsent::Session { subject, name })), None);
        }
        let carried: Vec<_> = asked.carried().map(|(name, _)| name).collect();
        assert_eq!(carried, ["post_logout_redirect_uri", "state", "id_token_hint"]);
    });
    // It expired long ago, and counts.
    let old = hint(&world, "shop", "c");
    world.engine.blocking().log_out("alice", "c", at(2)).unwrap().unwrap();
    let query = Query::of(&[("id_token_hint", &old)]);
    assert!(!asked(&world, &query, |asked| asked.needs_question(BROWSER)));
}

/// Without such a hint the page asks, and only then somebody is sent on: else any site could log people out, and send them wherever a client
/// once said.
#[test]
fn nobody_is_logged_out_or_sent_on_by_another_site() {
    let world = provider();
    let of_another_session = hint(&world, "shop", "d");
    let of_no_session =
        world.tokens("shop", &super::provider::query("shop"), regrant::Authorization::of("alice"), at(1));
    for query in [
        Query::of(&[]),
        Query::of(&[("client_id", "shop")]),
        Query::of(&[("client_id", "shop"), ("logout_hint", "alice")]),
        Query::of(&[("client_id", "shop"), ("id_token_hint", &of_another_session)]),
        Query::of(&[("id_token_hint", &of_no_session.text("id_token"))]),
    ] {
        let query = query.and("post_logout_redirect_uri", OUT);
        asked(&world, &query, |asked| {
            assert!(asked.needs_question(BROWSER), "{asked:?}");
            assert_eq!(location(asked.way_back(SESSION)), None);
            let named = asked.client().is_some();
            assert_eq!(location(asked.way_back(LogoutConsent::Asked)), named.then(|| OUT.to_owned()), "{asked:?}");
        });
    }
}

/// Section 2: what the client says of the person, for the page. It is in no log, and says nothing of whose session ends.
#[test]
fn a_page_hears_whom_the_client_means() {
    let world = provider();
    for (query, hint) in [
        (Query::of(&[("client_id", "shop")]), None),
        (Query::of(&[("client_id", "shop"), ("logout_hint", "alice@shop.example")]), Some("alice@shop.example")),
    ] {
        asked(&world, &query, |asked| {
            assert_eq!(asked.logout_hint(), hint);
            let shown = format!("{asked:?}");
            assert!(shown.contains("shop") && !shown.contains("alice"), "{shown}");
        });
    }
    let hint = world.engine.blocking().verify_id_token_hint(&hint(&world, "shop", "c"), Some("shop")).unwrap().unwrap();
    let shown = format!("{hint:?}");
    assert!(hint.subject() == "alice" && shown.contains("shop") && !shown.contains("alice"), "{shown}");
}

/// A registry that is down.
struct Down;

impl Clients for Down {
    async fn find(&self, _: &str, _: Lookup) -> Result<Option<ClientRef<'_>>, ClientsError> {
        Err(ClientsError::new(std::io::Error::other("the database is down")))
    }
}

/// Where nobody can tell whose client it is, nobody says that there is no such one.
#[test]
fn a_registry_that_fails_is_no_unknown_client() {
    let world = provider();
    let hint = hint(&world, "shop", "c");
    let engine = super::provider::plain(Engine::builder(world.store.clone(), Down)).build().unwrap();
    for query in [
        Query::of(&[("client_id", "shop")]),
        Query::of(&[("id_token_hint", &hint)]),
        Query::of(&[("client_id", "shop"), ("id_token_hint", &hint)]),
    ] {
        let encoded = query.encoded();
        let request = Request::new("GET", b"").with_query(encoded.as_bytes());
        let shown = run(engine.end_session_request(&request)).unwrap_err();
        assert_eq!(shown.status(), 503, "{encoded}");
    }
    for client in [None, Some("shop")] {
        let said = run(engine.verify_id_token_hint(&hint, client));
        assert!(matches!(said, Err(IdTokenHintError::Clients(_))), "{client:?}");
    }
}

/// Section 3: the URI exactly as it is registered for this client; section 4: with an error nobody is sent anywhere.
#[test]
fn the_way_back_is_as_registered_to_the_character() {
    let world = provider();
    let hint = hint(&world, "shop", "c");
    for (uri, fault) in [
        (OUT, None),
        ("http://127.0.0.1:7/signed-out", None),
        ("http://127.0.0.1:8/signed-out", Some(LogoutFault::RedirectUri)),
        ("http://127.0.0.1/signed-out", Some(LogoutFault::RedirectUri)),
        ("https://shop.example/out/", Some(LogoutFault::RedirectUri)),
        ("https://shop.example/out?x", Some(LogoutFault::RedirectUri)),
        ("https://SHOP.example/out", Some(LogoutFault::RedirectUri)),
        ("https://shop.example/cb", Some(LogoutFault::RedirectUri)),
        ("https://news.example/out", Some(LogoutFault::RedirectUri)),
        ("javascript:alert(1)", Some(LogoutFault::RedirectUri)),
        ("//evil.example", Some(LogoutFault::RedirectUri)),
    ] {
        let query = Query::of(&[("id_token_hint", &hint), ("post_logout_redirect_uri", uri)]);
        asked(&world, &query, |asked| {
            assert_eq!(asked.fault(), fault, "{uri}");
            let there = fault.is_none().then(|| uri.to_owned());
            assert_eq!(location(asked.way_back(SESSION)), there, "{uri}");
            assert_eq!(location(asked.way_back(LogoutConsent::Asked)), there, "{uri}");
        });
    }
    let query = Query::of(&[("id_token_hint", &hint)]);
    assert_eq!(asked(&world, &query, |asked| location(asked.way_back(SESSION))), None, "none was named");
}

/// Section 2: the hint is this engine's, and for the client that `client_id` names.
#[test]
fn a_hint_that_is_wrong_counts_for_nothing() {
    let world = provider();
    let of_shop = hint(&world, "shop", "c");
    let another = crate::kit::altered(&of_shop, of_shop.len() - 20);
    let access = world.log_in_to("shop", "c", at(1)).access_token();
    for (name, query, fault) in [
        ("another's", Query::of(&[("client_id", "news"), ("id_token_hint", &of_shop)]), LogoutFault::Hint),
        ("forged", Query::of(&[("id_token_hint", &another)]), LogoutFault::Hint),
        ("no JWT", Query::of(&[("client_id", "shop"), ("id_token_hint", &access)]), LogoutFault::Hint),
        (
            "a client that is not there",
            Query::of(&[("client_id", "x"), ("id_token_hint", &of_shop)]),
            LogoutFault::UnknownClient,
        ),
    ] {
        let query = query.and("post_logout_redirect_uri", OUT);
        asked(&world, &query, |asked| {
            assert_eq!(asked.fault(), Some(fault), "{name}");
            assert!(asked.needs_question(BROWSER) && asked.id_token_hint().is_none(), "{name}");
            assert_eq!(location(asked.way_back(LogoutConsent::Asked)), None, "{name}");
        });
    }
    let control = Query::of(&[("id_token_hint", &of_shop), ("post_logout_redirect_uri", OUT)]);
    let encoded = format!("{}&state=a%07", control.encoded());
    let request = Request::new("GET", b"").with_query(encoded.as_bytes());
    let refused = world.engine.blocking().end_session_request(&request).unwrap();
    assert_eq!(refused.expect_err("a control character").status(), 400);
}

/// A key that was retired since: nobody can tell whether the hint is ours, so it counts as none, and the page asks.
#[test]
fn a_hint_by_a_key_that_is_gone_is_none() {
    let world = provider();
    let old = hint(&world, "shop", "c");
    let (next, _) = regrant::jwt::SigningKey::generate(regrant::jwt::SigningAlgorithm::Es256).unwrap();
    let later = world_with_key(next);
    let query = Query::of(&[("client_id", "shop"), ("id_token_hint", &old), ("post_logout_redirect_uri", OUT)]);
    asked(&later, &query, |asked| {
        assert_eq!((asked.fault(), asked.id_token_hint().is_none()), (None, true));
        assert!(asked.needs_question(BROWSER));
        assert_eq!(location(asked.way_back(LogoutConsent::Asked)).as_deref(), Some(OUT));
    });
    let accepted = world_with_key(KEY.clone());
    assert!(!asked(&accepted, &query, |asked| asked.needs_question(BROWSER)));
}

fn world_with_key(key: regrant::jwt::SigningKey) -> World {
    world([shop("shop")], |builder| builder.signing_key(key))
}

/// Section 2: GET and POST are both served; each parameter once.
#[test]
fn a_request_comes_by_get_or_post_and_says_things_once() {
    let world = provider();
    let query =
        Query::of(&[("client_id", "shop"), ("post_logout_redirect_uri", OUT), ("ui_locales", "pt-BR en")]).encoded();
    let form = b"application/x-www-form-urlencoded";
    let read = |request: &Request<'_>| {
        world
            .engine
            .blocking()
            .end_session_request(request)
            .unwrap()
            .map(|asked| {
                assert_eq!(asked.ui_locales().collect::<Vec<_>>(), ["pt-BR", "en"]);
                location(asked.way_back(LogoutConsent::Asked)).unwrap()
            })
            .map_err(|error| error.status())
    };
    assert_eq!(read(&Request::new("GET", b"").with_query(query.as_bytes())).as_deref(), Ok(OUT));
    assert_eq!(read(&Request::new("POST", query.as_bytes()).with_header("content-type", form)).as_deref(), Ok(OUT));
    assert_eq!(read(&Request::new("PUT", b"")), Err(405));
    assert_eq!(read(&Request::new("POST", query.as_bytes())), Err(400));
    for name in ["client_id", "post_logout_redirect_uri", "state", "id_token_hint", "logout_hint", "ui_locales"] {
        let twice = format!("{query}&{name}=a&{name}=b");
        assert_eq!(read(&Request::new("GET", b"").with_query(twice.as_bytes())), Err(400), "{name}");
    }
}

/// No URI that could not be a redirect URI is one to come back to.
#[test]
fn what_can_be_registered() {
    for (uri, ok) in [
        ("https://a.example/out", true),
        ("http://127.0.0.1:7/signed-out", true),
        ("com.example.app:/out", true),
        ("http://a.example/out", false),
        ("https://a.example/out#x", false),
        ("javascript:alert(1)", false),
        ("https://a.example/out?state=x", false),
    ] {
        let client = regrant::Client::public("app").post_logout_redirect_uri(uri).build();
        assert_eq!(client.is_ok(), ok, "{uri}");
    }
    for (uri, ok) in [("https://a.example/l?x=1", true), ("https://a.example/l#x", false), ("ftp://a.example/l", false)]
    {
        let client = regrant::Client::public("app").backchannel_logout_uri(uri, false).build();
        assert_eq!(client.is_ok(), ok, "{uri}");
    }
}

/// Whatever a request says: nothing panics, nobody is sent to what is not registered, and nobody without a question who showed no ID token.
#[test]
fn any_request_leads_nowhere_else() {
    use proptest::prelude::*;
    use proptest::test_runner::{Config, TestRunner};

    let world = provider();
    let hints = [hint(&world, "shop", "c"), hint(&world, "news", "d"), "e30.e30.".to_owned(), String::new()];
    let name = prop_oneof![
        Just("client_id"),
        Just("id_token_hint"),
        Just("post_logout_redirect_uri"),
        Just("state"),
        Just("logout_hint"),
        Just("form_token"),
    ];
    let value = prop_oneof![
        3 => prop::sample::select(vec!["shop", "news", OUT, "https://news.example/out", "https://shop.example/out?", "a b&c"])
            .prop_map(str::to_owned),
        2 => prop::sample::select(hints.to_vec()),
        1 => any::<String>(),
    ];
    let registered = [OUT, "https://news.example/out", "http://127.0.0.1:7/signed-out"];
    let check = |pairs: &[(&str, String)]| -> Result<(), TestCaseError> {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let request = Request::new("GET", b"").with_query(query.as_bytes());
        let Ok(asked) = world.engine.blocking().end_session_request(&request).unwrap() else { return Ok(()) };
        for consent in [LogoutConsent::Asked, SESSION] {
            let Some(at) = location(asked.way_back(consent)) else { continue };
            let (uri, rest) = at.split_once('?').unwrap_or((&at, ""));
            prop_assert!(registered.contains(&uri) && (rest.is_empty() || rest.starts_with("state=")), "{}", at);
            prop_assert!(at.bytes().all(|byte| byte.is_ascii_graphic()), "{:?}", at);
            let has_hint = pairs.iter().any(|(name, value)| *name == "id_token_hint" && *value == hints[0]);
            prop_assert!(consent == LogoutConsent::Asked || has_hint, "{:?}", pairs);
        }
        Ok(())
    };
    let config = Config { cases: 2_000, failure_persistence: None, ..Config::default() };
    let pairs = prop::collection::vec((name, value), 0..6);
    TestRunner::new(config).run(&pairs, |pairs| check(&pairs)).unwrap();
}
