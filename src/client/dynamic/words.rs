//! Texts of strangers that people are shown.

use crate::wire::{read_uri, web_host};

/// The most characters of a name, a contact or a version.
pub(super) const MAX_TEXT_CHARS: usize = 128;

/// The most bytes of a link.
pub(super) const MAX_LINK_BYTES: usize = 2_048;

/// Whether a text can stand on a page: short, on one line, and read in the order in which it is written.
pub(super) fn is_plain_text(text: &str) -> bool {
    text.chars().count() <= MAX_TEXT_CHARS && !text.chars().any(misleads)
}

/// Control characters and line breaks, what turns the direction of reading round, and what is not seen. The joiners U+200C and
/// U+200D are letters' neighbours in some scripts, and in emoji.
const fn misleads(character: char) -> bool {
    matches!(
        character,
        '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'
            | '\u{200e}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// Whether it is an https URL, with a host and no user before it.
pub(super) fn is_link(text: &str) -> bool {
    text.len() <= MAX_LINK_BYTES && read_uri(text).is_some_and(|uri| web_host(&uri).is_some_and(|(_, https)| https))
}

/// The same of what is fetched: a fragment is no part of a request (RFC 9110 section 7.1).
pub(super) fn is_place(text: &str) -> bool {
    is_link(text) && !text.contains('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_or_turns_the_rest_round_is_no_text() {
        for good in ["App", "Zoë & Söhne", "アプリ", "אפליקציה", "👩‍💻 dev", "نمی‌خواهم", &"é".repeat(MAX_TEXT_CHARS)]
        {
            assert!(is_plain_text(good), "{good}");
        }
        let bad = "\0\t\n\r\u{1b}\u{7f}\u{85}\u{ad}\u{61c}\u{200b}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202e}\u{2060}\
                   \u{2066}\u{2069}\u{feff}\u{fff9}\u{e0041}";
        for bad in bad.chars() {
            assert!(!is_plain_text(&format!("a{bad}b")), "{bad:?}");
        }
        assert!(!is_plain_text(&"a".repeat(MAX_TEXT_CHARS + 1)));
    }

    #[test]
    fn a_link_is_https() {
        for good in ["https://app.example", "https://app.example:8443/a?b#c", "https://[2001:db8::1]/"] {
            assert!(is_link(good), "{good}");
        }
        let long = format!("https://app.example/{}", "a".repeat(MAX_LINK_BYTES));
        for bad in
            ["", "/a", "http://app.example", "javascript:alert(1)", "data:,x", "https:", "https://u@h.example/", &long]
        {
            assert!(!is_link(bad), "{bad}");
        }
    }
}
