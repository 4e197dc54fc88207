//! The engine, and where its endpoints are.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, Method};
use axum::routing::{get, post};
use regrant::client::{ClientIdKeys, NativeRedirects, StatelessClients};
use regrant::engine::ClientCredentials;
use regrant::event::Event;
use regrant::fetch::DocumentClients;
use regrant::http::EndpointService;
use regrant::jwt::JwtAccessTokens;
use regrant::{Client, ClientSecret, Endpoints, Engine, Lifetimes, Resource, Scope, StaticClients};
use tower_http::cors::{Any, CorsLayer};

use crate::documents::Documents;
use crate::guard::Guard;
use crate::key_file::Keys;
use crate::people::Logins;
use crate::store::AnyStore;
use crate::throttling::{Throttling, peer};
use crate::{account, authorize, cors, resource};

// For trying out only.
pub(crate) const MACHINE: &str = "machine";
pub(crate) const MACHINE_SECRET: &str = "machine-secret-for-trying-out-only-please";

const SCOPES: &str = "mcp:read mcp:write mcp:admin";
const DEFAULT_SCOPE: &str = "mcp:read mcp:write";
/// Of no resource: that a client may go on without the person. All do here, whether they ask for it or not.
const OFFLINE: &str = "offline_access";
/// What editors and other programs are called back by.
const SCHEMES: [&str; 3] = ["cursor", "vscode", "claude"];

/// Those made by hand, those that register themselves, and those that are known by a document.
type Clients = DocumentClients<StatelessClients<StaticClients>>;

pub(crate) type McpEngine = Engine<AnyStore, Clients>;

/// What the pages need.
pub(crate) struct App {
    pub(crate) engine: Arc<McpEngine>,
    pub(crate) guard: Guard,
    pub(crate) logins: Logins,
}

/// Where grants are kept, under which keys, who the server says it is, how long an access token works, how documents of clients
/// are fetched, and whether guesses are limited.
pub(crate) struct Settings {
    pub(crate) store: AnyStore,
    pub(crate) keys: Keys,
    pub(crate) issuer: String,
    pub(crate) access_token: Duration,
    pub(crate) documents: Documents,
    pub(crate) throttling: Throttling,
}

/// All that there is, after the issuer's path if it has one, and the documents where clients look for them.
pub(crate) async fn router(mut settings: Settings) -> Result<Router, Box<dyn Error>> {
    let length = settings.issuer.trim_end_matches('/').len();
    settings.issuer.truncate(length);
    let [mcp, files] = ["mcp", "files"].map(|name| format!("{}/{name}", settings.issuer));
    let guard = Guard::new(&settings.issuer, "mcp-browser")?;
    let host = url::Url::parse(&settings.issuer)?.host_str().unwrap_or_default().to_owned();
    let engine = Arc::new(engine(settings, &mcp, &files)?);
    engine.check_keys().await?;
    let service = |endpoint: fn(Arc<McpEngine>) -> EndpointService<_, _>| endpoint(Arc::clone(&engine)).with_peer(peer);
    // What the scripts of a page call: no cookie counts at any of these, so any page may.
    let for_pages = Router::new()
        .route_service("/token", service(EndpointService::token))
        .route_service("/register", service(EndpointService::registration))
        .route_service("/revoke", service(EndpointService::revocation))
        .route_service("/jwks", service(EndpointService::jwks))
        .merge(resource::router("/mcp", mcp, &host, &engine))
        .merge(resource::router("/files", files, &host, &engine))
        .layer(cors());
    // Where a person is sent.
    let for_people = Router::new()
        .route("/authorize", get(authorize::authorize).post(authorize::authorize))
        .route("/account", get(account::account))
        .route("/account/end", post(account::end))
        .route("/account/end-all", post(account::end_all));
    let app = App { engine: Arc::clone(&engine), guard, logins: Logins::default() };
    let endpoints = for_pages.merge(for_people.with_state(Arc::new(app)));
    let documents = Router::new().fallback_service(service(EndpointService::documents)).layer(cors());
    let whole = documents.merge(endpoints.clone());
    Ok(match engine.issuer_path() {
        "" => whole,
        // A proxy may send on the path of the issuer, or take it off.
        path => whole.nest(path, endpoints),
    })
}

fn engine(settings: Settings, mcp: &str, files: &str) -> Result<McpEngine, Box<dyn Error>> {
    let scopes = Scope::parse(SCOPES)?;
    let all = Scope::parse(&format!("{SCOPES} {OFFLINE}"))?;
    let default = Scope::parse(DEFAULT_SCOPE)?;
    let machine = Client::confidential(MACHINE)
        .secret(ClientSecret::new(MACHINE_SECRET)?)
        .grant_type("client_credentials")
        .scope(scopes.clone())
        .default_scope(default.clone());
    let by_hand = StaticClients::new().with(machine.build()?)?;
    let redirects = NativeRedirects::new().with_free_localhost_port(true).with_schemes(SCHEMES);
    // They come with the scope that they need first, and ask for more where a call needs it.
    let clients = StatelessClients::new(by_hand, ClientIdKeys::new(&settings.keys.root, None))
        .with_scope(all.clone())
        .with_default_scope(default.clone())
        .with_named_scope_as_default(true)
        .with_native_redirects(redirects.clone());
    let clients = DocumentClients::new(clients, settings.documents)
        .with_scope(all.clone())
        .with_default_scope(default)
        .with_named_scope_as_default(true)
        .with_native_redirects(redirects);
    let endpoints = Endpoints::new()
        .with_authorization("/authorize")
        .with_token("/token")
        .with_registration("/register")
        .with_revocation("/revoke")
        .with_jwks("/jwks")
        .with_scopes(all);
    let mut builder = Engine::builder(settings.store, clients)
        .key(settings.keys.token)
        .root_secret(settings.keys.root)
        .issuer(&settings.issuer)
        .authorization_code()
        .registration()
        .grant_handler(ClientCredentials)
        .resource(Resource::new(mcp).with_scopes(scopes.clone()))
        .resource(Resource::new(files).with_scopes(scopes))
        .default_resource(mcp)
        .scope_implication(implies)
        .signing_key(settings.keys.signing)
        .jwt_access_tokens(JwtAccessTokens::new())
        .endpoints(endpoints)
        .lifetimes(Lifetimes::default().with_access_token(settings.access_token))
        .challenge_realm("mcp")
        .events(|event: &Event<'_>| eprintln!("{event:?}"));
    if let Some(throttle) = settings.throttling.throttle() {
        builder = builder.throttle(throttle);
    }
    Ok(builder.build()?)
}

/// Who may write may read, and an administrator both: so a token for one call that needs more is enough for the others too.
fn implies(has: &str, wants: &str) -> bool {
    matches!((has, wants), ("mcp:admin", "mcp:read" | "mcp:write") | ("mcp:write", "mcp:read"))
}

/// Any origin, since nobody knows the pages of clients that nobody registered by hand, and what the protocol has in headers.
fn cors() -> CorsLayer {
    const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
    const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
    const METHOD: HeaderName = HeaderName::from_static("mcp-method");
    const NAME: HeaderName = HeaderName::from_static("mcp-name");
    const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");
    cors::layer(Any)
        // A client ends its session by the third.
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, cors::DPOP, VERSION, SESSION, METHOD, NAME, LAST_EVENT])
        .expose_headers([WWW_AUTHENTICATE, RETRY_AFTER, cors::DPOP_NONCE, SESSION, VERSION])
}
