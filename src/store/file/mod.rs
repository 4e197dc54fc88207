//! The file store: grants in one file of this machine's disk.

mod builder;
mod changes;
mod entry;
mod error;
mod fail_stop;
mod header;
mod job;
mod lock;
mod log;
mod open;
mod queue;
mod read;
mod recovery;
mod tables;
#[cfg(test)]
mod tests;
mod trouble;
mod writer;

use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use futures_channel::oneshot;
use parking_lot::RwLock;
use redb::Database;

pub use self::builder::FileStoreBuilder;
pub use self::error::FileStoreError;
use self::error::{Cause, cause, is_fatal, panicked};
use self::queue::Queue;
use self::trouble::Trouble;
use self::writer::{CompareAndSwap, InsertGrant, KeepFingerprints, Pending, Purge, Remove, Tidy, Write};
use super::{Cursor, Durability, Insert, Listed, Removed, StoreError, Swap, TokenStore};
use crate::grant::{Grant, GrantId, Owner, Timestamp, Version};
use crate::token::KeyFingerprint;

/// How long a swap may wait for those before it. One that is later is given up.
const LONGEST_QUEUE: Duration = Duration::from_secs(5);

/// Keeps grants in one file on this machine's disk, so that they outlive the process and its crashes.
///
/// For one process: a second one that opens the file gets [`FileStoreError::InUse`]. The file belongs on a local disk;
/// what network file systems promise about locks and syncs differs. A backup of it is a copy that was made while no
/// process had it open. An engine on it must be given a [`Key`](crate::Key) that is kept elsewhere.
///
/// **For its owner alone.** The file is made with mode 0600, since records hold the salts of grants. An existing file that
/// other users may read or write is set to that when it is opened. It is not refused for it: what was read stays read, and
/// on a volume that sets modes whenever it is mounted the host would not start. Only where the mode cannot be changed is
/// the file refused, as [`Exposed`](FileStoreError::Exposed).
///
/// **A file of no bytes is no new store** but [`Empty`](FileStoreError::Empty), since that is what a restore onto a full
/// disk leaves; a store is made where there is no file. A [builder](FileStoreBuilder) can ask for more, and for less.
///
/// **The path must lead to the open file.** On Unix it is looked at after each sync, before anyone is told. If the file
/// was deleted or renamed, or another was put in its place, the writes of that commit are
/// [`Indeterminate`](crate::store::StoreErrorKind::Indeterminate), and the store has [`Failed`](FileStoreError::Failed) by
/// [`Replaced`](FileStoreError::Replaced): nobody would ever find what it writes. Reads are answered until then. So end the process before you restore a backup, and call `chroot` before the store is opened, if at all.
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
/// When the log is full the tables are written, with two syncs, and the log begins anew: with 4 MiB every 11,000 refreshes
/// or so. A [longer log](FileStoreBuilder::log_bytes) makes this rarer. Opening after a crash does again what is in the log.
/// Of the disk it is asked that a write cut short leaves as they are the bytes beside it, also in the same sector, as disks
/// do.
///
/// **Damage is not taken for a crash.** The last commit of the log may have been cut short, and nobody was told of it. One
/// before it that is not as it was written was damaged, as is one in the tables: the file is then
/// [`Damaged`](FileStoreError::Damaged), and is not opened without what it has lost. What was the last commit is known by
/// what was written after it: the next one, or else 44 bytes that are written as soon as it is on the disk, and not synced.
/// So one case is left, and is taken for a commit that was cut short: the machine stops before the system has written
/// those bytes, which takes it seconds, with no commit since, and the disk damages just what the last commit wrote. A process
/// that is killed is not enough for that. Without a log the tables' own checksums are all there is.
///
/// **After an error** of the disk nobody knows what is on it: of a sync that failed, part may be there, and a second sync
/// may report success for what is lost. So the writes of a commit that failed are answered
/// [`Indeterminate`](crate::store::StoreErrorKind::Indeterminate), nothing is written any more, and every later call, reads
/// included, is answered with [`FileStoreError::Failed`] until the store is opened again. That goes for a full disk too:
/// leave it room. Opening finds either all of that commit or nothing of it. Where a sync failed and the machine was not
/// started anew, the system may show what the disk has not; a power cut later can then find the file damaged, and opening
/// says so. A record that is damaged fails alone, and is left as it is until it is
/// removed.
///
/// **Expired grants** are removed by inserts, two for each, so that the file does not grow with logins alone. A host
/// can call [`purge_expired`](TokenStore::purge_expired) for more. A refresh writes one record and no index. When a record
/// that cannot be read has expired only itself would tell, so it stays until it is removed, and is passed by.
///
/// # Figures
///
/// Of 20,000 grants with records of 300 bytes, their indexes included, on two shared cores of a virtual machine. They are
/// from before each commit of the log had a head of its own, and have not been measured again:
///
/// | | |
/// |---|---|
/// | bytes on the disk per grant, after 1 refresh of each and 100, 210 of them the log | **999** and **1,071** |
/// | the same without a log, after 1 and 30 | 427 and 428 |
/// | a load, its pages in memory | 3 µs |
/// | a commit | 2 writes, 1 sync |
/// | opened after it was closed | 1 to 4 ms |
/// | opened after a crash, the whole file read, up to 11,000 commits done again | 30 to 90 ms |
///
/// Swaps per second, and how long 32 of them took that shared a commit, each of another grant, by the length of the log.
/// Without one each commit writes a page of 4 KiB for each record and those above it, to their places, with two syncs:
///
/// | | 1 MiB | 4 MiB |
/// |---|---|---|
/// | 20,000 grants, 1 caller | 3,600 | **4,100** |
/// | 20,000 grants, 32 callers | 34,000 | **47,000** |
/// | 1,000,000 grants, 32 callers | 32,000 | **34,000** |
/// | median of 32 of a million | **1.1 ms** | 1.2 ms |
/// | 99 of 100 are below | 11 ms | **2.0 ms** |
/// | the longest, which wrote the tables | **68 ms** | 119 ms |
/// | bytes per grant of the million | 420 | 468 |
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
/// did not sync. So the log before `redb` is our own, in the same file. The tables' commits are of two phases, which costs
/// one sync more whenever the log is full: with one phase a damaged page makes `redb` go back to the commit before it,
/// without a word. After a crash, opening checks all pages.
///
/// ```
/// use regrant::store::{FileStore, Insert};
/// use regrant::{Grant, TokenStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let path = std::env::temp_dir().join(format!("regrant-doc-{}", std::process::id()));
/// # let grant = regrant::internal::sample_grant("alice", "app");
/// # let now = grant.created_at();
/// let store = FileStore::open(&path)?;
/// assert_eq!(store.insert(&grant, now).await?, Insert::Added);
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

impl FileStore {
    /// Opens the file of that path, or makes it where there is none; its folder has to be there. It blocks: call it at
    /// start, before there are requests. After a crash it reads the whole file.
    ///
    /// # Errors
    ///
    /// [`FileStoreError::InUse`] where it is open already; [`NotAStore`](FileStoreError::NotAStore),
    /// [`NewerFormat`](FileStoreError::NewerFormat) and [`Empty`](FileStoreError::Empty) for a file that is then left as it
    /// is; [`Damaged`](FileStoreError::Damaged) where it has lost what somebody was told of;
    /// [`Exposed`](FileStoreError::Exposed) where others may read it and that cannot be changed; and else what the disk says.
    ///
    /// ```no_run
    /// use regrant::store::FileStore;
    /// use regrant::{Engine, Key, StaticClients};
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
    /// let settings = regrant::store::FileStore::builder().check(true);
    /// ```
    pub const fn builder() -> FileStoreBuilder {
        FileStoreBuilder::new()
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
    /// let mut store = regrant::store::FileStore::open(&path)?;
    /// store.compact()?;
    /// # drop(store);
    /// # std::fs::remove_file(&path).unwrap();
    /// # Ok::<(), regrant::store::FileStoreError>(())
    /// ```
    pub fn compact(&mut self) -> Result<bool, FileStoreError> {
        if let Some(cause) = self.failed.get() {
            return Err(FileStoreError::Failed(Arc::clone(cause)));
        }
        let Some(database) = &self.database else { return Err(FileStoreError::NoThread) };
        let compacted = panic::catch_unwind(AssertUnwindSafe(|| database.write().compact()));
        match compacted {
            Ok(Ok(compacted)) => Ok(compacted),
            Ok(Err(error)) => Err(self.fail(cause(error.into()))),
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
                Err(StoreError::not_applied(self.fail(cause(error))))
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
    async fn insert(&self, grant: &Grant, now: Timestamp) -> Result<Insert, StoreError> {
        self.write(InsertGrant { grant: grant.clone(), bytes: grant.encode(), now }).await
    }

    async fn load(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        self.read(|database| read::load(database, id))
    }

    async fn compare_and_swap(&self, expected: Version, next: &Grant, _now: Timestamp) -> Result<Swap, StoreError> {
        let until = Instant::now() + LONGEST_QUEUE;
        let swapped = self.write(CompareAndSwap { expected, next: next.clone(), bytes: next.encode(), until }).await?;
        swapped.ok_or_else(|| StoreError::not_applied("the disk was too slow, and the write was given up"))
    }

    async fn remove(&self, id: GrantId) -> Result<Removed, StoreError> {
        self.write(Remove(id.as_u64())).await
    }

    async fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Result<Listed, StoreError> {
        let Some(from) = read::place(owner, after.as_ref()) else {
            return Err(StoreError::not_applied("not a cursor of a file store for this owner"));
        };
        let (listed, dead) = self.read(|database| read::list(database, owner, from, limit))?;
        if !dead.is_empty() {
            // That it fails is of no account: they are met again.
            let _ = self.write(Tidy(dead)).await;
        }
        Ok(listed)
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

    fn expect_load(&self, _id: GrantId) {}

    /// Random: an index finds any id.
    fn propose_id(&self, _now: Timestamp) -> Option<u32> {
        None
    }

    fn durability(&self) -> Durability {
        Durability::Durable
    }

    /// As long in the queue, and as long again for the disk.
    fn longest_commit(&self) -> Duration {
        LONGEST_QUEUE.saturating_mul(2)
    }

    async fn keep_key_fingerprints(&self, add: &[KeyFingerprint]) -> Result<Vec<KeyFingerprint>, StoreError> {
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
