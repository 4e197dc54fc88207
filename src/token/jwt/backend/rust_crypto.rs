//! Rust's own crates.

use ed25519_dalek::Signer as _;
use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use jsonwebtoken::crypto::{CryptoProvider, rust_crypto};
use p256::ecdsa::Signature;
use p256::pkcs8::EncodePrivateKey as _;
use rsa::pkcs1::DecodeRsaPrivateKey as _;
use rsa::rand_core::OsRng;
use rsa::sha2::{Digest as _, Sha256};
use rsa::{Pkcs1v15Sign, RsaPrivateKey};
use zeroize::Zeroizing;

use super::super::pkcs8;
use super::{PrivateKey, SigningAlgorithm, SigningKeyError};

#[expect(clippy::unnecessary_wraps, reason = "without a backend there is none")]
pub(super) fn provider() -> Option<&'static CryptoProvider> {
    Some(&rust_crypto::DEFAULT_PROVIDER)
}

/// A key that was read once: `jsonwebtoken` reads it for each signature, and each time computes the public half, or checks the
/// primes, which takes as long as to sign. All wipe what they free.
pub(super) enum Signer {
    Rsa(Box<RsaPrivateKey>),
    P256(Box<p256::ecdsa::SigningKey>),
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

impl Signer {
    pub(super) fn load(key: &PrivateKey<'_>) -> Option<Self> {
        match key.algorithm {
            SigningAlgorithm::Rs256 => RsaPrivateKey::from_pkcs1_der(key.der).ok().map(Box::new).map(Self::Rsa),
            SigningAlgorithm::Es256 => {
                p256::ecdsa::SigningKey::from_pkcs8_der(key.der).ok().map(Box::new).map(Self::P256)
            }
            SigningAlgorithm::EdDsa => {
                ed25519_dalek::SigningKey::from_pkcs8_der(key.der).ok().map(Box::new).map(Self::Ed25519)
            }
        }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        match self {
            // Blinded by a random number: how long the bare operation takes tells of the key (RUSTSEC-2023-0071). One whose "primes" are
            // none comes through the checks of its crate, and then cannot sign.
            Self::Rsa(key) => {
                let digest = Sha256::digest(message);
                key.sign_with_rng(&mut OsRng, Pkcs1v15Sign::new::<Sha256>(), &digest).ok()
            }
            Self::P256(key) => key.try_sign(message).ok().map(|signature: Signature| signature.to_vec()),
            Self::Ed25519(key) => key.try_sign(message).ok().map(|signature| signature.to_vec()),
        }
    }
}

pub(super) fn generate(algorithm: SigningAlgorithm) -> Result<Zeroizing<Vec<u8>>, SigningKeyError> {
    let der = match algorithm {
        SigningAlgorithm::Rs256 => RsaPrivateKey::new(&mut OsRng, 2_048).ok().and_then(|key| key.to_pkcs8_der().ok()),
        SigningAlgorithm::Es256 => p256::SecretKey::random(&mut OsRng).to_pkcs8_der().ok(),
        SigningAlgorithm::EdDsa => return pkcs8::ed25519(&Zeroizing::new(rand::random())),
    };
    der.map(|der| Zeroizing::new(der.as_bytes().to_vec())).ok_or(SigningKeyError::Generation)
}
