//! Concurrent callers share a sync.

use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use super::{Disk, Fault, open, open_with, wait};
use crate::grant::Version;
use crate::store::file::writer::CompareAndSwap;
use crate::store::{Insert, Swap};
use crate::{Grant, GrantId, Timestamp, TokenStore};

#[test]
fn what_is_waiting_becomes_one_commit() {
    let disk = Disk::new(Vec::new(), Fault::Never);
    // With room in the log for all of them, however many the thread takes at first: tables are synced twice.
    let store = open_with(&disk, (1 << 20, 1 << 20)).unwrap();
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
        assert_eq!(wait(call).unwrap(), Insert::Added);
    }
    assert!(disk.syncs() - before <= 2, "{} syncs", disk.syncs() - before);
}

/// Law 24: a swap that waited too long for those before it is given up, and nothing of it is written.
#[test]
fn a_swap_that_is_too_late_is_given_up() {
    let store = open(&Disk::new(Vec::new(), Fault::Never)).unwrap();
    let first = Grant { id: GrantId::from_u64(1), version: Version::from_u64(1), ..Grant::sample("alice", "app") };
    let next = Grant { version: Version::from_u64(2), ..first.clone() };
    assert_eq!(wait(store.insert(&first, Timestamp::from_millis(0))).unwrap(), Insert::Added);
    let swap = |until: Instant| {
        let (expected, bytes) = (first.version, next.encode());
        wait(store.write(CompareAndSwap { expected, next: next.clone(), bytes, until })).unwrap()
    };
    let now = Instant::now();
    assert_eq!(swap(now), None);
    assert_eq!(wait(store.load(first.id)).unwrap(), Some(first.clone()));
    assert_eq!(swap(now + Duration::from_secs(3_600)), Some(Swap::Swapped));
    assert_eq!(wait(store.load(first.id)).unwrap(), Some(next.clone()));
}
