#![doc = include_str!("profiles.md")]
