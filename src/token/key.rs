//! The engine's keys and the MAC they make.

use std::fmt;

use zeroize::Zeroizing;

use super::fingerprint::KeyFingerprint;
use crate::grant::Salt;
use crate::secret::{MacKey, Short, constant_time_eq};

/// 160 bits: what RFC 6749 section 10.10 asks for (a chance of guessing of at most 2^-160).
pub(crate) const MAC_LEN: usize = 20;

/// The format of all tokens, first under every MAC: a later format can never be mistaken for this one.
const FORMAT: u8 = 1;

/// First under a fingerprint, where a token has its format.
const FINGERPRINT: &[u8] = b"\0key fingerprint";

/// First under the key of a realm.
const REALM: &[u8] = b"\0realm\0";

/// What a token is. Under the MAC, not on the wire: a token presented as another kind is a forgery.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum TokenKind {
    Refresh = 1,
    Access = 2,
    Code = 3,
    /// An access token for resources that its grant names.
    AccessFor = 4,
    /// An access token that is bound to a key or a certificate.
    AccessBound = 5,
    /// Both.
    AccessBoundFor = 6,
    /// What a device polls with (RFC 8628 section 3.2).
    #[cfg(feature = "root-secret")]
    Device = 7,
}

/// A key that tokens are made and checked under: 256 bits and the one byte that names it in every token.
///
/// With [`EngineBuilder::key`](crate::EngineBuilder::key) it signs, with
/// [`EngineBuilder::accept_key`](crate::EngineBuilder::accept_key) it is only accepted. To replace a key while several
/// nodes serve: accept the new one everywhere, then sign with it everywhere and accept the old one until the last
/// grant that was refreshed under it is gone. Zeroized on drop; `Debug` shows the id alone.
///
/// ```
/// use regrant::Key;
/// let key = Key::from_bytes(1, &[7; 32]);
/// assert_eq!(format!("{key:?}"), "Key(1)");
/// ```
#[derive(Clone)]
pub struct Key {
    id: u8,
    /// Keyed once: each MAC starts from these two states and hashes one block.
    mac: MacKey,
}

impl Key {
    /// The key of these 32 bytes, which must come from a cryptographic random source.
    ///
    /// ```
    /// assert_eq!(regrant::Key::from_bytes(3, &[7; 32]).id(), 3);
    /// ```
    pub fn from_bytes(id: u8, bytes: &[u8; 32]) -> Self {
        Self { id, mac: MacKey::new(bytes) }
    }

    /// A new random key. All tokens made under it are void once the process forgets it.
    ///
    /// ```
    /// assert_eq!(regrant::Key::generate(0).id(), 0);
    /// ```
    pub fn generate(id: u8) -> Self {
        Self::from_bytes(id, &Zeroizing::new(rand::random()))
    }

    /// The byte that names it in tokens.
    ///
    /// ```
    /// assert_eq!(regrant::Key::generate(9).id(), 9);
    /// ```
    pub const fn id(&self) -> u8 {
        self.id
    }

    /// The key of the same id in a realm: HMAC under this one, over a label and the realm. Of two realms neither has anything from
    /// the other's, and what is made in one is no MAC in the other.
    pub(crate) fn in_realm(&self, realm: &str) -> Self {
        let bytes = Zeroizing::new(self.mac.mac([REALM, realm.as_bytes()]));
        Self::from_bytes(self.id, &bytes)
    }

    /// What a durable store keeps to know the key again; see [`Engine::check_keys`](crate::Engine::check_keys).
    ///
    /// ```
    /// let key = regrant::Key::generate(1);
    /// assert_eq!(key.fingerprint(), key.clone().fingerprint());
    /// ```
    pub fn fingerprint(&self) -> KeyFingerprint {
        let whole = self.mac.mac([FINGERPRINT]);
        let mut cut = [0; 16];
        cut.copy_from_slice(&whole[..16]);
        KeyFingerprint::new(self.id, cut)
    }

    /// The MAC over format, kind, the token's head and the grant's salt: one block of SHA-256 for a head of at most 37 bytes.
    #[inline]
    pub(crate) fn mac<const HEAD: usize>(&self, kind: TokenKind, head: &[u8; HEAD], salt: &Salt) -> [u8; MAC_LEN] {
        let whole = self.mac.mac([&[FORMAT, kind as u8], head, &salt.0]);
        let mut cut = [0; MAC_LEN];
        cut.copy_from_slice(&whole[..MAC_LEN]);
        cut
    }

    /// The same of a head that is short, as most are, and written where it is hashed: `MESSAGE` is its length with what is around it.
    #[inline]
    fn mac_short<const HEAD: usize, const MESSAGE: usize>(
        &self,
        kind: TokenKind,
        message: &mut Short<MESSAGE>,
        write_head: impl FnOnce(&mut [u8; HEAD]),
        salt: &Salt,
    ) -> [u8; 32] {
        const { assert!(MESSAGE == message_len(HEAD), "what is under the MAC") };
        let bytes = message.bytes();
        (bytes[0], bytes[1]) = (FORMAT, kind as u8);
        bytes[2 + HEAD..].copy_from_slice(&salt.0);
        if let Some(head) = bytes[2..].first_chunk_mut() {
            write_head(head);
        }
        self.mac.mac_short(message)
    }

    /// Makes a token of a short head: that, and its MAC.
    #[inline]
    pub(crate) fn sign<const HEAD: usize, const MESSAGE: usize, const TOKEN: usize>(
        &self,
        kind: TokenKind,
        write_head: impl FnOnce(&mut [u8; HEAD]),
        salt: &Salt,
        token: &mut [u8; TOKEN],
    ) {
        const { assert!(TOKEN == HEAD + MAC_LEN, "a head and its MAC") };
        let mut message = Short::<MESSAGE>::new();
        let mac = self.mac_short(kind, &mut message, write_head, salt);
        // From there, and after the MAC: what is read as soon as it is written keeps the processor waiting.
        token[..HEAD].copy_from_slice(&message.bytes()[2..2 + HEAD]);
        token[HEAD..].copy_from_slice(&mac[..MAC_LEN]);
    }

    /// Whether this MAC is of this short head.
    #[inline]
    pub(crate) fn verify<const HEAD: usize, const MESSAGE: usize>(
        &self,
        kind: TokenKind,
        head: &[u8; HEAD],
        salt: &Salt,
        presented: &[u8; MAC_LEN],
    ) -> bool {
        let mut message = Short::<MESSAGE>::new();
        let whole = self.mac_short(kind, &mut message, |place| *place = *head, salt);
        whole.first_chunk().is_some_and(|mac: &[u8; MAC_LEN]| constant_time_eq(mac, presented).into())
    }
}

/// The bytes under the MAC of a token whose head is of so many.
pub(crate) const fn message_len(head: usize) -> usize {
    2 + head + size_of::<Salt>()
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

/// The key that signs, and those that are accepted besides.
#[derive(Debug)]
pub(crate) struct KeyRing {
    signing: Key,
    accepted: Vec<Key>,
}

impl KeyRing {
    pub(crate) const fn new(signing: Key, accepted: Vec<Key>) -> Self {
        Self { signing, accepted }
    }

    pub(crate) const fn signing(&self) -> &Key {
        &self.signing
    }

    /// The same keys in a realm.
    pub(crate) fn in_realm(&self, realm: &str) -> Self {
        let accepted = self.accepted.iter().map(|key| key.in_realm(realm)).collect();
        Self { signing: self.signing.in_realm(realm), accepted }
    }

    /// All of them, the signing one first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.signing).chain(&self.accepted)
    }

    /// Whether a key of this id and content is among them.
    pub(crate) fn has(&self, key: &Key) -> bool {
        self.get(key.id).is_some_and(|own| own.fingerprint() == key.fingerprint())
    }

    pub(crate) fn get(&self, id: u8) -> Option<&Key> {
        if self.signing.id == id { Some(&self.signing) } else { self.accepted.iter().find(|key| key.id == id) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_under_the_mac() {
        const MESSAGE: usize = message_len(12);
        let key = Key::from_bytes(0, &[1; 32]);
        let salt = || Salt([2; 16]);
        let mac = key.mac(TokenKind::Refresh, &[3; 12], &salt());
        let is_of = |key: &Key, kind, head, salt| key.verify::<12, MESSAGE>(kind, &head, &salt, &mac);
        assert!(is_of(&key, TokenKind::Refresh, [3; 12], salt()), "short or not");
        assert!(!is_of(&key, TokenKind::Access, [3; 12], salt()));
        assert!(!is_of(&key, TokenKind::Refresh, [4; 12], salt()));
        assert!(!is_of(&key, TokenKind::Refresh, [3; 12], Salt([4; 16])));
        assert!(!is_of(&Key::from_bytes(0, &[2; 32]), TokenKind::Refresh, [3; 12], salt()));
        let mut token = [0; 12 + MAC_LEN];
        key.sign::<12, MESSAGE, { 12 + MAC_LEN }>(TokenKind::Refresh, |head| *head = [3; 12], &salt(), &mut token);
        assert_eq!((&token[..12], &token[12..]), (&[3; 12][..], &mac[..]));
    }
}
