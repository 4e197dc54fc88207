//! The file store: grants in one file of this machine's disk.

mod error;
mod open;
mod queue;
mod read;
mod tables;
#[cfg(test)]
mod tests;
mod writer;

use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};

use futures_channel::oneshot;
use parking_lot::RwLock;
use redb::{Database, StorageBackend};

pub use self::error::FileStoreError;
use self::error::{Cause, is_fatal, panicked};
use self::queue::Queue;
use self::writer::{CompareAndSwap, Insert, KeepFingerprints, Pending, Purge, Remove, Trouble, Write};
use super::{Cursor, Durability, Inserted, Listed, StoreError, Swap, TokenStore};
use crate::grant::{Grant, GrantId, Owner, Timestamp, Version};
use crate::token::KeyFingerprint;

/// Keeps grants in one file.
pub struct FileStore {
    database: Arc<RwLock<Database>>,
    queue: Arc<Queue>,
    /// Why the file is not to be used any more.
    failed: Arc<OnceLock<Cause>>,
    thread: Option<JoinHandle<()>>,
}

/// Settings of a [`FileStore`].
#[derive(Clone, Debug)]
#[must_use]
pub struct FileStoreBuilder {
    cache_bytes: usize,
    check: bool,
}

impl FileStoreBuilder {
    /// How much of the file is kept in memory.
    pub const fn cache_bytes(self, bytes: usize) -> Self {
        Self { cache_bytes: bytes, ..self }
    }

    /// Whether the whole file is checked before it is used.
    pub const fn check(self, check: bool) -> Self {
        Self { check, ..self }
    }

    /// Opens the file.
    ///
    /// # Errors
    ///
    /// As [`FileStore::open`].
    pub fn open(self, path: impl AsRef<Path>) -> Result<FileStore, FileStoreError> {
        self.open_on(open::open_file(path.as_ref())?)
    }

    /// The same on any disk.
    fn open_on(self, disk: impl StorageBackend) -> Result<FileStore, FileStoreError> {
        let database = Arc::new(RwLock::new(open::open_database(disk, self.cache_bytes, self.check)?));
        let queue = Arc::new(Queue::default());
        let failed = Arc::new(OnceLock::new());
        let thread = {
            let (database, queue, failed) = (Arc::clone(&database), Arc::clone(&queue), Arc::clone(&failed));
            thread::Builder::new().name("regrant-file".to_owned()).spawn(move || {
                let _ = panic::catch_unwind(AssertUnwindSafe(|| writer::run(&queue, &database, &failed)));
                queue.abandon();
            })?
        };
        Ok(FileStore { database, queue, failed, thread: Some(thread) })
    }
}

impl FileStore {
    /// Opens the file of that path.
    ///
    /// # Errors
    ///
    /// [`FileStoreError`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, FileStoreError> {
        Self::builder().open(path)
    }

    /// Settings for a store.
    pub const fn builder() -> FileStoreBuilder {
        FileStoreBuilder { cache_bytes: 64 << 20, check: false }
    }

    /// Hands a write to the thread and waits for its answer.
    async fn write<W: Write>(&self, write: W) -> Result<W::Out, StoreError> {
        let (reply, answer) = oneshot::channel();
        if !self.queue.push(Box::new(Pending::new(write, reply))).await {
            return Err(StoreError::not_applied(self.why_not()));
        }
        // The thread is gone, and with it what it knew.
        answer.await.unwrap_or_else(|_| Err(StoreError::indeterminate(self.why_not())))
    }

    /// Reads at once: it never waits for a commit.
    fn read<T>(&self, read: impl FnOnce(&Database) -> Result<T, Trouble>) -> Result<T, StoreError> {
        if let Some(cause) = self.failed.get() {
            return Err(StoreError::not_applied(FileStoreError::Failed(Arc::clone(cause))));
        }
        // A damaged file can make the engine of files panic; that must not be the host's end.
        match panic::catch_unwind(AssertUnwindSafe(|| read(&self.database.read()))) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(Trouble::Record(error))) => Err(error.into()),
            Ok(Err(Trouble::Storage(error))) if is_fatal(&error) => {
                Err(StoreError::not_applied(self.fail(Arc::new(error))))
            }
            Ok(Err(Trouble::Storage(error))) => Err(StoreError::not_applied(FileStoreError::Damaged(Arc::new(error)))),
            Err(_) => Err(StoreError::not_applied(FileStoreError::Damaged(panicked()))),
        }
    }

    fn fail(&self, cause: Cause) -> FileStoreError {
        FileStoreError::Failed(Arc::clone(self.failed.get_or_init(|| cause)))
    }

    fn why_not(&self) -> FileStoreError {
        self.failed.get().map_or(FileStoreError::NoThread, |cause| FileStoreError::Failed(Arc::clone(cause)))
    }
}

#[deny(clippy::missing_trait_methods)]
impl TokenStore for FileStore {
    async fn insert(&self, grant: &Grant, now: Timestamp) -> Result<Inserted, StoreError> {
        self.write(Insert { grant: grant.clone(), bytes: grant.encode(), now }).await
    }

    async fn load(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        self.read(|database| read::load(database, id))
    }

    async fn compare_and_swap(&self, expected: Version, next: &Grant, _now: Timestamp) -> Result<Swap, StoreError> {
        self.write(CompareAndSwap { expected, next: next.clone(), bytes: next.encode() }).await
    }

    async fn remove(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        self.write(Remove(id.as_u64())).await
    }

    async fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Result<Listed, StoreError> {
        let Some(from) = read::place(owner, after.as_ref()) else {
            return Err(StoreError::not_applied("not a cursor of a file store for this owner"));
        };
        self.read(|database| read::list(database, owner, from, limit))
    }

    async fn purge_expired(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        // In several transactions, so that others need not wait for one that is long.
        let (mut removed, mut after) = (0, None);
        while removed < limit {
            let purged = match self.write(Purge { now, limit: limit - removed, after }).await {
                Ok(purged) => purged,
                Err(error) if after.is_some() => return Err(StoreError::indeterminate(error)),
                Err(error) => return Err(error),
            };
            removed += purged.removed;
            after = purged.at;
            if after.is_none() {
                break;
            }
        }
        Ok(removed)
    }

    fn durability(&self) -> Durability {
        Durability::Durable
    }

    async fn key_fingerprints(&self, add: &[KeyFingerprint]) -> Result<Vec<KeyFingerprint>, StoreError> {
        if add.is_empty() { self.read(read::fingerprints) } else { self.write(KeepFingerprints(add.to_vec())).await }
    }
}

impl Drop for FileStore {
    /// Finishes what was accepted, and closes the file.
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.thread.take()
            // The last to let go may be a task that the thread's own answer woke.
            && thread.thread().id() != thread::current().id()
        {
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for FileStore {
    /// Whether it works, and nothing of what it keeps.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore").field("failed", &self.failed.get().is_some()).finish_non_exhaustive()
    }
}
