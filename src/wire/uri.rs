//! URIs that a host configures, read by RFC 3986 to the letter.

use std::net::Ipv4Addr;

use fluent_uri::Uri;

/// A URI that does not mislead a reader: no user information before the host (RFC 9110 section 4.2.4), a port that is one,
/// if it has a port, and a host where the scheme is one of the web (RFC 9110 sections 4.2.1 and 4.2.2): browsers take the first
/// segment of `https:/path` for one.
pub(crate) fn read_uri(text: &str) -> Option<Uri<&str>> {
    let uri = Uri::parse(text).ok()?;
    if is_web(&uri) && uri.authority().is_none_or(|authority| authority.host().is_empty()) {
        return None;
    }
    if let Some(authority) = uri.authority() {
        let port = authority.port().map(fluent_uri::pct_enc::EStr::as_str);
        let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|number| number > 0));
        if authority.userinfo().is_some() || !is_port {
            return None;
        }
    }
    Some(uri)
}

fn is_web(uri: &Uri<&str>) -> bool {
    ["http", "https"].iter().any(|scheme| uri.scheme().as_str().eq_ignore_ascii_case(scheme))
}

/// What two URIs have in common that are the same by RFC 3986 section 6.2.2 and by scheme (6.2.3): case of scheme and host,
/// escapes that need not be, dot segments, a port that is the scheme's own, and, of a web address, an empty path for `/`.
/// `None` where it is no absolute URI of RFC 3986 section 4.3: it has a fragment, or does not parse.
pub(crate) fn normal_form(text: &str) -> Option<String> {
    let uri = read_uri(text).filter(|uri| !uri.has_fragment())?;
    let whole = uri.normalize();
    let is_bare = whole.path().is_empty() && ["http", "https"].contains(&whole.scheme().as_str());
    if !is_bare {
        return Some(whole.into_string());
    }
    let query = whole.query().map(fluent_uri::pct_enc::EStr::as_str);
    let before = whole.as_str().split('?').next().unwrap_or_default();
    Some(query.map_or_else(|| format!("{before}/"), |query| format!("{before}/?{query}")))
}

/// The host of an `https` or `http` URL, and whether it is the former.
pub(crate) fn web_host<'a>(uri: &Uri<&'a str>) -> Option<(&'a str, bool)> {
    let host = uri.authority()?.host();
    match uri.scheme().as_str() {
        "https" if !host.is_empty() => Some((host, true)),
        "http" if !host.is_empty() => Some((host, false)),
        _ => None,
    }
}

/// Whether a host is another one for a browser than is written there: an IPv4 address by `127.1`, `0x7f.1` or `2130706433`, or whatever
/// stands behind escapes (URL standard, "host parser").
pub(crate) fn is_read_otherwise(host: &str) -> bool {
    host.contains('%') || ends_in_a_number(host) && host.parse::<Ipv4Addr>().is_err()
}

/// Whether the last label of a host makes an IPv4 address of it for a browser: decimal, or hexadecimal behind `0x` (URL standard,
/// "ends in a number checker").
pub(crate) fn ends_in_a_number(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let last = host.rsplit('.').next().unwrap_or_default();
    let hexadecimal = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    let is_hexadecimal = hexadecimal.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    is_hexadecimal || !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether it is a URL of `http` that leads to an address of the loopback interface, which `localhost` need not (RFC 8252 section 8.3).
#[cfg(feature = "proof")]
pub(crate) fn is_loopback_url(text: &str) -> bool {
    read_uri(text).is_some_and(|uri| matches!(web_host(&uri), Some(("127.0.0.1" | "[::1]", false))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_what_browsers_read() {
        for same in [
            "127.0.0.1",
            "192.0.2.1",
            "app.example",
            "127.0.0.1.example",
            "1.2.3.4.example.",
            "0x7f.example",
            "app.0xyz",
            "app.1a",
            "[::1]",
            "localhost",
        ] {
            assert!(!is_read_otherwise(same), "{same}");
            let read = ::url::Url::parse(&format!("https://{same}/")).unwrap();
            assert_eq!(read.host_str(), Some(same));
        }
        for otherwise in [
            "2130706433",
            "127.1",
            "127.0.0.1.",
            "127.0.0.01",
            "0177.0.0.1",
            "0x7f.1",
            "0X7F.0.0.0x1",
            "0x7f000001",
            "10.0x",
            "%31%32%37.0.0.1",
            "127%2e1",
            "l%6fcalhost",
            "app%2eexample",
        ] {
            assert!(is_read_otherwise(otherwise), "{otherwise}");
            let read = ::url::Url::parse(&format!("https://{otherwise}/")).unwrap();
            assert_ne!(read.host_str(), Some(otherwise));
        }
        // No browser goes there.
        for nowhere in ["app.1", "1.2.3.4.5", "256.256.256.256", "0xg.1", "08.1"] {
            assert!(is_read_otherwise(nowhere), "{nowhere}");
            assert!(::url::Url::parse(&format!("https://{nowhere}/")).is_err(), "{nowhere}");
        }
    }

    /// RFC 3986 sections 6.2.2 and 6.2.3.
    #[test]
    fn uris_that_mean_the_same_have_one_form() {
        for (one, other) in [
            ("https://mcp.example", "https://mcp.example/"),
            ("https://mcp.example/mcp", "HTTPS://MCP.Example:443/mcp"),
            ("http://127.0.0.1:80/mcp", "http://127.0.0.1/mcp"),
            ("https://mcp.example/a/../mcp", "https://mcp.example/./mcp"),
            ("https://mcp.example/%7euser/%c3", "https://mcp.example/~user/%C3"),
            ("https://mcp.example?tenant=1", "https://mcp.example/?tenant=1"),
            ("urn:example:api", "URN:example:api"),
            ("http://[::0001]:8080/mcp", "http://[::1]:8080/mcp"),
        ] {
            assert_eq!(normal_form(one), normal_form(other), "{one} {other}");
            assert!(normal_form(one).is_some(), "{one}");
        }
    }

    #[test]
    fn uris_that_mean_something_else_have_another_or_none() {
        for (one, other) in [
            ("https://mcp.example/mcp", "https://mcp.example/mcp/"),
            ("https://mcp.example/mcp", "https://mcp.example/MCP"),
            ("https://mcp.example/mcp", "http://mcp.example/mcp"),
            ("https://mcp.example/mcp", "https://mcp.example:8443/mcp"),
            ("https://mcp.example/a%2fb", "https://mcp.example/a/b"),
            ("https://mcp.example/mcp", "https://mcp.example/mcp?"),
            ("https://mcp.example/", "https://mcp.example.evil.example/"),
        ] {
            assert_ne!(normal_form(one), normal_form(other), "{one} {other}");
        }
        for none in [
            "",
            "/mcp",
            "mcp.example",
            "//mcp.example/mcp",
            "https://mcp.example/mcp#",
            "https://mcp.example/mcp#part",
            "https://user@mcp.example/mcp",
            "https://mcp.example:0/mcp",
            "https://mcp.example/a b",
            "https://mcp.example/%zz",
            "https://mcp.example/\u{e9}",
            "https://mcp.example/\n",
            // RFC 9110 section 4.2.1 and 4.2.2: an empty host is invalid, and so is none.
            "https:/mcp.example/mcp",
            "HTTPS:/.example/mcp",
            "http:mcp.example",
            "https:",
            "https:///mcp",
            "http://:8080/mcp",
            "http:?mcp",
        ] {
            assert_eq!(normal_form(none), None, "{none:?}");
        }
    }

    #[test]
    fn the_form_is_its_own() {
        for text in ["https://mcp.example", "HTTP://A:80?x=%7e", "urn:a:b", "a:/.//b", "https://a/../..//b"] {
            let form = normal_form(text).unwrap();
            assert_eq!(normal_form(&form).as_deref(), Some(form.as_str()), "{text}");
        }
    }
}
