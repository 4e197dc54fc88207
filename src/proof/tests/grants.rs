//! Assertions as grants: as issuers make them, and as attackers do (RFC 7521 section 5.2, RFC 7523 section 3; ID-JAG sections 3.1, 4.4.1).

use std::time::Duration;

use super::GrantAssertionFault as F;
use super::*;

fn rules() -> GrantAssertionRules<'static> {
    GrantAssertionRules::new(CLIENT, ISSUER)
}

fn typed(holder: Holder, typ: Option<&str>) -> Value {
    match typ {
        Some(typ) => with(&named_header(holder), "typ", json!(typ)),
        None => named_header(holder),
    }
}

fn check_as(
    typ: Option<&str>,
    claims: &Value,
    rules: &GrantAssertionRules<'_>,
    now: Timestamp,
) -> Result<GrantTerms, F> {
    let text = Holder::Ed25519.jwt(&typed(Holder::Ed25519, typ), claims);
    let grant = GrantAssertion::read(text.as_bytes())?;
    let terms = grant.check(rules, now)?;
    grant.verify(&Holder::Ed25519.keys())?;
    Ok(terms)
}

fn fault(typ: Option<&str>, claims: &Value) -> Option<F> {
    check_as(typ, claims, &rules(), NOW).err()
}

const JAG: Option<&str> = Some("oauth-id-jag+jwt");

#[test]
fn an_assertion_by_each_kind_of_key_is_a_grant() {
    for holder in Holder::ALL {
        for algorithm in holder.algorithms() {
            for (typ, profile) in [
                (None, AssertionProfile::Jwt),
                (Some("JWT"), AssertionProfile::Jwt),
                (Some("authorization-grant+jwt"), AssertionProfile::Jwt),
                (Some("application/jwt"), AssertionProfile::Jwt),
                (JAG, AssertionProfile::IdJag),
                (Some("application/oauth-id-jag+JWT"), AssertionProfile::IdJag),
            ] {
                let header = with(&typed(holder, typ), "alg", json!(algorithm));
                let text = holder.jwt(&header, &grant_claims());
                let grant = GrantAssertion::read(text.as_bytes()).unwrap();
                assert_eq!((grant.issuer(), grant.subject(), grant.profile()), (IDP, "U019488227", profile), "{typ:?}");
                let terms = grant.check(&rules(), NOW).unwrap();
                assert_eq!(terms.acceptable_until(), NOW + Duration::from_secs(70));
                assert_eq!((terms.issued_at, grant.verify(&holder.keys())), (Some(NOW), Ok(())));
                assert_eq!(grant.name(), b"jone");
            }
        }
    }
}

/// What must hold of both kinds, by what breaks it.
#[test]
fn claims_that_lack_something_make_no_grant() {
    use ClaimFault as C;
    let good = grant_claims();
    let long = "n".repeat(1_025);
    let rows: Vec<(Value, F)> = vec![
        (without(&good, "iss"), C::Missing.into()),
        (with(&good, "iss", json!("")), C::Missing.into()),
        (with(&good, "iss", json!([IDP])), C::Type.into()),
        (with(&good, "iss", json!(long)), C::Type.into()),
        (with(&good, "iss", json!("https://idp.example\n")), C::Type.into()),
        (without(&good, "sub"), C::Missing.into()),
        (with(&good, "sub", json!("")), C::Missing.into()),
        (with(&good, "sub", json!(7)), C::Type.into()),
        (with(&good, "sub", json!(long)), C::Type.into()),
        (with(&good, "sub", json!("a\u{1f}b")), C::Type.into()),
        (with(&good, "sub", json!(IDP)), F::Itself),
        (without(&good, "aud"), F::Audience),
        (with(&good, "aud", json!("https://another.example")), F::Audience),
        (with(&good, "aud", json!("https://id.example/")), F::Audience),
        (with(&good, "aud", json!("https://ID.example")), F::Audience),
        (with(&good, "aud", json!("https://id.example/token")), F::Audience),
        (with(&good, "aud", json!([ISSUER, "https://another.example"])), F::Audience),
        (with(&good, "aud", json!([ISSUER, ISSUER])), F::Audience),
        (with(&good, "aud", json!([])), F::Audience),
        (with(&good, "aud", json!(null)), F::Audience),
        (without(&good, "exp"), C::Missing.into()),
        (with(&good, "exp", json!("never")), C::Type.into()),
        (with(&good, "exp", json!(NOW_SECS - 10)), F::Expired),
        (with(&good, "exp", json!(NOW_SECS + 3_611)), F::TooLong),
        (with(&good, "exp", json!(1e300)), F::TooLong),
        (with(&good, "iat", json!(NOW_SECS + 61)), F::Ahead),
        (with(&good, "iat", json!("now")), C::Type.into()),
        (with(&good, "nbf", json!(NOW_SECS + 61)), F::Ahead),
        (with(&good, "nbf", json!(true)), C::Type.into()),
        (with(&good, "jti", json!("")), C::Missing.into()),
        (with(&good, "jti", json!("j".repeat(257))), C::Type.into()),
        (with(&good, "jti", json!(7)), C::Type.into()),
        (with(&good, "tenant", json!(["acme"])), C::Type.into()),
        (with(&good, "tenant", json!("")), C::Type.into()),
        (with(&good, "scope", json!(["read"])), C::Type.into()),
        (with(&good, "scope", json!("read  write")), C::Type.into()),
        (with(&good, "scope", json!("\"")), C::Type.into()),
        (with(&good, "resource", json!([])), C::Type.into()),
        (with(&good, "resource", json!(7)), C::Type.into()),
        (with(&good, "resource", json!([["https://api.example"]])), C::Type.into()),
        (with(&good, "resource", json!(vec!["https://api.example"; 17])), C::Type.into()),
        (with(&good, "resource", json!("")), C::Type.into()),
        (with(&good, "authorization_details", json!([{"type": "account"}])), F::Details),
        (with(&good, "authorization_details", json!("all")), F::Details),
        (with(&good, "cnf", json!("jkt")), F::Confirmation),
        (with(&good, "cnf", json!({})), F::Confirmation),
        (with(&good, "cnf", json!({"jwk": Holder::P256.jwk()})), F::Confirmation),
        (with(&good, "cnf", json!({"jkt": 7})), F::Confirmation),
        (with(&good, "cnf", json!({"jkt": "short"})), F::Confirmation),
        (with(&good, "cnf", json!({"x5t#S256": "short", "jkt": base64url([7; 32])})), F::Confirmation),
    ];
    for (claims, why) in rows {
        for typ in [None, JAG] {
            assert_eq!(fault(typ, &claims), Some(why), "{typ:?} {claims}");
        }
    }
    for claims in [
        with(&good, "aud", json!([ISSUER])),
        with(&good, "exp", json!(NOW_SECS - 9)),
        with(&good, "exp", json!(NOW_SECS + 3_610)),
        with(&good, "iat", json!(NOW_SECS + 60)),
        with(&good, "nbf", json!(NOW_SECS + 60)),
        with(&good, "sub", json!("n".repeat(1_024))),
        with(&good, "resource", json!(vec!["https://api.example"; 16])),
        with(&good, "authorization_details", json!([])),
        with(&good, "cnf", json!({"jkt": base64url([7; 32]), "jwk": {}})),
        with(&good, "more", json!({"any": ["thing"]})),
    ] {
        for typ in [None, JAG] {
            assert_eq!(fault(typ, &claims), None, "{typ:?} {claims}");
        }
    }
}

/// What an identity assertion must say besides, and others need not.
#[test]
fn an_identity_assertion_is_for_one_client_and_has_a_name() {
    use ClaimFault as C;
    let good = grant_claims();
    for (claims, why) in [
        (without(&good, "jti"), C::Missing.into()),
        (without(&good, "iat"), C::Missing.into()),
        (without(&good, "client_id"), C::Missing.into()),
        (with(&good, "client_id", json!("another")), F::Client),
        (with(&good, "client_id", json!("Key-Client")), F::Client),
        (with(&good, "client_id", json!([CLIENT])), F::Claim(C::Type)),
    ] {
        assert_eq!((fault(JAG, &claims), fault(None, &claims)), (Some(why), None), "{claims}");
    }
}

/// An identity assertion is for the issuer alone, whatever is said of others (ID-JAG section 4.4.1).
#[test]
fn the_audience_is_the_issuer_or_where_the_host_says_so_the_token_endpoint() {
    let endpoints = ["https://id.example/token".to_owned(), "https://mtls.id.example/token".to_owned()];
    let open = GrantAssertionRules { endpoints: &endpoints, shared: true, ..rules() };
    let one = GrantAssertionRules { shared: false, ..open };
    for (aud, as_one, as_shared, as_jag) in [
        (json!(ISSUER), true, true, true),
        (json!([ISSUER]), true, true, true),
        (json!(endpoints[0]), true, true, false),
        (json!([endpoints[1]]), true, true, false),
        (json!([ISSUER, "https://another.example"]), false, true, false),
        (json!(["https://another.example", endpoints[0]]), false, true, false),
        (json!(["https://another.example"]), false, false, false),
        (json!([[ISSUER]]), false, false, false),
        (json!({ISSUER: true}), false, false, false),
    ] {
        let claims = with(&grant_claims(), "aud", aud);
        let holds = |typ, rules: &_| check_as(typ, &claims, rules, NOW).is_ok();
        let found = (holds(None, &one), holds(None, &open), holds(JAG, &open));
        assert_eq!(found, (as_one, as_shared, as_jag), "{claims}");
    }
}

/// RFC 8725 section 3.11.
#[test]
fn a_type_that_its_issuer_has_is_the_only_one() {
    let own = GrantAssertionRules { typ: Some("wit+jwt"), ..rules() };
    for (typ, usual, as_own) in [
        (None, true, false),
        (Some("JWT"), true, false),
        (Some("wit+jwt"), false, true),
        (Some("application/WIT+jwt"), false, true),
        (Some("at+jwt"), false, false),
        (Some("client-authentication+jwt"), false, false),
        (Some("logout+jwt"), false, false),
    ] {
        let why = |rules: &_| check_as(typ, &grant_claims(), rules, NOW).err();
        let wrong = Some(F::Jws(JwsFault::Type));
        assert_eq!(why(&rules()), if usual { None } else { wrong }, "{typ:?}");
        assert_eq!(why(&own), if as_own { None } else { wrong }, "{typ:?}");
    }
    for (typ, may) in [
        ("wit+jwt", true),
        ("JOSE", true),
        ("", false),
        ("oauth-id-jag+jwt", false),
        ("application/oauth-id-jag+jwt", false),
        ("Client-Authentication+JWT", false),
        ("application/at+jwt", false),
        ("\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}", true),
    ] {
        assert_eq!(may_type_grants(typ), may, "{typ}");
    }
}

/// RFC 8725 sections 3.1 and 3.2.
#[test]
fn only_the_algorithms_that_the_issuer_is_trusted_with_count() {
    let text = |holder: Holder, algorithm: &str| {
        holder.jwt(&with(&named_header(holder), "alg", json!(algorithm)), &grant_claims())
    };
    let trusted = [JwsAlgorithm::Ps256, JwsAlgorithm::EdDsa];
    let narrow = GrantAssertionRules { algorithms: &trusted, ..rules() };
    for (holder, algorithm, fits) in [
        (Holder::Rsa, "PS256", true),
        (Holder::Rsa, "RS256", false),
        (Holder::P256, "ES256", false),
        (Holder::Ed25519, "EdDSA", true),
        // The same by its newer name (RFC 9864).
        (Holder::Ed25519, "Ed25519", true),
    ] {
        let text = text(holder, algorithm);
        let why = GrantAssertion::read(text.as_bytes()).unwrap().check(&narrow, NOW).err();
        assert_eq!(why, (!fits).then_some(F::Algorithm), "{algorithm}");
    }
    // A MAC under what everybody can read, and none at all.
    let public = Holder::P256.jwk().to_string();
    for algorithm in ["HS256", "none", "ES384", ""] {
        let header = with(&named_header(Holder::P256), "alg", json!(algorithm)).to_string();
        let text = signed(&header, &grant_claims().to_string(), |message| hs256(public.as_bytes(), message));
        assert_eq!(GrantAssertion::read(text.as_bytes()).err(), Some(F::Jws(JwsFault::Algorithm)), "{algorithm}");
    }
}

#[test]
fn who_did_not_sign_it_vouches_for_nobody() {
    let good = Holder::P256.jwt(&named_header(Holder::P256), &grant_claims());
    let verify = |text: &str, keys: &ClientKeys| {
        let grant = GrantAssertion::read(text.as_bytes())?;
        grant.check(&rules(), NOW)?;
        grant.verify(keys)
    };
    assert_eq!(verify(&good, &Holder::P256.keys()), Ok(()));
    assert_eq!(verify(&good, &Holder::Ed25519.keys()), Err(F::UnknownKey));
    let renamed = set(&[with(&Holder::P256.jwk(), "kid", json!("another"))]);
    assert_eq!(verify(&good, &renamed), Err(F::UnknownKey));
    // The right name, and another key of the kind.
    let other = p256::ecdsa::SigningKey::from_slice(&[9; 32]).unwrap();
    let point = other.verifying_key().to_encoded_point(false);
    let jwk = json!({
        "kty": "EC", "crv": "P-256", "kid": "P256", "x": base64url(point.x().unwrap()), "y": base64url(point.y().unwrap()),
    });
    assert_eq!(verify(&good, &set(std::slice::from_ref(&jwk))), Err(F::Signature));
    // A key that it brings along, or points to, is nobody's.
    let forged = |name: &str, value: Value| {
        let header = with(&named_header(Holder::P256), name, value);
        let text = signed(&header.to_string(), &grant_claims().to_string(), |message| {
            let signature: p256::ecdsa::Signature = other.sign(message);
            signature.to_vec()
        });
        verify(&text, &Holder::P256.keys())
    };
    assert_eq!(forged("jwk", jwk), Err(F::Signature));
    assert_eq!(forged("jku", json!("https://evil.example/jwks")), Err(F::Signature));
    assert_eq!(forged("x5u", json!("https://evil.example/cert")), Err(F::Signature));
    assert_eq!(forged("crit", json!(["exp"])), Err(F::Jws(JwsFault::Critical)));
    let [message, signature] =
        good.rsplitn(2, '.').collect::<Vec<_>>().try_into().map(|[s, m]: [&str; 2]| [m, s]).unwrap();
    let (header, claims) = message.split_once('.').unwrap();
    let admin = base64url(with(&grant_claims(), "sub", json!("admin")).to_string());
    assert_eq!(verify(&format!("{header}.{admin}.{signature}"), &Holder::P256.keys()), Err(F::Signature));
    assert_eq!(verify(&format!("{header}.{claims}."), &Holder::P256.keys()), Err(F::Jws(JwsFault::Compact)));
    assert_eq!(GrantAssertion::read("a".repeat(16 * 1_024 + 1).as_bytes()).err(), Some(F::Jws(JwsFault::TooLong)));
}

/// From one signature by ECDSA anybody makes another that holds, (r, n - s): what tells assertions apart must not be of it.
#[test]
fn one_assertion_has_one_name_however_it_is_signed() {
    let claims = without(&grant_claims(), "jti");
    let text = Holder::P256.jwt(&named_header(Holder::P256), &claims);
    let (message, signature) = text.rsplit_once('.').unwrap();
    let signature = p256::ecdsa::Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    let (r, s) = signature.split_scalars();
    let other = p256::ecdsa::Signature::from_scalars(r, -s).unwrap();
    assert_ne!(other, signature);
    let twin = format!("{message}.{}", base64url(other.to_bytes()));
    let name = |text: &str| {
        let grant = GrantAssertion::read(text.as_bytes()).unwrap();
        assert_eq!(grant.verify(&Holder::P256.keys()), Ok(()));
        grant.name()
    };
    assert_eq!(name(&text), name(&twin));
    assert_eq!(name(&text).len(), 33);
    // And no jti is the digest of another.
    let later = Holder::P256.jwt(&named_header(Holder::P256), &with(&claims, "exp", json!(NOW_SECS + 61)));
    assert_ne!(name(&text), name(&later));
    assert_eq!(name(&Holder::P256.jwt(&named_header(Holder::P256), &grant_claims())), b"jone");
}
