//! Documents that clients are known by: each rule of draft-ietf-oauth-client-id-metadata-document and of what it builds on, by a
//! row that breaks it.

use regrant::client::MetadataFault::{self, *};
use regrant::client::RedirectUriFault as Uri;
use regrant::event::Refusal;
use serde_json::{Value, json};

use crate::kit::events::Recorder;
use crate::kit::portal::{CALLBACK, Landing, query, run};
use crate::kit::{Shelf, at};
use crate::site::{APP, Hand, Web, document, port, port_on, shown, strangers};

/// The usual document with another value, or none, in the place of a member.
fn with(name: &str, value: Value) -> String {
    let mut document = document(APP);
    document[name] = value;
    document.to_string()
}

fn without(name: &str) -> String {
    let mut document = document(APP);
    document.as_object_mut().unwrap().remove(name);
    document.to_string()
}

fn uri(uri: &str) -> String {
    with("redirect_uris", json!([CALLBACK, uri]))
}

fn keys(keys: &Value) -> String {
    with("jwks", json!({ "keys": keys }))
}

fn refused() -> Vec<(String, MetadataFault)> {
    vec![
        // "Client Metadata Document": a JSON document. RFC 8259 sections 2, 4 and 8.1.
        (String::new(), NotJson),
        ("<html>".into(), NotJson),
        (with("x", json!(1)).replace('}', ""), NotJson),
        (format!("{}x", document(APP)), NotJson),
        (format!("\u{feff}{}", document(APP)), NotJson),
        ("[]".into(), NotAnObject),
        ("null".into(), NotAnObject),
        (format!("[{}]", document(APP)), NotAnObject),
        (json!(document(APP).to_string()).to_string(), NotAnObject),
        (document(APP).to_string().replacen('{', "{\"client_id\":\"https://evil.example/\",", 1), Repeated),
        (document(APP).to_string().replacen('{', "{\"redirect\\u005furis\":[],", 1), Repeated),
        // "MUST contain a client_id property whose value MUST match the URL of the document using simple string comparison".
        (without("client_id"), ClientId),
        (with("client_id", Value::Null), ClientId),
        (with("client_id", json!("")), ClientId),
        (with("client_id", json!("App")), ClientId),
        (with("client_id", json!("https://app.example/client.json?")), ClientId),
        (with("client_id", json!("https://app.example/client.json#")), ClientId),
        (with("client_id", json!("https://app.example/client.json/")), ClientId),
        (with("client_id", json!("https://app.example/x/../client.json")), ClientId),
        (with("client_id", json!("https://app.example/client%2Ejson")), ClientId),
        (with("client_id", json!("https://app.example:443/client.json")), ClientId),
        (with("client_id", json!("https://APP.example/client.json")), ClientId),
        (with("client_id", json!("http://app.example/client.json")), ClientId),
        (with("client_id", json!(" https://app.example/client.json")), ClientId),
        // Poisoning across ids: another's document, served here.
        (document("https://other.example/client.json").to_string(), ClientId),
        (with("client_id", json!([APP])), Type),
        (with("client_id", json!({ "url": APP })), Type),
        // "the client_secret and client_secret_expires_at properties MUST NOT be used", nor "any other method based around a
        // shared symmetric secret".
        (with("client_secret", json!("a-secret-of-32-characters-or-more")), SharedSecret),
        (with("client_secret", json!("")), SharedSecret),
        (with("client_secret", json!(1)), SharedSecret),
        (with("client_secret_expires_at", json!(0)), SharedSecret),
        (with("token_endpoint_auth_method", json!("client_secret_basic")), SharedSecret),
        (with("token_endpoint_auth_method", json!("client_secret_post")), SharedSecret),
        (with("token_endpoint_auth_method", json!("client_secret_jwt")), SharedSecret),
        // What cannot be checked here is not taken for a public client.
        (with("token_endpoint_auth_method", json!("private_key_jwt")), NoUsableKey),
        (with("token_endpoint_auth_method", json!("tls_client_auth")), DocumentAuthMethod),
        (with("token_endpoint_auth_method", json!("self_signed_tls_client_auth")), DocumentAuthMethod),
        (with("token_endpoint_auth_method", json!("attest_jwt_client_auth")), DocumentAuthMethod),
        (with("token_endpoint_auth_method", json!("None")), DocumentAuthMethod),
        (with("token_endpoint_auth_method", json!(["none"])), Type),
        // RFC 7591 section 2: redirect URIs, checked as at registration.
        (without("redirect_uris"), NoRedirectUri),
        (with("redirect_uris", json!([])), NoRedirectUri),
        (with("redirect_uris", json!(CALLBACK)), Type),
        (with("redirect_uris", json!([1])), Type),
        (
            with("redirect_uris", json!((0..17).map(|n| format!("https://app.example/{n}")).collect::<Vec<_>>())),
            TooManyRedirectUris,
        ),
        (uri("https://app.example/cb#x"), RedirectUri(Uri::Fragment)),
        (uri("http://app.example/cb"), RedirectUri(Uri::Http)),
        (uri("http://169.254.169.254/latest"), RedirectUri(Uri::Http)),
        (uri("https://user@app.example/cb"), RedirectUri(Uri::Malformed)),
        (uri("/cb"), RedirectUri(Uri::Malformed)),
        (uri("javascript:alert(1)"), RedirectUri(Uri::BrowserScheme)),
        (uri("data:text/html,x"), RedirectUri(Uri::BrowserScheme)),
        (uri("vscode://vendor.extension/cb"), RedirectUri(Uri::SchemeWithoutDot)),
        (uri("https://app.example/cb?code=fixed"), RedirectUri(Uri::ResponseParameter)),
        (uri(&format!("https://app.example/{}", "x".repeat(2_048))), RedirectUri(Uri::TooLong)),
        (with("application_type", json!("web")), RedirectUriOfWebApplication),
        (with("application_type", json!("desktop")), ApplicationType),
        // Grant and response types.
        (with("grant_types", json!(["client_credentials"])), GrantTypes),
        (with("grant_types", json!(["refresh_token"])), GrantTypes),
        (with("grant_types", json!([])), GrantTypes),
        (with("response_types", json!(["token"])), ResponseTypes),
        // What a page shows.
        (with("client_name", json!("a\nb")), Text),
        (with("client_name", json!("abc\u{202e}def")), Text),
        (with("client_name", json!("x".repeat(129))), Text),
        (with("client_uri", json!("javascript:alert(1)")), Link),
        (with("logo_uri", json!("http://app.example/logo.png")), Link),
        (with("policy_uri", json!("https://u:p@app.example/")), Link),
        (with("tos_uri", json!("data:text/html,x")), Link),
        (with("contacts", json!(vec!["a"; 9])), TooManyContacts),
        (with("scope", json!("a  b")), Scope),
        (with("scope", json!(["a", "b"])), Type),
        // RFC 7591 section 2; RFC 7518 section 6.
        (with("jwks_uri", json!("http://app.example/jwks")), Link),
        (with("jwks_uri", json!("https://app.example/jwks#a")), Link),
        (with("jwks", json!([])), Type),
        (with("jwks", json!({})), Keys),
        (keys(&json!([{ "kty": "oct", "k": "AAAA" }])), PrivateKey),
        (
            keys(&json!([{ "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA" }, { "kty": "EC", "d": "AAAA" }])),
            PrivateKey,
        ),
        (keys(&json!([{ "kty": "RSA", "n": "AA", "e": "AQAB", "p": "AA" }])), PrivateKey),
        (keys(&json!(["AAAA"])), PrivateKey),
    ]
}

#[test]
fn a_document_that_breaks_a_rule_is_shown_so_and_not_kept() {
    let rows = refused();
    assert!(rows.len() >= 60);
    for (body, fault) in rows {
        let (web, clock, told) = (Web::usual(), Hand::new(), Recorder::default());
        web.answers(APP, 200, "application/json", body.clone().into_bytes());
        let recorder = told.clone();
        let port = port_on(Shelf::default().into(), strangers(&web, &clock), |builder| builder.events(recorder));
        let (status, description, wait) = shown(&port, &query(APP));
        assert_eq!((status, description, wait), (400, &*fault.to_string(), None), "{body}");
        let why = Refusal::from(regrant::event::ClientRefusal::Document(fault));
        assert!(told.take().contains(&crate::kit::events::Seen::Refused { grant: None, why }), "{body}");
        assert!(body.len() < 20 || !description.contains("app.example"), "input is not echoed");
        // A document that is mended is found at once.
        web.puts(APP, &document(APP));
        assert!(
            run(port.engine.authorize(&regrant::Request::new("GET", b"").with_query(query(APP).as_bytes()), at(0)))
                .is_ok()
        );
        assert_eq!(web.fetches(), 2, "{body}");
    }
}

#[test]
fn what_is_not_known_here_is_passed_by() {
    for body in [
        document(APP).to_string(),
        without("token_endpoint_auth_method"),
        without("client_name"),
        without("response_types"),
        with("token_endpoint_auth_method", Value::Null),
        with("client_secret", Value::Null),
        with("software_statement", json!("a.b.c")),
        with("client_id_expires_at", json!(1)),
        with("scope", json!("nobody has heard:of this")),
        with("scope", json!("read write offline_access")),
        with("grant_types", json!(["authorization_code", "refresh_token", "password", "client_credentials"])),
        with("response_types", json!(["code", "code id_token"])),
        with("jwks_uri", json!("https://app.example/jwks")),
        keys(&json!([{ "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "1", "use": "sig" }])),
        format!("  {}\r\n", document(APP)),
    ] {
        let (web, clock) = (Web::usual(), Hand::new());
        web.answers(APP, 200, "application/oauth-client+json; charset=utf-8", body.clone().into_bytes());
        let port = port(strangers(&web, &clock));
        let query = query(APP).replace("&scope=openid+read", "");
        let landing = Landing::of(&run(async {
            let request = regrant::Request::new("GET", b"").with_query(query.as_bytes());
            let asked = port.engine.authorize(&request, at(0)).await.unwrap();
            assert!(asked.client().is_stranger() && asked.client().is_public(), "{body}");
            assert!(!asked.client().may_use("client_credentials") && !asked.client().may_use("password"), "{body}");
            port.engine.approve(&asked, regrant::Authorization::of("alice"), at(0)).await.unwrap().response
        }));
        assert!(landing.get("code").is_some(), "{body}: {landing:?}");
    }
}

/// What comes of a fetch and is no document at all.
#[test]
fn an_answer_without_a_document_is_unavailable_and_not_kept() {
    let good = || document(APP).to_string().into_bytes();
    let large = with("x", json!("x".repeat(5 * 1_024))).into_bytes();
    for (status, content_type, body) in [
        (301, "application/json", good()),
        (302, "application/json", good()),
        (304, "application/json", good()),
        (201, "application/json", good()),
        (206, "application/json", good()),
        (404, "application/json", good()),
        (410, "application/json", good()),
        (500, "application/json", good()),
        (200, "text/html", good()),
        (200, "text/json", good()),
        (200, "application/octet-stream", good()),
        (200, "application/json+x", good()),
        (200, "", good()),
        (200, "application/json", large),
    ] {
        let (web, clock) = (Web::default(), Hand::new());
        web.answers(APP, status, content_type, body);
        let port = port(strangers(&web, &clock));
        let (answered, _, wait) = shown(&port, &query(APP));
        assert_eq!((answered, wait), (503, None), "{status} {content_type}");
        let events = port.events.take().join("\n");
        assert!(events.contains("ClientDocument"), "the host hears of it: {events}");
        web.puts(APP, &document(APP));
        assert!(port.approve(&query(APP), regrant::Authorization::of("alice"), at(0)).get("code").is_some());
    }
}

/// Section "Client Identifier": what is no such URL is an unknown client's, and nothing is fetched for it.
#[test]
fn an_id_that_is_no_url_of_a_document_is_unknown() {
    let (web, clock) = (Web::usual(), Hand::new());
    let port = port(strangers(&web, &clock));
    for id in [
        "nobody",
        "http://app.example/client.json",
        "HTTPS://app.example/client.json",
        "https://app.example",
        "https://app.example/a/../client.json",
        "https://app.example/./client.json",
        "https://app.example/%2e%2e/client.json",
        "https://user@app.example/client.json",
        "https://user:password@app.example/client.json",
        "https://app.example/client.json%23x",
        "https://127.0.0.1/client.json",
        "https://[::1]/client.json",
        "https://2130706433/client.json",
        "https://localhost/client.json",
        "https://app.localhost/client.json",
        "https://intranet/client.json",
        "https://app.example:22/client.json",
        "https://App.example/client.json",
        "ftp://app.example/client.json",
    ] {
        // `%23` is a fragment once the form is decoded.
        let asked = query(APP).replace(&format!("client_id={APP}"), &format!("client_id={id}"));
        assert_eq!(shown(&port, &asked).0, 400, "{id}");
        let reply = port.token(id, "grant_type=refresh_token&refresh_token=x", at(0));
        assert_eq!(reply.outcome(), (401, Some("invalid_client".into())), "{id}");
    }
    assert_eq!(web.fetched(), Vec::<String>::new());
}

/// RFC 3986: an id may have encoded characters, and then has them everywhere.
#[test]
fn an_id_may_be_percent_encoded() {
    let (web, clock, url) = (Web::default(), Hand::new(), "https://app.example/a%20b/c+d.json?v=1");
    web.puts(url, &document(url));
    let port = port(strangers(&web, &clock));
    let encoded: String = form_urlencoded::byte_serialize(url.as_bytes()).collect();
    let query = query("X").replace("client_id=X", &format!("client_id={encoded}"));
    let landing = port.approve(&query, regrant::Authorization::of("alice"), at(0));
    let redemption = crate::kit::portal::redemption("X", landing.get("code").unwrap());
    let tokens = port.token(&encoded, &redemption, at(1));
    tokens.assert_ok();
    port.token(&encoded, &crate::kit::renewal(&tokens.refresh_token()), at(2)).assert_ok();
    assert_eq!(web.fetched(), [url]);
}
