//! poem: any `tower::Service` is an endpoint of its (feature `tower-compat`).

use std::net::SocketAddr;
use std::sync::Arc;

use poem::Server;
use poem::endpoint::TowerCompatExt;
use poem::listener::TcpListener;
use regrant::http::EndpointService;

use crate::engine::Engine;

pub async fn serve(engine: Arc<Engine>, address: SocketAddr) -> std::io::Result<()> {
    Server::new(TcpListener::bind(address)).run(EndpointService::by_path(engine).compat()).await
}
