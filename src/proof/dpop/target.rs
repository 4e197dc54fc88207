//! The request that a proof is for.

use crate::wire::normal_form;

/// The longest URL that is looked at.
const MAX_URL_BYTES: usize = 2_048;

/// A URL as `htu` is compared (RFC 9449 section 4.3, item 9): without query and fragment, and after what RFC 3986 sections 6.2.2 and
/// 6.2.3 say that two URLs are one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Target(String);

impl Target {
    /// `None` for what is no absolute `http` or `https` URL, or has a user in it.
    pub(crate) fn of(url: &str) -> Option<Self> {
        if url.len() > MAX_URL_BYTES {
            return None;
        }
        let bare = url.split(['?', '#']).next().unwrap_or_default();
        let form = normal_form(bare)?;
        let is_web = ["https://", "http://"].iter().any(|scheme| form.starts_with(scheme) && form.len() > scheme.len());
        // No host is not this host.
        (is_web && !form.contains(":///")).then_some(Self(form))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_has_one_form() {
        let target = Target::of("https://api.example/a/b").unwrap();
        for same in [
            "HTTPS://API.example:443/a/b",
            "https://api.example/a/b?q=1",
            "https://api.example/a/b#part",
            "https://api.example/a/b?q#f?",
            "https://api.example/a/./c/../b",
            "https://api.example/%61/b",
            "https://api.example/x/%2e%2e/a/b",
        ] {
            assert_eq!(Target::of(same).as_ref(), Some(&target), "{same}");
        }
        assert_eq!(Target::of("https://api.example"), Target::of("https://api.example/"));
        assert_eq!(Target::of("https://api.example?q"), Target::of("https://api.example/"));
    }

    #[test]
    fn what_is_elsewhere_is_another_or_none() {
        let target = Target::of("https://api.example/a/b");
        for other in [
            "http://api.example/a/b",
            "https://api.example:8443/a/b",
            "https://api.example/a/b/",
            "https://api.example/A/b",
            "https://api.example/a%2fb",
            "https://api.example/a%2Fb",
            "https://api.example//a/b",
            "https://api.example./a/b",
            "https://api.example.evil.example/a/b",
            "https://evil.example/https://api.example/a/b",
            "https://evil.example?https://api.example/a/b",
            "https://evil.example#https://api.example/a/b",
        ] {
            assert_ne!(Target::of(other), target, "{other}");
        }
        for none in [
            "",
            "/a/b",
            "//api.example/a/b",
            "api.example/a/b",
            "https:/a/b",
            "https:///a/b",
            "https://",
            "https:",
            "https://user@api.example/a/b",
            "https://api.example@evil.example/a/b",
            "https://api.example:0/a/b",
            "https://api.example:99999/a/b",
            "https://api.example\\a/b",
            "https://api.example/a b",
            "https://api.example/a/b\n",
            " https://api.example/a/b",
            "https://api.\u{435}xample/a/b",
            "ftp://api.example/a/b",
            "urn:a:b",
        ] {
            assert_eq!(Target::of(none), None, "{none:?}");
        }
        assert_eq!(Target::of(&format!("https://api.example/{}", "a".repeat(2_048))), None);
    }
}
