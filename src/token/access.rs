//! Opaque access tokens.
//!
//! ```text
//! key id 1 | grant id 8 | generation 3 | epoch 3 | issued at 4 | lifetime 3 | scope mask 8 | MAC 20
//!                                                                              50 bytes, 67 characters
//! ```

use std::time::Duration;

use super::key::{Key, MAC_LEN, TokenKind};
use super::text::{decode_exact, encode_exact};
use crate::grant::{Grant, GrantId, Salt, Timestamp, u24_from_bytes, u24_to_bytes};

const HEAD_LEN: usize = 30;
const TOKEN_LEN: usize = HEAD_LEN + MAC_LEN;
/// Characters of an access token.
pub(crate) const ACCESS_TEXT_LEN: usize = 67;

/// An access token of the right shape; nothing in it is proven before [`AccessToken::is_genuine`].
pub(crate) struct AccessToken {
    head: [u8; HEAD_LEN],
    mac: [u8; MAC_LEN],
}

impl AccessToken {
    /// Reads the wire form: 67 characters of canonical base64url, nothing else.
    pub(crate) fn decode(text: &[u8]) -> Option<Self> {
        let text: &[u8; ACCESS_TEXT_LEN] = text.try_into().ok()?;
        let bytes: [u8; TOKEN_LEN] = decode_exact(text)?;
        let (head, mac) = bytes.split_first_chunk()?;
        Some(Self { head: *head, mac: mac.try_into().ok()? })
    }

    /// `N` bytes of the head; the places are those of the table above.
    fn field<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut field = [0; N];
        field.copy_from_slice(&self.head[at..at + N]);
        field
    }

    pub(crate) const fn key_id(&self) -> u8 {
        self.head[0]
    }

    pub(crate) fn grant_id(&self) -> GrantId {
        GrantId::from_u64(u64::from_be_bytes(self.field(1)))
    }

    pub(crate) fn epoch(&self) -> u32 {
        u24_from_bytes(self.field(12))
    }

    pub(crate) fn issued_at(&self) -> Timestamp {
        Timestamp::from_secs(u64::from(u32::from_be_bytes(self.field(15))))
    }

    pub(crate) fn expires_at(&self) -> Timestamp {
        self.issued_at() + Duration::from_secs(u64::from(u24_from_bytes(self.field(19))))
    }

    pub(crate) fn scope_mask(&self) -> u64 {
        u64::from_be_bytes(self.field(22))
    }

    /// Whether this engine made it, as an access token of the grant with this salt.
    pub(crate) fn is_genuine(&self, key: &Key, salt: &Salt) -> bool {
        key.verify(TokenKind::Access, &self.head, salt, &self.mac)
    }
}

/// Computes an access token of a grant, issued now for `lifetime_secs` over the part of the scope that the mask selects.
pub(crate) fn mint_access(
    grant: &Grant,
    key: &Key,
    scope_mask: u64,
    lifetime_secs: u32,
    now: Timestamp,
) -> [u8; ACCESS_TEXT_LEN] {
    let mut head = [0; HEAD_LEN];
    head[0] = key.id();
    head[1..9].copy_from_slice(&grant.id.as_u64().to_be_bytes());
    head[9..12].copy_from_slice(&grant.generation.to_bytes());
    head[12..15].copy_from_slice(&u24_to_bytes(grant.access_epoch));
    head[15..19].copy_from_slice(&issued_secs(now).to_be_bytes());
    head[19..22].copy_from_slice(&u24_to_bytes(lifetime_secs));
    head[22..].copy_from_slice(&scope_mask.to_be_bytes());
    let mut bytes = [0; TOKEN_LEN];
    bytes[..HEAD_LEN].copy_from_slice(&head);
    bytes[HEAD_LEN..].copy_from_slice(&key.mac(TokenKind::Access, &head, &grant.salt));
    encode_exact(&bytes)
}

/// Seconds fit 32 bits until 2106; after that tokens would expire at once rather than live too long.
fn issued_secs(now: Timestamp) -> u32 {
    u32::try_from(now.as_secs()).unwrap_or(u32::MAX)
}
