//! The log: a commit is one write and one sync here, long before the tables have it on the disk.
//!
//! Its [entries](super::entry) stand one behind another, with numbers that follow each other. The tables are written when
//! it is full. Then a new epoch begins at its first byte, over what was there: with a salt of its own, and with numbers
//! above all that the tables have, so that nothing an earlier one left is taken for a part of it.
//!
//! Behind the last commit stands a mark. It is written when that commit is on the disk and is not synced for itself, and
//! the next commit is written over it. With it a [reader](super::recovery) knows that a commit which is not whole was
//! damaged later, and was not cut short.

use std::io;
use std::mem;
use std::sync::Arc;

use redb::StorageBackend;

use super::entry::{HEAD, Head, LogKey, Salt};

/// A part of the disk to which commits are appended.
#[derive(Debug)]
pub(super) struct Log {
    disk: Arc<dyn StorageBackend>,
    place: Place,
    /// Number of the last commit.
    number: u64,
    /// Bytes used; none before the first commit of an epoch.
    used: usize,
    salt: Salt,
    buffer: Vec<u8>,
}

/// Where a log is on the disk, how long it is, and under which key.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) start: u64,
    pub(super) length: usize,
    pub(super) key: LogKey,
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Place").field("start", &self.start).field("length", &self.length).finish_non_exhaustive()
    }
}

impl Log {
    /// One in which nothing is needed any more: the tables have the commits up to `number` on the disk.
    pub(super) fn new(disk: Arc<dyn StorageBackend>, place: Place, number: u64) -> Self {
        Self { disk, place, number, used: 0, salt: rand::random(), buffer: Vec::new() }
    }

    /// The number of the commit that is about to be made.
    pub(super) const fn next(&self) -> u64 {
        self.number.saturating_add(1)
    }

    /// Whether so many bytes of changes can be appended, and the mark behind them.
    pub(super) const fn has_room(&self, changes: usize) -> bool {
        changes < u32::MAX as usize && self.used.saturating_add(2 * HEAD).saturating_add(changes) <= self.place.length
    }

    /// Makes the next commit; it is on the disk when this returns. After an error it may be or not.
    ///
    /// Only where it [has room](Self::has_room).
    pub(super) fn append(&mut self, changes: &[u8]) -> io::Result<()> {
        let key = &self.place.key;
        let head = Head::of(key, self.salt, self.next(), changes).ok_or(io::ErrorKind::FileTooLarge)?;
        let mut buffer = mem::take(&mut self.buffer);
        buffer.clear();
        buffer.extend(head.encode(key));
        buffer.extend_from_slice(changes);
        self.disk.write(self.place.start + self.used as u64, &buffer)?;
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
        self.salt = rand::random();
        // What one large commit took is not kept for small ones.
        self.buffer = Vec::new();
    }

    /// Notes that the last commit is on the disk, here or in the tables. It is not synced: that would cost as much as the
    /// commit. The system writes it some seconds later at the latest, or the next commit's sync does.
    pub(super) fn mark(&self) -> io::Result<()> {
        if self.used.saturating_add(HEAD) > self.place.length {
            return Ok(());
        }
        let mark = Head::mark(self.salt, self.next()).encode(&self.place.key);
        self.disk.write(self.place.start + self.used as u64, &mark)
    }
}

#[cfg(test)]
mod tests {
    use super::super::recovery::read;
    use super::super::tests::disk::{Disk, Fault};
    use super::*;

    const START: u64 = 100;

    fn place(length: usize) -> Place {
        Place { start: START, length, key: [7; 16] }
    }

    fn log(disk: &Disk, length: usize, number: u64) -> Log {
        Log::new(Arc::new(disk.clone()), place(length), number)
    }

    fn found(disk: &Disk, length: usize, in_tables: u64) -> Vec<Vec<u8>> {
        read(disk, &place(length), in_tables).unwrap().commits().map(<[u8]>::to_vec).collect()
    }

    fn blank(length: usize) -> Disk {
        Disk::new(vec![0; 100 + length], Fault::Never)
    }

    #[test]
    fn what_was_appended_is_found_in_order() {
        let disk = blank(400);
        let mut log = log(&disk, 400, 7);
        assert_eq!(found(&disk, 400, 7), [[0; 0]; 0]);
        for changes in [&b"one"[..], b"", b"three"] {
            assert!(log.has_room(changes.len()));
            log.append(changes).unwrap();
            log.mark().unwrap();
        }
        assert_eq!(log.next(), 11);
        assert_eq!(found(&disk, 400, 7), [&b"one"[..], b"", b"three"]);
        // And of those what the tables have not.
        assert_eq!(found(&disk, 400, 9), [&b"three"[..]]);
        assert_eq!(found(&disk, 400, 10), [[0; 0]; 0]);
    }

    #[test]
    fn it_takes_what_fits_to_the_byte() {
        let length = HEAD + 10 + HEAD + 5 + HEAD;
        let disk = blank(length);
        let mut log = log(&disk, length, 0);
        assert!(log.has_room(HEAD + 15) && !log.has_room(HEAD + 16) && !log.has_room(usize::MAX));
        log.append(&[1; 10]).unwrap();
        assert!(log.has_room(5) && !log.has_room(6));
        log.append(&[2; 5]).unwrap();
        log.mark().unwrap();
        assert!(!log.has_room(0));
        assert_eq!(found(&disk, length, 0).len(), 2);
        let none = super::Log::new(Arc::new(blank(0)), place(0), 0);
        assert!(!none.has_room(0));
        none.mark().unwrap();
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
        assert_eq!(found(&disk, 1_000, 11), [vec![99; 30]]);
    }
}
