//! An engine with every door open that a stranger can knock at: registration, clients that are known by documents, requests that are pushed,
//! devices, proofs of possession, assertions, exchanges, resources.

use regrant::client::{ClientIdKeys, StatelessClients};
use regrant::engine::{
    AssertionPolicy, AssertionRequest, ClientCredentials, DeviceAuthorization, Dpop, ExchangeDecision, ExchangePolicy,
    ExchangeRequest, ExchangeTerms, HookError, JwtBearer, TrustedIssuer,
};
use regrant::fetch::{DocumentClients, Fetch, FetchError, FetchLimits, FetchResponse, FetchUrl};
use regrant::jwt::JwsAlgorithm;
use regrant::{
    Authorization, Client, ClientSecret, Endpoints, Engine, GrantError, Key, Resource, RootSecret, StaticClients,
    Timestamp, TokenStore,
};
use serde_json::json;

use super::bank::KEY;
use super::laws::codes::REDIRECT_URI;
use super::laws::world::{APP, Anyone};
use super::portal::ISSUER;
use super::proof::ProofKey;
use super::signer::Signer;
use super::wire::secret;
use super::world::scope;

pub(crate) type Door<S> = Engine<S, DocumentClients<StatelessClients<StaticClients>>>;

/// A device's client, made by hand; it is public, so anybody may begin in its name.
pub(crate) const TV: &str = "public-tv";
/// How many devices may wait that have begun from one address.
pub(crate) const DEVICES: usize = 2;
pub(crate) const MCP: &str = "https://mcp.example/mcp";
pub(crate) const FILES: &str = "https://files.example/";
/// Whose assertions count; its key is that of the signer of this name.
pub(crate) const CLUSTER: &str = "https://cluster.example";
pub(crate) const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
pub(crate) const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
pub(crate) const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// A site for every URL: by the last character before `.example` it is down, wrong, or has the document of a client.
pub(crate) struct Sites;

impl Fetch for Sites {
    async fn fetch(&self, url: &FetchUrl, _: &FetchLimits) -> Result<FetchResponse, FetchError> {
        let n = url.host().len();
        match url.host().as_bytes()[n - "0.example".len()] {
            b'0'..=b'2' => Err(FetchError::TimedOut),
            b'3'..=b'5' => Ok(FetchResponse::new(200, b"{}".to_vec()).with_header("content-type", b"application/json")),
            _ => {
                let document = json!({
                    "client_id": url.as_str(),
                    "redirect_uris": ["https://evil.example/cb", "http://127.0.0.1/cb"],
                    "token_endpoint_auth_method": "none",
                });
                let response = FetchResponse::new(200, document.to_string().into());
                Ok(response.with_header("content-type", b"application/json"))
            }
        }
    }
}

/// Whoever is vouched for is let in, and all may be exchanged for all: only the engine stands in the way.
struct Yes;

impl AssertionPolicy for Yes {
    async fn authorize(&self, _: &AssertionRequest<'_>) -> Result<Authorization, GrantError> {
        Ok(Authorization::of("alice"))
    }
}

impl ExchangePolicy for Yes {
    async fn decide(&self, _: &ExchangeRequest<'_>) -> Result<ExchangeDecision, HookError> {
        Ok(ExchangeDecision::Allow(ExchangeTerms::new().with_audience(MCP).with_audience(FILES)))
    }
}

/// The engine, where it is this time for its documents.
pub(crate) fn open<S: TokenStore>(store: S, now: Timestamp) -> Door<S> {
    let root = || RootSecret::from_bytes(1, &[0x77; 32]);
    let app = Client::confidential(APP)
        .secret(ClientSecret::new(&secret(APP)).expect("a secret"))
        .grant_type("password")
        .grant_type("refresh_token")
        .grant_type("authorization_code")
        .grant_type(JWT_BEARER)
        .grant_type(EXCHANGE)
        .redirect_uri(REDIRECT_URI)
        .scope(scope("read write"));
    let tv = Client::public(TV).grant_type(DEVICE_CODE).scope(scope("read"));
    let by_hand = [app, tv].into_iter().fold(StaticClients::new(), |all, client| {
        all.with(client.build().expect("a client")).expect("ids that differ")
    });
    let clients = StatelessClients::new(by_hand, ClientIdKeys::new(&root(), None)).with_scope(scope("read"));
    let clients = DocumentClients::new(clients, Sites).with_scope(scope("read")).with_clock(move || now);
    let issuer = TrustedIssuer::by_keys(CLUSTER, [JwsAlgorithm::EdDsa], Signer::new("cluster").keys());
    let endpoints = Endpoints::new()
        .with_token("/token")
        .with_authorization("/authorize")
        .with_registration("/register")
        .with_pushed_authorization("/par")
        .with_device_authorization("/device")
        .with_jwks("/jwks");
    let devices = DeviceAuthorization::new("/tv").with_public_clients(true).with_most_per_address(DEVICES);
    Engine::builder(store, clients)
        .key(Key::from_bytes(1, &[0x11; 32]))
        .root_secret(root())
        .issuer(ISSUER)
        .endpoints(endpoints)
        .signing_key(KEY.clone())
        .authorization_code()
        .registration()
        .pushed_authorization_requests()
        .device_authorization(devices)
        .dpop(Dpop::new().with_markers(true))
        .jwt_bearer(JwtBearer::new(Yes).with_issuer(issuer))
        .token_exchange(Yes)
        .resource(Resource::new(MCP).with_scopes(scope("read")))
        .resource(Resource::new(FILES).with_scopes(scope("write")))
        .default_resource(MCP)
        .grant_handler(Anyone)
        .grant_handler(ClientCredentials)
        .build()
        .expect("an engine")
}

/// A proof of a key that anybody may have, with the nonce that the engine asks for.
pub(crate) fn proof(place: &str, nonce: &str, now: Timestamp) -> String {
    ProofKey::of(9).proof("POST", &format!("{ISSUER}/{place}")).with("iat", now.as_secs()).nonce(nonce).sign()
}

/// An assertion of the trusted issuer's name for this audience, signed by whoever has the signer of that name.
pub(crate) fn assertion(signer: &'static str, audience: &str, now: Timestamp) -> String {
    let (iat, signer) = (now.as_secs(), Signer::new(signer));
    let claims = json!({"iss": CLUSTER, "sub": "cart", "aud": audience, "iat": iat, "exp": iat + 300, "jti": "1"});
    signer.jwt(&json!({"alg": "EdDSA", "kid": "cluster"}), &claims)
}
