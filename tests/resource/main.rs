//! What a token is good for afterwards: at a resource, at introspection, at revocation, and in the list of sessions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test fails by panicking")]

#[path = "../kit/mod.rs"]
mod kit;

mod bearer;
mod host_data;
mod introspection;
mod jwt;
mod kinds;
mod narrowed;
mod realms;
mod revocation;
mod sessions;
mod signing_keys;
