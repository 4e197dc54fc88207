//! A small world of clients and users, on a store whose bytes can be compared.

use std::sync::Arc;

use regrant::client::ClientBuilder;
use regrant::{
    Authorization, Client, ClientSecret, Engine, EngineBuilder, GrantError, GrantHandler, GrantRequest, ResponseFields,
    Scope, StaticClients, Timestamp,
};

use super::ask::{Ask, form};
use super::events::Events;
use super::reply::{Reply, check};
use super::store::shelf::Shelf;

pub(crate) const SECRET: &str = "the-secret-of-the-app-for-tests-only";
pub(crate) const OTHER_SECRET: &str = "the-secret-of-the-other-client-here";
pub(crate) const LOGIN: &str = "grant_type=password&username=alice&password=wonderland";

/// The time at which tests begin.
pub(crate) const T0: u64 = 1_597_240_260;

/// So many seconds after the beginning.
pub(crate) const fn at(secs: u64) -> Timestamp {
    Timestamp::from_secs(T0 + secs)
}

pub(crate) fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap()
}

pub(crate) fn secret(text: &str) -> ClientSecret {
    ClientSecret::new(text).unwrap()
}

/// The client that most requests are from; `admin` it gets only where it asks.
pub(crate) fn app() -> ClientBuilder {
    Client::confidential("app")
        .secret(secret(SECRET))
        .grant_type("password")
        .grant_type("refresh_token")
        .scope(scope("read write admin"))
        .default_scope(scope("read write"))
}

/// `alice`, whose password is `wonderland`.
pub(crate) struct Password;

impl GrantHandler for Password {
    fn grant_type(&self) -> &'static str {
        "password"
    }

    async fn authorize(&self, request: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
        match (request.required("username")?, request.required("password")?) {
            ("alice", "wonderland") => Ok(Authorization::of("alice")),
            _ => Err(GrantError::invalid_grant()),
        }
    }
}

/// Gives a subject and fields that try to be more than that.
pub(crate) struct Injector;

pub(crate) const HOSTILE: [&str; 8] =
    ["\"", "\",\"access_token\":\"mine", "\\", "}{", "\r\nset-cookie: a=b", "\0", "\u{2028}</script>", "\u{fffe}é"];

impl GrantHandler for Injector {
    fn grant_type(&self) -> &'static str {
        "password"
    }

    async fn authorize(&self, _: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
        let fields = HOSTILE.iter().fold(ResponseFields::new(), |fields, text| fields.with(text, text).unwrap());
        Ok(Authorization::of(&HOSTILE.concat()).with_fields(fields))
    }
}

/// An engine, its store and its events.
pub(crate) struct World {
    pub(crate) engine: Arc<Engine<Arc<Shelf>, StaticClients>>,
    pub(crate) store: Arc<Shelf>,
    pub(crate) events: Events,
}

impl World {
    /// With these clients, and the builder as changed; `password` is not there unless it is added.
    pub(crate) fn new(
        clients: impl IntoIterator<Item = ClientBuilder>,
        change: impl FnOnce(EngineBuilder<Arc<Shelf>, StaticClients>) -> EngineBuilder<Arc<Shelf>, StaticClients>,
    ) -> Self {
        let clients = clients
            .into_iter()
            .fold(StaticClients::new(), |clients, client| clients.with(client.build().unwrap()).unwrap());
        let (store, events) = (Arc::new(Shelf::default()), Events::default());
        let builder = Engine::builder(Arc::clone(&store), clients).events(events.clone());
        Self { engine: Arc::new(change(builder).build().unwrap()), store, events }
    }

    /// With `app` and `password`.
    pub(crate) fn simple() -> Self {
        Self::new([app()], |builder| builder.grant_handler(Password))
    }

    /// Sends a request; what holds for every response is checked.
    #[track_caller]
    pub(crate) fn send(&self, ask: &Ask, now: Timestamp) -> Reply {
        let reply = Reply::of(&self.engine.blocking().token(&ask.request(), now).unwrap());
        check(&reply);
        reply
    }

    /// A form from `app`.
    #[track_caller]
    pub(crate) fn post(&self, body: &str, now: Timestamp) -> Reply {
        self.send(&form(body).basic("app", SECRET), now)
    }

    #[track_caller]
    pub(crate) fn login(&self, now: Timestamp) -> Reply {
        self.post(LOGIN, now)
    }

    #[track_caller]
    pub(crate) fn refresh(&self, token: &str, now: Timestamp) -> Reply {
        self.post(&renewal(token), now)
    }
}

/// The body of a refresh.
pub(crate) fn renewal(token: &str) -> String {
    format!("grant_type=refresh_token&refresh_token={token}")
}

/// A token of the same length that no engine made: one character of the MAC is another.
pub(crate) fn forged(token: &str) -> String {
    altered(token, 30)
}

/// The same with the character at this place changed.
pub(crate) fn altered(token: &str, place: usize) -> String {
    let mut bytes = token.as_bytes().to_vec();
    bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
    String::from_utf8(bytes).unwrap()
}
