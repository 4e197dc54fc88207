//! A token endpoint and a resource on axum.
//!
//! ```text
//! cargo run --example axum
//! ```

#[path = "shared/serve.rs"]
mod serve;

use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use regrant::http::EndpointService;
use regrant::{
    Authorization, Client, ClientSecret, Engine, GrantError, GrantHandler, GrantRequest, MemoryStore, Scope,
    StaticClients, Timestamp,
};

struct Password;

impl GrantHandler for Password {
    fn grant_type(&self) -> &str {
        "password"
    }

    async fn authorize(&self, request: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
        // Your user directory comes in here.
        match (request.required("username")?, request.required("password")?) {
            ("alice", "wonderland") => Ok(Authorization::of("alice")),
            _ => Err(GrantError::invalid_grant()),
        }
    }
}

type AppEngine = Engine<MemoryStore, StaticClients>;

async fn whoami(State(engine): State<Arc<AppEngine>>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let request = regrant::http::request(&method, &uri, &headers, b"");
    match engine.bearer(&request, &Scope::empty(), Timestamp::now).await {
        Ok(access) => access.subject().unwrap_or("nobody").to_owned().into_response(),
        Err(refused) => regrant::http::response(refused.response()).into_response(),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (kept, shown_once) = ClientSecret::generate();
    let app = Client::confidential("app")
        .secret(kept)
        .grant_type("password")
        .grant_type("refresh_token")
        .scope(Scope::parse("read write")?)
        .build()?;
    let engine =
        Arc::new(Engine::builder(MemoryStore::new(), StaticClients::new().with(app)?).grant_handler(Password).build()?);
    let router = Router::new()
        .route("/whoami", get(whoami))
        .with_state(Arc::clone(&engine))
        .route_service("/token", EndpointService::token(engine));

    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("curl -u app:{} http://127.0.0.1:3000/token \\", shown_once.reveal());
    println!("  -d grant_type=password -d username=alice -d password=wonderland");
    // As `axum::serve`, with times for heads, bodies and idle connections.
    serve::serve(listener, router, std::future::pending()).await;
    Ok(())
}
