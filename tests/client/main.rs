//! Clients: how they are registered and how they authenticate.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test fails by panicking")]

#[path = "../kit/mod.rs"]
mod kit;

mod about;
mod assertion_attacks;
mod assertions;
mod certificates;
mod jwks_uri;
mod keyed;
mod long_ids;
mod markers;
mod raw;
mod registration;
mod registry;
mod resync;
mod secrets;
