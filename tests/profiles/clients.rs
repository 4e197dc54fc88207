//! Clients that do not keep to the profile of their engine: refused at every endpoint, with an event that says why.

use std::sync::Arc;
use std::time::Duration;

use regrant::client::{ClientBuilder, ClientIdKeys, RecoverableSecret, StatelessClients};
use regrant::engine::{ClientCredentials, Profile};
use regrant::grant::Rotation;
use regrant::jwt::JwsAlgorithm;
use regrant::{
    Authorization, AuthorizationError, AuthorizationRequest, Client, Lifetimes, Request, RootSecret, StaticClients,
};
use serde_json::{Value, json};

use crate::kit::profiles::{
    App, Hand, PHONE, Pkce, Place, SERVICE, SQUARE_SCOPE, asking, bank, endpoints, key_app, key_client, keys_of, phone,
    phone_document, profiled, said, service, service_document, site, square, strangers,
};
use crate::kit::schedule::run;
use crate::kit::{Events, OTHER_SECRET, Reply, SECRET, Shelf, at, basic, form, scope, secret};

fn has(events: &[String], fault: &str) -> bool {
    events.iter().any(|event| event.starts_with("Refused") && event.contains(&format!("Profile({fault})")))
}

/// What a page says of such a client, whatever is wrong: nobody was to authenticate (RFC 6749 section 4.1.2.1).
const PAGE: &str = "400 unauthorized_client";

#[track_caller]
fn page(asked: Result<AuthorizationRequest<'_>, AuthorizationError>) -> String {
    let Err(AuthorizationError::Show(error)) = asked else { panic!("no page: {asked:?}") };
    format!("{} {}", error.status(), error.code().as_str())
}

/// FAPI 2.0 Security Profile section 5.3.2.1, items 3, 6, 8 and 9; section 5.4.1, item 1.
#[test]
fn a_client_that_contradicts_fapi_2_0_is_refused_everywhere() {
    let key = |change: fn(ClientBuilder) -> ClientBuilder| change(key_client());
    for (client, fault, code) in [
        (key(|client| client.secret(secret(OTHER_SECRET))), "AuthMethod", "401 invalid_client"),
        (
            key(|client| {
                let client = client.secret(RecoverableSecret::new(SECRET).unwrap().into()).client_secret_jwt(true);
                client.client_secret_basic(false).client_secret_post(false)
            }),
            "AuthMethod",
            "401 invalid_client",
        ),
        (key(|client| client.danger_token_endpoint_as_audience(true)), "Audience", "400 unauthorized_client"),
        (key(|client| client.rotation(Rotation::Always)), "Rotation", "400 unauthorized_client"),
        (key(|client| client.assertion_algorithm(JwsAlgorithm::Rs256)), "", "401 invalid_client"),
        (key(|client| client.request_object_algorithm(JwsAlgorithm::Rs256)), "Algorithm", "400 unauthorized_client"),
        (
            key(|client| client.recoverable_secret(RecoverableSecret::new(SECRET).unwrap())),
            "AuthMethod",
            "401 invalid_client",
        ),
    ] {
        let bank = bank(Arc::new(Shelf::default()), [client], |builder| builder.grant_handler(ClientCredentials));
        for (place, body) in [
            (Place::Token, "grant_type=client_credentials"),
            (Place::Push, "response_type=code"),
            (Place::Revocation, "token=made-up"),
        ] {
            bank.events.take();
            assert_eq!(said(&bank.send(place, &key_app(), body, 0)), code, "{fault} {place:?}");
            let events = bank.events.take();
            assert!(fault.is_empty() || has(&events, fault), "{fault} {place:?}: {events:?}");
        }
        if !fault.is_empty() {
            let request = Request::new("GET", b"").with_query(b"response_type=code&client_id=key-client");
            assert_eq!(page(run(bank.engine.authorize(&request, at(0)))), PAGE, "{fault}");
            assert!(has(&bank.events.take(), fault), "{fault}");
        }
        assert!(bank.store.bytes().is_empty(), "{fault}");
    }
    // One that says what the profile says, and one that says nothing.
    for client in [key(|client| client.rotation(Rotation::Never)), key_client()] {
        let bank = bank(Arc::new(Shelf::default()), [client], |builder| builder);
        bank.login(&key_app(), 0);
    }
}

/// FAPI 2.0 Security Profile section 5.3.2.1, items 3 and 6; RFC 7591 section 3.2.2: no id is given out that is refused wherever it comes.
#[test]
fn nobody_registers_who_would_be_refused_everywhere() {
    let clients =
        StatelessClients::new(StaticClients::new(), ClientIdKeys::new(&RootSecret::from_bytes(2, &[3; 32]), None));
    let (store, events) = (Arc::new(Shelf::default()), Events::default());
    let clients = clients.with_scope(scope("read")).with_private_key_jwt(true);
    let engine = profiled(Arc::clone(&store), clients, Profile::Fapi2Security, &events)
        .endpoints(endpoints().with_registration("/register"))
        .signed_requests()
        .registration()
        .build()
        .unwrap();
    let register = |says: &Value| {
        let body = says.to_string();
        let request = Request::new("POST", body.as_bytes()).with_header("content-type", b"application/json");
        Reply::of(&run(engine.register(&request, at(0))))
    };
    let keyed = || {
        json!({
            "redirect_uris": ["https://app.example/cb"],
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": keys_of(&["one"]),
        })
    };
    let with = |name: &str, value: Value| {
        let mut says = keyed();
        says[name] = value;
        says
    };
    for says in [
        json!({"redirect_uris": ["https://app.example/cb"]}),
        json!({"redirect_uris": ["https://app.example/cb"], "token_endpoint_auth_method": "none"}),
        json!({"redirect_uris": ["https://app.example/cb"], "token_endpoint_auth_method": "client_secret_post"}),
        with("token_endpoint_auth_signing_alg", json!("RS256")),
        with("request_object_signing_alg", json!("RS256")),
    ] {
        assert_eq!(said(&register(&says)), "400 invalid_client_metadata", "{says}");
    }
    assert_eq!(register(&keyed()).status, 201);
    assert_eq!(register(&with("token_endpoint_auth_signing_alg", json!("PS256"))).status, 201);
}

/// Item 3: confidential clients alone.
#[test]
fn a_public_client_is_none_of_fapi_2_0() {
    let public = Client::public("phone")
        .grant_type("authorization_code")
        .redirect_uri("https://app.example/cb")
        .scope(scope("accounts"));
    let bank = bank(Arc::new(Shelf::default()), [key_client(), public], |builder| builder);
    let phone = App { id: "phone".into(), signer: None, ..key_app() };
    let says = asking(&phone, &Pkce::new());
    assert_eq!(said(&bank.push(&phone, &says, 0)), "401 invalid_client");
    assert!(has(&bank.events.take(), "Public"));
    let code = bank.send(Place::Token, &phone, "grant_type=authorization_code&code=x", 0);
    assert_eq!(said(&code), "401 invalid_client");
    let request = Request::new("GET", b"").with_query(b"response_type=code&client_id=phone");
    assert_eq!(page(run(bank.engine.authorize(&request, at(0)))), PAGE);
}

/// How a resource server authenticates is between it and the host: section 5.3.2.1 is about clients.
#[test]
fn a_resource_server_introspects_as_ever() {
    let api = Client::confidential("api").secret(secret(SECRET)).resource_server(true);
    let other = Client::confidential("other").secret(secret(OTHER_SECRET));
    let bank = bank(Arc::new(Shelf::default()), [key_client(), api, other], |builder| builder);
    let token = bank.login(&key_app(), 0).access_token();
    let ask = |id: &str, secret: &str| {
        let ask = form(format!("token={token}")).authorization(basic(id, secret));
        Reply::of(&run(bank.engine.introspect(&ask.request(), at(1))))
    };
    assert_eq!(ask("api", SECRET).json()["active"], true);
    assert_eq!(said(&ask("other", OTHER_SECRET)), "401 invalid_client");
}

/// The atproto specification, "Client ID Metadata Document", "Request Fields", "Tokens and Session Lifetime".
#[test]
fn a_document_that_contradicts_atproto_is_refused() {
    let phone_with = |name: &str, value: Value| {
        let mut document = phone_document();
        document[name] = value;
        (phone(), document)
    };
    let service_with = |name: &str, value: Value| {
        let mut document = service_document(&keys_of(&["one"]));
        document[name] = value;
        (service(), document)
    };
    for ((app, document), fault) in [
        (phone_with("dpop_bound_access_tokens", json!(false)), "Unbound"),
        (phone_with("scope", json!("transition:generic")), "Scope"),
        (phone_with("redirect_uris", json!(["com.example.evil:/callback"])), "RedirectUri"),
        (phone_with("redirect_uris", json!(["com.example.app://callback"])), "RedirectUri"),
        (phone_with("redirect_uris", json!(["com.example.app:/callback", "http://127.0.0.1/"])), "RedirectUri"),
        (phone_with("redirect_uris", json!(["https://elsewhere.example/cb"])), "RedirectUri"),
        (service_with("client_uri", json!("https://elsewhere.example")), "ClientUri"),
    ] {
        let site = site();
        site.puts(&app.id, &document);
        let square = square(Arc::new(Shelf::default()), &site, &Hand::default(), |builder| builder);
        assert_eq!(said(&square.push(&app, &asking(&app, &Pkce::new()), 0)), "400 unauthorized_client", "{document}");
        let events = square.events.take();
        assert!(has(&events, fault), "{document}: {events:?}");
    }
    // What keeps to it: a page of the web may be elsewhere than its document, an app at its own host.
    for (app, document) in [
        phone_with("client_uri", json!("https://app.example.com/about")),
        service_with("redirect_uris", json!(["https://app.example.com/cb", "https://www.example.com:8443/cb"])),
    ] {
        let site = site();
        site.puts(&app.id, &document);
        let square = square(Arc::new(Shelf::default()), &site, &Hand::default(), |builder| builder);
        square.login(&app, 0);
    }
}

/// "Client ID Metadata Document": the member has to be there, and be `true`.
#[test]
fn a_document_has_to_say_that_its_tokens_are_bound() {
    let (site, mut document) = (site(), phone_document());
    document.as_object_mut().unwrap().remove("dpop_bound_access_tokens");
    site.puts(PHONE, &document);
    let square = square(Arc::new(Shelf::default()), &site, &Hand::default(), |builder| builder);
    assert_eq!(said(&square.push(&phone(), &asking(&phone(), &Pkce::new()), 0)), "400 unauthorized_client");
    assert!(has(&square.events.take(), "Unbound"));
}

/// "Clients": no port.
#[test]
fn a_client_id_has_no_port() {
    let site = site();
    let id = "https://app.example.com:8443/phone.json";
    let mut document = phone_document();
    document["client_id"] = json!(id);
    site.puts(id, &document);
    let square = square(Arc::new(Shelf::default()), &site, &Hand::default(), |builder| builder);
    let app = App { id: id.into(), ..phone() };
    assert_eq!(said(&square.push(&app, &asking(&app, &Pkce::new()), 0)), "400 unauthorized_client");
    assert!(has(&square.events.take(), "ClientId"));
}

/// "Tokens and Session Lifetime": what a host gives such clients is judged like the rest.
#[test]
fn lifetimes_of_documents_that_are_too_long_are_refused() {
    let days = |days: u64| Duration::from_secs(days * 86_400);
    let fits = Lifetimes::default().with_access_token(Duration::from_secs(300));
    for (lifetimes, phone_fits, service_fits) in [
        (fits.with_idle(days(14)).with_absolute(Some(days(14))), true, true),
        (fits.with_idle(days(15)).with_absolute(Some(days(14))), false, true),
        (fits.with_idle(days(14)).with_absolute(Some(days(15))), false, true),
        (fits.with_idle(days(14)).with_absolute(None), false, true),
        (fits.with_idle(days(180)).with_absolute(None), false, true),
        (fits.with_idle(days(181)).with_absolute(None), false, false),
        (
            fits.with_access_token(Duration::from_secs(1_800)).with_idle(days(1)).with_absolute(Some(days(1))),
            false,
            false,
        ),
    ] {
        let (site, hand) = (site(), Hand::default());
        let clients = strangers(&site, &hand).with_lifetimes(lifetimes);
        let events = crate::kit::Events::default();
        let store = Arc::new(Shelf::default());
        let profile = regrant::engine::Profile::Atproto;
        let engine = crate::kit::profiles::profiled(Arc::clone(&store), clients, profile, &events)
            .endpoints(crate::kit::profiles::endpoints().with_scopes(scope(SQUARE_SCOPE)))
            .fetch(site.clone())
            .build()
            .unwrap();
        let square = crate::kit::profiles::Desk { engine, store, events };
        for (app, fits) in [(phone(), phone_fits), (service(), service_fits)] {
            let answer = said(&square.push(&app, &asking(&app, &Pkce::new()), 0));
            assert_eq!(answer, if fits { "201" } else { "400 unauthorized_client" }, "{lifetimes:?}");
            assert_eq!(has(&square.events.take(), "Lifetimes"), !fits);
        }
    }
}

/// What a page is asked for by GET, without a push.
#[test]
fn a_page_says_that_a_client_is_none() {
    let site = site();
    site.puts(SERVICE, &{
        let mut document = service_document(&keys_of(&["one"]));
        document["scope"] = json!("transition:generic");
        document
    });
    let square = square(Arc::new(Shelf::default()), &site, &Hand::default(), |builder| builder);
    let query = format!("response_type=code&client_id={SERVICE}");
    let request = Request::new("GET", b"").with_query(query.as_bytes());
    assert_eq!(page(run(square.engine.authorize(&request, at(0)))), PAGE);
    assert!(has(&square.events.take(), "Scope"));
}

/// Clients that the host made itself are its own, ids and redirect URIs too; the rest of the profile is for them as well.
#[test]
fn a_client_made_by_hand_is_served_beside_the_others() {
    let by_hand = |client: ClientBuilder| {
        let client = client
            .grant_type("authorization_code")
            .grant_type("refresh_token")
            .redirect_uri("https://app.example/cb")
            .scope(scope(SQUARE_SCOPE));
        let clients = regrant::StaticClients::new().with(client.build().unwrap()).unwrap();
        let clients = regrant::fetch::DocumentClients::new(clients, site())
            .with_scope(scope(SQUARE_SCOPE))
            .with_private_key_jwt(true);
        let (store, events) = (Arc::new(Shelf::default()), crate::kit::Events::default());
        let engine =
            crate::kit::profiles::profiled(Arc::clone(&store), clients, regrant::engine::Profile::Atproto, &events)
                .endpoints(crate::kit::profiles::endpoints().with_scopes(scope(SQUARE_SCOPE)))
                .fetch(site())
                .build()
                .unwrap();
        crate::kit::profiles::Desk { engine, store, events }
    };
    let own = |id: &str| App { id: id.into(), redirect_uri: "https://app.example/cb", ..phone() };
    let keyed = Client::confidential("own").keys(crate::kit::signer::Signer::new("one").keys());
    by_hand(Client::public("own")).login(&own("own"), 0);
    by_hand(keyed.clone().private_key_jwt(true)).login(&own("own").with_signer("one"), 0);
    for (client, fault) in [
        (Client::confidential("own").secret(secret(SECRET)), "AuthMethod"),
        (keyed.clone().self_signed_tls_client_auth(true), "AuthMethod"),
        (keyed.clone().private_key_jwt(true).danger_token_endpoint_as_audience(true), "Audience"),
        // "Identity Authentication": `sub` of the answer is the account's one name.
        (keyed.private_key_jwt(true).pairwise_subjects(), "PairwiseSubjects"),
    ] {
        let square = by_hand(client);
        let query = "response_type=code&client_id=own&redirect_uri=https%3A%2F%2Fapp.example%2Fcb";
        square.approve(query, Authorization::of("alice"), 0).unwrap_err();
        assert!(has(&square.events.take(), fault), "{fault}");
    }
}
