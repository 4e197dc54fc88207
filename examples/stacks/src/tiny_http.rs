//! tiny_http, without an async runtime: the engine's blocking face, on as many threads as shall wait for slow clients.

use std::error::Error;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::Arc;

use regrant::Timestamp;
use tiny_http::{Header, Request, Response, Server};

use crate::engine::Engine;

fn answer(engine: &Engine, mut request: Request) -> Result<(), Box<dyn Error>> {
    let (limit, mut body) = (engine.limits().body_bytes() as u64, Vec::new());
    // A byte more is enough for the engine to say that it is too much.
    request.as_reader().take(limit + 1).read_to_end(&mut body)?;
    let (path, query) = request.url().split_once('?').unwrap_or((request.url(), ""));
    let headers = request.headers().iter().map(|header| (header.field.as_str(), header.value.as_bytes()));
    let asked =
        regrant::Request::new(request.method().as_str(), &body).with_query(query.as_bytes()).with_headers(headers);
    let Some(answer) = engine.blocking().respond_at(path, &asked, Timestamp::now)? else {
        return Ok(request.respond(Response::empty(404))?);
    };
    let headers = answer.headers().filter_map(|(name, value)| Header::from_bytes(name, value).ok()).collect();
    let (status, length) = (answer.status().into(), answer.body().len());
    Ok(request.respond(Response::new(status, headers, answer.body(), Some(length), None))?)
}

pub fn serve(engine: Arc<Engine>, address: SocketAddr) -> Result<(), Box<dyn Error>> {
    let server = Server::http(address).map_err(|error| error as Box<dyn Error>)?;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for request in server.incoming_requests() {
                    if let Err(error) = answer(&engine, request) {
                        eprintln!("a connection broke: {error}");
                    }
                }
            });
        }
    });
    Ok(())
}
