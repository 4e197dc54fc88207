//! Signed requests (RFC 9101).

use std::time::Duration;

use super::RequestObjectFault as F;
use super::*;

fn verify(claims: &Value) -> Result<Vec<(String, String)>, F> {
    verify_at(claims, NOW)
}

fn verify_at(claims: &Value, now: Timestamp) -> Result<Vec<(String, String)>, F> {
    let text = Holder::P256.jwt(&named_header(Holder::P256), claims);
    let object = RequestObject::read(text.as_bytes())?;
    object.check(&RequestObjectRules::new(CLIENT, ISSUER), now)?;
    object.verify(&Holder::P256.keys(), None)
}

#[test]
fn claims_become_parameters() {
    let mut claims = request_claims();
    claims["jti"] = json!("one");
    claims["nbf"] = json!(NOW_SECS);
    claims["sub"] = json!("alice");
    claims["max_age"] = json!(3600);
    claims["flag"] = json!(true);
    claims["resource"] = json!(["https://a.example", "https://b.example"]);
    claims["claims"] = json!({"id_token": {"acr": null}});
    claims["authorization_details"] = json!([{"type": "payment"}]);
    claims["empty"] = json!([]);
    let parameters = verify(&claims).unwrap();
    let parameters: Vec<(&str, &str)> = parameters.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert_eq!(
        parameters,
        [
            ("authorization_details", r#"[{"type":"payment"}]"#),
            ("claims", r#"{"id_token":{"acr":null}}"#),
            ("client_id", CLIENT),
            ("flag", "true"),
            ("max_age", "3600"),
            ("redirect_uri", "https://app.example/cb"),
            ("resource", "https://a.example"),
            ("resource", "https://b.example"),
            ("response_type", "code"),
            ("scope", "openid"),
        ]
    );
}

/// What must hold, by what breaks it.
#[test]
fn claims_that_lack_something_make_no_request() {
    use ClaimFault as C;
    let good = request_claims();
    let mut rows: Vec<(Value, F)> = vec![
        (with(&good, "sub", json!(CLIENT)), F::Assertion),
        (with(&good, "sub", json!(7)), C::Type.into()),
        (with(&good, "client_id", json!("another")), F::Client),
        (with(&good, "iss", json!("another")), F::Client),
        (with(&good, "iss", json!(ISSUER)), F::Client),
        (with(&good, "client_id", json!([CLIENT])), C::Type.into()),
        (without(&good, "aud"), F::Audience),
        (with(&good, "aud", json!("https://another.example")), F::Audience),
        (with(&good, "aud", json!("https://id.example/authorize")), F::Audience),
        (with(&good, "aud", json!([ISSUER, "https://another.example"])), F::Audience),
        (with(&good, "exp", json!(NOW_SECS - 10)), F::Expired),
        (with(&good, "exp", json!(NOW_SECS + 3_611)), F::TooLong),
        (with(&good, "nbf", json!(NOW_SECS - 3_611)), F::TooLong),
        (with(&good, "nbf", json!(NOW_SECS + 61)), F::Ahead),
        (with(&good, "iat", json!(NOW_SECS + 61)), F::Ahead),
        (with(&good, "request", json!("a.b.c")), F::Nested),
        (with(&good, "request_uri", json!("urn:x")), F::Nested),
        (with(&good, "request", json!(null)), F::Nested),
        (with(&good, "state", json!(null)), F::Parameter),
    ];
    for name in ["iss", "exp", "client_id"] {
        rows.push((without(&good, name), C::Missing.into()));
    }
    for (claims, fault) in rows {
        assert_eq!(verify(&claims), Err(fault), "{claims}");
    }
    for claims in [
        with(&good, "aud", json!([ISSUER])),
        with(&good, "nbf", json!(NOW_SECS - 3_610)),
        with(&good, "iat", json!(NOW_SECS + 60)),
        with(&good, "sub", json!("alice")),
    ] {
        assert!(verify(&claims).is_ok(), "{claims}");
    }
    assert_eq!(verify_at(&good, NOW + Duration::from_secs(70)), Err(F::Expired));
}

#[test]
fn a_request_is_signed_by_the_client() {
    let claims = request_claims();
    for holder in Holder::ALL {
        let text = holder.jwt(&with(&named_header(holder), "typ", json!("oauth-authz-req+jwt")), &claims);
        let object = RequestObject::read(text.as_bytes()).unwrap();
        assert!(object.verify(&holder.keys(), None).is_ok());
        for other in Holder::ALL.into_iter().filter(|other| *other != holder) {
            assert!(!object.knows_key(&other.keys()));
            assert_eq!(object.verify(&other.keys(), None), Err(F::UnknownKey));
        }
        assert!(object.knows_key(&holder.keys()));
        let forged = signed(&named_header(holder).to_string(), &claims.to_string(), |_| vec![7; 64]);
        let object = RequestObject::read(forged.as_bytes()).unwrap();
        assert_eq!(object.verify(&holder.keys(), None), Err(F::Signature));
    }
    let text = Holder::Rsa.jwt(&named_header(Holder::Rsa), &claims);
    let object = RequestObject::read(text.as_bytes()).unwrap();
    assert_eq!(object.verify(&Holder::Rsa.keys(), Some(JwsAlgorithm::Rs256)), Err(F::Algorithm));
    // Neither unsigned nor by a secret: that one would be shared with whoever passes it on.
    for (algorithm, signature) in [("none", Vec::new()), ("none", vec![0]), ("HS256", hs256(b"secret", b""))] {
        let text = signed(&json!({ "alg": algorithm }).to_string(), &claims.to_string(), |_| signature);
        assert_eq!(RequestObject::read(text.as_bytes()).err(), Some(JwsFault::Algorithm.into()));
    }
}
