//! The scope of an authorization request: RFC 6749 section 3.3, OpenID Connect Core section 3.1.2.1.

use crate::client::{Client, Clients, OPENID, UnknownScopes};
use crate::engine::Engine;
use crate::engine::refusal::GrantRefusal;
use crate::engine::resources::Asked;
use crate::grant::Scope;
use crate::store::TokenStore;

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// What a client asks for, without what nobody here knows where that is [ignored](UnknownScopes).
    /// That of a resource that the request is not for is as good as unknown.
    pub(super) fn asked_scope(
        &self,
        client: &Client,
        text: Option<&str>,
        resources: Option<&Asked<'_>>,
    ) -> Result<Scope, GrantRefusal> {
        let Some(text) = text else {
            let scope = client.default_scope().clone();
            return resources.map_or(Ok(scope.clone()), |resources| resources.check_scope(scope, false));
        };
        let asked = Scope::parse(text).map_err(|_| GrantRefusal::Scope)?;
        let allowed = client.scope();
        let may_have =
            |token: &str| allowed.contains(token) && resources.is_none_or(|resources| resources.may_have(token));
        if asked.iter().all(may_have) {
            return Ok(asked);
        }
        let ignores = match client.unknown_scopes().unwrap_or(self.settings.unknown_scopes) {
            UnknownScopes::IgnoreWithOpenId => asked.contains(OPENID) && allowed.contains(OPENID),
            UnknownScopes::Ignore => true,
            UnknownScopes::Refuse => false,
        };
        if !ignores || asked.iter().any(|token| !allowed.contains(token) && self.knows_scope(token)) {
            return Err(GrantRefusal::Scope);
        }
        let left = Scope::from_tokens(asked.iter().filter(|token| may_have(token)));
        // A grant of nothing is not what anybody asked for.
        left.ok().filter(|left| !left.is_empty()).ok_or(GrantRefusal::Scope)
    }

    fn knows_scope(&self, token: &str) -> bool {
        self.endpoints.scopes().contains(token) || self.clients.knows_scope(token)
    }
}
