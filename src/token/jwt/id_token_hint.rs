//! ID tokens that come back as hints (OpenID Connect Core section 3.1.2.1).

use std::borrow::Cow;

use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use serde_json::Value;
use sha2::Sha256;

use super::access::Presence;
use super::audience::Audience;
use super::compact::{self, Parts};
use super::keys::SigningKeys;

/// The longest text that is looked at: claims of a host are 8 KiB at most.
const MAX_TEXT_LEN: usize = 64 * 1_024;

/// The members of the header that count; a key that a token brings along is never looked at.
#[derive(Deserialize)]
struct Header<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    #[serde(borrow, default)]
    typ: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    kid: Option<Cow<'a, str>>,
    /// What must be understood (RFC 7515 section 4.1.11), and is not.
    #[serde(default)]
    crit: Presence,
}

/// The claims that count.
#[derive(Deserialize)]
pub(crate) struct IdTokenClaims {
    pub(crate) iss: String,
    pub(crate) sub: String,
    aud: Audience<'static>,
    azp: Option<String>,
    pub(crate) exp: u64,
    pub(crate) iat: u64,
    pub(crate) auth_time: Option<u64>,
    pub(crate) realm: Option<String>,
    pub(crate) sid: Option<String>,
    /// A host may say anything by this name, so it is read only where it counts.
    #[serde(default)]
    pub(crate) jti: Value,
    /// The same.
    #[serde(default)]
    pub(crate) may_act: Value,
}

impl IdTokenClaims {
    /// Whether it was issued to this client. Who is authorized stands above who is addressed (section 3.1.3.7).
    pub(crate) fn is_for(&self, client_id: &str) -> bool {
        self.azp.as_deref().map_or_else(|| self.aud.contains(client_id), |azp| azp == client_id)
    }

    /// The client that it was issued to, where that is clear.
    pub(crate) fn client_id(&self) -> Option<&str> {
        let mut audience = self.aud.iter();
        let first = audience.next();
        self.azp.as_deref().or_else(|| first.filter(|_| audience.next().is_none()))
    }
}

/// An ID token that is taken apart. Nothing of it may be believed yet.
pub(crate) struct UnverifiedIdToken<'a> {
    parts: Parts<'a>,
    header: Vec<u8>,
    claims: IdTokenClaims,
}

impl<'a> UnverifiedIdToken<'a> {
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        if text.len() > MAX_TEXT_LEN {
            return None;
        }
        let parts = compact::split(text)?;
        let header = compact::decode(parts.header)?;
        let claims: IdTokenClaims = serde_json::from_slice(&compact::decode(parts.claims)?).ok()?;
        (!claims.iss.is_empty() && !claims.sub.is_empty()).then_some(Self { parts, header, claims })
    }

    /// The client that it says it is for: to look up whose secret it may be signed with.
    pub(crate) fn client_id(&self) -> Option<&str> {
        self.claims.client_id()
    }

    /// Whether it says that a client's secret signed it, as far as it is verified then.
    pub(crate) fn is_by_secret(&self) -> bool {
        serde_json::from_slice(&self.header).is_ok_and(|header: Header<'_>| header.alg == "HS256")
    }

    /// Whether it says that a key signed it which is not here: one that was retired, or a stranger's. Nobody can tell.
    pub(crate) fn is_by_an_unknown_key(&self, keys: &SigningKeys) -> bool {
        let header: Option<Header<'_>> = serde_json::from_slice(&self.header).ok();
        let kid = header.filter(|header| header.alg != "HS256").and_then(|header| header.kid);
        kid.is_some_and(|kid| keys.get(&kid).is_none())
    }

    /// Whether it says that this issuer made it for this client.
    pub(crate) fn claims_to_be(&self, issuer: &str, client_id: &str) -> bool {
        self.claims.iss == issuer && self.claims.is_for(client_id)
    }

    /// The claims, where one of these keys signed them, or the secret of the client (section 10.1). The algorithm is that
    /// of the key, and never the header's choice: `HS256` is for a secret alone, so that no public key is taken for one.
    pub(crate) fn verify(self, keys: &SigningKeys, secret: Option<&[u8]>) -> Option<IdTokenClaims> {
        let header: Header<'_> = serde_json::from_slice(&self.header).ok()?;
        // Access tokens of the same keys are `at+jwt` (RFC 9068 section 2.1); an ID token by a secret names no type.
        let is_typed = header.typ.as_ref().map(|typ| typ.eq_ignore_ascii_case("JWT"));
        if header.crit.0 || is_typed == Some(false) {
            return None;
        }
        let message = self.parts.message.as_bytes();
        let signature = compact::decode(self.parts.signature)?;
        let signed = if header.alg == "HS256" {
            is_hs256(secret?, message, &signature)
        } else {
            let key = keys.get(header.kid.as_deref()?)?;
            is_typed == Some(true) && header.alg == key.algorithm().as_str() && key.verify(message, &signature)
        };
        signed.then_some(self.claims)
    }
}

/// In constant time. No secret is no key.
pub(crate) fn is_hs256(secret: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return false };
    mac.update(message);
    !secret.is_empty() && mac.verify_slice(signature).is_ok()
}
