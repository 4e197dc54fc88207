//! Tokens that are bound to a certificate: RFC 8705 sections 3 and 4.

use regrant::client::{CertificateChain, ClientCertificate};
use regrant::engine::BearerErrorKind::InvalidToken;
use regrant::{Access, BearerError, Client, Request, Scope, Timestamp};
use serde_json::Value;

use super::house::{LOGIN, ask, plain, renewal};
use crate::kit::proof::ProofKey;
use crate::kit::schedule::run;
use crate::kit::signer::{Signer, with_assertion};
use crate::kit::{Ask, Reply, SECRET, World, at, basic, form, scope, secret};

const ONE: &[u8] = include_bytes!("certificates/named.der");
const OTHER: &[u8] = include_bytes!("certificates/renewed.der");

fn certificate(der: &[u8]) -> ClientCertificate {
    ClientCertificate::from_der(der, CertificateChain::NotVerified).unwrap()
}

fn world() -> World {
    let phone = Client::public("phone").certificate_bound_tokens(true);
    let machine = Client::confidential("machine").secret(secret(SECRET)).certificate_bound_tokens(true);
    let clients =
        [phone, machine].map(|client| client.grant_type("password").grant_type("refresh_token").scope(scope("read")));
    let api = Client::confidential("api").secret(secret(SECRET)).resource_server(true);
    World::new(clients.into_iter().chain([api]), |builder| plain(builder).dpop(regrant::engine::Dpop::new()))
}

impl World {
    fn on_tls(&self, ask: &Ask, der: &[u8], now: Timestamp) -> Reply {
        let certificate = certificate(der);
        let request = ask.request().with_certificate(&certificate);
        Reply::of(&self.engine.blocking().token(&request, now).unwrap())
    }

    fn resource_on_tls(&self, token: &str, der: Option<&[u8]>) -> Result<Access, BearerError> {
        let (header, certificate) = (format!("Bearer {token}"), der.map(certificate));
        let request = Request::new("GET", b"").with_header("authorization", header.as_bytes());
        let request = match &certificate {
            Some(certificate) => request.with_certificate(certificate),
            None => request,
        };
        run(self.engine.bearer(&request, &Scope::empty(), at(1)))
    }
}

#[test]
fn a_bound_token_takes_the_connection_with_its_certificate() {
    let world = world();
    let reply = world.on_tls(&ask("machine", LOGIN), ONE, at(0));
    reply.assert_ok();
    assert_eq!((reply.text("token_type").as_str(), reply.access_token().len()), ("Bearer", 111));
    let token = reply.access_token();
    assert!(world.resource_on_tls(&token, Some(ONE)).unwrap().is_bound());
    for wrong in [None, Some(OTHER)] {
        assert_eq!(world.resource_on_tls(&token, wrong).unwrap_err().kind(), InvalidToken);
    }
    let request = form(format!("token={token}")).authorization(basic("api", SECRET));
    let answer = world.engine.blocking().introspect(&request.request(), at(1)).unwrap();
    let answer: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(answer["cnf"]["x5t#S256"], *certificate(ONE).thumbprint().to_string());
    assert_eq!(answer["token_type"], "Bearer");
}

/// A marked client is never served a bearer token.
#[test]
fn without_a_certificate_a_marked_client_gets_nothing() {
    let world = world();
    for client in ["phone", "machine"] {
        world.bare(client, LOGIN, at(0)).assert_error(400, "invalid_grant");
    }
    assert!(world.store.bytes().is_empty());
}

/// RFC 8705 section 4: refresh tokens of public clients are bound, those of others are the client's, who renews its certificate.
#[test]
fn a_certificate_is_renewed_by_who_is_known_besides() {
    let world = world();
    for (client, renews) in [("phone", false), ("machine", true)] {
        let first = world.on_tls(&ask(client, LOGIN), ONE, at(0)).refresh_token();
        let stored = world.store.bytes();
        let refresh = ask(client, &renewal(&first));
        world.bare(client, &renewal(&first), at(1)).assert_error(400, "invalid_grant");
        assert_eq!(world.store.bytes(), stored, "{client}");
        let renewed = world.on_tls(&refresh, OTHER, at(1));
        assert_eq!(renewed.status == 200, renews, "{client}");
        if renews {
            assert!(world.resource_on_tls(&renewed.access_token(), Some(OTHER)).is_ok());
            assert!(world.resource_on_tls(&renewed.access_token(), Some(ONE)).is_err());
        } else {
            renewed.assert_error(400, "invalid_grant");
            assert_eq!(world.store.bytes(), stored);
            world.on_tls(&refresh, ONE, at(2)).assert_ok();
        }
    }
}

/// Somebody has a whole request, assertion and all, and a certificate of his own: over another connection it is another request.
#[test]
fn a_caught_request_is_of_no_use_over_another_connection() {
    let keyed = Client::confidential("keyed")
        .keys(Signer::new("one").keys())
        .private_key_jwt(true)
        .certificate_bound_tokens(true)
        .grant_type("client_credentials")
        .grant_type("password")
        .grant_type("refresh_token")
        .scope(scope("read"));
    let world = World::new([keyed], plain);
    let mut token = None;
    for (jti, body) in ["grant_type=client_credentials", LOGIN, "refresh"].into_iter().enumerate() {
        let body = token.take().filter(|_| body == "refresh").map_or(body.to_owned(), |token: String| renewal(&token));
        let caught = form(with_assertion(&body, &Signer::new("one").assertion("keyed", &jti.to_string(), 0)));
        let reply = world.on_tls(&caught, ONE, at(0));
        reply.assert_ok();
        let stored = world.store.bytes();
        world.on_tls(&caught, OTHER, at(1)).assert_error(400, "invalid_grant");
        assert_eq!(world.store.bytes(), stored, "{body}");
        world.on_tls(&caught, ONE, at(2)).assert_ok();
        token = reply.json().get("refresh_token").map(|token| token.as_str().unwrap().to_owned());
    }
}

/// Of two the proof is what the token is bound to; the certificate is still wanted.
#[test]
fn a_proof_goes_before_the_certificate() {
    let world = world();
    let key = ProofKey::of(1);
    let proof = key.proof("POST", &super::house::token_url()).nonce(&nonce(&world)).sign();
    let both = world.on_tls(&ask("machine", LOGIN).header("dpop", proof), ONE, at(0));
    assert_eq!(both.text("token_type"), "DPoP");
    let proof = key.proof("POST", &super::house::token_url()).nonce(&nonce(&world)).sign();
    let refresh = ask("machine", &renewal(&both.refresh_token())).header("dpop", proof);
    world.send(&refresh, at(1)).assert_error(400, "invalid_grant");
}

fn nonce(world: &World) -> String {
    let proof = ProofKey::of(9).proof("POST", &super::house::token_url()).sign();
    super::house::nonce_of(&world.send(&ask("phone", LOGIN).header("dpop", proof), at(0)))
}
