//! The refresh token: rotation, retry and replay, the hook, and a store that fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test fails by panicking")]

#[path = "../kit/mod.rs"]
mod kit;

mod attacks;
mod cut_offs;
mod expected;
mod expiry;
mod faults;
mod foreign;
mod foreign_ends;
mod hook;
mod live;
mod narrowed;
mod policies;
mod prefix;
mod stalls;
