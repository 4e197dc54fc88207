//! Random histories: writes of all kinds, compactions, closings, faults, crashes in a row, kills without a crash.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};
use std::thread;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use redb::backends::InMemoryBackend;
use redb::{ReadableDatabase, ReadableTable, StorageBackend};

use super::super::tables::{EXPIRY, GRANTS, KEYS, LAST, OWNERS};
use super::agree::indexes_agree;
use super::disk::{Crash, Disk, Fault};
use super::{open_with, wait};
use crate::grant::{Owner, Version};
use crate::store::{FileStore, FileStoreError, KeyFingerprint, StoreError, StoreErrorKind};
use crate::{Grant, GrantId, Timestamp, TokenStore};

/// None, ones that only some or few commits fit into, and one that is never full.
const LOGS: [u64; 7] = [0, 20, 300, 640, 1_500, 5_000, 100_000];

/// A write.
#[derive(Debug)]
enum Op {
    Insert(Grant, Timestamp),
    Swap(Version, Grant),
    Remove(GrantId),
    Purge(Timestamp, usize),
    Keys(Vec<KeyFingerprint>),
}

impl Op {
    fn random(random: &mut StdRng) -> Self {
        let id = random.random_range(0..6);
        // Most fit into most logs, and some into few.
        let carol = "carol".repeat(500);
        let subject = ["alice", "bob", &carol][random.random_range(0..13_usize).saturating_sub(10)];
        let expires_at = [random.random_range(0..20), u64::MAX][usize::from(random.random_ratio(1, 8))];
        let version = random.random_range(1..4);
        let grant = |version| Grant {
            id: GrantId::from_u64(id),
            version: Version::from_u64(version),
            expires_at: Timestamp::from_millis(expires_at),
            ..Grant::sample(subject, "app")
        };
        let now = Timestamp::from_millis(random.random_range(0..12));
        match random.random_range(0..20) {
            0..8 => Self::Insert(grant(1), now),
            8..15 => Self::Swap(Version::from_u64(version), grant(1 + version % 3)),
            15..17 => Self::Remove(GrantId::from_u64(id)),
            17..19 => Self::Purge(now, random.random_range(1..5)),
            _ => Self::Keys((0..3).map(|nth| KeyFingerprint::new(random.random_range(0..30), [nth; 16])).collect()),
        }
    }

    /// What the store answers.
    fn on(&self, store: &FileStore) -> Result<String, StoreError> {
        Ok(match self {
            Self::Insert(grant, now) => format!("{:?}", wait(store.insert(grant, *now))?),
            Self::Swap(expected, next) => format!("{:?}", wait(store.compare_and_swap(*expected, next, NOW))?),
            Self::Remove(id) => format!("{:?}", wait(store.remove(*id))?),
            Self::Purge(now, limit) => format!("{:?}", wait(store.purge_expired(*now, *limit))?),
            Self::Keys(add) => format!("{:?}", wait(store.keep_key_fingerprints(add))?),
        })
    }
}

const NOW: Timestamp = Timestamp::from_millis(0);

/// All that is in the tables, the number of the last commit included.
pub(super) fn dump(store: &FileStore) -> Vec<String> {
    let database = store.database.as_ref().unwrap().read();
    let transaction = database.begin_read().unwrap();
    let mut all = Vec::new();
    macro_rules! rows {
        ($($table:expr),*) => {$(
            for entry in transaction.open_table($table).unwrap().iter().unwrap() {
                let (key, value) = entry.unwrap();
                all.push(format!("{} {:?} {:?}", stringify!($table), key.value(), value.value()));
            }
        )*};
    }
    rows!(GRANTS, OWNERS, EXPIRY, KEYS, LAST);
    all
}

/// A store on a bad disk, and one on a good disk without a log that was told the same and is never closed.
struct History {
    random: StdRng,
    settings: (u64, usize),
    disk: Disk,
    store: FileStore,
    shadow: FileStore,
    /// The write of which nobody knows whether it was done.
    open: Option<Op>,
}

impl History {
    fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let log = LOGS[random.random_range(0..LOGS.len())];
        let settings = (log, [0, 1 << 20][random.random_range(0..2_usize)]);
        let disk = Disk::new(Vec::new(), Fault::Never);
        let store = open_with(&disk, settings).unwrap();
        let shadow = FileStore::builder().accept_empty(true).log_bytes(0).open_on(InMemoryBackend::new()).unwrap();
        Self { random, settings, disk, store, shadow, open: None }
    }

    /// Works until something fails.
    fn work(&mut self) -> Result<(), ()> {
        for _ in 0..self.random.random_range(1..40) {
            match self.random.random_range(0..40) {
                0 => return self.store.compact().map(drop).map_err(drop),
                1..6 => {
                    let owner = Owner::subject("alice");
                    let listed = wait(self.store.list(&owner, None, 9)).map_err(drop)?;
                    assert_eq!(listed.grants, wait(self.shadow.list(&owner, None, 9)).unwrap().grants);
                }
                _ => self.write()?,
            }
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), ()> {
        let op = Op::random(&mut self.random);
        match op.on(&self.store) {
            Ok(said) => {
                assert_eq!(said, op.on(&self.shadow).unwrap(), "{op:?}");
                return Ok(());
            }
            Err(error) if error.kind() == StoreErrorKind::Indeterminate => self.open = Some(op),
            Err(error) => assert_eq!(error.kind(), StoreErrorKind::NotApplied, "{op:?}"),
        }
        assert!(wait(self.store.load(GrantId::from_u64(0))).is_err(), "it goes on after an error");
        Err(())
    }

    /// The same disk, with what was not synced still to be, or what a crash leaves of it.
    fn next_disk(&mut self, may_go_on: bool) {
        let crash = match self.random.random_range(0..8) {
            0..4 if may_go_on => return self.disk = self.disk.next_process(),
            0 | 4 => Crash::DropAll,
            1 | 5 => Crash::KeepAll,
            _ => Crash::KeepSome(self.random.random_range(0..u64::MAX)),
        };
        self.disk = Disk::new(self.disk.after(crash), Fault::Never);
    }

    /// Ends the process, at times the machine too, and opens the store again, at times in more than one attempt.
    fn again(&mut self, fault: Fault, worked: bool) {
        if worked && self.random.random_ratio(2, 3) {
            // A kill: nothing of what closing does gets there.
            self.disk.next_fault(Fault::PowerAt(0));
        }
        let empty = FileStore::builder().accept_empty(true).log_bytes(0).open_on(InMemoryBackend::new()).unwrap();
        drop(std::mem::replace(&mut self.store, empty));
        let failed = matches!(fault, Fault::ErrorAt(at) if self.disk.operations() > at);
        // A system that forgot what a sync did not do shows what is not on the disk.
        self.next_disk(!failed);
        while self.random.random_ratio(1, 3) {
            self.disk.next_fault(Fault::PowerAt(self.random.random_range(0..25)));
            drop(open_with(&self.disk, self.settings));
            self.next_disk(true);
        }
        self.disk.next_fault(Fault::Never);
        let (log, cache_bytes) = self.settings;
        let builder = FileStore::builder()
            .accept_empty(true)
            .cache_bytes(cache_bytes)
            .check(self.random.random_bool(0.5))
            .log_bytes(log);
        self.store = builder.open_on(self.disk.clone()).unwrap();
        indexes_agree(&self.store);
        let found = dump(&self.store);
        if let Some(op) = self.open.take()
            && found != dump(&self.shadow)
        {
            op.on(&self.shadow).unwrap();
        }
        assert_eq!(found, dump(&self.shadow));
    }

    fn run(&mut self) {
        for _ in 0..4 {
            let at = self.random.random_range(0..120);
            let fault = [Fault::Never, Fault::PowerAt(at), Fault::ErrorAt(at)][self.random.random_range(0..3_usize)];
            self.disk.next_fault(fault);
            let worked = self.work().is_ok();
            self.again(fault, worked);
        }
    }
}

/// What was told is found, whole and with the number of its commit; what was not told is found whole or not at all.
#[test]
fn any_history_ends_as_one_without_faults() {
    for seed in 0..250 {
        let run = std::panic::catch_unwind(|| History::new(seed).run());
        assert!(run.is_ok(), "seed {seed}");
    }
}

/// Any change of the header and of what follows it is an error or a store, never a panic; nor is room asked for that
/// is not there.
#[test]
fn any_header_is_an_error_or_a_store() {
    for log in [0, 20, 640, 5_000] {
        let disk = Disk::new(Vec::new(), Fault::Never);
        let store = open_with(&disk, (log, 1 << 20)).unwrap();
        wait(store.insert(&Grant::sample("alice", "app"), NOW)).unwrap();
        let bytes = disk.after(Crash::DropAll);
        for at in 16..32 {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                let disk = Disk::new(damaged, Fault::Never);
                match open_with(&disk, (log, 1 << 20)) {
                    Ok(_) => assert!(at > 20 && at < 24, "log {log}, byte {at}, bit {bit}"),
                    Err(FileStoreError::InUse | FileStoreError::NoThread | FileStoreError::Failed(_)) => panic!(),
                    Err(_) => assert_eq!(disk.operations(), 0, "log {log}, byte {at}, bit {bit}: touched"),
                }
            }
        }
    }
}

/// A disk whose syncs take as long as it is told.
#[derive(Clone, Debug)]
struct Slow {
    disk: Disk,
    holds: Arc<AtomicBool>,
    reached: Arc<AtomicBool>,
}

impl StorageBackend for Slow {
    fn len(&self) -> io::Result<u64> {
        self.disk.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.disk.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        while self.holds.load(Ordering::SeqCst) {
            self.reached.store(true, Ordering::SeqCst);
            thread::yield_now();
        }
        self.disk.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.disk.write(offset, data)
    }
}

/// A read while the sync goes on: whoever was told of the commit would know what a power cut unwrites.
#[test]
fn a_read_sees_nothing_that_is_not_synced() {
    for log in LOGS {
        let disk = Slow { disk: Disk::new(Vec::new(), Fault::Never), holds: Arc::default(), reached: Arc::default() };
        let store = FileStore::builder().accept_empty(true).log_bytes(log).open_on(disk.clone()).unwrap();
        let grant = Grant::sample("alice", "app");
        disk.holds.store(true, Ordering::SeqCst);
        let mut insert = pin!(store.insert(&grant, NOW));
        assert!(insert.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        while !disk.reached.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        let seen = wait(store.load(grant.id()));
        disk.holds.store(false, Ordering::SeqCst);
        assert_eq!(seen.unwrap(), None, "log {log}");
        wait(insert).unwrap();
        assert!(wait(store.load(grant.id())).unwrap().is_some());
    }
}

/// A client that knew the digest before its commit could write what is taken for one in a later epoch.
#[test]
fn no_two_epochs_begin_alike() {
    let begin = || {
        let disk = Disk::new(Vec::new(), Fault::Never);
        let store = open_with(&disk, (640, 1 << 20)).unwrap();
        wait(store.insert(&Grant::sample("alice", "app"), NOW)).unwrap();
        let bytes = disk.after(Crash::DropAll).split_off(4_096);
        (bytes[..16].to_vec(), bytes[24..40].to_vec())
    };
    let (one, other) = (begin(), begin());
    assert_ne!(one.0, [0; 16]);
    assert!(one.0 != other.0 && one.1 != other.1);
}
