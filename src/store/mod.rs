//! Where grants are kept: the trait, its errors, its erased form and the memory store.

mod erased;
mod error;
#[cfg(feature = "file")]
#[allow(clippy::incompatible_msrv, reason = "redb asks for Rust 1.90")]
mod file;
mod forward;
mod memory;
mod outcome;
#[cfg(feature = "postgres")]
mod postgres;
mod ready;
#[cfg(feature = "redis")]
mod redis;
mod sync;

use std::future::Future;
use std::time::Duration;

#[cfg(feature = "redis")]
pub use self::redis::{RedisStore, RedisStoreBuilder, RedisStoreError};
pub use erased::{BoxFuture, DynTokenStore};
pub use error::{StoreError, StoreErrorKind};
#[cfg(feature = "file")]
pub use file::{FileStore, FileStoreBuilder, FileStoreError};
pub use memory::{CapacityError, MemoryStore, MemoryStoreBuilder};
pub use outcome::{Listed, Removed};
#[cfg(feature = "postgres")]
pub use postgres::{PostgresSetupError, PostgresStore, PostgresStoreBuilder, PostgresStoreError};
pub use ready::ReadyStore;

use crate::grant::{Grant, GrantId, Owner, Timestamp, Version};
pub use crate::token::KeyFingerprint;

/// Keeps one record per grant.
///
/// Small enough to implement in an afternoon. A store understands an id, a version, an owner and an expiry; the rest of
/// a [`Grant`] is the opaque bytes of [`Grant::encode`]. Write the methods as plain `async fn`.
///
/// Each method says what a wrong answer costs. Every future may be dropped at any await: an operation must then have
/// happened wholly or not at all, now or later.
///
/// ```
/// use parking_lot::Mutex;
/// use regrant::grant::{Owner, Version};
/// use regrant::store::{Cursor, Durability, Insert, Listed, Removed, StoreError, Swap};
/// use regrant::{Grant, GrantId, Timestamp, TokenStore};
/// use std::collections::BTreeMap;
///
/// /// The smallest store that is right.
/// #[derive(Default)]
/// struct Shelf(Mutex<BTreeMap<GrantId, Grant>>);
///
/// impl TokenStore for Shelf {
///     async fn insert(&self, grant: &Grant, _now: Timestamp) -> Result<Insert, StoreError> {
///         let mut shelf = self.0.lock();
///         if shelf.contains_key(&grant.id()) {
///             return Ok(Insert::Duplicate);
///         }
///         shelf.insert(grant.id(), grant.clone());
///         Ok(Insert::Added)
///     }
///
///     async fn load(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
///         Ok(self.0.lock().get(&id).cloned())
///     }
///
///     async fn compare_and_swap(&self, expected: Version, next: &Grant, _now: Timestamp) -> Result<Swap, StoreError> {
///         match self.0.lock().get_mut(&next.id()) {
///             Some(stored) if stored.version() == expected => {
///                 *stored = next.clone();
///                 Ok(Swap::Swapped)
///             }
///             _ => Ok(Swap::Lost),
///         }
///     }
///
///     async fn remove(&self, id: GrantId) -> Result<Removed, StoreError> {
///         Ok(self.0.lock().remove(&id).into())
///     }
///
///     async fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Result<Listed, StoreError> {
///         let after = after.map(|cursor| GrantId::from_u64(cursor.to_u64().unwrap_or(u64::MAX)));
///         let shelf = self.0.lock();
///         let mut grants: Vec<Grant> = shelf
///             .values()
///             .filter(|grant| owner.owns(grant) && after.is_none_or(|after| grant.id() > after))
///             .take(limit.max(1).saturating_add(1))
///             .cloned()
///             .collect();
///         let more = grants.len() > limit.max(1);
///         grants.truncate(limit.max(1));
///         let next = grants.last().filter(|_| more).map(|last| Cursor::from_u64(last.id().as_u64()));
///         Ok(Listed { grants, next, ..Listed::default() })
///     }
///
///     async fn purge_expired(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
///         let mut shelf = self.0.lock();
///         let expired: Vec<GrantId> =
///             shelf.values().filter(|grant| grant.expires_at() <= now).map(Grant::id).take(limit).collect();
///         for id in &expired {
///             shelf.remove(id);
///         }
///         Ok(expired.len())
///     }
///
///     fn durability(&self) -> Durability {
///         Durability::Volatile
///     }
/// }
/// ```
pub trait TokenStore: Send + Sync {
    /// Adds a grant, and refuses an id that exists: [`Insert::Duplicate`], and what is there stays.
    ///
    /// Overwriting instead would hand one person's grant to another. An id whose grant was removed or purged is free again: the engine
    /// computes some ids.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; after [`StoreErrorKind::Indeterminate`] the engine loads to find out.
    fn insert(&self, grant: &Grant, now: Timestamp) -> impl Future<Output = Result<Insert, StoreError>> + Send;

    /// The grant of that id, exactly as it was written last.
    ///
    /// Must be linearizable, never from a lagging replica or a cache: a stale read takes a replayed token for the
    /// current one, and brings a revoked grant back to life.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: answered 503, never as "no such grant". A record that cannot be read is one:
    /// [`StoreErrorKind::Corrupt`] or [`StoreErrorKind::NewerFormat`], as [`Grant::decode`] has it.
    fn load(&self, id: GrantId) -> impl Future<Output = Result<Option<Grant>, StoreError>> + Send;

    /// Writes `next` if the record of its id is there and its version is still `expected`; [`Swap::Lost`] otherwise,
    /// also when the record is gone. One atomic step: a read and then a write hands out two successors of one token;
    /// writing onto an absent record undoes a revocation.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: `NotApplied` only where the write certainly did not and will not happen.
    fn compare_and_swap(
        &self,
        expected: Version,
        next: &Grant,
        now: Timestamp,
    ) -> impl Future<Output = Result<Swap, StoreError>> + Send;

    /// Removes the grant of that id, whatever its version, and returns what it removed: a grant is returned once.
    ///
    /// This is revocation. A swap that was in flight must lose. A record that cannot be read, damaged or of a later
    /// version of this crate, is removed as well: [`Removed::Unreadable`]. One that stayed could not be revoked, and would
    /// work again on a node that can read it.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; never because the record cannot be read.
    fn remove(&self, id: GrantId) -> impl Future<Output = Result<Removed, StoreError>> + Send;

    /// A page of at most `limit` grants (at least one where any is left) of an owner, and a cursor to the next page;
    /// `after` is such a cursor, or `None` for the first page.
    ///
    /// Complete for what was there before the first page and has not been removed since, and without repeats: a grant
    /// that is left out survives "log me out everywhere". Expired grants may be in it.
    ///
    /// A record that cannot be read is in the page by its id ([`Listed::unreadable`]), and counts towards `limit`. A list
    /// that fails because of it keeps its owner logged in everywhere.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; never because a record cannot be read.
    fn list(
        &self,
        owner: &Owner,
        after: Option<Cursor>,
        limit: usize,
    ) -> impl Future<Output = Result<Listed, StoreError>> + Send;

    /// Removes at most `limit` grants whose [`Grant::expires_at`] is not after `now`, and says how many. Each removal
    /// is one conditional step: selecting and then deleting would take a grant that was extended in between, and log
    /// its owner out. A store that expires records by itself returns 0.
    ///
    /// It goes on past records that cannot be read. One of them is removed where the store knows by a column of its own
    /// that it has expired, and stays where only the record would tell.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; never because a record cannot be read.
    fn purge_expired(&self, now: Timestamp, limit: usize) -> impl Future<Output = Result<usize, StoreError>> + Send;

    /// A [`load`](Self::load) of this id may follow in a moment, so a store may begin to bring it near. It is said where a token request has a
    /// refresh token, before its client is authenticated: of ids that are made up, too, and of requests that are refused. So it changes nothing,
    /// never fails, and waits for nothing. Default: nothing.
    #[inline]
    fn expect_load(&self, id: GrantId) {
        let _ = id;
    }

    /// The lower 32 bits of the [`GrantId`] that a grant of this time should have, where that helps the store to find it; random
    /// ones if not said, and where it says `None`.
    ///
    /// A proposal, made for each login: the grant may be refused and never come, and one may come that nothing was proposed for.
    /// Clients see the ids of their grants, so nothing that is not theirs to know may be in it.
    fn propose_id(&self, now: Timestamp) -> Option<u32> {
        let _ = now;
        None
    }

    /// Whether grants outlive the process. An engine on such a store must be given a key, since the tokens of those
    /// grants would not outlive a generated one.
    fn durability(&self) -> Durability;

    /// The longest that [`compare_and_swap`](Self::compare_and_swap) may take from its call to the moment from which
    /// [`load`](Self::load) sees what it wrote, whether or not its future is still there.
    ///
    /// A client whose refresh the store kept waiting has to get its answer by asking again, so the
    /// [retry window](crate::client::ClientBuilder::retry_window) is longer by this time. Too short, and a stall logs people out:
    /// their second request is taken for a replay. Too long, and a thief has that much longer to follow unseen. Give the sum of the
    /// time-outs that stand between the two, and see that they hold on the side of the server too: one that only gives up
    /// waiting does not stop a write.
    ///
    /// If not said: zero where grants do not outlive the process, else 30 seconds.
    fn longest_commit(&self) -> Duration {
        match self.durability() {
            Durability::Volatile => Duration::ZERO,
            Durability::Durable => Duration::from_secs(30),
        }
    }

    /// Keeps each of `add` unless a fingerprint is kept for the same key id already, and returns all that are kept: one
    /// for each key id, at most 256. They stay for ever.
    ///
    /// With them [`Engine::check_keys`](crate::Engine::check_keys) tells at start that the engine was given another key
    /// than the grants were made under. Without them, every client is logged out by a wrong key, one by one. A store
    /// whose grants are gone with the process keeps nothing, which is the default.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn keep_key_fingerprints(
        &self,
        add: &[KeyFingerprint],
    ) -> impl Future<Output = Result<Vec<KeyFingerprint>, StoreError>> + Send {
        let _ = add;
        std::future::ready(Ok(Vec::new()))
    }
}

/// What an [insert](TokenStore::insert) did.
///
/// ```
/// use regrant::store::Insert;
/// fn is_there(exists: bool) -> Insert {
///     if exists { Insert::Duplicate } else { Insert::Added }
/// }
/// assert_eq!(is_there(true), Insert::Duplicate);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a store answers one of these, and the engine decides on each")]
pub enum Insert {
    /// It was added.
    Added,
    /// A grant of that id exists; nothing was written.
    Duplicate,
}

/// What a [compare-and-swap](TokenStore::compare_and_swap) did.
///
/// ```
/// use regrant::store::Swap;
/// /// Of `UPDATE … WHERE id = $1 AND version = $2`.
/// fn swap(rows_updated: u64) -> Swap {
///     if rows_updated == 1 { Swap::Swapped } else { Swap::Lost }
/// }
/// assert_eq!(swap(0), Swap::Lost);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a store answers one of these, and the engine decides on each")]
pub enum Swap {
    /// The record is now `next`.
    Swapped,
    /// The record is gone or of another version; nothing was written.
    Lost,
}

/// Whether grants outlive the process.
///
/// ```
/// use regrant::store::Durability;
/// use regrant::{MemoryStore, TokenStore};
/// assert_eq!(MemoryStore::new().durability(), Durability::Volatile);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a store answers one of these, and the engine decides on each")]
pub enum Durability {
    /// They are gone with it.
    Volatile,
    /// They are there when it starts again.
    Durable,
}

/// Where a listing goes on: a store's own bytes, which no one else looks into.
///
/// ```
/// use regrant::store::Cursor;
/// assert_eq!(Cursor::from_u64(7).to_u64(), Some(7));
/// assert_eq!(Cursor::new(b"page 2".to_vec()).as_bytes(), b"page 2");
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cursor(Vec<u8>);

impl Cursor {
    /// A cursor of any bytes.
    ///
    /// ```
    /// assert_eq!(regrant::store::Cursor::new(vec![1]).as_bytes(), [1]);
    /// ```
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// A cursor that is a number.
    ///
    /// ```
    /// assert_eq!(regrant::store::Cursor::from_u64(1).to_u64(), Some(1));
    /// ```
    pub fn from_u64(place: u64) -> Self {
        Self(place.to_be_bytes().to_vec())
    }

    /// The bytes.
    ///
    /// ```
    /// assert_eq!(regrant::store::Cursor::new(vec![1]).as_bytes(), [1]);
    /// ```
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The number, if it is one.
    ///
    /// ```
    /// assert_eq!(regrant::store::Cursor::new(vec![1]).to_u64(), None);
    /// ```
    pub fn to_u64(&self) -> Option<u64> {
        Some(u64::from_be_bytes(self.0.as_slice().try_into().ok()?))
    }
}
