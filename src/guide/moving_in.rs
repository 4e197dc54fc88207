#![doc = include_str!("moving_in.md")]
