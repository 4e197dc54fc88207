//! The smallest store that is right, and a way to have it wrong in one place.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Instant;

use parking_lot::Mutex;
use regrant::grant::{Owner, Version};
use regrant::store::{Cursor, Durability, Insert, KeyFingerprint, Listed, Removed, StoreError, Swap};
use regrant::{Grant, GrantId, Timestamp, TokenStore};

/// What a store keeps. What is not behind `grants` and `fingerprints` is for stores that are wrong.
#[derive(Default)]
pub(crate) struct Shelf {
    pub(crate) grants: Mutex<BTreeMap<GrantId, Grant>>,
    pub(crate) fingerprints: Mutex<BTreeMap<u8, KeyFingerprint>>,
    pub(crate) copies: Mutex<BTreeMap<GrantId, Grant>>,
    pub(crate) ends: Mutex<BTreeMap<GrantId, Option<Instant>>>,
    /// When a grant was to expire, once for each time that it was written.
    pub(crate) expiries: Mutex<BTreeSet<(Timestamp, GrantId)>>,
    /// The ids of a subject's grants.
    pub(crate) owners: Mutex<BTreeMap<String, Vec<GrantId>>>,
    turns: AtomicUsize,
    turns_of: Mutex<BTreeMap<GrantId, usize>>,
}

impl Shelf {
    /// Whether it is every `nth` time.
    pub(crate) fn every(&self, nth: usize) -> bool {
        self.turns.fetch_add(1, Ordering::Relaxed) % nth == nth - 1
    }

    /// The same of each id: what is every time so many loads of all grants may be the same one of each, where callers run one by one.
    pub(crate) fn every_of(&self, id: GrantId, nth: usize) -> bool {
        let mut turns = self.turns_of.lock();
        let turn = turns.entry(id).or_default();
        *turn += 1;
        turn.is_multiple_of(nth)
    }

    pub(crate) fn get(&self, id: GrantId) -> Option<Grant> {
        self.grants.lock().get(&id).cloned()
    }

    pub(crate) fn put(&self, grant: &Grant) {
        self.grants.lock().insert(grant.id(), grant.clone());
    }

    /// The owner's grants in the order of their ids.
    pub(crate) fn all(&self, owns: impl Fn(&Grant) -> bool) -> Vec<Grant> {
        self.grants.lock().values().filter(|grant| owns(grant)).cloned().collect()
    }
}

/// A page of these, which are in the order of what a cursor says of each.
pub(crate) fn page(grants: Vec<Grant>, place: impl Fn(&Grant) -> u64, after: Option<Cursor>, limit: usize) -> Listed {
    let after = after.map(|cursor| cursor.to_u64().unwrap_or(u64::MAX));
    let mut grants: Vec<Grant> =
        grants.into_iter().filter(|grant| after.is_none_or(|after| place(grant) > after)).collect();
    let more = grants.len() > limit.max(1);
    grants.truncate(limit.max(1));
    let next = grants.last().filter(|_| more).map(|last| Cursor::from_u64(place(last)));
    Listed { grants, next, ..Listed::default() }
}

pub(crate) fn by_id(grant: &Grant) -> u64 {
    grant.id().as_u64()
}

/// How a store behaves. As it is written here it is right; a store that is wrong has something else in one place.
pub(crate) trait Behaves: Send + Sync {
    fn shelf(&self) -> &Shelf;

    fn insert(&self, grant: &Grant, _now: Timestamp) -> Result<Insert, StoreError> {
        let mut grants = self.shelf().grants.lock();
        if grants.contains_key(&grant.id()) {
            return Ok(Insert::Duplicate);
        }
        grants.insert(grant.id(), grant.clone());
        Ok(Insert::Added)
    }

    fn load(&self, id: GrantId) -> Option<Grant> {
        self.shelf().get(id)
    }

    fn swap(&self, expected: Version, next: &Grant, _now: Timestamp) -> Result<Swap, StoreError> {
        match self.shelf().grants.lock().get_mut(&next.id()) {
            Some(stored) if stored.version() == expected => {
                *stored = next.clone();
                Ok(Swap::Swapped)
            }
            _ => Ok(Swap::Lost),
        }
    }

    fn remove(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        Ok(self.shelf().grants.lock().remove(&id))
    }

    fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Listed {
        page(self.shelf().all(|grant| owner.owns(grant)), by_id, after, limit)
    }

    fn purge(&self, now: Timestamp, limit: usize) -> usize {
        let mut grants = self.shelf().grants.lock();
        let expired: Vec<GrantId> =
            grants.values().filter(|grant| grant.expires_at() <= now).map(Grant::id).take(limit).collect();
        for id in &expired {
            grants.remove(id);
        }
        expired.len()
    }

    fn fingerprints(&self, add: &[KeyFingerprint]) -> Vec<KeyFingerprint> {
        let mut kept = self.shelf().fingerprints.lock();
        for fingerprint in add {
            kept.entry(fingerprint.key_id()).or_insert(*fingerprint);
        }
        kept.values().copied().collect()
    }

    fn propose(&self, _now: Timestamp) -> Option<u32> {
        None
    }

    fn durability(&self) -> Durability {
        Durability::Durable
    }
}

/// A store that behaves so. Each operation is pending once, at its beginning.
#[derive(Default)]
pub(crate) struct Store<B>(pub(crate) B);

impl<B: Behaves> TokenStore for Store<B> {
    async fn insert(&self, grant: &Grant, now: Timestamp) -> Result<Insert, StoreError> {
        pause().await;
        self.0.insert(grant, now)
    }

    async fn load(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        pause().await;
        Ok(self.0.load(id))
    }

    async fn compare_and_swap(&self, expected: Version, next: &Grant, now: Timestamp) -> Result<Swap, StoreError> {
        pause().await;
        self.0.swap(expected, next, now)
    }

    async fn remove(&self, id: GrantId) -> Result<Removed, StoreError> {
        pause().await;
        self.0.remove(id).map(Removed::from)
    }

    async fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Result<Listed, StoreError> {
        pause().await;
        Ok(self.0.list(owner, after, limit))
    }

    async fn purge_expired(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        pause().await;
        Ok(self.0.purge(now, limit))
    }

    fn propose_id(&self, now: Timestamp) -> Option<u32> {
        self.0.propose(now)
    }

    fn durability(&self) -> Durability {
        self.0.durability()
    }

    async fn keep_key_fingerprints(&self, add: &[KeyFingerprint]) -> Result<Vec<KeyFingerprint>, StoreError> {
        pause().await;
        Ok(self.0.fingerprints(add))
    }
}

/// Is pending once.
pub(crate) async fn pause() {
    let mut polled = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut polled, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// The one that is right.
#[derive(Default)]
pub(crate) struct Right(Shelf);

impl Behaves for Right {
    fn shelf(&self) -> &Shelf {
        &self.0
    }
}
