//! What OpenID Connect Core has in an authorization request: claims that are asked for by name, kinds of login, offline access.

use serde_json::Value;

use super::AuthorizationRequest;
use crate::client::{Client, Clients, OPENID};
use crate::engine::Engine;
use crate::engine::host::{Authorization, RequestedClaims};
use crate::engine::id_token_hint::IdTokenHint;
use crate::engine::refusal::{AuthorizationRefusal, ServerFault};
use crate::engine::subjects::sub;
use crate::grant::{Scope, Timestamp};
use crate::store::TokenStore;

/// The scope that asks for a refresh token that works while the person is away (section 11).
pub(in crate::engine) const OFFLINE_ACCESS: &str = "offline_access";

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// What the parameter `claims` asks for (section 5.5). Where it is off it means nothing, as in a request without `openid`.
    pub(super) fn asked_claims(
        &self,
        client: &Client,
        scope: &Scope,
        text: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<RequestedClaims>, AuthorizationRefusal> {
        if !self.jwt.issues_id_tokens() || !scope.contains(OPENID) {
            return Ok(None);
        }
        // Found out at the login, and not where the code is redeemed and the person is gone.
        if !self.signs_id_tokens_for(client, now) {
            return Err(AuthorizationRefusal::IdTokenAlgorithm);
        }
        match text.filter(|_| self.settings.openid.claims_parameter) {
            Some(text) => RequestedClaims::parse(text).map(Some).ok_or(AuthorizationRefusal::OpenIdParameter),
            None => Ok(None),
        }
    }

    /// The scope that is granted: without `offline_access` where nobody was asked for that (section 11), as the page was not shown. That the
    /// client wished it to be, by `prompt=consent`, is no answer of the person.
    pub(super) fn granted_scope(&self, authorization: &Authorization, scope: Scope) -> Scope {
        if authorization.page_shown
            || !self.jwt.issues_id_tokens()
            || !scope.contains(OPENID)
            || !scope.contains(OFFLINE_ACCESS)
        {
            return scope;
        }
        Scope::from_tokens(scope.iter().filter(|token| *token != OFFLINE_ACCESS)).unwrap_or_default()
    }

    /// Whether a login of this scope may be renewed, as far as that is a matter of `offline_access`.
    pub(in crate::engine) fn may_renew(&self, scope: &Scope) -> bool {
        !self.settings.openid.needs_offline_access
            || !self.jwt.issues_id_tokens()
            || !scope.contains(OPENID)
            || scope.contains(OFFLINE_ACCESS)
    }
}

impl AuthorizationRequest<'_> {
    /// Whether the ID token may be about this person, whom the client may know by another name (section 3.1.2.2).
    pub(super) fn means(&self, subject: &str, hinted: Option<&IdTokenHint>) -> bool {
        let is = |wanted: &str, at: Timestamp| self.sub(subject, at).is_ok_and(|own| own == wanted);
        // Whether that name was one of its own went by the time of that login; nobody knows more of it here than that it was earlier.
        // One that the client can have made itself tells it nothing by a name that is none of its own: it could try out who is who.
        let of_hint = |hint: &IdTokenHint| {
            let (wanted, by_secret) = (hint.subject(), hint.is_by_secret());
            is(wanted, if by_secret { Timestamp::MAX } else { hint.issued_at() })
                || !by_secret && is(wanted, Timestamp::EPOCH)
        };
        let wanted = self.claims.as_ref().map_or(&[][..], RequestedClaims::subjects);
        let is_wanted = |value: &Value| value.as_str().is_some_and(|wanted| is(wanted, Timestamp::MAX));
        hinted.is_none_or(of_hint) && (wanted.is_empty() || wanted.iter().any(is_wanted))
    }

    fn sub<'s>(&self, subject: &'s str, at: Timestamp) -> Result<std::borrow::Cow<'s, str>, ServerFault> {
        #[cfg(feature = "root-secret")]
        let subjects = self.subjects;
        #[cfg(not(feature = "root-secret"))]
        let subjects = None;
        sub(subjects, &self.client, at, subject)
    }

    /// Whether the client relies on the time of the login, though it does not limit it (sections 2 and 5.5.1).
    pub(super) fn needs_auth_time(&self) -> bool {
        self.claims.as_ref().is_some_and(RequestedClaims::needs_auth_time)
    }

    /// Whether the client can do with this kind of login: it can, unless it says which ones it needs (section 5.5.1.1).
    pub(super) fn accepts_acr(&self, acr: Option<&str>) -> bool {
        let needed = self.claims.as_ref().map_or(&[][..], RequestedClaims::needed_acr);
        needed.is_empty() || needed.iter().any(|value| value.as_str().is_some_and(|needed| Some(needed) == acr))
    }
}
