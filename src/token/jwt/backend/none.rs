//! No backend: the types are there, keys are not.

use jsonwebtoken::crypto::CryptoProvider;
use zeroize::Zeroizing;

use super::{PrivateKey, SigningAlgorithm, SigningKeyError};

pub(super) const fn provider() -> Option<&'static CryptoProvider> {
    None
}

pub(super) enum Signer {}

impl Signer {
    pub(super) const fn load(_: &PrivateKey<'_>) -> Option<Self> {
        None
    }

    pub(super) const fn sign(&self, _: &[u8]) -> Option<Vec<u8>> {
        match *self {}
    }
}

pub(super) const fn generate(_: SigningAlgorithm) -> Result<Zeroizing<Vec<u8>>, SigningKeyError> {
    Err(SigningKeyError::NoBackend)
}
