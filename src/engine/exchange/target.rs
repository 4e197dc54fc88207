//! For whom a new token is, and how much of the scope it has: RFC 8693 section 2.1, RFC 8707 section 2.

use smallvec::SmallVec;
use smol_str::SmolStr;

use super::ExchangeParty;
use crate::client::{Client, Clients};
use crate::engine::Engine;
use crate::engine::host::ExchangeTerms;
use crate::engine::refusal::GrantRefusal;
use crate::engine::resources::{Found, Resource};
use crate::grant::Scope;
use crate::grant::members::GrantResources;
use crate::store::TokenStore;
use crate::wire::{Form, normal_form, read_uri};

/// The names that a token is for: resources as the engine spells them, all else as it is written.
pub(in crate::engine) type Asked = SmallVec<[SmolStr; 1]>;

/// For whom a new token is.
#[derive(Default)]
pub(in crate::engine) struct Aim<'e> {
    /// All of them, as they are in the token.
    pub(in crate::engine) names: Asked,
    /// Of those, the engine's own.
    pub(in crate::engine) resources: Found<'e>,
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Whom a request names, each once. `resource` is an absolute URI without a fragment (RFC 8707 section 2), `audience` any name.
    pub(in crate::engine) fn asked_audience(&self, form: &Form<'_>) -> Result<Asked, GrantRefusal> {
        let is_uri = |text: &&str| read_uri(text).is_some_and(|uri| !uri.has_fragment());
        let mut asked = Asked::new();
        let resources = form.all("resource").map(|text| Some(text).filter(is_uri));
        for text in resources.chain(form.all("audience").map(Some)) {
            let text = text.filter(|text| text.len() <= Resource::MAX_URI_BYTES).ok_or(GrantRefusal::Target)?;
            let name = self.spelt(text);
            if !asked.contains(&name) {
                asked.push(name);
            }
        }
        if asked.len() > GrantResources::MAX { Err(GrantRefusal::Target) } else { Ok(asked) }
    }

    /// A name as the engine spells it, where it is one of its resources.
    fn spelt(&self, name: &str) -> SmolStr {
        let found = self.settings.resources.as_deref().and_then(|resources| resources.find(name));
        found.map_or_else(|| SmolStr::new(name), |resource| resource.uri.clone())
    }

    /// For whom the new token is: those that are asked for, each of which the policy has to allow. A client with a token of its own gets
    /// none for a resource that was not consented to (law 19): its person would not know.
    pub(in crate::engine) fn aim(
        &self,
        asked: &[SmolStr],
        terms: &ExchangeTerms,
        subject: &ExchangeParty,
        client: &Client,
    ) -> Result<Aim<'_>, GrantRefusal> {
        let allowed: Asked = terms.audience.iter().map(|name| self.spelt(name)).collect();
        let resources = self.settings.resources.as_deref();
        let names: Asked = match asked {
            [] if resources.is_some_and(|resources| resources.must_be_named) => return Err(GrantRefusal::Target),
            [] => match &*allowed {
                [only] => SmallVec::from([only.clone()]),
                several => self.default_audience().into_iter().filter(|name| several.contains(name)).collect(),
            },
            // By the policy's spelling: what a client writes is not put into tokens.
            asked => asked
                .iter()
                .map(|name| allowed.iter().find(|allowed| is_same(allowed, name)).cloned())
                .collect::<Option<_>>()
                .ok_or(GrantRefusal::Target)?,
        };
        let is_own = subject.grant.client_id() == client.id();
        let consented = self.consented(&subject.grant).filter(|_| is_own);
        if names.is_empty() || consented.is_some_and(|consented| names.iter().any(|name| !consented.contains(name))) {
            return Err(GrantRefusal::Target);
        }
        let found = resources.map(|set| names.iter().filter_map(|name| set.find(name)).collect());
        Ok(Aim { names, resources: found.unwrap_or_default() })
    }

    /// Whom a token is for that names nobody.
    fn default_audience(&self) -> Asked {
        if let Some(resources) = self.settings.resources.as_deref() {
            return resources.default_resource().map(|resource| resource.uri.clone()).into_iter().collect();
        }
        let tokens = self.jwt.signing().and_then(|signing| signing.access.get());
        let issuer = self.issuer().unwrap_or_default();
        tokens.into_iter().flat_map(|tokens| tokens.audiences(issuer)).map(SmolStr::new).collect()
    }

    /// The scope that is asked for: within the subject token's and what the client may have. All of that where none is named.
    pub(in crate::engine) fn scope_of_exchange(
        named: Option<&str>,
        subject: &ExchangeParty,
        client: &Client,
    ) -> Result<Scope, GrantRefusal> {
        let most = subject.scope.select(subject.scope.mask_within(client.scope()));
        let Some(text) = named else { return Ok(most) };
        let scope = Scope::parse(text).map_err(|_| GrantRefusal::Scope)?;
        if scope.is_subset_of(&most) { Ok(scope) } else { Err(GrantRefusal::Scope) }
    }

    /// What is left of it: what those that the token is for define, or no resource does, and the policy allows. Of whom the engine knows
    /// nothing the policy knows what a scope means there, if it names it. What the request named has to be theirs; without a scope of
    /// theirs, and where none was named, the token says who it is and no more.
    pub(in crate::engine) fn aimed_scope(
        &self,
        asked: &Scope,
        is_named: bool,
        aim: &Aim<'_>,
        terms: &ExchangeTerms,
    ) -> Result<Scope, GrantRefusal> {
        let has_others = aim.names.len() > aim.resources.len();
        let of_others = |token: &str| has_others && terms.scope.as_ref().is_some_and(|most| most.contains(token));
        let theirs = self.settings.resources.as_deref().map_or_else(
            || asked.clone(),
            |resources| {
                asked.select(asked.mask_where(|token| resources.may_have(&aim.resources, token) || of_others(token)))
            },
        );
        if is_named && theirs != *asked {
            return Err(GrantRefusal::Scope);
        }
        let Some(most) = &terms.scope else { return Ok(theirs) };
        let left = theirs.select(theirs.mask_within(most));
        if left.is_empty() && !theirs.is_empty() { Err(GrantRefusal::Scope) } else { Ok(left) }
    }
}

/// Whether two names are the same: to the letter, or, where both are URIs, in their normal form.
fn is_same(allowed: &str, asked: &str) -> bool {
    allowed == asked || normal_form(allowed).is_some_and(|form| normal_form(asked).as_deref() == Some(&*form))
}
