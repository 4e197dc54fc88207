//! Records for examples, tests and benchmarks.

use smol_str::SmolStr;

use super::members::{Marker, Special};
use super::rotation::Advance;
use super::{Generation, Grant, GrantId, ResponseFields, Salt, Scope, Timestamp, Version};
use crate::secret::sha_256;

impl Grant {
    /// A grant for examples and tests.
    pub(crate) fn sample(subject: &str, client_id: &str) -> Self {
        let now = Timestamp::from_secs(1_700_000_000);
        let later = Timestamp::from_secs(1_700_086_400);
        Self {
            id: GrantId::at(now, 7),
            version: Version::from_u64(1),
            client_id: client_id.into(),
            owner: Some(subject.into()),
            scope: Scope::from_canonical(SmolStr::new_static("read write")),
            fields: ResponseFields::new(),
            renewable: true,
            salt: Salt([0x5a; 16]),
            generation: Generation::FIRST,
            key_id: 0,
            access_epoch: 0,
            created_at: now,
            authenticated_at: now,
            rotated_at: now,
            refresh_expires_at: later,
            absolute_expires_at: later,
            expires_at: later,
            code: None,
            members: None,
        }
    }
}

/// A grant for the examples of the manual, and for what tests a store.
pub fn sample_grant(subject: &str, client_id: &str) -> Grant {
    Grant::sample(subject, client_id)
}

/// A login of that number, for what measures a store.
pub fn sample_login(number: u32) -> Grant {
    let mut grant = Grant::sample(&format!("user-{number}"), "app");
    // As far apart as drawn ones are, and no two the same: the factor is odd.
    grant.id = GrantId::at(grant.created_at, number.wrapping_mul(0x9e37_79b1));
    grant
}

/// A grant whose refresh token rotated, for the model of the protocol. `generation` is one that a token can have; a larger one counts as the
/// last.
pub fn sample_rotated(
    generation: u32,
    version: Version,
    created_at: Timestamp,
    rotated_at: Timestamp,
    expires_at: Timestamp,
) -> Grant {
    Grant {
        version,
        generation: Generation::from_u24(generation.min(Generation::MAX.as_u32())),
        created_at,
        rotated_at,
        refresh_expires_at: expires_at,
        absolute_expires_at: expires_at,
        expires_at,
        ..Grant::sample("alice", "app")
    }
}

/// The record after a refresh, for the same.
#[must_use]
pub fn sample_advanced(grant: &Grant, renewal: Advance) -> Grant {
    let mut next = grant.clone();
    next.advance(renewal);
    next
}

/// A marker of the thing of that number, for what measures a store.
pub fn sample_marker(number: u32, expires_at: Timestamp) -> Grant {
    let digest = sha_256(&number.to_be_bytes());
    let mut thing = [0; 20];
    thing.copy_from_slice(&digest[12..]);
    let special = Special::Marker(Marker { thing, spent_for: thing, grant: None });
    Grant::special(
        GrantId::computed_until(&digest, expires_at),
        Version::from_u64(1),
        None,
        special,
        Timestamp::from_secs(0),
        expires_at,
    )
}
