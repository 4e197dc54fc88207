//! Refusals of a client.

use crate::client::MetadataFault;
#[cfg(feature = "proof")]
use crate::engine::profile::ProfileFault;
#[cfg(feature = "proof")]
use crate::proof::AssertionFault;
use crate::wire::ErrorCode;

/// Why a client is not who it says it is, or may not do what it asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientRefusal {
    /// Two Authorization headers, or a secret both in a header and in the body.
    #[error("more than one way to authenticate")]
    TwoAuthentications,
    /// The `client_id` of the body is not that of the Basic header or the assertion.
    #[error("two client ids that differ")]
    ClientIdMismatch,
    /// An Authorization header of another scheme than Basic, or of none: an access token's, for example.
    #[error("another scheme than Basic")]
    Scheme,
    /// No credentials, or credentials that cannot be read.
    #[error("no credentials that can be read")]
    Credentials,
    /// No client of that id.
    #[error("an unknown client")]
    UnknownClient,
    /// The metadata document of a client that is known by one breaks this rule; in an authorization request.
    #[error("a client whose metadata document is wrong: {0}")]
    Document(MetadataFault),
    /// The secret is wrong, or a public client sent one, or a confidential one sent none.
    #[error("a wrong secret")]
    WrongSecret,
    /// The secret is right, and came in a way that is not allowed to this client.
    #[error("a way to authenticate that the client may not use")]
    AuthMethod,
    /// The assertion of a client by key or secret (RFC 7523) is not right.
    #[cfg(feature = "proof")]
    #[error("a client assertion that is refused: {0}")]
    Assertion(AssertionFault),
    /// No certificate, or one that is not the client's; of a client that authenticates by one (RFC 8705).
    #[cfg(feature = "mtls")]
    #[error("no certificate, or one that is not the client's")]
    Certificate,
    /// A public client at the introspection endpoint: anybody can be one (RFC 7662 section 2.1).
    #[error("a public client where one has to authenticate")]
    PublicClient,
    /// The client does not keep to the [profile](crate::EngineBuilder::profile) of the engine.
    #[cfg(feature = "proof")]
    #[error("{0}")]
    Profile(ProfileFault),
    /// The client may not use this grant type.
    #[error("a grant type that the client may not use")]
    UnauthorizedClient,
}

impl ClientRefusal {
    /// What the response says.
    pub const fn code(self) -> ErrorCode {
        match self {
            #[cfg(feature = "proof")]
            Self::Assertion(_) => ErrorCode::InvalidClient,
            #[cfg(feature = "proof")]
            Self::Profile(fault) => fault.code(),
            #[cfg(feature = "mtls")]
            Self::Certificate => ErrorCode::InvalidClient,
            Self::TwoAuthentications | Self::ClientIdMismatch | Self::Document(_) => ErrorCode::InvalidRequest,
            Self::PublicClient
            | Self::Scheme
            | Self::Credentials
            | Self::UnknownClient
            | Self::WrongSecret
            | Self::AuthMethod => ErrorCode::InvalidClient,
            Self::UnauthorizedClient => ErrorCode::UnauthorizedClient,
        }
    }
}
