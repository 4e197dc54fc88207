//! Guides, each from nothing to something that runs.
//!
//! - [An MCP server](mcp_server): an authorization server and a resource in one process, for clients that nobody registered by
//!   hand.
//! - [Moving from another server](moving_in): the refresh tokens that it made go on, and nobody is logged out.

pub mod mcp_server;
pub mod moving_in;
