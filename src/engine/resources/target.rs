//! What a token is for.

use smallvec::SmallVec;

use super::{AccessTokenFormat, Resources};
use crate::client::Clients;
use crate::engine::Engine;
use crate::engine::refusal::GrantRefusal;
use crate::grant::Grant;
use crate::grant::members::GrantResources;
use crate::store::TokenStore;
use crate::wire::Form;

/// Places of resources among those of the engine, each once.
pub(in crate::engine) type Places = SmallVec<[usize; 2]>;

/// What one token is for; nothing in an engine without resources.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(in crate::engine) struct Target {
    /// Which of the grant's own list; 0 where that stores none, so that the token is a plain one.
    pub(in crate::engine) of_grant: u16,
    pub(in crate::engine) places: Places,
    /// Where the resources say it.
    pub(in crate::engine) format: Option<AccessTokenFormat>,
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// What the token of a request is for, and of what the mask selects from the grant's scope, the part that it may have.
    pub(in crate::engine) fn target(
        &self,
        grant: &Grant,
        form: &Form<'_>,
        mask: u64,
    ) -> Result<(Target, u64), GrantRefusal> {
        let Some(resources) = self.settings.resources.as_deref() else {
            // What was for one resource must not become a token for whatever this engine guards.
            return if grant.resource_list().is_none() {
                Ok((Target::default(), mask))
            } else {
                Err(GrantRefusal::Target)
            };
        };
        let named = resources.named(form)?;
        let target = resources.target(grant, &named)?;
        // The second is said where nothing is left: who named something can name something else, who did not has to log in
        // anew.
        let is_told = !named.is_empty() || form.single("scope").is_ok_and(|scope| scope.is_some());
        let none_left = if is_told { GrantRefusal::Scope } else { GrantRefusal::ScopeTaken };
        let mask = resources.cut(&grant.scope, mask, &target.places).ok_or(none_left)?;
        Ok((target, mask))
    }
}

impl Resources {
    fn target(&self, grant: &Grant, named: &Places) -> Result<Target, GrantRefusal> {
        let mut target = Target::default();
        match grant.resource_list() {
            None => target.places.push(self.default_of(grant.created_at)),
            Some(list) => {
                let implied = if named.is_empty() { self.implied(list) } else { u16::MAX };
                for (bit, uri) in list.bits() {
                    // One that the engine no longer has is nobody's.
                    let Some(place) = self.find(uri).filter(|_| implied & bit != 0) else { continue };
                    if (named.is_empty() || named.contains(&place)) && !target.places.contains(&place) {
                        target.of_grant |= bit;
                        target.places.push(place);
                    }
                }
            }
        }
        // All that are named, or none at all (RFC 8707 section 2.2).
        if target.places.is_empty() || !named.iter().all(|place| target.places.contains(place)) {
            return Err(GrantRefusal::Target);
        }
        target.format = self.format(&target.places)?;
        Ok(target)
    }

    /// What a request is for that names none: what the first one named, or the only one.
    fn implied(&self, list: &GrantResources) -> u16 {
        match (list.first_named, list.uris.len()) {
            (0, 1) => 1,
            (0, _) if self.unnamed_are_for_all => u16::MAX,
            (first, _) => first,
        }
    }

    /// What a token for all of these is. One that only some of them can read is for none.
    fn format(&self, places: &[usize]) -> Result<Option<AccessTokenFormat>, GrantRefusal> {
        let mut formats = places.iter().filter_map(|&place| self.get(place)).map(|resource| resource.format);
        let first = formats.next().flatten();
        if formats.all(|format| format == first) { Ok(first) } else { Err(GrantRefusal::Target) }
    }

    /// What a genuine token of this grant, with this mask of its list, is for.
    pub(in crate::engine) fn places_of(&self, grant: &Grant, of_grant: u16) -> Places {
        match grant.resource_list() {
            None if of_grant == 0 => Places::from_slice(&[self.default_of(grant.created_at)]),
            None => Places::new(),
            Some(list) => {
                list.bits().filter(|(bit, _)| of_grant & bit != 0).filter_map(|(_, uri)| self.find(uri)).collect()
            }
        }
    }
}
