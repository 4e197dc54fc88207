//! A stranger's public key (RFC 7517, RFC 7518 section 6, RFC 8037 section 2).

use serde_json::Value;

use super::json::Object;
use crate::token::{PublicKey, decode};

/// Why a JWK is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JwkFault {
    /// No object, or a member that its kind of key must have is missing, of another type or length, or not canonical base64url.
    #[error("a JWK that cannot be read")]
    Malformed,
    /// It has a member of a private key. Such a key is known to more than one, and proves nothing any more.
    #[error("a private key where a public one belongs")]
    Private,
    /// A secret (`kty` is `oct`): no public key at all.
    #[error("a secret where a public key belongs")]
    Symmetric,
    /// Neither P-256 nor Ed25519 nor RSA.
    #[error("a key of another kind than P-256, Ed25519 and RSA")]
    Unsupported,
    /// RSA of fewer than 2048 bits (RFC 7518 section 3.3) or of more than 4096, or of another exponent than 65537.
    #[error("an RSA key of another size or exponent")]
    Rsa,
    /// A point of Ed25519 by which anybody can sign.
    #[error("a key by which anybody can sign")]
    Weak,
}

/// What a private or secret key has (RFC 7518 sections 6.2.2, 6.3.2 and 6.4, RFC 8037 section 2), and what the newest kind
/// calls its private part.
const PRIVATE: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/// The eight points whose order divides the cofactor, and their other encodings, without the sign. By such a key one signature is good for
/// any message, so whoever has seen the key can sign by it (RFC 8032 section 5.1.7, RFC 7748 section 6.1).
const SMALL_ORDER: [[u8; 32]; 7] = [
    point(0, 0, 0),
    point(1, 0, 0),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    point(0xec, 0xff, 0x7f),
    point(0xed, 0xff, 0x7f),
    point(0xee, 0xff, 0x7f),
];

const fn point(first: u8, middle: u8, last: u8) -> [u8; 32] {
    let mut bytes = [middle; 32];
    (bytes[0], bytes[31]) = (first, last);
    bytes
}

/// Whether it has a member of a private or secret key.
pub(super) fn is_private(jwk: &Object) -> bool {
    PRIVATE.iter().any(|name| jwk.contains_key(*name))
}

/// Reads the key. What it says of its use is for the caller.
pub(super) fn read_public_key(jwk: &Object) -> Result<PublicKey, JwkFault> {
    let kty = text(jwk, "kty")?;
    if kty == "oct" {
        return Err(JwkFault::Symmetric);
    }
    if is_private(jwk) {
        return Err(JwkFault::Private);
    }
    match kty {
        "EC" if text(jwk, "crv")? == "P-256" => Ok(PublicKey::P256 { x: field(jwk, "x")?, y: field(jwk, "y")? }),
        "OKP" if text(jwk, "crv")? == "Ed25519" => ed25519(field(jwk, "x")?),
        "RSA" => {
            let n = bytes(jwk, "n")?;
            let e = bytes(jwk, "e")?;
            rsa(n, e)
        }
        _ => Err(JwkFault::Unsupported),
    }
}

pub(super) fn ed25519(x: [u8; 32]) -> Result<PublicKey, JwkFault> {
    let mut unsigned = x;
    unsigned[31] &= 0x7f;
    if SMALL_ORDER.contains(&unsigned) { Err(JwkFault::Weak) } else { Ok(PublicKey::Ed25519 { x }) }
}

/// One key has one form: no zeros in front (RFC 7518 section 6.3.1.1), or it would have two thumbprints. Modulus and exponent are
/// bounded, since the check of a signature takes longer the larger they are.
pub(super) fn rsa(n: Vec<u8>, e: Vec<u8>) -> Result<PublicKey, JwkFault> {
    let (Some(first), Some(last)) = (n.first(), n.last()) else { return Err(JwkFault::Malformed) };
    if *first == 0 {
        return Err(JwkFault::Malformed);
    }
    let bits = n.len() * 8 - first.leading_zeros() as usize;
    let is_odd = last % 2 == 1;
    if !(2_048..=4_096).contains(&bits) || !is_odd || e != [1, 0, 1] {
        return Err(JwkFault::Rsa);
    }
    Ok(PublicKey::Rsa { n, e })
}

fn text<'a>(jwk: &'a Object, name: &str) -> Result<&'a str, JwkFault> {
    jwk.get(name).and_then(Value::as_str).ok_or(JwkFault::Malformed)
}

fn bytes(jwk: &Object, name: &str) -> Result<Vec<u8>, JwkFault> {
    decode(text(jwk, name)?).ok_or(JwkFault::Malformed)
}

/// A number of the curves, at its full width.
fn field(jwk: &Object, name: &str) -> Result<[u8; 32], JwkFault> {
    bytes(jwk, name)?.try_into().map_err(|_| JwkFault::Malformed)
}
