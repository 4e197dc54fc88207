//! Percent-decoding as forms have it.

/// A `%` that is not followed by two hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// The value of each hexadecimal digit; `NOT_HEX` for all other bytes.
const HEX: [u8; 256] = {
    let mut table = [NOT_HEX; 256];
    let mut digit: u8 = 0;
    while digit < 16 {
        table[b"0123456789abcdef"[digit as usize] as usize] = digit;
        table[b"0123456789ABCDEF"[digit as usize] as usize] = digit;
        digit += 1;
    }
    table
};
const NOT_HEX: u8 = 0xff;

/// Decodes `%XX` and `+` (a space) in place and returns the new length; what lies beyond it is left over.
///
/// Strict: the URL standard's decoder lets a stray `%` stand for itself, which makes two spellings of one value and
/// hides a client that encodes wrongly.
pub(crate) fn decode_in_place(bytes: &mut [u8]) -> Result<usize, Malformed> {
    // First, since an escape may stand for a `+`; and by itself, since this loop is done many bytes at a time.
    for byte in &mut *bytes {
        *byte = if *byte == b'+' { b' ' } else { *byte };
    }
    let Some(first) = bytes.iter().position(|&b| b == b'%') else {
        return Ok(bytes.len());
    };
    let (mut read, mut write) = (first, first);
    while let Some(&byte) = bytes.get(read) {
        let mut decoded = byte;
        if byte == b'%' {
            let Some(&[high, low]) = bytes.get(read + 1..read + 3) else {
                return Err(Malformed);
            };
            let (high, low) = (HEX[usize::from(high)], HEX[usize::from(low)]);
            if (high | low) == NOT_HEX {
                return Err(Malformed);
            }
            decoded = (high << 4) | low;
            read += 2;
        }
        // `write` never overtakes `read`, which is within bounds.
        bytes[write] = decoded;
        read += 1;
        write += 1;
    }
    Ok(write)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(text: &str) -> Result<Vec<u8>, Malformed> {
        let mut bytes = text.as_bytes().to_vec();
        let len = decode_in_place(&mut bytes)?;
        bytes.truncate(len);
        Ok(bytes)
    }

    #[test]
    fn every_pair_of_hex_digits() {
        for byte in 0..=u8::MAX {
            assert_eq!(decode(&format!("%{byte:02x}")), Ok(vec![byte]));
            assert_eq!(decode(&format!("a+%{byte:02X}b")), Ok(vec![b'a', b' ', byte, b'b']));
        }
    }

    #[test]
    fn only_pairs_of_hex_digits() {
        for byte in 0..=0x7f_u8 {
            let c = char::from(byte);
            let hex = c.is_ascii_hexdigit();
            assert_eq!(decode(&format!("%{c}0")).is_ok(), hex, "{c:?}");
            assert_eq!(decode(&format!("%0{c}")).is_ok(), hex, "{c:?}");
        }
        for text in ["%", "%4", "a%", "%%41", "%4%", "%é0"] {
            assert_eq!(decode(text), Err(Malformed), "{text}");
        }
    }

    #[test]
    fn the_rest_is_left_alone() {
        assert_eq!(decode(""), Ok(vec![]));
        assert_eq!(decode("a;b=c&é"), Ok("a;b=c&é".into()));
        assert_eq!(decode("%2B+%252B"), Ok("+ %2B".into()));
    }
}
