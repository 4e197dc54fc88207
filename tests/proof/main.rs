//! Proofs of possession (RFC 9449), client certificates (RFC 8705), and what is bound to a key. What is in a proof is tested beside the
//! code: `src/proof/tests`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test fails by panicking")]

#[path = "../kit/mod.rs"]
mod kit;

mod asserted;
mod attacks;
mod bound_certificates;
mod certificates;
mod challenges;
mod codes;
mod house;
mod replays;
mod resource;
mod resource_server;
mod resync;
mod settings;
mod tokens;
