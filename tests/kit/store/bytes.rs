//! A store that keeps encoded records and nothing else, so that what is stored can be looked into.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use regrant::grant::{Owner, Version};
use regrant::store::{Cursor, Durability, Insert, Listed, ReadyStore, Removed, StoreError, Swap};
use regrant::{Grant, GrantId, Timestamp, TokenStore};

/// Bytes under an id. Every read decodes, every write encodes.
#[derive(Default)]
pub(crate) struct BytesStore(Mutex<BTreeMap<GrantId, Vec<u8>>>);

impl BytesStore {
    /// Everything that is stored.
    pub(crate) fn raw(&self) -> BTreeMap<GrantId, Vec<u8>> {
        self.0.lock().clone()
    }

    /// Puts bytes in the place of a record.
    pub(crate) fn damage(&self, id: GrantId, bytes: Vec<u8>) {
        self.0.lock().insert(id, bytes);
    }
}

impl TokenStore for BytesStore {
    async fn insert(&self, grant: &Grant, _now: Timestamp) -> Result<Insert, StoreError> {
        let mut records = self.0.lock();
        if records.contains_key(&grant.id()) {
            return Ok(Insert::Duplicate);
        }
        records.insert(grant.id(), grant.encode());
        Ok(Insert::Added)
    }

    async fn load(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        Ok(self.0.lock().get(&id).map(|bytes| Grant::decode(bytes)).transpose()?)
    }

    async fn compare_and_swap(&self, expected: Version, next: &Grant, _now: Timestamp) -> Result<Swap, StoreError> {
        let mut records = self.0.lock();
        let Some(bytes) = records.get_mut(&next.id()) else { return Ok(Swap::Lost) };
        let stored = Grant::decode(bytes)?;
        if stored.version() != expected {
            return Ok(Swap::Lost);
        }
        super::keeps_its_owner(&stored, next);
        *bytes = next.encode();
        Ok(Swap::Swapped)
    }

    async fn remove(&self, id: GrantId) -> Result<Removed, StoreError> {
        Ok(self.0.lock().remove(&id).map_or(Removed::Nothing, |bytes| Grant::decode(&bytes).into()))
    }

    async fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Result<Listed, StoreError> {
        let after = after.and_then(|cursor| cursor.to_u64()).map(GrantId::from_u64);
        let mut grants = Vec::new();
        // Whose it is only the record says, so one that cannot be read is an error of all lists.
        for (_, bytes) in self.0.lock().iter().filter(|(id, _)| after.is_none_or(|after| **id > after)) {
            grants.push(Grant::decode(bytes)?);
        }
        grants.retain(|grant| owner.owns(grant));
        let more = grants.len() > limit.max(1);
        grants.truncate(limit.max(1));
        let next = grants.last().filter(|_| more).map(|last| Cursor::from_u64(last.id().as_u64()));
        Ok(Listed { grants, next, ..Listed::default() })
    }

    async fn purge_expired(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let mut records = self.0.lock();
        let mut expired = Vec::new();
        for (id, bytes) in records.iter() {
            if Grant::decode(bytes).is_ok_and(|grant| grant.expires_at() <= now) && expired.len() < limit {
                expired.push(*id);
            }
        }
        for id in &expired {
            records.remove(id);
        }
        Ok(expired.len())
    }

    fn durability(&self) -> Durability {
        Durability::Volatile
    }
}

impl ReadyStore for BytesStore {}
