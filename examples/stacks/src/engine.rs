//! The engine that each stack has behind it: clients and a directory of one, and the paths that its metadata publish.

use std::error::Error;

use regrant::engine::EngineBuilder;
use regrant::{
    Authorization, Client, ClientSecret, Endpoints, GrantError, GrantHandler, GrantRequest, MemoryStore, StaticClients,
};

pub const ISSUER: &str = "https://id.example";
pub const CLIENT: &str = "app";
pub const SECRET: &str = "app-secret-for-trying-out-only-32";

pub type Engine = regrant::Engine<MemoryStore, StaticClients>;

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

pub fn builder() -> Result<EngineBuilder<MemoryStore, StaticClients>, Box<dyn Error>> {
    let app = Client::confidential(CLIENT)
        .secret(ClientSecret::new(SECRET)?)
        .grant_type("password")
        .grant_type("refresh_token")
        .build()?;
    let endpoints = Endpoints::new()
        .with_token("/oauth2/token")
        .with_revocation("/oauth2/revoke")
        .with_introspection("/oauth2/introspect")
        .with_jwks("/oauth2/jwks");
    Ok(regrant::Engine::builder(MemoryStore::new(), StaticClients::new().with(app)?)
        .grant_handler(Password)
        .issuer(ISSUER)
        .endpoints(endpoints))
}
