//! Records that cannot be read: the kit's checks, what is left in the indexes, and inserts that clean up past them.

use std::sync::Arc;

use redb::{ReadableDatabase, ReadableTable, ReadableTableMetadata};

use super::super::tables::{EXPIRY, GRANTS, OWNERS};
use super::{Disk, Fault, FileStore, LOGS, open, open_with, wait};
use crate::conformance::Conformance;
use crate::grant::Owner;
use crate::store::Removed;
use crate::{Grant, GrantId, Timestamp, TokenStore};

const NOW: Timestamp = Timestamp::from_millis(0);

/// Puts other bytes in the place of a record.
fn spoil(store: &FileStore, id: GrantId, record: &[u8]) {
    let database = store.database.as_ref().unwrap().read();
    let transaction = database.begin_write().unwrap();
    {
        let mut grants = transaction.open_table(GRANTS).unwrap();
        let value = grants.get(id.as_u64()).unwrap().unwrap().value().to_vec();
        let value = [record, &value[value.len() - 8..]].concat();
        grants.insert(id.as_u64(), &value[..]).unwrap();
    }
    transaction.commit().unwrap();
}

fn grant(id: u64, expires_at: u64) -> Grant {
    Grant { id: GrantId::from_u64(id), expires_at: Timestamp::from_millis(expires_at), ..Grant::sample("alice", "app") }
}

/// How many entries the indexes have, of owners and of expiries.
fn entries(store: &FileStore) -> (u64, u64) {
    let read = store.database.as_ref().unwrap().read().begin_read().unwrap();
    (read.open_table(OWNERS).unwrap().len().unwrap(), read.open_table(EXPIRY).unwrap().len().unwrap())
}

#[test]
fn the_kit() {
    for log in LOGS {
        let make = async || open_with(&Disk::new(Vec::new(), Fault::Never), log).unwrap();
        let spoil = |store: Arc<FileStore>, id, record: Vec<u8>| async move { spoil(&store, id, &record) };
        Conformance::new().check_unreadable_blocking(make, spoil).assert();
    }
}

#[test]
fn what_a_removed_one_leaves_in_the_indexes_goes_with_who_comes_by() {
    let store = open(&Disk::new(Vec::new(), Fault::Never)).unwrap();
    for id in 0..4 {
        wait(store.insert(&grant(id, 1_000), NOW)).unwrap();
    }
    for id in 0..3 {
        spoil(&store, GrantId::from_u64(id), b"\xff");
        assert_eq!(wait(store.remove(GrantId::from_u64(id))).unwrap(), Removed::Unreadable);
    }
    assert_eq!(entries(&store), (4, 4));
    let listed = wait(store.list(&Owner::subject("alice"), None, 9)).unwrap();
    assert_eq!((listed.grants.len(), listed.unreadable.len()), (1, 0));
    assert_eq!(wait(store.purge_expired(Timestamp::from_millis(1_000), 9)).unwrap(), 1);
    assert_eq!(entries(&store), (0, 0));
}

/// Nothing but the record says when it expires, so it is not purged; it is not met at every insert and purge either, and
/// once a version comes that can read it, it is.
#[test]
fn it_is_moved_on_in_the_index_and_purged_once_it_can_be_read() {
    let store = open(&Disk::new(Vec::new(), Fault::Never)).unwrap();
    let healthy = grant(1, 1_000);
    wait(store.insert(&healthy, NOW)).unwrap();
    spoil(&store, healthy.id, b"\xff");
    let mut now = Timestamp::from_millis(2_000);
    assert_eq!(wait(store.purge_expired(now, 9)).unwrap(), 0);
    assert_eq!(entries(&store), (1, 1));
    let first = |store: &FileStore| {
        let read = store.database.as_ref().unwrap().read().begin_read().unwrap();
        let expiry = read.open_table(EXPIRY).unwrap();
        let (at, _) = expiry.iter().unwrap().next().unwrap().unwrap();
        super::super::tables::read_expiry_key(at.value()).0
    };
    let moved_to = first(&store);
    assert!(moved_to > now.as_millis());
    spoil(&store, healthy.id, &healthy.encode());
    now = Timestamp::from_millis(moved_to);
    assert_eq!(wait(store.purge_expired(now, 9)).unwrap(), 1);
    assert_eq!(entries(&store), (0, 0));
}

/// However many are first in the index of expiries, an insert gets past two of them.
#[test]
fn inserts_get_past_any_number_of_them() {
    const MANY: u64 = 500;
    let store = open(&Disk::new(Vec::new(), Fault::Never)).unwrap();
    for id in 0..MANY {
        wait(store.insert(&grant(id, 1_000), NOW)).unwrap();
        spoil(&store, GrantId::from_u64(id), b"\xff");
    }
    let later = Timestamp::from_millis(5_000);
    wait(store.insert(&grant(MANY, 2_000), later)).unwrap();
    for id in MANY + 1..MANY + 2 + MANY / 2 {
        wait(store.insert(&grant(id, 9_000_000), later)).unwrap();
    }
    assert_eq!(wait(store.load(GrantId::from_u64(MANY))).unwrap(), None, "it has expired, and inserts clean up");
}

/// What could not say where it was is in no owner's way when its id is another client's.
#[test]
fn a_place_of_one_that_could_not_be_read_is_not_the_next_ones() {
    for log in LOGS {
        let store = open_with(&Disk::new(Vec::new(), Fault::Never), log).unwrap();
        let id = GrantId::from_u64(7);
        wait(store.insert(&grant(7, 1_000), NOW)).unwrap();
        spoil(&store, id, b"\xff");
        assert_eq!(wait(store.remove(id)).unwrap(), Removed::Unreadable);
        let next = Grant { id, expires_at: Timestamp::from_millis(1_000), ..Grant::sample("alice", "web") };
        wait(store.insert(&next, NOW)).unwrap();
        let list = |owner: &Owner| wait(store.list(owner, None, 9)).unwrap().grants.len();
        assert_eq!((list(&Owner::subject("alice")), list(&Owner::subject("alice").at_client("app"))), (1, 0));
        // And who comes by takes it away.
        wait(store.insert(&grant(8, 1_000), NOW)).unwrap();
        assert_eq!(list(&Owner::subject("alice")), 2);
        wait(store.remove(GrantId::from_u64(8))).unwrap();
        assert_eq!(entries(&store).0, 1);
    }
}
