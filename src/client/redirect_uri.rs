//! Redirect URIs: what can be registered, and what a request may name.

use smol_str::SmolStr;

use crate::wire::{read_uri, web_host};

/// A redirect URI as it was registered (RFC 6749 section 3.1.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RedirectUri {
    text: SmolStr,
    /// Where the port of a loopback address stands: any port may stand there in a request.
    port: Option<(u32, u32)>,
}

/// The loopback addresses whose port is free: a native app takes one that the system gives it (RFC 8252 section 7.3).
/// `localhost` is not among them, since it may resolve to something else (section 8.3).
const LOOPBACK: [&str; 2] = ["http://127.0.0.1", "http://[::1]"];

/// Where `http` is allowed: what is sent there leaves the machine as little as the browser does.
const THIS_MACHINE: [&str; 3] = ["127.0.0.1", "[::1]", "localhost"];

/// The parameters of authorization responses: RFC 6749 section 4.1.2, RFC 9207, and JARM.
const OF_RESPONSES: [&str; 7] = ["code", "state", "iss", "error", "error_description", "error_uri", "response"];

impl RedirectUri {
    /// The most bytes that one can have.
    pub(crate) const MAX_BYTES: usize = 2_048;

    /// Reads one for registration: `https`, `http` to the same machine, or a scheme of an app's own, which has a dot in
    /// it (RFC 8252 section 7.1). No fragment (RFC 6749 section 3.1.2), and in its query no parameter of a response, which
    /// would be there twice.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() > Self::MAX_BYTES {
            return None;
        }
        let uri = read_uri(text)?;
        let is_allowed = match web_host(&uri) {
            Some((host, is_https)) => is_https || THIS_MACHINE.contains(&host),
            None => uri.scheme().as_str().contains('.') && !(uri.authority().is_none() && uri.path().is_empty()),
        };
        let query = uri.query().map_or("", |query| query.as_str());
        let is_responses = |name: &str| OF_RESPONSES.contains(&name);
        if !is_allowed
            || uri.has_fragment()
            || form_urlencoded::parse(query.as_bytes()).any(|(name, _)| is_responses(&name))
        {
            return None;
        }
        let port = LOOPBACK.iter().find_map(|prefix| port_after(text, prefix));
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Some(Self { text: text.into(), port: port.map(|(from, to)| (place(from), place(to))) })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a request that names this URI means the registered one: the same string (RFC 9700 section 2.1), but for
    /// the port of a loopback address.
    pub(crate) fn matches(&self, presented: &str) -> bool {
        if presented == self.text {
            return true;
        }
        let Some((from, to)) = self.port else { return false };
        let (Some(prefix), Some(rest)) = (self.text.get(..from as usize), self.text.get(to as usize..)) else {
            return false;
        };
        port_after(presented, prefix).is_some_and(|(_, end)| presented.get(end..) == Some(rest))
    }
}

/// Where the port stands after a prefix, with its colon; an empty place where there is none. `None` where something else
/// follows the host.
fn port_after(text: &str, prefix: &str) -> Option<(usize, usize)> {
    let rest = text.strip_prefix(prefix)?;
    let end = match rest.strip_prefix(':') {
        Some(port) => {
            let digits = port.bytes().take_while(u8::is_ascii_digit).count();
            // Written as a system writes it: no zeros in front, so that there are at most five digits.
            port.get(..digits)?.parse::<u16>().ok().filter(|_| !port.starts_with('0'))?;
            prefix.len() + 1 + digits
        }
        None => prefix.len(),
    };
    matches!(text.as_bytes().get(end), None | Some(b'/' | b'?')).then_some((prefix.len(), end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_registered() {
        for good in [
            "https://app.example/cb",
            "https://app.example/cb?tenant=1",
            "http://127.0.0.1/callback",
            "http://127.0.0.1:8080/callback",
            "http://[::1]/callback",
            "http://localhost:3000/cb",
            "com.example.app:/cb",
        ] {
            assert!(RedirectUri::parse(good).is_some_and(|uri| uri.matches(good)), "{good}");
        }
        for bad in [
            "",
            "/cb",
            "https:///cb",
            "https://",
            "https:app.example/cb",
            "http://app.example/cb",
            "http://127.0.0.1.example/cb",
            "http://127.0.0.1@example/cb",
            "http://127.0.0.1:x/cb",
            "http://127.0.0.1:0/cb",
            "http://127.0.0.1:65536/cb",
            "http://localhost.example/cb",
            "https://app.example/cb#fragment",
            "https://app.example/c b",
            "https://app.example/cb\r\nx: y",
            "https://app.example/é",
            "https://app.example/<",
            "javascript:alert(1)",
            "data:text/html,x",
            "1a.b:/cb",
            "com.example.app:",
            "https://bank.example@evil.example/cb",
            "https://app.example:99999/cb",
            "https://app.example:/cb",
            "https://app.example/%zz",
            "https://app.example/cb?code=fixed",
        ] {
            assert_eq!(RedirectUri::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_port_of_a_loopback_address_is_free_and_nothing_else() {
        for registered in ["http://127.0.0.1/cb", "http://127.0.0.1:8080/cb"] {
            let uri = RedirectUri::parse(registered).unwrap();
            for good in ["http://127.0.0.1/cb", "http://127.0.0.1:1/cb", "http://127.0.0.1:65535/cb"] {
                assert!(uri.matches(good), "{registered} {good}");
            }
            for bad in [
                "http://127.0.0.1:/cb",
                "http://127.0.0.1:0/cb",
                "http://127.0.0.1:080/cb",
                "http://127.0.0.1:65536/cb",
                "http://127.0.0.1:+80/cb",
                "http://127.0.0.1:80:90/cb",
                "http://127.0.0.1:80@evil.example/cb",
                "http://127.0.0.1:80",
                "http://127.0.0.1:80/",
                "http://127.0.0.1:80/cb/",
                "http://127.0.0.1:80/cb?x=1",
                "http://127.0.0.1:80/CB",
                "http://127.0.0.2:80/cb",
                "http://localhost:80/cb",
                "http://[::1]:80/cb",
                "https://127.0.0.1:80/cb",
                "HTTP://127.0.0.1:80/cb",
                "http://127.0.0.1:80evil/cb",
                "http://127.0.0.1évil/cb",
            ] {
                assert!(!uri.matches(bad), "{registered} {bad}");
            }
        }
        let six = RedirectUri::parse("http://[::1]/cb").unwrap();
        assert!(six.matches("http://[::1]:8080/cb") && !six.matches("http://127.0.0.1:8080/cb"));
        for exact in ["https://app.example/cb", "http://localhost/cb"] {
            let uri = RedirectUri::parse(exact).unwrap();
            assert!(!uri.matches(&exact.replace("/cb", ":8443/cb")), "{exact}");
        }
    }
}
