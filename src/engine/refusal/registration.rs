//! Refusals of a client that registers itself.

use crate::client::MetadataFault;
use crate::wire::ErrorCode;

/// Why a client is not registered (RFC 7591 section 3.2.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistrationRefusal {
    /// Registration is [off](crate::EngineBuilder::registration).
    #[error("registration is off")]
    Off,
    /// Another content type than `application/json`, or none, or two.
    #[error("the content type is not application/json")]
    ContentType,
    /// Two Authorization headers, or one that is no bearer token (section 3).
    #[error("an Authorization header that is not one bearer token")]
    Authorization,
    /// The host wants an initial access token (RFC 7591 section 3).
    #[error("no initial access token")]
    NoInitialAccessToken,
    /// An initial access token that the host does not take.
    #[error("an initial access token that is not taken")]
    InitialAccessToken,
    /// Another method than those by which a client looks after its registration (RFC 7592 section 2).
    #[error("the method is none of GET, POST, PUT and DELETE")]
    Method,
    /// No registration access token (RFC 7592 section 2).
    #[error("no registration access token")]
    NoAccessToken,
    /// Not the registration access token of the client, or there is no such client (RFC 7592 section 2).
    #[error("not the registration access token of the client")]
    AccessToken,
    /// What the client says of itself.
    #[error("{0}")]
    Metadata(MetadataFault),
    /// The host does not want the client.
    #[error("the host does not want the client")]
    Unwanted,
    /// The host finds that its software statement is none (RFC 7591 section 3.2.2).
    #[error("the software statement is none")]
    InvalidSoftwareStatement,
    /// The host does not believe whoever made its software statement (RFC 7591 section 3.2.2).
    #[error("the software statement is not approved")]
    UnapprovedSoftwareStatement,
}

impl RegistrationRefusal {
    /// What the response says.
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::Off | Self::ContentType | Self::Authorization | Self::Method => ErrorCode::InvalidRequest,
            Self::NoInitialAccessToken | Self::InitialAccessToken | Self::NoAccessToken | Self::AccessToken => {
                ErrorCode::InvalidToken
            }
            Self::Metadata(fault) => fault.code(),
            Self::Unwanted => ErrorCode::InvalidClientMetadata,
            Self::InvalidSoftwareStatement => ErrorCode::InvalidSoftwareStatement,
            Self::UnapprovedSoftwareStatement => ErrorCode::UnapprovedSoftwareStatement,
        }
    }

    pub(super) const fn description(self) -> &'static str {
        match self {
            Self::Off => "clients do not register themselves here",
            Self::ContentType => "the content type must be application/json",
            Self::Authorization => "the Authorization header must be one bearer token",
            Self::NoInitialAccessToken | Self::InitialAccessToken => "an initial access token is needed",
            Self::Method => "the method must be GET, POST, PUT or DELETE",
            Self::NoAccessToken | Self::AccessToken => "the registration access token of the client is needed",
            Self::Metadata(fault) => fault.description(),
            Self::Unwanted => "this client is not taken in here",
            Self::InvalidSoftwareStatement => "the software statement is invalid",
            Self::UnapprovedSoftwareStatement => "the software statement is not approved here",
        }
    }
}
