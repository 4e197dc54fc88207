//! What of a stranger's client id reaches the host's registry.

use std::sync::{Arc, Mutex};

use regrant::client::{ClientRef, ClientsError, Lookup};
use regrant::{AuthorizationError, Client, Clients, Engine, MemoryStore, Request};

use crate::kit::portal::run;
use crate::kit::{Reply, SECRET, at, form};

/// A registry in a database that fails at a NUL, as PostgreSQL does, and remembers what it was asked for.
#[derive(Clone, Default)]
struct Table {
    asked: Arc<Mutex<Vec<String>>>,
}

impl Clients for Table {
    async fn find(&self, client_id: &str, _: Lookup) -> Result<Option<ClientRef<'_>>, ClientsError> {
        self.asked.lock().unwrap().push(client_id.to_owned());
        if client_id.contains('\0') { Err(ClientsError::new("invalid byte sequence: 0x00")) } else { Ok(None) }
    }
}

/// What no client can be called is an unknown client at every endpoint, with the answer of one, and costs the registry
/// nothing.
#[test]
fn what_no_client_can_be_called_does_not_reach_the_registry() {
    let table = Table::default();
    let engine = Engine::builder(MemoryStore::new(), table.clone())
        .issuer("https://id.example")
        .authorization_code()
        .build()
        .unwrap();
    let asked = || std::mem::take(&mut *table.asked.lock().unwrap());
    let longest = "c".repeat(Client::MAX_ID_BYTES);
    let shown = |id: &str| {
        let query = format!("response_type=code&client_id={id}");
        let request = Request::new("GET", b"").with_query(query.as_bytes());
        match run(engine.authorize(&request, at(0))) {
            Err(AuthorizationError::Show(error)) => (error.status(), error.code(), error.description()),
            other => panic!("{other:?}"),
        }
    };
    let sent = |id: &str| {
        let raw = id.replace("%00", "\0").replace("%0A", "\n").replace("%C2%85", "\u{85}").replace("%7F", "\u{7f}");
        let basic = form("token=a").basic(&raw, SECRET);
        let encoded = form("token=a").basic(id, SECRET);
        let post = form(format!("token=a&client_id={id}&client_secret={SECRET}"));
        let public = form(format!("token=a&client_id={id}"));
        let asks = [basic, encoded, post, public];
        asks.map(|ask| {
            let request = ask.request();
            [Reply::of(&run(engine.token(&request, at(0)))), Reply::of(&run(engine.revoke(&request, at(0))))]
        })
    };
    // Those that a client could have are asked for, so the test can fail.
    let unknown = shown(&longest);
    assert_eq!((unknown.0, unknown.1.as_str(), asked()), (400, "invalid_request", vec![longest.clone()]));
    for [token, revoke] in sent(&longest) {
        token.assert_error(401, "invalid_client");
        revoke.assert_error(401, "invalid_client");
    }
    assert!(asked().iter().all(|id| *id == longest));

    for id in
        ["%00", "app%00", "app%0A", "a%C2%85", "%7F", &format!("{longest}c"), &"é".repeat(Client::MAX_ID_BYTES / 2 + 1)]
    {
        assert_eq!(shown(id), unknown, "{id}");
        for reply in sent(id).iter().flatten() {
            assert!(matches!(reply.status, 400 | 401), "{id}: {reply:?}");
        }
        assert_eq!(asked(), Vec::<String>::new(), "{id}");
    }
    // Where it is only too long, not even the answer differs.
    assert_eq!(sent(&format!("{longest}c")), sent(&longest));
}
