//! The token response.

use super::Engine;
use super::id_token::Claims;
use super::token::Failure;
use crate::client::{Client, Clients};
use crate::grant::{Grant, Scope, Timestamp};
use crate::store::TokenStore;
use crate::token::mint_access;
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

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Issues an access token over the part of the grant's scope that the mask selects, an ID token where there are
    /// claims for one, and writes the response.
    pub(super) fn answer(&self, issue: &Issue<'_>) -> Result<Vec<u8>, Failure> {
        let Issue { grant, scope_mask, now, .. } = *issue;
        let lifetime_secs = grant.access_lifetime_secs(self.lifetimes(issue.client), now);
        let narrowed = (scope_mask != Scope::WHOLE).then(|| grant.scope.select(scope_mask));
        let scope = narrowed.as_ref().unwrap_or(&grant.scope);
        let (opaque, signed);
        let access_token = if let Some(jwt) = self.jwt_access_token(issue, scope, lifetime_secs)? {
            signed = jwt;
            signed.as_bytes()
        } else {
            opaque = mint_access(grant, self.keys.signing(), scope_mask, lifetime_secs, now);
            opaque.as_slice()
        };
        let id_token = self.id_token(issue, access_token, lifetime_secs)?;
        Ok(TokenAnswer {
            access_token,
            refresh_token: issue.refresh_token,
            scope: scope.as_str(),
            id_token: id_token.as_deref(),
            fields: grant.fields.as_json(),
            lifetime_secs,
            issued_at_secs: now.as_secs(),
        }
        .write(self.style))
    }
}
