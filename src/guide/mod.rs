//! Guides, each from nothing to something that runs.
//!
//! - [An MCP server](mcp_server): an authorization server and a resource in one process, for clients that nobody registered by
//!   hand.
//! - [Moving from another server](moving_in): the refresh tokens that it made go on, and nobody is logged out.
//! - [Operating it](operating): stores, lifetimes, keys and their replacement, backups, what to alarm on, capacity, several machines, upgrades.
//! - [Assertions as grants](assertions) (feature `proof`): workloads and identity providers whose word is a grant.
//! - [Which binding to choose](which_binding) (feature `mtls`): bearer tokens, proofs of possession, certificates, keys in place of secrets; who should
//!   use what, what it costs, and what it guards against.
//! - [Profiles](profiles) (feature `proof`): FAPI 2.0 and atproto, what each turns on, and what is left to the host.
//! - [Exchanging tokens](token_exchange) (feature `jwt`): services that call others for the people whose tokens they were sent.

#[cfg(feature = "proof")]
pub mod assertions;
pub mod mcp_server;
pub mod moving_in;
pub mod operating;
#[cfg(feature = "proof")]
pub mod profiles;
#[cfg(feature = "jwt")]
pub mod token_exchange;
#[cfg(feature = "mtls")]
pub mod which_binding;
