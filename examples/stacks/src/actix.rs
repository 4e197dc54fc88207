//! actix-web: its types are of an older `http`, so bytes go in and bytes come out.

use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload, to};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use regrant::{Request, Timestamp};

use crate::engine::Engine;

async fn answer(engine: Data<Engine>, request: HttpRequest, body: Payload) -> actix_web::Result<HttpResponse> {
    let answer = match body.to_bytes_limited(engine.limits().body_bytes()).await {
        Ok(body) => {
            let body = body?;
            let headers = request.headers().iter().map(|(name, value)| (name, value.as_bytes()));
            let asked = Request::new(request.method().as_str(), &body).with_headers(headers);
            let asked = asked.with_query(request.query_string().as_bytes());
            engine.respond_at(request.path(), &asked, Timestamp::now).await
        }
        Err(_) => Some(engine.body_too_large()),
    };
    let Some(answer) = answer else { return Ok(HttpResponse::NotFound().finish()) };
    let status = StatusCode::from_u16(answer.status());
    let mut response = HttpResponse::build(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    for header in answer.headers() {
        response.append_header(header);
    }
    Ok(response.body(answer.into_body()))
}

pub async fn serve(engine: Arc<Engine>, address: SocketAddr) -> std::io::Result<()> {
    let app = move || App::new().app_data(Data::from(Arc::clone(&engine))).default_service(to(answer));
    HttpServer::new(app).workers(2).bind(address)?.run().await
}
