//! What a token is for.

use super::{AccessTokenFormat, Found, ResourceRef, ResourceSet};
use crate::client::Clients;
use crate::engine::Engine;
use crate::engine::host::Audience;
#[cfg(feature = "jwt")]
use crate::engine::refusal::ServerFault;
use crate::engine::refusal::{GrantRefusal, Refusal};
use crate::grant::Grant;
use crate::grant::members::GrantResources;
use crate::store::TokenStore;
use crate::wire::Form;

/// What one token is for; nothing in an engine without resources.
#[derive(Default)]
pub(in crate::engine) struct Target<'e> {
    /// Which of the grant's own list; 0 where that stores none, so that the token is a plain one.
    pub(in crate::engine) of_grant: u16,
    pub(in crate::engine) resources: Found<'e>,
    /// Where the resources say it.
    pub(in crate::engine) format: Option<AccessTokenFormat>,
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// What the token of a request is for, and of what the mask selects from the grant's scope, the part that it may have.
    #[inline]
    pub(in crate::engine) fn target(
        &self,
        grant: &Grant,
        form: &Form<'_>,
        mask: u64,
    ) -> Result<(Target<'_>, u64), Refusal> {
        match self.settings.resources.as_deref() {
            None if grant.resource_list().is_none() => Ok((Target::default(), mask)),
            // What was for one resource must not become a token for whatever this engine guards.
            None => Err(GrantRefusal::Target.into()),
            Some(set) => set.target_of(grant, form, mask, self.jwt.names_subjects()),
        }
    }
}

impl ResourceSet {
    fn target_of(
        &self,
        grant: &Grant,
        form: &Form<'_>,
        mask: u64,
        makes_jwts: bool,
    ) -> Result<(Target<'_>, u64), Refusal> {
        let named = self.named(form)?;
        let target = self.target(grant, &named)?;
        // The second is said where nothing is left: who named something can name something else, who did not has to log in
        // anew.
        let is_told = !named.is_empty() || form.single("scope").is_ok_and(|scope| scope.is_some());
        let none_left = if is_told { GrantRefusal::Scope } else { GrantRefusal::ScopeTaken };
        let mask = self.cut(&grant.scope, mask, &target.resources).ok_or(none_left)?;
        // Before anything is spent: what cannot be made then comes too late, and the token that the client sends again would be a replay. A
        // resource that the host looks up may want what this engine does not make.
        #[cfg(feature = "jwt")]
        if target.format == Some(AccessTokenFormat::Jwt) && !makes_jwts {
            return Err(ServerFault::Signing.into());
        }
        #[cfg(not(feature = "jwt"))]
        let _ = makes_jwts;
        Ok((target, mask))
    }
}

impl Target<'_> {
    /// As events have it.
    pub(in crate::engine) fn audience(&self) -> Audience<'_> {
        Audience::of(&self.resources)
    }
}

impl ResourceSet {
    fn target(&self, grant: &Grant, named: &[ResourceRef<'_>]) -> Result<Target<'_>, GrantRefusal> {
        let mut target = Target::default();
        match grant.resource_list() {
            None => target.resources.extend(self.default_of(grant.created_at)),
            Some(list) => {
                let implied = if named.is_empty() { self.implied(list) } else { u16::MAX };
                for (bit, uri) in list.bits() {
                    // One that the engine no longer has is nobody's.
                    let Some(resource) = self.find(uri).filter(|_| implied & bit != 0) else { continue };
                    if (named.is_empty() || named.contains(&resource)) && !target.resources.contains(&resource) {
                        target.of_grant |= bit;
                        target.resources.push(resource);
                    }
                }
            }
        }
        // All that are named, or none at all (RFC 8707 section 2.2).
        if target.resources.is_empty() || !named.iter().all(|resource| target.resources.contains(resource)) {
            return Err(GrantRefusal::Target);
        }
        target.format = self.format(&target.resources)?;
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
    fn format(&self, resources: &[ResourceRef<'_>]) -> Result<Option<AccessTokenFormat>, GrantRefusal> {
        let mut formats = resources.iter().map(|resource| resource.format.unwrap_or(self.usual));
        let first = formats.next();
        if formats.all(|format| Some(format) == first) { Ok(first) } else { Err(GrantRefusal::Target) }
    }

    /// What was consented to.
    pub(in crate::engine) fn of_login(&self, grant: &Grant) -> Found<'_> {
        self.of_token(grant, if grant.resource_list().is_some() { u16::MAX } else { 0 })
    }

    /// What a genuine token of this grant, with this mask of its list, is for.
    pub(in crate::engine) fn of_token(&self, grant: &Grant, of_grant: u16) -> Found<'_> {
        match grant.resource_list() {
            None if of_grant == 0 => self.default_of(grant.created_at).into_iter().collect(),
            None => Found::None,
            Some(list) => {
                list.bits().filter(|(bit, _)| of_grant & bit != 0).filter_map(|(_, uri)| self.find(uri)).collect()
            }
        }
    }
}
