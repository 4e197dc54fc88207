#![doc = include_str!("guide.md")]

mod checks;
mod desk;
mod engine;
mod fetch;
mod finding;
mod grants;
mod options;
mod place;
mod report;
mod spawn;
mod stage;
mod timer;

pub use self::fetch::{FetchRig, check_fetch};
pub use options::Conformance;
pub use place::Place;
pub use report::{Failure, FailureKind, Report};
pub use spawn::on_a_thread;

use crate::store::{BoxFuture, TokenStore};

/// Runs every check, each on a store of its own that `make` gives, which must be empty and apart from all others that
/// it has given: several are in use at the same time.
///
/// `spawn` runs a task on your async runtime, which must have more than one thread: `|task| drop(tokio::spawn(task))`
/// for tokio. A store that needs no runtime is checked on threads, by [`on_a_thread`] or [`check_blocking`].
///
/// A store that panics or hangs fails the check that it does so in.
///
/// ```
/// use regrant::{MemoryStore, conformance};
///
/// # #[tokio::main]
/// # async fn main() {
/// let report = conformance::check(|task| drop(tokio::spawn(task)), async || MemoryStore::new()).await;
/// report.assert();
/// # }
/// ```
pub async fn check<S: TokenStore + 'static>(
    spawn: impl Fn(BoxFuture<'static, ()>) + Send + Sync + 'static,
    make: impl AsyncFn() -> S,
) -> Report {
    Conformance::new().check(spawn, make).await
}

/// The same without an async runtime: every task has a thread of its own.
///
/// ```
/// use regrant::{MemoryStore, conformance};
/// conformance::check_blocking(async || MemoryStore::new()).assert();
/// ```
pub fn check_blocking<S: TokenStore + 'static>(make: impl AsyncFn() -> S) -> Report {
    Conformance::new().check_blocking(make)
}
