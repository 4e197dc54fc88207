//! The registration endpoint on an HTTP stack, and called by pages of another origin.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderValue, Method, Request, Response};
use http_body_util::BodyExt;
use regrant::http::EndpointService;
use serde_json::Value;
use tower_http::cors::CorsLayer;
use tower_service::Service;

use crate::desk::{Desk, editor};

fn app() -> Router {
    // As the manual has it.
    let cors = CorsLayer::new()
        .allow_origin([HeaderValue::from_static("https://page.example")])
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE]);
    let engine = Arc::new(Desk::usual().engine);
    Router::new().route_service("/register", EndpointService::registration(engine)).layer(cors)
}

async fn call(app: &mut Router, request: Request<Body>) -> Response<Body> {
    app.call(request).await.unwrap()
}

#[tokio::test]
async fn a_page_of_another_origin_registers() {
    let mut app = app();
    let preflight = Request::options("/register")
        .header("origin", "https://page.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type")
        .body(Body::empty())
        .unwrap();
    let allowed = call(&mut app, preflight).await;
    assert_eq!(allowed.headers()["access-control-allow-origin"], "https://page.example");
    assert!(allowed.headers()["access-control-allow-headers"].to_str().unwrap().contains("content-type"));
    let request = |origin: &str| {
        let request = Request::post("/register").header("origin", origin).header("content-type", "application/json");
        request.body(Body::from(editor().to_string())).unwrap()
    };
    let registered = call(&mut app, request("https://page.example")).await;
    assert_eq!(
        (registered.status(), registered.headers()["access-control-allow-origin"].as_bytes()),
        (201.try_into().unwrap(), &b"https://page.example"[..])
    );
    let body: Value = serde_json::from_slice(&registered.into_body().collect().await.unwrap().to_bytes()).unwrap();
    assert!(body["client_id"].is_string());
    // It may register, as whoever is no browser may; the page cannot read the answer.
    let other = call(&mut app, request("https://evil.example")).await;
    assert!(other.headers().get("access-control-allow-origin").is_none());
}

/// A body that is too large, or that is no request to this endpoint, is answered as everywhere.
#[tokio::test]
async fn bodies_and_methods_are_read_as_everywhere() {
    let mut app = app();
    for (method, body, status) in [
        (Method::GET, String::new(), 405),
        (Method::DELETE, String::new(), 405),
        (Method::PUT, editor().to_string(), 405),
        (Method::POST, String::new(), 400),
        (Method::POST, " ".repeat(64 * 1_024 + 1), 413),
        (Method::POST, editor().to_string(), 201),
    ] {
        let request =
            Request::builder().method(method.clone()).uri("/register").header("content-type", "application/json");
        let response = call(&mut app, request.body(Body::from(body)).unwrap()).await;
        assert_eq!(response.status(), status, "{method}");
    }
}
