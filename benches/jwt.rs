//! JWT access tokens, issued and checked through the whole engine, bytes to bytes, beside `jsonwebtoken` alone with the same
//! key and the same claims; opaque tokens of the same engine for contrast.
//!
//! ```text
//! cargo bench --bench jwt                               # signatures in Rust
//! cargo bench --bench jwt --features jwt-aws-lc-rs      # by AWS-LC
//! ```

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "a benchmark")]

use criterion::{Criterion, criterion_group, criterion_main};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use regrant::engine::ClientCredentials;
use regrant::jwt::{JwtAccessTokens, SigningAlgorithm, SigningKey};
use regrant::{Client, ClientSecret, Engine, MemoryStore, Request, Scope, StaticClients, Timestamp};
use serde_json::Value;

const NOW: Timestamp = Timestamp::from_secs(1_597_240_260);
const ISSUER: &str = "https://id.example";
const SECRET: &str = "a-client-secret-that-is-made-of-43-characters";

type Bank = Engine<MemoryStore, StaticClients>;

fn engine(key: SigningKey, jwt: bool) -> Bank {
    let client = Client::confidential("developers.devportal")
        .secret(ClientSecret::new(SECRET).unwrap())
        .grant_type("client_credentials")
        .scope(Scope::parse("apps email openid profile webhooks").unwrap())
        .build()
        .unwrap();
    let builder = Engine::builder(MemoryStore::new(), StaticClients::new().with(client).unwrap())
        .issuer(ISSUER)
        .grant_handler(ClientCredentials)
        .signing_key(key);
    if jwt { builder.jwt_access_tokens(JwtAccessTokens::new()) } else { builder }.build().unwrap()
}

fn issue(engine: &Bank) -> Vec<u8> {
    let body = format!("grant_type=client_credentials&client_id=developers.devportal&client_secret={SECRET}");
    let request =
        Request::new("POST", body.as_bytes()).with_header("content-type", b"application/x-www-form-urlencoded");
    engine.blocking().token(&request, NOW).unwrap().into_body()
}

fn access_token(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap();
    body["access_token"].as_str().unwrap().to_owned()
}

fn check(engine: &Bank, header: &[u8]) {
    let request = Request::new("GET", b"").with_header("authorization", header);
    engine.blocking().bearer(&request, &Scope::empty(), NOW).unwrap().unwrap();
}

/// `jsonwebtoken` alone.
struct Floor {
    header: Header,
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    claims: Value,
}

impl Floor {
    fn new(algorithm: Algorithm, pem: &str, jwks: &[u8], claims: Value) -> Self {
        let encoding = match algorithm {
            Algorithm::RS256 => EncodingKey::from_rsa_pem(pem.as_bytes()),
            Algorithm::ES256 => EncodingKey::from_ec_pem(pem.as_bytes()),
            _ => EncodingKey::from_ed_pem(pem.as_bytes()),
        };
        let jwks: Value = serde_json::from_slice(jwks).unwrap();
        let jwk = serde_json::from_value(jwks["keys"][0].clone()).unwrap();
        let mut header = Header::new(algorithm);
        header.typ = Some("at+jwt".into());
        header.kid = jwks["keys"][0]["kid"].as_str().map(str::to_owned);
        let mut validation = Validation::new(algorithm);
        // The claims are of a time long past.
        validation.validate_exp = false;
        validation.set_audience(&[ISSUER]);
        validation.set_issuer(&[ISSUER]);
        Self { header, encoding: encoding.unwrap(), decoding: DecodingKey::from_jwk(&jwk).unwrap(), validation, claims }
    }

    fn issue(&self) -> String {
        encode(&self.header, &self.claims, &self.encoding).unwrap()
    }

    fn check(&self, token: &str) {
        decode::<Value>(token, &self.decoding, &self.validation).unwrap();
    }
}

fn jwt(criterion: &mut Criterion) {
    // Of two backends the floor takes the one that the engine takes.
    #[cfg(feature = "jwt-aws-lc-rs")]
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
    for (algorithm, jose) in [
        (SigningAlgorithm::Rs256, Algorithm::RS256),
        (SigningAlgorithm::Es256, Algorithm::ES256),
        (SigningAlgorithm::EdDsa, Algorithm::EdDSA),
    ] {
        let (key, pem) = SigningKey::generate(algorithm).unwrap();
        let engine = engine(key, true);
        let token = access_token(&issue(&engine));
        let claims: Value = {
            use base64::Engine as _;
            let part = token.split('.').nth(1).unwrap();
            serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
        };
        let floor = Floor::new(jose, pem.reveal(), engine.jwks().body(), claims);
        floor.check(&token);
        let header = format!("Bearer {token}");
        let mut group = criterion.benchmark_group(algorithm.as_str());
        group.sample_size(20);
        group.bench_function("issue/jsonwebtoken", |bencher| bencher.iter(|| floor.issue()));
        group.bench_function("issue/engine", |bencher| bencher.iter(|| issue(&engine)));
        group.bench_function("check/jsonwebtoken", |bencher| bencher.iter(|| floor.check(&token)));
        group.bench_function("check/engine", |bencher| bencher.iter(|| check(&engine, header.as_bytes())));
        group.finish();
    }
    let engine = engine(SigningKey::generate(SigningAlgorithm::Es256).unwrap().0, false);
    let header = format!("Bearer {}", access_token(&issue(&engine)));
    let mut group = criterion.benchmark_group("opaque");
    group.bench_function("issue/engine", |bencher| bencher.iter(|| issue(&engine)));
    group.bench_function("check/engine", |bencher| bencher.iter(|| check(&engine, header.as_bytes())));
    group.finish();
}

criterion_group!(benches, jwt);
criterion_main!(benches);
