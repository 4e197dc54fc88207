//! An engine on a Redis store, and what a client asks of it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use regrant::event::Event;
use regrant::store::RedisStore;
use regrant::{Client, Engine, Key, Request, Scope, StaticClients, Timestamp};

use crate::kit::anyone::Anyone;

pub(crate) struct Bank {
    pub(crate) engine: Engine<RedisStore, StaticClients>,
    events: Arc<Mutex<Vec<String>>>,
    pub(crate) unavailable: AtomicUsize,
}

/// An answer: the status, and the refresh token of a good one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Token(String),
    InvalidGrant,
    Unavailable,
}

impl Bank {
    pub(crate) fn new(store: RedisStore) -> Self {
        let app = Client::public("app")
            .grant_type("password")
            .grant_type("refresh_token")
            .scope(Scope::parse("read write").unwrap())
            .default_scope(Scope::parse("read").unwrap())
            .build()
            .unwrap();
        let events = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&events);
        let engine = Engine::builder(store, StaticClients::new().with(app).unwrap())
            .grant_handler(Anyone)
            .key(Key::from_bytes(1, &[7; 32]))
            .events(move |event: &Event<'_>| sink.lock().unwrap().push(format!("{event:?}")))
            .build()
            .unwrap();
        Self { engine, events, unavailable: AtomicUsize::new(0) }
    }

    pub(crate) async fn login(&self, name: &str) -> Answer {
        self.token(&format!("grant_type=password&client_id=app&username={name}")).await
    }

    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        self.token(&format!("grant_type=refresh_token&client_id=app&refresh_token={token}")).await
    }

    /// Whether it was acknowledged.
    pub(crate) async fn revoke(&self, token: &str) -> bool {
        let body = format!("client_id=app&token={token}");
        let response = self.engine.revoke(&request(body.as_bytes()), Timestamp::now()).await;
        response.status() == 200
    }

    async fn token(&self, body: &str) -> Answer {
        let response = self.engine.token(&request(body.as_bytes()), Timestamp::now()).await;
        let json: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        match (response.status(), json["error"].as_str()) {
            (200, _) => Answer::Token(json["refresh_token"].as_str().unwrap().to_owned()),
            (400, Some("invalid_grant")) => Answer::InvalidGrant,
            (503, _) => {
                self.unavailable.fetch_add(1, Ordering::Relaxed);
                Answer::Unavailable
            }
            other => panic!("{other:?}"),
        }
    }

    /// How many events of this name there were.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.events.lock().unwrap().iter().filter(|event| event.starts_with(name)).count()
    }
}

fn request(body: &[u8]) -> Request<'_> {
    Request::new("POST", body).with_header("content-type", b"application/x-www-form-urlencoded")
}

impl Answer {
    #[track_caller]
    pub(crate) fn token(self) -> String {
        match self {
            Self::Token(token) => token,
            other => panic!("{other:?} instead of a token"),
        }
    }
}
