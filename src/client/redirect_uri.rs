//! Redirect URIs: what can be registered, and what a request may name.

use smol_str::SmolStr;

use super::native_redirects::NativeRedirects;
use crate::wire::{is_read_otherwise, read_uri, web_host};

/// A redirect URI as it was registered (RFC 6749 section 3.1.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RedirectUri {
    text: SmolStr,
    /// Where the port of a loopback address stands, or of `localhost` where that is free: any port may stand there in a
    /// request.
    port: Option<(u32, u32)>,
}

/// The loopback addresses whose port is free: a native app takes one that the system gives it (RFC 8252 section 7.3).
/// `localhost` is not among them, since it may resolve to something else (section 8.3): a client has to be allowed it.
const LOOPBACK: [&str; 2] = ["http://127.0.0.1", "http://[::1]"];
const LOCALHOST: &str = "http://localhost";

/// Where `http` is allowed: what is sent there leaves the machine as little as the browser does.
const THIS_MACHINE: [&str; 3] = ["127.0.0.1", "[::1]", "localhost"];

/// Schemes that a browser does not hand to an app: it runs or shows what follows, here or from elsewhere. Refused whatever a
/// host allows.
const OF_BROWSERS: [&str; 13] = [
    "about",
    "blob",
    "data",
    "file",
    "filesystem",
    "ftp",
    "intent",
    "jar",
    "javascript",
    "vbscript",
    "view-source",
    "ws",
    "wss",
];

/// The parameters of authorization responses: RFC 6749 section 4.1.2, RFC 9207, and JARM.
const OF_RESPONSES: [&str; 7] = ["code", "state", "iss", "error", "error_description", "error_uri", "response"];

/// Which rule a redirect URI breaks.
///
/// ```
/// use regrant::Client;
/// use regrant::client::{ClientError, RedirectUriFault};
/// let built = Client::public("app").redirect_uri("myapp:/callback").build();
/// assert!(matches!(built, Err(ClientError::RedirectUri(RedirectUriFault::SchemeWithoutDot))));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedirectUriFault {
    /// More than 2,048 bytes.
    #[error("a redirect URI has at most {} bytes", RedirectUri::MAX_BYTES)]
    TooLong,
    /// Not an absolute URI, or one that misleads: user information before the host, a port that is none, no host where the
    /// scheme has one or one that browsers read otherwise (`127.1`, `2130706433`, `%6c` for a letter), `https` in capitals.
    #[error(
        "a redirect URI is absolute, as RFC 3986 writes it, with a host and no user before it; https is in lower case"
    )]
    Malformed,
    /// It has a fragment.
    #[error("a redirect URI has no fragment (RFC 6749 section 3.1.2)")]
    Fragment,
    /// `http` to another machine.
    #[error("http is for this machine, 127.0.0.1, [::1] or localhost (RFC 8252 section 7.3); elsewhere it is https")]
    Http,
    /// A scheme of an app's own that is no domain name turned round, and not one that the client is
    /// [allowed](NativeRedirects::with_schemes).
    #[error("the scheme of an app's own has a dot in it, as in com.example.app:/callback (RFC 8252 section 7.1)")]
    SchemeWithoutDot,
    /// A scheme such as `javascript` or `data`, which a browser does not hand to an app.
    #[error("the scheme is not of an app but of the browser, which runs or shows what follows")]
    BrowserScheme,
    /// A scheme of an app's own, and nothing after it.
    #[error("a path stands after the scheme of an app's own, as in com.example.app:/callback (RFC 8252 section 7.1)")]
    NoPath,
    /// Its query has a parameter that the response adds.
    #[error("the query of a redirect URI has no parameter of a response, such as code, state, iss or error")]
    ResponseParameter,
}

impl RedirectUri {
    /// The most bytes that one can have.
    pub(crate) const MAX_BYTES: usize = 2_048;

    /// Reads one for registration: `https`, `http` to the same machine, or a scheme of an app's own, which has a dot in
    /// it (RFC 8252 section 7.1) or is allowed. No fragment (RFC 6749 section 3.1.2), and in its query no parameter of a
    /// response, which would be there twice.
    pub(crate) fn parse(text: &str, native: &NativeRedirects) -> Result<Self, RedirectUriFault> {
        if text.len() > Self::MAX_BYTES {
            return Err(RedirectUriFault::TooLong);
        }
        let uri = read_uri(text).ok_or(RedirectUriFault::Malformed)?;
        let scheme = uri.scheme().as_str();
        let of_the_web = ["http", "https"].iter().any(|web| scheme.eq_ignore_ascii_case(web));
        match web_host(&uri) {
            // The page says where a redirect leads, and whether it leaves the machine.
            Some((host, _)) if is_read_otherwise(host) => return Err(RedirectUriFault::Malformed),
            Some((host, is_https)) if is_https || THIS_MACHINE.contains(&host) => {}
            Some(_) => return Err(RedirectUriFault::Http),
            None if of_the_web => return Err(RedirectUriFault::Malformed),
            // Before the host's list: it may have been written by somebody who did not know what these do.
            None if OF_BROWSERS.iter().any(|browsers| scheme.eq_ignore_ascii_case(browsers)) => {
                return Err(RedirectUriFault::BrowserScheme);
            }
            None if !scheme.contains('.') && !native.allows_scheme(scheme) => {
                return Err(RedirectUriFault::SchemeWithoutDot);
            }
            None if uri.authority().is_none() && uri.path().is_empty() => return Err(RedirectUriFault::NoPath),
            None => {}
        }
        if uri.has_fragment() {
            return Err(RedirectUriFault::Fragment);
        }
        let query = uri.query().map_or("", |query| query.as_str());
        let is_responses = |name: &str| OF_RESPONSES.contains(&name);
        if form_urlencoded::parse(query.as_bytes()).any(|(name, _)| is_responses(&name)) {
            return Err(RedirectUriFault::ResponseParameter);
        }
        let localhost = native.frees_localhost_port().then_some(LOCALHOST);
        let port = LOOPBACK.into_iter().chain(localhost).find_map(|prefix| port_after(text, prefix));
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Ok(Self { text: text.into(), port: port.map(|(from, to)| (place(from), place(to))) })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a request that names this URI means the registered one: the same string (RFC 9700 section 2.1), but for
    /// a port that is free.
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

    fn parse(text: &str) -> Result<RedirectUri, RedirectUriFault> {
        RedirectUri::parse(text, &NativeRedirects::new())
    }

    #[test]
    fn what_can_be_registered() {
        use RedirectUriFault::{
            BrowserScheme, Fragment, Http, Malformed, NoPath, ResponseParameter, SchemeWithoutDot, TooLong,
        };
        for good in [
            "https://app.example/cb",
            "https://app.example/cb?tenant=1",
            "http://127.0.0.1/callback",
            "http://127.0.0.1:8080/callback",
            "http://[::1]/callback",
            "http://localhost:3000/cb",
            "com.example.app:/cb",
        ] {
            assert!(parse(good).is_ok_and(|uri| uri.matches(good)), "{good}");
        }
        for (bad, fault) in [
            ("", Malformed),
            ("/cb", Malformed),
            ("https:///cb", Malformed),
            ("https://", Malformed),
            ("https:app.example/cb", Malformed),
            ("HTTPS://app.example/cb", Malformed),
            ("http://app.example/cb", Http),
            ("http://127.0.0.1.example/cb", Http),
            ("http://127.0.0.1@example/cb", Malformed),
            ("http://127.0.0.1:x/cb", Malformed),
            ("http://127.0.0.1:0/cb", Malformed),
            ("http://127.0.0.1:65536/cb", Malformed),
            ("http://localhost.example/cb", Http),
            ("https://app.example/cb#fragment", Fragment),
            ("com.example.app:/cb#", Fragment),
            ("https://app.example/c b", Malformed),
            ("https://app.example/cb\r\nx: y", Malformed),
            ("https://app.example/é", Malformed),
            ("https://app.example/<", Malformed),
            ("javascript:alert(1)", BrowserScheme),
            ("data:text/html,x", BrowserScheme),
            ("myapp:/cb", SchemeWithoutDot),
            ("myapp://cb", SchemeWithoutDot),
            ("1a.b:/cb", Malformed),
            ("org.example.shop:", NoPath),
            ("https://bank.example@evil.example/cb", Malformed),
            ("https://app.example:99999/cb", Malformed),
            ("https://app.example:/cb", Malformed),
            ("https://2130706433/cb", Malformed),
            ("https://127.1/cb", Malformed),
            ("https://0x7f.1/cb", Malformed),
            ("http://127.0.0.1./cb", Malformed),
            ("https://l%6fcalhost/cb", Malformed),
            ("https://app.example/%zz", Malformed),
            ("https://app.example/cb?code=fixed", ResponseParameter),
            (&format!("https://app.example/{}", "a".repeat(RedirectUri::MAX_BYTES)), TooLong),
        ] {
            assert_eq!(parse(bad), Err(fault), "{bad}");
        }
    }

    #[test]
    fn the_port_of_a_loopback_address_is_free_and_nothing_else() {
        for registered in ["http://127.0.0.1/cb", "http://127.0.0.1:8080/cb"] {
            let uri = parse(registered).unwrap();
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
        let six = parse("http://[::1]/cb").unwrap();
        assert!(six.matches("http://[::1]:8080/cb") && !six.matches("http://127.0.0.1:8080/cb"));
        for exact in ["https://app.example/cb", "http://localhost/cb"] {
            let uri = parse(exact).unwrap();
            assert!(!uri.matches(&exact.replace("/cb", ":8443/cb")), "{exact}");
        }
    }

    /// RFC 8252 sections 7.3 and 8.3, and what the largest clients send.
    #[test]
    fn the_port_of_localhost_is_free_where_the_client_is_allowed_it() {
        let native = NativeRedirects::new().with_free_localhost_port(true);
        for registered in ["http://localhost/callback", "http://localhost:3000/callback"] {
            let uri = RedirectUri::parse(registered, &native).unwrap();
            for good in ["http://localhost/callback", "http://localhost:58135/callback", "http://localhost:1/callback"]
            {
                assert!(uri.matches(good), "{registered} {good}");
            }
            for bad in [
                "http://localhost:0/callback",
                "http://localhost:065535/callback",
                "http://localhost:65536/callback",
                "http://localhost:/callback",
                "http://localhost:80@evil.example/callback",
                "http://localhost:80.evil.example/callback",
                "http://localhost.evil.example/callback",
                "http://localhost.evil.example:80/callback",
                "http://user@localhost:80/callback",
                "http://localhost:80/callback/",
                "http://localhost:80/other",
                "http://localhost:80/callback?x=1",
                "http://localhost:80/callback#x",
                "http://LOCALHOST:80/callback",
                "http://127.0.0.1:80/callback",
                "http://[::1]:80/callback",
                "https://localhost:80/callback",
            ] {
                assert!(!uri.matches(bad), "{registered} {bad}");
            }
        }
        let secure = RedirectUri::parse("https://localhost/cb", &native).unwrap();
        assert!(!secure.matches("https://localhost:8443/cb"), "a server, whose port says which");
        let machine = RedirectUri::parse("http://127.0.0.1/cb", &native).unwrap();
        assert!(machine.matches("http://127.0.0.1:8080/cb") && !machine.matches("http://localhost:8080/cb"));
    }

    /// RFC 8252 section 7.1 asks for a dot; these have none, and have millions of users.
    #[test]
    fn a_scheme_of_one_word_can_be_registered_where_the_client_is_allowed_it() {
        use RedirectUriFault::{Fragment, Malformed, NoPath, ResponseParameter, SchemeWithoutDot};
        let native = NativeRedirects::new().with_schemes(["cursor", "vscode", "claude"]);
        for uri in [
            "cursor://anysphere.cursor-mcp/oauth/callback",
            "vscode://vendor.extension/cb",
            "claude://oauth/callback",
            "claude:/callback",
        ] {
            assert_eq!(parse(uri), Err(RedirectUriFault::SchemeWithoutDot), "{uri}: off until it is asked for");
            let registered = RedirectUri::parse(uri, &native).unwrap();
            assert!(registered.matches(uri));
            for other in [format!("{uri}/"), format!("{uri}?x=1"), uri.to_uppercase(), format!("x{uri}")] {
                assert!(!registered.matches(&other), "{uri} {other}");
            }
        }
        for (bad, fault) in [
            ("vscode-insiders://vendor.extension/cb", SchemeWithoutDot),
            ("cursors://anysphere.cursor-mcp/oauth/callback", SchemeWithoutDot),
            ("CURSOR://anysphere.cursor-mcp/oauth/callback", SchemeWithoutDot),
            ("cursor:", NoPath),
            ("cursor://user@anysphere.cursor-mcp/cb", Malformed),
            ("cursor://anysphere.cursor-mcp/cb#x", Fragment),
            ("cursor://anysphere.cursor-mcp/cb?code=fixed", ResponseParameter),
            ("cursor://anysphere.cursor-mcp/c b", Malformed),
            (" cursor://anysphere.cursor-mcp/cb", Malformed),
        ] {
            assert_eq!(RedirectUri::parse(bad, &native), Err(fault), "{bad}");
        }
    }

    /// Whatever the host lists, in whatever case: RFC 9700 section 4.11, RFC 8252 section 8.4.
    #[test]
    fn what_a_browser_runs_or_sends_elsewhere_is_never_registered() {
        use RedirectUriFault::{BrowserScheme, Fragment, Http, Malformed};
        let everything = ["javascript", "JavaScript", "data", "file", "about", "blob", "vbscript", "http", "https"];
        let careless = NativeRedirects::new().with_free_localhost_port(true).with_schemes(everything);
        let careless = careless.with_schemes(OF_BROWSERS);
        for (bad, fault) in [
            ("javascript:alert(1)", BrowserScheme),
            ("JavaScript:alert(1)", BrowserScheme),
            ("javascript://app.example/%0aalert(1)", BrowserScheme),
            ("java\tscript:alert(1)", Malformed),
            ("\u{1}javascript:alert(1)", Malformed),
            ("data:text/html,x", BrowserScheme),
            ("DATA:text/html,x", BrowserScheme),
            ("file:///etc/passwd", BrowserScheme),
            ("file://server/share", BrowserScheme),
            ("about:blank", BrowserScheme),
            ("blob:https://app.example/7", BrowserScheme),
            ("vbscript:x", BrowserScheme),
            ("VBScript:x", BrowserScheme),
            ("view-source:https://app.example/", BrowserScheme),
            ("filesystem:https://app.example/temporary/x", BrowserScheme),
            ("intent://app.example/#Intent;end", BrowserScheme),
            ("jar:https://app.example/a.jar!/b", BrowserScheme),
            ("ws://app.example/", BrowserScheme),
            ("http://app.example/cb", Http),
            ("http://localhost.example/cb", Http),
            ("HTTP://app.example/cb", Malformed),
            ("HTTP:app.example/cb", Malformed),
            ("http:/cb", Malformed),
            ("https:cb", Malformed),
            ("http://localhost/cb#x", Fragment),
        ] {
            assert_eq!(RedirectUri::parse(bad, &careless), Err(fault), "{bad}");
        }
        for scheme in OF_BROWSERS {
            for uri in [format!("{scheme}://app.example/cb"), format!("{}:x", scheme.to_uppercase())] {
                assert_eq!(RedirectUri::parse(&uri, &careless), Err(BrowserScheme), "{uri}");
            }
        }
    }
}
