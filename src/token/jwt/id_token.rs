//! ID tokens (OpenID Connect Core section 2).

use hmac::{Hmac, KeyInit, Mac};
use serde::ser::{Serialize, SerializeMap, Serializer};
use sha2::Sha256;

use super::compact::{self, SigningFailed};
use super::half_hash::{HalfHash, half_hash};
use super::id_claims::IdClaims;
use super::jti::Jti;
use super::key::SigningKey;

/// What an ID token is signed by: the client's choice at registration (`id_token_signed_response_alg`).
#[derive(Clone, Copy)]
pub(crate) enum IdTokenKey<'a> {
    /// The engine's key, by the algorithm of that key.
    Engine(&'a SigningKey),
    /// The client's secret, by HS256 (OpenID Connect Core section 10.1): the bytes of its text.
    ClientSecret(&'a [u8]),
}

impl IdTokenKey<'_> {
    /// The hash of `at_hash` and `s_hash` beside it.
    pub(crate) fn half_hash(&self) -> HalfHash {
        match self {
            Self::Engine(key) => key.algorithm().into(),
            Self::ClientSecret(_) => HalfHash::Sha256,
        }
    }
}

/// What goes into an ID token. Times in seconds since the epoch.
pub(crate) struct IdToken<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) subject: &'a str,
    /// The client's id. Written as an array of one, which every client understands.
    pub(crate) audience: &'a str,
    pub(crate) issued_at_secs: u64,
    pub(crate) lifetime_secs: u64,
    /// When the user logged in; a refresh does not change it (OpenID Connect Core section 12.2).
    pub(crate) auth_time_secs: Option<u64>,
    /// How that was; the host's own claim of this name goes first.
    pub(crate) acr: Option<&'a str>,
    /// By what means; the host's own claim goes first here, too.
    pub(crate) amr: Vec<&'a str>,
    /// Of the session, for this client.
    pub(crate) sid: Option<&'a str>,
    /// Its name, which names the grant; the host's own claim goes first here, too.
    pub(crate) jti: Option<Jti>,
    /// That of the authorization request.
    pub(crate) nonce: Option<&'a str>,
    /// The access token of the same response, for `at_hash`.
    pub(crate) access_token: Option<&'a str>,
    /// The claim `s_hash` as it is written: [`half_hash`] of the authorization request's `state`.
    pub(crate) state_hash: Option<&'a str>,
    /// That of the engine; an engine may believe a signature alone.
    pub(crate) realm: Option<&'a str>,
    /// What the host adds.
    pub(crate) claims: &'a IdClaims,
}

/// An ID token's claims on their way out.
struct Claims<'a> {
    token: &'a IdToken<'a>,
    hash: HalfHash,
}

impl Serialize for Claims<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { token, hash } = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("iss", token.issuer)?;
        map.serialize_entry("sub", token.subject)?;
        map.serialize_entry("aud", &[token.audience])?;
        map.serialize_entry("exp", &token.issued_at_secs.saturating_add(token.lifetime_secs))?;
        map.serialize_entry("iat", &token.issued_at_secs)?;
        if let Some(auth_time) = token.auth_time_secs {
            map.serialize_entry("auth_time", &auth_time)?;
        }
        if let Some(acr) = token.acr.filter(|_| token.claims.iter().all(|(name, _)| name != "acr")) {
            map.serialize_entry("acr", acr)?;
        }
        if !token.amr.is_empty() && token.claims.iter().all(|(name, _)| name != "amr") {
            map.serialize_entry("amr", &token.amr)?;
        }
        if let Some(sid) = token.sid {
            map.serialize_entry("sid", sid)?;
        }
        if let Some(jti) = token.jti.filter(|_| token.claims.iter().all(|(name, _)| name != "jti")) {
            map.serialize_entry("jti", &jti)?;
        }
        if let Some(nonce) = token.nonce {
            map.serialize_entry("nonce", nonce)?;
        }
        if let Some(access_token) = token.access_token {
            map.serialize_entry("at_hash", &half_hash(*hash, access_token))?;
        }
        if let Some(state_hash) = token.state_hash {
            map.serialize_entry("s_hash", state_hash)?;
        }
        if let Some(realm) = token.realm {
            map.serialize_entry("realm", realm)?;
        }
        for (name, value) in token.claims.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// Writes an ID token.
pub(crate) fn sign_id_token(key: IdTokenKey<'_>, token: &IdToken<'_>) -> Result<String, SigningFailed> {
    let claims = Claims { token, hash: key.half_hash() };
    match key {
        IdTokenKey::Engine(key) => {
            let header = format!(r#"{{"alg":"{}","typ":"JWT","kid":"{}"}}"#, key.algorithm(), key.kid());
            let expires_at_secs = token.issued_at_secs.saturating_add(token.lifetime_secs);
            compact::write(&header, &claims, |message| key.sign_token(message, expires_at_secs))
        }
        IdTokenKey::ClientSecret(secret) => {
            compact::write(r#"{"alg":"HS256"}"#, &claims, |message| hs256(secret, message))
        }
    }
}

/// HMAC with SHA-256 (RFC 7518 section 3.2). No secret is no key: anybody could sign.
pub(super) fn hs256(secret: &[u8], message: &[u8]) -> Result<Vec<u8>, SigningFailed> {
    if secret.is_empty() {
        return Err(SigningFailed);
    }
    let mut mac: Hmac<Sha256> = Hmac::new_from_slice(secret).map_err(|_| SigningFailed)?;
    mac.update(message);
    Ok(mac.finalize().into_bytes().to_vec())
}
