//! The token response.

use super::Engine;
use super::id_token::Claims;
use super::token::Failure;
use crate::client::{Client, Clients};
use crate::grant::{Grant, Scope, Timestamp};
use crate::store::TokenStore;
use crate::token::{ACCESS_TEXT_LEN, mint_access};
use crate::wire::TokenAnswer;

/// What is handed out.
pub(super) struct Issue<'a> {
    pub(super) grant: &'a Grant,
    pub(super) client: &'a Client,
    pub(super) refresh_token: Option<&'a [u8]>,
    pub(super) scope_mask: u64,
    /// The claim of an ID token that goes with a code.
    pub(super) nonce: Option<&'a str>,
    /// What the host says in the ID token, if there is to be one.
    pub(super) claims: Claims,
    pub(super) now: Timestamp,
}

/// An access token as it is handed out.
pub(super) enum AccessText {
    Opaque([u8; ACCESS_TEXT_LEN]),
    #[cfg(feature = "jwt")]
    Jwt(String),
}

impl AccessText {
    pub(super) const fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Opaque(text) => text,
            #[cfg(feature = "jwt")]
            Self::Jwt(text) => text.as_bytes(),
        }
    }
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Issues an access token over the part of the grant's scope that the mask selects, an ID token where there are
    /// claims for one, and writes the response.
    pub(super) fn answer(&self, issue: &Issue<'_>) -> Result<Vec<u8>, Failure> {
        let Issue { grant, scope_mask, now, .. } = *issue;
        let lifetime_secs = grant.access_lifetime_secs(self.lifetimes(issue.client), now);
        let narrowed = (scope_mask != Scope::WHOLE).then(|| grant.scope.select(scope_mask));
        let scope = narrowed.as_ref().unwrap_or(&grant.scope);
        let access_token = self.access_token(issue, scope, lifetime_secs)?;
        let id_token = self.id_token(issue, access_token.as_bytes(), lifetime_secs)?;
        Ok(TokenAnswer {
            access_token: access_token.as_bytes(),
            refresh_token: issue.refresh_token,
            scope: scope.as_str(),
            id_token: id_token.as_deref(),
            fields: grant.fields.as_json(),
            lifetime_secs,
            issued_at_secs: now.as_secs(),
        }
        .write(self.style))
    }

    /// A computed access token; with the feature `jwt` the engine may sign one instead.
    pub(super) fn opaque_access_token(&self, issue: &Issue<'_>, lifetime_secs: u32) -> AccessText {
        AccessText::Opaque(mint_access(issue.grant, self.keys.signing(), issue.scope_mask, lifetime_secs, issue.now))
    }
}
