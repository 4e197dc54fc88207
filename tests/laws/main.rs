//! The laws of the design, each a property test of its name, on every store: those of this process in `in_memory`, and those
//! that outlive it in `on_servers`, which runs a twelfth of the cases; `with_resources` runs laws 1 to 18 on all of them, with resources
//! in the grants, a twenty-fourth of the cases.
//!
//! `LAWS_DEPTH=20 cargo test --test laws in_memory` runs twenty times the cases.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::needless_pass_by_value, reason = "each check has a store of its own")]
#![allow(clippy::duplicate_mod, reason = "each law is compiled once for each set of stores")]

#[path = "../kit/mod.rs"]
mod kit;

mod in_memory;
mod on_servers;
mod stores;
mod with_resources;

use proptest::test_runner::Config;

/// So many cases, times `LAWS_DEPTH`, divided.
fn cases(number: u32, divisor: u32, max_shrink_iters: u32) -> Config {
    let depth = std::env::var("LAWS_DEPTH").ok().and_then(|depth| depth.parse().ok()).unwrap_or(1);
    let cases = (number * depth).div_ceil(divisor);
    Config { cases, failure_persistence: None, max_shrink_iters, ..Config::default() }
}
