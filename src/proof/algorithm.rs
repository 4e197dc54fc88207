//! What strangers may sign by.

use std::fmt;

use crate::token::PublicKey;

/// An algorithm that a client's key signs by: a proof (RFC 9449), an assertion (RFC 7523), a request object (RFC 9101). By its
/// name in RFC 7518 section 3.1, RFC 8037 section 3.1 or RFC 9864 section 2.2. All are asymmetric.
///
/// ```
/// use regrant::jwt::JwsAlgorithm;
/// assert_eq!(JwsAlgorithm::from_name("PS256"), Some(JwsAlgorithm::Ps256));
/// assert_eq!(JwsAlgorithm::from_name("none"), None);
/// assert_eq!(JwsAlgorithm::ALL.map(JwsAlgorithm::as_str), ["ES256", "PS256", "RS256", "EdDSA", "Ed25519"]);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum JwsAlgorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PKCS1-v1_5 with SHA-256. The FAPI 2.0 Security Profile forbids it (section 5.4.1).
    Rs256,
    /// Ed25519 under the name that RFC 8037 gave it.
    EdDsa,
    /// Ed25519 under its newer name (RFC 9864). The signature is the same.
    Ed25519,
}

impl JwsAlgorithm {
    /// All of them, as metadata lists them.
    pub const ALL: [Self; 5] = [Self::Es256, Self::Ps256, Self::Rs256, Self::EdDsa, Self::Ed25519];

    /// The one of this name, in the letters of the registry: names are compared to the letter (RFC 7515 section 4.1.1).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Ps256 => "PS256",
            Self::Rs256 => "RS256",
            Self::EdDsa => "EdDSA",
            Self::Ed25519 => "Ed25519",
        }
    }

    /// Whether both are one algorithm: Ed25519 has two names.
    pub(super) fn is(self, other: Self) -> bool {
        self.as_jose() == other.as_jose()
    }

    /// Whether keys of this kind sign by it: the type of the key decides, never the header (RFC 8725 section 3.1).
    pub(super) const fn is_of(self, key: &PublicKey) -> bool {
        match key {
            PublicKey::Rsa { .. } => matches!(self, Self::Ps256 | Self::Rs256),
            PublicKey::P256 { .. } => matches!(self, Self::Es256),
            PublicKey::Ed25519 { .. } => matches!(self, Self::EdDsa | Self::Ed25519),
        }
    }

    pub(super) const fn as_jose(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::Ps256 => jsonwebtoken::Algorithm::PS256,
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
            Self::EdDsa | Self::Ed25519 => jsonwebtoken::Algorithm::EdDSA,
        }
    }
}

impl fmt::Display for JwsAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
