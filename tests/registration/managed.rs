//! Clients that look after their registration, where a host keeps them: RFC 7592.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use parking_lot::Mutex;
use regrant::client::{
    AuthMethod, ClientFeatures, ClientMetadata, ClientRef, ClientRegistry, ClientsError, Lookup, ReadyClients,
    RegisteredClient, RegistrationDenial,
};
use regrant::http::EndpointService;
use regrant::{Client, ClientSecret, Clients, Endpoints, Engine, MemoryStore, Timestamp};
use serde_json::{Map, Value, json};

use crate::desk::{json_post, root};
use crate::kit::portal::ISSUER;
use crate::kit::{Ask, Reply, T0, at, scope};

#[derive(Clone)]
struct Row {
    client: Client,
    token: String,
    metadata: ClientMetadata,
    at: Timestamp,
}

/// A host's list.
#[derive(Default)]
struct List(Mutex<HashMap<String, Row>>);

impl List {
    fn with_token(&self, id: &str, token: &str) -> Option<Row> {
        self.0.lock().get(id).filter(|row| row.token == token).cloned()
    }
}

impl Clients for List {
    async fn find(&self, client_id: &str, _: Lookup) -> Result<Option<ClientRef<'_>>, ClientsError> {
        Ok(self.0.lock().get(client_id).map(|row| std::sync::Arc::new(row.client.clone()).into()))
    }

    fn features(&self) -> ClientFeatures {
        let mut features = ClientFeatures::default();
        features.pairwise_subjects = true;
        features
    }
}

impl ReadyClients for List {}

impl ClientRegistry for List {
    async fn create(&self, metadata: ClientMetadata, now: Timestamp) -> Result<RegisteredClient, RegistrationDenial> {
        let mut list = self.0.lock();
        let (id, token) = (format!("kept & {}", list.len()), format!("look-after-{}", list.len()));
        let (kept, shown) = ClientSecret::generate();
        let client = metadata.client(&id, Some(kept), &scope("read")).build().map_err(RegistrationDenial::failed)?;
        list.insert(id.clone(), Row { client, token: token.clone(), metadata: metadata.clone(), at: now });
        Ok(RegisteredClient::new(&id, metadata, now).with_secret(shown.reveal()).with_access_token(&token))
    }

    fn is_managed(&self) -> bool {
        true
    }

    async fn read(&self, id: &str, token: &str) -> Result<Option<RegisteredClient>, RegistrationDenial> {
        let row = self.with_token(id, token);
        Ok(row.map(|row| RegisteredClient::new(id, row.metadata, row.at).with_access_token(token)))
    }

    async fn update(
        &self,
        id: &str,
        token: &str,
        metadata: ClientMetadata,
        _: Timestamp,
    ) -> Result<Option<RegisteredClient>, RegistrationDenial> {
        let Some(row) = self.with_token(id, token) else { return Ok(None) };
        if metadata.name() == Some("Unwanted") {
            return Err(RegistrationDenial::Unwanted);
        }
        let client = match metadata.auth_method() {
            AuthMethod::None => {
                metadata.client(id, None, &scope("read")).build().map_err(RegistrationDenial::failed)?
            }
            _ => row.client.clone(),
        };
        self.0.lock().insert(id.into(), Row { metadata: metadata.clone(), client, ..row.clone() });
        Ok(Some(RegisteredClient::new(id, metadata, row.at).with_access_token(token)))
    }

    async fn delete(&self, id: &str, token: &str) -> Result<bool, RegistrationDenial> {
        Ok(self.with_token(id, token).is_some_and(|_| self.0.lock().remove(id).is_some()))
    }
}

struct Host(Engine<MemoryStore, List>);

impl Host {
    fn new() -> Self {
        let endpoints = Endpoints::new().with_registration("/register");
        Self(
            Engine::builder(MemoryStore::new(), List::default())
                .issuer(ISSUER)
                .endpoints(endpoints)
                .registration()
                .root_secret(root(7))
                .build()
                .unwrap(),
        )
    }

    fn send(&self, query: &str, ask: &Ask) -> Reply {
        let request = ask.request().with_query(query.as_bytes());
        Reply::of(&self.0.blocking().register(&request, at(0)).unwrap())
    }

    fn registered(&self) -> Map<String, Value> {
        let body = json!({ "client_name": "Site", "redirect_uris": ["https://site.example/cb"], "scope": "read" });
        let reply = self.send("", &json_post(body.to_string()));
        assert_eq!(reply.status, 201);
        reply.json()
    }
}

fn ask(method: &'static str, token: &str) -> Ask {
    Ask { method, headers: Vec::new(), body: Vec::new() }.authorization(format!("Bearer {token}"))
}

fn put(token: &str, body: &Value) -> Ask {
    json_post(body.to_string()).method("PUT").authorization(format!("Bearer {token}"))
}

/// Sections 2.1 to 3: read, updated as a whole, and gone.
#[test]
fn a_client_looks_after_its_registration() {
    let host = Host::new();
    let registered = host.registered();
    let (place, token) = (registered["registration_client_uri"].as_str().unwrap(), "look-after-0");
    assert_eq!(place, "https://id.example/register?client_id=kept+%26+0");
    assert_eq!(registered["registration_access_token"], token);
    let query = place.split_once('?').unwrap().1;

    let read = host.send(query, &ask("GET", token));
    read.assert_ok();
    assert_eq!(read.json()["client_name"], "Site");
    assert_eq!((read.text("client_id"), read.json()["client_id_issued_at"].as_u64()), ("kept & 0".into(), Some(T0)));
    assert_eq!(read.json()["registration_client_uri"], place);
    assert_eq!(read.json().get("client_secret"), None, "nobody knows it any more");

    // What is not said is gone, not kept.
    let update = json!({ "client_id": "kept & 0", "client_secret": registered["client_secret"], "redirect_uris": ["https://new.example/cb"] });
    let updated = host.send(query, &put(token, &update));
    updated.assert_ok();
    assert_eq!(updated.json()["redirect_uris"], json!(["https://new.example/cb"]));
    assert_eq!((updated.json().get("client_name"), updated.json().get("scope")), (None, None));

    let deleted = host.send(query, &ask("DELETE", token));
    assert_eq!((deleted.status, deleted.body.len(), deleted.header("content-type").len()), (204, 0, 0));
    assert_eq!(deleted.header("cache-control"), ["no-store"]);
    for method in ["GET", "DELETE"] {
        host.send(query, &ask(method, token)).assert_error(401, "invalid_token");
    }
}

/// A body that breaks off on its way: 400 `invalid_request`, and not that the token is wrong, on which a client would register anew.
#[tokio::test]
async fn an_update_that_breaks_off_says_nothing_of_the_token() {
    let host = Host::new();
    host.registered();
    let service = EndpointService::registration(Arc::new(host.0));
    let request = http::Request::put("/register?client_id=kept+%26+0")
        .header("content-type", "application/json")
        .header("authorization", "Bearer look-after-0");
    let response = service.respond(request.body(BreaksOff).unwrap()).await;
    assert_eq!(response.status(), 400);
    assert!(!response.headers().contains_key("www-authenticate"));
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["error"], "invalid_request");
}

struct BreaksOff;

impl Body for BreaksOff {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionReset.into())))
    }
}

/// "If the registration access token used to make this request is not valid, the server MUST respond with an error as described
/// in RFC 6750." Nobody hears which clients there are.
#[test]
fn only_the_client_itself_looks_after_it() {
    let host = Host::new();
    host.registered();
    host.registered();
    let zero = "client_id=kept+%26+0";
    let update = json!({ "client_id": "kept & 0", "redirect_uris": ["https://evil.example/cb"] });
    let nobody = |method| Ask { method, headers: Vec::new(), body: Vec::new() };
    let mut answers = Vec::new();
    for (query, ask) in [
        (zero, ask("GET", "look-after-1")),
        (zero, ask("DELETE", "look-after-1")),
        (zero, put("look-after-1", &update)),
        (zero, put("look-after-1", &json!({}))),
        (zero, nobody("GET")),
        ("client_id=nobody", ask("GET", "look-after-0")),
        ("client_id=%00", ask("GET", "look-after-0")),
    ] {
        let refused = host.send(query, &ask);
        refused.assert_error(401, "invalid_token");
        // RFC 6750 section 3.1: a request without a token is not told what is wrong with it.
        let wrong = if ask.headers.is_empty() { "" } else { ", error=\"invalid_token\"" };
        assert_eq!(refused.header("www-authenticate"), [format!("Bearer realm=\"token\"{wrong}")]);
        answers.push(refused.body);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    for (query, ask, error) in [
        ("", ask("GET", "look-after-0"), "invalid_request"),
        ("client_id=", ask("DELETE", "look-after-0"), "invalid_request"),
        ("client_id=a&client_id=b", ask("GET", "look-after-0"), "invalid_request"),
        (zero, ask("GET", "look-after-0").authorization("Bearer look-after-0"), "invalid_request"),
        (zero, put("look-after-0", &update).content_type("text/plain"), "invalid_request"),
    ] {
        host.send(query, &ask).assert_error(400, error);
    }
    let other = host.send(zero, &ask("PATCH", "look-after-0"));
    other.assert_error(405, "invalid_request");
    assert_eq!(other.header("allow"), ["GET, POST, PUT, DELETE"]);
    assert_eq!(
        host.send(zero, &ask("GET", "look-after-0")).json()["redirect_uris"],
        json!(["https://site.example/cb"])
    );
}

/// OpenID Connect Core section 8.1: a client that moved into another's sector would learn, for the people of its logins, what that one's clients
/// call them. Nor by way of a registration without pairwise subjects.
#[test]
fn an_update_brings_no_client_into_anothers_sector() {
    const SITE: &str = "https://site.example/cb";
    const BANK: &str = "https://bank.example/cb";
    let says = |redirects: &[&str], pairwise: bool| {
        let mut says = json!({"redirect_uris": redirects, "token_endpoint_auth_method": "none"});
        if pairwise {
            says["subject_type"] = json!("pairwise");
        }
        says
    };
    let refused = Some("invalid_client_metadata".to_owned());
    for (before, after, ok) in [
        (says(&[SITE], true), says(&["https://site.example/new", "https://SITE.example/cb"], true), true),
        (says(&[SITE], true), says(&[BANK], true), false),
        (says(&[SITE], true), says(&[SITE, BANK], true), false),
        (says(&[SITE, BANK], true), says(&[BANK], true), false),
        (says(&[SITE, BANK], true), says(&[BANK, "http://127.0.0.1/cb"], true), true),
        (says(&["http://127.0.0.1/cb"], true), says(&[BANK], true), false),
        (says(&[SITE], true), says(&[BANK], false), true),
        (says(&[SITE], false), says(&[BANK], false), true),
        (says(&[SITE], false), says(&[SITE], true), false),
        (says(&[BANK], false), says(&[BANK], true), false),
    ] {
        let host = Host::new();
        assert_eq!(host.send("", &json_post(before.to_string())).status, 201, "{before}");
        let update = |says: &Value| {
            let mut says = says.clone();
            says["client_id"] = json!("kept & 0");
            host.send("client_id=kept+%26+0", &put("look-after-0", &says)).outcome()
        };
        let expected = if ok { (200, None) } else { (400, refused.clone()) };
        assert_eq!(update(&after), expected, "{before} {after}");
        if after.get("subject_type").is_none() && ok {
            assert_eq!(update(&says(&[BANK], true)), (400, refused.clone()), "in two steps: {before} {after}");
        }
    }
}

/// Section 2.2: what an update must have, and must not.
#[test]
fn an_update_is_of_the_client_and_says_nothing_that_the_server_says() {
    let host = Host::new();
    host.registered();
    let send = |body: Value| host.send("client_id=kept+%26+0", &put("look-after-0", &body));
    let good = json!({ "client_id": "kept & 0", "redirect_uris": ["https://site.example/cb"] });
    for (member, value, code) in [
        ("client_id", Value::Null, "invalid_client_metadata"),
        ("client_id", json!("kept & 1"), "invalid_client_metadata"),
        ("client_id", json!(0), "invalid_client_metadata"),
        ("client_secret", json!("another secret of enough characters"), "invalid_client_metadata"),
        ("registration_access_token", json!("look-after-0"), "invalid_client_metadata"),
        ("registration_client_uri", json!("https://id.example/register"), "invalid_client_metadata"),
        ("client_secret_expires_at", json!(0), "invalid_client_metadata"),
        ("client_id_issued_at", json!(1), "invalid_client_metadata"),
        ("redirect_uris", json!([]), "invalid_redirect_uri"),
        ("redirect_uris", json!(["http://evil.example/cb"]), "invalid_redirect_uri"),
        ("grant_types", json!(["client_credentials"]), "invalid_client_metadata"),
        ("dpop_bound_access_tokens", json!(true), "invalid_client_metadata"),
        ("client_name", json!("Unwanted"), "invalid_client_metadata"),
    ] {
        let mut body = good.clone();
        body[member] = value;
        send(body).assert_error(400, code);
    }
    send(good).assert_ok();
}
