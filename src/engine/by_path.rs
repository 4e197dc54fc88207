//! All that the engine serves by itself, by the paths that the documents give.

use super::Engine;
use super::host::Clock;
use crate::client::Clients;
use crate::store::TokenStore;
use crate::wire::{ErrorCode, Request, Response, read_uri};

/// An endpoint that takes a body by POST: a form, or JSON at the registration endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PostEndpoint {
    Token,
    Revocation,
    Introspection,
    /// By GET too.
    #[cfg(feature = "jwt")]
    Userinfo,
    Registration,
    #[cfg(feature = "root-secret")]
    Push,
    #[cfg(feature = "root-secret")]
    BeginDevice,
}

/// What [`Endpoints`](crate::Endpoints) has a path for, and the engine an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::engine) enum Published {
    Post(PostEndpoint),
    #[cfg(feature = "jwt")]
    Jwks,
}

/// What is at a path.
pub(crate) enum Place {
    Post(PostEndpoint),
    /// The same for everybody, by GET.
    Document(Response),
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Answers a request at this path, whatever it is for: by the endpoint that [`endpoints`](crate::EngineBuilder::endpoints) says is
    /// there, or with the document that [`document_at`](Self::document_at) has. `None` at any other path: that is the host's.
    ///
    /// This is all that a host has to mount, whatever its HTTP stack, but for what shows pages: the authorization endpoint
    /// ([`authorize`](Self::authorize)) and that of logouts. The endpoints are those of [`token`](Self::token), [`revoke`](Self::revoke),
    /// [`introspect`](Self::introspect), [`register`](Self::register), and with their features the pushed request, device authorization
    /// and userinfo endpoints and the JWK set. One that was given no path is nowhere.
    ///
    /// `path` is that of the request as it came, without the query, and is compared byte by byte; the query is
    /// [the request's](Request::with_query). A path of [`Endpoints`](crate::Endpoints)
    /// is after [that of the issuer](Self::issuer_path), and also where a router or a proxy has taken the issuer's off. A whole
    /// URL counts where it is of the issuer's scheme and host, written in the same way: what is published of another host is not
    /// served by this one.
    ///
    /// The host reads the body, and no more of it than a byte beyond the limit of [`limits`](Self::limits), which is enough to be
    /// answered with 413; [`body_too_large`](Self::body_too_large) is that answer where a stack gives nothing of such a body. With the
    /// feature `http`, `EndpointService::by_path` does all of this. The answer to HEAD has a body, for the server to cut.
    ///
    /// ```
    /// use regrant::{Endpoints, Engine, MemoryStore, Request, StaticClients, Timestamp};
    ///
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .issuer("https://id.example/tenant")
    ///     .endpoints(Endpoints::new().with_token("/token"))
    ///     .build()?;
    /// let respond = |path, request| engine.blocking().respond_at(path, &request, Timestamp::now);
    /// let get = || Request::new("GET", b"");
    /// let metadata = respond("/.well-known/oauth-authorization-server/tenant", get())?.expect("a document");
    /// assert_eq!(metadata.status(), 200);
    /// let refused = respond("/tenant/token", get())?.expect("an endpoint");
    /// assert_eq!(refused.status(), 405);
    /// assert!(respond("/tenant/revoke", get())?.is_none(), "no such path was published");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn respond_at(&self, path: &str, request: &Request<'_>, clock: impl Clock) -> Option<Response> {
        let endpoint = match self.place_at(path, std::str::from_utf8(request.query_string()).unwrap_or_default())? {
            Place::Post(endpoint) => endpoint,
            Place::Document(document) => return Some(self.by_get(request.method(), document)),
        };
        Some(match endpoint {
            PostEndpoint::Token => self.token(request, clock).await,
            PostEndpoint::Revocation => self.revoke(request, clock).await,
            PostEndpoint::Introspection => self.introspect(request, clock).await,
            #[cfg(feature = "jwt")]
            PostEndpoint::Userinfo => self.userinfo(request, clock).await,
            PostEndpoint::Registration => self.register(request, clock).await,
            #[cfg(feature = "root-secret")]
            PostEndpoint::Push => self.push(request, clock).await,
            #[cfg(feature = "root-secret")]
            PostEndpoint::BeginDevice => self.begin_device(request, clock).await,
        })
    }

    pub(crate) fn place_at(&self, path: &str, query: &str) -> Option<Place> {
        match self.endpoints.served().find(|(at, _)| self.is_at(at, path)) {
            Some((_, Published::Post(endpoint))) => Some(Place::Post(endpoint)),
            #[cfg(feature = "jwt")]
            Some((_, Published::Jwks)) => Some(Place::Document(self.jwks())),
            None => self.document_of(path, query).map(Place::Document),
        }
    }

    /// Whether what is published there is at this path of this host.
    fn is_at(&self, at: &str, path: &str) -> bool {
        // An endpoint may have a query (RFC 6749 section 3.2), which is not looked at.
        let at = at.split('?').next().unwrap_or_default();
        if at.starts_with('/') {
            return path == at || path.strip_suffix(at).is_some_and(|before| before == self.issuer_path());
        }
        let is_origin = |before: &str| {
            let issuer = self.issuer().and_then(read_uri);
            issuer.is_some_and(|issuer| {
                let authority = issuer.authority().map_or("", |authority| authority.as_str());
                before.strip_prefix(issuer.scheme().as_str()).and_then(|rest| rest.strip_prefix("://"))
                    == Some(authority)
            })
        };
        path.starts_with('/') && at.strip_suffix(path).is_some_and(is_origin)
    }

    /// A document by GET; HEAD is for the server below to cut.
    pub(crate) fn by_get(&self, method: &str, document: Response) -> Response {
        if matches!(method, "GET" | "HEAD") {
            return document;
        }
        Response::error(self.settings.style, 405, ErrorCode::InvalidRequest, "this is read by GET")
            .with_header("allow", "GET, HEAD")
    }
}
