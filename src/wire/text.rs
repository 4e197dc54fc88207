//! What is text, and what text may contain.

use std::str;

/// The bytes of a name or a value as text, which they are: the form was checked as a whole, and its pieces lie between
/// ASCII characters or, where they were decoded, were checked themselves. The type cannot say so without `unsafe`, and
/// most bytes are never asked for as text.
pub(crate) fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap_or_default()
}

/// Whether `text` has a control character: U+0000 to U+001F, U+007F to U+009F.
pub(crate) fn has_control(text: &str) -> bool {
    // No branch in the loop, so that it is done many bytes at a time.
    let (mut control, mut not_ascii) = (false, false);
    for &b in text.as_bytes() {
        control |= b < 0x20 || b == 0x7f;
        not_ascii |= b >= 0x80;
    }
    control || (not_ascii && text.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_control_agrees_with_char() {
        for c in '\0'..='\u{2100}' {
            assert_eq!(has_control(&format!("abcdefgh{c}é")), c.is_control(), "{c:?}");
            assert_eq!(has_control(&format!("{c}")), c.is_control(), "{c:?}");
        }
        assert!(!has_control(""));
    }
}
