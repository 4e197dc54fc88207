//! OpenID Connect beyond the ID token: userinfo, claims by name, offline access, pairwise subjects, logouts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test fails by panicking")]

#[path = "../kit/mod.rs"]
mod kit;

mod adopted;
mod claims;
mod logout;
mod metadata;
mod offline;
mod pairwise;
mod provider;
mod replaced;
mod requests;
mod sessions;
mod userinfo;
