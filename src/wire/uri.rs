//! URIs that a host configures, read by RFC 3986 to the letter.

use fluent_uri::Uri;

/// A URI in which nothing misleads whoever looks at it: no user information before the host (RFC 9110 section 4.2.4), and
/// a port that is one, if it has a port.
pub(crate) fn read_uri(text: &str) -> Option<Uri<&str>> {
    let uri = Uri::parse(text).ok()?;
    if let Some(authority) = uri.authority() {
        let port = authority.port().map(fluent_uri::pct_enc::EStr::as_str);
        let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|number| number > 0));
        if authority.userinfo().is_some() || !is_port {
            return None;
        }
    }
    Some(uri)
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
