//! The servers in Rust: each a router of axum, behind sockets or called as it is.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderName, header};
use axum::routing::post;
use bytes::Bytes;
use regrant::http::EndpointService;
use regrant::{
    Authorization, Client, ClientSecret, Engine, GrantError, GrantHandler, GrantRequest, MemoryStore, Scope,
    StaticClients,
};

use crate::peer::{FLOOR, Result, SECRET};

struct Anybody;

impl GrantHandler for Anybody {
    fn grant_type(&self) -> &str {
        "password"
    }

    async fn authorize(&self, request: &GrantRequest<'_>) -> std::result::Result<Authorization, GrantError> {
        Ok(Authorization::of(request.required("username")?))
    }
}

fn regrant() -> Result<Router> {
    let app = Client::confidential("app")
        .secret(ClientSecret::new(SECRET)?)
        .grant_type("password")
        .grant_type("refresh_token")
        .scope(Scope::parse("read")?)
        .build()?;
    let engine = Engine::builder(MemoryStore::new(), StaticClients::new().with(app)?).grant_handler(Anybody).build()?;
    Ok(Router::new().route_service("/token", EndpointService::token(Arc::new(engine))))
}

/// As long as an answer of regrant's.
const ANSWER: &str = concat!(
    "{\"access_token\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",",
    "\"refresh_token\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",",
    "\"scope\":\"read\",\"token_type\":\"Bearer\",\"expires_in\":3600}",
);

async fn same(_: Bytes) -> ([(HeaderName, &'static str); 1], &'static str) {
    ([(header::CONTENT_TYPE, "application/json")], ANSWER)
}

/// The server of a name.
pub async fn router(name: &str, port: u16) -> Result<Router> {
    match name {
        FLOOR => Ok(Router::new().route("/login", post(same)).route("/token", post(same))),
        "regrant" => regrant(),
        "oxide-auth" => survival_peers::oxide_auth::router(Some(SECRET)).map_err(|error| error.to_string().into()),
        "oauth-as" => {
            let issuer = format!("http://127.0.0.1:{port}");
            let router = survival_peers::oauth_as::router(&issuer, Duration::ZERO, Some(SECRET)).await;
            router.map_err(|error| error.to_string().into())
        }
        _ => Err(format!("{name} is no server of this program").into()),
    }
}

pub async fn serve(name: &str, port: u16) -> Result<()> {
    let router = router(name, port).await?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    // Small answers, sent at once: the others do so by default.
    axum::serve(axum::serve::ListenerExt::tap_io(listener, |stream| drop(stream.set_nodelay(true))), router).await?;
    Ok(())
}
