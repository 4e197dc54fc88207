//! What a check stands on: an empty store, and a way to do many things with it at once.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt::Write;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use futures_channel::oneshot;
use parking_lot::Mutex;

use super::grants::difference;
use super::spawn::{Caught, Spawner, turn};
use crate::grant::{Grant, GrantId, Owner, Timestamp, Version};
use crate::store::{BoxFuture, Cursor, Durability, DynTokenStore, Inserted, Listed, StoreError, StoreErrorKind, Swap};
use crate::token::KeyFingerprint;

/// How a check ends: well, or with what was seen.
pub(super) type Outcome = Result<(), String>;

/// One check.
#[derive(Clone, Copy)]
pub(super) struct Check {
    pub(super) name: &'static str,
    /// What it costs where it fails.
    pub(super) cost: &'static str,
    pub(super) run: fn(Stage) -> BoxFuture<'static, Outcome>,
}

/// The checks of a file: each is a function of that name.
macro_rules! checks {
    ($($name:ident: $cost:literal;)*) => {
        pub(super) const CHECKS: &[$crate::conformance::stage::Check] = &[$($crate::conformance::stage::Check {
            name: stringify!($name),
            cost: $cost,
            run: |stage| Box::pin($name(stage)),
        }),*];
    };
}

/// Ends the check with what was seen, unless this holds.
macro_rules! ensure {
    ($holds:expr, $($seen:tt)+) => {
        if !$holds {
            return Err(format!($($seen)+));
        }
    };
}

pub(super) use {checks, ensure};

/// How long callers go on with a store that is fast, so that what takes a microsecond is overtaken now and then.
const BURST: Duration = Duration::from_millis(30);
/// The same where there is one such race only.
pub(super) const LONG_BURST: Duration = Duration::from_millis(300);

/// What a check stands on.
#[derive(Clone)]
pub(super) struct Stage {
    pub(super) store: Arc<dyn DynTokenStore>,
    pub(super) spawner: Spawner,
    /// How many do the same at once; at least 2.
    pub(super) callers: usize,
    /// How often a race is run; at least 1.
    pub(super) rounds: usize,
    /// When the check began.
    pub(super) now: Timestamp,
    /// Set once nobody waits for the check any more.
    pub(super) over: Arc<AtomicBool>,
}

impl Stage {
    /// So many tasks at once, each with its number. All that they come to, in order; the first that failed, if one did.
    pub(super) async fn at_once<T, F>(&self, many: usize, task: impl Fn(Self, usize) -> F) -> Result<Vec<T>, String>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, String>> + Send + 'static,
    {
        self.together((0..many).map(|number| Box::pin(task(self.clone(), number)) as _).collect()).await
    }

    /// These tasks at once.
    pub(super) async fn together<T: Send + 'static>(
        &self,
        tasks: Vec<BoxFuture<'static, Result<T, String>>>,
    ) -> Result<Vec<T>, String> {
        let gate = Arc::new(Gate(Mutex::new((tasks.len(), Vec::new()))));
        let mut results = VecDeque::with_capacity(tasks.len());
        for task in tasks {
            let gate = Arc::clone(&gate);
            results.push_back(self.start(async move {
                gate.pass().await;
                task.await
            }));
        }
        let mut outputs = Vec::with_capacity(results.len());
        let mut failed = None;
        for result in results {
            match result.await {
                Ok(output) => outputs.push(output),
                Err(seen) => failed = failed.or(Some(seen)),
            }
        }
        failed.map_or(Ok(outputs), Err)
    }

    /// Spawns a task. It goes on whether or not the result is waited for.
    pub(super) fn start<T: Send + 'static>(
        &self,
        task: impl Future<Output = Result<T, String>> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, String>> {
        let (tell, told) = oneshot::channel();
        let task = Caught(Box::pin(task));
        (self.spawner)(Box::pin(async move {
            let _ = tell.send(task.await.and_then(|result| result));
        }));
        Box::pin(async move { told.await.unwrap_or_else(|_| Err("its task was dropped before it was done".into())) })
    }

    /// Lets others have their turn; an error where the check has been given up.
    pub(super) async fn turn(&self) -> Outcome {
        turn().await;
        ensure!(!self.over.load(Ordering::Relaxed), "it was given up");
        Ok(())
    }

    /// Whether a caller is to go on that has tried so often since then.
    pub(super) fn goes_on(&self, tries: usize, since: Instant) -> bool {
        self.goes_on_for(BURST, tries, since)
    }

    /// The same with another measure of what is fast.
    pub(super) fn goes_on_for(&self, burst: Duration, tries: usize, since: Instant) -> bool {
        tries < self.rounds || since.elapsed() < burst
    }

    pub(super) async fn insert(&self, grant: &Grant) -> Result<Inserted, String> {
        self.insert_at(grant, self.now).await
    }

    pub(super) async fn insert_at(&self, grant: &Grant, now: Timestamp) -> Result<Inserted, String> {
        (*self.store).insert_dyn(grant, now).await.map_err(|error| failed("insert", &error))
    }

    /// Inserts what is new to the store.
    pub(super) async fn put(&self, grant: &Grant) -> Outcome {
        let inserted = self.insert(grant).await?;
        ensure!(inserted == Inserted::Inserted, "insert said Duplicate of an id that was never inserted");
        Ok(())
    }

    pub(super) async fn load(&self, id: GrantId) -> Result<Option<Grant>, String> {
        (*self.store).load_dyn(id).await.map_err(|error| failed("load", &error))
    }

    /// What is stored is this, in every field.
    pub(super) async fn has(&self, grant: &Grant, when: &str) -> Outcome {
        match self.load(grant.id()).await? {
            Some(stored) => same(grant, &stored, &format!("load {when}")),
            None => Err(format!("load {when} found no grant")),
        }
    }

    pub(super) async fn has_not(&self, id: GrantId, when: &str) -> Outcome {
        ensure!(self.load(id).await?.is_none(), "load {when} still found the grant");
        Ok(())
    }

    pub(super) async fn swap(&self, expected: Version, next: &Grant) -> Result<Swap, String> {
        self.swap_at(expected, next, self.now).await
    }

    pub(super) async fn swap_at(&self, expected: Version, next: &Grant, now: Timestamp) -> Result<Swap, String> {
        (*self.store)
            .compare_and_swap_dyn(expected, next, now)
            .await
            .map_err(|error| failed("compare_and_swap", &error))
    }

    pub(super) async fn remove(&self, id: GrantId) -> Result<Option<Grant>, String> {
        (*self.store).remove_dyn(id).await.map_err(|error| failed("remove", &error))
    }

    pub(super) async fn page(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Result<Listed, String> {
        (*self.store).list_dyn(owner, after, limit).await.map_err(|error| failed("list", &error))
    }

    pub(super) async fn purge(&self, now: Timestamp, limit: usize) -> Result<usize, String> {
        (*self.store).purge_expired_dyn(now, limit).await.map_err(|error| failed("purge_expired", &error))
    }

    pub(super) async fn fingerprints(&self, add: &[KeyFingerprint]) -> Result<Vec<KeyFingerprint>, String> {
        (*self.store).key_fingerprints_dyn(add).await.map_err(|error| failed("key_fingerprints", &error))
    }

    pub(super) fn is_durable(&self) -> bool {
        (*self.store).durability_dyn() == Durability::Durable
    }
}

/// These are the same in every field; otherwise which ones differ. Values are not told: some are secret.
pub(super) fn same(expected: &Grant, seen: &Grant, what: &str) -> Outcome {
    difference(expected, seen).map_or(Ok(()), |fields| Err(format!("{what} gave another {fields} than was written")))
}

/// An error of a store, its kind and its causes.
pub(super) fn failed(what: &str, error: &StoreError) -> String {
    let kind = match error.kind() {
        StoreErrorKind::NotApplied => "NotApplied",
        StoreErrorKind::Indeterminate => "Indeterminate",
        StoreErrorKind::Corrupt => "Corrupt",
        StoreErrorKind::NewerFormat => "NewerFormat",
    };
    let mut text = format!("{what} failed, {kind}");
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

/// Opens when all have come, so that they start at once.
struct Gate(Mutex<(usize, Vec<Waker>)>);

impl Gate {
    async fn pass(&self) {
        let mut here = false;
        std::future::poll_fn(|context| {
            let mut gate = self.0.lock();
            if !std::mem::replace(&mut here, true) {
                gate.0 -= 1;
                if gate.0 == 0 {
                    gate.1.drain(..).for_each(Waker::wake);
                }
            }
            if gate.0 == 0 {
                return Poll::Ready(());
            }
            gate.1.push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}
