//! An engine that trusts three issuers, its clients, and what they send.

use std::sync::Arc;

use regrant::client::ClientBuilder;
use regrant::engine::{
    AssertionPolicy, AssertionProfile, AssertionRequest, ClientCredentials, Dpop, JwtBearer, TrustedIssuer,
};
use regrant::jwt::JwsAlgorithm;
use regrant::{
    Authorization, Client, Endpoints, Engine, EngineBuilder, GrantError, Key, RootSecret, StaticClients, TokenStore,
};
use serde_json::{Value, json};

use crate::kit::portal::ISSUER;
use crate::kit::proof::ProofKey;
use crate::kit::schedule::run;
use crate::kit::signer::Signer;
use crate::kit::{Ask, Events, OTHER_SECRET, Password, Reply, SECRET, Shelf, at, check, form, scope, secret};

pub(crate) const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// An identity provider: identity assertions, used once.
pub(crate) const IDP: &str = "https://idp.example";
/// A platform that workloads run on: presented many times.
pub(crate) const CLUSTER: &str = "https://cluster.example";
/// Another company's server: used once.
pub(crate) const PARTNER: &str = "https://partner.example";

pub(crate) fn idp() -> Signer {
    Signer::new("idp")
}

pub(crate) fn cluster() -> Signer {
    Signer::new("cluster")
}

pub(crate) fn partner() -> Signer {
    Signer::new("partner")
}

/// Who somebody of an issuer's is here.
pub(crate) struct Directory;

impl AssertionPolicy for Directory {
    async fn authorize(&self, request: &AssertionRequest<'_>) -> Result<Authorization, GrantError> {
        match (request.issuer(), request.tenant(), request.subject()) {
            (IDP, None, "U1") => Ok(Authorization::of("alice")),
            (IDP, Some("acme"), "U1") => Ok(Authorization::of("bob")),
            (IDP, None, "strong") => {
                Ok(Authorization::of("alice").with_acr("urn:example:mfa").with_amr(["pwd", "otp"]))
            }
            (IDP, None, "long") => Ok(Authorization::of(&"s".repeat(2_000))),
            (IDP, None, "down") => Err(GrantError::failed("the directory is down")),
            // It would go on with refresh tokens, and in the name of somebody who logged in earlier.
            (PARTNER, None, "carol") => {
                Ok(Authorization::of("carol").with_scope(scope("read admin")).with_renewable(true))
            }
            (CLUSTER, None, "system:serviceaccount:shop:cart") => Ok(Authorization::of_client()),
            _ => Err(GrantError::invalid_grant()),
        }
    }
}

fn asserting(id: &str) -> ClientBuilder {
    Client::confidential(id)
        .grant_type(JWT_BEARER)
        .grant_type("refresh_token")
        .grant_type("client_credentials")
        .scope(scope("read write admin openid"))
        .default_scope(scope("read write"))
}

pub(crate) fn clients() -> Vec<ClientBuilder> {
    vec![
        asserting("chat").secret(secret(SECRET)),
        asserting("trader").secret(secret(SECRET)).grant_type("urn:ietf:params:oauth:grant-type:token-exchange"),
        asserting("mail").secret(secret(OTHER_SECRET)),
        asserting("keyed").keys(Signer::new("keyed").keys()).private_key_jwt(true),
        asserting("marked").secret(secret(SECRET)).require_dpop(true),
        Client::confidential("other").secret(secret(SECRET)).grant_type("client_credentials").scope(scope("read")),
        Client::public("phone").grant_type(JWT_BEARER).scope(scope("read")),
        Client::confidential("stranger").secret(secret(SECRET)).stranger(true),
        Client::confidential("opened")
            .secret(secret(SECRET))
            .stranger(true)
            .danger_grant_type_of_stranger(JWT_BEARER)
            .scope(scope("read")),
    ]
}

const ALL: [JwsAlgorithm; 3] = [JwsAlgorithm::Es256, JwsAlgorithm::EdDsa, JwsAlgorithm::Ps256];

pub(crate) fn trusted_idp() -> TrustedIssuer {
    TrustedIssuer::by_keys(IDP, ALL, idp().keys()).with_profile(AssertionProfile::IdJag)
}

pub(crate) fn trusted_cluster() -> TrustedIssuer {
    TrustedIssuer::by_keys(CLUSTER, ALL, cluster().keys()).with_single_use(false)
}

pub(crate) fn trusted_partner() -> TrustedIssuer {
    TrustedIssuer::by_keys(PARTNER, ALL, partner().keys())
}

pub(crate) fn bearer() -> JwtBearer {
    JwtBearer::new(Directory).with_issuer(trusted_idp()).with_issuer(trusted_cluster()).with_issuer(trusted_partner())
}

pub(crate) type Builder<S> = EngineBuilder<S, StaticClients>;

pub(crate) struct Desk<S = Arc<Shelf>> {
    pub(crate) engine: Engine<S, StaticClients>,
    pub(crate) store: S,
    pub(crate) events: Events,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self::with(|builder| builder.jwt_bearer(bearer()).dpop(Dpop::new()))
    }

    pub(crate) fn with(change: impl FnOnce(Builder<Arc<Shelf>>) -> Builder<Arc<Shelf>>) -> Self {
        Desk::on(Arc::new(Shelf::default()), change)
    }

    /// The records that are no markers.
    pub(crate) fn grants(&self) -> Vec<regrant::Grant> {
        self.store.grants().into_iter().filter(|grant| !grant.is_marker()).collect()
    }
}

impl<S: TokenStore + Clone> Desk<S> {
    pub(crate) fn on(store: S, change: impl FnOnce(Builder<S>) -> Builder<S>) -> Self {
        let clients = clients().into_iter();
        let clients = clients.fold(StaticClients::new(), |all, client| all.with(client.build().unwrap()).unwrap());
        let events = Events::default();
        let builder = Engine::builder(store.clone(), clients)
            .key(Key::from_bytes(1, &[1; 32]))
            .root_secret(RootSecret::from_bytes(1, &[5; 32]))
            .issuer(ISSUER)
            .endpoints(Endpoints::new().with_token("/token"))
            .grant_handler(Password)
            .grant_handler(ClientCredentials)
            .events(events.clone());
        Self { engine: change(builder).build().unwrap(), store, events }
    }

    #[track_caller]
    pub(crate) fn send(&self, ask: &Ask, secs: u64) -> Reply {
        let reply = Reply::of(&run(self.engine.token(&ask.request(), at(secs))));
        check(&reply);
        reply
    }

    /// A request with this assertion, `more` behind it.
    #[track_caller]
    pub(crate) fn assert(&self, client: &str, assertion: &str, more: &str, secs: u64) -> Reply {
        self.send(&asking(client, assertion, more), secs)
    }

    #[track_caller]
    pub(crate) fn proven(&self, ask: Ask, key: u8, secs: u64) -> Reply {
        let proof = self.proof(key, secs);
        self.send(&ask.header("dpop", proof), secs)
    }

    /// A proof of this key with a nonce of now.
    pub(crate) fn proof(&self, key: u8, secs: u64) -> String {
        let proof = || ProofKey::of(key).proof("POST", &format!("{ISSUER}/token"));
        let asked = self.send(&form("grant_type=none").header("dpop", proof().sign()), secs);
        proof().nonce(asked.header("dpop-nonce")[0]).sign()
    }

    /// What `chat` is told of a token of its own.
    pub(crate) fn introspect(&self, token: &str, secs: u64) -> Value {
        let ask = form(format!("token={token}")).basic("chat", SECRET);
        let reply = Reply::of(&run(self.engine.introspect(&ask.request(), at(secs))));
        assert_eq!(reply.status, 200);
        Value::Object(reply.json())
    }

    pub(crate) fn metadata(&self) -> Value {
        serde_json::from_slice(self.engine.metadata().unwrap().body()).unwrap()
    }
}

/// The body of such a request.
pub(crate) fn body(assertion: &str, more: &str) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", JWT_BEARER).append_pair("assertion", assertion);
    format!("{}{more}", form.finish())
}

pub(crate) fn asking(client: &str, assertion: &str, more: &str) -> Ask {
    let body = body(assertion, more);
    match client {
        "phone" => form(format!("{body}&client_id=phone")),
        "mail" => form(body).basic("mail", OTHER_SECRET),
        client => form(body).basic(client, SECRET),
    }
}

/// What an identity provider says of somebody for `chat`.
pub(crate) fn jag_claims(jti: &str, secs: u64) -> Value {
    let now = at(secs).as_secs();
    json!({
        "iss": IDP, "sub": "U1", "aud": ISSUER, "client_id": "chat", "jti": jti, "iat": now, "exp": now + 300,
    })
}

pub(crate) fn signed_jag(claims: &Value) -> String {
    idp().jwt(&json!({"typ": "oauth-id-jag+jwt", "alg": "EdDSA", "kid": "idp"}), claims)
}

pub(crate) fn jag(jti: &str, secs: u64) -> String {
    signed_jag(&jag_claims(jti, secs))
}

/// What a workload has of its platform.
pub(crate) fn cluster_claims(secs: u64) -> Value {
    let now = at(secs).as_secs();
    json!({
        "iss": CLUSTER, "sub": "system:serviceaccount:shop:cart", "aud": [ISSUER], "iat": now, "nbf": now, "exp": now + 3_600,
        "kubernetes.io": {"namespace": "shop"},
    })
}

pub(crate) fn workload(secs: u64) -> String {
    signed_by(&cluster(), &cluster_claims(secs))
}

pub(crate) fn partner_claims(secs: u64) -> Value {
    let now = at(secs).as_secs();
    json!({"iss": PARTNER, "sub": "carol", "aud": ISSUER, "iat": now, "exp": now + 300})
}

pub(crate) fn signed_by(signer: &Signer, claims: &Value) -> String {
    signer.jwt(&signer.header("EdDSA"), claims)
}

pub(crate) fn but(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

pub(crate) fn without(mut claims: Value, name: &str) -> Value {
    claims.as_object_mut().unwrap().remove(name);
    claims
}
