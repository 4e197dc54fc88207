//! A store that takes its time, by a clock that the test moves: it commits as late as it says it may, also where nobody is
//! left to hear of it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use parking_lot::Mutex;
use regrant::engine::Clock;
use regrant::grant::{Owner, Version};
use regrant::store::{Cursor, Durability, Insert, Listed, Removed, StoreError, Swap};
use regrant::{Grant, GrantId, Timestamp, TokenStore};

use crate::kit::schedule::{pause, run};

/// A clock that the test moves.
#[derive(Clone)]
pub(crate) struct Hand(Arc<AtomicU64>);

impl Hand {
    pub(crate) fn at(now: Timestamp) -> Self {
        Self(Arc::new(AtomicU64::new(now.as_millis())))
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(u64::try_from(by.as_millis()).expect("a short time"), Ordering::Relaxed);
    }
}

impl Clock for Hand {
    fn read(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// A swap that is under way.
struct Sent {
    number: usize,
    due: Timestamp,
    expected: Version,
    next: Grant,
}

#[derive(Default)]
struct State {
    sent: Vec<Sent>,
    /// What became of swaps, by their numbers.
    done: Vec<Option<Result<Swap, StoreError>>>,
    /// How much later than sent each of the next swaps takes place.
    lateness: VecDeque<Duration>,
    /// Generation and time of each swap that took place.
    committed: Vec<(u32, Timestamp)>,
    /// Generations that were read, since they were last asked for.
    loaded: Vec<u32>,
}

/// The stalling store around `S`.
pub(crate) struct Stalling<S> {
    inner: S,
    clock: Hand,
    longest: Duration,
    state: Mutex<State>,
}

impl<S: TokenStore> Stalling<S> {
    pub(crate) fn of(inner: S, clock: Hand, longest: Duration) -> Self {
        Self { inner, clock, longest, state: Mutex::default() }
    }

    /// The next swap that is sent takes place this much later, but never later than the store says it may.
    pub(crate) fn delay_next(&self, by: Duration) {
        self.state.lock().lateness.push_back(by.min(self.longest));
    }

    /// When the step to this generation took place.
    pub(crate) fn committed_at(&self, generation: u32) -> Option<Timestamp> {
        self.catch_up();
        self.state.lock().committed.iter().find(|committed| committed.0 == generation).map(|committed| committed.1)
    }

    /// The generations that were read since the last call.
    pub(crate) fn take_loaded(&self) -> Vec<u32> {
        std::mem::take(&mut self.state.lock().loaded)
    }

    /// Whether a swap is under way.
    pub(crate) fn is_late(&self) -> bool {
        self.catch_up();
        !self.state.lock().sent.is_empty()
    }

    /// Does what is due, in the order in which it is due.
    fn catch_up(&self) {
        let mut state = self.state.lock();
        let now = self.clock.read();
        state.sent.sort_by_key(|sent| sent.due);
        let due = state.sent.partition_point(|sent| sent.due <= now);
        for sent in state.sent.drain(..due).collect::<Vec<_>>() {
            let outcome = run(self.inner.compare_and_swap(sent.expected, &sent.next, sent.due));
            if matches!(outcome, Ok(Swap::Swapped)) {
                state.committed.push((sent.next.generation().as_u32(), sent.due));
            }
            state.done[sent.number] = Some(outcome);
        }
    }
}

impl<S: TokenStore> TokenStore for Stalling<S> {
    async fn insert(&self, grant: &Grant, now: Timestamp) -> Result<Insert, StoreError> {
        pause().await;
        self.inner.insert(grant, now).await
    }

    async fn load(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        pause().await;
        self.catch_up();
        let loaded = self.inner.load(id).await;
        if let Ok(Some(grant)) = &loaded {
            self.state.lock().loaded.push(grant.generation().as_u32());
        }
        pause().await;
        loaded
    }

    async fn compare_and_swap(&self, expected: Version, next: &Grant, _now: Timestamp) -> Result<Swap, StoreError> {
        let number = {
            let mut state = self.state.lock();
            let due = self.clock.read() + state.lateness.pop_front().unwrap_or_default();
            let number = state.done.len();
            state.done.push(None);
            state.sent.push(Sent { number, due, expected, next: next.clone() });
            number
        };
        let outcome = std::future::poll_fn(|_| {
            self.catch_up();
            self.state.lock().done[number].take().map_or(Poll::Pending, Poll::Ready)
        })
        .await;
        pause().await;
        outcome
    }

    async fn remove(&self, id: GrantId) -> Result<Removed, StoreError> {
        pause().await;
        self.catch_up();
        self.inner.remove(id).await
    }

    async fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Result<Listed, StoreError> {
        self.inner.list(owner, after, limit).await
    }

    async fn purge_expired(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.inner.purge_expired(now, limit).await
    }

    fn durability(&self) -> Durability {
        self.inner.durability()
    }

    fn longest_commit(&self) -> Duration {
        self.longest
    }
}
