//! The name of an access token, which names its grant.
//!
//! ```text
//! grant id 8 | epoch 3 | random 21        32 bytes, 43 characters
//! ```

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::grant::{GrantId, u24_from_bytes, u24_to_bytes};
use crate::token::text::{decode_exact, encode_exact};

const JTI_LEN: usize = 32;
/// Characters of a `jti`.
pub(crate) const JTI_TEXT_LEN: usize = 43;

/// The claim `jti` (RFC 7519 section 4.1.7). Nothing in it is secret, and nothing in it is proven before the signature is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Jti {
    /// The grant that the token is of.
    pub(crate) grant: GrantId,
    /// The grant's access epoch when the token was made: 24 bits.
    pub(crate) epoch: u32,
    /// What tells it from the other tokens of the grant.
    pub(crate) nonce: [u8; 21],
}

impl Jti {
    /// A new name for a token of this grant.
    pub(crate) fn new(grant: GrantId, epoch: u32) -> Self {
        Self { grant, epoch, nonce: rand::random() }
    }

    /// The text in the token.
    pub(crate) fn encode(&self) -> [u8; JTI_TEXT_LEN] {
        let mut bytes = [0; JTI_LEN];
        bytes[..8].copy_from_slice(&self.grant.as_u64().to_be_bytes());
        bytes[8..11].copy_from_slice(&u24_to_bytes(self.epoch));
        bytes[11..].copy_from_slice(&self.nonce);
        encode_exact(&bytes)
    }

    /// Reads it: 43 characters of canonical base64url, nothing else.
    pub(crate) fn decode(text: &str) -> Option<Self> {
        let text: &[u8; JTI_TEXT_LEN] = text.as_bytes().try_into().ok()?;
        let bytes: [u8; JTI_LEN] = decode_exact(text)?;
        let (grant, rest) = bytes.split_first_chunk()?;
        let (epoch, nonce) = rest.split_first_chunk()?;
        Some(Self {
            grant: GrantId::from_u64(u64::from_be_bytes(*grant)),
            epoch: u24_from_bytes(*epoch),
            nonce: nonce.try_into().ok()?,
        })
    }
}

impl Serialize for Jti {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Base64url is ASCII.
        serializer.serialize_str(std::str::from_utf8(&self.encode()).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for Jti {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Jti;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("43 characters of base64url")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Jti, E> {
                Jti::decode(text).ok_or_else(|| E::custom("not a name of this engine's"))
            }
        }

        deserializer.deserialize_str(Text)
    }
}
