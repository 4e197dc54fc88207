//! rocket: its types are of an older `http`, so bytes go in and bytes come out, in a handler for every path.

use std::net::SocketAddr;
use std::sync::Arc;

use regrant::Timestamp;
use rocket::data::{Data, ToByteUnit};
use rocket::http::{Method, Status};
use rocket::route::{Handler, Outcome, Route};
use rocket::{Config, Request, Response};

use crate::engine::Engine;

#[derive(Clone)]
struct Endpoints(Arc<Engine>);

#[rocket::async_trait]
impl Handler for Endpoints {
    async fn handle<'r>(&self, request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r> {
        // A byte more than the limit is enough for the engine to say that it is too much.
        let most = self.0.limits().body_bytes().bytes() + 1;
        let Ok(body) = data.open(most).into_bytes().await else { return Outcome::Error(Status::BadRequest) };
        let (path, query) = (request.uri().path(), request.uri().query().map_or("", |query| query.as_str()));
        let headers: Vec<_> = request.headers().iter().collect();
        let headers = headers.iter().map(|header| (header.name().as_str(), header.value().as_bytes()));
        let asked = regrant::Request::new(request.method().as_str(), &body).with_headers(headers);
        let answer = self.0.respond_at(path.as_str(), &asked.with_query(query.as_bytes()), Timestamp::now).await;
        let Some(answer) = answer else { return Outcome::Error(Status::NotFound) };
        let mut response = Response::build();
        response.status(Status::new(answer.status()));
        for (name, value) in answer.headers() {
            response.raw_header_adjoin(name, value.to_owned());
        }
        let body = answer.into_body();
        Outcome::Success(response.sized_body(body.len(), std::io::Cursor::new(body)).finalize())
    }
}

pub async fn serve(engine: Arc<Engine>, address: SocketAddr) -> Result<(), rocket::Error> {
    let config = Config {
        address: address.ip(),
        port: address.port(),
        log_level: rocket::config::LogLevel::Off,
        ..Config::default()
    };
    let routes = [Method::Get, Method::Post, Method::Put, Method::Delete]
        .map(|method| Route::new(method, "/<path..>", Endpoints(Arc::clone(&engine))));
    rocket::custom(config).mount("/", routes).launch().await.map(drop)
}
