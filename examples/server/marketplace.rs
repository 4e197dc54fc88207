//! The second system: a token endpoint in the form of an ASP.NET OWIN/Katana one, whose refresh token renews only where
//! the login asked for it with `refresh_token_active=true`.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use regrant::engine::RenewalPolicy;
use regrant::event::Event;
use regrant::http::EndpointService;
use regrant::throttle::{Guessed, MemoryThrottle};
use regrant::wire::ResponseStyle;
use regrant::{
    Authorization, Client, ClientSecret, Engine, GrantError, GrantHandler, GrantRequest, Key, Lifetimes,
    ResponseFields, RootSecret, Scope, StaticClients, Timestamp,
};
use serde_json::json;
use subtle::ConstantTimeEq;

use crate::import::{Imported, Known};
use crate::store::AnyStore;
use crate::throttling::peer;

// For trying out only.
pub(crate) const CLIENT_ID: &str = "marketplace-app";
pub(crate) const CLIENT_SECRET: &str = "marketplace-secret-for-trying-out-only";
pub(crate) const USERNAME: &str = "usuario.teste";
pub(crate) const PASSWORD: &str = "senha123";
pub(crate) const CAMPAIGN: &str = "1001";
const SCOPE: &str = "scope_1 scope_2 scope_3";

type MarketplaceEngine = Engine<AnyStore, StaticClients>;

/// Where grants are kept, under which key, and how long things last.
pub(crate) struct Settings {
    pub(crate) store: AnyStore,
    pub(crate) key: Key,
    pub(crate) access_token: Duration,
    pub(crate) idle: Duration,
    pub(crate) retry_window: Duration,
    /// How often anybody may guess.
    pub(crate) throttle: Option<Arc<MemoryThrottle>>,
    /// Of what is found again under it, where there is anything to import.
    pub(crate) root: RootSecret,
    /// Refresh tokens of the server before this one.
    pub(crate) imported: Option<Imported>,
}

/// What a line of an import may name.
pub(crate) fn known() -> Result<Known, Box<dyn Error>> {
    Ok(Known { client_id: CLIENT_ID, scope: Scope::parse(SCOPE)? })
}

/// `POST /token` and `GET /resource`.
pub(crate) async fn router(settings: Settings) -> Result<Router, Box<dyn Error>> {
    let engine = Arc::new(engine(settings)?);
    engine.check_keys().await?;
    Ok(Router::new()
        .route("/resource", get(resource))
        .with_state(Arc::clone(&engine))
        .route_service("/token", EndpointService::token(engine).with_peer(peer)))
}

fn engine(settings: Settings) -> Result<MarketplaceEngine, Box<dyn Error>> {
    let app = Client::confidential(CLIENT_ID)
        .secret(ClientSecret::new(CLIENT_SECRET)?)
        .grant_type("password")
        .grant_type("refresh_token")
        .scope(Scope::parse(SCOPE)?)
        .retry_window(settings.retry_window)
        .build()?;
    let lifetimes = Lifetimes::default().with_access_token(settings.access_token).with_idle(settings.idle);
    let lifetimes = lifetimes.with_absolute(lifetimes.absolute().map(|absolute| absolute.max(settings.idle)));
    let mut builder = Engine::builder(settings.store, StaticClients::new().with(app)?)
        .key(settings.key)
        .grant_handler(Password)
        .renewal(RenewalPolicy::OptIn("refresh_token_active".into()))
        .response_style(ResponseStyle::Katana)
        .lifetimes(lifetimes)
        .challenge_realm("marketplace")
        // The bank is on the same store, under the same key. What was made before they had realms goes on.
        .realm("marketplace")
        .adopt_grants_of([CLIENT_ID])
        .events(|event: &Event<'_>| eprintln!("{event:?}"));
    if let Some(throttle) = settings.throttle {
        builder = builder.throttle(throttle);
    }
    if let Some(imported) = settings.imported {
        builder = builder.root_secret(settings.root).foreign_tokens(imported);
    }
    Ok(builder.build()?)
}

/// Users and their campaigns: here, one of each.
struct Password;

impl GrantHandler for Password {
    fn grant_type(&self) -> &str {
        "password"
    }

    async fn authorize(&self, request: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
        let username = request.required("username")?;
        let password = request.required("password")?;
        let campaign = request.required("campaign_id")?;
        // Counted before it is looked at (RFC 6749 section 4.3.2).
        let guess = request.guess(Guessed::Password(username))?;
        // A real host keeps a slow hash, and verifies it off the async runtime.
        let right_user = username.as_bytes().ct_eq(USERNAME.as_bytes());
        let right_password = password.as_bytes().ct_eq(PASSWORD.as_bytes());
        if !bool::from(right_user & right_password) || campaign != CAMPAIGN {
            return Err(GrantError::invalid_grant());
        }
        guess.right();
        let fields = fields_of(username).map_err(GrantError::failed)?;
        Ok(Authorization::of(username).with_fields(fields))
    }
}

/// What every response of this login has besides. Ids are strings.
pub(crate) fn fields_of(username: &str) -> Result<ResponseFields, regrant::grant::FieldError> {
    let name = if username == USERNAME { "Usuário Teste" } else { username };
    ResponseFields::new()
        .with("authorization_id", &rand::random::<u32>().to_string())?
        .with("participant_id", "7301")?
        .with("catalog_id", "42")?
        .with("campaign_id", CAMPAIGN)?
        .with("home_uri", "/")?
        .with("name", name)
}

/// A protected resource: says whose token it was.
async fn resource(
    State(engine): State<Arc<MarketplaceEngine>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let request = regrant::http::request(&method, &uri, &headers, b"");
    match engine.bearer(&request, &Scope::empty(), Timestamp::now).await {
        Ok(access) => Json(json!({ "sub": access.subject(), "scope": access.scope().as_str() })).into_response(),
        Err(refused) => regrant::http::response(refused.response()).into_response(),
    }
}
