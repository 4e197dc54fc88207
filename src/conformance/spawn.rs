//! How the checks get their concurrency without an async runtime of their own.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use super::finding::Finding;
use crate::store::BoxFuture;

/// What the caller of the kit gives: it runs a task to its end, at the same time as others.
pub(super) type Spawner = Arc<dyn Fn(BoxFuture<'static, ()>) + Send + Sync>;

/// Runs a task on a thread of its own: how [`check`](super::check) spawns for stores that need no async runtime.
///
/// ```
/// use regrant::MemoryStore;
/// use regrant::conformance::{Conformance, on_a_thread};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let one = Conformance::new().only("swap_needs_the_expected_version");
/// one.check(on_a_thread, async || MemoryStore::new()).await.assert();
/// # }
/// ```
pub fn on_a_thread(task: BoxFuture<'static, ()>) {
    // Where the system has no more threads the task is dropped, and the check says so.
    let _ = thread::Builder::new().name("conformance".into()).spawn(move || block_on(task));
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Polls on this thread, which sleeps in between.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        thread::park();
    }
}

/// Ends with what a panic said, instead of panicking.
pub(super) struct Caught<'a, T>(pub(super) BoxFuture<'a, T>);

impl<T> Future for Caught<'_, T> {
    type Output = Result<T, Finding>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // It is not polled again after a panic, so nobody sees what the panic left half done in it.
        match catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(Finding::panicked(said(&*panic)))),
        }
    }
}

fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("and said nothing")
}

/// Is pending once, so that others have their turn, on this thread or on another.
pub(super) async fn turn() {
    thread::yield_now();
    let mut polled = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut polled, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
