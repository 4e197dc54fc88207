//! What a token can be signed by.

use std::fmt;

use jsonwebtoken::Algorithm;

/// An algorithm that signs tokens, by its name in RFC 7518 section 3.1 and RFC 8037 section 3.1.
///
/// Which one a [`SigningKey`](crate::jwt::SigningKey) signs by follows from what key it is.
///
/// ```
/// use regrant::jwt::SigningAlgorithm;
/// assert_eq!(SigningAlgorithm::Rs256.as_str(), "RS256");
/// assert_eq!(SigningAlgorithm::EdDsa.to_string(), "EdDSA");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum SigningAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256: what every client understands.
    Rs256,
    /// ECDSA on P-256 with SHA-256: short signatures.
    Es256,
    /// Ed25519: short signatures, fast on both ends.
    EdDsa,
}

impl SigningAlgorithm {
    /// The name in the `alg` header.
    ///
    /// ```
    /// assert_eq!(regrant::jwt::SigningAlgorithm::Es256.as_str(), "ES256");
    /// ```
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    pub(super) const fn as_jose(self) -> Algorithm {
        match self {
            Self::Rs256 => Algorithm::RS256,
            Self::Es256 => Algorithm::ES256,
            Self::EdDsa => Algorithm::EdDSA,
        }
    }
}

impl fmt::Display for SigningAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
