//! Whatever comes: a fault that says why, and nothing else.

use proptest::prelude::*;

use super::dpop::{Presented, Proof, Verifier};
use super::*;

/// JSON of any shape, with the names that count among the others.
fn any_json() -> impl Strategy<Value = Value> {
    let names = prop::sample::select(vec![
        "alg",
        "typ",
        "kid",
        "jwk",
        "kty",
        "crv",
        "x",
        "y",
        "n",
        "e",
        "d",
        "iss",
        "sub",
        "aud",
        "exp",
        "iat",
        "nbf",
        "jti",
        "htm",
        "htu",
        "nonce",
        "ath",
        "client_id",
        "tenant",
        "cnf",
        "jkt",
        "resource",
        "scope",
        "keys",
        "use",
        "key_ops",
        "more",
    ]);
    let text = prop_oneof![
        prop::sample::select(vec![
            "ES256",
            "EdDSA",
            "Ed25519",
            "RS256",
            "PS256",
            "HS256",
            "none",
            "dpop+jwt",
            "JWT",
            "oauth-authz-req+jwt",
            "oauth-id-jag+jwt",
            "EC",
            "OKP",
            "RSA",
            "oct",
            "P-256",
            "AQAB",
            CLIENT,
            ISSUER,
            "POST",
            "https://id.example/token",
            "sig",
            "verify",
        ])
        .prop_map(str::to_owned),
        prop::collection::vec(any::<u8>(), 32).prop_map(base64url),
        prop::collection::vec(any::<u8>(), 256).prop_map(base64url),
        any::<String>(),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (NOW_SECS - 100..NOW_SECS + 100).prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 32, 10, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(names.clone().prop_map(str::to_owned), inner, 0..10)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Nothing of all this was signed by a key of the client.
fn is_refused(text: &[u8]) {
    let keys = set(&Holder::ALL.map(Holder::named_jwk));
    let proof = Verifier::new().verify([text], &Presented::new("POST", "https://id.example/token"), NOW);
    assert!(proof.is_err());
    if let Ok(proof) = Proof::read(text) {
        assert!(proof.verify_signature().is_err());
    }
    if let Ok(assertion) = Assertion::read(text) {
        let _ = assertion.check(&AssertionRules::new(CLIENT, ISSUER), NOW);
        assert!(assertion.verify(&keys, None).is_err());
        assert!(assertion.verify_secret(b"a-secret-of-32-characters-or-more").is_err());
    }
    if let Ok(grant) = GrantAssertion::read(text) {
        let _ = grant.check(&GrantAssertionRules::new(CLIENT, ISSUER), NOW);
        assert!(grant.verify(&keys).is_err());
        assert!(grant.name().len() > 1);
    }
    if let Ok(object) = RequestObject::read(text) {
        let _ = object.check(&RequestObjectRules::new(CLIENT, ISSUER), NOW);
        assert!(object.verify(&keys, None).is_err());
    }
}

proptest! {
    #[test]
    fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        is_refused(&bytes);
        prop_assert!(ClientKeys::from_json(&bytes).is_err());
    }

    #[test]
    fn any_parts_are_refused(header: Vec<u8>, claims: Vec<u8>, signature: Vec<u8>) {
        is_refused(format!("{}.{}.{}", base64url(header), base64url(claims), base64url(signature)).as_bytes());
    }

    #[test]
    fn any_json_is_refused(header in any_json(), claims in any_json(), signature in prop::collection::vec(any::<u8>(), 0..70)) {
        is_refused(signed(&header.to_string(), &claims.to_string(), |_| signature).as_bytes());
    }

    /// A key that is taken is written as it was read.
    #[test]
    fn any_set_is_refused_or_read_again(keys in prop::collection::vec(any_json(), 0..4)) {
        if let Ok(keys) = ClientKeys::from_json(json!({ "keys": keys }).to_string().as_bytes()) {
            prop_assert_eq!(ClientKeys::from_json(keys.to_json().as_bytes()), Ok(keys));
        }
    }

    /// Of a good proof every change is refused, or changes nothing that was signed.
    #[test]
    fn a_proof_with_any_change_is_refused(at in 0_usize..10_000, byte: u8) {
        let text = Holder::Ed25519.jwt(&proof_header(Holder::Ed25519), &proof_claims());
        let mut altered = text.clone().into_bytes();
        let at = at % altered.len();
        altered[at] = byte;
        let verified = Verifier::new().verify([&altered], &Presented::new("POST", "https://id.example/token"), NOW);
        prop_assert_eq!(verified.is_ok(), altered == text.as_bytes());
    }
}
