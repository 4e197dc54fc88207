//! Every call of the store, on a disk that fails.

use std::collections::BTreeMap;

use futures_channel::oneshot;

use super::{Disk, Fault, LOGS, at_every_operation, disk::Crash, open, open_with, wait};
use crate::grant::Version;
use crate::store::{FileStore, FileStoreError, Insert, KeyFingerprint, Removed, StoreError, StoreErrorKind, Swap};
use crate::{Grant, GrantId, Timestamp, TokenStore};

const NOW: Timestamp = Timestamp::from_millis(0);

fn grant(id: u64, version: u64, expires_at: u64) -> Grant {
    Grant {
        id: GrantId::from_u64(id),
        version: Version::from_u64(version),
        expires_at: Timestamp::from_millis(expires_at),
        ..Grant::sample(["alice", "bob"][usize::from(id % 2 == 0)], "app")
    }
}

/// What a caller has been told, and so what must be found: of each id the states that are possible.
#[derive(Default)]
struct Told {
    states: BTreeMap<u64, Vec<Option<Grant>>>,
    fingerprint: bool,
}

impl Told {
    fn of(&mut self, id: u64) -> &mut Vec<Option<Grant>> {
        self.states.entry(id).or_insert_with(|| vec![None])
    }

    /// A write that would make it `next`: with an acknowledgement it is that, without one it may be.
    fn wrote<T>(&mut self, id: u64, next: Option<Grant>, said: Result<T, StoreError>) -> Option<T> {
        let states = self.of(id);
        match said {
            Ok(said) => {
                *states = vec![next];
                Some(said)
            }
            Err(error) => {
                match error.kind() {
                    StoreErrorKind::NotApplied => {}
                    StoreErrorKind::Indeterminate => states.push(next),
                    other => panic!("{other:?}"),
                }
                None
            }
        }
    }

    /// A read tells as much as a write.
    fn read(&mut self, id: u64, said: Result<Option<Grant>, StoreError>) {
        let states = self.of(id);
        if let Ok(found) = said {
            assert!(states.contains(&found), "a read shows what cannot be");
            *states = vec![found];
        }
    }
}

/// Inserts, swaps, reads, removals, purges and fingerprints, one after another.
fn script(disk: &Disk, log: (u64, usize)) -> Told {
    let mut told = Told::default();
    let Ok(store) = open_with(disk, log) else { return told };
    for id in 0..4 {
        let grant = grant(id, 1, 1_000 * (id + 1));
        told.wrote(id, Some(grant.clone()), wait(store.insert(&grant, NOW)));
    }
    let said = wait(store.keep_key_fingerprints(&[KeyFingerprint::new(1, [1; 16])]));
    told.fingerprint = said.is_ok();
    for version in 2..4 {
        for id in 0..4 {
            told.read(id, wait(store.load(GrantId::from_u64(id))));
            let next = grant(id, version, 1_000 * (id + version));
            let said = wait(store.compare_and_swap(Version::from_u64(version - 1), &next, NOW));
            assert_ne!(told.wrote(id, Some(next), said), Some(Swap::Lost), "nobody else swaps");
            told.read(id, wait(store.load(GrantId::from_u64(id))));
        }
    }
    told.wrote(1, None, wait(store.remove(GrantId::from_u64(1))));
    told.read(1, wait(store.load(GrantId::from_u64(1))));
    // Grant 0 is expired then, and the index has it that grant 2 is.
    let said = wait(store.purge_expired(Timestamp::from_millis(3_000), 10));
    told.wrote(0, None, said);
    let again = grant(1, 9, 9_000);
    let said = told.wrote(1, Some(again.clone()), wait(store.insert(&again, NOW)));
    assert_ne!(said, Some(Insert::Duplicate), "it was removed");
    for id in 0..4 {
        told.read(id, wait(store.load(GrantId::from_u64(id))));
    }
    told
}

#[test]
fn what_was_told_is_there_after_a_fault_at_any_operation() {
    at_every_operation(script, |store: &FileStore, told: &Told| {
        for (id, states) in &told.states {
            let found = wait(store.load(GrantId::from_u64(*id))).unwrap();
            assert!(states.contains(&found), "grant {id} is {found:?}, of {states:?}");
        }
        let kept = wait(store.keep_key_fingerprints(&[])).unwrap();
        assert!(kept.len() <= 1 && kept.len() >= usize::from(told.fingerprint));
        // And it goes on.
        let new = grant(100, 1, 1_000_000);
        wait(store.insert(&new, NOW)).unwrap();
        assert_eq!(wait(store.load(new.id())).unwrap(), Some(new.clone()));
        assert_eq!(wait(store.remove(new.id())).unwrap(), Removed::Grant(new));
    });
}

#[test]
fn after_a_failed_commit_every_call_is_an_error_until_it_is_opened_again() {
    for log in LOGS {
        a_failed_commit(log);
    }
}

fn a_failed_commit(log: (u64, usize)) {
    let healthy = Disk::new(Vec::new(), Fault::Never);
    let old = grant(1, 1, 1_000);
    wait(open_with(&healthy, log).unwrap().insert(&old, NOW)).unwrap();
    let bytes = healthy.after(Crash::DropAll);
    let before = {
        let disk = Disk::new(bytes.clone(), Fault::Never);
        let _store = open(&disk).unwrap();
        disk.operations()
    };
    let mut indeterminate = 0;
    for at in before..before + 8 {
        let disk = Disk::new(bytes.clone(), Fault::ErrorAt(at));
        let store = open(&disk).unwrap();
        let next = grant(1, 2, 1_000);
        let Err(error) = wait(store.compare_and_swap(old.version(), &next, NOW)) else { continue };
        let kind = error.kind();
        indeterminate += usize::from(kind == StoreErrorKind::Indeterminate);
        let of = |error: StoreError| {
            assert_eq!(error.kind(), StoreErrorKind::NotApplied);
            let source = std::error::Error::source(&error).unwrap().downcast_ref::<FileStoreError>().cloned();
            assert!(matches!(source, Some(FileStoreError::Failed(_))), "{source:?}");
        };
        of(wait(store.load(old.id())).unwrap_err());
        of(wait(store.remove(old.id())).unwrap_err());
        of(wait(store.insert(&grant(2, 1, 1), NOW)).unwrap_err());
        of(wait(store.list(&crate::grant::Owner::subject("alice"), None, 1)).unwrap_err());
        of(wait(store.purge_expired(NOW, 1)).unwrap_err());
        of(wait(store.keep_key_fingerprints(&[])).unwrap_err());
        drop(store);
        let store = open(&Disk::new(disk.after(Crash::KeepSome(at)), Fault::Never)).unwrap();
        let found = wait(store.load(old.id())).unwrap().unwrap();
        assert!(found == old || found == next && kind == StoreErrorKind::Indeterminate);
    }
    assert!(indeterminate > 0, "no commit failed");
}

#[test]
fn a_call_to_a_thread_that_is_gone_is_an_error() {
    let store = open(&Disk::new(Vec::new(), Fault::Never)).unwrap();
    store.queue.abandon();
    let error = wait(store.insert(&grant(1, 1, 1), NOW)).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotApplied);
    // What it had taken may have been done.
    let (reply, answer) = oneshot::channel::<Result<Swap, StoreError>>();
    drop(reply);
    assert!(wait(answer).is_err());
}
