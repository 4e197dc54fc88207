//! Where a redirect may go and what it may say, by a URL library and the bytes of the request: nothing of the engine's own
//! is asked. The fuzz target uses it too.

use std::collections::BTreeSet;

use url::Url;

pub(crate) const ISSUER: &str = "https://id.example";
/// A client and what it has registered.
pub(crate) const REGISTERED: [(&str, &[&str]); 3] = [
    ("portal", &["https://portal.example/cb"]),
    ("mobile-app", &["http://127.0.0.1/callback", "com.example.app:/cb?from=bank"]),
    ("accounts-api", &[]),
];

fn is_registered(location: &Url, client_id: &str) -> bool {
    let uris = REGISTERED.iter().find(|(id, _)| *id == client_id).map_or(&[][..], |(_, uris)| uris);
    uris.iter().filter_map(|uri| Url::parse(uri).ok()).any(|uri| {
        let is_loopback = uri.host_str() == Some("127.0.0.1");
        location.scheme() == uri.scheme()
            && location.username().is_empty()
            && location.password().is_none()
            && location.host_str() == uri.host_str()
            && (is_loopback || location.port() == uri.port())
            && location.path() == uri.path()
            && location.fragment().is_none()
            && location.query().unwrap_or_default().starts_with(uri.query().unwrap_or_default())
    })
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
    if !is_registered(&url, client) {
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
