//! The example servers: the routes of the one in this process, and both themselves as other ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test fails by panicking")]

#[path = "../kit/mod.rs"]
mod kit;

// Of the example itself.
#[path = "../../examples/server/authorize.rs"]
mod authorize;
#[allow(dead_code, reason = "the example's own")]
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
#[path = "../../examples/server/import.rs"]
mod import;
#[allow(dead_code, reason = "the example's own")]
#[path = "../../examples/shared/key_file.rs"]
mod key_file;
#[path = "../../examples/server/logout.rs"]
mod logout;
#[allow(clippy::unnecessary_literal_bound, reason = "the example has the trait's own signature")]
#[path = "../../examples/server/marketplace.rs"]
mod marketplace;
#[path = "../../examples/shared/login_page.rs"]
mod page;
#[allow(dead_code, reason = "the example's own")]
#[path = "../../examples/shared/serve.rs"]
mod serve;
#[allow(dead_code, reason = "the example's own")]
#[path = "../../examples/shared/store.rs"]
mod store;
#[allow(dead_code, reason = "the example's own")]
#[path = "../../examples/shared/throttling.rs"]
mod throttling;

mod fapi;
mod marketplace_routes;
mod mcp;
mod server;
mod throttled;
mod time_outs;
