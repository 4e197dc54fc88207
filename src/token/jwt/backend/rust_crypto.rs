//! Rust's own crates.

use jsonwebtoken::crypto::{CryptoProvider, rust_crypto};
use jsonwebtoken::{Algorithm, EncodingKey};
use p256::pkcs8::EncodePrivateKey as _;
use rsa::RsaPrivateKey;
use rsa::pkcs1::DecodeRsaPrivateKey as _;
use rsa::pkcs1v15::Pkcs1v15Sign;
use rsa::rand_core::OsRng;
use zeroize::Zeroizing;

use super::super::pkcs8;
use super::{PrivateKey, SigningAlgorithm, SigningKeyError};

#[expect(clippy::unnecessary_wraps, reason = "without a backend there is none")]
pub(super) fn provider() -> Option<&'static CryptoProvider> {
    Some(&rust_crypto::DEFAULT_PROVIDER)
}

/// A key as `jsonwebtoken` takes it.
pub(super) struct Signer {
    algorithm: Algorithm,
    key: EncodingKey,
}

impl Signer {
    pub(super) fn load(key: &PrivateKey<'_>) -> Option<Self> {
        let encoding_key = match key.algorithm {
            SigningAlgorithm::Rs256 => {
                // An RSA key whose "primes" are none comes through the checks of its crate and then cannot sign, which
                // is an error here and would be a panic one layer up. So it signs here first.
                let trial = RsaPrivateKey::from_pkcs1_der(key.der).ok()?;
                trial.sign_with_rng(&mut OsRng, Pkcs1v15Sign::new_unprefixed(), &[7; 32]).ok()?;
                EncodingKey::from_rsa_der(key.der)
            }
            SigningAlgorithm::Es256 => EncodingKey::from_ec_der(key.der),
            SigningAlgorithm::EdDsa => EncodingKey::from_ed_der(key.der),
        };
        Some(Self { algorithm: key.algorithm.as_jose(), key: encoding_key })
    }

    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let signer = (rust_crypto::DEFAULT_PROVIDER.signer_factory)(&self.algorithm, &self.key).ok()?;
        signer.try_sign(message).ok()
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
