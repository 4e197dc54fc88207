//! ID tokens that come back as hints: OpenID Connect Core section 3.1.2.1, RP-Initiated Logout 1.0 section 2.

use std::fmt;

use smol_str::SmolStr;

use super::Engine;
use super::refusal::AuthorizationRefusal;
use crate::client::{Client, Clients, ClientsError, Lookup, Purpose, RecoverableSecret};
use crate::grant::Timestamp;
use crate::store::TokenStore;
use crate::token::{IdTokenClaims, UnverifiedIdToken};

/// An ID token of this engine that a client handed back as a hint of whom it means. It may have expired long ago, and is no
/// proof that anybody is logged in; what is signed by a client's own secret (`HS256`), that client can have made itself.
///
/// ```
/// # async fn end_session<S: regrant::TokenStore, C: regrant::Clients>(engine: &regrant::Engine<S, C>, hint: &str)
/// # -> Result<(), regrant::jwt::IdTokenHintError> {
/// let hint = engine.verify_id_token_hint(hint, None).await?;
/// println!("{} wants {} to be logged out", hint.client_id(), hint.subject());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct IdTokenHint {
    subject: SmolStr,
    client_id: SmolStr,
    issued_at: Timestamp,
    expires_at: Timestamp,
    authenticated_at: Option<Timestamp>,
    sid: Option<SmolStr>,
    by_secret: bool,
}

impl IdTokenHint {
    /// Whom it is about, `sub`: what its client calls them, which for a client with
    /// [pairwise subjects](crate::client::ClientBuilder::pairwise_subjects) is not their subject here.
    ///
    /// ```
    /// fn is_about(hint: &regrant::jwt::IdTokenHint, person: &str) -> bool {
    ///     hint.subject() == person
    /// }
    /// ```
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The client that it was issued to: `azp`, or else `aud`.
    ///
    /// ```
    /// fn is_for(hint: &regrant::jwt::IdTokenHint, client: &regrant::Client) -> bool {
    ///     hint.client_id() == client.id()
    /// }
    /// ```
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The session that it is of, as its client knows it: `sid`.
    ///
    /// ```
    /// fn has_a_session(hint: &regrant::jwt::IdTokenHint) -> bool {
    ///     hint.sid().is_some()
    /// }
    /// ```
    pub fn sid(&self) -> Option<&str> {
        self.sid.as_deref()
    }

    /// Whether the client's own secret signed it, so that the client can have made it, with any name and time in it.
    pub(super) const fn is_by_secret(&self) -> bool {
        self.by_secret
    }

    /// When it was issued, `iat`.
    ///
    /// ```
    /// fn is_of_before(hint: &regrant::jwt::IdTokenHint, time: regrant::Timestamp) -> bool {
    ///     hint.issued_at() < time
    /// }
    /// ```
    pub const fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// When it expired or will, `exp`. As a hint it counts for longer.
    ///
    /// ```
    /// fn has_expired(hint: &regrant::jwt::IdTokenHint, now: regrant::Timestamp) -> bool {
    ///     hint.expires_at() <= now
    /// }
    /// ```
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// When the person had logged in, `auth_time`.
    ///
    /// ```
    /// fn is_of_login(hint: &regrant::jwt::IdTokenHint, session: regrant::Timestamp) -> bool {
    ///     hint.authenticated_at() == Some(session)
    /// }
    /// ```
    pub const fn authenticated_at(&self) -> Option<Timestamp> {
        self.authenticated_at
    }
}

impl fmt::Debug for IdTokenHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdTokenHint").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

/// Why a hint tells nothing.
///
/// ```
/// use regrant::jwt::IdTokenHintError;
/// assert_eq!(IdTokenHintError::NotOurs.to_string(), "not an ID token of this engine for this client");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdTokenHintError {
    /// Not an ID token that this engine signed, by a key that it still has; or one for another client, or for one that is
    /// not registered any more.
    #[error("not an ID token of this engine for this client")]
    NotOurs,
    /// The client registry failed.
    #[error(transparent)]
    Clients(ClientsError),
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Verifies the parameter `id_token_hint` of a request that the host answers itself, such as one to log out (OpenID
    /// Connect RP-Initiated Logout 1.0 section 2), where `client_id` is the parameter of that name, if the request has it.
    /// [`authorize`](Self::authorize) does so by itself for authorization requests.
    ///
    /// Checked: the signature, by the engine's key, an [accepted](crate::EngineBuilder::accept_signing_key) one or the
    /// client's own [secret](crate::client::ClientBuilder::recoverable_secret); that it is an ID token and not another kind
    /// of JWT; the issuer; the client, which is `azp` where there is one, else in `aud`. Not the time: a hint may have
    /// expired. Keep accepting a signing key for as long as its ID tokens shall count as hints.
    ///
    /// # Errors
    ///
    /// [`IdTokenHintError`].
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// # use regrant::jwt::IdTokenHintError;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), regrant::BuildError> {
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
    /// let hint = engine.verify_id_token_hint("e30.e30.", Some("app")).await;
    /// assert!(matches!(hint, Err(IdTokenHintError::NotOurs)));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn verify_id_token_hint(
        &self,
        hint: &str,
        client_id: Option<&str>,
    ) -> Result<IdTokenHint, IdTokenHintError> {
        let token = UnverifiedIdToken::parse(hint).ok_or(IdTokenHintError::NotOurs)?;
        // Whose secret may have signed it. That the token is this client's is checked with the signature.
        let client_id = client_id.or_else(|| token.client_id()).ok_or(IdTokenHintError::NotOurs)?;
        let hint = match self.find_client(client_id, Lookup::new(Purpose::IdTokenHint)).await {
            Ok(Some(client)) => self.own_id_token(client.id(), client.id_token_secret(), token),
            Ok(None) => None,
            // A client that would have to be fetched has no secret that could have signed it.
            Err(error) if error.is_not_at_hand() => self.own_id_token(&SmolStr::new(client_id), None, token),
            Err(error) => return Err(IdTokenHintError::Clients(error)),
        };
        hint.ok_or(IdTokenHintError::NotOurs)
    }

    /// Whether a hint of the client is by a key that is here no more, or a stranger's: nobody can tell, so it counts as none.
    #[cfg(feature = "root-secret")]
    pub(super) fn is_hint_by_a_key_that_is_gone(&self, client: &Client, hint: &str) -> bool {
        UnverifiedIdToken::parse(hint).is_some_and(|token| self.is_by_a_key_that_is_gone(client, &token))
    }

    /// What the parameter `id_token_hint` of an authorization request says; nothing where a key signed it that is here no more. An engine that issues no ID tokens does not know
    /// the parameter, and ignores it (RFC 6749 section 3.1).
    pub(super) fn asked_hint(
        &self,
        client: &Client,
        hint: Option<&str>,
    ) -> Result<Option<IdTokenHint>, AuthorizationRefusal> {
        let Some(hint) = hint.filter(|_| self.jwt.issues_id_tokens()) else { return Ok(None) };
        let token = UnverifiedIdToken::parse(hint).ok_or(AuthorizationRefusal::IdTokenHint)?;
        // Clients keep ID tokens for longer than keys live; whoever has an old one can still log in, and has to say who they are.
        if self.is_by_a_key_that_is_gone(client, &token) {
            return Ok(None);
        }
        self.own_id_token(client.id(), client.id_token_secret(), token)
            .map(Some)
            .ok_or(AuthorizationRefusal::IdTokenHint)
    }

    fn is_by_a_key_that_is_gone(&self, client: &Client, token: &UnverifiedIdToken<'_>) -> bool {
        let issuer = self.issuer().unwrap_or_default();
        token.claims_to_be(issuer, client.id())
            && self.jwt.signing().is_some_and(|signing| token.is_by_an_unknown_key(&signing.keys.current()))
    }

    fn own_id_token(
        &self,
        client_id: &str,
        secret: Option<&RecoverableSecret>,
        token: UnverifiedIdToken<'_>,
    ) -> Option<IdTokenHint> {
        let secret = secret.map(RecoverableSecret::as_bytes);
        let by_secret = token.is_by_secret();
        let IdTokenClaims { iss, sub, exp, iat, auth_time, realm, sid, .. } =
            token.verify(&self.jwt.signing()?.keys.current(), secret).filter(|claims| claims.is_for(client_id))?;
        let is_ours = self.issuer() == Some(&iss) && self.realm.includes(realm.as_deref(), client_id);
        is_ours.then(|| IdTokenHint {
            subject: sub.into(),
            client_id: client_id.into(),
            issued_at: Timestamp::from_secs(iat),
            expires_at: Timestamp::from_secs(exp),
            authenticated_at: auth_time.map(Timestamp::from_secs),
            sid: sid.map(SmolStr::from),
            by_secret,
        })
    }
}
