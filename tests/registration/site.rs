//! Sites with documents of clients, and an engine that lets such clients in.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use parking_lot::Mutex;
use regrant::fetch::{DocumentClients, Fetch, FetchError, FetchLimits, FetchResponse, FetchUrl};
use regrant::jwt::{JwtAccessTokens, SigningKey};
use regrant::{Clients, Endpoints, Engine, EngineBuilder, Key, Request, StaticClients, Timestamp};
use serde_json::{Value, json};

use crate::kit::portal::{CALLBACK, ISSUER, Portal, api, run};
use crate::kit::{Events, Shelf, app, at, scope};

/// A client that nobody here has heard of.
pub(crate) const APP: &str = "https://app.example/client.json";

pub(crate) type Strangers = DocumentClients<StaticClients>;
pub(crate) type Port<C = Strangers> = Portal<Arc<Shelf>, C>;

/// What every URL is answered, and how often it was asked for.
#[derive(Clone, Default)]
pub(crate) struct Web(Arc<Mutex<Pages>>);

#[derive(Default)]
struct Pages {
    bodies: HashMap<String, Answer>,
    fetched: Vec<String>,
    is_down: bool,
    hangs: bool,
}

#[derive(Clone)]
struct Answer {
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    body: Vec<u8>,
}

impl Web {
    /// With the one document of [`APP`].
    pub(crate) fn usual() -> Self {
        let web = Self::default();
        web.puts(APP, &document(APP));
        web
    }

    pub(crate) fn puts(&self, url: &str, document: &Value) {
        self.answers(url, 200, "application/json", document.to_string().into_bytes());
    }

    pub(crate) fn answers(&self, url: &str, status: u16, content_type: &'static str, body: Vec<u8>) {
        let headers = vec![("content-type", content_type), ("cache-control", "max-age=600")];
        self.0.lock().bodies.insert(url.to_owned(), Answer { status, headers, body });
    }

    pub(crate) fn is_down(&self, is_down: bool) {
        self.0.lock().is_down = is_down;
    }

    /// Whether no site answers for now.
    pub(crate) fn hangs(&self, hangs: bool) {
        self.0.lock().hangs = hangs;
    }

    /// What was fetched since this was asked last.
    pub(crate) fn fetched(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().fetched)
    }

    pub(crate) fn fetches(&self) -> usize {
        self.fetched().len()
    }
}

impl Fetch for Web {
    async fn fetch(&self, url: &FetchUrl, _: &FetchLimits) -> Result<FetchResponse, FetchError> {
        self.0.lock().fetched.push(url.as_str().to_owned());
        // Looked at whenever it is polled: tests poll by themselves.
        poll_fn(|_| if self.0.lock().hangs { Poll::Pending } else { Poll::Ready(()) }).await;
        let pages = self.0.lock();
        if pages.is_down {
            return Err(FetchError::TimedOut);
        }
        let answer = pages.bodies.get(url.as_str()).cloned();
        drop(pages);
        let Some(Answer { status, headers, body }) = answer else { return Ok(FetchResponse::new(404, Vec::new())) };
        let response = FetchResponse::new(status, body);
        Ok(headers.iter().fold(response, |response, (name, value)| response.with_header(name, value.as_bytes())))
    }

    /// Stands for one that is a task.
    fn goes_on_unpolled(&self) -> bool {
        true
    }
}

/// What the usual client says of itself.
pub(crate) fn document(url: &str) -> Value {
    json!({
        "client_id": url,
        "client_name": "App",
        "redirect_uris": [CALLBACK, "http://127.0.0.1/cb"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
        "logo_uri": "https://app.example/logo.png",
    })
}

/// A clock that a test moves.
#[derive(Clone)]
pub(crate) struct Hand(Arc<AtomicU64>);

impl Hand {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicU64::new(at(0).as_millis())))
    }

    pub(crate) fn is_at(&self, time: Timestamp) {
        self.0.store(time.as_millis(), Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

pub(crate) fn by_hand() -> StaticClients {
    [app(), api()].into_iter().fold(StaticClients::new(), |all, client| all.with(client.build().unwrap()).unwrap())
}

/// Beside two that were made by hand.
pub(crate) fn strangers(web: &Web, clock: &Hand) -> Strangers {
    let clock = clock.clone();
    DocumentClients::new(by_hand(), web.clone())
        .with_scope(scope("openid read write"))
        .with_default_scope(scope("read"))
        .with_clock(move || clock.read())
}

pub(crate) fn port<C: Clients>(clients: C) -> Port<C> {
    port_on(Arc::new(Shelf::default()), clients, |builder| builder)
}

/// Another node, or the same after a restart.
pub(crate) fn port_on<C: Clients>(
    store: Arc<Shelf>,
    clients: C,
    change: impl FnOnce(EngineBuilder<Arc<Shelf>, C>) -> EngineBuilder<Arc<Shelf>, C>,
) -> Port<C> {
    let events = Events::default();
    let builder = Engine::builder(Arc::clone(&store), clients)
        .key(Key::from_bytes(7, &[9; 32]))
        .issuer(ISSUER)
        .authorization_code()
        .endpoints(Endpoints::new().with_authorization("/authorize").with_token("/token").with_jwks("/jwks"))
        .events(events.clone());
    Portal { engine: change(builder).build().unwrap(), store, events }
}

/// With JWTs.
pub(crate) fn signing<C: Clients>(
    key: &SigningKey,
    tokens: JwtAccessTokens,
) -> impl FnOnce(EngineBuilder<Arc<Shelf>, C>) -> EngineBuilder<Arc<Shelf>, C> {
    let key = key.clone();
    |builder| builder.signing_key(key).jwt_access_tokens(tokens)
}

/// What a page would say: status, description, and when to ask again.
#[track_caller]
pub(crate) fn shown<C: Clients>(port: &Port<C>, query: &str) -> (u16, &'static str, Option<u32>) {
    shown_to(port, &Request::new("GET", b"").with_query(query.as_bytes()))
}

#[track_caller]
pub(crate) fn shown_to<C: Clients>(port: &Port<C>, request: &Request<'_>) -> (u16, &'static str, Option<u32>) {
    match run(port.engine.authorize(request, at(0))) {
        Err(regrant::AuthorizationError::Show(error)) => {
            (error.status(), error.description(), error.retry_after_secs())
        }
        other => panic!("{other:?}"),
    }
}
