//! Why a signing key cannot be used.

/// Why there is no key. Says nothing of what was read.
///
/// ```
/// use regrant::jwt::{SigningKey, SigningKeyError};
/// let pkcs1 = "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n";
/// assert_eq!(SigningKey::from_pkcs8_pem(pkcs1).err(), Some(SigningKeyError::Pem));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SigningKeyError {
    /// Neither `jwt-aws-lc-rs` nor `jwt-rust-crypto` is on.
    #[error("no backend for signatures is compiled in")]
    NoBackend,
    /// Not one PEM block labelled `PRIVATE KEY`: perhaps PKCS#1 or SEC1, encrypted, a public key, or several blocks.
    #[error("not one unencrypted PKCS#8 private key as PEM")]
    Pem,
    /// The block does not hold PKCS#8 (RFC 5958).
    #[error("the PEM block does not hold PKCS#8")]
    Pkcs8,
    /// Neither RSA nor P-256 nor Ed25519.
    #[error("neither an RSA nor a P-256 nor an Ed25519 key")]
    Unsupported,
    /// RSA of fewer than 2048 bits (RFC 7518 section 3.3) or more than 4096.
    #[error("an RSA key has 2048 to 4096 bits")]
    RsaSize,
    /// The parts of the key do not belong together, so that it cannot sign.
    #[error("the parts of the key do not belong together")]
    Invalid,
    /// The backend could not make a key.
    #[error("no key could be made")]
    Generation,
}
