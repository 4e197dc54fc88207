//! The time of a request: when it came, and what the clock says now.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;

use super::host::Clock;
use crate::grant::Timestamp;

/// When a request came, and the last reading of its clock.
///
/// The clock is read when the request comes, and again only after somebody made it wait: the store, the registry, a hook.
/// What is written then counts from the end of the wait, and no access token is handed out that has expired. A request
/// that never waits costs one reading.
///
/// Atomics for one reason: a future that holds a reference to it has to be `Send`.
pub(super) struct Time<'c> {
    clock: &'c dyn Clock,
    arrived: Timestamp,
    latest: AtomicU64,
    waited: AtomicBool,
    /// The store may take its time without its future ever being pending: one that blocks.
    always_reads: bool,
}

impl<'c> Time<'c> {
    pub(super) fn new(clock: &'c dyn Clock, always_reads: bool) -> Self {
        let arrived = clock.read();
        Self {
            clock,
            arrived,
            latest: AtomicU64::new(arrived.as_millis()),
            waited: AtomicBool::new(false),
            always_reads,
        }
    }

    /// When the request came. What a client did in time it did in time, however long it was kept waiting.
    pub(super) const fn arrived(&self) -> Timestamp {
        self.arrived
    }

    /// What the clock says; never less than it said before.
    pub(super) fn now(&self) -> Timestamp {
        if self.always_reads || self.waited.load(Ordering::Relaxed) {
            self.waited.store(false, Ordering::Relaxed);
            self.latest.fetch_max(self.clock.read().as_millis(), Ordering::Relaxed);
        }
        Timestamp::from_millis(self.latest.load(Ordering::Relaxed))
    }

    /// Runs the work of the request, and takes note whenever it is made to wait.
    ///
    /// The caller pins it: a future that is moved in here would take its size twice more in the caller's.
    pub(super) fn watch<'w, F: Future>(&'w self, mut work: Pin<&'w mut F>) -> impl Future<Output = F::Output> + 'w {
        poll_fn(move |context| {
            let polled = work.as_mut().poll(context);
            if matches!(polled, Poll::Pending) {
                self.waited.store(true, Ordering::Relaxed);
            }
            polled
        })
    }
}
