//! A login: the first record of a grant.

use std::sync::Arc;

use smol_str::SmolStr;

use super::code_details::CodeDetails;
use super::fields::ResponseFields;
use super::host_data::HostData;
use super::id::{Generation, GrantId, Version};
use super::lifetimes::Lifetimes;
use super::members::Members;
use super::owner::owner_key;
use super::record::{Grant, Salt};
use super::scope::Scope;
use super::time::Timestamp;

/// What a login settles once and for all.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub(crate) client_id: SmolStr,
    pub(crate) subject: Option<SmolStr>,
    pub(crate) scope: Scope,
    pub(crate) fields: ResponseFields,
    pub(crate) host_data: Option<HostData>,
    pub(crate) renewable: bool,
    pub(crate) authenticated_at: Timestamp,
    /// Of a login by an authorization request, whose code is to be redeemed.
    pub(crate) code: Option<CodeDetails>,
    /// The realm, and what else a record of format 1 does not have.
    pub(crate) members: Option<Arc<Members>>,
}

/// What tells a grant from all others, drawn at random by the caller: nothing in this room is.
pub(crate) struct Drawn {
    pub(crate) id: GrantId,
    pub(crate) version: Version,
    pub(crate) salt: Salt,
}

impl Grant {
    /// The record of a login. Where it is to be redeemed by a code first, it lives as long as the code does.
    pub(crate) fn new(login: Login, drawn: Drawn, key_id: u8, lifetimes: Lifetimes, now: Timestamp) -> Self {
        let absolute_expires_at = absolute_expiry(lifetimes, now);
        let (generation, [refresh_expires_at, expires_at]) = if login.code.is_some() {
            (Generation::NONE, [(now + Self::CODE_LIFETIME).min(absolute_expires_at); 2])
        } else {
            (Generation::FIRST, expiries(lifetimes, login.renewable, absolute_expires_at, now))
        };
        let mut grant = Self {
            id: drawn.id,
            version: drawn.version,
            client_id: login.client_id,
            owner: login.subject.map(|subject| match &login.members {
                None => subject,
                Some(members) => owner_key(members.realm.as_deref(), &subject),
            }),
            scope: login.scope,
            fields: login.fields,
            renewable: login.renewable,
            salt: drawn.salt,
            generation,
            key_id,
            access_epoch: 0,
            created_at: now,
            authenticated_at: login.authenticated_at,
            rotated_at: now,
            refresh_expires_at,
            absolute_expires_at,
            expires_at,
            code: login.code.map(Arc::new),
            members: login.members,
        };
        grant.set_host_data(login.host_data);
        grant
    }
}

/// The last moment of a grant that is made now.
fn absolute_expiry(lifetimes: Lifetimes, now: Timestamp) -> Timestamp {
    lifetimes.absolute().map_or(Timestamp::MAX, |absolute| now + absolute)
}

/// When the first refresh token that is handed out now expires, and when the record does.
pub(super) fn expiries(lifetimes: Lifetimes, renewable: bool, absolute: Timestamp, now: Timestamp) -> [Timestamp; 2] {
    let refresh = (now + lifetimes.idle()).min(absolute);
    let access = (now + lifetimes.access_token()).min(absolute);
    // A refresh token that renews nothing must not keep the record alive.
    let record = if renewable { refresh.max(access) } else { access };
    [refresh, record]
}
