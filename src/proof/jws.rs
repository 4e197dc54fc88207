//! The compact form of strangers (RFC 7515 section 3.1), read without believing anything. The shape is checked here at once,
//! and the signature when the caller asks, so that what is cheap fails first: a stranger must not buy signature checks.

use serde_json::Value;

use super::JwsAlgorithm;
use super::claims::Claims;
use super::json::{JsonFault, Object, read_object};
use crate::token::{PublicKey, decode, is_hs256, split, verify};

/// Why a text is no signed JWT that is looked at any further.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JwsFault {
    /// Longer than such a JWT is.
    #[error("a JWT that is too long")]
    TooLong,
    /// Not three parts of canonical base64url with two dots between; five are encrypted (RFC 7516), which is not taken.
    #[error("not three parts of base64url")]
    Compact,
    /// Header or claims are no JSON object, or the header has a member of another type than it must be.
    #[error("a header or claims that are no JSON object")]
    Json,
    /// A member stands twice.
    #[error("a member stands twice")]
    Repeated,
    /// No algorithm that is taken here: `none`, a MAC where a key has to sign, or one that nobody knows.
    #[error("an algorithm that is not taken")]
    Algorithm,
    /// `crit` of anything (RFC 7515 section 4.1.11), or `b64` (RFC 7797).
    #[error("a header member that would have to be understood")]
    Critical,
    /// The type says that it is something else (RFC 8725 section 3.11).
    #[error("a JWT of another type")]
    Type,
}

impl From<JsonFault> for JwsFault {
    fn from(fault: JsonFault) -> Self {
        match fault {
            JsonFault::NotAnObject => Self::Json,
            JsonFault::Repeated => Self::Repeated,
        }
    }
}

/// What it says it is signed by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Signed {
    /// A key of its sender.
    By(JwsAlgorithm),
    /// The secret of a client: `HS256`.
    BySecret,
}

/// A JWT, taken apart. Nothing of it may be believed yet.
pub(super) struct Jws<'a> {
    message: &'a str,
    signature: Vec<u8>,
    header: Object,
    signed: Signed,
    pub(super) claims: Claims,
}

impl<'a> Jws<'a> {
    /// Reads one of at most `max_bytes`. Keys that it brings along or points to (`jwk`, `jku`, `x5u`, `x5c`) are not looked at.
    pub(super) fn read(text: &'a [u8], max_bytes: usize) -> Result<Self, JwsFault> {
        if text.len() > max_bytes {
            return Err(JwsFault::TooLong);
        }
        let text = std::str::from_utf8(text).map_err(|_| JwsFault::Compact)?;
        let parts = split(text).ok_or(JwsFault::Compact)?;
        let header = read_object(&decode(parts.header).ok_or(JwsFault::Compact)?)?;
        if header.contains_key("crit") || header.contains_key("b64") {
            return Err(JwsFault::Critical);
        }
        if ["typ", "kid"].iter().any(|name| header.get(*name).is_some_and(|value| !value.is_string())) {
            return Err(JwsFault::Json);
        }
        let signed = match header.get("alg").and_then(Value::as_str).ok_or(JwsFault::Algorithm)? {
            "HS256" => Signed::BySecret,
            name => Signed::By(JwsAlgorithm::from_name(name).ok_or(JwsFault::Algorithm)?),
        };
        let signature = decode(parts.signature).filter(|bytes| !bytes.is_empty()).ok_or(JwsFault::Compact)?;
        let claims = Claims(read_object(&decode(parts.claims).ok_or(JwsFault::Compact)?)?);
        Ok(Self { message: parts.message, signature, header, signed, claims })
    }

    /// What it says it is signed by.
    pub(super) const fn signed(&self) -> Signed {
        self.signed
    }

    /// The algorithm of a key; a MAC is none.
    pub(super) const fn algorithm(&self) -> Result<JwsAlgorithm, JwsFault> {
        match self.signed {
            Signed::By(algorithm) => Ok(algorithm),
            Signed::BySecret => Err(JwsFault::Algorithm),
        }
    }

    pub(super) fn kid(&self) -> Option<&str> {
        self.header.get("kid").and_then(Value::as_str)
    }

    /// What its signature is over.
    pub(super) const fn message(&self) -> &str {
        self.message
    }

    /// The key that it brings along.
    pub(super) fn jwk(&self) -> Option<&Value> {
        self.header.get("jwk")
    }

    /// The type that it says it has, without `application/` in front (RFC 7515 section 4.1.9).
    fn typ(&self) -> Option<&str> {
        self.header.get("typ").and_then(Value::as_str).map(bare_type)
    }

    /// Whether it says that it is of this type. Media types are compared in any case.
    pub(super) fn is_typed(&self, name: &str) -> bool {
        self.typ().is_some_and(|typ| typ.eq_ignore_ascii_case(name))
    }

    /// That it is of this type, or says no more than that it is a JWT: those that make it are older than its type.
    pub(super) fn may_be(&self, name: &str) -> Result<(), JwsFault> {
        let may_be = self.typ().is_none() || self.is_typed("JWT") || self.is_typed(name);
        may_be.then_some(()).ok_or(JwsFault::Type)
    }

    /// Whether this key signed it. The algorithm must be one of the key's.
    pub(super) fn is_signed_by(&self, key: &PublicKey) -> bool {
        match self.signed {
            Signed::By(algorithm) if algorithm.is_of(key) => {
                verify(key, algorithm.as_jose(), self.message.as_bytes(), &self.signature)
            }
            _ => false,
        }
    }

    /// Whether this secret signed it, in constant time.
    pub(super) fn is_signed_by_secret(&self, secret: &[u8]) -> bool {
        self.signed == Signed::BySecret && is_hs256(secret, self.message.as_bytes(), &self.signature)
    }
}

/// A type without `application/` in front (RFC 7515 section 4.1.9).
pub(crate) fn bare_type(typ: &str) -> &str {
    let prefix = typ.get(..12).filter(|prefix| prefix.eq_ignore_ascii_case("application/"));
    prefix.and(typ.get(12..)).unwrap_or(typ)
}
