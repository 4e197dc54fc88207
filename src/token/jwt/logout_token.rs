//! Logout tokens (OpenID Connect Back-Channel Logout 1.0 section 2.4).

use serde::Serialize;

use super::compact::{self, SigningFailed};
use super::id_token::{IdTokenKey, hs256};

/// What goes into one. There is no `nonce`: that is what tells it from an ID token.
#[derive(Serialize)]
pub(crate) struct LogoutToken<'a> {
    pub(crate) iss: &'a str,
    pub(crate) sub: &'a str,
    pub(crate) aud: &'a str,
    pub(crate) iat: u64,
    pub(crate) exp: u64,
    pub(crate) jti: &'a str,
    pub(crate) sid: &'a str,
    pub(crate) events: LogoutEvents,
}

/// The one event.
#[derive(Serialize)]
pub(crate) struct LogoutEvents {
    #[serde(rename = "http://schemas.openid.net/event/backchannel-logout")]
    backchannel_logout: NoMembers,
}

#[derive(Serialize)]
struct NoMembers {}

impl LogoutEvents {
    pub(crate) const fn new() -> Self {
        Self { backchannel_logout: NoMembers {} }
    }
}

/// Writes one, by what signs the client's ID tokens (section 2.6).
pub(crate) fn sign_logout_token(key: IdTokenKey<'_>, token: &LogoutToken<'_>) -> Result<String, SigningFailed> {
    match key {
        IdTokenKey::Engine(key) => {
            let header = format!(r#"{{"alg":"{}","typ":"logout+jwt","kid":"{}"}}"#, key.algorithm(), key.kid());
            compact::write(&header, token, |message| key.sign_token(message, token.exp))
        }
        IdTokenKey::ClientSecret(secret) => {
            compact::write(r#"{"alg":"HS256","typ":"logout+jwt"}"#, token, |message| hs256(secret, message))
        }
    }
}
