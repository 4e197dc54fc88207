//! URLs that may be fetched.

use std::fmt;
use std::str::FromStr;

use smol_str::SmolStr;

use crate::wire::ends_in_a_number;

/// An https URL of a document that a stranger names, as it may be fetched: a client's id, its keys.
///
/// There is one spelling of each, so that what was checked is what is fetched, whatever parser a [`Fetch`](super::Fetch)
/// has: RFC 3986 to the letter, and unchanged where the URL standard of browsers reads it. It has
///
/// - the scheme `https` and a name as host, both in lower case. The name has two labels or more of letters, digits and
///   inner hyphens (RFC 1123 section 2.1), IDNA names in their ASCII form, and neither a final dot nor a last label
///   that makes a number of it: no IP address, in whatever notation. `localhost` and what ends in it are no such name.
/// - no port, or one of 1,024 to 65,535: below are services that speak other protocols;
/// - a path, without `.` and `..` segments, in whatever encoding;
/// - no user, password or fragment; a query if need be;
/// - at most [`MAX_BYTES`](Self::MAX_BYTES) bytes.
///
/// So it meets what draft-ietf-oauth-client-id-metadata-document section 3 demands of a client id. Whether its host has
/// public addresses is for the fetch to see: [`is_public`](super::is_public).
///
/// ```
/// use regrant::fetch::FetchUrl;
/// let url = FetchUrl::parse("https://app.example.com/oauth/client.json")?;
/// assert_eq!((url.host(), url.port(), url.path()), ("app.example.com", 443, "/oauth/client.json"));
/// for no in ["http://app.example.com/", "https://127.0.0.1/", "https://0x7f.1/", "https://app.example.com/a/../b"] {
///     assert!(FetchUrl::parse(no).is_err());
/// }
/// # Ok::<(), regrant::fetch::FetchUrlError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FetchUrl {
    text: SmolStr,
    /// Where the host, and behind its port the path, end and begin.
    host_end: u16,
    path_start: u16,
    path_end: u16,
    port: u16,
}

/// Why a URL may not be fetched.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchUrlError {
    /// It is longer than [`FetchUrl::MAX_BYTES`].
    #[error("the URL is too long")]
    TooLong,
    /// It is none by RFC 3986, or browsers write it another way.
    #[error("it is not a URL in its usual spelling")]
    Syntax,
    /// The scheme is not `https`.
    #[error("the URL is not one of https")]
    Scheme,
    /// The host is not a name of the public DNS: an address, a single label, `localhost`.
    #[error("the URL's host is not a name of two labels or more, in lower case")]
    Host,
    /// The port is 443 in words, or another one below 1,024.
    #[error("the URL's port may not be fetched from")]
    Port,
    /// There is no path, or it has `.` or `..` in it.
    #[error("the URL has no path, or one with dot segments")]
    Path,
    /// It has a user, a password or a fragment.
    #[error("the URL has a user, a password or a fragment")]
    Extra,
}

const HTTPS: &str = "https://";

impl FetchUrl {
    /// The longest there is: 1,024 bytes.
    pub const MAX_BYTES: usize = 1_024;

    /// Reads a URL.
    ///
    /// # Errors
    ///
    /// [`FetchUrlError`], if it may not be fetched.
    pub fn parse(text: &str) -> Result<Self, FetchUrlError> {
        if text.len() > Self::MAX_BYTES {
            return Err(FetchUrlError::TooLong);
        }
        let uri = fluent_uri::Uri::parse(text).map_err(|_| FetchUrlError::Syntax)?;
        if !text.starts_with(HTTPS) {
            return Err(FetchUrlError::Scheme);
        }
        let authority = uri.authority().ok_or(FetchUrlError::Host)?;
        if authority.userinfo().is_some() || uri.fragment().is_some() {
            return Err(FetchUrlError::Extra);
        }
        let host = authority.host();
        if !is_name(host) {
            return Err(FetchUrlError::Host);
        }
        let port = match authority.port() {
            None => 443,
            Some(port) => read_port(port.as_str()).ok_or(FetchUrlError::Port)?,
        };
        let path = uri.path().as_str();
        if path.is_empty() || path.split('/').any(is_dots) {
            return Err(FetchUrlError::Path);
        }
        // The one character that RFC 3986 allows there and browsers encode.
        if uri.query().is_some_and(|query| query.as_str().contains('\'')) {
            return Err(FetchUrlError::Syntax);
        }
        let path_start = HTTPS.len() + authority.as_str().len();
        let offset = |offset: usize| u16::try_from(offset).map_err(|_| FetchUrlError::TooLong);
        Ok(Self {
            text: SmolStr::new(text),
            host_end: offset(HTTPS.len() + host.len())?,
            path_start: offset(path_start)?,
            path_end: offset(path_start + path.len())?,
            port,
        })
    }

    /// All of it, as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name of the host, in lower case.
    pub fn host(&self) -> &str {
        self.text.get(HTTPS.len()..self.host_end.into()).unwrap_or_default()
    }

    /// The port: 443 where none is written.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The path, which begins with `/`.
    pub fn path(&self) -> &str {
        self.text.get(self.path_start.into()..self.path_end.into()).unwrap_or_default()
    }

    /// Path and query, as a request line has them.
    pub fn path_and_query(&self) -> &str {
        self.text.get(self.path_start.into()..).unwrap_or_default()
    }
}

impl FromStr for FetchUrl {
    type Err = FetchUrlError;

    fn from_str(text: &str) -> Result<Self, FetchUrlError> {
        Self::parse(text)
    }
}

impl fmt::Display for FetchUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for FetchUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FetchUrl").field(&self.text).finish()
    }
}

/// A host name with more than one label, which nothing reads as an address.
fn is_name(host: &str) -> bool {
    // RFC 1035 section 2.3.4, as text.
    if host.len() > 253 || !host.contains('.') || !host.split('.').all(is_label) {
        return false;
    }
    let last = host.rsplit('.').next().unwrap_or_default();
    !ends_in_a_number(host) && last != "localhost"
}

fn is_label(label: &str) -> bool {
    let is_ldh = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let ends_well = !label.starts_with('-') && !label.ends_with('-');
    // Reserved for prefixes like `xn--` (RFC 5891 section 4.2.3.1), of which there is this one.
    let is_reserved = label.get(2..4) == Some("--") && !label.starts_with("xn--");
    (1..=63).contains(&label.len()) && label.bytes().all(is_ldh) && ends_well && !is_reserved
}

fn read_port(text: &str) -> Option<u16> {
    let port: u16 = text.parse().ok()?;
    // With zeros in front it is another spelling.
    (port >= 1_024 && !text.starts_with('0')).then_some(port)
}

/// `.` or `..`, also where some of it is percent-encoded: parsers of URLs take that for the same.
fn is_dots(segment: &str) -> bool {
    let plain = segment.to_ascii_lowercase().replace("%2e", ".");
    plain == "." || plain == ".."
}

#[cfg(test)]
mod tests {
    use super::FetchUrlError::{Extra, Host, Path, Port, Scheme, Syntax, TooLong};
    use super::*;

    #[test]
    fn what_may_be_fetched() {
        for (text, host, port, path, rest) in [
            ("https://a.example/", "a.example", 443, "/", "/"),
            ("https://a.example/client.json", "a.example", 443, "/client.json", "/client.json"),
            ("https://a.example:8443/x", "a.example", 8443, "/x", "/x"),
            ("https://a.example:1024/x?a=b&c=/../d", "a.example", 1024, "/x", "/x?a=b&c=/../d"),
            ("https://xn--bcher-kva.example/%C3%A9//...", "xn--bcher-kva.example", 443, "/%C3%A9//...", "/%C3%A9//..."),
            ("https://1.2.3.4.example/", "1.2.3.4.example", 443, "/", "/"),
            ("https://a.0xyz/", "a.0xyz", 443, "/", "/"),
            ("https://localhost.example/", "localhost.example", 443, "/", "/"),
        ] {
            let url = FetchUrl::parse(text).unwrap();
            assert_eq!((url.host(), url.port(), url.path(), url.path_and_query()), (host, port, path, rest), "{text}");
            assert_eq!((url.as_str(), url.to_string().as_str()), (text, text));
            assert_eq!(::url::Url::parse(text).unwrap().as_str(), text, "browsers write it so too");
        }
    }

    /// Client ID metadata documents section 3.
    #[test]
    fn what_may_not() {
        let long = format!("https://a.example/{}", "x".repeat(FetchUrl::MAX_BYTES));
        let long_label = format!("https://{}.example/", "a".repeat(64));
        let long_name = format!("https://{}example/", "a.".repeat(124));
        let rows = [
            (long.as_str(), TooLong),
            ("", Syntax),
            ("a.example/client", Syntax),
            ("//a.example/client", Syntax),
            ("https:/a.example/", Scheme),
            ("https:a.example/", Scheme),
            ("https:///a.example/", Host),
            ("https:\\\\a.example\\", Syntax),
            (" https://a.example/", Syntax),
            ("https://a.example/ ", Syntax),
            ("https://a.example/\n", Syntax),
            ("https://a.exa\tmple/", Syntax),
            ("https://a.example/\u{e9}", Syntax),
            ("https://b\u{fc}cher.example/", Syntax),
            ("https://a.example\u{3002}org/", Syntax),
            ("https://\u{ff11}27.0.0.1/", Syntax),
            ("https://a.example/%zz", Syntax),
            ("https://a.example/?'", Syntax),
            ("https://a.example/a\\b", Syntax),
            ("http://a.example/", Scheme),
            ("HTTPS://a.example/", Scheme),
            ("file:///etc/passwd", Scheme),
            ("data:application/json,null", Scheme),
            ("gopher://a.example/", Scheme),
            ("https+unix://a.example/", Scheme),
            ("https://user@a.example/", Extra),
            ("https://user:password@a.example/", Extra),
            ("https://@a.example/", Extra),
            ("https://a.example@127.0.0.1/", Extra),
            ("https://a.example/#", Extra),
            ("https://a.example/#fragment", Extra),
            ("https://", Host),
            ("https:///", Host),
            ("https://:8443/", Host),
            ("https://A.example/", Host),
            ("https://localhost/", Host),
            ("https://a.localhost/", Host),
            ("https://intranet/", Host),
            ("https://a.example./", Host),
            ("https://localhost./", Host),
            ("https://a..example/", Host),
            ("https://.a.example/", Host),
            ("https://-a.example/", Host),
            ("https://a-.example/", Host),
            ("https://a_b.example/", Host),
            ("https://ab--c.example/", Host),
            (long_label.as_str(), Host),
            (long_name.as_str(), Host),
            ("https://a%2eexample/", Host),
            ("https://a.ex%61mple/", Host),
            ("https://%31%32%37.0.0.1/", Host),
            ("https://a.example%00.org/", Host),
            ("https://a,b.example/", Host),
            ("https://a.example;b.example/", Host),
            ("https://127.0.0.1/", Host),
            ("https://8.8.8.8/", Host),
            ("https://127.1/", Host),
            ("https://127.0.1/", Host),
            ("https://2130706433/", Host),
            ("https://0x7f000001/", Host),
            ("https://0x7f.0x0.0x0.0x1/", Host),
            ("https://0177.0.0.1/", Host),
            ("https://017700000001/", Host),
            ("https://127.0.0.1./", Host),
            ("https://127.0.0.0x1/", Host),
            ("https://a.example.1/", Host),
            ("https://a.example.0x/", Host),
            ("https://256.256.256.256/", Host),
            ("https://[::1]/", Host),
            ("https://[2606:4700:4700::1111]/", Host),
            ("https://[::ffff:127.0.0.1]/", Host),
            ("https://[fe80::1%25eth0]/", Syntax),
            ("https://[v1.x]/", Host),
            ("https://a.example:/", Port),
            ("https://a.example:443/", Port),
            ("https://a.example:80/", Port),
            ("https://a.example:25/", Port),
            ("https://a.example:0/", Port),
            ("https://a.example:1023/", Port),
            ("https://a.example:08443/", Port),
            ("https://a.example:65536/", Port),
            ("https://a.example:99999999999999999999/", Port),
            ("https://a.example:8443a/", Syntax),
            ("https://a.example", Path),
            ("https://a.example?a=b", Path),
            ("https://a.example/.", Path),
            ("https://a.example/./", Path),
            ("https://a.example/..", Path),
            ("https://a.example/a/../b", Path),
            ("https://a.example/a/%2e%2E/b", Path),
            ("https://a.example/a/.%2e", Path),
            ("https://a.example/a/%2E", Path),
        ];
        for (text, why) in rows {
            assert_eq!(FetchUrl::parse(text), Err(why), "{text}");
        }
    }

    /// What the parser below `reqwest` makes of it: nothing else, ever.
    #[test]
    fn browsers_read_it_the_same() {
        use proptest::prelude::*;
        let part = "[a-z0-9.%~_'!()*,;=:@&+$/?#\\[\\]\\\\|^{}`<>\" \\-]{0,12}";
        let text = (
            "(https://|https:/|HTTPS://|)",
            "[a-z0-9.x%\\-]{0,12}",
            "(\\.com|\\.1|\\.0x1|)",
            "(:[0-9]{0,5}|)",
            part,
            part,
        );
        proptest!(ProptestConfig::with_cases(5_000), |((scheme, host, tld, port, path, rest) in text)| {
            let text = format!("{scheme}{host}{tld}{port}/{path}{rest}");
            if let Ok(ours) = FetchUrl::parse(&text) {
                // IDNA refuses what is not punycode behind `xn--`; that cannot be fetched at all.
                if let Ok(theirs) = ::url::Url::parse(&text) {
                    prop_assert_eq!(theirs.as_str(), &text);
                    prop_assert_eq!(theirs.host_str(), Some(ours.host()));
                    prop_assert_eq!(theirs.port_or_known_default(), Some(ours.port()));
                    prop_assert_eq!(theirs.path(), ours.path());
                } else {
                    prop_assert!(ours.host().contains("xn--"), "{}", text);
                }
            }
        });
    }
}
