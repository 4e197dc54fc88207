//! The same laws on the stores that outlive a process: a file, PostgreSQL and Redis, each plain, boxed and shared.
//!
//! Fewer cases than in memory, since each operation is one of a real server; `LAWS_DEPTH=20` runs twenty times as many.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::needless_pass_by_value, reason = "each check has a store of its own")]

#[path = "../servers/mod.rs"]
mod servers;
mod stores;
#[path = "../support/mod.rs"]
mod support;

/// Runs a check on each of those stores that there is, empty each time.
macro_rules! on_every_store {
    ($check:ident $(, $argument:expr)* $(,)?) => {{
        on_every_form!($crate::stores::file(), $check $(, $argument)*);
        if let Some(store) = $crate::stores::postgres() {
            on_every_form!(store, $check $(, $argument)*);
        }
        if let Some(store) = $crate::stores::redis() {
            on_every_form!(store, $check $(, $argument)*);
        }
    }};
}

/// On `T`, `Box<dyn …>` and `Arc<dyn …>` of a [`Fresh`](stores::Fresh) store.
macro_rules! on_every_form {
    ($fresh:expr, $check:ident $(, $argument:expr)*) => {{
        use $crate::support::{faulty::Shelf, waiting::Waiting};
        let fresh = $fresh;
        let named = |error| $crate::stores::named(fresh.name, error);
        $check(Shelf::of(Waiting::of(fresh.make(), fresh.expires_by_itself)) $(, $argument)*).map_err(named)?;
        let boxed: Box<dyn regrant::DynTokenStore> = Box::new(fresh.make());
        $check(Shelf::of(Waiting::of(boxed, fresh.expires_by_itself)) $(, $argument)*).map_err(named)?;
        let shared: std::sync::Arc<dyn regrant::DynTokenStore> = std::sync::Arc::new(fresh.make());
        $check(Shelf::of(Waiting::of(shared, fresh.expires_by_itself)) $(, $argument)*).map_err(named)?;
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

/// A fraction of the cases that there are in memory, times `LAWS_DEPTH`.
fn cases(number: u32) -> Config {
    let depth = std::env::var("LAWS_DEPTH").ok().and_then(|depth| depth.parse().ok()).unwrap_or(1);
    let cases = (number * depth).div_ceil(12);
    Config { cases, failure_persistence: None, max_shrink_iters: 2_000, ..Config::default() }
}
