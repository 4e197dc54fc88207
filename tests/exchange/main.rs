//! Tokens that are exchanged for others: RFC 8693.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test fails by panicking")]

#[path = "../kit/mod.rs"]
mod kit;

mod actors;
mod attacks;
mod audience;
mod bound;
mod id_tokens;
mod lives;
mod people;
mod realms;
mod rows;
mod rules;
mod town;
