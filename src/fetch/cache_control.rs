//! For how long an answer is fresh (RFC 9111).

use std::time::Duration;

/// What the headers say of it, as far as it counts here.
#[derive(Clone, Copy, Debug)]
pub(super) struct CacheControl {
    max_age: MaxAge,
    /// `no-store` or `no-cache`.
    is_forbidden: bool,
    age: u64,
}

#[derive(Clone, Copy, Debug)]
enum MaxAge {
    Absent,
    Seconds(u64),
    /// Said twice, or what is no number.
    Unclear,
}

impl CacheControl {
    /// Nothing is said.
    pub(super) const NONE: Self = Self { max_age: MaxAge::Absent, is_forbidden: false, age: 0 };

    /// Or each request would fetch (`no-store`), which the site itself could not bear.
    const LEAST: u64 = 5 * 60;
    const MOST: u64 = 24 * 60 * 60;

    /// Reads one `Cache-Control` header; several are one list.
    pub(super) fn read(&mut self, value: &[u8]) {
        for directive in split_list(value) {
            let (name, argument) = match directive.iter().position(|&byte| byte == b'=') {
                Some(at) => (&directive[..at], Some(&directive[at + 1..])),
                None => (directive, None),
            };
            if name.eq_ignore_ascii_case(b"max-age") {
                self.max_age = match (self.max_age, argument.and_then(seconds)) {
                    (MaxAge::Absent, Some(seconds)) => MaxAge::Seconds(seconds),
                    _ => MaxAge::Unclear,
                };
            } else if name.eq_ignore_ascii_case(b"no-store") || name.eq_ignore_ascii_case(b"no-cache") {
                self.is_forbidden = true;
            } else if name.trim_ascii().eq_ignore_ascii_case(b"max-age") {
                self.max_age = MaxAge::Unclear;
            }
        }
    }

    /// How long it lay in caches before (RFC 9111 section 5.1); what is no number does not count.
    pub(super) fn read_age(&mut self, value: &[u8]) {
        self.age = self.age.max(digits(value.trim_ascii()).unwrap_or(0));
    }

    pub(super) fn freshness(self) -> Duration {
        let said = match self.max_age {
            MaxAge::Seconds(seconds) if !self.is_forbidden => seconds.saturating_sub(self.age),
            _ => 0,
        };
        Duration::from_secs(said.clamp(Self::LEAST, Self::MOST))
    }
}

/// The members of a list, without white space around them. A comma in quotes separates nothing; quotes that do not end
/// go to the end of the header.
fn split_list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut in_quotes, mut is_escaped) = (false, false);
    value
        .split(move |&byte| {
            let was_escaped = std::mem::take(&mut is_escaped);
            match byte {
                b'"' if !was_escaped => in_quotes = !in_quotes,
                b'\\' if in_quotes && !was_escaped => is_escaped = true,
                _ => {}
            }
            byte == b',' && !in_quotes
        })
        .map(<[u8]>::trim_ascii)
}

/// An argument that is a number of seconds, in quotes or not (RFC 9111 section 5.2).
fn seconds(argument: &[u8]) -> Option<u64> {
    let unquoted = argument.strip_prefix(b"\"").and_then(|argument| argument.strip_suffix(b"\""));
    digits(unquoted.unwrap_or(argument))
}

/// Decimal digits alone; too many of them are the largest number.
fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(text.iter().fold(0, |number: u64, digit| number.saturating_mul(10).saturating_add(u64::from(digit - b'0'))))
}
