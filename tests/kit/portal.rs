//! A world of authorization codes: clients that log people in, and what they send.

use std::sync::Arc;

use regrant::client::{ClientBuilder, RecoverableSecret};
use regrant::engine::{ClientCredentials, HookError, ShownError};
use regrant::jwt::{ClaimsProvider, IdClaims, IdTokenRequest, JwtAccessTokens, SigningKey};
use regrant::{
    Access, Authorization, AuthorizationError, BearerError, Client, Clients, Engine, EngineBuilder, Request, Scope,
    StaticClients, Timestamp, TokenStore,
};

use super::ask::{Ask, form};
use super::events::Events;
use super::registry::Registry;
use super::reply::{Reply, check};
use super::store::shelf::Shelf;
use super::world::{OTHER_SECRET, SECRET, scope, secret};

pub(crate) use super::schedule::run;
pub(crate) use super::world::renewal;

pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const CALLBACK: &str = "https://portal.example/cb";
pub(crate) const LOOPBACK: &str = "http://127.0.0.1/cb";
pub(crate) const API_SECRET: &str = "the-secret-of-the-resource-server-00";
pub(crate) const STATE: &str = "st4te-zq-Marker";
pub(crate) const NONCE: &str = "n0nce-zq-Marker";
/// RFC 7636 appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(crate) const PKCE: &str = "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

fn with_codes(client: ClientBuilder) -> ClientBuilder {
    client
        .grant_type("authorization_code")
        .grant_type("refresh_token")
        .scope(scope("openid email read write"))
        .default_scope(scope("read write"))
}

/// Confidential; its codes may go without a challenge.
pub(crate) fn portal() -> ClientBuilder {
    portal_as("portal").secret(secret(SECRET)).grant_type("client_credentials")
}

/// The same under another name, and without a secret yet.
pub(crate) fn portal_as(client_id: &str) -> ClientBuilder {
    with_codes(Client::confidential(client_id)).redirect_uri(CALLBACK)
}

/// Public, on a device.
pub(crate) fn native() -> ClientBuilder {
    with_codes(Client::public("native")).redirect_uri(LOOPBACK).redirect_uri("com.example.app:/cb")
}

/// Confidential, and registered for the very same redirect URI.
pub(crate) fn rival() -> ClientBuilder {
    with_codes(Client::confidential("rival")).secret(secret(OTHER_SECRET)).redirect_uri(CALLBACK)
}

/// A resource server.
pub(crate) fn api() -> ClientBuilder {
    Client::confidential("api").secret(secret(API_SECRET)).resource_server(true)
}

/// An engine with codes, its store and its events.
pub(crate) struct Portal<S, C = StaticClients> {
    pub(crate) engine: Engine<S, C>,
    pub(crate) store: S,
    pub(crate) events: Events,
}

pub(crate) type OnShelf = Portal<Arc<Shelf>>;

/// What a client got in its address bar.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Landing {
    pub(crate) uri: String,
    pub(crate) parameters: Vec<(String, String)>,
}

impl Landing {
    /// Reads a redirect. What holds for every one is checked: a single `Location`, in it nothing but visible ASCII.
    #[track_caller]
    pub(crate) fn of(response: &regrant::Response) -> Self {
        let reply = Reply::of(response);
        assert_eq!((reply.status, reply.body.len()), (303, 0));
        assert_eq!((reply.header("cache-control"), reply.header("pragma")), (vec!["no-store"], vec!["no-cache"]));
        assert!(reply.header("content-type").is_empty());
        let [location] = reply.header("location")[..] else { panic!("one location in {reply:?}") };
        assert!(location.bytes().all(|byte| byte.is_ascii_graphic()), "{location:?}");
        let (uri, query) = location.split_once('?').unwrap();
        let parameters = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Self { uri: uri.into(), parameters }
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.parameters.iter().map(|(name, _)| name.as_str()).collect()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.parameters.iter().filter(|(own, _)| own == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} twice in {self:?}");
        value
    }
}

/// The query of a request with everything that a careful client sends.
pub(crate) fn query(client_id: &str) -> String {
    let uri = if client_id == "native" { "http%3A%2F%2F127.0.0.1%3A9004%2Fcb" } else { "https://portal.example/cb" };
    format!(
        "response_type=code&client_id={client_id}&redirect_uri={uri}&scope=openid+read&state={STATE}&nonce={NONCE}{PKCE}"
    )
}

/// The token request that goes with [`query`].
pub(crate) fn redemption(client_id: &str, code: &str) -> String {
    let uri = if client_id == "native" { "http://127.0.0.1:9004/cb" } else { CALLBACK };
    format!("grant_type=authorization_code&code={code}&redirect_uri={uri}&code_verifier={VERIFIER}")
}

/// A form with the credentials of a client.
pub(crate) fn from(client_id: &str, body: &str) -> Ask {
    match client_id {
        "portal" | "vault" => form(body).basic(client_id, SECRET),
        "rival" => form(body).basic(client_id, OTHER_SECRET),
        "api" => form(body).basic(client_id, API_SECRET),
        public => form(format!("{body}&client_id={public}")),
    }
}

impl OnShelf {
    pub(crate) fn on_shelf(
        change: impl FnOnce(EngineBuilder<Arc<Shelf>, StaticClients>) -> EngineBuilder<Arc<Shelf>, StaticClients>,
    ) -> Self {
        Self::new(Arc::new(Shelf::default()), [], change)
    }

    pub(crate) fn simple() -> Self {
        Self::on_shelf(|builder| builder)
    }

    /// With JWTs and ID tokens by this key; `vault` has a secret that signs its own.
    pub(crate) fn signing(key: SigningKey, tokens: JwtAccessTokens) -> Self {
        let vault = portal_as("vault").recoverable_secret(RecoverableSecret::new(SECRET).unwrap());
        Self::new(Arc::new(Shelf::default()), [vault], |builder| {
            builder.signing_key(key).jwt_access_tokens(tokens).id_tokens(ScopeAsClaim)
        })
    }
}

/// Says over which scope it was asked.
pub(crate) struct ScopeAsClaim;

impl ClaimsProvider for ScopeAsClaim {
    async fn claims(&self, request: &IdTokenRequest<'_>) -> Result<IdClaims, HookError> {
        let claims = IdClaims::new().with("custom:scope", request.scope().as_str());
        claims.map_err(HookError::new)
    }
}

impl<S: TokenStore + Clone> Portal<S> {
    /// With the four clients and more, on a store.
    pub(crate) fn new(
        store: S,
        more: impl IntoIterator<Item = ClientBuilder>,
        change: impl FnOnce(EngineBuilder<S, StaticClients>) -> EngineBuilder<S, StaticClients>,
    ) -> Self {
        let clients = [portal(), native(), rival(), api()].into_iter().chain(more);
        let clients = clients.fold(StaticClients::new(), |all, client| all.with(client.build().unwrap()).unwrap());
        let events = Events::default();
        let engine = change(usual(store.clone(), clients, &events)).build().unwrap();
        Self { engine, store, events }
    }
}

/// What all of these engines have.
fn usual<S: TokenStore, C: Clients>(store: S, clients: C, events: &Events) -> EngineBuilder<S, C> {
    Engine::builder(store, clients)
        .key(regrant::Key::from_bytes(7, &[9; 32]))
        .issuer(ISSUER)
        .authorization_code()
        .grant_handler(ClientCredentials)
        .events(events.clone())
}

/// An engine whose clients change while it serves.
pub(crate) type Changing = Portal<Arc<Shelf>, Arc<Registry>>;

impl Changing {
    /// With the four clients, as they may be changed.
    pub(crate) fn changing(
        change: impl FnOnce(EngineBuilder<Arc<Shelf>, Arc<Registry>>) -> EngineBuilder<Arc<Shelf>, Arc<Registry>>,
    ) -> Self {
        let (store, clients, events) = (Arc::new(Shelf::default()), Arc::new(Registry::default()), Events::default());
        for client in [portal(), native(), rival(), api()] {
            clients.set(client);
        }
        let engine = change(usual(Arc::clone(&store), clients, &events)).build().unwrap();
        Self { engine, store, events }
    }

    /// Puts a client in the place of the one of its id.
    pub(crate) fn set(&self, client: ClientBuilder) {
        self.engine.clients().set(client);
    }
}

impl<S: TokenStore + Clone, C: Clients> Portal<S, C> {
    /// Alice logs in, is shown the page and agrees; what the client gets.
    #[track_caller]
    pub(crate) fn approve(&self, query: &str, authorization: Authorization, now: Timestamp) -> Landing {
        Landing::of(&run(async {
            let request = Request::new("GET", b"").with_query(query.as_bytes());
            let asked = self.engine.authorize(&request, now).await.unwrap();
            self.engine.approve(&asked, authorization.with_page_shown(), now).await.unwrap().response
        }))
    }

    /// A code for Alice, by the query that a careful client sends.
    #[track_caller]
    pub(crate) fn code(&self, client_id: &str, now: Timestamp) -> String {
        self.approve(&query(client_id), Authorization::of("alice"), now).get("code").unwrap().to_owned()
    }

    /// What a request comes to that is refused at once: where it is sent, or `None` for a page.
    #[track_caller]
    pub(crate) fn refused(&self, query: &str) -> Option<Landing> {
        let request = Request::new("GET", b"").with_query(query.as_bytes());
        match run(self.engine.authorize(&request, Timestamp::EPOCH)) {
            Ok(asked) => panic!("{asked:?} of {query}"),
            Err(AuthorizationError::Redirect(response)) => Some(Landing::of(&response)),
            Err(AuthorizationError::Show(error)) => {
                assert!(matches!(error.status(), 400 | 405 | 413 | 503), "{error:?}");
                assert!(error.way_on().is_none(), "{error:?}");
                None
            }
        }
    }

    /// What is shown of a request that is refused at once, and whose client would hear of it if a person were there.
    #[track_caller]
    pub(crate) fn shown(&self, query: &str) -> ShownError {
        let request = Request::new("GET", b"").with_query(query.as_bytes());
        match run(self.engine.authorize(&request, Timestamp::EPOCH)) {
            Err(AuthorizationError::Show(error)) if error.way_on().is_some() => error,
            other => panic!("{other:?} of {query}"),
        }
    }

    /// At the token endpoint.
    #[track_caller]
    pub(crate) fn token(&self, client_id: &str, body: &str, now: Timestamp) -> Reply {
        let reply = Reply::of(&run(self.engine.token(&from(client_id, body).request(), now)));
        check(&reply);
        reply
    }

    #[track_caller]
    pub(crate) fn redeem(&self, client_id: &str, code: &str, now: Timestamp) -> Reply {
        self.token(client_id, &redemption(client_id, code), now)
    }

    #[track_caller]
    pub(crate) fn refresh(&self, client_id: &str, token: &str, now: Timestamp) -> Reply {
        self.token(client_id, &renewal(token), now)
    }

    /// A login from its beginning to the first tokens.
    #[track_caller]
    pub(crate) fn login(&self, client_id: &str, now: Timestamp) -> Reply {
        let reply = self.redeem(client_id, &self.code(client_id, now), now);
        reply.assert_ok();
        reply
    }

    pub(crate) fn revoke(&self, client_id: &str, token: &str, now: Timestamp) -> Reply {
        Reply::of(&run(self.engine.revoke(&from(client_id, &format!("token={token}")).request(), now)))
    }

    pub(crate) fn introspect(&self, client_id: &str, token: &str, now: Timestamp) -> Reply {
        Reply::of(&run(self.engine.introspect(&from(client_id, &format!("token={token}")).request(), now)))
    }

    /// Whether introspection says that it is live.
    #[track_caller]
    pub(crate) fn is_active(&self, client_id: &str, token: &str, now: Timestamp) -> bool {
        let reply = self.introspect(client_id, token, now);
        assert_eq!(reply.status, 200, "{reply:?}");
        let active = reply.json()["active"] == true;
        assert!(active || reply.body == br#"{"active":false}"#, "{reply:?}");
        active
    }

    pub(crate) fn bearer(&self, token: &str, now: Timestamp) -> Result<Access, BearerError> {
        let header = format!("Bearer {token}");
        let request = Request::new("GET", b"").with_header("authorization", header.as_bytes());
        run(self.engine.bearer(&request, &Scope::empty(), now))
    }
}
