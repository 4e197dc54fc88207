//! Stores that are made for tests.

pub(crate) mod bytes;
pub(crate) mod faulty;
pub(crate) mod shelf;
pub(crate) mod stalling;
pub(crate) mod waiting;
