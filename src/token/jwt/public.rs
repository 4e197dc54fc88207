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
pub(super) enum PublicKey {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256 { x: [u8; 32], y: [u8; 32] },
    Ed25519 { x: [u8; 32] },
}

impl PublicKey {
    /// The SHA-256 thumbprint (RFC 7638 section 3): the required members alone, by name, without white space.
    pub(super) fn thumbprint(&self) -> [u8; KID_LEN] {
        let members = match self {
            Self::Rsa { n, e } => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, text(e), text(n)),
            Self::P256 { x, y } => format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, text(x), text(y)),
            Self::Ed25519 { x } => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, text(x)),
        };
        let digest: [u8; 32] = Sha256::digest(members).into();
        encode_exact(&digest)
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
