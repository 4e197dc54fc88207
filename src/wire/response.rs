//! A response, and the two forms in which a token response is written.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::error_code::ErrorCode;

/// How token responses and errors are written.
///
/// ```
/// assert_eq!(regrant::ResponseStyle::default(), regrant::ResponseStyle::Rfc6749);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ResponseStyle {
    /// RFC 6749 sections 5.1 and 5.2: `access_token`, `refresh_token`, `scope`, `token_type` (`Bearer`), `expires_in`,
    /// then the host's fields. Errors with a description.
    #[default]
    Rfc6749,
    /// As an ASP.NET OWIN/Katana authorization server writes them, for a service that takes one's place: `token_type` is
    /// `bearer`, `expires_in` one less than the lifetime, `scopes` joined by `, ` in place of `scope`, and `.issued` and
    /// `.expires` as HTTP dates. Errors have the single member `error`.
    Katana,
}

/// What the engine answers: a status, headers and a JSON body, or a redirect without one.
///
/// `Debug` shows the status alone, since the body holds tokens.
///
/// ```
/// use regrant::{Engine, MemoryStore, Request, StaticClients, Timestamp};
///
/// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
/// let response = engine.blocking().token(&Request::new("GET", b""), Timestamp::now())?;
/// assert_eq!(response.status(), 405);
/// assert!(response.headers().any(|header| header == ("allow", "POST")));
/// assert!(response.body().starts_with(br#"{"error":"invalid_request""#));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Response {
    status: u16,
    special: Special,
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
    /// `Location`, and no body.
    Redirect(String),
    /// Says nothing of anybody, so that caches may keep it for a while.
    Public,
}

impl Response {
    /// The status code.
    ///
    /// ```
    /// # let engine = regrant::Engine::builder(regrant::MemoryStore::new(), regrant::StaticClients::new()).build()?;
    /// # let request = regrant::Request::new("GET", b"");
    /// let response = engine.blocking().token(&request, regrant::Timestamp::now())?;
    /// assert_eq!(response.status(), 405);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The headers, names in lower case. `content-type`, `cache-control` and `pragma` are among them (RFC 6749 section
    /// 5.1), but for a redirect, which has `location` in place of a body and its type, and for metadata, which caches may
    /// keep.
    ///
    /// ```
    /// # let engine = regrant::Engine::builder(regrant::MemoryStore::new(), regrant::StaticClients::new()).build()?;
    /// # let request = regrant::Request::new("GET", b"");
    /// # let response = engine.blocking().token(&request, regrant::Timestamp::now())?;
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
            Special::Redirect(location) => {
                [Some(("location", location.as_str())), Some(NO_STORE), Some(NO_CACHE), None]
            }
            Special::Public => [Some(TYPE), Some(("cache-control", "public, max-age=300")), None, None],
        }
        .into_iter()
        .flatten()
    }

    /// The body, which is JSON; that of a redirect is empty.
    ///
    /// ```
    /// # let engine = regrant::Engine::builder(regrant::MemoryStore::new(), regrant::StaticClients::new()).build()?;
    /// # let request = regrant::Request::new("GET", b"");
    /// # let response = engine.blocking().token(&request, regrant::Timestamp::now())?;
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
    /// # let response = engine.blocking().token(&request, regrant::Timestamp::now())?;
    /// let bytes: Vec<u8> = response.into_body();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn into_body(self) -> Vec<u8> {
        self.body
    }

    /// A success with this JSON.
    pub(crate) const fn ok(body: Vec<u8>) -> Self {
        Self { status: 200, special: Special::Nothing, body }
    }

    /// JSON that is the same for everybody.
    pub(crate) const fn public(body: Vec<u8>) -> Self {
        Self { status: 200, special: Special::Public, body }
    }

    /// Sends the user agent there, by GET whatever it came by (RFC 9700 section 4.12).
    pub(crate) const fn see_other(location: String) -> Self {
        Self { status: 303, special: Special::Redirect(location), body: Vec::new() }
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
        Self { status, special: Special::Nothing, body }
    }

    /// A refusal of a resource (RFC 6750 section 3).
    pub(crate) fn challenge(status: u16, code: Option<&str>, challenge: Arc<str>) -> Self {
        let body = code.map_or_else(|| String::from("{}"), |code| format!("{{\"error\":\"{code}\"}}"));
        Self { status, special: Special::Challenge(challenge), body: body.into() }
    }

    /// Adds `WWW-Authenticate`.
    pub(crate) fn with_challenge(self, challenge: Arc<str>) -> Self {
        Self { special: Special::Challenge(challenge), ..self }
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

/// What a token response says.
pub(crate) struct TokenAnswer<'a> {
    /// base64url text.
    pub(crate) access_token: &'a [u8],
    /// base64url text; `None` where the client may not refresh.
    pub(crate) refresh_token: Option<&'a [u8]>,
    /// Tokens with one space between; scope tokens need no escaping in JSON.
    pub(crate) scope: &'a str,
    pub(crate) id_token: Option<&'a str>,
    /// The host's members as JSON, without braces.
    pub(crate) fields: &'a str,
    pub(crate) lifetime_secs: u32,
    pub(crate) issued_at_secs: u64,
}

impl TokenAnswer<'_> {
    /// Writes the body: one allocation, sized before.
    pub(crate) fn write(&self, style: ResponseStyle) -> Vec<u8> {
        match style {
            ResponseStyle::Rfc6749 => self.write_rfc6749(),
            ResponseStyle::Katana => self.write_katana(),
        }
    }

    fn write_rfc6749(&self) -> Vec<u8> {
        let mut out = self.begin(96 + self.scope.len());
        if let Some(refresh_token) = self.refresh_token {
            out.extend_from_slice(b"\",\"refresh_token\":\"");
            out.extend_from_slice(refresh_token);
        }
        if !self.scope.is_empty() {
            out.extend_from_slice(b"\",\"scope\":\"");
            out.extend_from_slice(self.scope.as_bytes());
        }
        if let Some(id_token) = self.id_token {
            out.extend_from_slice(b"\",\"id_token\":\"");
            out.extend_from_slice(id_token.as_bytes());
        }
        out.extend_from_slice(b"\",\"token_type\":\"Bearer\",\"expires_in\":");
        out.extend_from_slice(itoa::Buffer::new().format(self.lifetime_secs).as_bytes());
        self.push_fields(&mut out);
        out.push(b'}');
        out
    }

    fn write_katana(&self) -> Vec<u8> {
        let scopes = self.scope.bytes().filter(|&byte| byte == b' ').count() + self.scope.len();
        let mut out = self.begin(200 + scopes);
        out.extend_from_slice(b"\",\"token_type\":\"bearer\",\"expires_in\":");
        // Katana cuts the seconds after it has set the expiry a moment earlier, so its clients see one less.
        out.extend_from_slice(itoa::Buffer::new().format(self.lifetime_secs.saturating_sub(1)).as_bytes());
        if let Some(refresh_token) = self.refresh_token {
            out.extend_from_slice(b",\"refresh_token\":\"");
            out.extend_from_slice(refresh_token);
            out.push(b'"');
        }
        if let Some(id_token) = self.id_token {
            out.extend_from_slice(b",\"id_token\":\"");
            out.extend_from_slice(id_token.as_bytes());
            out.push(b'"');
        }
        self.push_fields(&mut out);
        out.extend_from_slice(b",\"scopes\":\"");
        for (at, token) in self.scope.split(' ').enumerate() {
            out.extend_from_slice(if at == 0 { b"" } else { b", " });
            out.extend_from_slice(token.as_bytes());
        }
        out.extend_from_slice(b"\",\".issued\":\"");
        push_date(&mut out, self.issued_at_secs);
        out.extend_from_slice(b"\",\".expires\":\"");
        push_date(&mut out, self.issued_at_secs + u64::from(self.lifetime_secs));
        out.extend_from_slice(b"\"}");
        out
    }

    /// The access token, which all styles begin with, in a buffer that holds the rest too.
    fn begin(&self, style_len: usize) -> Vec<u8> {
        let id_token = self.id_token.map_or(0, |id_token| 16 + id_token.len());
        let tokens = self.access_token.len() + self.refresh_token.map_or(0, <[u8]>::len) + id_token;
        let mut out = Vec::with_capacity(40 + tokens + self.fields.len() + style_len);
        out.extend_from_slice(b"{\"access_token\":\"");
        out.extend_from_slice(self.access_token);
        out
    }

    fn push_fields(&self, out: &mut Vec<u8>) {
        if !self.fields.is_empty() {
            out.push(b',');
            out.extend_from_slice(self.fields.as_bytes());
        }
    }
}

/// An HTTP date (RFC 9110 section 5.6.7), which is an RFC 1123 one.
fn push_date(out: &mut Vec<u8>, secs: u64) {
    use std::io::Write as _;
    // The library's dates end with the year 9999, and panic beyond.
    let secs = secs.min(253_402_300_799);
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(secs);
    // Writing to a `Vec` cannot fail.
    let _ = write!(out, "{}", httpdate::HttpDate::from(time));
}
