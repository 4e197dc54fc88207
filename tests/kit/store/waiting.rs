//! A store of an async runtime, for a scheduler that polls by hand: each operation is waited for where it is polled.

use std::sync::OnceLock;
use std::time::Duration;

use regrant::grant::{Owner, Version};
use regrant::store::{Cursor, Durability, Insert, Listed, Removed, StoreError, Swap};
use regrant::{Grant, GrantId, Timestamp, TokenStore};
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
pub(crate) struct Waiting<S> {
    store: S,
    expires_by_itself: bool,
}

impl<S> Waiting<S> {
    /// Of a store that removes what has expired by its own clock, which goes on where the tests' stands still: such a
    /// one is told of times so long ago that nothing expires while a test runs.
    pub(crate) const fn of(store: S, expires_by_itself: bool) -> Self {
        Self { store, expires_by_itself }
    }

    const fn told(&self, now: Timestamp) -> Timestamp {
        if self.expires_by_itself { Timestamp::EPOCH } else { now }
    }
}

impl<S: TokenStore> TokenStore for Waiting<S> {
    async fn insert(&self, grant: &Grant, now: Timestamp) -> Result<Insert, StoreError> {
        wait(self.store.insert(grant, self.told(now)))
    }

    async fn load(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        wait(self.store.load(id))
    }

    async fn compare_and_swap(&self, expected: Version, next: &Grant, now: Timestamp) -> Result<Swap, StoreError> {
        wait(self.store.compare_and_swap(expected, next, self.told(now)))
    }

    async fn remove(&self, id: GrantId) -> Result<Removed, StoreError> {
        wait(self.store.remove(id))
    }

    async fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Result<Listed, StoreError> {
        wait(self.store.list(owner, after, limit))
    }

    async fn purge_expired(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        wait(self.store.purge_expired(now, limit))
    }

    fn durability(&self) -> Durability {
        self.store.durability()
    }

    fn longest_commit(&self) -> Duration {
        self.store.longest_commit()
    }
}
