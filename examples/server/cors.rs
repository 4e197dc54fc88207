//! What the pages of other origins may call by script, and which origins those are.

use std::time::Duration;

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Method};
use tower_http::cors::CorsLayer;
use url::Url;

/// For all that a page calls itself: the token and revocation endpoints, the documents, the JWK set, resources. Never for the
/// authorization endpoint, to which a page sends the whole window (RFC 9700 section 2.6).
///
/// None of these reads a cookie, so none is let through: `allow_credentials` stays off.
pub(crate) fn layer(origins: Vec<HeaderValue>) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE])
        // Without this a script sees neither why its token was refused, nor when to come back.
        .expose_headers([WWW_AUTHENTICATE, RETRY_AFTER])
        .max_age(Duration::from_secs(600))
}

/// An origin as browsers write it. Whatever else stood in the list would never match.
pub(crate) fn origin(text: &str) -> Result<HeaderValue, String> {
    let written = Url::parse(text).ok().map(|url| url.origin().ascii_serialization());
    match HeaderValue::from_str(text) {
        Ok(value) if written.as_deref() == Some(text) => Ok(value),
        _ => {
            Err("an origin is a scheme, a host and a port that is not the usual one, as in https://app.example".into())
        }
    }
}
