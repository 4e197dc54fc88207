//! The authorization endpoint, the metadata, and the eight steps of the first system over HTTP.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test fails by panicking")]

#[path = "../kit/mod.rs"]
mod kit;

mod any_bytes;
mod attacks;
mod consent;
mod diagram;
mod hints;
mod interaction;
mod issuers;
mod link;
mod metadata;
mod modes;
mod native;
mod oracle;
mod pushed;
mod requests;
mod scopes;
mod signed;
mod strangers;
