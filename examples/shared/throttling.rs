//! How often anybody may guess at a password, a secret or a registration.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::ConnectInfo;
use axum::http::header::RETRY_AFTER;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use clap::ValueEnum;
use regrant::event::ThrottleRefusal;
use regrant::throttle::MemoryThrottle;

use crate::html::told;

/// Whether it is limited.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, ValueEnum)]
pub(crate) enum Throttling {
    /// By address, and by what is guessed at
    #[default]
    On,
    /// Not at all, for whoever tests the server
    Off,
}

impl Throttling {
    /// One for each engine: their people and clients have nothing to do with each other.
    pub(crate) fn throttle(self) -> Option<Arc<MemoryThrottle>> {
        (self == Self::On).then(Arc::default)
    }
}

/// Who asks. Behind a proxy that is the proxy; take what it says of the client instead, if you trust it.
pub(crate) fn peer(parts: &Parts) -> Option<IpAddr> {
    parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip())
}

/// Nobody has looked at what was filled in, right or wrong.
pub(crate) fn too_often(refused: ThrottleRefusal) -> Response {
    let secs = refused.retry_after_secs();
    let text = format!("Nothing was done. Please go back and try again in {secs} seconds.");
    let mut response = told(StatusCode::TOO_MANY_REQUESTS, "Too many attempts", &text);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(secs));
    response
}
