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
/// use regrant::store::{FileStore, FileStoreError};
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
    /// The file is there and holds nothing, not even what a new store's does: so a restore onto a full disk leaves it, and a
    /// first start that a power cut ended within milliseconds. Restore it; or delete it, or
    /// [accept it](super::FileStoreBuilder::accept_empty), to begin without any grant.
    #[error("the store's file is empty: restore it, or delete it to begin a new one")]
    Empty,
    /// The file is something else. It was not touched.
    #[error("the file is not a store of grants")]
    NotAStore,
    /// A later version of this crate wrote the file. It was not touched.
    #[error("the store's file was written by a newer version")]
    NewerFormat,
    /// The file is a store, and damaged beyond what a crash does to it: opening it would undo writes that somebody was told
    /// of. Restore a backup.
    #[error("the store's file is damaged")]
    Damaged(#[source] Cause),
    /// Other users may read or write the file, and it cannot be taken from them: it belongs to another user, or is on a
    /// file system that has no modes.
    #[error("other users may read the store's file, and its mode cannot be changed")]
    Exposed,
    /// The path does not lead to the open file any more: it was deleted or renamed, or another file was put in its place.
    /// Nobody finds again what is written to it. A store that notices has [`Failed`](Self::Failed), which holds this.
    #[error("the store's file was deleted, renamed or replaced while it was open")]
    Replaced,
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
        if is_replaced(&error) {
            return Self::Replaced;
        }
        match error.kind() {
            // The file ends within what it should have, or does not begin as the engine of files left it.
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => Self::Damaged(Arc::new(error)),
            _ => Self::Io(Arc::new(error)),
        }
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

/// A file that is damaged in a way that no other error tells of.
pub(super) fn damaged(what: &'static str) -> FileStoreError {
    FileStoreError::Damaged(Box::<dyn Error + Send + Sync>::from(what).into())
}

fn is_replaced(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    matches!(inner, Some(FileStoreError::Replaced))
}

/// What is remembered of an error after which the file is not to be used.
pub(super) fn cause(error: redb::Error) -> Cause {
    match error {
        redb::Error::Io(error) if is_replaced(&error) => Arc::new(FileStoreError::Replaced),
        other => Arc::new(other),
    }
}

/// One error for all of the engine's.
pub(super) fn storage(error: StorageError) -> redb::Error {
    error.into()
}

/// What is known of a panic in the engine of files.
pub(super) fn panicked() -> Cause {
    Box::<dyn Error + Send + Sync>::from("the engine of files panicked").into()
}
