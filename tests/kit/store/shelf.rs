//! A store on a map, written from the trait's documentation alone: its bytes can be compared, and it fails on command.

use std::collections::BTreeMap;
use std::sync::Mutex;

use regrant::grant::{DecodeError, Owner, Version};
use regrant::store::{Cursor, Durability, Insert, KeyFingerprint, Listed, ReadyStore, Removed, StoreError, Swap};
use regrant::{Grant, GrantId, Timestamp, TokenStore};

/// Which operation fails next, and how.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    InsertNotApplied,
    InsertAppliedAndReplyLost,
    InsertLost,
    LoadFails,
    SwapNotApplied,
    SwapAppliedAndReplyLost,
    SwapLost,
    RemoveFails,
    RemoveAppliedAndReplyLost,
    ListFails,
}

/// The smallest store that is right, but for what it is told to get wrong.
#[derive(Default)]
pub(crate) struct Shelf {
    grants: Mutex<BTreeMap<GrantId, Grant>>,
    /// Records that cannot be read any more, though it is known whose they are.
    damaged: Mutex<BTreeMap<GrantId, Grant>>,
    fault: Mutex<Option<Fault>>,
    /// Of a shelf that says it outlives the process: by the id of the key.
    fingerprints: Option<Mutex<BTreeMap<u8, KeyFingerprint>>>,
    /// How often it was told to expect a load, and of which id last.
    expected: Mutex<(usize, Option<GrantId>)>,
}

impl Shelf {
    /// One that says it outlives the process.
    pub(crate) fn durable() -> Self {
        Self { fingerprints: Some(Mutex::default()), ..Self::default() }
    }

    /// How often it was told to expect a load since this was asked last, and of which id.
    pub(crate) fn expected(&self) -> (usize, Option<GrantId>) {
        std::mem::take(&mut *self.expected.lock().unwrap())
    }

    /// What is stored, as bytes.
    pub(crate) fn bytes(&self) -> BTreeMap<GrantId, Vec<u8>> {
        self.grants.lock().unwrap().iter().map(|(id, grant)| (*id, grant.encode())).collect()
    }

    /// The grants, oldest id first.
    pub(crate) fn grants(&self) -> Vec<Grant> {
        self.grants.lock().unwrap().values().cloned().collect()
    }

    /// Puts a record where another is looked for.
    pub(crate) fn misplace(&self, id: GrantId, grant: Grant) {
        self.grants.lock().unwrap().insert(id, grant);
    }

    /// From now on this record cannot be read.
    pub(crate) fn damage(&self, id: GrantId) {
        let damaged = self.grants.lock().unwrap().remove(&id).expect("a record");
        self.damaged.lock().unwrap().insert(id, damaged);
    }

    pub(crate) fn clear(&self) {
        self.grants.lock().unwrap().clear();
    }

    /// The next operation of that kind fails.
    pub(crate) fn fail_next(&self, fault: Fault) {
        *self.fault.lock().unwrap() = Some(fault);
    }

    /// Whether the fault that was asked for has not come.
    pub(crate) fn fails_yet(&self) -> bool {
        self.fault.lock().unwrap().is_some()
    }

    /// Whether it is this fault's turn.
    fn is_due(&self, fault: Fault) -> bool {
        self.fault.lock().unwrap().take_if(|due| *due == fault).is_some()
    }
}

impl TokenStore for Shelf {
    fn expect_load(&self, id: GrantId) {
        let mut expected = self.expected.lock().unwrap();
        *expected = (expected.0 + 1, Some(id));
    }

    async fn insert(&self, grant: &Grant, _: Timestamp) -> Result<Insert, StoreError> {
        if self.is_due(Fault::InsertNotApplied) {
            return Err(StoreError::not_applied("injected"));
        }
        if self.is_due(Fault::InsertLost) {
            return Err(StoreError::indeterminate("injected"));
        }
        let mut grants = self.grants.lock().unwrap();
        if grants.contains_key(&grant.id()) {
            return Ok(Insert::Duplicate);
        }
        grants.insert(grant.id(), grant.clone());
        if self.is_due(Fault::InsertAppliedAndReplyLost) {
            return Err(StoreError::indeterminate("injected"));
        }
        Ok(Insert::Added)
    }

    async fn load(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        if self.is_due(Fault::LoadFails) {
            return Err(StoreError::not_applied("injected"));
        }
        if self.damaged.lock().unwrap().contains_key(&id) {
            return Err(DecodeError::Corrupt.into());
        }
        Ok(self.grants.lock().unwrap().get(&id).cloned())
    }

    async fn compare_and_swap(&self, expected: Version, next: &Grant, _: Timestamp) -> Result<Swap, StoreError> {
        if self.is_due(Fault::SwapNotApplied) {
            return Err(StoreError::not_applied("injected"));
        }
        if self.is_due(Fault::SwapLost) {
            return Err(StoreError::indeterminate("injected"));
        }
        let mut grants = self.grants.lock().unwrap();
        let swap = match grants.get_mut(&next.id()) {
            Some(stored) if stored.version() == expected => {
                super::keeps_its_owner(stored, next);
                *stored = next.clone();
                Swap::Swapped
            }
            _ => Swap::Lost,
        };
        if self.is_due(Fault::SwapAppliedAndReplyLost) {
            return Err(StoreError::indeterminate("injected"));
        }
        Ok(swap)
    }

    async fn remove(&self, id: GrantId) -> Result<Removed, StoreError> {
        if self.is_due(Fault::RemoveFails) {
            return Err(StoreError::not_applied("injected"));
        }
        let removed = match self.damaged.lock().unwrap().remove(&id) {
            Some(_) => Removed::Unreadable,
            None => self.grants.lock().unwrap().remove(&id).into(),
        };
        if self.is_due(Fault::RemoveAppliedAndReplyLost) {
            return Err(StoreError::indeterminate("injected"));
        }
        Ok(removed)
    }

    async fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Result<Listed, StoreError> {
        if self.is_due(Fault::ListFails) {
            return Err(StoreError::not_applied("injected"));
        }
        let after = after.map(|after| after.to_u64().expect("a cursor of a shelf"));
        let grants = self.grants.lock().unwrap();
        let own = |grant: &&Grant| owner.owns(grant) && after.is_none_or(|after| grant.id().as_u64() > after);
        let mut page: Vec<Grant> = grants.values().filter(own).take(limit.saturating_add(1)).cloned().collect();
        let more = page.len() > limit;
        page.truncate(limit);
        let next = page.last().filter(|_| more).map(|last| Cursor::from_u64(last.id().as_u64()));
        // With the first page, which is enough for what they are used for.
        let damaged = self.damaged.lock().unwrap();
        let unreadable = damaged.values().filter(|grant| after.is_none() && owner.owns(grant)).map(Grant::id).collect();
        Ok(Listed { grants: page, unreadable, next })
    }

    async fn purge_expired(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let mut grants = self.grants.lock().unwrap();
        let over: Vec<GrantId> =
            grants.values().filter(|grant| grant.expires_at() <= now).map(Grant::id).take(limit).collect();
        for id in &over {
            grants.remove(id);
        }
        Ok(over.len())
    }

    fn durability(&self) -> Durability {
        if self.fingerprints.is_some() { Durability::Durable } else { Durability::Volatile }
    }

    async fn keep_key_fingerprints(&self, add: &[KeyFingerprint]) -> Result<Vec<KeyFingerprint>, StoreError> {
        if self.is_due(Fault::LoadFails) {
            return Err(StoreError::not_applied("injected"));
        }
        let Some(kept) = &self.fingerprints else { return Ok(Vec::new()) };
        let mut kept = kept.lock().unwrap();
        for fingerprint in add {
            kept.entry(fingerprint.key_id()).or_insert(*fingerprint);
        }
        Ok(kept.values().copied().collect())
    }
}

impl ReadyStore for Shelf {}
