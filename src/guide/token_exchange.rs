#![doc = include_str!("token_exchange.md")]
