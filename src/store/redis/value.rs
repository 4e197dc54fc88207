//! What is under a grant's key.
//!
//! ```text
//! 1 | version 8 | reach 6 | entry 4 | the record
//! 0 | entry 4                                     room for a grant that is being inserted
//! ```
//!
//! Big-endian. The version is here too, so that the swap need not know the record's layout. The reach is until when, by
//! the server's clock, the owner's index is sure to be there. The entry tells this grant in the index from another that had
//! the same id.

use crate::grant::{DecodeError, Grant, GrantId, Version};
use crate::store::StoreError;

const ROOM: u8 = 0;
const GRANT: u8 = 1;
/// Bytes before the record. The scripts have it too.
pub(super) const HEAD: usize = 19;

/// Until when an owner's index is sure to be there: milliseconds since 1970 by the server's clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Reach([u8; 6]);

impl Reach {
    pub(super) const FOREVER: Self = Self([0xff; 6]);

    /// Of what the server says; negative is for ever.
    pub(super) fn from_millis(millis: i64) -> Self {
        match u64::try_from(millis) {
            Ok(millis) if millis < 1 << 48 => {
                let [_, _, a, b, c, d, e, f] = millis.to_be_bytes();
                Self([a, b, c, d, e, f])
            }
            _ => Self::FOREVER,
        }
    }

    pub(super) const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Tells one grant in the index from another of the same id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Entry([u8; 4]);

impl Entry {
    /// Of a grant that is in no index.
    pub(super) const NONE: Self = Self([0; 4]);

    pub(super) fn random() -> Self {
        Self(rand::random())
    }

    /// The member of the index: the id, by which pages go, and this.
    pub(super) fn member(self, id: GrantId) -> String {
        format!("{id}{:08x}", u32::from_be_bytes(self.0))
    }
}

/// The id that a member of an index names.
pub(super) fn id_of(member: &[u8]) -> Option<GrantId> {
    let digits = std::str::from_utf8(member.get(..16)?).ok()?;
    u64::from_str_radix(digits, 16).ok().map(GrantId::from_u64)
}

/// What keeps the place for a grant until its owner's index knows of it.
pub(super) fn room(entry: Entry) -> [u8; 5] {
    let [a, b, c, d] = entry.0;
    [ROOM, a, b, c, d]
}

/// A grant as it is stored.
pub(super) fn encode(grant: &Grant, reach: Reach, entry: Entry) -> Vec<u8> {
    let record = grant.encode();
    let mut value = Vec::with_capacity(HEAD + record.len());
    value.push(GRANT);
    value.extend(version(grant.version()));
    value.extend(reach.0);
    value.extend(entry.0);
    value.extend(record);
    value
}

pub(super) const fn version(version: Version) -> [u8; 8] {
    version.as_u64().to_be_bytes()
}

/// The entry that a header tells of.
pub(super) fn entry_of(head: &[u8]) -> Option<Entry> {
    Some(Entry(head.get(HEAD - 4..HEAD)?.try_into().ok()?))
}

/// The grant that is stored, if it is one and not room for one.
pub(super) fn decode(value: &[u8], id: GrantId) -> Result<Option<Grant>, StoreError> {
    match value.first() {
        Some(&ROOM) => Ok(None),
        Some(&GRANT) => {
            let record = value.get(HEAD..).ok_or(DecodeError::Corrupt)?;
            let grant = Grant::decode(record)?;
            let is_whole = grant.id() == id && value.get(1..9) == Some(&version(grant.version()));
            if is_whole { Ok(Some(grant)) } else { Err(DecodeError::Corrupt.into()) }
        }
        Some(_) => Err(DecodeError::NewerFormat.into()),
        None => Err(DecodeError::Corrupt.into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::store::StoreErrorKind;

    #[test]
    fn what_is_stored_comes_back() {
        let grant = Grant::sample("alice", "app");
        let entry = Entry::random();
        let value = encode(&grant, Reach::from_millis(7), entry);
        assert_eq!(decode(&value, grant.id()).unwrap(), Some(grant.clone()));
        assert_eq!(entry_of(&value), Some(entry));
        assert_eq!(id_of(entry.member(grant.id()).as_bytes()), Some(grant.id()));
        assert_eq!(decode(&room(entry), grant.id()).unwrap(), None);
    }

    #[test]
    fn what_cannot_be_read_is_told_apart() {
        let grant = Grant::sample("alice", "app");
        let value = encode(&grant, Reach::FOREVER, Entry::NONE);
        let kind = |value: &[u8], id| decode(value, id).map_err(|error| error.kind());
        for end in 0..value.len() {
            assert!(matches!(kind(&value[..end], grant.id()), Err(StoreErrorKind::Corrupt)), "{end}");
        }
        assert_eq!(kind(&value, GrantId::from_u64(1)), Err(StoreErrorKind::Corrupt));
        let later = [&[2], &value[1..]].concat();
        assert_eq!(kind(&later, grant.id()), Err(StoreErrorKind::NewerFormat));
        let later_record = [&value[..HEAD], &[9], &value[HEAD + 1..]].concat();
        assert_eq!(kind(&later_record, grant.id()), Err(StoreErrorKind::NewerFormat));
    }

    #[test]
    fn a_reach_beyond_the_last_timestamp_is_for_ever() {
        assert_eq!(Reach::from_millis(-1), Reach::FOREVER);
        assert_eq!(Reach::from_millis(1 << 48), Reach::FOREVER);
        assert_eq!(Reach::from_millis(0x0102_0304_0506).as_bytes(), [1, 2, 3, 4, 5, 6]);
    }
}
