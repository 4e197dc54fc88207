//! The store's thread: all that is waiting becomes one transaction, one sync, and then the answers.
//!
//! A transaction is appended to the log, which puts it on the disk, and then made visible. The tables follow on the disk
//! when the log is full. In both cases it is then marked in the log as one that is on the disk.

use std::collections::VecDeque;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use futures_channel::oneshot;
use parking_lot::RwLock;
use redb::{Database, Durability};

use super::error::{Cause, FileStoreError, cause, is_fatal, panicked};
use super::job::{Failure, Job};
use super::log::Log;
use super::queue::Queue;
use super::tables::{Purged, Tables};
use super::trouble::Trouble;
use crate::grant::{DecodeError, Grant, Timestamp, Version};
use crate::store::{Insert, Removed, StoreError, Swap};
use crate::token::KeyFingerprint;

/// One write of the store.
pub(super) trait Write: Send + 'static {
    type Out: Send + 'static;

    fn apply(&self, tables: &mut Tables<'_>) -> Result<Self::Out, Trouble>;
}

/// A write and who waits for it.
pub(super) struct Pending<W: Write> {
    write: W,
    done: Option<Result<W::Out, DecodeError>>,
    reply: oneshot::Sender<Result<W::Out, StoreError>>,
}

impl<W: Write> Pending<W> {
    pub(super) fn new(write: W, reply: oneshot::Sender<Result<W::Out, StoreError>>) -> Self {
        Self { write, done: None, reply }
    }
}

impl<W: Write> Job for Pending<W> {
    fn apply(&mut self, tables: &mut Tables<'_>) -> Result<(), redb::Error> {
        self.done = Some(match self.write.apply(tables) {
            Ok(out) => Ok(out),
            Err(Trouble::Record(error)) => Err(error),
            Err(Trouble::Storage(error)) => return Err(error),
        });
        Ok(())
    }

    fn answer(self: Box<Self>, committed: &Result<(), Failure>) {
        let answer = match (committed, self.done) {
            (Ok(()), Some(done)) => done.map_err(StoreError::from),
            (Ok(()), None) => Err(StoreError::not_applied(FileStoreError::NoThread)),
            (Err(failure), _) => {
                let error = FileStoreError::Failed(Arc::clone(&failure.cause));
                Err(if failure.indeterminate {
                    StoreError::indeterminate(error)
                } else {
                    StoreError::not_applied(error)
                })
            }
        };
        // Whoever asked may have gone.
        let _ = self.reply.send(answer);
    }
}

/// Works until the queue is closed and empty.
pub(super) fn run(queue: &Queue, database: &RwLock<Database>, mut log: Log, failed: &OnceLock<Cause>) {
    while let Some(mut jobs) = queue.take() {
        let committed = match failed.get() {
            Some(cause) => Err(Failure { cause: Arc::clone(cause), indeterminate: false }),
            // A damaged file can make the engine of files panic; that must not be the host's end.
            None => panic::catch_unwind(AssertUnwindSafe(|| commit(&database.read(), &mut log, &mut jobs, failed)))
                .unwrap_or_else(|_| Err(fail(failed, panicked(), true))),
        };
        for job in jobs {
            job.answer(&committed);
        }
    }
}

fn commit(
    database: &Database,
    log: &mut Log,
    jobs: &mut VecDeque<Box<dyn Job>>,
    failed: &OnceLock<Cause>,
) -> Result<(), Failure> {
    let before = |error: redb::Error| {
        if is_fatal(&error) {
            return fail(failed, cause(error), false);
        }
        Failure { cause: cause(error), indeterminate: false }
    };
    let unknown = |error: redb::Error| fail(failed, cause(error), true);
    let mut transaction = database.begin_write().map_err(|error| before(error.into()))?;
    let changes = {
        let mut tables = Tables::open(&transaction).map_err(before)?;
        for job in jobs {
            job.apply(&mut tables).map_err(before)?;
        }
        tables.finish(log.next()).map_err(before)?
    };
    if changes.is_empty() {
        return transaction.abort().map_err(|error| before(error.into()));
    }
    if log.has_room(changes.len()) {
        transaction.set_durability(Durability::None).map_err(|error| before(error.into()))?;
        log.append(&changes).map_err(|error| unknown(error.into()))?;
        // Nobody sees it before this, and now it is on the disk.
        transaction.commit().map_err(|error| unknown(error.into()))?;
    } else {
        // Of one phase, a damaged page would make the file fall back to the commit before this one, as after a power cut.
        transaction.set_two_phase_commit(true);
        // With this one all that is in the log is in the tables on the disk.
        transaction.commit().map_err(|error| unknown(error.into()))?;
        log.restart();
    }
    // It is done, whatever becomes of the mark; without it the next one is not to be begun.
    if let Err(error) = log.mark() {
        fail(failed, cause(error.into()), false);
    }
    Ok(())
}

/// Remembers the first failure after which the file is not to be used.
fn fail(failed: &OnceLock<Cause>, cause: Cause, indeterminate: bool) -> Failure {
    Failure { cause: Arc::clone(failed.get_or_init(|| cause)), indeterminate }
}

pub(super) struct InsertGrant {
    pub(super) grant: Grant,
    pub(super) bytes: Vec<u8>,
    pub(super) now: Timestamp,
}

impl Write for InsertGrant {
    type Out = Insert;

    fn apply(&self, tables: &mut Tables<'_>) -> Result<Insert, Trouble> {
        let inserted = tables.insert(&self.grant, &self.bytes)?;
        // Only inserts let the file grow, and each makes room for more than it takes.
        tables.purge(self.now, 2, None, Some(2))?;
        Ok(inserted)
    }
}

pub(super) struct CompareAndSwap {
    pub(super) expected: Version,
    pub(super) next: Grant,
    pub(super) bytes: Vec<u8>,
    /// When it is too late: its client has been given up on, and what it would find by asking again is judged by the time
    /// that stands in this record.
    pub(super) until: Instant,
}

impl Write for CompareAndSwap {
    /// `None`: it was too late.
    type Out = Option<Swap>;

    fn apply(&self, tables: &mut Tables<'_>) -> Result<Option<Swap>, Trouble> {
        if Instant::now() > self.until {
            return Ok(None);
        }
        tables.swap(self.expected, &self.next, &self.bytes).map(Some)
    }
}

pub(super) struct Remove(pub(super) u64);

impl Write for Remove {
    type Out = Removed;

    fn apply(&self, tables: &mut Tables<'_>) -> Result<Removed, Trouble> {
        tables.remove(self.0)
    }
}

pub(super) struct Tidy(pub(super) Vec<[u8; 24]>);

impl Write for Tidy {
    type Out = ();

    fn apply(&self, tables: &mut Tables<'_>) -> Result<(), Trouble> {
        tables.tidy(&self.0)
    }
}

pub(super) struct Purge {
    pub(super) now: Timestamp,
    pub(super) limit: usize,
    pub(super) after: Option<[u8; 16]>,
}

impl Write for Purge {
    type Out = Purged;

    fn apply(&self, tables: &mut Tables<'_>) -> Result<Purged, Trouble> {
        tables.purge(self.now, self.limit, self.after, None)
    }
}

pub(super) struct KeepFingerprints(pub(super) Vec<KeyFingerprint>);

impl Write for KeepFingerprints {
    type Out = Vec<KeyFingerprint>;

    fn apply(&self, tables: &mut Tables<'_>) -> Result<Vec<KeyFingerprint>, Trouble> {
        tables.fingerprints(&self.0)
    }
}
