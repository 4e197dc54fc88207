//! From a grant to the answer of the token endpoint: RFC 6749 section 5.1.

#[cfg(feature = "jwt")]
mod access_jwt;
mod expiry;
#[cfg(feature = "jwt")]
mod id_token;
#[expect(clippy::module_inception, reason = "the room is named after what it makes of it")]
mod issue;

pub(super) use expiry::ExpiryTold;
#[cfg(all(feature = "jwt", feature = "root-secret"))]
pub(super) use id_token::id_token_key;
pub(super) use issue::{Claims, Issue};

use super::Engine;
use super::failure::Failure;
use super::prefix::Prefixed;
use crate::client::Clients;
use crate::grant::{Confirmation, Scope};
use crate::store::TokenStore;
use crate::token::{ACCESS_TEXT_LEN, mint_access, mint_access_bound, mint_access_for};
use crate::wire::TokenAnswer;

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Issues an access token over the part of the grant's scope that the mask selects, an ID token where there are
    /// claims for one, and writes the response.
    pub(super) fn answer(&self, issue: &Issue<'_>) -> Result<Vec<u8>, Failure> {
        let Issue { grant, scope_mask, now, .. } = *issue;
        let lifetime_secs = grant.access_lifetime_secs(self.lifetimes(issue.client), now);
        let narrowed = (scope_mask != Scope::WHOLE).then(|| grant.scope.select(scope_mask));
        let scope = narrowed.as_ref().unwrap_or(&grant.scope);
        let (mut opaque, masked, bound);
        let signed = self.jwt_access_token(issue, scope, lifetime_secs)?;
        let access_token = if let Some(jwt) = &signed {
            jwt.as_bytes()
        } else if let Some(bound_to) = issue.bound_to {
            let (key, resources) = (self.signing_key_of(grant), issue.target.of_grant);
            bound = mint_access_bound(grant, key, scope_mask, bound_to, resources, lifetime_secs, now);
            bound.as_slice()
        } else if issue.target.of_grant == 0 {
            opaque = [b'A'; ACCESS_TEXT_LEN];
            mint_access(grant, self.signing_key_of(grant), scope_mask, lifetime_secs, now, &mut opaque);
            opaque.as_slice()
        } else {
            let resources = issue.target.of_grant;
            masked = mint_access_for(grant, self.signing_key_of(grant), scope_mask, resources, lifetime_secs, now);
            masked.as_slice()
        };
        // First: its digest is in the ID token.
        let (is_opaque, is_made) = (signed.is_none(), !issue.keeps_token);
        let prefixed =
            self.with_prefix(Some(access_token).filter(|_| is_opaque), issue.refresh_token.filter(|_| is_made));
        let (access_token, refresh_token) = match prefixed.as_deref() {
            None => (access_token, issue.refresh_token),
            Some(Prefixed { access, refresh }) => (
                access.as_ref().map_or(access_token, |text| text.as_slice()),
                refresh.as_ref().map(|text| text.as_slice()).or(issue.refresh_token),
            ),
        };
        let id_token = self.id_token(issue, access_token, lifetime_secs)?;
        // What is bound to nothing is none of a profile's.
        let with_subject = if issue.bound_to.is_some() { self.fields_with_subject(grant) } else { None };
        let fields = with_subject.as_deref().unwrap_or_else(|| grant.fields.as_json());
        let expiry = if issue.refresh_token.is_some() { self.expiry_members(grant, now) } else { String::new() };
        Ok(TokenAnswer {
            access_token,
            refresh_token,
            scope: scope.as_str(),
            id_token: id_token.as_deref(),
            fields,
            expiry: &expiry,
            lifetime_secs,
            issued_at_secs: now.as_secs(),
            is_dpop: matches!(issue.bound_to, Some(Confirmation::Key(_))),
        }
        .write(self.settings.style))
    }
}
