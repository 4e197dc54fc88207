//! AWS-LC.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use jsonwebtoken::crypto::{CryptoProvider, aws_lc};
use zeroize::Zeroizing;

use super::super::der::ed25519_pkcs8;
use super::{PrivateKey, SigningAlgorithm, SigningKeyError};

#[expect(clippy::unnecessary_wraps, reason = "without a backend there is none")]
pub(super) fn provider() -> Option<&'static CryptoProvider> {
    Some(&aws_lc::DEFAULT_PROVIDER)
}

/// It checks all that is to be checked when it reads a key.
pub(super) const fn accepts(_: &PrivateKey<'_>) -> bool {
    true
}

pub(super) fn generate(algorithm: SigningAlgorithm) -> Result<Zeroizing<Vec<u8>>, SigningKeyError> {
    let der = match algorithm {
        SigningAlgorithm::Rs256 => {
            KeyPair::generate(KeySize::Rsa2048).and_then(|key| key.as_der()).map(|der| der.as_ref().to_vec())
        }
        SigningAlgorithm::Es256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .and_then(|key| key.to_pkcs8v1())
            .map(|der| der.as_ref().to_vec()),
        SigningAlgorithm::EdDsa => return Ok(ed25519_pkcs8(&Zeroizing::new(rand::random()))),
    };
    der.map(Zeroizing::new).map_err(|_| SigningKeyError::Generation)
}
