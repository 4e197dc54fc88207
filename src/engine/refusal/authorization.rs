//! Refusals of an authorization request.

#[cfg(feature = "proof")]
use crate::proof::RequestObjectFault;
use crate::wire::ErrorCode;

/// Why an authorization request gets no code (RFC 6749 section 4.1.2.1, OpenID Connect Core section 3.1.2.6).
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorizationRefusal {
    /// A redirect URI that is not registered for the client, in an authorization request.
    #[error("a redirect URI that is not registered")]
    UnregisteredRedirectUri,
    /// A response type other than `code`.
    #[error("an unsupported response type")]
    ResponseType,
    /// A response mode that the engine, or the client, does not have.
    #[error("an unsupported response mode")]
    ResponseMode,
    /// No code challenge where one is needed, a malformed one, or one by another method than `S256`.
    #[error("no code challenge by S256")]
    Challenge,
    /// A challenge of another session (atproto, "Proof Key for Code Exchange").
    #[error("a code challenge that was used before")]
    ChallengeSpent,
    /// A `dpop_jkt` that is no thumbprint (RFC 9449 section 10).
    #[error("a dpop_jkt that is no thumbprint")]
    DpopJkt,
    /// A `state` with a space that is not encoded (RFC 6749 appendix B).
    #[error("a state with a space that is not encoded")]
    State,
    /// `prompt`, `max_age`, `nonce` or `claims` of OpenID Connect is malformed.
    #[error("a malformed parameter of OpenID Connect")]
    OpenIdParameter,
    /// The parameter `request`.
    #[error("request objects are not supported")]
    RequestObject,
    /// The parameter `request_uri`.
    #[error("request URIs are not supported")]
    RequestUri,
    /// Pushed requests are off (`EngineBuilder::pushed_authorization_requests`).
    #[error("pushed authorization requests are off")]
    PushOff,
    /// Devices are not logged in here (`EngineBuilder::device_authorization`).
    #[error("device authorization is off")]
    DeviceOff,
    /// A `request_uri` in a request that is pushed (RFC 9126 section 2.1).
    #[error("a request_uri in a pushed request")]
    PushedRequestUri,
    /// The `request_uri` of a pushed request that has expired, or is another client's, or none of this engine's.
    #[error("the request_uri of no pushed request of this client, or of one that has expired")]
    PushedRequest,
    /// The client, or the engine, wants requests to be pushed, and this one was not (RFC 9126 sections 5 and 6).
    #[error("a request that was not pushed")]
    NotPushed,
    /// A request object beside a `request_uri` (RFC 9101 section 5).
    #[error("a request object beside a request_uri")]
    TwoRequests,
    /// The client, or the engine, wants requests to be signed, and this one was not (RFC 9101 section 10.5).
    #[error("a request that was not signed")]
    NotSigned,
    /// A request object that does not hold, or that the client did not sign (RFC 9101 section 6).
    #[cfg(feature = "proof")]
    #[error("{0}")]
    SignedRequest(RequestObjectFault),
    /// The parameter `registration`.
    #[error("registration in a request is not supported")]
    Registration,
    /// The login is older than `max_age` allows.
    #[error("the login is older than the request allows")]
    LoginTooOld,
    /// An `id_token_hint` that is not an ID token of this engine for the client, by a key that it still has.
    #[error("not a hint by an ID token of this engine for the client")]
    IdTokenHint,
    /// The host approved another person than the one whom the client's `id_token_hint` means.
    #[error("another person than the id_token_hint means")]
    AnotherSubject,
    /// The login is of none of the kinds that the client's `claims` calls essential (OpenID Connect Core section 5.5.1.1).
    #[error("a login of another kind than the request needs")]
    AnotherLogin,
    /// The client wants its ID tokens signed by an algorithm that the engine has no key of.
    #[error("no key of the algorithm that the client's ID tokens are signed by")]
    IdTokenAlgorithm,
    /// The page of an authorization request came back a second time, for another answer or too late, or has expired.
    #[error("a request that was answered before, or whose page has expired")]
    Answered,
    /// `prompt=none`, where the person is asked each time.
    #[error("the person is asked each time, and the request forbids to ask")]
    PageNotShown,
    /// The host denied the authorization request.
    #[error("the host denied the request: {}", .0.as_str())]
    Denied(ErrorCode),
}

impl AuthorizationRefusal {
    /// What the redirect says, or the page where there is nowhere to send the answer.
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::UnregisteredRedirectUri
            | Self::PushOff
            | Self::DeviceOff
            | Self::PushedRequestUri
            | Self::NotPushed
            | Self::TwoRequests
            | Self::NotSigned
            | Self::ResponseMode
            | Self::Challenge
            | Self::ChallengeSpent
            | Self::DpopJkt
            | Self::State
            | Self::OpenIdParameter
            | Self::IdTokenHint
            | Self::Answered => ErrorCode::InvalidRequest,
            Self::AnotherLogin => ErrorCode::UnmetAuthenticationRequirements,
            Self::IdTokenAlgorithm => ErrorCode::ServerError,
            Self::ResponseType => ErrorCode::UnsupportedResponseType,
            Self::RequestObject => ErrorCode::RequestNotSupported,
            #[cfg(feature = "proof")]
            Self::SignedRequest(_) => ErrorCode::InvalidRequestObject,
            Self::PushedRequest => ErrorCode::InvalidRequestUri,
            Self::RequestUri => ErrorCode::RequestUriNotSupported,
            Self::Registration => ErrorCode::RegistrationNotSupported,
            Self::LoginTooOld | Self::AnotherSubject => ErrorCode::LoginRequired,
            Self::PageNotShown => ErrorCode::ConsentRequired,
            Self::Denied(code) => code,
        }
    }
}
