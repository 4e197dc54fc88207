//! The engine behind any stack that speaks the `http` crate (feature `http`).
//!
//! [`EndpointService`] is a `tower::Service`, which axum mounts in one line; [`request`] and [`response`] convert for
//! everything else.
//!
//! ```
//! use axum::Router;
//! use regrant::{Engine, MemoryStore, StaticClients, http::EndpointService};
//! use std::sync::Arc;
//!
//! let engine = Arc::new(Engine::builder(MemoryStore::new(), StaticClients::new()).build()?);
//! let app: Router = Router::new().route_service("/token", EndpointService::token(engine));
//! # Ok::<(), regrant::BuildError>(())
//! ```

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode, Uri};
use http_body::Body;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};

use crate::client::Clients;
use crate::engine::Engine;
use crate::grant::Timestamp;
use crate::store::TokenStore;
use crate::wire::{Request, Response};

/// Borrows what the engine looks at from the parts of a request: the method, the query, the headers, and the body as read
/// so far.
///
/// ```
/// use regrant::{Engine, MemoryStore, Scope, StaticClients, Timestamp};
///
/// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
/// let (parts, ()) = http::Request::get("/resource").body(())?.into_parts();
/// let request = regrant::http::request(&parts.method, &parts.uri, &parts.headers, b"");
/// assert!(engine.blocking().bearer(&request, &Scope::empty(), Timestamp::now())?.is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn request<'a>(method: &'a Method, uri: &'a Uri, headers: &'a HeaderMap, body: &'a [u8]) -> Request<'a> {
    let request = Request::new(method.as_str(), body).query(uri.query().unwrap_or_default().as_bytes());
    headers.iter().fold(request, |request, (name, value)| request.header(name.as_str(), value.as_bytes()))
}

/// The engine's response as one of the `http` crate.
///
/// ```
/// use regrant::{Engine, MemoryStore, StaticClients};
/// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
/// let response = regrant::http::response(engine.body_too_large());
/// assert_eq!(response.status(), http::StatusCode::PAYLOAD_TOO_LARGE);
/// # Ok::<(), regrant::BuildError>(())
/// ```
pub fn response(response: Response) -> http::Response<Full<Bytes>> {
    let status = StatusCode::from_u16(response.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers: HeaderMap = response
        .headers()
        // The engine's header values are printable ASCII, so none is left out.
        .filter_map(|(name, value)| Some((HeaderName::from_static(name), HeaderValue::from_str(value).ok()?)))
        .collect();
    let mut whole = http::Response::new(Full::new(Bytes::from(response.into_body())));
    *whole.status_mut() = status;
    *whole.headers_mut() = headers;
    whole
}

/// An endpoint of the engine as a `tower::Service`: reads the body up to the engine's limit, asks the engine, never fails.
/// The authorization endpoint is not among them, since it shows pages: see [`Engine::authorize`].
///
/// A body may take as long as it likes: time-outs are for whatever stands in front.
///
/// It reads the system's clock for each request; [`with_clock`](Self::with_clock) takes another. Cloning shares the
/// engine.
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
    engine: Arc<Engine<S, C>>,
    endpoint: Endpoint,
    clock: fn() -> Timestamp,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Endpoint {
    Token,
    Revocation,
    Introspection,
    Metadata,
    #[cfg(feature = "jwt")]
    OpenIdConfiguration,
    #[cfg(feature = "jwt")]
    Jwks,
}

impl<S, C> EndpointService<S, C> {
    /// The token endpoint of this engine.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients, http::EndpointService};
    /// # use std::sync::Arc;
    /// let engine = Arc::new(Engine::builder(MemoryStore::new(), StaticClients::new()).build()?);
    /// let service = EndpointService::token(engine);
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub const fn token(engine: Arc<Engine<S, C>>) -> Self {
        Self::of(engine, Endpoint::Token)
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
    pub const fn revocation(engine: Arc<Engine<S, C>>) -> Self {
        Self::of(engine, Endpoint::Revocation)
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
    pub const fn introspection(engine: Arc<Engine<S, C>>) -> Self {
        Self::of(engine, Endpoint::Introspection)
    }

    /// The authorization server metadata, [`Engine::metadata`] (RFC 8414); 404 where there are none.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients, http::EndpointService};
    /// # use std::sync::Arc;
    /// let engine = Arc::new(Engine::builder(MemoryStore::new(), StaticClients::new()).build()?);
    /// let service = EndpointService::metadata(engine);
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub const fn metadata(engine: Arc<Engine<S, C>>) -> Self {
        Self::of(engine, Endpoint::Metadata)
    }

    /// The OpenID provider configuration, `Engine::openid_configuration` (OpenID Connect Discovery 1.0 section 4); 404
    /// where there is none.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients, http::EndpointService};
    /// # use std::sync::Arc;
    /// let engine = Arc::new(Engine::builder(MemoryStore::new(), StaticClients::new()).build()?);
    /// let service = EndpointService::openid_configuration(engine);
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    #[cfg(feature = "jwt")]
    pub const fn openid_configuration(engine: Arc<Engine<S, C>>) -> Self {
        Self::of(engine, Endpoint::OpenIdConfiguration)
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
    pub const fn jwks(engine: Arc<Engine<S, C>>) -> Self {
        Self::of(engine, Endpoint::Jwks)
    }

    const fn of(engine: Arc<Engine<S, C>>, endpoint: Endpoint) -> Self {
        Self { engine, endpoint, clock: Timestamp::now }
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
        if let Some(document) = self.document() {
            return document.map_or_else(not_found, |document| get(&parts.method, document));
        }
        // What is not a POST is refused whatever its body is.
        let body = if parts.method == Method::POST { self.read(body).await } else { Read::Whole(Bytes::new()) };
        let body = match body {
            Read::Whole(body) => body,
            Read::TooLarge => return response(self.engine.body_too_large()),
        };
        let request = self::request(&parts.method, &parts.uri, &parts.headers, &body);
        let now = (self.clock)();
        response(match self.endpoint {
            Endpoint::Revocation => self.engine.revoke(&request, now).await,
            Endpoint::Introspection => self.engine.introspect(&request, now).await,
            // The documents were answered above.
            _ => self.engine.token(&request, now).await,
        })
    }

    /// What is the same for everybody; `Some(None)` where the engine has no such thing.
    #[expect(clippy::option_option, reason = "whether it is a document, and whether the engine has it")]
    fn document(&self) -> Option<Option<Response>> {
        match self.endpoint {
            Endpoint::Metadata => Some(self.engine.metadata()),
            #[cfg(feature = "jwt")]
            Endpoint::OpenIdConfiguration => Some(self.engine.openid_configuration()),
            #[cfg(feature = "jwt")]
            Endpoint::Jwks => Some(Some(self.engine.jwks())),
            Endpoint::Token | Endpoint::Revocation | Endpoint::Introspection => None,
        }
    }

    async fn read<B>(&self, body: B) -> Read
    where
        B: Body,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let limit = self.engine.limits().get_body_bytes();
        if body.size_hint().lower() > limit as u64 {
            return Read::TooLarge;
        }
        match Limited::new(body, limit).collect().await {
            Ok(whole) => Read::Whole(whole.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Read::TooLarge,
            // The connection broke: half a form is no form, and nobody is there to read the answer.
            Err(_) => Read::Whole(Bytes::new()),
        }
    }
}

/// A body as it was read.
enum Read {
    Whole(Bytes),
    TooLarge,
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
        Self { engine: Arc::clone(&self.engine), endpoint: self.endpoint, clock: self.clock }
    }
}

impl<S, C> fmt::Debug for EndpointService<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointService")
            .field("endpoint", &self.endpoint)
            .field("engine", &self.engine)
            .finish_non_exhaustive()
    }
}

/// A document by GET; HEAD is for the server below to cut.
fn get(method: &Method, document: Response) -> http::Response<Full<Bytes>> {
    if [Method::GET, Method::HEAD].contains(method) {
        return response(document);
    }
    let mut refused = http::Response::new(Full::default());
    *refused.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    refused.headers_mut().insert(http::header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    refused
}

fn not_found() -> http::Response<Full<Bytes>> {
    let mut response = http::Response::new(Full::default());
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}
