//! What a host says of its resources while it builds an engine.

use std::collections::{HashMap, HashSet};

use smol_str::SmolStr;

use super::added::Added;
use super::{AccessTokenFormat, Resource, ResourceSet, Resources};
use crate::engine::builder::error::BuildError;
use crate::grant::Timestamp;

/// What a host has said so far.
#[derive(Default)]
pub(in crate::engine) struct ResourceSettings {
    pub(in crate::engine) all: Vec<Resource>,
    pub(in crate::engine) default: Option<String>,
    pub(in crate::engine) earlier_default: Option<(String, Timestamp)>,
    pub(in crate::engine) must_be_named: bool,
    pub(in crate::engine) unnamed_are_for_all: bool,
    pub(in crate::engine) others: Option<Box<dyn Resources>>,
}

impl ResourceSettings {
    /// `None` where the engine has no resources.
    pub(in crate::engine) fn build(self, usual: AccessTokenFormat) -> Result<Option<Box<ResourceSet>>, BuildError> {
        let mut built = ResourceSet {
            all: Vec::new(),
            places: HashMap::new(),
            defined: HashSet::new(),
            default: 0,
            usual,
            earlier_default: None,
            must_be_named: self.must_be_named,
            unnamed_are_for_all: self.unnamed_are_for_all,
            added: Added::default(),
            others: self.others,
        };
        let number = self.all.len();
        for (place, resource) in self.all.into_iter().enumerate() {
            let form = resource.normal_form().ok_or(BuildError::Resource)?;
            if built.places.insert(form.into(), place).is_some() {
                return Err(BuildError::DuplicateResource);
            }
            built.defined.extend(resource.scopes().iter().map(SmolStr::new));
            built.all.push(resource);
        }
        // Both spellings, so that a look-up by the usual one normalises nothing.
        for (place, resource) in built.all.iter().enumerate() {
            built.places.entry(resource.uri.clone()).or_insert(place);
        }
        built.default = match (&self.default, number) {
            (None, 0) => {
                let needs_one = self.earlier_default.is_some() || built.others.is_some();
                return if needs_one { Err(BuildError::DefaultResource) } else { Ok(None) };
            }
            (None, 1) => 0,
            (None, _) => return Err(BuildError::DefaultResourceRequired),
            (Some(uri), _) => built.place_of(uri).ok_or(BuildError::DefaultResource)?,
        };
        if let Some((uri, until)) = &self.earlier_default {
            built.earlier_default = Some((built.place_of(uri).ok_or(BuildError::DefaultResource)?, *until));
        }
        Ok(Some(Box::new(built)))
    }
}
