//! What clients are told of the end of their refresh tokens: draft-ietf-oauth-refresh-token-expiration-03.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::client::Clients;
use crate::engine::Engine;
use crate::grant::{Grant, Timestamp};
use crate::store::TokenStore;

/// For how long the client may keep the refresh token without a use of it (section 6.1).
const TIMEOUT: &str = "refresh_token_timeout";
/// For how long the login lasts at most (section 6.1).
const AUTHORIZATION: &str = "authorization_expires_in";
/// What servers have said of old, and no specification does.
const OF_OLD: &str = "refresh_token_expires_in";

/// What is told, off unless the host turns it on.
#[derive(Clone, Copy, Default)]
pub(in crate::engine) struct ExpiryTold {
    pub(in crate::engine) timeouts: bool,
    pub(in crate::engine) of_old: bool,
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// The members of a response with a refresh token, as JSON without braces; empty where none are told.
    #[inline]
    pub(super) fn expiry_members(&self, grant: &Grant, now: Timestamp) -> String {
        let told = self.settings.expiry_told;
        if told.timeouts || told.of_old { members(told, grant, now) } else { String::new() }
    }

    /// The same of an introspected refresh token (section 7). `is_current`: of an old one the timeout is not said, since whoever
    /// holds it would learn when its successor was used.
    pub(in crate::engine) fn add_expiry(
        &self,
        members: &mut Map<String, Value>,
        grant: &Grant,
        is_current: bool,
        now: Timestamp,
    ) {
        if !self.settings.expiry_told.timeouts {
            return;
        }
        if let Some(left) = left(timeout_at(grant), now).filter(|_| is_current) {
            members.insert(TIMEOUT.into(), json!(left));
        }
        if let Some(left) = left(authorization_until(grant), now) {
            members.insert(AUTHORIZATION.into(), json!(left));
        }
    }

    /// Of the server's metadata (section 8). Said also where nothing ends, so that clients know what it means that they are not told.
    pub(in crate::engine) fn expiry_types(&self) -> Option<Value> {
        self.settings.expiry_told.timeouts.then(|| json!(["authorization", "token_timeout"]))
    }
}

fn members(told: ExpiryTold, grant: &Grant, now: Timestamp) -> String {
    let mut members = String::new();
    for (is_told, name, at) in [
        (told.timeouts, TIMEOUT, timeout_at(grant)),
        (told.timeouts, AUTHORIZATION, authorization_until(grant)),
        (told.of_old, OF_OLD, timeout_at(grant)),
    ] {
        let Some(left) = left(at, now).filter(|_| is_told && !grant.fields.has(name)) else { continue };
        let comma = if members.is_empty() { "" } else { "," };
        // Writing to a `String` cannot fail.
        let _ = write!(members, "{comma}\"{name}\":{left}");
    }
    members
}

/// When the refresh token ends unless it is used. One that renews nothing has no time at all.
fn timeout_at(grant: &Grant) -> Timestamp {
    if grant.renewable { grant.refresh_expires_at.min(grant.absolute_expires_at) } else { Timestamp::EPOCH }
}

/// When nothing of the login works any more, whatever its client does.
fn authorization_until(grant: &Grant) -> Timestamp {
    if grant.renewable { grant.absolute_expires_at } else { grant.expires_at }
}

/// Whole seconds that are left; `None` where it does not end.
fn left(at: Timestamp, now: Timestamp) -> Option<u64> {
    (at != Timestamp::MAX).then(|| at.since(now).as_secs())
}
