//! Private keys as text: PEM (RFC 7468 section 10) around PKCS#8 (RFC 5958), read far enough to tell what key it is and
//! whether it is one to sign with. What is inside is for the backend to check.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::SigningAlgorithm;
use super::key::SigningKeyError;

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";
/// Characters in a line.
const LINE: usize = 64;
/// An RSA key of 4096 bits takes a fifth of it.
const MAX_PEM_LEN: usize = 16 * 1_024;

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const NULL: u8 = 0x05;
const OBJECT_ID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
/// Attributes, and the public key of version 2.
const ATTRIBUTES: u8 = 0xa0;
const PUBLIC_KEY: u8 = 0x81;

/// 1.2.840.113549.1.1.1
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// 1.2.840.10045.2.1
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// 1.2.840.10045.3.1.7
const P_256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// 1.3.101.112
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// What stands before the 32 bytes of an Ed25519 key (RFC 8410 section 7).
const ED25519_PREFIX: [u8; 16] = [
    SEQUENCE,
    0x2e,
    INTEGER,
    1,
    0,
    SEQUENCE,
    5,
    OBJECT_ID,
    3,
    0x2b,
    0x65,
    0x70,
    OCTET_STRING,
    0x22,
    OCTET_STRING,
    0x20,
];

/// The bytes between the PEM lines. One block with that label, nothing before or after it but white space.
pub(super) fn from_pem(pem: &str) -> Result<Zeroizing<Vec<u8>>, SigningKeyError> {
    let body = pem
        .trim_ascii()
        .strip_prefix(BEGIN)
        .and_then(|rest| rest.strip_suffix(END))
        .filter(|body| body.starts_with(['\n', '\r']) && body.len() <= MAX_PEM_LEN)
        .ok_or(SigningKeyError::Pem)?;
    // Of full size from the start: a buffer that grows leaves copies behind.
    let mut text = Zeroizing::new(Vec::with_capacity(body.len()));
    text.extend(body.bytes().filter(|byte| !byte.is_ascii_whitespace()));
    let mut der = Zeroizing::new(vec![0; text.len()]);
    let len = STANDARD.decode_slice(&*text, &mut der).map_err(|_| SigningKeyError::Pem)?;
    der.truncate(len);
    Ok(der)
}

/// Writes them between PEM lines.
pub(super) fn to_pem(der: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(vec![0; der.len().div_ceil(3) * 4]);
    let len = STANDARD.encode_slice(der, &mut text).unwrap_or_default();
    let text = std::str::from_utf8(&text[..len]).unwrap_or_default();
    let mut pem = Zeroizing::new(String::with_capacity(BEGIN.len() + END.len() + text.len() + text.len() / LINE + 4));
    pem.push_str(BEGIN);
    for (at, letter) in text.chars().enumerate() {
        if at % LINE == 0 {
            pem.push('\n');
        }
        pem.push(letter);
    }
    pem.push('\n');
    pem.push_str(END);
    pem.push('\n');
    pem
}

/// The PKCS#8 form of an Ed25519 key: any 32 bytes are one.
#[cfg_attr(not(any(feature = "jwt-aws-lc-rs", feature = "jwt-rust-crypto")), expect(dead_code, reason = "no backend"))]
pub(super) fn ed25519_pkcs8(seed: &[u8; 32]) -> Zeroizing<Vec<u8>> {
    let mut der = Zeroizing::new(Vec::with_capacity(ED25519_PREFIX.len() + seed.len()));
    der.extend_from_slice(&ED25519_PREFIX);
    der.extend_from_slice(seed);
    der
}

/// A private key, and the bytes that the backend reads it from.
pub(super) struct PrivateKey<'a> {
    pub(super) algorithm: SigningAlgorithm,
    /// For RSA what PKCS#8 wraps, which is PKCS#1; else all of it.
    pub(super) der: &'a [u8],
}

/// Tells what key it is. Strict DER, so that a key has one form.
pub(super) fn parse(pkcs8: &[u8]) -> Result<PrivateKey<'_>, SigningKeyError> {
    let (oid, parameters, key) = unwrap(pkcs8).ok_or(SigningKeyError::Pkcs8)?;
    match oid {
        RSA_ENCRYPTION if parameters == [NULL, 0] => {
            if !(2_048..=4_096).contains(&modulus_bits(key).ok_or(SigningKeyError::Pkcs8)?) {
                return Err(SigningKeyError::RsaSize);
            }
            Ok(PrivateKey { algorithm: SigningAlgorithm::Rs256, der: key })
        }
        EC_PUBLIC_KEY if Der(parameters).only(OBJECT_ID) == Some(P_256) => {
            Ok(PrivateKey { algorithm: SigningAlgorithm::Es256, der: pkcs8 })
        }
        ED25519 if parameters.is_empty() => Ok(PrivateKey { algorithm: SigningAlgorithm::EdDsa, der: pkcs8 }),
        _ => Err(SigningKeyError::Unsupported),
    }
}

/// The algorithm's name and parameters, and the wrapped key.
fn unwrap(pkcs8: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let mut info = Der(Der(pkcs8).only(SEQUENCE)?);
    if !matches!(info.take(INTEGER)?, [0 | 1]) {
        return None;
    }
    let mut algorithm = Der(info.take(SEQUENCE)?);
    let oid = algorithm.take(OBJECT_ID)?;
    let key = info.take(OCTET_STRING)?;
    for optional in [ATTRIBUTES, PUBLIC_KEY] {
        if info.0.first() == Some(&optional) {
            info.take(optional)?;
        }
    }
    info.0.is_empty().then_some((oid, algorithm.0, key))
}

/// How many bits the modulus of a PKCS#1 key of two primes has (RFC 8017 appendix A.1.2).
fn modulus_bits(pkcs1: &[u8]) -> Option<usize> {
    let mut key = Der(Der(pkcs1).only(SEQUENCE)?);
    if key.take(INTEGER)? != [0] {
        return None;
    }
    let modulus = key.take(INTEGER)?;
    // A leading zero keeps a number positive whose first bit is set.
    let modulus = match modulus {
        [0, rest @ ..] => rest,
        [first, ..] if *first < 0x80 => modulus,
        _ => return None,
    };
    let zeros = usize::try_from(modulus.first()?.leading_zeros()).ok()?;
    (modulus.len() * 8).checked_sub(zeros)
}

/// What is still to be read.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The content of the next element, which must have this tag.
    fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (len, rest) = match self.0 {
            [found, ..] if *found != tag => return None,
            [_, len @ 0..=0x7f, rest @ ..] | [_, 0x81, len @ 0x80..=0xff, rest @ ..] => (usize::from(*len), rest),
            [_, 0x82, high @ 1..=0xff, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(len)?;
        self.0 = rest;
        Some(content)
    }

    /// The same, where nothing may follow.
    fn only(mut self, tag: u8) -> Option<&'a [u8]> {
        let content = self.take(tag)?;
        self.0.is_empty().then_some(content)
    }
}
