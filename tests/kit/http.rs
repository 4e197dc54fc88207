//! Real HTTP: a server on a free port, and a client that knows nothing of this crate.

use std::net::SocketAddr;

use axum::Router;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use super::{Ask, Reply};

/// Serves a router for as long as the runtime of the test lives.
pub(crate) async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}

/// Sends one request on a connection of its own.
pub(crate) async fn exchange(address: SocketAddr, mut request: http::Request<Full<Bytes>>) -> http::Response<Bytes> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let host = http::HeaderValue::from_str(&address.to_string()).unwrap();
    request.headers_mut().entry("host").or_insert(host);
    let (parts, body) = sender.send_request(request).await.unwrap().into_parts();
    http::Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
}

/// Sends a request to a path.
pub(crate) async fn send(address: SocketAddr, path: &str, ask: &Ask) -> Reply {
    let mut request = http::Request::builder().method(ask.method).uri(path);
    for (name, value) in &ask.headers {
        request = request.header(*name, http::HeaderValue::from_bytes(value).unwrap());
    }
    let response = exchange(address, request.body(Full::from(ask.body.clone())).unwrap()).await;
    let headers = response.headers().iter();
    Reply {
        status: response.status().as_u16(),
        headers: headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect(),
        body: response.body().to_vec(),
    }
}
