//! The registration endpoint: who gets to it, and what it says (RFC 7591 section 3).

use std::sync::Arc;

use regrant::client::{
    ClientMetadata, ClientRef, ClientRegistry, ClientsError, Lookup, RegisteredClient, RegistrationDenial,
};
use regrant::{Client, ClientSecret, Clients, Endpoints, Engine, MemoryStore, Scope, StaticClients, Timestamp};
use serde_json::{Value, json};

use crate::desk::{Desk, desk, editor, id, json_post, site, strangers};
use crate::kit::portal::{ISSUER, Portal};
use crate::kit::{Reply, Shelf, T0, at, form};

/// "The authorization server MUST return all registered metadata about this client."
#[test]
fn a_client_is_told_all_that_it_was_registered_with() {
    let desk = Desk::usual();
    let mut public = desk.register(&editor());
    let public_id = public["client_id"].take();
    assert!(public_id.as_str().is_some_and(|id| id.starts_with("dcr.")));
    assert_eq!(
        public,
        json!({
            "client_id": null,
            "client_id_issued_at": T0,
            "client_name": "Editor",
            "redirect_uris": ["http://127.0.0.1/cb", "com.example.editor:/cb"],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
            "application_type": "native",
        })
    );
    // Nothing said: client_secret_basic (section 2). A secret never expires unless the host says so (section 3.2.1).
    let confidential = desk.register(&json!({
        "redirect_uris": ["https://site.example/cb"], "scope": "write admin read", "logo_uri": "https://site.example/l.png",
        "software_id": "4NRB1", "software_version": "2", "grant_types": ["authorization_code", "password"],
    }));
    assert_eq!(confidential["token_endpoint_auth_method"], "client_secret_basic");
    assert_eq!(confidential["client_secret"].as_str().map(str::len), Some(43));
    assert_eq!(confidential["client_secret_expires_at"], 0);
    assert_eq!(confidential["grant_types"], json!(["authorization_code"]));
    assert_eq!(confidential["scope"], "write read", "what these clients may have of what it named");
    assert_eq!(confidential["logo_uri"], "https://site.example/l.png");
    assert_eq!((&confidential["software_id"], &confidential["software_version"]), (&json!("4NRB1"), &json!("2")));
    assert_eq!(confidential["application_type"], "web");
    assert_eq!(desk.events.take().len(), 2);
}

#[test]
fn the_way_to_the_endpoint_is_checked_first() {
    let desk = Desk::usual();
    let usual = || json_post(editor().to_string());
    for (ask, status, error) in [
        (usual().method("GET"), 405, "invalid_request"),
        (usual().method("PUT"), 405, "invalid_request"),
        (usual().without_content_type(), 400, "invalid_request"),
        (usual().content_type("application/x-www-form-urlencoded"), 400, "invalid_request"),
        (usual().content_type("text/json"), 400, "invalid_request"),
        (usual().content_type("application/json, application/json"), 400, "invalid_request"),
        (usual().header("content-type", "application/json"), 400, "invalid_request"),
        (form(editor().to_string()), 400, "invalid_request"),
        (usual().basic("app", "secret"), 400, "invalid_request"),
        (usual().authorization("Bearer"), 400, "invalid_request"),
        (usual().authorization("Bearer a b"), 400, "invalid_request"),
        (usual().authorization("Bearer a").authorization("Bearer a"), 400, "invalid_request"),
        (json_post(vec![b' '; 64 * 1_024 + 1]), 413, "invalid_request"),
    ] {
        desk.ask_to_register(&ask, at(0)).assert_error(status, error);
    }
    assert_eq!(desk.ask_to_register(&usual().method("GET"), at(0)).header("allow"), ["POST"]);
    for content_type in ["application/json; charset=utf-8", "Application/JSON"] {
        assert_eq!(desk.ask_to_register(&usual().content_type(content_type), at(0)).status, 201);
    }
    // A token that nobody asked for does no harm.
    assert_eq!(desk.ask_to_register(&usual().authorization("Bearer whatever"), at(0)).status, 201);
}

/// Off until asked for, and advertised when on (RFC 7591 section 3, RFC 8414 section 2).
#[test]
fn it_is_off_until_it_is_turned_on_and_advertised_then() {
    let mounted = || Endpoints::new().with_token("/token").with_registration("/register");
    let off = Engine::builder(MemoryStore::new(), strangers()).issuer(ISSUER).endpoints(mounted()).build().unwrap();
    let ask = json_post(editor().to_string());
    let reply = Reply::of(&off.blocking().register(&ask.request(), at(0)).unwrap());
    reply.assert_error(404, "invalid_request");
    let endpoint = |response: regrant::Response| {
        serde_json::from_slice::<Value>(response.body()).unwrap().get("registration_endpoint").cloned()
    };
    assert_eq!(endpoint(off.metadata().unwrap()), None);
    let on = desk(strangers(), |builder| builder.endpoints(mounted()));
    assert_eq!(endpoint(on.engine.metadata().unwrap()), Some(json!("https://id.example/register")));
    let methods: Value = serde_json::from_slice(on.engine.metadata().unwrap().body()).unwrap();
    assert_eq!(
        methods["token_endpoint_auth_methods_supported"],
        json!(["client_secret_basic", "client_secret_post", "none"])
    );
    let unmounted = desk(strangers(), |builder| builder.endpoints(Endpoints::new()));
    assert_eq!(endpoint(unmounted.engine.metadata().unwrap()), None);
    let broken = Engine::builder(MemoryStore::new(), StaticClients::new())
        .endpoints(Endpoints::new().with_registration("//evil.example"));
    assert!(matches!(broken.build(), Err(regrant::BuildError::Endpoint)));
}

/// A registry of a host's own, which fails.
struct Down;

impl Clients for Down {
    async fn find(&self, _: &str, _: Lookup) -> Result<Option<ClientRef<'_>>, ClientsError> {
        Ok(None)
    }
}

impl regrant::client::ReadyClients for Down {}

impl ClientRegistry for Down {
    async fn create(&self, metadata: ClientMetadata, now: Timestamp) -> Result<RegisteredClient, RegistrationDenial> {
        match metadata.name() {
            Some("busy") => Err(RegistrationDenial::Busy),
            Some("down") => Err(RegistrationDenial::failed("connection refused")),
            Some("unwanted") => Err(RegistrationDenial::Unwanted),
            _ => Ok(RegisteredClient::new("kept-7", metadata, now)
                .with_secret("the-secret-of-a-kept-client")
                .with_expiry(now + std::time::Duration::from_secs(60))),
        }
    }
}

#[test]
fn a_registry_of_the_hosts_own_answers_for_itself() {
    let (store, events) = (Arc::new(Shelf::default()), crate::kit::Events::default());
    let engine = Engine::builder(Arc::clone(&store), Down).registration().events(events.clone()).build().unwrap();
    let ask = |name: &str, method: &str| {
        let body = json!({ "client_name": name, "redirect_uris": ["https://a.example/"], "token_endpoint_auth_method": method });
        Reply::of(&engine.blocking().register(&json_post(body.to_string()).request(), at(0)).unwrap())
    };
    ask("busy", "none").assert_error(503, "temporarily_unavailable");
    ask("down", "none").assert_error(503, "temporarily_unavailable");
    ask("unwanted", "none").assert_error(400, "invalid_client_metadata");
    let kept = ask("kept", "client_secret_post").json();
    assert_eq!(
        (kept["client_id"].as_str(), kept["client_secret_expires_at"].as_u64()),
        (Some("kept-7"), Some(T0 + 60))
    );
    // A public client has no secret, whatever the registry says.
    assert_eq!(ask("kept", "none").json().get("client_secret"), None);
    let said = format!("{:?}", RegisteredClient::new("a", metadata(), at(0)).with_secret("hush-hush"));
    assert!(!said.contains("hush"), "{said}");
}

fn metadata() -> ClientMetadata {
    site().to_string().parse().unwrap()
}

/// A host that keeps a list gets a client of what was said, with the same rules.
#[test]
fn what_a_client_says_makes_a_client() {
    let scope = Scope::parse("read write").unwrap();
    let (secret, _) = ClientSecret::generate();
    let client = metadata().client("kept-7", Some(secret), &scope).build().unwrap();
    assert_eq!((client.id(), client.is_public(), client.is_stranger()), ("kept-7", false, true));
    assert_eq!(client.scope(), &scope);
    assert!(client.may_use("authorization_code") && client.may_use("refresh_token"));
    assert!(!client.may_use("client_credentials"));
    assert!(metadata().client("kept-7", None, &scope).build().is_err(), "it said that it has a secret");
    assert!(!Client::public("app").build().unwrap().is_stranger());
    let named: ClientMetadata =
        json!({ "redirect_uris": ["https://a.example/"], "scope": "write admin" }).to_string().parse().unwrap();
    let (secret, _) = ClientSecret::generate();
    assert_eq!(named.client("a", Some(secret), &scope).build().unwrap().scope().as_str(), "write");
}

/// The events say who came, and nothing of what was refused.
#[test]
fn the_host_hears_of_registrations() {
    let desk = Desk::usual();
    let registered = desk.register(&editor());
    desk.ask_to_register(&json_post("{}"), at(0)).assert_error(400, "invalid_redirect_uri");
    let events = desk.events.take();
    assert!(events[0].contains("ClientRegistered") && events[0].contains(id(&registered)), "{events:?}");
    assert!(events[1].contains("NoRedirectUri"), "{events:?}");
    let _: &Portal<_, _> = &desk;
}
