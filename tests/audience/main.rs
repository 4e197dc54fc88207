//! Whom a token is for: resource indicators (RFC 8707), what a resource believes, and what it says of itself (RFC 9728).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test fails by panicking")]

#[path = "../kit/mod.rs"]
mod kit;

mod added;
mod authorize;
mod bearer;
mod build;
mod documents;
mod introspection;
mod jwt;
mod live;
mod looked_up;
mod step_up;
mod token;
mod town;
