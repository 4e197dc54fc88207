//! A request, as little of it as the endpoints look at.

use super::form::{Form, text};
use super::text::has_control;

/// A request to one of the engine's endpoints, borrowed from whatever HTTP stack received it.
///
/// Hand over every header; those that mean something here are kept and counted, since a repeated one is an error. The
/// [query](Self::query) is for the authorization endpoint alone: what stands there authenticates nobody (RFC 6749 section
/// 2.3.1).
///
/// ```
/// use regrant::Request;
///
/// let request = Request::new("POST", b"grant_type=refresh_token&refresh_token=...")
///     .header("content-type", b"application/x-www-form-urlencoded")
///     .header("authorization", b"Basic YXBwOnNlY3JldA==")
///     .header("user-agent", b"anything");
/// # let _ = request;
/// ```
#[derive(Clone, Copy)]
pub struct Request<'a> {
    method: &'a str,
    query: &'a [u8],
    body: &'a [u8],
    content_type: Header<'a>,
    authorization: Header<'a>,
}

/// A header that may be there once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Header<'a> {
    Absent,
    One(&'a [u8]),
    Repeated,
}

impl<'a> Header<'a> {
    const fn and(self, value: &'a [u8]) -> Self {
        match self {
            Self::Absent => Self::One(value),
            Self::One(_) | Self::Repeated => Self::Repeated,
        }
    }
}

impl<'a> Request<'a> {
    /// A request without headers: its method as HTTP writes it, and the whole body.
    ///
    /// ```
    /// let request = regrant::Request::new("GET", b"");
    /// # let _ = request;
    /// ```
    pub const fn new(method: &'a str, body: &'a [u8]) -> Self {
        Self { method, query: b"", body, content_type: Header::Absent, authorization: Header::Absent }
    }

    /// The query string of the URI, without the `?`. Only the authorization endpoint looks at it: client credentials
    /// and tokens never come there (RFC 6749 section 2.3.1, RFC 9700 section 4.3.2).
    ///
    /// ```
    /// let request = regrant::Request::new("GET", b"").query(b"response_type=code&client_id=app");
    /// # let _ = request;
    /// ```
    #[must_use]
    pub const fn query(self, query: &'a [u8]) -> Self {
        Self { query, ..self }
    }

    /// Adds a header; names in any case.
    ///
    /// ```
    /// let request = regrant::Request::new("GET", b"").header("Authorization", b"Bearer abc");
    /// # let _ = request;
    /// ```
    #[must_use]
    pub fn header(mut self, name: &str, value: &'a [u8]) -> Self {
        // As HTTP/2 and most libraries write it, or else in any case.
        let is = |header: &str| name == header || name.eq_ignore_ascii_case(header);
        if is("content-type") {
            self.content_type = self.content_type.and(value);
        } else if is("authorization") {
            self.authorization = self.authorization.and(value);
        }
        self
    }

    pub(crate) const fn method(&self) -> &'a str {
        self.method
    }

    pub(crate) const fn query_string(&self) -> &'a [u8] {
        self.query
    }

    pub(crate) const fn body(&self) -> &'a [u8] {
        self.body
    }

    pub(crate) const fn content_type(&self) -> Header<'a> {
        self.content_type
    }

    pub(crate) const fn authorization(&self) -> Header<'a> {
        self.authorization
    }
}

impl std::fmt::Debug for Request<'_> {
    /// Method and length alone: headers and body hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// What is wrong with a parameter that a specification defines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ParameterFault {
    Repeated,
    ControlCharacter,
}

/// The parameters of the IANA registry "OAuth Parameters" that a request to an authorization, token, revocation or
/// introspection endpoint can have. The first [`KEPT`] are what the engine itself reads.
const DEFINED: [&str; 46] = [
    "grant_type",
    "refresh_token",
    "scope",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "username",
    "password",
    "code",
    "redirect_uri",
    "code_verifier",
    "token",
    "token_type_hint",
    "access_token",
    "state",
    "assertion",
    "subject_token",
    "subject_token_type",
    "actor_token",
    "actor_token_type",
    "requested_token_type",
    "device_code",
    "auth_req_id",
    "authorization_details",
    "response_type",
    "response_mode",
    "code_challenge",
    "code_challenge_method",
    "nonce",
    "prompt",
    "max_age",
    "display",
    "ui_locales",
    "claims_locales",
    "acr_values",
    "registration",
    "id_token_hint",
    "login_hint",
    "request",
    "request_uri",
    "claims",
    "dpop_jkt",
    "claim_token",
    "claim_token_format",
    "ticket",
];
const KEPT: usize = 7;
/// Each has a bit of its own.
const _: () = assert!(DEFINED.len() <= 64);
/// RFC 8707 section 2, RFC 8693 section 2.1.
const REPEATABLE: [&str; 2] = ["resource", "audience"];

/// The parameters that the engine itself reads, found in one pass over the form; an empty one is absent.
pub(crate) struct Parameters<'f>([Option<&'f [u8]>; KEPT]);

impl<'f> Parameters<'f> {
    /// None yet.
    pub(crate) const fn none() -> Self {
        Self([None; KEPT])
    }

    /// Checks every parameter that a specification defines: there once at most, counted before empty ones are dropped,
    /// and free of control characters.
    pub(crate) fn read(&mut self, form: &'f Form<'_>) -> Result<(), ParameterFault> {
        let Self(kept) = self;
        let mut seen = 0u64;
        for (name, value, plain) in form.raw_parameters() {
            if let Some(place) = DEFINED.iter().position(|defined| defined.as_bytes() == name) {
                if seen & (1 << place) != 0 {
                    return Err(ParameterFault::Repeated);
                }
                seen |= 1 << place;
                if let Some(kept) = kept.get_mut(place) {
                    *kept = (!value.is_empty()).then_some(value);
                }
            } else if !REPEATABLE.iter().any(|repeatable| repeatable.as_bytes() == name) {
                continue;
            }
            if !plain && has_control(text(value)) {
                return Err(ParameterFault::ControlCharacter);
            }
        }
        Ok(())
    }

    pub(crate) const fn grant_type(&self) -> Option<&'f [u8]> {
        self.0[0]
    }

    pub(crate) const fn refresh_token(&self) -> Option<&'f [u8]> {
        self.0[1]
    }

    pub(crate) fn scope(&self) -> Option<&'f str> {
        self.0[2].map(text)
    }

    pub(crate) fn client_id(&self) -> Option<&'f str> {
        self.0[3].map(text)
    }

    pub(crate) const fn client_secret(&self) -> Option<&'f [u8]> {
        self.0[4]
    }

    /// Whether the client sends an assertion (RFC 7521 section 4.2).
    pub(crate) const fn has_client_assertion(&self) -> bool {
        self.0[5].is_some() || self.0[6].is_some()
    }
}

/// Whether a specification defines this parameter.
pub(crate) fn is_defined(name: &str) -> bool {
    DEFINED.contains(&name) || REPEATABLE.contains(&name)
}
