//! What tests share. A test program includes it as `#[path = "../kit/mod.rs"] mod kit;`.
//!
//! - [`world`]: a client with a password grant, on a store whose bytes can be compared; [`portal`] and [`bank`]: clients
//!   with authorization codes, opaque or as JWTs; [`ask`] and [`reply`] are what goes in and comes out.
//! - [`order`]: tables of two faults in one request.
//! - [`doors`]: an engine with every door open to strangers.
//! - [`foreign`]: another server's refresh tokens.
//! - [`registry`]: clients that change while they are served, as a host's own do.
//! - [`laws`]: an engine on a store that fails by script, random histories, and the oracle that judges them.
//! - [`store`]: stores that are made for tests; [`records`]: grants of any content to put into a store.
//! - [`signer`]: clients that have keys, what they sign, their certificates.
//! - [`servers`]: PostgreSQL and Redis, started by the tests.

#![allow(dead_code, unused_imports, reason = "each test program uses a part of it")]

pub(crate) mod anyone;
pub(crate) mod ask;
pub(crate) mod bank;
pub(crate) mod doors;
pub(crate) mod events;
pub(crate) mod foreign;
pub(crate) mod http;
pub(crate) mod jwt;
pub(crate) mod laws;
pub(crate) mod log;
pub(crate) mod order;
pub(crate) mod portal;
pub(crate) mod profiles;
pub(crate) mod proof;
pub(crate) mod records;
pub(crate) mod registry;
pub(crate) mod reply;
pub(crate) mod schedule;
pub(crate) mod servers;
pub(crate) mod signer;
pub(crate) mod store;
pub(crate) mod wire;
pub(crate) mod world;

pub(crate) use ask::{Ask, basic, form};
pub(crate) use events::Events;
pub(crate) use reply::{Reply, check};
pub(crate) use store::shelf::{Fault, Shelf};
pub(crate) use world::{
    LOGIN, OTHER_SECRET, Password, SECRET, T0, World, altered, app, at, forged, renewal, scope, secret,
};
