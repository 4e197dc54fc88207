//! Tests of the room as a whole; what is small is tested where it is. What strangers sign is signed here by crates that the
//! library need not have, so that each backend is compared with a second opinion.

mod any_bytes;
mod assertions;
mod grants;
mod kinds;
mod proofs;
mod request_objects;
mod sets;
mod shapes;
mod vectors;

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use p256::ecdsa::signature::Signer as _;
use p256::pkcs8::DecodePrivateKey as _;
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};
use sha2::Sha256;

use super::*;
use crate::grant::Timestamp;
use crate::token::test_keys;

const NOW: Timestamp = Timestamp::from_secs(1_597_240_260);
const NOW_SECS: u64 = NOW.as_secs();
const ISSUER: &str = "https://id.example";
const CLIENT: &str = "key-client";

/// Whoever signs: one key of each kind, those of RFC 7515 appendices A.2 and A.3 and of RFC 8037 appendix A.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Holder {
    P256,
    Ed25519,
    Rsa,
}

static P_256: LazyLock<p256::ecdsa::SigningKey> =
    LazyLock::new(|| p256::ecdsa::SigningKey::from_pkcs8_pem(test_keys::P_256).unwrap());
static RSA: LazyLock<rsa::RsaPrivateKey> =
    LazyLock::new(|| rsa::RsaPrivateKey::from_pkcs8_pem(test_keys::RSA).unwrap());

fn ed25519() -> ed25519_dalek::SigningKey {
    let der = pkcs8::SecretDocument::from_pem(test_keys::ED25519).unwrap().1;
    ed25519_dalek::SigningKey::from_bytes(der.as_bytes().last_chunk().unwrap())
}

fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Holder {
    const ALL: [Self; 3] = [Self::P256, Self::Ed25519, Self::Rsa];

    /// The public half.
    fn jwk(self) -> Value {
        match self {
            Self::P256 => {
                let point = P_256.verifying_key().to_encoded_point(false);
                json!({"kty": "EC", "crv": "P-256", "x": base64url(point.x().unwrap()), "y": base64url(point.y().unwrap())})
            }
            Self::Ed25519 => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(ed25519().verifying_key().as_bytes())})
            }
            Self::Rsa => {
                json!({"kty": "RSA", "n": base64url(RSA.n().to_bytes_be()), "e": base64url(RSA.e().to_bytes_be())})
            }
        }
    }

    /// The algorithms that it signs by.
    fn algorithms(self) -> &'static [&'static str] {
        match self {
            Self::P256 => &["ES256"],
            Self::Ed25519 => &["EdDSA", "Ed25519"],
            Self::Rsa => &["PS256", "RS256"],
        }
    }

    fn algorithm(self) -> &'static str {
        self.algorithms()[0]
    }

    /// Signs, by RSA with PSS unless it is RS256.
    fn sign(self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        use rsa::sha2::{Digest as _, Sha256};
        match self {
            Self::P256 => {
                let signature: p256::ecdsa::Signature = P_256.sign(message);
                signature.to_vec()
            }
            Self::Ed25519 => ed25519().sign(message).to_bytes().to_vec(),
            Self::Rsa => {
                let digest = Sha256::digest(message);
                if algorithm == "RS256" {
                    return RSA.sign(rsa::Pkcs1v15Sign::new::<Sha256>(), &digest).unwrap();
                }
                RSA.sign_with_rng(&mut rsa::rand_core::OsRng, rsa::Pss::new::<Sha256>(), &digest).unwrap()
            }
        }
    }

    /// A JWT of this header and these claims, signed by what the header says.
    fn jwt(self, header: &Value, claims: &Value) -> String {
        let algorithm = header["alg"].as_str().unwrap_or_default().to_owned();
        signed(&header.to_string(), &claims.to_string(), |message| self.sign(&algorithm, message))
    }

    /// A JWK set of the one key, named by its kind.
    fn keys(self) -> ClientKeys {
        set(&[self.named_jwk()])
    }

    fn named_jwk(self) -> Value {
        with(&self.jwk(), "kid", json!(self.kid()))
    }

    fn kid(self) -> String {
        format!("{self:?}")
    }
}

/// A JWT of this header and these claims, as texts.
fn signed(header: &str, claims: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let message = format!("{}.{}", base64url(header), base64url(claims));
    let signature = base64url(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

fn hs256(secret: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

fn set(keys: &[Value]) -> ClientKeys {
    ClientKeys::from_json(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

/// The same object with another member.
fn with(object: &Value, name: &str, value: Value) -> Value {
    let mut object = object.clone();
    object[name] = value;
    object
}

fn without(object: &Value, name: &str) -> Value {
    let mut object = object.clone();
    object.as_object_mut().unwrap().remove(name);
    object
}

/// A header that a proof has.
fn proof_header(holder: Holder) -> Value {
    json!({"typ": "dpop+jwt", "alg": holder.algorithm(), "jwk": holder.jwk()})
}

fn proof_claims() -> Value {
    json!({"jti": "-BwC3ESc6acc2lTc", "htm": "POST", "htu": "https://id.example/token", "iat": NOW_SECS})
}

/// A header that an assertion or a request object has.
fn named_header(holder: Holder) -> Value {
    json!({"alg": holder.algorithm(), "kid": holder.kid()})
}

fn assertion_claims() -> Value {
    json!({"iss": CLIENT, "sub": CLIENT, "aud": ISSUER, "jti": "one", "iat": NOW_SECS, "exp": NOW_SECS + 60})
}

/// Whoever vouches for somebody.
const IDP: &str = "https://idp.example";

fn grant_claims() -> Value {
    json!({
        "iss": IDP, "sub": "U019488227", "aud": ISSUER, "jti": "one", "iat": NOW_SECS, "exp": NOW_SECS + 60, "client_id": CLIENT,
    })
}

fn request_claims() -> Value {
    json!({
        "iss": CLIENT, "aud": ISSUER, "exp": NOW_SECS + 60, "iat": NOW_SECS, "client_id": CLIENT, "response_type": "code",
        "redirect_uri": "https://app.example/cb", "scope": "openid",
    })
}
