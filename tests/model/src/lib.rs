//! The protocol of the refresh token as a model that is checked to the last state: rotation, retry within the window, replay, a store that
//! lost writes, a token of another server, resync.
//!
//! Two honest processes share a login, one thief has copied their token at any moment, two nodes have clocks that are apart by the skew,
//! and the store fails in each way that [`TokenStore`](regrant::TokenStore) documents. What a node decides is decided by the crate's own
//! [`decide`](regrant::internal::decide) and what stands beside it, by way of [`rules`]; a [`Mutant`] of it has to break a property of a
//! name (`tests/mutants.rs`). Time is in seconds, and only those that make a difference: the window is three of them.
//!
//! What is not in it: MACs, clients, scopes, expiry, hooks. The laws (`tests/laws`) have those, by chance and with the engine whole.

pub mod properties;
pub mod protocol;
pub mod rules;
pub mod setting;
pub mod state;
mod store;

pub use properties::Violation;
pub use protocol::Protocol;
pub use rules::Mutant;
pub use setting::Setting;
