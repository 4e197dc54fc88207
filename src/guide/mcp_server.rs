#![doc = include_str!("mcp_server.md")]
