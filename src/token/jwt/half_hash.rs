//! Half a hash of a token or of the state: what ties an ID token to what came with it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256, Sha512};

use super::SigningAlgorithm;

/// The hash that an algorithm of ID tokens goes with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum HalfHash {
    /// RS256, ES256 and HS256.
    Sha256,
    /// Ed25519, which hashes by SHA-512 inside.
    Sha512,
}

impl HalfHash {
    /// How many characters it has as a claim.
    pub(crate) const fn text_len(self) -> usize {
        match self {
            Self::Sha256 => 22,
            Self::Sha512 => 43,
        }
    }
}

impl From<SigningAlgorithm> for HalfHash {
    fn from(algorithm: SigningAlgorithm) -> Self {
        match algorithm {
            SigningAlgorithm::Rs256 | SigningAlgorithm::Es256 => Self::Sha256,
            SigningAlgorithm::EdDsa => Self::Sha512,
        }
    }
}

/// The left half of the hash of this text, as base64url (OpenID Connect Core section 3.1.3.6): 22 characters by SHA-256, 43 by
/// SHA-512.
pub(crate) fn half_hash(hash: HalfHash, text: &str) -> String {
    match hash {
        HalfHash::Sha256 => URL_SAFE_NO_PAD.encode(&Sha256::digest(text)[..16]),
        HalfHash::Sha512 => URL_SAFE_NO_PAD.encode(&Sha512::digest(text)[..32]),
    }
}
