//! The resources that a request for a new grant is for.

use super::{Found, ResourceSet};
use crate::client::Clients;
use crate::engine::Engine;
use crate::engine::host::Audience;
use crate::engine::refusal::GrantRefusal;
use crate::grant::Scope;
use crate::grant::members::GrantResources;
use crate::store::TokenStore;
use crate::wire::Form;

/// What a request for a new grant names of the engine's resources.
pub(crate) struct Asked<'e> {
    set: &'e ResourceSet,
    named: Found<'e>,
    /// Those that are named, or the default one.
    resources: Found<'e>,
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// `None` in an engine without resources.
    pub(in crate::engine) fn asked_resources(&self, form: &Form<'_>) -> Result<Option<Asked<'_>>, GrantRefusal> {
        let Some(set) = self.settings.resources.as_deref() else { return Ok(None) };
        let named = set.named(form)?;
        if named.is_empty() && set.must_be_named {
            return Err(GrantRefusal::Target);
        }
        let resources = if named.is_empty() { set.default_resource().into_iter().collect() } else { named.clone() };
        Ok(Some(Asked { set, named, resources }))
    }
}

#[cfg(feature = "proof")]
impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// The same where whoever vouches for the request has limited it to these, of which the engine may know some. With more than one of
    /// them the request says which, as a token for several could be used by each at the others.
    pub(in crate::engine) fn asked_resources_within(
        &self,
        form: &Form<'_>,
        limit: Option<&[String]>,
    ) -> Result<Option<Asked<'_>>, GrantRefusal> {
        let Some(limit) = limit else { return self.asked_resources(form) };
        // What is for one resource must not become a token for whatever this engine guards.
        let set = self.settings.resources.as_deref().ok_or(GrantRefusal::Target)?;
        let mut allowed = Found::None;
        for resource in limit.iter().filter_map(|uri| set.find(uri)) {
            if !allowed.contains(&resource) {
                allowed.push(resource);
            }
        }
        let named = set.named(form)?;
        let named = match named.len() {
            0 if allowed.len() == 1 || set.unnamed_are_for_all => allowed,
            _ if named.iter().all(|resource| allowed.contains(resource)) => named,
            _ => return Err(GrantRefusal::Target),
        };
        if named.is_empty() {
            Err(GrantRefusal::Target)
        } else {
            Ok(Some(Asked { set, resources: named.clone(), named }))
        }
    }
}

impl Asked<'_> {
    /// As events have them.
    pub(in crate::engine) fn audience(&self) -> Audience<'_> {
        Audience::of(&self.resources)
    }

    /// As the host spelt them.
    pub(in crate::engine) fn uris(&self) -> impl Iterator<Item = &str> {
        self.resources.iter().map(|resource| resource.uri())
    }

    /// Whether one of them defines this scope, or no resource does.
    pub(in crate::engine) fn may_have(&self, token: &str) -> bool {
        self.set.may_have(&self.resources, token)
    }

    /// A scope that the client named has to be theirs; one that it gets by default is cut to that.
    pub(in crate::engine) fn check_scope(&self, scope: Scope, is_named: bool) -> Result<Scope, GrantRefusal> {
        if scope.iter().all(|token| self.may_have(token)) {
            return Ok(scope);
        }
        let left = self.set.cut(&scope, Scope::WHOLE, &self.resources).filter(|_| !is_named);
        left.map(|mask| scope.select(mask)).ok_or(GrantRefusal::Scope)
    }

    /// The engine's own part of a scope, then each resource's, which may have some in common.
    pub(in crate::engine) fn parts<'s>(&'s self, scope: &'s Scope) -> impl Iterator<Item = (Option<&'s str>, Scope)> {
        let own = scope.select(scope.mask_where(|token| self.set.is_own(token)));
        let own = (!own.is_empty()).then_some((None, own));
        own.into_iter().chain(self.resources.iter().map(|resource| {
            (Some(resource.uri()), scope.select(scope.mask_where(|token| resource.scopes.contains(token))))
        }))
    }

    /// What the grant is to keep: those that were named. `at_once`: the first token is for all of them, since the request that names
    /// them is the token request.
    pub(in crate::engine) fn to_store(&self, at_once: bool) -> Option<GrantResources> {
        let uris: Box<[_]> = self.named.iter().map(|resource| resource.uri.clone()).collect();
        let all = u16::MAX.checked_shr(u32::try_from(GrantResources::MAX - uris.len()).unwrap_or_default());
        let first_named = if at_once && uris.len() > 1 { all.unwrap_or_default() } else { 0 };
        (!uris.is_empty()).then_some(GrantResources { uris, first_named })
    }
}
