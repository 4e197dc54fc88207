//! One bit of the file is not what was written: it opens with all that anyone was told, or it is damaged.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::super::entry::HEAD;
use super::disk::{Crash, Disk, Fault};
use super::histories::dump;
use super::{open_with, wait};
use crate::grant::Version;
use crate::store::{FileStore, FileStoreError, KeyFingerprint, Swap};
use crate::{Grant, GrantId, Timestamp, TokenStore};

const HEADER: usize = 4_096;
const NOW: Timestamp = Timestamp::from_millis(0);

fn grant(id: u64, version: u64) -> Grant {
    Grant { id: GrantId::from_u64(id), version: Version::from_u64(version), ..Grant::sample("alice", "app") }
}

/// Logins, refreshes, logouts and a key; what the tables are after each of the last of them.
struct Written {
    disk: Disk,
    log: usize,
    before: Vec<String>,
    after: Vec<String>,
}

impl Written {
    /// As many writes as asked for. The process never ends the store.
    fn new(log: usize, writes: u64) -> Self {
        let disk = Disk::new(Vec::new(), Fault::Never);
        let store = open_with(&disk, (log as u64, 1 << 20)).unwrap();
        let mut before = dump(&store);
        for nth in 0..writes {
            before = dump(&store);
            let id = nth / 4;
            match nth % 4 {
                0 | 1 => drop(wait(store.insert(&grant(2 * id + nth % 4, 1), NOW)).unwrap()),
                2 => {
                    let swapped = wait(store.compare_and_swap(Version::from_u64(1), &grant(2 * id, 2), NOW)).unwrap();
                    assert_eq!(swapped, Swap::Swapped);
                }
                _ if id == 0 => drop(wait(store.keep_key_fingerprints(&[KeyFingerprint::new(1, [1; 16])])).unwrap()),
                _ => assert!(wait(store.remove(GrantId::from_u64(2 * id + 1))).unwrap().grant().is_some()),
            }
        }
        let after = dump(&store);
        // Nothing of what closing does gets there.
        disk.next_fault(Fault::PowerAt(0));
        Self { disk, log, before, after }
    }

    /// Where the last commit and the mark behind it are, found by what the mark's sync would have brought.
    fn open(&self, bytes: Vec<u8>, check: bool) -> Result<FileStore, FileStoreError> {
        let builder = FileStore::builder().log_bytes(self.log as u64).check(check);
        builder.open_on(Disk::new(bytes, Fault::Never))
    }

    /// Whether it opened with all; `None`: without the last commit. It is never anything else.
    fn opens(&self, bytes: &[u8], bit: usize) -> Option<bool> {
        let mut bytes = bytes.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        match self.open(bytes, bit % 3 == 0) {
            Ok(store) => {
                let found = dump(&store);
                if found == self.after {
                    return Some(true);
                }
                assert_eq!(found, self.before, "byte {}, bit {}: more than the last is lost", bit / 8, bit % 8);
                None
            }
            Err(FileStoreError::Damaged(_)) => Some(false),
            // Of the header.
            Err(FileStoreError::NotAStore | FileStoreError::NewerFormat) if bit / 8 < 20 => Some(false),
            Err(error) => panic!("byte {}, bit {}: {error:?}", bit / 8, bit % 8),
        }
    }
}

/// RFC 7009 section 2.1 and RFC 9700 section 4.14.2: a token that was revoked stays so. After a kill, with commits of an
/// earlier epoch behind those that count.
#[test]
fn any_bit_of_a_log() {
    let written = Written::new(1_000, 17);
    let bytes = written.disk.after(Crash::KeepAll);
    let (mut opened, mut damaged) = (0, 0);
    for bit in (0..8 * 64).chain(8 * HEADER..8 * (HEADER + written.log)) {
        match written.opens(&bytes, bit) {
            Some(true) => opened += 1,
            Some(false) => damaged += 1,
            None => panic!("byte {}, bit {}: the last commit is lost", bit / 8, bit % 8),
        }
    }
    println!("{opened} opened, {damaged} damaged");
    assert!(opened > 500 && damaged > 3_000);
}

/// What `FileStore` documents: where the power goes before the system has written the mark, the last commit can be lost.
#[test]
fn without_the_mark_only_a_bit_of_the_last_commit_loses_it() {
    let written = Written::new(1_000, 17);
    let bytes = written.disk.after(Crash::DropAll);
    let kept = written.disk.after(Crash::KeepAll);
    let mark = (0..bytes.len()).find(|at| bytes[*at] != kept[*at]).unwrap();
    assert!(bytes[mark + HEAD..] == kept[mark + HEAD..], "more than the mark was not synced");
    let lost: Vec<usize> =
        (HEADER..HEADER + written.log).filter(|byte| written.opens(&bytes, 8 * byte + 5).is_none()).collect();
    println!("the mark is at {mark}; lost by {} bytes from {:?} on", lost.len(), lost.first());
    // One piece that ends where the mark begins, of one commit.
    assert!(lost.len() > HEAD && lost.len() < 400);
    assert_eq!(lost, (mark - lost.len()..mark).collect::<Vec<_>>());
}

#[test]
fn a_bit_of_any_byte_of_a_longer_log() {
    let written = Written::new(12_000, 120);
    let bytes = written.disk.after(Crash::KeepAll);
    let mut random = StdRng::seed_from_u64(3);
    let mut damaged = 0;
    for byte in HEADER..HEADER + written.log {
        let opened = written.opens(&bytes, 8 * byte + random.random_range(0..8));
        damaged += usize::from(!opened.expect("the last commit is lost"));
    }
    println!("{damaged} of {} damaged", written.log);
    assert!(damaged > 6_000);
}

/// Fifty logins and fifty logouts are in the log, and the process is killed.
#[test]
fn a_flipped_bit_undoes_no_logout() {
    let disk = Disk::new(Vec::new(), Fault::Never);
    let log = 65_536;
    let store = open_with(&disk, (log, 1 << 20)).unwrap();
    for id in 0..100 {
        wait(store.insert(&grant(id, 1), NOW)).unwrap();
    }
    for id in 0..50 {
        wait(store.remove(GrantId::from_u64(id))).unwrap();
    }
    let all = dump(&store);
    let bytes = disk.after(Crash::DropAll);
    let used = bytes[HEADER..HEADER + 65_536].iter().rposition(|byte| *byte != 0).unwrap();
    for at in (0..used - 400).step_by(97) {
        let mut bytes = bytes.clone();
        bytes[HEADER + at] ^= 0x10;
        let opened = FileStore::builder().check(at % 2 == 0).open_on(Disk::new(bytes, Fault::Never));
        assert!(matches!(opened, Err(FileStoreError::Damaged(_))), "{at} of {used}");
    }
    assert_eq!(dump(&open_with(&Disk::new(bytes, Fault::Never), (log, 1 << 20)).unwrap()), all);
}

/// The last commit is the one that wrote the tables, or is in the log.
fn ends_in_the_tables(written: &Written) -> bool {
    let first = HEADER..HEADER + HEAD;
    written.disk.after(Crash::KeepAll)[first.clone()] != written.disk.after(Crash::DropAll)[first]
}

/// Flips bits of the tables: all of what `redb` begins with, and some of all that is in use.
fn flip_in_tables(written: &Written, bytes: &[u8]) -> Vec<(usize, Option<bool>)> {
    let body = HEADER + written.log;
    let mut random = StdRng::seed_from_u64(9);
    let pages = (body + HEADER..bytes.len()).filter(|at| bytes[at & !63..].iter().take(64).any(|byte| *byte != 0));
    let sample: Vec<usize> = pages.filter(|_| random.random_ratio(1, 120)).map(|at| 8 * at + at % 8).collect();
    let bits = (8 * body..8 * (body + 320)).chain(sample);
    let flipped: Vec<_> = bits.map(|bit| (bit - 8 * body, written.opens(bytes, bit))).collect();
    let count = |wanted| flipped.iter().filter(|(_, opened)| *opened == wanted).count();
    println!("{} opened, {} damaged, {} without the last commit", count(Some(true)), count(Some(false)), count(None));
    assert!(count(Some(true)) > 100 && count(Some(false)) > 100);
    flipped
}

/// `redb` keeps the commit before the last one, and must not fall back to it. With commits in the log alone, and where the
/// last one wrote the tables; with two phases also before the mark is on the disk.
#[test]
fn a_bit_of_the_tables() {
    let written = (12..30).map(|writes| Written::new(1_000, writes));
    let (tables, log): (Vec<_>, Vec<_>) = written.partition(ends_in_the_tables);
    for written in [&tables[0], &log[0]] {
        let lost = flip_in_tables(written, &written.disk.after(Crash::KeepAll));
        assert!(lost.iter().all(|(_, opened)| opened.is_some()));
    }
    let flipped = flip_in_tables(&tables[0], &tables[0].disk.after(Crash::DropAll));
    let lost: Vec<usize> = flipped.iter().filter(|(_, opened)| opened.is_none()).map(|(bit, _)| *bit).collect();
    // The one that says which of its two roots is the later one.
    assert_eq!(lost, [8 * 9]);
}
