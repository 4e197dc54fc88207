//! The guard of a form that decides something: where it was sent from, and in which browser it was shown. The engine sees
//! neither, so this is the host's.

use axum::http::header::{COOKIE, HeaderName, HeaderValue, ORIGIN};
use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use url::Url;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const COOKIE_BYTES: usize = 16;

/// Knows the server's own origin.
pub(crate) struct Guard {
    origin: String,
    /// A browser keeps the prefix's promise (no other host and no plain http can set it), and takes it over https alone.
    cookie: String,
    attributes: &'static str,
}

/// Where a POST comes from, as its headers say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sender {
    /// A page of this server.
    Ours,
    /// A page of somebody else's.
    Stranger,
    /// Neither header is there.
    Unsaid,
}

/// What one browser alone has: a secret in a cookie, under which what is shown to it is signed.
pub(crate) struct Browser {
    secret: String,
    set_cookie: Option<String>,
}

impl Guard {
    /// With the name of its cookie.
    pub(crate) fn new(issuer: &str, cookie: &str) -> Result<Self, url::ParseError> {
        let issuer = Url::parse(issuer)?;
        let is_https = issuer.scheme() == "https";
        Ok(Self {
            origin: issuer.origin().ascii_serialization(),
            cookie: format!("{}{cookie}", if is_https { "__Host-" } else { "" }),
            attributes: if is_https {
                "; Path=/; Secure; HttpOnly; SameSite=Lax"
            } else {
                // On http, which is for the loopback address alone, browsers throw a `Secure` cookie away, or may.
                "; Path=/; HttpOnly; SameSite=Lax"
            },
        })
    }

    /// `Sec-Fetch-Site` where it is sent, since a proxy does not change it; else `Origin`. `null` is nobody's.
    pub(crate) fn sender(&self, headers: &HeaderMap) -> Sender {
        let all_are = |name, wanted: &str| {
            let mut values = headers.get_all(name).iter().peekable();
            values.peek().is_some().then(|| values.all(|value| value == wanted))
        };
        match all_are(SEC_FETCH_SITE, "same-origin").or_else(|| all_are(ORIGIN, &self.origin)) {
            Some(true) => Sender::Ours,
            Some(false) => Sender::Stranger,
            None => Sender::Unsaid,
        }
    }

    /// Whether this is a program of the person's own, such as curl, and not a page in a browser, which sends `Origin` with every
    /// POST (Fetch standard, "append a request `Origin` header"; all of them since 2020). A program has no cookie either.
    pub(crate) fn is_program(&self, headers: &HeaderMap, browser: &Browser) -> bool {
        self.sender(headers) == Sender::Unsaid && browser.set_cookie.is_some()
    }

    /// The browser that sends this. One without a cookie gets one, until it is closed.
    pub(crate) fn browser(&self, headers: &HeaderMap) -> Browser {
        let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = pairs.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let kept = pairs.find(|(name, _)| *name == self.cookie).map(|(_, value)| value);
        if let Some(secret) =
            kept.filter(|value| URL_SAFE_NO_PAD.decode(value).is_ok_and(|bytes| bytes.len() == COOKIE_BYTES))
        {
            return Browser { secret: secret.to_owned(), set_cookie: None };
        }
        self.new_browser()
    }

    /// What the browser is from now on: after a login, so that nobody who laid a cookie there before knows the one that counts,
    /// and after a logout.
    pub(crate) fn new_browser(&self) -> Browser {
        let secret = URL_SAFE_NO_PAD.encode(rand::random::<[u8; COOKIE_BYTES]>());
        let set_cookie = format!("{}={secret}{}", self.cookie, self.attributes);
        Browser { secret, set_cookie: Some(set_cookie) }
    }
}

impl Browser {
    /// What a form carries beside what it is about, the interaction handle.
    pub(crate) fn token(&self, about: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.mac(about).finalize().into_bytes())
    }

    /// Whether a form about this was shown to this browser.
    pub(crate) fn was_shown(&self, about: &str, token: &str) -> bool {
        URL_SAFE_NO_PAD.decode(token).is_ok_and(|token| self.mac(about).verify_slice(&token).is_ok())
    }

    /// What the server keeps of it, where it keeps something: not what is in the cookie.
    pub(crate) fn key(&self) -> [u8; 32] {
        Sha256::digest(&self.secret).into()
    }

    /// Its cookie with an answer, if it is a new one.
    pub(crate) fn keep(&self, headers: &mut HeaderMap) {
        if let Some(Ok(cookie)) = self.set_cookie.as_deref().map(HeaderValue::from_str) {
            headers.append(header::SET_COOKIE, cookie);
        }
    }

    fn mac(&self, about: &str) -> Hmac<Sha256> {
        // A cookie fits into one block of the hash, padded with zeros as HMAC has it.
        let mut key = [0; 64];
        key.iter_mut().zip(self.secret.bytes()).for_each(|(to, from)| *to = from);
        let mut mac = Hmac::<Sha256>::new((&key).into());
        mac.update(about.as_bytes());
        mac
    }
}
