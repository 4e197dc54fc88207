//! Buffers and texts that are wiped when dropped.

use std::fmt;

use super::wipe;

/// A growing buffer that is wiped when dropped.
///
/// Only what was written is wiped. That suffices as long as the buffer never moves: give it its capacity up front.
pub(crate) struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// An empty buffer, which has allocated nothing.
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Allocates `capacity` bytes, once: a second call does nothing, since growing would leave a copy behind.
    pub(crate) fn allocate(&mut self, capacity: usize) {
        if self.0.capacity() == 0 {
            self.0.reserve_exact(capacity);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Appends `bytes` and gives them back for changing in place. They must fit in the capacity.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> &mut [u8] {
        let start = self.0.len();
        debug_assert!(bytes.len() <= self.0.capacity() - start);
        self.0.extend_from_slice(bytes);
        // `start` was the length before it grew.
        &mut self.0[start..]
    }

    /// Shortens the buffer to `len` bytes and wipes the rest.
    pub(crate) fn truncate(&mut self, len: usize) {
        if let Some(rest) = self.0.get_mut(len..) {
            wipe(rest);
            self.0.truncate(len);
        }
    }

    /// The same bytes as text, or `None` when they are not UTF-8.
    pub(crate) fn into_text(mut self) -> Option<SecretText> {
        match String::from_utf8(std::mem::take(&mut self.0)) {
            Ok(text) => Some(SecretText(text)),
            Err(e) => {
                self.0 = e.into_bytes();
                None
            }
        }
    }
}

impl Drop for SecretBytes {
    fn drop(&mut self) {
        if !self.0.is_empty() {
            wipe(&mut self.0);
        }
    }
}

/// Text that is wiped when dropped.
pub(crate) struct SecretText(String);

impl SecretText {
    /// No text; nothing is allocated.
    pub(crate) const fn new() -> Self {
        Self(String::new())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Drop for SecretText {
    fn drop(&mut self) {
        if !self.0.is_empty() {
            drop(SecretBytes(std::mem::take(&mut self.0).into_bytes()));
        }
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SecretText").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_bytes_keep_what_is_not_cut_off() {
        let mut bytes = SecretBytes::new();
        bytes.allocate(16);
        bytes.append(b"user");
        bytes.append(b"secret")[0] = b'S';
        assert_eq!(bytes.len(), 10);
        bytes.truncate(7);
        bytes.truncate(9);
        assert_eq!(bytes.into_text().as_ref().map(SecretText::as_str), Some("userSec"));
    }

    #[test]
    fn secret_bytes_are_not_always_text() {
        let mut bytes = SecretBytes::new();
        bytes.allocate(1);
        bytes.append(b"\xff");
        assert!(bytes.into_text().is_none());
    }
}
