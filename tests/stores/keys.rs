//! An engine with another key than the grants of its store were made under is found at start.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use regrant::engine::KeyCheckError;
use regrant::grant::{Owner, Version};
use regrant::store::{Durability, Insert, KeyFingerprint, Listed, Removed, StoreError, Swap};
use regrant::{BuildError, Engine, Grant, GrantId, Key, MemoryStore, StaticClients, Timestamp, TokenStore};

use crate::kit::{Fault, Shelf};

type TestEngine = Engine<Arc<Shelf>, StaticClients>;

fn engine(store: &Arc<Shelf>, sign: Key, accept: &[Key]) -> TestEngine {
    let builder = Engine::builder(Arc::clone(store), StaticClients::new()).key(sign);
    accept.iter().cloned().fold(builder, regrant::EngineBuilder::accept_key).build().unwrap()
}

/// A shelf's futures are ready at once.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("a shelf never waits"),
    }
}

fn kept(store: &Shelf) -> Vec<KeyFingerprint> {
    now(store.keep_key_fingerprints(&[])).unwrap()
}

fn old() -> Key {
    Key::from_bytes(1, &[1; 32])
}

#[test]
fn a_durable_store_asks_for_a_key_in_words() {
    let error = Engine::builder(Shelf::durable(), StaticClients::new()).build().unwrap_err();
    assert!(matches!(error, BuildError::KeyRequired));
    assert!(error.to_string().contains("was given no key"), "{error}");
}

#[test]
fn the_first_key_is_kept_and_the_same_one_fits_again() {
    let store = Arc::new(Shelf::durable());
    now(engine(&store, old(), &[]).check_keys()).unwrap();
    assert_eq!(kept(&store), [old().fingerprint()]);
    now(engine(&store, old(), &[]).check_keys()).unwrap();
    assert_eq!(kept(&store).len(), 1);
}

#[test]
fn another_key_of_the_same_id_is_an_error_and_nothing_is_kept() {
    let store = Arc::new(Shelf::durable());
    now(engine(&store, old(), &[]).check_keys()).unwrap();
    let (wrong, more) = (Key::from_bytes(1, &[2; 32]), Key::from_bytes(2, &[2; 32]));
    let error = now(engine(&store, wrong.clone(), std::slice::from_ref(&more)).check_keys()).unwrap_err();
    assert!(matches!(error, KeyCheckError::Changed(1)), "{error}");
    // What a person sees of it where `main` returns it.
    assert_eq!(format!("{error:?}"), error.to_string());
    let error = now(engine(&store, more, std::slice::from_ref(&wrong)).check_keys()).unwrap_err();
    assert!(matches!(error, KeyCheckError::Changed(1)), "the accepted ones count as well: {error}");
    let fresh = Key::from_bytes(3, &[3; 32]);
    let error = now(engine(&store, fresh, &[wrong]).abandon_other_keys()).unwrap_err();
    assert!(matches!(error, KeyCheckError::Changed(1)), "an id is not used twice: {error}");
    assert_eq!(kept(&store), [old().fingerprint()]);
}

#[test]
fn a_key_that_nobody_has_seen_here_is_an_error_unless_the_old_ones_are_abandoned() {
    let store = Arc::new(Shelf::durable());
    now(engine(&store, old(), &[]).check_keys()).unwrap();
    let new = Key::from_bytes(2, &[2; 32]);
    let error = now(engine(&store, new.clone(), &[]).check_keys()).unwrap_err();
    assert!(matches!(error, KeyCheckError::Unknown), "{error}");
    assert_eq!(kept(&store).len(), 1);
    now(engine(&store, new.clone(), &[]).abandon_other_keys()).unwrap();
    now(engine(&store, new, &[]).check_keys()).unwrap();
    assert_eq!(kept(&store).len(), 2);
}

#[test]
fn keys_are_replaced_one_by_one() {
    let store = Arc::new(Shelf::durable());
    now(engine(&store, old(), &[]).check_keys()).unwrap();
    let new = Key::from_bytes(2, &[2; 32]);
    now(engine(&store, old(), std::slice::from_ref(&new)).check_keys()).unwrap();
    now(engine(&store, new.clone(), &[old()]).check_keys()).unwrap();
    now(engine(&store, new, &[]).check_keys()).unwrap();
}

#[test]
fn a_store_that_fails_is_told_from_a_wrong_key() {
    let store = Arc::new(Shelf::durable());
    store.fail_next(Fault::LoadFails);
    assert!(matches!(now(engine(&store, old(), &[]).check_keys()), Err(KeyCheckError::Store(_))));
}

#[test]
fn in_memory_any_key_will_do() {
    let store = Arc::new(Shelf::default());
    now(engine(&store, old(), &[]).check_keys()).unwrap();
    now(engine(&store, Key::from_bytes(1, &[2; 32]), &[]).check_keys()).unwrap();
    let generated = Engine::builder(MemoryStore::new(), StaticClients::new()).build().unwrap();
    now(generated.check_keys()).unwrap();
    now(generated.abandon_other_keys()).unwrap();
}

/// Durable, with the trait's own `keep_key_fingerprints`, or with an answer that another node's key came first with.
struct Told(Option<KeyFingerprint>);

impl TokenStore for Told {
    async fn insert(&self, _: &Grant, _: Timestamp) -> Result<Insert, StoreError> {
        Ok(Insert::Added)
    }

    async fn load(&self, _: GrantId) -> Result<Option<Grant>, StoreError> {
        Ok(None)
    }

    async fn compare_and_swap(&self, _: Version, _: &Grant, _: Timestamp) -> Result<Swap, StoreError> {
        Ok(Swap::Lost)
    }

    async fn remove(&self, _: GrantId) -> Result<Removed, StoreError> {
        Ok(Removed::Nothing)
    }

    async fn list(&self, _: &Owner, _: Option<regrant::store::Cursor>, _: usize) -> Result<Listed, StoreError> {
        Ok(Listed::default())
    }

    async fn purge_expired(&self, _: Timestamp, _: usize) -> Result<usize, StoreError> {
        Ok(0)
    }

    fn durability(&self) -> Durability {
        Durability::Durable
    }

    async fn keep_key_fingerprints(&self, add: &[KeyFingerprint]) -> Result<Vec<KeyFingerprint>, StoreError> {
        Ok(self.0.filter(|_| !add.is_empty()).into_iter().collect())
    }
}

#[test]
fn a_durable_store_that_keeps_nothing_is_told() {
    let engine = Engine::builder(Told(None), StaticClients::new()).key(old()).build().unwrap();
    assert!(matches!(now(engine.check_keys()), Err(KeyCheckError::NotKept)));
}

#[test]
fn of_two_nodes_that_start_at_once_with_different_keys_one_is_told() {
    let first = Key::from_bytes(1, &[9; 32]).fingerprint();
    let engine = Engine::builder(Told(Some(first)), StaticClients::new()).key(old()).build().unwrap();
    assert!(matches!(now(engine.check_keys()), Err(KeyCheckError::Changed(1))));
}
