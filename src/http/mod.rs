//! The engine behind any stack that speaks the `http` crate (feature `http`).
//!
//! [`EndpointService`] is a `tower::Service`, which axum mounts in one line: one endpoint, or [all of
//! them](EndpointService::by_path). [`read_body`], [`request`] and [`response`] are for everything else. A stack with types of its own hands over
//! bytes: [`Engine::respond_at`](crate::Engine::respond_at).
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
//!
//! # Applications in a browser
//!
//! A page of another origin calls the token, revocation and registration endpoints, the documents, the JWK set and your resources by
//! script, and browsers allow that where the answers have CORS headers. With the feature `cors` of `tower-http`:
//!
//! ```
//! use axum::Router;
//! use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
//! use axum::http::{HeaderName, HeaderValue, Method};
//! use regrant::{Engine, MemoryStore, StaticClients, http::EndpointService};
//! use std::{sync::Arc, time::Duration};
//! use tower_http::cors::CorsLayer;
//!
//! let cors = CorsLayer::new()
//!     .allow_origin([HeaderValue::from_static("https://app.example")])
//!     // And PUT and DELETE where pages manage their registrations (RFC 7592).
//!     .allow_methods([Method::GET, Method::POST])
//!     .allow_headers([AUTHORIZATION, CONTENT_TYPE, HeaderName::from_static("dpop")])
//!     .expose_headers([WWW_AUTHENTICATE, RETRY_AFTER, HeaderName::from_static("dpop-nonce")])
//!     .max_age(Duration::from_secs(600));
//!
//! let engine = Arc::new(Engine::builder(MemoryStore::new(), StaticClients::new()).build()?);
//! let for_pages = Router::new()
//!     .route_service("/token", EndpointService::token(engine.clone()))
//!     .route_service("/revoke", EndpointService::revocation(engine.clone()))
//!     // … the JWK set, the registration endpoint where it is on, your resources …
//!     .fallback_service(EndpointService::documents(engine.clone()))
//!     .layer(cors);
//! let for_others = Router::new()
//!     // … your authorization endpoint …
//!     .route_service("/introspect", EndpointService::introspection(engine));
//! let app: Router = for_pages.merge(for_others);
//! # Ok::<(), regrant::BuildError>(())
//! ```
//!
//! - **Never the authorization endpoint** (RFC 9700 section 2.6). The browser goes there itself; a script that could read
//!   what comes back would get codes for whoever is logged in. Introspection is for resource servers, not for pages.
//! - **Origins are listed**, written as browsers write them: scheme, host, and the port where it is not the usual one, without
//!   a path or a slash at the end. CORS says which scripts may *read* an answer. It keeps no request away, and nobody who
//!   is not a browser.
//! - **No credentials**: tokens travel in headers and bodies, so there are no cookies to let through. Leave
//!   `allow_credentials` off.
//! - **What is not exposed cannot be read**: without `expose_headers` a script does not see why its token was refused
//!   (`WWW-Authenticate`, RFC 6750 section 3), when to come back, or the nonce of its next proof (`DPoP-Nonce`, RFC 9449 section 8).
//! - A page keeps no secret, so its client is [`Client::public`](crate::Client::public), with PKCE. Its refresh tokens rotate;
//!   two tabs that renew at once come to the same successor, and both stay logged in.
//!
//! The example server does this (`--cors-origin`), and its tests drive it from pages in Chromium.

mod body;
mod service;
mod source;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode, Uri};
use http_body_util::Full;

use crate::wire::{Request, Response};

pub use body::{BodyError, read_body};
pub use service::EndpointService;
pub use source::EngineSource;

/// Borrows what the engine looks at from the parts of a request: the method, the query, the headers, and the body as read
/// so far.
///
/// ```
/// use regrant::{Engine, MemoryStore, Scope, StaticClients, Timestamp};
///
/// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
/// let (parts, ()) = http::Request::get("/resource").body(())?.into_parts();
/// let request = regrant::http::request(&parts.method, &parts.uri, &parts.headers, b"");
/// assert!(engine.blocking().bearer(&request, &Scope::empty(), Timestamp::now)?.is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn request<'a>(method: &'a Method, uri: &'a Uri, headers: &'a HeaderMap, body: &'a [u8]) -> Request<'a> {
    let request = Request::new(method.as_str(), body).with_query(uri.query().unwrap_or_default().as_bytes());
    #[cfg(feature = "proof")]
    let request = request.with_url(uri.path());
    request.with_headers(headers.iter().map(|(name, value)| (name, value.as_bytes())))
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
