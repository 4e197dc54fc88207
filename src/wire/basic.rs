//! Client credentials in an `Authorization` header (RFC 7617, RFC 6749 section 2.3.1).

use std::{fmt, str};

use base64::Engine as _;
use smallvec::SmallVec;

use super::marks::is_plain;
use super::percent::decode_in_place;
use super::text::has_control;
use crate::secret::wipe;

/// Base64 of the standard alphabet (RFC 4648 section 4), by the instructions that this processor has for many bytes at once.
#[cfg(any(target_arch = "x86_64", all(target_arch = "aarch64", target_feature = "neon", target_endian = "little")))]
fn base64() -> &'static impl base64::Engine {
    use base64::engine::{general_purpose::PAD, simd::Simd};
    static BASE64: std::sync::LazyLock<Simd> = std::sync::LazyLock::new(|| Simd::standard(PAD));
    &*BASE64
}

/// Base64 of the standard alphabet (RFC 4648 section 4).
#[cfg(not(any(
    target_arch = "x86_64",
    all(target_arch = "aarch64", target_feature = "neon", target_endian = "little")
)))]
fn base64() -> &'static impl base64::Engine {
    &base64::engine::general_purpose::STANDARD
}

/// The greatest length of a header value, in bytes.
const MAX_HEADER: usize = 4096;

/// The decoded header. Its length is set once, before anything is written, so that no copy is left behind by growing.
type Buffer = SmallVec<[u8; INLINE]>;
const INLINE: usize = 256;
static ZEROS: [u8; INLINE] = [0; INLINE];

/// Why an `Authorization` value holds no credentials that could be checked.
///
/// The messages are fixed text: nothing of the header is in them.
///
/// ```
/// use regrant::internal::{BasicCredentials, BasicError};
///
/// let error = BasicCredentials::parse(b"Bearer abc").unwrap_err();
/// assert_eq!(error, BasicError::Scheme);
/// assert_eq!(error.to_string(), "the scheme is not Basic");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BasicError {
    /// Another scheme, or none.
    #[error("the scheme is not Basic")]
    Scheme,
    /// Over 4 KiB.
    #[error("the header is too long")]
    TooLong,
    /// Not canonical, padded base64 of the standard alphabet (RFC 4648 section 4).
    #[error("the credentials are not base64")]
    Base64,
    /// Nothing separates the client id from the secret.
    #[error("the credentials have no colon")]
    NoColon,
    /// After form-decoding, a half has a control character or is not UTF-8; or a `%` begins no escape.
    #[error("the credentials are not encoded as a form is")]
    Encoding,
    /// The client id is empty.
    #[error("the client id is empty")]
    EmptyClientId,
}

/// A client id and secret from an `Authorization: Basic` header.
///
/// Wiped from memory when dropped; `Debug` shows neither.
///
/// ```
/// use regrant::internal::BasicCredentials;
///
/// // "my%3Aapp:p+w"
/// let credentials = BasicCredentials::parse(b"Basic bXklM0FhcHA6cCt3")?;
/// assert_eq!(credentials.client_id(), "my:app");
/// assert_eq!(credentials.client_secret(), "p w");
/// assert_eq!(format!("{credentials:?}"), "BasicCredentials { .. }");
/// # Ok::<(), regrant::internal::BasicError>(())
/// ```
pub struct BasicCredentials {
    /// The id, what decoding left over, the secret, what decoding left over.
    bytes: Buffer,
    id_len: usize,
    secret_start: usize,
    secret_len: usize,
    secret: SecretHalf,
}

/// What form-decoding has made of the secret.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SecretHalf {
    /// Nothing: it is as it came.
    Plain,
    Decoded,
    /// It is none that was encoded as in a form. What is left of it is compared, so that this takes as long as a wrong
    /// secret, and never accepted.
    Malformed,
    /// It is as it came, since the client does not encode.
    Raw,
}

impl BasicCredentials {
    /// Reads the value of an `Authorization` header: the scheme in any case, spaces, then base64 of an id, a colon and a
    /// secret (RFC 7617 section 2), both encoded as in a form (RFC 6749 section 2.3.1, appendix B).
    ///
    /// The halves are split at the first colon and then decoded, so that an id may have an escaped colon and a secret
    /// any. The secret may be empty, the id may not.
    ///
    /// # Errors
    ///
    /// [`BasicError`] says what is wrong. There is no lenient form: white space after the credentials, base64 without
    /// its padding or with stray bits, a `%` that begins no escape, control characters and bytes that are not UTF-8 are
    /// all refused.
    ///
    /// ```
    /// use regrant::internal::{BasicCredentials, BasicError};
    ///
    /// let credentials = BasicCredentials::parse(b"basic d2ViOg==")?; // "web:"
    /// assert_eq!(credentials.client_id(), "web");
    /// assert_eq!(credentials.client_secret(), "");
    ///
    /// assert_eq!(BasicCredentials::parse(b"Basic d2ViOg").unwrap_err(), BasicError::Base64);
    /// assert_eq!(BasicCredentials::parse(b"Basic d2Vi").unwrap_err(), BasicError::NoColon);
    /// # Ok::<(), BasicError>(())
    /// ```
    pub fn parse(header_value: &[u8]) -> Result<Self, BasicError> {
        let mut credentials = Self::unread();
        credentials.read(header_value)?;
        if credentials.is_readable() { Ok(credentials) } else { Err(BasicError::Encoding) }
    }

    /// No credentials, to [`read`](Self::read) into: see [`wire`](crate::wire).
    pub(crate) fn unread() -> Self {
        Self { bytes: Buffer::new(), id_len: 0, secret_start: 0, secret_len: 0, secret: SecretHalf::Plain }
    }

    /// As [`parse`](Self::parse), in place: a move would leave a copy of the secret behind. A secret that is not encoded as in a
    /// form is no error here, since it may be that of a client that does not encode: see [`is_readable`](Self::is_readable).
    pub(crate) fn read(&mut self, header_value: &[u8]) -> Result<(), BasicError> {
        let (scheme, mut encoded) = header_value.split_first_chunk::<5>().ok_or(BasicError::Scheme)?;
        // As nearly all clients write it, or else in any case.
        let is_basic = scheme == b"Basic" || scheme.eq_ignore_ascii_case(b"basic");
        if !is_basic || !matches!(encoded, [] | [b' ', ..]) {
            return Err(BasicError::Scheme);
        }
        if header_value.len() > MAX_HEADER {
            return Err(BasicError::TooLong);
        }
        while let [b' ', rest @ ..] = encoded {
            encoded = rest;
        }
        // The one length that it will have. Much faster than `resize`, which writes byte by byte.
        match ZEROS.get(..decoded_len(encoded)?) {
            Some(zeros) => self.bytes.extend_from_slice(zeros),
            None => self.bytes.resize(decoded_len(encoded)?, 0),
        }
        let bytes = self.bytes.as_mut_slice();
        let len = base64().decode_slice(encoded, bytes).map_err(|_| BasicError::Base64)?;
        debug_assert_eq!(len, bytes.len());

        let colon = bytes.iter().position(|&byte| byte == b':').ok_or(BasicError::NoColon)?;
        // As nearly all are: then there is nothing to look for.
        let (id_is_plain, secret_is_plain) = if is_plain(bytes) {
            (true, true)
        } else {
            let is_encoded = |byte: u8| is_escape(byte) || !matches!(byte, b' '..=b'~');
            // In bounds: the place of a colon.
            let (id, secret) = bytes.split_at(colon);
            [id, secret].map(|half| !half.iter().any(|&byte| is_encoded(byte))).into()
        };
        self.id_len = if id_is_plain { colon } else { decode_half(&mut bytes[..colon])? };
        self.secret_start = colon + 1;
        let secret = &mut bytes[colon + 1..];
        self.secret_len = secret.len();
        if !secret_is_plain {
            match decode_half(secret) {
                Ok(len) => (self.secret_len, self.secret) = (len, SecretHalf::Decoded),
                Err(_) => self.secret = SecretHalf::Malformed,
            }
        }
        if self.id_len == 0 { Err(BasicError::EmptyClientId) } else { Ok(()) }
    }

    /// The client id, decoded; never empty.
    ///
    /// ```
    /// # use regrant::internal::BasicCredentials;
    /// let credentials = BasicCredentials::parse(b"Basic d2ViOnMzY3JldA==")?; // "web:s3cret"
    /// assert_eq!(credentials.client_id(), "web");
    /// # Ok::<(), regrant::internal::BasicError>(())
    /// ```
    pub fn client_id(&self) -> &str {
        self.text(0, self.id_len)
    }

    /// The client secret, decoded; it may be empty. Compare it in constant time.
    ///
    /// ```
    /// # use regrant::internal::BasicCredentials;
    /// let credentials = BasicCredentials::parse(b"Basic d2ViOnMzY3JldA==")?; // "web:s3cret"
    /// assert_eq!(credentials.client_secret(), "s3cret");
    /// # Ok::<(), regrant::internal::BasicError>(())
    /// ```
    pub fn client_secret(&self) -> &str {
        self.text(self.secret_start, self.secret_len)
    }

    /// The client secret as bytes, which is what is hashed.
    pub(crate) fn secret_bytes(&self) -> &[u8] {
        self.bytes.get(self.secret_start..self.secret_start + self.secret_len).unwrap_or_default()
    }

    /// Whether the secret may be believed to be one.
    pub(crate) fn is_readable(&self) -> bool {
        self.secret != SecretHalf::Malformed
    }

    /// Takes the secret as the header has it, which is the one that was read before: its client does not encode.
    pub(crate) fn take_secret_raw(&mut self, header_value: &[u8]) {
        if self.secret == SecretHalf::Plain {
            return;
        }
        let mut raw = Self::unread();
        raw.secret = SecretHalf::Raw;
        let encoded = header_value.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
        raw.bytes.resize(self.bytes.len(), 0);
        // Neither fails: it went well before.
        let Ok(len) = base64().decode_slice(encoded, &mut raw.bytes) else { return };
        (raw.id_len, raw.secret_start) = (self.id_len, self.secret_start);
        raw.secret_len = len.saturating_sub(self.secret_start);
        // The id stays as it was decoded.
        if let (Some(to), Some(from)) = (raw.bytes.get_mut(..self.id_len), self.bytes.get(..self.id_len)) {
            to.copy_from_slice(from);
        }
        std::mem::swap(self, &mut raw);
    }

    fn text(&self, start: usize, len: usize) -> &str {
        // Both halves were checked when they were decoded; the type cannot say so without `unsafe`.
        self.bytes.get(start..start + len).and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl Drop for BasicCredentials {
    fn drop(&mut self) {
        wipe(&mut self.bytes);
    }
}

impl fmt::Debug for BasicCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BasicCredentials").finish_non_exhaustive()
    }
}

/// How many bytes canonical base64 stands for.
fn decoded_len(encoded: &[u8]) -> Result<usize, BasicError> {
    if encoded.len() % 4 != 0 {
        return Err(BasicError::Base64);
    }
    let padding = match encoded {
        [.., b'=', b'='] => 2,
        [.., b'='] => 1,
        _ => 0,
    };
    Ok(encoded.len() / 4 * 3 - padding)
}

const fn is_escape(byte: u8) -> bool {
    matches!(byte, b'%' | b'+')
}

/// Decodes one half in place and returns its new length.
#[inline(never)]
fn decode_half(half: &mut [u8]) -> Result<usize, BasicError> {
    let len = decode_in_place(half).map_err(|_| BasicError::Encoding)?;
    // Decoding never makes longer.
    let text = str::from_utf8(&half[..len]).map_err(|_| BasicError::Encoding)?;
    if has_control(text) { Err(BasicError::Encoding) } else { Ok(len) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_credentials_go_to_the_heap_and_short_ones_do_not() -> Result<(), BasicError> {
        for (secret, spilled) in [(252, false), (253, true), (2000, true)] {
            let header = format!("Basic {}", base64().encode(format!("web:{}", "s".repeat(secret))));
            let credentials = BasicCredentials::parse(header.as_bytes())?;
            assert_eq!(credentials.bytes.spilled(), spilled);
            assert_eq!(credentials.client_id(), "web");
            assert_eq!(credentials.client_secret().len(), secret);
        }
        Ok(())
    }

    #[test]
    fn decoding_leaves_nothing_of_the_id_in_the_secret() -> Result<(), BasicError> {
        let header = format!("Basic {}", base64().encode("%61%62:%63"));
        let credentials = BasicCredentials::parse(header.as_bytes())?;
        assert_eq!((credentials.client_id(), credentials.client_secret()), ("ab", "c"));
        Ok(())
    }
}
