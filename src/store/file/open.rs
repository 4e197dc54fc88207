//! From a path to a store's file: the lock, the header, and what follows it.
//!
//! ```text
//! "regrant grants\n" 0 | format 4 | state 1 | 0 0 0 | length of the log 8 | zeros up to 4096
//! the log
//! what `redb` keeps
//! ```
//!
//! With a header of its own a file is known for what it is before anything reads on: neither another program's file nor
//! one of a newer version is ever touched. The state is 0 in a file whose making was cut short, and nothing was kept in
//! it yet; it is 255 in one that is complete, so that no single bit makes one pass for the other.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Arc;

use redb::{Builder, Database, ReadableDatabase, StorageBackend, TableError};

use super::error::{FileStoreError, panicked};
use super::lock::Locked;
use super::log::{Epoch, Log};
use super::tables::{EXPIRY, GRANTS, KEYS, LAST, OWNERS, Tables};
use super::writer::Trouble;
use crate::grant::DecodeError;

/// Of the header, so that pages stay aligned.
const HEADER: u64 = 4_096;
const MAGIC: [u8; 16] = *b"regrant grants\n\0";
const FORMAT: u32 = 1;
const STATE_AT: u64 = 20;
const MAKING: u8 = 0;
const COMPLETE: u8 = 0xff;
/// Short enough to be read at once.
pub(super) const LONGEST_LOG: u64 = 1 << 30;

/// What the file is, by its header.
enum Found {
    /// Nothing, or a file whose making was cut short.
    New,
    /// A store with a log of so many bytes.
    Store(u64),
}

/// How a store is opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) cache_bytes: usize,
    pub(super) check: bool,
    /// Of a store that is made.
    pub(super) log_bytes: u64,
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
    disk: Arc<dyn StorageBackend>,
    settings: Settings,
) -> Result<(Database, Log), FileStoreError> {
    // A damaged file can make the engine of files panic.
    panic::catch_unwind(AssertUnwindSafe(|| match find(&*disk)? {
        Found::New => make(disk, settings),
        Found::Store(log_bytes) => open(disk, Settings { log_bytes, ..settings }),
    }))
    .unwrap_or_else(|_| Err(FileStoreError::Damaged(panicked())))
}

fn find(disk: &dyn StorageBackend) -> Result<Found, FileStoreError> {
    let len = disk.len()?;
    let mut bytes = vec![0; usize::try_from(len.min(HEADER)).unwrap_or(0)];
    disk.read(0, &mut bytes)?;
    let fresh = header(0);
    if let (Some(magic), Some(format)) = (bytes.get(..16), bytes.get(16..20))
        && magic == MAGIC
        && format != [0; 4]
    {
        let format = format.iter().fold(0_u32, |format, byte| format << 8 | u32::from(*byte));
        if format > FORMAT {
            return Err(FileStoreError::NewerFormat);
        }
        if format == FORMAT && bytes.get(20) == Some(&COMPLETE) {
            let log = bytes.get(24..32).unwrap_or_default().iter().fold(0_u64, |log, byte| log << 8 | u64::from(*byte));
            if log <= LONGEST_LOG && len > HEADER + log {
                return Ok(Found::Store(log));
            }
        }
        if format == FORMAT && bytes.get(20) == Some(&MAKING) {
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

fn header(log_bytes: u64) -> Vec<u8> {
    let mut header = Vec::with_capacity(4_096);
    header.extend(MAGIC);
    header.extend(FORMAT.to_be_bytes());
    header.extend([MAKING, 0, 0, 0]);
    header.extend(log_bytes.to_be_bytes());
    header.resize(4_096, 0);
    header
}

/// Makes a store where there is nothing that was ever used: last of all comes the mark that it is complete.
fn make(disk: Arc<dyn StorageBackend>, settings: Settings) -> Result<(Database, Log), FileStoreError> {
    let length = log_length(settings)?;
    disk.set_len(0)?;
    disk.set_len(HEADER)?;
    disk.write(0, &header(settings.log_bytes))?;
    disk.sync_data()?;
    // Written and not skipped, so that the log has its place on the disk, also when that is full.
    if length != 0 {
        disk.write(HEADER, &vec![0; length])?;
    }
    let database = builder(settings).create_with_backend(Body::new(&disk, settings)).map_err(redb::Error::from)?;
    let transaction = database.begin_write().map_err(redb::Error::from)?;
    transaction.open_table(GRANTS).map_err(redb::Error::from)?;
    transaction.open_table(OWNERS).map_err(redb::Error::from)?;
    transaction.open_table(EXPIRY).map_err(redb::Error::from)?;
    transaction.open_table(KEYS).map_err(redb::Error::from)?;
    transaction.open_table(LAST).map_err(redb::Error::from)?;
    transaction.commit().map_err(redb::Error::from)?;
    disk.write(STATE_AT, &[COMPLETE])?;
    disk.sync_data()?;
    Ok((database, Log::new(disk, HEADER, length, 0)))
}

fn open(disk: Arc<dyn StorageBackend>, settings: Settings) -> Result<(Database, Log), FileStoreError> {
    let length = log_length(settings)?;
    let database = builder(settings).create_with_backend(Body::new(&disk, settings)).map_err(redb::Error::from)?;
    let in_tables = last(&database)?;
    let number = replay(&database, &Log::read(&*disk, HEADER, length)?, in_tables)?;
    Ok((database, Log::new(disk, HEADER, length, number)))
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
fn replay(database: &Database, epoch: &Epoch, in_tables: u64) -> Result<u64, FileStoreError> {
    let late = epoch.commits().zip(1_u64..).skip_while(|(_, nth)| epoch.base.saturating_add(*nth) <= in_tables);
    let mut late = late.map(|(commit, _)| commit).peekable();
    if late.peek().is_none() {
        return Ok(in_tables);
    }
    if epoch.base > in_tables {
        // The tables were on the disk when the log began, and are not any more.
        return Err(FileStoreError::Damaged(Arc::new(DecodeError::Corrupt)));
    }
    let mut number = in_tables;
    let transaction = database.begin_write().map_err(redb::Error::from)?;
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

fn log_length(settings: Settings) -> Result<usize, FileStoreError> {
    usize::try_from(settings.log_bytes).map_err(|error| FileStoreError::Damaged(Arc::new(error)))
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
    fn new(disk: &Arc<dyn StorageBackend>, settings: Settings) -> Self {
        Self { disk: Arc::clone(disk), start: HEADER + settings.log_bytes }
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
