//! Whether a store's indexes say what its records say.

use std::collections::BTreeSet;

use redb::{ReadableDatabase, ReadableTable};

use super::super::FileStore;
use super::super::tables::{EXPIRY, GRANTS, OWNERS, decode, expiry_key, owner_key};
use crate::Timestamp;

/// Each grant is in the index of owners once, if it has an owner, and in that of expiries once, at or before its own, if
/// it has one; and nothing else is in them.
pub(super) fn indexes_agree(store: &FileStore) {
    let database = store.database.as_ref().unwrap().read();
    let transaction = database.begin_read().unwrap();
    let (mut owners, mut expiries) = (BTreeSet::new(), BTreeSet::new());
    for entry in transaction.open_table(GRANTS).unwrap().iter().unwrap() {
        let (id, value) = entry.unwrap();
        let (grant, indexed) = decode(id.value(), value.value()).unwrap();
        if let Some(subject) = grant.owner_key() {
            owners.insert(owner_key(subject, grant.client_id(), id.value()));
        }
        assert!(indexed <= grant.expires_at().as_millis());
        if indexed != Timestamp::MAX.as_millis() {
            expiries.insert(expiry_key(indexed, id.value()));
        }
    }
    let keys = |entry: Result<(redb::AccessGuard<'_, [u8; 24]>, _), redb::StorageError>| entry.unwrap().0.value();
    let found: BTreeSet<_> = transaction.open_table(OWNERS).unwrap().iter().unwrap().map(keys).collect();
    assert_eq!(found, owners, "the index of owners");
    let keys = |entry: Result<(redb::AccessGuard<'_, [u8; 16]>, _), redb::StorageError>| entry.unwrap().0.value();
    let found: BTreeSet<_> = transaction.open_table(EXPIRY).unwrap().iter().unwrap().map(keys).collect();
    assert_eq!(found, expiries, "the index of expiries");
}
