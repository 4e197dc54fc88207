//! Clients that are known by a document beside those that a host has otherwise, and what the host has to say of them.

use std::sync::Arc;

use regrant::client::{ClientIdKeys, ClientMetadata, ClientPolicy, RegistrationDenial, StatelessClients};
use regrant::fetch::DocumentClients;
use regrant::jwt::{JwtAccessTokens, SigningAlgorithm, SigningKey};
use regrant::{Authorization, Client, Clients, EngineBuilder, Request, StaticClients};
use serde_json::json;

use crate::desk::root;
use crate::kit::portal::{CALLBACK, api, query, redemption, run};
use crate::kit::{Reply, SECRET, Shelf, app, at, form, scope};
use crate::site::{APP, Hand, Port, Web, by_hand, document, port, port_on, shown, signing, strangers};

/// "Pre-Registering Client ID Metadata Document URLs": such a client is one like any other.
#[test]
fn a_registry_made_by_hand_is_asked_first() {
    let (web, clock) = (Web::usual(), Hand::new());
    let known = Client::confidential(APP)
        .secret(crate::kit::secret(SECRET))
        .grant_type("authorization_code")
        .grant_type("client_credentials")
        .redirect_uri(CALLBACK)
        .scope(scope("openid read"))
        .build()
        .unwrap();
    let clients = StaticClients::new().with(known).unwrap();
    let clients = DocumentClients::new(clients, web.clone()).with_clock(|| at(0));
    let store = Arc::new(Shelf::default());
    let port = port_on(store, clients, |builder| builder.grant_handler(regrant::engine::ClientCredentials));
    let code = port.code(APP, at(0));
    let ask = form(redemption("x", &code))
        .basic(&form_urlencoded::byte_serialize(APP.as_bytes()).collect::<String>(), SECRET);
    Reply::of(&run(port.engine.token(&ask.request(), at(1)))).assert_ok();
    // In the order of all clients: who it is comes first.
    assert_eq!(port.token(APP, "grant_type=refresh_token&refresh_token=x", at(1)).outcome().0, 401);
    let ask = form("grant_type=client_credentials&client_secret=".to_owned() + SECRET + "&client_id=" + APP);
    Reply::of(&run(port.engine.token(&ask.request(), at(1)))).assert_ok();
    assert_eq!(web.fetches(), 0);
    clock.is_at(at(1));
}

struct House;

impl ClientPolicy for House {
    fn take_in(&self, metadata: ClientMetadata) -> Result<ClientMetadata, RegistrationDenial> {
        match metadata.name() {
            Some("Unwanted") => Err(RegistrationDenial::Unwanted),
            Some("Links") => Ok(metadata.without_links()),
            _ => Ok(metadata),
        }
    }

    fn admits(&self, client: &Client) -> bool {
        client.name() != Some("Bad")
    }

    fn admits_id(&self, client_id: &str) -> bool {
        !client_id.starts_with("https://bad.example/")
    }
}

#[test]
fn the_hosts_policy_is_asked_at_every_use() {
    let (web, clock) = (Web::usual(), Hand::new());
    let policy: Arc<dyn ClientPolicy> = Arc::new(House);
    let guarded = |web: &Web| strangers(web, &clock).with_policy(Arc::clone(&policy));
    let named = |url: &str, name: &str| {
        let mut document = document(url);
        document["client_name"] = json!(name);
        document
    };
    // A host of ids is not even asked.
    let bad = "https://bad.example/client.json";
    web.puts(bad, &document(bad));
    let house = port(guarded(&web));
    assert_eq!(shown(&house, &query(bad)).0, 400);
    assert_eq!(web.fetches(), 0);
    // Nor are its tokens good any more, whether a document is at hand or not.
    let open = port_on(Arc::clone(&house.store), strangers(&web, &clock), |builder| builder);
    let tokens = open.login(bad, at(0));
    assert!(open.bearer(&tokens.access_token(), at(1)).is_ok());
    web.fetched();
    assert!(house.bearer(&tokens.access_token(), at(1)).is_err());
    assert_eq!(house.refresh(bad, &tokens.refresh_token(), at(1)).outcome(), (401, Some("invalid_client".into())));
    assert!(run(house.engine.sessions("alice", None, 10, at(1))).unwrap().sessions.is_empty());
    assert_eq!(web.fetches(), 0);
    // By what a document says.
    for name in ["Bad", "Unwanted"] {
        let house = port(guarded(&web));
        web.puts(APP, &named(APP, name));
        assert_eq!(shown(&house, &query(APP)).1, "the client is not registered");
    }
    web.puts(APP, &named(APP, "Links"));
    let house = port(guarded(&web));
    let query = query(APP);
    let request = Request::new("GET", b"").with_query(query.as_bytes());
    assert_eq!(run(house.engine.authorize(&request, at(0))).unwrap().client().logo_uri(), None);
}

fn takes_both_kinds_in<C: Clients>(port: &Port<C>, web: &Web) {
    port.login(APP, at(0)).assert_ok();
    assert_eq!(web.fetched(), [APP]);
    let body = json!({ "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none" }).to_string();
    let ask = crate::desk::json_post(body);
    let registered = Reply::of(&run(port.engine.register(&ask.request(), at(0))));
    assert_eq!(registered.status, 201);
    let id = registered.text("client_id");
    let asked = query(&id).replace("openid+", "");
    assert!(port.approve(&asked, Authorization::of("alice"), at(0)).get("code").is_some());
    let metadata: serde_json::Value = serde_json::from_slice(port.engine.metadata().unwrap().body()).unwrap();
    assert_eq!(metadata["client_id_metadata_document_supported"], json!(true));
    assert_eq!(web.fetches(), 0);
}

/// Either way round, and with the endpoint that takes clients in.
#[test]
fn it_goes_together_with_clients_that_register_themselves() {
    let (web, clock) = (Web::usual(), Hand::new());
    let keys = || ClientIdKeys::new(&root(7), None);
    let registering = StatelessClients::new(by_hand(), keys()).with_scope(scope("read"));
    let outside = DocumentClients::new(registering, web.clone()).with_scope(scope("openid read")).with_clock(|| at(0));
    let inside = StatelessClients::new(strangers(&web, &clock), keys()).with_scope(scope("read"));
    let outside = port_on(Shelf::default().into(), outside, EngineBuilder::registration);
    let inside = port_on(Shelf::default().into(), inside, EngineBuilder::registration);
    takes_both_kinds_in(&outside, &web);
    takes_both_kinds_in(&inside, &web);
}

/// Off until asked for, advertised when on.
#[test]
fn the_metadata_say_so_where_it_is_on() {
    let (web, clock) = (Web::usual(), Hand::new());
    let says = |body: &[u8]| String::from_utf8_lossy(body).contains("client_id_metadata_document_supported");
    assert!(says(port(strangers(&web, &clock)).engine.metadata().unwrap().body()));
    assert!(!says(port(by_hand()).engine.metadata().unwrap().body()));
    // Nobody can log in by an id where there is no place to.
    let plain =
        regrant::Engine::builder(regrant::MemoryStore::new(), strangers(&web, &clock)).issuer("https://id.example");
    assert!(!says(plain.build().unwrap().metadata().unwrap().body()));
    let clients = StaticClients::new().with(app().build().unwrap()).unwrap().with(api().build().unwrap()).unwrap();
    assert_eq!(shown(&port(clients), &query(APP)).1, "the client is not registered");
}

/// Somebody whose name is a URL is no client, whatever is there.
#[test]
fn a_subject_that_is_a_url_starts_no_fetch() {
    let (web, clock) = (Web::usual(), Hand::new());
    let web_id = "https://alice.example/";
    web.puts(web_id, &document(web_id));
    let (key, _) = SigningKey::generate(SigningAlgorithm::Es256).unwrap();
    let store = Arc::new(Shelf::default());
    let port = port_on(store, strangers(&web, &clock), signing(&key, JwtAccessTokens::new()));
    for _ in 0..2 {
        let landing = port.approve(&query(APP), Authorization::of(web_id), at(0));
        assert!(landing.get("code").is_some(), "{landing:?}");
        // At hand now, which changes nothing.
        port.approve(&query(web_id), Authorization::of("alice"), at(0));
    }
    assert_eq!(web.fetched(), [APP, web_id]);
    // The client's own id is nobody's.
    assert_eq!(port.approve(&query(APP), Authorization::of(APP), at(0)).get("error"), Some("server_error"));
}

/// What a document names is the most that its client may ask for, or, where the host says so, what it gets where it asks for nothing. Scopes
/// that nobody here knows are neither.
#[test]
fn the_scope_that_a_document_names() {
    let clock = Hand::new();
    let rows = [
        ("write", false, "write", false),
        ("write", true, "write", true),
        ("unheard-of", true, "read", true),
        ("openid unheard-of", true, "openid", true),
    ];
    for (named, is_default, granted, may_have_more) in rows {
        let web = Web::default();
        let mut names = document(APP);
        names["scope"] = json!(named);
        web.puts(APP, &names);
        let port = port(strangers(&web, &clock).with_named_scope_as_default(is_default));
        let asks = |scope: &str| query(APP).replace("scope=openid+read", scope);
        let code = port.approve(&asks(""), Authorization::of("alice"), at(0)).get("code").unwrap().to_owned();
        let body = format!("{}&client_id={APP}", redemption(APP, &code));
        let tokens = Reply::of(&run(port.engine.token(&form(body).request(), at(1))));
        assert_eq!(port.bearer(&tokens.access_token(), at(2)).unwrap().scope().as_str(), granted, "{named}");
        let asked = asks("scope=read+write");
        if may_have_more {
            assert!(port.approve(&asked, Authorization::of("alice"), at(3)).get("code").is_some(), "{named}");
        } else {
            assert_eq!(shown(&port, &asked).0, 400, "{named}");
        }
    }
}
