//! salvo: any `tower::Service` is a handler of its (feature `tower-compat`).

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use regrant::http::EndpointService;
use salvo::conn::TcpListener;
use salvo::http::ReqBody;
use salvo::prelude::{Listener, Router, Server, TowerServiceCompat};

use crate::engine::Engine;

pub async fn serve(engine: Arc<Engine>, address: SocketAddr) -> Result<(), Infallible> {
    let endpoints = TowerServiceCompat::<ReqBody, _, _, _>::compat(EndpointService::by_path(engine));
    let router = Router::with_path("{**path}").goal(endpoints);
    Server::new(TcpListener::new(address).bind().await).serve(router).await;
    Ok(())
}
