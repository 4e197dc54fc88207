//! Why a request was refused, and what the wire says of it.

use crate::client::ClientsError;
use crate::store::{StoreError, StoreErrorKind};
use crate::wire::{ErrorCode, FormError, ParameterFault};

/// Why a request was refused: for the host's events and logs, never for the client, which sees the
/// [`ErrorCode`] that it becomes and fixed text.
///
/// ```
/// use regrant::{ErrorCode, Refusal};
/// assert_eq!(Refusal::Expired.code(), ErrorCode::InvalidGrant);
/// assert_eq!(Refusal::NotRenewable.code(), ErrorCode::InvalidGrant);
/// assert_eq!(Refusal::Expired.to_string(), "the grant has expired");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Another method than POST.
    #[error("the method is not POST")]
    Method,
    /// Another method than GET and POST, at the authorization endpoint.
    #[error("the method is neither GET nor POST")]
    GetOrPost,
    /// Another content type than `application/x-www-form-urlencoded`, or none, or two.
    #[error("the content type is not application/x-www-form-urlencoded")]
    ContentType,
    /// The body is not a form that is read.
    #[error("the body is not a form: {0}")]
    Form(#[from] FormError),
    /// A parameter that a specification defines, or a handler wants once, is there twice.
    #[error("a parameter is repeated")]
    RepeatedParameter,
    /// A parameter that a specification defines has a control character.
    #[error("a parameter has a control character")]
    ControlCharacter,
    /// A parameter that the grant type needs is absent.
    #[error("a parameter is missing")]
    MissingParameter,
    /// Two Authorization headers, or a secret both in a header and in the body.
    #[error("more than one way to authenticate")]
    TwoAuthentications,
    /// The `client_id` of the body is not that of the Basic header.
    #[error("two client ids that differ")]
    ClientIdMismatch,
    /// No credentials, or credentials that cannot be read.
    #[error("no credentials that can be read")]
    Credentials,
    /// No client of that id.
    #[error("an unknown client")]
    UnknownClient,
    /// The secret is wrong, or a public client sent one, or a confidential one sent none.
    #[error("a wrong secret")]
    WrongSecret,
    /// The secret is right, and came in a way that is not allowed to this client.
    #[error("a way to authenticate that the client may not use")]
    AuthMethod,
    /// A secret takes a slow verification, and the cap on concurrent ones is reached or there is no verifier.
    #[error("no slow verification is possible now")]
    SlowVerifier,
    /// A public client at the introspection endpoint: anybody can be one (RFC 7662 section 2.1).
    #[error("a public client where one has to authenticate")]
    PublicClient,
    /// A redirect URI that is not registered for the client, in an authorization request.
    #[error("a redirect URI that is not registered")]
    UnregisteredRedirectUri,
    /// A response type other than `code`.
    #[error("an unsupported response type")]
    ResponseType,
    /// A response mode other than `query`.
    #[error("an unsupported response mode")]
    ResponseMode,
    /// No code challenge where one is needed, a malformed one, or one by another method than `S256`.
    #[error("no code challenge by S256")]
    Challenge,
    /// `prompt`, `max_age` or `nonce` of OpenID Connect is malformed.
    #[error("a malformed parameter of OpenID Connect")]
    OpenIdParameter,
    /// The parameter `request`.
    #[error("request objects are not supported")]
    RequestObject,
    /// The parameter `request_uri`.
    #[error("request URIs are not supported")]
    RequestUri,
    /// The parameter `registration`.
    #[error("registration in a request is not supported")]
    Registration,
    /// The login is older than `max_age` allows.
    #[error("the login is older than the request allows")]
    LoginTooOld,
    /// The host denied the authorization request.
    #[error("the host denied the request: {}", .0.as_str())]
    Denied(ErrorCode),
    /// Another redirect URI than the one that the code was sent to.
    #[error("another redirect URI than that of the code")]
    RedirectUri,
    /// A verifier that is not that of the code's challenge.
    #[error("a verifier that is not that of the code")]
    Verifier,
    /// A JWT could not be signed.
    #[error("a signature that could not be made")]
    Signing,
    /// A JWT that this engine did not sign, or not for this issuer, audience or grant.
    #[error("not a JWT of this engine")]
    Jwt,
    /// No handler has this grant type.
    #[error("an unsupported grant type")]
    UnsupportedGrantType,
    /// The client may not use this grant type.
    #[error("a grant type that the client may not use")]
    UnauthorizedClient,
    /// A malformed scope, or more than the client or the grant may have.
    #[error("a scope that is malformed or too wide")]
    Scope,
    /// Not the shape of a token of this engine.
    #[error("not the shape of a token")]
    Shape,
    /// The token names a key that this engine does not have.
    #[error("a token of an unknown key")]
    UnknownKey,
    /// No such grant, or no longer.
    #[error("no such grant")]
    NoGrant,
    /// The MAC is wrong: a forgery, or a token of another kind.
    #[error("a wrong MAC")]
    Mac,
    /// The token is another client's.
    #[error("the token of another client")]
    AnotherClient,
    /// The grant was made before the `not_before` of its client or of the engine.
    #[error("the grant was made before its client's not_before")]
    NotBefore,
    /// The token or its grant has expired.
    #[error("the grant has expired")]
    Expired,
    /// No access token came to a resource.
    #[error("no access token")]
    NoToken,
    /// An access token came in more than one way, or not in the form of one (RFC 6750 section 2).
    #[error("an access token in two ways, or malformed")]
    MalformedToken,
    /// A live access token has too little scope for the resource.
    #[error("too little scope for the resource")]
    InsufficientScope,
    /// The access token was revoked.
    #[error("the access token was revoked")]
    AccessRevoked,
    /// The grant renews nothing.
    #[error("the grant is not renewable")]
    NotRenewable,
    /// An older refresh token came back. [`Event::ReplayFound`](crate::Event::ReplayFound) tells more.
    #[error("a replayed refresh token")]
    Replay,
    /// The grant was refreshed 16,777,214 times.
    #[error("the last generation of the grant")]
    Exhausted,
    /// The predecessor came at a time that is before the last rotation, by more than clocks may differ: the request hung
    /// since before it, or this node's clock is wrong.
    #[error("the time is before the last rotation")]
    ClockBehind,
    /// The host's hook refused the refresh.
    #[error("the host refused the refresh")]
    Hook,
    /// The grant handler refused.
    #[error("the grant handler refused: {}", .0.as_str())]
    Handler(ErrorCode),
    /// The store failed.
    #[error("the store failed")]
    Store(StoreErrorKind),
    /// The client registry failed.
    #[error("the client registry failed")]
    Clients,
    /// The host's hook or handler failed.
    #[error("the host failed")]
    Host,
    /// The handler gave a scope that the client may not have, or a subject that does not fit a record.
    #[error("the grant handler gave what cannot be granted")]
    HandlerFault,
    /// The token was current when the request came, and its grant has gone on by two steps since: the client gave the
    /// request up, or a thief and the owner raced.
    #[error("overtaken by other requests for the grant")]
    Overtaken,
    /// This engine has not got the key that the record's refresh token is made under; another node may.
    #[error("the key of the record is missing")]
    MissingKey,
    /// Too many requests for one grant at once.
    #[error("too much contention for one grant")]
    Contention,
}

impl Refusal {
    /// What the response of the token endpoint says; a resource's is [`BearerErrorKind`](crate::BearerErrorKind).
    ///
    /// ```
    /// use regrant::{ErrorCode, Refusal};
    /// assert_eq!(Refusal::UnknownClient.code(), ErrorCode::InvalidClient);
    /// ```
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::Method
            | Self::ContentType
            | Self::Form(_)
            | Self::RepeatedParameter
            | Self::ControlCharacter
            | Self::MissingParameter
            | Self::TwoAuthentications
            | Self::ClientIdMismatch
            | Self::NoToken
            | Self::GetOrPost
            | Self::UnregisteredRedirectUri
            | Self::ResponseMode
            | Self::Challenge
            | Self::OpenIdParameter
            | Self::MalformedToken => ErrorCode::InvalidRequest,
            Self::ResponseType => ErrorCode::UnsupportedResponseType,
            Self::RequestObject => ErrorCode::RequestNotSupported,
            Self::RequestUri => ErrorCode::RequestUriNotSupported,
            Self::Registration => ErrorCode::RegistrationNotSupported,
            Self::LoginTooOld => ErrorCode::LoginRequired,
            Self::PublicClient | Self::Credentials | Self::UnknownClient | Self::WrongSecret | Self::AuthMethod => {
                ErrorCode::InvalidClient
            }
            Self::UnsupportedGrantType => ErrorCode::UnsupportedGrantType,
            Self::UnauthorizedClient => ErrorCode::UnauthorizedClient,
            Self::Scope | Self::InsufficientScope => ErrorCode::InvalidScope,
            Self::Shape
            | Self::UnknownKey
            | Self::NoGrant
            | Self::Mac
            | Self::AnotherClient
            | Self::NotBefore
            | Self::Expired
            | Self::AccessRevoked
            | Self::NotRenewable
            | Self::Replay
            | Self::Exhausted
            | Self::RedirectUri
            | Self::Verifier
            | Self::Jwt
            | Self::Hook => ErrorCode::InvalidGrant,
            Self::Handler(code) | Self::Denied(code) => code,
            Self::HandlerFault | Self::Signing => ErrorCode::ServerError,
            Self::SlowVerifier
            | Self::Store(_)
            | Self::Clients
            | Self::Host
            | Self::Contention
            | Self::Overtaken
            | Self::MissingKey
            | Self::ClockBehind => ErrorCode::TemporarilyUnavailable,
        }
    }

    /// The status of a response of the token endpoint: that of the code, but for 405 and 413.
    ///
    /// ```
    /// use regrant::{FormError, Refusal};
    /// assert_eq!(Refusal::Method.status(), 405);
    /// assert_eq!(Refusal::Form(FormError::TooLarge).status(), 413);
    /// assert_eq!(Refusal::Expired.status(), 400);
    /// ```
    pub const fn status(self) -> u16 {
        match self {
            Self::Method | Self::GetOrPost => 405,
            Self::Form(FormError::TooLarge | FormError::TooManyParameters) => 413,
            _ => self.code().status(),
        }
    }

    /// The fixed text of the response. One text for all refusals of one kind, so that it tells them apart no more than
    /// the code does.
    pub(crate) const fn description(self) -> &'static str {
        match self {
            Self::Method => "the method must be POST",
            Self::GetOrPost => "the method must be GET or POST",
            Self::UnregisteredRedirectUri => "the redirect_uri is not one that the client has registered",
            Self::ResponseMode => "the response mode is not supported",
            Self::Challenge => "a code_challenge by the method S256 is needed, and no other is supported",
            Self::ContentType => "the content type must be application/x-www-form-urlencoded",
            Self::Form(FormError::TooLarge | FormError::TooManyParameters) => "the body is too large",
            Self::Form(_) => "the body is not a well-formed form",
            Self::RepeatedParameter => "a parameter is repeated",
            Self::ControlCharacter => "a parameter has a control character",
            Self::MissingParameter => "a required parameter is missing",
            Self::TwoAuthentications => "the client must authenticate in one way",
            Self::ClientIdMismatch => "the client_id must be that of the Authorization header",
            _ => match self.code() {
                ErrorCode::InvalidRequest => "the request is malformed",
                ErrorCode::InvalidClient => "client authentication failed",
                ErrorCode::InvalidGrant => "the grant is invalid, expired or revoked",
                ErrorCode::UnauthorizedClient => "the client may not use this grant type",
                ErrorCode::UnsupportedGrantType => "the grant type is not supported",
                ErrorCode::InvalidScope => "the scope is malformed or exceeds what may be granted",
                ErrorCode::TemporarilyUnavailable => "try again later",
                ErrorCode::ServerError => "the server is at fault",
                ErrorCode::AccessDenied => "the request was denied",
                ErrorCode::UnsupportedResponseType => "the response type is not supported",
                ErrorCode::LoginRequired => "the person has to log in",
                ErrorCode::ConsentRequired => "the person has to consent",
                ErrorCode::AccountSelectionRequired => "the person has to choose an account",
                ErrorCode::InteractionRequired => "the person has to be asked",
                ErrorCode::RequestNotSupported => "the parameter request is not supported",
                ErrorCode::RequestUriNotSupported => "the parameter request_uri is not supported",
                ErrorCode::RegistrationNotSupported => "the parameter registration is not supported",
                ErrorCode::Extension(_) => "the request was refused",
            },
        }
    }
}

impl From<&StoreError> for Refusal {
    fn from(error: &StoreError) -> Self {
        Self::Store(error.kind())
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::from(&error)
    }
}

impl From<ClientsError> for Refusal {
    fn from(_: ClientsError) -> Self {
        Self::Clients
    }
}

impl From<ParameterFault> for Refusal {
    fn from(fault: ParameterFault) -> Self {
        match fault {
            ParameterFault::Repeated => Self::RepeatedParameter,
            ParameterFault::ControlCharacter => Self::ControlCharacter,
        }
    }
}
