//! What the log says after a crash: the commits that the tables have not, or that some are lost.
//!
//! A commit is begun when the one before it is on the disk, and only then is it answered. So a crash leaves all commits
//! whole but the last, which nobody was told of. A [head](super::entry) with a number, be it that of a commit or of a
//! mark, says that every commit before that number was on the disk. So whatever the tables and the commits that stand in
//! order do not reach was damaged: a commit that is not whole was cut short only where no such head says otherwise.
//!
//! Heads are looked for at every byte behind the commits that are whole, since a length may be what is damaged. Those of
//! earlier epochs have numbers that the tables have reached.

use std::ops::Range;
use std::sync::Arc;

use redb::StorageBackend;

use super::entry::{HEAD, Head};
use super::error::FileStoreError;
use super::log::Place;

/// Commits that are in the log alone.
pub(super) struct Late {
    bytes: Vec<u8>,
    places: Vec<Range<usize>>,
}

impl Late {
    /// The changes of each, oldest first: they follow those in the tables.
    pub(super) fn commits(&self) -> impl Iterator<Item = &[u8]> {
        self.places.iter().filter_map(|place| self.bytes.get(place.clone()))
    }
}

/// A commit that people were told of is neither in the tables nor whole in the log.
#[derive(Debug, thiserror::Error)]
#[error("commit {missing} and what followed it are lost: it is neither in the tables nor whole in the log")]
pub(super) struct LostCommit {
    missing: u64,
}

/// What the log of that place has behind commit `in_tables`. Room for all of it is taken for a moment.
pub(super) fn read(disk: &dyn StorageBackend, place: &Place, in_tables: u64) -> Result<Late, FileStoreError> {
    let mut bytes = vec![0; place.length];
    disk.read(place.start, &mut bytes)?;
    let places = find(&bytes, place, in_tables).map_err(|error| FileStoreError::Damaged(Arc::new(error)))?;
    Ok(Late { bytes, places })
}

fn find(bytes: &[u8], place: &Place, in_tables: u64) -> Result<Vec<Range<usize>>, LostCommit> {
    let (mut at, mut reached, mut places) = (0, in_tables, Vec::new());
    let mut last: Option<Head> = None;
    // The commits that stand in order, from the first byte on.
    while let Some(rest) = bytes.get(at..)
        && let Some(head) = Head::decode(&place.key, rest)
        && last.is_none_or(|last| last.salt == head.salt && last.number.checked_add(1) == Some(head.number))
        && head.number <= reached.saturating_add(1)
        && let Some(changes) = rest.get(HEAD..).and_then(|rest| head.changes(&place.key, rest))
    {
        let end = at + HEAD + changes.len();
        if head.number > reached {
            reached = head.number;
            places.push(end - changes.len()..end);
        }
        last = Some(head);
        at = end;
    }
    // Heads that say that there is more. One with the next number says so where its changes are whole: those of a commit
    // that was cut short begin where the last one ends, and an earlier epoch has left none that the tables have not.
    let behind = |at| bytes.get(at..).unwrap_or_default();
    let is_later = |head: &Head| head.number.saturating_sub(1) > reached;
    let is_next = |head: &Head, rest: &[u8]| {
        head.number > reached && rest.get(HEAD..).is_some_and(|rest| head.changes(&place.key, rest).is_some())
    };
    // No log holds more commits than have room in it: other numbers need no check.
    let most = reached.saturating_add((bytes.len() / HEAD) as u64).saturating_add(1);
    let is_likely = |rest: &[u8]| Head::peek_number(rest).is_some_and(|number| number > reached && number <= most);
    let mut heads = (at + 1..bytes.len()).map(behind).filter(|rest| is_likely(rest));
    if Head::decode(&place.key, behind(at)).is_some_and(|head| is_later(&head))
        || heads.any(|rest| Head::decode(&place.key, rest).is_some_and(|head| is_later(&head) || is_next(&head, rest)))
    {
        return Err(LostCommit { missing: reached.saturating_add(1) });
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::super::entry::{LogKey, Salt};
    use super::*;

    const KEY: LogKey = [7; 16];

    /// A log by hand.
    struct Written(Vec<u8>, usize);

    impl Written {
        fn new(length: usize) -> Self {
            Self(vec![0; length], 0)
        }

        fn put(&mut self, bytes: &[u8]) {
            self.0[self.1..self.1 + bytes.len()].copy_from_slice(bytes);
        }

        fn commit(&mut self, salt: Salt, number: u64, changes: &[u8]) -> Range<usize> {
            self.put(&entry(salt, number, changes));
            self.1 += HEAD + changes.len();
            self.1 - changes.len()..self.1
        }

        fn mark(&mut self, salt: Salt, number: u64) {
            self.put(&Head::mark(salt, number).encode(&KEY));
        }
    }

    fn entry(salt: Salt, number: u64, changes: &[u8]) -> Vec<u8> {
        [&Head::of(&KEY, salt, number, changes).unwrap().encode(&KEY)[..], changes].concat()
    }

    fn found(bytes: &[u8], in_tables: u64) -> Result<Vec<Range<usize>>, LostCommit> {
        find(bytes, &Place { start: 0, length: bytes.len(), key: KEY }, in_tables)
    }

    /// Twelve commits of an epoch, over them four of the next, and room.
    fn two_epochs() -> (Written, Vec<Range<usize>>) {
        let mut log = Written::new(1_200);
        for number in 1..=12 {
            log.commit([1; 8], number, &[0xa5; 40]);
        }
        log.1 = 0;
        // 13 was written to the tables.
        let places = (14..=17).map(|number| log.commit([2; 8], number, &[number.to_be_bytes()[7]; 33])).collect();
        (log, places)
    }

    fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    }

    /// With the mark there is no bit whose loss is taken for a torn end.
    #[test]
    fn any_changed_bit_leaves_all_commits_or_is_damage() {
        let (mut log, places) = two_epochs();
        log.mark([2; 8], 18);
        let mut damaged = 0;
        for bit in 0..8 * log.0.len() {
            match found(&flipped(&log.0, bit), 13) {
                Ok(found) => assert_eq!(found, places, "bit {bit}"),
                Err(_) => damaged += 1,
            }
        }
        // All of the commits, and nothing else.
        assert_eq!(damaged, 8 * log.1);
    }

    /// What `FileStore` documents: without what is written behind it, a damaged last commit looks like one cut short.
    #[test]
    fn without_the_mark_the_last_commit_alone_can_be_lost() {
        let (log, places) = two_epochs();
        for bit in 0..8 * log.0.len() {
            let last = bit / 8 >= places[3].start - HEAD && bit / 8 < places[3].end;
            match found(&flipped(&log.0, bit), 13) {
                Ok(found) if last => assert_eq!(found, places[..3], "bit {bit}"),
                Ok(found) => assert_eq!(found, places, "bit {bit}"),
                Err(_) => assert!(bit / 8 < places[3].start - HEAD),
            }
        }
    }

    /// The next commit is cut short, over the mark and over what an earlier epoch left: in any order of its bytes.
    #[test]
    fn a_torn_end_is_never_taken_for_damage() {
        let mut random = StdRng::seed_from_u64(5);
        let next = entry([2; 8], 18, &[0x3c; 60]);
        for round in 0..20_000 {
            let (mut log, mut places) = two_epochs();
            if round % 2 == 0 {
                log.mark([2; 8], 18);
            }
            let unit = [1, 4, 16, 64][round / 2 % 4];
            let start = log.1;
            let mut whole = true;
            for (nth, part) in next.chunks(unit).enumerate() {
                let at = start + nth * unit;
                if random.random_ratio(3, 4) {
                    log.0[at..at + part.len()].copy_from_slice(part);
                } else {
                    whole &= log.0[at..at + part.len()] == *part;
                }
            }
            if whole {
                places.push(start + HEAD..start + next.len());
            }
            assert_eq!(found(&log.0, 13).unwrap(), places, "round {round}");
        }
    }

    /// The first commit of an epoch is cut short, over all that the tables have.
    #[test]
    fn a_torn_beginning_is_never_taken_for_damage() {
        let first = entry([3; 8], 19, &[0x3c; 60]);
        for start in 0..first.len() {
            for end in start..=first.len() {
                let (mut log, _) = two_epochs();
                log.mark([2; 8], 18);
                log.0[start..end].copy_from_slice(&first[start..end]);
                let whole = (start, end) == (0, first.len());
                assert_eq!(found(&log.0, 18).unwrap().len(), usize::from(whole), "{start} to {end}");
            }
        }
    }

    /// Tables that fell back behind the log, and commits that are missing between the two.
    #[test]
    fn what_the_tables_and_the_log_do_not_reach_is_damage() {
        let (mut log, places) = two_epochs();
        for in_tables in 0..13 {
            assert!(found(&log.0, in_tables).is_err(), "{in_tables}");
        }
        for (reached, places) in (13..=17).zip([&places[..], &places[1..], &places[2..], &places[3..], &[]]) {
            assert_eq!(found(&log.0, reached).unwrap(), places);
        }
        // The mark of a new epoch alone says it, too.
        log.1 = 0;
        log.mark([3; 8], 19);
        assert!(found(&log.0, 17).is_err());
        assert!(found(&log.0, 18).unwrap().is_empty());
    }

    /// The length of a commit leads nowhere, and its successor is not where it says.
    #[test]
    fn a_commit_behind_a_gap_is_found_at_any_byte() {
        for gap in 1..200 {
            let mut log = Written::new(600);
            log.commit([1; 8], 1, b"one");
            log.1 += gap;
            log.commit([1; 8], 3, b"three");
            for in_tables in 0..3 {
                assert!(found(&log.0, in_tables).is_err(), "{gap}, {in_tables}");
            }
            assert!(found(&log.0, 3).unwrap().is_empty());
        }
    }

    /// A client chooses some of what is written. In a later epoch that is where a commit would be.
    #[test]
    fn a_commit_that_a_client_had_written_is_none() {
        let begins = 2 * HEAD + 5;
        for (key, salt) in [([0; 16], [2; 8]), (KEY, [9; 8])] {
            let mut forged = vec![0; begins - HEAD];
            forged.extend(Head::of(&key, salt, 4, b"evil").unwrap().encode(&key));
            forged.extend(b"evil");
            let mut log = Written::new(600);
            log.commit([1; 8], 1, &forged);
            log.1 = 0;
            // 2 is in the tables, and the next one ends where the forged one begins.
            log.commit([2; 8], 3, &vec![5; begins - HEAD]);
            assert_eq!(found(&log.0, 2).unwrap().len(), 1);
        }
    }

    #[test]
    fn any_bytes_are_a_log() {
        for length in 0..100 {
            for in_tables in [0, u64::MAX] {
                assert!(found(&vec![0xff; length], in_tables).unwrap().is_empty());
                assert!(found(&vec![0; length], in_tables).unwrap().is_empty());
            }
        }
        let mut log = Written::new(100);
        log.mark([1; 8], u64::MAX);
        assert!(found(&log.0, u64::MAX).unwrap().is_empty() && found(&log.0, 5).is_err());
    }
}
