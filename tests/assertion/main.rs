//! Assertions of other servers as grants: RFC 7521, RFC 7523, and identity assertions (ID-JAG). What is in an assertion is tested beside the
//! code: `src/proof/tests/grants.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test fails by panicking")]

#[path = "../kit/mod.rs"]
mod kit;

mod attacks;
mod bound;
mod desk;
mod identity;
mod keys;
mod once;
mod resources;
mod rules;
mod settings;
mod within;
