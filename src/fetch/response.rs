//! The answer to a fetch, and whether it has a document in it.

use std::fmt;
use std::time::Duration;

use super::cache_control::CacheControl;
use super::fetch::FetchLimits;
use crate::wire::essence;

/// An answer, as a [`Fetch`](super::Fetch) hands it over: the status, every header, the whole body. The engine judges it.
///
/// ```
/// use regrant::fetch::{FetchLimits, FetchResponse, Unfit};
///
/// let response = FetchResponse::new(200, b"{}".to_vec())
///     .with_header("content-type", b"application/json")
///     .with_header("cache-control", b"max-age=3600");
/// assert_eq!(response.check(&FetchLimits::default())?.as_secs(), 3600);
///
/// let page = FetchResponse::new(200, b"<html>".to_vec()).with_header("Content-Type", b"text/html");
/// assert_eq!(page.check(&FetchLimits::default()), Err(Unfit::ContentType));
/// # Ok::<(), Unfit>(())
/// ```
#[derive(Clone)]
pub struct FetchResponse {
    status: u16,
    content_type: ContentType,
    is_encoded: bool,
    cache_control: CacheControl,
    body: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum ContentType {
    Absent,
    Json,
    /// Another one, or more than one.
    Other,
}

/// Why an answer has no document in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unfit {
    /// The status is not 200.
    #[error("the status is not 200")]
    Status,
    /// The type is neither `application/json` nor `application/*+json`, or there are several, or none.
    #[error("the content type is not JSON")]
    ContentType,
    /// It is compressed, or encoded in another way.
    #[error("the document has a content encoding")]
    Encoding,
    /// It is longer than [`FetchLimits::body_bytes`].
    #[error("the document is too large")]
    TooLarge,
}

impl FetchResponse {
    /// An answer without headers.
    pub const fn new(status: u16, body: Vec<u8>) -> Self {
        Self { status, content_type: ContentType::Absent, is_encoded: false, cache_control: CacheControl::NONE, body }
    }

    /// Adds a header; names in any case. Hand over every one, as often as it came.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &[u8]) -> Self {
        let is = |header: &str| name.eq_ignore_ascii_case(header);
        if is("content-type") {
            let is_first = self.content_type == ContentType::Absent;
            self.content_type = if is_first && is_json(value) { ContentType::Json } else { ContentType::Other };
        } else if is("content-encoding") {
            self.is_encoded |= !value.trim_ascii().eq_ignore_ascii_case(b"identity");
        } else if is("cache-control") {
            self.cache_control.read(value);
        } else if is("age") {
            self.cache_control.read_age(value);
        }
        self
    }

    /// Its status.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// Its body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Whether it has a document in it, and for how long that is fresh: what `Cache-Control: max-age` says less `Age`,
    /// between 5 minutes and 24 hours. It is 5 minutes where nothing is said, or nothing clear: no `max-age`, one that is
    /// repeated or no number, `no-store` or `no-cache`.
    ///
    /// # Errors
    ///
    /// [`Unfit`], whatever the fetch itself has looked at.
    pub fn check(&self, limits: &FetchLimits) -> Result<Duration, Unfit> {
        if self.status != 200 {
            return Err(Unfit::Status);
        }
        if self.content_type != ContentType::Json {
            return Err(Unfit::ContentType);
        }
        if self.is_encoded {
            return Err(Unfit::Encoding);
        }
        if self.body.len() > limits.body_bytes() {
            return Err(Unfit::TooLarge);
        }
        Ok(self.cache_control.freshness())
    }
}

impl fmt::Debug for FetchResponse {
    /// Without the body: it is a stranger's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchResponse")
            .field("status", &self.status)
            .field("content_type", &self.content_type)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// `application/json`, or a type with its suffix (RFC 6839 section 3.1): `application/jwk-set+json` and whatever a server
/// of authorization defines. With any parameters: JSON is UTF-8.
fn is_json(content_type: &[u8]) -> bool {
    let essence = essence(content_type).to_ascii_lowercase();
    let Some(subtype) = essence.strip_prefix(b"application/") else { return false };
    let is_name = |name: &[u8]| {
        // RFC 6838 section 4.2.
        name.first().is_some_and(u8::is_ascii_alphanumeric)
            && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(byte))
    };
    subtype == b"json" || subtype.strip_suffix(b"+json").is_some_and(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, headers: &[(&str, &str)], body: usize) -> FetchResponse {
        let response = FetchResponse::new(status, vec![b' '; body]);
        headers.iter().fold(response, |response, (name, value)| response.with_header(name, value.as_bytes()))
    }

    const LEAST: u64 = 300;
    const MOST: u64 = 86_400;
    const JSON: (&str, &str) = ("content-type", "application/json");

    #[test]
    fn status_200_alone() {
        for status in (0..=u16::MAX).filter(|&status| status != 200) {
            assert_eq!(of(status, &[JSON], 2).check(&FetchLimits::default()), Err(Unfit::Status), "{status}");
        }
        assert!(of(200, &[JSON], 2).check(&FetchLimits::default()).is_ok());
    }

    /// Client ID metadata documents section 6; RFC 7517 section 8.5.
    #[test]
    fn types() {
        let check = |headers: &[(&str, &str)]| of(200, headers, 2).check(&FetchLimits::default());
        for yes in [
            "application/json",
            "Application/JSON",
            " application/json\t",
            "application/json;charset=utf-8",
            "application/json ; charset=\"UTF-8\"; a=b",
            "application/jwk-set+json",
            "application/oauth-client+json",
            "application/vnd.a.b-c+json; v=1",
            "application/a+b+json",
        ] {
            assert!(check(&[("Content-Type", yes)]).is_ok(), "{yes}");
        }
        for no in [
            "",
            ";",
            "json",
            "text/json",
            "text/html",
            "text/html; application/json",
            "application/",
            "application/jsonp",
            "application/json5",
            "application/xjson",
            "application/+json",
            "application/jwk-set",
            "application/json+xml",
            "application/a/b+json",
            "application/a b+json",
            "application/*+json",
            "application/json, application/json",
            "application/json, text/html",
            "application/jwt",
            "application/octet-stream",
            "application /json",
            "application/json\u{0}",
            "application/\u{e9}+json",
        ] {
            assert_eq!(check(&[("Content-Type", no)]), Err(Unfit::ContentType), "{no}");
            assert_eq!(check(&[JSON, ("content-type", no)]), Err(Unfit::ContentType), "{no}");
            assert_eq!(check(&[("content-type", no), JSON]), Err(Unfit::ContentType), "{no}");
        }
        assert_eq!(check(&[JSON, JSON]), Err(Unfit::ContentType));
        assert_eq!(check(&[]), Err(Unfit::ContentType));
    }

    #[test]
    fn encodings() {
        let check = |value| of(200, &[JSON, ("Content-Encoding", value)], 2).check(&FetchLimits::default());
        assert!(check("identity").is_ok());
        for no in ["gzip", "br", "deflate", "identity, gzip", "", "x"] {
            assert_eq!(check(no), Err(Unfit::Encoding), "{no}");
        }
        let twice = of(200, &[JSON, ("content-encoding", "gzip"), ("content-encoding", "identity")], 2);
        assert_eq!(twice.check(&FetchLimits::default()), Err(Unfit::Encoding));
    }

    #[test]
    fn sizes() {
        let limits = FetchLimits::default();
        assert!(of(200, &[JSON], 5 * 1_024).check(&limits).is_ok());
        assert_eq!(of(200, &[JSON], 5 * 1_024 + 1).check(&limits), Err(Unfit::TooLarge));
        assert_eq!(of(200, &[JSON], 1).check(&limits.with_body_bytes(0)), Err(Unfit::TooLarge));
    }

    #[test]
    fn freshness() {
        let check = |headers: &[&str], age: &[&str]| {
            let mut all = vec![JSON];
            all.extend(headers.iter().map(|value| ("Cache-Control", *value)));
            all.extend(age.iter().map(|value| ("Age", *value)));
            of(200, &all, 2).check(&FetchLimits::default()).unwrap().as_secs()
        };
        let rows: &[(&[&str], &[&str], u64)] = &[
            (&[], &[], LEAST),
            (&["max-age=3600"], &[], 3_600),
            (&["public, max-age=3600, immutable"], &[], 3_600),
            (&["public", "max-age=3600"], &[], 3_600),
            (&["MAX-AGE=3600"], &[], 3_600),
            (&["max-age=\"3600\""], &[], 3_600),
            (&[" ,, max-age=3600 ,\t"], &[], 3_600),
            (&["max-age=0"], &[], LEAST),
            (&["max-age=299"], &[], LEAST),
            (&["max-age=301"], &[], 301),
            (&["max-age=86400"], &[], MOST),
            (&["max-age=86401"], &[], MOST),
            (&["max-age=31536000"], &[], MOST),
            (&["max-age=99999999999999999999999999"], &[], MOST),
            (&["max-age=00003600"], &[], 3_600),
            // Said twice, it is not said (RFC 9111 section 4.2.1), also where it is the same.
            (&["max-age=3600, max-age=3600"], &[], LEAST),
            (&["max-age=3600", "max-age=7200"], &[], LEAST),
            (&["max-age=3600, max-age=x"], &[], LEAST),
            (&["max-age=x, max-age=3600"], &[], LEAST),
            (&["max-age"], &[], LEAST),
            (&["max-age="], &[], LEAST),
            (&["max-age=1h"], &[], LEAST),
            (&["max-age=-3600"], &[], LEAST),
            (&["max-age=+3600"], &[], LEAST),
            (&["max-age=3600.0"], &[], LEAST),
            (&["max-age = 3600"], &[], LEAST),
            (&["max-age=3600 7200"], &[], LEAST),
            (&["max-age='3600'"], &[], LEAST),
            (&["max-age=\"3600"], &[], LEAST),
            (&["max-age=\u{663}\u{666}"], &[], LEAST),
            (&["x=\"a, max-age=3600\""], &[], LEAST),
            (&["x=\"a\\\", max-age=3600\", max-age=7200"], &[], 7_200),
            (&["x=\"open, max-age=3600"], &[], LEAST),
            (&["xmax-age=3600"], &[], LEAST),
            (&["s-maxage=3600"], &[], LEAST),
            (&["max-age=3600, no-store"], &[], LEAST),
            (&["no-cache", "max-age=3600"], &[], LEAST),
            (&["no-cache=\"set-cookie\", max-age=3600"], &[], LEAST),
            (&["No-Store, max-age=3600"], &[], LEAST),
            (&["private, max-age=3600"], &[], 3_600),
            (&["\u{0}\u{1}garbage;max-age=3600"], &[], LEAST),
            (&["max-age=3600"], &["600"], 3_000),
            (&["max-age=3600"], &["3500"], LEAST),
            (&["max-age=3600"], &["7200"], LEAST),
            (&["max-age=99999999999999999999"], &["99999999999999999999"], LEAST),
            (&["max-age=604800"], &["86400"], MOST),
            (&["max-age=3600"], &["x"], 3_600),
            (&["max-age=3600"], &["-600"], 3_600),
            (&["max-age=3600"], &["60", "600"], 3_000),
            (&[], &["600"], LEAST),
        ];
        for (cache_control, age, expected) in rows {
            assert_eq!(check(cache_control, age), *expected, "{cache_control:?}, age {age:?}");
        }
    }

    #[test]
    fn any_cache_control_is_within_the_bounds() {
        use proptest::prelude::*;
        let piece = "(max-age|no-store|no-cache|private|=|,|\"|\\\\| |[0-9]{1,22}|[^,]{0,3}){0,12}";
        proptest!(|(first in piece, second in piece, age in "[0-9]{0,22}|.{0,3}")| {
            let response = of(200, &[JSON, ("cache-control", &first), ("cache-control", &second), ("age", &age)], 2);
            let fresh = response.check(&FetchLimits::default()).unwrap().as_secs();
            prop_assert!((300..=86_400).contains(&fresh));
        });
    }

    #[test]
    fn the_body_is_not_shown() {
        assert!(!format!("{:?}", FetchResponse::new(200, b"secret".to_vec())).contains("secret"));
        assert!(!format!("{:?}", FetchResponse::new(200, b"secret".to_vec())).contains("115"));
    }
}
