//! Documents of strangers: any fetch against a hostile server, and the one on `reqwest`.
//!
//! What is about `reqwest` needs the feature: `cargo test --features reqwest --test fetch`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test fails by panicking")]

mod broken;
mod naive;
#[cfg(feature = "reqwest")]
mod on_reqwest;
#[cfg(feature = "reqwest")]
mod tls;
