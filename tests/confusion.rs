//! One token taken for another: JWTs at the resource and at the other endpoints, and ID tokens.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test fails by panicking")]

mod common;
#[path = "common/portal.rs"]
mod portal;

use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use common::{Fault, SECRET, Shelf, at};
use ed25519_dalek::{Signer as _, SigningKey as Ed25519};
use hmac::{Hmac, KeyInit as _, Mac as _};
use portal::{ISSUER, NONCE, OnShelf, Portal, STATE, query, redemption, renewal};
use regrant::{
    Authorization, BearerErrorKind, ClaimError, ClaimsProvider, Client, HookError, IdClaims, IdTokenRequest,
    JwtAccessTokens, RecoverableSecret, Scope, SigningAlgorithm, SigningKey,
};
use rsa::RsaPrivateKey;
use rsa::pkcs8::{DecodePrivateKey as _, EncodePublicKey as _, LineEnding};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

struct Directory;

impl ClaimsProvider for Directory {
    async fn claims(&self, request: &IdTokenRequest<'_>) -> Result<IdClaims, HookError> {
        let claims = IdClaims::new().with("custom:scope", request.scope().as_str());
        claims.map_err(HookError::new)
    }
}

/// A key of which the tests have the private half too: that of a thief, or of the engine itself.
fn ed25519(seed: u8) -> (SigningKey, Ed25519) {
    let der = [&hex(b"302e020100300506032b657004220420")[..], &[seed; 32]].concat();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----", STANDARD.encode(der));
    (SigningKey::from_pkcs8_pem(&pem).unwrap(), Ed25519::from_bytes(&[seed; 32]))
}

fn hex(digits: &[u8]) -> Vec<u8> {
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn part(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

fn parts(token: &str) -> (Value, Value) {
    let mut parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap());
    let mut next = || serde_json::from_slice(&parts.next().unwrap()).unwrap();
    (next(), next())
}

fn signed(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let message = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

fn hs256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

fn half(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(text)[..16])
}

/// With JWTs and ID tokens by this key; `vault` has a secret that signs its own.
fn world(key: SigningKey, tokens: JwtAccessTokens) -> OnShelf {
    let vault = portal::portal_as("vault").recoverable_secret(RecoverableSecret::new(SECRET).unwrap());
    Portal::new(Arc::new(Shelf::default()), [vault], |builder| {
        builder.signing_key(key).jwt_access_tokens(tokens).id_tokens(Directory)
    })
}

#[track_caller]
fn is_refused(world: &OnShelf, token: &str) {
    let refused = world.bearer(token, at(2)).unwrap_err();
    assert_eq!(refused.kind(), BearerErrorKind::InvalidToken);
    let stored = world.store.bytes();
    assert!(!world.is_active("api", token, at(2)) && !world.is_active("portal", token, at(2)));
    assert_eq!(world.revoke("portal", token, at(2)).status, 200);
    assert_eq!(world.store.bytes(), stored);
}

/// In both modes; the second believes a signature, and has all the more to make sure of it.
fn both() -> [JwtAccessTokens; 2] {
    [JwtAccessTokens::new(), JwtAccessTokens::new().danger_signature_alone()]
}

#[test]
fn an_id_token_opens_no_door() {
    for tokens in both() {
        let world = world(ed25519(1).0, tokens);
        for client in ["portal", "native", "vault"] {
            let reply = world.login(client, at(1));
            let id_token = reply.text("id_token");
            is_refused(&world, &id_token);
            for body in [redemption(client, &id_token), renewal(&id_token)] {
                world.token(client, &body, at(2)).assert_error(400, "invalid_grant");
            }
            // Nor is an access token an ID token: its type and its audience are others.
            let (header, claims) = parts(&reply.access_token());
            assert_eq!((&header["typ"], &claims["aud"]), (&json!("at+jwt"), &json!(ISSUER)));
            assert_ne!(parts(&id_token).0["typ"], "at+jwt");
            for body in [redemption(client, &reply.access_token()), renewal(&reply.access_token())] {
                world.token(client, &body, at(2)).assert_error(400, "invalid_grant");
            }
        }
    }
}

/// The engine's own signature under a header that says something else.
#[test]
fn only_the_type_and_the_algorithm_of_an_access_token_are_taken() {
    for tokens in both() {
        let (key, private) = ed25519(1);
        let world = world(key, tokens);
        let (header, claims) = parts(&world.login("portal", at(1)).access_token());
        let sign = |header: &Value| signed(header, &claims, |message| private.sign(message).to_vec());
        assert!(world.bearer(&sign(&header), at(2)).is_ok());
        for (name, value) in [
            ("typ", json!("JWT")),
            ("typ", json!("at+JWTx")),
            ("typ", json!("")),
            ("typ", Value::Null),
            ("typ", json!(["at+jwt"])),
            ("alg", json!("none")),
            ("alg", json!("HS256")),
            ("alg", json!("RS256")),
            ("alg", json!("ES256")),
            ("alg", json!("eddsa")),
            ("alg", json!("Ed25519")),
            ("kid", json!("x")),
            ("kid", json!("")),
            ("kid", Value::Null),
            ("crit", json!(["exp"])),
            ("crit", json!([])),
        ] {
            let mut other = header.clone();
            other[name] = value;
            is_refused(&world, &sign(&other));
        }
        for gone in ["typ", "alg", "kid"] {
            let mut other = header.clone();
            other.as_object_mut().unwrap().remove(gone);
            is_refused(&world, &sign(&other));
        }
    }
}

static RSA: LazyLock<(SigningKey, RsaPrivateKey)> = LazyLock::new(|| {
    let (key, pem) = SigningKey::generate(SigningAlgorithm::Rs256).unwrap();
    (key, RsaPrivateKey::from_pkcs8_pem(pem.reveal()).unwrap())
});

/// A MAC under everything that is public of the key, in every form that a library may take it for a secret.
#[test]
fn a_mac_under_the_public_key_is_no_signature() {
    for tokens in both() {
        let world = world(RSA.0.clone(), tokens);
        let token = world.login("portal", at(1)).access_token();
        let (header, claims) = parts(&token);
        let public = RSA.1.to_public_key();
        let jwks: Value = serde_json::from_slice(world.engine.jwks().body()).unwrap();
        let n = jwks["keys"][0]["n"].as_str().unwrap();
        let pem = public.to_public_key_pem(LineEnding::LF).unwrap();
        let keys = [
            pem.as_bytes().to_vec(),
            pem.trim_end().into(),
            public.to_public_key_der().unwrap().into_vec(),
            n.into(),
            URL_SAFE_NO_PAD.decode(n).unwrap(),
            jwks["keys"][0].to_string().into(),
            RSA.0.kid().into(),
            SECRET.into(),
            b"k".to_vec(),
        ];
        for key in keys {
            for alg in ["HS256", "RS256"] {
                let mut header = header.clone();
                header["alg"] = json!(alg);
                is_refused(&world, &signed(&header, &claims, |message| hs256(&key, message)));
            }
        }
        for alg in ["none", "None", "NONE", "", "RS256"] {
            let mut header = header.clone();
            header["alg"] = json!(alg);
            is_refused(&world, &signed(&header, &claims, |_| Vec::new()));
        }
        // A place of each part that is another.
        for place in (0..token.len()).step_by(29) {
            is_refused(&world, &common::altered(&token, place));
        }
        let (message, signature) = token.rsplit_once('.').unwrap();
        for bent in [
            format!("{message}."),
            format!("{message}.{signature}="),
            format!("{token}."),
            format!(".{token}"),
            message.into(),
        ] {
            is_refused(&world, &bent);
        }
    }
}

/// Claims that this engine never wrote, by keys that are none of its own, its own, or one that it accepts.
#[test]
fn claims_of_another_issuer_audience_grant_or_time_are_refused() {
    for (mode, tokens) in both().into_iter().enumerate() {
        let ((key, private), (_, thief)) = (ed25519(1), ed25519(2));
        let world = world(key, tokens);
        let reply = world.login("portal", at(1));
        let (header, claims) = parts(&reply.access_token());
        let (_, others) = parts(&world.login("native", at(1)).access_token());
        let sign = |claims: &Value| signed(&header, claims, |message| private.sign(message).to_vec());
        is_refused(&world, &signed(&header, &claims, |message| thief.sign(message).to_vec()));
        let now = at(2).as_secs();
        let mut rows = vec![
            ("iss", json!("https://evil.example")),
            ("iss", json!("https://id.example/")),
            ("iss", json!("")),
            ("aud", json!("portal")),
            ("aud", json!([])),
            ("aud", json!("")),
            ("aud", json!("https://id.example/")),
            ("aud", json!({"a": ISSUER})),
            ("exp", json!(now)),
            ("exp", json!(0)),
            ("exp", json!(-1)),
            ("exp", json!(1e300)),
            ("exp", json!(format!("{}", now + 9))),
            ("iat", Value::Null),
            ("jti", json!("x")),
            ("jti", json!("A".repeat(44))),
            ("sub", json!("")),
            ("client_id", json!("")),
            ("client_id", json!("nobody")),
            ("scope", json!("a  b")),
            ("scope", json!(["read"])),
        ];
        if mode == 0 {
            // What a thief of the signing key cannot do where the store is asked.
            rows.extend([
                ("jti", others["jti"].clone()),
                ("jti", json!("A".repeat(43))),
                ("sub", json!("bob")),
                ("client_id", json!("native")),
                ("scope", json!("openid read write")),
                ("scope", json!("admin")),
            ]);
        }
        for (name, value) in rows {
            let mut other = claims.clone();
            other[name] = value;
            is_refused(&world, &sign(&other));
        }
        // Dead ends of time are survived, and nothing outlives its grant where there is one to ask.
        let mut endless = claims.clone();
        endless["exp"] = json!(u64::MAX);
        endless["iat"] = json!(u64::MAX);
        let access = world.bearer(&sign(&endless), at(2)).unwrap();
        assert!(mode == 1 || access.expires_at() == world.store.grants()[0].expires_at());
    }
}

/// The key that is accepted and does not sign yet, or no more; and one that is not accepted any longer.
#[test]
fn a_key_counts_for_as_long_as_it_is_accepted() {
    let shelf = Arc::new(Shelf::default());
    let engine = |signing: u8, accepted: &[u8]| {
        Portal::new(Arc::clone(&shelf), [], |builder| {
            let builder = builder.signing_key(ed25519(signing).0).jwt_access_tokens(JwtAccessTokens::new());
            accepted.iter().fold(builder, |builder, seed| builder.accept_signing_key(ed25519(*seed).0))
        })
    };
    let (old, both, new) = (engine(1, &[]), engine(2, &[1]), engine(2, &[]));
    let (first, second) = (old.login("portal", at(0)).access_token(), new.login("portal", at(0)).access_token());
    assert!(both.bearer(&first, at(1)).is_ok() && both.bearer(&second, at(1)).is_ok());
    assert!(old.bearer(&second, at(1)).is_err() && new.bearer(&first, at(1)).is_err());
    assert_eq!(both.revoke("portal", &first, at(1)).status, 200);
    assert!(old.bearer(&first, at(1)).is_err() && new.bearer(&second, at(1)).is_ok());
}

/// What believing a signature gives up, and what it does not.
#[test]
fn a_signature_alone_gives_up_what_the_documentation_says() {
    for (alone, tokens) in both().into_iter().enumerate().map(|(mode, tokens)| (mode == 1, tokens)) {
        let world = world(ed25519(1).0, tokens);
        let [revoked, ended, live] = [(); 3].map(|()| world.login("portal", at(1)).access_token());
        let machine = world.token("portal", "grant_type=client_credentials", at(1)).access_token();
        world.revoke("portal", &revoked, at(1));
        let id = world.bearer(&ended, at(1)).unwrap().grant_id();
        assert!(portal::run(world.engine.end_session("alice", id)).unwrap());
        for token in [&revoked, &ended] {
            let access = world.bearer(token, at(2));
            assert_eq!(access.is_ok(), alone);
            assert!(access.is_err() || access.unwrap().grant().is_none());
            assert!(!world.is_active("api", token, at(2)), "introspection asks the store in any case");
        }
        let stored = world.store.bytes();
        world.revoke("portal", &revoked, at(2));
        assert_eq!(world.store.bytes(), stored, "so does revocation");
        assert_eq!(world.bearer(&machine, at(2)).unwrap().subject(), None);
        world.store.fail_next(Fault::LoadFails);
        let down = world.bearer(&live, at(2));
        assert_eq!(
            down.map(drop).map_err(|refused| refused.kind()),
            if alone { Ok(()) } else { Err(BearerErrorKind::Unavailable) }
        );
        assert!(world.bearer(&live, at(3_601)).is_err(), "expired");
        assert!(world.bearer(&live, at(3_600)).is_ok());
        let required = Scope::parse("write").unwrap();
        let header = format!("Bearer {live}");
        let request = regrant::Request::new("GET", b"").header("authorization", header.as_bytes());
        let narrow = portal::run(world.engine.bearer(&request, &required, at(4))).unwrap_err();
        assert_eq!(narrow.kind(), BearerErrorKind::InsufficientScope);
        world.engine.end_all_before(at(2));
        assert!(world.bearer(&live, at(4)).is_err(), "not_before counts in any case");
    }
}

/// What each ID token of a login says, and what the later ones no longer do.
#[test]
fn an_id_token_says_what_was_asked_once_and_who_logged_in_always() {
    for client in ["portal", "vault"] {
        let world = world(RSA.0.clone(), JwtAccessTokens::new());
        let alice = Authorization::of("alice").authenticated_at(at(5));
        let code =
            world.approve(&query("portal").replace("client_id=portal", &format!("client_id={client}")), alice, at(31));
        let first = world.token(client, &redemption("portal", code.get("code").unwrap()), at(31));
        let second = world.refresh(client, &first.refresh_token(), at(1_000));
        for (reply, nonce, now) in [(&first, json!(NONCE), at(31)), (&second, Value::Null, at(1_000))] {
            let (header, claims) = parts(&reply.text("id_token"));
            assert_eq!(header["alg"], if client == "vault" { "HS256" } else { "RS256" });
            let expected = json!({
                "iss": ISSUER, "sub": "alice", "aud": [client], "auth_time": at(5).as_secs(), "iat": now.as_secs(),
                "exp": now.as_secs() + 3_600, "at_hash": half(&reply.access_token()), "s_hash": half(STATE),
                "custom:scope": "openid read",
            });
            let mut claims = claims;
            assert_eq!(claims.as_object_mut().unwrap().remove("nonce").unwrap_or_default(), nonce);
            assert_eq!(claims, expected);
        }
        let (message, signature) =
            first.text("id_token").rsplit_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        assert_eq!(
            URL_SAFE_NO_PAD.encode(hs256(SECRET.as_bytes(), message.as_bytes())) == signature,
            client == "vault"
        );
        // Narrowed past `openid`, there is none; and it comes back with the whole scope.
        let narrowed = world.token(client, &format!("{}&scope=read", renewal(&second.refresh_token())), at(1_001));
        assert!(!narrowed.assert_ok().json().contains_key("id_token"));
        assert!(world.refresh(client, &narrowed.refresh_token(), at(1_002)).json().contains_key("id_token"));
        // Without the person's consent to `openid` there was never one.
        let asks = query("portal").replace("client_id=portal", &format!("client_id={client}"));
        let code = world.approve(&asks, Authorization::of("alice").scope(Scope::parse("read").unwrap()), at(31));
        let reply = world.token(client, &redemption("portal", code.get("code").unwrap()), at(31));
        assert!(!reply.assert_ok().json().contains_key("id_token"));
    }
    for name in ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "s_hash", "c_hash", "azp"] {
        assert!(matches!(IdClaims::new().with(name, "mine"), Err(ClaimError::Reserved)), "{name}");
    }
    assert!(Client::public("app").recoverable_secret(RecoverableSecret::new(SECRET).unwrap()).build().is_err());
}
