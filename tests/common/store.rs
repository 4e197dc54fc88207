//! A store on a map, written from the trait's documentation alone: its bytes can be compared, and it fails on command.

use std::collections::BTreeMap;
use std::sync::Mutex;

use regrant::{
    Cursor, Durability, Grant, GrantId, Inserted, KeyFingerprint, Listed, Owner, ReadyStore, StoreError, Swap,
    Timestamp, TokenStore, Version,
};

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
}

/// The smallest store that is right, but for what it is told to get wrong.
#[derive(Default)]
pub(crate) struct Shelf {
    grants: Mutex<BTreeMap<GrantId, Grant>>,
    fault: Mutex<Option<Fault>>,
    /// Of a shelf that says it outlives the process: by the id of the key.
    fingerprints: Option<Mutex<BTreeMap<u8, KeyFingerprint>>>,
}

impl Shelf {
    /// One that says it outlives the process.
    pub(crate) fn durable() -> Self {
        Self { fingerprints: Some(Mutex::default()), ..Self::default() }
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

    pub(crate) fn clear(&self) {
        self.grants.lock().unwrap().clear();
    }

    /// The next operation of that kind fails.
    pub(crate) fn fail_next(&self, fault: Fault) {
        *self.fault.lock().unwrap() = Some(fault);
    }

    /// Whether it is this fault's turn.
    fn is_due(&self, fault: Fault) -> bool {
        self.fault.lock().unwrap().take_if(|due| *due == fault).is_some()
    }
}

impl TokenStore for Shelf {
    async fn insert(&self, grant: &Grant, _: Timestamp) -> Result<Inserted, StoreError> {
        if self.is_due(Fault::InsertNotApplied) {
            return Err(StoreError::not_applied("injected"));
        }
        if self.is_due(Fault::InsertLost) {
            return Err(StoreError::indeterminate("injected"));
        }
        let mut grants = self.grants.lock().unwrap();
        if grants.contains_key(&grant.id()) {
            return Ok(Inserted::Duplicate);
        }
        grants.insert(grant.id(), grant.clone());
        if self.is_due(Fault::InsertAppliedAndReplyLost) {
            return Err(StoreError::indeterminate("injected"));
        }
        Ok(Inserted::Inserted)
    }

    async fn load(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        if self.is_due(Fault::LoadFails) {
            return Err(StoreError::not_applied("injected"));
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

    async fn remove(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        if self.is_due(Fault::RemoveFails) {
            return Err(StoreError::not_applied("injected"));
        }
        let removed = self.grants.lock().unwrap().remove(&id);
        if self.is_due(Fault::RemoveAppliedAndReplyLost) {
            return Err(StoreError::indeterminate("injected"));
        }
        Ok(removed)
    }

    async fn list(&self, owner: &Owner, _: Option<Cursor>, _: usize) -> Result<Listed, StoreError> {
        let grants = self.grants.lock().unwrap().values().filter(|grant| owner.owns(grant)).cloned().collect();
        Ok(Listed { grants, next: None })
    }

    async fn purge_expired(&self, _: Timestamp, _: usize) -> Result<usize, StoreError> {
        Ok(0)
    }

    fn durability(&self) -> Durability {
        if self.fingerprints.is_some() { Durability::Durable } else { Durability::Volatile }
    }

    async fn key_fingerprints(&self, add: &[KeyFingerprint]) -> Result<Vec<KeyFingerprint>, StoreError> {
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
