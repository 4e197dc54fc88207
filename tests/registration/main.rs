//! Clients that register themselves: RFC 7591.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test fails by panicking")]

#[path = "../kit/mod.rs"]
mod kit;

mod demands;
mod desk;
mod document_attacks;
mod document_hosts;
mod document_rules;
mod documents;
mod endpoint;
mod ids;
mod keys;
mod logins;
mod managed;
mod metadata;
mod native;
mod openid;
mod over_http;
mod policy;
mod site;
