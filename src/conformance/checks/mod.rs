//! The checks, by what they are of.

pub(super) mod cancel;
pub(super) mod clocks;
pub(super) mod errors;
pub(super) mod expired_pages;
pub(super) mod expiry;
pub(super) mod insert;
pub(super) mod keys;
pub(super) mod laws;
pub(super) mod list;
pub(super) mod load;
pub(super) mod markers;
pub(super) mod nodes;
pub(super) mod order;
pub(super) mod owners;
pub(super) mod paging;
pub(super) mod purge;
pub(super) mod purge_index;
pub(super) mod races;
pub(super) mod remove;
pub(super) mod restart;
pub(super) mod swap;
pub(super) mod unreadable;

// What they are written with.
use super::{engine, finding, grants, options, report, spawn, stage, timer};
