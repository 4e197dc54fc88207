//! The run: each check on a store of its own, with a deadline.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use super::checks::{
    cancel, clocks, errors, expired_pages, expiry, insert, keys, laws, list, load, markers, nodes, order, owners,
    paging, purge, purge_index, races, remove, restart, swap,
};
use super::desk::Desk;
use super::finding::Finding;
use super::place::Place;
use super::report::{Failure, FailureKind, Report};
use super::spawn::{Spawner, block_on, on_a_thread};
use super::stage::{Check, Handle, Outcome, Stage, start};
use super::timer::within;
use crate::grant::Timestamp;
use crate::store::{BoxFuture, Durability, TokenStore};

/// The checks, with settings. [`check`](super::check) is this with the defaults.
///
/// ```
/// use regrant::MemoryStore;
/// use regrant::conformance::Conformance;
/// use std::time::Duration;
///
/// let kit = Conformance::new().callers(4).rounds(10).deadline(Duration::from_secs(20)).only("one_of_many_swaps_wins");
/// kit.check_blocking(async || MemoryStore::new()).assert();
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Conformance {
    callers: usize,
    rounds: usize,
    deadline: Duration,
    exclusive: bool,
    only: Vec<String>,
}

impl Conformance {
    /// All checks.
    ///
    /// ```
    /// let kit = regrant::conformance::Conformance::new();
    /// # let _ = kit;
    /// ```
    pub const fn new() -> Self {
        Self { callers: 8, rounds: 25, deadline: Duration::from_secs(60), exclusive: false, only: Vec::new() }
    }

    /// How many callers do the same at once: 8 if not set, at least 2. Have as many connections, or let them wait.
    ///
    /// ```
    /// let kit = regrant::conformance::Conformance::new().callers(32);
    /// # let _ = kit;
    /// ```
    pub fn callers(self, callers: usize) -> Self {
        Self { callers: callers.max(2), ..self }
    }

    /// How often each race is run: 25 if not set. What is wrong only now and then wants more.
    ///
    /// ```
    /// let kit = regrant::conformance::Conformance::new().rounds(500);
    /// # let _ = kit;
    /// ```
    pub fn rounds(self, rounds: usize) -> Self {
        Self { rounds: rounds.max(1), ..self }
    }

    /// How long one check may take, on the wall, before it counts as stuck: a minute if not set.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let kit = regrant::conformance::Conformance::new().deadline(Duration::from_secs(300));
    /// # let _ = kit;
    /// ```
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// A store cannot be open twice at a time: on a file, say, that it locks. Otherwise what is checked by
    /// [`check_reopening`](Self::check_reopening) is opened twice, as two nodes have it.
    ///
    /// ```
    /// let kit = regrant::conformance::Conformance::new().exclusive();
    /// # let _ = kit;
    /// ```
    pub fn exclusive(self) -> Self {
        Self { exclusive: true, ..self }
    }

    /// The check of this name alone; called again, that one too. The report shows the names, and says so where one of
    /// them is of no check.
    ///
    /// ```
    /// let kit = regrant::conformance::Conformance::new().only("no_update_is_lost");
    /// # let _ = kit;
    /// ```
    pub fn only(mut self, name: &str) -> Self {
        self.only.push(name.into());
        self
    }

    /// Runs them; see [`check`](super::check).
    ///
    /// ```
    /// # use regrant::MemoryStore;
    /// # use regrant::conformance::Conformance;
    /// # #[tokio::main]
    /// # async fn main() {
    /// let kit = Conformance::new().only("no_update_is_lost");
    /// let report = kit.check(|task| drop(tokio::spawn(task)), async || MemoryStore::new()).await;
    /// report.assert();
    /// # }
    /// ```
    pub async fn check<S: TokenStore + 'static>(
        &self,
        spawn: impl Fn(BoxFuture<'static, ()>) + Send + Sync + 'static,
        make: impl AsyncFn() -> S,
    ) -> Report {
        self.run(&(Arc::new(spawn) as Spawner), false, async |_| make().await).await
    }

    /// Runs them, and those besides that close a store and open it again, or have it open on several nodes.
    ///
    /// `open` opens the store of a [`Place`]: an empty one the first time, and what it kept each time after that. A
    /// store that keeps nothing opens a new one. For the rest see [`check`](super::check).
    ///
    /// ```
    /// # use regrant::store::FileStore;
    /// use regrant::conformance::{Conformance, Place};
    ///
    /// # #[tokio::main]
    /// # async fn main() {
    /// # let folder = std::env::temp_dir().join(format!("regrant-doc-{}", std::process::id()));
    /// # std::fs::create_dir(&folder).unwrap();
    /// let kit = Conformance::new().exclusive().only("durable_grants_are_there_when_the_store_is_opened_again");
    /// let open = async |place: Place| FileStore::open(folder.join(place.name())).unwrap();
    /// let report = kit.check_reopening(|task| drop(tokio::spawn(task)), open).await;
    /// report.assert();
    /// # std::fs::remove_dir_all(&folder).unwrap();
    /// # }
    /// ```
    pub async fn check_reopening<S: TokenStore + 'static>(
        &self,
        spawn: impl Fn(BoxFuture<'static, ()>) + Send + Sync + 'static,
        open: impl AsyncFn(Place) -> S,
    ) -> Report {
        self.run(&(Arc::new(spawn) as Spawner), true, open).await
    }

    /// Runs them without an async runtime: every task has a thread of its own.
    ///
    /// ```
    /// # use regrant::MemoryStore;
    /// # use regrant::conformance::Conformance;
    /// Conformance::new().only("no_update_is_lost").check_blocking(async || MemoryStore::new()).assert();
    /// ```
    pub fn check_blocking<S: TokenStore + 'static>(&self, make: impl AsyncFn() -> S) -> Report {
        block_on(self.check(on_a_thread, make))
    }

    /// [`check_reopening`](Self::check_reopening) without an async runtime: every task has a thread of its own.
    ///
    /// ```
    /// # use regrant::MemoryStore;
    /// # use regrant::conformance::Conformance;
    /// let kit = Conformance::new().only("volatile_grants_are_gone_when_the_store_is_opened_again");
    /// kit.check_reopening_blocking(async |_| MemoryStore::new()).assert();
    /// ```
    pub fn check_reopening_blocking<S: TokenStore + 'static>(&self, open: impl AsyncFn(Place) -> S) -> Report {
        block_on(self.check_reopening(on_a_thread, open))
    }

    async fn run<S: TokenStore + 'static>(
        &self,
        spawner: &Spawner,
        reopens: bool,
        open: impl AsyncFn(Place) -> S,
    ) -> Report {
        let handle = async |place: &Place| Arc::new(open(place.clone()).await) as Handle;
        let stage = async |place: &Place| {
            let store = handle(place).await;
            // What is gone when it is closed is another store each time.
            let shared = reopens && !self.exclusive && (*store).durability_dyn() == Durability::Durable;
            let nodes = if shared { vec![Arc::clone(&store), handle(place).await] } else { Vec::new() };
            Stage { nodes: nodes.into(), desk: reopens.then(Arc::default), ..self.stage(spawner, store) }
        };
        let mut report = self.report(waiting_checks().chain(sequential()));
        // Those first that wait for time to pass, so that the others run meanwhile.
        let mut waiting = Vec::new();
        for check in waiting_checks().filter(|check| self.includes(check)) {
            let stage = stage(&Place::new()).await;
            let over = Arc::clone(&stage.over);
            waiting.push((check, over, start(spawner, (check.run)(stage))));
        }
        for check in sequential().filter(|check| self.includes(check)) {
            let place = Place::new();
            let stage = stage(&place).await;
            let (over, desk) = (Arc::clone(&stage.over), stage.desk.clone());
            // The store is closed before the next is opened.
            let run = served(start(spawner, (check.run)(stage)), desk, async || handle(&place).await);
            self.note(&mut report, check, &over, within(self.deadline, run).await);
        }
        for (check, over, run) in waiting {
            self.note(&mut report, check, &over, within(self.deadline, run).await);
        }
        report
    }

    pub(super) fn includes(&self, check: &Check) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == check.name)
    }

    pub(super) const fn deadline_of_each(&self) -> Duration {
        self.deadline
    }

    /// A report of no check yet, and of the names that none of these has.
    pub(super) fn report<'a>(&self, checks: impl Iterator<Item = &'a Check>) -> Report {
        let names: BTreeSet<&str> = checks.map(|check| check.name).collect();
        let unknown = self.only.iter().filter(|name| !names.contains(name.as_str())).cloned().collect();
        Report { unknown, ..Report::of("store") }
    }

    /// On a store that is open once, and not opened again.
    pub(super) fn stage(&self, spawner: &Spawner, store: Handle) -> Stage {
        Stage {
            store,
            nodes: Arc::default(),
            desk: None,
            spawner: Arc::clone(spawner),
            callers: self.callers,
            rounds: self.rounds,
            now: Timestamp::now(),
            over: Arc::default(),
        }
    }

    pub(super) fn note(&self, report: &mut Report, check: &Check, over: &AtomicBool, outcome: Option<Outcome>) {
        over.store(true, Ordering::Relaxed);
        let (kind, seen) = match outcome {
            Some(Ok(())) => return report.passed.push(check.name),
            Some(Err(Finding::Nothing(why))) => return report.idle.push((check.name, why)),
            Some(Err(Finding::Failed(kind, seen))) => (kind, seen),
            None => (FailureKind::Stuck, format!("it was not done after {} seconds", self.deadline.as_secs_f32())),
        };
        report.failures.push(Failure { name: check.name, kind, seen, cost: check.cost, of: "store" });
    }
}

/// Runs a check to its end, and opens its store again whenever it asks for that.
async fn served(
    mut run: BoxFuture<'static, Outcome>,
    desk: Option<Arc<Desk>>,
    open: impl AsyncFn() -> Handle,
) -> Outcome {
    let Some(desk) = desk else { return run.await };
    loop {
        let wanted = poll_fn(|context| match run.as_mut().poll(context) {
            Poll::Ready(outcome) => Poll::Ready(Err(outcome)),
            Poll::Pending => desk.poll_wanted(context).map(Ok),
        });
        match wanted.await {
            Ok(give) => drop(give.send(open().await)),
            Err(outcome) => return outcome,
        }
    }
}

impl Default for Conformance {
    fn default() -> Self {
        Self::new()
    }
}

/// Those in which time passes on the wall.
fn waiting_checks() -> impl Iterator<Item = &'static Check> {
    [expiry::CHECKS, expired_pages::CHECKS].into_iter().flatten()
}

fn sequential() -> impl Iterator<Item = &'static Check> {
    [
        insert::CHECKS,
        load::CHECKS,
        swap::CHECKS,
        remove::CHECKS,
        races::CHECKS,
        list::CHECKS,
        paging::CHECKS,
        order::CHECKS,
        owners::CHECKS,
        purge::CHECKS,
        purge_index::CHECKS,
        clocks::CHECKS,
        markers::CHECKS,
        keys::CHECKS,
        errors::CHECKS,
        cancel::CHECKS,
        restart::CHECKS,
        nodes::CHECKS,
        laws::CHECKS,
    ]
    .into_iter()
    .flatten()
}
