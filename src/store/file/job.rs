//! What the store's thread is handed.

use super::error::Cause;
use super::tables::Tables;

/// A write of any kind, with who waits for it.
pub(super) trait Job: Send {
    /// An error ends the transaction.
    fn apply(&mut self, tables: &mut Tables<'_>) -> Result<(), redb::Error>;

    /// Tells what became of it, after the commit.
    fn answer(self: Box<Self>, committed: &Result<(), Failure>);
}

/// Why the transaction did not take place, or is not known to have.
pub(super) struct Failure {
    pub(super) cause: Cause,
    pub(super) indeterminate: bool,
}
