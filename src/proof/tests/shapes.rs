//! Texts that are no compact JWS (RFC 7515 section 3.1), whatever they are presented as.

use super::dpop::{Proof, ProofFault};
use super::*;

/// What all three readers say of it.
fn faults(text: &[u8]) -> [JwsFault; 3] {
    let proof = match Proof::read(text).err() {
        Some(ProofFault::Jws(fault)) => fault,
        other => panic!("{other:?}"),
    };
    let assertion = match Assertion::read(text).err() {
        Some(AssertionFault::Jws(fault)) => fault,
        other => panic!("{other:?}"),
    };
    let request = match RequestObject::read(text).err() {
        Some(RequestObjectFault::Jws(fault)) => fault,
        other => panic!("{other:?}"),
    };
    [proof, assertion, request]
}

#[test]
fn a_text_has_three_parts_of_canonical_base64url() {
    let good = Holder::P256.jwt(&proof_header(Holder::P256), &proof_claims());
    let [header, claims, signature] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let bad = [
        String::new(),
        ".".to_owned(),
        "....".to_owned(),
        "a.b.c".to_owned(),
        header.to_owned(),
        format!("{header}.{claims}"),
        format!("{header}.{claims}."),
        format!("{header}.{claims}.{signature}."),
        format!(".{header}.{claims}.{signature}"),
        // Encrypted: five parts (RFC 7516 section 3.1).
        format!("{header}.{claims}.{claims}.{claims}.{signature}"),
        format!("{header}..{signature}."),
        format!("{header}=.{claims}.{signature}"),
        format!("{header}.{claims}=.{signature}"),
        format!("{header}.{claims}.{signature}="),
        format!("{header}.{claims}.{signature}\n"),
        format!(" {header}.{claims}.{signature}"),
        format!("{header}.{claims}.{signature}, {header}.{claims}.{signature}"),
        good.replacen('.', "%2E", 1),
        good.replace('-', "+").replace('_', "/") + "+",
        // The JSON form (RFC 7515 section 7.2).
        json!({"protected": header, "payload": claims, "signature": signature}).to_string(),
    ];
    for text in bad {
        assert_eq!(faults(text.as_bytes()), [JwsFault::Compact; 3], "{text}");
    }
    // The last letter has bits that belong to no byte: a second text of one signature.
    let last = signature.chars().last().unwrap();
    for other in
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars().filter(|other| *other != last)
    {
        let text = format!("{}{other}", &good[..good.len() - 1]);
        assert!(Proof::read(text.as_bytes()).and_then(Proof::verify_signature).is_err(), "{other}");
    }
    assert_eq!(faults(b"\xff\xfe.\xff.\xff"), [JwsFault::Compact; 3]);
}

#[test]
fn header_and_claims_are_objects_whose_members_do_not_repeat() {
    let sign = |header: &str, claims: &str| signed(header, claims, |message| Holder::P256.sign("ES256", message));
    let (header, claims) = (r#"{"alg":"ES256"}"#, r#"{"sub":"a"}"#);
    for (header, claims, fault) in [
        ("", claims, JwsFault::Json),
        ("[]", claims, JwsFault::Json),
        ("null", claims, JwsFault::Json),
        (r#""ES256""#, claims, JwsFault::Json),
        ("{", claims, JwsFault::Json),
        (r#"{"alg":"ES256"} {}"#, claims, JwsFault::Json),
        (r#"{"alg":"ES256","alg":"none"}"#, claims, JwsFault::Repeated),
        (r#"{"alg":"none","alg":"ES256"}"#, claims, JwsFault::Repeated),
        (r#"{"alg":"ES256","\u0061lg":"ES256"}"#, claims, JwsFault::Repeated),
        (r#"{"alg":"ES256","jwk":{"d":1,"d":2}}"#, claims, JwsFault::Repeated),
        (r#"{"alg":"ES256","crit":["b64"],"b64":false}"#, claims, JwsFault::Critical),
        (r#"{"alg":["ES256"]}"#, claims, JwsFault::Algorithm),
        (r#"{"alg":null}"#, claims, JwsFault::Algorithm),
        ("{}", claims, JwsFault::Algorithm),
        (header, "", JwsFault::Json),
        (header, "[]", JwsFault::Json),
        (header, "{}{}", JwsFault::Json),
        (header, r#"{"sub":"a","sub":"b"}"#, JwsFault::Repeated),
        (header, r#"{"sub":"a","deep":[{"a":1,"a":1}]}"#, JwsFault::Repeated),
        (header, "not JSON", JwsFault::Json),
    ] {
        assert_eq!(faults(sign(header, claims).as_bytes()), [fault; 3], "{header} {claims}");
    }
    let invalid = signed(header, "", |_| vec![1]);
    let invalid = invalid.replacen("..", &format!(".{}.", base64url(b"{\"a\":\"\xff\"}")), 1);
    assert_eq!(faults(invalid.as_bytes()), [JwsFault::Json; 3]);
}

/// The length comes first: nothing of what is too long is looked at.
#[test]
fn a_text_is_no_longer_than_it_may_be() {
    assert_eq!(faults("A".repeat(16 * 1_024 + 1).as_bytes()), [JwsFault::TooLong; 3]);
    let padded = |len: usize| with(&proof_claims(), "padding", json!("p".repeat(len)));
    let text = |len| Holder::P256.jwt(&proof_header(Holder::P256), &padded(len));
    assert!(Proof::read(text(5_500).as_bytes()).is_ok());
    assert_eq!(Proof::read(text(6_500).as_bytes()).err(), Some(JwsFault::TooLong.into()));
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(1_000), "]".repeat(1_000));
    let text = signed(r#"{"alg":"ES256"}"#, &deep, |_| vec![1]);
    assert_eq!(faults(text.as_bytes()), [JwsFault::Json; 3]);
}
