//! What is handed to the store's thread: a queue of limited length.

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::mem;
use std::task::{Poll, Waker};

use parking_lot::{Condvar, Mutex};

use super::job::Job;

/// Where a caller waits. One that gives up leaves nothing behind: its task would be kept for as long as the disk hangs.
struct Place<'q> {
    queue: &'q Queue,
    number: Option<u64>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let waker = self.queue.state.lock().waiting.remove(&number);
            // Outside of the lock: it may drop a task, and with it another caller.
            drop(waker);
        }
    }
}

/// Jobs on their way to the store's thread. A full queue makes its callers wait.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// There are jobs, or there will be none any more.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Box<dyn Job>>,
    /// Callers that found it full. All are woken when jobs are taken: those that find it full again come back.
    waiting: BTreeMap<u64, Waker>,
    /// The number of the next caller that finds it full.
    next: u64,
    closed: bool,
}

impl Queue {
    /// The most jobs that wait, and so the most that one commit has.
    pub(super) const CAPACITY: usize = 1_024;

    /// Hands the job over once there is room. `false`: the queue is closed, and the job is not done.
    pub(super) async fn push(&self, job: Box<dyn Job>) -> bool {
        let (mut job, mut place) = (Some(job), Place { queue: self, number: None });
        poll_fn(|context| {
            let mut state = self.state.lock();
            if state.closed {
                return Poll::Ready(false);
            }
            if state.jobs.len() >= Self::CAPACITY {
                // Polled again and again, a caller has one place.
                let number = *place.number.get_or_insert(state.next);
                state.next = state.next.max(number + 1);
                let before = state.waiting.insert(number, context.waker().clone());
                drop(state);
                // Outside of the lock, as above.
                drop(before);
                return Poll::Pending;
            }
            state.jobs.extend(job.take());
            if state.jobs.len() == 1 {
                self.changed.notify_one();
            }
            Poll::Ready(true)
        })
        .await
    }

    /// All that is there, waiting until something is; `None` when the queue is closed and empty.
    pub(super) fn take(&self) -> Option<VecDeque<Box<dyn Job>>> {
        let mut state = self.state.lock();
        while state.jobs.is_empty() {
            if state.closed {
                return None;
            }
            self.changed.wait(&mut state);
        }
        let jobs = mem::take(&mut state.jobs);
        let waiting = mem::take(&mut state.waiting);
        drop(state);
        waiting.into_values().for_each(Waker::wake);
        Some(jobs)
    }

    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.state.lock().waiting.len()
    }

    /// No more jobs. Those that were accepted stay.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        self.changed.notify_one();
        let waiting = mem::take(&mut state.waiting);
        drop(state);
        waiting.into_values().for_each(Waker::wake);
    }

    /// No more jobs, and those that were accepted are dropped: nobody is left to do them.
    pub(super) fn abandon(&self) {
        self.close();
        let jobs = mem::take(&mut self.state.lock().jobs);
        drop(jobs);
    }
}
