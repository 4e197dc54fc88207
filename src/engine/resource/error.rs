//! What a request to a resource is answered with that is not let in: RFC 6750 section 3.

use std::fmt;
use std::sync::Arc;

use crate::engine::refusal::{Refusal, ResourceRefusal};
use crate::wire::{ErrorCode, Response};

/// Which of the refusals of RFC 6750 section 3.1 it is.
///
/// ```
/// assert_eq!(regrant::engine::BearerErrorKind::InsufficientScope.status(), 403);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum BearerErrorKind {
    /// No token came: 401, without an error code.
    NoToken,
    /// The token came in more than one way, or not in the form of one: 400 `invalid_request`.
    InvalidRequest,
    /// The token is malformed, expired, revoked or forged: 401 `invalid_token`.
    InvalidToken,
    /// The token is live and has too little scope: 403 `insufficient_scope`.
    InsufficientScope,
    /// The login behind the token is older than the resource wants, or of another kind: 401 `insufficient_user_authentication` (RFC 9470).
    InsufficientUserAuthentication,
    /// The proof of possession is missing, or wrong: 401 `invalid_dpop_proof` (RFC 9449).
    InvalidDpopProof,
    /// The proof of possession needs a new nonce, which the answer has: 401 `use_dpop_nonce` (RFC 9449 section 9).
    UseDpopNonce,
    /// The store or the registry failed, so nobody can tell: 503.
    Unavailable,
}

impl BearerErrorKind {
    pub(super) const fn of(why: Refusal) -> Self {
        match why {
            Refusal::Resource(ResourceRefusal::NoToken) => Self::NoToken,
            Refusal::Resource(ResourceRefusal::MalformedToken) => Self::InvalidRequest,
            Refusal::Resource(ResourceRefusal::InsufficientScope) => Self::InsufficientScope,
            Refusal::Resource(ResourceRefusal::LoginTooOld | ResourceRefusal::AnotherLogin) => {
                Self::InsufficientUserAuthentication
            }
            Refusal::Sender(why) if why.is_of_the_proof() => match why.code() {
                ErrorCode::UseDpopNonce => Self::UseDpopNonce,
                _ => Self::InvalidDpopProof,
            },
            Refusal::Unavailable(_) | Refusal::Fault(_) | Refusal::Throttled(_) => Self::Unavailable,
            // Whatever is wrong with the token, its grant or its client: whoever presents it learns no more.
            _ => Self::InvalidToken,
        }
    }

    /// The status code.
    ///
    /// ```
    /// assert_eq!(regrant::engine::BearerErrorKind::NoToken.status(), 401);
    /// ```
    pub const fn status(self) -> u16 {
        match self {
            Self::NoToken
            | Self::InvalidToken
            | Self::InsufficientUserAuthentication
            | Self::InvalidDpopProof
            | Self::UseDpopNonce => 401,
            Self::InvalidRequest => 400,
            Self::InsufficientScope => 403,
            Self::Unavailable => 503,
        }
    }

    /// The error code; RFC 6750 section 3.1 wants none where no token came.
    ///
    /// ```
    /// assert_eq!(regrant::engine::BearerErrorKind::NoToken.code(), None);
    /// assert_eq!(regrant::engine::BearerErrorKind::InvalidToken.code(), Some("invalid_token"));
    /// ```
    pub const fn code(self) -> Option<&'static str> {
        match self {
            Self::NoToken => None,
            Self::InvalidRequest => Some("invalid_request"),
            Self::InvalidToken => Some("invalid_token"),
            Self::InsufficientScope => Some("insufficient_scope"),
            Self::InsufficientUserAuthentication => Some("insufficient_user_authentication"),
            Self::InvalidDpopProof => Some("invalid_dpop_proof"),
            Self::UseDpopNonce => Some("use_dpop_nonce"),
            Self::Unavailable => Some("temporarily_unavailable"),
        }
    }
}

/// A request to a resource that is not let in, and the challenge to send (RFC 6750 section 3).
///
/// ```
/// use regrant::engine::BearerErrorKind;
/// use regrant::{Engine, MemoryStore, Request, Scope, StaticClients, Timestamp};
///
/// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
/// let request = Request::new("GET", b"").with_header("authorization", b"Bearer abc");
/// let refused = engine.blocking().bearer(&request, &Scope::empty(), Timestamp::now)?.unwrap_err();
/// assert_eq!(refused.kind(), BearerErrorKind::InvalidToken);
/// assert_eq!(refused.challenge(), r#"Bearer realm="token", error="invalid_token""#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct BearerError {
    pub(super) kind: BearerErrorKind,
    pub(super) challenge: Arc<str>,
    pub(super) dpop_nonce: Option<Box<str>>,
}

impl BearerError {
    /// Which refusal it is.
    ///
    /// ```
    /// use regrant::engine::BearerErrorKind;
    /// use regrant::BearerError;
    /// fn needs_login(refused: &BearerError) -> bool {
    ///     matches!(refused.kind(), BearerErrorKind::NoToken | BearerErrorKind::InvalidToken)
    /// }
    /// ```
    pub const fn kind(&self) -> BearerErrorKind {
        self.kind
    }

    /// The status code.
    ///
    /// ```
    /// fn is_ours(refused: &regrant::BearerError) -> bool {
    ///     refused.status() == 503
    /// }
    /// ```
    pub const fn status(&self) -> u16 {
        self.kind.status()
    }

    /// The value of `WWW-Authenticate`.
    ///
    /// ```
    /// fn header(refused: &regrant::BearerError) -> (&'static str, &str) {
    ///     ("www-authenticate", refused.challenge())
    /// }
    /// ```
    pub fn challenge(&self) -> &str {
        &self.challenge
    }

    /// A whole response: status, challenge and `{"error": …}`, `{}` where there is no code.
    ///
    /// ```
    /// fn answer(refused: &regrant::BearerError) -> regrant::Response {
    ///     refused.response()
    /// }
    /// ```
    pub fn response(&self) -> Response {
        let response = Response::challenge(self.kind.status(), self.kind.code(), self.challenge.clone());
        #[cfg(feature = "proof")]
        if let Some(nonce) = self.dpop_nonce() {
            return response.with_dpop_nonce(nonce.to_owned());
        }
        response
    }

    /// The nonce of the client's next proof of possession: `DPoP-Nonce` (RFC 9449 section 9). `None` where the request came without a
    /// proof.
    ///
    /// ```
    /// fn header(refused: &regrant::BearerError) -> Option<(&'static str, &str)> {
    ///     refused.dpop_nonce().map(|nonce| ("dpop-nonce", nonce))
    /// }
    /// ```
    pub fn dpop_nonce(&self) -> Option<&str> {
        self.dpop_nonce.as_deref()
    }
}

impl fmt::Display for BearerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.code().unwrap_or("no access token"))
    }
}

impl std::error::Error for BearerError {}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6750 section 3.1.
    #[test]
    fn what_is_wrong_with_an_access_token_has_the_code_and_status_that_it_is_answered_with() {
        for why in [
            ResourceRefusal::MalformedToken,
            ResourceRefusal::InsufficientScope,
            ResourceRefusal::AccessRevoked,
            ResourceRefusal::AnotherResource,
            ResourceRefusal::LoginTooOld,
            ResourceRefusal::AnotherLogin,
            ResourceRefusal::Jwt,
        ] {
            let kind = BearerErrorKind::of(why.into());
            assert_eq!(kind.code(), Some(why.code().as_str()), "{why}");
            assert_eq!(kind.status(), Refusal::from(why).status(), "{why}");
        }
        let none = ResourceRefusal::NoToken;
        assert_eq!((BearerErrorKind::of(none.into()).code(), Refusal::from(none).status()), (None, 401));
    }
}
