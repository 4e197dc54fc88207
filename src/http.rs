//! The engine behind any stack that speaks the `http` crate (feature `http`).
//!
//! [`TokenService`] is a `tower::Service`, which axum mounts in one line; [`request`] and [`response`] convert for
//! everything else.
//!
//! ```
//! use axum::Router;
//! use regrant::{Engine, MemoryStore, StaticClients, http::TokenService};
//! use std::sync::Arc;
//!
//! let engine = Arc::new(Engine::builder(MemoryStore::new(), StaticClients::new()).build()?);
//! let app: Router = Router::new().route_service("/token", TokenService::new(engine));
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
use http::{HeaderMap, Method, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};

use crate::client::Clients;
use crate::engine::Engine;
use crate::grant::Timestamp;
use crate::store::TokenStore;
use crate::wire::{Request, Response};

/// Borrows what the engine looks at from the parts of a request: the method, the headers, and the body as read so far.
///
/// ```
/// use regrant::{Engine, MemoryStore, Scope, StaticClients, Timestamp};
///
/// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
/// let (parts, ()) = http::Request::get("/resource").body(())?.into_parts();
/// let request = regrant::http::request(&parts.method, &parts.headers, b"");
/// assert!(engine.blocking().bearer(&request, &Scope::empty(), Timestamp::now())?.is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn request<'a>(method: &'a Method, headers: &'a HeaderMap, body: &'a [u8]) -> Request<'a> {
    headers.iter().fold(Request::new(method.as_str(), body), |request, (name, value)| {
        request.header(name.as_str(), value.as_bytes())
    })
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

/// The token endpoint as a `tower::Service`: reads the body up to the engine's limit, asks the engine, never fails.
///
/// A body may take as long as it likes: time-outs are for whatever stands in front.
///
/// It reads the system's clock for each request; [`with_clock`](Self::with_clock) takes another. Cloning shares the
/// engine.
///
/// ```
/// use http_body_util::Full;
/// use regrant::{Engine, MemoryStore, StaticClients, http::TokenService};
/// use std::sync::Arc;
/// use tower_service::Service;
///
/// # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
/// let engine = Arc::new(Engine::builder(MemoryStore::new(), StaticClients::new()).build()?);
/// let mut service = TokenService::new(engine);
/// let request = http::Request::post("/token").body(Full::<bytes::Bytes>::from("grant_type=password"))?;
/// let response = service.call(request).await?;
/// assert_eq!(response.status(), 400); // no content type
/// # Ok(())
/// # }
/// ```
pub struct TokenService<S, C> {
    engine: Arc<Engine<S, C>>,
    clock: fn() -> Timestamp,
}

impl<S, C> TokenService<S, C> {
    /// The token endpoint of this engine.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients, http::TokenService};
    /// # use std::sync::Arc;
    /// let engine = Arc::new(Engine::builder(MemoryStore::new(), StaticClients::new()).build()?);
    /// let service = TokenService::new(engine);
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub const fn new(engine: Arc<Engine<S, C>>) -> Self {
        Self { engine, clock: Timestamp::now }
    }

    /// The same with another clock.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients, Timestamp, http::TokenService};
    /// # use std::sync::Arc;
    /// # let engine = Arc::new(Engine::builder(MemoryStore::new(), StaticClients::new()).build()?);
    /// let service = TokenService::new(engine).with_clock(|| Timestamp::from_secs(1_597_240_260));
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    #[must_use]
    pub fn with_clock(self, clock: fn() -> Timestamp) -> Self {
        Self { clock, ..self }
    }
}

impl<S: TokenStore, C: Clients> TokenService<S, C> {
    /// Answers one request.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients, http::TokenService};
    /// # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = std::sync::Arc::new(Engine::builder(MemoryStore::new(), StaticClients::new()).build()?);
    /// let service = TokenService::new(engine);
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
        // What is not a POST is refused whatever its body is.
        let body = if parts.method == Method::POST { self.read(body).await } else { Read::Whole(Bytes::new()) };
        let answer = match body {
            Read::Whole(body) => {
                let request = self::request(&parts.method, &parts.headers, &body);
                self.engine.token(&request, (self.clock)()).await
            }
            Read::TooLarge => self.engine.body_too_large(),
        };
        response(answer)
    }

    /// Reads a body, no further than the limit.
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

impl<S, C, B> tower_service::Service<http::Request<B>> for TokenService<S, C>
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

impl<S, C> Clone for TokenService<S, C> {
    fn clone(&self) -> Self {
        Self { engine: Arc::clone(&self.engine), clock: self.clock }
    }
}

impl<S, C> fmt::Debug for TokenService<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenService").field("engine", &self.engine).finish_non_exhaustive()
    }
}
