//! Secrets that were made elsewhere, of text that form-decoding changes: RFC 6749 section 2.3.1 and appendix B.

use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regrant::client::ClientBuilder;
use regrant::engine::SlowVerifier;
use regrant::{Client, ClientSecret};
use sha2::{Digest as _, Sha256};

use crate::kit::{LOGIN, Password, SECRET, World, at, form, scope, secret};

fn imported(text: &[u8]) -> ClientSecret {
    ClientSecret::from_digest(Sha256::digest(text).into())
}

fn phc(text: &[u8]) -> ClientSecret {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap());
    ClientSecret::from_phc(&argon2.hash_password_with_salt(text, b"salt 00000000").unwrap().to_string()).unwrap()
}

fn client(secret: ClientSecret) -> ClientBuilder {
    Client::confidential("shop:1").secret(secret).grant_type("password").scope(scope("read"))
}

fn world(client: ClientBuilder) -> World {
    World::new([client], |builder| builder.grant_handler(Password).slow_verifier(SlowVerifier::inline()))
}

/// Whether a header of these bytes authenticates.
#[track_caller]
fn lets_in(world: &World, credentials: &[u8]) -> bool {
    let ask = form(LOGIN).authorization(format!("Basic {}", STANDARD.encode(credentials)));
    let reply = world.send(&ask, at(0));
    if reply.status != 200 {
        reply.assert_error(401, "invalid_client");
    }
    reply.status == 200
}

fn encoded(text: &[u8]) -> String {
    form_urlencoded::byte_serialize(text).collect()
}

#[test]
fn a_secret_that_decoding_changes_lets_in_who_writes_it_as_the_client_is_registered() {
    for text in [
        &b"plain-secret-of-32-characters-000"[..],
        b"with+plus",
        b"with%25escape",
        b"100%",
        b"%zz",
        b"%",
        b"+",
        b"a:b%",
        b" spaces ",
        "caf\u{e9}+".as_bytes(),
        &[b'+', 0xff, 0xfe],
        b"tab\t+",
        &[b'+'; 300],
    ] {
        let raw = [b"shop%3A1:", text].concat();
        let coded = format!("shop%3A1:{}", encoded(text)).into_bytes();
        let changes = text.iter().any(|byte| b"%+".contains(byte));
        let is_text = std::str::from_utf8(text).is_ok_and(|text| !text.chars().any(char::is_control));
        let shown = String::from_utf8_lossy(text);
        for make in [imported, phc] {
            let by_the_rfc = world(client(make(text)));
            assert_eq!(lets_in(&by_the_rfc, &coded), is_text, "{shown:?}");
            assert_eq!(lets_in(&by_the_rfc, &raw), !changes && is_text, "{shown:?}");
            let as_it_is = world(client(make(text)).client_secret_basic_raw(true));
            assert!(lets_in(&as_it_is, &raw), "{shown:?}");
            assert_eq!(lets_in(&as_it_is, &coded), coded == raw, "{shown:?}");
            // Nor does anything that it could be taken for let anyone in.
            for wrong in
                [&b"shop%3A1:"[..], b"shop%3A1:%", b"shop:1:+", b"shop%3A1:with plus", b"other:%", b"other:100%25"]
            {
                assert!(!lets_in(&as_it_is, wrong) || wrong == raw, "{shown:?}");
            }
        }
        // In a body it is decoded as every form is, whatever the header's way.
        if is_text {
            let as_it_is = world(client(imported(text)).client_secret_basic_raw(true));
            let body = format!("{LOGIN}&client_id=shop%3A1&client_secret={}", encoded(text));
            as_it_is.send(&form(body), at(0)).assert_ok();
        }
    }
}

/// The one client's way is not another's, and a malformed header says nothing of who is registered.
#[test]
fn a_malformed_secret_is_answered_alike_for_all() {
    let coder = Client::confidential("coder").secret(secret(SECRET)).grant_type("password").scope(scope("read"));
    let raw = client(imported(b"100%")).client_secret_basic_raw(true);
    let world = World::new([coder, raw], |builder| builder.grant_handler(Password));
    let send = |credentials: &str| {
        let ask = form(LOGIN).authorization(format!("Basic {}", STANDARD.encode(credentials)));
        let reply = world.send(&ask, at(0));
        reply.assert_error(401, "invalid_client");
        reply.body
    };
    let unknown = send("nobody:100%");
    for credentials in ["coder:100%", "shop%3A1:99%", "coder:wrong", "nobody:wrong", "co%zder:x"] {
        assert_eq!(send(credentials), unknown, "{credentials}");
    }
    assert!(lets_in(&world, b"shop%3A1:100%"));
}
