//! The compare-and-swap of one request, over its attempts: load, decide, swap, and again where that did not settle it.

use smallvec::SmallVec;

use crate::grant::rotation::Tried;
use crate::grant::{Grant, Timestamp, Version};
#[cfg(feature = "root-secret")]
use crate::store::Insert;
use crate::store::{StoreError, StoreErrorKind, Swap, TokenStore};

/// How often a lost swap loads and decides again. Whoever wins a swap makes the others retries, so one more round
/// settles it; the rest is for stores whose replies get lost.
pub(super) const ATTEMPTS: usize = 5;

/// What a swap comes to, where the store did not fail.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Swapped {
    /// The record is the next one.
    Done,
    /// Another request was first, or nobody can tell: the record says which, so load and decide again.
    Again,
}

/// The swaps of one request.
///
/// A store whose reply got lost may have written or not. The request must neither take its own write for somebody
/// else's, which would look like a replay, nor write twice. The version tells: each write has a random one of 64 bits, so a
/// record that has a version of this request was written by this request.
pub(super) struct Swaps {
    /// Versions of writes whose outcome is unknown.
    in_doubt: SmallVec<[Version; 2]>,
    lost: bool,
}

impl Swaps {
    pub(super) fn none() -> Self {
        Self { in_doubt: SmallVec::new(), lost: false }
    }

    /// Whether this very request wrote the record, by a write that was in doubt.
    pub(super) fn wrote_this(&self, grant: &Grant) -> bool {
        self.in_doubt.contains(&grant.version)
    }

    /// Whether a write of this request may have taken place unseen.
    pub(super) fn are_in_doubt(&self) -> bool {
        !self.in_doubt.is_empty()
    }

    /// Whether this request has tried to write, and so has seen its token current.
    pub(super) fn tried(&self) -> bool {
        self.lost || self.are_in_doubt()
    }

    /// What it has heard of them, for the judgement.
    pub(super) fn outcome(&self) -> Tried {
        Tried { lost: self.lost, in_doubt: self.are_in_doubt() }
    }

    /// Whether another request was first, at least once.
    pub(super) const fn lost_one(&self) -> bool {
        self.lost
    }

    /// Adds the record of a request whose first write it is. Where there is one of its id, another request was first.
    #[cfg(feature = "root-secret")]
    pub(super) async fn insert<S: TokenStore>(
        &mut self,
        store: &S,
        grant: &Grant,
        now: Timestamp,
    ) -> Result<Swapped, StoreError> {
        match store.insert(grant, now).await {
            Ok(Insert::Added) => return Ok(Swapped::Done),
            Ok(Insert::Duplicate) => self.lost = true,
            Err(error) if error.kind() == StoreErrorKind::Indeterminate => self.in_doubt.push(grant.version),
            Err(error) => return Err(error),
        }
        Ok(Swapped::Again)
    }

    /// Swaps the record of the expected version for the next one.
    #[expect(clippy::manual_async_fn, reason = "what an `async fn` is given is moved once more when it begins")]
    pub(super) fn swap<S: TokenStore>(
        &mut self,
        store: &S,
        expected: Version,
        next: &Grant,
        now: Timestamp,
    ) -> impl Future<Output = Result<Swapped, StoreError>> {
        async move {
            match store.compare_and_swap(expected, next, now).await {
                Ok(Swap::Swapped) => return Ok(Swapped::Done),
                Ok(Swap::Lost) => self.lost = true,
                Err(error) if error.kind() == StoreErrorKind::Indeterminate => self.in_doubt.push(next.version),
                Err(error) => return Err(error),
            }
            Ok(Swapped::Again)
        }
    }
}

/// Whether `record` was written, where `before` was (of no version: nothing), asked of the store where its reply was lost.
///
/// # Errors
///
/// That of the write, where it may take place yet; nobody has a token of what it writes then.
pub(super) async fn is_written<S: TokenStore>(
    store: &S,
    record: &Grant,
    before: Option<Version>,
    written: Result<bool, StoreError>,
) -> Result<bool, StoreError> {
    match written {
        Err(error) if error.kind() == StoreErrorKind::Indeterminate => {
            let stored = store.load(record.id).await?.map(|stored| stored.version);
            let is_undecided = stored == before;
            if is_undecided { Err(error) } else { Ok(stored == Some(record.version)) }
        }
        written => written,
    }
}

/// The version of the next write.
pub(super) fn new_version() -> Version {
    Version::from_u64(rand::random())
}
