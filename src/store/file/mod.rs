//! The file store: grants in one file of this machine's disk.

mod changes;
mod error;
mod fail_stop;
mod lock;
mod log;
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
use self::fail_stop::FailStop;
use self::open::Settings;
use self::queue::Queue;
use self::writer::{CompareAndSwap, Insert, KeepFingerprints, Pending, Purge, Remove, Trouble, Write};
use super::{Cursor, Durability, Inserted, Listed, StoreError, Swap, TokenStore};
use crate::grant::{Grant, GrantId, Owner, Timestamp, Version};
use crate::token::KeyFingerprint;

/// Keeps grants in one file on this machine's disk, so that they outlive the process and its crashes.
///
/// For one process: a second one that opens the file gets [`FileStoreError::InUse`]. The file belongs on a local disk;
/// what network file systems promise about locks and syncs differs. It is made with mode 0600, since records hold the
/// salts of grants, and a backup of it is a copy that was made while no process had it open. An engine on it must be
/// given a [`Key`](crate::Key) that is kept elsewhere.
///
/// **What anyone was told is on the disk.** A write is answered after its commit is synced. A read sees the last commit
/// that is synced and never a later one, so a client is not told of a successor that a crash would unwrite. A read
/// takes a few microseconds where the pages are in memory, and one access to the disk where they are not; it is done
/// where the future is polled, and waits for no commit.
///
/// **The store owns one thread**, named `regrant-file`. Writes go to it through a queue of 1,024 places, and a caller
/// who finds it full waits. All that is waiting becomes one commit with one sync: callers share its cost. A future that is
/// dropped once its write was accepted changes nothing about it. Dropping the store finishes what was accepted, which
/// blocks for the time of a commit or two, and closes the file. No runtime is needed; any will do.
///
/// **A commit is one write to a log** in the same file, and its sync. Then it is made visible in the tables, in memory.
/// When the log is full the tables are written, with one sync, and the log begins anew: with 4 MiB every 12,000 refreshes or
/// so. Opening after a crash does again what is in the log, up to the first commit whose digest is not right: that one was
/// cut short. A [longer log](FileStoreBuilder::log_bytes) makes this rarer. Of the disk it is asked that a write cut short
/// leaves as they are the bytes beside it, also in the same sector, as disks do.
///
/// **After an error** of the disk nobody knows what is on it: of a sync that failed, part may be there, and a second sync
/// may report success for what is lost. So the writes of a commit that failed are answered
/// [`Indeterminate`](crate::StoreErrorKind::Indeterminate), nothing is written any more, and every later call, reads
/// included, is answered with [`FileStoreError::Failed`] until the store is opened again. That goes for a full disk too:
/// leave it room. Opening finds either all of that commit or nothing of it. Where a sync failed and the machine was not
/// started anew, the system may show what the disk has not; a power cut later can then find the file damaged, and opening
/// says so. A record that is damaged fails alone, and is left as it is.
///
/// **Expired grants** are removed by inserts, two for each, so that the file does not grow with logins alone. A host
/// can call [`purge_expired`](TokenStore::purge_expired) for more. A refresh writes one record and no index.
///
/// # Figures
///
/// Of 20,000 grants with records of 300 bytes, their indexes included, on two shared cores of a virtual machine:
///
/// | | |
/// |---|---|
/// | bytes on the disk per grant, after 1 refresh of each and 100, 210 of them the log | **999** and **1,071** |
/// | the same without a log, after 1 and 30 | 427 and 428 |
/// | a load, its pages in memory | 3 µs |
/// | a commit | 1 write, 1 sync |
/// | opened after it was closed | 1 to 4 ms |
/// | opened after a crash, the whole file read, up to 12,000 commits done again | 30 to 90 ms |
///
/// Swaps per second, and how long 32 of them took that shared a commit, each of another grant, by the length of the log.
/// Without one each commit writes a page of 4 KiB for each record and those above it, to their places:
///
/// | | no log | 1 MiB | 4 MiB |
/// |---|---|---|---|
/// | 20,000 grants, 1 caller | 3,100 | 3,600 | **4,100** |
/// | 20,000 grants, 32 callers | 33,000 | 34,000 | **47,000** |
/// | 1,000,000 grants, 32 callers | 27,000 | 32,000 | **34,000** |
/// | median of 32 of a million | 2.2 ms | **1.1 ms** | 1.2 ms |
/// | 99 of 100 are below | 4.6 ms | 11 ms | **2.0 ms** |
/// | the longest, which wrote the tables | **64 ms** | 68 ms | 119 ms |
/// | bytes per grant of the million | 399 | 420 | 468 |
///
/// The file has one record for each grant, whatever number of refreshes. The tables take at most three times the records
/// and 200 bytes for each. Beside them there are the log, and pages that were replaced since the tables were last
/// written: at most as many again, and at most one of 4 KiB, with those above it, for each refresh that the log has room
/// for. Room that removed grants leave is used again; [`compact`](Self::compact) gives it back.
///
/// # Why `redb`
///
/// The tables are those of `redb`. It and `fjall` were measured on the same disk in turns, 20,000 records of 300 bytes in
/// one table, random ones replaced if their version was as expected, one sync for all that were waiting, before this
/// store had a log:
///
/// | | append and sync | `redb` 4.5 | `fjall` 3.1 |
/// |---|---|---|---|
/// | replaced per second by 1 caller | 3,700 to 4,600 | 2,900 | 4,900 |
/// | by 32 callers | 40,000 to 45,000 | 23,600 | 40,700 to 50,000 |
/// | a read meanwhile, median | | 5 to 7 µs | 4 to 6 µs |
/// | bytes on disk per record, after 1 rewrite of each | | **368** | 660 |
/// | after 10, and after 100 | | **368**, **368** | 3,940, 4,450 (7,780 at times) |
/// | opened after a kill | | 30 to 40 ms | 50 to 70 ms |
/// | crates it brings along | | **1** | 37 |
///
/// `fjall`, which has a log, is faster. `redb` is one file of a size that is known beforehand, starts no threads, and takes
/// a disk of one's own under it. So every write, change of length and sync of this store fails in its tests, with what
/// was not synced lost, torn or kept; `fjall` writes through the system's files alone, and no test can take back what it
/// did not sync. So the log before `redb` is our own, in the same file. The tables' commits are of one phase, whose
/// checksums tell a whole commit from a torn one; after a crash, opening checks all of them.
///
/// ```
/// use regrant::{FileStore, Grant, Inserted, TokenStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let path = std::env::temp_dir().join(format!("regrant-doc-{}", std::process::id()));
/// # let grant = Grant::sample("alice", "app");
/// # let now = grant.created_at();
/// let store = FileStore::open(&path)?;
/// assert_eq!(store.insert(&grant, now).await?, Inserted::Inserted);
/// drop(store);
///
/// let store = FileStore::open(&path)?;
/// assert_eq!(store.load(grant.id()).await?, Some(grant));
/// # drop(store);
/// # std::fs::remove_file(&path)?;
/// # Ok(())
/// # }
/// ```
pub struct FileStore {
    /// Until the store is dropped.
    database: Option<Arc<RwLock<Database>>>,
    queue: Arc<Queue>,
    /// Why the file is not to be used any more.
    failed: Arc<OnceLock<Cause>>,
    thread: Option<JoinHandle<()>>,
}

/// Settings of a [`FileStore`].
///
/// ```no_run
/// use regrant::FileStore;
/// let store = FileStore::builder().cache_bytes(256 << 20).open("/var/lib/host/grants")?;
/// # Ok::<(), regrant::FileStoreError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct FileStoreBuilder {
    settings: Settings,
}

impl FileStoreBuilder {
    /// How many bytes of the file are kept in memory at most: 64 MiB if not set, beside what the system caches.
    ///
    /// ```
    /// let settings = regrant::FileStore::builder().cache_bytes(1 << 30);
    /// ```
    pub const fn cache_bytes(mut self, bytes: usize) -> Self {
        self.settings.cache_bytes = bytes;
        self
    }

    /// Whether the checksums of the whole file are looked at before it is used: not if not set. After a crash they
    /// always are. It takes as long as reading the file, and finds what a disk lost or changed while nobody looked.
    ///
    /// ```
    /// let settings = regrant::FileStore::builder().check(true);
    /// ```
    pub const fn check(mut self, check: bool) -> Self {
        self.settings.check = check;
        self
    }

    /// How long the log of a file is that is made now, in bytes: 4 MiB if not set, and 1 GiB at most. That of a file that
    /// is there stays as it is.
    ///
    /// The tables are written when it is full, with 4 MiB every 12,000 refreshes of records of 300 bytes. Those who write
    /// meanwhile wait for it: the longer the log, the rarer and the longer that is, the more replaced pages the file
    /// keeps, and the longer takes opening after a crash. Without a log, at 0, each commit writes the tables.
    ///
    /// ```
    /// let settings = regrant::FileStore::builder().log_bytes(8 << 20);
    /// ```
    pub const fn log_bytes(mut self, bytes: u64) -> Self {
        self.settings.log_bytes = if bytes > open::LONGEST_LOG { open::LONGEST_LOG } else { bytes };
        self
    }

    /// Opens the file, or makes it where there is none. It blocks: call it at start, before there are requests.
    ///
    /// # Errors
    ///
    /// As [`FileStore::open`].
    ///
    /// ```no_run
    /// let store = regrant::FileStore::builder().open("/var/lib/host/grants")?;
    /// # Ok::<(), regrant::FileStoreError>(())
    /// ```
    pub fn open(self, path: impl AsRef<Path>) -> Result<FileStore, FileStoreError> {
        self.open_on(open::open_file(path.as_ref())?)
    }

    /// The same on any disk.
    fn open_on(self, disk: impl StorageBackend) -> Result<FileStore, FileStoreError> {
        let (database, log) = open::open_database(Arc::new(FailStop::new(disk)), self.settings)?;
        let database = Arc::new(RwLock::new(database));
        let queue = Arc::new(Queue::default());
        let failed = Arc::new(OnceLock::new());
        let thread = {
            let (database, queue, failed) = (Arc::clone(&database), Arc::clone(&queue), Arc::clone(&failed));
            thread::Builder::new().name("regrant-file".to_owned()).spawn(move || {
                let _ = panic::catch_unwind(AssertUnwindSafe(|| writer::run(&queue, &database, log, &failed)));
                queue.abandon();
            })?
        };
        Ok(FileStore { database: Some(database), queue, failed, thread: Some(thread) })
    }
}

impl FileStore {
    /// Opens the file of that path, or makes it where there is none; its folder has to be there. It blocks: call it at
    /// start, before there are requests. After a crash it reads the whole file.
    ///
    /// # Errors
    ///
    /// [`FileStoreError::InUse`] where it is open already, [`NotAStore`](FileStoreError::NotAStore) and
    /// [`NewerFormat`](FileStoreError::NewerFormat) for a file that is then left as it is, and else what the disk says.
    ///
    /// ```no_run
    /// use regrant::{Engine, FileStore, Key, StaticClients};
    ///
    /// # fn start(key: Key) -> Result<(), Box<dyn std::error::Error>> {
    /// let store = FileStore::open("/var/lib/host/grants")?;
    /// let engine = Engine::builder(store, StaticClients::new()).key(key).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn open(path: impl AsRef<Path>) -> Result<Self, FileStoreError> {
        Self::builder().open(path)
    }

    /// Settings for a store.
    ///
    /// ```
    /// let settings = regrant::FileStore::builder().check(true);
    /// ```
    pub const fn builder() -> FileStoreBuilder {
        FileStoreBuilder { settings: Settings { cache_bytes: 64 << 20, check: false, log_bytes: 4 << 20 } }
    }

    /// Gives room that removed grants left back to the file system, and says whether there was any. Not needed for
    /// room to be used again. It blocks for about as long as writing the file anew takes: call it at start, if at all.
    ///
    /// # Errors
    ///
    /// [`FileStoreError`]; after [`Failed`](FileStoreError::Failed) the store has to be opened again.
    ///
    /// ```
    /// # let path = std::env::temp_dir().join(format!("regrant-compact-{}", std::process::id()));
    /// let mut store = regrant::FileStore::open(&path)?;
    /// store.compact()?;
    /// # drop(store);
    /// # std::fs::remove_file(&path).unwrap();
    /// # Ok::<(), regrant::FileStoreError>(())
    /// ```
    pub fn compact(&mut self) -> Result<bool, FileStoreError> {
        if let Some(cause) = self.failed.get() {
            return Err(FileStoreError::Failed(Arc::clone(cause)));
        }
        let Some(database) = &self.database else { return Err(FileStoreError::NoThread) };
        let compacted = panic::catch_unwind(AssertUnwindSafe(|| database.write().compact()));
        match compacted {
            Ok(Ok(compacted)) => Ok(compacted),
            Ok(Err(error)) => Err(self.fail(Arc::new(error))),
            Err(_) => Err(self.fail(panicked())),
        }
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
        let Some(database) = &self.database else { return Err(StoreError::not_applied(FileStoreError::NoThread)) };
        // A damaged file can make the engine of files panic; that must not be the host's end.
        match panic::catch_unwind(AssertUnwindSafe(|| read(&database.read()))) {
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
        // Closing a damaged file can make the engine of files panic too.
        let database = self.database.take();
        let _ = panic::catch_unwind(AssertUnwindSafe(|| drop(database)));
    }
}

impl fmt::Debug for FileStore {
    /// Whether it works, and nothing of what it keeps.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore").field("failed", &self.failed.get().is_some()).finish_non_exhaustive()
    }
}
