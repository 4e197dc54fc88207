//! The wire form of all tokens: canonical base64url without padding, of exact length (RFC 4648 section 5).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Reads `CHARS` characters that stand for `BYTES` bytes. One byte string has one text: stray trailing bits, padding
/// and white space are refused.
pub(crate) fn decode_exact<const BYTES: usize, const CHARS: usize>(text: &[u8; CHARS]) -> Option<[u8; BYTES]> {
    let mut bytes = [0; BYTES];
    decode_into(text, &mut bytes).then_some(bytes)
}

/// The same in place; says whether it is such a text.
pub(crate) fn decode_into<const BYTES: usize, const CHARS: usize>(text: &[u8; CHARS], bytes: &mut [u8; BYTES]) -> bool {
    const { assert!(CHARS == (BYTES * 4).div_ceil(3), "the exact length of the text") };
    URL_SAFE_NO_PAD.decode_slice(text, bytes) == Ok(BYTES)
}

/// Writes them. `CHARS` must be what `BYTES` bytes take.
pub(crate) fn encode_exact<const BYTES: usize, const CHARS: usize>(bytes: &[u8; BYTES]) -> [u8; CHARS] {
    let mut text = [b'A'; CHARS];
    encode_into(bytes, &mut text);
    text
}

/// The same in place: a text that is returned is moved as soon as it is written, for which the processor has to wait.
pub(crate) fn encode_into<const BYTES: usize, const CHARS: usize>(bytes: &[u8; BYTES], text: &mut [u8; CHARS]) {
    const { assert!(CHARS == (BYTES * 4).div_ceil(3), "the exact length of the text") };
    let written = URL_SAFE_NO_PAD.encode_slice(bytes, text);
    debug_assert_eq!(written, Ok(CHARS));
}

/// The text of a thumbprint.
pub(crate) fn base64url(bytes: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_text_is_read() {
        let text: [u8; 43] = encode_exact(&[0xff; 32]);
        assert_eq!(decode_exact(&text), Some([0xff; 32]));
        // The last character carries two bits that belong to no byte.
        for last in *b"9-_" {
            let mut twin = text;
            twin[42] = last;
            assert_eq!(decode_exact::<32, 43>(&twin), None, "{last}");
        }
        for wrong in *b"/+=\n \xff" {
            for at in 0..43 {
                let mut twin = text;
                twin[at] = wrong;
                assert_eq!(decode_exact::<32, 43>(&twin), None, "{wrong} at {at}");
            }
        }
    }
}
