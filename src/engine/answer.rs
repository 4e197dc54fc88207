//! The token response.

use super::Engine;
use crate::client::{Client, Clients};
use crate::grant::{Grant, Scope, Timestamp};
use crate::store::TokenStore;
use crate::token::mint_access;
use crate::wire::TokenAnswer;

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Issues an access token over the part of the grant's scope that the mask selects, and writes the response.
    pub(super) fn answer(
        &self,
        grant: &Grant,
        client: &Client,
        refresh_token: Option<&[u8]>,
        scope_mask: u64,
        now: Timestamp,
    ) -> Vec<u8> {
        let lifetime_secs = grant.access_lifetime_secs(self.lifetimes(client), now);
        let access_token = mint_access(grant, self.keys.signing(), scope_mask, lifetime_secs, now);
        let narrowed = (scope_mask != Scope::WHOLE).then(|| grant.scope.select(scope_mask));
        TokenAnswer {
            access_token: &access_token,
            refresh_token,
            scope: narrowed.as_ref().unwrap_or(&grant.scope).as_str(),
            fields: grant.fields.as_json(),
            lifetime_secs,
            issued_at_secs: now.as_secs(),
        }
        .write(self.style)
    }
}
