//! ID tokens: OpenID Connect Core sections 2, 3.1.3.3 and 12.2. Without the feature `jwt` there are none.

use smol_str::SmolStr;

use super::Engine;
use super::answer::Issue;
#[cfg(feature = "jwt")]
use super::claims::IdTokenRequest;
#[cfg(feature = "jwt")]
use super::refusal::Refusal;
use super::token::Failure;
use crate::client::{Client, Clients};
use crate::grant::{Grant, Scope, Timestamp};
use crate::store::TokenStore;
#[cfg(feature = "jwt")]
use crate::token::{IdClaims, IdToken, IdTokenKey, half_hash, sign_id_token};

/// What the host says in an ID token; nothing where there is to be none.
#[derive(Default)]
pub(super) struct Claims(#[cfg(feature = "jwt")] Option<IdClaims>);

/// Asks for an ID token (OpenID Connect Core section 3.1.2.1).
#[cfg(feature = "jwt")]
const OPENID: &str = "openid";

#[cfg(feature = "jwt")]
impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Whether the host has anything to say in ID tokens.
    pub(super) fn issues_id_tokens(&self) -> bool {
        self.jwt.as_ref().is_some_and(|jwt| jwt.claims.is_some())
    }

    /// Asks the host what an ID token is to say, where one goes with this answer: somebody is logged in, and the part of
    /// the scope that the mask selects has `openid`.
    pub(super) async fn id_claims(
        &self,
        grant: &Grant,
        client: &Client,
        scope_mask: u64,
        now: Timestamp,
    ) -> Result<Claims, Failure> {
        let Some(provider) = self.jwt.as_ref().and_then(|jwt| jwt.claims.as_deref()) else {
            return Ok(Claims::default());
        };
        let scope = grant.scope.select(scope_mask);
        if grant.subject.is_none() || !scope.contains(OPENID) {
            return Ok(Claims::default());
        }
        match provider.claims_dyn(&IdTokenRequest { grant, client, scope: &scope, now }).await {
            Ok(claims) => Ok(Claims(Some(claims))),
            Err(error) => Err(Failure { grant: Some(grant.id), cause: Some(error.into()), ..Refusal::Host.into() }),
        }
    }

    /// Signs the ID token of an answer.
    pub(super) fn id_token(
        &self,
        issue: &Issue<'_>,
        access_token: &[u8],
        lifetime_secs: u32,
    ) -> Result<Option<String>, Failure> {
        let (Some(claims), Some(jwt), Some(subject)) = (&issue.claims.0, &self.jwt, issue.grant.subject()) else {
            return Ok(None);
        };
        let key = self.id_token_key(jwt, issue.client);
        // Of a login that was under another algorithm no client can check it.
        let state_hash = issue.grant.code.as_ref().and_then(|code| code.state_hash.as_deref());
        let state_hash = state_hash.filter(|hash| hash.len() == key.half_hash().text_len());
        let signed = sign_id_token(
            key,
            &IdToken {
                issuer: self.issuer.as_deref().unwrap_or_default(),
                subject,
                audience: issue.client.id(),
                issued_at_secs: issue.now.as_secs(),
                lifetime_secs: lifetime_secs.into(),
                auth_time_secs: issue.grant.authenticated_at.as_secs(),
                nonce: issue.nonce,
                access_token: std::str::from_utf8(access_token).ok(),
                state_hash,
                claims,
            },
        );
        signed.map(Some).map_err(|_| Failure { grant: Some(issue.grant.id), ..Refusal::Signing.into() })
    }

    /// The claim `s_hash` of the ID tokens of a login, by the hash of the algorithm that will sign them.
    pub(super) fn state_hash(&self, client: &Client, scope: &Scope, state: &str) -> Option<SmolStr> {
        let jwt = self.jwt.as_ref().filter(|_| self.issues_id_tokens() && scope.contains(OPENID))?;
        Some(half_hash(self.id_token_key(jwt, client).half_hash(), state).into())
    }

    /// The client's own secret where it has a recoverable one, or the engine's key.
    #[expect(clippy::unused_self, reason = "it belongs to the engine, whose keys these are")]
    fn id_token_key<'k>(&self, jwt: &'k super::jwt::Jwt, client: &'k Client) -> IdTokenKey<'k> {
        match client.id_token_secret() {
            Some(secret) => IdTokenKey::ClientSecret(secret.as_bytes()),
            None => IdTokenKey::Engine(jwt.keys.signing()),
        }
    }
}

#[cfg(not(feature = "jwt"))]
#[expect(clippy::unused_self, clippy::unused_async, clippy::unnecessary_wraps, reason = "the feature is off")]
impl<S: TokenStore, C: Clients> Engine<S, C> {
    pub(super) const fn issues_id_tokens(&self) -> bool {
        false
    }

    pub(super) async fn id_claims(&self, _: &Grant, _: &Client, _: u64, _: Timestamp) -> Result<Claims, Failure> {
        Ok(Claims::default())
    }

    pub(super) fn id_token(&self, issue: &Issue<'_>, _: &[u8], _: u32) -> Result<Option<String>, Failure> {
        let (_, Claims()) = (issue.nonce, &issue.claims);
        Ok(None)
    }

    pub(super) fn state_hash(&self, _: &Client, _: &Scope, _: &str) -> Option<SmolStr> {
        None
    }

    pub(super) fn names_subjects_in_jwts(&self) -> bool {
        false
    }

    pub(super) fn jwt_access_token(&self, _: &Issue<'_>, _: &Scope, _: u32) -> Result<Option<String>, Failure> {
        Ok(None)
    }
}
