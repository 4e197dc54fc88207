//! From a path to a store's file: the lock, the header, and what follows it.
//!
//! ```text
//! the header, 4096
//! the log
//! what `redb` keeps
//! ```

use std::fs::{self, File, OpenOptions};
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Arc;

use redb::{Builder, Database, ReadableDatabase, StorageBackend, TableError};

use super::error::{FileStoreError, panicked};
use super::header::{COMPLETE, Found, HEADER, Header, STATE_AT, find};
use super::lock::{Locked, some_moments};
use super::log::{Log, Place};
use super::recovery::{self, Late};
use super::tables::{EXPIRY, GRANTS, KEYS, LAST, OWNERS, Tables};
use super::trouble::Trouble;

/// How a store is opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) cache_bytes: usize,
    pub(super) check: bool,
    /// Of a store that is made.
    pub(super) log_bytes: u64,
    /// Whether a file is made where there is none.
    pub(super) create: bool,
    /// Whether a store is made in a file that is empty.
    pub(super) accept_empty: bool,
}

/// Opens or makes the file, which no one else can until it is closed, and says whether it was made.
pub(super) fn open_file(path: &Path, settings: Settings) -> Result<(Locked, bool), FileStoreError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let made = if settings.create {
        options.clone().create_new(true).open(path)
    } else {
        Err(io::ErrorKind::AlreadyExists.into())
    };
    let (file, is_new) = match made {
        Ok(file) => (file, true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => (options.open(path)?, false),
        Err(error) => return Err(error.into()),
    };
    let locked = if is_new { Locked::of_new(&file, path, some_moments())? } else { Locked::new(file, path)? };
    // Before it is touched: it may be another program's.
    let found = find(&locked, is_new || settings.accept_empty)?;
    if is_new && matches!(found, Found::New) {
        locked.remove_unless_completed();
    }
    locked.keep_private()?;
    if matches!(found, Found::New) {
        sync_directory(path)?;
    }
    Ok((locked, is_new))
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
    disk: Arc<dyn StorageBackend>,
    settings: Settings,
) -> Result<(Database, Log), FileStoreError> {
    // A damaged file can make the engine of files panic.
    panic::catch_unwind(AssertUnwindSafe(|| match find(&*disk, settings.accept_empty)? {
        Found::New => make(disk, settings),
        Found::Store(header) => open(disk, settings, header),
    }))
    .unwrap_or_else(|_| Err(FileStoreError::Damaged(panicked())))
}

/// Makes a store where there is nothing that was ever used: last of all comes the mark that it is complete.
fn make(disk: Arc<dyn StorageBackend>, settings: Settings) -> Result<(Database, Log), FileStoreError> {
    let header = Header { log_bytes: settings.log_bytes, key: rand::random() };
    let place = place(&header)?;
    disk.set_len(0)?;
    disk.set_len(HEADER)?;
    disk.write(0, &header.encode())?;
    disk.sync_data()?;
    // Written and not skipped, so that the log has its place on the disk, also when that is full.
    if place.length != 0 {
        disk.write(place.start, &vec![0; place.length])?;
    }
    let database = builder(settings).create_with_backend(Body::new(&disk, header)).map_err(redb::Error::from)?;
    let mut transaction = database.begin_write().map_err(redb::Error::from)?;
    transaction.set_two_phase_commit(true);
    transaction.open_table(GRANTS).map_err(redb::Error::from)?;
    transaction.open_table(OWNERS).map_err(redb::Error::from)?;
    transaction.open_table(EXPIRY).map_err(redb::Error::from)?;
    transaction.open_table(KEYS).map_err(redb::Error::from)?;
    transaction.open_table(LAST).map_err(redb::Error::from)?;
    transaction.commit().map_err(redb::Error::from)?;
    disk.write(STATE_AT, &[COMPLETE])?;
    disk.sync_data()?;
    Ok((database, Log::new(disk, place, 0)))
}

fn open(disk: Arc<dyn StorageBackend>, settings: Settings, header: Header) -> Result<(Database, Log), FileStoreError> {
    let place = place(&header)?;
    let database = builder(settings).create_with_backend(Body::new(&disk, header)).map_err(redb::Error::from)?;
    let in_tables = last(&database)?;
    let number = replay(&database, &recovery::read(&*disk, &place, in_tables)?, in_tables)?;
    Ok((database, Log::new(disk, place, number)))
}

/// Number of the last commit that is in the tables, which are all there.
fn last(database: &Database) -> Result<u64, FileStoreError> {
    let damaged = |error: TableError| FileStoreError::from(redb::Error::from(error));
    let transaction = database.begin_read().map_err(redb::Error::from)?;
    transaction.open_table(GRANTS).map_err(damaged)?;
    transaction.open_table(OWNERS).map_err(damaged)?;
    transaction.open_table(EXPIRY).map_err(damaged)?;
    transaction.open_table(KEYS).map_err(damaged)?;
    let last = transaction.open_table(LAST).map_err(damaged)?.get(()).map_err(redb::Error::from)?;
    Ok(last.map_or(0, |number| number.value()))
}

/// Brings what is in the log alone into the tables, and says what number they are then at. Nobody is told of a commit
/// before this has it on the disk: a process that was killed may have left it in the system's memory.
fn replay(database: &Database, late: &Late, in_tables: u64) -> Result<u64, FileStoreError> {
    let mut late = late.commits().peekable();
    if late.peek().is_none() {
        return Ok(in_tables);
    }
    let mut number = in_tables;
    let mut transaction = database.begin_write().map_err(redb::Error::from)?;
    transaction.set_two_phase_commit(true);
    let mut tables = Tables::open(&transaction)?;
    for commit in late {
        tables.replay(commit).map_err(|trouble| match trouble {
            Trouble::Record(error) => FileStoreError::Damaged(Arc::new(error)),
            Trouble::Storage(error) => error.into(),
        })?;
        number = number.saturating_add(1);
    }
    tables.finish(number)?;
    transaction.commit().map_err(redb::Error::from)?;
    Ok(number)
}

fn place(header: &Header) -> Result<Place, FileStoreError> {
    let length = usize::try_from(header.log_bytes).map_err(|error| FileStoreError::Damaged(Arc::new(error)))?;
    Ok(Place { start: HEADER, length, key: header.key })
}

fn builder(settings: Settings) -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(settings.cache_bytes).set_check_integrity_on_open(settings.check);
    builder
}

/// The file behind its header and its log. The file is locked as a whole, by [`open_file`].
#[derive(Debug)]
struct Body {
    disk: Arc<dyn StorageBackend>,
    start: u64,
}

impl Body {
    fn new(disk: &Arc<dyn StorageBackend>, header: Header) -> Self {
        Self { disk: Arc::clone(disk), start: HEADER + header.log_bytes }
    }
}

impl StorageBackend for Body {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.len()?.saturating_sub(self.start))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.disk.read(offset + self.start, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.set_len(len + self.start)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.disk.write(offset + self.start, data)
    }

    fn close(&self) -> io::Result<()> {
        self.disk.close()
    }
}
