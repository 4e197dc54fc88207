//! What a store hears before it is asked: `TokenStore::expect_load`.

use std::sync::Arc;

use regrant::store::DynTokenStore;
use regrant::{GrantId, TokenStore};

use crate::kit::{Password, SECRET, Shelf, World, app, at, form, renewal};

/// Before the client is authenticated, by the id that the token names; once each, and what it makes of it is its own.
#[test]
fn a_store_hears_of_a_refresh_before_its_client_is_known() {
    let world = World::new([app()], |builder| builder.grant_handler(Password));
    let first = world.login(at(0)).refresh_token();
    assert_eq!(world.store.expected(), (0, None), "a login loads nothing");
    let id = world.store.grants()[0].id();
    let stored = world.store.bytes();
    let asked = |token: &str, secret: &str| world.send(&form(renewal(token)).basic("app", secret), at(1)).status;
    // What is no token, and a client that is not who it says.
    assert_eq!((asked("x", SECRET), world.store.expected()), (400, (0, None)));
    assert_eq!((asked(&first, &"x".repeat(32)), world.store.expected()), (401, (1, Some(id))));
    assert_eq!(world.store.bytes(), stored);
    assert_eq!((asked(&first, SECRET), world.store.expected()), (200, (1, Some(id))));
}

#[test]
fn whoever_stands_for_a_store_passes_it_on() {
    let (shelf, id) = (Arc::new(Shelf::default()), GrantId::from_u64(7));
    let erased: Arc<dyn DynTokenStore> = Arc::clone(&shelf) as Arc<dyn DynTokenStore>;
    erased.expect_load(id);
    (&&erased).expect_load(id);
    Box::new(Arc::clone(&shelf)).expect_load(id);
    assert_eq!(shelf.expected(), (3, Some(id)));
}
