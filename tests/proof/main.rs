//! Proofs of possession (RFC 9449), and what is bound to a key.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test fails by panicking")]

#[path = "../kit/mod.rs"]
mod kit;

mod challenges;
mod codes;
mod house;
mod replays;
mod resource;
mod resync;
mod settings;
mod tokens;
