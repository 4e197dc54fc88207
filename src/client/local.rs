//! Clients of somebody who writes one: `http://localhost?…` (atproto, "Localhost Client Development"). Nothing is fetched for such an id, it
//! says all there is.

use super::{AUTHORIZATION_CODE, Client, REFRESH_TOKEN};
use crate::grant::Scope;
use crate::wire::is_loopback_url;

const ORIGIN: &str = "http://localhost";
/// Where the id names none.
const REDIRECT_URIS: [&str; 2] = ["http://127.0.0.1/", "http://[::1]/"];
/// As many as a client that is known by a document may have.
const MAX_REDIRECT_URIS: usize = 16;
const NAME: &str = "Development client";

impl Client {
    /// The client that such an id describes; `None` where it is not one: another host, a port, a path, a parameter that means nothing here, one
    /// that stands twice and may not, or a redirect URI that does not lead to the loopback interface. Of the scope that it names what
    /// `knows` says is there, which always has `usual`.
    pub(crate) fn of_localhost(id: &str, usual: &str, knows: impl Fn(&str) -> bool) -> Option<Self> {
        let rest = id.strip_prefix(ORIGIN)?;
        let query = match rest.strip_prefix('/').unwrap_or(rest) {
            "" => "",
            rest => rest.strip_prefix('?')?,
        };
        let (mut redirect_uris, mut scope) = (Vec::new(), None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "redirect_uri" if redirect_uris.len() < MAX_REDIRECT_URIS => redirect_uris.push(value.into_owned()),
                "scope" if scope.is_none() => scope = Some(Scope::parse(&value).ok()?),
                _ => return None,
            }
        }
        let scope = match scope {
            Some(scope) if scope.contains(usual) => scope,
            Some(_) => return None,
            None => Scope::parse(usual).ok()?,
        };
        if redirect_uris.is_empty() {
            redirect_uris.extend(REDIRECT_URIS.map(String::from));
        }
        if !redirect_uris.iter().all(|uri| is_loopback_url(uri)) {
            return None;
        }
        let builder = redirect_uris.iter().fold(Self::public(id).url_as_id(), |builder, uri| builder.redirect_uri(uri));
        builder
            .grant_type(AUTHORIZATION_CODE)
            .grant_type(REFRESH_TOKEN)
            .scope(Scope::from_tokens(scope.iter().filter(|token| knows(token))).ok()?)
            .name(NAME)
            .require_dpop(true)
            .stranger(true)
            .build()
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(id: &str) -> Option<Client> {
        Client::of_localhost(id, "atproto", |token| token != "unknown")
    }

    fn uris(client: &Client) -> Vec<&str> {
        client.redirect_uris().iter().map(crate::client::redirect_uri::RedirectUri::as_str).collect()
    }

    /// "Localhost Client Development": the defaults, and what the query says.
    #[test]
    fn an_id_says_all_there_is() {
        for id in ["http://localhost", "http://localhost/", "http://localhost?", "http://localhost/?"] {
            let client = client(id).unwrap();
            assert_eq!((client.id(), client.scope().as_str()), (id, "atproto"));
            assert_eq!(uris(&client), ["http://127.0.0.1/", "http://[::1]/"]);
            assert!(client.is_public() && client.is_stranger() && client.requires_dpop() && client.may_refresh());
        }
        let id = "http://localhost?redirect_uri=http%3A%2F%2F127.0.0.1%2Fcb&redirect_uri=http%3A%2F%2F%5B%3A%3A1%5D%3A3000%2Fcb\
                  &scope=atproto+unknown+transition%3Ageneric";
        let client = client(id).unwrap();
        assert_eq!(uris(&client), ["http://127.0.0.1/cb", "http://[::1]:3000/cb"]);
        assert_eq!(client.scope().as_str(), "atproto transition:generic");
        // The path counts and the port does not.
        assert!(client.redirect_uris().iter().any(|uri| uri.matches("http://127.0.0.1:8080/cb")));
        assert!(!client.redirect_uris().iter().any(|uri| uri.matches("http://127.0.0.1:8080/")));
    }

    #[test]
    fn what_is_not_such_an_id_describes_nobody() {
        for id in [
            "https://localhost",
            "http://localhost:80",
            "http://localhost:3000/",
            "http://localhost.example/",
            "http://localhost/app",
            "http://localhost//",
            "http://localhost/#x",
            "http://LOCALHOST/",
            "http://127.0.0.1/",
            "http://[::1]/",
            "http://localhost?scope=atproto&scope=atproto",
            "http://localhost?scope=transition%3Ageneric",
            "http://localhost?scope=",
            "http://localhost?client_name=Bank",
            "http://localhost?redirect_uri=http%3A%2F%2Flocalhost%2Fcb",
            "http://localhost?redirect_uri=https%3A%2F%2Fevil.example%2Fcb",
            "http://localhost?redirect_uri=http%3A%2F%2F127.0.0.1.evil.example%2Fcb",
            "http://localhost?redirect_uri=http%3A%2F%2F127.0.0.1%40evil.example%2Fcb",
            "http://localhost?redirect_uri=com.example.app%3A%2Fcb",
        ] {
            assert!(client(id).is_none(), "{id}");
        }
        let many = "&redirect_uri=http%3A%2F%2F127.0.0.1%2F".repeat(MAX_REDIRECT_URIS + 1);
        assert!(client(&format!("http://localhost?{}", &many[1..])).is_none());
    }
}
