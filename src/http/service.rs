//! An endpoint as a service.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::request::Parts;
use http::{Method, StatusCode};
use http_body::Body;
use http_body_util::Full;

use super::{BodyError, EngineSource, read_body, response};
use crate::client::Clients;
use crate::engine::Engine;
use crate::engine::by_path::{Place, PostEndpoint};
use crate::grant::Timestamp;
use crate::store::TokenStore;
use crate::wire::{Request, Response};

/// An endpoint of the engine as a `tower::Service`: reads the body up to the engine's limit, asks the engine, never fails.
/// The authorization endpoint is not among them, since it shows pages: see [`Engine::authorize`].
///
/// A body is read as [`read_body`] has it: one that is too large gets its 413 once it was dropped, also to a client that
/// reads no answer before it has sent everything. It may take as long as it likes: time-outs are for whatever stands in
/// front.
///
/// It reads the system's clock for each request; [`with_clock`](Self::with_clock) takes another. Cloning shares the
/// engine. Given an [`EngineSlot`](crate::engine::EngineSlot), each request is answered by the engine that is there when it comes.
///
/// ```
/// use http_body_util::Full;
/// use regrant::{Engine, MemoryStore, StaticClients, http::EndpointService};
/// use std::sync::Arc;
/// use tower_service::Service;
///
/// # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
/// let engine = Arc::new(Engine::builder(MemoryStore::new(), StaticClients::new()).build()?);
/// let mut service = EndpointService::token(engine);
/// let request = http::Request::post("/token").body(Full::<bytes::Bytes>::from("grant_type=password"))?;
/// let response = service.call(request).await?;
/// assert_eq!(response.status(), 400); // no content type
/// # Ok(())
/// # }
/// ```
pub struct EndpointService<S, C> {
    source: EngineSource<S, C>,
    endpoint: Endpoint,
    clock: fn() -> Timestamp,
    peer: fn(&Parts) -> Option<IpAddr>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Endpoint {
    /// Whatever is published at the path.
    ByPath,
    Post(PostEndpoint),
    Document(Document),
}

/// The same for everybody, by GET.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Document {
    /// The one of the two below that is looked for at the path.
    ByPath,
    Metadata,
    #[cfg(feature = "jwt")]
    OpenIdConfiguration,
    #[cfg(feature = "jwt")]
    Jwks,
}

impl<S, C> EndpointService<S, C> {
    /// All that the engine serves by itself, by the path of the request: [`Engine::respond_at`] says what that is; 404 elsewhere.
    /// One line in a host, as axum's fallback for example, and the documents cannot say another place than where things are.
    ///
    /// Where pages of other origins may call some of it and not the rest, mount it one by one:
    /// [Applications in a browser](crate::http#applications-in-a-browser).
    ///
    /// ```
    /// # use axum::Router;
    /// # use regrant::{Endpoints, Engine, MemoryStore, StaticClients, http::EndpointService};
    /// # use std::sync::Arc;
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .issuer("https://id.example")
    ///     .endpoints(Endpoints::new().with_token("/token").with_revocation("/revoke"))
    ///     .build()?;
    /// let app: Router = Router::new()
    ///     // … your authorization endpoint, your resources …
    ///     .fallback_service(EndpointService::by_path(Arc::new(engine)));
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn by_path(engine: impl Into<EngineSource<S, C>>) -> Self {
        Self::of(engine.into(), Endpoint::ByPath)
    }

    /// The token endpoint of this engine.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients, http::EndpointService};
    /// # use std::sync::Arc;
    /// let engine = Arc::new(Engine::builder(MemoryStore::new(), StaticClients::new()).build()?);
    /// let service = EndpointService::token(engine);
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn token(engine: impl Into<EngineSource<S, C>>) -> Self {
        Self::of(engine.into(), Endpoint::Post(PostEndpoint::Token))
    }

    /// The revocation endpoint, [`Engine::revoke`] (RFC 7009).
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients, http::EndpointService};
    /// # use std::sync::Arc;
    /// let engine = Arc::new(Engine::builder(MemoryStore::new(), StaticClients::new()).build()?);
    /// let service = EndpointService::revocation(engine);
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn revocation(engine: impl Into<EngineSource<S, C>>) -> Self {
        Self::of(engine.into(), Endpoint::Post(PostEndpoint::Revocation))
    }

    /// The introspection endpoint, [`Engine::introspect`] (RFC 7662).
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients, http::EndpointService};
    /// # use std::sync::Arc;
    /// let engine = Arc::new(Engine::builder(MemoryStore::new(), StaticClients::new()).build()?);
    /// let service = EndpointService::introspection(engine);
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn introspection(engine: impl Into<EngineSource<S, C>>) -> Self {
        Self::of(engine.into(), Endpoint::Post(PostEndpoint::Introspection))
    }

    /// The userinfo endpoint, `Engine::userinfo` (OpenID Connect Core section 5.3), for GET and POST.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients, http::EndpointService};
    /// # use std::sync::Arc;
    /// let engine = Arc::new(Engine::builder(MemoryStore::new(), StaticClients::new()).build()?);
    /// let service = EndpointService::userinfo(engine);
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    #[cfg(feature = "jwt")]
    pub fn userinfo(engine: impl Into<EngineSource<S, C>>) -> Self {
        Self::of(engine.into(), Endpoint::Post(PostEndpoint::Userinfo))
    }

    /// The registration endpoint, [`Engine::register`] (RFC 7591).
    ///
    /// ```
    /// # use regrant::client::{ClientIdKeys, StatelessClients};
    /// # use regrant::{Engine, MemoryStore, RootSecret, StaticClients, http::EndpointService};
    /// # use std::sync::Arc;
    /// let clients = StatelessClients::new(StaticClients::new(), ClientIdKeys::new(&RootSecret::generate(1), None));
    /// let engine = Arc::new(Engine::builder(MemoryStore::new(), clients).registration().build()?);
    /// let service = EndpointService::registration(engine);
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn registration(engine: impl Into<EngineSource<S, C>>) -> Self {
        Self::of(engine.into(), Endpoint::Post(PostEndpoint::Registration))
    }

    /// The pushed authorization request endpoint, [`Engine::push`] (RFC 9126).
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients, http::EndpointService};
    /// # use std::sync::Arc;
    /// let engine = Arc::new(Engine::builder(MemoryStore::new(), StaticClients::new()).build()?);
    /// let service = EndpointService::pushed_authorization(engine);
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    #[cfg(feature = "root-secret")]
    pub fn pushed_authorization(engine: impl Into<EngineSource<S, C>>) -> Self {
        Self::of(engine.into(), Endpoint::Post(PostEndpoint::Push))
    }

    /// The endpoint where devices begin, [`Engine::begin_device`] (RFC 8628).
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients, http::EndpointService};
    /// # use std::sync::Arc;
    /// let engine = Arc::new(Engine::builder(MemoryStore::new(), StaticClients::new()).build()?);
    /// let service = EndpointService::device_authorization(engine);
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    #[cfg(feature = "root-secret")]
    pub fn device_authorization(engine: impl Into<EngineSource<S, C>>) -> Self {
        Self::of(engine.into(), Endpoint::Post(PostEndpoint::BeginDevice))
    }

    /// The metadata and the configuration of an OpenID provider, by the path of the request: [`Engine::document_at`] has the
    /// standard places of an issuer with a path or without; 404 elsewhere. One line serves them all, as axum's fallback
    /// for example.
    ///
    /// ```
    /// # use axum::Router;
    /// # use regrant::{Engine, MemoryStore, StaticClients, http::EndpointService};
    /// # use std::sync::Arc;
    /// let builder = Engine::builder(MemoryStore::new(), StaticClients::new()).issuer("https://id.example/tenant");
    /// let engine = Arc::new(builder.build()?);
    /// let app: Router = Router::new()
    ///     .route_service("/tenant/token", EndpointService::token(Arc::clone(&engine)))
    ///     .fallback_service(EndpointService::documents(engine));
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn documents(engine: impl Into<EngineSource<S, C>>) -> Self {
        Self::of(engine.into(), Endpoint::Document(Document::ByPath))
    }

    /// The authorization server metadata, [`Engine::metadata`] (RFC 8414), at whatever path it is mounted; 404 where there
    /// are none.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients, http::EndpointService};
    /// # use std::sync::Arc;
    /// let engine = Arc::new(Engine::builder(MemoryStore::new(), StaticClients::new()).build()?);
    /// let service = EndpointService::metadata(engine);
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn metadata(engine: impl Into<EngineSource<S, C>>) -> Self {
        Self::of(engine.into(), Endpoint::Document(Document::Metadata))
    }

    /// The OpenID provider configuration, `Engine::openid_configuration` (OpenID Connect Discovery 1.0 section 4), at whatever
    /// path it is mounted; 404 where there is none.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients, http::EndpointService};
    /// # use std::sync::Arc;
    /// let engine = Arc::new(Engine::builder(MemoryStore::new(), StaticClients::new()).build()?);
    /// let service = EndpointService::openid_configuration(engine);
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    #[cfg(feature = "jwt")]
    pub fn openid_configuration(engine: impl Into<EngineSource<S, C>>) -> Self {
        Self::of(engine.into(), Endpoint::Document(Document::OpenIdConfiguration))
    }

    /// The JWK set, `Engine::jwks` (RFC 7517 section 5).
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients, http::EndpointService};
    /// # use std::sync::Arc;
    /// let engine = Arc::new(Engine::builder(MemoryStore::new(), StaticClients::new()).build()?);
    /// let service = EndpointService::jwks(engine);
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    #[cfg(feature = "jwt")]
    pub fn jwks(engine: impl Into<EngineSource<S, C>>) -> Self {
        Self::of(engine.into(), Endpoint::Document(Document::Jwks))
    }

    const fn of(source: EngineSource<S, C>, endpoint: Endpoint) -> Self {
        Self { source, endpoint, clock: Timestamp::now, peer: |_| None }
    }

    /// The same with another clock.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients, Timestamp, http::EndpointService};
    /// # use std::sync::Arc;
    /// # let engine = Arc::new(Engine::builder(MemoryStore::new(), StaticClients::new()).build()?);
    /// let service = EndpointService::token(engine).with_clock(|| Timestamp::from_secs(1_597_240_260));
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    #[must_use]
    pub fn with_clock(self, clock: fn() -> Timestamp) -> Self {
        Self { clock, ..self }
    }

    /// Where to find the address that a request comes from: see [`Request::with_peer`]. Nobody knows it if this is not set.
    ///
    /// A server puts it among the extensions of a request, each in its own way; in axum it is
    /// `into_make_service_with_connect_info::<SocketAddr>()` that does, and this that finds it:
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients, http::EndpointService};
    /// # use std::sync::Arc;
    /// use axum::extract::ConnectInfo;
    /// use std::net::SocketAddr;
    /// # let engine = Arc::new(Engine::builder(MemoryStore::new(), StaticClients::new()).build()?);
    /// let service = EndpointService::token(engine).with_peer(|request| {
    ///     request.extensions.get::<ConnectInfo<SocketAddr>>().map(|connection| connection.0.ip())
    /// });
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    #[must_use]
    pub fn with_peer(self, peer: fn(&Parts) -> Option<IpAddr>) -> Self {
        Self { peer, ..self }
    }
}

impl<S: TokenStore, C: Clients> EndpointService<S, C> {
    /// Answers one request.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients, http::EndpointService};
    /// # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = std::sync::Arc::new(Engine::builder(MemoryStore::new(), StaticClients::new()).build()?);
    /// let service = EndpointService::token(engine);
    /// let request = http::Request::get("/token").body(http_body_util::Empty::<bytes::Bytes>::new())?;
    /// assert_eq!(service.respond(request).await.status(), 405);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn respond<B>(&self, request: http::Request<B>) -> http::Response<Full<Bytes>>
    where
        B: Body,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let (parts, body) = request.into_parts();
        let engine = self.source.current();
        let endpoint = match self.endpoint {
            Endpoint::Post(endpoint) => endpoint,
            Endpoint::Document(document) => return serve(&engine, found(&engine, document, &parts), &parts),
            Endpoint::ByPath => match engine.place_at(parts.uri.path(), parts.uri.query().unwrap_or_default()) {
                Some(Place::Post(endpoint)) => endpoint,
                Some(Place::Document(document)) => return serve(&engine, Some(document), &parts),
                None => return serve(&engine, None, &parts),
            },
        };
        self.answer(&engine, endpoint, &parts, body).await
    }

    async fn answer<B>(
        &self,
        engine: &Engine<S, C>,
        endpoint: PostEndpoint,
        parts: &Parts,
        body: B,
    ) -> http::Response<Full<Bytes>>
    where
        B: Body,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        // What is no POST, or no PUT where a registration is changed, is judged without a body, so none is waited for.
        let takes_put = endpoint == PostEndpoint::Registration;
        let has_body = parts.method == Method::POST || takes_put && parts.method == Method::PUT;
        let body = if has_body {
            match read_body(&parts.headers, body, engine.limits()).await {
                Ok(body) => body,
                Err(BodyError::TooLarge) => return response(engine.body_too_large()),
                // Read by a client that was too slow for a time-out.
                Err(BodyError::Broken) => return response(engine.body_broken()),
            }
        } else {
            Bytes::new()
        };
        let request = self.borrow(parts, &body);
        // Only now: a client that sends its body slowly must not choose the time that its token is judged by.
        response(match endpoint {
            PostEndpoint::Token => engine.token(&request, self.clock).await,
            PostEndpoint::Revocation => engine.revoke(&request, self.clock).await,
            PostEndpoint::Registration => engine.register(&request, self.clock).await,
            #[cfg(feature = "root-secret")]
            PostEndpoint::Push => engine.push(&request, self.clock).await,
            #[cfg(feature = "root-secret")]
            PostEndpoint::BeginDevice => engine.begin_device(&request, self.clock).await,
            PostEndpoint::Introspection => engine.introspect(&request, self.clock).await,
            #[cfg(feature = "jwt")]
            PostEndpoint::Userinfo => engine.userinfo(&request, self.clock).await,
        })
    }

    fn borrow<'a>(&self, parts: &'a Parts, body: &'a [u8]) -> Request<'a> {
        let request = super::request(&parts.method, &parts.uri, &parts.headers, body);
        let request = (self.peer)(parts).map_or(request, |peer| request.with_peer(peer));
        #[cfg(feature = "mtls")]
        let request = match parts.extensions.get::<crate::client::ClientCertificate>() {
            Some(certificate) => request.with_certificate(certificate),
            None => request,
        };
        request
    }
}

impl<S, C, B> tower_service::Service<http::Request<B>> for EndpointService<S, C>
where
    S: TokenStore + 'static,
    C: Clients + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Response = http::Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.respond(request).await) })
    }
}

impl<S, C> Clone for EndpointService<S, C> {
    fn clone(&self) -> Self {
        Self { source: self.source.clone(), endpoint: self.endpoint, clock: self.clock, peer: self.peer }
    }
}

impl<S, C> fmt::Debug for EndpointService<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointService")
            .field("endpoint", &self.endpoint)
            .field("engine", &*self.source.current())
            .finish_non_exhaustive()
    }
}

fn found<S: TokenStore, C: Clients>(engine: &Engine<S, C>, document: Document, parts: &Parts) -> Option<Response> {
    match document {
        Document::ByPath => {
            engine.document_at(parts.uri.path_and_query().map_or_else(|| parts.uri.path(), |whole| whole.as_str()))
        }
        Document::Metadata => engine.metadata(),
        #[cfg(feature = "jwt")]
        Document::OpenIdConfiguration => engine.openid_configuration(),
        #[cfg(feature = "jwt")]
        Document::Jwks => Some(engine.jwks()),
    }
}

fn serve<S: TokenStore, C: Clients>(
    engine: &Engine<S, C>,
    found: Option<Response>,
    parts: &Parts,
) -> http::Response<Full<Bytes>> {
    if let Some(found) = found {
        return response(engine.by_get(parts.method.as_str(), found));
    }
    let mut nothing = http::Response::new(Full::default());
    *nothing.status_mut() = StatusCode::NOT_FOUND;
    nothing
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{MemoryStore, StaticClients};

    #[test]
    fn the_peer_is_where_the_host_finds_it() {
        let engine = Arc::new(Engine::builder(MemoryStore::new(), StaticClients::new()).build().unwrap());
        let service = EndpointService::token(engine);
        let (mut parts, ()) = http::Request::get("/token").body(()).unwrap().into_parts();
        let peer: IpAddr = "2001:db8::1".parse().unwrap();
        parts.extensions.insert(peer);
        assert_eq!(service.borrow(&parts, b"").peer(), None);
        let service = service.with_peer(|parts| parts.extensions.get().copied()).clone();
        assert_eq!(service.borrow(&parts, b"").peer(), Some(peer));
        parts.extensions.clear();
        assert_eq!(service.borrow(&parts, b"").peer(), None);
    }
}
