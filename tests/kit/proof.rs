//! Proofs of possession as a client makes them (RFC 9449 section 4.2), and their nonces.

use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::jwt::signed;

/// A key of a client, by ES256.
#[derive(Clone)]
pub(crate) struct ProofKey(SigningKey);

impl ProofKey {
    /// The same for the same byte.
    pub(crate) fn of(byte: u8) -> Self {
        Self(SigningKey::from_slice(&[byte; 32]).unwrap())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: Signature = self.0.sign(message);
        signature.to_bytes().to_vec()
    }

    pub(crate) fn jwk(&self) -> Value {
        let point = self.0.verifying_key().to_encoded_point(false);
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({"kty": "EC", "crv": "P-256", "x": text(point.x().unwrap()), "y": text(point.y().unwrap())})
    }

    /// RFC 7638 section 3.1, from the text of the specification.
    pub(crate) fn thumbprint(&self) -> String {
        let jwk = self.jwk();
        let members =
            format!(r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#, jwk.get("x").unwrap(), jwk.get("y").unwrap());
        URL_SAFE_NO_PAD.encode(Sha256::digest(members))
    }

    /// A proof for this request; another `jti` each time.
    pub(crate) fn proof(&self, method: &str, url: &str) -> Making {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let jti = format!("jti-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk()});
        Making { key: self.clone(), header, claims: json!({"jti": jti, "htm": method, "htu": url, "iat": super::T0}) }
    }
}

/// A proof that is being made.
#[derive(Clone)]
pub(crate) struct Making {
    key: ProofKey,
    pub(crate) header: Value,
    pub(crate) claims: Value,
}

impl Making {
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims[name] = value.into();
        self
    }

    /// All of it the same, by another key.
    pub(crate) fn by(mut self, key: &ProofKey) -> Self {
        self.header["jwk"] = key.jwk();
        self.key = key.clone();
        self
    }

    pub(crate) fn nonce(self, nonce: &str) -> Self {
        self.with("nonce", nonce)
    }

    /// Of an access token.
    pub(crate) fn ath(self, token: &str) -> Self {
        self.with("ath", URL_SAFE_NO_PAD.encode(Sha256::digest(token)))
    }

    pub(crate) fn sign(&self) -> String {
        self.sign_by(|message| self.key.sign(message))
    }

    /// With a signature that somebody else makes.
    pub(crate) fn sign_by(&self, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
        signed(&self.header, &self.claims, sign)
    }
}
