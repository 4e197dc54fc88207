//! An engine that takes strangers in.

use std::sync::Arc;

use regrant::client::{ClientIdKeys, StatelessClients};
use regrant::{Endpoints, Engine, EngineBuilder, Key, RootSecret, StaticClients, Timestamp};
use serde_json::{Value, json};

use crate::kit::portal::{ISSUER, Portal};
use crate::kit::{Ask, Events, Reply, Shelf, app, at, scope};

pub(crate) type Strangers = StatelessClients<StaticClients>;
pub(crate) type Desk = Portal<Arc<Shelf>, Strangers>;
type Builder = EngineBuilder<Arc<Shelf>, Strangers>;

pub(crate) fn root(byte: u8) -> RootSecret {
    RootSecret::from_bytes(byte, &[byte; 32])
}

pub(crate) fn keys() -> ClientIdKeys {
    ClientIdKeys::new(&root(7), None)
}

/// Beside `app`, which was made by hand.
pub(crate) fn strangers() -> Strangers {
    let by_hand = StaticClients::new().with(app().build().unwrap()).unwrap();
    StatelessClients::new(by_hand, keys()).with_scope(scope("openid read write")).with_default_scope(scope("read"))
}

pub(crate) fn desk(clients: Strangers, change: impl FnOnce(Builder) -> Builder) -> Desk {
    desk_on(Arc::new(Shelf::default()), clients, change)
}

/// Another node, or the same after a restart.
pub(crate) fn desk_on(store: Arc<Shelf>, clients: Strangers, change: impl FnOnce(Builder) -> Builder) -> Desk {
    let events = Events::default();
    let builder = Engine::builder(Arc::clone(&store), clients)
        .key(Key::from_bytes(7, &[9; 32]))
        .issuer(ISSUER)
        .authorization_code()
        .registration()
        .endpoints(
            Endpoints::new().with_authorization("/authorize").with_token("/token").with_registration("/register"),
        )
        .events(events.clone());
    Portal { engine: change(builder).build().unwrap(), store, events }
}

/// A registration request.
pub(crate) fn json_post(body: impl AsRef<[u8]>) -> Ask {
    Ask { method: "POST", headers: vec![("content-type", "application/json".into())], body: body.as_ref().to_vec() }
}

impl Desk {
    pub(crate) fn usual() -> Self {
        desk(strangers(), |builder| builder)
    }

    /// What holds for every answer is checked (RFC 7591 section 3.2).
    #[track_caller]
    pub(crate) fn ask_to_register(&self, ask: &Ask, now: Timestamp) -> Reply {
        let reply = Reply::of(&self.engine.blocking().register(&ask.request(), now).unwrap());
        assert_eq!(reply.header("content-type"), ["application/json"]);
        assert_eq!((reply.header("cache-control"), reply.header("pragma")), (vec!["no-store"], vec!["no-cache"]));
        assert!(self.store.grants().is_empty(), "a stranger leaves nothing behind");
        reply
    }

    /// Registers these metadata; what came back.
    #[track_caller]
    pub(crate) fn register(&self, metadata: &Value) -> Value {
        let reply = self.ask_to_register(&json_post(metadata.to_string()), at(0));
        assert_eq!(reply.status, 201, "{}", String::from_utf8_lossy(&reply.body));
        Value::Object(reply.json())
    }
}

/// A program on somebody's machine.
pub(crate) fn editor() -> Value {
    json!({
        "client_name": "Editor",
        "redirect_uris": ["http://127.0.0.1/cb", "com.example.editor:/cb"],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "none",
    })
}

/// A site that keeps a secret.
pub(crate) fn site() -> Value {
    json!({
        "client_name": "Site",
        "redirect_uris": ["https://site.example/cb"],
        "grant_types": ["authorization_code", "refresh_token"],
    })
}

pub(crate) fn secret_of(registered: &Value) -> &str {
    registered["client_secret"].as_str().unwrap()
}

pub(crate) fn id(registered: &Value) -> &str {
    registered["client_id"].as_str().unwrap()
}
