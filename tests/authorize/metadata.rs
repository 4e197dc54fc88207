//! RFC 8414 and OpenID Connect Discovery: what is enabled is advertised, and nothing else.

use std::sync::Arc;

use regrant::client::{CertificateName, ClientBuilder, RecoverableSecret};
use regrant::engine::Dpop;
use regrant::http::EndpointService;
use regrant::jwt::JwtAccessTokens;
use regrant::{BuildError, Client, Endpoints, Engine, EngineBuilder, MemoryStore, Resource, RootSecret, StaticClients};
use serde_json::{Value, json};

use crate::kit::bank::{Directory, ISSUER, KEY, bank, issuing};
use crate::kit::signer::Signer;
use crate::kit::{SECRET, World, scope, secret};

fn members(response: Option<regrant::Response>) -> Value {
    let response = response.expect("metadata");
    assert!(response.headers().any(|header| header == ("cache-control", "public, max-age=300")));
    serde_json::from_slice(response.body()).unwrap()
}

/// RFC 8414 section 2, and OpenID Connect Discovery section 3.
#[test]
fn all_that_is_on_is_advertised() {
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
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
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
fn nothing_that_is_off_is_advertised() {
    let engine = builder().build().unwrap();
    assert!(engine.metadata().is_none() && engine.openid_configuration().is_none());
    assert_eq!(engine.jwks().body(), b"{\"keys\":[]}");
    let endpoints = Endpoints::new().with_authorization("/a").with_token("https://other.example/t").with_jwks("/j");
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
        .endpoints(endpoints.with_scopes(scope("openid")))
        .build()
        .unwrap();
    let openid = members(engine.openid_configuration());
    assert_eq!(openid["id_token_signing_alg_values_supported"], json!(["ES256"]), "no client has a secret of its own");
    assert_eq!(openid["jwks_uri"], json!("https://id.example/j"));
    assert!(openid.get("revocation_endpoint").is_none());
    let unmounted = builder().issuer(ISSUER).authorization_code().signing_key(KEY.clone()).id_tokens(Directory);
    let unmounted = unmounted.endpoints(Endpoints::new().with_token("/t").with_jwks("/j")).build().unwrap();
    assert!(unmounted.openid_configuration().is_none(), "no client could use it");
}

/// OpenID Connect Discovery section 3 and Core section 10.1; RFC 8414 section 2 for the ways to authenticate, none of which is
/// by a signature.
#[test]
fn the_algorithms_and_methods_are_those_of_the_clients() {
    const BOTH: &[&str] = &["client_secret_basic", "client_secret_post"];
    const ALL: &[&str] = &["client_secret_basic", "client_secret_post", "none"];
    type Row = (&'static str, Vec<ClientBuilder>, &'static [&'static str], &'static [&'static str]);
    let openid = || Client::public("app").redirect_uri("https://app.example/cb").scope(scope("openid"));
    let by_secret = || Client::confidential("own").recoverable_secret(RecoverableSecret::new(SECRET).unwrap());
    let digest = || Client::confidential("kept").secret(secret(SECRET)).scope(scope("openid"));
    let rows: [Row; 8] = [
        ("nobody", vec![], &["ES256"], &[]),
        ("a public one", vec![openid()], &["ES256"], &["none"]),
        ("by its secret alone", vec![by_secret().scope(scope("openid"))], &["HS256"], BOTH),
        ("a secret that is a digest", vec![digest()], &["ES256"], BOTH),
        ("a secret that signs nothing, without openid", vec![by_secret(), openid()], &["ES256"], ALL),
        ("no openid at all", vec![by_secret()], &["ES256"], BOTH),
        ("both", vec![by_secret().scope(scope("openid")), openid()], &["ES256", "HS256"], ALL),
        ("one method", vec![digest().client_secret_post(false)], &["ES256"], &["client_secret_basic"]),
    ];
    for (name, clients, algorithms, methods) in rows {
        let endpoints = Endpoints::new().with_authorization("/a").with_token("/t").with_jwks("/j");
        let world = World::new(clients, |builder| issuing(builder).endpoints(endpoints));
        let openid = members(world.engine.openid_configuration());
        assert_eq!(openid["id_token_signing_alg_values_supported"], json!(algorithms), "{name}");
        // RFC 8414 section 3.2: "Claims with zero elements MUST be omitted from the response."
        let said = openid.get("token_endpoint_auth_methods_supported");
        assert_eq!(said, Some(&json!(methods)).filter(|_| !methods.is_empty()), "{name}");
        let signing =
            openid.as_object().unwrap().keys().filter(|name| name.ends_with("auth_signing_alg_values_supported"));
        assert_eq!(signing.count(), 0, "{name}");
    }
}

#[test]
fn codes_and_keys_need_an_issuer_and_jwts_a_key() {
    for issuer in
        ["", "id.example", "https://", "https:///a", "https://id.example//", "https://id.example?x", "ftp://a"]
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
async fn the_documents_are_served_over_http() {
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

/// Claim: "an endpoint is a path, which is put after the issuer, or a whole URL". One without its slash makes another
/// host of the issuer's, to which clients then send their secrets and codes.
#[test]
fn an_endpoint_that_is_neither_a_path_nor_a_url_is_not_advertised() {
    for at in ["oauth2/token", ".evil.example/token", "@evil.example/token", ":8443/token", "HTTPS://id.example/t", ""]
    {
        let built = Engine::builder(MemoryStore::new(), StaticClients::new())
            .issuer(ISSUER)
            .endpoints(Endpoints::new().with_token(at))
            .build();
        assert_eq!(built.err(), Some(BuildError::Endpoint), "{at:?}");
    }
}

/// What proves who sends, each by the name that its specification has for it: there where it is on, and not before.
#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn each_capability_is_advertised_by_its_own_name() {
    type Builder = EngineBuilder<MemoryStore, StaticClients>;
    type Row = (&'static str, Vec<ClientBuilder>, fn(Builder) -> Builder, &'static str, Value);
    const NONE: fn(Builder) -> Builder = |builder| builder;
    let signer = || Signer::new("one");
    let by_key = || Client::confidential("keyed").keys(signer().keys()).private_key_jwt(true);
    let by_mac = || {
        let secret = RecoverableSecret::new(SECRET).unwrap().into();
        Client::confidential("mac")
            .secret(secret)
            .client_secret_basic(false)
            .client_secret_post(false)
            .client_secret_jwt(true)
    };
    let by_name = || Client::confidential("ca").tls_client_auth(CertificateName::subject("CN=ca").unwrap());
    let self_signed = || Client::confidential("own").keys(signer().keys()).self_signed_tls_client_auth(true);
    let bound = || Client::public("bound").certificate_bound_tokens(true);
    let algorithms = json!(["ES256", "PS256", "RS256", "EdDSA", "Ed25519"]);
    let certificates = "tls_client_certificate_bound_access_tokens";
    let aliases = json!({"token_endpoint": "https://mtls.example/t"});
    let rows: [Row; 26] = [
        // RFC 9449 section 5.1.
        (
            "proofs",
            vec![],
            |builder| builder.dpop(Dpop::new()),
            "dpop_signing_alg_values_supported",
            algorithms.clone(),
        ),
        // RFC 9126 section 5.
        (
            "pushed requests",
            vec![],
            EngineBuilder::pushed_authorization_requests,
            "pushed_authorization_request_endpoint",
            json!("https://id.example/par"),
        ),
        (
            "pushed requests",
            vec![],
            EngineBuilder::pushed_authorization_requests,
            "require_pushed_authorization_requests",
            json!(false),
        ),
        (
            "nothing else",
            vec![],
            EngineBuilder::require_pushed_authorization_requests,
            "require_pushed_authorization_requests",
            json!(true),
        ),
        // RFC 9101 section 10.5, and OpenID Connect Discovery section 3.
        ("signed requests", vec![], EngineBuilder::signed_requests, "request_parameter_supported", json!(true)),
        ("signed requests", vec![], EngineBuilder::signed_requests, "require_signed_request_object", json!(false)),
        (
            "signed requests",
            vec![],
            EngineBuilder::signed_requests,
            "request_object_signing_alg_values_supported",
            algorithms.clone(),
        ),
        (
            "nothing else",
            vec![],
            EngineBuilder::require_signed_request_object,
            "require_signed_request_object",
            json!(true),
        ),
        ("signed requests", vec![], EngineBuilder::signed_requests, "request_uri_parameter_supported", json!(false)),
        // JARM section 4.
        (
            "signed answers",
            vec![],
            |builder| builder.signing_key(KEY.clone()).signed_responses(),
            "response_modes_supported",
            json!(["query", "jwt", "query.jwt"]),
        ),
        (
            "signed answers",
            vec![],
            |builder| builder.signing_key(KEY.clone()).signed_responses(),
            "authorization_signing_alg_values_supported",
            json!(["ES256"]),
        ),
        // OAuth 2.0 Form Post Response Mode.
        ("posted answers", vec![], EngineBuilder::form_post, "response_modes_supported", json!(["query", "form_post"])),
        // RFC 8414 section 2, RFC 7523.
        ("keys", vec![by_key()], NONE, "token_endpoint_auth_methods_supported", json!(["private_key_jwt"])),
        ("keys", vec![by_key()], NONE, "token_endpoint_auth_signing_alg_values_supported", algorithms.clone()),
        ("keys", vec![by_key()], NONE, "revocation_endpoint_auth_methods_supported", json!(["private_key_jwt"])),
        ("keys", vec![by_key()], NONE, "revocation_endpoint_auth_signing_alg_values_supported", algorithms.clone()),
        ("keys", vec![by_key()], NONE, "introspection_endpoint_auth_methods_supported", json!(["private_key_jwt"])),
        ("keys", vec![by_key()], NONE, "introspection_endpoint_auth_signing_alg_values_supported", algorithms),
        ("a MAC", vec![by_mac()], NONE, "token_endpoint_auth_methods_supported", json!(["client_secret_jwt"])),
        ("a MAC", vec![by_mac()], NONE, "token_endpoint_auth_signing_alg_values_supported", json!(["HS256"])),
        // RFC 8705 sections 2.1.1, 2.2.1, 3.3 and 5.
        ("names", vec![by_name()], NONE, "token_endpoint_auth_methods_supported", json!(["tls_client_auth"])),
        (
            "certificates",
            vec![self_signed()],
            NONE,
            "token_endpoint_auth_methods_supported",
            json!(["self_signed_tls_client_auth"]),
        ),
        ("names", vec![by_name()], NONE, certificates, json!(true)),
        ("certificates", vec![self_signed()], NONE, certificates, json!(true)),
        ("bound tokens", vec![bound()], NONE, certificates, json!(true)),
        (
            "aliases",
            vec![],
            |builder| {
                let aliases = Endpoints::new().with_token("https://mtls.example/t");
                builder.endpoints(places().with_mtls_aliases(aliases))
            },
            "mtls_endpoint_aliases",
            aliases,
        ),
    ];
    let said = |clients: Vec<ClientBuilder>, change: fn(Builder) -> Builder| {
        let clients =
            clients.into_iter().fold(StaticClients::new(), |all, one| all.with(one.build().unwrap()).unwrap());
        let builder = Engine::builder(MemoryStore::new(), clients)
            .issuer(ISSUER)
            .root_secret(RootSecret::from_bytes(1, &[1; 32]))
            .authorization_code()
            .endpoints(places());
        members(change(builder).build().unwrap().metadata())
    };
    let before = said(vec![], NONE);
    for (what, clients, change, member, value) in rows {
        let now = said(clients, change);
        assert_eq!(now.get(member), Some(&value), "{what}: {member}");
        let is_said_when_off = member == "request_uri_parameter_supported";
        assert_eq!(before.get(member) == Some(&value), is_said_when_off, "{what}: {member} where it is off");
    }
    // RFC 9728 section 2: the same of a resource.
    let resource = |client: ClientBuilder| {
        let clients = StaticClients::new().with(client.build().unwrap()).unwrap();
        let builder = Engine::builder(MemoryStore::new(), clients).resource(Resource::new("https://api.example/"));
        members(builder.build().unwrap().protected_resource_metadata("https://api.example/"))
    };
    assert_eq!(resource(bound())[certificates], true);
    assert_eq!(resource(Client::public("app")).get(certificates), None);
}

fn places() -> Endpoints {
    Endpoints::new()
        .with_authorization("/a")
        .with_token("/t")
        .with_revocation("/r")
        .with_introspection("/i")
        .with_pushed_authorization("/par")
}
