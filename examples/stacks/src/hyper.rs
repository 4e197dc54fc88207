//! hyper, with nothing around it: `examples/hyper.rs` has time-outs as well.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use regrant::http::EndpointService;
use tokio::net::TcpListener;

use crate::engine::Engine;

pub async fn serve(engine: Arc<Engine>, address: SocketAddr) -> std::io::Result<()> {
    let endpoints = EndpointService::by_path(engine);
    let listener = TcpListener::bind(address).await?;
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let endpoints = endpoints.clone();
        tokio::spawn(async move {
            let answer = service_fn(|request| async { Ok::<_, Infallible>(endpoints.respond(request).await) });
            http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await
        });
    }
}
