//! A prefix before tokens, for scanners.

use std::sync::Arc;

use regrant::engine::BearerErrorKind;
use regrant::grant::Rotation;
use regrant::jwt::{JwtAccessTokens, SigningAlgorithm, SigningKey};
use regrant::{BuildError, Engine, Key, MemoryStore, Request, Scope, StaticClients};

use crate::kit::schedule::run;
use crate::kit::{Events, Password, SECRET, World, app, at, form};

fn shop() -> World {
    World::new([app()], |builder| {
        builder.grant_handler(Password).key(Key::from_bytes(1, &[1; 32])).token_prefix("shop_")
    })
}

/// Another node on the same store, without a prefix.
fn plain_node(world: &World) -> World {
    let clients = StaticClients::new().with(app().build().unwrap()).unwrap();
    let events = Events::default();
    let builder = Engine::builder(Arc::clone(&world.store), clients)
        .grant_handler(Password)
        .key(Key::from_bytes(1, &[1; 32]))
        .events(events.clone());
    World { engine: Arc::new(builder.build().unwrap()), store: Arc::clone(&world.store), events }
}

fn lets_in(world: &World, token: &str) -> Result<(), BearerErrorKind> {
    let header = format!("Bearer {token}");
    let request = Request::new("GET", b"").with_header("authorization", header.as_bytes());
    run(world.engine.bearer(&request, &Scope::empty(), at(1))).map(drop).map_err(|refused| refused.kind())
}

fn is_active(world: &World, token: &str) -> bool {
    let ask = form(format!("token={token}")).basic("app", SECRET);
    run(world.engine.introspect(&ask.request(), at(1))).body().starts_with(b"{\"active\":true")
}

#[test]
fn tokens_have_it_and_are_known_with_it_and_without() {
    let world = shop();
    let plain = plain_node(&world);
    let login = world.login(at(0));
    let (access, refresh) = (login.access_token(), login.refresh_token());
    let (bare_access, bare_refresh) = (access.strip_prefix("shop_").unwrap(), refresh.strip_prefix("shop_").unwrap());
    assert_eq!((bare_access.len(), bare_refresh.len()), (67, 43));
    // The node that has none yet, or not any more, is not given what is before the token.
    assert_eq!(lets_in(&world, &access), Ok(()));
    assert_eq!(lets_in(&world, bare_access), Ok(()));
    assert_eq!(lets_in(&plain, bare_access), Ok(()));
    for token in [&*access, bare_access, &refresh, bare_refresh] {
        assert!(is_active(&world, token), "{token}");
    }
    // One step, whatever stands before it: a retry, and no replay.
    let next = world.refresh(&refresh, at(1)).refresh_token();
    assert_eq!(world.refresh(bare_refresh, at(2)).refresh_token(), next);
    let bare_next = plain.refresh(bare_refresh, at(3)).refresh_token();
    assert_eq!(Some(&*bare_next), next.strip_prefix("shop_"));
    // What a node without it hands out works at the one that has it.
    let after = plain.refresh(&bare_next, at(4)).refresh_token();
    assert!(world.refresh(&after, at(5)).refresh_token().starts_with("shop_"));
    // And a replay is one in either form.
    world.refresh(&refresh, at(1_000)).assert_error(400, "invalid_grant");
    assert!(world.events.names().contains(&"ReplayFound".to_owned()));
    assert!(world.store.bytes().is_empty());
}

#[test]
fn another_prefix_is_no_token_of_ours() {
    let world = shop();
    let login = world.login(at(0));
    let (access, refresh) = (login.access_token(), login.refresh_token());
    let before = world.store.bytes();
    for other in ["bank_", "shop", "shop__", "Shop_", "shop_shop_", ""] {
        let other = |token: &str| format!("{other}{}", token.strip_prefix("shop_").unwrap());
        if other(&refresh).len() != 43 {
            world.refresh(&other(&refresh), at(1)).assert_error(400, "invalid_grant");
            assert_eq!(lets_in(&world, &other(&access)), Err(BearerErrorKind::InvalidToken));
            assert!(!is_active(&world, &other(&refresh)));
        }
    }
    assert_eq!(world.store.bytes(), before);
    world.refresh(&refresh, at(1)).assert_ok();
}

#[test]
fn revocation_takes_both_forms() {
    for strip in [false, true] {
        let world = shop();
        let token = world.login(at(0)).refresh_token();
        let token = if strip { token.strip_prefix("shop_").unwrap() } else { &token };
        let ask = form(format!("token={token}")).basic("app", SECRET);
        assert_eq!(run(world.engine.revoke(&ask.request(), at(1))).status(), 200);
        assert!(world.store.bytes().is_empty(), "{strip}");
    }
}

#[test]
fn a_client_that_does_not_rotate_keeps_what_it_has() {
    let world = World::new([app().rotation(Rotation::Never)], |builder| {
        builder.grant_handler(Password).key(Key::from_bytes(1, &[1; 32])).token_prefix("shop_")
    });
    let token = world.login(at(0)).refresh_token();
    assert_eq!(world.refresh(&token, at(1)).refresh_token(), token);
    let bare = token.strip_prefix("shop_").unwrap();
    assert_eq!(world.refresh(bare, at(2)).refresh_token(), bare);
}

#[test]
fn a_jwt_has_none() {
    let world = World::new([app()], |builder| {
        builder
            .grant_handler(Password)
            .issuer("https://id.example")
            .signing_key(SigningKey::generate(SigningAlgorithm::Es256).unwrap().0)
            .jwt_access_tokens(JwtAccessTokens::new())
            .token_prefix("shop_")
    });
    let login = world.login(at(0));
    assert!(login.refresh_token().starts_with("shop_"));
    assert!(login.access_token().starts_with("ey"), "{}", login.access_token());
    assert_eq!(lets_in(&world, &login.access_token()), Ok(()));
}

/// With a prefix of three characters the access token of one kind would have the length of another kind's.
#[test]
fn what_cannot_be_one_is_told_at_build() {
    for bad in ["", "ab_", "shop", "a b_", "p\u{e9}p_"] {
        let built = Engine::builder(MemoryStore::new(), StaticClients::new()).token_prefix(bad).build();
        assert_eq!(built.err(), Some(BuildError::TokenPrefix), "{bad}");
    }
}
