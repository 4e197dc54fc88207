//! Assertions of clients as they make them, and as attackers do (RFC 7523 section 3, and its successor draft).

use std::time::Duration;

use super::AssertionFault as F;
use super::*;

const SECRET: &[u8] = b"a-secret-of-32-characters-or-more";

fn rules() -> AssertionRules<'static> {
    AssertionRules::new(CLIENT, ISSUER)
}

fn check(claims: &Value) -> Result<(), F> {
    check_at(claims, &rules(), NOW)
}

fn check_at(claims: &Value, rules: &AssertionRules<'_>, now: Timestamp) -> Result<(), F> {
    let text = Holder::Ed25519.jwt(&named_header(Holder::Ed25519), claims);
    let assertion = Assertion::read(text.as_bytes())?;
    assertion.check(rules, now)?;
    assertion.verify(&Holder::Ed25519.keys(), None).map(drop)
}

fn verify(text: &str, keys: &ClientKeys) -> Result<ProvenAssertion, F> {
    let assertion = Assertion::read(text.as_bytes())?;
    assertion.check(&rules(), NOW)?;
    assertion.verify(keys, None)
}

#[test]
fn an_assertion_by_each_kind_of_key_is_one() {
    for holder in Holder::ALL {
        for algorithm in holder.algorithms() {
            for typ in [None, Some("JWT"), Some("jwt"), Some("client-authentication+jwt"), Some("application/JWT")] {
                let mut header = with(&named_header(holder), "alg", json!(algorithm));
                if let Some(typ) = typ {
                    header["typ"] = json!(typ);
                }
                let proven = verify(&holder.jwt(&header, &assertion_claims()), &holder.keys()).unwrap();
                assert_eq!(proven.jti(), "one");
                assert_eq!(proven.acceptable_until(), NOW + Duration::from_secs(70));
                let key = proven.key().unwrap();
                assert_eq!(
                    (key.kid(), proven.algorithm().map(JwsAlgorithm::as_str)),
                    (Some(&*holder.kid()), Some(*algorithm))
                );
                assert!(holder.keys().contains(key.thumbprint()));
            }
        }
    }
    let text = Holder::P256.jwt(&named_header(Holder::P256), &assertion_claims());
    assert_eq!(Assertion::read(text.as_bytes()).unwrap().client_id(), CLIENT);
}

/// What must hold, by what breaks it.
#[test]
fn claims_that_lack_something_make_no_assertion() {
    use ClaimFault as C;
    let good = assertion_claims();
    let mut rows: Vec<(Value, F)> = vec![
        (with(&good, "iss", json!("another")), F::Subject),
        (with(&good, "sub", json!("another")), F::Subject),
        (with(&good, "iss", json!(ISSUER)), F::Subject),
        (with(&good, "sub", json!("Key-Client")), F::Subject),
        (with(&good, "sub", json!("")), C::Missing.into()),
        (with(&good, "sub", json!(["key-client"])), C::Type.into()),
        (without(&good, "aud"), F::Audience),
        (with(&good, "aud", json!("https://another.example")), F::Audience),
        (with(&good, "aud", json!("https://id.example/")), F::Audience),
        (with(&good, "aud", json!("https://ID.example")), F::Audience),
        (with(&good, "aud", json!("https://id.example/token")), F::Audience),
        (with(&good, "aud", json!([ISSUER])), F::Audience),
        (with(&good, "aud", json!([ISSUER, "https://another.example"])), F::Audience),
        (with(&good, "aud", json!([])), F::Audience),
        (with(&good, "aud", json!(null)), F::Audience),
        (with(&good, "jti", json!("")), C::Missing.into()),
        (with(&good, "jti", json!("j".repeat(257))), C::Type.into()),
        (with(&good, "exp", json!("never")), C::Type.into()),
        (with(&good, "exp", json!(NOW_SECS - 10)), F::Expired),
        (with(&good, "exp", json!(0)), F::Expired),
        (with(&good, "exp", json!(NOW_SECS + 3_611)), F::TooLong),
        (with(&good, "exp", json!(u64::MAX)), F::TooLong),
        (with(&good, "exp", json!(1e300)), F::TooLong),
        (with(&good, "iat", json!(NOW_SECS + 61)), F::Ahead),
        (with(&good, "nbf", json!(NOW_SECS + 61)), F::Ahead),
        (with(&good, "iat", json!("now")), C::Type.into()),
        (with(&good, "nbf", json!(-1)), C::Type.into()),
    ];
    for name in ["iss", "sub", "jti", "exp"] {
        rows.push((without(&good, name), C::Missing.into()));
    }
    for (claims, fault) in rows {
        assert_eq!(check(&claims), Err(fault), "{claims}");
    }
    // FAPI 2.0 Security Profile section 5.3.2.1: up to 10 s ahead is accepted, more than 60 refused.
    for claims in [
        with(&good, "iat", json!(NOW_SECS + 10)),
        with(&good, "nbf", json!(NOW_SECS + 10)),
        with(&good, "iat", json!(NOW_SECS + 60)),
        with(&good, "iat", json!(0)),
        without(&good, "iat"),
        with(&good, "exp", json!(NOW_SECS - 9)),
        with(&good, "exp", json!(NOW_SECS + 3_610)),
        with(&good, "exp", json!(1_597_240_300.25)),
        with(&good, "jti", json!("j".repeat(256))),
        with(&good, "more", json!({"nested": [1]})),
    ] {
        assert_eq!(check(&claims), Ok(()), "{claims}");
    }
}

#[test]
fn an_audience_by_a_switch() {
    let rules = rules();
    let array = AssertionRules { audience_array: true, ..rules };
    let endpoints = ["https://id.example/token".to_owned()];
    let endpoint = AssertionRules { endpoints: &endpoints, ..rules };
    let claims = |aud: Value| with(&assertion_claims(), "aud", aud);
    for (aud, plain, with_array, with_endpoint) in [
        (json!(ISSUER), true, true, true),
        (json!([ISSUER]), false, true, false),
        (json!([ISSUER, ISSUER]), false, false, false),
        (json!([ISSUER, "https://id.example/token"]), false, false, false),
        (json!("https://id.example/token"), false, false, true),
        (json!(["https://id.example/token"]), false, false, false),
        (json!("https://id.example/par"), false, false, false),
    ] {
        for (rules, holds) in [(rules, plain), (array, with_array), (endpoint, with_endpoint)] {
            assert_eq!(check_at(&claims(aud.clone()), &rules, NOW).is_ok(), holds, "{aud}");
        }
    }
}

/// Where nobody remembers them, they are good for a shorter while.
#[test]
fn an_end_that_is_near_enough() {
    let rules = AssertionRules { longest: AssertionRules::LONGEST_UNREMEMBERED, ..rules() };
    let ends = |secs: u64| with(&assertion_claims(), "exp", json!(NOW_SECS + secs));
    assert_eq!(check_at(&ends(310), &rules, NOW), Ok(()));
    assert_eq!(check_at(&ends(311), &rules, NOW), Err(F::TooLong));
    let late = NOW + Duration::from_secs(70);
    assert_eq!(check_at(&assertion_claims(), &rules, late), Err(F::Expired));
    assert_eq!(check_at(&assertion_claims(), &rules, late - Duration::from_millis(1)), Ok(()));
}

/// Which of the client's keys may have signed it.
#[test]
fn a_key_by_its_name_kind_and_algorithm() {
    let all = set(&Holder::ALL.map(Holder::named_jwk));
    for signer in Holder::ALL {
        let text = |header: &Value| signer.jwt(header, &assertion_claims());
        let header = named_header(signer);
        assert!(verify(&text(&header), &all).is_ok());
        // No name: those of the right kind.
        assert!(verify(&text(&without(&header, "kid")), &all).is_ok());
        assert_eq!(verify(&text(&with(&header, "kid", json!("gone"))), &all).err(), Some(F::UnknownKey));
        assert_eq!(verify(&text(&with(&header, "kid", json!(""))), &all).err(), Some(F::UnknownKey));
        assert_eq!(verify(&text(&with(&header, "kid", json!(7))), &all).err(), Some(JwsFault::Json.into()));
        for other in Holder::ALL.into_iter().filter(|other| *other != signer) {
            // The name of a key of another kind, and a key of another kind under its algorithm.
            assert_eq!(verify(&text(&with(&header, "kid", json!(other.kid()))), &all).err(), Some(F::UnknownKey));
            assert_eq!(verify(&text(&with(&header, "alg", json!(other.algorithm()))), &all).err(), Some(F::UnknownKey));
            assert_eq!(verify(&text(&header), &other.keys()).err(), Some(F::UnknownKey));
        }
        // A key that it brings along or points to is not the client's.
        let stranger = with(&without(&header, "kid"), "jwk", signer.jwk());
        let another = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
        let point = another.verifying_key().to_encoded_point(false);
        let theirs = set(&[json!({
            "kty": "EC", "crv": "P-256", "x": base64url(point.x().unwrap()), "y": base64url(point.y().unwrap()),
        })]);
        let expected = if signer == Holder::P256 { F::Signature } else { F::UnknownKey };
        for header in [stranger, with(&without(&header, "kid"), "jku", json!("https://evil.example"))] {
            assert_eq!(verify(&text(&header), &theirs).err(), Some(expected));
        }
    }
}

/// One `kid` for many keys buys two signature checks, no more; the key of another kind under the same `kid` is none of them.
#[test]
fn two_keys_are_tried_at_most() {
    let other = |byte: u8| {
        let point = p256::ecdsa::SigningKey::from_slice(&[byte; 32]).unwrap().verifying_key().to_encoded_point(false);
        json!({"kty": "EC", "crv": "P-256", "kid": "one", "x": base64url(point.x().unwrap()), "y": base64url(point.y().unwrap())})
    };
    let own = with(&Holder::P256.jwk(), "kid", json!("one"));
    let rsa = with(&Holder::Rsa.jwk(), "kid", json!("one"));
    for header in [json!({"alg": "ES256", "kid": "one"}), json!({"alg": "ES256"})] {
        let text = Holder::P256.jwt(&header, &assertion_claims());
        assert!(verify(&text, &set(&[rsa.clone(), other(1), own.clone()])).is_ok());
        assert_eq!(verify(&text, &set(&[other(1), other(2), own.clone()])).err(), Some(F::Signature));
    }
}

#[test]
fn the_algorithm_that_a_client_registered_is_the_only_one() {
    let text = Holder::Rsa.jwt(&with(&named_header(Holder::Rsa), "alg", json!("RS256")), &assertion_claims());
    let assertion = Assertion::read(text.as_bytes()).unwrap();
    let keys = Holder::Rsa.keys();
    assert!(assertion.knows_key(&keys) && !assertion.knows_key(&Holder::P256.keys()));
    assert!(assertion.verify(&keys, Some(JwsAlgorithm::Rs256)).is_ok());
    assert_eq!(assertion.verify(&keys, Some(JwsAlgorithm::Ps256)).err(), Some(F::Algorithm));
    let only_pss = set(&[with(&Holder::Rsa.named_jwk(), "alg", json!("PS256"))]);
    assert_eq!(assertion.verify(&only_pss, None).err(), Some(F::UnknownKey));
    // Ed25519 has two names.
    let text = Holder::Ed25519.jwt(&with(&named_header(Holder::Ed25519), "alg", json!("Ed25519")), &assertion_claims());
    let assertion = Assertion::read(text.as_bytes()).unwrap();
    let keys = set(&[with(&Holder::Ed25519.named_jwk(), "alg", json!("EdDSA"))]);
    assert!(assertion.verify(&keys, Some(JwsAlgorithm::EdDsa)).is_ok());
}

/// RSA signs twice: what is PSS is not PKCS#1 (RFC 8017 section 8).
#[test]
fn a_signature_is_by_the_algorithm_that_it_says() {
    for (says, signs) in [("PS256", "RS256"), ("RS256", "PS256")] {
        let header = with(&named_header(Holder::Rsa), "alg", json!(says)).to_string();
        let text = signed(&header, &assertion_claims().to_string(), |message| Holder::Rsa.sign(signs, message));
        assert_eq!(verify(&text, &Holder::Rsa.keys()).err(), Some(F::Signature));
    }
    // The form that X.509 has, and one of zeros.
    let header = named_header(Holder::P256).to_string();
    for signature in [vec![0; 64], vec![0xff; 64], vec![0; 63], vec![0; 65], vec![1]] {
        let text = signed(&header, &assertion_claims().to_string(), |_| signature.clone());
        assert_eq!(verify(&text, &Holder::P256.keys()).err(), Some(F::Signature));
    }
    let der = signed(&header, &assertion_claims().to_string(), |message| {
        let signature: p256::ecdsa::Signature = P_256.sign(message);
        signature.to_der().as_bytes().to_vec()
    });
    assert_eq!(verify(&der, &Holder::P256.keys()).err(), Some(F::Signature));
}

/// `client_secret_jwt` (OpenID Connect Core section 9): a MAC is believed under a secret, and never under a key.
#[test]
fn a_secret_signs_by_hs256_alone() {
    let text =
        |header: &str, secret: &[u8]| signed(header, &assertion_claims().to_string(), |message| hs256(secret, message));
    let by_secret = text(r#"{"alg":"HS256"}"#, SECRET);
    let assertion = Assertion::read(by_secret.as_bytes()).unwrap();
    assert_eq!(assertion.check(&rules(), NOW), Ok(()));
    let proven = assertion.verify_secret(SECRET).unwrap();
    assert!(proven.jti() == "one" && proven.key().is_none() && proven.algorithm().is_none());
    assert_eq!(assertion.algorithm(), None);
    // Another secret, a short one, none.
    for secret in [&SECRET[1..], b"another-secret-of-32-characters-or-more", b""] {
        assert_eq!(assertion.verify_secret(secret).err(), Some(F::Signature));
    }
    let short = &SECRET[..31];
    let by_short = text(r#"{"alg":"HS256"}"#, short);
    assert_eq!(Assertion::read(by_short.as_bytes()).unwrap().verify_secret(short).err(), Some(F::Signature));
    // A MAC under a public key, and a signature of a key where a secret is registered.
    for holder in Holder::ALL {
        let by_public = text(r#"{"alg":"HS256"}"#, holder.jwk().to_string().as_bytes());
        let assertion = Assertion::read(by_public.as_bytes()).unwrap();
        assert_eq!(assertion.verify(&holder.keys(), None).err(), Some(JwsFault::Algorithm.into()));
        assert!(!assertion.knows_key(&holder.keys()));
        let by_key = holder.jwt(&named_header(holder), &assertion_claims());
        assert_eq!(Assertion::read(by_key.as_bytes()).unwrap().verify_secret(SECRET).err(), Some(F::Algorithm));
    }
    for algorithm in ["HS384", "HS512", "hs256", "none"] {
        let text = text(&format!(r#"{{"alg":"{algorithm}"}}"#), SECRET);
        assert_eq!(Assertion::read(text.as_bytes()).err(), Some(JwsFault::Algorithm.into()));
    }
}
