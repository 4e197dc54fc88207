//! Concurrent callers share a sync.

use std::pin::Pin;
use std::task::{Context, Waker};

use super::{Disk, Fault, open, wait};
use crate::{Grant, GrantId, Inserted, Timestamp, TokenStore};

#[test]
fn what_is_waiting_becomes_one_commit() {
    let disk = Disk::new(Vec::new(), Fault::Never);
    let store = open(&disk).unwrap();
    let before = disk.syncs();
    let grants: Vec<Grant> =
        (0..100).map(|id| Grant { id: GrantId::from_u64(id), ..Grant::sample("alice", "app") }).collect();
    // The thread can take some of them, and commit none.
    let held = store.database.as_ref().unwrap().write();
    let mut calls: Vec<Pin<Box<_>>> =
        grants.iter().map(|grant| Box::pin(store.insert(grant, Timestamp::from_millis(0)))).collect();
    for call in &mut calls {
        assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    drop(held);
    for call in calls {
        assert_eq!(wait(call).unwrap(), Inserted::Inserted);
    }
    assert!(disk.syncs() - before <= 2, "{} syncs", disk.syncs() - before);
}
