//! Where the store of a check keeps its grants.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Where a store that is checked keeps its grants: empty when it is opened there for the first time, and with what was
/// left there when it is opened again.
///
/// Its name is new, in this process and on a server that others use: to be the name of a table, schema or file, or the
/// prefix of keys.
///
/// ```no_run
/// use regrant::store::{FileStore, FileStoreError};
/// use regrant::conformance::Place;
///
/// fn open(place: &Place) -> Result<FileStore, FileStoreError> {
///     FileStore::open(std::env::temp_dir().join(place.name()))
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Place(String);

impl Place {
    pub(super) fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(format!("check_{:08x}_{number}", rand::random::<u32>()))
    }

    /// Lower-case ASCII letters, digits and `_`, beginning with a letter; at most 35 of them.
    ///
    /// ```
    /// # fn table(place: &regrant::conformance::Place) -> String {
    /// format!("CREATE TABLE {} (id bigint PRIMARY KEY)", place.name())
    /// # }
    /// ```
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
