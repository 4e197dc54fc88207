//! Refusals of an exchange of tokens.

use super::{ClientRefusal, GrantRefusal, ResourceRefusal};
use crate::wire::ErrorCode;

/// Why a token is not exchanged for another (RFC 8693). Scopes and audiences are a [`GrantRefusal`].
///
/// ```
/// use regrant::event::{ExchangeRefusal, GrantRefusal, TokenFault};
/// let why = ExchangeRefusal::SubjectToken(TokenFault::Grant(GrantRefusal::Expired));
/// assert_eq!(why.to_string(), "the subject token: the grant has expired");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeRefusal {
    /// A `subject_token_type` or `actor_token_type` that is not exchanged here, or an actor token without its type, or a type without one.
    #[error("a type of token that is not exchanged, or one that is missing")]
    TokenType,
    /// A `requested_token_type` that is not issued: refresh tokens and ID tokens are not.
    #[error("a type of token that no exchange gives")]
    RequestedTokenType,
    /// The subject token.
    #[error("the subject token: {0}")]
    SubjectToken(TokenFault),
    /// The actor token.
    #[error("the actor token: {0}")]
    ActorToken(TokenFault),
    /// The subject token says who may act for its subject (section 4.4), and it is somebody else.
    #[error("an actor that the subject token does not allow")]
    MayAct,
    /// The token was exchanged as often as a token may be.
    #[error("a token that was exchanged too often")]
    Depth,
    /// The host's policy refused.
    #[error("the host refused the exchange")]
    Policy,
    /// The host's hook refused.
    #[error("the host's hook refused the exchange")]
    Hook,
}

impl ExchangeRefusal {
    /// What the response says: `invalid_request`, for each of them (section 2.2.2).
    pub const fn code(self) -> ErrorCode {
        ErrorCode::InvalidRequest
    }
}

/// What is wrong with a token that is to be exchanged.
///
/// ```
/// use regrant::event::TokenFault;
/// assert_eq!(TokenFault::Untraceable.to_string(), "an ID token that does not name its grant");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenFault {
    /// It, or the grant that it is of.
    #[error(transparent)]
    Grant(GrantRefusal),
    /// An access token that a resource would refuse, too.
    #[error(transparent)]
    Access(ResourceRefusal),
    /// The client that it was issued to.
    #[error(transparent)]
    Client(ClientRefusal),
    /// Not an ID token of this engine for the client that presents it, or one that the client's own secret signed, so that the client can
    /// have made it.
    #[error("not an ID token of this engine for this client")]
    IdToken,
    /// An ID token that does not name its grant, as those do not that were issued before tokens were exchanged.
    #[error("an ID token that does not name its grant")]
    Untraceable,
    /// What the request proves is not what it is bound to.
    #[error("another key or certificate than it is bound to")]
    Sender,
    /// An actor that is acted for itself: who that is would be lost.
    #[error("an actor token that somebody else acts by")]
    ActedFor,
}
