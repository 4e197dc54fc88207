//! The memory store: shards of packed slots.

mod index;
mod intern;
mod markers;
mod owners;
mod places;
mod shard;
mod slot;
mod slots;

use std::fmt;
use std::time::Duration;

use self::markers::{Markers, NoRoom};
use self::places::{Place, Places};
use self::shard::Shard;
use super::sync::{AtomicUsize, Mutex, Ordering};
use super::{Cursor, Durability, Insert, Listed, ReadyStore, Removed, StoreError, Swap, TokenStore};
use crate::grant::{Grant, GrantId, Owner, Timestamp, Version};
use crate::token::KeyFingerprint;

/// Keeps grants in memory: about 125 bytes for each, the index of owners included, however often it is refreshed.
///
/// For one process, and for as long as it lives: with it all grants go, and everyone has to log in again. Operations
/// on different grants hardly ever wait for one another, and no future of it is ever pending, so that it serves hosts
/// without an async runtime too.
///
/// Expired grants are removed a few at a time by the writes of others; there is no thread. A host that writes little
/// can call [`purge_expired`](TokenStore::purge_expired) now and then. What grants took is kept for later ones and not
/// given back before the store is dropped.
///
/// ```
/// use regrant::store::Insert;
/// use regrant::{Grant, MemoryStore, Timestamp, TokenStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), regrant::store::StoreError> {
/// # let grant = regrant::internal::sample_grant("alice", "app");
/// # let now = grant.created_at();
/// let store = MemoryStore::new();
/// assert_eq!(store.insert(&grant, now).await?, Insert::Added);
/// assert_eq!(store.insert(&grant, now).await?, Insert::Duplicate);
/// assert_eq!(store.load(grant.id()).await?, Some(grant));
/// # Ok(())
/// # }
/// ```
pub struct MemoryStore {
    shards: Box<[Padded<Mutex<Shard>>]>,
    places: Places,
    capacity: Option<usize>,
    /// How many grants there are. Only what adds or removes one touches it, and only while it holds the shard.
    grants: Padded<AtomicUsize>,
    /// The shard where the next purge begins.
    purge_at: Padded<AtomicUsize>,
    markers: Markers,
}

/// On lines of its own, also for processors that fetch lines in pairs, so that neighbours do not slow one another down.
#[repr(align(128))]
struct Padded<T>(T);

/// Why a grant could not be added: the store holds as many as it may. It is the
/// [`source`](std::error::Error::source) of the store's error.
///
/// ```
/// use regrant::store::{CapacityError, StoreErrorKind};
/// use regrant::{Grant, MemoryStore, TokenStore};
/// use std::error::Error;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # let grant = regrant::internal::sample_grant("alice", "app");
/// # let now = grant.created_at();
/// let error = MemoryStore::builder().capacity(0).build().insert(&grant, now).await.unwrap_err();
/// assert_eq!(error.kind(), StoreErrorKind::NotApplied);
/// assert!(error.source().unwrap().is::<CapacityError>());
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the memory store is full")]
#[non_exhaustive]
pub struct CapacityError;

/// Settings of a [`MemoryStore`].
///
/// ```
/// use regrant::MemoryStore;
/// let store = MemoryStore::builder().capacity(1_000_000).shards(64).build();
/// assert_eq!(store.capacity(), Some(1_000_000));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct MemoryStoreBuilder {
    capacity: Option<usize>,
    marker_capacity: Option<usize>,
    shards: usize,
}

impl MemoryStoreBuilder {
    /// The most grants at once; unlimited if not set.
    ///
    /// A full store refuses new grants, as an error ([`CapacityError`]) that the endpoint answers with 503. It never
    /// drops one that could still be used; expired ones make room first.
    ///
    /// ```
    /// use regrant::MemoryStore;
    /// assert_eq!(MemoryStore::builder().capacity(10).build().capacity(), Some(10));
    /// ```
    pub const fn capacity(self, grants: usize) -> Self {
        Self { capacity: Some(grants), ..self }
    }

    /// How many markers at most, records that say that something was used and is not to be used again: a quarter of the
    /// [capacity](Self::capacity) if not set, beside it. They live for minutes; a full store refuses another one.
    ///
    /// ```
    /// let store = regrant::MemoryStore::builder().capacity(1_000_000).marker_capacity(50_000).build();
    /// ```
    pub const fn marker_capacity(self, markers: usize) -> Self {
        Self { marker_capacity: Some(markers), ..self }
    }

    /// In how many parts the store is locked: 256 if not set, at least 1 and at most 65,536, and a power of two, the next
    /// one if another is given.
    ///
    /// More of them make waiting rarer and shorter where many cores write, and a listing longer, since an owner's
    /// grants may be in all of them. Each has room for its part of 4,294,967,296 grants, and for 16,777,216 at most.
    ///
    /// ```
    /// let store = regrant::MemoryStore::builder().shards(1).build();
    /// assert!(store.is_empty());
    /// ```
    pub const fn shards(self, shards: usize) -> Self {
        Self { shards, ..self }
    }

    /// The store, empty.
    ///
    /// ```
    /// let store = regrant::MemoryStore::builder().build();
    /// assert_eq!(store.len(), 0);
    /// ```
    #[must_use]
    pub fn build(self) -> MemoryStore {
        let shards = self.shards.clamp(1, 65_536).next_power_of_two();
        let places = Places::new(shards);
        MemoryStore {
            shards: (0..shards).map(|_| Padded(Mutex::new(Shard::new(places.slots())))).collect(),
            places,
            capacity: self.capacity,
            grants: Padded(AtomicUsize::new(0)),
            purge_at: Padded(AtomicUsize::new(0)),
            markers: Markers::new(self.marker_capacity.or(self.capacity.map(|grants| grants.div_ceil(4)))),
        }
    }
}

impl MemoryStore {
    /// How many slots are searched for expired grants before the lock is let go.
    const SLOTS_PER_HOLD: u32 = 128;
    /// How many slots an insert into a full store searches, its own shard aside, before it gives up.
    const SLOTS_PER_RECLAIM: usize = 65_536;
    /// How many expired grants such an insert removes at most in each place it looks.
    const GRANTS_PER_RECLAIM: usize = 64;

    /// A store without a limit.
    ///
    /// ```
    /// assert_eq!(regrant::MemoryStore::new().capacity(), None);
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Settings for a store.
    ///
    /// ```
    /// let store = regrant::MemoryStore::builder().capacity(50_000).build();
    /// ```
    pub const fn builder() -> MemoryStoreBuilder {
        MemoryStoreBuilder { capacity: None, marker_capacity: None, shards: 256 }
    }

    /// How many grants there are, expired ones too where they have not been removed yet.
    ///
    /// ```
    /// assert_eq!(regrant::MemoryStore::new().len(), 0);
    /// ```
    pub fn len(&self) -> usize {
        self.grants.0.load(Ordering::Relaxed)
    }

    /// How many markers it has, apart from the grants.
    ///
    /// ```
    /// assert_eq!(regrant::MemoryStore::new().markers(), 0);
    /// ```
    pub fn markers(&self) -> usize {
        self.markers.len()
    }

    /// Whether there are none.
    ///
    /// ```
    /// assert!(regrant::MemoryStore::new().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The most grants at once; `None` is unlimited.
    ///
    /// ```
    /// let store = regrant::MemoryStore::builder().capacity(3).build();
    /// assert_eq!(store.capacity(), Some(3));
    /// ```
    pub const fn capacity(&self) -> Option<usize> {
        self.capacity
    }

    /// The shard that an id belongs to, and the slot that it names there.
    #[inline]
    fn home(&self, id: GrantId) -> (&Mutex<Shard>, u32) {
        let Place { shard, slot } = self.places.of(id);
        (&self.shards[shard].0, slot)
    }

    /// Counts one grant more, unless that would be too many.
    fn reserve(&self) -> bool {
        let limit = self.capacity.unwrap_or(usize::MAX);
        let more = |grants| if grants < limit { Some(grants + 1) } else { None };
        self.grants.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    fn release(&self, grants: usize) {
        if grants > 0 {
            self.grants.0.fetch_sub(grants, Ordering::Relaxed);
        }
    }

    fn insert_at_once(&self, grant: &Grant, now: Timestamp) -> Result<Insert, StoreError> {
        let (home, named) = self.home(grant.id);
        let mut reclaimed = false;
        loop {
            let mut shard = home.lock();
            if shard.contains(named, grant.id) {
                return Ok(Insert::Duplicate);
            }
            let is_full = !self.reserve();
            if !is_full {
                if shard.insert(named, grant) {
                    self.release(shard.sweep_on_write(2, now));
                    return Ok(Insert::Added);
                }
                self.release(1);
            }
            // No lock is held while another shard's is taken.
            drop(shard);
            // Where the shard alone is full, none elsewhere makes room in it.
            if reclaimed || !(self.reclaim_in(home, now) || is_full && self.reclaim_anywhere(now)) {
                return Err(StoreError::not_applied(CapacityError));
            }
            reclaimed = true;
        }
    }

    /// Makes room in a full shard, if expired grants are in the way.
    fn reclaim_in(&self, home: &Mutex<Shard>, now: Timestamp) -> bool {
        let mut unlimited = usize::MAX;
        self.purge_shard(home, now, Self::GRANTS_PER_RECLAIM, &mut unlimited) > 0
    }

    /// The same in a full store.
    fn reclaim_anywhere(&self, now: Timestamp) -> bool {
        self.purge(now, Self::GRANTS_PER_RECLAIM, Self::SLOTS_PER_RECLAIM) > 0
    }

    /// Removes at most `limit` expired grants, going on where the last purge stopped. Ends after all shards, or when
    /// about `slots` have been searched.
    fn purge(&self, now: Timestamp, limit: usize, mut slots: usize) -> usize {
        let count = self.shards.len();
        let first = self.purge_at.0.load(Ordering::Relaxed);
        let mut removed = 0;
        for at in (first..first + count).map(|at| at % count) {
            removed += self.purge_shard(&self.shards[at].0, now, limit - removed, &mut slots);
            if removed == limit || slots == 0 {
                // This shard may have more.
                let next = if removed == limit { at } else { at + 1 };
                self.purge_at.0.store(next % count, Ordering::Relaxed);
                break;
            }
        }
        removed
    }

    /// Removes at most `limit` expired grants of a shard.
    fn purge_shard(&self, shard: &Mutex<Shard>, now: Timestamp, limit: usize, slots: &mut usize) -> usize {
        let mut removed = 0;
        let mut searched = 0;
        loop {
            let mut shard = shard.lock();
            let left = shard.to_sweep(now).saturating_sub(searched).min(Self::SLOTS_PER_HOLD);
            if left == 0 || removed == limit {
                break;
            }
            let swept = shard.sweep(left, limit - removed, now);
            self.release(swept);
            removed += swept;
            searched += left;
        }
        *slots = slots.saturating_sub(searched as usize);
        removed
    }

    fn list_at_once(&self, owner: &Owner, after: Option<&Cursor>, limit: usize) -> Result<Listed, StoreError> {
        // Grants come in the order of (shard, id), and an id says which shard: so an id is a place in that order,
        // whether its grant is still there or not.
        let after = match after {
            None => None,
            Some(cursor) => match cursor.to_u64() {
                Some(id) => Some(GrantId::from_u64(id)),
                None => return Err(StoreError::not_applied("not a cursor of a memory store")),
            },
        };
        let first = after.map_or(0, |id| self.places.of(id).shard);
        let limit = limit.max(1);
        let mut grants = Vec::new();
        for (at, shard) in self.shards.iter().enumerate().skip(first) {
            // One more than asked for, to know whether there is another page.
            let wanted = limit.saturating_add(1) - grants.len();
            shard.0.lock().list(owner, after.filter(|_| at == first), wanted, &mut grants);
            if grants.len() > limit {
                grants.truncate(limit);
                let next = grants.last().map(|last: &Grant| Cursor::from_u64(last.id.as_u64()));
                return Ok(Listed { grants, next, ..Listed::default() });
            }
        }
        Ok(Listed { grants, ..Listed::default() })
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

/// No lock is held at an await: there is none.
#[deny(clippy::missing_trait_methods)]
impl TokenStore for MemoryStore {
    async fn insert(&self, grant: &Grant, now: Timestamp) -> Result<Insert, StoreError> {
        if Markers::may_have(grant.id) {
            if grant.is_marker() {
                // A login of such an id is none of an engine's.
                let (home, named) = self.home(grant.id);
                if home.lock().contains(named, grant.id) {
                    return Ok(Insert::Duplicate);
                }
                return self.markers.insert(grant, now).map_err(|NoRoom| StoreError::not_applied(CapacityError));
            }
            if self.markers.load(grant.id).is_some() {
                return Ok(Insert::Duplicate);
            }
        }
        self.insert_at_once(grant, now)
    }

    #[expect(clippy::manual_async_fn, reason = "what an `async fn` is given is moved once more when it begins")]
    fn load(&self, id: GrantId) -> impl Future<Output = Result<Option<Grant>, StoreError>> + Send {
        async move {
            if Markers::may_have(id) {
                if let Some(marker) = self.markers.load(id) {
                    return Ok(Some(marker));
                }
            }
            let (home, named) = self.home(id);
            Ok(home.lock().load(named, id))
        }
    }

    #[expect(clippy::manual_async_fn, reason = "what an `async fn` is given is moved once more when it begins")]
    fn compare_and_swap(
        &self,
        expected: Version,
        next: &Grant,
        now: Timestamp,
    ) -> impl Future<Output = Result<Swap, StoreError>> + Send {
        async move {
            if Markers::may_have(next.id) {
                if let Some(swap) = self.markers.compare_and_swap(expected, next) {
                    return Ok(swap);
                }
            }
            let (home, named) = self.home(next.id);
            let mut shard = home.lock();
            let swap = shard.compare_and_swap(named, expected, next);
            self.release(shard.sweep_on_write(1, now));
            Ok(swap)
        }
    }

    async fn remove(&self, id: GrantId) -> Result<Removed, StoreError> {
        if Markers::may_have(id) {
            if let Some(marker) = self.markers.remove(id) {
                return Ok(Removed::Grant(marker));
            }
        }
        let (home, named) = self.home(id);
        let mut shard = home.lock();
        let removed = shard.remove(named, id);
        self.release(usize::from(removed.is_some()));
        Ok(removed.into())
    }

    async fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Result<Listed, StoreError> {
        self.list_at_once(owner, after.as_ref(), limit)
    }

    async fn purge_expired(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let removed = self.purge(now, limit, usize::MAX);
        Ok(removed + self.markers.purge(now, limit - removed))
    }

    fn durability(&self) -> Durability {
        Durability::Volatile
    }

    fn longest_commit(&self) -> Duration {
        Duration::ZERO
    }

    /// With the feature `prefetch`, on x86-64: has the processor fetch the slot that the id names. Among so many grants that they are in no
    /// cache, a refresh then waits for memory while it hashes. Nothing elsewhere, and where somebody else holds the lock.
    #[inline]
    fn expect_load(&self, id: GrantId) {
        #[cfg(all(feature = "prefetch", target_arch = "x86_64"))]
        {
            let (home, named) = self.home(id);
            if let Some(shard) = home.try_lock() {
                shard.expect_load(named);
            }
        }
        #[cfg(not(all(feature = "prefetch", target_arch = "x86_64")))]
        let _ = id;
    }

    /// The place of a slot that is vacant, so that the grant is found by its id alone. Which one that is, and with it how many
    /// grants there are, is hidden from whoever sees ids.
    fn propose_id(&self, now: Timestamp) -> Option<u32> {
        let shard = rand::random::<u32>() as usize & (self.shards.len() - 1);
        self.shards[shard].0.lock().propose(now, |slot, second| self.places.seal(Place { shard, slot }, second))
    }

    /// Nothing: no grant outlives the process, so none meets another key.
    async fn keep_key_fingerprints(&self, _add: &[KeyFingerprint]) -> Result<Vec<KeyFingerprint>, StoreError> {
        Ok(Vec::new())
    }
}

impl ReadyStore for MemoryStore {}

impl fmt::Debug for MemoryStore {
    /// Counts alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("len", &self.len())
            .field("capacity", &self.capacity)
            .field("shards", &self.shards.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shard has an end of its own. What has expired in it makes room, as in a store that is full.
    #[test]
    fn a_full_shard_makes_room_of_what_has_expired() {
        let mut store = MemoryStore::builder().shards(1).build();
        store.shards = [Padded(Mutex::new(Shard::new(3)))].into_iter().collect();
        let of = |id: u64| Grant { id: GrantId::from_u64(id), ..Grant::sample("alice", "app") };
        let (now, ended) = (of(0).created_at, of(0).expires_at);
        for id in 1..=3 {
            assert_eq!(store.insert_at_once(&of(id), now).unwrap(), Insert::Added);
        }
        assert!(store.insert_at_once(&of(4), now).is_err());
        assert_eq!(store.len(), 3);
        let later = Grant { created_at: ended, expires_at: ended + std::time::Duration::from_secs(9), ..of(4) };
        assert_eq!(store.insert_at_once(&later, ended).unwrap(), Insert::Added);
        let (home, named) = store.home(later.id);
        assert_eq!(home.lock().load(named, later.id), Some(later));
        assert!(store.len() <= 3);
    }
}
