//! What the laws are tested with: an engine on a store that fails by script, random histories, and an oracle.

pub(crate) mod actions;
pub(crate) mod codes;
pub(crate) mod sim;
pub(crate) mod spec;
pub(crate) mod world;
