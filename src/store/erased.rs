//! The erased form of the store trait, for a store that is chosen at run time.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::{Cursor, Durability, Insert, Listed, Removed, StoreError, Swap, TokenStore};
use crate::grant::{Grant, GrantId, Owner, Timestamp, Version};
use crate::token::KeyFingerprint;

/// The future of an erased call.
///
/// ```
/// use regrant::store::{BoxFuture, DynTokenStore, StoreError};
/// use regrant::{Grant, GrantId};
/// fn load(store: &dyn DynTokenStore, id: GrantId) -> BoxFuture<'_, Result<Option<Grant>, StoreError>> {
///     store.load_dyn(id)
/// }
/// ```
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// [`TokenStore`] with boxed futures, so that there can be a `Box<dyn DynTokenStore>`, which is a [`TokenStore`] in
/// turn. Every store has it; implement [`TokenStore`], not this.
///
/// ```
/// use regrant::store::DynTokenStore;
/// use regrant::{Engine, MemoryStore, StaticClients};
///
/// let chosen: Box<dyn DynTokenStore> = Box::new(MemoryStore::new());
/// let engine = Engine::builder(chosen, StaticClients::new()).build()?;
/// # Ok::<(), regrant::BuildError>(())
/// ```
pub trait DynTokenStore: Send + Sync {
    /// [`TokenStore::insert`].
    fn insert_dyn<'a>(&'a self, grant: &'a Grant, now: Timestamp) -> BoxFuture<'a, Result<Insert, StoreError>>;
    /// [`TokenStore::load`].
    fn load_dyn(&self, id: GrantId) -> BoxFuture<'_, Result<Option<Grant>, StoreError>>;
    /// [`TokenStore::compare_and_swap`].
    fn compare_and_swap_dyn<'a>(
        &'a self,
        expected: Version,
        next: &'a Grant,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Swap, StoreError>>;
    /// [`TokenStore::remove`].
    fn remove_dyn(&self, id: GrantId) -> BoxFuture<'_, Result<Removed, StoreError>>;
    /// [`TokenStore::list`].
    fn list_dyn<'a>(
        &'a self,
        owner: &'a Owner,
        after: Option<Cursor>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Listed, StoreError>>;
    /// [`TokenStore::purge_expired`].
    fn purge_expired_dyn(&self, now: Timestamp, limit: usize) -> BoxFuture<'_, Result<usize, StoreError>>;
    /// [`TokenStore::expect_load`].
    fn expect_load_dyn(&self, id: GrantId);
    /// [`TokenStore::propose_id`].
    fn propose_id_dyn(&self, now: Timestamp) -> Option<u32>;
    /// [`TokenStore::durability`].
    fn durability_dyn(&self) -> Durability;
    /// [`TokenStore::longest_commit`].
    fn longest_commit_dyn(&self) -> Duration;
    /// [`TokenStore::keep_key_fingerprints`].
    fn keep_key_fingerprints_dyn<'a>(
        &'a self,
        add: &'a [KeyFingerprint],
    ) -> BoxFuture<'a, Result<Vec<KeyFingerprint>, StoreError>>;
}

impl<S: TokenStore> DynTokenStore for S {
    fn insert_dyn<'a>(&'a self, grant: &'a Grant, now: Timestamp) -> BoxFuture<'a, Result<Insert, StoreError>> {
        Box::pin(self.insert(grant, now))
    }

    fn load_dyn(&self, id: GrantId) -> BoxFuture<'_, Result<Option<Grant>, StoreError>> {
        Box::pin(self.load(id))
    }

    fn compare_and_swap_dyn<'a>(
        &'a self,
        expected: Version,
        next: &'a Grant,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Swap, StoreError>> {
        Box::pin(self.compare_and_swap(expected, next, now))
    }

    fn remove_dyn(&self, id: GrantId) -> BoxFuture<'_, Result<Removed, StoreError>> {
        Box::pin(self.remove(id))
    }

    fn list_dyn<'a>(
        &'a self,
        owner: &'a Owner,
        after: Option<Cursor>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Listed, StoreError>> {
        Box::pin(self.list(owner, after, limit))
    }

    fn purge_expired_dyn(&self, now: Timestamp, limit: usize) -> BoxFuture<'_, Result<usize, StoreError>> {
        Box::pin(self.purge_expired(now, limit))
    }

    fn expect_load_dyn(&self, id: GrantId) {
        self.expect_load(id);
    }

    fn propose_id_dyn(&self, now: Timestamp) -> Option<u32> {
        self.propose_id(now)
    }

    fn durability_dyn(&self) -> Durability {
        self.durability()
    }

    fn longest_commit_dyn(&self) -> Duration {
        self.longest_commit()
    }

    fn keep_key_fingerprints_dyn<'a>(
        &'a self,
        add: &'a [KeyFingerprint],
    ) -> BoxFuture<'a, Result<Vec<KeyFingerprint>, StoreError>> {
        Box::pin(self.keep_key_fingerprints(add))
    }
}

#[deny(clippy::missing_trait_methods)]
impl TokenStore for dyn DynTokenStore + '_ {
    async fn insert(&self, grant: &Grant, now: Timestamp) -> Result<Insert, StoreError> {
        self.insert_dyn(grant, now).await
    }

    async fn load(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        self.load_dyn(id).await
    }

    async fn compare_and_swap(&self, expected: Version, next: &Grant, now: Timestamp) -> Result<Swap, StoreError> {
        self.compare_and_swap_dyn(expected, next, now).await
    }

    async fn remove(&self, id: GrantId) -> Result<Removed, StoreError> {
        self.remove_dyn(id).await
    }

    async fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Result<Listed, StoreError> {
        self.list_dyn(owner, after, limit).await
    }

    async fn purge_expired(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.purge_expired_dyn(now, limit).await
    }

    fn expect_load(&self, id: GrantId) {
        self.expect_load_dyn(id);
    }

    fn propose_id(&self, now: Timestamp) -> Option<u32> {
        self.propose_id_dyn(now)
    }

    fn durability(&self) -> Durability {
        self.durability_dyn()
    }

    fn longest_commit(&self) -> Duration {
        self.longest_commit_dyn()
    }

    async fn keep_key_fingerprints(&self, add: &[KeyFingerprint]) -> Result<Vec<KeyFingerprint>, StoreError> {
        self.keep_key_fingerprints_dyn(add).await
    }
}
