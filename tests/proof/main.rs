//! What a host does with proofs and certificates that is no engine's. What is in them is tested beside the code: `src/proof/tests`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test fails by panicking")]

mod certificates;
mod resource_server;
