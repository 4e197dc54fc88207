//! Engines of a profile: FAPI 2.0 Security Profile (final), and the OAuth profile of atproto. Each requirement on an authorization server
//! is a row that is run: `fapi_rows.rs`, `atproto_rows.rs`. What only a host can meet is in the guide, `src/guide/profiles.md`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test fails by panicking")]

#[path = "../kit/mod.rs"]
mod kit;

mod atproto_rows;
mod build;
mod challenges;
mod clients;
mod fapi_rows;
mod foreign;
mod keys;
mod local;
mod rows;
mod sessions;
