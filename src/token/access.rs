//! Opaque access tokens.
//!
//! ```text
//! key id 1 | grant id 8 | generation 3 | epoch 3 | issued at 4 | lifetime 3 | scope mask 8 | MAC 20
//!                                                                              50 bytes, 67 characters
//! ```
//!
//! One of a grant that names resources is of another kind, and says for which of them it is, by their places in the
//! grant's list:
//!
//! ```text
//! … | scope mask 8 | resource mask 2 | MAC 20                                     52 bytes, 70 characters
//! ```
//!
//! One that is bound to a key or a certificate says to which, by a thumbprint; both kinds may be:
//!
//! ```text
//! … | scope mask 8 | kind 1 | thumbprint 32 | MAC 20                              83 bytes, 111 characters
//! … | scope mask 8 | kind 1 | thumbprint 32 | resource mask 2 | MAC 20            85 bytes, 114 characters
//! ```

use std::time::Duration;

use super::key::{Key, MAC_LEN, TokenKind, message_len};
use super::text::{decode_exact, encode_exact, encode_into};
use crate::grant::{Confirmation, Generation, Grant, GrantId, Salt, Timestamp, u24_from_bytes, u24_to_bytes};
use crate::secret::constant_time_eq;

const HEAD_LEN: usize = 30;
const TOKEN_LEN: usize = HEAD_LEN + MAC_LEN;
const MESSAGE_LEN: usize = message_len(HEAD_LEN);
const HEAD_FOR_LEN: usize = HEAD_LEN + 2;
const TOKEN_FOR_LEN: usize = HEAD_FOR_LEN + MAC_LEN;
const MESSAGE_FOR_LEN: usize = message_len(HEAD_FOR_LEN);
const HEAD_BOUND_LEN: usize = HEAD_LEN + 1 + 32;
const TOKEN_BOUND_LEN: usize = HEAD_BOUND_LEN + MAC_LEN;
const HEAD_BOUND_FOR_LEN: usize = HEAD_BOUND_LEN + 2;
const TOKEN_BOUND_FOR_LEN: usize = HEAD_BOUND_FOR_LEN + MAC_LEN;
/// Characters of an access token.
pub(crate) const ACCESS_TEXT_LEN: usize = 67;
/// Of one for resources that its grant names.
pub(crate) const ACCESS_FOR_TEXT_LEN: usize = 70;
/// Of one that is bound.
pub(crate) const ACCESS_BOUND_TEXT_LEN: usize = 111;
/// Of one that is both.
pub(crate) const ACCESS_BOUND_FOR_TEXT_LEN: usize = 114;

/// An access token of the right shape; nothing in it is proven before [`AccessToken::is_genuine`].
pub(crate) struct AccessToken {
    head: [u8; HEAD_LEN],
    /// 0 where it is a plain one.
    resources: u16,
    bound_to: Option<Confirmation>,
    mac: [u8; MAC_LEN],
}

impl AccessToken {
    /// Reads the wire form: 67, 70, 111 or 114 characters of canonical base64url, nothing else.
    pub(crate) fn decode(text: &[u8]) -> Option<Self> {
        match text.len() {
            ACCESS_TEXT_LEN => {
                let bytes: [u8; TOKEN_LEN] = decode_exact::<TOKEN_LEN, ACCESS_TEXT_LEN>(text.try_into().ok()?)?;
                let (head, mac) = bytes.split_first_chunk()?;
                Some(Self { head: *head, resources: 0, bound_to: None, mac: mac.try_into().ok()? })
            }
            ACCESS_FOR_TEXT_LEN => Self::decode_for(text),
            _ => Self::decode_bound(text),
        }
    }

    /// One that is bound, for resources too or not.
    fn decode_bound(text: &[u8]) -> Option<Self> {
        if let Ok(text) = <&[u8; ACCESS_BOUND_TEXT_LEN]>::try_from(text) {
            let bytes: [u8; TOKEN_BOUND_LEN] = decode_exact(text)?;
            let (head, mac) = bytes.split_first_chunk::<HEAD_BOUND_LEN>()?;
            let (head, bound_to) = split_bound(head)?;
            return Some(Self { head, resources: 0, bound_to, mac: mac.try_into().ok()? });
        }
        let text: &[u8; ACCESS_BOUND_FOR_TEXT_LEN] = text.try_into().ok()?;
        let bytes: [u8; TOKEN_BOUND_FOR_LEN] = decode_exact(text)?;
        let (head, rest) = bytes.split_first_chunk::<HEAD_BOUND_LEN>()?;
        let (resources, mac) = rest.split_first_chunk()?;
        let resources = u16::from_be_bytes(*resources);
        let (head, bound_to) = split_bound(head)?;
        (resources != 0).then_some(Self { head, resources, bound_to, mac: mac.try_into().ok()? })
    }

    /// One for resources. None is for none of them.
    fn decode_for(text: &[u8]) -> Option<Self> {
        let text: &[u8; ACCESS_FOR_TEXT_LEN] = text.try_into().ok()?;
        let bytes: [u8; TOKEN_FOR_LEN] = decode_exact(text)?;
        let (head, rest) = bytes.split_first_chunk()?;
        let (resources, mac) = rest.split_first_chunk()?;
        let resources = u16::from_be_bytes(*resources);
        (resources != 0).then_some(Self { head: *head, resources, bound_to: None, mac: mac.try_into().ok()? })
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

    pub(crate) fn generation(&self) -> Generation {
        Generation::from_bytes([self.head[9], self.head[10], self.head[11]])
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
        match (self.bound_to, self.resources) {
            (None, 0) => key.verify::<HEAD_LEN, MESSAGE_LEN>(TokenKind::Access, &self.head, salt, &self.mac),
            (None, resources) => {
                let head = head_for(&self.head, resources);
                key.verify::<HEAD_FOR_LEN, MESSAGE_FOR_LEN>(TokenKind::AccessFor, &head, salt, &self.mac)
            }
            (Some(bound_to), resources) => {
                constant_time_eq(&bound_mac(&self.head, bound_to, resources, key, salt), &self.mac).into()
            }
        }
    }

    /// What its use takes a proof of.
    pub(crate) const fn bound_to(&self) -> Option<Confirmation> {
        self.bound_to
    }

    /// Which of the resources of its grant it is for; 0 where the grant names none.
    pub(crate) const fn resources(&self) -> u16 {
        self.resources
    }
}

/// Computes an access token of a grant, issued now for `lifetime_secs` over the part of the scope that the mask selects.
pub(crate) fn mint_access(
    grant: &Grant,
    key: &Key,
    scope_mask: u64,
    lifetime_secs: u32,
    now: Timestamp,
    text: &mut [u8; ACCESS_TEXT_LEN],
) {
    let write_head = |head: &mut [u8; HEAD_LEN]| write_head(head, grant, key, scope_mask, lifetime_secs, now);
    let mut bytes = [0; TOKEN_LEN];
    key.sign::<HEAD_LEN, MESSAGE_LEN, TOKEN_LEN>(TokenKind::Access, write_head, &grant.salt, &mut bytes);
    encode_into(&bytes, text);
}

/// The same for the resources of the grant that the mask selects, at least one.
pub(crate) fn mint_access_for(
    grant: &Grant,
    key: &Key,
    scope_mask: u64,
    resources: u16,
    lifetime_secs: u32,
    now: Timestamp,
) -> [u8; ACCESS_FOR_TEXT_LEN] {
    let write_head = |head: &mut [u8; HEAD_FOR_LEN]| {
        write_head(head, grant, key, scope_mask, lifetime_secs, now);
        head[HEAD_LEN..].copy_from_slice(&resources.to_be_bytes());
    };
    let mut bytes = [0; TOKEN_FOR_LEN];
    key.sign::<HEAD_FOR_LEN, MESSAGE_FOR_LEN, TOKEN_FOR_LEN>(TokenKind::AccessFor, write_head, &grant.salt, &mut bytes);
    encode_exact(&bytes)
}

/// The same, bound; for the resources of the grant that the mask selects, if any.
pub(crate) fn mint_access_bound(
    grant: &Grant,
    key: &Key,
    scope_mask: u64,
    bound_to: Confirmation,
    resources: u16,
    lifetime_secs: u32,
    now: Timestamp,
) -> Vec<u8> {
    let mut plain = [0; HEAD_LEN];
    write_head(&mut plain, grant, key, scope_mask, lifetime_secs, now);
    let mac = bound_mac(&plain, bound_to, resources, key, &grant.salt);
    let head = head_bound(&plain, bound_to);
    if resources == 0 {
        let mut bytes = [0; TOKEN_BOUND_LEN];
        bytes[..HEAD_BOUND_LEN].copy_from_slice(&head);
        bytes[HEAD_BOUND_LEN..].copy_from_slice(&mac);
        return encode_exact::<TOKEN_BOUND_LEN, ACCESS_BOUND_TEXT_LEN>(&bytes).to_vec();
    }
    let mut bytes = [0; TOKEN_BOUND_FOR_LEN];
    bytes[..HEAD_BOUND_FOR_LEN].copy_from_slice(&head_bound_for(&head, resources));
    bytes[HEAD_BOUND_FOR_LEN..].copy_from_slice(&mac);
    encode_exact::<TOKEN_BOUND_FOR_LEN, ACCESS_BOUND_FOR_TEXT_LEN>(&bytes).to_vec()
}

fn bound_mac(plain: &[u8; HEAD_LEN], bound_to: Confirmation, resources: u16, key: &Key, salt: &Salt) -> [u8; MAC_LEN] {
    let head = head_bound(plain, bound_to);
    match resources {
        0 => key.mac(TokenKind::AccessBound, &head, salt),
        resources => key.mac(TokenKind::AccessBoundFor, &head_bound_for(&head, resources), salt),
    }
}

fn head_bound(plain: &[u8; HEAD_LEN], bound_to: Confirmation) -> [u8; HEAD_BOUND_LEN] {
    let (kind, thumbprint) = bound_to.to_bytes();
    let mut head = [kind; HEAD_BOUND_LEN];
    head[..HEAD_LEN].copy_from_slice(plain);
    head[HEAD_LEN + 1..].copy_from_slice(&thumbprint);
    head
}

fn head_bound_for(bound: &[u8; HEAD_BOUND_LEN], resources: u16) -> [u8; HEAD_BOUND_FOR_LEN] {
    let mut head = [0; HEAD_BOUND_FOR_LEN];
    head[..HEAD_BOUND_LEN].copy_from_slice(bound);
    head[HEAD_BOUND_LEN..].copy_from_slice(&resources.to_be_bytes());
    head
}

/// A kind that nobody makes is a forgery.
fn split_bound(head: &[u8; HEAD_BOUND_LEN]) -> Option<([u8; HEAD_LEN], Option<Confirmation>)> {
    let (plain, bound_to) = head.split_first_chunk()?;
    let (&kind, thumbprint) = bound_to.split_first()?;
    Some((*plain, Some(Confirmation::from_bytes(kind, thumbprint.try_into().ok()?)?)))
}

/// Writes the head that all kinds begin with.
fn write_head(bytes: &mut [u8], grant: &Grant, key: &Key, scope_mask: u64, lifetime_secs: u32, now: Timestamp) {
    bytes[0] = key.id();
    bytes[1..9].copy_from_slice(&grant.id.as_u64().to_be_bytes());
    bytes[9..12].copy_from_slice(&grant.generation.to_bytes());
    bytes[12..15].copy_from_slice(&u24_to_bytes(grant.access_epoch));
    bytes[15..19].copy_from_slice(&issued_secs(now).to_be_bytes());
    bytes[19..22].copy_from_slice(&u24_to_bytes(lifetime_secs));
    bytes[22..HEAD_LEN].copy_from_slice(&scope_mask.to_be_bytes());
}

fn head_for(plain: &[u8; HEAD_LEN], resources: u16) -> [u8; HEAD_FOR_LEN] {
    let mut head = [0; HEAD_FOR_LEN];
    head[..HEAD_LEN].copy_from_slice(plain);
    head[HEAD_LEN..].copy_from_slice(&resources.to_be_bytes());
    head
}

/// Seconds fit 32 bits until 2106; after that tokens would expire at once rather than live too long.
fn issued_secs(now: Timestamp) -> u32 {
    u32::try_from(now.as_secs()).unwrap_or(u32::MAX)
}
