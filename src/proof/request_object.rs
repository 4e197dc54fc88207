//! What a client asks for, signed: request objects (RFC 9101; OpenID Connect Core section 6).

use std::time::Duration;

use serde_json::Value;

use super::claims::{ClaimFault, LEEWAY};
use super::jws::{Jws, JwsFault};
use super::{ClientKeys, JwsAlgorithm};
use crate::grant::Timestamp;

/// The longest one that is read.
const MAX_BYTES: usize = 16 * 1_024;

/// How far ahead the end may be, and how long ago the beginning: FAPI 2.0 Message Signing section 5.3.1 has an hour for both.
const LONGEST: Duration = Duration::from_secs(3_600);

/// Claims about the JWT, which are no parameters of the request (RFC 7519 section 4.1).
const NOT_PARAMETERS: [&str; 7] = ["iss", "aud", "exp", "nbf", "iat", "jti", "sub"];

/// Why a request object is refused. On the wire all are `invalid_request_object`. Says nothing of what was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestObjectFault {
    /// Not a signed JWT of that type.
    #[error("a malformed request object: {0}")]
    Jws(#[from] JwsFault),
    /// A claim that must be there is not, or is of another type.
    #[error("a request object without a claim that it must have: {0}")]
    Claim(#[from] ClaimFault),
    /// `client_id` or `iss` is not the client (RFC 9101 section 5).
    #[error("a request object of another client")]
    Client,
    /// Its subject is the client, so it is an assertion, which anybody may have heard (RFC 9101 section 10.8).
    #[error("an assertion where a request object belongs")]
    Assertion,
    /// Not for this issuer (RFC 9101 section 4).
    #[error("a request object for somebody else")]
    Audience,
    /// It has expired.
    #[error("a request object that has expired")]
    Expired,
    /// It is good for longer than is accepted.
    #[error("a request object that is good for too long")]
    TooLong,
    /// Made later than now, or not good yet.
    #[error("a request object from the future")]
    Ahead,
    /// It holds another request, or points to one (RFC 9101 section 4).
    #[error("a request object in a request object")]
    Nested,
    /// A parameter that is `null`.
    #[error("a parameter that is null")]
    Parameter,
    /// By another algorithm than the one that the client registered.
    #[error("a request object by another algorithm than the client's")]
    Algorithm,
    /// None of the client's keys is the one that it names.
    #[error("a request object by a key that the client does not have")]
    UnknownKey,
    /// The client did not sign it.
    #[error("a request object that the client did not sign")]
    Signature,
}

/// What a request object must say.
#[derive(Clone, Copy)]
pub struct RequestObjectRules<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) issuer: &'a str,
}

impl<'a> RequestObjectRules<'a> {
    /// For this client and issuer.
    pub const fn new(client_id: &'a str, issuer: &'a str) -> Self {
        Self { client_id, issuer }
    }
}

/// A request object that was read: well-formed, and nothing more.
pub struct RequestObject<'a>(Jws<'a>);

impl<'a> RequestObject<'a> {
    /// Reads it, and sees that it is no other kind of JWT.
    ///
    /// # Errors
    ///
    /// [`RequestObjectFault`].
    pub fn read(text: &'a [u8]) -> Result<Self, RequestObjectFault> {
        let jws = Jws::read(text, MAX_BYTES)?;
        jws.algorithm()?;
        jws.may_be("oauth-authz-req+jwt")?;
        Ok(Self(jws))
    }

    /// What its claims say, which is cheaper than the signature.
    ///
    /// # Errors
    ///
    /// [`RequestObjectFault`].
    pub fn check(&self, rules: &RequestObjectRules<'_>, now: Timestamp) -> Result<(), RequestObjectFault> {
        let claims = &self.0.claims;
        if claims.text("sub")? == Some(rules.client_id) {
            return Err(RequestObjectFault::Assertion);
        }
        if claims.required("client_id")? != rules.client_id || claims.required("iss")? != rules.client_id {
            return Err(RequestObjectFault::Client);
        }
        if !claims.is_only_for(rules.issuer, true) {
            return Err(RequestObjectFault::Audience);
        }
        let ends = claims.time("exp")?.ok_or(ClaimFault::Missing)?;
        if now >= ends + LEEWAY {
            return Err(RequestObjectFault::Expired);
        }
        let begins = claims.time("nbf")?;
        if ends > now + LONGEST + LEEWAY || begins.is_some_and(|begins| begins + LONGEST + LEEWAY < now) {
            return Err(RequestObjectFault::TooLong);
        }
        if !claims.has_begun(now)? {
            return Err(RequestObjectFault::Ahead);
        }
        if ["request", "request_uri"].iter().any(|name| claims.0.contains_key(*name)) {
            return Err(RequestObjectFault::Nested);
        }
        Ok(())
    }

    /// What it says it is signed by.
    pub fn algorithm(&self) -> Option<JwsAlgorithm> {
        self.0.algorithm().ok()
    }

    /// Whether its key is among these: of its `kid`, or where it has none, the one that signed it. If not, a newer set may have it.
    pub fn knows_key(&self, keys: &ClientKeys) -> bool {
        keys.know(&self.0)
    }

    /// That one of the client's keys signed it, by the algorithm that the client registered, if it has. What it asks for is
    /// given back: names and texts, in the order of the names, as a form would have them.
    ///
    /// # Errors
    ///
    /// [`RequestObjectFault`].
    pub fn verify(
        &self,
        keys: &ClientKeys,
        registered: Option<JwsAlgorithm>,
    ) -> Result<Vec<(String, String)>, RequestObjectFault> {
        let algorithm = self.0.algorithm()?;
        if registered.is_some_and(|registered| !registered.is(algorithm)) {
            return Err(RequestObjectFault::Algorithm);
        }
        let mut candidates = keys.candidates(algorithm, self.0.kid()).peekable();
        if candidates.peek().is_none() {
            return Err(RequestObjectFault::UnknownKey);
        }
        if !candidates.any(|key| self.0.is_signed_by(key.public())) {
            return Err(RequestObjectFault::Signature);
        }
        let mut parameters = Vec::new();
        for (name, value) in &self.0.claims.0 {
            if !NOT_PARAMETERS.contains(&name.as_str()) {
                push(&mut parameters, name, value)?;
            }
        }
        Ok(parameters)
    }
}

/// Texts as they are, numbers and truth values as they are written, what is JSON in a form too, as `claims` is, as JSON (RFC 9101 section
/// 4), and a list of texts as so many parameters of one name, as `resource` may be.
fn push(parameters: &mut Vec<(String, String)>, name: &str, value: &Value) -> Result<(), RequestObjectFault> {
    match value {
        Value::String(text) => parameters.push((name.to_owned(), text.clone())),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            parameters.extend(items.iter().filter_map(Value::as_str).map(|text| (name.to_owned(), text.to_owned())));
        }
        Value::Number(_) | Value::Bool(_) | Value::Object(_) | Value::Array(_) => {
            parameters.push((name.to_owned(), value.to_string()));
        }
        Value::Null => return Err(RequestObjectFault::Parameter),
    }
    Ok(())
}
