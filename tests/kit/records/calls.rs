//! Calls that succeed, for tests without a runtime: `wait` is that of the module that includes them.

use regrant::grant::{Owner, Version};
use regrant::store::{Insert, Swap};
use regrant::{Grant, GrantId, Timestamp, TokenStore};

use super::wait;

pub(crate) fn insert(store: &impl TokenStore, grant: &Grant, now: Timestamp) -> Insert {
    wait(store.insert(grant, now)).unwrap()
}

pub(crate) fn load(store: &impl TokenStore, id: u64) -> Option<Grant> {
    wait(store.load(GrantId::from_u64(id))).unwrap()
}

pub(crate) fn swap(store: &impl TokenStore, expected: u64, next: &Grant, now: Timestamp) -> Swap {
    wait(store.compare_and_swap(Version::from_u64(expected), next, now)).unwrap()
}

pub(crate) fn remove(store: &impl TokenStore, id: u64) -> Option<Grant> {
    wait(store.remove(GrantId::from_u64(id))).unwrap().grant()
}

pub(crate) fn list(store: &impl TokenStore, owner: &Owner, limit: usize) -> Vec<Grant> {
    wait(crate::kit::records::all(store, owner, limit))
}
