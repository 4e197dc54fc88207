//! What was tried against the store: crashes in a row, kills without a crash, callers that come and go, flipped bits.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::super::queue::Queue;
use super::agree::indexes_agree;
use super::disk::{Crash, Disk, Fault};
use super::{LOGS, open, open_with, wait};
use crate::grant::{Owner, Version};
use crate::store::{FileStore, FileStoreError, Insert, StoreError, Swap};
use crate::{Grant, GrantId, Timestamp, TokenStore};

const NOW: Timestamp = Timestamp::from_millis(0);

fn grant(id: u64, version: u64) -> Grant {
    Grant { id: GrantId::from_u64(id), version: Version::from_u64(version), ..Grant::sample("alice", "app") }
}

/// What a store with two grants leaves when it is closed.
fn closed(log: (u64, usize)) -> Vec<u8> {
    let disk = Disk::new(Vec::new(), Fault::Never);
    let store = open_with(&disk, log).unwrap();
    wait(store.insert(&grant(1, 1), NOW)).unwrap();
    wait(store.insert(&grant(2, 1), NOW)).unwrap();
    drop(store);
    disk.after(Crash::DropAll)
}

/// Takes grant 1 from version 1 to 8, with small logs more than once around, and says how far it was told that it is.
fn swap_seven_times(store: &FileStore) -> u64 {
    for version in 2..=8 {
        let told = wait(store.compare_and_swap(Version::from_u64(version - 1), &grant(1, version), NOW));
        if told.is_err() {
            return version - 1;
        }
        assert_eq!(told.unwrap(), Swap::Swapped);
    }
    8
}

/// The same on a disk that has this, and fails in this way while it is done; the store is closed then.
fn swap_under(bytes: &[u8], log: (u64, usize), fault: Fault) -> (Disk, u64) {
    let disk = Disk::new(bytes.to_vec(), Fault::Never);
    let store = open_with(&disk, log).unwrap();
    disk.next_fault(fault);
    let told = swap_seven_times(&store);
    drop(store);
    (disk, told)
}

/// What is found of grant 1, which may be one version further than was told.
fn version_found(store: &FileStore, told: u64) -> u64 {
    indexes_agree(store);
    let found = wait(store.load(GrantId::from_u64(1))).unwrap().unwrap();
    let version = found.version().as_u64();
    assert_eq!(found, grant(1, version));
    assert!(version == told || version == told + 1, "{version}, and it was told {told}");
    assert_eq!(wait(store.load(GrantId::from_u64(2))).unwrap(), Some(grant(2, 1)));
    version
}

/// The process is killed while it writes, the machine goes on, and what the next process says of the grant is still so
/// after a power cut: what it sees may be in the system's memory alone.
#[test]
fn what_is_read_after_a_kill_is_on_the_disk() {
    for log in LOGS {
        let bytes = closed(log);
        let mut further = 0;
        for at in 0..90 {
            let (disk, told) = swap_under(&bytes, log, Fault::PowerAt(at));
            let next = disk.next_process();
            let store = open_with(&next, log).unwrap();
            let seen = version_found(&store, told);
            further += seen - told;
            for crash in [Crash::DropAll, Crash::KeepSome(at), Crash::KeepSome(at + 1_000)] {
                let after = open_with(&Disk::new(next.after(crash), Fault::Never), log).unwrap();
                assert_eq!(version_found(&after, told), seen, "{log:?}, killed at {at}, then {crash:?}");
            }
            // And so it is where it goes on from there.
            let version = Version::from_u64(seen);
            wait(store.compare_and_swap(version, &grant(1, seen + 1), NOW)).unwrap();
            for crash in [Crash::DropAll, Crash::KeepSome(at)] {
                let after = open_with(&Disk::new(next.after(crash), Fault::Never), log).unwrap();
                assert_eq!(version_found(&after, seen + 1), seen + 1, "{log:?}, killed at {at}, then {crash:?}");
            }
        }
        assert!(further > 0, "nothing was ever seen that was not told");
    }
}

/// The power goes again while the file is opened after the power went.
#[test]
fn a_crash_while_it_is_opened_after_a_crash_loses_nothing() {
    for log in LOGS {
        let bytes = closed(log);
        for first in 0..24 {
            let (disk, told) = swap_under(&bytes, log, Fault::PowerAt(first));
            for crash in [Crash::DropAll, Crash::KeepSome(first), Crash::KeepAll] {
                let crashed = disk.after(crash);
                for second in 0..24 {
                    let disk = Disk::new(crashed.clone(), Fault::PowerAt(second));
                    drop(open_with(&disk, log));
                    for again in [Crash::DropAll, Crash::KeepSome(second), Crash::KeepAll] {
                        let store = open_with(&Disk::new(disk.after(again), Fault::Never), log).unwrap();
                        version_found(&store, told);
                    }
                }
            }
        }
    }
}

/// The log was never emptied before the tables had what was in it. A disk that kept the later of the two and not the
/// earlier has lost commits that people were told of; the store says so, and does not go on without them.
#[test]
fn a_log_that_the_tables_have_not_reached_is_damage() {
    let log = LOGS[1];
    let bytes = closed(log);
    let disk = Disk::new(bytes.clone(), Fault::Never);
    let store = open_with(&disk, log).unwrap();
    let log_at = 4_096..4_096 + 640;
    let mut refused = 0;
    for version in 2..=12 {
        wait(store.compare_and_swap(Version::from_u64(version - 1), &grant(1, version), NOW)).unwrap();
        let mut lost = bytes.clone();
        lost[log_at.clone()].copy_from_slice(&disk.after(Crash::DropAll)[log_at.clone()]);
        match open_with(&Disk::new(lost, Fault::Never), log) {
            // Still the first: the tables are where it begins.
            Ok(store) => assert!(refused == 0 && version_found(&store, version - 1) > 1),
            Err(FileStoreError::Damaged(_)) => refused += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(refused > 2, "{refused}");
}

fn more_than_the_queue_has_room_for() -> Vec<Grant> {
    (0..3 * Queue::CAPACITY as u64).map(|id| grant(id, 1)).collect()
}

/// Insertions that wait, each for its turn or for a place in the queue.
fn polled_once<'a>(
    store: &'a FileStore,
    grants: &'a [Grant],
) -> Vec<Pin<Box<impl Future<Output = Result<Insert, StoreError>> + use<'a>>>> {
    let mut calls: Vec<_> = grants.iter().map(|grant| Box::pin(store.insert(grant, NOW))).collect();
    for call in &mut calls {
        let _ = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    }
    calls
}

/// A disk that hangs, and callers that give up and come again: what they leave behind must not pile up.
#[test]
fn callers_of_a_full_queue_that_give_up_leave_nothing_behind() {
    let disk = Disk::new(Vec::new(), Fault::Never);
    let store = open(&disk).unwrap();
    let held = store.database.as_ref().unwrap().write();
    let grants = more_than_the_queue_has_room_for();
    let accepted = polled_once(&store, &grants);
    let before = store.queue.waiting();
    let late = grant(1, 2);
    for _ in 0..10_000 {
        let waker = super::Unpark(std::thread::current());
        let waker = Waker::from(std::sync::Arc::new(waker));
        let mut call = pin!(store.insert(&late, NOW));
        assert!(call.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    assert_eq!(store.queue.waiting(), before, "callers that are gone are still kept");
    drop(held);
    assert!(accepted.into_iter().all(|call| wait(call).unwrap() == Insert::Added));
}

/// The waker of a call that is polled again may be the last that keeps its task, and a task may hold another call of the store.
#[test]
fn a_waker_that_is_dropped_may_drop_another_call() {
    struct Last(Arc<Queue>);
    impl Wake for Last {
        fn wake(self: Arc<Self>) {}
    }
    impl Drop for Last {
        fn drop(&mut self) {
            // As a call that gives up does.
            self.0.waiting();
        }
    }
    let disk = Disk::new(Vec::new(), Fault::Never);
    let store = open(&disk).unwrap();
    let held = store.database.as_ref().unwrap().write();
    let grants = more_than_the_queue_has_room_for();
    let accepted = polled_once(&store, &grants);
    let late = grant(1, 2);
    let mut call = pin!(store.insert(&late, NOW));
    let waker = Waker::from(Arc::new(Last(Arc::clone(&store.queue))));
    assert!(call.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop(waker);
    assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(held);
    assert!(accepted.into_iter().all(|call| wait(call).unwrap() == Insert::Added));
}

/// A bit that flips anywhere in the file, checked at the start or not, is an error or another answer, never a panic,
/// also when the store is closed.
#[test]
fn a_flipped_bit_is_not_the_end_of_the_host() {
    flip_bits(&closed(LOGS[1]));
    // With commits that are in the log alone.
    let disk = Disk::new(closed(LOGS[2]), Fault::Never);
    let store = open_with(&disk, LOGS[2]).unwrap();
    swap_seven_times(&store);
    flip_bits(&disk.after(Crash::DropAll));
}

fn flip_bits(bytes: &[u8]) {
    let used: Vec<usize> =
        (0..bytes.len()).filter(|at| bytes[at & !63..].iter().take(64).any(|byte| *byte != 0)).collect();
    let mut random = StdRng::seed_from_u64(1);
    for round in 0..1_000 {
        let mut damaged = bytes.to_vec();
        for _ in 0..=round % 3 {
            damaged[used[random.random_range(0..used.len())]] ^= 1 << random.random_range(0..8);
        }
        let disk = Disk::new(damaged, Fault::Never);
        let builder = super::super::FileStore::builder().check(round % 2 == 0);
        let Ok(mut store) = builder.open_on(disk) else { continue };
        let _ = wait(store.load(GrantId::from_u64(1)));
        let _ = wait(store.list(&Owner::subject("alice"), None, usize::MAX));
        let _ = wait(store.compare_and_swap(Version::from_u64(1), &grant(1, 2), NOW));
        let _ = wait(store.insert(&grant(9, 1), Timestamp::MAX));
        let _ = wait(store.purge_expired(Timestamp::MAX, usize::MAX));
        let _ = store.compact();
        drop(store);
    }
}

/// Records that cannot be read and are first in the index of expiries must not keep the inserts from cleaning up.
#[test]
fn inserts_clean_up_past_records_that_cannot_be_read() {
    let disk = Disk::new(Vec::new(), Fault::Never);
    let store = open(&disk).unwrap();
    for id in 0..4 {
        wait(store.insert(&grant(id, 1), NOW)).unwrap();
    }
    {
        let database = store.database.as_ref().unwrap().read();
        let transaction = database.begin_write().unwrap();
        {
            let mut grants = transaction.open_table(super::super::tables::GRANTS).unwrap();
            for id in 0..4 {
                grants.insert(id, &[0xff; 40][..]).unwrap();
            }
        }
        transaction.commit().unwrap();
    }
    let later = Timestamp::from_secs(1_800_000_000);
    for id in 10..60 {
        wait(store.insert(&grant(id, 1), later)).unwrap();
    }
    let left = wait(store.list(&Owner::subject("alice"), None, 4)).unwrap();
    assert_eq!(left.unreadable.len(), 4, "the four are left as they are");
    for id in 0..4 {
        wait(store.load(GrantId::from_u64(id))).unwrap_err();
    }
    let expired = (10..60).filter(|id| wait(store.load(GrantId::from_u64(*id))).unwrap().is_some()).count();
    assert!(expired <= 4, "{expired} of 50 expired grants are left");
}

/// After a sync that failed the system may show what the disk has not, and no later sync brings it there.
#[test]
fn a_swap_after_a_failed_sync_is_not_acknowledged_by_the_same_store() {
    for log in LOGS {
        let bytes = closed(log);
        let mut failed = 0;
        for at in 0..40 {
            let disk = Disk::new(bytes.clone(), Fault::Never);
            let store = open_with(&disk, log).unwrap();
            disk.next_fault(Fault::ErrorAt(at));
            if swap_seven_times(&store) == 8 {
                continue;
            }
            failed += 1;
            let second = wait(store.compare_and_swap(Version::from_u64(1), &grant(2, 2), NOW));
            assert!(!matches!(second, Ok(Swap::Swapped)));
            assert!(wait(store.load(GrantId::from_u64(2))).is_err());
        }
        assert!(failed > 10, "{failed}");
    }
}

/// The store is opened again after a sync that failed, in the same run of the machine.
#[test]
fn what_is_read_after_a_failed_sync_and_a_new_process_is_on_the_disk() {
    for log in LOGS {
        let bytes = closed(log);
        let mut damaged = 0;
        for at in 0..60 {
            let (disk, told) = swap_under(&bytes, log, Fault::ErrorAt(at));
            let next = disk.next_process();
            // The system forgot what the disk did not take: such a file may be damaged now.
            let Ok(store) = open_with(&next, log) else { continue };
            let seen = version_found(&store, told);
            let wrote = wait(store.insert(&grant(7, 1), NOW)).is_ok();
            let after = match open_with(&Disk::new(next.after(Crash::DropAll), Fault::Never), log) {
                Ok(after) => after,
                // What the system showed of the tables was not all on the disk. That is found, and not passed over.
                Err(FileStoreError::Damaged(_)) => {
                    damaged += 1;
                    continue;
                }
                Err(other) => panic!("{other:?}"),
            };
            assert_eq!(version_found(&after, told), seen, "{log:?}, {at}");
            assert_eq!(wait(after.load(GrantId::from_u64(7))).unwrap().is_some(), wrote, "{log:?}, {at}");
        }
        println!("{damaged} of 60 were damaged");
        assert!(damaged <= 6, "{damaged}");
    }
}
