//! Clients that know nothing of this crate, over real HTTP. Those in other languages are started by `run.sh`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test fails by panicking")]

#[path = "../kit/mod.rs"]
mod kit;

// Of the example server.
#[path = "../../examples/server/authorize.rs"]
mod authorize;
#[path = "../../examples/server/bank.rs"]
mod bank;
#[allow(dead_code, reason = "the example's own")]
#[path = "../../examples/shared/cors.rs"]
mod cors;
#[path = "../../examples/server/device.rs"]
mod device;
#[allow(dead_code, reason = "the example's own")]
#[path = "../../examples/shared/guard.rs"]
mod guard;
#[path = "../../examples/shared/html.rs"]
mod html;
#[allow(dead_code, reason = "the example's own")]
#[path = "../../examples/shared/key_file.rs"]
mod key_file;
#[path = "../../examples/server/logout.rs"]
mod logout;
#[path = "../../examples/shared/login_page.rs"]
mod page;
#[allow(dead_code, reason = "the example's own")]
#[path = "../../examples/shared/store.rs"]
mod store;
#[allow(dead_code, reason = "the example's own")]
#[path = "../../examples/shared/throttling.rs"]
mod throttling;

#[allow(dead_code, reason = "what another program needs of it")]
#[path = "../examples/server/process.rs"]
mod process;

mod oauth2;
mod openidconnect;
mod rmcp;
