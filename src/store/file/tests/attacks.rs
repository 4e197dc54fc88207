//! What was tried against the store: crashes in a row, kills without a crash, callers that come and go, flipped bits.

use std::pin::pin;
use std::task::{Context, Waker};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::super::queue::Queue;
use super::agree::indexes_agree;
use super::disk::{Crash, Disk, Fault};
use super::{open, wait};
use crate::{Grant, GrantId, Inserted, Owner, Swap, Timestamp, TokenStore, Version};

const NOW: Timestamp = Timestamp::from_millis(0);

fn grant(id: u64, version: u64) -> Grant {
    Grant { id: GrantId::from_u64(id), version: Version::from_u64(version), ..Grant::sample("alice", "app") }
}

/// What a store with two grants leaves when it is closed.
fn closed() -> Vec<u8> {
    let disk = Disk::new(Vec::new(), Fault::Never);
    let store = open(&disk).unwrap();
    wait(store.insert(&grant(1, 1), NOW)).unwrap();
    wait(store.insert(&grant(2, 1), NOW)).unwrap();
    drop(store);
    disk.after(Crash::DropAll)
}

/// The process is killed while it writes, the machine goes on, and what the next process says of the grant is still so
/// after a power cut: what it sees may be in the system's memory alone.
#[test]
fn what_is_read_after_a_kill_is_on_the_disk() {
    let bytes = closed();
    let mut found = [0; 3];
    for at in 0..60 {
        let disk = Disk::new(bytes.clone(), Fault::Never);
        let store = open(&disk).unwrap();
        disk.next_fault(Fault::PowerAt(at));
        let told = wait(store.compare_and_swap(Version::from_u64(1), &grant(1, 2), NOW));
        drop(store);
        let next = disk.next_process();
        let store = open(&next).unwrap();
        let seen = wait(store.load(GrantId::from_u64(1))).unwrap().unwrap();
        for crash in [Crash::DropAll, Crash::KeepSome(at)] {
            let after = open(&Disk::new(next.after(crash), Fault::Never)).unwrap();
            assert_eq!(wait(after.load(seen.id())).unwrap(), Some(seen.clone()), "killed at {at}, then {crash:?}");
        }
        assert!(told.is_err() || seen == grant(1, 2), "an acknowledged write is there");
        found[usize::from(told.is_ok()) + usize::from(seen == grant(1, 2))] += 1;
    }
    assert!(found[0] > 0 && found[1] + found[2] > 0, "{found:?}");
}

/// The power goes again while the file is opened after the power went.
#[test]
fn a_crash_while_it_is_opened_after_a_crash_loses_nothing() {
    let bytes = closed();
    for first in 0..12 {
        let disk = Disk::new(bytes.clone(), Fault::Never);
        let store = open(&disk).unwrap();
        disk.next_fault(Fault::PowerAt(first));
        let told = wait(store.compare_and_swap(Version::from_u64(1), &grant(1, 2), NOW));
        drop(store);
        for crash in [Crash::DropAll, Crash::KeepSome(first), Crash::KeepAll] {
            let crashed = disk.after(crash);
            for second in 0..24 {
                let disk = Disk::new(crashed.clone(), Fault::PowerAt(second));
                drop(open(&disk));
                for again in [Crash::DropAll, Crash::KeepSome(second), Crash::KeepAll] {
                    let store = open(&Disk::new(disk.after(again), Fault::Never)).unwrap();
                    indexes_agree(&store);
                    let found = wait(store.load(GrantId::from_u64(1))).unwrap().unwrap();
                    assert!(found == grant(1, 2) || found == grant(1, 1) && told.is_err());
                    assert_eq!(wait(store.load(GrantId::from_u64(2))).unwrap(), Some(grant(2, 1)));
                }
            }
        }
    }
}

/// A disk that hangs, and callers that give up and come again: what they leave behind must not pile up.
#[test]
fn callers_of_a_full_queue_that_give_up_leave_nothing_behind() {
    let disk = Disk::new(Vec::new(), Fault::Never);
    let store = open(&disk).unwrap();
    let held = store.database.as_ref().unwrap().write();
    let grants: Vec<Grant> = (0..3 * Queue::CAPACITY as u64).map(|id| grant(id, 1)).collect();
    let mut accepted: Vec<_> = grants.iter().map(|grant| Box::pin(store.insert(grant, NOW))).collect();
    for call in &mut accepted {
        let _ = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    }
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
    let inserted = accepted.into_iter().filter(|_| true).map(|call| wait(call).unwrap());
    assert!(inserted.into_iter().all(|inserted| inserted == Inserted::Inserted));
}

/// A bit that flips anywhere in the file, checked at the start or not, is an error or another answer, never a panic,
/// also when the store is closed.
#[test]
fn a_flipped_bit_is_not_the_end_of_the_host() {
    let bytes = closed();
    let used: Vec<usize> = (0..bytes.len()).filter(|at| bytes[at & !63..][..64] != [0; 64]).collect();
    let mut random = StdRng::seed_from_u64(1);
    for round in 0..1_500 {
        let mut damaged = bytes.clone();
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
    let left = wait(store.list(&Owner::subject("alice"), None, 1));
    assert!(left.is_err(), "the four are left as they are");
    for id in 0..4 {
        wait(store.load(GrantId::from_u64(id))).unwrap_err();
    }
    let expired = (10..60).filter(|id| wait(store.load(GrantId::from_u64(*id))).unwrap().is_some()).count();
    assert!(expired <= 4, "{expired} of 50 expired grants are left");
}

/// After a sync that failed the system may show what the disk has not, and no later sync brings it there.
#[test]
fn a_swap_after_a_failed_sync_is_not_acknowledged_by_the_same_store() {
    let bytes = closed();
    for at in 0..10 {
        let disk = Disk::new(bytes.clone(), Fault::Never);
        let store = open(&disk).unwrap();
        disk.next_fault(Fault::ErrorAt(at));
        let first = wait(store.compare_and_swap(Version::from_u64(1), &grant(1, 2), NOW));
        if first.is_ok() {
            continue;
        }
        let second = wait(store.compare_and_swap(Version::from_u64(1), &grant(2, 2), NOW));
        assert!(!matches!(second, Ok(Swap::Swapped)));
        assert!(wait(store.load(GrantId::from_u64(2))).is_err());
    }
}

/// The store is opened again after a sync that failed, in the same run of the machine.
#[test]
fn what_is_read_after_a_failed_sync_and_a_new_process_is_on_the_disk() {
    let bytes = closed();
    let mut undone = Vec::new();
    for at in 0..16 {
        let disk = Disk::new(bytes.clone(), Fault::Never);
        let store = open(&disk).unwrap();
        disk.next_fault(Fault::ErrorAt(at));
        let _ = wait(store.compare_and_swap(Version::from_u64(1), &grant(1, 2), NOW));
        drop(store);
        let next = disk.next_process();
        let Ok(store) = open(&next) else { continue };
        let Ok(seen) = wait(store.load(GrantId::from_u64(1))) else { continue };
        let wrote = wait(store.insert(&grant(7, 1), NOW)).is_ok();
        let after = open(&Disk::new(next.after(Crash::DropAll), Fault::Never));
        let found = after.map(|after| (wait(after.load(GrantId::from_u64(1))), wait(after.load(GrantId::from_u64(7)))));
        match found {
            Ok((Ok(first), Ok(seventh))) if first == seen && seventh.is_some() == wrote => {}
            other => {
                undone.push((at, format!("{:?}", other.map(|(a, b)| (a.map(|a| a.map(|a| a.version())), b.is_ok())))));
            }
        }
    }
    assert!(undone.is_empty(), "{undone:?}");
}
