//! Resources that are added while requests are served.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;
use smol_str::SmolStr;

use super::Resource;
use crate::engine::builder::BuildError;

/// None is ever taken out: what was issued for one is believed for as long as the engine lives.
#[derive(Default)]
pub(super) struct Added {
    /// Whether there is any, so that an engine to which nothing was added takes no lock.
    any: AtomicBool,
    table: RwLock<Table>,
}

#[derive(Default)]
struct Table {
    all: Vec<Arc<Resource>>,
    /// By normal form.
    places: HashMap<SmolStr, usize>,
    /// The scopes that some of these define.
    defined: HashSet<SmolStr>,
}

impl Added {
    pub(super) fn add(
        &self,
        form: SmolStr,
        resource: Resource,
        prepare: impl FnOnce() -> Result<(), BuildError>,
    ) -> Result<(), BuildError> {
        let mut table = self.table.write();
        if table.places.contains_key(&form) {
            return Err(BuildError::DuplicateResource);
        }
        prepare()?;
        let place = table.all.len();
        table.places.insert(form, place);
        table.defined.extend(resource.scopes().iter().map(SmolStr::new));
        table.all.push(Arc::new(resource));
        self.any.store(true, Ordering::Release);
        Ok(())
    }

    pub(super) fn find(&self, form: &str) -> Option<Arc<Resource>> {
        self.read(|table| table.places.get(form).and_then(|place| table.all.get(*place)).cloned())?
    }

    pub(super) fn defines(&self, token: &str) -> bool {
        self.read(|table| table.defined.contains(token)).unwrap_or_default()
    }

    pub(super) fn all(&self) -> Vec<Arc<Resource>> {
        self.read(|table| table.all.clone()).unwrap_or_default()
    }

    fn read<T>(&self, look: impl FnOnce(&Table) -> T) -> Option<T> {
        self.any.load(Ordering::Acquire).then(|| look(&self.table.read()))
    }
}
