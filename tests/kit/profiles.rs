//! An engine of a profile, apps that keep to it, and what they send.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use regrant::client::{ClientBuilder, ClientCertificate};
use regrant::engine::Profile;
use regrant::fetch::{DocumentClients, Fetch, FetchError, FetchLimits, FetchResponse, FetchUrl};
use regrant::{
    Authorization, AuthorizationError, Client, Clients, Endpoints, Engine, EngineBuilder, Key, Lifetimes, Request,
    RootSecret, StaticClients, Timestamp, TokenStore,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::events::Events;
use super::portal::{ISSUER, Landing};
use super::proof::{Making, ProofKey};
use super::reply::Reply;
use super::schedule::run;
use super::signer::{Signer, claims, with_assertion};
use super::world::{at, scope};

/// Somebody who sends requests: a client, on a device.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) id: String,
    /// What it authenticates by; a public client has none.
    pub(crate) signer: Option<Signer>,
    /// The key of the device.
    pub(crate) proof: Option<ProofKey>,
    pub(crate) certificate: Option<ClientCertificate>,
    pub(crate) redirect_uri: &'static str,
    pub(crate) scope: &'static str,
}

impl App {
    pub(crate) fn without_proof(&self) -> Self {
        Self { proof: None, ..self.clone() }
    }

    pub(crate) fn with_proof(&self, byte: u8) -> Self {
        Self { proof: Some(ProofKey::of(byte)), ..self.clone() }
    }

    pub(crate) fn with_signer(&self, kid: &'static str) -> Self {
        Self { signer: Some(Signer::new(kid)), ..self.clone() }
    }
}

/// Where a request goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    Token,
    Push,
    Revocation,
}

impl Place {
    pub(crate) fn url(self) -> String {
        let path = match self {
            Self::Token => "/token",
            Self::Push => "/par",
            Self::Revocation => "/revoke",
        };
        format!("{ISSUER}{path}")
    }
}

/// A verifier of its own, and its challenge.
#[derive(Clone)]
pub(crate) struct Pkce {
    pub(crate) verifier: String,
    pub(crate) challenge: String,
}

impl Pkce {
    /// The same for the same number.
    pub(crate) fn of(number: u64) -> Self {
        let verifier = format!("{number:0>43}");
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
        Self { verifier, challenge }
    }

    /// One that nobody has had.
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1_000_000);
        Self::of(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// What a request says.
pub(crate) type Says = Vec<(&'static str, String)>;

/// The same without this, or with another value of it.
pub(crate) fn but(says: Says, name: &'static str, value: Option<&str>) -> Says {
    let rest = says.into_iter().filter(|(own, _)| *own != name);
    rest.chain(value.map(|value| (name, value.to_owned()))).collect()
}

pub(crate) fn encoded(says: &Says) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(says);
    form.finish()
}

/// Everything that a careful app asks with.
pub(crate) fn asking(app: &App, pkce: &Pkce) -> Says {
    [
        ("response_type", "code"),
        ("redirect_uri", app.redirect_uri),
        ("scope", app.scope),
        ("state", "st4te"),
        ("code_challenge", &pkce.challenge),
        ("code_challenge_method", "S256"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

/// The status, and the code of an error.
pub(crate) fn said(reply: &Reply) -> String {
    match reply.json().get("error").and_then(Value::as_str) {
        Some(error) => format!("{} {error}", reply.status),
        None => reply.status.to_string(),
    }
}

pub(crate) struct Desk<S, C> {
    pub(crate) engine: Engine<S, C>,
    pub(crate) store: S,
    pub(crate) events: Events,
}

impl<S: TokenStore, C: Clients> Desk<S, C> {
    /// A nonce, as any client gets one.
    pub(crate) fn nonce(&self, secs: u64) -> String {
        let proof = ProofKey::of(99).proof("POST", &Place::Token.url()).with("iat", at(secs).as_secs()).sign();
        let request = Request::new("POST", b"grant_type=refresh_token")
            .with_header("content-type", super::ask::FORM.as_bytes())
            .with_header("dpop", proof.as_bytes());
        let reply = Reply::of(&run(self.engine.token(&request, at(secs))));
        reply.header("dpop-nonce")[0].to_owned()
    }

    /// A proof of now, for a request there.
    pub(crate) fn proof(&self, key: &ProofKey, place: Place, secs: u64) -> Making {
        key.proof("POST", &place.url()).with("iat", at(secs).as_secs()).nonce(&self.nonce(secs))
    }

    /// A request with all that the app proves.
    pub(crate) fn send(&self, place: Place, app: &App, body: &str, secs: u64) -> Reply {
        let assertion = app.signer.as_ref().map(|signer| {
            static NEXT: AtomicU64 = AtomicU64::new(0);
            signer.assertion(&app.id, &format!("a-{}", NEXT.fetch_add(1, Ordering::Relaxed)), secs)
        });
        self.send_with(place, app, body, assertion.as_deref(), secs)
    }

    pub(crate) fn send_with(&self, place: Place, app: &App, body: &str, assertion: Option<&str>, secs: u64) -> Reply {
        let proof = app.proof.as_ref().map(|key| self.proof(key, place, secs).sign());
        self.send_proven(place, app, body, (assertion, proof.as_deref()), secs)
    }

    /// The same with an assertion and a proof that were made before.
    pub(crate) fn send_proven(
        &self,
        place: Place,
        app: &App,
        body: &str,
        (assertion, proof): (Option<&str>, Option<&str>),
        secs: u64,
    ) -> Reply {
        let id: String = form_urlencoded::byte_serialize(app.id.as_bytes()).collect();
        let body = format!("{body}&client_id={id}");
        let body = assertion.map_or_else(|| body.clone(), |assertion| with_assertion(&body, assertion));
        let request = Request::new("POST", body.as_bytes()).with_header("content-type", super::ask::FORM.as_bytes());
        let request = match proof {
            Some(proof) => request.with_header("dpop", proof.as_bytes()),
            None => request,
        };
        let request = match &app.certificate {
            Some(certificate) => request.with_certificate(certificate),
            None => request,
        };
        Reply::of(&match place {
            Place::Token => run(self.engine.token(&request, at(secs))),
            Place::Push => run(self.engine.push(&request, at(secs))),
            Place::Revocation => run(self.engine.revoke(&request, at(secs))),
        })
    }

    pub(crate) fn push(&self, app: &App, says: &Says, secs: u64) -> Reply {
        self.send(Place::Push, app, &encoded(says), secs)
    }

    /// Alice agrees to what this query asks for; a page where it is refused at once, by its words.
    pub(crate) fn approve(&self, query: &str, authorization: Authorization, secs: u64) -> Result<Landing, String> {
        run(async {
            let request = Request::new("GET", b"").with_query(query.as_bytes());
            let asked = match self.engine.authorize(&request, at(secs)).await {
                Ok(asked) => asked,
                Err(AuthorizationError::Show(error)) => return Err(error.description().to_owned()),
                Err(AuthorizationError::Redirect(response)) => return Ok(Landing::of(&response)),
            };
            match self.engine.approve(&asked, authorization.with_page_shown(), at(secs)).await {
                Ok(approval) => Ok(Landing::of(&approval.response)),
                Err(error) => Err(error.description().to_owned()),
            }
        })
    }

    /// The query that the app sends the browser with, once it has pushed its request.
    #[track_caller]
    pub(crate) fn pushed(&self, app: &App, says: &Says, secs: u64) -> String {
        let reply = self.push(app, says, secs);
        assert_eq!(reply.status, 201, "{}", String::from_utf8_lossy(&reply.body));
        encoded(&vec![("client_id", app.id.clone()), ("request_uri", reply.text("request_uri"))])
    }

    #[track_caller]
    pub(crate) fn code(&self, app: &App, pkce: &Pkce, secs: u64) -> String {
        let query = self.pushed(app, &asking(app, pkce), secs);
        let landing = self.approve(&query, Authorization::of("alice"), secs).unwrap();
        landing.get("code").unwrap_or_else(|| panic!("{landing:?}")).to_owned()
    }

    pub(crate) fn redeem(&self, app: &App, code: &str, pkce: &Pkce, secs: u64) -> Reply {
        self.send(Place::Token, app, &redemption(app, code, pkce), secs)
    }

    /// From the push to the first tokens.
    #[track_caller]
    pub(crate) fn login(&self, app: &App, secs: u64) -> Reply {
        let pkce = Pkce::new();
        let code = self.code(app, &pkce, secs);
        let reply = self.redeem(app, &code, &pkce, secs);
        reply.assert_ok();
        reply
    }

    pub(crate) fn refresh(&self, app: &App, token: &str, secs: u64) -> Reply {
        self.send(Place::Token, app, &super::world::renewal(token), secs)
    }

    pub(crate) fn metadata(&self) -> Value {
        serde_json::from_slice(self.engine.metadata().unwrap().body()).unwrap()
    }
}

pub(crate) fn redemption(app: &App, code: &str, pkce: &Pkce) -> String {
    let (uri, verifier) = (app.redirect_uri, &pkce.verifier);
    encoded(&vec![
        ("grant_type", "authorization_code".into()),
        ("code", code.into()),
        ("redirect_uri", uri.into()),
        ("code_verifier", verifier.clone()),
    ])
}

pub(crate) fn endpoints() -> Endpoints {
    Endpoints::new()
        .with_authorization("/authorize")
        .with_token("/token")
        .with_pushed_authorization("/par")
        .with_revocation("/revoke")
}

/// What an engine of any profile has.
pub(crate) fn profiled<S: TokenStore, C: Clients>(
    store: S,
    clients: C,
    profile: Profile,
    events: &Events,
) -> EngineBuilder<S, C> {
    Engine::builder(store, clients)
        .key(Key::from_bytes(7, &[9; 32]))
        .root_secret(RootSecret::from_bytes(1, &[2; 32]))
        .issuer(ISSUER)
        .endpoints(endpoints())
        .profile(profile)
        .events(events.clone())
}

// FAPI 2.0.

pub(crate) const BANK_CALLBACK: &str = "https://app.example/cb";

fn of_bank(id: &str) -> ClientBuilder {
    Client::confidential(id)
        .grant_type("authorization_code")
        .grant_type("refresh_token")
        .grant_type("client_credentials")
        .redirect_uri(BANK_CALLBACK)
        .redirect_uri("http://127.0.0.1/cb")
        .redirect_uri("http://localhost/cb")
        .scope(scope("accounts payments"))
}

/// `private_key_jwt`.
pub(crate) fn key_client() -> ClientBuilder {
    of_bank("key-client").keys(Signer::new("one").keys()).private_key_jwt(true)
}

/// `self_signed_tls_client_auth`.
pub(crate) fn mtls_client() -> ClientBuilder {
    of_bank("mtls-client").keys(Signer::new("one").keys()).self_signed_tls_client_auth(true)
}

pub(crate) fn key_app() -> App {
    App {
        id: "key-client".into(),
        signer: Some(Signer::new("one")),
        proof: Some(ProofKey::of(1)),
        certificate: None,
        redirect_uri: BANK_CALLBACK,
        scope: "accounts",
    }
}

pub(crate) fn mtls_app() -> App {
    let chain = regrant::client::CertificateChain::NotVerified;
    let certificate = Some(Signer::new("one").certificate("mtls-client", 1, chain));
    App { id: "mtls-client".into(), signer: None, proof: None, certificate, ..key_app() }
}

/// An engine of FAPI 2.0 with these clients.
pub(crate) fn bank<S: TokenStore + Clone>(
    store: S,
    clients: impl IntoIterator<Item = ClientBuilder>,
    change: impl FnOnce(EngineBuilder<S, StaticClients>) -> EngineBuilder<S, StaticClients>,
) -> Desk<S, StaticClients> {
    let clients = clients.into_iter();
    let clients = clients.fold(StaticClients::new(), |all, client| all.with(client.build().unwrap()).unwrap());
    let events = Events::default();
    let engine = change(profiled(store.clone(), clients, Profile::Fapi2Security, &events)).build().unwrap();
    Desk { engine, store, events }
}

// atproto.

pub(crate) const SQUARE_SCOPE: &str = "atproto transition:generic";
pub(crate) const PHONE: &str = "https://app.example.com/phone.json";
pub(crate) const SERVICE: &str = "https://app.example.com/service.json";
pub(crate) const SERVICE_KEYS: &str = "https://app.example.com/keys.json";

/// Documents by their URLs.
#[derive(Clone, Default)]
pub(crate) struct Site(Arc<Mutex<(HashMap<String, String>, bool)>>);

impl Site {
    pub(crate) fn puts(&self, url: &str, document: &Value) {
        self.0.lock().0.insert(url.to_owned(), document.to_string());
    }

    pub(crate) fn is_down(&self, is_down: bool) {
        self.0.lock().1 = is_down;
    }
}

impl Fetch for Site {
    async fn fetch(&self, url: &FetchUrl, _: &FetchLimits) -> Result<FetchResponse, FetchError> {
        let site = self.0.lock();
        if site.1 {
            return Err(FetchError::TimedOut);
        }
        let (status, body) = match site.0.get(url.as_str()) {
            Some(body) => (200, body.clone().into_bytes()),
            None => (404, Vec::new()),
        };
        Ok(FetchResponse::new(status, body)
            .with_header("content-type", b"application/json")
            .with_header("cache-control", b"max-age=600"))
    }
}

/// What a public app says of itself.
pub(crate) fn phone_document() -> Value {
    json!({
        "client_id": PHONE,
        "application_type": "native",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "scope": SQUARE_SCOPE,
        "redirect_uris": ["com.example.app:/callback"],
        "token_endpoint_auth_method": "none",
        "dpop_bound_access_tokens": true,
    })
}

/// And one with keys, by value.
pub(crate) fn service_document(keys: &Value) -> Value {
    json!({
        "client_id": SERVICE,
        "application_type": "web",
        "client_uri": "https://app.example.com",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "scope": SQUARE_SCOPE,
        "redirect_uris": ["https://app.example.com/cb"],
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "EdDSA",
        "dpop_bound_access_tokens": true,
        "jwks": keys,
    })
}

/// The sets of several signers as one.
pub(crate) fn keys_of(kids: &[&'static str]) -> Value {
    let keys = kids.iter().flat_map(|kid| Signer::new(kid).jwks()["keys"].as_array().unwrap().clone());
    json!({ "keys": keys.collect::<Vec<_>>() })
}

pub(crate) fn phone() -> App {
    App {
        id: PHONE.into(),
        signer: None,
        proof: Some(ProofKey::of(1)),
        certificate: None,
        redirect_uri: "com.example.app:/callback",
        scope: SQUARE_SCOPE,
    }
}

pub(crate) fn service() -> App {
    App { id: SERVICE.into(), signer: Some(Signer::new("one")), redirect_uri: "https://app.example.com/cb", ..phone() }
}

/// A clock of documents that a test moves: seconds after the beginning.
#[derive(Clone, Default)]
pub(crate) struct Hand(Arc<AtomicU64>);

impl Hand {
    pub(crate) fn is_at(&self, secs: u64) {
        self.0.store(secs, Ordering::Relaxed);
    }

    fn read(&self) -> Timestamp {
        at(self.0.load(Ordering::Relaxed))
    }
}

pub(crate) type Square<S> = Desk<S, DocumentClients<StaticClients>>;

/// Both documents.
pub(crate) fn site() -> Site {
    let site = Site::default();
    site.puts(PHONE, &phone_document());
    site.puts(SERVICE, &service_document(&keys_of(&["one", "two"])));
    site
}

/// Who a square lets in.
pub(crate) fn strangers(site: &Site, hand: &Hand) -> DocumentClients<StaticClients> {
    let hand = hand.clone();
    DocumentClients::new(StaticClients::new(), site.clone())
        .with_scope(scope(SQUARE_SCOPE))
        .with_private_key_jwt(true)
        .with_clock(move || hand.read())
}

/// An engine of atproto.
pub(crate) fn square<S: TokenStore + Clone>(
    store: S,
    site: &Site,
    hand: &Hand,
    change: impl FnOnce(
        EngineBuilder<S, DocumentClients<StaticClients>>,
    ) -> EngineBuilder<S, DocumentClients<StaticClients>>,
) -> Square<S> {
    let events = Events::default();
    let builder = profiled(store.clone(), strangers(site, hand), Profile::Atproto, &events)
        .endpoints(endpoints().with_scopes(scope(SQUARE_SCOPE)))
        .fetch(site.clone());
    Desk { engine: change(builder).build().unwrap(), store, events }
}

/// Long lifetimes, so that what limits them is seen.
pub(crate) fn for_ever() -> Lifetimes {
    let long = std::time::Duration::from_secs(10 * 365 * 86_400);
    Lifetimes::default().with_access_token(std::time::Duration::from_secs(86_400)).with_idle(long).with_absolute(None)
}

/// Claims with this one changed.
pub(crate) fn claims_but(client_id: &str, jti: &str, secs: u64, name: &str, value: Option<Value>) -> Value {
    let mut claims = claims(client_id, jti, secs);
    match value {
        Some(value) => claims[name] = value,
        None => drop(claims.as_object_mut().unwrap().remove(name)),
    }
    claims
}
