//! A few resources.

use std::ops::Deref;

use super::ResourceRef;

/// Resources of the engine, each once. Nearly always none or one, which take no allocation.
#[derive(Clone, Default)]
pub(in crate::engine) enum Found<'e> {
    #[default]
    None,
    One(ResourceRef<'e>),
    Several(Vec<ResourceRef<'e>>),
}

impl<'e> Found<'e> {
    pub(in crate::engine) fn push(&mut self, resource: ResourceRef<'e>) {
        *self = match std::mem::take(self) {
            Self::None => Self::One(resource),
            Self::One(first) => Self::Several(vec![first, resource]),
            Self::Several(mut all) => {
                all.push(resource);
                Self::Several(all)
            }
        };
    }
}

impl<'e> Deref for Found<'e> {
    type Target = [ResourceRef<'e>];

    fn deref(&self) -> &[ResourceRef<'e>] {
        match self {
            Self::None => &[],
            Self::One(only) => std::slice::from_ref(only),
            Self::Several(all) => all,
        }
    }
}

impl<'e> Extend<ResourceRef<'e>> for Found<'e> {
    fn extend<I: IntoIterator<Item = ResourceRef<'e>>>(&mut self, more: I) {
        more.into_iter().for_each(|resource| self.push(resource));
    }
}

impl<'e> FromIterator<ResourceRef<'e>> for Found<'e> {
    fn from_iter<I: IntoIterator<Item = ResourceRef<'e>>>(all: I) -> Self {
        let mut found = Self::None;
        found.extend(all);
        found
    }
}
