//! The smallest store that is right, and durable as far as anyone can tell.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use regrant::{
    Cursor, Durability, Grant, GrantId, Inserted, KeyFingerprint, Listed, Owner, StoreError, Swap, Timestamp,
    TokenStore, Version,
};

#[derive(Default)]
pub(crate) struct Shelf {
    pub(crate) grants: Mutex<BTreeMap<GrantId, Grant>>,
    pub(crate) fingerprints: Mutex<BTreeMap<u8, KeyFingerprint>>,
}

impl TokenStore for Shelf {
    async fn insert(&self, grant: &Grant, _now: Timestamp) -> Result<Inserted, StoreError> {
        let mut grants = self.grants.lock();
        if grants.contains_key(&grant.id()) {
            return Ok(Inserted::Duplicate);
        }
        grants.insert(grant.id(), grant.clone());
        Ok(Inserted::Inserted)
    }

    async fn load(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        Ok(self.grants.lock().get(&id).cloned())
    }

    async fn compare_and_swap(&self, expected: Version, next: &Grant, _now: Timestamp) -> Result<Swap, StoreError> {
        match self.grants.lock().get_mut(&next.id()) {
            Some(stored) if stored.version() == expected => {
                *stored = next.clone();
                Ok(Swap::Swapped)
            }
            _ => Ok(Swap::Lost),
        }
    }

    async fn remove(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        Ok(self.grants.lock().remove(&id))
    }

    async fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Result<Listed, StoreError> {
        let after = after.map(|cursor| GrantId::from_u64(cursor.to_u64().unwrap_or(u64::MAX)));
        let mut grants: Vec<Grant> = self
            .grants
            .lock()
            .values()
            .filter(|grant| owner.owns(grant) && after.is_none_or(|after| grant.id() > after))
            .take(limit.max(1).saturating_add(1))
            .cloned()
            .collect();
        let more = grants.len() > limit.max(1);
        grants.truncate(limit.max(1));
        let next = grants.last().filter(|_| more).map(|last| Cursor::from_u64(last.id().as_u64()));
        Ok(Listed { grants, next })
    }

    async fn purge_expired(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let mut grants = self.grants.lock();
        let expired: Vec<GrantId> =
            grants.values().filter(|grant| grant.expires_at() <= now).map(Grant::id).take(limit).collect();
        for id in &expired {
            grants.remove(id);
        }
        Ok(expired.len())
    }

    fn durability(&self) -> Durability {
        Durability::Durable
    }

    async fn key_fingerprints(&self, add: &[KeyFingerprint]) -> Result<Vec<KeyFingerprint>, StoreError> {
        let mut kept = self.fingerprints.lock();
        for fingerprint in add {
            kept.entry(fingerprint.key_id()).or_insert(*fingerprint);
        }
        Ok(kept.values().copied().collect())
    }
}
