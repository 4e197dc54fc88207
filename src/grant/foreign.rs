//! Logins that began at another server, with a refresh token which that made.
//!
//! The token is generation 0 of the grant. It has no MAC of this engine's, so the record keeps 160 bits of an HMAC over it: the 62
//! that follow from it in the id are no proof. And it must not begin the grant anew: the record stays until nobody could accept the
//! token any more, and what ends it leaves it there, in the stage *ended*.

use std::sync::Arc;

#[cfg(feature = "root-secret")]
use super::id::GrantId;
use super::id::Version;
use super::members::{Members, Special};
use super::record::Grant;
use super::time::Timestamp;
#[cfg(feature = "root-secret")]
use crate::secret::constant_time_eq;

/// Where a login came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ForeignOrigin {
    /// An HMAC over the token, cut to 160 bits (RFC 6749 section 10.10).
    pub(crate) proof: [u8; 20],
    /// The record is not to be dropped before, whatever becomes of the grant.
    pub(crate) kept_until: Timestamp,
}

/// Since when somebody's logins at another server count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct CutOff {
    /// An HMAC over whose it is, cut to 160 bits.
    pub(crate) of: [u8; 20],
    /// Logins that began until then count no more.
    pub(crate) at: Timestamp,
}

/// 160 bits and a time.
fn encode(bits: [u8; 20], time: Timestamp) -> Vec<u8> {
    [&bits[..], &time.as_millis().to_be_bytes()[2..]].concat()
}

fn decode(bytes: &[u8]) -> Option<([u8; 20], Timestamp)> {
    let (bits, time) = bytes.split_first_chunk()?;
    let [a, b, c, d, e, f] = *time.first_chunk().filter(|_| time.len() == 6)?;
    Some((*bits, Timestamp::from_millis(u64::from_be_bytes([0, 0, a, b, c, d, e, f]))))
}

impl ForeignOrigin {
    pub(super) fn encode(self) -> Vec<u8> {
        encode(self.proof, self.kept_until)
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        decode(bytes).map(|(proof, kept_until)| Self { proof, kept_until })
    }

    /// Whether it is of this token. In constant time, since this is what a token is proven by.
    #[cfg(feature = "root-secret")]
    pub(crate) fn is_of(&self, proof: &[u8; 20]) -> bool {
        constant_time_eq(&self.proof, proof).into()
    }
}

impl CutOff {
    pub(super) fn encode(self) -> Vec<u8> {
        encode(self.of, self.at)
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        decode(bytes).map(|(of, at)| Self { of, at })
    }
}

impl Grant {
    /// Where it came from, if from another server.
    pub(crate) fn foreign(&self) -> Option<&ForeignOrigin> {
        self.members.as_deref().and_then(|members| members.foreign.as_ref())
    }

    /// Whether it has ended, and is there only so that it cannot begin anew.
    pub(crate) fn has_ended(&self) -> bool {
        self.members.as_deref().is_some_and(|members| members.special == Some(Special::Ended))
    }

    /// What keeps a token that is not to begin a grant from ever doing so: nobody's.
    #[cfg(feature = "root-secret")]
    pub(crate) fn never_begun(
        id: GrantId,
        version: Version,
        realm: Option<&str>,
        origin: ForeignOrigin,
        now: Timestamp,
    ) -> Self {
        Self::special(id, version, realm, Special::Ended, now, origin.kept_until).ended(origin, version)
    }

    /// What is left of it when it has ended: its id, its owner, which no store changes, and what knows its first token again.
    pub(crate) fn ended(&self, origin: ForeignOrigin, version: Version) -> Self {
        let members = Members {
            special: Some(Special::Ended),
            realm: self.realm().map(Into::into),
            foreign: Some(origin),
            ..Members::default()
        };
        let gone = Self::special(self.id, version, None, Special::Ended, self.created_at, origin.kept_until);
        // Of a person nothing is left but who it was.
        Self { client_id: self.client_id.clone(), owner: self.owner.clone(), members: Some(Arc::new(members)), ..gone }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::{DecodeError, Generation, GrantId};

    const ORIGIN: ForeignOrigin = ForeignOrigin { proof: [7; 20], kept_until: Timestamp::from_secs(1_900_000_000) };

    fn foreign(generation: Generation) -> Grant {
        let members = Members { foreign: Some(ORIGIN), ..Members::default() };
        Grant { generation, members: Some(Arc::new(members)), ..Grant::sample("alice", "app") }
    }

    fn tail(grant: &Grant) -> Vec<u8> {
        let head = Grant { members: None, ..grant.clone() }.encode().len();
        grant.encode().split_off(head)
    }

    /// As bytes, since records on disk are for ever.
    #[test]
    fn where_a_login_came_from_has_to_be_understood() {
        let time = &1_900_000_000_000_u64.to_be_bytes()[2..];
        for (generation, stage) in [(Generation::NONE, 1), (Generation::FIRST, 1)] {
            let grant = foreign(generation);
            assert_eq!(tail(&grant), [&[stage, 24, 0, 26][..], &[7; 20], time].concat());
            let read = Grant::decode(&grant.encode()).unwrap();
            assert_eq!(read, grant);
            assert!(read.is_redeemed() && read.is_login() && !read.has_ended(), "live at any generation");
        }
        let ended = foreign(Generation::FIRST).ended(ORIGIN, Version::from_u64(9));
        assert_eq!(tail(&ended), [&[4, 24, 0, 26][..], &[7; 20], time].concat());
        let cut_off = Special::CutOff(CutOff { of: [8; 20], at: ORIGIN.kept_until });
        let now = Timestamp::from_secs(1_800_000_000);
        let cut_off = Grant::special(GrantId::computed(&[1; 32]), Version::from_u64(1), None, cut_off, now, now);
        assert_eq!(tail(&cut_off), [&[5, 26, 0, 26][..], &[8; 20], time].concat());
        assert_eq!(Grant::decode(&cut_off.encode()).unwrap(), cut_off);
        assert!(!cut_off.is_login() && !cut_off.is_marker());
    }

    /// RFC 7009 section 2: what has ended says nothing any more, and is there until its first token is worth nothing anywhere.
    #[test]
    fn of_what_has_ended_nothing_is_left_but_its_origin() {
        let grant = foreign(Generation::FIRST);
        let ended = grant.ended(ORIGIN, Version::from_u64(9));
        let read = Grant::decode(&ended.encode()).unwrap();
        assert_eq!(read, ended);
        assert!(read.has_ended() && !read.is_login() && !read.is_renewable());
        assert!(read.scope().is_empty() && read.fields().is_empty() && read.host_data().is_none());
        assert_eq!((read.salt.0, read.authenticated_at()), ([0; 16], Some(grant.created_at())));
        assert_eq!((read.id(), read.owner_key(), read.client_id()), (grant.id(), grant.owner_key(), "app"));
        assert_eq!(read.expires_at(), ORIGIN.kept_until);
        assert!(grant.expires_at < ORIGIN.kept_until && grant.expires_at() == ORIGIN.kept_until, "kept, ended or not");
    }

    #[test]
    fn what_no_version_writes_is_damaged() {
        let grant = foreign(Generation::FIRST);
        let head = Grant { members: None, ..grant.clone() }.encode();
        let head = [&[2], &head[1..]].concat();
        let origin = [&[24, 0, 26][..], &[7; 26]].concat();
        let cut_off = [&[26, 0, 26][..], &[7; 26]].concat();
        for (what, tail) in [
            ("a code", [&[0][..], &origin].concat()),
            ("half an origin", [&[1, 24, 0, 20][..], &[7; 20]].concat()),
            ("an origin and more", [&[1, 24, 0, 27][..], &[7; 27]].concat()),
            ("ended, and a session", [&[4, 11, 0, 1, b'a'][..], &origin].concat()),
            ("ended, of nothing", vec![4]),
            ("ended, and of a generation", [&[4][..], &origin].concat()),
            ("a cut-off with an owner", [&[5][..], &cut_off].concat()),
            ("a cut-off that is a login", [&[1][..], &cut_off].concat()),
        ] {
            assert_eq!(Grant::decode(&[&head[..], &tail].concat()), Err(DecodeError::Corrupt), "{what}");
        }
    }
}
