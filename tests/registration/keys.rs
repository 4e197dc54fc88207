//! Clients that nobody made by hand and that authenticate by keys: RFC 7591 section 2, RFC 7523; draft-ietf-oauth-client-id-metadata-document,
//! "Client Authentication". They have no secret.

use regrant::client::MetadataFault;
use regrant::{BuildError, Engine, MemoryStore};
use serde_json::{Value, json};

use crate::desk::{Desk, desk, json_post, root, site, strangers};
use crate::kit::portal::{CALLBACK, Portal, VERIFIER, run};
use crate::kit::signer::{Signer, with_assertion};
use crate::kit::{Reply, Shelf, at, form, renewal};
use crate::site::{APP, Hand, Port, Web, document, port_on};

const JWKS: &str = "https://site.example/jwks.json";

fn signer() -> Signer {
    Signer::new("one")
}

fn with_keys() -> Value {
    let mut metadata = site();
    metadata["token_endpoint_auth_method"] = json!("private_key_jwt");
    metadata["jwks"] = signer().jwks();
    metadata
}

fn with_uri() -> Value {
    let mut metadata = site();
    metadata["token_endpoint_auth_method"] = json!("private_key_jwt");
    metadata["jwks_uri"] = json!(JWKS);
    metadata
}

fn keyed_desk(web: &Web) -> Desk {
    desk(strangers().with_private_key_jwt(true), |builder| builder.root_secret(root(7)).fetch(web.clone()))
}

/// A site that has its keys where it says.
fn web() -> Web {
    let web = Web::default();
    web.puts(JWKS, &signer().jwks());
    web
}

type At<C> = Portal<std::sync::Arc<Shelf>, C>;

fn code<C: regrant::Clients>(portal: &At<C>, id: &str, redirect_uri: &str) -> String {
    let query = format!("{}&scope=read", crate::kit::portal::query("native").split("&redirect_uri").next().unwrap());
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let query = query.replace("client_id=native", &format!("client_id={}", encode(id)));
    let query = format!("{query}&redirect_uri={}{}", encode(redirect_uri), crate::kit::portal::PKCE);
    portal.approve(&query, regrant::Authorization::of("alice"), at(0)).get("code").unwrap().to_owned()
}

fn redemption(code: &str, redirect_uri: &str) -> String {
    format!("grant_type=authorization_code&code={code}&redirect_uri={redirect_uri}&code_verifier={VERIFIER}")
}

fn send<C: regrant::Clients>(portal: &At<C>, id: &str, body: &str, jti: &str, secs: u64) -> Reply {
    let ask = form(with_assertion(body, &signer().assertion(id, jti, secs)));
    Reply::of(&run(portal.engine.token(&ask.request(), at(secs))))
}

#[test]
fn keys_fit_an_id_and_there_is_no_secret() {
    let desk = keyed_desk(&web());
    let mut metadata = with_keys();
    // One key of each kind, and one that is said to be for one algorithm.
    metadata["jwks"]["keys"][1]["alg"] = json!("ES256");
    metadata["token_endpoint_auth_signing_alg"] = json!("EdDSA");
    let registered = desk.register(&metadata);
    let id = registered["client_id"].as_str().unwrap();
    assert!(id.len() <= 512, "{}", id.len());
    assert_eq!(registered["token_endpoint_auth_method"], "private_key_jwt");
    assert_eq!(registered["token_endpoint_auth_signing_alg"], "EdDSA");
    assert_eq!(registered["jwks"]["keys"].as_array().unwrap().len(), 2);
    for secret in ["client_secret", "client_secret_expires_at"] {
        assert_eq!(registered.get(secret), None);
    }
    let code = code(&desk, id, "https://site.example/cb");
    let first = send(&desk, id, &redemption(&code, "https://site.example/cb"), "a", 0);
    let token = first.assert_ok().refresh_token();
    send(&desk, id, &renewal(&token), "b", 1).assert_ok();
    // Who knows the id alone is nobody.
    let reply =
        Reply::of(&run(desk.engine.token(&form(format!("{}&client_id={id}", renewal(&token))).request(), at(2))));
    reply.assert_error(401, "invalid_client");
}

/// One key of P-256, a name and a redirect URI.
#[test]
fn the_usual_id_stays_short() {
    let desk = keyed_desk(&web());
    let mut metadata = with_keys();
    let keys = metadata["jwks"]["keys"].as_array_mut().unwrap();
    keys.remove(0);
    let id = desk.register(&metadata)["client_id"].as_str().unwrap().to_owned();
    assert!(id.len() < 255, "{}", id.len());
}

/// No stranger's token request makes this server fetch anything; a genuine code or token does.
#[test]
fn keys_elsewhere_are_fetched_with_a_licence_alone() {
    let web = web();
    let desk = keyed_desk(&web);
    let registered = desk.register(&with_uri());
    assert_eq!(registered["jwks_uri"], JWKS);
    let id = registered["client_id"].as_str().unwrap();
    for body in
        ["grant_type=client_credentials", "grant_type=urn:nobody", &renewal("made-up"), "grant_type=refresh_token"]
    {
        let reply = send(&desk, id, body, "a", 0);
        assert!(reply.status == 400 || reply.status == 401, "{reply:?}");
        assert!(desk.store.bytes().is_empty());
    }
    assert_eq!(web.fetches(), 0);
    let code = code(&desk, id, "https://site.example/cb");
    let token = send(&desk, id, &redemption(&code, "https://site.example/cb"), "a", 0).assert_ok().refresh_token();
    assert_eq!(web.fetched(), [JWKS]);
    // A site that is down, after a restart.
    web.is_down(true);
    let after = crate::desk::desk_on(desk.store.clone(), strangers().with_private_key_jwt(true), |builder| {
        builder.root_secret(root(7)).fetch(web.clone())
    });
    send(&after, id, &renewal(&token), "b", 1).assert_error(503, "temporarily_unavailable");
    web.is_down(false);
    send(&after, id, &renewal(&token), "b", 2).assert_ok();
}

#[test]
fn each_rule_by_a_row_that_breaks_it() {
    let desk = keyed_desk(&web());
    let with = |name: &str, value: Value| {
        let mut metadata = with_keys();
        metadata[name] = value;
        metadata
    };
    let key = |name: &str, value: Value| {
        let mut metadata = with_keys();
        metadata["jwks"]["keys"][0][name] = value;
        metadata
    };
    let rsa = json!({"kty": "RSA", "e": "AQAB", "n": format!("u{}Q", "0".repeat(340))});
    for (metadata, fault) in [
        (with("jwks", Value::Null), MetadataFault::NoUsableKey),
        (with("jwks", json!({ "keys": [] })), MetadataFault::NoUsableKey),
        (
            with("jwks", json!({ "keys": [{ "kty": "EC", "crv": "P-521", "x": "AA", "y": "AA" }] })),
            MetadataFault::NoUsableKey,
        ),
        (with("jwks", json!({ "keys": [{ "kty": "oct", "k": "AAAA" }] })), MetadataFault::PrivateKey),
        (key("d", json!("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")), MetadataFault::PrivateKey),
        (with("jwks", json!({ "keys": [rsa] })), MetadataFault::KeyTooLongForAnId),
        (with("jwks_uri", json!(JWKS)), MetadataFault::Keys),
        (with("token_endpoint_auth_signing_alg", json!("none")), MetadataFault::SigningAlgorithm),
        (with("token_endpoint_auth_signing_alg", json!("HS256")), MetadataFault::SigningAlgorithm),
        (key("kid", json!("k".repeat(600))), MetadataFault::TooLongForAnId),
    ] {
        let reply = desk.ask_to_register(&json_post(metadata.to_string()), at(0));
        reply.assert_error(400, "invalid_client_metadata");
        assert_eq!(reply.text("error_description"), fault.to_string(), "{metadata}");
    }
}

/// RFC 7591 section 3.2.2: 400, and not a client that is answered 503 for ever. What is there is fetched, or could be.
#[test]
fn keys_that_are_never_fetched_are_refused() {
    let never = [
        "https://localhost/jwks.json",
        "https://127.0.0.1/jwks.json",
        "https://[2001:db8::1]/jwks.json",
        "https://jwks/keys.json",
        "https://APP.example/jwks.json",
        "https://app.example:443/jwks.json",
        "https://app.example:22/jwks.json",
        "https://app.example",
        "https://app.example/../jwks.json",
    ];
    let web = web();
    let clock = Hand::new();
    let clients = || crate::site::strangers(&web, &clock).with_private_key_jwt(true);
    let port = |fetches: bool| -> Port {
        port_on(std::sync::Arc::default(), clients(), |builder| {
            let builder = builder.root_secret(root(7));
            if fetches { builder.fetch(web.clone()) } else { builder }
        })
    };
    let refused = |desk: &Desk, metadata: &Value, fault: MetadataFault| {
        let reply = desk.ask_to_register(&json_post(metadata.to_string()), at(0));
        reply.assert_error(400, "invalid_client_metadata");
        assert_eq!(reply.text("error_description"), fault.to_string(), "{metadata}");
    };
    let shown = |port: &Port, uri: &str| {
        let mut said = document(APP);
        (said["token_endpoint_auth_method"], said["jwks_uri"]) = (json!("private_key_jwt"), json!(uri));
        web.puts(APP, &said);
        crate::site::shown(port, &crate::kit::portal::query(APP))
    };
    for uri in never {
        let mut metadata = with_uri();
        metadata["jwks_uri"] = json!(uri);
        refused(&keyed_desk(&web), &metadata, MetadataFault::JwksUri);
        assert_eq!(shown(&port(true), uri), (400, &*MetadataFault::JwksUri.to_string(), None), "{uri}");
    }
    let without_fetch = desk(strangers().with_private_key_jwt(true), |builder| builder.root_secret(root(7)));
    refused(&without_fetch, &with_uri(), MetadataFault::JwksUriNotServed);
    assert_eq!(shown(&port(false), JWKS), (400, &*MetadataFault::JwksUriNotServed.to_string(), None));
    without_fetch.register(&with_keys());
    // Where it is of no use to this client nobody looks.
    let mut public = site();
    public["jwks_uri"] = json!("https://localhost/jwks.json");
    without_fetch.register(&public);
}

#[test]
fn off_until_it_is_asked_for() {
    let desk = Desk::usual();
    let reply = desk.ask_to_register(&json_post(with_keys().to_string()), at(0));
    assert_eq!(reply.text("error_description"), MetadataFault::AuthMethod.to_string());
    let builder =
        Engine::builder(MemoryStore::new(), strangers().with_private_key_jwt(true)).issuer("https://id.example");
    assert_eq!(builder.build().err(), Some(BuildError::RootSecretForAssertions));
    let builder = Engine::builder(MemoryStore::new(), strangers()).issuer("https://id.example");
    assert!(builder.build().is_ok(), "a feature changes nothing by itself");
}

/// A client that is known by a document, with its keys beside it.
#[test]
fn a_document_with_keys() {
    for by_value in [true, false] {
        let web = web();
        let mut said = document(APP);
        said["token_endpoint_auth_method"] = json!("private_key_jwt");
        if by_value {
            said["jwks"] = signer().jwks();
        } else {
            said["jwks_uri"] = json!(JWKS);
        }
        web.puts(APP, &said);
        let clock = Hand::new();
        let clients = || crate::site::strangers(&web, &clock);
        let port: Port = port_on(std::sync::Arc::default(), clients().with_private_key_jwt(true), |builder| {
            builder.root_secret(root(7)).fetch(web.clone())
        });
        let code = code(&port, APP, CALLBACK);
        let token = send(&port, APP, &redemption(&code, CALLBACK), "a", 0).assert_ok().refresh_token();
        send(&port, APP, &renewal(&token), "b", 1).assert_ok();
        let stranger = form(format!("{}&client_id={APP}", renewal(&token)));
        Reply::of(&run(port.engine.token(&stranger.request(), at(2)))).assert_error(401, "invalid_client");
        assert_eq!(web.fetches(), if by_value { 1 } else { 2 });
        // Without the switch, it is no client here.
        let off: Port = port_on(std::sync::Arc::default(), clients(), |builder| builder);
        let query = crate::kit::portal::query("native").replace("client_id=native", &format!("client_id={APP}"));
        let (status, description, _) = crate::site::shown(&off, &query);
        assert_eq!((status, description), (400, MetadataFault::DocumentAuthMethod.to_string().as_str()));
    }
}

/// What nobody by hand let in leaves nothing behind (law 20): its assertions are valid without end, and where requests are pushed there is
/// nothing to gain by one that was used.
#[test]
fn what_it_pushes_leaves_no_marker() {
    let desk = desk(strangers().with_private_key_jwt(true), |builder| {
        builder.root_secret(root(7)).pushed_authorization_requests()
    });
    let registered = desk.register(&with_keys());
    let id = registered["client_id"].as_str().unwrap();
    let query = format!(
        "response_type=code&client_id={id}&redirect_uri=https%3A%2F%2Fsite.example%2Fcb{}",
        crate::kit::portal::PKCE
    );
    for jti in ["a", "b", "a"] {
        let ask = form(with_assertion(&query, &signer().assertion(id, jti, 0)));
        assert_eq!(Reply::of(&run(desk.engine.push(&ask.request(), at(0)))).status, 201);
        assert!(desk.store.bytes().is_empty());
    }
    let forged = Signer::new("evil").assertion(id, "c", 0);
    let ask = form(with_assertion(&query, &forged));
    Reply::of(&run(desk.engine.push(&ask.request(), at(0)))).assert_error(401, "invalid_client");
}
