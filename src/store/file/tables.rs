//! What is in the file: the records, and what finds them.
//!
//! ```text
//! grants   id                            -> the record's bytes | indexed expiry 8
//! owners   subject 8 | client 8 | id 8   -> nothing      (digests; the record says whose it really is)
//! expiry   indexed expiry 8 | id 8       -> nothing
//! keys     key id                        -> fingerprint 16
//! last     nothing                       -> the number of the last commit that is in the tables
//! ```
//!
//! A refresh moves a grant's expiry, and writes one record: the indexed expiry is a time at or before the real one, and
//! a purge that comes to it moves it on. One that never expires is not indexed. One that cannot be read is moved on in the
//! index alone; once it can be, the time in the index counts.

use std::time::Duration;

use redb::{ReadableTable, Table, TableDefinition, WriteTransaction};
use sha2::{Digest, Sha256};

use super::changes::{Change, Changes};
use super::error::storage;
use super::trouble::Trouble;
use crate::grant::{DecodeError, Grant, Timestamp, Version};
use crate::store::{Insert, Removed, Swap};
use crate::token::KeyFingerprint;

pub(super) const GRANTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("grants");
pub(super) const OWNERS: TableDefinition<'_, [u8; 24], ()> = TableDefinition::new("owners");
pub(super) const EXPIRY: TableDefinition<'_, [u8; 16], ()> = TableDefinition::new("expiry");
pub(super) const KEYS: TableDefinition<'_, u8, [u8; 16]> = TableDefinition::new("keys");
pub(super) const LAST: TableDefinition<'_, (), u64> = TableDefinition::new("last");

/// The tables within one transaction. A refresh opens the first alone.
pub(super) struct Tables<'t> {
    transaction: &'t WriteTransaction,
    grants: Table<'t, u64, &'static [u8]>,
    owners: Option<Table<'t, [u8; 24], ()>>,
    expiry: Option<Table<'t, [u8; 16], ()>>,
    keys: Option<Table<'t, u8, [u8; 16]>>,
    /// All that was changed, for the log.
    changes: Vec<u8>,
}

/// What a purge did, and where it goes on.
pub(super) struct Purged {
    pub(super) removed: usize,
    /// The last place that was looked at; `None` when there is no more.
    pub(super) at: Option<[u8; 16]>,
}

impl<'t> Tables<'t> {
    /// How many places of the index of expiries one transaction looks at.
    const LOOKS: usize = 1_024;
    /// When a record is looked at again that cannot be read, and so not say when it expires.
    const AGAIN: Duration = Duration::from_secs(30 * 24 * 3_600);

    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, redb::Error> {
        let grants = transaction.open_table(GRANTS)?;
        Ok(Self { transaction, grants, owners: None, expiry: None, keys: None, changes: Vec::new() })
    }

    /// All that was changed, as the commit of that number; empty where there is nothing to commit.
    pub(super) fn finish(self, number: u64) -> Result<Vec<u8>, redb::Error> {
        if !self.changes.is_empty() {
            self.transaction.open_table(LAST)?.insert((), number)?;
        }
        Ok(self.changes)
    }

    /// Does what a commit of the log did.
    pub(super) fn replay(&mut self, commit: &[u8]) -> Result<(), Trouble> {
        let mut changes = Changes(commit);
        while let Some(change) = changes.next()? {
            self.change(change)?;
        }
        Ok(())
    }

    pub(super) fn insert(&mut self, grant: &Grant, bytes: &[u8]) -> Result<Insert, Trouble> {
        if self.grants.get(grant.id.as_u64()).map_err(storage)?.is_some() {
            return Ok(Insert::Duplicate);
        }
        let indexed = grant.expires_at().as_millis();
        self.put(grant.id.as_u64(), bytes, indexed)?;
        self.index_owner(grant)?;
        self.index_expiry(indexed, grant.id.as_u64())?;
        Ok(Insert::Added)
    }

    pub(super) fn swap(&mut self, expected: Version, next: &Grant, bytes: &[u8]) -> Result<Swap, Trouble> {
        let id = next.id.as_u64();
        let Some((stored, indexed)) = self.get(id)? else { return Ok(Swap::Lost) };
        if stored.version != expected {
            return Ok(Swap::Lost);
        }
        let expires_at = next.expires_at().as_millis();
        let index_at = indexed.min(expires_at);
        self.put(id, bytes, index_at)?;
        if index_at != indexed {
            self.unindex_expiry(indexed, id)?;
            self.index_expiry(index_at, id)?;
        }
        // The engine never changes them; a store does as it is told.
        if (stored.owner_key(), stored.client_id()) != (next.owner_key(), next.client_id()) {
            self.unindex_owner(&stored)?;
            self.index_owner(next)?;
        }
        Ok(Swap::Swapped)
    }

    pub(super) fn remove(&mut self, id: u64) -> Result<Removed, Trouble> {
        match self.get(id) {
            Ok(None) => Ok(Removed::Nothing),
            Ok(Some((stored, indexed))) => {
                self.forget(&stored, indexed)?;
                Ok(Removed::Grant(stored))
            }
            // Where the indexes have it only the record would tell. Whoever comes to such a place clears it away.
            Err(Trouble::Record(_)) => {
                self.change(Change::RemoveGrant(id))?;
                Ok(Removed::Unreadable)
            }
            Err(trouble) => Err(trouble),
        }
    }

    /// Clears away places of the index of owners that lead nowhere.
    pub(super) fn tidy(&mut self, places: &[[u8; 24]]) -> Result<(), Trouble> {
        for &place in places {
            let leads_nowhere = match self.get(id_of(place)) {
                Ok(stored) => stored.and_then(|(grant, _)| owner_of(&grant)) != Some(place),
                Err(Trouble::Record(_)) => false,
                Err(trouble) => return Err(trouble),
            };
            if leads_nowhere {
                self.change(Change::RemoveOwner(place))?;
            }
        }
        Ok(())
    }

    /// Removes at most `limit` grants that are expired at `now`, going on after a place. It looks at so many places at
    /// most, and whatever it finds there, none is due again at once: so it gets past anything.
    pub(super) fn purge(
        &mut self,
        now: Timestamp,
        limit: usize,
        after: Option<[u8; 16]>,
        looks: Option<usize>,
    ) -> Result<Purged, Trouble> {
        let looks = looks.unwrap_or(Self::LOOKS);
        let last = expiry_key(now.as_millis(), u64::MAX);
        let mut due = Vec::new();
        {
            let from = after.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
            let range = self.expiry()?.range::<[u8; 16]>((from, std::ops::Bound::Included(last))).map_err(storage)?;
            for entry in range.take(looks) {
                due.push(entry.map_err(storage)?.0.value());
            }
        }
        let more = due.len() == looks;
        let mut purged = Purged { removed: 0, at: None };
        for place in due {
            if purged.removed == limit {
                return Ok(purged);
            }
            purged.at = Some(place);
            let (indexed, id) = read_expiry_key(place);
            match self.get(id) {
                Ok(Some((stored, _))) if stored.expires_at() <= now => {
                    self.forget(&stored, indexed)?;
                    purged.removed += 1;
                }
                // Extended since it was indexed.
                Ok(Some((stored, _))) => self.reindex(&stored, indexed)?,
                // An entry without a record is of no use.
                Ok(None) => self.unindex_expiry(indexed, id)?,
                // It is left as it is, for a version that can read it or a person who can.
                Err(Trouble::Record(_)) => {
                    self.unindex_expiry(indexed, id)?;
                    self.index_expiry((now + Self::AGAIN).as_millis(), id)?;
                }
                Err(trouble) => return Err(trouble),
            }
        }
        if !more {
            purged.at = None;
        }
        Ok(purged)
    }

    pub(super) fn fingerprints(&mut self, add: &[KeyFingerprint]) -> Result<Vec<KeyFingerprint>, Trouble> {
        for one in add {
            if self.keys()?.get(one.key_id()).map_err(storage)?.is_none() {
                self.change(Change::PutKey(one.key_id(), *one.bytes()))?;
            }
        }
        kept(self.keys()?)
    }

    fn get(&self, id: u64) -> Result<Option<(Grant, u64)>, Trouble> {
        match self.grants.get(id).map_err(storage)? {
            None => Ok(None),
            Some(value) => Ok(Some(decode(id, value.value())?)),
        }
    }

    /// The one place where a table is changed.
    fn change(&mut self, change: Change<'_>) -> Result<(), Trouble> {
        change.encode(&mut self.changes);
        match change {
            Change::PutGrant { id, indexed, record } => {
                let mut place = self.grants.insert_reserve(id, record.len() + 8).map_err(storage)?;
                let (start, end) = place.as_mut().split_at_mut(record.len());
                start.copy_from_slice(record);
                end.copy_from_slice(&indexed.to_be_bytes());
            }
            Change::RemoveGrant(id) => drop(self.grants.remove(id).map_err(storage)?),
            Change::PutOwner(key) => drop(self.owners()?.insert(key, ()).map_err(storage)?),
            Change::RemoveOwner(key) => drop(self.owners()?.remove(key).map_err(storage)?),
            Change::PutExpiry(key) => drop(self.expiry()?.insert(key, ()).map_err(storage)?),
            Change::RemoveExpiry(key) => drop(self.expiry()?.remove(key).map_err(storage)?),
            Change::PutKey(id, fingerprint) => drop(self.keys()?.insert(id, fingerprint).map_err(storage)?),
        }
        Ok(())
    }

    fn put(&mut self, id: u64, record: &[u8], indexed: u64) -> Result<(), Trouble> {
        self.change(Change::PutGrant { id, indexed, record })
    }

    fn forget(&mut self, stored: &Grant, indexed: u64) -> Result<(), Trouble> {
        self.change(Change::RemoveGrant(stored.id.as_u64()))?;
        self.unindex_expiry(indexed, stored.id.as_u64())?;
        self.unindex_owner(stored)
    }

    fn reindex(&mut self, stored: &Grant, indexed: u64) -> Result<(), Trouble> {
        let expires_at = stored.expires_at().as_millis();
        self.put(stored.id.as_u64(), &stored.encode(), expires_at)?;
        self.unindex_expiry(indexed, stored.id.as_u64())?;
        self.index_expiry(expires_at, stored.id.as_u64())
    }

    fn index_owner(&mut self, grant: &Grant) -> Result<(), Trouble> {
        owner_of(grant).map_or(Ok(()), |key| self.change(Change::PutOwner(key)))
    }

    fn unindex_owner(&mut self, grant: &Grant) -> Result<(), Trouble> {
        owner_of(grant).map_or(Ok(()), |key| self.change(Change::RemoveOwner(key)))
    }

    fn index_expiry(&mut self, expires_at: u64, id: u64) -> Result<(), Trouble> {
        if expires_at == Timestamp::MAX.as_millis() {
            return Ok(());
        }
        self.change(Change::PutExpiry(expiry_key(expires_at, id)))
    }

    fn unindex_expiry(&mut self, expires_at: u64, id: u64) -> Result<(), Trouble> {
        self.change(Change::RemoveExpiry(expiry_key(expires_at, id)))
    }

    fn owners(&mut self) -> Result<&mut Table<'t, [u8; 24], ()>, Trouble> {
        opened(&mut self.owners, || self.transaction.open_table(OWNERS))
    }

    fn expiry(&mut self) -> Result<&mut Table<'t, [u8; 16], ()>, Trouble> {
        opened(&mut self.expiry, || self.transaction.open_table(EXPIRY))
    }

    fn keys(&mut self) -> Result<&mut Table<'t, u8, [u8; 16]>, Trouble> {
        opened(&mut self.keys, || self.transaction.open_table(KEYS))
    }
}

fn opened<T>(table: &mut Option<T>, open: impl FnOnce() -> Result<T, redb::TableError>) -> Result<&mut T, Trouble> {
    match table {
        Some(table) => Ok(table),
        None => Ok(table.insert(open().map_err(redb::Error::from)?)),
    }
}

/// A stored value: the grant, and the time that it is indexed under.
pub(super) fn decode(id: u64, value: &[u8]) -> Result<(Grant, u64), DecodeError> {
    let (record, indexed) = value.split_last_chunk().ok_or(DecodeError::Corrupt)?;
    let grant = Grant::decode(record)?;
    if grant.id.as_u64() == id { Ok((grant, u64::from_be_bytes(*indexed))) } else { Err(DecodeError::Corrupt) }
}

/// The fingerprints that are kept.
pub(super) fn kept(keys: &impl ReadableTable<u8, [u8; 16]>) -> Result<Vec<KeyFingerprint>, Trouble> {
    let mut all = Vec::new();
    for entry in keys.iter().map_err(storage)? {
        let (id, bytes) = entry.map_err(storage)?;
        all.push(KeyFingerprint::new(id.value(), bytes.value()));
    }
    Ok(all)
}

pub(super) fn owner_of(grant: &Grant) -> Option<[u8; 24]> {
    Some(owner_key(grant.owner_key()?, grant.client_id(), grant.id.as_u64()))
}

/// Where an owner's grants are: by digests, so that all keys have one length. Where two owners share one, the records
/// tell them apart.
pub(super) fn owner_key(subject: &str, client_id: &str, id: u64) -> [u8; 24] {
    join(join::<8, 8, 16>(digest(subject), digest(client_id)), id.to_be_bytes())
}

/// Of a place in the index of owners.
pub(super) const fn id_of(place: [u8; 24]) -> u64 {
    let [.., a, b, c, d, e, f, g, h] = place;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

pub(super) fn digest(text: &str) -> [u8; 8] {
    let digest = Sha256::digest(text.as_bytes());
    let mut out = [0; 8];
    out.copy_from_slice(&digest[..8]);
    out
}

pub(super) fn expiry_key(expires_at: u64, id: u64) -> [u8; 16] {
    join(expires_at.to_be_bytes(), id.to_be_bytes())
}

pub(super) fn read_expiry_key(key: [u8; 16]) -> (u64, u64) {
    let key = u128::from_be_bytes(key);
    #[allow(clippy::cast_possible_truncation, reason = "the lower half is meant")]
    ((key >> 64) as u64, key as u64)
}

pub(super) fn join<const A: usize, const B: usize, const C: usize>(left: [u8; A], right: [u8; B]) -> [u8; C] {
    let mut out = [0; C];
    out[..A].copy_from_slice(&left);
    out[A..].copy_from_slice(&right);
    out
}
