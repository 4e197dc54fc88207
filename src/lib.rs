//! regrant
#![forbid(unsafe_code)]

mod client;
mod engine;
mod grant;
#[cfg(feature = "http")]
pub mod http;
mod store;
mod token;
mod wire;

pub use client::*;
pub use engine::*;
pub use grant::*;
pub use store::*;
pub use token::Key;
pub use wire::*;
