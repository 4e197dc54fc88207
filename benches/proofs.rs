//! What proofs of possession cost (RFC 9449): a refresh and a resource check with a proof, whole, bytes in and bytes out, beside the
//! check of the proof's signature alone by the same library, in turns in the same run; and an hour of single-use markers beside
//! many logins.
//!
//! ```text
//! cargo bench --bench proofs                               # signatures in Rust
//! cargo bench --bench proofs --features jwt-aws-lc-rs      # by AWS-LC
//! cargo bench --bench proofs -- hour                       # markers beside ten million grants: 3 GB
//! cargo bench --bench proofs -- hour 1000000
//! ```

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::cast_precision_loss, reason = "a benchmark")]

mod support;

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, encode};
use regrant::dpop::Nonces;
use regrant::engine::Dpop;
use regrant::internal::sample_marker;
use regrant::jwt::{SigningAlgorithm, SigningKey};
use regrant::store::{Insert, TokenStore};
use regrant::{
    Authorization, Client, Endpoints, Engine, GrantError, GrantHandler, GrantRequest, Key, MemoryStore, Request,
    Response, RootSecret, Scope, StaticClients, Timestamp,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use support::fleet::{Fleet, NOW};
use support::resident::resident_bytes;

const ISSUER: &str = "https://id.example";
const FILES: &str = "https://id.example/files";
const ROUNDS: usize = 7;
/// Requests of a turn.
const TURN: usize = 300;

struct Anybody;

impl GrantHandler for Anybody {
    fn grant_type(&self) -> &str {
        "password"
    }

    async fn authorize(&self, request: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
        Ok(Authorization::of(request.required("username")?))
    }
}

/// A proof, and when it is sent.
type Made = (String, Timestamp);

type Phones = Engine<MemoryStore, StaticClients>;

fn root_secret() -> RootSecret {
    RootSecret::from_bytes(1, &[2; 32])
}

fn builder() -> regrant::EngineBuilder<MemoryStore, StaticClients> {
    let phone = Client::public("phone")
        .grant_type("password")
        .grant_type("refresh_token")
        .scope(Scope::parse("read write").unwrap())
        .build()
        .unwrap();
    Engine::builder(MemoryStore::new(), StaticClients::new().with(phone).unwrap())
        .issuer(ISSUER)
        .key(Key::from_bytes(1, &[1; 32]))
        .root_secret(root_secret())
        .endpoints(Endpoints::new().with_token("/token"))
        .grant_handler(Anybody)
}

/// A client's key, which makes proofs, and the check of their signatures alone.
struct Prover {
    algorithm: Algorithm,
    header: Header,
    key: EncodingKey,
    jwk: Jwk,
    nonces: Nonces,
    made: u64,
}

impl Prover {
    fn new(algorithm: SigningAlgorithm, jose: Algorithm) -> Self {
        let (key, pem) = SigningKey::generate(algorithm).unwrap();
        let jwks = builder().signing_key(key).build().unwrap().jwks();
        let jwks: Value = serde_json::from_slice(jwks.body()).unwrap();
        let mut members = jwks["keys"][0].clone();
        for name in ["use", "alg", "kid"] {
            members.as_object_mut().unwrap().remove(name);
        }
        let jwk: Jwk = serde_json::from_value(members).unwrap();
        let key = match jose {
            Algorithm::RS256 => EncodingKey::from_rsa_pem(pem.reveal().as_bytes()),
            Algorithm::ES256 => EncodingKey::from_ec_pem(pem.reveal().as_bytes()),
            _ => EncodingKey::from_ed_pem(pem.reveal().as_bytes()),
        };
        let mut header = Header::new(jose);
        header.typ = Some("dpop+jwt".into());
        header.jwk = Some(jwk.clone());
        Self { algorithm: jose, header, key: key.unwrap(), jwk, nonces: Nonces::new(&root_secret(), None), made: 0 }
    }

    /// One of a millisecond later than the last, under a nonce of then: so many of one grant come at no other pace.
    fn proof(&mut self, method: &str, url: &str, token: Option<&str>) -> Made {
        self.made += 1;
        let now = NOW + Duration::from_millis(self.made);
        let (jti, nonce) = (format!("proof-{}", self.made), self.nonces.give(now));
        let mut claims = json!({"jti": jti, "htm": method, "htu": url, "iat": NOW.as_secs(), "nonce": nonce});
        if let Some(token) = token {
            claims["ath"] = URL_SAFE_NO_PAD.encode(Sha256::digest(token)).into();
        }
        (encode(&self.header, &claims, &self.key).unwrap(), now)
    }

    /// What no design avoids: each proof brings its own key, which is read, and the signature is checked by it.
    fn check(&self, (proof, _): &Made) {
        let key = DecodingKey::from_jwk(&self.jwk).unwrap();
        let (message, signature) = proof.rsplit_once('.').unwrap();
        assert!(jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key, self.algorithm).unwrap());
    }
}

fn post(engine: &Phones, body: &str, (proof, now): &Made) -> Response {
    let request = Request::new("POST", body.as_bytes())
        .with_header("content-type", b"application/x-www-form-urlencoded")
        .with_header("dpop", proof.as_bytes());
    engine.blocking().token(&request, *now).unwrap()
}

fn tokens(response: Response) -> (String, String) {
    assert_eq!(response.status(), 200, "{}", String::from_utf8_lossy(response.body()));
    let body: Value = serde_json::from_slice(&response.into_body()).unwrap();
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    (text("access_token"), text("refresh_token"))
}

/// Times of a turn of requests, and of their signatures alone.
type Turn = (Duration, Duration);

fn refreshes(engine: &Phones, prover: &mut Prover, token: &mut String) -> Turn {
    let url = format!("{ISSUER}/token");
    let proofs: Vec<_> = (0..TURN).map(|_| prover.proof("POST", &url, None)).collect();
    let begun = Instant::now();
    for proof in &proofs {
        let body = format!("grant_type=refresh_token&client_id=phone&refresh_token={token}");
        (_, *token) = tokens(post(engine, &body, proof));
    }
    let whole = begun.elapsed();
    (whole, alone(prover, &proofs))
}

fn checks(engine: &Phones, prover: &mut Prover, access: &str) -> Turn {
    let proofs: Vec<_> = (0..TURN).map(|_| prover.proof("GET", FILES, Some(access))).collect();
    let header = format!("DPoP {access}");
    let begun = Instant::now();
    for (proof, now) in &proofs {
        let request = Request::new("GET", b"")
            .with_url(FILES)
            .with_header("authorization", header.as_bytes())
            .with_header("dpop", proof.as_bytes());
        engine.blocking().bearer(&request, &Scope::empty(), *now).unwrap().unwrap();
    }
    let whole = begun.elapsed();
    (whole, alone(prover, &proofs))
}

fn alone(prover: &Prover, proofs: &[Made]) -> Duration {
    let begun = Instant::now();
    for proof in proofs {
        prover.check(proof);
    }
    begun.elapsed()
}

fn proofs() {
    // Of two backends the floor takes the one that the engine takes.
    #[cfg(feature = "jwt-aws-lc-rs")]
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
    println!("{:<10}{:<10}{:>12}{:>14}{:>8}", "proof by", "request", "µs", "signature µs", "ratio");
    for (algorithm, jose) in [
        (SigningAlgorithm::Es256, Algorithm::ES256),
        (SigningAlgorithm::EdDsa, Algorithm::EdDSA),
        (SigningAlgorithm::Rs256, Algorithm::RS256),
    ] {
        let engine = builder().dpop(Dpop::new()).build().unwrap();
        let mut prover = Prover::new(algorithm, jose);
        let login = "grant_type=password&username=alice&client_id=phone";
        let url = format!("{ISSUER}/token");
        let (access, mut refresh) = tokens(post(&engine, login, &prover.proof("POST", &url, None)));
        let (mut refreshed, mut checked) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            refreshed.push(refreshes(&engine, &mut prover, &mut refresh));
            checked.push(checks(&engine, &mut prover, &access));
        }
        print(algorithm.as_str(), "refresh", &refreshed);
        print(algorithm.as_str(), "resource", &checked);
    }
    println!("\ngoal: a ratio of at most 1.3; medians of {ROUNDS} rounds of {TURN}, in turns");
}

fn print(algorithm: &str, what: &str, turns: &[Turn]) {
    let per = |time: Duration| time.as_secs_f64() * 1e6 / TURN as f64;
    let whole = median(turns.iter().map(|turn| per(turn.0)));
    let alone = median(turns.iter().map(|turn| per(turn.1)));
    let ratio = median(turns.iter().map(|turn| turn.0.as_secs_f64() / turn.1.as_secs_f64()));
    println!("{algorithm:<10}{what:<10}{whole:>12.1}{alone:>14.1}{ratio:>8.2}");
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A thousand markers a second for an hour, each kept for an hour, beside so many logins: what they take, what an insert costs among them, and what a
/// purge of a minute costs.
fn hour(grants: usize) {
    const SECONDS: usize = 3_600;
    const EACH: usize = 1_000;
    let fleet = Fleet::new(grants, 20, 0, |_| ());
    let store = fleet.engine.store();
    let before = resident_bytes().unwrap();
    let mut inserts = Duration::ZERO;
    let markers = |second: usize| {
        let expires_at = NOW + Duration::from_secs(second as u64 + 3_600);
        (0..EACH).map(move |place| sample_marker(u32::try_from(second * EACH + place).unwrap(), expires_at))
    };
    for second in 0..SECONDS {
        let now = NOW + Duration::from_secs(second as u64);
        let made: Vec<_> = markers(second).collect();
        let begun = Instant::now();
        for marker in &made {
            assert_eq!(run(store.insert(marker, now)).unwrap(), Insert::Added);
        }
        inserts += begun.elapsed();
    }
    let bytes = resident_bytes().unwrap() - before;
    let count = SECONDS * EACH;
    println!("{grants} grants, {count} markers of an hour");
    println!("bytes a marker                 {:8.0}", bytes as f64 / count as f64);
    println!("insert of a marker             {:8.0} ns", inserts.as_secs_f64() * 1e9 / count as f64);
    let (mut longest, mut all, mut removed) = (Duration::ZERO, Duration::ZERO, 0);
    for minute in 1..=SECONDS / 60 + 2 {
        let now = NOW + Duration::from_secs(3_600 + 60 * minute as u64);
        let begun = Instant::now();
        removed += run(store.purge_expired(now, usize::MAX)).unwrap();
        longest = longest.max(begun.elapsed());
        all += begun.elapsed();
    }
    println!("purged                         {removed:8}");
    println!("purge, a minute of them        {:8.1} ms at most", longest.as_secs_f64() * 1e3);
    println!("purge, a marker                {:8.0} ns", all.as_secs_f64() * 1e9 / removed as f64);
}

/// The memory store is ready at once.
fn run<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(done) => done,
        std::task::Poll::Pending => panic!("it waits"),
    }
}

fn main() {
    // Cargo passes `--bench`.
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if arguments.iter().any(|argument| argument == "hour") {
        hour(arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(10_000_000));
    } else {
        proofs();
    }
}
