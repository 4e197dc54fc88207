//! Guides, each from nothing to something that runs.
//!
//! - [An MCP server](mcp_server): an authorization server and a resource in one process, for clients that nobody registered by
//!   hand.

pub mod mcp_server;
