//! What the tests of the laws share: stores that yield and fail, requests as bytes, a scheduler, and an oracle.
#![allow(dead_code, reason = "each test target uses its part")]

pub(crate) mod actions;
pub(crate) mod bytes_store;
pub(crate) mod codes;
pub(crate) mod events;
pub(crate) mod faulty;
pub(crate) mod schedule;
pub(crate) mod sim;
pub(crate) mod spec;
pub(crate) mod waiting;
pub(crate) mod wire;
pub(crate) mod world;
