//! Access tokens as JWTs (RFC 9068).

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};

use super::act::{Act, MayAct};
use super::audience::Audience;
use super::cnf::Cnf;
use super::compact::{self, SigningFailed};
use super::jti::Jti;
use super::key::SigningKey;
use super::keys::SigningKeys;

/// The longest text that is looked at.
const MAX_TEXT_LEN: usize = 64 * 1_024;

/// The claims of an access token (RFC 9068 section 2.2), in the order they are written in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct AccessClaims<'a> {
    /// Who issued it.
    pub(crate) iss: Cow<'a, str>,
    /// The grant's subject, or the client where there is none.
    pub(crate) sub: Cow<'a, str>,
    /// Whom it is for.
    pub(crate) aud: Audience<'a>,
    /// When it expires, in seconds since the epoch.
    pub(crate) exp: u64,
    /// When it was issued.
    pub(crate) iat: u64,
    /// Its name, which names the grant.
    pub(crate) jti: Jti,
    /// The client that it was issued to.
    pub(crate) client_id: Cow<'a, str>,
    /// The scope, left out where there is none.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub(crate) scope: Cow<'a, str>,
    /// How the person logged in, left out where nobody said (RFC 9068 section 2.2.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) acr: Option<Cow<'a, str>>,
    /// When that was; goes with the other (RFC 9470 section 6.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) auth_time: Option<u64>,
    /// That of the engine that issued it, left out where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) realm: Option<Cow<'a, str>>,
    /// What it is bound to (RFC 9449 section 6.1, RFC 8705 section 3.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cnf: Option<Cnf>,
    /// Who acts for the subject (RFC 8693 section 4.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) act: Option<Act>,
    /// Who may (section 4.4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) may_act: Option<MayAct>,
    /// How many exchanges lie between the grant's own token and this one; left out where there was none. It tells a token of another
    /// client than the grant's from one that somebody made up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) exchanges: Option<u8>,
}

/// The members of the header that count. All others are passed over: a key or an address of one that a token brings along
/// is never looked at.
#[derive(Deserialize)]
struct Header<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    #[serde(borrow)]
    typ: Cow<'a, str>,
    #[serde(borrow)]
    kid: Cow<'a, str>,
    /// What must be understood (RFC 7515 section 4.1.11), and is not.
    #[serde(default)]
    crit: Presence,
}

/// Whether a member is there, whatever its value; `null` counts.
#[derive(Default)]
pub(super) struct Presence(pub(super) bool);

impl<'de> Deserialize<'de> for Presence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self(true))
    }
}

/// Writes an access token.
pub(crate) fn sign_access(key: &SigningKey, claims: &AccessClaims<'_>) -> Result<String, SigningFailed> {
    compact::write_behind(key.access_header(), claims, |message| key.sign_token(message, claims.exp))
}

/// The claims of an access token that one of these keys signed (RFC 9068 section 4). The key is the one that the header names, the
/// algorithm is the key's. What the claims say is for the caller to compare: issuer, audience and times are not looked
/// at here.
pub(crate) fn verify_access(keys: &SigningKeys, text: &str) -> Option<AccessClaims<'static>> {
    if text.len() > MAX_TEXT_LEN {
        return None;
    }
    let parts = compact::split(text)?;
    let header = compact::decode(parts.header)?;
    let header: Header<'_> = serde_json::from_slice(&header).ok()?;
    let key = keys.get(&header.kid)?;
    if header.alg != key.algorithm().as_str() || !is_access_type(&header.typ) || header.crit.0 {
        return None;
    }
    if !key.verify(parts.message.as_bytes(), &compact::decode(parts.signature)?) {
        return None;
    }
    let claims: AccessClaims<'static> = serde_json::from_slice(&compact::decode(parts.claims)?).ok()?;
    let named = [&claims.iss, &claims.sub, &claims.client_id].iter().all(|name| !name.is_empty());
    named.then_some(claims)
}

/// Media types are compared in any case, and `application/` may be left out (RFC 7515 section 4.1.9).
fn is_access_type(typ: &str) -> bool {
    ["at+jwt", "application/at+jwt"].iter().any(|known| typ.eq_ignore_ascii_case(known))
}
