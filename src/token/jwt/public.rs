//! The public half of a signing key: the JWK that clients verify with, and the thumbprint that names it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::SigningAlgorithm;
use crate::token::text::encode_exact;

/// Characters of a thumbprint.
pub(super) const KID_LEN: usize = 43;

/// Numbers big-endian, those of the curves at their full width (RFC 7518 section 6, RFC 8037 section 2).
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum PublicKey {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256 { x: [u8; 32], y: [u8; 32] },
    Ed25519 { x: [u8; 32] },
}

impl PublicKey {
    /// The text of the thumbprint.
    pub(super) fn kid(&self) -> [u8; KID_LEN] {
        encode_exact(&self.thumbprint())
    }

    /// The SHA-256 thumbprint (RFC 7638 section 3): the required members alone, by name, without white space.
    pub(crate) fn thumbprint(&self) -> [u8; 32] {
        let members = match self {
            Self::Rsa { n, e } => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, text(e), text(n)),
            Self::P256 { x, y } => format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, text(x), text(y)),
            Self::Ed25519 { x } => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, text(x)),
        };
        Sha256::digest(members).into()
    }

    /// The members of the JWK that are the key, by name.
    #[cfg(feature = "proof")]
    pub(crate) fn members(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Rsa { n, e } => vec![("e", text(e)), ("kty", "RSA".to_owned()), ("n", text(n))],
            Self::P256 { x, y } => {
                vec![("crv", "P-256".to_owned()), ("kty", "EC".to_owned()), ("x", text(x)), ("y", text(y))]
            }
            Self::Ed25519 { x } => vec![("crv", "Ed25519".to_owned()), ("kty", "OKP".to_owned()), ("x", text(x))],
        }
    }

    /// The JWK (RFC 7517 section 4). Nothing in it needs escaping: names, and base64url.
    pub(super) fn jwk(&self, algorithm: SigningAlgorithm, kid: &str) -> String {
        let key = match self {
            Self::Rsa { n, e } => format!(r#""n":"{}","e":"{}""#, text(n), text(e)),
            Self::P256 { x, y } => format!(r#""crv":"P-256","x":"{}","y":"{}""#, text(x), text(y)),
            Self::Ed25519 { x } => format!(r#""crv":"Ed25519","x":"{}""#, text(x)),
        };
        let kty = match self {
            Self::Rsa { .. } => "RSA",
            Self::P256 { .. } => "EC",
            Self::Ed25519 { .. } => "OKP",
        };
        format!(r#"{{"kty":"{kty}","use":"sig","alg":"{algorithm}","kid":"{kid}",{key}}}"#)
    }
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
