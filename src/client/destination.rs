//! Where a redirect URI leads, as a page says it.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::wire::{read_uri, web_host};

/// Where an authorization response goes: what a page shows beside the client's name, which anybody can choose.
///
/// ```
/// use regrant::client::Destination;
/// fn says(destination: Destination<'_>) -> String {
///     match destination {
///         Destination::Site(host) => format!("You will be sent to {host}."),
///         Destination::ThisMachine(_) => "You will be sent to a program on this device.".to_owned(),
///         other => format!("You will be sent to whichever app on this device opens {other} links."),
///     }
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Destination<'a> {
    /// A server, by its host: who has this name in the DNS gets the answer. International names are in their ASCII form.
    Site(&'a str),
    /// A program on the person's own machine, by a loopback address or `localhost` (RFC 8252 section 7.3): any of them.
    ThisMachine(&'a str),
    /// An app on the person's own machine, by a scheme that any of them can claim (RFC 8252 section 8.4).
    App(&'a str),
}

impl<'a> Destination<'a> {
    /// That of a redirect URI that was registered.
    pub(crate) fn of(redirect_uri: &'a str) -> Self {
        let scheme = redirect_uri.split(':').next().unwrap_or_default();
        let host = read_uri(redirect_uri).and_then(|uri| web_host(&uri));
        match host {
            Some((host, _)) if is_this_machine(host) => Self::ThisMachine(host),
            Some((host, _)) => Self::Site(host),
            None => Self::App(scheme),
        }
    }

    /// The host, or the scheme.
    ///
    /// ```
    /// fn host<'r>(asked: &'r regrant::AuthorizationRequest<'_>) -> &'r str {
    ///     asked.destination().as_str()
    /// }
    /// ```
    pub const fn as_str(self) -> &'a str {
        match self {
            Self::Site(text) | Self::ThisMachine(text) | Self::App(text) => text,
        }
    }

    /// Whether it is on the person's own machine, where nobody can tell which program answers (RFC 8252 section 8.6).
    ///
    /// ```
    /// fn is_local(asked: &regrant::AuthorizationRequest<'_>) -> bool {
    ///     asked.destination().is_on_this_device()
    /// }
    /// ```
    pub const fn is_on_this_device(self) -> bool {
        !matches!(self, Self::Site(_))
    }
}

impl fmt::Display for Destination<'_> {
    /// A host as it is, a scheme with its colon.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Site(host) | Self::ThisMachine(host) => f.write_str(host),
            Self::App(scheme) => write!(f, "{scheme}:"),
        }
    }
}

/// `localhost` with all that is below it (RFC 6761 section 6.3), the loopback addresses, and those of no host, by which a machine connects to
/// itself too.
fn is_this_machine(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    let last = name.rsplit('.').next().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    last.eq_ignore_ascii_case("localhost")
        || address.parse::<Ipv4Addr>().is_ok_and(is_own)
        || address.parse::<Ipv6Addr>().is_ok_and(|address| {
            address.is_loopback() || address.is_unspecified() || address.to_ipv4_mapped().is_some_and(is_own)
        })
}

const fn is_own(address: Ipv4Addr) -> bool {
    address.is_loopback() || address.is_unspecified()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::NativeRedirects;
    use crate::client::redirect_uri::RedirectUri;

    #[test]
    fn a_redirect_leads_to_a_site_to_this_machine_or_to_an_app() {
        use Destination::{App, Site, ThisMachine};
        for (uri, destination, shown) in [
            ("https://app.example/cb", Site("app.example"), "app.example"),
            ("https://app.example:8443/cb?t=1", Site("app.example"), "app.example"),
            ("https://localhost.evil.example/cb", Site("localhost.evil.example"), "localhost.evil.example"),
            ("https://127.0.0.1.evil.example/cb", Site("127.0.0.1.evil.example"), "127.0.0.1.evil.example"),
            ("https://192.0.2.1/cb", Site("192.0.2.1"), "192.0.2.1"),
            ("http://127.0.0.1:58135/cb", ThisMachine("127.0.0.1"), "127.0.0.1"),
            ("https://127.9.9.9/cb", ThisMachine("127.9.9.9"), "127.9.9.9"),
            ("http://[::1]:80/cb", ThisMachine("[::1]"), "[::1]"),
            ("https://[::ffff:127.0.0.1]/cb", ThisMachine("[::ffff:127.0.0.1]"), "[::ffff:127.0.0.1]"),
            ("http://localhost:3000/cb", ThisMachine("localhost"), "localhost"),
            ("https://LOCALHOST./cb", ThisMachine("LOCALHOST."), "LOCALHOST."),
            ("https://app.localhost/cb", ThisMachine("app.localhost"), "app.localhost"),
            ("com.example.app:/cb", App("com.example.app"), "com.example.app:"),
            ("cursor://anysphere.cursor-mcp/oauth/callback", App("cursor"), "cursor:"),
        ] {
            let found = Destination::of(uri);
            assert_eq!((found, found.to_string().as_str()), (destination, shown), "{uri}");
            assert_eq!(found.is_on_this_device(), !matches!(destination, Site(_)), "{uri}");
        }
    }

    /// Whatever can be registered leads, by its host as browsers read it, where the page says.
    #[test]
    fn no_site_is_this_machine_for_a_browser() {
        let hosts = [
            "127.0.0.1",
            "127.9.9.9",
            "2130706433",
            "127.1",
            "0x7f.1",
            "0x7f000001",
            "0177.0.0.1",
            "127.0.0.1.",
            "127.0.0.01",
            "%31%32%37.0.0.1",
            "127%2e1",
            "localhost",
            "LOCALHOST.",
            "l%6fcalhost",
            "[::1]",
            "[::ffff:7f00:1]",
            "[::ffff:127.0.0.1]",
            "0.0.0.0",
            "[::]",
            "[::ffff:0.0.0.0]",
            "app.example",
            "192.0.2.1",
            "1.1",
            "0xc0.0x2",
            "127.0.0.1.example",
        ];
        let mut registered = 0;
        for host in hosts {
            let uri = format!("https://{host}/cb");
            if RedirectUri::parse(&uri, &NativeRedirects::new()).is_err() {
                continue;
            }
            registered += 1;
            let read = ::url::Url::parse(&uri).unwrap();
            let is_local = match read.host().unwrap() {
                ::url::Host::Domain(name) => ["localhost", "localhost."].contains(&name),
                ::url::Host::Ipv4(address) => is_own(address),
                ::url::Host::Ipv6(address) => {
                    is_own(address.to_ipv4_mapped().unwrap_or(Ipv4Addr::BROADCAST))
                        || [Ipv6Addr::LOCALHOST, Ipv6Addr::UNSPECIFIED].contains(&address)
                }
            };
            assert_eq!(Destination::of(&uri).is_on_this_device(), is_local, "{uri}");
        }
        assert_eq!(registered, 13);
    }
}
