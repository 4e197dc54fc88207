//! What a read sees: the last commit that is on the disk, never a later one.

use std::ops::Bound;

use redb::{Database, ReadTransaction, ReadableDatabase};

use super::error::storage;
use super::tables::{self, GRANTS, KEYS, OWNERS, decode, digest, id_of, join, owner_key};
use super::trouble::Trouble;
use crate::grant::{Grant, GrantId, Owner};
use crate::store::{Cursor, Listed};
use crate::token::KeyFingerprint;

fn begin(database: &Database) -> Result<ReadTransaction, Trouble> {
    Ok(database.begin_read().map_err(redb::Error::from)?)
}

pub(super) fn load(database: &Database, id: GrantId) -> Result<Option<Grant>, Trouble> {
    let grants = begin(database)?.open_table(GRANTS).map_err(redb::Error::from)?;
    match grants.get_owned(id.as_u64()).map_err(storage)? {
        None => Ok(None),
        Some(value) => Ok(Some(decode(id.as_u64(), value.value())?.0)),
    }
}

/// Where a listing begins, by its cursor; `None` where that is none of this owner.
pub(super) fn place(owner: &Owner, cursor: Option<&Cursor>) -> Option<Bound<[u8; 24]>> {
    let (first, last) = range(owner);
    match cursor {
        None => Some(Bound::Included(first)),
        Some(cursor) => {
            let place = cursor.as_bytes().try_into().ok()?;
            (first <= place && place <= last).then_some(Bound::Excluded(place))
        }
    }
}

fn range(owner: &Owner) -> ([u8; 24], [u8; 24]) {
    let subject = owner.owner_key();
    match owner.client_id() {
        Some(client) => (owner_key(subject, client, 0), owner_key(subject, client, u64::MAX)),
        None => (join(digest(subject), [0; 16]), join(digest(subject), [u8::MAX; 16])),
    }
}

/// A page, and places in the index that lead nowhere: what was removed could not be read, and so not say where it was.
pub(super) fn list(
    database: &Database,
    owner: &Owner,
    from: Bound<[u8; 24]>,
    limit: usize,
) -> Result<(Listed, Vec<[u8; 24]>), Trouble> {
    let transaction = begin(database)?;
    let owners = transaction.open_table(OWNERS).map_err(redb::Error::from)?;
    let grants = transaction.open_table(GRANTS).map_err(redb::Error::from)?;
    let limit = limit.max(1);
    let (mut listed, mut dead) = (Listed::default(), Vec::new());
    let mut last = None;
    let (_, end) = range(owner);
    for entry in owners.range_owned::<[u8; 24]>((from, Bound::Included(end))).map_err(storage)? {
        let place = entry.map_err(storage)?.0.value();
        let id = id_of(place);
        let Some(value) = grants.get_owned(id).map_err(storage)? else {
            dead.push(place);
            continue;
        };
        let record = decode(id, value.value()).map(|(grant, _)| grant);
        if let Ok(grant) = &record {
            // A place of one before it that could not be read when it was removed, and so could not say where it was.
            if tables::owner_of(grant) != Some(place) {
                dead.push(place);
                continue;
            }
            // Another's, whose digest is the same.
            if !owner.owns(grant) {
                continue;
            }
        }
        if listed.len() == limit {
            listed.next = last.map(Cursor::new);
            break;
        }
        listed.add(GrantId::from_u64(id), record);
        last = Some(place.to_vec());
    }
    Ok((listed, dead))
}

pub(super) fn fingerprints(database: &Database) -> Result<Vec<KeyFingerprint>, Trouble> {
    let keys = begin(database)?.open_table(KEYS).map_err(redb::Error::from)?;
    tables::kept(&keys)
}
