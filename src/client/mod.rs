//! Clients: who they are, how they authenticate, and where they are looked up.

#[expect(clippy::module_inception, reason = "the room is named after what it keeps")]
mod client;
mod registry;
mod secret;

pub use client::{Client, ClientBuilder, ClientError};
pub use registry::{ClientRef, Clients, ClientsError, ReadyClients, StaticClients};
pub(crate) use secret::digest;
pub use secret::{ClientSecret, GeneratedSecret, SecretError};
