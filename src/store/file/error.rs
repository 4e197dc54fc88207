//! Why a file cannot be a store, or can be one no longer.

use std::error::Error;
use std::io;
use std::sync::Arc;

use redb::StorageError;

/// What an engine of files said, shared by all who were waiting for it.
pub(super) type Cause = Arc<dyn Error + Send + Sync>;

/// Why a [`FileStore`](super::FileStore) cannot be opened, or cannot go on.
///
/// ```
/// use regrant::{FileStore, FileStoreError};
/// # let path = std::env::temp_dir().join(format!("regrant-error-{}", std::process::id()));
/// let store = FileStore::open(&path)?;
/// assert!(matches!(FileStore::open(&path), Err(FileStoreError::InUse)));
/// # drop(store);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileStoreError {
    /// Another process has the file open as a store, or this one has already.
    #[error("another process has the store's file open, or this one has already")]
    InUse,
    /// The file is something else. It was not touched.
    #[error("the file is not a store of grants")]
    NotAStore,
    /// A later version of this crate wrote the file. It was not touched.
    #[error("the store's file was written by a newer version")]
    NewerFormat,
    /// The file is a store, and damaged beyond what a crash does to it. Restore a backup.
    #[error("the store's file is damaged")]
    Damaged(#[source] Cause),
    /// The file cannot be opened, made, read or written.
    #[error("the store's file cannot be used")]
    Io(#[source] Arc<io::Error>),
    /// An earlier read or write failed, so that nobody knows what is on the disk. The store answers every call with this
    /// until it is opened again.
    #[error("the store's file could not be read or written; the store has to be opened again")]
    Failed(#[source] Cause),
    /// The thread of the store could not be started, or is gone.
    #[error("the store's thread does not run")]
    NoThread,
}

impl From<io::Error> for FileStoreError {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

impl From<redb::Error> for FileStoreError {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::Io(error) => error.into(),
            redb::Error::DatabaseAlreadyOpen => Self::InUse,
            other => Self::Damaged(Arc::new(other)),
        }
    }
}

/// Whether the file may be used after this.
pub(super) fn is_fatal(error: &redb::Error) -> bool {
    !matches!(error, redb::Error::Corrupted(_))
}

/// One error for all of the engine's.
pub(super) fn storage(error: StorageError) -> redb::Error {
    error.into()
}

/// What is known of a panic in the engine of files.
pub(super) fn panicked() -> Cause {
    Box::<dyn Error + Send + Sync>::from("the engine of files panicked").into()
}
