//! The keys of a client (RFC 7517).

use super::ClientKeysError as E;
use super::*;

fn read(keys: &Value) -> Result<ClientKeys, E> {
    ClientKeys::from_json(json!({ "keys": keys }).to_string().as_bytes())
}

#[test]
fn a_set_has_bounds_and_a_shape() {
    let jwk = Holder::Ed25519.jwk();
    for (json, error) in [
        (String::new(), E::NotASet),
        ("[]".to_owned(), E::NotASet),
        ("{}".to_owned(), E::NotASet),
        (jwk.to_string(), E::NotASet),
        (r#"{"keys":{}}"#.to_owned(), E::NotASet),
        (r#"{"keys":[7]}"#.to_owned(), E::NotASet),
        (r#"{"keys":[null]}"#.to_owned(), E::NotASet),
        (r#"{"keys":[]}"#.to_owned(), E::NoneUsable),
        (format!(r#"{{"keys":[{jwk}],"keys":[{jwk}]}}"#), E::Repeated),
        (format!(r#"{{"keys":[{},"kty":"oct"}}]}}"#, &jwk.to_string()[..jwk.to_string().len() - 1]), E::Repeated),
        (format!(r#"{{"keys":[{jwk}]}} x"#), E::NotASet),
        (format!(r#"{{"keys":[{}]}}"#, vec![jwk.to_string(); 17].join(",")), E::TooMany),
        (format!(r#"{{"keys":[{jwk}]}}{}"#, " ".repeat(ClientKeys::MAX_BYTES)), E::TooLong),
    ] {
        assert_eq!(ClientKeys::from_json(json.as_bytes()), Err(error), "{json}");
    }
    assert_eq!(read(&json!(vec![jwk; 16])).unwrap().len(), 16);
    assert!(!Holder::Ed25519.keys().is_empty());
}

/// A key that somebody has published though it was for nobody else.
#[test]
fn what_is_secret_is_refused_and_not_passed_over() {
    for holder in Holder::ALL {
        for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"] {
            let private = with(&holder.jwk(), name, json!("AAAA"));
            for keys in [json!([private]), json!([Holder::P256.jwk(), private])] {
                assert_eq!(read(&keys), Err(E::Key(JwkFault::Private)), "{name}");
            }
            // Whatever it is for, and of whatever kind.
            for (member, value) in [("use", "enc"), ("alg", "ECDH-ES"), ("kty", "AKP"), ("crv", "P-521")] {
                let private = with(&private, member, json!(value));
                assert_eq!(read(&json!([holder.jwk(), private])), Err(E::Key(JwkFault::Private)), "{name} {member}");
            }
        }
    }
    let secret = json!({"kty": "oct", "k": "AAAA", "use": "enc"});
    assert_eq!(read(&json!([Holder::P256.jwk(), secret])), Err(E::Key(JwkFault::Symmetric)));
    assert_eq!(read(&json!([Holder::P256.jwk(), {"kty": "oct"}])), Err(E::Key(JwkFault::Symmetric)));
}

/// RFC 7517 section 5: what is for something else is passed over.
#[test]
fn what_is_for_something_else_is_passed_over() {
    let rsa_of = |bytes: usize| with(&Holder::Rsa.jwk(), "n", json!(base64url(vec![0xff; bytes])));
    for other in [
        with(&Holder::P256.jwk(), "use", json!("enc")),
        with(&Holder::P256.jwk(), "key_ops", json!(["deriveBits"])),
        with(&Holder::P256.jwk(), "key_ops", json!([])),
        with(&Holder::P256.jwk(), "alg", json!("ECDH-ES")),
        with(&Holder::P256.jwk(), "alg", json!("RS256")),
        with(&Holder::Rsa.jwk(), "alg", json!("ES256")),
        with(&Holder::Rsa.jwk(), "alg", json!("RS512")),
        with(&Holder::Ed25519.jwk(), "alg", json!("ES256")),
        json!({"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"}),
        json!({"kty": "OKP", "crv": "X25519", "x": "AA"}),
        json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"}),
        json!({"kty": "unheard"}),
        rsa_of(128),
        rsa_of(513),
        with(&Holder::Rsa.jwk(), "e", json!("Aw")),
    ] {
        assert_eq!(read(&json!([other])), Err(E::NoneUsable), "{other}");
        assert_eq!(read(&json!([other, Holder::P256.jwk()])).unwrap().len(), 1, "{other}");
    }
    for (name, value) in [
        ("use", json!("sig")),
        ("key_ops", json!(["verify"])),
        ("key_ops", json!(["sign", "verify"])),
        ("alg", json!("ES256")),
        ("x5c", json!(["MIIB"])),
        ("x5u", json!("https://evil.example")),
        ("ext", json!(true)),
    ] {
        assert!(read(&json!([with(&Holder::P256.jwk(), name, value)])).is_ok(), "{name}");
    }
}

#[test]
fn what_cannot_be_read_is_an_error() {
    for bad in [
        json!({}),
        json!({"kty": 7}),
        without(&Holder::P256.jwk(), "x"),
        without(&Holder::P256.jwk(), "crv"),
        without(&Holder::Ed25519.jwk(), "x"),
        without(&Holder::Rsa.jwk(), "n"),
        with(&Holder::P256.jwk(), "x", json!("AA")),
        with(&Holder::P256.jwk(), "x", json!("====")),
        with(&Holder::P256.jwk(), "kid", json!(7)),
        with(&Holder::P256.jwk(), "use", json!(["sig"])),
        with(&Holder::P256.jwk(), "alg", json!(null)),
        with(&Holder::P256.jwk(), "key_ops", json!("verify")),
        with(&Holder::Rsa.jwk(), "n", json!(base64url([0; 256]))),
    ] {
        assert_eq!(read(&json!([bad])), Err(E::Key(JwkFault::Malformed)), "{bad}");
    }
    let weak = with(&Holder::Ed25519.jwk(), "x", json!(base64url([0; 32])));
    assert_eq!(read(&json!([weak])), Err(E::Key(JwkFault::Weak)));
}

#[test]
fn what_is_written_is_read_again() {
    let keys = read(&json!([
        with(&Holder::P256.named_jwk(), "use", json!("sig")),
        with(&Holder::Rsa.named_jwk(), "alg", json!("PS256")),
        Holder::Ed25519.jwk(),
    ]));
    let keys = keys.unwrap();
    let text = keys.to_json();
    assert_eq!(ClientKeys::from_json(text.as_bytes()), Ok(keys.clone()));
    let debug = format!("{keys:?}");
    assert!(keys.thumbprints().all(|thumbprint| debug.contains(&thumbprint.to_string())));
}
