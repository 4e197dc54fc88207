//! JWT access tokens, issued, refreshed and checked through the whole engine, bytes to bytes, beside `jsonwebtoken` alone with the
//! same key and the same claims, in turns in the same run; opaque tokens of the same engine for contrast.
//!
//! ```text
//! cargo bench --bench jwt                               # signatures in Rust
//! cargo bench --bench jwt --features jwt-aws-lc-rs      # by AWS-LC
//! ```
//!
//! What there is beside the signature is counted: the instructions of so many operations are those of a run less those of a shorter one.
//!
//! ```text
//! valgrind --tool=callgrind target/release/deps/jwt-… count refresh EdDSA 2000     # or `alone`, `signature`, `opaque`
//! ```

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a benchmark")]
#![allow(clippy::cast_precision_loss, reason = "counts")]

#[path = "../tests/kit/anyone.rs"]
mod anyone;

use std::time::{Duration, Instant};

use anyone::Anyone;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
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
        .grant_type("password")
        .grant_type("refresh_token")
        .scope(Scope::parse("apps email openid profile webhooks").unwrap())
        .build()
        .unwrap();
    let builder = Engine::builder(MemoryStore::new(), StaticClients::new().with(client).unwrap())
        .issuer(ISSUER)
        .grant_handler(Anyone)
        .signing_key(key);
    if jwt { builder.jwt_access_tokens(JwtAccessTokens::new()) } else { builder }.build().unwrap()
}

fn ask(engine: &Bank, form: &str) -> Vec<u8> {
    let body = format!("{form}&client_id=developers.devportal&client_secret={SECRET}");
    let request =
        Request::new("POST", body.as_bytes()).with_header("content-type", b"application/x-www-form-urlencoded");
    engine.blocking().token(&request, NOW).unwrap().into_body()
}

fn issue(engine: &Bank) -> Vec<u8> {
    ask(engine, "grant_type=password&username=a-subject-of-20-byte")
}

fn refresh(engine: &Bank, token: &mut String) {
    let response = ask(engine, &format!("grant_type=refresh_token&refresh_token={token}"));
    member(&response, "refresh_token").clone_into(token);
}

/// A member that is a text without escapes.
fn member<'a>(body: &'a [u8], name: &str) -> &'a str {
    let text = std::str::from_utf8(body).unwrap();
    let (_, value) = text.split_once(&format!("\"{name}\":\"")).unwrap_or_else(|| panic!("{text}"));
    value.split('"').next().unwrap()
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

    /// The signature alone.
    fn sign(&self, message: &[u8]) -> String {
        jsonwebtoken::crypto::sign(message, &self.encoding, self.header.alg).unwrap()
    }

    fn check(&self, token: &str) {
        decode::<Value>(token, &self.decoding, &self.validation).unwrap();
    }
}

/// An engine, its refresh token, and the floor beside it.
struct Pair {
    engine: Bank,
    refresh_token: String,
    bearer: String,
    access_token: String,
    floor: Floor,
}

impl Pair {
    fn new(algorithm: SigningAlgorithm, is_jwt: bool) -> Self {
        let jose = match algorithm {
            SigningAlgorithm::Rs256 => Algorithm::RS256,
            SigningAlgorithm::Es256 => Algorithm::ES256,
            _ => Algorithm::EdDSA,
        };
        let (key, pem) = SigningKey::generate(algorithm).unwrap();
        let of_claims = issue(&engine(key.clone(), true));
        let token = member(&of_claims, "access_token");
        let claims: Value = {
            use base64::Engine as _;
            let part = token.split('.').nth(1).unwrap();
            serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
        };
        let engine = engine(key, is_jwt);
        let floor = Floor::new(jose, pem.reveal(), engine.jwks().body(), claims);
        floor.check(token);
        let issued = issue(&engine);
        let access_token = member(&issued, "access_token").to_owned();
        Self {
            refresh_token: member(&issued, "refresh_token").to_owned(),
            bearer: format!("Bearer {access_token}"),
            access_token,
            engine,
            floor,
        }
    }
}

const ROUNDS: usize = 7;
/// Operations of a turn.
const TURN: usize = 100;

/// The time of a turn, in microseconds for each.
fn turn(mut work: impl FnMut()) -> f64 {
    let begun = Instant::now();
    for _ in 0..TURN {
        work();
    }
    let took: Duration = begun.elapsed();
    took.as_secs_f64() * 1e6 / TURN as f64
}

fn measure(algorithm: SigningAlgorithm) {
    let mut pair = Pair::new(algorithm, true);
    let [mut refreshed, mut issued, mut checked, mut signs, mut checks]: [Vec<f64>; 5] = Default::default();
    for _ in 0..ROUNDS {
        refreshed.push(turn(|| refresh(&pair.engine, &mut pair.refresh_token)));
        signs.push(turn(|| drop(std::hint::black_box(pair.floor.issue()))));
        issued.push(turn(|| drop(std::hint::black_box(issue(&pair.engine)))));
        checked.push(turn(|| check(&pair.engine, pair.bearer.as_bytes())));
        checks.push(turn(|| pair.floor.check(&pair.access_token)));
    }
    print(algorithm.as_str(), "refresh", &refreshed, &signs);
    print(algorithm.as_str(), "issue", &issued, &signs);
    print(algorithm.as_str(), "check", &checked, &checks);
}

fn print(algorithm: &str, what: &str, whole: &[f64], alone: &[f64]) {
    let ratio = median(whole.iter().zip(alone).map(|(whole, alone)| whole / alone));
    let (whole, alone) = (median(whole.iter().copied()), median(alone.iter().copied()));
    println!("{algorithm:<10}{what:<10}{whole:>12.1}{alone:>16.1}{ratio:>8.2}");
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

const ALGORITHMS: [SigningAlgorithm; 3] = [SigningAlgorithm::Rs256, SigningAlgorithm::Es256, SigningAlgorithm::EdDsa];

/// So many of one operation and nothing else, for a program that counts instructions.
fn count(what: &str, algorithm: &str, times: usize) {
    let algorithm = ALGORITHMS.into_iter().find(|known| known.as_str() == algorithm).expect("an algorithm");
    let mut pair = Pair::new(algorithm, what != "opaque");
    let message = pair.floor.issue();
    let (message, _) = message.rsplit_once('.').unwrap();
    for _ in 0..times {
        match what {
            "refresh" | "opaque" => refresh(&pair.engine, &mut pair.refresh_token),
            "alone" => drop(std::hint::black_box(pair.floor.issue())),
            "signature" => drop(std::hint::black_box(pair.floor.sign(message.as_bytes()))),
            _ => panic!("refresh, opaque, alone or signature"),
        }
    }
}

fn main() {
    // Of two backends the floor takes the one that the engine takes.
    #[cfg(feature = "jwt-aws-lc-rs")]
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
    // Cargo passes `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let ["count", what, algorithm, times] = arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        return count(what, algorithm, times.parse().unwrap());
    }
    println!("{:<10}{:<10}{:>12}{:>16}{:>8}", "", "", "engine µs", "jsonwebtoken µs", "ratio");
    ALGORITHMS.into_iter().for_each(measure);
    let mut pair = Pair::new(SigningAlgorithm::Es256, false);
    let refreshed = median((0..ROUNDS).map(|_| turn(|| refresh(&pair.engine, &mut pair.refresh_token))));
    let checked = median((0..ROUNDS).map(|_| turn(|| check(&pair.engine, pair.bearer.as_bytes()))));
    println!("opaque    refresh   {refreshed:>12.1}\nopaque    check     {checked:>12.1}");
    println!("\ngoal of a refresh: a ratio of at most 1.1; medians of {ROUNDS} rounds of {TURN}, in turns");
}
