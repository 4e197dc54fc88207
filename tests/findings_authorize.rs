//! What an attack on authorization codes, JWTs and sessions broke once. Each says which claim did not hold.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test fails by panicking")]

mod common;
#[path = "common/portal.rs"]
mod portal;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use common::{Shelf, at};
use portal::{ISSUER, OnShelf, Portal, query, run};
use regrant::{
    Authorization, BuildError, ClaimsProvider, Client, ClientError, Endpoints, Engine, HookError, IdClaims,
    IdTokenRequest, JwtAccessTokens, Lifetimes, MemoryStore, RenewalPolicy, Request, SigningAlgorithm, SigningKey,
    StaticClients, Timestamp,
};

struct NoClaims;

impl ClaimsProvider for NoClaims {
    async fn claims(&self, _: &IdTokenRequest<'_>) -> Result<IdClaims, HookError> {
        Ok(IdClaims::new())
    }
}

fn signing_key() -> SigningKey {
    SigningKey::generate(SigningAlgorithm::EdDsa).unwrap().0
}

/// Claim: nothing works past a grant's absolute expiry (`lifetimes_hold`). A code is judged by its 60 s alone, so where
/// the absolute lifetime is shorter, a code of a grant that is over is still redeemed: 200, tokens with `expires_in` 0, and
/// an ID token whose `exp` is its `iat`, which a client that allows for skew takes for a login.
#[test]
fn a_code_does_not_outlive_its_grant() {
    let lifetimes = Lifetimes::default().with_absolute(Some(Duration::from_secs(10)));
    let world =
        OnShelf::on_shelf(|builder| builder.lifetimes(lifetimes).signing_key(signing_key()).id_tokens(NoClaims));
    let code = world.code("portal", at(0));
    assert_eq!(world.store.grants()[0].expires_at(), at(10));
    let stored = world.store.bytes();
    world.redeem("portal", &code, at(20)).assert_error(400, "invalid_grant");
    assert_eq!(world.store.bytes(), stored);
}

/// Claim: in signature-alone mode the documented things are given up, and `Access::subject` is "`None` where the client
/// acts for itself". `sub` of such a token is the client's id (RFC 9068 section 2.2), so whoever gets a user name that is
/// a client's id is taken for the client itself at a resource (section 5: "collisions"). Elsewhere `sub` is ambiguous too.
#[test]
fn a_person_named_as_a_client_is_not_that_client() {
    let world = OnShelf::on_shelf(|builder| {
        builder.signing_key(signing_key()).jwt_access_tokens(JwtAccessTokens::new().danger_signature_alone())
    });
    let landing = world.approve(&query("portal"), Authorization::of("portal"), at(0));
    assert_eq!(landing.get("error"), Some("server_error"));
    let landing = world.approve(&query("portal"), Authorization::of("rival"), at(0));
    assert_eq!(landing.get("error"), Some("server_error"), "nor as another client");
    assert!(world.store.grants().is_empty());
}

/// Claim: "The parameters that make up the request, for hidden fields of a page's form". The opt-in parameter of the
/// engine's own renewal policy is not among them, so with a page in between nobody can opt in.
#[test]
fn the_opt_in_parameter_is_carried_over_a_page() {
    let world = OnShelf::on_shelf(|builder| builder.renewal(RenewalPolicy::OptIn("keep_me".into())));
    let first = format!("{}&keep_me=true", query("portal"));
    let request = Request::new("GET", b"").query(first.as_bytes());
    let asked = run(world.engine.authorize(&request)).unwrap();
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(asked.carried());
    let landing = world.approve(&form.finish(), Authorization::of("alice"), at(0));
    let reply = world.redeem("portal", landing.get("code").unwrap(), at(1));
    world.refresh("portal", &reply.refresh_token(), at(2)).assert_ok();
}

/// Claim: a session is "a grant whose tokens were handed out and still work", and `expires_at` is "when nothing of it works
/// any more". The record of a code is kept for 60 s to find a second redemption, and is listed for as long.
#[test]
fn a_session_of_which_nothing_works_is_none() {
    let lifetimes = Lifetimes::default().with_access_token(Duration::from_secs(5));
    let world = OnShelf::on_shelf(|builder| builder.lifetimes(lifetimes));
    let landing = world.approve(&query("portal"), Authorization::of("alice").without_refresh_token(), at(0));
    let reply = world.redeem("portal", landing.get("code").unwrap(), at(0));
    assert!(world.bearer(&reply.access_token(), at(4)).is_ok());
    assert!(world.bearer(&reply.access_token(), at(5)).is_err());
    let sessions = run(world.engine.sessions("alice", None, 10, at(6))).unwrap().sessions;
    assert!(sessions.is_empty(), "{sessions:?}");
}

/// Claim: "an endpoint is a path, which is put after the issuer, or a whole URL". One without its slash makes another
/// host of the issuer's, to which clients then send their secrets and codes.
#[test]
fn an_endpoint_that_is_neither_a_path_nor_a_url_is_not_advertised() {
    for at in ["oauth2/token", ".evil.example/token", "@evil.example/token", ":8443/token", "HTTPS://id.example/t", ""]
    {
        let built = Engine::builder(MemoryStore::new(), StaticClients::new())
            .issuer(ISSUER)
            .endpoints(Endpoints::new().token(at))
            .build();
        assert_eq!(built.err(), Some(BuildError::Endpoint), "{at:?}");
    }
}

/// Claim: what can be registered is a well-formed URI that leads where it seems to. User information (RFC 9110 section
/// 4.2.4), ports and escapes that are none, and brackets anywhere are registered; so is a query that has the response's own
/// parameters already, of which a client may then read the first.
#[test]
fn a_redirect_uri_that_misleads_is_not_registered() {
    let mut registered = Vec::new();
    for uri in [
        "https://bank.example@evil.example/cb",
        "https://bank.example:443@evil.example/cb",
        "https://@portal.example/cb",
        "https://portal.example:99999/cb",
        "https://portal.example:80:90/cb",
        "https://:443/cb",
        "https://portal.example/%zz",
        "https://portal.example/%",
        "https://[fe80::1%25en0]/cb",
        "https://[portal.example/cb",
        "https://portal.example/cb?code=fixed",
        "https://portal.example/cb?iss=https://evil.example",
        "https://portal.example/cb?a=1&state=fixed",
    ] {
        match Client::public("app").redirect_uri(uri).build() {
            Ok(_) => registered.push(uri),
            Err(error) => assert_eq!(error, ClientError::RedirectUri),
        }
    }
    assert!(registered.is_empty(), "{registered:#?}");
}

/// Claim: a clock far behind ends no session (it holds for a refresh). A node whose clock says 1970 redeems a code that
/// another node issued: to all others the session is over before it has begun.
#[test]
fn a_clock_far_behind_ends_no_session_at_a_redemption() {
    let world = OnShelf::simple();
    let code = world.code("portal", at(0));
    let reply = world.redeem("portal", &code, Timestamp::from_secs(10));
    reply.assert_ok();
    world.refresh("portal", &reply.refresh_token(), at(2)).assert_ok();
}

/// Claim: the port of a loopback address is free, and nothing else. Zeros in front of it are as many as a value holds, all
/// of which go into the `Location`.
#[test]
fn a_port_has_five_digits_at_most() {
    let world = OnShelf::simple();
    let uri = format!("http://127.0.0.1:{}80/cb", "0".repeat(4_000));
    let query = query("native").replace("http%3A%2F%2F127.0.0.1%3A9004%2Fcb", &uri);
    let request = Request::new("GET", b"").query(query.as_bytes());
    assert!(run(world.engine.authorize(&request)).is_err());
}

/// Claim: "an issuer is an http or https URL without query, fragment and trailing slash". These are none.
#[test]
fn an_issuer_is_a_url() {
    let mut built = Vec::new();
    for issuer in [
        "https://user:password@id.example",
        "https://id.example:99999",
        "https://:443",
        "https://[",
        "https://id.example//a",
    ] {
        if Engine::builder(MemoryStore::new(), StaticClients::new()).issuer(issuer).build().is_ok() {
            built.push(issuer);
        }
    }
    assert!(built.is_empty(), "{built:?}");
}

/// Claim: `not_before` voids what was made before it. In signature-alone mode there is only the second of `iat`: what is
/// issued later in the same second is void too, as the documentation says, rather than what was issued before it good.
#[test]
fn not_before_counts_from_the_second_of_issue_at_a_resource_that_asks_no_store() {
    let world = OnShelf::on_shelf(|builder| {
        builder.signing_key(signing_key()).jwt_access_tokens(JwtAccessTokens::new().danger_signature_alone())
    });
    let before = world.login("portal", at(10));
    world.engine.end_all_before(at(10) + Duration::from_millis(100));
    let later = at(10) + Duration::from_millis(900);
    let same_second = world.login("portal", later);
    let next_second = world.login("portal", at(11));
    let lets_in = |reply: &common::Reply| world.bearer(&reply.access_token(), at(11)).is_ok();
    assert_eq!([&before, &same_second, &next_second].map(lets_in), [false, false, true]);
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
    let claims = URL_SAFE_NO_PAD.decode(id_token.split('.').nth(1).unwrap()).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    let len = |name: &str| claims.get(name).and_then(|hash| hash.as_str()).map(str::len);
    assert!(len("s_hash").is_none() || len("s_hash") == len("at_hash"), "{claims}");
}
