//! Live access tokens: what is checked of one, at a resource and for introspection and revocation.

use std::fmt;

use smol_str::SmolStr;

use super::Engine;
use super::grants::is_record_of;
use super::refusal::Refusal;
use super::token::Failure;
use crate::client::Clients;
use crate::grant::{Grant, GrantId, Scope, Timestamp};
use crate::store::TokenStore;
use crate::token::AccessToken;

/// A live access token, and what it allows.
///
/// ```
/// # async fn resource<S: regrant::TokenStore, C: regrant::Clients>(engine: &regrant::Engine<S, C>) {
/// use regrant::{Request, Scope, Timestamp};
///
/// let request = Request::new("GET", b"").header("authorization", b"Bearer ...");
/// match engine.bearer(&request, &Scope::empty(), Timestamp::now()).await {
///     Ok(access) => println!("{:?} may {}", access.subject(), access.scope()),
///     Err(refused) => println!("{} {}", refused.status(), refused.challenge()),
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct Access {
    pub(super) grant_id: GrantId,
    pub(super) client_id: SmolStr,
    pub(super) subject: Option<SmolStr>,
    pub(super) scope: Scope,
    pub(super) issued_at: Timestamp,
    pub(super) expires_at: Timestamp,
    pub(super) epoch: u32,
    /// The claim `jti` of a JWT.
    pub(super) jti: Option<SmolStr>,
    pub(super) grant: Option<Grant>,
}

impl Access {
    /// The resource owner; `None` where the client acts for itself.
    ///
    /// ```
    /// fn greet(access: &regrant::Access) -> &str {
    ///     access.subject().unwrap_or("a client by itself")
    /// }
    /// ```
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// The client that the token was issued to.
    ///
    /// ```
    /// fn is_ours(access: &regrant::Access) -> bool {
    ///     access.client_id() == "back-office"
    /// }
    /// ```
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The scope of this token, within that of the grant.
    ///
    /// ```
    /// fn may_write(access: &regrant::Access) -> bool {
    ///     access.scope().contains("write")
    /// }
    /// ```
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// When the token was issued, in whole seconds.
    ///
    /// ```
    /// fn age(access: &regrant::Access, now: regrant::Timestamp) -> std::time::Duration {
    ///     now.since(access.issued_at())
    /// }
    /// ```
    pub const fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// When the token expires.
    ///
    /// ```
    /// use std::time::Duration;
    /// fn left(access: &regrant::Access, now: regrant::Timestamp) -> Duration {
    ///     access.expires_at().since(now)
    /// }
    /// ```
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// The grant it is of; safe to log.
    ///
    /// ```
    /// fn log(access: &regrant::Access) {
    ///     println!("grant {}", access.grant_id());
    /// }
    /// ```
    pub const fn grant_id(&self) -> GrantId {
        self.grant_id
    }

    /// The grant itself, as it was when the token was checked: its extra fields, and when the resource owner logged in.
    /// `None` only where the engine checks JWTs by their signature and asks no store.
    ///
    /// ```
    /// use std::time::Duration;
    /// fn is_fresh(access: &regrant::Access, now: regrant::Timestamp) -> bool {
    ///     access.grant().is_some_and(|grant| now.since(grant.authenticated_at()) < Duration::from_secs(300))
    /// }
    /// ```
    pub const fn grant(&self) -> Option<&Grant> {
        self.grant.as_ref()
    }
}

impl fmt::Debug for Access {
    /// Neither a secret nor a person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("grant_id", &self.grant_id)
            .field("client_id", &self.client_id)
            .field("scope", &self.scope)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// The access token of this text, if it is live: genuine, of a grant that is there, of the epoch, and not expired. At a
    /// resource, an engine may be set to believe a JWT's signature instead of the store.
    pub(super) async fn live_access(&self, text: &str, now: Timestamp, at_resource: bool) -> Result<Access, Failure> {
        #[cfg(feature = "jwt")]
        if text.contains('.') {
            return self.live_jwt(text, now, at_resource).await;
        }
        #[cfg(not(feature = "jwt"))]
        let _ = at_resource;
        self.live_opaque(text, now).await
    }

    /// Shape, key, record, MAC, client, expiry, epoch.
    async fn live_opaque(&self, text: &str, now: Timestamp) -> Result<Access, Failure> {
        let token = AccessToken::decode(text.as_bytes()).ok_or(Refusal::Shape)?;
        let key = self.key(token.key_id())?;
        let grant = self.store.load(token.grant_id()).await?.ok_or(Refusal::NoGrant)?;
        is_record_of(&grant, token.grant_id())?;
        if !token.is_genuine(key, &grant.salt) {
            return Err(Refusal::Mac.into());
        }
        self.check_grant(&grant, token.epoch(), token.expires_at(), now).await?;
        Ok(Access {
            grant_id: grant.id,
            client_id: grant.client_id.clone(),
            subject: grant.subject.clone(),
            scope: grant.scope.select(token.scope_mask()),
            issued_at: token.issued_at(),
            expires_at: token.expires_at().min(grant.expires_at),
            epoch: token.epoch(),
            jti: None,
            grant: Some(grant),
        })
    }

    /// What the grant has to say of a genuine token of this epoch and expiry.
    pub(super) async fn check_grant(
        &self,
        grant: &Grant,
        epoch: u32,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let refused = |why: Refusal| Err(Failure { grant: Some(grant.id), ..why.into() });
        if grant.created_at < self.not_before_of(grant.client_id(), grant.id).await? {
            return refused(Refusal::NotBefore);
        }
        if now >= expires_at || now >= grant.expires_at {
            return refused(Refusal::Expired);
        }
        // A later epoch than the record's is genuine: the store lost the write that began it.
        if epoch < grant.access_epoch {
            return refused(Refusal::AccessRevoked);
        }
        Ok(())
    }

    /// What the grants of a client must not be older than; a client that is no longer registered has none.
    pub(super) async fn not_before_of(&self, client_id: &str, grant: GrantId) -> Result<Timestamp, Failure> {
        let refused = |why: Refusal| Failure { grant: Some(grant), ..why.into() };
        match self.clients.find(client_id).await {
            Ok(Some(client)) => Ok(self.not_before(&client)),
            Ok(None) => Err(refused(Refusal::UnknownClient)),
            Err(error) => Err(Failure { cause: Some(error.into()), ..refused(Refusal::Clients) }),
        }
    }
}
