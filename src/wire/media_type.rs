//! The `Content-Type` of a request.

/// Whether a `Content-Type` value names `application/x-www-form-urlencoded`, in any case and with any parameters
/// (RFC 9110 section 8.3.1).
///
/// A list of types is refused: it is what two headers become when a proxy joins them. Parameters are not looked at; the
/// encoding is UTF-8 whatever `charset` says (RFC 6749 appendix B).
pub(crate) fn is_form_urlencoded(content_type: &[u8]) -> bool {
    const FORM: &[u8] = b"application/x-www-form-urlencoded";
    // As nearly all clients write it.
    if content_type == FORM {
        return true;
    }
    essence(content_type).eq_ignore_ascii_case(FORM)
}

/// Type and subtype without parameters, in whatever case.
pub(crate) fn essence(content_type: &[u8]) -> &[u8] {
    trim(content_type.split(|&b| b == b';').next().unwrap_or_default())
}

/// Whether it names `application/json`, likewise (RFC 7591 section 3.1).
pub(crate) fn is_json(content_type: &[u8]) -> bool {
    essence(content_type).eq_ignore_ascii_case(b"application/json")
}

/// `bytes` without optional white space (RFC 9110 section 5.6.3), which is narrower than ASCII white space.
fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_types() {
        for yes in [
            "application/x-www-form-urlencoded",
            "Application/X-WWW-Form-Urlencoded",
            " application/x-www-form-urlencoded\t",
            "application/x-www-form-urlencoded;charset=UTF-8",
            "application/x-www-form-urlencoded ; charset=\"utf-8\"; q=1",
            "application/x-www-form-urlencoded;",
        ] {
            assert!(is_form_urlencoded(yes.as_bytes()), "{yes}");
        }
        for no in [
            "",
            ";",
            "application/json",
            "application/x-www-form-urlencode",
            "application/x-www-form-urlencodedx",
            "xapplication/x-www-form-urlencoded",
            "application/x-www-form-urlencoded, text/plain",
            "application/x-www-form-urlencoded text/plain",
            "text/plain; application/x-www-form-urlencoded",
            "application/x-www-form-urlencoded\n",
            "application /x-www-form-urlencoded",
        ] {
            assert!(!is_form_urlencoded(no.as_bytes()), "{no}");
        }
    }
}
