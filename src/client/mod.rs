//! Clients: who they are, how they authenticate, and where they are looked up.

mod builder;
#[expect(clippy::module_inception, reason = "the room is named after what it keeps")]
mod client;
mod registry;
mod secret;

pub use builder::ClientBuilder;
pub use client::{Client, ClientError};
pub use registry::{ClientRef, Clients, ClientsError, ReadyClients, StaticClients};
pub(crate) use secret::digest;
pub use secret::{ClientSecret, GeneratedSecret, SecretError};
