//! The `Location` of an authorization response: RFC 6749 sections 4.1.2 and 4.1.2.1.

use form_urlencoded::Serializer;

/// Adds parameters to the query of a redirect URI, which keeps what it has (RFC 6749 section 3.1.2). They are written
/// as a form writes them, so nothing in a value ends the header or begins another parameter.
pub(crate) fn location<'a>(
    redirect_uri: &str,
    parameters: impl IntoIterator<Item = (&'static str, &'a str)>,
) -> String {
    let mut location = String::with_capacity(redirect_uri.len() + 128);
    location.push_str(redirect_uri);
    if !redirect_uri.contains('?') {
        location.push('?');
    }
    // The serializer puts an `&` first unless it is at the start of its part.
    let start = redirect_uri.find('?').map_or(location.len(), |question| question + 1);
    Serializer::for_suffix(location, start).extend_pairs(parameters).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_uri_has_is_kept() {
        let with = |uri| location(uri, [("code", "c"), ("state", "a&b=c d\r\n")]);
        assert_eq!(with("https://a/cb"), "https://a/cb?code=c&state=a%26b%3Dc+d%0D%0A");
        assert_eq!(with("https://a/cb?"), "https://a/cb?code=c&state=a%26b%3Dc+d%0D%0A");
        assert_eq!(with("https://a/cb?t=1"), "https://a/cb?t=1&code=c&state=a%26b%3Dc+d%0D%0A");
        assert_eq!(with("com.example.app:/cb"), "com.example.app:/cb?code=c&state=a%26b%3Dc+d%0D%0A");
    }
}
