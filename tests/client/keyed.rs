//! Clients with keys at an engine with codes, and what they send.

use std::collections::BTreeMap;
use std::sync::Arc;

use regrant::client::{CertificateName, ClientBuilder, RecoverableSecret};
use regrant::{Authorization, Client, Endpoints, GrantId, Request, RootSecret};
use serde_json::json;

use crate::kit::jwt::{hs256, signed};
use crate::kit::portal::{CALLBACK, OnShelf, PKCE, Portal, STATE, VERIFIER, run};
use crate::kit::signer::{Signer, claims, with_assertion};
use crate::kit::{Ask, OTHER_SECRET, Reply, SECRET, Shelf, at, form, renewal, scope, secret};

pub(crate) const CREDENTIALS: &str = "grant_type=client_credentials&scope=read";

/// With codes, refresh tokens and tokens of its own; it may introspect.
pub(crate) fn able(id: &str) -> ClientBuilder {
    Client::confidential(id)
        .redirect_uri(CALLBACK)
        .grant_type("authorization_code")
        .grant_type("refresh_token")
        .grant_type("client_credentials")
        .resource_server(true)
        .scope(scope("read write"))
}

pub(crate) fn signer() -> Signer {
    Signer::new("one")
}

/// `private_key_jwt`, keys by value.
pub(crate) fn key_client() -> ClientBuilder {
    able("key-client").keys(signer().keys()).private_key_jwt(true)
}

/// `client_secret_jwt`.
pub(crate) fn mac_client() -> ClientBuilder {
    able("mac-client")
        .secret(RecoverableSecret::new(SECRET).unwrap().into())
        .client_secret_basic(false)
        .client_secret_post(false)
        .client_secret_jwt(true)
}

/// `tls_client_auth`.
pub(crate) fn ca_client() -> ClientBuilder {
    able("ca-client").tls_client_auth(CertificateName::subject("CN=ca-client").unwrap())
}

/// `self_signed_tls_client_auth`.
pub(crate) fn mtls_client() -> ClientBuilder {
    able("mtls-client").keys(signer().keys()).self_signed_tls_client_auth(true)
}

/// A secret, and keys besides: it is moving from one to the other.
pub(crate) fn moving() -> ClientBuilder {
    able("moving").secret(secret(OTHER_SECRET)).keys(signer().keys()).private_key_jwt(true)
}

/// An engine for these clients.
pub(crate) fn desk(clients: impl IntoIterator<Item = ClientBuilder>) -> OnShelf {
    Portal::new(Arc::new(Shelf::default()), clients, |builder| {
        builder.root_secret(RootSecret::from_bytes(1, &[5; 32])).endpoints(places())
    })
}

pub(crate) fn places() -> Endpoints {
    Endpoints::new()
        .with_authorization("/authorize")
        .with_token("/token")
        .with_revocation("/revoke")
        .with_introspection("/introspect")
}

pub(crate) fn mac_assertion(jti: &str, secs: u64) -> String {
    signed(&json!({"alg": "HS256"}), &claims("mac-client", jti, secs), |message| hs256(SECRET.as_bytes(), message))
}

/// The endpoints at which clients authenticate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum At {
    Token,
    Revocation,
    Introspection,
}

impl At {
    pub(crate) const ALL: [Self; 3] = [Self::Token, Self::Revocation, Self::Introspection];
}

/// What a desk does with requests that are no `Basic` ones.
pub(crate) trait Keyed {
    fn send(&self, at: At, request: &Request<'_>, secs: u64) -> Reply;
    fn held(&self) -> BTreeMap<GrantId, Vec<u8>>;

    fn ask(&self, endpoint: At, ask: &Ask, secs: u64) -> Reply {
        self.send(endpoint, &ask.request(), secs)
    }

    /// With the assertion of `key-client`.
    fn by_key(&self, endpoint: At, body: &str, jti: &str, secs: u64) -> Reply {
        let assertion = signer().assertion("key-client", jti, secs);
        self.ask(endpoint, &form(with_assertion(body, &assertion)), secs)
    }
}

impl Keyed for OnShelf {
    fn send(&self, endpoint: At, request: &Request<'_>, secs: u64) -> Reply {
        let (engine, now) = (&self.engine, at(secs));
        Reply::of(&match endpoint {
            At::Token => run(engine.token(request, now)),
            At::Revocation => run(engine.revoke(request, now)),
            At::Introspection => run(engine.introspect(request, now)),
        })
    }

    fn held(&self) -> BTreeMap<GrantId, Vec<u8>> {
        self.store.bytes()
    }
}

/// A code of this client for Alice.
pub(crate) fn code_of(desk: &OnShelf, client_id: &str, secs: u64) -> String {
    let query =
        format!("response_type=code&client_id={client_id}&redirect_uri={CALLBACK}&scope=read&state={STATE}{PKCE}");
    desk.approve(&query, Authorization::of("alice"), at(secs)).get("code").unwrap().to_owned()
}

pub(crate) fn redemption_of(code: &str) -> String {
    format!("grant_type=authorization_code&code={code}&redirect_uri={CALLBACK}&code_verifier={VERIFIER}")
}

/// A login of `key-client`: its refresh token.
pub(crate) fn login(desk: &OnShelf, jti: &str, secs: u64) -> String {
    let code = code_of(desk, "key-client", secs);
    let reply = desk.by_key(At::Token, &redemption_of(&code), jti, secs);
    reply.assert_ok().refresh_token()
}

pub(crate) fn refresh_by_key(desk: &OnShelf, token: &str, jti: &str, secs: u64) -> Reply {
    desk.by_key(At::Token, &renewal(token), jti, secs)
}

/// How many markers are held.
pub(crate) fn markers(desk: &OnShelf) -> usize {
    desk.store.grants().iter().filter(|grant| grant.is_marker()).count()
}
