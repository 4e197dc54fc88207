//! What a store may know of a key.

use std::fmt;

/// What a durable store keeps of a key, to tell another key of the same id from it: the id and 128 bits that nobody can
/// get from anywhere but the key, and that tell nothing of it.
///
/// ```
/// use regrant::store::KeyFingerprint;
/// use regrant::Key;
/// let kept: KeyFingerprint = Key::from_bytes(1, &[7; 32]).fingerprint();
/// assert_eq!(kept, Key::from_bytes(1, &[7; 32]).fingerprint());
/// assert_ne!(kept, Key::from_bytes(1, &[8; 32]).fingerprint());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyFingerprint {
    key_id: u8,
    bytes: [u8; 16],
}

impl KeyFingerprint {
    /// One that a store has read back.
    ///
    /// ```
    /// # use regrant::store::KeyFingerprint;
    /// assert_eq!(KeyFingerprint::new(1, [2; 16]).key_id(), 1);
    /// ```
    pub const fn new(key_id: u8, bytes: [u8; 16]) -> Self {
        Self { key_id, bytes }
    }

    /// The [id](crate::Key::id) of the key; a store keeps one fingerprint for each.
    ///
    /// ```
    /// assert_eq!(regrant::Key::generate(3).fingerprint().key_id(), 3);
    /// ```
    pub const fn key_id(&self) -> u8 {
        self.key_id
    }

    /// What a store keeps under that id.
    ///
    /// ```
    /// # use regrant::store::KeyFingerprint;
    /// assert_eq!(KeyFingerprint::new(1, [2; 16]).bytes(), &[2; 16]);
    /// ```
    pub const fn bytes(&self) -> &[u8; 16] {
        &self.bytes
    }
}

impl fmt::Debug for KeyFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyFingerprint({}, {:032x})", self.key_id, u128::from_be_bytes(self.bytes))
    }
}
