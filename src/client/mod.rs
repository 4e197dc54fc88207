//! Clients: who they are, how they authenticate, and where they are looked up.

mod builder;
#[expect(clippy::module_inception, reason = "the room is named after what it keeps")]
mod client;
mod not_before;
mod redirect_uri;
mod registry;
mod secret;

pub use builder::ClientBuilder;
pub use client::{Client, ClientError};
pub(crate) use not_before::NotBefore;

pub use registry::{ClientFeatures, ClientRef, Clients, ClientsError, ReadyClients, StaticClients};
#[cfg(feature = "jwt")]
pub use secret::RecoverableSecret;
pub(crate) use secret::digest;
pub use secret::{ClientSecret, GeneratedSecret, SecretError};

/// The grant types that the engine serves itself, RFC 6749 sections 4.1, 4.4 and 6.
pub(crate) const AUTHORIZATION_CODE: &str = "authorization_code";
pub(crate) const CLIENT_CREDENTIALS: &str = "client_credentials";
pub(crate) const REFRESH_TOKEN: &str = "refresh_token";
