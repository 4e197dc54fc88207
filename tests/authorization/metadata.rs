//! RFC 8414 and OpenID Connect Discovery: what is enabled is advertised, and nothing else.

use regrant::http::EndpointService;
use regrant::{BuildError, Client, Endpoints, Engine, EngineBuilder, JwtAccessTokens, MemoryStore, StaticClients};
use serde_json::{Value, json};
use std::sync::Arc;

use super::world::{Directory, ISSUER, KEY, bank};
use crate::common::scope;

fn members(response: Option<regrant::Response>) -> Value {
    let response = response.expect("metadata");
    assert!(response.headers().any(|header| header == ("cache-control", "public, max-age=300")));
    serde_json::from_slice(response.body()).unwrap()
}

#[test]
fn all_of_it() {
    let world = bank();
    let metadata = json!({
        "issuer": ISSUER,
        "authorization_endpoint": "https://id.example/oauth2/authorize",
        "token_endpoint": "https://id.example/oauth2/token",
        "revocation_endpoint": "https://id.example/oauth2/revoke",
        "introspection_endpoint": "https://id.example/oauth2/introspect",
        "jwks_uri": "https://id.example/oauth2/jwks",
        "scopes_supported": ["openid", "email", "apps"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
    });
    assert_eq!(members(world.engine.metadata()), metadata);
    let mut openid = metadata;
    for (name, value) in [
        ("subject_types_supported", json!(["public"])),
        ("id_token_signing_alg_values_supported", json!(["ES256", "HS256"])),
        ("claims_parameter_supported", json!(false)),
        ("request_parameter_supported", json!(false)),
        ("request_uri_parameter_supported", json!(false)),
    ] {
        openid[name] = value;
    }
    assert_eq!(members(world.engine.openid_configuration()), openid);
}

fn builder() -> EngineBuilder<MemoryStore, StaticClients> {
    let app = Client::public("app").build().unwrap();
    Engine::builder(MemoryStore::new(), StaticClients::new().with(app).unwrap())
}

#[test]
fn what_is_off_is_not_there() {
    let engine = builder().build().unwrap();
    assert!(engine.metadata().is_none() && engine.openid_configuration().is_none());
    assert_eq!(engine.jwks().body(), b"{\"keys\":[]}");
    let endpoints = Endpoints::new().authorization("/a").token("https://other.example/t").jwks("/j");
    let engine = builder().issuer("https://id.example/tenant").endpoints(endpoints.clone()).build().unwrap();
    assert_eq!(
        members(engine.metadata()),
        json!({
            "issuer": "https://id.example/tenant",
            "token_endpoint": "https://other.example/t",
            "response_types_supported": [],
            "grant_types_supported": [],
            "token_endpoint_auth_methods_supported": ["none"],
        }),
        "neither codes nor keys"
    );
    assert!(engine.openid_configuration().is_none());
    let engine = builder()
        .issuer("https://id.example")
        .authorization_code()
        .signing_key(KEY.clone())
        .id_tokens(Directory)
        .endpoints(endpoints.scopes(scope("openid")))
        .build()
        .unwrap();
    let openid = members(engine.openid_configuration());
    assert_eq!(openid["id_token_signing_alg_values_supported"], json!(["ES256"]), "no client has a secret of its own");
    assert_eq!(openid["jwks_uri"], json!("https://id.example/j"));
    assert!(openid.get("revocation_endpoint").is_none());
    let unmounted = builder().issuer(ISSUER).authorization_code().signing_key(KEY.clone()).id_tokens(Directory);
    let unmounted = unmounted.endpoints(Endpoints::new().token("/t").jwks("/j")).build().unwrap();
    assert!(unmounted.openid_configuration().is_none(), "no client could use it");
}

#[test]
fn an_engine_that_cannot_keep_its_word_is_not_built() {
    for issuer in ["", "id.example", "https://", "https:///a", "https://id.example/", "https://id.example?x", "ftp://a"]
    {
        assert_eq!(builder().issuer(issuer).build().unwrap_err(), BuildError::Issuer, "{issuer:?}");
    }
    assert_eq!(builder().authorization_code().build().unwrap_err(), BuildError::IssuerRequired);
    assert_eq!(builder().signing_key(KEY.clone()).build().unwrap_err(), BuildError::IssuerRequired);
    let unsigned = builder().issuer(ISSUER);
    assert_eq!(unsigned.id_tokens(Directory).build().unwrap_err(), BuildError::SigningKeyRequired);
    let unsigned = builder().issuer(ISSUER).jwt_access_tokens(JwtAccessTokens::new());
    assert_eq!(unsigned.build().unwrap_err(), BuildError::SigningKeyRequired);
}

#[tokio::test]
async fn over_http() {
    let engine = Arc::clone(&bank().engine);
    let service = EndpointService::metadata(Arc::clone(&engine));
    let get = |method: &str| http::Request::builder().method(method).body(http_body_util::Empty::<bytes::Bytes>::new());
    assert_eq!(service.respond(get("GET").unwrap()).await.status(), 200);
    let refused = service.respond(get("POST").unwrap()).await;
    assert_eq!((refused.status().as_u16(), refused.headers()["allow"].to_str().unwrap()), (405, "GET, HEAD"));
    let none = Arc::new(builder().build().unwrap());
    for service in [EndpointService::metadata(Arc::clone(&none)), EndpointService::openid_configuration(none)] {
        assert_eq!(service.respond(get("GET").unwrap()).await.status(), 404);
    }
    for service in [EndpointService::openid_configuration(Arc::clone(&engine)), EndpointService::jwks(engine)] {
        let response = service.respond(get("GET").unwrap()).await;
        assert_eq!(response.headers()["content-type"], "application/json");
    }
}
