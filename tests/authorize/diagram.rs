//! The diagram of the first system: eight steps, each by its letter, over HTTP, with the forms of the bank's document.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use regrant::client::RecoverableSecret;
use regrant::engine::HookError;
use regrant::http::EndpointService;
use regrant::jwt::{ClaimsProvider, IdClaims, IdTokenRequest, JwtAccessTokens, SigningAlgorithm, SigningKey};
use regrant::{Authorization, Client, Engine, Lifetimes, MemoryStore, Scope, StaticClients, Timestamp};
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::signature::Verifier as _;
use rsa::{BigUint, RsaPublicKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::kit::bank::{claims, part};
use crate::kit::{Ask, Reply, form, http};

const ISSUER: &str = "https://id.bank.example";
const CLIENT: &str = "developers.devportal";
const SECRET: &str = "devportal-secret-for-trying-out-only";
const REDIRECT_URI: &str = "http://127.0.0.1/callback";
const SUBJECT: &str = "00506493296";
const SCOPES: &str = "apps email openid profile webhooks";
const STATE: &str = "af0ifjsldkj";
/// When the login is; the tokens are fetched 26 seconds later, as in the document.
const LOGIN: u64 = 1_597_240_260;

static CLOCK: AtomicU64 = AtomicU64::new(LOGIN);

fn now() -> Timestamp {
    Timestamp::from_secs(CLOCK.load(Ordering::Relaxed))
}

fn advance(secs: u64) {
    CLOCK.fetch_add(secs, Ordering::Relaxed);
}

struct Directory;

impl ClaimsProvider for Directory {
    async fn claims(&self, _: &IdTokenRequest<'_>) -> Result<IdClaims, HookError> {
        let claims = IdClaims::new().with("email", "teste@example.com").and_then(|it| it.with("email_verified", &true));
        claims.and_then(|claims| claims.with("custom:origin", "admin")).map_err(HookError::new)
    }
}

type Bank = Engine<MemoryStore, StaticClients>;

fn bank() -> Arc<Bank> {
    let client = Client::confidential(CLIENT)
        .recoverable_secret(RecoverableSecret::new(SECRET).unwrap())
        .grant_type("authorization_code")
        .grant_type("refresh_token")
        .redirect_uri(REDIRECT_URI)
        .scope(Scope::parse(SCOPES).unwrap())
        .build()
        .unwrap();
    let (key, _) = SigningKey::generate(SigningAlgorithm::Rs256).unwrap();
    let engine = Engine::builder(MemoryStore::new(), StaticClients::new().with(client).unwrap())
        .issuer(ISSUER)
        .authorization_code()
        .signing_key(key)
        .jwt_access_tokens(JwtAccessTokens::new())
        .id_tokens(Directory)
        .lifetimes(Lifetimes::default().with_access_token(std::time::Duration::from_secs(86_400)))
        .build();
    Arc::new(engine.unwrap())
}

/// A host whose user is logged in and says yes.
async fn authorize(State(engine): State<Arc<Bank>>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let request = regrant::http::request(&method, &uri, &headers, b"");
    let asked = engine.authorize(&request, regrant::Timestamp::EPOCH).await.unwrap();
    let login = Authorization::of(SUBJECT).with_authenticated_at(now());
    regrant::http::response(engine.approve(&asked, login, now()).await.unwrap().response).into_response()
}

async fn resource(State(engine): State<Arc<Bank>>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let request = regrant::http::request(&method, &uri, &headers, b"");
    match engine.bearer(&request, &Scope::parse("apps").unwrap(), now()).await {
        Ok(access) => Json(json!({ "sub": access.subject(), "scope": access.scope().as_str() })).into_response(),
        Err(refused) => regrant::http::response(refused.response()).into_response(),
    }
}

fn with_bearer(token: &str) -> Ask {
    Ask { method: "GET", headers: vec![("authorization", format!("Bearer {token}").into_bytes())], body: Vec::new() }
}

#[tokio::test]
async fn the_eight_steps() {
    let engine = bank();
    let app = Router::new()
        .route("/oauth2/authorize", get(authorize))
        .route("/oauth2/resource", get(resource))
        .route_service("/oauth2/token", EndpointService::token(Arc::clone(&engine)).with_clock(now))
        .route_service("/oauth2/jwks", EndpointService::jwks(Arc::clone(&engine)))
        .with_state(engine);
    let server = http::serve(app).await;
    let jwks = http::send(server, "/oauth2/jwks", &Ask { method: "GET", headers: Vec::new(), body: Vec::new() }).await;

    let code = log_in(server).await;
    advance(26);
    let granted = step_a_and_b(server, &code).await;
    assert_tokens(&granted, &jwks);
    step_c_and_d(server, &granted).await;
    advance(86_400);
    step_e_and_f(server, &granted).await;
    let renewed = step_g_and_h(server, &granted).await;
    assert_tokens(&renewed, &jwks);
    step_c_and_d(server, &renewed).await;
}

/// What comes before the diagram: the person logs in, and the client gets its authorization grant.
async fn log_in(server: SocketAddr) -> String {
    let query = format!(
        "response_type=code&client_id={CLIENT}&redirect_uri={REDIRECT_URI}&scope={}&state={STATE}",
        SCOPES.replace(' ', "+")
    );
    let ask = Ask { method: "GET", headers: Vec::new(), body: Vec::new() };
    let reply = http::send(server, &format!("/oauth2/authorize?{query}"), &ask).await;
    assert_eq!(reply.status, 303);
    let location = url::Url::parse(reply.header("location")[0]).unwrap();
    let parameter = |wanted: &str| location.query_pairs().find(|(name, _)| name == wanted).unwrap().1.into_owned();
    assert_eq!((parameter("state").as_str(), parameter("iss").as_str()), (STATE, ISSUER));
    parameter("code")
}

/// (A) the client presents its authorization grant; (B) access token and refresh token.
async fn step_a_and_b(server: SocketAddr, code: &str) -> Reply {
    let body = format!("grant_type=authorization_code&code={code}&redirect_uri={REDIRECT_URI}");
    http::send(server, "/oauth2/token", &form(body).basic(CLIENT, SECRET)).await
}

/// (C) the access token at the resource server; (D) the protected resource.
async fn step_c_and_d(server: SocketAddr, tokens: &Reply) {
    let reply = http::send(server, "/oauth2/resource", &with_bearer(&tokens.access_token())).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.json(), *json!({ "sub": SUBJECT, "scope": SCOPES }).as_object().unwrap());
}

/// (E) the access token, which has expired meanwhile; (F) the invalid token error.
async fn step_e_and_f(server: SocketAddr, tokens: &Reply) {
    let refused = http::send(server, "/oauth2/resource", &with_bearer(&tokens.access_token())).await;
    refused.assert_error(401, "invalid_token");
    assert_eq!(refused.header("www-authenticate"), [r#"Bearer realm="token", error="invalid_token""#]);
}

/// (G) the refresh token; (H) an access token and a new refresh token.
async fn step_g_and_h(server: SocketAddr, tokens: &Reply) -> Reply {
    let body = format!("grant_type=refresh_token&refresh_token={}", tokens.refresh_token());
    let renewed = http::send(server, "/oauth2/token", &form(body).basic(CLIENT, SECRET)).await;
    assert_ne!(renewed.refresh_token(), tokens.refresh_token());
    assert_ne!(renewed.access_token(), tokens.access_token());
    renewed
}

/// A token response as the document has it, its signatures checked without this crate.
fn assert_tokens(reply: &Reply, jwks: &Reply) {
    reply.assert_ok();
    let body = std::str::from_utf8(&reply.body).unwrap();
    let members = ["access_token", "refresh_token", "scope", "id_token", "token_type", "expires_in"];
    let places: Vec<_> = members.iter().map(|member| body.find(&format!("\"{member}\":")).unwrap()).collect();
    assert!(places.is_sorted() && reply.json().len() == members.len(), "{body}");
    assert_eq!((reply.text("scope").as_str(), reply.text("token_type").as_str()), (SCOPES, "Bearer"));
    assert_eq!((reply.json()["expires_in"].clone(), reply.refresh_token().len()), (json!(86_400), 43));

    let access_token = reply.access_token();
    let key = &jwks.json()["keys"][0];
    assert_eq!(part(&access_token, 0), json!({ "alg": "RS256", "typ": "at+jwt", "kid": key["kid"] }));
    assert_eq!(key["kid"].as_str().unwrap().len(), 43);
    assert_signed_by_rsa(&access_token, key);
    let said = claims(&access_token);
    let issued_at = said["iat"].as_u64().unwrap();
    assert_eq!(issued_at, now().as_secs());
    for (name, value) in [
        ("sub", json!(SUBJECT)),
        ("scope", json!(SCOPES)),
        ("iss", json!(ISSUER)),
        ("client_id", json!(CLIENT)),
        ("exp", json!(issued_at + 86_400)),
    ] {
        assert_eq!(said[name], value, "{name}");
    }
    assert_eq!(URL_SAFE_NO_PAD.decode(said["jti"].as_str().unwrap()).unwrap().len(), 32);

    let id_token = reply.text("id_token");
    assert_eq!(part(&id_token, 0), json!({ "alg": "HS256" }));
    assert_signed_by_secret(&id_token);
    let half = |text: &str| URL_SAFE_NO_PAD.encode(&Sha256::digest(text)[..16]);
    let expected = json!({
        "sub": SUBJECT, "email_verified": true, "auth_time": LOGIN, "custom:origin": "admin",
        "email": "teste@example.com", "iss": ISSUER, "aud": [CLIENT], "exp": issued_at + 86_400, "iat": issued_at,
        "s_hash": half(STATE), "at_hash": half(&access_token),
    });
    assert_eq!(claims(&id_token), expected);
}

fn assert_signed_by_rsa(jwt: &str, key: &Value) {
    let number = |name: &str| BigUint::from_bytes_be(&URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap());
    let key = RsaPublicKey::new(number("n"), number("e")).unwrap();
    let (message, signature) = jwt.rsplit_once('.').unwrap();
    let signature = Signature::try_from(URL_SAFE_NO_PAD.decode(signature).unwrap().as_slice()).unwrap();
    VerifyingKey::<rsa::sha2::Sha256>::new(key).verify(message.as_bytes(), &signature).unwrap();
}

/// HMAC by its definition, RFC 2104 section 2: the secret is shorter than a block.
fn assert_signed_by_secret(jwt: &str) {
    let (message, signature) = jwt.rsplit_once('.').unwrap();
    let mut block = [0; 64];
    block[..SECRET.len()].copy_from_slice(SECRET.as_bytes());
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
    let outer = Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize();
    assert_eq!(signature, URL_SAFE_NO_PAD.encode(outer));
}
