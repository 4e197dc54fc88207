//! The log: a commit is one write and one sync here, long before the tables have it on the disk.
//!
//! ```text
//! epoch     salt 16 | base 8
//! commits   digest 16 | length 4 | changes       the first is number base + 1, the others follow
//! ```
//!
//! The tables are written when the log is full. Then a new epoch begins at its first byte, over what was there. Each
//! digest covers the one before it, and the first one the epoch, whose salt is random: so neither a commit that was cut
//! short nor anything that an earlier epoch left is taken for one, whatever a client had written into it.

use std::io;
use std::mem;
use std::ops::Range;
use std::sync::Arc;

use redb::StorageBackend;
use sha2::{Digest, Sha256};

const SALT: usize = 16;
const BEGIN: usize = SALT + 8;
const DIGEST: usize = 16;
const HEAD: usize = DIGEST + 4;

/// What a log has.
pub(super) struct Epoch {
    /// Number of the last commit before it.
    pub(super) base: u64,
    bytes: Vec<u8>,
    /// Where the commits are that are whole.
    places: Vec<Range<usize>>,
}

impl Epoch {
    /// The changes of each commit, oldest first.
    pub(super) fn commits(&self) -> impl Iterator<Item = &[u8]> {
        self.places.iter().filter_map(|place| self.bytes.get(place.clone()))
    }
}

/// A part of the disk to which commits are appended.
#[derive(Debug)]
pub(super) struct Log {
    disk: Arc<dyn StorageBackend>,
    /// Where it is on the disk, and how long it is.
    start: u64,
    length: usize,
    /// Number of the last commit.
    number: u64,
    /// Bytes used; none before the first commit of an epoch.
    used: usize,
    /// Of the last commit.
    digest: [u8; DIGEST],
    buffer: Vec<u8>,
}

impl Log {
    /// One in which nothing is needed any more: the tables have the commits up to `number` on the disk.
    pub(super) const fn new(disk: Arc<dyn StorageBackend>, start: u64, length: usize, number: u64) -> Self {
        Self { disk, start, length, number, used: 0, digest: [0; DIGEST], buffer: Vec::new() }
    }

    /// What is in the log of that place. Room for all of it is taken for a moment.
    pub(super) fn read(disk: &dyn StorageBackend, start: u64, length: usize) -> io::Result<Epoch> {
        let mut bytes = vec![0; length];
        disk.read(start, &mut bytes)?;
        Ok(parse(bytes))
    }

    /// The number of the commit that is about to be made.
    pub(super) const fn next(&self) -> u64 {
        self.number.saturating_add(1)
    }

    /// Whether so many bytes of changes can be appended.
    pub(super) const fn has_room(&self, changes: usize) -> bool {
        let epoch = if self.used == 0 { BEGIN } else { 0 };
        changes <= u32::MAX as usize && self.used.saturating_add(epoch + HEAD).saturating_add(changes) <= self.length
    }

    /// Makes the next commit; it is on the disk when this returns. After an error it may be or not.
    ///
    /// Only where it [has room](Self::has_room).
    pub(super) fn append(&mut self, changes: &[u8]) -> io::Result<()> {
        let mut buffer = mem::take(&mut self.buffer);
        buffer.clear();
        if self.used == 0 {
            buffer.extend(rand::random::<[u8; SALT]>());
            buffer.extend(self.number.to_be_bytes());
            self.digest = digest(&buffer, &[], &[]);
        }
        let length = u32::try_from(changes.len()).map_err(io::Error::other)?.to_be_bytes();
        self.digest = digest(&self.digest, &length, changes);
        buffer.extend(self.digest);
        buffer.extend(length);
        buffer.extend_from_slice(changes);
        self.disk.write(self.start + self.used as u64, &buffer)?;
        self.disk.sync_data()?;
        self.used += buffer.len();
        self.number = self.next();
        self.buffer = buffer;
        Ok(())
    }

    /// The tables have the next commit, and so all, on the disk: nothing in here is needed any more.
    pub(super) fn restart(&mut self) {
        self.number = self.next();
        self.used = 0;
        // What one large commit took is not kept for small ones.
        self.buffer = Vec::new();
    }
}

fn digest(before: &[u8], length: &[u8], changes: &[u8]) -> [u8; DIGEST] {
    let digest = Sha256::new().chain_update(before).chain_update(length).chain_update(changes).finalize();
    let mut out = [0; DIGEST];
    out.copy_from_slice(&digest[..DIGEST]);
    out
}

fn parse(bytes: Vec<u8>) -> Epoch {
    let (mut base, mut places) = (0, Vec::new());
    if let Some((epoch, mut rest)) = bytes.split_first_chunk::<BEGIN>() {
        base = epoch.last_chunk().map_or(0, |base| u64::from_be_bytes(*base));
        let mut before = digest(epoch, &[], &[]);
        while let Some((expected, after)) = rest.split_first_chunk::<DIGEST>()
            && let Some((length, after)) = after.split_first_chunk::<4>()
            && let Ok(end) = usize::try_from(u32::from_be_bytes(*length))
            && let Some((changes, after)) = after.split_at_checked(end)
        {
            before = digest(&before, length, changes);
            if before != *expected {
                break;
            }
            let end = bytes.len() - after.len();
            places.push(end - changes.len()..end);
            rest = after;
        }
    }
    Epoch { base, bytes, places }
}

#[cfg(test)]
mod tests {
    use super::super::tests::disk::{Disk, Fault};
    use super::*;

    const START: u64 = 100;

    fn log(disk: &Disk, length: usize, number: u64) -> Log {
        Log::new(Arc::new(disk.clone()), START, length, number)
    }

    fn found(disk: &Disk, length: usize) -> (u64, Vec<Vec<u8>>) {
        let epoch = Log::read(disk, START, length).unwrap();
        (epoch.base, epoch.commits().map(<[u8]>::to_vec).collect())
    }

    fn commits(bytes: &[u8]) -> usize {
        parse(bytes.to_vec()).commits().count()
    }

    fn blank(length: usize) -> Disk {
        Disk::new(vec![0; 100 + length], Fault::Never)
    }

    #[test]
    fn what_was_appended_is_found_in_order_with_its_numbers() {
        let disk = blank(400);
        let mut log = log(&disk, 400, 7);
        assert_eq!(found(&disk, 400).1, [[0; 0]; 0]);
        for changes in [&b"one"[..], b"", b"three"] {
            assert!(log.has_room(changes.len()));
            log.append(changes).unwrap();
        }
        assert_eq!(log.next(), 11);
        assert_eq!(found(&disk, 400), (7, vec![b"one".to_vec(), b"".to_vec(), b"three".to_vec()]));
    }

    #[test]
    fn it_takes_what_fits_to_the_byte() {
        let length = BEGIN + HEAD + 10 + HEAD + 5;
        let disk = blank(length);
        let mut log = log(&disk, length, 0);
        assert!(log.has_room(HEAD + 15) && !log.has_room(HEAD + 16) && !log.has_room(usize::MAX));
        log.append(&[1; 10]).unwrap();
        assert!(log.has_room(5) && !log.has_room(6));
        log.append(&[2; 5]).unwrap();
        assert!(!log.has_room(0));
        assert_eq!(found(&disk, length).1.len(), 2);
        assert!(!super::Log::new(Arc::new(blank(0)), START, 0, 0).has_room(0));
    }

    #[test]
    fn nothing_of_an_earlier_epoch_is_found_in_a_later_one() {
        let disk = blank(1_000);
        let mut log = log(&disk, 1_000, 0);
        for byte in 0..10 {
            log.append(&[byte; 30]).unwrap();
        }
        log.restart();
        assert_eq!(log.next(), 12);
        // As long as one of those before it, so that the next of them is where its successor will be.
        log.append(&[99; 30]).unwrap();
        assert_eq!(found(&disk, 1_000), (11, vec![vec![99; 30]]));
    }

    #[test]
    fn any_changed_bit_ends_it_before_the_commit_that_has_it() {
        let disk = blank(200);
        let mut log = log(&disk, 200, 3);
        for byte in 0..3 {
            log.append(&[byte; 20]).unwrap();
        }
        let mut written = vec![0; 200];
        disk.read(START, &mut written).unwrap();
        for bit in 0..8 * (BEGIN + 3 * (HEAD + 20)) {
            let mut bytes = written.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let whole = (bit / 8).saturating_sub(BEGIN) / (HEAD + 20);
            assert_eq!(commits(&bytes), if bit / 8 < BEGIN { 0 } else { whole }, "bit {bit}");
        }
    }

    /// A client chooses some of what is written. In a later epoch that is where a commit would be.
    #[test]
    fn a_commit_that_a_client_had_written_is_none() {
        let length = BEGIN + 3 * (HEAD + 100);
        let disk = blank(length);
        let mut log = log(&disk, length, 0);
        let mut forged = vec![0; 40];
        forged[20..36].copy_from_slice(&digest(&[0; 16], &4_u32.to_be_bytes(), b"evil"));
        forged.splice(36.., [0, 0, 0, 4, b'e', b'v', b'i', b'l']);
        log.append(&forged).unwrap();
        log.restart();
        log.append(&[]).unwrap();
        assert_eq!(found(&disk, length).1, [[0; 0]]);
    }

    #[test]
    fn any_bytes_are_a_log() {
        for length in 0..100 {
            assert_eq!(commits(&vec![0xff; length]), 0);
            assert_eq!(commits(&vec![0; length]), 0);
        }
    }
}
