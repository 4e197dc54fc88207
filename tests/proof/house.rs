//! An engine that takes proofs, its clients, and what they send.

use std::sync::Arc;

use regrant::client::ClientBuilder;
use regrant::engine::{ClientCredentials, Dpop};
use regrant::{
    Access, BearerError, Client, Endpoints, EngineBuilder, Key, Request, Resource, RootSecret, Scope, StaticClients,
    Timestamp,
};

use crate::kit::bank::{CHALLENGE, ISSUER, Query, VERIFIER};
use crate::kit::proof::{Making, ProofKey};
use crate::kit::schedule::run;
use crate::kit::{Ask, Events, Password, Reply, SECRET, Shelf, World, basic, form, scope, secret};

pub(crate) const FILES: &str = "https://api.example/files";
pub(crate) const MAIL: &str = "https://mail.example/";
const PHONE_URI: &str = "http://127.0.0.1/cb";

pub(crate) type Builder = EngineBuilder<Arc<Shelf>, StaticClients>;

/// Where the token endpoint is, as the metadata say.
pub(crate) fn token_url() -> String {
    format!("{ISSUER}/token")
}

fn public(id: &str) -> ClientBuilder {
    Client::public(id)
        .grant_type("password")
        .grant_type("authorization_code")
        .grant_type("refresh_token")
        .redirect_uri(PHONE_URI)
        .scope(scope("read write"))
}

pub(crate) fn confidential(id: &str) -> ClientBuilder {
    Client::confidential(id)
        .secret(secret(SECRET))
        .grant_type("password")
        .grant_type("authorization_code")
        .grant_type("refresh_token")
        .grant_type("client_credentials")
        .redirect_uri(PHONE_URI)
        .scope(scope("read write"))
}

pub(crate) fn clients() -> Vec<ClientBuilder> {
    vec![
        public("phone"),
        public("marked-phone").require_dpop(true),
        public("fleet").resync(true),
        confidential("machine"),
        confidential("fleet-machine").resync(true),
        confidential("marked-machine").require_dpop(true),
        Client::confidential("api").secret(secret(SECRET)).resource_server(true),
    ]
}

/// What an engine has before it takes proofs.
pub(crate) fn plain(builder: Builder) -> Builder {
    builder
        .key(Key::from_bytes(1, &[1; 32]))
        .root_secret(RootSecret::from_bytes(1, &[2; 32]))
        .issuer(ISSUER)
        .endpoints(Endpoints::new().with_token("/token"))
        .authorization_code()
        .grant_handler(Password)
        .grant_handler(ClientCredentials)
}

pub(crate) fn house() -> World {
    World::new(clients(), |builder| plain(builder).dpop(Dpop::new()))
}

/// One that takes pushed requests.
pub(crate) fn pushing() -> World {
    World::new(clients(), |builder| {
        let endpoints = Endpoints::new().with_token("/token").with_pushed_authorization("/par");
        plain(builder).endpoints(endpoints).pushed_authorization_requests().dpop(Dpop::new())
    })
}

/// With two resources.
pub(crate) fn street() -> World {
    World::new(clients(), |builder| {
        plain(builder)
            .dpop(Dpop::new())
            .resource(Resource::new(FILES))
            .resource(Resource::new(MAIL).with_dpop_required(true))
            .default_resource(FILES)
    })
}

/// Another node on the same store.
pub(crate) fn node(world: &World, change: impl FnOnce(Builder) -> Builder) -> World {
    let clients =
        clients().into_iter().fold(StaticClients::new(), |all, client| all.with(client.build().unwrap()).unwrap());
    let events = Events::default();
    let builder = regrant::Engine::builder(Arc::clone(&world.store), clients).events(events.clone());
    World { engine: Arc::new(change(plain(builder)).build().unwrap()), store: Arc::clone(&world.store), events }
}

/// A request of a client to the token endpoint.
pub(crate) fn ask(client: &str, body: &str) -> Ask {
    if client.ends_with("machine") {
        form(body).authorization(basic(client, SECRET))
    } else {
        form(format!("{body}&client_id={client}"))
    }
}

pub(crate) const LOGIN: &str = "grant_type=password&username=alice&password=wonderland";

pub(crate) fn renewal(token: &str) -> String {
    format!("grant_type=refresh_token&refresh_token={token}")
}

impl World {
    /// A nonce of this engine, as any client gets it: by asking without one.
    #[track_caller]
    pub(crate) fn nonce(&self, now: Timestamp) -> String {
        let proof = ProofKey::of(99).proof("POST", &token_url()).sign();
        let reply = self.send(&ask("phone", LOGIN).header("dpop", proof), now);
        reply.assert_error(400, "use_dpop_nonce");
        nonce_of(&reply)
    }

    /// A proof for the token endpoint, with a nonce of now.
    #[track_caller]
    pub(crate) fn fresh(&self, key: &ProofKey, now: Timestamp) -> Making {
        key.proof("POST", &token_url()).nonce(&self.nonce(now))
    }

    /// A request to the token endpoint with a proof of now.
    #[track_caller]
    pub(crate) fn proven(&self, client: &str, body: &str, key: &ProofKey, now: Timestamp) -> Reply {
        let proof = self.fresh(key, now).sign();
        self.send(&ask(client, body).header("dpop", proof), now)
    }

    #[track_caller]
    pub(crate) fn bare(&self, client: &str, body: &str, now: Timestamp) -> Reply {
        self.send(&ask(client, body), now)
    }

    /// At the resource of an engine that has one alone, by these headers.
    pub(crate) fn at_resource(
        &self,
        resource: Option<&str>,
        url: &str,
        headers: &[(&str, &str)],
        now: Timestamp,
    ) -> Result<Access, BearerError> {
        let request = headers.iter().fold(Request::new("GET", b"").with_url(url), |request, (name, value)| {
            request.with_header(name, value.as_bytes())
        });
        match resource {
            Some(resource) => run(self.engine.bearer_for(resource).check(&request, now)),
            None => run(self.engine.bearer(&request, &Scope::empty(), now)),
        }
    }

    /// With a token and a proof.
    pub(crate) fn with_proof(
        &self,
        url: &str,
        token: &str,
        proof: &str,
        now: Timestamp,
    ) -> Result<Access, BearerError> {
        self.at_resource(None, url, &[("authorization", &format!("DPoP {token}")), ("dpop", proof)], now)
    }

    /// A code for a client; `more` stands behind.
    #[track_caller]
    pub(crate) fn code(&self, client: &str, more: &[(&str, &str)], now: Timestamp) -> String {
        let query = Query::of(&[
            ("response_type", "code"),
            ("client_id", client),
            ("redirect_uri", PHONE_URI),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ]);
        let query = more.iter().fold(query, |query, (name, value)| query.and(name, value));
        self.authorize(&query, now).code()
    }
}

pub(crate) fn redemption(code: &str) -> String {
    format!("grant_type=authorization_code&code={code}&code_verifier={VERIFIER}&redirect_uri={PHONE_URI}")
}

#[track_caller]
pub(crate) fn nonce_of(reply: &Reply) -> String {
    match reply.header("dpop-nonce")[..] {
        [nonce] => nonce.to_owned(),
        ref other => panic!("{other:?}"),
    }
}
