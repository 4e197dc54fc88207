//! The first system at the engine: authorization requests, codes, JWTs, ID tokens, revocation, introspection, metadata,
//! sessions; and the eight steps of its diagram over HTTP.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod diagram;
mod id_token;
mod introspection;
mod metadata;
mod oracle;
mod redemption;
mod requests;
mod revocation;
mod sessions;
mod whatever_bytes;
mod world;
