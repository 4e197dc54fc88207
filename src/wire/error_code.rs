//! The error codes of RFC 6749 sections 4.1.2.1 and 5.2, of RFC 6750 section 3.1, of OpenID Connect Core section
//! 3.1.2.6, of RFC 8707 section 2, of RFC 7591 section 3.2.2, of RFC 9101 section 7, of RFC 9470 section 3 and of RFC 9449 section
//! 12.2, and their statuses.

/// What an error response says in its member `error`.
///
/// ```
/// use regrant::wire::ErrorCode;
/// assert_eq!(ErrorCode::InvalidGrant.as_str(), "invalid_grant");
/// assert_eq!(ErrorCode::InvalidClient.status(), 401);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum ErrorCode {
    /// The request is malformed, or lacks or repeats a parameter.
    InvalidRequest,
    /// Client authentication failed.
    InvalidClient,
    /// The grant or the refresh token is invalid, expired, revoked, replayed, not renewable or another client's.
    InvalidGrant,
    /// The client may not use this grant type.
    UnauthorizedClient,
    /// No handler of this grant type is there.
    UnsupportedGrantType,
    /// The scope is malformed, or more than the client or the grant may have.
    InvalidScope,
    /// The access token is malformed, expired, revoked or forged (RFC 6750 section 3.1).
    InvalidToken,
    /// The access token has too little scope (RFC 6750 section 3.1).
    InsufficientScope,
    /// The login behind the access token is not strong or new enough (RFC 9470 section 3).
    InsufficientUserAuthentication,
    /// A proof of possession that is missing, malformed or for something else (RFC 9449 section 5).
    InvalidDpopProof,
    /// A proof of possession without a nonce that is right now; the answer has one (RFC 9449 section 8).
    UseDpopNonce,
    /// The store, the registry or the host failed; the same request may succeed later.
    TemporarilyUnavailable,
    /// The host's configuration or its handler is wrong; a retry will not help.
    ServerError,
    /// The resource owner or the host said no (section 4.1.2.1).
    AccessDenied,
    /// A response type that is not served (section 4.1.2.1).
    UnsupportedResponseType,
    /// Nobody is logged in, or too long ago, and `prompt=none` forbids to ask (OpenID Connect Core section 3.1.2.6).
    LoginRequired,
    /// Consent is needed, and `prompt=none` forbids to ask.
    ConsentRequired,
    /// The person has to choose an account, and `prompt=none` forbids to ask.
    AccountSelectionRequired,
    /// Something else has to be asked, and `prompt=none` forbids to ask.
    InteractionRequired,
    /// The person cannot log in as the client needs it (OpenID Connect Unmet Authentication Requirements 1.0, RFC 9470 section 5).
    UnmetAuthenticationRequirements,
    /// A resource that is malformed or unknown (RFC 8707 section 2).
    InvalidTarget,
    /// The parameter `request` is not supported (OpenID Connect Core section 6.1).
    RequestNotSupported,
    /// The parameter `request_uri` is not supported (OpenID Connect Core section 6.2).
    RequestUriNotSupported,
    /// The parameter `request_uri` names no authorization request, or none that still counts (RFC 9101 section 7).
    InvalidRequestUri,
    /// The parameter `request` is no request object of the client (RFC 9101 section 7).
    InvalidRequestObject,
    /// The parameter `registration` is not supported (OpenID Connect Core section 7.2.1).
    RegistrationNotSupported,
    /// What a client says of itself cannot be registered (RFC 7591 section 3.2.2).
    InvalidClientMetadata,
    /// A redirect URI that cannot be registered (RFC 7591 section 3.2.2).
    InvalidRedirectUri,
    /// A software statement that is none, or is not signed by who it says (RFC 7591 section 3.2.2).
    InvalidSoftwareStatement,
    /// A software statement that is not believed here (RFC 7591 section 3.2.2).
    UnapprovedSoftwareStatement,
    /// The code of an extension grant (RFC 6749 section 8.5), such as `authorization_pending` of RFC 8628.
    Extension(&'static str),
}

impl ErrorCode {
    /// As the response writes it.
    ///
    /// ```
    /// assert_eq!(regrant::wire::ErrorCode::Extension("slow_down").as_str(), "slow_down");
    /// ```
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::InsufficientUserAuthentication => "insufficient_user_authentication",
            Self::InvalidDpopProof => "invalid_dpop_proof",
            Self::UseDpopNonce => "use_dpop_nonce",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::ServerError => "server_error",
            Self::AccessDenied => "access_denied",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
            Self::AccountSelectionRequired => "account_selection_required",
            Self::InteractionRequired => "interaction_required",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
            Self::InvalidTarget => "invalid_target",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::InvalidRequestUri => "invalid_request_uri",
            Self::InvalidRequestObject => "invalid_request_object",
            Self::RegistrationNotSupported => "registration_not_supported",
            Self::InvalidClientMetadata => "invalid_client_metadata",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::InvalidSoftwareStatement => "invalid_software_statement",
            Self::UnapprovedSoftwareStatement => "unapproved_software_statement",
            Self::Extension(code) => code,
        }
    }

    /// The status that goes with it; 405 and 413 are answered with `invalid_request`, too. Those of proofs of possession are 401 at a
    /// resource.
    ///
    /// ```
    /// assert_eq!(regrant::wire::ErrorCode::TemporarilyUnavailable.status(), 503);
    /// ```
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidClient | Self::InvalidToken | Self::InsufficientUserAuthentication => 401,
            Self::InsufficientScope => 403,
            Self::TemporarilyUnavailable => 503,
            Self::ServerError => 500,
            _ => 400,
        }
    }
}

/// Text that cannot be an error code: empty, or with a character outside of RFC 6749 section 5.2.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("an error code has a character that RFC 6749 section 5.2 does not allow, or none at all")]
#[non_exhaustive]
pub struct InvalidErrorCode;

/// `1*( %x20-21 / %x23-5B / %x5D-7E )`, RFC 6749 section 5.2; also what is safe inside a quoted string.
pub(crate) fn is_error_text(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}
