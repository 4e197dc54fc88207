//! A token endpoint on plain hyper, without a framework: the connections are in `shared/serve.rs`.
//!
//! ```text
//! cargo run --example hyper
//! ```

#[path = "shared/serve.rs"]
mod serve;

use std::error::Error;
use std::sync::Arc;

use regrant::http::EndpointService;
use regrant::{
    Authorization, Client, ClientSecret, Engine, GrantError, GrantHandler, GrantRequest, MemoryStore, StaticClients,
};

struct Password;

impl GrantHandler for Password {
    fn grant_type(&self) -> &str {
        "password"
    }

    async fn authorize(&self, request: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
        match (request.required("username")?, request.required("password")?) {
            ("alice", "wonderland") => Ok(Authorization::of("alice")),
            _ => Err(GrantError::invalid_grant()),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (kept, shown_once) = ClientSecret::generate();
    let app = Client::confidential("app").secret(kept).grant_type("password").grant_type("refresh_token").build()?;
    let engine =
        Engine::builder(MemoryStore::new(), StaticClients::new().with(app)?).grant_handler(Password).build()?;
    let tokens = EndpointService::token(Arc::new(engine));

    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("curl -u app:{} http://127.0.0.1:3000/ \\", shown_once.reveal());
    println!("  -d grant_type=password -d username=alice -d password=wonderland");
    serve::serve(listener, tokens, std::future::pending()).await;
    Ok(())
}
