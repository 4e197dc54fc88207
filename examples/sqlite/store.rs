//! A store on SQLite: what `regrant::conformance` says of SQL, as code. It passes the whole kit (`tests/stores/sqlite.rs`).

#![allow(clippy::incompatible_msrv, reason = "`rusqlite` asks for a later Rust than the library does")]

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use regrant::grant::{DecodeError, Owner, Version};
use regrant::store::{Cursor, Durability, Insert, KeyFingerprint, Listed, Removed, StoreError, Swap};
use regrant::{Grant, GrantId, Timestamp, TokenStore};
use rusqlite::{Connection, ErrorCode, OptionalExtension, TransactionBehavior, params};
use tokio::sync::Mutex;

/// What each statement needs is a column; all else is in the record, which alone is believed. `STRICT`, or a text that
/// looks like a number becomes one in a column that was declared so. Texts compare byte by byte: that is the default
/// here, and elsewhere a collation to ask for.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS grants (
        id INTEGER PRIMARY KEY,
        version INTEGER NOT NULL,
        client TEXT NOT NULL,
        subject TEXT,
        expires_at INTEGER NOT NULL,
        record BLOB NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS grants_by_subject ON grants (subject, id);
    CREATE INDEX IF NOT EXISTS grants_by_expiry ON grants (expires_at);
    CREATE TABLE IF NOT EXISTS keep_key_fingerprints (
        key_id INTEGER PRIMARY KEY,
        fingerprint BLOB NOT NULL
    ) STRICT;
";

/// Grants in a SQLite file, for any number of processes on one machine.
pub(crate) struct SqliteStore {
    // Of tokio, since who waits for it should not hold up a thread.
    connection: Arc<Mutex<Connection>>,
    patience: Duration,
}

impl SqliteStore {
    /// Opens or makes the file. Whoever finds another process writing waits so long at most.
    pub(crate) fn open(path: &Path, patience: Duration) -> io::Result<Self> {
        make_private(path)?;
        let open = || {
            let connection = Connection::open(path)?;
            connection.busy_timeout(patience)?;
            // With a write-ahead log nobody who reads waits. `FULL` has each commit on the disk before it returns;
            // `NORMAL` would lose the last ones in a power cut, and with them revocations.
            connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA fullfsync = ON;")?;
            connection.execute_batch(SCHEMA)?;
            Ok(connection)
        };
        let connection = open().map_err(|error: rusqlite::Error| io::Error::other(error))?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)), patience })
    }

    /// Runs a job that may block on a thread where that is allowed.
    ///
    /// It runs to its end when this is dropped at the second await, so a write is whole or has not begun.
    async fn on_a_thread<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        // Whoever waits longer than for another process is told that nothing was written: so `longest_commit` holds.
        let lock = Arc::clone(&self.connection).lock_owned();
        let mut connection = tokio::time::timeout(self.patience, lock).await.map_err(StoreError::not_applied)?;
        let done = tokio::task::spawn_blocking(move || job(&mut connection)).await;
        // It panicked, or the runtime is going down: nobody knows how far it came.
        done.unwrap_or_else(|error| Err(StoreError::indeterminate(error)))
    }
}

/// Records hold what half a forgery needs, so the file is the owner's alone. The log beside it gets the same mode.
fn make_private(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    if std::os::unix::fs::PermissionsExt::mode(&file.metadata()?.permissions()) & 0o077 != 0 {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "others may read or write the file: chmod 600"));
    }
    drop(file);
    Ok(())
}

/// The same 64 bits, in a column that has a sign. From the year 2038 on ids are negative here.
const fn column(id: GrantId) -> i64 {
    id.as_u64().cast_signed()
}

const fn version_column(version: Version) -> i64 {
    version.as_u64().cast_signed()
}

/// At most 48 bits.
fn time_column(time: Timestamp) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// An error of a statement that only reads, or of a transaction before its commit, which is undone.
fn not_applied(error: rusqlite::Error) -> StoreError {
    StoreError::not_applied(error)
}

/// An error of a statement that writes, and is a transaction of its own: the commit is part of it.
fn of_a_write(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        // It never began.
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::ReadOnly
            | ErrorCode::CannotOpen
            | ErrorCode::NotADatabase,
        ) => StoreError::not_applied(error),
        // The disk, above all: what did not get through may be found in the log after the next start.
        _ => StoreError::indeterminate(error),
    }
}

/// A record that is kept under another id than its own is damaged.
fn read(id: GrantId, record: &[u8]) -> Result<Grant, DecodeError> {
    Grant::decode(record).and_then(|grant| if grant.id() == id { Ok(grant) } else { Err(DecodeError::Corrupt) })
}

impl TokenStore for SqliteStore {
    async fn insert(&self, grant: &Grant, _now: Timestamp) -> Result<Insert, StoreError> {
        let grant = grant.clone();
        self.on_a_thread(move |connection| {
            let sql = "INSERT INTO grants (id, version, client, subject, expires_at, record) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (id) DO NOTHING";
            let columns = params![
                column(grant.id()),
                version_column(grant.version()),
                grant.client_key(),
                grant.owner_key(),
                time_column(grant.expires_at()),
                grant.encode(),
            ];
            let rows = connection.execute(sql, columns).map_err(of_a_write)?;
            Ok(if rows == 1 { Insert::Added } else { Insert::Duplicate })
        })
        .await
    }

    async fn load(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        self.on_a_thread(move |connection| {
            let sql = "SELECT record FROM grants WHERE id = ?1";
            let record: Option<Vec<u8>> =
                connection.query_row(sql, [column(id)], |row| row.get(0)).optional().map_err(not_applied)?;
            Ok(record.map(|record| read(id, &record)).transpose()?)
        })
        .await
    }

    async fn compare_and_swap(&self, expected: Version, next: &Grant, _now: Timestamp) -> Result<Swap, StoreError> {
        let next = next.clone();
        self.on_a_thread(move |connection| {
            let sql = "UPDATE grants SET version = ?2, client = ?3, subject = ?4, expires_at = ?5, record = ?6 \
                       WHERE id = ?1 AND version = ?7";
            let columns = params![
                column(next.id()),
                version_column(next.version()),
                next.client_key(),
                next.owner_key(),
                time_column(next.expires_at()),
                next.encode(),
                version_column(expected),
            ];
            let rows = connection.execute(sql, columns).map_err(of_a_write)?;
            Ok(if rows == 1 { Swap::Swapped } else { Swap::Lost })
        })
        .await
    }

    async fn remove(&self, id: GrantId) -> Result<Removed, StoreError> {
        self.on_a_thread(move |connection| {
            // Not `query_row`, which takes the first row and drops what is said after it: the error of the commit.
            let sql = "DELETE FROM grants WHERE id = ?1 RETURNING record";
            let record: Option<Vec<u8>> =
                connection.query_one(sql, [column(id)], |row| row.get(0)).optional().map_err(of_a_write)?;
            // What cannot be read is gone like the rest.
            Ok(record.map_or(Removed::Nothing, |record| read(id, &record).into()))
        })
        .await
    }

    async fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Result<Listed, StoreError> {
        // In the order of the column, which is not that of the ids: a cursor compares as the column does.
        let first = match after.as_ref().map(Cursor::to_u64) {
            None => i64::MIN,
            Some(Some(last)) => match column(GrantId::from_u64(last)).checked_add(1) {
                Some(first) => first,
                None => return Ok(Listed::default()),
            },
            Some(None) => return Err(StoreError::not_applied("not a cursor of this store")),
        };
        let limit = limit.max(1);
        let owner = owner.clone();
        self.on_a_thread(move |connection| {
            let sql = "SELECT id, record FROM grants WHERE subject = ?1 AND (?2 IS NULL OR client = ?2) AND id >= ?3 \
                       ORDER BY id LIMIT ?4";
            // One more than asked for, to know whether there is another page.
            let wanted = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
            let mut statement = connection.prepare(sql).map_err(not_applied)?;
            let mut rows =
                statement.query(params![owner.owner_key(), owner.client_key(), first, wanted]).map_err(not_applied)?;
            let mut page = Listed::default();
            let mut last = None;
            while let Some(row) = rows.next().map_err(not_applied)? {
                if page.len() == limit {
                    page.next = last.map(Cursor::from_u64);
                    break;
                }
                let id: i64 = row.get(0).map_err(not_applied)?;
                let record: Vec<u8> = row.get(1).map_err(not_applied)?;
                let id = GrantId::from_u64(id.cast_unsigned());
                page.add(id, read(id, &record));
                last = Some(id.as_u64());
            }
            Ok(page)
        })
        .await
    }

    async fn purge_expired(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.on_a_thread(move |connection| {
            // One statement is one transaction, and there is one writer: between the two halves nobody extends a grant.
            let sql = "DELETE FROM grants WHERE id IN \
                       (SELECT id FROM grants WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            connection.execute(sql, params![time_column(now), limit]).map_err(of_a_write)
        })
        .await
    }

    fn durability(&self) -> Durability {
        Durability::Durable
    }

    /// Twice the time that it waits for another process's write: for one of this process before it, and for its own.
    fn longest_commit(&self) -> Duration {
        self.patience.saturating_mul(2)
    }

    async fn keep_key_fingerprints(&self, add: &[KeyFingerprint]) -> Result<Vec<KeyFingerprint>, StoreError> {
        let add = add.to_vec();
        self.on_a_thread(move |connection| {
            // More than one statement: the lock for writing first, or two of these that have read wait for one another.
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(not_applied)?;
            for one in &add {
                let sql = "INSERT INTO keep_key_fingerprints VALUES (?1, ?2) ON CONFLICT (key_id) DO NOTHING";
                transaction.execute(sql, params![one.key_id(), &one.bytes()[..]]).map_err(not_applied)?;
            }
            let kept = kept_fingerprints(&transaction)?;
            transaction.commit().map_err(of_a_write)?;
            Ok(kept)
        })
        .await
    }
}

fn kept_fingerprints(connection: &Connection) -> Result<Vec<KeyFingerprint>, StoreError> {
    let mut statement =
        connection.prepare("SELECT key_id, fingerprint FROM keep_key_fingerprints").map_err(not_applied)?;
    let rows = statement.query_map([], |row| Ok(KeyFingerprint::new(row.get(0)?, row.get(1)?))).map_err(not_applied)?;
    rows.collect::<Result<_, _>>().map_err(not_applied)
}
