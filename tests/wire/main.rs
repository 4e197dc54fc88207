//! Bytes: forms, Basic headers, and HTTP bodies and headers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test fails by panicking")]

#[path = "../kit/mod.rs"]
mod kit;

mod by_path;
mod exchange;
mod http;
mod metrics;
mod parsers;
