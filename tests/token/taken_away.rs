//! What a client may have when its code is redeemed, and not when it was issued.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use regrant::client::{ClientBuilder, RecoverableSecret};
use regrant::jwt::{SigningAlgorithm, SigningKey};
use regrant::{Authorization, Client};
use serde_json::json;

use crate::kit::jwt::{claims, half, hs256, part};
use crate::kit::portal::{CALLBACK, Changing, PKCE, STATE, ScopeAsClaim, native, portal, portal_as, query, redemption};
use crate::kit::{OTHER_SECRET, SECRET, at, scope, secret};

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(SigningAlgorithm::EdDsa).expect("a key").0);

fn may_have(text: &str) -> ClientBuilder {
    portal().scope(scope(text)).default_scope(scope(text))
}

fn signing() -> Changing {
    Changing::changing(|builder| builder.signing_key(KEY.clone()).id_tokens(ScopeAsClaim))
}

/// RFC 6749 section 3.3: the response says which scope it is, where that is not the one that was asked for.
#[test]
fn the_first_tokens_are_of_what_is_left_of_the_scope() {
    let world = signing();
    let (first, second) = (world.code("portal", at(0)), world.code("portal", at(0)));
    world.set(may_have("openid email"));
    let reply = world.redeem("portal", &first, at(1));
    assert_eq!(reply.text("scope"), "openid");
    assert_eq!(claims(&reply.text("id_token"))["custom:scope"], "openid");
    assert_eq!(world.bearer(&reply.access_token(), at(1)).unwrap().scope().as_str(), "openid");
    // OpenID Connect Core section 3.1.2.1: without `openid` there is no ID token.
    world.set(may_have("read"));
    let reply = world.redeem("portal", &second, at(1));
    assert_eq!(reply.text("scope"), "read");
    assert!(!reply.json().contains_key("id_token"));
}

#[test]
fn a_code_of_whose_scope_nothing_is_left_is_refused_and_not_burnt() {
    let world = Changing::changing(|builder| builder);
    let code = world.code("portal", at(0));
    let stored = world.store.bytes();
    world.set(may_have("email"));
    world.events.take();
    world.redeem("portal", &code, at(1)).assert_error(400, "invalid_grant");
    let events = world.events.take();
    assert!(events.len() == 1 && events[0].contains("why: Grant(ScopeTaken)"), "{events:?}");
    assert_eq!(world.store.bytes(), stored);
    world.set(portal());
    world.redeem("portal", &code, at(2)).assert_ok();
    // RFC 6749 section 4.1.2: a second use ends the grant, whatever is left.
    world.set(may_have("email"));
    world.redeem("portal", &code, at(3)).assert_error(400, "invalid_grant");
    assert!(world.store.bytes().is_empty());
}

/// RFC 6749 section 5.2: `unauthorized_client`.
#[test]
fn a_client_that_may_not_use_codes_any_more_redeems_none() {
    let world = Changing::changing(|builder| builder);
    let code = world.code("portal", at(0));
    let stored = world.store.bytes();
    let without = Client::confidential("portal").secret(secret(SECRET)).grant_type("refresh_token");
    world.set(without.scope(scope("openid email read write")));
    world.redeem("portal", &code, at(1)).assert_error(400, "unauthorized_client");
    assert_eq!(world.store.bytes(), stored);
}

#[test]
fn a_client_that_may_not_refresh_any_more_gets_no_refresh_token_and_its_record_no_longer_life() {
    let world = Changing::changing(|builder| builder);
    let code = world.code("portal", at(0));
    assert!(world.store.grants()[0].is_renewable());
    let without = Client::confidential("portal").secret(secret(SECRET)).grant_type("authorization_code");
    world.set(without.redirect_uri(CALLBACK).scope(scope("openid email read write")));
    let reply = world.redeem("portal", &code, at(1));
    reply.assert_ok();
    assert!(!reply.json().contains_key("refresh_token"));
    let lifetime = reply.json()["expires_in"].as_u64().unwrap();
    assert_eq!(world.store.grants()[0].expires_at(), at(1 + lifetime), "when the access token expires");
}

/// RFC 6749 section 4.1.3, RFC 9700 section 4.1: a URI that was taken away may have become somebody else's.
#[test]
fn a_code_that_was_sent_to_a_uri_which_is_registered_no_longer_is_refused() {
    let elsewhere = || {
        let client = Client::confidential("portal").secret(secret(SECRET)).redirect_uri("https://portal.example/other");
        client.grant_type("authorization_code").grant_type("refresh_token").scope(scope("openid email read write"))
    };
    let world = Changing::changing(|builder| builder);
    // The only one may be left out, in both requests.
    let unnamed = format!("response_type=code&client_id=portal&scope=read{PKCE}");
    for (query, names_it) in [(query("portal"), true), (unnamed, false)] {
        world.set(portal());
        let code = world.approve(&query, Authorization::of("alice"), at(0)).get("code").unwrap().to_owned();
        let body = redemption("portal", &code);
        let body = if names_it { body } else { body.replace(&format!("&redirect_uri={CALLBACK}"), "") };
        let stored = world.store.bytes();
        world.set(elsewhere());
        world.events.take();
        world.token("portal", &body, at(1)).assert_error(400, "invalid_grant");
        let events = world.events.take();
        assert!(events.len() == 1 && events[0].contains("why: Grant(RedirectUri)"), "{events:?}");
        assert_eq!(world.store.bytes(), stored);
        // Beside the one that it was sent to there may be others.
        world.set(elsewhere().redirect_uri(CALLBACK));
        world.token("portal", &body, at(2)).assert_ok();
    }
    // RFC 8252 section 7.3: the port of a loopback address is in the request alone.
    let code = world.code("native", at(0));
    world.redeem("native", &code, at(1)).assert_ok();
    let code = world.code("native", at(0));
    let app = || Client::public("native").grant_type("authorization_code").scope(scope("openid email read write"));
    world.set(app().redirect_uri("com.example.app:/cb"));
    world.redeem("native", &code, at(1)).assert_error(400, "invalid_grant");
    world.set(native());
    world.redeem("native", &code, at(2)).assert_ok();
}

/// RFC 9700 section 2.1.1.
#[test]
fn a_code_without_a_challenge_is_refused_once_its_client_needs_one() {
    let world = Changing::changing(|builder| builder);
    let query = "response_type=code&client_id=portal&redirect_uri=https://portal.example/cb&scope=read";
    let code = world.approve(query, Authorization::of("alice"), at(0)).get("code").unwrap().to_owned();
    let body = format!("grant_type=authorization_code&code={code}&redirect_uri={CALLBACK}");
    let stored = world.store.bytes();
    world.set(portal().require_pkce(true));
    world.token("portal", &body, at(1)).assert_error(400, "invalid_grant");
    assert_eq!(world.store.bytes(), stored);
    world.set(portal());
    world.token("portal", &body, at(2)).assert_ok();
}

/// OpenID Connect Core sections 2 and 12.2: each ID token is by the algorithm that its client has now, and what the login
/// kept for the one it had is left out.
#[test]
fn an_id_token_is_by_the_algorithm_that_the_client_has_now() {
    let vault = || portal_as("vault").recoverable_secret(RecoverableSecret::new(SECRET).unwrap());
    let by_the_engine = || portal_as("vault").secret(secret(SECRET));
    let world = signing();
    // From the engine's key to the client's own secret, and back.
    world.set(by_the_engine());
    let first = world.login("vault", at(0));
    let id_token = first.text("id_token");
    assert_eq!(part(&id_token, 0)["alg"], "EdDSA");
    assert_eq!(claims(&id_token)["s_hash"].as_str().unwrap().len(), 43);
    world.set(vault());
    let second = world.refresh("vault", &first.refresh_token(), at(1));
    let id_token = second.text("id_token");
    assert_eq!(part(&id_token, 0), json!({ "alg": "HS256" }));
    assert_eq!(claims(&id_token)["at_hash"], half(&second.access_token()));
    assert!(claims(&id_token).get("s_hash").is_none(), "of another hash");
    world.set(by_the_engine());
    let third = world.refresh("vault", &second.refresh_token(), at(2));
    assert_eq!(part(&third.text("id_token"), 0)["alg"], "EdDSA");
    assert_eq!(claims(&third.text("id_token"))["s_hash"], claims(&first.text("id_token"))["s_hash"]);
    // The other way round, and between the code and its redemption.
    world.set(vault());
    let code = world.code("vault", at(3));
    let login = world.redeem("vault", &code, at(3));
    assert_eq!(claims(&login.text("id_token"))["s_hash"], half(STATE));
    let code = world.code("vault", at(3));
    world.set(by_the_engine());
    for reply in [world.refresh("vault", &login.refresh_token(), at(4)), world.redeem("vault", &code, at(4))] {
        let id_token = reply.text("id_token");
        assert_eq!(part(&id_token, 0)["alg"], "EdDSA");
        assert!(claims(&id_token).get("s_hash").is_none());
    }
}

/// A secret that was replaced signs nothing any more.
#[test]
fn an_id_token_is_by_the_secret_that_the_client_has_now() {
    let world = signing();
    let vault = || portal_as("vault").recoverable_secret(RecoverableSecret::new(SECRET).unwrap());
    world.set(vault());
    let first = world.login("vault", at(0));
    world.set(vault().recoverable_secret(RecoverableSecret::new(OTHER_SECRET).unwrap()));
    let second = world.refresh("vault", &first.refresh_token(), at(1));
    for (reply, key) in [(&first, SECRET), (&second, OTHER_SECRET)] {
        let id_token = reply.text("id_token");
        let (message, signature) = id_token.rsplit_once('.').unwrap();
        assert_eq!(URL_SAFE_NO_PAD.decode(signature).unwrap(), hs256(key.as_bytes(), message.as_bytes()));
    }
}
