//! Which origins' pages may call by script.

use axum::http::HeaderValue;
use url::Url;

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
