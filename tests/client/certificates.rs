//! Clients that authenticate by a certificate: RFC 8705 section 2.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use regrant::client::{CertificateChain, CertificateName, ClientCertificate};
use regrant::http::EndpointService;
use regrant::{Endpoints, Engine, MemoryStore, RootSecret, StaticClients};
use serde_json::{Value, json};

use crate::keyed::*;
use crate::kit::portal::{ISSUER, OnShelf, run};
use crate::kit::signer::{Signer, with_assertion};
use crate::kit::{OTHER_SECRET, Reply, SECRET, form, renewal};

use CertificateChain::{NotVerified, Verified};

fn with(
    desk: &OnShelf,
    endpoint: At,
    client: &str,
    body: &str,
    certificate: Option<&ClientCertificate>,
    secs: u64,
) -> Reply {
    let ask = form(format!("{body}&client_id={client}"));
    let request = ask.request();
    let request = certificate.map_or(request, |certificate| request.with_certificate(certificate));
    desk.send(endpoint, &request, secs)
}

fn body_for(endpoint: At) -> &'static str {
    if endpoint == At::Token { CREDENTIALS } else { "token=anything" }
}

/// Client, certificate, outcome.
#[test]
fn each_certificate_for_each_client() {
    let desk = desk([ca_client(), mtls_client(), key_client()]);
    let (own, other) = (signer(), Signer::new("another"));
    for endpoint in At::ALL {
        for (client, certificate, right) in [
            ("ca-client", Some(other.certificate("ca-client", 1, Verified)), true),
            ("ca-client", Some(own.certificate("CA-Client", 2, Verified)), true),
            // A certificate says what its maker wanted.
            ("ca-client", Some(other.certificate("ca-client", 1, NotVerified)), false),
            ("ca-client", Some(other.certificate("ca-client2", 1, Verified)), false),
            ("ca-client", Some(other.certificate("mtls-client", 1, Verified)), false),
            ("ca-client", None, false),
            ("mtls-client", Some(own.certificate("whoever", 1, NotVerified)), true),
            ("mtls-client", Some(own.certificate("whoever", 1, Verified)), true),
            // Renewed, with the same key.
            ("mtls-client", Some(own.certificate("whoever", 2, NotVerified)), true),
            ("mtls-client", Some(other.certificate("mtls-client", 1, Verified)), false),
            ("mtls-client", None, false),
            // The right key, of a client that signs by it and shows no certificate.
            ("key-client", Some(own.certificate("key-client", 1, Verified)), false),
            ("nobody", Some(own.certificate("nobody", 1, Verified)), false),
        ] {
            desk.events.take();
            let held = desk.held();
            let reply = with(&desk, endpoint, client, body_for(endpoint), certificate.as_ref(), 0);
            let told = desk.events.take();
            if right {
                assert_eq!(reply.status, 200, "{client} {certificate:?} at {endpoint:?}: {told:?}");
                continue;
            }
            reply.assert_error(401, "invalid_client");
            let why = match client {
                "key-client" => "WrongSecret",
                "nobody" => "UnknownClient",
                _ => "Certificate",
            };
            assert!(told.len() == 1 && told[0].contains(why), "{client} {certificate:?}: {told:?}");
            assert_eq!(desk.held(), held);
        }
    }
}

/// A certificate in TLS is no way to authenticate by itself: clients with keys and secrets may show one, to bind tokens to.
#[test]
fn a_certificate_beside_another_way() {
    let desk = desk([key_client(), ca_client(), moving()]);
    let certificate = Signer::new("another").certificate("ca-client", 1, Verified);
    let ask = form(with_assertion(CREDENTIALS, &signer().assertion("key-client", "a", 0)));
    desk.send(At::Token, &ask.request().with_certificate(&certificate), 0).assert_ok();
    let ask = form(CREDENTIALS).basic("moving", OTHER_SECRET);
    desk.send(At::Token, &ask.request().with_certificate(&certificate), 0).assert_ok();
    // And a client of certificates has no secret to show.
    let ask = form(CREDENTIALS).basic("ca-client", SECRET);
    desk.send(At::Token, &ask.request().with_certificate(&certificate), 0).assert_error(401, "invalid_client");
    let ask = form(with_assertion(CREDENTIALS, &signer().assertion("ca-client", "a", 0)));
    desk.send(At::Token, &ask.request().with_certificate(&certificate), 0).assert_error(401, "invalid_client");
}

/// Certificates are renewed within months, and nobody is logged out by that.
#[test]
fn a_renewed_certificate_goes_on_refreshing() {
    let desk = desk([ca_client(), mtls_client()]);
    for client in ["ca-client", "mtls-client"] {
        let key = signer();
        let certificate = |serial| key.certificate("ca-client", serial, Verified);
        let code = code_of(&desk, client, 0);
        let reply = with(&desk, At::Token, client, &redemption_of(&code), Some(&certificate(1)), 0);
        let mut token = reply.assert_ok().refresh_token();
        for serial in 2..6 {
            let renewed = certificate(serial);
            let reply = with(&desk, At::Token, client, &renewal(&token), Some(&renewed), u64::from(serial));
            token = reply.assert_ok().refresh_token();
        }
        // For the client of a name, another key too.
        let another = Signer::new("another").certificate("ca-client", 9, Verified);
        let reply = with(&desk, At::Token, client, &renewal(&token), Some(&another), 10);
        assert_eq!(reply.status == 200, client == "ca-client", "{reply:?}");
    }
}

/// `tls_client_auth_san_…` (RFC 8705 section 2.1.2) is told from the subject.
#[test]
fn a_name_is_of_one_kind() {
    let desk = desk([able("dns").tls_client_auth(CertificateName::dns("ca-client").unwrap())]);
    let certificate = signer().certificate("ca-client", 1, Verified);
    with(&desk, At::Token, "dns", CREDENTIALS, Some(&certificate), 0).assert_error(401, "invalid_client");
}

/// The host puts it among the extensions of the request; a header is nothing.
#[test]
fn over_http_it_comes_in_the_extensions() {
    let clients = StaticClients::new().with(ca_client().build().unwrap()).unwrap();
    let builder = Engine::builder(MemoryStore::new(), clients).grant_handler(regrant::engine::ClientCredentials);
    let service = EndpointService::token(Arc::new(builder.build().unwrap()));
    let certificate = signer().certificate("ca-client", 1, Verified);
    let request = |extension: Option<ClientCertificate>| {
        let body = Full::new(Bytes::from(format!("{CREDENTIALS}&client_id=ca-client")));
        let mut request = http::Request::post("/token")
            .header("content-type", crate::kit::ask::FORM)
            .header("client-cert", "anything")
            .header("x-ssl-client-s-dn", "CN=ca-client")
            .body(body)
            .unwrap();
        if let Some(certificate) = extension {
            request.extensions_mut().insert(certificate);
        }
        request
    };
    let status =
        |request| run(async { service.respond(request).await.map(|body| run(body.collect())).status().as_u16() });
    assert_eq!(status(request(Some(certificate))), 200);
    assert_eq!(status(request(None)), 401);
}

/// RFC 8705 section 5.
#[test]
fn aliases_are_advertised() {
    let engine = Engine::builder(MemoryStore::new(), StaticClients::new().with(ca_client().build().unwrap()).unwrap())
        .issuer(ISSUER)
        .root_secret(RootSecret::generate(1))
        .endpoints(
            places().with_mtls_aliases(
                Endpoints::new()
                    .with_token("https://mtls.id.example/token")
                    .with_revocation("https://mtls.id.example/revoke"),
            ),
        )
        .build()
        .unwrap();
    let metadata: Value = serde_json::from_slice(engine.metadata().unwrap().body()).unwrap();
    let aliases = json!({
        "token_endpoint": "https://mtls.id.example/token",
        "revocation_endpoint": "https://mtls.id.example/revoke",
    });
    assert_eq!(metadata["mtls_endpoint_aliases"], aliases);
    let wrong = places().with_mtls_aliases(Endpoints::new().with_token("mtls.id.example/token"));
    let builder = Engine::builder(MemoryStore::new(), StaticClients::new()).issuer(ISSUER).endpoints(wrong);
    assert_eq!(builder.build().err(), Some(regrant::BuildError::Endpoint));
}
