//! The protocol of the refresh token as a model that is checked to the last state: rotation, retry within the window, replay, a store that
//! lost writes, a token of another server, resync.
//!
//! Two honest processes share a login, one thief has copied their token at any moment, two nodes have clocks that are apart by the skew,
//! and the store fails in each way that [`TokenStore`](regrant::TokenStore) documents. What a node decides is decided by the crate's own
//! [`decide`](regrant::internal::decide) and what stands beside it, by way of [`rules`]; a [`Mutant`] of it has to break a property of a
//! name (`tests/mutants.rs`). What stands around these decisions, the order of loads and writes, is the model's own, so `tests/engine.rs` has the
//! same things happen to it and to the engine, by chance, and compares them after each (but for tokens of another server, and resync). Time is in seconds, and only those that make a difference: the window is three of them.
//!
//! One thing the model found that no rule forbids: a request that waits before it has seen its record, while its client gives up on it and
//! goes on by *two* steps, is told from a thief by two clocks. Within the skew of them, and within one tick of one, they do not tell, and the
//! grant ends. To be lenient there would be to be lenient to every old token that comes that soon after a rotation, so the law (24) is about
//! requests that saw their token current, or the direct predecessor in time, and about those that came before the rotation by more than clocks
//! may differ.
//!
//! Eight worlds (`tests/holds.rs`), 55 million states, of which 16 million are different; a minute of one processor.
//!
//! What is not in it: MACs, clients, scopes, expiry, hooks. The laws (`tests/laws`) have those, by chance and with the engine whole.

pub mod properties;
pub mod protocol;
pub mod rules;
pub mod setting;
pub mod state;
pub mod store;

pub use properties::Violation;
pub use protocol::Protocol;
pub use rules::Mutant;
pub use setting::Setting;
