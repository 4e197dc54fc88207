//! Claims that a client asks for by name: OpenID Connect Core section 5.5; and what the ID token says of the login.

use std::sync::Arc;

use regrant::client::{ClientRef, ClientsError, Lookup};
use regrant::jwt::{
    JwtAccessTokens, OpenIdProvider, RequestedClaim, SigningAlgorithm, SigningKey, SigningKeyStepError,
};
use regrant::{Authorization, Clients, Engine, Request, StaticClients};
use serde_json::json;

use super::provider::{alice_in, plain, provider, query, shop, world};
use crate::kit::bank::{Ended, ISSUER};
use crate::kit::jwt::{claims, part};
use crate::kit::schedule::run;
use crate::kit::{Reply, SECRET, World, at, form, renewal};

const ASKED: &str = r#"{"userinfo":{"nickname":null,"given_name":{"essential":true}},"id_token":{"email":null}}"#;

#[track_caller]
fn error_of(world: &World, claims: &str, who: Authorization) -> String {
    match world.authorize_as(&query("shop").and("claims", claims), who, at(1)) {
        ended @ Ended::Redirect(_) => ended.parameter("error").unwrap_or("none").to_owned(),
        Ended::Shown(error) => panic!("{error}"),
    }
}

/// Kept for the life of the grant, and told apart.
#[test]
fn the_host_hears_what_was_asked_for_each_place() {
    let world = provider();
    let tokens = world.tokens("shop", &query("shop").and("claims", ASKED), alice_in("c"), at(1));
    assert_eq!(claims(&tokens.text("id_token"))["asked"], json!(["email"]));
    let renewed = world.renew("shop", &tokens.refresh_token(), at(2));
    assert_eq!(claims(&renewed.assert_ok().text("id_token"))["asked"], json!(["email"]));
    let userinfo = world.userinfo(&renewed.access_token(), at(3)).json();
    assert_eq!(userinfo["asked"], json!(["given_name", "nickname"]));
}

#[test]
fn the_page_hears_it_too() {
    let world = provider();
    let more = query("shop")
        .and("claims", ASKED)
        .and("login_hint", "alice@example.com")
        .and("ui_locales", "pt-BR en")
        .and("claims_locales", "pt")
        .and("acr_values", "urn:mfa urn:pwd")
        .and("display", "popup")
        .encoded();
    let request = Request::new("GET", b"").with_query(more.as_bytes());
    let asked = world.engine.blocking().authorize(&request, at(1)).unwrap().unwrap();
    let names: Vec<_> = asked.claims().unwrap().userinfo().map(RequestedClaim::name).collect();
    assert_eq!(names, ["given_name", "nickname"]);
    assert_eq!(asked.login_hint(), Some("alice@example.com"));
    assert_eq!(asked.ui_locales().collect::<Vec<_>>(), ["pt-BR", "en"]);
    assert_eq!(asked.claims_locales().collect::<Vec<_>>(), ["pt"]);
    assert_eq!(asked.acr_values().collect::<Vec<_>>(), ["urn:mfa", "urn:pwd"]);
    assert_eq!(asked.display(), regrant::engine::Display::Popup);
    assert!(asked.carried().any(|(name, _)| name == "claims"));
}

/// Section 5.5: JSON of the form that is written there, or `invalid_request`; what is off, or comes without `openid`, is ignored.
#[test]
fn what_is_no_request_of_claims_is_refused() {
    let (on, off) = (provider(), world([shop("shop")], |builder| builder));
    let long = format!(r#"{{"userinfo":{{"{}":null}}}}"#, "x".repeat(2_100));
    for wrong in ["email", "[]", r#"{"userinfo":["email"]}"#, r#"{"id_token":{"acr":{"essential":1}}}"#, &long] {
        assert_eq!(error_of(&on, wrong, alice_in("c")), "invalid_request", "{wrong}");
        assert_eq!(error_of(&off, wrong, alice_in("c")), "none", "{wrong}");
        let without = query("shop").set("scope", "read").and("claims", wrong);
        assert_eq!(on.authorize_as(&without, alice_in("c"), at(1)).code().len(), 43);
    }
}

/// Nothing is stored of it where nothing is asked for.
#[test]
fn who_asks_for_nothing_pays_for_nothing() {
    let world = provider();
    let stored = || world.store.grants().iter().map(|grant| grant.encode().len()).max().unwrap();
    world.authorize_as(&query("shop"), Authorization::of("alice"), at(1)).code();
    let plain = stored();
    for nothing in ["{}", r#"{"userinfo":{}}"#, r#"{"later":{"a":null}}"#] {
        world.authorize_as(&query("shop").and("claims", nothing), Authorization::of("alice"), at(1)).code();
        assert_eq!(stored(), plain, "{nothing}");
    }
}

/// Section 3.1.2.2: an ID token about somebody else is none that was asked for.
#[test]
fn a_person_who_was_asked_for_by_name_is_that_one() {
    let world = provider();
    let wants = |sub: &str| format!(r#"{{"id_token":{{"sub":{{"value":"{sub}"}}}}}}"#);
    assert_eq!(error_of(&world, &wants("alice"), alice_in("c")), "none");
    assert_eq!(error_of(&world, &wants("bob"), alice_in("c")), "login_required");
}

/// Section 5.5.1.1: an essential `acr` that is not met is a failed login; a wished one is not.
#[test]
fn a_kind_of_login_that_is_needed_is_had_or_there_is_no_code() {
    let world = provider();
    let wants = |essential: bool| {
        format!(r#"{{"id_token":{{"acr":{{"essential":{essential},"values":["urn:mfa","urn:key"]}}}}}}"#)
    };
    for (who, needed) in [
        (alice_in("c"), "unmet_authentication_requirements"),
        (alice_in("c").with_acr("urn:pwd"), "unmet_authentication_requirements"),
        (alice_in("c").with_acr("urn:key"), "none"),
    ] {
        assert_eq!(error_of(&world, &wants(true), who.clone()), needed);
        assert_eq!(error_of(&world, &wants(false), who), "none");
    }
}

/// Section 2.
#[test]
fn the_login_is_described_in_every_id_token() {
    let world = provider();
    let who = alice_in("c").with_acr("urn:mfa").with_amr(["pwd", "otp"]);
    let tokens = world.tokens("shop", &query("shop"), who, at(1));
    let renewed = world.renew("shop", &tokens.refresh_token(), at(2));
    let (first, second) = (claims(&tokens.text("id_token")), claims(&renewed.text("id_token")));
    assert_eq!((&first["acr"], &first["amr"]), (&json!("urn:mfa"), &json!(["pwd", "otp"])));
    for name in ["acr", "amr", "sid", "sub", "auth_time", "iss", "aud"] {
        assert_eq!(first[name], second[name], "{name}: section 12.2");
    }
    for wrong in ["", "two  spaces", "a\u{e9}", "a\"b"] {
        let ended = world.authorize_as(&query("shop"), alice_in("c").with_amr([wrong]), at(1));
        assert_eq!(ended.error(), "server_error", "{wrong:?}");
    }
}

/// Registration section 2, `id_token_signed_response_alg`: by the secret, by a key, and where there is no such key, not at all.
#[test]
fn id_tokens_are_signed_as_the_client_wants_it() {
    let clients = [
        shop("shop"),
        shop("news").id_token_signed_response_alg("HS256"),
        shop("rare").id_token_signed_response_alg("RS256"),
    ];
    let world = world(clients, |builder| builder.openid(OpenIdProvider::new()));
    let algorithm = |client: &str| {
        let tokens = world.log_in_to(client, "c", at(1));
        crate::kit::jwt::part(&tokens.text("id_token"), 0)["alg"].as_str().unwrap().to_owned()
    };
    assert_eq!((algorithm("shop"), algorithm("news")), ("ES256".to_owned(), "HS256".to_owned()));
    let ended = world.authorize_as(&query("rare"), alice_in("c"), at(1));
    assert_eq!(ended.error(), "server_error");
    assert_eq!(world.authorize_as(&query("rare").set("scope", "read"), alice_in("c"), at(1)).code().len(), 43);
    assert!(regrant::Client::public("app").id_token_signed_response_alg("HS256").build().is_err(), "it has no secret");
}

/// An engine that has lost the key for a client, or whatever names people to it, spends neither token nor code: nothing that could be answered
/// later comes back as a replay.
#[test]
fn what_cannot_be_signed_for_spends_nothing() {
    let world = provider();
    let token = world.log_in_to("shop", "c", at(1)).refresh_token();
    let code = world.authorize_as(&query("shop"), alice_in("c"), at(1)).code();
    let clients = StaticClients::new().with(shop("shop").build().unwrap()).unwrap();
    let other = SigningKey::generate(SigningAlgorithm::EdDsa).unwrap().0;
    let without = World {
        engine: Arc::new(plain(Engine::builder(Arc::clone(&world.store), clients)).signing_key(other).build().unwrap()),
        store: Arc::clone(&world.store),
        events: world.events.clone(),
    };
    let redeem = |world: &World| {
        let body = format!("grant_type=authorization_code&code={code}&redirect_uri=https://shop.example/cb");
        world.send(&form(body).basic("shop", SECRET), at(2))
    };
    let stored = world.store.bytes();
    without.renew("shop", &token, at(2)).assert_error(500, "server_error");
    redeem(&without).assert_error(500, "server_error");
    assert_eq!(world.store.bytes(), stored);
    // Long after the window for a retry.
    world.renew("shop", &token, at(2_000)).assert_ok();
    redeem(&world).assert_ok();
}

/// A registry that does not say what its clients are.
struct Untold;

impl Clients for Untold {
    async fn find(&self, client_id: &str, _: Lookup) -> Result<Option<ClientRef<'_>>, ClientsError> {
        Ok(Some(Arc::new(shop(client_id).pairwise_subjects().build().unwrap()).into()))
    }
}

/// The same of access tokens that are JWTs, of a login without `openid`: they name the person too.
#[test]
fn who_cannot_be_named_spends_nothing() {
    let world = world([shop("shop").pairwise_subjects()], |builder| builder.jwt_access_tokens(JwtAccessTokens::new()));
    let plain = query("shop").set("scope", "read");
    let token = world.tokens("shop", &plain, alice_in("c"), at(1)).refresh_token();
    let without = Engine::builder(Arc::clone(&world.store), Untold)
        .key(regrant::Key::from_bytes(1, &[1; 32]))
        .issuer(ISSUER)
        .signing_key(crate::kit::bank::KEY.clone())
        .jwt_access_tokens(JwtAccessTokens::new())
        .build()
        .unwrap();
    let stored = world.store.bytes();
    let ask = form(renewal(&token)).basic("shop", SECRET);
    let reply = Reply::of(&run(without.token(&ask.request(), || at(2))));
    reply.assert_error(500, "server_error");
    assert_eq!(world.store.bytes(), stored);
    world.renew("shop", &token, at(2_000)).assert_ok();
}

/// Core section 10.1.1: a key beside the signing one is for the clients that want its algorithm, once everybody knows it, and as long as what it
/// signed lives.
#[test]
fn a_key_beside_takes_its_steps_too() {
    let rare = shop("rare").id_token_signed_response_alg("EdDSA");
    let world = world([shop("shop"), rare], |builder| builder);
    let [old, new] = [(); 2].map(|()| SigningKey::generate(SigningAlgorithm::EdDsa).unwrap().0);
    let kid = |reply: &Reply| part(&reply.text("id_token"), 0)["kid"].as_str().unwrap().to_owned();
    let log_in = |secs: u64| world.log_in_to("rare", "c", at(secs));
    let early = |step| match step {
        Err(SigningKeyStepError::TooEarly { at, .. }) => at,
        other => panic!("{other:?}"),
    };
    world.engine.publish_signing_key(old.clone(), at(0)).unwrap();
    assert_eq!(world.authorize_as(&query("rare"), alice_in("c"), at(299)).error(), "server_error");
    let token = log_in(300);
    assert_eq!(kid(&token), old.kid());
    let gone = claims(&token.text("id_token"))["exp"].as_u64().unwrap();
    assert!(early(world.engine.retire_signing_key(old.kid(), at(301))).as_secs() >= gone, "what it signed lives");
    // Without another it goes on; with one that is known it does not.
    assert_eq!(kid(&log_in(10_000)), old.kid());
    world.engine.publish_signing_key(new.clone(), at(10_000)).unwrap();
    assert_eq!(kid(&log_in(10_299)), old.kid());
    let left = early(world.engine.retire_signing_key(old.kid(), at(10_299)));
    assert_eq!(kid(&log_in(10_300)), new.kid());
    assert_eq!(world.engine.retire_signing_key(old.kid(), left), Ok(()));
    assert_eq!(kid(&world.renew("rare", &token.refresh_token(), left)), new.kid());
}
