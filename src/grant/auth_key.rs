//! The key that a client authenticated by when a session began, which the session is bound to (atproto, "Confidential Client
//! Authentication").

#[cfg(feature = "proof")]
use sha2::{Digest, Sha256};

use crate::secret::constant_time_eq;

/// A key by its thumbprint, and by a digest of what it is called: of `alg` and `kid`, which have to stay as they are too.
#[derive(Clone, Copy, Eq, Debug)]
pub(crate) struct AuthKey {
    thumbprint: [u8; 32],
    names: [u8; 32],
}

/// In constant time, as thumbprints of senders are compared.
impl PartialEq for AuthKey {
    fn eq(&self, other: &Self) -> bool {
        constant_time_eq(&self.to_bytes(), &other.to_bytes()).into()
    }
}

impl AuthKey {
    /// What a record keeps of it.
    pub(crate) const LEN: usize = 64;

    /// A key of this thumbprint, that signs by this algorithm; one without a `kid` is another than one whose `kid` is empty.
    #[cfg(feature = "proof")]
    pub(crate) fn new(thumbprint: [u8; 32], algorithm: &str, kid: Option<&str>) -> Self {
        let mut names = Sha256::new();
        // No name of an algorithm has a NUL in it, so two pairs of names have two digests.
        names.update(algorithm);
        names.update([0, u8::from(kid.is_some())]);
        names.update(kid.unwrap_or_default());
        Self { thumbprint, names: names.finalize().into() }
    }

    #[cfg(feature = "proof")]
    pub(crate) const fn thumbprint(&self) -> &[u8; 32] {
        &self.thumbprint
    }

    pub(crate) fn to_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..32].copy_from_slice(&self.thumbprint);
        bytes[32..].copy_from_slice(&self.names);
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        let (thumbprint, names) = bytes.split_at(32);
        let half = |half: &[u8]| <[u8; 32]>::try_from(half).unwrap_or_default();
        Self { thumbprint: half(thumbprint), names: half(names) }
    }
}

#[cfg(all(test, feature = "proof"))]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_its_thumbprint_and_its_names() {
        let key = AuthKey::new([7; 32], "ES256", Some("one"));
        assert_eq!(key, AuthKey::from_bytes(&key.to_bytes()));
        assert_eq!(key.thumbprint(), &[7; 32]);
        for other in [
            AuthKey::new([8; 32], "ES256", Some("one")),
            AuthKey::new([7; 32], "EdDSA", Some("one")),
            AuthKey::new([7; 32], "ES256", Some("two")),
            AuthKey::new([7; 32], "ES256", Some("")),
            AuthKey::new([7; 32], "ES256", None),
        ] {
            assert_ne!(key, other);
        }
        assert_ne!(AuthKey::new([7; 32], "ES256", Some("")), AuthKey::new([7; 32], "ES256", None));
        // As bytes, since records are for ever: SHA-256 of `ES256`, 0, 1, `one`, computed elsewhere.
        let names: [u8; 32] = [
            0x32, 0xd7, 0xbd, 0xa2, 0xb2, 0x5a, 0x16, 0xfb, 0x1f, 0x35, 0xa9, 0x50, 0x7c, 0x94, 0xc4, 0x38, 0x2e, 0x30,
            0x35, 0x6e, 0xa1, 0x73, 0x9e, 0xb0, 0x1f, 0x44, 0x47, 0xc5, 0x33, 0x67, 0x79, 0xd3,
        ];
        assert_eq!(key.to_bytes()[32..], names);
    }
}
