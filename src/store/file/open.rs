//! From a path to a store's file: the lock, the header, and what follows it.
//!
//! ```text
//! "regrant grants\n" 0 | format 4 | complete 1 | zeros up to 4096      then what `redb` keeps
//! ```
//!
//! With a header of its own a file is known for what it is before anything reads on: neither another program's file nor
//! one of a newer version is ever touched. A header that is not complete is that of a file whose making was cut short,
//! and nothing was kept in it yet.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Arc;

use redb::{Builder, Database, ReadableDatabase, StorageBackend, TableError};

use super::error::{FileStoreError, panicked};
use super::lock::Locked;
use super::tables::{EXPIRY, GRANTS, KEYS, OWNERS};

/// Of the header, so that pages stay aligned.
const HEADER: u64 = 4_096;
const MAGIC: [u8; 16] = *b"regrant grants\n\0";
const FORMAT: u32 = 1;
const COMPLETE_AT: u64 = 20;

/// What the file is, by its header.
enum Found {
    /// Nothing, or a file whose making was cut short.
    New,
    Store,
}

/// Opens or makes the file, which no one else can until it is closed.
pub(super) fn open_file(path: &Path) -> Result<Locked, FileStoreError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let (file, is_new) = match options.clone().create_new(true).open(path) {
        Ok(file) => (file, true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => (options.open(path)?, false),
        Err(error) => return Err(error.into()),
    };
    let is_empty = file.metadata()?.len() == 0;
    let locked = Locked::new(file)?;
    if is_new || is_empty {
        sync_directory(path)?;
    }
    Ok(locked)
}

/// Without this the file's name can be lost with all that is in it.
fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        let path = fs::canonicalize(path)?;
        File::open(path.parent().unwrap_or(&path))?.sync_all()?;
    }
    Ok(())
}

/// Opens what is behind the header, making it where there is nothing yet.
pub(super) fn open_database(
    disk: impl StorageBackend,
    cache_bytes: usize,
    check: bool,
) -> Result<Database, FileStoreError> {
    // A damaged file can make the engine of files panic.
    panic::catch_unwind(AssertUnwindSafe(|| match find(&disk)? {
        Found::New => make(disk, cache_bytes),
        Found::Store => open(disk, cache_bytes, check),
    }))
    .unwrap_or_else(|_| Err(FileStoreError::Damaged(panicked())))
}

fn find(disk: &impl StorageBackend) -> Result<Found, FileStoreError> {
    let len = disk.len()?;
    let mut bytes = vec![0; usize::try_from(len.min(HEADER)).unwrap_or(0)];
    disk.read(0, &mut bytes)?;
    let fresh = header();
    if let (Some(magic), Some(format)) = (bytes.get(..16), bytes.get(16..20))
        && magic == MAGIC
        && format != [0; 4]
    {
        let format = format.iter().fold(0_u32, |format, byte| format << 8 | u32::from(*byte));
        if format > FORMAT {
            return Err(FileStoreError::NewerFormat);
        }
        if format == FORMAT && bytes.get(20) == Some(&1) && len > HEADER {
            return Ok(Found::Store);
        }
        if format == FORMAT && bytes.get(20) == Some(&0) {
            return Ok(Found::New);
        }
    }
    // The header itself may have been cut short: a part of it, and zeros.
    let common = bytes.iter().zip(&fresh).take_while(|(byte, fresh)| byte == fresh).count();
    if len <= HEADER && bytes[common..].iter().all(|byte| *byte == 0) {
        return Ok(Found::New);
    }
    Err(FileStoreError::NotAStore)
}

fn header() -> Vec<u8> {
    let mut header = Vec::with_capacity(4_096);
    header.extend(MAGIC);
    header.extend(FORMAT.to_be_bytes());
    header.resize(4_096, 0);
    header
}

/// Makes a store where there is nothing that was ever used: last of all comes the mark that it is complete.
fn make(disk: impl StorageBackend, cache_bytes: usize) -> Result<Database, FileStoreError> {
    let disk = Arc::new(disk);
    disk.set_len(0)?;
    disk.set_len(HEADER)?;
    disk.write(0, &header())?;
    disk.sync_data()?;
    let database =
        builder(cache_bytes, false).create_with_backend(Body(Arc::clone(&disk))).map_err(redb::Error::from)?;
    let transaction = database.begin_write().map_err(redb::Error::from)?;
    transaction.open_table(GRANTS).map_err(redb::Error::from)?;
    transaction.open_table(OWNERS).map_err(redb::Error::from)?;
    transaction.open_table(EXPIRY).map_err(redb::Error::from)?;
    transaction.open_table(KEYS).map_err(redb::Error::from)?;
    transaction.commit().map_err(redb::Error::from)?;
    disk.write(COMPLETE_AT, &[1])?;
    disk.sync_data()?;
    Ok(database)
}

fn open(disk: impl StorageBackend, cache_bytes: usize, check: bool) -> Result<Database, FileStoreError> {
    let body = Body(Arc::new(disk));
    let database = builder(cache_bytes, check).create_with_backend(body).map_err(redb::Error::from)?;
    let damaged = |error: TableError| FileStoreError::from(redb::Error::from(error));
    let transaction = database.begin_read().map_err(redb::Error::from)?;
    transaction.open_table(GRANTS).map_err(damaged)?;
    transaction.open_table(OWNERS).map_err(damaged)?;
    transaction.open_table(EXPIRY).map_err(damaged)?;
    transaction.open_table(KEYS).map_err(damaged)?;
    drop(transaction);
    Ok(database)
}

fn builder(cache_bytes: usize, check: bool) -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(cache_bytes).set_check_integrity_on_open(check);
    builder
}

/// The file behind its header. The file is locked as a whole, by [`open_file`].
#[derive(Debug)]
struct Body<B>(Arc<B>);

impl<B: StorageBackend> StorageBackend for Body<B> {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.len()?.saturating_sub(HEADER))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset + HEADER, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len + HEADER)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset + HEADER, data)
    }

    fn close(&self) -> io::Result<()> {
        self.0.close()
    }
}
