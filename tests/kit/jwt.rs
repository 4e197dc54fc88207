//! JSON Web Tokens as text: taken apart, and made by hand (RFC 7519 section 3).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// A part of a JWT, whatever its signature is: 0 is the header, 1 the claims.
pub(crate) fn part(jwt: &str, at: usize) -> Value {
    let part = jwt.split('.').nth(at).expect("three parts");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
}

/// The claims of a JWT, whatever its signature is.
pub(crate) fn claims(jwt: &str) -> Value {
    part(jwt, 1)
}

/// Header and claims.
pub(crate) fn parts(jwt: &str) -> (Value, Value) {
    (part(jwt, 0), part(jwt, 1))
}

/// A JWT of this header and these claims; `sign` gives the bytes of the signature.
pub(crate) fn signed(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

/// The signature of `HS256` (RFC 7518 section 3.2).
pub(crate) fn hs256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// What `at_hash` and `s_hash` say of a text where the algorithm is one of SHA-256 (OpenID Connect Core section 3.1.3.6).
pub(crate) fn half(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(text)[..16])
}
