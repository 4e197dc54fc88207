//! What is under a grant's key.
//!
//! ```text
//! 1 | version 8 | until 6 | the record
//! 0 | 8 random                            room for a grant that is being inserted
//! ```
//!
//! Big-endian. Version and *until* are before the record, so that the swap need not know the record's layout. Until is how
//! long the owner's index was made to live for this grant; see [`index`](super::index).

use crate::grant::{DecodeError, Grant, GrantId, Timestamp, Version};

const ROOM: u8 = 0;
const GRANT: u8 = 1;
/// Bytes before the record. The scripts have it too.
pub(super) const HEAD: usize = 15;

/// The first bytes of a stored grant: which write it is, and until when its owner's index lives at least.
pub(super) type Head = [u8; HEAD];

pub(super) fn head(version: Version, until: Timestamp) -> Head {
    let mut head = [GRANT; HEAD];
    head[1..9].copy_from_slice(&version.as_u64().to_be_bytes());
    head[9..].copy_from_slice(&until.as_millis().to_be_bytes()[2..]);
    head
}

/// Until when the index lives that a head tells of, if it is one of this version.
pub(super) fn until_of(found: &[u8], version: Version) -> Option<Timestamp> {
    let (start, until) = found.split_at_checked(9)?;
    let [a, b, c, d, e, f] = until.try_into().ok()?;
    let is_of = *start == head(version, Timestamp::EPOCH)[..9];
    is_of.then(|| Timestamp::from_millis(u64::from_be_bytes([0, 0, a, b, c, d, e, f])))
}

/// A new member of an index. It begins with the id, by which pages go; the rest is random and tells this entry from one
/// that an earlier grant of the same id had.
pub(super) fn member(id: GrantId) -> String {
    format!("{id}{:08x}", rand::random::<u32>())
}

/// The id that a member of an index names.
pub(super) fn id_of(member: &[u8]) -> Option<GrantId> {
    let digits = std::str::from_utf8(member.get(..16)?).ok()?;
    u64::from_str_radix(digits, 16).ok().map(GrantId::from_u64)
}

/// What keeps the place for a grant until its owner's index knows of it: unlike what any other insertion leaves there.
pub(super) fn room() -> [u8; 9] {
    let mut room = [ROOM; 9];
    room[1..].copy_from_slice(&rand::random::<[u8; 8]>());
    room
}

/// A grant as it is stored.
pub(super) fn encode(grant: &Grant, until: Timestamp) -> Vec<u8> {
    let mut value = head(grant.version(), until).to_vec();
    value.extend(grant.encode());
    value
}

/// The grant that is stored, if it is one and not room for one.
pub(super) fn decode(value: &[u8], id: GrantId) -> Result<Option<Grant>, DecodeError> {
    match value.first() {
        Some(&ROOM) => Ok(None),
        Some(&GRANT) => {
            let record = value.get(HEAD..).ok_or(DecodeError::Corrupt)?;
            let grant = Grant::decode(record)?;
            let is_whole = grant.id() == id && until_of(&value[..HEAD], grant.version()).is_some();
            if is_whole { Ok(Some(grant)) } else { Err(DecodeError::Corrupt) }
        }
        Some(_) => Err(DecodeError::NewerFormat),
        None => Err(DecodeError::Corrupt),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn what_is_stored_comes_back() {
        let grant = Grant::sample("alice", "app");
        let until = Timestamp::from_millis(0x0102_0304_0506);
        let value = encode(&grant, until);
        assert_eq!(decode(&value, grant.id()).unwrap(), Some(grant.clone()));
        assert_eq!(until_of(&value[..HEAD], grant.version()), Some(until));
        assert_eq!(until_of(&value[..HEAD], Version::from_u64(9)), None);
        assert_eq!(until_of(b"", grant.version()), None);
        assert_eq!(id_of(member(grant.id()).as_bytes()), Some(grant.id()));
        assert_eq!(decode(&room(), grant.id()).unwrap(), None);
        assert_ne!(room(), room());
    }

    #[test]
    fn what_cannot_be_read_is_told_apart() {
        let grant = Grant::sample("alice", "app");
        let value = encode(&grant, Timestamp::MAX);
        let kind = decode;
        for end in 0..value.len() {
            assert!(matches!(kind(&value[..end], grant.id()), Err(DecodeError::Corrupt)), "{end}");
        }
        assert_eq!(kind(&value, GrantId::from_u64(1)), Err(DecodeError::Corrupt));
        let later = [&[2], &value[1..]].concat();
        assert_eq!(kind(&later, grant.id()), Err(DecodeError::NewerFormat));
        let later_record = [&value[..HEAD], &[9], &value[HEAD + 1..]].concat();
        assert_eq!(kind(&later_record, grant.id()), Err(DecodeError::NewerFormat));
    }
}
