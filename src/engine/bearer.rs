//! Checking an access token at a resource: RFC 6750.

use std::fmt;
use std::sync::Arc;

use super::Engine;
use super::access::Access;
use super::refusal::Refusal;
use super::token::Failure;
use crate::client::Clients;
use crate::grant::{Scope, Timestamp};
use crate::store::TokenStore;
use crate::wire::{Form, FormError, Header, Request, Response, is_form_urlencoded};

/// Which of the refusals of RFC 6750 section 3.1 it is.
///
/// ```
/// assert_eq!(regrant::BearerErrorKind::InsufficientScope.status(), 403);
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
    /// The store or the registry failed, so nobody can tell: 503.
    Unavailable,
}

impl BearerErrorKind {
    /// The status code.
    ///
    /// ```
    /// assert_eq!(regrant::BearerErrorKind::NoToken.status(), 401);
    /// ```
    pub const fn status(self) -> u16 {
        match self {
            Self::NoToken | Self::InvalidToken => 401,
            Self::InvalidRequest => 400,
            Self::InsufficientScope => 403,
            Self::Unavailable => 503,
        }
    }

    /// The error code; RFC 6750 section 3.1 wants none where no token came.
    ///
    /// ```
    /// assert_eq!(regrant::BearerErrorKind::NoToken.code(), None);
    /// assert_eq!(regrant::BearerErrorKind::InvalidToken.code(), Some("invalid_token"));
    /// ```
    pub const fn code(self) -> Option<&'static str> {
        match self {
            Self::NoToken => None,
            Self::InvalidRequest => Some("invalid_request"),
            Self::InvalidToken => Some("invalid_token"),
            Self::InsufficientScope => Some("insufficient_scope"),
            Self::Unavailable => Some("temporarily_unavailable"),
        }
    }
}

/// A request to a resource that is not let in, and the challenge to send (RFC 6750 section 3).
///
/// ```
/// use regrant::{BearerErrorKind, Engine, MemoryStore, Request, Scope, StaticClients, Timestamp};
///
/// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
/// let request = Request::new("GET", b"").header("authorization", b"Bearer abc");
/// let refused = engine.blocking().bearer(&request, &Scope::empty(), Timestamp::now())?.unwrap_err();
/// assert_eq!(refused.kind(), BearerErrorKind::InvalidToken);
/// assert_eq!(refused.challenge(), r#"Bearer realm="token", error="invalid_token""#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct BearerError {
    kind: BearerErrorKind,
    challenge: Arc<str>,
}

impl BearerError {
    /// Which refusal it is.
    ///
    /// ```
    /// use regrant::{BearerError, BearerErrorKind};
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
        Response::challenge(self.kind.status(), self.kind.code(), self.challenge.clone())
    }
}

impl fmt::Display for BearerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.code().unwrap_or("no access token"))
    }
}

impl std::error::Error for BearerError {}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Checks the access token of a request to a resource, and that it has all of the scope `required`.
    ///
    /// The token may come in the `Authorization` header (RFC 6750 section 2.1) or, in a form body that is not a GET's,
    /// as `access_token` (section 2.2): leave the body of the [`Request`] empty to allow the header only. A token in the
    /// query string does not count.
    ///
    /// The grant is loaded each time, so a revoked one lets nobody in; an engine that signs JWTs can be told to leave that
    /// out (`JwtAccessTokens::danger_signature_alone`).
    ///
    /// # Errors
    ///
    /// A [`BearerError`], which is the response. 503, not 401, where the store fails: a token that is good must not be
    /// thrown away for that.
    ///
    /// ```
    /// # async fn resource<S: regrant::TokenStore, C: regrant::Clients>(engine: &regrant::Engine<S, C>)
    /// # -> Result<(), Box<dyn std::error::Error>> {
    /// use regrant::{Request, Scope, Timestamp};
    /// let request = Request::new("GET", b"").header("authorization", b"Bearer ...");
    /// let access = engine.bearer(&request, &Scope::parse("scope_1")?, Timestamp::now()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn bearer(&self, request: &Request<'_>, required: &Scope, now: Timestamp) -> Result<Access, BearerError> {
        let form = self.resource_form(request);
        let checked = match presented(request, &form) {
            Ok(text) => self.check_access(text, required, now).await,
            Err(why) => Err(why.into()),
        };
        checked.map_err(|failure| {
            self.tell(&failure);
            let kind = match failure.why {
                Refusal::NoToken => BearerErrorKind::NoToken,
                Refusal::MalformedToken => BearerErrorKind::InvalidRequest,
                Refusal::InsufficientScope => BearerErrorKind::InsufficientScope,
                Refusal::Store(_) | Refusal::Clients => BearerErrorKind::Unavailable,
                _ => BearerErrorKind::InvalidToken,
            };
            BearerError { kind, challenge: self.challenge(kind, required) }
        })
    }

    /// The form of a request to a resource, if it has one. It is the resource's own, so it need not be one that the
    /// token endpoint would read.
    fn resource_form<'a>(&self, request: &Request<'a>) -> Result<Option<Form<'a>>, FormError> {
        match request.content_type() {
            Header::One(content_type)
                if is_form_urlencoded(content_type) && !request.body().is_empty() && request.method() != "GET" =>
            {
                Form::parse(request.body(), &self.limits).map(Some)
            }
            _ => Ok(None),
        }
    }

    async fn check_access(&self, text: &str, required: &Scope, now: Timestamp) -> Result<Access, Failure> {
        let access = self.live_access(text, now, true).await?;
        if required.is_subset_of(access.scope()) {
            Ok(access)
        } else {
            Err(Failure { grant: Some(access.grant_id()), ..Refusal::InsufficientScope.into() })
        }
    }

    fn challenge(&self, kind: BearerErrorKind, required: &Scope) -> Arc<str> {
        match (kind, kind.code()) {
            (BearerErrorKind::InsufficientScope, Some(code)) => {
                format!("{}, error=\"{code}\", scope=\"{required}\"", self.bearer_challenge).into()
            }
            (BearerErrorKind::Unavailable, _) | (_, None) => self.bearer_challenge.clone(),
            (_, Some(code)) => format!("{}, error=\"{code}\"", self.bearer_challenge).into(),
        }
    }
}

/// Finds the one token of a request.
fn presented<'a>(request: &Request<'a>, form: &'a Result<Option<Form<'_>>, FormError>) -> Result<&'a str, Refusal> {
    let in_header = match request.authorization() {
        Header::Absent => None,
        Header::Repeated => return Err(Refusal::MalformedToken),
        Header::One(header) => bearer_token(header)?,
    };
    let in_body = match form {
        Ok(Some(form)) => form.single("access_token").map_err(|_| Refusal::MalformedToken)?,
        Ok(None) => None,
        // With a token in the header, the form is the resource's own business.
        Err(_) if in_header.is_some() => None,
        Err(_) => return Err(Refusal::MalformedToken),
    };
    match (in_header, in_body) {
        (Some(token), None) => Ok(token),
        (None, Some(token)) if is_b64token(token.as_bytes()) => Ok(token),
        (None, None) => Err(Refusal::NoToken),
        (Some(_) | None, Some(_)) => Err(Refusal::MalformedToken),
    }
}

/// `credentials = "Bearer" 1*SP b64token`, RFC 6750 section 2.1. `Ok(None)` for another scheme.
fn bearer_token(header: &[u8]) -> Result<Option<&str>, Refusal> {
    let (scheme, mut token) = match header.iter().position(|&byte| byte == b' ') {
        Some(space) => header.split_at(space),
        None => (header, &[][..]),
    };
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Ok(None);
    }
    while let [b' ', rest @ ..] = token {
        token = rest;
    }
    match std::str::from_utf8(token) {
        Ok(text) if is_b64token(token) => Ok(Some(text)),
        _ => Err(Refusal::MalformedToken),
    }
}

/// `b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`
fn is_b64token(text: &[u8]) -> bool {
    let padding = text.iter().rev().take_while(|&&byte| byte == b'=').count();
    let body = &text[..text.len() - padding];
    !body.is_empty()
        && body
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/'))
}
