//! How a file store is opened.

use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::thread;

use parking_lot::RwLock;
use redb::StorageBackend;

use super::error::FileStoreError;
use super::fail_stop::FailStop;
use super::header::LONGEST_LOG;
use super::open::{self, Settings};
use super::queue::Queue;
use super::{FileStore, writer};

/// Settings of a [`FileStore`].
///
/// ```no_run
/// use regrant::store::FileStore;
/// let store = FileStore::builder().cache_bytes(256 << 20).open("/var/lib/host/grants")?;
/// # Ok::<(), regrant::store::FileStoreError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct FileStoreBuilder {
    settings: Settings,
}

impl FileStoreBuilder {
    pub(super) const fn new() -> Self {
        let settings =
            Settings { cache_bytes: 64 << 20, check: false, log_bytes: 4 << 20, create: true, accept_empty: false };
        Self { settings }
    }

    /// How many bytes of the file are kept in memory at most: 64 MiB if not set, beside what the system caches.
    ///
    /// ```
    /// let settings = regrant::store::FileStore::builder().cache_bytes(1 << 30);
    /// ```
    pub const fn cache_bytes(mut self, bytes: usize) -> Self {
        self.settings.cache_bytes = bytes;
        self
    }

    /// Whether the checksums of the whole file are looked at before it is used: not if not set. After a crash they
    /// always are. It takes as long as reading the file, and finds what a disk lost or changed while nobody looked.
    ///
    /// ```
    /// let settings = regrant::store::FileStore::builder().check(true);
    /// ```
    pub const fn check(mut self, check: bool) -> Self {
        self.settings.check = check;
        self
    }

    /// How long the log of a file is that is made now, in bytes: 4 MiB if not set, and 1 GiB at most. That of a file that
    /// is there stays as it is.
    ///
    /// The tables are written when it is full, with 4 MiB every 11,000 refreshes of records of 300 bytes. Those who write
    /// meanwhile wait for it: the longer the log, the rarer and the longer that is, the more replaced pages the file
    /// keeps, and the longer takes opening after a crash. Without a log, at 0, each commit writes the tables.
    ///
    /// ```
    /// let settings = regrant::store::FileStore::builder().log_bytes(8 << 20);
    /// ```
    pub const fn log_bytes(mut self, bytes: u64) -> Self {
        self.settings.log_bytes = if bytes > LONGEST_LOG { LONGEST_LOG } else { bytes };
        self
    }

    /// Whether a file is made where there is none: it is if not set. Without it a path that leads nowhere is an error, as a
    /// host may want it that has run before: its volume may not be mounted.
    ///
    /// ```
    /// let settings = regrant::store::FileStore::builder().create(false);
    /// ```
    pub const fn create(mut self, create: bool) -> Self {
        self.settings.create = create;
        self
    }

    /// Whether a new store is made in a file that is there and is empty: not if not set, and then it is
    /// [`Empty`](FileStoreError::Empty). A restore onto a full disk leaves such a file, and with it everybody would be
    /// logged out. For a host that is handed a file made for it.
    ///
    /// ```
    /// let settings = regrant::store::FileStore::builder().accept_empty(true);
    /// ```
    pub const fn accept_empty(mut self, accept_empty: bool) -> Self {
        self.settings.accept_empty = accept_empty;
        self
    }

    /// Opens the file, or makes it where there is none. It blocks: call it at start, before there are requests.
    ///
    /// # Errors
    ///
    /// As [`FileStore::open`].
    ///
    /// ```no_run
    /// let store = regrant::store::FileStore::builder().open("/var/lib/host/grants")?;
    /// # Ok::<(), regrant::store::FileStoreError>(())
    /// ```
    pub fn open(self, path: impl AsRef<Path>) -> Result<FileStore, FileStoreError> {
        let (disk, is_new) = open::open_file(path.as_ref(), self.settings)?;
        let accept_empty = is_new || self.settings.accept_empty;
        self.accept_empty(accept_empty).open_on(disk)
    }

    /// The same on any disk.
    pub(super) fn open_on(self, disk: impl StorageBackend) -> Result<FileStore, FileStoreError> {
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
