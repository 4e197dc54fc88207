//! ID tokens and JWT access tokens, claim by claim.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use regrant::engine::HookError;
use regrant::jwt::{ClaimsProvider, IdClaims, IdTokenRequest, JwtAccessTokens, SigningAlgorithm, SigningKey};
use regrant::{Authorization, Request, Scope};
use serde_json::json;

use crate::kit::bank::{
    APP, APP_URI, Directory, ISSUER, KEY, PORTAL, PORTAL_URI, Query, VERIFIER, bank, claims, issuing, mobile_app, part,
    portal, portal_form,
};
use crate::kit::{Ask, T0, World, at, form, scope};

/// OpenID Connect Core sections 2 and 12.2.
#[test]
fn an_id_token_says_who_logged_in_and_when() {
    let world = bank();
    let logged_in = Authorization::of("alice").with_authenticated_at(at(4));
    let code = world.authorize_as(&Query::portal(), logged_in, at(30)).code();
    let tokens = world.redeem_portal(&code, at(30));
    let id_token = tokens.text("id_token");
    assert_eq!(part(&id_token, 0), json!({ "alg": "HS256" }));
    let first = claims(&id_token);
    assert_eq!(
        first,
        json!({
            "iss": ISSUER,
            "sub": "alice",
            "aud": [PORTAL],
            "exp": T0 + 30 + 3_600,
            "iat": T0 + 30,
            "auth_time": T0 + 4,
            "nonce": "n-0S6_WzA2Mj",
            "at_hash": first["at_hash"],
            "s_hash": "bOhtX8F73IMjSPeVAqxyTQ",
            "custom:origin": "admin",
            "email": "teste@example.com",
        })
    );
    assert_eq!(first["at_hash"].as_str().unwrap().len(), 22);
    // Section 12.2: the same person, the same login, and no nonce.
    let body = format!("grant_type=refresh_token&refresh_token={}", tokens.refresh_token());
    let refreshed = world.send(&portal_form(&body), at(500));
    let second = claims(&refreshed.text("id_token"));
    for (name, value) in first.as_object().unwrap() {
        match name.as_str() {
            "nonce" => assert!(second.get("nonce").is_none()),
            "exp" | "iat" => assert_eq!(second[name].as_u64().unwrap(), value.as_u64().unwrap() + 470),
            "at_hash" => assert_ne!(&second[name], value),
            _ => assert_eq!(&second[name], value, "{name}"),
        }
    }
    assert_eq!(first.as_object().unwrap().len(), second.as_object().unwrap().len() + 1);
}

#[test]
fn a_public_client_gets_one_by_the_engines_key() {
    let world = bank();
    let code = world.authorize(&Query::app().without("state"), at(0)).code();
    let body = format!(
        "grant_type=authorization_code&client_id={APP}&code={code}&redirect_uri={APP_URI}&code_verifier={VERIFIER}"
    );
    let id_token = world.send(&form(body), at(1)).text("id_token");
    assert_eq!(part(&id_token, 0), json!({ "alg": "ES256", "typ": "JWT", "kid": KEY.kid() }));
    let claims = claims(&id_token);
    assert!(claims.get("nonce").is_none() && claims.get("s_hash").is_none() && claims.get("email").is_none());
}

/// OpenID Connect Core section 3.1.2.1.
#[test]
fn one_goes_with_openid_alone() {
    let world = bank();
    let code = world.authorize(&Query::portal().set("scope", "email apps"), at(0)).code();
    assert!(!world.redeem_portal(&code, at(1)).json().contains_key("id_token"));
    let tokens = world.log_in(at(2));
    let narrowed = format!("grant_type=refresh_token&refresh_token={}&scope=email", tokens.refresh_token());
    let narrowed = world.send(&portal_form(&narrowed), at(3));
    assert!(!narrowed.json().contains_key("id_token"), "a refresh without openid");
    let whole = format!("grant_type=refresh_token&refresh_token={}", narrowed.refresh_token());
    assert!(world.send(&portal_form(&whole), at(4)).json().contains_key("id_token"));
    let own = world.send(&portal_form("grant_type=client_credentials"), at(5));
    let members = own.assert_ok().json();
    assert!(!members.contains_key("id_token") && !members.contains_key("refresh_token"), "nobody is logged in");
}

#[test]
fn the_members_of_a_response_stand_in_the_documents_order() {
    let world = bank();
    let body = String::from_utf8(world.log_in(at(0)).body).unwrap();
    let members = ["access_token", "refresh_token", "scope", "id_token", "token_type", "expires_in"];
    let places: Vec<usize> = members.iter().map(|member| body.find(&format!("\"{member}\":")).unwrap()).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(body.ends_with("\"token_type\":\"Bearer\",\"expires_in\":3600}"));
}

/// RFC 9068 section 2.2.
#[test]
fn an_access_token_says_what_rfc_9068_wants() {
    let world = bank();
    let tokens = world.log_in(at(7));
    let jwt = tokens.access_token();
    assert_eq!(part(&jwt, 0), json!({ "alg": "ES256", "typ": "at+jwt", "kid": KEY.kid() }));
    let said = claims(&jwt);
    assert_eq!(said["jti"].as_str().unwrap().len(), 43);
    assert_eq!(
        said,
        json!({
            "iss": ISSUER, "sub": "alice", "aud": ISSUER, "exp": T0 + 7 + 3_600, "iat": T0 + 7,
            "jti": said["jti"], "client_id": PORTAL, "scope": "openid email",
        })
    );
    let own = world.send(&portal_form("grant_type=client_credentials&scope=apps"), at(5));
    let said = claims(&own.access_token());
    assert_eq!((&said["sub"], &said["client_id"]), (&json!(PORTAL), &json!(PORTAL)));
    let header = format!("Bearer {}", own.access_token());
    let request = Request::new("GET", b"").with_header("authorization", header.as_bytes());
    let access = world.engine.blocking().bearer(&request, &scope("apps"), at(6)).unwrap().unwrap();
    assert_eq!((access.subject(), access.client_id()), (None, PORTAL));
    assert!(access.grant().is_some());
}

#[test]
fn laws_3_and_9_hold_for_jwts() {
    let world = bank();
    let tokens = world.log_in(at(0));
    let refresh =
        |token: &str, now| world.send(&portal_form(&format!("grant_type=refresh_token&refresh_token={token}")), now);
    let second = refresh(&tokens.refresh_token(), at(1));
    let third = refresh(&second.refresh_token(), at(2));
    assert!(world.lets_in(&tokens.access_token(), at(3)), "a refresh leaves earlier ones alive");
    refresh(&tokens.refresh_token(), at(3)).assert_error(400, "invalid_grant");
    for tokens in [&tokens, &second, &third] {
        assert!(!world.lets_in(&tokens.access_token(), at(3)), "a replay ends them all");
    }
    let expired = world.log_in(at(10)).access_token();
    assert!(world.lets_in(&expired, at(10 + 3_599)) && !world.lets_in(&expired, at(10 + 3_600)));
}

#[test]
fn by_signature_alone_a_resource_does_not_hear_of_the_end() {
    let tokens = JwtAccessTokens::new().with_audience("https://api.example").danger_signature_alone();
    let world = World::new([portal()], |builder| issuing(builder).jwt_access_tokens(tokens));
    let login = world.log_in(at(0));
    let jwt = login.access_token();
    assert_eq!(claims(&jwt)["aud"], json!("https://api.example"));
    world.store.clear();
    let header = format!("Bearer {jwt}");
    let request = Request::new("GET", b"").with_header("authorization", header.as_bytes());
    let access = world.engine.blocking().bearer(&request, &Scope::empty(), at(1)).unwrap().unwrap();
    assert_eq!((access.subject(), access.client_id(), access.grant().is_none()), (Some("alice"), PORTAL, true));
    assert!(!world.lets_in(&jwt, at(3_600)));
    let told = world.introspect(&portal_form(&format!("token={jwt}")), at(1));
    assert_eq!(told.body, b"{\"active\":false}", "introspection asks the store");
    world.engine.clients().get(PORTAL).unwrap().void_grants_before(at(1));
    assert!(!world.lets_in(&jwt, at(1)), "not_before counts from the time of issue");
}

#[test]
fn several_keys_at_once() {
    let (old, _) = SigningKey::generate(SigningAlgorithm::EdDsa).unwrap();
    let before = World::new([portal()], |builder| {
        builder
            .issuer(ISSUER)
            .authorization_code()
            .signing_key(old.clone())
            .id_tokens(Directory)
            .jwt_access_tokens(JwtAccessTokens::new())
    });
    let login = before.log_in(at(0));
    let grant = before.store.grants().remove(0);
    let after = |accept: bool| {
        let world = World::new([portal()], |builder| {
            let builder = issuing(builder).jwt_access_tokens(JwtAccessTokens::new());
            if accept { builder.accept_signing_key(old.clone()) } else { builder }
        });
        world.store.misplace(grant.id(), grant.clone());
        world
    };
    assert!(after(true).lets_in(&login.access_token(), at(1)));
    assert!(!after(false).lets_in(&login.access_token(), at(1)));
    let jwks = String::from_utf8(after(true).engine.jwks().into_body()).unwrap();
    let set: serde_json::Value = serde_json::from_str(&jwks).unwrap();
    let kids: Vec<&str> = set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap()).collect();
    assert_eq!(kids, [KEY.kid(), old.kid()]);
    assert!(!jwks.contains("\"d\""), "public parts alone");
}

#[test]
fn opaque_tokens_of_before_are_accepted_on() {
    let world = World::new([portal(), mobile_app()], issuing);
    let tokens = world.log_in(at(0));
    assert_eq!(tokens.access_token().len(), 67);
    assert!(world.lets_in(&tokens.access_token(), at(1)));
    assert!(claims(&tokens.text("id_token")).get("at_hash").is_some());
}

/// Fails when it is told to.
#[derive(Clone, Default)]
struct Moody(Arc<AtomicBool>);

impl ClaimsProvider for Moody {
    async fn claims(&self, _: &IdTokenRequest<'_>) -> Result<IdClaims, HookError> {
        if self.0.load(Ordering::Relaxed) { Err(HookError::new("the directory is down")) } else { Ok(IdClaims::new()) }
    }
}

#[test]
fn claims_that_cannot_be_had_are_503_and_nothing_has_changed() {
    let mood = Moody::default();
    let world = World::new([portal()], |builder| issuing(builder).id_tokens(mood.clone()));
    let code = world.authorize(&Query::portal(), at(0)).code();
    let fails = |ask: &Ask, now| {
        let stored = world.store.bytes();
        mood.0.store(true, Ordering::Relaxed);
        world.send(ask, now).assert_error(503, "temporarily_unavailable");
        assert_eq!(world.store.bytes(), stored);
        mood.0.store(false, Ordering::Relaxed);
        let reply = world.send(ask, now);
        reply.assert_ok();
        reply
    };
    let redeem = format!("grant_type=authorization_code&code={code}&redirect_uri={PORTAL_URI}");
    let first = fails(&portal_form(&redeem), at(1));
    let refresh = portal_form(&format!("grant_type=refresh_token&refresh_token={}", first.refresh_token()));
    let second = fails(&refresh, at(2));
    let retried = fails(&refresh, at(3));
    assert_eq!(second.refresh_token(), retried.refresh_token());
}
