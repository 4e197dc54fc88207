//! Logins on a device that has no browser, or no keys to type with (RFC 8628): what is kept until the device has its tokens.
//!
//! ```text
//! user code → its record → the device's record → the grant, once somebody has said yes
//! ```
//!
//! The device's record is nobody's: it says who asks and for what, and the answer. The grant is its person's from the beginning, since a
//! store never changes an owner; until the device has fetched its tokens it is *approved*, and no token of it counts.

use super::id::GrantId;
#[cfg(feature = "root-secret")]
use super::id::Version;
#[cfg(feature = "root-secret")]
use super::members::Members;
use super::members::Special;
use super::record::Grant;
#[cfg(feature = "root-secret")]
use super::record::Salt;
#[cfg(feature = "root-secret")]
use super::time::Timestamp;

/// What a device's record says beside who asks, and for what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Device {
    /// An HMAC over its user code, cut to 160 bits: what a person types is believed by it.
    pub(crate) user_code: [u8; 20],
    pub(crate) answer: DeviceAnswer,
}

/// What became of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum DeviceAnswer {
    /// Nobody has said anything yet.
    Pending,
    /// Somebody said yes, and this is the grant.
    Approved(GrantId),
    /// Somebody said no.
    Denied,
}

/// Where a user code leads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct UserCode {
    /// As in the device's record.
    pub(crate) user_code: [u8; 20],
    pub(crate) device: GrantId,
}

/// 160 bits, and an id where there is one.
fn encode(bits: [u8; 20], id: Option<GrantId>) -> Vec<u8> {
    let id = id.map(|id| id.as_u64().to_be_bytes());
    [&bits[..], id.as_ref().map_or(&[], |id| &id[..])].concat()
}

fn decode(bytes: &[u8]) -> Option<([u8; 20], Option<GrantId>)> {
    let (bits, rest) = bytes.split_first_chunk()?;
    let id = match rest {
        [] => None,
        id => Some(GrantId::from_u64(u64::from_be_bytes(id.try_into().ok()?))),
    };
    Some((*bits, id))
}

impl Device {
    pub(super) fn encode(self) -> Vec<u8> {
        let grant = match self.answer {
            DeviceAnswer::Approved(grant) => Some(grant),
            DeviceAnswer::Pending | DeviceAnswer::Denied => None,
        };
        encode(self.user_code, grant)
    }

    /// `denied`: whether the stage says so.
    pub(super) fn decode(bytes: &[u8], denied: bool) -> Option<Self> {
        let (user_code, grant) = decode(bytes)?;
        let answer = match (grant, denied) {
            (Some(grant), false) => DeviceAnswer::Approved(grant),
            (None, false) => DeviceAnswer::Pending,
            (None, true) => DeviceAnswer::Denied,
            (Some(_), true) => return None,
        };
        Some(Self { user_code, answer })
    }
}

impl UserCode {
    pub(super) fn encode(self) -> Vec<u8> {
        encode(self.user_code, Some(self.device))
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (user_code, device) = decode(bytes)?;
        Some(Self { user_code, device: device? })
    }
}

impl Grant {
    /// What it says of a device, if it is the record of one.
    #[cfg(feature = "root-secret")]
    pub(crate) fn device(&self) -> Option<Device> {
        match self.members.as_deref()?.special {
            Some(Special::Device(device)) => Some(device),
            _ => None,
        }
    }

    /// Where a user code leads, if it is the record of one.
    #[cfg(feature = "root-secret")]
    pub(crate) fn user_code(&self) -> Option<UserCode> {
        match self.members.as_deref()?.special {
            Some(Special::UserCode(code)) => Some(code),
            _ => None,
        }
    }

    /// Whether somebody has said yes to it, and its device has no tokens yet.
    pub(crate) fn is_approved_only(&self) -> bool {
        self.members.as_deref().is_some_and(|members| members.special == Some(Special::Approved))
    }

    /// Makes it the record after somebody has answered.
    #[cfg(feature = "root-secret")]
    pub(crate) fn answer_device(&mut self, answer: DeviceAnswer, version: Version) {
        if let Some(device) = self.device() {
            self.version = version;
            let special = Some(Special::Device(Device { answer, ..device }));
            self.change_members(|members| Members { special, ..members });
        }
    }

    /// Its device fetches its tokens: from now on it is a login like any other.
    #[cfg(feature = "root-secret")]
    pub(crate) fn go_live(&mut self) {
        self.change_members(|members| Members { special: None, ..members });
    }

    /// The record of a device that asks, until `end`. It is remembered for some time longer, so that the device hears what became of it.
    #[cfg(feature = "root-secret")]
    pub(crate) fn of_device(
        (id, version, salt): (GrantId, Version, Salt),
        device: Device,
        members: Members,
        now: Timestamp,
        [end, forgotten]: [Timestamp; 2],
    ) -> Self {
        let special = Special::Device(device);
        Self {
            salt,
            refresh_expires_at: end,
            absolute_expires_at: end,
            members: Some(std::sync::Arc::new(Members { special: Some(special.clone()), ..members })),
            ..Self::special(id, version, None, special, now, forgotten)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::grant::members::Members;
    use crate::grant::{Confirmation, DecodeError, Generation, Timestamp, Version};

    const USER_CODE: [u8; 20] = [7; 20];

    fn special(special: Special) -> Grant {
        let now = Timestamp::from_secs(1_800_000_000);
        Grant::special(GrantId::computed(&[1; 32]), Version::from_u64(1), None, special, now, now)
    }

    fn device(answer: DeviceAnswer) -> Grant {
        special(Special::Device(Device { user_code: USER_CODE, answer }))
    }

    fn approved() -> Grant {
        let members = Members { special: Some(Special::Approved), acr: Some("mfa".into()), ..Members::default() };
        let sample = Grant::sample("alice", "tv");
        Grant { generation: Generation::NONE, members: Some(Arc::new(members)), ..sample }
    }

    fn tail(grant: &Grant) -> Vec<u8> {
        let head = Grant { members: None, ..grant.clone() }.encode().len();
        grant.encode().split_off(head)
    }

    /// As bytes, since records on disk are for ever.
    #[test]
    fn what_is_stored_stays_what_it_is() {
        let grant = GrantId::from_u64(0x0102_0304_0506_0708);
        let id = [1, 2, 3, 4, 5, 6, 7, 8];
        for (record, stage, tag, rest) in [
            (device(DeviceAnswer::Pending), 6, 30, &[][..]),
            (device(DeviceAnswer::Approved(grant)), 7, 30, &id),
            (device(DeviceAnswer::Denied), 9, 30, &[]),
            (special(Special::UserCode(UserCode { user_code: USER_CODE, device: grant })), 11, 32, &id),
        ] {
            let length = u8::try_from(20 + rest.len()).unwrap();
            assert_eq!(tail(&record), [&[stage, tag, 0, length][..], &USER_CODE, rest].concat());
            let read = Grant::decode(&record.encode()).unwrap();
            assert!(read == record && !read.is_login() && !read.is_marker() && !read.is_redeemed());
        }
        assert_eq!(tail(&approved()), b"\x0a\x0b\x00\x03mfa");
        let read = Grant::decode(&approved().encode()).unwrap();
        assert!(read == approved() && !read.is_login() && read.is_approved_only() && !read.is_redeemed());
        assert_eq!(read.subject(), Some("alice"), "its person's from the beginning");
    }

    /// What a device asks for and proves goes with it.
    #[test]
    fn a_device_that_has_proven_a_key_is_kept_with_it() {
        let special = Some(Special::Device(Device { user_code: USER_CODE, answer: DeviceAnswer::Pending }));
        let members = Members { special, code_key: Some(Confirmation::Key([9; 32])), ..Members::default() };
        let record = Grant { members: Some(Arc::new(members)), ..device(DeviceAnswer::Pending) };
        let read = Grant::decode(&record.encode()).unwrap();
        assert!(read == record && read.code_key() == Some(Confirmation::Key([9; 32])));
    }

    #[test]
    fn what_no_version_writes_is_damaged() {
        let nobodys = Grant { members: None, ..device(DeviceAnswer::Denied) }.encode();
        let persons = Grant { members: None, ..approved() }.encode();
        let live = Grant::sample("alice", "tv").encode();
        let of = |head: &[u8], tail: &[u8]| [&[2], &head[1..], tail].concat();
        let code = [7; 20];
        for (what, bytes) in [
            ("a pending device with a grant", of(&nobodys, &[&[6, 30, 0, 28][..], &[7; 28]].concat())),
            ("an approved one without", of(&nobodys, &[&[7, 30, 0, 20][..], &code].concat())),
            ("one that was denied, with a grant", of(&nobodys, &[&[9, 30, 0, 28][..], &[7; 28]].concat())),
            ("half a user code", of(&nobodys, &[&[6, 30, 0, 10][..], &code[..10]].concat())),
            ("a user code that leads nowhere", of(&nobodys, &[&[11, 32, 0, 20][..], &code].concat())),
            ("a device of a person", of(&persons, &[&[6, 30, 0, 20][..], &code].concat())),
            ("a device with an acr", of(&nobodys, &[&[6, 11, 0, 1, b'a', 30, 0, 20][..], &code].concat())),
            ("approved, and nobody's", of(&nobodys, &[10])),
            ("approved, and live", of(&live, &[10])),
        ] {
            assert_eq!(Grant::decode(&bytes), Err(DecodeError::Corrupt), "{what}");
        }
    }
}
