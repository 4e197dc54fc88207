//! What OpenID Connect Core demands of a provider for the code flow, by section: a request, and what it comes to. The rows that need more
//! than one request are tests of their own, and `docs/openid-connect.md` has all of them in one table.

use regrant::engine::Person;
use regrant::{Authorization, AuthorizationError, Denial, Request};
use serde_json::json;

use super::provider::{alice_in, provider, query, shop, world};
use crate::kit::bank::{Ended, Query};
use crate::kit::jwt::claims;
use crate::kit::{SECRET, World, at, form};

/// What a request comes to once Alice has said yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Comes {
    Code,
    /// The client hears of it.
    Error(&'static str),
    /// Nobody is redirected.
    Page,
}

/// A parameter in place of what it was; without one where there is no value.
type Change = (&'static str, Option<&'static str>);

const ROWS: &[(&str, &str, Change, Comes)] = &[
    ("3.1.2.1", "scope has openid", ("scope", Some("openid")), Comes::Code),
    ("3.1.2.1", "without openid it is OAuth's", ("scope", Some("read")), Comes::Code),
    ("3.1.2.1", "scopes that nobody knows are ignored", ("scope", Some("openid address")), Comes::Code),
    ("3.1.2.1", "response_type is there", ("response_type", None), Comes::Error("invalid_request")),
    (
        "3.1.2.1",
        "the code flow alone",
        ("response_type", Some("code id_token")),
        Comes::Error("unsupported_response_type"),
    ),
    ("3.1.2.1", "client_id is there", ("client_id", None), Comes::Page),
    ("3.1.2.1", "client_id is of a client", ("client_id", Some("nobody")), Comes::Page),
    ("3.1.2.1", "redirect_uri to the character", ("redirect_uri", Some("https://shop.example/cb/")), Comes::Page),
    ("3.1.2.1", "state is recommended", ("state", None), Comes::Code),
    ("3.1.2.1", "the usual response_mode", ("response_mode", Some("query")), Comes::Code),
    ("3.1.2.1", "one that is not served", ("response_mode", Some("fragment")), Comes::Error("invalid_request")),
    ("3.1.2.1", "nonce is optional", ("nonce", None), Comes::Code),
    ("3.1.2.1", "display is a wish", ("display", Some("touch")), Comes::Code),
    ("3.1.2.1", "one that nobody knows, too", ("display", Some("hologram")), Comes::Code),
    ("3.1.2.1", "none stands alone", ("prompt", Some("none login")), Comes::Error("invalid_request")),
    ("3.1.2.1", "prompt=login, and a login of now", ("prompt", Some("login")), Comes::Code),
    ("3.1.2.1", "a prompt that nobody knows", ("prompt", Some("create")), Comes::Code),
    ("3.1.2.1", "max_age, and a login of now", ("max_age", Some("0")), Comes::Code),
    ("3.1.2.1", "max_age is a number", ("max_age", Some("-1")), Comes::Error("invalid_request")),
    ("3.1.2.1", "ui_locales that are not spoken are no error", ("ui_locales", Some("tlh")), Comes::Code),
    ("5.2", "claims_locales are a wish", ("claims_locales", Some("fr-CA fr")), Comes::Code),
    ("3.1.2.1", "a hint that is none of ours", ("id_token_hint", Some("e30.e30.")), Comes::Error("invalid_request")),
    ("3.1.2.1", "login_hint is a wish", ("login_hint", Some("bob@example.com")), Comes::Code),
    ("3.1.2.1", "acr_values are a wish", ("acr_values", Some("urn:mfa")), Comes::Code),
    ("3.1.2.1", "what nobody knows is ignored", ("extra", Some("1")), Comes::Code),
    ("5.5", "claims are JSON", ("claims", Some("{")), Comes::Error("invalid_request")),
    ("5.5", "members that nobody knows are ignored", ("claims", Some(r#"{"x":1}"#)), Comes::Code),
    (
        "5.5.1",
        "an essential claim that is not given is no error",
        ("claims", Some(r#"{"userinfo":{"x":{"essential":true}}}"#)),
        Comes::Code,
    ),
    (
        "6.1",
        "request objects are off, and said to be",
        ("request", Some("e30.e30.")),
        Comes::Error("request_not_supported"),
    ),
    (
        "6.2",
        "request_uri, too",
        ("request_uri", Some("https://shop.example/r")),
        Comes::Error("request_uri_not_supported"),
    ),
    ("7.2.1", "no registration on the way", ("registration", Some("{}")), Comes::Error("registration_not_supported")),
];

fn changed((name, value): Change) -> Query {
    value.map_or_else(|| query("shop").without(name), |value| query("shop").set(name, value))
}

#[test]
fn each_request_comes_to_what_its_section_says() {
    let world = provider();
    for (section, what, change, comes) in ROWS {
        let alice = alice_in("c").with_authenticated_at(at(1));
        let found = match world.authorize_as(&changed(*change), alice, at(1)) {
            Ended::Shown(_) => Comes::Page,
            Ended::Redirect(landing) => match (landing.get("code"), landing.get("error")) {
                (Some(_), None) => Comes::Code,
                (None, Some(error)) if matches!(comes, Comes::Error(expected) if *expected == error) => *comes,
                other => panic!("{section} {what}: {other:?}"),
            },
        };
        assert_eq!(found, *comes, "{section} {what}");
        // RFC 6749 section 3.1: nothing twice.
        if let (name, Some(value)) = change {
            if *name != "extra" && *comes == Comes::Code {
                let twice = changed(*change).and(name, value);
                assert_eq!(
                    world.authorize_as(&twice, alice_in("c"), at(1)).parameter("error"),
                    Some("invalid_request")
                );
            }
        }
    }
}

/// Sections 3.1.2.1 and 13.1: GET and POST alike.
#[test]
fn a_request_comes_by_get_or_post() {
    let world = provider();
    let encoded = query("shop").encoded();
    let post =
        Request::new("POST", encoded.as_bytes()).with_header("content-type", b"application/x-www-form-urlencoded");
    for request in [Request::new("GET", b"").with_query(encoded.as_bytes()), post] {
        assert_eq!(world.engine.blocking().authorize(&request, at(1)).unwrap().unwrap().client().id(), "shop");
    }
}

/// Section 3.1.2.3: `prompt=none` shows nothing; what the client hears says what would have been needed (3.1.2.6).
#[test]
fn without_a_page_the_client_hears_what_is_missing() {
    let world = provider();
    let encoded = query("shop").and("prompt", "none").encoded();
    for (denial, error) in [
        (Denial::LoginRequired, "login_required"),
        (Denial::ConsentRequired, "consent_required"),
        (Denial::InteractionRequired, "interaction_required"),
        (Denial::AccountSelectionRequired, "account_selection_required"),
    ] {
        let request = Request::new("GET", b"").with_query(encoded.as_bytes());
        let asked = match world.engine.blocking().authorize(&request, at(1)).unwrap() {
            Ok(asked) => asked,
            Err(AuthorizationError::Redirect(_) | AuthorizationError::Show(_)) => panic!("a request that holds"),
        };
        assert!(asked.prompt().none);
        let response = world.engine.blocking().deny(&asked, denial, Person::Nobody, at(1)).unwrap().unwrap();
        let ended = Ended::of(&response);
        assert_eq!((ended.error(), ended.parameter("state")), (error, Some("xyz")));
    }
}

/// Sections 3.1.2.1 and 3.1.2.3: a login that is older than `max_age` is none, and `auth_time` says when it was.
#[test]
fn a_login_is_not_older_than_the_client_wants() {
    let world = provider();
    let asks = query("shop").and("max_age", "100");
    let login_of = |secs: u64| alice_in("c").with_authenticated_at(at(secs));
    assert_eq!(world.authorize_as(&asks, login_of(99), at(200)).error(), "login_required");
    let tokens = world.tokens("shop", &asks, login_of(100), at(200));
    assert_eq!(claims(&tokens.text("id_token"))["auth_time"], json!(at(100).as_secs()));
}

/// Section 3.1.2.1: `prompt=login` is a login of now, give or take the minute that a page takes, whatever `max_age` says; and the time of a login
/// that the client relies on is the host's to say (sections 2 and 5.5.1).
#[test]
fn a_login_that_is_wanted_anew_is_a_new_one() {
    let world = provider();
    let anew = query("shop").and("prompt", "login");
    for asks in [anew.clone(), anew.clone().and("max_age", "10000"), anew.clone().set("scope", "read")] {
        let login_of = |secs: u64| world.authorize_as(&asks, alice_in("c").with_authenticated_at(at(secs)), at(200));
        assert_eq!(login_of(139).error(), "login_required");
        assert_eq!(login_of(140).code().len(), 43);
        assert_eq!(
            world.authorize_as(&asks, alice_in("c"), at(200)).error(),
            "server_error",
            "nobody says when it was"
        );
    }
    let essential = |essential: bool| {
        query("shop").and("claims", &format!(r#"{{"id_token":{{"auth_time":{{"essential":{essential}}}}}}}"#))
    };
    assert_eq!(world.authorize_as(&essential(true), alice_in("c"), at(200)).error(), "server_error");
    let told = alice_in("c").with_authenticated_at(at(7));
    let tokens = world.tokens("shop", &essential(true), told, at(200));
    assert_eq!(claims(&tokens.text("id_token"))["auth_time"], json!(at(7).as_secs()));
    assert_eq!(world.authorize_as(&essential(false), alice_in("c"), at(200)).code().len(), 43);
}

/// Section 3.1.3: the code is the client's that it was issued to, for the redirect URI that it was sent to, and once.
#[test]
fn a_code_is_for_one_client_one_uri_and_once() {
    let world = provider();
    let redeem = |world: &World, client: &str, code: &str, uri: &str| {
        let body = format!("grant_type=authorization_code&code={code}&redirect_uri={uri}");
        world.send(&form(body).basic(client, SECRET), at(2))
    };
    let code = world.authorize_as(&query("shop"), alice_in("c"), at(1)).code();
    let uri = "https://shop.example/cb";
    redeem(&world, "news", &code, uri).assert_error(400, "invalid_grant");
    redeem(&world, "shop", &code, "https://shop.example/").assert_error(400, "invalid_grant");
    let reply = redeem(&world, "shop", &code, uri);
    // Section 3.1.3.3.
    assert_eq!(
        (reply.assert_ok().text("token_type"), reply.header("cache-control")),
        ("Bearer".into(), vec!["no-store"])
    );
    redeem(&world, "shop", &code, uri).assert_error(400, "invalid_grant");
    assert_eq!(world.userinfo(&reply.access_token(), at(3)).status, 401, "RFC 6749 section 4.1.2: its tokens are dead");
}

/// Sections 2, 3.1.3.7 and 12.2: what a client checks of an ID token, at the login and after a refresh.
#[test]
fn an_id_token_holds_by_every_check_of_a_client() {
    let world = provider();
    let tokens = world.tokens("shop", &query("shop").and("nonce", "n-1 /+"), alice_in("c"), at(1));
    let renewed = world.renew("shop", &tokens.refresh_token(), at(500));
    let (first, second) = (claims(&tokens.text("id_token")), claims(&renewed.text("id_token")));
    assert_eq!(first["nonce"], json!("n-1 /+"), "to the byte");
    for (name, same) in [
        ("iss", true),
        ("sub", true),
        ("aud", true),
        ("auth_time", true),
        ("sid", true),
        ("iat", false),
        ("exp", false),
    ] {
        assert_eq!(first[name] == second[name], same, "{name}");
    }
    assert!(second.get("nonce").is_none());
    for of in [&first, &second] {
        assert!(of["aud"].as_array().unwrap().contains(&json!("shop")) && of.get("azp").is_none());
        assert!(of["exp"].as_u64() > of["iat"].as_u64() && of["sub"].as_str().unwrap().len() <= 255);
    }
    let world = self::world([shop("shop")], |builder| builder);
    let long = Authorization::of(&"x".repeat(256));
    assert_eq!(
        world.authorize_as(&query("shop"), long, at(1)).error(),
        "server_error",
        "section 2: 255 ASCII characters"
    );
}
