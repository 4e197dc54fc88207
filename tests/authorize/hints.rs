//! `id_token_hint`: OpenID Connect Core section 3.1.2.1, RP-Initiated Logout 1.0 section 2.

use regrant::jwt::{IdTokenHint, IdTokenHintError, JwtAccessTokens, SigningAlgorithm, SigningKey};
use regrant::{Authorization, Request};
use serde_json::{Value, json};

use crate::kit::bank::{
    APP, APP_URI, CHALLENGE, ISSUER, KEY, PORTAL, Query, VERIFIER, bank, issuing, mobile_app, portal,
};
use crate::kit::jwt::{claims, hs256, parts, signed};
use crate::kit::portal::Landing;
use crate::kit::{SECRET, World, at, form, scope};

/// The ID token of a login at the public client, signed by the engine's key.
#[track_caller]
fn of_app(world: &World, subject: &str) -> String {
    let code = world.authorize_as(&Query::app(), Authorization::of(subject), at(0)).code();
    let body = format!(
        "grant_type=authorization_code&client_id={APP}&code={code}&redirect_uri={APP_URI}&code_verifier={VERIFIER}"
    );
    world.send(&form(body), at(1)).text("id_token")
}

/// The hint that the host finds in the request, or the error that the client hears of.
#[track_caller]
fn asked(world: &World, query: &Query) -> Result<Option<IdTokenHint>, String> {
    let encoded = query.encoded();
    let request = Request::new("GET", b"").with_query(encoded.as_bytes());
    match world.engine.blocking().authorize(&request, at(0)).unwrap() {
        Ok(asked) => Ok(asked.id_token_hint().cloned()),
        Err(regrant::AuthorizationError::Redirect(response)) => {
            let landing = Landing::of(&response);
            assert!(!landing.get("error_description").unwrap().contains("eyJ"), "the input is echoed");
            Err(landing.get("error").unwrap().to_owned())
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn the_person_whom_the_client_means_or_nobody() {
    let world = bank();
    let long_after = at(400 * 86_400);
    for (name, query, hint) in [
        ("by the engine's key", Query::app(), of_app(&world, "alice")),
        ("by the client's secret", Query::portal(), world.log_in(at(0)).text("id_token")),
    ] {
        let query = query.and("id_token_hint", &hint);
        let found = asked(&world, &query).unwrap().expect(name);
        let said = claims(&hint);
        assert_eq!((found.subject(), found.client_id()), ("alice", said["aud"][0].as_str().unwrap()), "{name}");
        assert_eq!(found.issued_at().as_secs(), said["iat"].as_u64().unwrap());
        assert_eq!(found.expires_at().as_secs(), said["exp"].as_u64().unwrap());
        assert_eq!(found.authenticated_at().unwrap().as_secs(), said["auth_time"].as_u64().unwrap());
        assert!(!format!("{found:?}").contains("alice"), "personal data");
        // It expired long ago, and counts.
        assert!(found.expires_at() < long_after);
        assert_eq!(world.authorize_as(&query, Authorization::of("alice"), long_after).code().len(), 43, "{name}");
        let stored = world.store.bytes();
        for other in ["bob", "Alice", "alice "] {
            let ended = world.authorize_as(&query, Authorization::of(other), long_after);
            assert_eq!(ended.error(), "login_required", "{name}: {other}");
            assert_eq!(ended.parameter("code"), None);
        }
        assert_eq!(world.authorize_as(&query, Authorization::of_client(), long_after).error(), "server_error");
        assert_eq!(world.store.bytes(), stored, "nothing is stored");
    }
}

#[test]
fn a_host_is_told_before_it_approves() {
    let world = bank();
    let hint = of_app(&world, "alice");
    let encoded = Query::app().and("id_token_hint", &hint).encoded();
    let request = Request::new("GET", b"").with_query(encoded.as_bytes());
    let hinted = world.engine.blocking().authorize(&request, at(0)).unwrap().unwrap();
    assert!(hinted.accepts_subject("alice") && !hinted.accepts_subject("bob"));
    assert!(hinted.carried().any(|pair| pair == ("id_token_hint", &*hint)), "a page carries it along");
    let encoded = Query::app().encoded();
    let request = Request::new("GET", b"").with_query(encoded.as_bytes());
    let plain = world.engine.blocking().authorize(&request, at(0)).unwrap().unwrap();
    assert!(plain.accepts_subject("bob") && plain.id_token_hint().is_none());
}

/// JWTs that nobody should believe, beside the real one that they are made from. The keys are those that a stranger can
/// have: none, public ones, and his own.
fn hostile(world: &World) -> Vec<(&'static str, String)> {
    let real = of_app(world, "alice");
    let (header, said) = parts(&real);
    let with = |name: &str, value: Value| {
        let mut changed = said.clone();
        changed[name] = value;
        changed
    };
    let (stranger, _) = SigningKey::generate(SigningAlgorithm::Es256).unwrap();
    // The bytes that are public: the JWK set, and each of its strings.
    let jwks = String::from_utf8(world.engine.jwks().into_body()).unwrap();
    let jwk = serde_json::from_str::<Value>(&jwks).unwrap()["keys"][0].clone();
    let pieces: Vec<&str> = real.split('.').collect();
    let none = |alg: &str| signed(&json!({ "alg": alg, "typ": "JWT" }), &said, |_| Vec::new());
    let by_secret = |key: &[u8], header: &Value| signed(header, &said, |message| hs256(key, message));
    let plain = json!({ "alg": "HS256" });
    let mut table = vec![
        ("no JWT at all", "hint".to_owned()),
        ("two parts", format!("{}.{}", pieces[0], pieces[1])),
        ("four parts", format!("{real}.")),
        ("an encrypted one", format!("{real}.a.b")),
        ("without a signature", format!("{}.{}.", pieces[0], pieces[1])),
        ("alg none", none("none")),
        ("alg None", none("None")),
        ("alg NONE", none("NONE")),
        ("an empty alg", none("")),
        ("padded", format!("{real}=")),
        ("with a space", format!("{real} ")),
        ("another signature's bits", format!("{}.{}.{}", pieces[0], pieces[1], "A".repeat(86))),
        ("HS256 by the JWK set", by_secret(jwks.as_bytes(), &plain)),
        ("HS256 by the JWK", by_secret(jwk.to_string().as_bytes(), &plain)),
        ("HS256 by x", by_secret(jwk["x"].as_str().unwrap().as_bytes(), &plain)),
        ("HS256 by the kid", by_secret(KEY.kid().as_bytes(), &json!({ "alg": "HS256", "kid": KEY.kid() }))),
        ("HS256 by nothing", by_secret(b"", &plain)),
        ("HS256 by another client's secret", by_secret(SECRET.as_bytes(), &plain)),
        (
            "HS256 under the engine's kid",
            by_secret(SECRET.as_bytes(), &json!({ "alg": "HS256", "typ": "JWT", "kid": KEY.kid() })),
        ),
        ("HS512", by_secret(SECRET.as_bytes(), &json!({ "alg": "HS512" }))),
        ("another client's", world.log_in(at(0)).text("id_token")),
        ("an access token", world.log_in(at(0)).access_token()),
        ("a refresh token", world.log_in(at(0)).refresh_token()),
    ];
    // Claims that the real signature is not over.
    for (name, claims) in [
        ("another subject", with("sub", json!("bob"))),
        ("another client", with("aud", json!([PORTAL]))),
        ("another issuer", with("iss", json!("https://evil.example"))),
    ] {
        table.push((name, signed(&header, &claims, |_| vec![0; 64])));
        let header = json!({ "alg": "ES256", "typ": "JWT", "kid": KEY.kid(), "jwk": jwk });
        table.push((name, signed(&header, &claims, |_| vec![0; 64])));
    }
    // Of engines of other issuers, by a key of their own, and by the very same key.
    for (name, key, issuer) in [
        ("a stranger's key for another issuer", stranger, "https://id.example.evil"),
        ("another issuer by the same key", KEY.clone(), "https://other.example"),
        ("an issuer with a slash more", KEY.clone(), "https://id.example/"),
    ] {
        let other = World::new([mobile_app()], |builder| issuing(builder).issuer(issuer).signing_key(key));
        table.push((name, of_app(&other, "alice")));
    }
    table
}

/// Each is refused as a request, with one answer, and by the call that hosts have.
#[test]
fn a_hint_that_is_not_ours_is_refused() {
    let world = bank();
    let hints = hostile(&world);
    for (name, hint) in &hints {
        let ended = asked(&world, &Query::app().and("id_token_hint", hint));
        assert_eq!(ended, Err("invalid_request".to_owned()), "{name}");
        let told = world.engine.blocking().verify_id_token_hint(hint, Some(APP)).unwrap();
        assert!(matches!(told, Err(IdTokenHintError::NotOurs)), "{name}");
    }
    let twice = Query::app().and("id_token_hint", "a").and("id_token_hint", "b");
    assert_eq!(asked(&world, &twice), Err("invalid_request".to_owned()));
    let none = Query::app().and("id_token_hint", "");
    assert_eq!(asked(&world, &none), Ok(None), "an empty one is none (RFC 6749 section 3.1)");
    // Every bit of the real one counts.
    let real = of_app(&world, "alice");
    for at in (0..real.len()).filter(|at| real.as_bytes()[*at] != b'.') {
        let mut bytes = real.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        let told = world.engine.blocking().verify_id_token_hint(&changed, None).unwrap();
        assert!(told.is_err(), "{at}");
    }
}

/// The header is under the signature too, so these are made with the client's own secret: the one key that tests can sign by.
#[test]
fn a_signature_alone_makes_no_hint() {
    let world = bank();
    let (header, said) = parts(&world.log_in(at(0)).text("id_token"));
    let by_secret =
        |header: &Value, claims: &Value| signed(header, claims, |message| hs256(SECRET.as_bytes(), message));
    let query = |hint: &str| Query::portal().and("id_token_hint", hint);
    assert!(asked(&world, &query(&by_secret(&header, &said))).is_ok());
    let with = |name: &str, value: Value| {
        let mut changed = said.clone();
        changed[name] = value;
        changed
    };
    let without = |name: &str| {
        let mut changed = said.clone();
        changed.as_object_mut().unwrap().remove(name);
        changed
    };
    for (name, claims, is_ours) in [
        ("its audience as a string", with("aud", json!(PORTAL)), true),
        ("one of several audiences", with("aud", json!([APP, PORTAL])), true),
        (
            "azp alone",
            {
                let mut claims = with("aud", json!(["https://api.example"]));
                claims["azp"] = json!(PORTAL);
                claims
            },
            true,
        ),
        ("another azp", with("azp", json!(APP)), false),
        ("another audience", with("aud", json!([APP])), false),
        ("an empty audience", with("aud", json!([])), false),
        ("another issuer", with("iss", json!("https://evil.example")), false),
        ("the issuer with a slash", with("iss", json!(format!("{ISSUER}/"))), false),
        ("an empty subject", with("sub", json!("")), false),
        ("a subject that is no text", with("sub", json!(7)), false),
        ("a time that is none", with("iat", json!("now")), false),
        ("without an issuer", without("iss"), false),
        ("without a subject", without("sub"), false),
        ("without an audience", without("aud"), false),
        ("without an end", without("exp"), false),
        ("without auth_time", without("auth_time"), true),
        ("issued at the end of time", with("iat", json!(u64::MAX)), true),
    ] {
        let hint = by_secret(&header, &claims);
        assert_eq!(asked(&world, &query(&hint)).is_ok(), is_ours, "{name}");
        assert_eq!(
            world.engine.blocking().verify_id_token_hint(&hint, Some(PORTAL)).unwrap().is_ok(),
            is_ours,
            "{name}"
        );
    }
    for (name, header, is_ours) in [
        ("typed", json!({ "alg": "HS256", "typ": "JWT" }), true),
        ("typed in another case", json!({ "alg": "HS256", "typ": "jwt" }), true),
        ("an access token's type", json!({ "alg": "HS256", "typ": "at+jwt" }), false),
        ("a logout token's type", json!({ "alg": "HS256", "typ": "logout+jwt" }), false),
        ("what must be understood", json!({ "alg": "HS256", "crit": ["b64"], "b64": false }), false),
        ("nothing that must be understood", json!({ "alg": "HS256", "crit": null }), false),
        ("lower case", json!({ "alg": "hs256" }), false),
        ("no algorithm", json!({ "typ": "JWT" }), false),
    ] {
        assert_eq!(asked(&world, &query(&by_secret(&header, &said))).is_ok(), is_ours, "{name}");
    }
}

/// RP-Initiated Logout section 2: the client is that of the request, or the one that the token was issued to.
#[test]
fn a_host_verifies_one_without_knowing_the_client() {
    let world = bank();
    let blocking = world.engine.blocking();
    let (by_key, by_secret) = (of_app(&world, "alice"), world.log_in(at(0)).text("id_token"));
    for (hint, client) in [(&by_key, APP), (&by_secret, PORTAL)] {
        for named in [None, Some(client)] {
            let found = blocking.verify_id_token_hint(hint, named).unwrap().unwrap();
            assert_eq!((found.subject(), found.client_id()), ("alice", client));
        }
    }
    for (hint, named) in [(&by_key, PORTAL), (&by_secret, APP), (&by_key, "nobody"), (&by_key, "a\0b"), (&by_key, "")] {
        assert!(blocking.verify_id_token_hint(hint, Some(named)).unwrap().is_err(), "{named}");
    }
    let unregistered = World::new([portal()], issuing);
    assert!(unregistered.engine.blocking().verify_id_token_hint(&by_key, None).unwrap().is_err(), "no such client");
}

#[test]
fn keys_that_are_accepted_count_and_one_that_is_gone_is_no_hint() {
    let (old, _) = SigningKey::generate(SigningAlgorithm::EdDsa).unwrap();
    let before = World::new([mobile_app()], |builder| issuing(builder).signing_key(old.clone()));
    let hint = of_app(&before, "alice");
    let query = Query::app().and("id_token_hint", &hint);
    let accepts = World::new([mobile_app()], |builder| issuing(builder).accept_signing_key(old));
    assert!(asked(&accepts, &query).unwrap().is_some());
    // One that is gone, or a stranger's: no hint, so that whoever keeps an old ID token can log in (with `prompt=none` too).
    let gone = World::new([mobile_app()], issuing);
    assert_eq!(asked(&gone, &query), Ok(None));
    let told = gone.engine.blocking().verify_id_token_hint(&hint, Some(APP)).unwrap();
    assert!(matches!(told, Err(IdTokenHintError::NotOurs)), "a host that logs people out by it does not believe it");
}

/// RFC 6749 section 3.1: a parameter that is not known is ignored.
#[test]
fn an_engine_without_id_tokens_does_not_know_the_parameter() {
    let world = World::new([mobile_app()], |builder| {
        let builder = builder.issuer(ISSUER).authorization_code().signing_key(KEY.clone());
        builder.jwt_access_tokens(JwtAccessTokens::new())
    });
    let query = Query::app().and("id_token_hint", "anything");
    assert_eq!(asked(&world, &query), Ok(None));
    assert_eq!(world.authorize_as(&query, Authorization::of("bob"), at(0)).code().len(), 43);
}

/// A scope without `openid` makes no difference: the client says whom it means, and relies on it.
#[test]
fn a_hint_counts_without_openid_too() {
    let world = World::new([mobile_app().scope(scope("openid email"))], issuing);
    let hint = of_app(&world, "alice");
    let query = Query::app().set("scope", "email").and("id_token_hint", &hint);
    assert_eq!(world.authorize_as(&query, Authorization::of("bob"), at(0)).error(), "login_required");
    let bad = Query::app().set("code_challenge", CHALLENGE).set("scope", "email").and("id_token_hint", "bad");
    assert_eq!(asked(&world, &bad), Err("invalid_request".to_owned()));
}
