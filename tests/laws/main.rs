//! The laws of the design, each a property test of its name, on every store.
//!
//! `LAWS_DEPTH=20 cargo test --test laws` runs twenty times the cases.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::needless_pass_by_value, reason = "each check has a store of its own")]

#[path = "../support/mod.rs"]
mod support;

/// Runs a check on each store there is: plain, kept as bytes, and erased.
///
/// The check is a function of a [`Shelf`](faulty::Shelf) and of further arguments, and gives a `TestCaseResult`.
macro_rules! on_every_store {
    ($check:ident $(, $argument:expr)* $(,)?) => {{
        use $crate::support::{bytes_store::BytesStore, faulty::Shelf};
        $check(Shelf::of(regrant::MemoryStore::builder().shards(2).build()) $(, $argument)*)?;
        $check(Shelf::of(BytesStore::default()) $(, $argument)*)?;
        let erased: Box<dyn regrant::DynTokenStore> = Box::new(BytesStore::default());
        $check(Shelf::of(erased) $(, $argument)*)?;
    }};
}

mod binding;
mod codes;
mod ending;
mod endpoint;
mod everything;
mod finality;
mod forgery;
mod keys;
mod lifetimes;
mod renewal;
mod rotation;
mod session;
mod storage;

use proptest::test_runner::Config;

/// So many cases, times `LAWS_DEPTH`.
fn cases(number: u32) -> Config {
    let depth = std::env::var("LAWS_DEPTH").ok().and_then(|depth| depth.parse().ok()).unwrap_or(1);
    Config { cases: number * depth, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() }
}
