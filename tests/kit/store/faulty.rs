//! A store around a store: it yields at every operation, fails by script, and can be set back to an earlier state.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use regrant::grant::{Owner, Version};
use regrant::store::{Cursor, Durability, Insert, Listed, Removed, StoreError, Swap};
use regrant::{Grant, GrantId, Timestamp, TokenStore};

use crate::kit::schedule::{pause, run};

/// Which operation a fault is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Op {
    Insert,
    Load,
    Swap,
    Remove,
}

/// What goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// Nothing: this one goes well.
    None,
    /// The operation does not take place, and the error says so.
    NotApplied,
    /// It does not take place, and the error does not tell.
    LostBefore,
    /// It takes place, and the error does not tell.
    LostAfter,
    /// The error does not tell, and the operation takes place later: before the n-th one after it, if not told sooner.
    Late(u8),
    /// It takes place after so many polls.
    Slow(u8),
}

/// A write that the caller has given up on.
#[derive(Clone)]
enum Write {
    Insert(Grant),
    Swap(Version, Grant),
    Remove(GrantId),
}

#[derive(Default)]
struct Script {
    plan: Vec<(Op, VecDeque<Fault>)>,
    dead: bool,
    late: Vec<(u8, Write)>,
    injected: usize,
    operations: usize,
    known: BTreeSet<GrantId>,
}

/// The faulty store around `S`.
pub(crate) struct Faulty<S> {
    inner: S,
    script: Mutex<Script>,
}

/// A faulty store that the engine and the test share.
pub(crate) struct Shelf<S>(Arc<Faulty<S>>);

impl<S: TokenStore> Shelf<S> {
    pub(crate) fn of(inner: S) -> Self {
        Self(Arc::new(Faulty { inner, script: Mutex::default() }))
    }
}

impl<S> Clone for Shelf<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> std::ops::Deref for Shelf<S> {
    type Target = Arc<Faulty<S>>;

    fn deref(&self) -> &Arc<Faulty<S>> {
        &self.0
    }
}

/// All that a store keeps.
pub(crate) type Stored = BTreeMap<GrantId, Vec<u8>>;

fn broken() -> &'static str {
    "the wire was cut"
}

impl<S: TokenStore> Faulty<S> {
    pub(crate) const fn inner(&self) -> &S {
        &self.inner
    }

    /// The next operation of this kind that nothing is planned for goes so.
    pub(crate) fn plan(&self, op: Op, fault: Fault) {
        let plan = &mut self.script.lock().plan;
        match plan.iter_mut().find(|planned| planned.0 == op) {
            Some(planned) => planned.1.push_back(fault),
            None => plan.push((op, VecDeque::from([fault]))),
        }
    }

    /// From now on all goes well again; what is late stays so.
    pub(crate) fn heal(&self) {
        let mut script = self.script.lock();
        script.plan.clear();
        script.dead = false;
    }

    /// From now on nothing works.
    pub(crate) fn kill(&self) {
        self.script.lock().dead = true;
    }

    /// How many errors it has answered with.
    pub(crate) fn injected(&self) -> usize {
        self.script.lock().injected
    }

    /// How many operations have begun.
    pub(crate) fn operations(&self) -> usize {
        self.script.lock().operations
    }

    /// Whether a write may take place yet that its caller was not told of.
    pub(crate) fn is_late(&self) -> bool {
        !self.script.lock().late.is_empty()
    }

    /// All late writes take place now.
    pub(crate) fn catch_up(&self) {
        let late = std::mem::take(&mut self.script.lock().late);
        for (_, write) in late {
            self.apply(write);
        }
    }

    /// Every record there is, as bytes. By way of the trait, so that it is the same for each store.
    pub(crate) fn stored(&self) -> Stored {
        let known = self.script.lock().known.clone();
        let load = |id: GrantId| run(self.inner.load(id)).ok().flatten().map(|grant| (id, grant.encode()));
        known.into_iter().filter_map(load).collect()
    }

    /// The record as it is.
    pub(crate) fn peek(&self, id: GrantId) -> Option<Grant> {
        run(self.inner.load(id)).expect("a load without faults")
    }

    /// Loses every write since `earlier`, also those that are late.
    pub(crate) fn roll_back(&self, earlier: &Stored) {
        let known = {
            let mut script = self.script.lock();
            script.late.clear();
            script.known.clone()
        };
        for id in known {
            run(self.inner.remove(id)).expect("a removal without faults");
        }
        for bytes in earlier.values() {
            let grant = Grant::decode(bytes).expect("a record");
            // At the epoch, so that nothing counts as expired.
            run(self.inner.insert(&grant, Timestamp::EPOCH)).expect("an insert without faults");
        }
    }

    fn apply(&self, write: Write) {
        // Whether it still finds what it expects is for the store to say.
        let _ = match write {
            Write::Insert(grant) => run(self.inner.insert(&grant, Timestamp::EPOCH)).map(drop),
            Write::Swap(expected, next) => {
                run(self.inner.compare_and_swap(expected, &next, Timestamp::EPOCH)).map(drop)
            }
            Write::Remove(id) => run(self.inner.remove(id)).map(drop),
        };
    }

    /// What comes before each operation: late writes that are due, and the fault that is planned.
    async fn begin(&self, op: Op) -> Fault {
        let fault = {
            let mut script = self.script.lock();
            script.operations += 1;
            let planned = script.plan.iter_mut().find(|planned| planned.0 == op);
            let fault = planned.and_then(|planned| planned.1.pop_front()).unwrap_or(Fault::None);
            if script.dead { Fault::LostBefore } else { fault }
        };
        let pauses = if let Fault::Slow(polls) = fault { polls.max(1) } else { 1 };
        for _ in 0..pauses {
            pause().await;
        }
        self.settle_late();
        fault
    }

    fn settle_late(&self) {
        let mut due = Vec::new();
        self.script.lock().late.retain_mut(|(left, write)| {
            *left = left.saturating_sub(1);
            if *left == 0 {
                due.push(write.clone());
            }
            *left > 0
        });
        for write in due {
            self.apply(write);
        }
    }

    fn fail<T>(&self, fault: Fault) -> Result<T, StoreError> {
        self.script.lock().injected += 1;
        Err(if fault == Fault::NotApplied {
            StoreError::not_applied(broken())
        } else {
            StoreError::indeterminate(broken())
        })
    }

    /// One write: `now` does it, `later` is the same for those that come late.
    async fn write<T>(
        &self,
        op: Op,
        later: impl FnOnce() -> Write + Send,
        now: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let fault = self.begin(op).await;
        let outcome = match fault {
            Fault::None | Fault::Slow(_) => now.await,
            Fault::NotApplied | Fault::LostBefore => self.fail(fault),
            Fault::LostAfter => {
                now.await?;
                self.fail(fault)
            }
            Fault::Late(after) => {
                let write = later();
                self.script.lock().late.push((after.max(1) + 1, write));
                self.fail(fault)
            }
        };
        pause().await;
        outcome
    }
}

impl<S: TokenStore> TokenStore for Faulty<S> {
    async fn insert(&self, grant: &Grant, now: Timestamp) -> Result<Insert, StoreError> {
        self.script.lock().known.insert(grant.id());
        let copy = grant.clone();
        self.write(Op::Insert, || Write::Insert(copy), self.inner.insert(grant, now)).await
    }

    async fn load(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        let outcome = match self.begin(Op::Load).await {
            Fault::None | Fault::Slow(_) => self.inner.load(id).await,
            fault => self.fail(fault),
        };
        pause().await;
        outcome
    }

    async fn compare_and_swap(&self, expected: Version, next: &Grant, now: Timestamp) -> Result<Swap, StoreError> {
        let copy = next.clone();
        let swap = self.inner.compare_and_swap(expected, next, now);
        self.write(Op::Swap, || Write::Swap(expected, copy), swap).await
    }

    async fn remove(&self, id: GrantId) -> Result<Removed, StoreError> {
        self.write(Op::Remove, || Write::Remove(id), self.inner.remove(id)).await
    }

    async fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Result<Listed, StoreError> {
        pause().await;
        self.inner.list(owner, after, limit).await
    }

    async fn purge_expired(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        pause().await;
        self.inner.purge_expired(now, limit).await
    }

    fn durability(&self) -> Durability {
        self.inner.durability()
    }

    /// What is late here is so by the order of things, not by the clock.
    fn longest_commit(&self) -> Duration {
        Duration::ZERO
    }
}
