//! The one record of a grant.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use smol_str::SmolStr;

#[cfg(feature = "proof")]
use super::auth_key::AuthKey;
use super::client_key::{MAX_CLIENT_KEY_BYTES, client_key};
use super::code_details::CodeDetails;
use super::confirmation::{Confirmation, Sender};
use super::fields::ResponseFields;
use super::host_data::HostData;
use super::id::{Generation, GrantId, Version};
#[cfg(all(feature = "jwt", feature = "root-secret"))]
use super::members::SessionKey;
use super::members::{GrantResources, MAX_REALM_BYTES, Members, Special};
use super::owner::subject_in;
use super::scope::Scope;
use super::time::Timestamp;
use crate::secret::wipe;

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
/// # use regrant::grant::Generation;
/// # use regrant::{Grant, Timestamp};
/// # let grant = regrant::internal::sample_grant("alice", "app");
/// assert_eq!(grant.subject(), Some("alice"));
/// assert_eq!(grant.client_id(), "app");
/// assert_eq!(grant.generation(), Generation::FIRST);
/// assert_eq!(Grant::decode(&grant.encode())?, grant);
/// assert!(!format!("{grant:?}").contains("alice"), "Debug shows neither a secret nor a person");
/// # Ok::<(), regrant::grant::DecodeError>(())
/// ```
#[derive(Clone)]
pub struct Grant {
    pub(crate) id: GrantId,
    pub(crate) version: Version,
    pub(crate) client_id: SmolStr,
    /// The subject as stores see it: with the realm, where there is one.
    pub(crate) owner: Option<SmolStr>,
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
    /// Of records that need format 2.
    pub(crate) members: Option<Arc<Members>>,
}

impl Grant {
    /// The most bytes that a subject can have.
    pub const MAX_SUBJECT_BYTES: usize = 1_024;
    /// The most bytes that an [owner's key](Self::owner_key) can have: a subject in a realm.
    pub const MAX_OWNER_BYTES: usize = Self::MAX_SUBJECT_BYTES + MAX_REALM_BYTES + 2;
    /// The most bytes that a [client's key](Self::client_key) can have.
    pub const MAX_CLIENT_KEY_BYTES: usize = MAX_CLIENT_KEY_BYTES;
    /// The most ASCII characters that a subject can have where the engine issues ID tokens or JWT access tokens (OpenID
    /// Connect Core section 2). Others are refused there.
    pub const MAX_CLAIM_SUBJECT_BYTES: usize = 255;

    /// What the record is stored under.
    ///
    /// ```
    /// # let grant = regrant::internal::sample_grant("alice", "app");
    /// println!("grant {}", grant.id()); // safe to log
    /// ```
    pub const fn id(&self) -> GrantId {
        self.id
    }

    /// The write this is: what a store compares in
    /// [`compare_and_swap`](crate::TokenStore::compare_and_swap).
    ///
    /// ```
    /// # let grant = regrant::internal::sample_grant("alice", "app");
    /// let expected = grant.version();
    /// # assert_eq!(expected, grant.version());
    /// ```
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The client that the tokens were issued to.
    ///
    /// ```
    /// # let grant = regrant::internal::sample_grant("alice", "app");
    /// assert_eq!(grant.client_id(), "app");
    /// ```
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// What a store compares and indexes of the client: its id where that has at most [64
    /// bytes](Self::MAX_CLIENT_KEY_BYTES), else a digest of it, `+` and 43 characters. The id itself, of up to
    /// [1 KiB](crate::Client::MAX_ID_BYTES), is in the record alone. It stays the same for the grant's whole life.
    ///
    /// ```
    /// # let grant = regrant::internal::sample_grant("alice", "app");
    /// assert_eq!(grant.client_key(), "app");
    /// ```
    pub fn client_key(&self) -> Cow<'_, str> {
        client_key(&self.client_id)
    }

    /// The resource owner; `None` where the client acts for itself (RFC 6749 section 4.4).
    ///
    /// ```
    /// # let grant = regrant::internal::sample_grant("alice", "app");
    /// assert_eq!(grant.subject(), Some("alice"));
    /// ```
    pub fn subject(&self) -> Option<&str> {
        self.owner.as_deref().map(|key| subject_in(self.realm(), key))
    }

    /// What a store indexes, to find the grants of an [`Owner`](super::Owner) again: the subject, and in a
    /// [realm](crate::EngineBuilder::realm) that as well. It stays the same for the grant's whole life. `None`: nobody lists it.
    ///
    /// ```
    /// # let grant = regrant::internal::sample_grant("alice", "app");
    /// assert_eq!(grant.owner_key(), Some(regrant::grant::Owner::subject("alice").owner_key()));
    /// ```
    pub fn owner_key(&self) -> Option<&str> {
        self.owner.as_deref()
    }

    /// The [realm](crate::EngineBuilder::realm) of the engine that made it; `None` where that has none.
    ///
    /// ```
    /// # let grant = regrant::internal::sample_grant("alice", "app");
    /// assert_eq!(grant.realm(), None);
    /// ```
    pub fn realm(&self) -> Option<&str> {
        self.members.as_deref().and_then(|members| members.realm.as_deref())
    }

    /// The resources that the authorization named, as the engine spelt them (RFC 8707): fixed for the grant's life. None where it
    /// named none; then the tokens are for the engine's default one.
    ///
    /// ```
    /// # let grant = regrant::internal::sample_grant("alice", "app");
    /// assert_eq!(grant.resources().count(), 0);
    /// ```
    pub fn resources(&self) -> impl Iterator<Item = &str> {
        self.resource_list().into_iter().flat_map(|list| list.uris.iter().map(SmolStr::as_str))
    }

    pub(crate) fn resource_list(&self) -> Option<&GrantResources> {
        self.members.as_deref().and_then(|members| members.resources.as_ref())
    }

    /// Keeps what the first token request named, of several; later ones change nothing.
    pub(crate) fn name_resources(&mut self, named: u16) {
        let is_news = |list: &GrantResources| list.first_named == 0 && list.uris.len() > 1;
        if self.resource_list().is_some_and(is_news) {
            if let Some(members) = &mut self.members {
                if let Some(list) = &mut Arc::make_mut(members).resources {
                    list.first_named = named;
                }
            }
        }
    }

    /// Whether it says that something was used, and is nobody's login. A store may keep such records apart: they are many, live
    /// for minutes, and are never listed or swapped.
    ///
    /// ```
    /// # let grant = regrant::internal::sample_grant("alice", "app");
    /// assert!(!grant.is_marker());
    /// ```
    pub fn is_marker(&self) -> bool {
        self.members.as_deref().is_some_and(|members| matches!(members.special, Some(Special::Marker(_))))
    }

    /// Whether it is a login, and nothing else that is kept beside them.
    pub(crate) fn is_login(&self) -> bool {
        self.members.as_deref().is_none_or(|members| members.special.is_none())
    }

    /// Whether it is a person's own: a login, or one that its device has still to fetch.
    pub(crate) fn is_of_a_person(&self) -> bool {
        self.is_login() || self.is_approved_only()
    }

    /// A record that is no login: nobody's, and without any token.
    pub(crate) fn special(
        id: GrantId,
        version: Version,
        realm: Option<&str>,
        special: Special,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Self {
        let members = Members { special: Some(special), realm: realm.map(SmolStr::new), ..Members::default() };
        Self {
            id,
            version,
            client_id: SmolStr::default(),
            owner: None,
            scope: Scope::empty(),
            fields: ResponseFields::new(),
            renewable: false,
            salt: Salt([0; 16]),
            generation: Generation::NONE,
            key_id: 0,
            access_epoch: 0,
            created_at: now,
            authenticated_at: now,
            rotated_at: now,
            refresh_expires_at: expires_at,
            absolute_expires_at: expires_at,
            expires_at,
            code: None,
            members: Some(Arc::new(members)),
        }
    }

    /// The scope of the grant, fixed for its life. One access token may have less of it.
    ///
    /// ```
    /// # let grant = regrant::internal::sample_grant("alice", "app");
    /// assert_eq!(grant.scope().as_str(), "read write");
    /// ```
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The extra members that every token response of the grant repeats.
    ///
    /// ```
    /// # let grant = regrant::internal::sample_grant("alice", "app");
    /// assert!(grant.fields().is_empty());
    /// ```
    pub const fn fields(&self) -> &ResponseFields {
        &self.fields
    }

    /// What the host keeps with it for itself, if it has [given](crate::Authorization::with_host_data) anything.
    ///
    /// ```
    /// # let grant = regrant::internal::sample_grant("alice", "app");
    /// assert!(grant.host_data().is_none());
    /// ```
    pub fn host_data(&self) -> Option<&HostData> {
        self.members.as_deref().and_then(|members| members.host_data.as_ref())
    }

    /// How the person proved who they are (`acr` of OpenID Connect Core section 2), where the host
    /// [said it](crate::Authorization::with_acr).
    ///
    /// ```
    /// # let grant = regrant::internal::sample_grant("alice", "app");
    /// assert_eq!(grant.acr(), None);
    /// ```
    pub fn acr(&self) -> Option<&str> {
        self.members.as_deref().and_then(|members| members.acr.as_deref())
    }

    /// By what means the person proved who they are (`amr` of OpenID Connect Core section 2, RFC 8176), where the host
    /// [said it](crate::Authorization::with_amr).
    ///
    /// ```
    /// # let grant = regrant::internal::sample_grant("alice", "app");
    /// assert_eq!(grant.amr().count(), 0);
    /// ```
    pub fn amr(&self) -> impl Iterator<Item = &str> {
        let words = self.members.as_deref().and_then(|members| members.amr.as_deref());
        words.into_iter().flat_map(|words| words.split(' '))
    }

    /// The host's session that it is of.
    #[cfg(all(feature = "jwt", feature = "root-secret"))]
    pub(crate) fn session(&self) -> Option<&SessionKey> {
        self.members.as_deref().and_then(|members| members.session.as_ref())
    }

    /// When that ends at the latest, while its code is outstanding and where its client is to hear of it.
    #[cfg(all(feature = "jwt", feature = "root-secret"))]
    pub(crate) fn session_ends_at(&self) -> Option<Timestamp> {
        self.members.as_deref().and_then(|members| members.session_ends_at)
    }

    /// The host's session whose end a client is to hear of.
    #[cfg(all(feature = "jwt", feature = "root-secret"))]
    pub(crate) fn listens_for(&self) -> Option<&SessionKey> {
        match self.members.as_deref()?.special.as_ref()? {
            Special::Listener(session) => Some(session),
            _ => None,
        }
    }

    /// What its client asked for by `claims`.
    #[cfg(feature = "jwt")]
    pub(crate) fn asked_claims(&self) -> Option<&str> {
        self.members.as_deref().and_then(|members| members.claims.as_deref())
    }

    /// Whether its client is one that [nobody made by hand](crate::Client::is_stranger), as it was when the grant was made.
    ///
    /// ```
    /// # let grant = regrant::internal::sample_grant("alice", "app");
    /// assert!(!grant.is_of_stranger());
    /// ```
    pub fn is_of_stranger(&self) -> bool {
        self.members.as_deref().is_some_and(|members| members.of_stranger)
    }

    /// The grant that it takes the place of once its code is redeemed.
    pub(crate) fn replaces(&self) -> Option<GrantId> {
        self.members.as_deref().and_then(|members| members.replaces)
    }

    /// Who may send its refresh tokens; `None` for whoever has them.
    pub(crate) fn sender(&self) -> Option<Sender> {
        self.members.as_deref().and_then(|members| members.sender)
    }

    /// What its code is bound to, while that is outstanding.
    pub(crate) fn code_key(&self) -> Option<Confirmation> {
        self.members.as_deref().and_then(|members| members.code_key)
    }

    /// The key that its client has to authenticate by, where it is bound to one.
    #[cfg(feature = "proof")]
    pub(crate) fn auth_key(&self) -> Option<AuthKey> {
        self.members.as_deref().and_then(|members| members.auth_key)
    }

    /// Binds it to the key that its client authenticates by.
    #[cfg(feature = "proof")]
    pub(crate) fn bind_auth_key(&mut self, key: AuthKey) {
        if self.auth_key() != Some(key) {
            self.change_members(|members| Members { auth_key: Some(key), ..members });
        }
    }

    /// From now on its refresh tokens are this sender's; what its code was bound to counts no more.
    pub(crate) fn bind_sender(&mut self, sender: Option<Sender>) {
        if self.sender() != sender || self.code_key().is_some() {
            self.change_members(|members| Members { sender, sender_since: None, code_key: None, ..members });
        }
    }

    /// The tokens of generations before this one were anybody's, where it is bound.
    pub(crate) fn bind_sender_since(&mut self, generation: Generation) {
        if self.sender().is_some() {
            self.change_members(|members| Members { sender_since: Some(generation), ..members });
        }
    }

    /// The same of a login whose tokens are out: the ones of generations before this one were anybody's.
    pub(crate) fn bind_sender_of_refresh(&mut self, sender: Option<Sender>) {
        if self.sender() != sender {
            let generation = self.generation;
            self.change_members(|members| {
                // What was bound already stays as it is.
                let sender_since = members.sender.map_or(Some(generation), |_| members.sender_since);
                Members { sender, sender_since, ..members }
            });
        }
    }

    /// Whether the refresh tokens of this generation were anybody's, though those of now are a sender's.
    pub(crate) fn is_before_sender(&self, generation: Generation) -> bool {
        let since = self.members.as_deref().and_then(|members| members.sender_since);
        since.is_some_and(|since| generation < since)
    }

    /// The access epoch of a grant that begins anew under the id of one that has ended, so many milliseconds after that began: later than
    /// that one's, of which each revocation of its access tokens takes one, also where the clock is behind the one of before. A day is a third of
    /// all there are.
    #[cfg(feature = "root-secret")]
    pub(crate) fn epoch_after(millis: u128) -> u32 {
        u32::try_from(millis / 16).unwrap_or(u32::MAX).saturating_add(1 << 8).min(1 << 23)
    }

    /// Keeps other data of the host's with it.
    pub(crate) fn set_host_data(&mut self, data: Option<HostData>) {
        if self.host_data() == data.as_ref() {
            return;
        }
        self.change_members(|members| Members { host_data: data, ..members });
    }

    /// It is of a client that nobody made by hand, so it is counted.
    #[cfg(all(feature = "jwt", feature = "root-secret"))]
    pub(crate) fn set_of_stranger(&mut self) {
        self.change_members(|members| Members { of_stranger: true, ..members });
    }

    /// Forgets what only the redemption of its code asks for: what it takes the place of, and when its session ends.
    pub(crate) fn forget_until_redeemed(&mut self) {
        if self
            .members
            .as_deref()
            .is_some_and(|members| members.replaces.is_some() || members.session_ends_at.is_some())
        {
            self.change_members(|members| Members { replaces: None, session_ends_at: None, ..members });
        }
    }

    pub(super) fn change_members(&mut self, change: impl FnOnce(Members) -> Members) {
        let members = change(self.members.as_deref().cloned().unwrap_or_default());
        // A record that needs none of them is one of format 1.
        self.members = (members != Members::default()).then(|| Arc::new(members));
    }

    /// Whether its refresh token can renew anything at all.
    ///
    /// ```
    /// # let grant = regrant::internal::sample_grant("alice", "app");
    /// assert!(grant.is_renewable());
    /// ```
    pub const fn is_renewable(&self) -> bool {
        self.renewable
    }

    /// The generation of the current refresh token.
    ///
    /// ```
    /// # let grant = regrant::internal::sample_grant("alice", "app");
    /// assert_eq!(grant.generation().as_u32(), 1);
    /// ```
    pub const fn generation(&self) -> Generation {
        self.generation
    }

    /// When the grant was made.
    ///
    /// ```
    /// # let grant = regrant::internal::sample_grant("alice", "app");
    /// assert!(grant.created_at() < grant.expires_at());
    /// ```
    pub const fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// When the resource owner logged in (`auth_time` of `OpenID` Connect Core section 2). `None` where nobody said: of a grant for another
    /// server's assertion that does not say either.
    ///
    /// ```
    /// # let grant = regrant::internal::sample_grant("alice", "app");
    /// assert!(grant.authenticated_at().is_some_and(|time| time <= grant.created_at()));
    /// ```
    pub fn authenticated_at(&self) -> Option<Timestamp> {
        Some(self.authenticated_at).filter(|time| *time != Timestamp::EPOCH)
    }

    /// The same in seconds.
    pub(crate) fn auth_time(&self) -> Option<u64> {
        self.authenticated_at().map(Timestamp::as_secs)
    }

    /// When the grant was last refreshed; when it was made, if never.
    ///
    /// ```
    /// # let grant = regrant::internal::sample_grant("alice", "app");
    /// assert_eq!(grant.rotated_at(), grant.created_at());
    /// ```
    pub const fn rotated_at(&self) -> Timestamp {
        self.rotated_at
    }

    /// Until when the current refresh token works, if it renews anything. Each refresh moves it.
    ///
    /// ```
    /// # let grant = regrant::internal::sample_grant("alice", "app");
    /// assert!(grant.refresh_expires_at() <= grant.expires_at());
    /// ```
    pub const fn refresh_expires_at(&self) -> Timestamp {
        self.refresh_expires_at
    }

    /// Until when anything of the grant works, whatever happens; [`Timestamp::MAX`] is for ever.
    ///
    /// ```
    /// # let grant = regrant::internal::sample_grant("alice", "app");
    /// assert!(grant.expires_at() <= grant.absolute_expires_at());
    /// ```
    pub const fn absolute_expires_at(&self) -> Timestamp {
        self.absolute_expires_at
    }

    /// When nothing of the grant can work any more: what a store may drop the record at, never before. Of a grant that began with
    /// another server's refresh token that is not before anyone could accept the token, since it would begin the grant anew.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let grant = regrant::internal::sample_grant("alice", "app");
    /// let ttl: Duration = grant.expires_at().since(grant.created_at());
    /// # assert!(ttl > Duration::ZERO);
    /// ```
    pub fn expires_at(&self) -> Timestamp {
        self.foreign().map_or(self.expires_at, |foreign| foreign.kept_until.max(self.expires_at))
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
