//! Logins on devices: RFC 8628.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test fails by panicking")]

#[path = "../kit/mod.rs"]
mod kit;

mod attacks;
mod doubt;
mod place;
mod proof;
mod rules;
