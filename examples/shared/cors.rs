//! What the pages of other origins may call by script.

use std::time::Duration;

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// A proof of possession, and the nonce of the next one (RFC 9449 sections 4.1 and 8).
pub(crate) const DPOP: HeaderName = HeaderName::from_static("dpop");
pub(crate) const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// For all that a page calls itself: the token and revocation endpoints, the documents, the JWK set, resources. Never for the
/// authorization endpoint, to which a page sends the whole window (RFC 9700 section 2.6).
///
/// None of these reads a cookie, so none is let through: `allow_credentials` stays off.
pub(crate) fn layer(origins: impl Into<AllowOrigin>) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, DPOP])
        // Without this a script sees neither why its token was refused, nor when to come back, nor what its next proof needs.
        .expose_headers([WWW_AUTHENTICATE, RETRY_AFTER, DPOP_NONCE])
        .max_age(Duration::from_secs(600))
}
