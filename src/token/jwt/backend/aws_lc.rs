//! AWS-LC.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use jsonwebtoken::crypto::{CryptoProvider, aws_lc};
use zeroize::Zeroizing;

use super::super::pkcs8;
use super::{PrivateKey, SigningAlgorithm, SigningKeyError};

#[expect(clippy::unnecessary_wraps, reason = "without a backend there is none")]
pub(super) fn provider() -> Option<&'static CryptoProvider> {
    Some(&aws_lc::DEFAULT_PROVIDER)
}

/// A key that was read once. AWS-LC wipes what it frees.
pub(super) enum Signer {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Signer {
    pub(super) fn load(key: &PrivateKey<'_>) -> Option<Self> {
        match key.algorithm {
            SigningAlgorithm::Rs256 => RsaKeyPair::from_der(key.der).ok().map(Self::Rsa),
            SigningAlgorithm::Es256 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.der).ok().map(Self::P256)
            }
            SigningAlgorithm::EdDsa => Ed25519KeyPair::from_pkcs8(key.der).ok().map(Self::Ed25519),
        }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).ok()?;
                Some(signature)
            }
            Self::P256(key) => {
                key.sign(&SystemRandom::new(), message).ok().map(|signature| signature.as_ref().to_vec())
            }
            Self::Ed25519(key) => Some(key.sign(message).as_ref().to_vec()),
        }
    }
}

pub(super) fn generate(algorithm: SigningAlgorithm) -> Result<Zeroizing<Vec<u8>>, SigningKeyError> {
    let der = match algorithm {
        SigningAlgorithm::Rs256 => {
            RsaKeyPair::generate(KeySize::Rsa2048).and_then(|key| key.as_der()).map(|der| der.as_ref().to_vec())
        }
        SigningAlgorithm::Es256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .and_then(|key| key.to_pkcs8v1())
            .map(|der| der.as_ref().to_vec()),
        SigningAlgorithm::EdDsa => return pkcs8::ed25519(&Zeroizing::new(rand::random())),
    };
    der.map(Zeroizing::new).map_err(|_| SigningKeyError::Generation)
}
