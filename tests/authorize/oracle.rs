//! Where a redirect may go and what it may say, by the texts that are registered and the bytes of the request: nothing of the
//! engine's own is asked. The fuzz target uses it too.

use std::collections::BTreeSet;

use url::Url;

pub(crate) const ISSUER: &str = "https://id.example";
/// A client and what it has registered.
pub(crate) const REGISTERED: [(&str, &[&str]); 3] = [
    ("portal", &["https://portal.example/cb"]),
    ("mobile-app", &["http://127.0.0.1/callback", "com.example.app:/cb?from=bank"]),
    ("accounts-api", &[]),
];

/// By the text alone, to the character; but for the port of a loopback address.
fn is_registered(location: &str, client_id: &str) -> bool {
    let uris = REGISTERED.iter().find(|(id, _)| *id == client_id).map_or(&[][..], |(_, uris)| uris);
    let without_port = without_port(location);
    uris.iter().any(|uri| {
        let same = |location: &str| {
            let rest = location.strip_prefix(uri);
            rest.is_some_and(|rest| rest.starts_with(if uri.contains('?') { '&' } else { '?' }))
        };
        same(location) || uri.starts_with(LOOPBACK) && without_port.as_deref().is_some_and(same)
    })
}

const LOOPBACK: &str = "http://127.0.0.1";

/// The same without `:1` to `:65535` after the address of this machine.
fn without_port(location: &str) -> Option<String> {
    let port = location.strip_prefix(LOOPBACK)?.strip_prefix(':')?;
    let (port, path) = port.split_at(port.find('/')?);
    let is_port = (1..=5).contains(&port.len()) && port.bytes().all(|digit| digit.is_ascii_digit());
    (is_port && !port.starts_with('0') && port.parse::<u32>().ok()? <= 65_535).then(|| format!("{LOOPBACK}{path}"))
}

/// What is wrong with a redirect that answers this request; `None` where it goes to a URI that the client has registered
/// and says what it may say.
pub(crate) fn fault(location: &str, sent: &[u8]) -> Option<String> {
    let sent_as = |wanted: &str| -> Vec<String> {
        let values = form_urlencoded::parse(sent).filter(|(name, _)| name == wanted);
        values.map(|(_, value)| value.into_owned()).collect()
    };
    if !location.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some(format!("{location:?} is no header"));
    }
    let Ok(url) = Url::parse(location) else { return Some(format!("{location} is no URL")) };
    let clients = sent_as("client_id");
    let [client] = clients.as_slice() else { return Some(format!("{} clients", clients.len())) };
    if !is_registered(location, client) {
        return Some(format!("{location} is not registered by {client}"));
    }
    let mut seen = BTreeSet::new();
    for (name, value) in url.query_pairs() {
        let fits = match &*name {
            "code" => value.len() == 43,
            "error" | "error_description" => value.is_ascii(),
            "iss" => value == ISSUER,
            "state" => sent_as("state") == [&*value],
            "from" => value == "bank",
            _ => false,
        };
        if !fits || !seen.insert(name.clone().into_owned()) {
            return Some(format!("{name} in {location}"));
        }
    }
    let complete = seen.contains("iss") && seen.contains("code") != seen.contains("error");
    (!complete).then(|| format!("{location} lacks something"))
}
