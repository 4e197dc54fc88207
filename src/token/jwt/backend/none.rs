//! No backend: the types are there, keys are not.

use jsonwebtoken::crypto::CryptoProvider;
use zeroize::Zeroizing;

use super::{PrivateKey, SigningAlgorithm, SigningKeyError};

pub(super) const fn provider() -> Option<&'static CryptoProvider> {
    None
}

pub(super) const fn accepts(_: &PrivateKey<'_>) -> bool {
    false
}

pub(super) const fn generate(_: SigningAlgorithm) -> Result<Zeroizing<Vec<u8>>, SigningKeyError> {
    Err(SigningKeyError::NoBackend)
}
