//! The order of checks at every endpoint that authenticates its client, where it takes proofs of possession: for each, all that can be
//! wrong with a request in the order in which it is judged, and every pair of that sent (design, "The order of checks").

mod endpoints;
mod refresh;

use std::time::Duration;

use regrant::client::ClientBuilder;
use regrant::engine::{
    AssertionPolicy, AssertionRequest, ClientCredentials, DeviceAuthorization, Dpop, ExchangeDecision, ExchangePolicy,
    ExchangeRequest, ExchangeTerms, HookError, IssueDecision, IssueHook, IssueRequest, JwtBearer, TrustedIssuer,
};
use regrant::jwt::JwsAlgorithm;
use regrant::{
    Authorization, Client, Endpoints, GrantError, GrantHandler, GrantRequest, Lifetimes, Request, Resource, Response,
    RootSecret, Timestamp,
};
use serde_json::{Value, json};

use crate::kit::bank::KEY;
use crate::kit::foreign::{OldServer, UUID};
use crate::kit::order::{
    Fault, Parts, cheap_of_proof, common, common_with_proof, earlier_wins, fault, head, no_proof, refusals, signature,
};
use crate::kit::portal::{CALLBACK, CHALLENGE, ISSUER, Landing, VERIFIER};
use crate::kit::proof::{Making, ProofKey};
use crate::kit::schedule::run;
use crate::kit::signer::Signer;
use crate::kit::{Ask, OTHER_SECRET, Reply, SECRET, World, altered, at, forged, form, scope, secret};

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";
const API: &str = "https://api.example/";
const PARTNER: &str = "https://partner.example";

/// `app` and `other` may all there is, and prove keys; `bare` may nothing that is asked for here. `phone` and `fleet` are public, so their
/// refresh tokens are bound to one key; `fleet` may have the current token for an older one.
fn clients() -> Vec<ClientBuilder> {
    let able = |client: ClientBuilder| {
        let types = ["password", "refresh_token", "authorization_code", "client_credentials"];
        let types = types.into_iter().chain([DEVICE_CODE, EXCHANGE, JWT_BEARER]);
        types.fold(client, ClientBuilder::grant_type).redirect_uri(CALLBACK).scope(scope("read write"))
    };
    let public = |id| {
        let client = Client::public(id).grant_type("password").grant_type("refresh_token");
        client.scope(scope("read write")).not_before(at(0))
    };
    vec![
        able(Client::confidential("app").secret(secret(SECRET))).require_dpop(true),
        able(Client::confidential("other").secret(secret(OTHER_SECRET))).require_dpop(true),
        Client::confidential("bare").secret(secret(SECRET)).redirect_uri("https://bare.example/cb").require_dpop(true),
        public("phone"),
        public("fleet").resync(true),
    ]
}

/// Whoever they say they are; `guest` cannot stay.
struct People;

impl GrantHandler for People {
    fn grant_type(&self) -> &'static str {
        "password"
    }

    async fn authorize(&self, request: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
        let name = request.required("username")?;
        Ok(Authorization::of(name).with_renewable(name != "guest"))
    }
}

/// Each of them refuses where the request says so.
struct Host;

impl IssueHook for Host {
    async fn on_issue(&self, request: &IssueRequest<'_>) -> Result<IssueDecision, HookError> {
        Ok(if request.parameter("hook").is_some() { IssueDecision::Refuse } else { IssueDecision::Allow })
    }
}

impl ExchangePolicy for Host {
    async fn decide(&self, request: &ExchangeRequest<'_>) -> Result<ExchangeDecision, HookError> {
        let terms = ExchangeTerms::new().with_audience(API);
        let refuses = request.parameter("policy").is_some();
        Ok(if refuses { ExchangeDecision::Refuse } else { ExchangeDecision::Allow(terms) })
    }
}

impl AssertionPolicy for Host {
    async fn authorize(&self, request: &AssertionRequest<'_>) -> Result<Authorization, GrantError> {
        match request.subject() {
            "carol" => Ok(Authorization::of("carol")),
            _ => Err(GrantError::invalid_grant()),
        }
    }
}

fn town() -> World {
    World::new(clients(), |builder| {
        let endpoints = Endpoints::new().with_token("/token").with_pushed_authorization("/par");
        let partner = TrustedIssuer::by_keys(PARTNER, [JwsAlgorithm::EdDsa], Signer::new("partner").keys());
        builder
            .key(regrant::Key::from_bytes(1, &[1; 32]))
            .root_secret(RootSecret::from_bytes(1, &[2; 32]))
            .issuer(ISSUER)
            .signing_key(KEY.clone())
            .endpoints(endpoints.with_device_authorization("/device_authorization").with_jwks("/jwks"))
            .authorization_code()
            .grant_handler(People)
            .grant_handler(ClientCredentials)
            .pushed_authorization_requests()
            .device_authorization(DeviceAuthorization::new("/device"))
            .token_exchange(Host)
            .jwt_bearer(JwtBearer::new(Host).with_issuer(partner))
            .on_issue(Host)
            .resource(Resource::new(API).with_scopes(scope("read write")))
            .default_resource(API)
            .lifetimes(Lifetimes::default().with_idle(Duration::from_secs(3_600)))
            .dpop(Dpop::new())
    })
}

/// The time of the requests.
const NOW: u64 = 4_000;

/// An endpoint of a [`town`].
#[derive(Clone, Copy)]
enum At {
    Token,
    Push,
    Device,
    Revoke,
    Introspect,
}

impl World {
    fn to(&self, desk: At, ask: &Ask, secs: u64) -> Response {
        let (engine, request, now) = (&self.engine, ask.request(), at(secs));
        run(async {
            match desk {
                At::Token => engine.token(&request, now).await,
                At::Push => engine.push(&request, now).await,
                At::Device => engine.begin_device(&request, now).await,
                At::Revoke => engine.revoke(&request, now).await,
                At::Introspect => engine.introspect(&request, now).await,
            }
        })
    }

    /// A proof for an endpoint, with a nonce of now.
    fn proof_at(&self, desk: At, key: u8, secs: u64) -> Making {
        let path = match desk {
            At::Push => "par",
            At::Device => "device_authorization",
            _ => "token",
        };
        let making = || ProofKey::of(key).proof("POST", &format!("{ISSUER}/{path}"));
        let asked = Reply::of(&self.to(desk, &form("").header("dpop", making().sign()), secs));
        self.events.take();
        making().nonce(asked.header("dpop-nonce")[0])
    }

    /// Sends it with a proof of this key.
    #[track_caller]
    fn with_key(&self, parts: &Parts, key: u8, secs: u64) -> Reply {
        let proof = self.proof_at(At::Token, key, secs);
        let reply = Reply::of(&self.to(At::Token, &parts.clone().proven_by(proof).ask(), secs));
        reply.assert_ok();
        self.events.take();
        reply
    }

    #[track_caller]
    fn table(&self, desk: At, base: &Parts, faults: &[Fault<'_>]) {
        let told = || refusals(&self.events.take());
        earlier_wins(base, faults, |ask| self.to(desk, ask, NOW), told, || self.store.bytes());
    }

    /// What was refused so often is as good as it was.
    #[track_caller]
    fn works_bare(&self, desk: At, base: &Parts) -> Reply {
        let reply = Reply::of(&self.to(desk, &base.ask(), NOW));
        reply.assert_ok();
        reply
    }

    /// The same with a proof that is fresh.
    #[track_caller]
    fn works(&self, desk: At, base: &Parts, status: u16) -> Reply {
        let fresh = Parts { proof: base.proof.as_ref().map(|_| self.proof_at(desk, 1, NOW)), ..base.clone() };
        let reply = Reply::of(&self.to(desk, &fresh.ask(), NOW));
        assert_eq!(reply.status, status, "{}", String::from_utf8_lossy(&reply.body));
        reply
    }
}

fn public(client: &str, parameters: &[(&str, &str)]) -> Parts {
    let mut parts = Parts::new("", parameters).without_basic();
    parts.set("client_id", client);
    parts
}

fn login(client: &str, person: &str) -> Parts {
    public(client, &[("grant_type", "password"), ("username", person), ("password", "any")])
}

fn renewal_of(token: &str) -> [(&'static str, &str); 2] {
    [("grant_type", "refresh_token"), ("refresh_token", token)]
}

fn another_client(parts: &mut Parts) {
    parts.basic = vec![("bare", SECRET)];
}

/// The rows that a grant type of the engine has before anything of its own.
fn unauthorized<'a>() -> Fault<'a> {
    fault("UnauthorizedClient", another_client)
}

fn by_another_key(parts: &mut Parts) {
    parts.with_proof(|proof| *proof = proof.clone().by(&ProofKey::of(2)));
}

fn another_key<'a>() -> Fault<'a> {
    fault("AnotherKey", by_another_key)
}

fn scope_and_target<'a>() -> [Fault<'a>; 2] {
    [
        fault("Scope", |parts| parts.set("scope", "everything")),
        fault("Target", |parts| parts.set("resource", "https://nowhere.example/")),
    ]
}

fn hook<'a>() -> Fault<'a> {
    fault("Hook", |parts| parts.set("hook", "no"))
}
