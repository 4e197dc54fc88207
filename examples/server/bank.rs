//! The first system: a bank's identity provider. Authorization codes, JWT access tokens, ID tokens, and a resource.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use regrant::http::EndpointService;
use regrant::{
    Authorization, AuthorizationError, AuthorizationRequest, ClaimError, ClaimsProvider, Client, ClientCredentials,
    Denial, Endpoints, Engine, Event, HookError, IdClaims, IdTokenRequest, JwtAccessTokens, Lifetimes,
    RecoverableSecret, Scope, StaticClients, Timestamp,
};
use serde::Serialize;
use subtle::ConstantTimeEq;

use crate::key_file::Keys;
use crate::page;
use crate::store::AnyStore;

// For trying out only.
pub(crate) const CLIENT_ID: &str = "developers.devportal";
pub(crate) const CLIENT_SECRET: &str = "devportal-secret-for-trying-out-only";
pub(crate) const PUBLIC_CLIENT_ID: &str = "mobile-app";
pub(crate) const REDIRECT_URI: &str = "http://127.0.0.1/callback";
pub(crate) const USERNAME: &str = "00506493296";
pub(crate) const PASSWORD: &str = "senha123";
const EMAIL: &str = "teste@example.com";
const SCOPES: &str = "apps email openid profile webhooks";

type BankEngine = Engine<AnyStore, StaticClients>;

/// Where grants are kept, under which keys, who the server says it is, and how long things last.
pub(crate) struct Settings {
    pub(crate) store: AnyStore,
    pub(crate) keys: Keys,
    pub(crate) issuer: String,
    pub(crate) access_token: Duration,
    pub(crate) idle: Duration,
    pub(crate) retry_window: Duration,
}

/// Everything under `/oauth2`, and the documents under `/.well-known`.
pub(crate) async fn router(settings: Settings) -> Result<Router, Box<dyn Error>> {
    let engine = Arc::new(engine(settings)?);
    engine.check_keys().await?;
    let service = |endpoint: fn(Arc<BankEngine>) -> EndpointService<_, _>| endpoint(Arc::clone(&engine));
    Ok(Router::new()
        .route("/oauth2/authorize", get(authorize).post(authorize))
        .route("/oauth2/resource", get(resource).merge(post(resource)))
        .route_service("/oauth2/token", service(EndpointService::token))
        .route_service("/oauth2/revoke", service(EndpointService::revocation))
        .route_service("/oauth2/introspect", service(EndpointService::introspection))
        .route_service("/oauth2/jwks", service(EndpointService::jwks))
        .route_service("/.well-known/oauth-authorization-server", service(EndpointService::metadata))
        .route_service("/.well-known/openid-configuration", service(EndpointService::openid_configuration))
        .with_state(engine))
}

fn engine(settings: Settings) -> Result<BankEngine, Box<dyn Error>> {
    let scopes = Scope::parse(SCOPES)?;
    let portal = Client::confidential(CLIENT_ID)
        .recoverable_secret(RecoverableSecret::new(CLIENT_SECRET)?)
        .grant_type("authorization_code")
        .grant_type("refresh_token")
        .grant_type("client_credentials")
        .redirect_uri(REDIRECT_URI)
        .scope(scopes.clone())
        .retry_window(settings.retry_window)
        .build()?;
    let app = Client::public(PUBLIC_CLIENT_ID)
        .grant_type("authorization_code")
        .grant_type("refresh_token")
        .redirect_uri(REDIRECT_URI)
        .scope(scopes.clone())
        .retry_window(settings.retry_window.min(Client::PUBLIC_RETRY_WINDOW))
        .build()?;
    let lifetimes = Lifetimes::default().with_access_token(settings.access_token).with_idle(settings.idle);
    let lifetimes = lifetimes.with_absolute(lifetimes.absolute().map(|absolute| absolute.max(settings.idle)));
    let endpoints = Endpoints::new()
        .authorization("/oauth2/authorize")
        .token("/oauth2/token")
        .revocation("/oauth2/revoke")
        .introspection("/oauth2/introspect")
        .jwks("/oauth2/jwks")
        .scopes(scopes);
    Ok(Engine::builder(settings.store, StaticClients::new().with(portal)?.with(app)?)
        .key(settings.keys.token)
        .issuer(&settings.issuer)
        .authorization_code()
        .grant(ClientCredentials)
        .signing_key(settings.keys.signing)
        .jwt_access_tokens(JwtAccessTokens::new())
        .id_tokens(Directory)
        .endpoints(endpoints)
        .lifetimes(lifetimes)
        .realm("bank")
        .events(|event: &Event<'_>| eprintln!("{event:?}"))
        .build()?)
}

/// What the bank knows of its users: here, of the one.
struct Directory;

impl ClaimsProvider for Directory {
    async fn claims(&self, _: &IdTokenRequest<'_>) -> Result<IdClaims, HookError> {
        claims().map_err(HookError::new)
    }
}

/// The same for every scope, as the bank's document has it.
fn claims() -> Result<IdClaims, ClaimError> {
    IdClaims::new().with("custom:origin", "admin")?.with("email", EMAIL)?.with("email_verified", &true)
}

/// The authorization endpoint. Its page carries the request along as hidden fields, so there is no cookie and nothing to
/// remember: what comes back with user name and password is validated as the first request was.
async fn authorize(
    State(engine): State<Arc<BankEngine>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = regrant::http::request(&method, &uri, &headers, &body);
    let asked = match engine.authorize(&request).await {
        Ok(asked) => asked,
        Err(AuthorizationError::Redirect(response)) => return regrant::http::response(response).into_response(),
        Err(AuthorizationError::Show(error)) => return page::error(&error),
    };
    let answer = if asked.prompt().none {
        // Nobody is remembered, so nobody is logged in.
        engine.deny(&asked, Denial::LoginRequired)
    } else if asked.parameter("decision") == Some("deny") {
        engine.deny(&asked, Denial::AccessDenied)
    } else if method != Method::POST || asked.parameter("password").is_none() {
        // A client may begin by POST as well (OpenID Connect Core section 3.1.2.1).
        return page::login(&asked, false);
    } else if is_right(&asked) {
        let now = Timestamp::now();
        engine.approve(&asked, Authorization::of(USERNAME).authenticated_at(now), now).await
    } else {
        return page::login(&asked, true);
    };
    regrant::http::response(answer).into_response()
}

/// Users and their passwords: here, one of each. A real host keeps a slow hash, verifies it off the async runtime, and
/// limits how often somebody may try.
fn is_right(asked: &AuthorizationRequest<'_>) -> bool {
    let given = |name| asked.parameter(name).unwrap_or_default().as_bytes();
    bool::from(given("username").ct_eq(USERNAME.as_bytes()) & given("password").ct_eq(PASSWORD.as_bytes()))
}

/// What the resource has to say.
#[derive(Serialize)]
struct Served<'a> {
    sub: &'a str,
    scope: &'a str,
}

/// A protected resource: says whose token it was.
async fn resource(
    State(engine): State<Arc<BankEngine>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = regrant::http::request(&method, &uri, &headers, &body);
    match engine.bearer(&request, &Scope::empty(), Timestamp::now()).await {
        Ok(access) => {
            let sub = access.subject().unwrap_or(access.client_id());
            Json(Served { sub, scope: access.scope().as_str() }).into_response()
        }
        Err(refused) => regrant::http::response(refused.response()).into_response(),
    }
}
