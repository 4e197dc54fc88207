//! Client ids as long as ids can be: URLs, and ids that carry what a client said of itself.

use regrant::grant::Owner;
use regrant::{Client, Grant, TokenStore};

use crate::kit::portal::run;
use crate::kit::{LOGIN, Password, SECRET, World, app, at, form, renewal, scope, secret};

fn client(id: &str) -> regrant::client::ClientBuilder {
    Client::confidential(id)
        .secret(secret(SECRET))
        .grant_type("password")
        .grant_type("refresh_token")
        .scope(scope("read"))
}

/// In a header and in a body, at login and refresh, in a list and to the end.
#[test]
fn a_client_whose_id_is_as_long_as_may_be_is_a_client_like_any() {
    let longest = ["y", "z"].map(|end| "x".repeat(Client::MAX_ID_BYTES - 1) + end);
    let world =
        World::new([app(), client(&longest[0]), client(&longest[1])], |builder| builder.grant_handler(Password));
    let login = world.send(&form(LOGIN).basic(&longest[0], SECRET), at(0));
    let token = login.assert_ok().refresh_token();
    world.send(&form(LOGIN).basic(&longest[1], SECRET), at(0)).assert_ok();
    // Another client whose id differs at the very end.
    world.send(&form(renewal(&token)).basic(&longest[1], SECRET), at(1)).assert_error(400, "invalid_grant");
    let posted = format!("{}&client_id={}&client_secret={SECRET}", renewal(&token), longest[0]);
    world.send(&form(posted), at(1)).assert_ok();

    let owner = Owner::subject("alice").at_client(&longest[0]);
    let listed = run(world.store.list(&owner, None, 10)).unwrap();
    assert_eq!(listed.grants.iter().map(Grant::client_id).collect::<Vec<_>>(), [&longest[0]]);
    assert_eq!(owner.client_key(), Some(listed.grants[0].client_key()));
    assert!(listed.grants[0].client_key().len() <= Grant::MAX_CLIENT_KEY_BYTES);
    assert_eq!(run(world.engine.end_sessions_of("alice", regrant::Timestamp::EPOCH)).unwrap(), 2);
}

#[test]
fn no_client_has_a_longer_id() {
    let too_long = "x".repeat(Client::MAX_ID_BYTES + 1);
    assert!(matches!(client(&too_long).build(), Err(regrant::client::ClientError::Id)));
}
