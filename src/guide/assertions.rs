#![doc = include_str!("assertions.md")]
