//! The resources that tokens can be for: RFC 8707.
//!
//! An engine without any is as if this room were not there. With some, every token is for one or more of them: those that
//! the grant's list has, or, of a grant that stores none, the default one.

mod asked;
mod settings;
mod target;
mod value;

pub(crate) use asked::Asked;
pub(super) use settings::ResourceSettings;
pub(super) use target::{Places, Target};
pub use value::{AccessTokenFormat, Resource};

use std::collections::{HashMap, HashSet};

use smallvec::SmallVec;
use smol_str::SmolStr;

use super::refusal::GrantRefusal;
use crate::grant::members::GrantResources;
use crate::grant::{Scope, Timestamp};
use crate::wire::{Form, normal_form};

/// Those of an engine. A resource is known by its place among them.
pub(super) struct Resources {
    all: Vec<Resource>,
    /// By normal form, and by the spelling of the host.
    places: HashMap<SmolStr, usize>,
    /// The scopes that some resource defines.
    defined: HashSet<SmolStr>,
    default: usize,
    /// The one that grants made before this time are for, where they store none.
    earlier_default: Option<(usize, Timestamp)>,
    must_be_named: bool,
    unnamed_are_for_all: bool,
}

impl Resources {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Resource> {
        self.all.iter()
    }

    pub(super) fn get(&self, place: usize) -> Option<&Resource> {
        self.all.get(place)
    }

    /// As the host spelt them.
    pub(super) fn uris<'r>(&'r self, places: &'r [usize]) -> impl Iterator<Item = &'r str> {
        places.iter().filter_map(|&place| self.get(place)).map(Resource::uri)
    }

    /// The same, to keep.
    pub(super) fn spellings(&self, places: &[usize]) -> SmallVec<[SmolStr; 1]> {
        places.iter().filter_map(|&place| self.get(place)).map(|resource| resource.uri.clone()).collect()
    }

    /// The place of the resource that this means, however it is spelt.
    pub(super) fn find(&self, text: &str) -> Option<usize> {
        // Of what is longer than any, three bytes are one at best once it is decoded.
        if text.len() > 3 * Resource::MAX_URI_BYTES {
            return None;
        }
        self.places.get(text).or_else(|| self.places.get(normal_form(text)?.as_str())).copied()
    }

    /// What [`Engine::bearer`](super::Engine::bearer) guards.
    pub(super) const fn default_place(&self) -> usize {
        self.default
    }

    /// What a grant of that time is for, where it stores no resource.
    pub(super) fn default_of(&self, created_at: Timestamp) -> usize {
        match self.earlier_default {
            Some((earlier, until)) if created_at < until => earlier,
            _ => self.default,
        }
    }

    /// The resources that a request names; an empty one counts as absent.
    pub(super) fn named(&self, form: &Form<'_>) -> Result<Places, GrantRefusal> {
        let mut named = Places::new();
        for text in form.all("resource") {
            let place = self.find(text).ok_or(GrantRefusal::Target)?;
            if !named.contains(&place) {
                named.push(place);
            }
        }
        if named.len() > GrantResources::MAX { Err(GrantRefusal::Target) } else { Ok(named) }
    }

    /// Whether a token for these may have this scope: one of them defines it, or none does.
    pub(super) fn may_have(&self, places: &[usize], token: &str) -> bool {
        self.is_own(token)
            || places.iter().any(|&place| self.get(place).is_some_and(|resource| resource.scopes.contains(token)))
    }

    /// Whether a scope is the engine's: no resource defines it.
    pub(super) fn is_own(&self, token: &str) -> bool {
        !self.defined.contains(token)
    }

    /// Of what the mask selects from this scope, what a token for these may have. `None` where nothing is left of it.
    pub(super) fn cut(&self, scope: &Scope, mask: u64, places: &[usize]) -> Option<u64> {
        let left = mask & scope.mask_where(|token| self.may_have(places, token));
        (left != 0 || mask == 0).then_some(left)
    }

    /// The same of a scope as such.
    pub(super) fn cut_scope(&self, scope: &Scope, places: &[usize]) -> Option<Scope> {
        self.cut(scope, Scope::WHOLE, places).map(|mask| scope.select(mask))
    }
}
