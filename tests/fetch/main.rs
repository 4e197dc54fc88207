//! Documents of strangers: any fetch against a hostile server, and the one on `reqwest`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test fails by panicking")]

mod broken;
mod naive;
mod on_reqwest;
mod tls;
