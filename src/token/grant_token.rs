//! Refresh tokens and authorization codes: the same bytes, and the kind under the MAC.
//!
//! ```text
//! key id 1 | grant id 8 | generation 3 | MAC 20        32 bytes, 43 characters
//! ```
//!
//! A code is of generation 0, refresh tokens are of 1 and more.

use super::key::{Key, MAC_LEN, TokenKind, message_len};
use super::text::{decode_into, encode_into};
use crate::grant::{Generation, Grant, GrantId, Salt};

const HEAD_LEN: usize = 12;
const TOKEN_LEN: usize = HEAD_LEN + MAC_LEN;
const MESSAGE_LEN: usize = message_len(HEAD_LEN);
/// Characters of a refresh token or a code.
pub(crate) const GRANT_TEXT_LEN: usize = 43;

/// A refresh token or a code of the right shape; nothing in it is proven before [`GrantToken::is_genuine`].
pub(crate) struct GrantToken([u8; TOKEN_LEN]);

impl GrantToken {
    /// None yet, to [`read`](Self::read) into: of no key, and of no grant.
    pub(crate) const fn unread() -> Self {
        Self([0; TOKEN_LEN])
    }

    /// Reads the wire form, 43 characters of canonical base64url and nothing else; says whether it is that.
    pub(crate) fn read(&mut self, text: &[u8; GRANT_TEXT_LEN]) -> bool {
        decode_into(text, &mut self.0)
    }

    /// The token of this text, if it has the shape of one.
    pub(crate) fn decode(text: &[u8; GRANT_TEXT_LEN]) -> Option<Self> {
        let mut token = Self::unread();
        token.read(text).then_some(token)
    }

    /// One that stands for what is proven elsewhere: there is no MAC in it, and it is never shown to anybody.
    #[cfg(feature = "root-secret")]
    pub(crate) const fn unproven(key_id: u8, grant: GrantId, generation: Generation) -> Self {
        let [a, b, c, d, e, f, g, h] = grant.as_u64().to_be_bytes();
        let [x, y, z] = generation.to_bytes();
        let mut bytes = [0; TOKEN_LEN];
        let head = [key_id, a, b, c, d, e, f, g, h, x, y, z];
        let mut at = 0;
        while at < HEAD_LEN {
            bytes[at] = head[at];
            at += 1;
        }
        Self(bytes)
    }

    pub(crate) const fn key_id(&self) -> u8 {
        self.0[0]
    }

    pub(crate) const fn grant_id(&self) -> GrantId {
        let [_, a, b, c, d, e, f, g, h, ..] = self.0;
        GrantId::from_u64(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }

    pub(crate) const fn generation(&self) -> Generation {
        let [_, _, _, _, _, _, _, _, _, a, b, c, ..] = self.0;
        Generation::from_bytes([a, b, c])
    }

    /// Whether this engine made it, as a token of this kind, of the grant with this salt.
    pub(crate) fn is_genuine(&self, kind: TokenKind, key: &Key, salt: &Salt) -> bool {
        match (self.0.first_chunk::<HEAD_LEN>(), self.0.last_chunk()) {
            (Some(head), Some(mac)) => key.verify::<HEAD_LEN, MESSAGE_LEN>(kind, head, salt, mac),
            _ => false,
        }
    }
}

/// A token as it is handed out.
pub(crate) type GrantText = [u8; GRANT_TEXT_LEN];

/// Computes the current refresh token of a grant under the key that the record names. Always the same bytes for the
/// same record: that is how a lost response is answered again.
pub(crate) fn mint_refresh(grant: &Grant, key: &Key) -> GrantText {
    let mut text = [b'A'; GRANT_TEXT_LEN];
    mint_refresh_into(grant, key, &mut text);
    text
}

/// The same in place.
pub(crate) fn mint_refresh_into(grant: &Grant, key: &Key, text: &mut GrantText) {
    debug_assert_eq!(key.id(), grant.key_id, "the key of the record");
    debug_assert!(grant.is_redeemed(), "refresh tokens begin at generation 1");
    mint(TokenKind::Refresh, grant, grant.generation, key, text);
}

/// Computes the authorization code of a grant.
pub(crate) fn mint_code(grant: &Grant, key: &Key) -> GrantText {
    let mut text = [b'A'; GRANT_TEXT_LEN];
    mint(TokenKind::Code, grant, Generation::NONE, key, &mut text);
    text
}

/// Computes the device code of a device's record.
#[cfg(feature = "root-secret")]
pub(crate) fn mint_device(record: &Grant, key: &Key) -> GrantText {
    let mut text = [b'A'; GRANT_TEXT_LEN];
    mint(TokenKind::Device, record, Generation::NONE, key, &mut text);
    text
}

fn mint(kind: TokenKind, grant: &Grant, generation: Generation, key: &Key, text: &mut GrantText) {
    let head = u128::from(key.id()) << 88 | u128::from(grant.id.as_u64()) << 24 | u128::from(generation.as_u32());
    let write_head = |place: &mut [u8; HEAD_LEN]| place.copy_from_slice(&head.to_be_bytes()[4..]);
    let mut bytes = [0; TOKEN_LEN];
    key.sign::<HEAD_LEN, MESSAGE_LEN, TOKEN_LEN>(kind, write_head, &grant.salt, &mut bytes);
    encode_into(&bytes, text);
}
