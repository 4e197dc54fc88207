//! A store of an async runtime, for a scheduler that polls by hand: each operation is waited for where it is polled.

use std::sync::OnceLock;

use regrant::{
    Cursor, Durability, Grant, GrantId, Inserted, Listed, Owner, StoreError, Swap, Timestamp, TokenStore, Version,
};
use tokio::runtime::{Builder, Runtime};

/// The one runtime of the tests.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime"))
}

/// Waits for a store's future on that runtime.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    runtime().block_on(future)
}

/// The store `S`, never pending. The places where a request can be overtaken or dropped are those of
/// [`Faulty`](super::faulty::Faulty), before and after each operation.
pub(crate) struct Waiting<S>(pub(crate) S);

impl<S: TokenStore> TokenStore for Waiting<S> {
    async fn insert(&self, grant: &Grant, now: Timestamp) -> Result<Inserted, StoreError> {
        wait(self.0.insert(grant, now))
    }

    async fn load(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        wait(self.0.load(id))
    }

    async fn compare_and_swap(&self, expected: Version, next: &Grant, now: Timestamp) -> Result<Swap, StoreError> {
        wait(self.0.compare_and_swap(expected, next, now))
    }

    async fn remove(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        wait(self.0.remove(id))
    }

    async fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Result<Listed, StoreError> {
        wait(self.0.list(owner, after, limit))
    }

    async fn purge_expired(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        wait(self.0.purge_expired(now, limit))
    }

    fn durability(&self) -> Durability {
        self.0.durability()
    }
}
