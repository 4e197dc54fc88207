//! oxide-auth's refresh flow with its `TokenMap`, in axum. POST /login issues what an authorization code would be redeemed for.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex};

use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::post;
use axum::{Json, Router};
use chrono::{Duration, Utc};
use oxide_auth::frontends::simple::endpoint::refresh_flow;
use oxide_auth::frontends::simple::request::{Body, Request, Response, Status};
use oxide_auth::primitives::generator::RandomGenerator;
use oxide_auth::primitives::grant::{Extensions, Grant};
use oxide_auth::primitives::issuer::{Issuer, TokenMap};
use oxide_auth::primitives::registrar::{Client, ClientMap, ExactUrl, PasswordPolicy, RegisteredUrl, RegistrarError};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

const REDIRECT_URI: &str = "https://app.example/cb";

/// A secret that a machine made wants no Argon2, which is the default and is for passwords: its SHA-256 is kept, as with the others.
struct Digested;

impl PasswordPolicy for Digested {
    fn store(&self, _: &str, passphrase: &[u8]) -> Vec<u8> {
        Sha256::digest(passphrase).to_vec()
    }

    fn check(&self, _: &str, passphrase: &[u8], stored: &[u8]) -> Result<(), RegistrarError> {
        let same = Sha256::digest(passphrase).as_slice().ct_eq(stored);
        if bool::from(same) { Ok(()) } else { Err(RegistrarError::Unspecified) }
    }
}

struct Server {
    registrar: ClientMap,
    issuer: Mutex<TokenMap<RandomGenerator>>,
}

async fn login(State(server): State<Arc<Server>>) -> Result<Json<Value>, StatusCode> {
    let grant = Grant {
        owner_id: "alice".to_owned(),
        client_id: "app".to_owned(),
        scope: "read".parse().map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?,
        redirect_uri: REDIRECT_URI.parse().map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?,
        until: Utc::now() + Duration::hours(1),
        extensions: Extensions::new(),
    };
    let issued =
        server.issuer.lock().expect("no panic").issue(grant).map_err(|()| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(Json(json!({ "access_token": issued.token, "refresh_token": issued.refresh })))
}

async fn token(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Form(urlbody): Form<HashMap<String, String>>,
) -> (StatusCode, [(header::HeaderName, &'static str); 1], String) {
    let auth = headers.get("authorization").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let request = Request { query: HashMap::new(), urlbody, auth };
    let mut issuer = server.issuer.lock().expect("no panic");
    let answer = refresh_flow::<Request>(&server.registrar, &mut *issuer).execute(request);
    let (status, body) = match answer {
        Ok(Response { status, body, .. }) => (status, body),
        Err(_) => return (StatusCode::INTERNAL_SERVER_ERROR, [(header::CONTENT_TYPE, "text/plain")], String::new()),
    };
    let status = match status {
        Status::Ok => StatusCode::OK,
        Status::Redirect => StatusCode::FOUND,
        Status::BadRequest => StatusCode::BAD_REQUEST,
        Status::Unauthorized => StatusCode::UNAUTHORIZED,
    };
    let body = match body {
        Some(Body::Json(text) | Body::Text(text)) => text,
        None => String::new(),
    };
    (status, [(header::CONTENT_TYPE, "application/json")], body)
}

/// Of one client, `app`: confidential if it has a secret.
///
/// # Errors
///
/// What oxide-auth says of the description.
pub fn router(secret: Option<&str>) -> Result<Router, Box<dyn Error>> {
    let redirect = RegisteredUrl::Exact(ExactUrl::new(REDIRECT_URI.to_owned())?);
    let mut registrar = ClientMap::new();
    registrar.set_password_policy(Digested);
    registrar.register_client(match secret {
        Some(secret) => Client::confidential("app", redirect, "read".parse()?, secret.as_bytes()),
        None => Client::public("app", redirect, "read".parse()?),
    });
    let issuer = Mutex::new(TokenMap::new(RandomGenerator::new(16)));
    let server = Arc::new(Server { registrar, issuer });
    Ok(Router::new().route("/login", post(login)).route("/token", post(token)).with_state(server))
}
