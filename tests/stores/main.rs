//! The stores of this crate, the kit that tells right stores from wrong ones, and several engines on one store.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test fails by panicking")]
#![allow(clippy::incompatible_msrv, reason = "the stores ask for a Rust that has it")]
#![allow(clippy::duplicate_mod, reason = "`calls.rs` of the kit waits as the module does that includes it")]

#[path = "../kit/mod.rs"]
mod kit;

mod conformance;
mod file;
mod frozen;
mod keys;
mod memory;
mod postgres;
mod records;
mod redis;
mod several;
mod sqlite;
mod two_engines;
mod upgrade;
