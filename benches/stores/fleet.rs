//! Clients that do nothing but refresh.

use std::sync::{Arc, Mutex};

use regrant::store::DynTokenStore;
use regrant::{Client, ClientSecret, Engine, Key, Request, Scope, StaticClients, Timestamp};

use crate::Work;
use crate::anyone::Anyone;

const CREDENTIALS: &str = "client_id=app&client_secret=the-secret-of-the-app-for-tests-only";
/// Grants of each caller, taken in turn.
const GRANTS: usize = 16;

type AnyEngine = Engine<Arc<dyn DynTokenStore>, StaticClients>;

/// An engine, and for each caller the refresh tokens it holds.
pub(crate) struct Fleet {
    engine: AnyEngine,
    held: Vec<Mutex<Vec<String>>>,
}

impl Fleet {
    pub(crate) async fn new(store: Arc<dyn DynTokenStore>, callers: usize) -> Arc<Self> {
        let app = Client::confidential("app")
            .secret(ClientSecret::new("the-secret-of-the-app-for-tests-only").unwrap())
            .grant_type("password")
            .grant_type("refresh_token")
            .scope(Scope::parse("read write").unwrap())
            .build()
            .unwrap();
        let engine = Engine::builder(store, StaticClients::new().with(app).unwrap())
            .key(Key::from_bytes(1, &[7; 32]))
            .grant_handler(Anyone)
            .build()
            .unwrap();
        let fleet = Self { engine, held: Vec::new() };
        let mut held = Vec::new();
        for caller in 0..callers {
            let mut tokens = Vec::new();
            for number in 0..GRANTS {
                tokens.push(fleet.ask(&format!("grant_type=password&username=user-{caller}-{number}")).await);
            }
            held.push(Mutex::new(tokens));
        }
        Arc::new(Self { held, ..fleet })
    }

    async fn ask(&self, form: &str) -> String {
        let body = format!("{form}&{CREDENTIALS}");
        let request =
            Request::new("POST", body.as_bytes()).with_header("content-type", b"application/x-www-form-urlencoded");
        let response = self.engine.token(&request, Timestamp::now()).await;
        let body = std::str::from_utf8(response.body()).unwrap();
        let (_, token) = body.split_once("\"refresh_token\":\"").unwrap_or_else(|| panic!("{body}"));
        token.split('"').next().unwrap().to_owned()
    }

    /// One refresh of the grant whose turn it is.
    pub(crate) fn work(self: &Arc<Self>) -> Work {
        let fleet = Arc::clone(self);
        Arc::new(move |caller| {
            let fleet = Arc::clone(&fleet);
            Box::pin(async move {
                let token = fleet.held[caller].lock().unwrap().remove(0);
                let next = fleet.ask(&format!("grant_type=refresh_token&refresh_token={token}")).await;
                fleet.held[caller].lock().unwrap().push(next);
            })
        })
    }
}
