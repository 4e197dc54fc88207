//! What a key or a certificate is known by.

use std::fmt;

use subtle::ConstantTimeEq as _;

use crate::token::text::{decode_exact, encode_exact};

/// The SHA-256 of a public key (RFC 7638, as in `cnf.jkt`) or of a certificate (RFC 8705 section 3.1, as in `cnf.x5t#S256`): 32
/// bytes, written as 43 characters of base64url. Nothing in it is secret.
///
/// ```
/// use regrant::jwt::Thumbprint;
/// let jkt: Thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I".parse()?;
/// assert_eq!(jkt.to_string(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
/// # Ok::<(), regrant::jwt::InvalidThumbprint>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Thumbprint([u8; 32]);

/// Not 43 characters of canonical base64url.
///
/// ```
/// use regrant::jwt::{InvalidThumbprint, Thumbprint};
/// assert_eq!("short".parse::<Thumbprint>(), Err(InvalidThumbprint));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a thumbprint is 43 characters of base64url")]
#[expect(clippy::exhaustive_structs, reason = "there is nothing more to say")]
pub struct InvalidThumbprint;

impl Thumbprint {
    /// The one of these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether it is that one, in constant time.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl std::str::FromStr for Thumbprint {
    type Err = InvalidThumbprint;

    fn from_str(text: &str) -> Result<Self, InvalidThumbprint> {
        let text: &[u8; 43] = text.as_bytes().try_into().map_err(|_| InvalidThumbprint)?;
        decode_exact(text).map(Self).ok_or(InvalidThumbprint)
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: [u8; 43] = encode_exact(&self.0);
        // Base64url is ASCII.
        f.pad(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Thumbprint({self})")
    }
}
