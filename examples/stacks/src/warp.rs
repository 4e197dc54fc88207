//! warp: its filters take a request apart, so it is put together again.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::TryStreamExt;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use regrant::http::EndpointService;
use warp::Filter;

use crate::engine::Engine;

pub async fn serve(engine: Arc<Engine>, address: SocketAddr) -> Result<(), Infallible> {
    let endpoints = EndpointService::by_path(engine);
    let query = warp::query::raw().or_else(async |_| Ok::<_, warp::Rejection>((String::new(),)));
    let request = warp::method().and(warp::path::full()).and(query).and(warp::header::headers_cloned());
    let answer =
        request.and(warp::body::stream()).then(move |method, path: warp::path::FullPath, query, headers, body| {
            let endpoints = endpoints.clone();
            async move {
                let mut request = http::Request::new(StreamBody::new(TryStreamExt::map_ok(body, Frame::data)));
                *request.method_mut() = method;
                *request.uri_mut() = format!("{}?{query}", path.as_str()).parse().unwrap_or_default();
                *request.headers_mut() = headers;
                let (head, body) = endpoints.respond(request).await.into_parts();
                http::Response::from_parts(head, body.collect().await.unwrap_or_default().to_bytes())
            }
        });
    warp::serve(answer).run(address).await;
    Ok(())
}
