//! One thread, many futures: a test says which one goes on and which one is dropped.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// More polls than any request takes: one that needs more is stuck.
const MANY: usize = 10_000;

/// Which future.
pub(crate) type TaskId = usize;

type Task<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// The futures that are in flight.
pub(crate) struct Scheduler<'a, T> {
    tasks: BTreeMap<TaskId, Task<'a, T>>,
    next: TaskId,
}

impl<'a, T> Scheduler<'a, T> {
    pub(crate) const fn new() -> Self {
        Self { tasks: BTreeMap::new(), next: 0 }
    }

    /// Adds a future; it does nothing yet.
    pub(crate) fn spawn(&mut self, future: impl Future<Output = T> + 'a) -> TaskId {
        let id = self.next;
        self.next += 1;
        self.tasks.insert(id, Box::pin(future));
        id
    }

    pub(crate) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// The one that a number stands for.
    pub(crate) fn pick(&self, number: usize) -> Option<TaskId> {
        self.tasks.keys().nth(number.checked_rem(self.tasks.len())?).copied()
    }

    /// Polls it once. The output where it is done.
    pub(crate) fn poll(&mut self, id: TaskId) -> Option<T> {
        let task = self.tasks.get_mut(&id)?;
        match task.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => {
                self.tasks.remove(&id);
                Some(output)
            }
            Poll::Pending => None,
        }
    }

    /// Drops it where it is, as a server does when a connection is lost.
    pub(crate) fn drop(&mut self, id: TaskId) {
        self.tasks.remove(&id);
    }
}

/// Runs one future alone to its end.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    let mut scheduler = Scheduler::new();
    let id = scheduler.spawn(future);
    (0..MANY).find_map(|_| scheduler.poll(id)).expect("a future that comes to an end")
}

/// Polls futures in the order that the numbers give, then in turn, until all are done. In the order in which they
/// were given.
pub(crate) fn interleave<T>(futures: Vec<Task<'_, T>>, order: &[u8]) -> Vec<T> {
    let mut scheduler = Scheduler::new();
    let ids: Vec<TaskId> = futures.into_iter().map(|future| scheduler.spawn(future)).collect();
    let mut done: BTreeMap<TaskId, T> = BTreeMap::new();
    let mut order = order.iter().map(|&number| usize::from(number)).chain(0..MANY);
    while let Some(id) = scheduler.pick(order.next().expect("futures that come to an end")) {
        if let Some(output) = scheduler.poll(id) {
            done.insert(id, output);
        }
    }
    ids.iter().filter_map(|id| done.remove(id)).collect()
}

/// Polls a future so many times and then drops it. The output where it was done before.
pub(crate) fn run_and_drop<T>(future: impl Future<Output = T>, polls: usize) -> Option<T> {
    let mut scheduler = Scheduler::new();
    let id = scheduler.spawn(future);
    (0..polls).find_map(|_| scheduler.poll(id))
}

/// Is pending once: an await at which a request can be overtaken or dropped.
pub(crate) async fn pause() {
    let mut polled = false;
    std::future::poll_fn(|_| if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}
