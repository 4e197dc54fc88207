//! Clients: who they are, how they authenticate, and where they are looked up.

mod about;
mod auth_method;
mod authentication;
#[cfg(feature = "proof")]
mod binding;
mod builder;
#[expect(clippy::module_inception, reason = "the room is named after what it keeps")]
mod client;
mod clients_error;
mod describe;
mod destination;
pub(crate) mod dynamic;
#[cfg(feature = "proof")]
mod local;
mod lookup;
mod native_redirects;
mod not_before;
#[cfg(feature = "jwt")]
mod openid;
mod protected;
mod redirect_uri;
mod registry;
mod secret;
mod stranger;
#[cfg(feature = "proof")]
pub(crate) mod strong;
mod unknown_scopes;

pub use auth_method::AuthMethod;
pub use builder::ClientBuilder;
pub use client::{Client, ClientError};
pub use clients_error::{ClientsError, ClientsErrorKind};
pub use destination::Destination;
pub(crate) use dynamic::DynClientRegistry;
pub use dynamic::{
    ApplicationType, ClientMetadata, ClientPolicy, ClientRegistry, MetadataFault, RegisteredClient, RegistrationDenial,
};
#[cfg(feature = "root-secret")]
pub use dynamic::{ClientIdKeys, StatelessClients};
pub use lookup::{Lookup, Purpose};
pub use native_redirects::NativeRedirects;
pub(crate) use not_before::NotBefore;
#[cfg(all(feature = "jwt", feature = "root-secret"))]
pub(crate) use openid::Sector;

#[cfg(feature = "mtls")]
pub use crate::proof::{CertificateChain, CertificateError, CertificateName, CertificateNameError, ClientCertificate};
#[cfg(feature = "proof")]
pub use crate::proof::{ClientKeys, ClientKeysError};
pub use redirect_uri::RedirectUriFault;
pub use registry::{ClientFeatures, ClientRef, Clients, ReadyClients, StaticClients};
#[cfg(feature = "jwt")]
pub use secret::RecoverableSecret;
pub(crate) use secret::digest;
pub use secret::{ClientSecret, GeneratedSecret, SecretError};
pub use unknown_scopes::UnknownScopes;

/// The scope that asks for an ID token (OpenID Connect Core section 3.1.2.1).
pub(crate) const OPENID: &str = "openid";

/// The grant types that the engine serves itself, RFC 6749 sections 4.1, 4.4 and 6.
pub(crate) const AUTHORIZATION_CODE: &str = "authorization_code";
pub(crate) const CLIENT_CREDENTIALS: &str = "client_credentials";
pub(crate) const REFRESH_TOKEN: &str = "refresh_token";
/// RFC 7523 section 2.1.
#[cfg(feature = "proof")]
pub(crate) const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// RFC 8693 section 2.1.
pub(crate) const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// RFC 8628 section 3.4.
pub(crate) const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
