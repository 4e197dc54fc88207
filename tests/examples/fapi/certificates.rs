//! The clients over https that have a certificate, and whose it is.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use rcgen::{ExtendedKeyUsagePurpose, date_time_ymd};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConnection, HandshakeKind, StreamOwned};

use super::authority::{Authority, Identity, believing, client_config, named};
use super::{Town, VERIFIER, encoded, refused, told};
use crate::kit::proof::ProofKey;

/// RFC 8705 sections 2.2 and 3.
#[test]
fn a_client_is_known_by_the_key_of_its_own_certificate() {
    let town = Town::https(&[]);
    let client = town.client("mtls-client").shows(&town.mtls);
    let tokens = client.log_in();
    assert_eq!(tokens.json()["token_type"], "Bearer");
    let access = tokens.member("access_token");
    let served = client.resource(&access);
    assert_eq!(served.json(), serde_json::json!({"sub": "alice", "client_id": "mtls-client"}));
    // Without the certificate the token is worth nothing, nor with another's.
    for other in [None, Some(&Identity::self_signed("mtls-client"))] {
        let refused = town.get(other, "/resource", &format!("authorization: Bearer {access}\r\n"));
        assert_eq!(refused.status, 401, "{refused:?}");
        assert!(refused.header("www-authenticate").contains(r#"error="invalid_token""#));
    }
    let renewed = client.refresh(&tokens.member("refresh_token"));
    assert_eq!(renewed.status, 200, "{renewed:?}");
    assert_eq!(client.resource(&renewed.member("access_token")).status, 200);
}

/// Section 2.1, and 7.1: the refresh token is bound to the client, and its access tokens to the certificate of their time.
#[test]
fn a_certificate_is_renewed_and_the_login_goes_on() {
    let town = Town::https(&[]);
    let authority = town.authority.as_ref().unwrap();
    let (first, second) = (authority.issue("ca-client"), authority.issue("ca-client"));
    let client = town.client("ca-client").shows(&first);
    let tokens = client.log_in();
    let before = tokens.member("access_token");
    assert_eq!(client.resource(&before).json()["client_id"], "ca-client");

    let client = client.shows(&second);
    assert_eq!(client.resource(&before).status, 401, "it is bound to the first");
    let renewed = client.refresh(&tokens.member("refresh_token"));
    assert_eq!(renewed.status, 200, "{renewed:?}");
    assert_eq!(client.resource(&renewed.member("access_token")).json()["sub"], "alice");
    let again = client.refresh(&renewed.member("refresh_token"));
    assert_eq!(again.status, 200, "{again:?}");
}

/// One port takes both kinds, and does not take one for the other (sections 2.1 and 2.2).
#[test]
fn a_name_counts_by_the_authority_alone() {
    let town = Town::https(&[]);
    let ours = town.authority.as_ref().unwrap();
    let mut expired = named("ca-client", &[]);
    expired.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    expired.not_before = date_time_ymd(2019, 1, 1);
    expired.not_after = date_time_ymd(2020, 1, 1);
    let mut for_servers = named("ca-client", &[]);
    for_servers.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    for (what, identity, passes) in [
        ("its own", ours.issue("ca-client"), true),
        ("of another name", ours.issue("mtls-client"), false),
        ("self-signed", Identity::self_signed("ca-client"), false),
        ("of another authority", Authority::new("the town").issue("ca-client"), false),
        ("expired", ours.issue_by(&expired), false),
        ("for servers", ours.issue_by(&for_servers), false),
    ] {
        let reply = town.client("ca-client").shows(&identity).credentials();
        let wanted = if passes { (200, String::new()) } else { (401, "invalid_client".to_owned()) };
        assert_eq!(refused(&reply), wanted, "{what}");
    }
    // Whose certificate an authority issued is not known by that alone where a key is registered.
    let issued = ours.issue("mtls-client");
    assert_eq!(refused(&town.client("mtls-client").shows(&issued).credentials()), (401, "invalid_client".to_owned()));
}

/// Clients without a certificate come to the same port.
#[test]
fn nobody_has_to_have_a_certificate() {
    let town = Town::https(&[]);
    let key = ProofKey::of(7);
    let client = town.client("key-client").proves(&key);
    let tokens = client.log_in();
    assert_eq!(client.resource(&tokens.member("access_token")).json()["client_id"], "key-client");
    // And it may show one all the same.
    let client = client.shows(&town.mtls);
    assert_eq!(client.refresh(&tokens.member("refresh_token")).status, 200);
    let browser = town.client("browser-client");
    assert_eq!(browser.resource(&browser.log_in().member("access_token")).status, 200);
}

/// A code goes to the client that asked for it, whoever else has a certificate.
#[test]
fn a_code_is_its_clients() {
    let town = Town::https(&[]);
    let code = told(&town.allow(&town.client("mtls-client").asks(&[])), "code");
    let form = encoded(&[
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("client_id", "mtls-client"),
        ("redirect_uri", super::CALLBACK),
        ("code_verifier", VERIFIER),
    ]);
    assert_eq!(refused(&town.post(None, "/token", "", &form)), (401, "invalid_client".to_owned()));
    let other = Identity::self_signed("mtls-client");
    assert_eq!(refused(&town.post(Some(&other), "/token", "", &form)), (401, "invalid_client".to_owned()));
    assert_eq!(town.post(Some(&town.mtls), "/token", "", &form).status, 200);
}

/// Anybody has the certificate of another, which is public; the handshake proves its key (RFC 8446 section 4.4.3, RFC 5246 section 7.4.8).
#[test]
fn a_certificate_without_its_key_is_no_connection() {
    let town = Town::https(&[]);
    let authority = town.authority.as_ref().unwrap();
    let (own, other) = (authority.issue("ca-client"), Identity::self_signed("ca-client"));
    for version in [&TLS12, &TLS13] {
        let passes = |key: &Identity| {
            let key = any_supported_type(&PrivatePkcs8KeyDer::from(key.key.serialize_der()).into()).unwrap();
            let shown = CertifiedKey::new(vec![own.certificate.der().clone()], key);
            let tls =
                believing(authority, &[version]).with_client_cert_resolver(Arc::new(SingleCertAndKey::from(shown)));
            let connection = ClientConnection::new(Arc::new(tls), "127.0.0.1".try_into().unwrap()).unwrap();
            let mut stream = StreamOwned::new(connection, TcpStream::connect(town.server.address()).unwrap());
            let request = "GET /jwks HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
            let mut reply = String::new();
            stream.write_all(request.as_bytes()).is_ok()
                && stream.read_to_string(&mut reply).is_ok()
                && !reply.is_empty()
        };
        assert!(passes(&own), "{version:?}");
        assert!(!passes(&other), "{version:?}");
    }
}

/// What is no TLS hurts nobody else.
#[test]
fn what_does_not_speak_tls_is_turned_away() {
    let town = Town::https(&[]);
    for text in ["GET /jwks HTTP/1.1\r\nhost: localhost\r\n\r\n", "\x16\x03\x01\x7f\x7f", "\0\0\0\0\0\0"] {
        let mut stream = TcpStream::connect(town.server.address()).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut reply = Vec::new();
        let _ = stream.read_to_end(&mut reply);
        assert!(!String::from_utf8_lossy(&reply).contains("HTTP"), "{text:?}");
        assert_eq!(town.get(None, "/jwks", "").status, 200);
    }
}

/// RFC 8446 section 2.2: a session that is resumed shows no certificate anew. It has the one with which it began, of the same worth.
#[test]
fn a_session_that_is_resumed_has_its_certificate() {
    let town = Town::https(&[]);
    let authority = town.authority.as_ref().unwrap();
    let request = |id: &str| {
        let form = format!("grant_type=client_credentials&client_id={id}");
        format!(
            "POST /token HTTP/1.1\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\
             host: localhost\r\nconnection: close\r\n\r\n{form}",
            form.len()
        )
    };
    for (identity, passes) in [(authority.issue("ca-client"), true), (Identity::self_signed("ca-client"), false)] {
        let tls = client_config(authority, Some(&identity));
        let (first, full) = town.send_over(Arc::clone(&tls), &request("ca-client"));
        let (second, resumed) = town.send_over(tls, &request("ca-client"));
        assert_eq!((full, resumed), (HandshakeKind::Full, HandshakeKind::Resumed));
        for reply in [first, second] {
            assert_eq!(reply.status, if passes { 200 } else { 401 }, "{reply:?}");
        }
    }
}
