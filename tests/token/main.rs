//! The token endpoint: what it refuses and accepts, codes, grant handlers, ID tokens, and how an engine is built.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test fails by panicking")]

#[path = "../kit/mod.rs"]
mod kit;

mod audit;
mod build;
mod code;
mod code_attacks;
mod displaced;
mod every_issue;
mod fields;
mod handlers;
mod id_token;
mod id_token_claims;
mod issue_hook;
mod order;
mod rows;
mod rules;
mod taken_away;
mod two_faults;
