//! axum: its router takes a `tower::Service`.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use regrant::http::EndpointService;
use tokio::net::TcpListener;

use crate::engine::Engine;

pub async fn serve(engine: Arc<Engine>, address: SocketAddr) -> std::io::Result<()> {
    let router = Router::new().fallback_service(EndpointService::by_path(engine));
    axum::serve(TcpListener::bind(address).await?, router).await
}
