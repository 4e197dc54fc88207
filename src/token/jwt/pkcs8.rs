//! Private keys as text: PEM (RFC 7468 section 10) around PKCS#8 (RFC 5958), read by the crate of that name, far enough to
//! tell what key it is. What is inside is for the backend to check.

use pkcs8::der::asn1::{AnyRef, UintRef};
use pkcs8::der::pem::{LineEnding, PemLabel as _};
use pkcs8::der::{Decode as _, Encode as _, Reader as _};
use pkcs8::{AlgorithmIdentifierRef, ObjectIdentifier, PrivateKeyInfo, SecretDocument};
use zeroize::Zeroizing;

use super::SigningAlgorithm;
use super::key_error::SigningKeyError;

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// A private key, and the bytes that the backend reads it from.
pub(super) struct PrivateKey<'a> {
    pub(super) algorithm: SigningAlgorithm,
    /// For RSA what PKCS#8 wraps, which is PKCS#1; else all of it.
    pub(super) der: &'a [u8],
}

/// The bytes of the one PEM block, which is wiped when dropped.
pub(super) fn from_pem(pem: &str) -> Result<SecretDocument, SigningKeyError> {
    match SecretDocument::from_pem(pem.trim_ascii()) {
        Ok((PrivateKeyInfo::PEM_LABEL, document)) => Ok(document),
        _ => Err(SigningKeyError::Pem),
    }
}

/// Writes them as a PEM block.
pub(super) fn to_pem(der: &[u8]) -> Result<Zeroizing<String>, SigningKeyError> {
    SecretDocument::try_from(der)
        .and_then(|document| document.to_pem(PrivateKeyInfo::PEM_LABEL, LineEnding::LF))
        .map_err(|_| SigningKeyError::Pkcs8)
}

/// The PKCS#8 form of an Ed25519 key (RFC 8410 section 7): any 32 bytes are one.
#[cfg_attr(not(any(feature = "jwt-aws-lc-rs", feature = "jwt-rust-crypto")), expect(dead_code, reason = "no backend"))]
pub(super) fn ed25519(seed: &[u8; 32]) -> Result<Zeroizing<Vec<u8>>, SigningKeyError> {
    // An octet string within the octet string.
    let mut key = Zeroizing::new([0; 34]);
    key[..2].copy_from_slice(&[0x04, 0x20]);
    key[2..].copy_from_slice(seed);
    let info = PrivateKeyInfo::new(AlgorithmIdentifierRef { oid: ED25519, parameters: None }, &*key);
    info.to_der().map(Zeroizing::new).map_err(|_| SigningKeyError::Generation)
}

/// Tells what key it is.
pub(super) fn parse(der: &[u8]) -> Result<PrivateKey<'_>, SigningKeyError> {
    let info = PrivateKeyInfo::try_from(der).map_err(|_| SigningKeyError::Pkcs8)?;
    match (info.algorithm.oid, info.algorithm.parameters) {
        (RSA_ENCRYPTION, _) => match modulus_bits(info.private_key) {
            Ok(2_048..=4_096) => Ok(PrivateKey { algorithm: SigningAlgorithm::Rs256, der: info.private_key }),
            Ok(_) => Err(SigningKeyError::RsaSize),
            Err(_) => Err(SigningKeyError::Pkcs8),
        },
        (EC_PUBLIC_KEY, _) if info.algorithm.parameters_oid() == Ok(P_256) => {
            Ok(PrivateKey { algorithm: SigningAlgorithm::Es256, der })
        }
        (ED25519, None) => Ok(PrivateKey { algorithm: SigningAlgorithm::EdDsa, der }),
        _ => Err(SigningKeyError::Unsupported),
    }
}

/// How many bits the modulus of a PKCS#1 key has (RFC 8017 appendix A.1.2). Asked here, since a backend that takes no key of
/// that size does not say so.
fn modulus_bits(pkcs1: &[u8]) -> Result<usize, pkcs8::der::Error> {
    AnyRef::from_der(pkcs1)?.sequence(|key| {
        let _version: UintRef<'_> = key.decode()?;
        let modulus: UintRef<'_> = key.decode()?;
        while !key.is_finished() {
            let _: AnyRef<'_> = key.decode()?;
        }
        let bytes = modulus.as_bytes();
        let zeros = bytes.first().map_or(0, |first| first.leading_zeros() as usize);
        Ok(bytes.len() * 8 - zeros)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7518 section 3.3: 2048 bits or more, counted from the highest that is set.
    #[test]
    fn bits_are_those_of_the_number() {
        for (first, bits) in [(0xff, 2_048), (0x80, 2_048), (0x7f, 2_047), (0x01, 2_041)] {
            let mut modulus = [0xff; 256];
            modulus[0] = first;
            let modulus = UintRef::new(&modulus).unwrap().to_der().unwrap();
            let version = UintRef::new(&[0]).unwrap().to_der().unwrap();
            let members = [version, modulus].concat();
            let key = AnyRef::new(pkcs8::der::Tag::Sequence, &members).unwrap().to_der().unwrap();
            assert_eq!(modulus_bits(&key), Ok(bits), "{first:x}");
        }
    }
}
