//! What a check stands on: an empty store, and a way to do many things with it at once.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use futures_channel::oneshot;
use parking_lot::Mutex;

use super::desk::Desk;
use super::finding::{Finding, failed};
use super::grants::difference;
use super::report::FailureKind;
use super::spawn::{Caught, Spawner, turn};
use crate::grant::{Grant, GrantId, Owner, Timestamp, Version};
use crate::store::{BoxFuture, Cursor, Durability, DynTokenStore, Insert, Listed, Removed, Swap};
use crate::token::KeyFingerprint;

/// A store as it is opened once.
pub(super) type Handle = Arc<dyn DynTokenStore>;

/// How a check ends: well, or with what was seen.
pub(super) type Outcome = Result<(), Finding>;

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
        pub(in crate::conformance) const CHECKS: &[$crate::conformance::stage::Check] = &[$($crate::conformance::stage::Check {
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
            return Err($crate::conformance::finding::Finding::from(format!($($seen)+)));
        }
    };
}

pub(super) use {checks, ensure};

/// Why a check of purges may have nothing to do.
pub(super) const BY_ITSELF: &str = "purge_expired removes nothing: the store expires records by itself";

/// How long callers go on with a store that is fast, so that what takes a microsecond is overtaken now and then.
const BURST: Duration = Duration::from_millis(30);
/// The same where there is one such race only.
pub(super) const LONG_BURST: Duration = Duration::from_millis(300);

/// What a check stands on.
#[derive(Clone)]
pub(super) struct Stage {
    pub(super) store: Handle,
    /// The store as several nodes have it, this one among them; none where it cannot be open twice.
    pub(super) nodes: Arc<[Handle]>,
    /// Where the store is opened again, if it can be.
    pub(super) desk: Option<Arc<Desk>>,
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
    /// So many tasks at once, each with its number, and each on a node as far as there are some. All that they come to, in order; the first that failed, if one did.
    pub(super) async fn at_once<T, F>(&self, many: usize, task: impl Fn(Self, usize) -> F) -> Result<Vec<T>, Finding>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Finding>> + Send + 'static,
    {
        self.together((0..many).map(|number| Box::pin(task(self.at(number), number)) as _).collect()).await
    }

    /// The same on the node of that caller.
    pub(super) fn at(&self, caller: usize) -> Self {
        let node = caller.checked_rem(self.nodes.len()).and_then(|at| self.nodes.get(at));
        Self { store: Arc::clone(node.unwrap_or(&self.store)), ..self.clone() }
    }

    /// Closes the store, all its nodes, and opens it again, once.
    pub(super) async fn reopened(self) -> Result<Self, Finding> {
        let Some(desk) = self.desk else { return Err(Finding::Nothing("the store was not opened by its place")) };
        // Nothing of it may be left: it may have the file locked.
        drop((self.store, self.nodes));
        let store = desk.reopen().await.ok_or("the store was not opened again")?;
        Ok(Self {
            store,
            nodes: Arc::default(),
            desk: Some(desk),
            spawner: self.spawner,
            callers: self.callers,
            rounds: self.rounds,
            now: self.now,
            over: self.over,
        })
    }

    /// These tasks at once.
    pub(super) async fn together<T: Send + 'static>(
        &self,
        tasks: Vec<BoxFuture<'static, Result<T, Finding>>>,
    ) -> Result<Vec<T>, Finding> {
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
        task: impl Future<Output = Result<T, Finding>> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, Finding>> {
        start(&self.spawner, task)
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

    pub(super) async fn insert(&self, grant: &Grant) -> Result<Insert, Finding> {
        self.insert_at(grant, self.now).await
    }

    pub(super) async fn insert_at(&self, grant: &Grant, now: Timestamp) -> Result<Insert, Finding> {
        (*self.store).insert_dyn(grant, now).await.map_err(|error| failed("insert", &error))
    }

    /// Inserts what is new to the store.
    pub(super) async fn put(&self, grant: &Grant) -> Outcome {
        let inserted = self.insert(grant).await?;
        ensure!(inserted == Insert::Added, "insert said Duplicate of an id that was never inserted");
        Ok(())
    }

    pub(super) async fn load(&self, id: GrantId) -> Result<Option<Grant>, Finding> {
        (*self.store).load_dyn(id).await.map_err(|error| failed("load", &error))
    }

    /// What is stored is this, in every field.
    pub(super) async fn has(&self, grant: &Grant, when: &str) -> Outcome {
        match self.load(grant.id()).await? {
            Some(stored) => same(grant, &stored, &format!("load {when}")),
            None => Err(format!("load {when} found no grant").into()),
        }
    }

    pub(super) async fn has_not(&self, id: GrantId, when: &str) -> Outcome {
        ensure!(self.load(id).await?.is_none(), "load {when} still found the grant");
        Ok(())
    }

    pub(super) async fn swap(&self, expected: Version, next: &Grant) -> Result<Swap, Finding> {
        self.swap_at(expected, next, self.now).await
    }

    pub(super) async fn swap_at(&self, expected: Version, next: &Grant, now: Timestamp) -> Result<Swap, Finding> {
        (*self.store)
            .compare_and_swap_dyn(expected, next, now)
            .await
            .map_err(|error| failed("compare_and_swap", &error))
    }

    /// Of records that can be read, as all are that the kit has written and not spoilt.
    pub(super) async fn remove(&self, id: GrantId) -> Result<Option<Grant>, Finding> {
        match (*self.store).remove_dyn(id).await.map_err(|error| failed("remove", &error))? {
            Removed::Nothing => Ok(None),
            Removed::Grant(grant) => Ok(Some(grant)),
            Removed::Unreadable => Err("remove said Unreadable of a record that was written by this version".into()),
        }
    }

    pub(super) async fn page(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Result<Listed, Finding> {
        (*self.store).list_dyn(owner, after, limit).await.map_err(|error| failed("list", &error))
    }

    pub(super) async fn purge(&self, now: Timestamp, limit: usize) -> Result<usize, Finding> {
        (*self.store).purge_expired_dyn(now, limit).await.map_err(|error| failed("purge_expired", &error))
    }

    pub(super) async fn fingerprints(&self, add: &[KeyFingerprint]) -> Result<Vec<KeyFingerprint>, Finding> {
        (*self.store).keep_key_fingerprints_dyn(add).await.map_err(|error| failed("keep_key_fingerprints", &error))
    }

    pub(super) fn is_durable(&self) -> bool {
        (*self.store).durability_dyn() == Durability::Durable
    }
}

/// Spawns a task. It goes on whether or not the result is waited for.
pub(super) fn start<T: Send + 'static>(
    spawner: &Spawner,
    task: impl Future<Output = Result<T, Finding>> + Send + 'static,
) -> BoxFuture<'static, Result<T, Finding>> {
    let (tell, told) = oneshot::channel();
    let task = Caught(Box::pin(task));
    (spawner)(Box::pin(async move {
        let _ = tell.send(task.await.and_then(|result| result));
    }));
    let dropped = || Finding::Failed(FailureKind::Runtime, "its task was dropped before it was done".into());
    Box::pin(async move { told.await.unwrap_or_else(|_| Err(dropped())) })
}

/// These are the same in every field; otherwise which ones differ. Values are not told: some are secret.
pub(super) fn same(expected: &Grant, seen: &Grant, what: &str) -> Outcome {
    difference(expected, seen)
        .map_or(Ok(()), |fields| Err(format!("{what} gave another {fields} than was written").into()))
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
