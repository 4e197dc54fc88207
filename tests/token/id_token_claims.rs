//! What an ID token says at the login and at each refresh (OpenID Connect Core sections 2, 3.1.3.6 and 12.2).

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use regrant::client::RecoverableSecret;
use regrant::engine::HookError;
use regrant::jwt::{
    ClaimError, ClaimsProvider, IdClaims, IdTokenRequest, JwtAccessTokens, SigningAlgorithm, SigningKey,
};
use regrant::{Authorization, Client, Scope};
use serde_json::{Value, json};

use crate::kit::jwt::{claims, half, hs256, parts};
use crate::kit::portal::{ISSUER, NONCE, OnShelf, Portal, STATE, query, redemption, renewal};
use crate::kit::{SECRET, Shelf, at};

/// The hash of `state` is kept for an ID token that will say it, and of no other login.
#[test]
fn no_hash_is_kept_that_no_id_token_says() {
    let (key, _) = SigningKey::generate(SigningAlgorithm::Es256).unwrap();
    for (scope, is_kept) in [("openid+read", true), ("read", false)] {
        let kept = [format!("&state={STATE}"), String::new()].map(|state| {
            let world = OnShelf::signing(key.clone(), JwtAccessTokens::new());
            let asks = query("portal").replace("openid+read", scope).replace(&format!("&state={STATE}"), &state);
            world.approve(&asks, Authorization::of("alice"), at(0));
            world.store.grants()[0].encode().len()
        });
        assert_eq!(kept[0] > kept[1], is_kept, "{scope}: {kept:?}");
    }
}

/// What each ID token of a login says, and what the later ones no longer do.
#[test]
fn an_id_token_says_what_was_asked_once_and_who_logged_in_always() {
    let (rsa, _) = SigningKey::generate(SigningAlgorithm::Rs256).unwrap();
    for client in ["portal", "vault"] {
        let world = OnShelf::signing(rsa.clone(), JwtAccessTokens::new());
        let alice = Authorization::of("alice").with_authenticated_at(at(5));
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
        let code = world.approve(&asks, Authorization::of("alice").with_scope(Scope::parse("read").unwrap()), at(31));
        let reply = world.token(client, &redemption("portal", code.get("code").unwrap()), at(31));
        assert!(!reply.assert_ok().json().contains_key("id_token"));
    }
    for name in ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "s_hash", "c_hash", "azp"] {
        assert!(matches!(IdClaims::new().with(name, "mine"), Err(ClaimError::Reserved)), "{name}");
    }
    assert!(Client::public("app").recoverable_secret(RecoverableSecret::new(SECRET).unwrap()).build().is_err());
}

struct NoClaims;

impl ClaimsProvider for NoClaims {
    async fn claims(&self, _: &IdTokenRequest<'_>) -> Result<IdClaims, HookError> {
        Ok(IdClaims::new())
    }
}

/// Claim: `s_hash` is "by the hash of the algorithm that will sign them". The record keeps the hash of the algorithm that
/// signed when the code was issued; once the engine signs by another, ID tokens have an `s_hash` that no client accepts.
#[test]
fn a_state_hash_is_by_the_algorithm_of_its_id_token() {
    let shelf = Arc::new(Shelf::default());
    let engine = |algorithm| {
        Portal::new(Arc::clone(&shelf), [], |builder| {
            builder.signing_key(SigningKey::generate(algorithm).unwrap().0).id_tokens(NoClaims)
        })
    };
    let token = engine(SigningAlgorithm::Es256).login("portal", at(0)).refresh_token();
    let id_token = engine(SigningAlgorithm::EdDsa).refresh("portal", &token, at(1)).text("id_token");
    let claims = claims(&id_token);
    let len = |name: &str| claims.get(name).and_then(|hash| hash.as_str()).map(str::len);
    assert!(len("s_hash").is_none() || len("s_hash") == len("at_hash"), "{claims}");
}
