//! Under FAPI 2.0 refresh tokens do not rotate "except in extraordinary circumstances" (section 5.3.2.1, item 9): a key that is withdrawn is
//! one. A token under it rotates once, with the normal window, as note 1 asks.

use std::sync::Arc;

use regrant::engine::{ClientCredentials, Dpop};
use regrant::grant::Rotation;
use regrant::jwt::{SigningAlgorithm, SigningKey, SigningKeyStepError};
use regrant::{Endpoints, Engine, Key, RootSecret, StaticClients};

use crate::kit::portal::ISSUER;
use crate::kit::profiles::{Desk, bank, key_app, key_client, said};
use crate::kit::{Events, Shelf, at};

type Bank = Desk<Arc<Shelf>, StaticClients>;

fn old() -> Key {
    Key::from_bytes(7, &[9; 32])
}

fn new() -> Key {
    Key::from_bytes(8, &[10; 32])
}

/// The window of a confidential client.
const WINDOW: u64 = 120;

fn node(
    store: &Arc<Shelf>,
    change: impl FnOnce(
        regrant::EngineBuilder<Arc<Shelf>, StaticClients>,
    ) -> regrant::EngineBuilder<Arc<Shelf>, StaticClients>,
) -> Bank {
    bank(Arc::clone(store), [key_client()], change)
}

#[test]
fn a_token_under_a_key_that_is_withdrawn_rotates_once() {
    let store = Arc::new(Shelf::default());
    let before = node(&store, |builder| builder);
    let first = before.login(&key_app(), 0).refresh_token();
    assert_eq!(before.refresh(&key_app(), &first, 10).refresh_token(), first);
    // Every node signs by the new one, and the old one is withdrawn.
    let after = node(&store, |builder| builder.key(new()).retire_key(old()));
    let second = after.refresh(&key_app(), &first, 20).assert_ok().refresh_token();
    assert_ne!(second, first);
    // Note 1: the old one again, for a while, has the same answer.
    let stored = store.bytes();
    assert_eq!(after.refresh(&key_app(), &first, 20 + WINDOW - 1).refresh_token(), second);
    assert_eq!(store.bytes().len(), stored.len() + 1, "a marker of the assertion, and nothing else");
    // Once: from then on it stays.
    for secs in [500, 1_000, 100_000] {
        assert_eq!(after.refresh(&key_app(), &second, secs).refresh_token(), second);
    }
    // The key can go.
    let last = node(&store, |builder| builder.key(new()));
    assert_eq!(last.refresh(&key_app(), &second, 200_000).refresh_token(), second);
    assert_eq!(said(&last.refresh(&key_app(), &first, 200_001)), "400 invalid_grant");
}

/// After the window the old one is what any older token is.
#[test]
fn the_old_token_after_the_window_is_a_replay() {
    let store = Arc::new(Shelf::default());
    let first = node(&store, |builder| builder).login(&key_app(), 0).refresh_token();
    let after = node(&store, |builder| builder.key(new()).retire_key(old()));
    let second = after.refresh(&key_app(), &first, 1).refresh_token();
    assert_eq!(said(&after.refresh(&key_app(), &first, 1 + WINDOW)), "400 invalid_grant");
    assert!(after.events.names().contains(&String::from("ReplayFound")));
    assert_eq!(said(&after.refresh(&key_app(), &second, 2 + WINDOW)), "400 invalid_grant");
}

/// While nodes differ on which key signs, a key that is merely accepted rotates nothing, so no token goes to and fro.
#[test]
fn a_key_that_is_accepted_rotates_nothing() {
    let store = Arc::new(Shelf::default());
    let old_node = node(&store, |builder| builder.accept_key(new()));
    let new_node = node(&store, |builder| builder.key(new()).accept_key(old()));
    let by_old = old_node.login(&key_app(), 0).refresh_token();
    let by_new = new_node.login(&key_app(), 0).refresh_token();
    for secs in [10, 200, 3_000] {
        for node in [&old_node, &new_node] {
            assert_eq!(node.refresh(&key_app(), &by_old, secs).refresh_token(), by_old);
            assert_eq!(node.refresh(&key_app(), &by_new, secs).refresh_token(), by_new);
        }
    }
}

/// Outside of the profile a client of `Rotation::Never` was promised one token for good.
#[test]
fn without_the_profile_a_withdrawn_key_rotates_nothing() {
    let store = Arc::new(Shelf::default());
    let node = |key: Key, retired: Option<Key>| {
        let clients = StaticClients::new().with(key_client().rotation(Rotation::Never).build().unwrap()).unwrap();
        let events = Events::default();
        let builder = Engine::builder(Arc::clone(&store), clients)
            .key(key)
            .root_secret(RootSecret::from_bytes(1, &[2; 32]))
            .issuer(ISSUER)
            .endpoints(
                Endpoints::new()
                    .with_authorization("/authorize")
                    .with_token("/token")
                    .with_pushed_authorization("/par"),
            )
            .authorization_code()
            .pushed_authorization_requests()
            .dpop(Dpop::new())
            .grant_handler(ClientCredentials)
            .events(events.clone());
        let builder = retired.into_iter().fold(builder, regrant::EngineBuilder::retire_key);
        Desk { engine: builder.build().unwrap(), store: Arc::clone(&store), events }
    };
    let token = node(old(), None).login(&key_app(), 0).refresh_token();
    assert_eq!(node(new(), Some(old())).refresh(&key_app(), &token, 1).refresh_token(), token);
}

/// Section 5.4.1, item 1: nor is a key of RS256 published while the engine serves.
#[test]
fn no_key_of_rs256_is_published_later() {
    let (signing, _) = SigningKey::generate(SigningAlgorithm::Es256).unwrap();
    let bank = node(&Arc::new(Shelf::default()), |builder| builder.signing_key(signing));
    let (rsa, _) = SigningKey::generate(SigningAlgorithm::Rs256).unwrap();
    assert_eq!(bank.engine.publish_signing_key(rsa, at(0)), Err(SigningKeyStepError::Algorithm));
    let (other, _) = SigningKey::generate(SigningAlgorithm::EdDsa).unwrap();
    assert_eq!(bank.engine.publish_signing_key(other, at(0)), Ok(()));
}
