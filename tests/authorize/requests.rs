//! Authorization requests: what holds, what the client is told, what is shown instead.

use regrant::engine::{Display, Person};
use regrant::{
    Authorization, AuthorizationError, AuthorizationRequest, Denial, Engine, MemoryStore, Request, StaticClients,
};

use crate::kit::bank::{APP, CHALLENGE, Ended, ISSUER, PORTAL, PORTAL_URI, Query, bank, issuing, portal};
use crate::kit::portal::Landing;
use crate::kit::{Fault, World, at, scope};

/// RFC 6749 section 4.1.2 and RFC 9207 section 2.
#[test]
fn a_request_that_holds_is_answered_with_code_state_and_issuer() {
    let world = bank();
    let longest = "n".repeat(1_024);
    for (query, base, state) in [
        (Query::portal(), PORTAL_URI, Some("af0ifjsldkj")),
        (Query::portal().set("nonce", &longest), PORTAL_URI, Some("af0ifjsldkj")),
        (Query::portal().without("state"), PORTAL_URI, None),
        (Query::portal().without("redirect_uri"), PORTAL_URI, Some("af0ifjsldkj")),
        (Query::portal().set("state", "a&b=c d#é\"<"), PORTAL_URI, Some("a&b=c d#é\"<")),
        (Query::app(), "http://127.0.0.1/callback", Some("xyz")),
        (
            Query::app().set("redirect_uri", "http://127.0.0.1:51004/callback"),
            "http://127.0.0.1:51004/callback",
            Some("xyz"),
        ),
        (Query::app().set("redirect_uri", "com.example.app:/cb?from=bank"), "com.example.app:/cb", Some("xyz")),
        (Query::portal().set("response_mode", "query"), PORTAL_URI, Some("af0ifjsldkj")),
        (
            Query::portal().and("username", "a").and("anything", "1").and("anything", "2"),
            PORTAL_URI,
            Some("af0ifjsldkj"),
        ),
    ] {
        let ended = world.authorize(&query, at(0));
        let Ended::Redirect(landing) = &ended else { panic!("not a redirect") };
        assert_eq!(landing.uri, base);
        assert_eq!(ended.code().len(), 43);
        assert_eq!(ended.parameter("state"), state);
        assert_eq!(ended.parameter("iss"), Some(ISSUER));
        let own = usize::from(base.starts_with("com."));
        assert_eq!(landing.parameters.len(), 2 + usize::from(state.is_some()) + own, "{landing:?}");
        assert_eq!(world.events.names(), ["CodeIssued"]);
    }
}

/// OpenID Connect Core section 3.1.2.1: what a page asks of a request before it shows anything.
#[test]
fn a_page_asks_which_login_will_do_and_what_it_should_look_like() {
    let world = bank();
    let looks = |name: &str, value: &str, at_it: &dyn Fn(&AuthorizationRequest<'_>)| {
        let encoded = Query::portal().and(name, value).encoded();
        let request = Request::new("GET", b"").with_query(encoded.as_bytes());
        at_it(&world.engine.blocking().authorize(&request, at(0)).unwrap().unwrap());
    };
    for (name, value, age, accepted) in [
        ("ui_locales", "pt", 1_000_000, true),
        ("max_age", "100", 100, true),
        ("max_age", "100", 101, false),
        ("max_age", "0", 0, true),
        ("prompt", "login", 0, false),
        ("prompt", "consent", 1_000_000, true),
    ] {
        looks(name, value, &|asked| {
            assert_eq!(asked.accepts_login_of(at(0), at(age)), accepted, "{name}={value}, of {age} s ago");
        });
    }
    for (value, display) in [
        ("page", Display::Page),
        ("popup", Display::Popup),
        ("touch", Display::Touch),
        ("wap", Display::Wap),
        ("hologram", Display::Page),
    ] {
        looks("display", value, &|asked| assert_eq!(asked.display(), display, "{value}"));
    }
}

/// RFC 6749 section 4.1.2.1, RFC 7636 section 4.4.1 and OpenID Connect Core section 3.1.2.6.
#[test]
fn a_faulty_request_is_told_to_the_client() {
    let world = bank();
    let long = "n".repeat(1_025);
    for (name, query, code) in [
        ("no response type", Query::portal().without("response_type"), "invalid_request"),
        ("an implicit flow", Query::portal().set("response_type", "token"), "unsupported_response_type"),
        ("a hybrid flow", Query::portal().set("response_type", "code id_token"), "unsupported_response_type"),
        ("a fragment", Query::portal().set("response_mode", "fragment"), "invalid_request"),
        ("a scope twice", Query::portal().and("scope", "email"), "invalid_request"),
        ("a scope twice, once empty", Query::portal().and("scope", ""), "invalid_request"),
        ("a nonce twice", Query::portal().and("nonce", "2"), "invalid_request"),
        ("a response type twice", Query::portal().and("response_type", "code"), "invalid_request"),
        ("a challenge twice", Query::app().and("code_challenge", CHALLENGE), "invalid_request"),
        ("a scope it may not have", Query::app().set("scope", "openid apps"), "invalid_scope"),
        ("a scope that nobody has, without openid", Query::portal().set("scope", "email admin"), "invalid_scope"),
        ("a malformed scope", Query::portal().set("scope", "openid  email"), "invalid_scope"),
        ("no challenge", Query::app().without("code_challenge").without("code_challenge_method"), "invalid_request"),
        ("an empty challenge", Query::app().set("code_challenge", ""), "invalid_request"),
        ("a challenge without a method", Query::app().without("code_challenge_method"), "invalid_request"),
        ("that of a confidential client too", Query::portal().and("code_challenge", CHALLENGE), "invalid_request"),
        ("plain", Query::app().set("code_challenge_method", "plain"), "invalid_request"),
        ("a method in another case", Query::app().set("code_challenge_method", "s256"), "invalid_request"),
        ("a method without a challenge", Query::portal().and("code_challenge_method", "S256"), "invalid_request"),
        ("too short a challenge", Query::app().set("code_challenge", &CHALLENGE[1..]), "invalid_request"),
        ("a padded challenge", Query::app().set("code_challenge", &format!("{CHALLENGE}=")), "invalid_request"),
        (
            "a challenge of no digest",
            Query::app().set("code_challenge", &CHALLENGE.replace("cM", "cN")),
            "invalid_request",
        ),
        ("a request object", Query::portal().and("request", "e30."), "request_not_supported"),
        ("a request by reference", Query::portal().and("request_uri", "https://a"), "request_uri_not_supported"),
        ("a registration", Query::portal().and("registration", "{}"), "registration_not_supported"),
        ("none and more", Query::portal().and("prompt", "none login"), "invalid_request"),
        ("an age that is no number", Query::portal().and("max_age", "-1"), "invalid_request"),
        ("another one", Query::portal().and("max_age", "1.5"), "invalid_request"),
        ("a long nonce", Query::portal().set("nonce", &long), "invalid_request"),
        ("a control character", Query::portal().set("nonce", "a\0b"), "invalid_request"),
    ] {
        let ended = world.authorize(&query, at(0));
        let Ended::Redirect(Landing { uri: base, .. }) = &ended else { panic!("{name}: not a redirect") };
        assert!(base == PORTAL_URI || base == "http://127.0.0.1/callback", "{name}: {base}");
        assert_eq!(ended.error(), code, "{name}");
        assert_eq!(ended.parameter("iss"), Some(ISSUER), "{name}: RFC 9207 section 2");
        assert!(ended.parameter("state").is_some(), "{name}");
        assert!(ended.parameter("error_description").is_some_and(|text| !text.is_empty()), "{name}");
        assert_eq!(ended.parameter("code"), None, "{name}");
        assert_eq!(world.events.names(), ["Refused"], "{name}");
    }
    assert!(world.store.grants().is_empty(), "nothing was stored");
    // A control character is none of a state (RFC 6749 appendix A.5), and would be a header's in a careless answer.
    let control = world.authorize(&Query::portal().set("state", "a\r\nset-cookie: b"), at(0));
    assert_eq!((control.error(), control.parameter("state")), ("invalid_request", None));
    let repeated = world.authorize(&Query::portal().and("state", "2"), at(0));
    assert_eq!((repeated.error(), repeated.parameter("state")), ("invalid_request", None), "which of the two?");
}

/// RFC 6749 section 4.1.2 and appendix B: the very same state, as it was encoded. Base64 has `+`, which says a space where it is
/// not encoded; a client that decodes as it encoded knows its state again.
#[test]
fn a_state_comes_back_as_it_went() {
    let world = bank();
    let query = Query::portal().without("state").encoded();
    let answer = |state: &str, post: bool| {
        let sent = format!("{query}&state={state}");
        let request = if post {
            Request::new("POST", sent.as_bytes()).with_header("content-type", b"application/x-www-form-urlencoded")
        } else {
            Request::new("GET", b"").with_query(sent.as_bytes())
        };
        let blocking = world.engine.blocking();
        let response = match blocking.authorize(&request, at(0)).unwrap() {
            Ok(asked) => blocking.approve(&asked, Authorization::of("alice"), at(0)).unwrap().unwrap().response,
            Err(AuthorizationError::Redirect(response)) => response,
            Err(error) => panic!("{error}"),
        };
        let location = response.headers().find(|(name, _)| *name == "location").unwrap().1.to_owned();
        let state = location.split(['?', '&']).find_map(|pair| pair.strip_prefix("state=")).map(str::to_owned);
        (state.unwrap_or_default(), Landing::of(&response))
    };
    for post in [false, true] {
        for (sent, back) in [
            ("wXy+abc%3D%3D", "wXy+abc%3D%3D"),
            ("wXy%2Babc%3D%3D", "wXy%2Babc%3D%3D"),
            ("a%20b", "a+b"),
            ("%25", "%25"),
            ("a%26b%3Dc", "a%26b%3Dc"),
        ] {
            let (state, landing) = answer(sent, post);
            assert_eq!((state.as_str(), landing.get("error")), (back, None), "{sent}");
        }
        for unencoded in ["a b", " ", "zqMARKERqz +"] {
            let (_, landing) = answer(unencoded, post);
            let words = landing.get("error_description").unwrap();
            assert_eq!(landing.get("error"), Some("invalid_request"), "{unencoded:?}");
            assert!(words.contains("%20") && !words.contains("MARKER"), "{words}");
        }
    }
}

/// RFC 6749 section 4.1.2.1: the resource owner is informed, and not redirected.
#[test]
fn without_a_registered_redirect_uri_nothing_is_redirected() {
    let world = bank();
    for (name, query, status) in [
        ("no client", Query::portal().without("client_id"), 400),
        ("an empty one", Query::portal().set("client_id", ""), 400),
        ("an unknown one", Query::portal().set("client_id", "nobody"), 400),
        ("a client twice", Query::portal().and("client_id", PORTAL), 400),
        ("a redirect URI twice", Query::portal().and("redirect_uri", PORTAL_URI), 400),
        ("twice, once empty", Query::portal().and("redirect_uri", ""), 400),
        ("one that is not registered", Query::portal().set("redirect_uri", "https://evil.example/cb"), 400),
        ("one that begins right", Query::portal().set("redirect_uri", "https://portal.example/cb/../x"), 400),
        ("one with more to it", Query::portal().set("redirect_uri", "https://portal.example/cb?x=1"), 400),
        ("another client's", Query::portal().set("redirect_uri", "http://127.0.0.1/callback"), 400),
        ("none where two are registered", Query::app().without("redirect_uri"), 400),
        ("a client without any", Query::portal().set("client_id", "accounts-api"), 400),
    ] {
        let Ended::Shown(error) = world.authorize(&query, at(0)) else { panic!("{name}: a redirect") };
        assert_eq!((error.status(), error.code().as_str()), (status, "invalid_request"), "{name}");
        assert!(error.description().is_ascii(), "{name}");
    }
    let blocking = world.engine.blocking();
    for (method, query, status) in [("PUT", "", 405), ("GET", "client_id=%zz", 400), ("POST", "", 400)] {
        let request = Request::new(method, b"").with_query(query.as_bytes());
        match blocking.authorize(&request, at(0)).unwrap() {
            Err(AuthorizationError::Show(error)) => assert_eq!(error.status(), status, "{method} {query}"),
            _ => panic!("{method} {query} is not shown"),
        }
    }
    assert!(world.store.grants().is_empty());
}

/// RFC 6749 section 3.1.
#[test]
fn a_post_of_a_form_is_as_good_and_its_query_counts_for_nothing() {
    let world = bank();
    let blocking = world.engine.blocking();
    let body = Query::portal().encoded();
    let request = Request::new("POST", body.as_bytes())
        .with_header("content-type", b"application/x-www-form-urlencoded")
        .with_query(b"client_id=nobody&redirect_uri=https://evil.example");
    let asked = blocking.authorize(&request, at(0)).unwrap().unwrap();
    assert_eq!((asked.client().id(), asked.redirect_uri()), (PORTAL, PORTAL_URI));
    let carried: Vec<_> = asked.carried().collect();
    assert!(carried.contains(&("state", "af0ifjsldkj")) && carried.contains(&("nonce", "n-0S6_WzA2Mj")));
    let get = Request::new("GET", body.as_bytes());
    assert!(matches!(blocking.authorize(&get, at(0)).unwrap(), Err(AuthorizationError::Show(_))));
}

#[test]
fn what_a_page_carries_along_is_the_request_and_nothing_else() {
    let world = bank();
    let encoded = Query::app().and("username", "u").and("password", "p").and("x", "y").and("login_hint", "a").encoded();
    let request = Request::new("GET", b"").with_query(encoded.as_bytes());
    let asked = world.engine.blocking().authorize(&request, at(0)).unwrap().unwrap();
    assert!(!format!("{asked:?}").contains("xyz"));
    let carried: Vec<(&str, &str)> = asked.carried().collect();
    assert!(carried.iter().all(|(name, _)| !["username", "password", "x"].contains(name)));
    let again = carried.iter().fold(Query::of(&[]), |query, (name, value)| query.and(name, value)).encoded();
    let request = Request::new("GET", b"").with_query(again.as_bytes());
    let asked_again = world.engine.blocking().authorize(&request, at(0)).unwrap().unwrap();
    assert_eq!(asked_again.carried().collect::<Vec<_>>(), carried);
}

/// RFC 6749 section 4.1.2.1 and OpenID Connect Core section 3.1.2.6.
#[test]
fn a_denial_has_its_own_code() {
    let world = bank();
    for (denial, code) in [
        (Denial::AccessDenied, "access_denied"),
        (Denial::LoginRequired, "login_required"),
        (Denial::ConsentRequired, "consent_required"),
        (Denial::AccountSelectionRequired, "account_selection_required"),
        (Denial::InteractionRequired, "interaction_required"),
        (Denial::ServerError, "server_error"),
        (Denial::TemporarilyUnavailable, "temporarily_unavailable"),
    ] {
        let encoded = Query::portal().and("prompt", "none").encoded();
        let request = Request::new("GET", b"").with_query(encoded.as_bytes());
        let asked = world.engine.blocking().authorize(&request, at(0)).unwrap().unwrap();
        assert!(asked.prompt().none);
        let ended = Ended::of(&world.engine.blocking().deny(&asked, denial, Person::Nobody, at(0)).unwrap().unwrap());
        assert_eq!(ended.error(), code);
        assert_eq!((ended.parameter("state"), ended.parameter("iss")), (Some("af0ifjsldkj"), Some(ISSUER)));
    }
}

/// OpenID Connect Core section 3.1.2.1: `max_age` and `prompt`.
#[test]
fn a_login_that_is_too_old_is_none() {
    let world = bank();
    let query = Query::portal().and("max_age", "300");
    let logged_in = |secs| Authorization::of("alice").with_authenticated_at(at(secs));
    assert_eq!(world.authorize_as(&query, logged_in(0), at(301)).error(), "login_required");
    assert_eq!(world.authorize_as(&query, logged_in(0), at(300)).code().len(), 43);
    let forever = Query::portal().and("max_age", "99999999999999999999999999");
    assert_eq!(world.authorize_as(&forever, logged_in(0), at(86_400)).code().len(), 43);
    // Who has just logged in, since the client wants it so, has a minute to read what is asked.
    let fresh = Query::portal().and("max_age", "0");
    assert_eq!(world.authorize_as(&fresh, logged_in(7), at(67)).code().len(), 43);
    assert_eq!(world.authorize_as(&fresh, logged_in(7), at(68)).error(), "login_required");
    assert_eq!(world.authorize(&query, at(0)).error(), "server_error", "a host that does not say when");
    let encoded = query.and("prompt", "login").encoded();
    let request = Request::new("GET", b"").with_query(encoded.as_bytes());
    let asked = world.engine.blocking().authorize(&request, at(0)).unwrap().unwrap();
    assert!(!asked.accepts_login_of(at(0), at(0)), "prompt=login wants a new one");
}

#[test]
fn an_authorization_that_cannot_be_granted_is_the_hosts_fault() {
    let world = bank();
    for authorization in [
        Authorization::of_client(),
        Authorization::of(""),
        Authorization::of(&"s".repeat(1_025)),
        Authorization::of("alice").with_scope(scope("openid email apps")),
        Authorization::of("alice").with_scope(scope("admin")),
    ] {
        assert_eq!(world.authorize_as(&Query::portal(), authorization, at(0)).error(), "server_error");
    }
    assert!(world.store.grants().is_empty());
    let narrower = Authorization::of("alice").with_scope(scope("email"));
    world.authorize_as(&Query::portal(), narrower, at(0)).code();
    assert_eq!(world.store.grants()[0].scope().as_str(), "email");
}

#[test]
fn a_store_that_fails_is_told_to_the_client() {
    let world = bank();
    world.store.fail_next(Fault::InsertNotApplied);
    assert_eq!(world.authorize(&Query::portal(), at(0)).error(), "temporarily_unavailable");
    assert_eq!(world.events.names(), ["Failed"]);
}

#[test]
fn codes_are_off_until_they_are_turned_on() {
    let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build().unwrap();
    let encoded = Query::portal().encoded();
    let request = Request::new("GET", b"").with_query(encoded.as_bytes());
    assert!(matches!(engine.blocking().authorize(&request, at(0)).unwrap(), Err(AuthorizationError::Show(_))));
    let world = bank();
    assert_eq!(world.authorize(&Query::app().set("client_id", APP), at(0)).code().len(), 43);
}

#[test]
fn a_confidential_client_can_be_made_to_send_a_challenge() {
    let world = World::new([portal().require_pkce(true)], issuing);
    assert_eq!(world.authorize(&Query::portal(), at(0)).error(), "invalid_request");
    let with = Query::portal().and("code_challenge", CHALLENGE).and("code_challenge_method", "S256");
    assert_eq!(world.authorize(&with, at(0)).code().len(), 43);
}
