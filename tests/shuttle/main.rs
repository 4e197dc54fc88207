//! The memory store, and the engine on it, on shuttle's locks: a program of its own, since it is built with another `cfg`.
//!
//! `RUSTFLAGS="--cfg shuttle" cargo test --test shuttle --target-dir target/shuttle`
#![cfg(shuttle)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test fails by panicking")]

// Not the whole kit: it has runtimes and servers, which know nothing of shuttle's threads.
#[path = "../kit/anyone.rs"]
mod anyone;
#[path = "../kit/events.rs"]
#[allow(dead_code, reason = "each test program uses a part of it")]
mod events;
#[path = "../kit/wire.rs"]
#[allow(dead_code, reason = "each test program uses a part of it")]
mod wire;

mod rotation;
mod store;
