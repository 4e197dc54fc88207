//! Where the endpoints are.

use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use regrant::http::{BodyError, EndpointService};
use tower_http::cors::Any;

use crate::authorize::authorize;
use crate::cors;
use crate::engine::FapiEngine;
use crate::guard::Guard;
use crate::resource::resource;

/// What the server's own routes need.
pub(crate) struct App {
    pub(crate) engine: Arc<FapiEngine>,
    pub(crate) guard: Guard,
    pub(crate) resource: String,
}

/// All that there is, after the issuer's path if it has one, and the documents where clients look for them.
pub(crate) fn router(engine: Arc<FapiEngine>, issuer: &str, resource_uri: String) -> Result<Router, Box<dyn Error>> {
    let service = |endpoint: fn(Arc<FapiEngine>) -> EndpointService<_, _>| endpoint(Arc::clone(&engine));
    // What the scripts of a page call: no cookie counts at any of these, and no certificate that a browser would show without being
    // asked to, so any page may.
    let cors = cors::layer(Any);
    let for_pages = Router::new()
        .route("/resource", get(resource).post(resource))
        .route_service("/token", service(EndpointService::token))
        .route_service("/par", service(EndpointService::pushed_authorization))
        .route_service("/revoke", service(EndpointService::revocation))
        .route_service("/jwks", service(EndpointService::jwks))
        .route_layer(cors.clone());
    // Where a person is sent, and what only servers call.
    let for_others = Router::new()
        .route("/authorize", get(authorize).post(authorize))
        .route_service("/introspect", service(EndpointService::introspection));
    let app = App { engine: Arc::clone(&engine), guard: Guard::new(issuer, "fapi-form")?, resource: resource_uri };
    let endpoints = for_pages.merge(for_others).with_state(Arc::new(app));
    let documents = Router::new().fallback_service(service(EndpointService::documents)).layer(cors);
    let whole = documents.merge(endpoints.clone());
    Ok(match engine.issuer_path() {
        "" => whole,
        // A proxy may send on the path of the issuer, or take it off.
        path => whole.nest(path, endpoints),
    })
}

/// What a body that was not read is answered with. Where the connection broke nobody sees it.
pub(crate) fn unread(engine: &FapiEngine, error: BodyError) -> Response {
    match error {
        BodyError::TooLarge => regrant::http::response(engine.body_too_large()).into_response(),
        _ => StatusCode::REQUEST_TIMEOUT.into_response(),
    }
}
