//! Pairwise subjects: OpenID Connect Core section 8.1.

use std::collections::BTreeSet;

use regrant::engine::HookError;
use regrant::jwt::{ClaimsProvider, IdClaims, IdTokenRequest, JwtAccessTokens};
use regrant::{Authorization, BuildError, Client, RootSecret, Timestamp};

use super::provider::{alice_in, plain, query, shop, sub_in, world};
use crate::kit::bank::Query;
use crate::kit::jwt::claims;
use crate::kit::{Reply, SECRET, World, at, form, scope, secret};

fn two() -> World {
    let api = Client::confidential("api").secret(secret(SECRET)).resource_server(true);
    let clients = [
        shop("shop").pairwise_subjects(),
        shop("news").pairwise_subjects(),
        shop("shop-2").pairwise_subjects().sector_identifier("SHOP.example"),
        shop("open"),
        api,
    ];
    world(clients, |builder| builder.jwt_access_tokens(JwtAccessTokens::new()))
}

fn introspected(world: &World, who: &str, token: &str) -> Reply {
    let ask = form(format!("token={token}")).basic(who, SECRET);
    Reply::of(&world.engine.blocking().introspect(&ask.request(), at(2)).unwrap())
}

/// The same person is somebody else to each sector, and always the same to one.
#[test]
fn clients_of_other_sectors_cannot_tell_that_it_is_the_same_person() {
    let world = two();
    let sub = |client: &str, who: &str| sub_in(&world.tokens(client, &query(client), Authorization::of(who), at(1)));
    let all: BTreeSet<String> =
        ["shop", "news", "open"].into_iter().flat_map(|client| [sub(client, "alice"), sub(client, "bob")]).collect();
    assert_eq!(all.len(), 6);
    assert_eq!(sub("open", "alice"), "alice");
    assert_eq!((sub("shop", "alice"), sub("shop", "alice").len()), (sub("shop-2", "alice"), 43), "of one sector");
    assert!(!all.iter().any(|sub| sub.len() == 43 && sub.contains("alice")));
}

/// Who says what is in ID tokens and at userinfo hears of the person by the name that this server has for them.
#[test]
fn a_host_is_asked_about_its_own_person() {
    struct Knows;
    impl ClaimsProvider for Knows {
        async fn claims(&self, request: &IdTokenRequest<'_>) -> Result<IdClaims, HookError> {
            IdClaims::new().with("known_as", request.subject()).map_err(HookError::new)
        }
    }
    let world = world([shop("shop").pairwise_subjects()], |builder| builder.id_tokens(Knows));
    let tokens = world.log_in_to("shop", "c", at(1));
    let said = claims(&tokens.text("id_token"));
    assert!(said["known_as"] == "alice" && said["sub"] != "alice", "{said}");
    assert_eq!(world.userinfo(&tokens.access_token(), at(2)).assert_ok().text("known_as"), "alice");
}

/// All that the client can read; what resources, hooks and the store have is the subject.
#[test]
fn it_is_the_same_name_wherever_the_client_reads() {
    let world = two();
    let tokens = world.log_in_to("shop", "c", at(1));
    let (sub, token) = (sub_in(&tokens), tokens.access_token());
    assert_ne!(sub, "alice");
    assert_eq!(claims(&token)["sub"], sub.as_str(), "its JWT access tokens");
    assert_eq!(world.userinfo(&token, at(2)).assert_ok().text("sub"), sub);
    assert_eq!(introspected(&world, "shop", &token).text("sub"), sub);
    assert_eq!(introspected(&world, "shop", &tokens.refresh_token()).text("sub"), sub);
    assert_eq!(introspected(&world, "api", &token).text("sub"), "alice", "a resource server");
    let header = format!("Bearer {token}");
    let request = regrant::Request::new("GET", b"").with_header("authorization", header.as_bytes());
    let access = world.engine.blocking().bearer(&request, &scope(""), at(2)).unwrap().unwrap();
    assert_eq!(access.subject(), Some("alice"));
    assert_eq!(world.store.grants()[0].subject(), Some("alice"));
    let renewed = world.renew("shop", &tokens.refresh_token(), at(2));
    assert_eq!(sub_in(&renewed), sub, "section 12.2");
    let told = world.engine.blocking().log_out("alice", "c", at(3)).unwrap().unwrap();
    assert_eq!(claims(told.notices[0].logout_token())["sub"], sub.as_str());
}

/// `sid` would join what `sub` keeps apart.
#[test]
fn a_session_is_called_otherwise_at_each_client() {
    let world = two();
    let sid = |client: &str, cookie: &str| {
        claims(&world.log_in_to(client, cookie, at(1)).text("id_token"))["sid"].as_str().unwrap().to_owned()
    };
    let all: BTreeSet<String> =
        ["shop", "news", "open"].into_iter().flat_map(|client| [sid(client, "c"), sid(client, "d")]).collect();
    assert_eq!(all.len(), 6);
    assert_eq!(sid("shop", "c"), sid("shop", "c"));
}

/// A hint and `claims` name people as the client does.
#[test]
fn a_client_says_whom_it_means_by_its_own_name() {
    let world = two();
    let id_token = world.log_in_to("shop", "c", at(1)).text("id_token");
    let hinted = |query: Query| query.and("id_token_hint", &id_token);
    assert_eq!(world.authorize_as(&hinted(query("shop")), alice_in("c"), at(2)).code().len(), 43);
    assert_eq!(world.authorize_as(&hinted(query("shop")), Authorization::of("bob"), at(2)).error(), "login_required");
}

/// Whose logins go on when it is turned on keep their name for their life.
#[test]
fn a_login_keeps_its_name() {
    let from = at(100);
    let before = world([shop("shop")], |builder| builder);
    let token = before.log_in_to("shop", "c", at(1)).refresh_token();
    let clients = regrant::StaticClients::new().with(shop("shop").danger_pairwise_subjects_from(from).build().unwrap());
    let builder = regrant::Engine::builder(std::sync::Arc::clone(&before.store), clients.unwrap());
    let after = World { engine: std::sync::Arc::new(plain(builder).build().unwrap()), ..before };
    let renewed = after.renew("shop", &token, at(200));
    assert_eq!(sub_in(&renewed), "alice");
    assert_eq!(after.userinfo(&renewed.access_token(), at(201)).text("sub"), "alice");
    assert_ne!(sub_in(&after.log_in_to("shop", "c", at(200))), "alice");
}

/// A hint by the client's own secret is whatever it likes, so the old name in one is no name: it would tell whether that is who is logged in.
#[test]
fn a_hint_that_a_client_can_have_made_tries_no_local_names() {
    let of_all = |algorithm: &str| {
        let client = || shop("shop").id_token_signed_response_alg(algorithm);
        let before = world([client()], |builder| builder);
        let old = before.log_in_to("shop", "c", at(1)).text("id_token");
        let clients =
            regrant::StaticClients::new().with(client().danger_pairwise_subjects_from(at(100)).build().unwrap());
        let builder = regrant::Engine::builder(std::sync::Arc::clone(&before.store), clients.unwrap());
        let after = World { engine: std::sync::Arc::new(plain(builder).build().unwrap()), ..before };
        let new = after.log_in_to("shop", "c", at(200)).text("id_token");
        [old, new].map(|hint| {
            let asks = query("shop").and("id_token_hint", &hint);
            after.authorize_as(&asks, alice_in("c"), at(201)).parameter("error").map(str::to_owned)
        })
    };
    assert_eq!(of_all("ES256"), [None, None]);
    assert_eq!(of_all("HS256"), [Some("login_required".to_owned()), None]);
}

/// Native apps would all share `localhost`.
#[test]
fn who_has_no_host_of_its_own_is_a_sector_of_its_own() {
    let native = |id: &str| {
        Client::public(id)
            .grant_type("authorization_code")
            .grant_type("refresh_token")
            .redirect_uri("http://127.0.0.1/cb")
            .pairwise_subjects()
            .scope(scope("openid"))
    };
    let several = |id: &str| shop(id).redirect_uri("https://shared.example/cb").pairwise_subjects();
    let world = world([native("one"), native("two"), several("shop"), several("news")], |builder| builder);
    let native_sub = |client: &str| {
        let query = Query::app().set("client_id", client).set("redirect_uri", "http://127.0.0.1/cb");
        let code = world.authorize_as(&query, Authorization::of("alice"), at(1)).code();
        let verifier = crate::kit::bank::VERIFIER;
        let body = format!(
            "grant_type=authorization_code&client_id={client}&code={code}&redirect_uri=http://127.0.0.1/cb&code_verifier={verifier}"
        );
        sub_in(&world.send(&form(body), at(1)))
    };
    assert_ne!(native_sub("one"), native_sub("two"));
    let sub = |client: &str| sub_in(&world.log_in_to(client, "c", at(1)));
    assert_ne!(sub("shop"), sub("news"), "on several hosts, and no sector was said");
}

/// It stays the same for ever, so it does not follow a root secret that is replaced.
#[test]
fn the_secret_is_never_replaced() {
    let first = RootSecret::from_bytes(1, &[2; 32]);
    let sub_under = |change: fn(super::provider::Builder) -> super::provider::Builder| {
        let world = world([shop("shop").pairwise_subjects()], change);
        sub_in(&world.log_in_to("shop", "c", at(1)))
    };
    let before = sub_under(|builder| builder);
    let moved = sub_under(|builder| {
        let kept = RootSecret::from_bytes(1, &[2; 32]).subject_secret();
        builder.root_secret(RootSecret::from_bytes(2, &[3; 32])).subject_secret(kept)
    });
    assert_eq!(before, moved);
    let clients = || regrant::StaticClients::new().with(shop("shop").pairwise_subjects().build().unwrap()).unwrap();
    let replaced = plain(regrant::Engine::builder(std::sync::Arc::default(), clients()))
        .root_secret(RootSecret::from_bytes(2, &[3; 32]))
        .accept_root(first, Timestamp::MAX)
        .build();
    assert!(matches!(replaced, Err(BuildError::SubjectSecretRequired)));
    // Sessions are named under it too, at whichever clients: with none that has pairwise subjects it is the same.
    let open = regrant::StaticClients::new().with(shop("shop").build().unwrap()).unwrap();
    let replaced = || {
        plain(regrant::Engine::builder(std::sync::Arc::default(), open.clone()))
            .root_secret(RootSecret::from_bytes(2, &[3; 32]))
            .accept_root(RootSecret::from_bytes(1, &[2; 32]), Timestamp::MAX)
    };
    assert!(matches!(replaced().build(), Err(BuildError::SubjectSecretRequired)));
    let kept = RootSecret::from_bytes(1, &[2; 32]).subject_secret();
    assert!(replaced().subject_secret(kept).build().is_ok());
    let without = regrant::Engine::builder(regrant::MemoryStore::new(), clients()).build();
    assert!(matches!(without, Err(BuildError::SubjectSecretRequired)));
}
