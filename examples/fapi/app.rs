//! Where the endpoints are.

use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use regrant::http::{BodyError, EndpointService};
use tower_http::cors::Any;

use crate::authorize::authorize;
use crate::cors;
use crate::engine::FapiEngine;
use crate::guard::Guard;
use crate::identity;
use crate::resource::resource;
use crate::throttling::peer;

/// What the server's own routes need.
pub(crate) struct App {
    pub(crate) engine: Arc<FapiEngine>,
    pub(crate) guard: Guard,
    pub(crate) issuer: String,
    /// Where the resource is.
    pub(crate) resource: String,
    /// What the one person here is known by.
    pub(crate) subject: String,
}

impl App {
    pub(crate) fn new(
        engine: Arc<FapiEngine>,
        issuer: &str,
        resource: &str,
        subject: String,
    ) -> Result<Self, Box<dyn Error>> {
        let guard = Guard::new(issuer, "fapi-form")?;
        Ok(Self { engine, guard, issuer: issuer.to_owned(), resource: resource.to_owned(), subject })
    }
}

/// All that there is, after the issuer's path if it has one, and the documents where clients look for them.
pub(crate) fn router(app: App) -> Router {
    let engine = Arc::clone(&app.engine);
    let service =
        |endpoint: fn(Arc<FapiEngine>) -> EndpointService<_, _>| endpoint(Arc::clone(&engine)).with_peer(peer);
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
    let mut documents = Router::new();
    if app.subject.starts_with("did:") {
        documents = documents.route("/.well-known/did.json", get(did));
    }
    let app = Arc::new(app);
    let endpoints = for_pages.merge(for_others).with_state(Arc::clone(&app));
    let documents = documents.with_state(app).fallback_service(service(EndpointService::documents)).layer(cors);
    let whole = documents.merge(endpoints.clone());
    match engine.issuer_path() {
        "" => whole,
        // A proxy may send on the path of the issuer, or take it off.
        path => whole.nest(path, endpoints),
    }
}

async fn did(State(app): State<Arc<App>>) -> Response {
    identity::document(&app.subject, &app.issuer)
}

/// What a body that was not read is answered with. Where the connection broke nobody sees it.
pub(crate) fn unread(engine: &FapiEngine, error: BodyError) -> Response {
    match error {
        BodyError::TooLarge => regrant::http::response(engine.body_too_large()).into_response(),
        _ => StatusCode::REQUEST_TIMEOUT.into_response(),
    }
}
