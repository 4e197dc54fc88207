//! Access tokens as JWTs: RFC 9068.

use super::Issue;
use crate::client::Clients;
use crate::engine::Engine;
use crate::engine::failure::Failure;
use crate::engine::refusal::ServerFault;
use crate::engine::resources::AccessTokenFormat;
use crate::grant::Scope;
use crate::store::TokenStore;
use crate::token::{AccessClaims, Audience, Cnf, Jti, sign_access};

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Signs an access token, where this engine's are JWTs.
    pub(super) fn jwt_access_token(
        &self,
        issue: &Issue<'_>,
        scope: &Scope,
        lifetime_secs: u32,
    ) -> Result<Option<String>, Failure> {
        let Some((signing, tokens)) = self.jwt.signing().and_then(|signing| Some((signing, signing.access.get()?)))
        else {
            // A resource that the host looks up wants what this engine does not make.
            return if issue.target.format == Some(AccessTokenFormat::Jwt) {
                Err(Failure::from(ServerFault::Signing).of_grant(issue.grant.id))
            } else {
                Ok(None)
            };
        };
        if issue.target.format.unwrap_or(signing.usual) != AccessTokenFormat::Jwt {
            return Ok(None);
        }
        let grant = issue.grant;
        let issuer = self.issuer().unwrap_or_default();
        let issued_at = issue.now.as_secs();
        let claims = AccessClaims {
            iss: issuer.into(),
            // A client that acts for itself is its own subject (RFC 9068 section 2.2).
            sub: match grant.subject() {
                Some(subject) => self
                    .sub_of(issue.client, grant.created_at, subject)
                    .map_err(|fault| Failure::from(fault).of_grant(grant.id))?,
                None => grant.client_id().into(),
            },
            aud: match self.settings.resources.as_deref() {
                None => Audience::new(tokens.audiences(issuer)),
                Some(_) => Audience::new(issue.target.resources.iter().map(|resource| resource.uri())),
            },
            exp: issued_at + u64::from(lifetime_secs),
            iat: issued_at,
            jti: Jti::new(grant.id, grant.access_epoch),
            client_id: grant.client_id().into(),
            scope: scope.as_str().into(),
            acr: grant.acr().map(Into::into),
            auth_time: grant.acr().and_then(|_| grant.auth_time()),
            realm: grant.realm().map(Into::into),
            cnf: issue.bound_to.map(Cnf),
            act: None,
            may_act: None,
            exchanges: None,
        };
        sign_access(signing.keys.current().signing(), &claims)
            .map(Some)
            .map_err(|_| Failure::from(ServerFault::Signing).of_grant(grant.id))
    }
}
