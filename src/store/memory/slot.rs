//! One grant in memory.

use std::sync::Arc;

use smol_str::SmolStr;

use super::intern::Pair;
use crate::grant::code_details::CodeDetails;
use crate::grant::members::Members;
use crate::grant::{Generation, Grant, GrantId, ResponseFields, Salt, Timestamp, Version};

/// No slot: the end of a list.
pub(super) const NONE: u32 = u32::MAX;

const RENEWABLE: u8 = 1;

/// A grant, packed. Client and scope are an interned pair; what has no fixed length is in `details`.
///
/// At a million grants a refresh costs its cache misses, so everything of a grant lies together: two or three lines.
#[repr(C)]
pub(super) struct Slot {
    pub(super) id: GrantId,
    pub(super) version: Version,
    details: Details,
    /// Client and scope. Of a vacant slot, the second of the newest id that it can have been proposed for.
    pub(super) pair: u32,
    /// Neighbours in the owner's list; of a vacant slot, in the list of those.
    pub(super) prev: u32,
    pub(super) next: u32,
    /// The generation and the key id.
    current: Packed,
    /// The access epoch and the flags.
    epoch: Packed,
    expires_at: Time,
    created_at: Time,
    authenticated_at: Time,
    rotated_at: Time,
    refresh_expires_at: Time,
    absolute_expires_at: Time,
    pub(super) salt: Salt,
}

// Sixteen bytes more would be a tenth of the memory of a whole store.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Slot>() == 112);

/// What of a grant has no fixed length. A subject of up to 23 bytes lies in the slot.
enum Details {
    Vacant,
    None,
    Subject(SmolStr),
    Spilled(Box<Spilled>),
}

/// Details that do not fit a slot. Whatever else a grant comes to carry goes here, and the slot stays as it is.
struct Spilled {
    owner: Option<SmolStr>,
    fields: ResponseFields,
    code: Option<Arc<CodeDetails>>,
    members: Option<Arc<Members>>,
}

type Parts = (Option<SmolStr>, ResponseFields, Option<Arc<CodeDetails>>, Option<Arc<Members>>);

impl Details {
    fn of(grant: &Grant) -> Self {
        match &grant.owner {
            owner if spills(grant) => Self::Spilled(Box::new(Spilled {
                owner: owner.clone(),
                fields: grant.fields.clone(),
                code: grant.code.clone(),
                members: grant.members.clone(),
            })),
            Some(subject) => Self::Subject(subject.clone()),
            None => Self::None,
        }
    }

    fn are_of(&self, grant: &Grant) -> bool {
        match self {
            Self::Vacant => false,
            Self::None => grant.owner.is_none() && !spills(grant),
            Self::Subject(subject) => grant.owner.as_ref() == Some(subject) && !spills(grant),
            Self::Spilled(spilled) => {
                spilled.owner == grant.owner
                    && spilled.fields == grant.fields
                    && spilled.code == grant.code
                    && spilled.members == grant.members
            }
        }
    }

    /// Clones without allocating.
    fn parts(&self) -> Parts {
        match self {
            Self::Vacant | Self::None => (None, ResponseFields::new(), None, None),
            Self::Subject(subject) => (Some(subject.clone()), ResponseFields::new(), None, None),
            Self::Spilled(spilled) => {
                let Spilled { owner, fields, code, members } = &**spilled;
                (owner.clone(), fields.clone(), code.clone(), members.clone())
            }
        }
    }
}

/// Whether a grant has more than a subject that has no fixed length.
fn spills(grant: &Grant) -> bool {
    !grant.fields.is_empty() || grant.code.is_some() || grant.members.is_some()
}

impl Slot {
    /// Has the processor fetch all of it, two or three lines, and waits for none.
    #[cfg(all(feature = "prefetch", target_arch = "x86_64"))]
    #[inline]
    pub(super) fn prefetch(&self) {
        safe_arch::prefetch_t0(&self.id);
        // Beyond the first line, wherever that ends; and the last byte.
        safe_arch::prefetch_t0(&self.created_at);
        safe_arch::prefetch_t0(&self.salt.0[15]);
    }

    /// One that no newer id can have been proposed for than of this second; of none, where it is [`NONE`].
    pub(super) const fn vacant(newest: u32) -> Self {
        let never = Time([0; 6]);
        Self {
            id: GrantId::from_u64(0),
            version: Version::from_u64(0),
            details: Details::Vacant,
            pair: newest,
            prev: NONE,
            next: NONE,
            current: Packed(0),
            epoch: Packed(0),
            expires_at: never,
            created_at: never,
            authenticated_at: never,
            rotated_at: never,
            refresh_expires_at: never,
            absolute_expires_at: never,
            salt: Salt([0; 16]),
        }
    }

    pub(super) fn is_vacant(&self) -> bool {
        matches!(self.details, Details::Vacant)
    }

    pub(super) fn owner(&self) -> Option<&str> {
        match &self.details {
            Details::Vacant | Details::None => None,
            Details::Subject(subject) => Some(subject),
            Details::Spilled(spilled) => spilled.owner.as_deref(),
        }
    }

    pub(super) fn expires_at(&self) -> Timestamp {
        self.expires_at.get()
    }

    /// When it may be dropped: looked up where the grant itself is over, so that nobody else pays for it.
    #[cold]
    pub(super) fn kept_until(&self) -> Timestamp {
        let Details::Spilled(spilled) = &self.details else { return self.expires_at() };
        let foreign = spilled.members.as_deref().and_then(|members| members.foreign.as_ref());
        foreign.map_or(self.expires_at(), |foreign| foreign.kept_until.max(self.expires_at()))
    }

    /// Whether subject and fields are the grant's already, as after nearly every refresh.
    #[inline]
    pub(super) fn has_details_of(&self, grant: &Grant) -> bool {
        self.details.are_of(grant)
    }

    /// Takes over all of the grant but the client and the scope, which are `pair`, and the place in the owner's list.
    pub(super) fn write(&mut self, grant: &Grant, pair: u32) {
        self.details = Details::of(grant);
        self.renew(grant, pair);
    }

    /// Takes over everything but the client and the scope, which are `pair`, and the subject and the fields.
    #[inline]
    pub(super) fn renew(&mut self, grant: &Grant, pair: u32) {
        self.id = grant.id;
        self.version = grant.version;
        self.pair = pair;
        self.current = Packed::new(grant.generation.as_u32(), grant.key_id);
        self.epoch = Packed::new(grant.access_epoch, if grant.renewable { RENEWABLE } else { 0 });
        self.expires_at = Time::new(grant.expires_at);
        self.created_at = Time::new(grant.created_at);
        self.authenticated_at = Time::new(grant.authenticated_at);
        self.rotated_at = Time::new(grant.rotated_at);
        self.refresh_expires_at = Time::new(grant.refresh_expires_at);
        self.absolute_expires_at = Time::new(grant.absolute_expires_at);
        self.salt.0 = grant.salt.0;
    }

    /// The grant as it was written. Inlined, since a grant is two hundred bytes and each call would copy them.
    #[inline]
    pub(super) fn read(&self, pair: &Pair) -> Grant {
        let (owner, fields, code, members) = self.details.parts();
        Grant {
            id: self.id,
            version: self.version,
            client_id: pair.client_id.clone(),
            owner,
            scope: pair.scope.clone(),
            fields,
            renewable: self.epoch.byte() & RENEWABLE != 0,
            salt: self.salt.clone(),
            generation: Generation::from_u24(self.current.number()),
            key_id: self.current.byte(),
            access_epoch: self.epoch.number(),
            created_at: self.created_at.get(),
            authenticated_at: self.authenticated_at.get(),
            rotated_at: self.rotated_at.get(),
            refresh_expires_at: self.refresh_expires_at.get(),
            absolute_expires_at: self.absolute_expires_at.get(),
            expires_at: self.expires_at.get(),
            code,
            members,
        }
    }
}

/// A number of 24 bits and a byte.
#[derive(Clone, Copy)]
struct Packed(u32);

impl Packed {
    fn new(number: u32, byte: u8) -> Self {
        debug_assert!(number < 1 << 24);
        Self(number << 8 | u32::from(byte))
    }

    const fn number(self) -> u32 {
        self.0 >> 8
    }

    const fn byte(self) -> u8 {
        self.0.to_le_bytes()[0]
    }
}

/// A timestamp in the 48 bits that it has.
#[derive(Clone, Copy)]
struct Time([u8; 6]);

impl Time {
    fn new(time: Timestamp) -> Self {
        let mut bytes = [0; 6];
        bytes.copy_from_slice(&time.as_millis().to_le_bytes()[..6]);
        Self(bytes)
    }

    fn get(self) -> Timestamp {
        let mut bytes = [0; 8];
        bytes[..6].copy_from_slice(&self.0);
        Timestamp::from_millis(u64::from_le_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_keep_all_48_bits() {
        for time in [Timestamp::EPOCH, Timestamp::from_millis(0x0102_0304_0506), Timestamp::MAX] {
            assert_eq!(Time::new(time).get(), time);
        }
    }
}
