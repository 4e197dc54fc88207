//! A protected resource: says whose token it was, and which client's.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::response::{IntoResponse, Json, Response};
use regrant::client::ClientCertificate;
use regrant::http::read_body;
use regrant::{Scope, Timestamp};
use serde::Serialize;

use crate::app::{App, unread};
use crate::cors::DPOP_NONCE;

#[derive(Serialize)]
struct Served<'a> {
    sub: &'a str,
    client_id: &'a str,
}

/// Takes what the token is bound to: a proof by its key, the certificate of the connection, or nothing.
pub(crate) async fn resource(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = match read_body(&parts.headers, body, app.engine.limits()).await {
        Ok(body) => body,
        Err(error) => return unread(&app.engine, error),
    };
    // What proofs have to be for is what clients were told, and never what the request says of its host.
    let request = regrant::http::request(&parts.method, &parts.uri, &parts.headers, &body).with_url(&app.resource);
    let request = match parts.extensions.get::<ClientCertificate>() {
        Some(certificate) => request.with_certificate(certificate),
        None => request,
    };
    match app.engine.bearer(&request, &Scope::empty(), Timestamp::now).await {
        Ok(access) => {
            let sub = access.subject().unwrap_or(access.client_id());
            let mut response = Json(Served { sub, client_id: access.client_id() }).into_response();
            // So that the next proof passes at once (RFC 9449 section 8.2).
            if let Some(Ok(nonce)) = access.dpop_nonce().map(HeaderValue::from_str) {
                response.headers_mut().insert(DPOP_NONCE, nonce);
            }
            response
        }
        Err(refused) => regrant::http::response(refused.response()).into_response(),
    }
}
