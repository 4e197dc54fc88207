//! Hostile assertions through the engine: each row breaks one thing, is refused at every endpoint by what the host is told, and
//! spends nothing. RFC 7523 section 3; RFC 7515 sections 4.1.11 and 10; RFC 8725 sections 2 and 3.

use regrant::Request;
use serde_json::{Value, json};

use crate::keyed::*;
use crate::kit::jwt::{hs256, signed};
use crate::kit::portal::ISSUER;
use crate::kit::signer::{Signer, claims, with_assertion};
use crate::kit::{Ask, OTHER_SECRET, SECRET, at, form, renewal};

/// What a stranger makes of a good header and good claims.
type Break = fn(&mut Value, &mut Value);

/// Signed by the client's own key, and wrong all the same.
const BY_THE_CLIENT: &[(&str, Break)] = &[
    ("Jws(Algorithm)", |header, _| header["alg"] = json!("none")),
    ("Jws(Algorithm)", |header, _| header["alg"] = json!("NONE")),
    ("Jws(Algorithm)", |header, _| header["alg"] = json!("HS384")),
    ("Jws(Algorithm)", |header, _| header["alg"] = json!("eddsa")),
    ("Jws(Algorithm)", |header, _| header["alg"] = json!(["EdDSA"])),
    ("Jws(Algorithm)", |header, _| drop(header.as_object_mut().unwrap().remove("alg"))),
    ("Jws(Critical)", |header, _| header["crit"] = json!(["exp"])),
    ("Jws(Critical)", |header, _| header["crit"] = json!([])),
    ("Jws(Critical)", |header, _| header["b64"] = json!(false)),
    ("Jws(Type)", |header, _| header["typ"] = json!("dpop+jwt")),
    ("Jws(Type)", |header, _| header["typ"] = json!("oauth-authz-req+jwt")),
    ("Jws(Type)", |header, _| header["typ"] = json!("at+jwt")),
    ("Jws(Type)", |header, _| header["typ"] = json!("oauth-id-jag+jwt")),
    ("UnknownKey", |header, _| header["kid"] = json!("two")),
    ("UnknownKey", |header, _| header["kid"] = json!("")),
    ("UnknownKey", |header, _| header["kid"] = json!("../one")),
    ("Jws(Json)", |header, _| header["kid"] = json!(1)),
    ("Claim(Missing)", |_, claims| drop(claims.as_object_mut().unwrap().remove("iss"))),
    ("Claim(Missing)", |_, claims| drop(claims.as_object_mut().unwrap().remove("sub"))),
    ("Claim(Missing)", |_, claims| drop(claims.as_object_mut().unwrap().remove("jti"))),
    ("Claim(Missing)", |_, claims| drop(claims.as_object_mut().unwrap().remove("exp"))),
    ("Audience", |_, claims| drop(claims.as_object_mut().unwrap().remove("aud"))),
    ("Claim(Missing)", |_, claims| claims["jti"] = json!("")),
    ("Claim(Type)", |_, claims| claims["jti"] = json!(7)),
    ("Claim(Type)", |_, claims| claims["jti"] = json!("j".repeat(257))),
    ("Claim(Type)", |_, claims| claims["exp"] = json!("tomorrow")),
    ("Claim(Type)", |_, claims| claims["exp"] = json!(-1)),
    ("Subject", |_, claims| claims["iss"] = json!(ISSUER)),
    ("Subject", |_, claims| claims["iss"] = json!("mac-client")),
    ("Audience", |_, claims| claims["aud"] = json!(format!("{ISSUER}/token"))),
    ("Audience", |_, claims| claims["aud"] = json!("https://ID.example")),
    ("Audience", |_, claims| claims["aud"] = json!([ISSUER, "https://evil.example"])),
    ("Audience", |_, claims| claims["aud"] = json!([])),
    ("Audience", |_, claims| claims["aud"] = json!({ "0": ISSUER })),
    ("Expired", |_, claims| claims["exp"] = json!(at(0).as_secs() - 10)),
    ("TooLong", |_, claims| claims["exp"] = json!(at(4_000).as_secs())),
    ("TooLong", |_, claims| claims["exp"] = json!(u64::MAX)),
    ("Ahead", |_, claims| claims["nbf"] = json!(at(61).as_secs())),
    ("Ahead", |_, claims| claims["iat"] = json!(at(61).as_secs())),
    // The client exists, and the way is not its own.
    ("AuthMethod", |_, claims| {
        (claims["iss"], claims["sub"]) = (json!("mac-client"), json!("mac-client"));
    }),
    ("AuthMethod", |_, claims| (claims["iss"], claims["sub"]) = (json!("native"), json!("native"))),
    ("UnknownClient", |_, claims| (claims["iss"], claims["sub"]) = (json!("nobody"), json!("nobody"))),
    ("UnknownClient", |_, claims| (claims["iss"], claims["sub"]) = (json!("key-client\0"), json!("key-client\0"))),
    ("UnknownClient", |_, claims| {
        let long = "k".repeat(2_000);
        (claims["iss"], claims["sub"]) = (json!(long), json!(long));
    }),
];

/// Texts that no client made.
fn made_by_others() -> Vec<(&'static str, String)> {
    let good = || claims("key-client", "good", 0);
    let header = |algorithm: &str| signer().header(algorithm);
    let stranger = Signer::new("evil");
    let public = signer().jwks().to_string();
    let x = signer().jwks()["keys"][0]["x"].as_str().unwrap().to_owned();
    let genuine = signer().assertion("key-client", "good", 0);
    let [head, body, signature] = genuine.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    let by = |header: Value| signed(&header, &good(), |message| stranger.sign("EdDSA", message));
    vec![
        ("Signature", by(header("EdDSA"))),
        ("Signature", signed(&header("ES256"), &good(), |message| stranger.sign("ES256", message))),
        // Another algorithm of the same client: the type of the key decides.
        ("Signature", signed(&header("ES256"), &good(), |message| signer().sign("EdDSA", message))),
        ("UnknownKey", signed(&header("RS256"), &good(), |message| signer().sign("EdDSA", message))),
        ("UnknownKey", signed(&header("PS256"), &good(), |message| signer().sign("ES256", message))),
        // A public key as the secret of a MAC.
        ("AuthMethod", signed(&header("HS256"), &good(), |message| hs256(public.as_bytes(), message))),
        ("AuthMethod", signed(&header("HS256"), &good(), |message| hs256(x.as_bytes(), message))),
        // Keys that it brings along or points to.
        ("Signature", by(json!({"alg": "EdDSA", "kid": "one", "jwk": stranger.jwks()["keys"][0]}))),
        ("Signature", by(json!({"alg": "EdDSA", "kid": "one", "jku": "https://evil.example/jwks"}))),
        ("Signature", by(json!({"alg": "EdDSA", "kid": "one", "x5u": "https://evil.example/cert"}))),
        ("Signature", by(json!({"alg": "EdDSA", "kid": "one", "x5c": ["AAAA"]}))),
        ("UnknownKey", by(json!({"alg": "EdDSA", "kid": "evil", "jwk": stranger.jwks()["keys"][0]}))),
        // Other shapes.
        ("Jws(Compact)", format!("{head}.{body}")),
        ("Jws(Compact)", format!("{head}.{body}.")),
        ("Jws(Compact)", format!("{head}.{body}.{signature}.{signature}.{signature}")),
        ("Jws(Compact)", format!("{head}.{body}.{signature}=")),
        ("Jws(Compact)", format!("{head}.{body}.{signature} ")),
        ("Jws(Compact)", format!("{head}.{body}.*")),
        ("Signature", format!("{head}.{body}.AAAA")),
        ("Signature", {
            let other = signer().assertion("key-client", "other", 0);
            format!("{head}.{body}.{}", other.rsplit('.').next().unwrap())
        }),
        // As long as a value of a form may be.
        ("Jws(", format!("{head}.{}.{signature}", "A".repeat(7 * 1_024))),
        ("Jws(Repeated)", raw(r#"{"alg":"EdDSA","kid":"one"}"#, r#"{"sub":"key-client","sub":"mac-client"}"#)),
        ("Jws(Repeated)", raw(r#"{"alg":"none","alg":"EdDSA"}"#, r#"{"sub":"key-client"}"#)),
        ("Jws(Json)", raw("[]", r#"{"sub":"key-client"}"#)),
        ("Jws(Json)", raw(r#"{"alg":"EdDSA"}"#, "[]")),
        ("Jws(Json)", raw(r#"{"alg":"EdDSA"}"#, "\u{feff}{}")),
        // MACs, of the client that has such.
        ("Signature", {
            let claims = claims("mac-client", "good", 0);
            signed(&json!({"alg": "HS256"}), &claims, |message| hs256(OTHER_SECRET.as_bytes(), message))
        }),
        ("Signature", {
            let claims = claims("mac-client", "good", 0);
            signed(&json!({"alg": "HS256"}), &claims, |message| hs256(b"", message))
        }),
        ("AuthMethod", {
            // Its secret is kept as a digest, and a digest is no secret: whoever reads the registry has it.
            let claims = claims("portal", "good", 0);
            let digest = regrant::ClientSecret::new(SECRET).unwrap().digest().unwrap();
            signed(&json!({"alg": "HS256"}), &claims, |message| hs256(&digest, message))
        }),
    ]
}

/// Texts for header and claims, signed by the client.
fn raw(header: &str, claims: &str) -> String {
    use base64::Engine as _;
    let part = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    let message = format!("{}.{}", part(header), part(claims));
    format!("{message}.{}", {
        let signature = signer().sign("EdDSA", message.as_bytes());
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(signature)
    })
}

#[test]
fn each_is_refused_at_each_endpoint_and_spends_nothing() {
    let desk = desk([key_client(), mac_client()]);
    let token = login(&desk, "login", 0);
    let held = desk.held();
    desk.events.take();
    let broken = BY_THE_CLIENT.iter().map(|(why, change)| {
        let (mut header, mut claims) = (signer().header("EdDSA"), claims("key-client", "good", 0));
        change(&mut header, &mut claims);
        (*why, signer().jwt(&header, &claims))
    });
    let rows: Vec<_> = broken.chain(made_by_others()).collect();
    assert!(rows.len() >= 70, "{}", rows.len());
    for (why, assertion) in &rows {
        for endpoint in At::ALL {
            let body = if endpoint == At::Token { renewal(&token) } else { format!("token={token}") };
            let reply = desk.ask(endpoint, &form(with_assertion(&body, assertion)), 0);
            reply.assert_error(401, "invalid_client");
            assert_eq!(reply.text("error_description"), "client authentication failed");
            let told = desk.events.take();
            assert!(told.len() == 1 && told[0].contains(why), "{why} at {endpoint:?}: {told:?} of {assertion}");
            assert!(!told[0].contains(&token), "{told:?}");
            assert_eq!(desk.held(), held, "{why} at {endpoint:?}");
        }
    }
    // Every one of these had the `jti` of this one.
    refresh_by_key(&desk, &token, "good", 0).assert_ok();
}

/// RFC 7521 section 4.2, RFC 6749 section 2.3: one way in each request.
#[test]
fn an_assertion_stands_alone_and_whole() {
    let desk = desk([key_client(), moving()]);
    let good = |client: &str| signer().assertion(client, "good", 0);
    let plain = |body: &str| form(format!("{CREDENTIALS}&{body}"));
    let typed = "client_assertion_type=urn:ietf:params:oauth:client-assertion-type";
    let rows: Vec<(&str, (u16, &str), Ask)> = vec![
        (
            "TwoAuthentications",
            (400, "invalid_request"),
            form(with_assertion(CREDENTIALS, &good("moving"))).basic("moving", OTHER_SECRET),
        ),
        (
            "TwoAuthentications",
            (400, "invalid_request"),
            form(with_assertion(&format!("{CREDENTIALS}&client_secret={OTHER_SECRET}"), &good("moving"))),
        ),
        (
            "ClientIdMismatch",
            (400, "invalid_request"),
            form(with_assertion(&format!("{CREDENTIALS}&client_id=moving"), &good("key-client"))),
        ),
        ("Credentials", (401, "invalid_client"), plain(&format!("client_assertion={}", good("key-client")))),
        ("Credentials", (401, "invalid_client"), plain(&format!("{typed}:jwt-bearer&client_id=key-client"))),
        (
            "Credentials",
            (401, "invalid_client"),
            plain(&format!("{typed}:saml2-bearer&client_assertion={}", good("key-client"))),
        ),
        (
            "RepeatedParameter",
            (400, "invalid_request"),
            form(with_assertion(&with_assertion(CREDENTIALS, &good("key-client")), &good("key-client"))),
        ),
        // It says who it is, and shows nothing; or shows a secret that it does not have.
        ("WrongSecret", (401, "invalid_client"), plain("client_id=key-client")),
        ("WrongSecret", (401, "invalid_client"), form(CREDENTIALS).basic("key-client", SECRET)),
        ("WrongSecret", (401, "invalid_client"), plain(&format!("client_id=key-client&client_secret={SECRET}"))),
    ];
    for (why, (status, code), ask) in rows {
        desk.ask(At::Token, &ask, 0).assert_error(status, code);
        let told = desk.events.take();
        assert!(told.len() == 1 && told[0].contains(why), "{why}: {told:?}");
        assert!(desk.held().is_empty(), "{why}");
    }
    // In the query it is nothing at all (RFC 6749 section 2.3.1).
    let query = with_assertion("", &good("key-client"));
    let body = format!("{CREDENTIALS}&client_id=key-client");
    let request = Request::new("POST", body.as_bytes())
        .with_query(query.as_bytes())
        .with_header("content-type", crate::kit::ask::FORM.as_bytes());
    desk.send(At::Token, &request, 0).assert_error(401, "invalid_client");
    // The one that all of them carried.
    desk.by_key(At::Token, CREDENTIALS, "good", 0).assert_ok();
}

/// Whatever is refused after authentication spends nothing either: the same assertion goes on.
#[test]
fn no_later_refusal_spends_one() {
    let desk = desk([key_client()]);
    let token = login(&desk, "login", 0);
    let theirs = desk.login("portal", at(0)).refresh_token();
    let held = desk.held();
    let code = "grant_type=authorization_code&code=none";
    for (body, error) in [
        ("grant_type=urn:nobody".to_owned(), "unsupported_grant_type"),
        ("grant_type=refresh_token".to_owned(), "invalid_request"),
        (renewal("short"), "invalid_grant"),
        (renewal(&crate::kit::forged(&token)), "invalid_grant"),
        (renewal(&theirs), "invalid_grant"),
        (format!("{}&scope=everything", renewal(&token)), "invalid_scope"),
        ("grant_type=client_credentials&scope=everything".to_owned(), "invalid_scope"),
        (code.to_owned(), "invalid_grant"),
    ] {
        desk.by_key(At::Token, &body, "good", 0).assert_error(400, error);
        assert_eq!(desk.held(), held, "{body}");
    }
    desk.by_key(At::Token, &renewal(&token), "good", 0).assert_ok();
}

/// Whoever has read an assertion that was used, and an old refresh token or a code, does not end the login by them.
#[test]
fn a_used_assertion_ends_no_login() {
    let desk = desk([key_client()]);
    let code = code_of(&desk, "key-client", 0);
    let spent = signer().assertion("key-client", "a", 0);
    let first =
        desk.ask(At::Token, &form(with_assertion(&redemption_of(&code), &spent)), 0).assert_ok().refresh_token();
    let second = refresh_by_key(&desk, &first, "b", 1).assert_ok().refresh_token();
    let third = refresh_by_key(&desk, &second, "c", 2).assert_ok().refresh_token();
    let held = desk.held();
    desk.events.take();
    // Older than its predecessor, which by itself is a replay.
    desk.ask(At::Token, &form(with_assertion(&renewal(&first), &spent)), 3).assert_error(400, "invalid_grant");
    let of_b = signer().assertion("key-client", "b", 1);
    desk.ask(At::Token, &form(with_assertion(&redemption_of(&code), &of_b)), 3).assert_error(400, "invalid_grant");
    assert_eq!(desk.held(), held);
    assert!(desk.events.take().iter().all(|event| event.contains("AssertionSpent")));
    let fourth = refresh_by_key(&desk, &third, "d", 4).assert_ok().refresh_token();
    // By a new one it is a replay, as ever.
    refresh_by_key(&desk, &first, "e", 5).assert_error(400, "invalid_grant");
    assert!(desk.events.names().contains(&"ReplayFound".to_owned()));
    refresh_by_key(&desk, &fourth, "f", 6).assert_error(400, "invalid_grant");
}

/// The very request that it was spent for is judged by the record: within the window a lost answer, and past it an old token that comes
/// back. So whoever has caught it whole gets nothing new, and may end the login until the assertion has expired.
#[test]
fn the_same_request_past_the_window_is_a_replay() {
    for caught_expires in [1_000, 3_000] {
        let desk = desk([key_client()]);
        let first = login(&desk, "a", 0);
        let mut long = claims("key-client", "b", 0);
        long["exp"] = json!(at(caught_expires).as_secs());
        let caught = form(with_assertion(&renewal(&first), &signer().jwt(&signer().header("EdDSA"), &long)));
        let second = desk.ask(At::Token, &caught, 0).assert_ok().refresh_token();
        assert_eq!(desk.ask(At::Token, &caught, 119).assert_ok().refresh_token(), second);
        let reply = desk.ask(At::Token, &caught, 2_000);
        if caught_expires < 2_000 {
            reply.assert_error(401, "invalid_client");
            refresh_by_key(&desk, &second, "c", 2_001).assert_ok();
        } else {
            reply.assert_error(400, "invalid_grant");
            assert!(desk.events.names().contains(&"ReplayFound".to_owned()));
            refresh_by_key(&desk, &second, "c", 2_001).assert_error(400, "invalid_grant");
        }
    }
}

/// A flood of what is refused, and of `jti`s that nobody has seen, leaves nothing behind.
#[test]
fn a_flood_leaves_nothing() {
    let desk = desk([key_client()]);
    let evil = Signer::new("one of mine");
    for n in 0..500 {
        let claims = claims("key-client", &n.to_string(), 0);
        let forged = signed(&signer().header("EdDSA"), &claims, |message| evil.sign("EdDSA", message));
        desk.ask(At::Token, &form(with_assertion(CREDENTIALS, &forged)), 0).assert_error(401, "invalid_client");
        desk.by_key(At::Token, &renewal("nothing"), &n.to_string(), 0).assert_error(400, "invalid_grant");
    }
    assert!(desk.held().is_empty());
}
