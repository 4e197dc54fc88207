//! The resources that tokens can be for: RFC 8707.
//!
//! An engine without any is as if this room were not there. With some, every token is for one or more of them: those that
//! the grant's list has, or, of a grant that stores none, the default one.

mod added;
mod asked;
mod found;
mod registry;
mod settings;
mod target;
mod value;

use added::Added;
pub(crate) use asked::Asked;
pub(super) use found::Found;
pub use registry::{ResourceRef, Resources};
pub(super) use settings::ResourceSettings;
pub(super) use target::Target;
pub use value::{AccessTokenFormat, Resource};

use std::collections::{HashMap, HashSet};

use smallvec::SmallVec;
use smol_str::SmolStr;

use super::builder::BuildError;
use super::refusal::GrantRefusal;
use crate::grant::members::GrantResources;
use crate::grant::{Scope, Timestamp};
use crate::wire::{Form, normal_form};

/// Those of an engine.
pub(super) struct ResourceSet {
    /// That the builder was given.
    all: Vec<Resource>,
    /// By normal form, and by the spelling of the host.
    places: HashMap<SmolStr, usize>,
    /// The scopes that some of these define.
    defined: HashSet<SmolStr>,
    default: usize,
    /// What access tokens are for one that does not say it.
    usual: AccessTokenFormat,
    /// The one that grants made before this time are for, where they store none.
    earlier_default: Option<(usize, Timestamp)>,
    pub(super) must_be_named: bool,
    unnamed_are_for_all: bool,
    /// Since then.
    added: Added,
    /// Where others are looked up.
    others: Option<Box<dyn Resources>>,
}

impl ResourceSet {
    /// All but those that are looked up.
    pub(super) fn iter(&self) -> impl Iterator<Item = ResourceRef<'_>> {
        self.all.iter().map(ResourceRef::Borrowed).chain(self.added.all().into_iter().map(ResourceRef::Shared))
    }

    /// Puts one to the others while requests are served, never the default one. `prepare` is run where nothing else speaks against it.
    pub(super) fn add(
        &self,
        resource: Resource,
        prepare: impl FnOnce() -> Result<(), BuildError>,
    ) -> Result<(), BuildError> {
        let form = resource.normal_form().ok_or(BuildError::Resource)?;
        if self.places.contains_key(form.as_str()) {
            return Err(BuildError::DuplicateResource);
        }
        self.added.add(form.into(), resource, prepare)
    }

    /// The resource that this means, however it is spelt.
    pub(super) fn find(&self, text: &str) -> Option<ResourceRef<'_>> {
        // Of what is longer than any, three bytes are one at best once it is decoded.
        if text.len() > 3 * Resource::MAX_URI_BYTES {
            return None;
        }
        let at = |form: &str| self.all.get(*self.places.get(form)?).map(ResourceRef::Borrowed);
        if let Some(found) = at(text) {
            return Some(found);
        }
        let form = normal_form(text)?;
        if let Some(found) = at(&form).or_else(|| self.added.find(&form).map(ResourceRef::Shared)) {
            return Some(found);
        }
        // A token must not be for another than was asked for, whatever the host's look-up finds.
        self.others.as_ref()?.find(&form).filter(|found| found.normal_form().as_deref() == Some(&*form))
    }

    /// The place among those that the builder was given.
    fn place_of(&self, text: &str) -> Option<usize> {
        self.places.get(text).or_else(|| self.places.get(normal_form(text)?.as_str())).copied()
    }

    /// What [`Engine::bearer`](super::Engine::bearer) guards.
    pub(super) fn default_resource(&self) -> Option<ResourceRef<'_>> {
        self.all.get(self.default).map(ResourceRef::Borrowed)
    }

    /// What a grant of that time is for, where it stores no resource.
    pub(super) fn default_of(&self, created_at: Timestamp) -> Option<ResourceRef<'_>> {
        match self.earlier_default {
            Some((earlier, until)) if created_at < until => self.all.get(earlier).map(ResourceRef::Borrowed),
            _ => self.default_resource(),
        }
    }

    /// Whether the grants that store none are for what they are for in `before`: nobody's consent becomes one to another.
    pub(super) fn keeps_default_of(&self, before: &Self) -> bool {
        let form = |set: &Self, place: usize| set.all.get(place).and_then(Resource::normal_form);
        let earlier = |set: &Self| set.earlier_default.map(|(place, until)| (form(set, place), until));
        let (default, was) = (form(self, self.default), form(before, before.default));
        match (earlier(self), earlier(before)) {
            (None, None) => default == was,
            // It moves now, or has been where it is.
            (Some((earlier, _)), None) => earlier == was,
            (earlier, was_earlier) => default == was && earlier == was_earlier,
        }
    }

    /// The resources that a request names; an empty one counts as absent.
    pub(super) fn named(&self, form: &Form<'_>) -> Result<Found<'_>, GrantRefusal> {
        let mut named = Found::None;
        for text in form.all("resource") {
            let resource = self.find(text).ok_or(GrantRefusal::Target)?;
            if !named.contains(&resource) {
                named.push(resource);
            }
        }
        if named.len() > GrantResources::MAX { Err(GrantRefusal::Target) } else { Ok(named) }
    }

    /// Whether a token for these may have this scope: one of them defines it, or none does.
    pub(super) fn may_have(&self, resources: &[ResourceRef<'_>], token: &str) -> bool {
        self.is_own(token) || resources.iter().any(|resource| resource.scopes.contains(token))
    }

    /// Whether a scope is the engine's: no resource defines it.
    pub(super) fn is_own(&self, token: &str) -> bool {
        !self.defined.contains(token)
            && !self.added.defines(token)
            && !self.others.as_ref().is_some_and(|others| others.defines_scope(token))
    }

    /// Of what the mask selects from this scope, what a token for these may have. `None` where nothing is left of it.
    pub(super) fn cut(&self, scope: &Scope, mask: u64, resources: &[ResourceRef<'_>]) -> Option<u64> {
        let left = mask & scope.mask_where(|token| self.may_have(resources, token));
        (left != 0 || mask == 0).then_some(left)
    }

    /// The same of a scope as such.
    pub(super) fn cut_scope(&self, scope: &Scope, resources: &[ResourceRef<'_>]) -> Option<Scope> {
        self.cut(scope, Scope::WHOLE, resources).map(|mask| scope.select(mask))
    }
}

/// As the host spelt them, to keep.
pub(super) fn spellings(resources: &[ResourceRef<'_>]) -> SmallVec<[SmolStr; 1]> {
    resources.iter().map(|resource| resource.uri.clone()).collect()
}
