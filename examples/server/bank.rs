//! The first system: a bank's identity provider. Authorization codes, JWT access tokens, ID tokens, and a resource.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use regrant::client::RecoverableSecret;
use regrant::engine::{
    ClientCredentials, Clock, DeviceAuthorization, ExchangeDecision, ExchangePolicy, ExchangeRequest, ExchangeTerms,
    HookError,
};
use regrant::event::Event;
use regrant::http::{BodyError, EndpointService, read_body};
use regrant::jwt::{ClaimError, ClaimsProvider, IdClaims, IdTokenRequest, JwtAccessTokens, OpenIdProvider};
use regrant::throttle::MemoryThrottle;
use regrant::{Client, ClientSecret, Endpoints, Engine, Lifetimes, Scope, StaticClients, Timestamp};
use serde::Serialize;

use crate::authorize::authorize;
use crate::cors;
use crate::device::device;
use crate::guard::Guard;
use crate::key_file::Keys;
use crate::logout::logout;
use crate::store::AnyStore;
use crate::throttling::peer;

// For trying out only.
pub(crate) const CLIENT_ID: &str = "developers.devportal";
pub(crate) const CLIENT_SECRET: &str = "devportal-secret-for-trying-out-only";
pub(crate) const PUBLIC_CLIENT_ID: &str = "mobile-app";
/// One that logs in by a code that it shows.
pub(crate) const TV_CLIENT_ID: &str = "living-room-tv";
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// An API of the bank's own, which exchanges the tokens that it is sent for such as it calls the resource with.
pub(crate) const API_CLIENT_ID: &str = "accounts-api";
pub(crate) const API_CLIENT_SECRET: &str = "accounts-api-secret-for-trying-out-only";
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// One whose id and secret have to be encoded, in a form and for Basic (RFC 6749 section 2.3.1).
pub(crate) const ENCODED_CLIENT_ID: &str = "nightly reports/1@bank.example";
pub(crate) const ENCODED_CLIENT_SECRET: &str =
    r#"for trying out only: a/b?c=d&e #f "g" 'h' <i> ~j! $k* (l);m,n@o[p]{q}|r\s^t`u"#;
pub(crate) const REDIRECT_URI: &str = "http://127.0.0.1/callback";
/// Where a person may be sent back to after a logout, to the character.
pub(crate) const SIGNED_OUT_URI: &str = "http://127.0.0.1:7/signed-out";
pub(crate) const USERNAME: &str = "00506493296";
pub(crate) const PASSWORD: &str = "senha123";
const EMAIL: &str = "teste@example.com";
const SCOPES: &str = "apps email openid profile webhooks";
/// Granted to who asks for it: with it a login outlives the browser's session.
const OFFLINE_ACCESS: &str = "offline_access";

pub(crate) type BankEngine = Engine<AnyStore, StaticClients>;

/// What its own routes need.
pub(crate) struct Bank {
    pub(crate) engine: Arc<BankEngine>,
    pub(crate) guard: Guard,
    /// Which browser is logged in, by a cookie of its own.
    pub(crate) sessions: Guard,
    /// For what applications are told of a logout.
    pub(crate) http: reqwest::Client,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Where grants are kept, under which keys, who the server says it is, which pages may call it, how long things last, and what
/// time it is for the login page.
pub(crate) struct Settings {
    pub(crate) store: AnyStore,
    pub(crate) keys: Keys,
    pub(crate) issuer: String,
    pub(crate) cors_origins: Vec<HeaderValue>,
    /// Where `developers.devportal` hears of logouts, and where else it may send people for a login.
    pub(crate) backchannel_logout: Option<String>,
    pub(crate) redirect_uris: Vec<String>,
    pub(crate) access_token: Duration,
    pub(crate) idle: Duration,
    pub(crate) retry_window: Duration,
    pub(crate) clock: Arc<dyn Clock>,
    /// How often anybody may guess.
    pub(crate) throttle: Option<Arc<MemoryThrottle>>,
}

/// Everything under `/oauth2`, after the issuer's path if it has one, and the documents where clients look for them.
pub(crate) async fn router(mut settings: Settings) -> Result<Router, Box<dyn Error>> {
    let cors = cors::layer(std::mem::take(&mut settings.cors_origins));
    let (guard, clock) = (Guard::new(&settings.issuer, "bank-form")?, Arc::clone(&settings.clock));
    let sessions = Guard::new(&settings.issuer, "bank-session")?;
    // As it goes to an address that a client named, it follows nothing and asks no proxy.
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build()?;
    let engine = Arc::new(engine(settings)?);
    engine.check_keys().await?;
    let service =
        |endpoint: fn(Arc<BankEngine>) -> EndpointService<_, _>| endpoint(Arc::clone(&engine)).with_peer(peer);
    let for_pages = Router::new()
        .route("/oauth2/resource", get(resource).merge(post(resource)))
        .route_service("/oauth2/token", service(EndpointService::token))
        .route_service("/oauth2/revoke", service(EndpointService::revocation))
        .route_service("/oauth2/userinfo", service(EndpointService::userinfo))
        .route_service("/oauth2/jwks", service(EndpointService::jwks))
        .route_layer(cors.clone());
    // Where a person is sent, and what only servers call.
    let for_others = Router::new()
        .route("/oauth2/authorize", get(authorize).post(authorize))
        .route("/oauth2/logout", get(logout).post(logout))
        .route("/device", get(device).post(device))
        .route_service("/oauth2/device_authorization", service(EndpointService::device_authorization))
        .route_service("/oauth2/introspect", service(EndpointService::introspection));
    let bank = Bank { engine: Arc::clone(&engine), guard, sessions, http, clock };
    let endpoints = for_pages.merge(for_others).with_state(Arc::new(bank));
    let documents = Router::new().fallback_service(service(EndpointService::documents)).layer(cors);
    let app = documents.merge(endpoints.clone());
    Ok(match engine.issuer_path() {
        "" => app,
        // A proxy may send on the path of the issuer, or take it off.
        path => app.nest(path, endpoints),
    })
}

fn engine(settings: Settings) -> Result<BankEngine, Box<dyn Error>> {
    let scopes = Scope::parse(SCOPES)?;
    // Its ID tokens are `HS256` under its own secret, since the bank's document demands that. A client that verifies by the JWK
    // set has `.secret(ClientSecret::new(…)?)` in its place, and gets `RS256` by the engine's key.
    let portal = Client::confidential(CLIENT_ID)
        .recoverable_secret(RecoverableSecret::new(CLIENT_SECRET)?)
        .grant_type("client_credentials")
        .grant_type(DEVICE_CODE)
        .post_logout_redirect_uri(SIGNED_OUT_URI)
        .retry_window(settings.retry_window);
    let portal = match &settings.backchannel_logout {
        Some(uri) => portal.backchannel_logout_uri(uri, true),
        None => portal,
    };
    let portal = settings.redirect_uris.iter().fold(portal, |portal, uri| portal.redirect_uri(uri));
    // Without a secret there is nothing to sign with but the engine's key: `RS256`.
    let app = Client::public(PUBLIC_CLIENT_ID).retry_window(settings.retry_window.min(Client::PUBLIC_RETRY_WINDOW));
    let encoded = Client::confidential(ENCODED_CLIENT_ID)
        .secret(ClientSecret::new(ENCODED_CLIENT_SECRET)?)
        .grant_type("client_credentials")
        .retry_window(settings.retry_window);
    let mut clients = StaticClients::new();
    for client in [portal, app, encoded] {
        let client = client.grant_type("authorization_code").grant_type("refresh_token").redirect_uri(REDIRECT_URI);
        let most = Scope::parse(&format!("{SCOPES} {OFFLINE_ACCESS}"))?;
        clients = clients.with(client.scope(most).default_scope(scopes.clone()).build()?)?;
    }
    let tv = Client::public(TV_CLIENT_ID)
        .name("Living room TV")
        .grant_type(DEVICE_CODE)
        .grant_type("refresh_token")
        .retry_window(settings.retry_window.min(Client::PUBLIC_RETRY_WINDOW))
        .scope(Scope::parse(&format!("{SCOPES} {OFFLINE_ACCESS}"))?)
        .default_scope(scopes.clone());
    clients = clients.with(tv.build()?)?;
    let api = Client::confidential(API_CLIENT_ID)
        .secret(ClientSecret::new(API_CLIENT_SECRET)?)
        .grant_type(TOKEN_EXCHANGE)
        .resource_server(true)
        .scope(Scope::parse("apps email")?);
    clients = clients.with(api.build()?)?;
    let lifetimes = Lifetimes::default().with_access_token(settings.access_token).with_idle(settings.idle);
    let lifetimes = lifetimes.with_absolute(lifetimes.absolute().map(|absolute| absolute.max(settings.idle)));
    let endpoints = Endpoints::new()
        .with_authorization("/oauth2/authorize")
        .with_token("/oauth2/token")
        .with_revocation("/oauth2/revoke")
        .with_introspection("/oauth2/introspect")
        .with_jwks("/oauth2/jwks")
        .with_userinfo("/oauth2/userinfo")
        .with_end_session("/oauth2/logout")
        .with_device_authorization("/oauth2/device_authorization")
        .with_scopes(Scope::parse(&format!("{SCOPES} {OFFLINE_ACCESS}"))?);
    let provider =
        OpenIdProvider::new().with_claims(["custom:origin", "email", "email_verified"]).with_claims_parameter(true);
    let devices = DeviceAuthorization::new("/device").with_public_clients(true);
    let devices = match settings.throttle {
        Some(_) => devices,
        // For whoever tests it.
        None => devices.with_guess_limit(false).with_most_per_address(1_000),
    };
    let mut builder = Engine::builder(settings.store, clients)
        .key(settings.keys.token)
        .root_secret(settings.keys.root)
        .issuer(&settings.issuer)
        .authorization_code()
        .grant_handler(ClientCredentials)
        .device_authorization(devices)
        .signing_key(settings.keys.signing)
        .jwt_access_tokens(JwtAccessTokens::new())
        .token_exchange(Internal { resource: settings.issuer.clone() })
        .id_tokens(Directory)
        .openid(provider)
        .endpoints(endpoints)
        .lifetimes(lifetimes)
        .challenge_realm("bank")
        // The marketplace is on the same store, under the same key. What was made before they had realms goes on.
        .realm("bank")
        .adopt_grants_of([CLIENT_ID, PUBLIC_CLIENT_ID])
        .events(|event: &Event<'_>| eprintln!("{event:?}"));
    if let Some(throttle) = settings.throttle {
        builder = builder.throttle(throttle);
    }
    Ok(builder.build()?)
}

/// Who calls whom inside the bank.
struct Internal {
    resource: String,
}

impl ExchangePolicy for Internal {
    async fn decide(&self, request: &ExchangeRequest<'_>) -> Result<ExchangeDecision, HookError> {
        // For a person alone, first hand, and for a minute; the resource sees who calls.
        let subject = request.subject();
        let is_fine = request.client().id() == API_CLIENT_ID && subject.is_for_client() && subject.subject().is_some();
        if !is_fine || subject.exchanges() > 0 {
            return Ok(ExchangeDecision::Refuse);
        }
        let terms = ExchangeTerms::new().with_audience(&self.resource).with_client_as_actor();
        Ok(ExchangeDecision::Allow(terms.with_lifetime(Duration::from_secs(60))))
    }
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

/// What the resource has to say.
#[derive(Serialize)]
struct Served<'a> {
    sub: &'a str,
    scope: &'a str,
    /// Who calls for them, where the token came of an exchange.
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<&'a str>,
}

/// A protected resource: says whose token it was.
async fn resource(State(bank): State<Arc<Bank>>, request: Request) -> Response {
    let engine = &bank.engine;
    let (parts, body) = request.into_parts();
    let body = match read_body(&parts.headers, body, engine.limits()).await {
        Ok(body) => body,
        Err(error) => return unread(engine, error),
    };
    let request = regrant::http::request(&parts.method, &parts.uri, &parts.headers, &body);
    match engine.bearer(&request, &Scope::empty(), Timestamp::now).await {
        Ok(access) => {
            let sub = access.subject().unwrap_or(access.client_id());
            Json(Served { sub, scope: access.scope().as_str(), actor: access.actor() }).into_response()
        }
        Err(refused) => regrant::http::response(refused.response()).into_response(),
    }
}

/// What a body that was not read is answered with. Where the connection broke nobody sees it.
pub(crate) fn unread(engine: &BankEngine, error: BodyError) -> Response {
    match error {
        BodyError::TooLarge => regrant::http::response(engine.body_too_large()).into_response(),
        _ => StatusCode::REQUEST_TIMEOUT.into_response(),
    }
}
