//! An entry of the log: a commit, or the mark that says that those before it are on the disk.
//!
//! ```text
//! head      check 8 | salt 8 | number 8 | length 4 | digest 16
//! changes   as many bytes as the length says; a mark has the length `MARK`, and none
//! ```
//!
//! The check covers the rest of the head, and the digest the changes, both under the key of the file. So a head is known
//! for one wherever it stands, without anything before it and whether or not its changes are whole.

use sha2::{Digest, Sha256};

const CHECK: usize = 8;
const SALT: usize = 8;
const DIGEST: usize = 16;
/// Length of a head.
pub(super) const HEAD: usize = CHECK + SALT + 8 + 4 + DIGEST;
/// The length that a mark has in place of one.
const MARK: u32 = u32::MAX;

/// Of a file, random, and never shown to anyone: what a client had written into a record passes for no entry.
pub(super) type LogKey = [u8; 16];
/// Of an epoch of the log, random too: nor does it for one who has read the file.
pub(super) type Salt = [u8; SALT];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) salt: Salt,
    pub(super) number: u64,
    length: u32,
    digest: [u8; DIGEST],
}

impl Head {
    /// That of a commit. `None`: its changes are too long for any.
    pub(super) fn of(key: &LogKey, salt: Salt, number: u64, changes: &[u8]) -> Option<Self> {
        let length = u32::try_from(changes.len()).ok().filter(|length| *length != MARK)?;
        Some(Self { salt, number, length, digest: digest(key, salt, number, changes) })
    }

    /// The mark that stands where the commit of that number will be.
    pub(super) const fn mark(salt: Salt, number: u64) -> Self {
        Self { salt, number, length: MARK, digest: [0; DIGEST] }
    }

    pub(super) fn encode(&self, key: &LogKey) -> [u8; HEAD] {
        let mut out = [0; HEAD];
        let (check, body) = out.split_at_mut(CHECK);
        let fields: [&[u8]; 4] = [&self.salt, &self.number.to_be_bytes(), &self.length.to_be_bytes(), &self.digest];
        let mut rest = &mut body[..];
        for field in fields {
            let (place, after) = rest.split_at_mut(field.len());
            place.copy_from_slice(field);
            rest = after;
        }
        check.copy_from_slice(&check_of(key, body));
        out
    }

    /// The head that begins there, if one does.
    pub(super) fn decode(key: &LogKey, bytes: &[u8]) -> Option<Self> {
        let (check, rest) = bytes.get(..HEAD)?.split_first_chunk::<CHECK>()?;
        if check_of(key, rest) != *check {
            return None;
        }
        let (salt, rest) = rest.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (number, length) = (u64::from_be_bytes(*number), u32::from_be_bytes(*length));
        Some(Self { salt: *salt, number, length, digest: *rest.first_chunk()? })
    }

    /// The number that a head would have which begins there: it is looked at first, since a check takes its time.
    pub(super) fn peek_number(bytes: &[u8]) -> Option<u64> {
        bytes.get(CHECK + SALT..)?.first_chunk().map(|number| u64::from_be_bytes(*number))
    }

    /// The changes, of what follows the head. `None`: it is a mark, or they are not whole.
    pub(super) fn changes<'a>(&self, key: &LogKey, after: &'a [u8]) -> Option<&'a [u8]> {
        if self.length == MARK {
            return None;
        }
        let changes = after.get(..usize::try_from(self.length).ok()?)?;
        (digest(key, self.salt, self.number, changes) == self.digest).then_some(changes)
    }
}

fn check_of(key: &LogKey, rest: &[u8]) -> [u8; CHECK] {
    first(&Sha256::new().chain_update(key).chain_update([0]).chain_update(rest).finalize())
}

fn digest(key: &LogKey, salt: Salt, number: u64, changes: &[u8]) -> [u8; DIGEST] {
    let digest = Sha256::new().chain_update(key).chain_update([1]).chain_update(salt);
    first(&digest.chain_update(number.to_be_bytes()).chain_update(changes).finalize())
}

fn first<const N: usize>(digest: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&digest[..N]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: LogKey = [7; 16];

    #[test]
    fn what_was_written_is_read() {
        let head = Head::of(&KEY, [1; 8], 9, b"changes").unwrap();
        assert_eq!(Head::decode(&KEY, &head.encode(&KEY)), Some(head));
        assert_eq!(Head::peek_number(&head.encode(&KEY)), Some(9));
        assert_eq!(head.changes(&KEY, b"changes and more"), Some(&b"changes"[..]));
        let mark = Head::mark([1; 8], 10);
        assert_eq!(Head::decode(&KEY, &mark.encode(&KEY)), Some(mark));
        assert_eq!(mark.changes(&KEY, b""), None);
    }

    #[test]
    fn any_changed_bit_makes_it_none() {
        let head = Head::of(&KEY, [1; 8], 9, b"changes").unwrap();
        for bit in 0..8 * HEAD {
            let mut bytes = head.encode(&KEY);
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Head::decode(&KEY, &bytes), None, "bit {bit}");
        }
        for bit in 0..8 * 7 {
            let mut changes = *b"changes";
            changes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(head.changes(&KEY, &changes), None, "bit {bit}");
        }
        for end in 0..HEAD {
            assert_eq!(Head::decode(&KEY, &head.encode(&KEY)[..end]), None);
        }
        assert_eq!(head.changes(&KEY, b"change"), None);
    }

    /// What stands in another file, at another place or in another epoch is none here.
    #[test]
    fn it_is_bound_to_its_file_and_its_place() {
        let head = Head::of(&KEY, [1; 8], 9, b"changes").unwrap();
        assert_eq!(Head::decode(&[8; 16], &head.encode(&KEY)), None);
        for other in [Head { salt: [2; 8], ..head }, Head { number: 10, ..head }] {
            assert_eq!(other.changes(&KEY, b"changes"), None);
        }
    }
}
