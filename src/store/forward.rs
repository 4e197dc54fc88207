//! A reference to a store, an `Arc` and a `Box` of one are stores.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::{Cursor, Durability, Insert, Listed, ReadyStore, Removed, StoreError, Swap, TokenStore};
use crate::grant::{Grant, GrantId, Owner, Timestamp, Version};
use crate::token::KeyFingerprint;

macro_rules! forward {
    ($pointer:ty) => {
        // A method with a default body would otherwise be forwarded to that default, not to the store.
        #[deny(clippy::missing_trait_methods)]
        impl<S: TokenStore + ?Sized> TokenStore for $pointer {
            fn insert(&self, grant: &Grant, now: Timestamp) -> impl Future<Output = Result<Insert, StoreError>> + Send {
                (**self).insert(grant, now)
            }

            fn load(&self, id: GrantId) -> impl Future<Output = Result<Option<Grant>, StoreError>> + Send {
                (**self).load(id)
            }

            fn compare_and_swap(
                &self,
                expected: Version,
                next: &Grant,
                now: Timestamp,
            ) -> impl Future<Output = Result<Swap, StoreError>> + Send {
                (**self).compare_and_swap(expected, next, now)
            }

            fn remove(&self, id: GrantId) -> impl Future<Output = Result<Removed, StoreError>> + Send {
                (**self).remove(id)
            }

            fn list(
                &self,
                owner: &Owner,
                after: Option<Cursor>,
                limit: usize,
            ) -> impl Future<Output = Result<Listed, StoreError>> + Send {
                (**self).list(owner, after, limit)
            }

            fn purge_expired(
                &self,
                now: Timestamp,
                limit: usize,
            ) -> impl Future<Output = Result<usize, StoreError>> + Send {
                (**self).purge_expired(now, limit)
            }

            #[inline]
            fn expect_load(&self, id: GrantId) {
                (**self).expect_load(id);
            }

            fn propose_id(&self, now: Timestamp) -> Option<u32> {
                (**self).propose_id(now)
            }

            fn durability(&self) -> Durability {
                (**self).durability()
            }

            fn longest_commit(&self) -> Duration {
                (**self).longest_commit()
            }

            fn keep_key_fingerprints(
                &self,
                add: &[KeyFingerprint],
            ) -> impl Future<Output = Result<Vec<KeyFingerprint>, StoreError>> + Send {
                (**self).keep_key_fingerprints(add)
            }
        }

        impl<S: ReadyStore + ?Sized> ReadyStore for $pointer {}
    };
}

forward!(&S);
forward!(Arc<S>);
forward!(Box<S>);
