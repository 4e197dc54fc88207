//! No authorization request, whatever its bytes, redirects to a URI that the client has not registered.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseResult};
use regrant::engine::Person;
use regrant::{Authorization, AuthorizationError, Denial, Request, Response};

use super::oracle::fault;
use crate::kit::bank::{APP, CHALLENGE, PORTAL, bank};
use crate::kit::{World, at};

fn check(response: &Response, sent: &[u8]) -> TestCaseResult {
    prop_assert_eq!(response.status(), 303);
    let (_, location) = response.headers().find(|(name, _)| *name == "location").unwrap();
    prop_assert_eq!(fault(location, sent), None);
    Ok(())
}

fn sends_nobody_astray(world: &World, sent: &[u8], post: bool) -> TestCaseResult {
    let request = if post {
        Request::new("POST", sent).with_header("content-type", b"application/x-www-form-urlencoded")
    } else {
        Request::new("GET", b"").with_query(sent)
    };
    let blocking = world.engine.blocking();
    match blocking.authorize(&request, at(0)).unwrap() {
        Ok(asked) => {
            check(&blocking.approve(&asked, Authorization::of("alice"), at(0)).unwrap().unwrap().response, sent)?;
            check(&blocking.deny(&asked, Denial::AccessDenied, Person::Nobody, at(0)).unwrap().unwrap(), sent)?;
        }
        Err(AuthorizationError::Redirect(response)) => check(&response, sent)?,
        Err(AuthorizationError::Show(error)) => {
            prop_assert!((400..=405).contains(&error.status()) || error.status() == 413);
        }
    }
    Ok(())
}

/// Redirect URIs that are right, nearly right, and those that a thief would try.
fn uri() -> impl Strategy<Value = String> {
    let base = prop::sample::select(vec![
        "https://portal.example/cb",
        "http://127.0.0.1/callback",
        "http://127.0.0.1:5000/callback",
        "com.example.app:/cb?from=bank",
        "https://evil.example/cb",
        "",
    ]);
    let more = prop::sample::select(vec![
        "",
        "",
        "",
        "/",
        "?",
        "#",
        "#a",
        "%2e%2e",
        "/..",
        "@evil.example",
        ":80",
        ":443",
        "\\@evil",
        "&",
        " ",
        "\r\nx:y",
        ".evil.example",
    ]);
    prop_oneof![
        6 => base.clone().prop_map(str::to_owned),
        2 => (base.clone(), more.clone()).prop_map(|(base, more)| format!("{base}{more}")),
        2 => (base, more, any::<prop::sample::Index>()).prop_map(|(base, more, at)| {
            let mut text = base.to_owned();
            let at = if base.is_empty() { 0 } else { at.index(base.len()) };
            text.insert_str(at, more);
            text
        }),
        1 => any::<String>(),
    ]
}

/// Parameters as a client sends them, but for what went wrong.
fn query() -> impl Strategy<Value = Vec<u8>> {
    let word = |words: &'static [&'static str]| prop::sample::select(words).prop_map(str::to_owned);
    let name = word(&[
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "code_challenge",
        "code_challenge_method",
        "nonce",
        "prompt",
        "max_age",
        "request",
        "response_mode",
        "iss",
        "code",
        "error",
    ]);
    let value = prop_oneof![
        word(&[PORTAL, APP, "accounts-api", "code", "token", "S256", "openid", "none", CHALLENGE, "", "a&b=c", "\r\n"]),
        uri(),
        any::<String>(),
    ];
    let extra = prop::collection::vec((name, value), 0..4);
    let state = prop_oneof![
        any::<String>(),
        word(&["xyz", "a b", "&code=stolen&iss=https://evil.example", "\r\nset-cookie: a=b"])
    ];
    (
        prop::option::weighted(0.95, word(&[PORTAL, APP, "accounts-api", "nobody"])),
        prop::option::weighted(0.9, uri()),
        state,
        extra,
        any::<prop::sample::Index>(),
        prop::option::weighted(0.1, any::<u8>()),
    )
        .prop_map(|(client, uri, state, extra, place, damage)| {
            let mut form = form_urlencoded::Serializer::new(String::new());
            form.append_pair("response_type", "code").append_pair("code_challenge", CHALLENGE);
            form.append_pair("code_challenge_method", "S256").append_pair("state", &state);
            for (name, value) in [("client_id", client), ("redirect_uri", uri)] {
                if let Some(value) = value {
                    form.append_pair(name, &value);
                }
            }
            for (name, value) in extra {
                form.append_pair(&name, &value);
            }
            let mut bytes = form.finish().into_bytes();
            if let Some(damage) = damage {
                let at = place.index(bytes.len());
                bytes[at] = damage;
            }
            bytes
        })
}

proptest! {
    #![proptest_config(Config { cases: 3_000, failure_persistence: None, ..Config::default() })]

    #[test]
    fn no_request_redirects_to_what_is_not_registered(sent in query(), post in any::<bool>()) {
        sends_nobody_astray(&bank(), &sent, post)?;
    }

    #[test]
    fn no_bytes_redirect_to_what_is_not_registered(sent in prop::collection::vec(any::<u8>(), 0..300), post in any::<bool>()) {
        sends_nobody_astray(&bank(), &sent, post)?;
    }
}
