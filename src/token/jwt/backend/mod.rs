//! Who computes signatures. Everything goes through the tables of functions that `jsonwebtoken` has for each backend, and
//! never through its process-wide choice: that one panics where both backends are compiled in and nobody chose, and it is
//! the host's to make. Only signing goes past the table, which would read the key again for each signature.

#[cfg(feature = "jwt-aws-lc-rs")]
mod aws_lc;
#[cfg(all(feature = "jwt-rust-crypto", not(feature = "jwt-aws-lc-rs")))]
mod rust_crypto;

#[cfg(not(any(feature = "jwt-aws-lc-rs", feature = "jwt-rust-crypto")))]
mod none;

#[cfg(feature = "jwt-aws-lc-rs")]
use aws_lc as chosen;
#[cfg(not(any(feature = "jwt-aws-lc-rs", feature = "jwt-rust-crypto")))]
use none as chosen;
#[cfg(all(feature = "jwt-rust-crypto", not(feature = "jwt-aws-lc-rs")))]
use rust_crypto as chosen;

use jsonwebtoken::crypto::CryptoProvider;
use jsonwebtoken::jwk::EllipticCurve;
use jsonwebtoken::{Algorithm, DecodingKey};
use zeroize::Zeroizing;

use super::SigningAlgorithm;
use super::compact::SigningFailed;
use super::key_error::SigningKeyError;
use super::pkcs8::PrivateKey;
use super::public::PublicKey;

/// A private key and its public half, as the backend takes them.
pub(super) struct KeyPair {
    provider: &'static CryptoProvider,
    algorithm: SigningAlgorithm,
    private: chosen::Signer,
    public: DecodingKey,
}

impl KeyPair {
    /// Takes a key that has proven itself: it signs, and what it signs verifies.
    pub(super) fn load(key: &PrivateKey<'_>) -> Result<(Self, PublicKey), SigningKeyError> {
        let provider = chosen::provider().ok_or(SigningKeyError::NoBackend)?;
        let private = chosen::Signer::load(key).ok_or(SigningKeyError::Invalid)?;
        let parts = public_half(provider, key).ok_or(SigningKeyError::Invalid)?;
        let public = verifying(&parts);
        let pair = Self { provider, algorithm: key.algorithm, private, public };
        let trial = b"regrant";
        let proven = pair.sign(trial).is_ok_and(|signature| pair.verify(trial, &signature));
        if proven { Ok((pair, parts)) } else { Err(SigningKeyError::Invalid) }
    }

    /// The raw signature over these bytes.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningFailed> {
        self.private.sign(message).ok_or(SigningFailed)
    }

    /// Whether that is a signature of it.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        is_signature(self.provider, self.algorithm.as_jose(), &self.public, message, signature)
    }
}

/// Whether that is a signature of it by a stranger's key, which nobody has tried yet. The algorithm must be one of the key's;
/// a key that is none signs nothing.
#[cfg(feature = "proof")]
pub(crate) fn verify(key: &PublicKey, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
    let Some(provider) = chosen::provider() else { return false };
    is_signature(provider, algorithm, &verifying(key), message, signature)
}

fn is_signature(
    provider: &CryptoProvider,
    algorithm: Algorithm,
    key: &DecodingKey,
    message: &[u8],
    signature: &[u8],
) -> bool {
    (provider.verifier_factory)(&algorithm, key)
        .is_ok_and(|verifier| verifier.verify(message, &signature.to_vec()).is_ok())
}

/// A public key as the backends take it.
fn verifying(key: &PublicKey) -> DecodingKey {
    match key {
        PublicKey::Rsa { n, e } => DecodingKey::from_rsa_raw_components(n, e),
        PublicKey::P256 { x, y } => {
            let mut point = Vec::with_capacity(65);
            point.push(4);
            point.extend_from_slice(x);
            point.extend_from_slice(y);
            DecodingKey::from_ec_der(&point)
        }
        PublicKey::Ed25519 { x } => DecodingKey::from_ed_der(x),
    }
}

/// A new key, as PKCS#8.
pub(super) fn generate(algorithm: SigningAlgorithm) -> Result<Zeroizing<Vec<u8>>, SigningKeyError> {
    chosen::generate(algorithm)
}

/// The public half, computed from the private one.
fn public_half(provider: &CryptoProvider, key: &PrivateKey<'_>) -> Option<PublicKey> {
    let utils = &provider.key_utils;
    match key.algorithm {
        SigningAlgorithm::Rs256 => {
            let (n, e) = (utils.rsa_pub_components_from_private_key)(key.der).ok()?;
            Some(PublicKey::Rsa { n, e })
        }
        SigningAlgorithm::Es256 => {
            let (_, x, y) = (utils.ec_pub_components_from_private_key)(key.der, key.algorithm.as_jose()).ok()?;
            Some(PublicKey::P256 { x: x.try_into().ok()?, y: y.try_into().ok()? })
        }
        SigningAlgorithm::EdDsa => {
            let x = (utils.ed_pub_components_from_private_key)(key.der, &EllipticCurve::Ed25519).ok()?;
            Some(PublicKey::Ed25519 { x: x.try_into().ok()? })
        }
    }
}
