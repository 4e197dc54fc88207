//! A response.

use std::fmt;
use std::sync::Arc;

use super::error_code::ErrorCode;
use super::form_post::POLICY;
use super::style::ResponseStyle;

/// How long caches may keep a document: a key that others verify by is in the set for as long before it signs.
#[cfg(feature = "jwt")]
pub(crate) const PUBLIC_MAX_AGE: std::time::Duration = std::time::Duration::from_secs(300);
const PUBLIC_CACHE_CONTROL: &str = "public, max-age=300";

/// What the engine answers: a status, headers and a JSON body, or a redirect without one, or a page that sends itself on.
///
/// `Debug` shows the status alone, since the body holds tokens.
///
/// ```
/// use regrant::{Engine, MemoryStore, Request, StaticClients, Timestamp};
///
/// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
/// let response = engine.blocking().token(&Request::new("GET", b""), Timestamp::now)?;
/// assert_eq!(response.status(), 405);
/// assert!(response.headers().any(|header| header == ("allow", "POST")));
/// assert!(response.body().starts_with(br#"{"error":"invalid_request""#));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Response {
    status: u16,
    special: Special,
    /// `DPoP-Nonce`
    dpop_nonce: Option<Box<str>>,
    body: Vec<u8>,
}

/// What sets a response apart from the others.
#[derive(Clone)]
enum Special {
    Nothing,
    /// Another header.
    Header(&'static str, &'static str),
    /// `WWW-Authenticate`
    Challenge(Arc<str>),
    /// `Retry-After`, in seconds.
    RetryAfter(String),
    /// `Location`, and no body.
    Redirect(String),
    /// Says nothing of anybody, so that caches may keep it for a while.
    Public,
    /// No body, and so no type of one.
    Empty,
    /// HTML, with the policy of what may run in it.
    Page,
}

impl Response {
    /// The status code.
    ///
    /// ```
    /// # let engine = regrant::Engine::builder(regrant::MemoryStore::new(), regrant::StaticClients::new()).build()?;
    /// # let request = regrant::Request::new("GET", b"");
    /// let response = engine.blocking().token(&request, regrant::Timestamp::now)?;
    /// assert_eq!(response.status(), 405);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The headers, names in lower case. `content-type`, `cache-control` and `pragma` are among them (RFC 6749 section
    /// 5.1), but for a redirect, which has `location` in place of a body and its type, for 204, which has no body, and for metadata,
    /// which caches may keep. A page that sends itself on has `content-security-policy` besides.
    ///
    /// ```
    /// # let engine = regrant::Engine::builder(regrant::MemoryStore::new(), regrant::StaticClients::new()).build()?;
    /// # let request = regrant::Request::new("GET", b"");
    /// # let response = engine.blocking().token(&request, regrant::Timestamp::now)?;
    /// assert!(response.headers().any(|header| header == ("cache-control", "no-store")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        const TYPE: (&str, &str) = ("content-type", "application/json");
        const NO_STORE: (&str, &str) = ("cache-control", "no-store");
        const NO_CACHE: (&str, &str) = ("pragma", "no-cache");
        let usual = [Some(TYPE), Some(NO_STORE), Some(NO_CACHE), None];
        match &self.special {
            Special::Nothing => usual,
            Special::Header(name, value) => [Some(TYPE), Some(NO_STORE), Some(NO_CACHE), Some((name, value))],
            Special::Challenge(challenge) => {
                [Some(TYPE), Some(NO_STORE), Some(NO_CACHE), Some(("www-authenticate", &**challenge))]
            }
            Special::RetryAfter(secs) => [Some(TYPE), Some(NO_STORE), Some(NO_CACHE), Some(("retry-after", secs))],
            Special::Redirect(location) => {
                [Some(("location", location.as_str())), Some(NO_STORE), Some(NO_CACHE), None]
            }
            Special::Page => [
                Some(("content-type", "text/html; charset=utf-8")),
                Some(NO_STORE),
                Some(NO_CACHE),
                Some(("content-security-policy", POLICY)),
            ],
            Special::Empty => [Some(NO_STORE), Some(NO_CACHE), None, None],
            Special::Public => [Some(TYPE), Some(("cache-control", PUBLIC_CACHE_CONTROL)), None, None],
        }
        .into_iter()
        .flatten()
        .chain(self.dpop_nonce.as_deref().map(|nonce| ("dpop-nonce", nonce)))
    }

    /// The body, which is JSON; that of a redirect and of 204 is empty, and that of an answer by `response_mode=form_post` is HTML.
    ///
    /// ```
    /// # let engine = regrant::Engine::builder(regrant::MemoryStore::new(), regrant::StaticClients::new()).build()?;
    /// # let request = regrant::Request::new("GET", b"");
    /// # let response = engine.blocking().token(&request, regrant::Timestamp::now)?;
    /// assert_eq!(response.body().first(), Some(&b'{'));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body, to send without a copy.
    ///
    /// ```
    /// # let engine = regrant::Engine::builder(regrant::MemoryStore::new(), regrant::StaticClients::new()).build()?;
    /// # let request = regrant::Request::new("GET", b"");
    /// # let response = engine.blocking().token(&request, regrant::Timestamp::now)?;
    /// let bytes: Vec<u8> = response.into_body();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn into_body(self) -> Vec<u8> {
        self.body
    }

    /// A success with this JSON.
    #[inline]
    pub(crate) const fn ok(body: Vec<u8>) -> Self {
        Self { status: 200, special: Special::Nothing, dpop_nonce: None, body }
    }

    /// Something new was made (RFC 7591 section 3.2.1): 201 with this JSON.
    pub(crate) const fn created(body: Vec<u8>) -> Self {
        Self { status: 201, special: Special::Nothing, dpop_nonce: None, body }
    }

    /// Something is gone (RFC 7592 section 2.3): 204.
    pub(crate) const fn no_content() -> Self {
        Self { status: 204, special: Special::Empty, dpop_nonce: None, body: Vec::new() }
    }

    /// JSON that is the same for everybody.
    pub(crate) const fn public(body: Vec<u8>) -> Self {
        Self { status: 200, special: Special::Public, dpop_nonce: None, body }
    }

    /// Sends the user agent there, by GET whatever it came by (RFC 9700 section 4.12).
    pub(crate) const fn see_other(location: String) -> Self {
        Self { status: 303, special: Special::Redirect(location), dpop_nonce: None, body: Vec::new() }
    }

    /// A page that sends its form to a client by itself.
    pub(crate) fn page(html: String) -> Self {
        Self { status: 200, special: Special::Page, dpop_nonce: None, body: html.into_bytes() }
    }

    /// An error. `description` is fixed text of ours in the characters of RFC 6749 section 5.2, so nothing of it needs
    /// escaping.
    pub(crate) fn error(style: ResponseStyle, status: u16, code: ErrorCode, description: &str) -> Self {
        let mut body = Vec::with_capacity(128);
        body.extend_from_slice(b"{\"error\":\"");
        body.extend_from_slice(code.as_str().as_bytes());
        if style == ResponseStyle::Rfc6749 {
            body.extend_from_slice(b"\",\"error_description\":\"");
            body.extend_from_slice(description.as_bytes());
        }
        body.extend_from_slice(b"\"}");
        Self { status, special: Special::Nothing, dpop_nonce: None, body }
    }

    /// A refusal of a resource (RFC 6750 section 3).
    pub(crate) fn challenge(status: u16, code: Option<&str>, challenge: Arc<str>) -> Self {
        let body = code.map_or_else(|| String::from("{}"), |code| format!("{{\"error\":\"{code}\"}}"));
        Self { status, special: Special::Challenge(challenge), dpop_nonce: None, body: body.into() }
    }

    /// Adds `WWW-Authenticate`.
    pub(crate) fn with_challenge(self, challenge: Arc<str>) -> Self {
        Self { special: Special::Challenge(challenge), ..self }
    }

    /// Adds `Retry-After` (RFC 9110 section 10.2.3).
    pub(crate) fn with_retry_after(self, secs: u32) -> Self {
        Self { special: Special::RetryAfter(secs.to_string()), ..self }
    }

    /// Adds `DPoP-Nonce` (RFC 9449 section 8.2).
    #[cfg(feature = "proof")]
    pub(crate) fn with_dpop_nonce(self, nonce: String) -> Self {
        Self { dpop_nonce: Some(nonce.into()), ..self }
    }

    /// Adds one more header.
    pub(crate) fn with_header(self, name: &'static str, value: &'static str) -> Self {
        Self { special: Special::Header(name, value), ..self }
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("status", &self.status).finish_non_exhaustive()
    }
}
