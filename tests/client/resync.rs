//! The current refresh token for an older one, for clients that prove a key by authenticating: by an assertion that one signed, or by a
//! certificate (design, "Resync instead of logout"). What clients prove by proofs of possession is in `proof/resync.rs`.

use std::sync::Arc;
use std::time::Duration;

use regrant::client::{CertificateChain, ClientBuilder, ClientKeys};
use regrant::{Lifetimes, RootSecret};
use serde_json::json;

use crate::keyed::*;
use crate::kit::portal::{OnShelf, Portal};
use crate::kit::signer::{Signer, with_assertion};
use crate::kit::{Reply, SECRET, Shelf, at, form, renewal};

/// How a client shows who it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum By {
    /// `private_key_jwt`.
    Key,
    /// The same by a second key of its set: a confidential client may change its keys.
    SecondKey,
    /// `tls_client_auth`, by a certificate of this serial number.
    Name(u8),
    /// `self_signed_tls_client_auth`.
    OwnCertificate,
    /// `client_secret_jwt`.
    Mac,
}

impl By {
    const fn client(self) -> &'static str {
        match self {
            Self::Key | Self::SecondKey => "key-client",
            Self::Name(_) => "ca-client",
            Self::OwnCertificate => "mtls-client",
            Self::Mac => "mac-client",
        }
    }
}

fn second() -> Signer {
    Signer::new("two")
}

fn two_keys() -> ClientKeys {
    let mut set = signer().jwks();
    let keys = set["keys"].as_array_mut().unwrap();
    keys.extend(second().jwks()["keys"].as_array().unwrap().clone());
    ClientKeys::from_json(set.to_string().as_bytes()).unwrap()
}

fn fleet(change: impl Fn(ClientBuilder) -> ClientBuilder) -> OnShelf {
    let clients = [key_client().keys(two_keys()), ca_client(), mtls_client(), mac_client()];
    desk(clients.into_iter().map(change))
}

/// Whether some process of the client sends this, each time anew.
fn send(desk: &OnShelf, by: By, body: &str, jti: u64, secs: u64) -> Reply {
    let (client, jti) = (by.client(), jti.to_string());
    let on_tls = |certificate| {
        let ask = form(format!("{body}&client_id={client}"));
        desk.send(At::Token, &ask.request().with_certificate(&certificate), secs)
    };
    let assertion = match by {
        By::Key => signer().assertion(client, &jti, secs),
        By::SecondKey => second().assertion(client, &jti, secs),
        By::Mac => mac_assertion(&jti, secs),
        By::Name(serial) => return on_tls(signer().certificate(client, serial, CertificateChain::Verified)),
        By::OwnCertificate => return on_tls(signer().certificate("any", 1, CertificateChain::NotVerified)),
    };
    desk.ask(At::Token, &form(with_assertion(body, &assertion)), secs)
}

/// A login, and its first three refresh tokens; the third is current at second 300.
fn three(desk: &OnShelf, by: By) -> [String; 3] {
    let code = code_of(desk, by.client(), 0);
    let first = send(desk, by, &redemption_of(&code), 1_000, 0).assert_ok().refresh_token();
    let second = send(desk, by, &renewal(&first), 1_001, 100).assert_ok().refresh_token();
    let third = send(desk, by, &renewal(&second), 1_002, 300).assert_ok().refresh_token();
    [first, second, third]
}

#[test]
fn who_authenticates_by_a_key_gets_the_current_token_for_an_older_one() {
    for (login, later) in [
        (By::Key, By::Key),
        (By::Key, By::SecondKey),
        (By::Name(1), By::Name(1)),
        // The certificate was renewed in between.
        (By::Name(1), By::Name(2)),
        (By::OwnCertificate, By::OwnCertificate),
    ] {
        let desk = fleet(|client| client.resync(true));
        let [first, second, third] = three(&desk, login);
        let records = || desk.store.grants().into_iter().filter(|grant| !grant.is_marker()).collect::<Vec<_>>();
        let before = records();
        desk.events.take();
        // Twelve processes, of which some have the first token and some the second, 7 min 45 s after the first refresh.
        for process in 0..12 {
            let own = if process % 2 == 0 { &first } else { &second };
            let reply = send(&desk, later, &renewal(own), process, 565);
            assert_eq!(reply.assert_ok().refresh_token(), third, "{later:?}");
        }
        assert_eq!(records(), before, "nothing is written to the grant");
        let told = desk.events.names();
        assert_eq!(told.iter().filter(|name| *name == "Resynced").count(), 12, "{told:?}");
        assert!(!told.iter().any(|name| name == "ReplayFound"));
        send(&desk, later, &renewal(&third), 50, 566).assert_ok();
    }
}

/// Law 3 for everybody else: without the switch, by a secret or its MAC.
#[test]
fn who_proves_no_key_or_may_not_is_a_replay() {
    for (by, may) in [(By::Key, false), (By::Name(1), false), (By::OwnCertificate, false), (By::Mac, true)] {
        let desk = fleet(|client| client.resync(may));
        let [first, ..] = three(&desk, by);
        send(&desk, by, &renewal(&first), 1, 565).assert_error(400, "invalid_grant");
        assert!(desk.events.names().contains(&"ReplayFound".to_owned()), "{by:?}");
        assert!(desk.store.grants().iter().all(regrant::Grant::is_marker), "{by:?}");
    }
    // A client on its way to keys proves one where it signs, and not where it sends its secret.
    let both = || key_client().secret(crate::kit::secret(SECRET)).resync(true);
    let desk = desk([both()]);
    let [first, _, third] = three(&desk, By::Key);
    assert_eq!(send(&desk, By::Key, &renewal(&first), 1, 565).assert_ok().refresh_token(), third);
    desk.ask(At::Token, &form(renewal(&first)).basic("key-client", SECRET), 566).assert_error(400, "invalid_grant");
    assert!(desk.events.names().contains(&"ReplayFound".to_owned()));
}

/// The same of a client that may come over its certificate: its secret, over anybody's connection, proves none.
#[test]
fn a_secret_is_no_certificate() {
    let both = || ca_client().secret(crate::kit::secret(SECRET)).resync(true);
    let desk = desk([both()]);
    let [first, _, third] = three(&desk, By::Name(1));
    assert_eq!(send(&desk, By::Name(1), &renewal(&first), 1, 565).assert_ok().refresh_token(), third);
    let anybodys = Signer::new("evil").certificate("ca-client", 1, CertificateChain::NotVerified);
    for certificate in [None, Some(&anybodys)] {
        let desk = self::desk([both()]);
        let [_, second, _] = three(&desk, By::Name(1));
        let ask = form(renewal(&second)).basic("ca-client", SECRET);
        let request = match certificate {
            Some(certificate) => ask.request().with_certificate(certificate),
            None => ask.request(),
        };
        desk.send(At::Token, &request, 566).assert_error(400, "invalid_grant");
        assert!(desk.events.names().contains(&"ReplayFound".to_owned()));
    }
}

/// Whoever has got hold of a whole request has no key: it is no sign of one the second time.
#[test]
fn a_request_that_was_caught_is_given_nothing() {
    let desk = fleet(|client| client.resync(true));
    let code = code_of(&desk, "key-client", 0);
    let first = send(&desk, By::Key, &redemption_of(&code), 1, 0).assert_ok().refresh_token();
    let long = |jti: &str| {
        let mut claims = crate::kit::signer::claims("key-client", jti, 0);
        claims["exp"] = json!(at(3_000).as_secs());
        signer().jwt(&signer().header("EdDSA"), &claims)
    };
    let caught = form(with_assertion(&renewal(&first), &long("caught")));
    let second = desk.ask(At::Token, &caught, 100).assert_ok().refresh_token();
    let third = send(&desk, By::Key, &renewal(&second), 2, 300).assert_ok().refresh_token();
    let held = desk.held();
    for secs in [301, 1_000, 2_999] {
        desk.ask(At::Token, &caught, secs).assert_error(400, "invalid_grant");
    }
    // Nor is an assertion that was used for something else.
    let other = form(with_assertion(&renewal(&second), &long("caught")));
    desk.ask(At::Token, &other, 1_000).assert_error(400, "invalid_grant");
    assert_eq!(desk.held(), held, "and the login goes on");
    assert_eq!(send(&desk, By::Key, &renewal(&first), 3, 2_999).assert_ok().refresh_token(), third);
}

/// Never past the end of the grant, and the idle expiry does not move.
#[test]
fn a_resync_extends_nothing_and_ends_with_the_grant() {
    let idle = Lifetimes::default().with_idle(Duration::from_secs(1_000));
    for by in [By::Key, By::Name(1), By::OwnCertificate] {
        let desk = fleet(|client| client.resync(true).lifetimes(idle));
        let [first, ..] = three(&desk, by);
        // The last refresh was at second 300.
        send(&desk, by, &renewal(&first), 1, 1_299).assert_ok();
        send(&desk, by, &renewal(&first), 2, 1_300).assert_error(400, "invalid_grant");
        // And not what was ended.
        let desk = fleet(|client| client.resync(true));
        let [first, second, _] = three(&desk, by);
        assert!(crate::kit::portal::run(desk.engine.end_sessions_of("alice", regrant::Timestamp::EPOCH)).unwrap() > 0);
        for token in [first, second] {
            send(&desk, by, &renewal(&token), 3, 301).assert_error(400, "invalid_grant");
        }
    }
    // Nor of a client whose grants are void.
    let store = Arc::new(Shelf::default());
    let node = |client: ClientBuilder| {
        Portal::new(Arc::clone(&store), [client], |builder| {
            builder.root_secret(RootSecret::from_bytes(1, &[5; 32])).endpoints(places())
        })
    };
    let [first, ..] = three(&node(key_client().resync(true)), By::Key);
    let after = node(key_client().resync(true).not_before(at(1)));
    send(&after, By::Key, &renewal(&first), 1, 565).assert_error(400, "invalid_grant");
}
