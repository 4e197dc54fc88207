//! Grants to check with, small and large.

use std::sync::Arc;
use std::time::Duration;

use smol_str::SmolStr;

use super::stage::Stage;
use crate::client::Client;
use crate::grant::code_details::{CodeBinding, CodeDetails};
use crate::grant::foreign::{CutOff, ForeignOrigin};
use crate::grant::members::{MAX_REALM_BYTES, Marker, Members, Special};
use crate::grant::owner::owner_key;
use crate::grant::{Generation, Grant, GrantId, ResponseFields, Salt, Scope, Timestamp, Version};

pub(super) const HOUR: Duration = Duration::from_secs(3600);
pub(super) const DAY: Duration = Duration::from_secs(24 * 3600);

/// A version that nobody has drawn.
pub(super) fn version() -> Version {
    Version::from_u64(rand::random())
}

/// A grant of alice's at `app`, for a day.
pub(super) fn grant(now: Timestamp) -> Grant {
    grant_of(Some("alice"), "app", now)
}

/// A grant of this owner's, for a day. Its id is random, for stores of several checks that share a table after all.
pub(super) fn grant_of(subject: Option<&str>, client_id: &str, now: Timestamp) -> Grant {
    Grant {
        id: GrantId::from_u64(rand::random()),
        version: version(),
        client_id: client_id.into(),
        owner: subject.map(SmolStr::new),
        scope: Scope::from_canonical(SmolStr::new_static("read write")),
        fields: ResponseFields::new(),
        renewable: true,
        salt: Salt(rand::random()),
        generation: Generation::FIRST,
        key_id: 1,
        access_epoch: 0,
        created_at: now,
        authenticated_at: now,
        rotated_at: now,
        refresh_expires_at: now + DAY,
        absolute_expires_at: now + DAY * 30,
        expires_at: now + DAY,
        code: None,
        members: None,
    }
}

/// The same with this expiry.
pub(super) fn expiring(at: Timestamp, grant: Grant) -> Grant {
    Grant { refresh_expires_at: at, expires_at: at, absolute_expires_at: at.max(grant.absolute_expires_at), ..grant }
}

/// A marker that ends then, of an id as the engine computes it.
pub(super) fn marker(end: Timestamp, stage: &Stage) -> Grant {
    marker_of(GrantId::computed_until(&rand::random(), end), end, stage)
}

/// A marker of this id.
pub(super) fn marker_of(id: GrantId, end: Timestamp, stage: &Stage) -> Grant {
    let special = Special::Marker(Marker { thing: rand::random(), spent_for: rand::random(), grant: None });
    Grant::special(id, version(), Some("shop"), special, stage.now, end)
}

/// The record after a refresh of it.
pub(super) fn next(grant: &Grant) -> Grant {
    Grant {
        version: version(),
        generation: grant.generation.next().unwrap_or(Generation::MAX),
        rotated_at: grant.rotated_at + Duration::from_millis(1),
        ..grant.clone()
    }
}

/// One whose record is about as large as any.
pub(super) fn large(now: Timestamp) -> Grant {
    Grant { scope: largest_scope(), fields: largest_fields(), ..grant(now) }
}

/// Grants of every size, with what is special about each.
pub(super) fn of_every_size(now: Timestamp) -> Vec<(&'static str, Grant)> {
    let largest_text = |text: &str, most: usize| text.repeat(most / text.len());
    let realm = largest_text("r", MAX_REALM_BYTES);
    let smallest = Grant {
        scope: Scope::empty(),
        renewable: false,
        salt: Salt([0; 16]),
        generation: Generation::NONE,
        key_id: 0,
        ..grant_of(None, "a", now)
    };
    let largest = Grant {
        client_id: largest_text("c", Client::MAX_ID_BYTES).into(),
        owner: Some(owner_key(Some(&realm), &largest_text("s", Grant::MAX_SUBJECT_BYTES))),
        members: Some(Arc::new(Members {
            kept: vec![(1, Box::from([])), (255, vec![0xff; Members::MAX_BYTES - 3 * 3 - MAX_REALM_BYTES].into())],
            ..Members::of_realm(&realm)
        })),
        scope: largest_scope(),
        fields: largest_fields(),
        salt: Salt([0xff; 16]),
        generation: Generation::MAX,
        key_id: 255,
        access_epoch: (1 << 24) - 1,
        code: Some(Arc::new(all_details())),
        ..grant(now)
    };
    let times = Grant {
        created_at: Timestamp::from_millis(1),
        authenticated_at: Timestamp::EPOCH,
        rotated_at: Timestamp::from_millis(2),
        refresh_expires_at: Timestamp::from_millis(Timestamp::MAX.as_millis() - 1),
        absolute_expires_at: Timestamp::MAX,
        expires_at: Timestamp::MAX,
        ..grant(now)
    };
    let redeemed = CodeDetails { nonce: None, with_refresh_token: false, binding: None, ..all_details() };
    let unbound = CodeBinding { redirect_uri: [0; 32], redirect_uri_named: false, challenge: None };
    let bare = CodeDetails {
        state_hash: None,
        nonce: Some("".into()),
        with_refresh_token: false,
        binding: Some(Box::new(unbound)),
    };
    let text = "Zoë 🦀 \u{202e}\u{0}\n'\"\\%_*{}[]:;,/\u{10ffff}";
    let in_a_realm = Grant {
        owner: Some(owner_key(Some("shop"), "alice")),
        members: Some(Arc::new(Members::of_realm("shop"))),
        ..grant(now)
    };
    let of_no_owner_in_a_realm = Grant { owner: None, ..in_a_realm.clone() };
    let special = |special: Special, expires_at: Timestamp| {
        Grant::special(GrantId::from_u64(rand::random()), version(), Some("shop"), special, now, expires_at)
    };
    let origin = ForeignOrigin { proof: [6; 20], kept_until: now + HOUR + HOUR };
    let from_elsewhere = Grant {
        generation: Generation::NONE,
        members: Some(Arc::new(Members { foreign: Some(origin), ..Members::default() })),
        ..grant(now)
    };
    let ended = grant(now).ended(origin, version());
    let mut sizes = vec![
        ("a grant in a realm", in_a_realm),
        ("a grant in a realm without a subject", of_no_owner_in_a_realm),
        (
            "a marker",
            special(
                Special::Marker(Marker { thing: [7; 20], spent_for: [8; 20], grant: Some(GrantId::from_u64(9)) }),
                now + HOUR,
            ),
        ),
        ("what began at another server, and is kept", from_elsewhere),
        ("what has ended and is kept", ended),
        ("a cut-off", special(Special::CutOff(CutOff { of: [9; 20], at: now }), Timestamp::MAX)),
        ("a record of keys", special(Special::Fingerprints(Box::from([3; 17])), Timestamp::MAX)),
        ("an ordinary grant", grant(now)),
        ("the smallest grant", smallest),
        ("the largest grant", largest),
        ("times at both ends", times),
        ("no subject", grant_of(None, "app", now)),
        ("an empty subject", grant_of(Some(""), "app", now)),
        ("a non-ASCII subject", grant_of(Some(text), "app", now)),
        ("non-ASCII fields", Grant { fields: fields("nome", text), ..grant(now) }),
        ("a subject with a space at its end", grant_of(Some("alice "), "app", now)),
        ("a subject in capitals", grant_of(Some("ALICE"), "APP", now)),
        ("a redeemed code", Grant { code: Some(Arc::new(redeemed)), ..grant(now) }),
        ("a bare code", Grant { generation: Generation::NONE, code: Some(Arc::new(bare)), ..grant(now) }),
    ];
    for id in [0, 1, (1 << 63) - 1, 1 << 63, u64::MAX] {
        sizes.push(("an id at the end of its range", Grant { id: GrantId::from_u64(id), ..grant(now) }));
        sizes.push(("a version at the end of its range", Grant { version: Version::from_u64(id), ..grant(now) }));
    }
    sizes
}

/// One grant through its life, with every change that an engine can make to it, back and forth.
pub(super) fn life(now: Timestamp) -> Vec<(&'static str, Grant)> {
    let code = Grant { generation: Generation::NONE, code: Some(Arc::new(all_details())), ..grant(now) };
    let redeemed = CodeDetails { nonce: None, ..all_details() };
    let first = Grant { code: Some(Arc::new(redeemed)), ..next(&code) };
    let kept = CodeDetails { nonce: None, binding: None, ..all_details() };
    let second = Grant { code: Some(Arc::new(kept)), key_id: 2, ..next(&first) };
    let third = Grant { code: None, ..next(&second) };
    let renamed = Grant { fields: fields("name", "b"), ..next(&third) };
    let longer = Grant { fields: largest_fields(), ..next(&renamed) };
    let empty = Grant { fields: ResponseFields::new(), ..next(&longer) };
    let extended = expiring(now + DAY * 60, next(&empty));
    let cut = expiring(now + HOUR, next(&extended));
    let revoked = Grant { access_epoch: 1, version: version(), ..cut.clone() };
    let last = Grant { generation: Generation::MAX, access_epoch: (1 << 24) - 1, key_id: 255, ..next(&revoked) };
    let small = Grant { version: Version::from_u64(0), ..last.clone() };
    let large = Grant { version: Version::from_u64(u64::MAX), ..last.clone() };
    let origin = ForeignOrigin { proof: [6; 20], kept_until: now + DAY };
    let ended = large.ended(origin, version());
    vec![
        ("a code", code),
        ("its redemption", first),
        ("a refresh under another key", second),
        ("a refresh that drops the code", third),
        ("new fields", renamed),
        ("longer fields", longer),
        ("no fields", empty),
        ("a later expiry", extended),
        ("an earlier expiry", cut),
        ("a revocation of access tokens", revoked),
        ("the last generation", last),
        ("version 0", small),
        ("the largest version", large),
        ("what is left when it has ended", ended),
    ]
}

fn fields(name: &str, value: &str) -> ResponseFields {
    ResponseFields::new().with(name, value).unwrap_or_default()
}

fn largest_fields() -> ResponseFields {
    // A name of one letter, four quotes, and a colon.
    fields("f", &"x".repeat(ResponseFields::MAX_BYTES - 6))
}

fn largest_scope() -> Scope {
    // Sixty-three spaces in between, and one byte left over.
    let token = |number: usize| format!("{number:02}{}", "t".repeat(Scope::MAX_BYTES / Scope::MAX_TOKENS - 3));
    Scope::from_tokens((0..Scope::MAX_TOKENS).map(token).collect::<Vec<_>>().iter().map(String::as_str))
        .unwrap_or_default()
}

fn all_details() -> CodeDetails {
    CodeDetails {
        state_hash: Some("x".repeat(43).into()),
        nonce: Some("é".repeat(512).into()),
        with_refresh_token: true,
        binding: Some(Box::new(CodeBinding {
            redirect_uri: [0xaa; 32],
            redirect_uri_named: true,
            challenge: Some([0x55; 32]),
        })),
    }
}

/// Which fields differ, by name.
pub(super) fn difference(one: &Grant, other: &Grant) -> Option<String> {
    if one.encode() == other.encode() {
        return None;
    }
    let fields = [
        ("id", one.id == other.id),
        ("version", one.version == other.version),
        ("client id", one.client_id == other.client_id),
        ("owner", one.owner == other.owner),
        ("scope", one.scope == other.scope),
        ("response fields", one.fields == other.fields),
        ("renewability", one.renewable == other.renewable),
        ("salt", one.salt.0 == other.salt.0),
        ("generation", one.generation == other.generation),
        ("key id", one.key_id == other.key_id),
        ("access epoch", one.access_epoch == other.access_epoch),
        ("creation time", one.created_at == other.created_at),
        ("time of login", one.authenticated_at == other.authenticated_at),
        ("time of rotation", one.rotated_at == other.rotated_at),
        ("refresh expiry", one.refresh_expires_at == other.refresh_expires_at),
        ("absolute expiry", one.absolute_expires_at == other.absolute_expires_at),
        ("expiry", one.expires_at == other.expires_at),
        ("code", one.code == other.code),
        ("members of format 2", one.members == other.members),
    ];
    Some(fields.iter().filter(|(_, is_same)| !is_same).map(|(name, _)| *name).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_are_as_large_as_allowed_and_every_grant_can_be_read_back() {
        assert_eq!(largest_fields().as_json().len(), ResponseFields::MAX_BYTES);
        assert_eq!(largest_scope().iter().count(), Scope::MAX_TOKENS);
        assert_eq!(largest_scope().as_str().len(), Scope::MAX_BYTES - 1);
        for (what, grant) in of_every_size(Timestamp::now()).into_iter().chain(life(Timestamp::now())) {
            assert_eq!(Grant::decode(&grant.encode()).as_ref(), Ok(&grant), "{what}");
        }
    }
}
