//! How a host says no.

use crate::wire::ErrorCode;

/// Why a host [denies](crate::Engine::deny) an authorization request, RFC 6749 section 4.1.2.1, OpenID Connect Core section
/// 3.1.2.6 and RFC 8707 section 2.
///
/// ```
/// use regrant::wire::ErrorCode;
/// use regrant::Denial;
/// assert_eq!(Denial::LoginRequired.code(), ErrorCode::LoginRequired);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Denial {
    /// The person said no, or may not have what the client asks for.
    AccessDenied,
    /// `prompt=none`, and nobody is logged in.
    LoginRequired,
    /// `prompt=none`, and consent is needed.
    ConsentRequired,
    /// `prompt=none`, and an account has to be chosen.
    AccountSelectionRequired,
    /// `prompt=none`, and something else has to be asked.
    InteractionRequired,
    /// A [resource](super::AuthorizationRequest::resources) that is malformed or unknown (RFC 8707 section 2).
    InvalidTarget,
    /// The host is at fault.
    ServerError,
    /// The host cannot answer now.
    TemporarilyUnavailable,
}

impl Denial {
    /// The code that the client gets.
    ///
    /// ```
    /// assert_eq!(regrant::Denial::AccessDenied.code().as_str(), "access_denied");
    /// ```
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::AccessDenied => ErrorCode::AccessDenied,
            Self::LoginRequired => ErrorCode::LoginRequired,
            Self::ConsentRequired => ErrorCode::ConsentRequired,
            Self::AccountSelectionRequired => ErrorCode::AccountSelectionRequired,
            Self::InteractionRequired => ErrorCode::InteractionRequired,
            Self::InvalidTarget => ErrorCode::InvalidTarget,
            Self::ServerError => ErrorCode::ServerError,
            Self::TemporarilyUnavailable => ErrorCode::TemporarilyUnavailable,
        }
    }
}
