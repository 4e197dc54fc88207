//! The conformance kit: stores that are right pass it, and stores that are wrong do not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod right;
mod shelf;
