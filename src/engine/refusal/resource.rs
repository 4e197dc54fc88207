//! Refusals of an access token.

use crate::wire::ErrorCode;

/// What is wrong with an access token (RFC 6750 section 3.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResourceRefusal {
    /// No access token came to a resource.
    #[error("no access token")]
    NoToken,
    /// An access token came in more than one way, or not in the form of one (RFC 6750 section 2).
    #[error("an access token in two ways, or malformed")]
    MalformedToken,
    /// A live access token has too little scope for the resource.
    #[error("too little scope for the resource")]
    InsufficientScope,
    /// The access token is for other resources (RFC 8707 section 2).
    #[error("an access token for another resource")]
    AnotherResource,
    /// The login behind the token is older than the resource wants (RFC 9470 section 3).
    #[error("a login that is too old for the resource")]
    LoginTooOld,
    /// The login behind the token is of another kind than the resource wants: `acr` (RFC 9470 section 3).
    #[error("a login of another kind than the resource wants")]
    AnotherLogin,
    /// The access token was revoked.
    #[error("the access token was revoked")]
    AccessRevoked,
    /// A JWT that this engine did not sign, or not for this issuer, audience or grant.
    #[error("not a JWT of this engine")]
    Jwt,
}

impl ResourceRefusal {
    /// What the challenge says. For [`NoToken`](Self::NoToken) it names no code (RFC 6750 section 3.1); the status is that of
    /// this one.
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::MalformedToken => ErrorCode::InvalidRequest,
            Self::NoToken | Self::AnotherResource | Self::AccessRevoked | Self::Jwt => ErrorCode::InvalidToken,
            Self::LoginTooOld | Self::AnotherLogin => ErrorCode::InsufficientUserAuthentication,
            Self::InsufficientScope => ErrorCode::InsufficientScope,
        }
    }
}
