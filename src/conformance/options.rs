//! The run: each check on a store of its own, with a deadline.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::report::{Failure, Report};
use super::spawn::{Spawner, block_on, on_a_thread};
use super::stage::{Check, Outcome, Stage};
use super::timer::within;
use super::{cancel, errors, expiry, insert, keys, laws, list, load, paging, purge, races, remove, swap};
use crate::grant::Timestamp;
use crate::store::{BoxFuture, DynTokenStore, TokenStore};

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
        Self { callers: 8, rounds: 25, deadline: Duration::from_mins(1), only: Vec::new() }
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

    /// The check of this name alone; called again, that one too. The report shows the names.
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
        let spawner: Spawner = Arc::new(spawn);
        // Those first that wait for time to pass, so that the others run meanwhile.
        let mut waiting = Vec::new();
        for check in expiry::CHECKS.iter().filter(|check| self.includes(check)) {
            let stage = self.stage(&spawner, Arc::new(make().await));
            let run = stage.start((check.run)(stage.clone()));
            waiting.push((check, stage.over, run));
        }
        let mut report = Report { passed: Vec::new(), failures: Vec::new() };
        for check in sequential().filter(|check| self.includes(check)) {
            let stage = self.stage(&spawner, Arc::new(make().await));
            let run = stage.start((check.run)(stage.clone()));
            // The store is closed before the next is opened.
            let over = stage.over;
            self.note(&mut report, check, &over, within(self.deadline, run).await);
        }
        for (check, over, run) in waiting {
            self.note(&mut report, check, &over, within(self.deadline, run).await);
        }
        report
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

    fn includes(&self, check: &Check) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == check.name)
    }

    fn stage(&self, spawner: &Spawner, store: Arc<dyn DynTokenStore>) -> Stage {
        Stage {
            store,
            spawner: Arc::clone(spawner),
            callers: self.callers,
            rounds: self.rounds,
            now: Timestamp::now(),
            over: Arc::default(),
        }
    }

    fn note(&self, report: &mut Report, check: &Check, over: &AtomicBool, outcome: Option<Outcome>) {
        over.store(true, Ordering::Relaxed);
        let seen = match outcome {
            Some(Ok(())) => return report.passed.push(check.name),
            Some(Err(seen)) => seen,
            None => format!("it was not done after {} seconds", self.deadline.as_secs_f32()),
        };
        report.failures.push(Failure { name: check.name, seen, cost: check.cost });
    }
}

impl Default for Conformance {
    fn default() -> Self {
        Self::new()
    }
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
        purge::CHECKS,
        keys::CHECKS,
        errors::CHECKS,
        cancel::CHECKS,
        laws::CHECKS,
    ]
    .into_iter()
    .flatten()
}
