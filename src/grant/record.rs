//! The one record of a grant.

use std::fmt;
use std::sync::Arc;

use smol_str::SmolStr;

use super::code::CodeDetails;
use super::fields::ResponseFields;
use super::id::{Generation, GrantId, Version};
use super::scope::Scope;
use super::time::Timestamp;
use crate::wire::wipe;

/// 128 random bits of a grant that enter every MAC over its tokens.
///
/// A leaked engine key forges nothing without the salts, a leaked store forges nothing without the key.
#[derive(Clone)]
pub(crate) struct Salt(pub(crate) [u8; 16]);

impl Drop for Salt {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// The record of one grant, that is of one login: all that is ever stored of it, for its whole life. No token is in
/// it; tokens are computed.
///
/// To a [`TokenStore`](crate::TokenStore) it is an id, a version, an owner, an expiry and an opaque string of bytes
/// ([`Grant::encode`]). Only the engine makes one.
///
/// ```
/// # use regrant::{Grant, Generation, Timestamp};
/// # let grant = Grant::sample("alice", "app");
/// assert_eq!(grant.subject(), Some("alice"));
/// assert_eq!(grant.client_id(), "app");
/// assert_eq!(grant.generation(), Generation::FIRST);
/// assert_eq!(Grant::decode(&grant.encode())?, grant);
/// assert!(!format!("{grant:?}").contains("alice"), "Debug shows neither a secret nor a person");
/// # Ok::<(), regrant::DecodeError>(())
/// ```
#[derive(Clone)]
pub struct Grant {
    pub(crate) id: GrantId,
    pub(crate) version: Version,
    pub(crate) client_id: SmolStr,
    pub(crate) subject: Option<SmolStr>,
    pub(crate) scope: Scope,
    pub(crate) fields: ResponseFields,
    pub(crate) renewable: bool,
    pub(crate) salt: Salt,
    pub(crate) generation: Generation,
    /// The key that the current refresh token is made under, so that a retry can make it again.
    pub(crate) key_id: u8,
    /// 24 bits; an access token of an earlier epoch is revoked.
    pub(crate) access_epoch: u32,
    pub(crate) created_at: Timestamp,
    pub(crate) authenticated_at: Timestamp,
    pub(crate) rotated_at: Timestamp,
    pub(crate) refresh_expires_at: Timestamp,
    pub(crate) absolute_expires_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    /// Of grants that began with an authorization request.
    pub(crate) code: Option<Arc<CodeDetails>>,
}

impl Grant {
    /// The most bytes that a subject can have.
    pub const MAX_SUBJECT_BYTES: usize = 1_024;

    /// What the record is stored under.
    ///
    /// ```
    /// # let grant = regrant::Grant::sample("alice", "app");
    /// println!("grant {}", grant.id()); // safe to log
    /// ```
    pub const fn id(&self) -> GrantId {
        self.id
    }

    /// The write this is: what a store compares in
    /// [`compare_and_swap`](crate::TokenStore::compare_and_swap).
    ///
    /// ```
    /// # let grant = regrant::Grant::sample("alice", "app");
    /// let expected = grant.version();
    /// # assert_eq!(expected, grant.version());
    /// ```
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The client that the tokens were issued to.
    ///
    /// ```
    /// # let grant = regrant::Grant::sample("alice", "app");
    /// assert_eq!(grant.client_id(), "app");
    /// ```
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The resource owner; `None` where the client acts for itself (RFC 6749 section 4.4).
    ///
    /// ```
    /// # let grant = regrant::Grant::sample("alice", "app");
    /// assert_eq!(grant.subject(), Some("alice"));
    /// ```
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// The scope of the grant, fixed for its life. One access token may have less of it.
    ///
    /// ```
    /// # let grant = regrant::Grant::sample("alice", "app");
    /// assert_eq!(grant.scope().as_str(), "read write");
    /// ```
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The extra members that every token response of the grant repeats.
    ///
    /// ```
    /// # let grant = regrant::Grant::sample("alice", "app");
    /// assert!(grant.fields().is_empty());
    /// ```
    pub const fn fields(&self) -> &ResponseFields {
        &self.fields
    }

    /// Whether its refresh token can renew anything at all.
    ///
    /// ```
    /// # let grant = regrant::Grant::sample("alice", "app");
    /// assert!(grant.is_renewable());
    /// ```
    pub const fn is_renewable(&self) -> bool {
        self.renewable
    }

    /// The generation of the current refresh token.
    ///
    /// ```
    /// # let grant = regrant::Grant::sample("alice", "app");
    /// assert_eq!(grant.generation().as_u32(), 1);
    /// ```
    pub const fn generation(&self) -> Generation {
        self.generation
    }

    /// When the grant was made.
    ///
    /// ```
    /// # let grant = regrant::Grant::sample("alice", "app");
    /// assert!(grant.created_at() < grant.expires_at());
    /// ```
    pub const fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// When the resource owner logged in (`auth_time` of `OpenID` Connect Core section 2).
    ///
    /// ```
    /// # let grant = regrant::Grant::sample("alice", "app");
    /// assert!(grant.authenticated_at() <= grant.created_at());
    /// ```
    pub const fn authenticated_at(&self) -> Timestamp {
        self.authenticated_at
    }

    /// When the grant was last refreshed; when it was made, if never.
    ///
    /// ```
    /// # let grant = regrant::Grant::sample("alice", "app");
    /// assert_eq!(grant.rotated_at(), grant.created_at());
    /// ```
    pub const fn rotated_at(&self) -> Timestamp {
        self.rotated_at
    }

    /// Until when the current refresh token works, if it renews anything. Each refresh moves it.
    ///
    /// ```
    /// # let grant = regrant::Grant::sample("alice", "app");
    /// assert!(grant.refresh_expires_at() <= grant.expires_at());
    /// ```
    pub const fn refresh_expires_at(&self) -> Timestamp {
        self.refresh_expires_at
    }

    /// Until when anything of the grant works, whatever happens; [`Timestamp::MAX`] is for ever.
    ///
    /// ```
    /// # let grant = regrant::Grant::sample("alice", "app");
    /// assert!(grant.expires_at() <= grant.absolute_expires_at());
    /// ```
    pub const fn absolute_expires_at(&self) -> Timestamp {
        self.absolute_expires_at
    }

    /// When nothing of the grant can work any more: what a store may drop the record at, never before.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let grant = regrant::Grant::sample("alice", "app");
    /// let ttl: Duration = grant.expires_at().since(grant.created_at());
    /// # assert!(ttl > Duration::ZERO);
    /// ```
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// A grant for the examples of this manual.
    #[doc(hidden)]
    pub fn sample(subject: &str, client_id: &str) -> Self {
        let now = Timestamp::from_secs(1_700_000_000);
        let later = Timestamp::from_secs(1_700_086_400);
        Self {
            id: GrantId::at(now, 7),
            version: Version::from_u64(1),
            client_id: client_id.into(),
            subject: Some(subject.into()),
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
        }
    }
}

/// Equal in every field that is stored.
impl PartialEq for Grant {
    fn eq(&self, other: &Self) -> bool {
        self.encode() == other.encode()
    }
}

impl Eq for Grant {}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant")
            .field("id", &self.id)
            .field("client_id", &self.client_id)
            .field("scope", &self.scope)
            .field("renewable", &self.renewable)
            .field("generation", &self.generation)
            .field("created_at", &self.created_at)
            .field("rotated_at", &self.rotated_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
