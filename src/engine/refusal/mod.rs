//! Why a request was refused, and what the wire says of it.
//!
//! A [`Refusal`] is for the host: it comes in [`Event`](crate::event::Event)s, and says more than the client is told.

mod authorization;
mod client;
mod exchange;
mod grant;
mod registration;
mod request;
mod resource;
mod sender;
mod throttle;
mod unavailable;

pub use authorization::AuthorizationRefusal;
pub use client::ClientRefusal;
pub use exchange::{ExchangeRefusal, TokenFault};
pub use grant::GrantRefusal;
pub use registration::RegistrationRefusal;
pub use request::RequestRefusal;
pub use resource::ResourceRefusal;
pub use sender::SenderRefusal;
pub use throttle::ThrottleRefusal;
pub use unavailable::{ServerFault, Unavailable};

use crate::wire::{ErrorCode, FormError};

/// Why a request was refused: for the host's events and logs, never for the client, which sees the
/// [`ErrorCode`] that it becomes and fixed text.
///
/// ```
/// use regrant::event::GrantRefusal;
/// use regrant::event::Refusal;
/// use regrant::wire::ErrorCode;
/// let why = Refusal::Grant(GrantRefusal::Expired);
/// assert_eq!(why.code(), ErrorCode::InvalidGrant);
/// assert_eq!(why.to_string(), "the grant has expired");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(transparent)]
#[non_exhaustive]
pub enum Refusal {
    /// The form of the request.
    Request(#[from] RequestRefusal),
    /// The client.
    Client(#[from] ClientRefusal),
    /// The grant that is asked for, or that a token or code is of.
    Grant(#[from] GrantRefusal),
    /// The authorization request.
    Authorization(#[from] AuthorizationRefusal),
    /// The registration of a client.
    Registration(#[from] RegistrationRefusal),
    /// The access token.
    Resource(#[from] ResourceRefusal),
    /// What the request proves of its sender.
    Sender(#[from] SenderRefusal),
    /// The exchange of a token for another.
    Exchange(#[from] ExchangeRefusal),
    /// There were too many guesses.
    Throttled(#[from] ThrottleRefusal),
    /// Nobody can tell now.
    Unavailable(#[from] Unavailable),
    /// The server is at fault.
    Fault(#[from] ServerFault),
}

impl Refusal {
    /// What the response says. A resource has codes of its own: there, what is wrong with a client or a grant is
    /// `invalid_token`, see [`BearerErrorKind`](crate::engine::BearerErrorKind).
    ///
    /// ```
    /// use regrant::event::ClientRefusal;
    /// use regrant::event::Refusal;
    /// use regrant::wire::ErrorCode;
    /// assert_eq!(Refusal::Client(ClientRefusal::UnknownClient).code(), ErrorCode::InvalidClient);
    /// ```
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::Request(why) => why.code(),
            Self::Client(why) => why.code(),
            Self::Grant(why) => why.code(),
            Self::Authorization(why) => why.code(),
            Self::Registration(why) => why.code(),
            Self::Resource(why) => why.code(),
            Self::Sender(why) => why.code(),
            Self::Exchange(why) => why.code(),
            Self::Throttled(why) => why.code(),
            Self::Unavailable(why) => why.code(),
            Self::Fault(why) => why.code(),
        }
    }

    /// The status of the response: that of the code, but for 404, 405, 413 and 429.
    ///
    /// ```
    /// use regrant::event::{GrantRefusal, RequestRefusal};
    /// use regrant::event::Refusal;
    /// use regrant::wire::FormError;
    /// assert_eq!(Refusal::Request(RequestRefusal::Method).status(), 405);
    /// assert_eq!(Refusal::Request(RequestRefusal::Form(FormError::TooLarge)).status(), 413);
    /// assert_eq!(Refusal::Grant(GrantRefusal::Expired).status(), 400);
    /// ```
    pub const fn status(self) -> u16 {
        match self {
            Self::Request(RequestRefusal::Method | RequestRefusal::GetOrPost)
            | Self::Registration(RegistrationRefusal::Method) => 405,
            Self::Request(RequestRefusal::Form(FormError::TooLarge | FormError::TooManyParameters)) => 413,
            Self::Registration(RegistrationRefusal::Off)
            | Self::Authorization(AuthorizationRefusal::PushOff | AuthorizationRefusal::DeviceOff) => 404,
            Self::Throttled(_) => 429,
            _ => self.code().status(),
        }
    }

    /// The fixed text of the response. One text for all refusals of one kind, so that it tells them apart no more than
    /// the code does.
    pub(crate) const fn description(self) -> &'static str {
        match self {
            Self::Request(why) => of_request(why),
            Self::Client(ClientRefusal::TwoAuthentications) => "the client must authenticate in one way",
            Self::Client(ClientRefusal::ClientIdMismatch) => "the client_id must be that of the client's credentials",
            Self::Client(ClientRefusal::Scheme) => {
                "the Authorization header here is for client credentials by Basic; a public client sends none"
            }
            Self::Client(ClientRefusal::Document(fault)) => fault.description(),
            Self::Authorization(AuthorizationRefusal::State) => {
                "a space in state must be encoded, as + or %20, and a plus sign as %2B"
            }
            Self::Authorization(AuthorizationRefusal::UnregisteredRedirectUri) => {
                "the redirect_uri is not one that the client has registered"
            }
            Self::Authorization(AuthorizationRefusal::ResponseMode) => "the response mode is not supported",
            Self::Authorization(AuthorizationRefusal::PushOff) => "authorization requests are not pushed here",
            Self::Authorization(AuthorizationRefusal::DeviceOff) => "devices are not logged in here",
            Self::Authorization(AuthorizationRefusal::PushedRequestUri) => {
                "a request that is pushed has no request_uri"
            }
            Self::Authorization(AuthorizationRefusal::TwoRequests) => {
                "a request object and a request_uri exclude each other"
            }
            Self::Authorization(AuthorizationRefusal::NotSigned) => {
                "authorization requests of this client must be signed"
            }
            Self::Authorization(AuthorizationRefusal::NotPushed) => {
                "authorization requests of this client must be pushed"
            }
            Self::Authorization(AuthorizationRefusal::ChallengeSpent) => "a code_challenge is for one request",
            Self::Authorization(AuthorizationRefusal::Challenge) => {
                "a code_challenge by the method S256 is needed, and no other is supported"
            }
            Self::Authorization(AuthorizationRefusal::IdTokenHint) => {
                "the id_token_hint is not an ID token of this issuer for this client"
            }
            Self::Grant(GrantRefusal::DevicePending) => "nobody has answered yet",
            Self::Grant(GrantRefusal::DeviceTooFast) => "ask less often, by five seconds more from now on",
            Self::Grant(GrantRefusal::DeviceExpired) => "the device code has expired",
            Self::Exchange(ExchangeRefusal::TokenType | ExchangeRefusal::RequestedTokenType) => {
                "the token type is not supported, or missing"
            }
            // One text for all the rest: whose token it was, and what the policy says of it, is nobody's business.
            Self::Exchange(_) => "the subject_token or the actor_token is invalid, or may not be exchanged",
            Self::Registration(why) => why.description(),
            Self::Throttled(_) => "too many attempts; try again later",
            _ => of_code(self.code()),
        }
    }
}

const fn of_request(why: RequestRefusal) -> &'static str {
    match why {
        RequestRefusal::Method => "the method must be POST",
        RequestRefusal::GetOrPost => "the method must be GET or POST",
        RequestRefusal::BrokenBody => "the body broke off",
        RequestRefusal::ContentType => "the content type must be application/x-www-form-urlencoded",
        RequestRefusal::Form(FormError::TooLarge | FormError::TooManyParameters) => "the body is too large",
        RequestRefusal::Form(FormError::TooLong) => "a parameter is too long",
        RequestRefusal::Form(_) => "the form is not well-formed",
        RequestRefusal::RepeatedParameter => "a parameter is repeated",
        RequestRefusal::ControlCharacter => "a parameter has a control character",
        RequestRefusal::MissingParameter => "a required parameter is missing",
    }
}

const fn of_code(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::InvalidRequest => "the request is malformed",
        ErrorCode::InvalidClient => "client authentication failed",
        ErrorCode::InvalidGrant => "the grant is invalid, expired or revoked",
        ErrorCode::UnauthorizedClient => "the client may not use this grant type",
        ErrorCode::UnsupportedGrantType => "the grant type is not supported",
        ErrorCode::InvalidScope => "the scope is malformed or exceeds what may be granted",
        ErrorCode::InvalidToken => "the access token is invalid, expired or revoked",
        ErrorCode::InsufficientScope => "the access token has too little scope",
        ErrorCode::InsufficientUserAuthentication => "the person has to log in again",
        ErrorCode::InvalidDpopProof => "a proof of possession is missing or wrong",
        ErrorCode::UseDpopNonce => "the proof of possession needs the nonce of this response",
        ErrorCode::TemporarilyUnavailable => "try again later",
        ErrorCode::ServerError => "the server is at fault",
        ErrorCode::AccessDenied => "the request was denied",
        ErrorCode::UnsupportedResponseType => "the response type is not supported",
        ErrorCode::LoginRequired => "the person has to log in",
        ErrorCode::ConsentRequired => "the person has to consent",
        ErrorCode::AccountSelectionRequired => "the person has to choose an account",
        ErrorCode::InteractionRequired => "the person has to be asked",
        ErrorCode::UnmetAuthenticationRequirements => "the person cannot log in as the request needs it",
        ErrorCode::InvalidTarget => "the resource is malformed or unknown",
        ErrorCode::RequestNotSupported => "the parameter request is not supported",
        ErrorCode::RequestUriNotSupported => "the parameter request_uri is not supported",
        ErrorCode::InvalidRequestUri => "the request_uri has expired, or is none of this client",
        ErrorCode::InvalidRequestObject => "the request is no request object of this client that holds",
        ErrorCode::RegistrationNotSupported => "the parameter registration is not supported",
        ErrorCode::InvalidClientMetadata => "the client metadata cannot be registered",
        ErrorCode::InvalidRedirectUri => "a redirect URI cannot be registered",
        ErrorCode::InvalidSoftwareStatement => "the software statement is invalid",
        ErrorCode::UnapprovedSoftwareStatement => "the software statement is not approved here",
        ErrorCode::Extension(_) => "the request was refused",
    }
}
