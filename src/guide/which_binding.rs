#![doc = include_str!("which_binding.md")]
