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
///
/// Without tables, so that which memory is read says nothing of a token, and sixteen characters at once: each is looked at in the same
/// way, which compilers turn into instructions for all of them.
pub(crate) fn decode_into<const BYTES: usize, const CHARS: usize>(text: &[u8; CHARS], bytes: &mut [u8; BYTES]) -> bool {
    const { assert!(CHARS == (BYTES * 4).div_ceil(3), "the exact length of the text") };
    let (mut texts, mut places) = (text.chunks_exact(16), bytes.chunks_exact_mut(12));
    let mut strange = 0;
    for (text, place) in texts.by_ref().zip(places.by_ref()) {
        let mut chars = [0; 16];
        chars.copy_from_slice(text);
        let (bits, strange_here) = bits_of(&chars);
        strange |= strange_here;
        place.copy_from_slice(&bits.to_be_bytes()[4..]);
    }
    let (text, place) = (texts.remainder(), places.into_remainder());
    let mut chars = [b'A'; 16];
    chars[..text.len()].copy_from_slice(text);
    let (bits, strange_here) = bits_of(&chars);
    strange |= strange_here;
    let bits = bits.to_be_bytes();
    let (whole, stray) = bits[4..].split_at(place.len());
    place.copy_from_slice(whole);
    // The last character has more bits than the last byte needs.
    strange == 0 && stray.iter().all(|byte| *byte == 0)
}

/// The 96 bits of sixteen characters, and something other than 0 if one of them is none of the alphabet.
#[inline]
fn bits_of(chars: &[u8; 16]) -> (u128, u64) {
    let mut values = [0; 16];
    for (place, char) in values.iter_mut().zip(chars) {
        *place = value(*char);
    }
    let values = u128::from_le_bytes(values);
    #[expect(clippy::cast_possible_truncation, reason = "the lower half and the upper half")]
    let (first, last) = (values as u64, (values >> 64) as u64);
    (u128::from(pack(first)) << 48 | u128::from(pack(last)), (first | last) & 0x8080_8080_8080_8080)
}

/// What a character stands for; over 127 where it stands for nothing.
#[inline]
const fn value(char: u8) -> u8 {
    const NONE: u8 = 0xff;
    let (upper, lower, digit) = (char.wrapping_sub(b'A'), char.wrapping_sub(b'a'), char.wrapping_sub(b'0'));
    // One of them at most is not all ones.
    let upper = if upper < 26 { upper } else { NONE };
    let lower = if lower < 26 { lower + 26 } else { NONE };
    let digit = if digit < 10 { digit + 52 } else { NONE };
    let minus = if char == b'-' { 62 } else { NONE };
    let line = if char == b'_' { 63 } else { NONE };
    upper & lower & digit & minus & line
}

/// Eight values of six bits, the first in the lowest byte, as 48 bits, the first highest.
#[inline]
const fn pack(values: u64) -> u64 {
    let pairs = (values & 0x003f_003f_003f_003f) << 6 | values >> 8 & 0x003f_003f_003f_003f;
    let fours = (pairs & 0x0fff_0000_0fff) << 12 | pairs >> 16 & 0x0fff_0000_0fff;
    (fours & 0xff_ffff) << 24 | fours >> 32
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
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// What a well-known library reads, and nothing else, whatever stands in the text: of each length that tokens have.
        #[test]
        fn as_another_reads_it(bytes: [u8; 50], at in 0_usize..67, char: u8) {
            let text: [u8; 67] = encode_exact(&bytes);
            prop_assert_eq!(decode_exact(&text), Some(bytes));
            let mut twin = text;
            twin[at] = char;
            let other: Option<Vec<u8>> = URL_SAFE_NO_PAD.decode(twin).ok();
            prop_assert_eq!(decode_exact::<50, 67>(&twin).map(Vec::from), other);
            let short: [u8; 43] = std::array::from_fn(|at| twin[at]);
            let other = URL_SAFE_NO_PAD.decode(short).ok();
            prop_assert_eq!(decode_exact::<32, 43>(&short).map(Vec::from), other);
        }
    }

    /// A table of all characters would be read by what is secret; so would a branch.
    #[test]
    fn every_character_stands_for_what_the_alphabet_says() {
        let alphabet = base64::alphabet::URL_SAFE.as_str();
        for char in 0..=255 {
            let place = alphabet.bytes().position(|other| other == char);
            assert_eq!(place, Some(usize::from(value(char))).filter(|value| *value < 128), "{char}");
        }
    }

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
