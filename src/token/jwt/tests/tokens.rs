//! Tokens as others see them.

use ed25519_dalek::Verifier as _;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::compact::SigningFailed;
use super::jti::JTI_TEXT_LEN;
use super::*;

fn id_token(claims: &IdClaims) -> IdToken<'_> {
    IdToken {
        realm: None,
        issuer: "https://id.example",
        subject: "00506493296",
        audience: "developers.devportal",
        issued_at_secs: 1_597_240_286,
        lifetime_secs: 86_400,
        auth_time_secs: Some(1_597_240_260),
        acr: None,
        amr: Vec::new(),
        sid: None,
        jti: None,
        nonce: Some("n-0S6_WzA2Mj"),
        access_token: Some("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"),
        state_hash: Some("dV7FhI2mFzbPKEgxHWHhTw"),
        claims,
    }
}

/// Whether a crate that this one does not verify by agrees; it takes the key from the JWK.
fn second_opinion(key: &SigningKey, token: &str) -> bool {
    let (message, signature) = token.rsplit_once('.').unwrap();
    let signature = compact::decode(signature).unwrap();
    let jwk: Value = serde_json::from_str(&key.jwk()).unwrap();
    let number = |name: &str| compact::decode(jwk[name].as_str().unwrap()).unwrap();
    match key.algorithm() {
        SigningAlgorithm::Rs256 => {
            let [n, e] = ["n", "e"].map(|name| rsa::BigUint::from_bytes_be(&number(name)));
            let key = rsa::pkcs1v15::VerifyingKey::<rsa::sha2::Sha256>::new(rsa::RsaPublicKey::new(n, e).unwrap());
            let signature = rsa::pkcs1v15::Signature::try_from(&*signature).unwrap();
            key.verify(message.as_bytes(), &signature).is_ok()
        }
        SigningAlgorithm::Es256 => {
            let point = [vec![4], number("x"), number("y")].concat();
            let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&point).unwrap();
            key.verify(message.as_bytes(), &p256::ecdsa::Signature::from_slice(&signature).unwrap()).is_ok()
        }
        SigningAlgorithm::EdDsa => {
            let key = ed25519_dalek::VerifyingKey::from_bytes(&number("x").try_into().unwrap()).unwrap();
            key.verify(message.as_bytes(), &ed25519_dalek::Signature::from_slice(&signature).unwrap()).is_ok()
        }
    }
}

#[test]
fn an_access_token_is_what_rfc_9068_says() {
    for key in each() {
        let token = sign_access(key, &claims()).unwrap();
        let expected = format!(r#"{{"alg":"{}","typ":"at+jwt","kid":"{}"}}"#, key.algorithm(), key.kid());
        assert_eq!(part(&token, 0), expected);
        assert_eq!(
            part(&token, 1),
            r#"{"iss":"https://id.example","sub":"00506493296","aud":"https://api.example","exp":1597326660,"iat":1597240260,"jti":"XzPwxAAAAKcAAAMJCQkJCQkJCQkJCQkJCQkJCQkJCQk","client_id":"developers.devportal","scope":"apps email openid"}"#
        );
        assert!(second_opinion(key, &token));
        assert_eq!(verify_access(&only(key), &token), Some(claims()));
    }
}

#[test]
fn what_is_empty_is_left_out_and_several_are_an_array() {
    let claims = AccessClaims { scope: "".into(), aud: Audience::new(["a", "b"]), ..claims() };
    let token = sign_access(&ED25519, &claims).unwrap();
    let written: Value = serde_json::from_str(&part(&token, 1)).unwrap();
    assert_eq!(written["aud"], json!(["a", "b"]));
    assert_eq!(written.get("scope"), None);
    assert_eq!(verify_access(&only(&ED25519), &token), Some(claims));
}

#[test]
fn an_id_token_is_what_openid_connect_says() {
    let added = IdClaims::new().with("email", "ada@example.com").unwrap().with("custom:origin", "admin").unwrap();
    let expected = |at_hash: &str| {
        format!(
            r#"{{"iss":"https://id.example","sub":"00506493296","aud":["developers.devportal"],"exp":1597326686,"iat":1597240286,"auth_time":1597240260,"nonce":"n-0S6_WzA2Mj","at_hash":"{at_hash}","s_hash":"dV7FhI2mFzbPKEgxHWHhTw","custom:origin":"admin","email":"ada@example.com"}}"#
        )
    };
    for key in each() {
        let token = sign_id_token(IdTokenKey::Engine(key), &id_token(&added)).unwrap();
        let header = format!(r#"{{"alg":"{}","typ":"JWT","kid":"{}"}}"#, key.algorithm(), key.kid());
        assert_eq!(part(&token, 0), header);
        let at_hash = half_hash(key.algorithm().into(), "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y");
        assert_eq!(part(&token, 1), expected(&at_hash));
        assert!(second_opinion(key, &token));
    }
    let token = sign_id_token(IdTokenKey::ClientSecret(b"secret"), &id_token(&added)).unwrap();
    assert_eq!(part(&token, 0), r#"{"alg":"HS256"}"#);
    assert_eq!(part(&token, 1), expected("77QmUPtjPfzWtF2AnpK9RQ"));
    // The same computation in another crate's hands is in the vectors.
    assert_eq!(token.rsplit_once('.').unwrap().1.len(), 43);
    let no_secret = sign_id_token(IdTokenKey::ClientSecret(b""), &id_token(&added));
    assert_eq!(no_secret, Err(SigningFailed));
}

#[test]
fn an_id_token_leaves_out_what_there_is_not() {
    let none = IdClaims::new();
    let token = IdToken { nonce: None, access_token: None, state_hash: None, ..id_token(&none) };
    let token = sign_id_token(IdTokenKey::ClientSecret(b"secret"), &token).unwrap();
    let claims: Value = serde_json::from_str(&part(&token, 1)).unwrap();
    let names: Vec<_> = claims.as_object().unwrap().keys().collect();
    assert_eq!(names, ["aud", "auth_time", "exp", "iat", "iss", "sub"]);
}

#[test]
fn added_claims_keep_to_themselves() {
    for name in ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "s_hash", "c_hash", "azp"] {
        assert!(matches!(IdClaims::new().with(name, &1), Err(ClaimError::Reserved)), "{name}");
    }
    let one = IdClaims::new().with("a", &Value::Null).unwrap();
    assert!(matches!(one.clone().with("a", &2), Err(ClaimError::Repeated)));
    assert_eq!(format!("{one:?}"), "IdClaims(1)");
    // Name, value, colon and comma: ten bytes more than the text.
    let text = "x".repeat(IdClaims::MAX_BYTES - 7);
    assert!(IdClaims::new().with("b", &text).is_ok());
    assert!(matches!(IdClaims::new().with("bc", &text), Err(ClaimError::TooLong)));
    assert!(matches!(one.with("b", &text), Err(ClaimError::TooLong)));
    let no_json = std::collections::HashMap::from([([1_u8, 2], 3)]);
    assert!(matches!(IdClaims::new().with("c", &no_json), Err(ClaimError::Json(_))));
}

#[test]
fn a_jti_is_drawn_anew() {
    let grant = GrantId::from_u64(7);
    let (one, other) = (Jti::new(grant, (1 << 24) - 1), Jti::new(grant, 0));
    assert_ne!(one.nonce, other.nonce);
    let text = String::from_utf8(one.encode().to_vec()).unwrap();
    assert_eq!(Jti::decode(&text), Some(one));
    assert_eq!(Jti::decode(&text[..JTI_TEXT_LEN - 1]), None);
    assert_eq!(Jti::decode(&format!("{text}=")), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_without_panic(
        any in ".{0,200}",
        parts in "[A-Za-z0-9_=-]{0,90}(\\.[A-Za-z0-9_=-]{0,90}){0,4}",
        header in ".{0,60}",
        body in ".{0,60}",
    ) {
        let keys = accepting(&ED25519, &[&P_256]);
        prop_assert_eq!(verify_access(&keys, &any), None);
        prop_assert_eq!(verify_access(&keys, &parts), None);
        if let Some(jti) = Jti::decode(&any).or_else(|| Jti::decode(&parts)) {
            prop_assert!(jti.epoch < 1 << 24);
        }
        // Signed, so that what is behind the signature is read as well.
        let good = format!(r#"{{"alg":"EdDSA","typ":"at+jwt","kid":"{}"}}"#, ED25519.kid());
        for header in [&header, &good] {
            let token = compact::write(header, &body, |message| ED25519.sign(message)).unwrap();
            prop_assert_eq!(verify_access(&keys, &token), None);
        }
    }

    #[test]
    fn any_jti_is_read_back(grant: u64, epoch in 0_u32..1 << 24, nonce: [u8; 21]) {
        let jti = Jti { grant: GrantId::from_u64(grant), epoch, nonce };
        prop_assert_eq!(Jti::decode(std::str::from_utf8(&jti.encode()).unwrap()), Some(jti));
    }

    #[test]
    fn what_is_signed_verifies(
        texts: [String; 4],
        aud in proptest::collection::vec(".{1,20}", 1..4),
        exp: u64,
        iat: u64,
        grant: u64,
        epoch in 0_u32..1 << 24,
    ) {
        let [iss, sub, client_id, scope] = texts;
        let claims = AccessClaims {
            acr: None,
            auth_time: None,
            realm: None,
            cnf: None,
            act: None,
            may_act: None,
            exchanges: None,
            iss: format!("i{iss}").into(),
            sub: format!("s{sub}").into(),
            aud: Audience::new(aud),
            exp,
            iat,
            jti: Jti::new(GrantId::from_u64(grant), epoch),
            client_id: format!("c{client_id}").into(),
            scope: scope.into(),
        };
        for key in [&*P_256, &*ED25519] {
            let token = sign_access(key, &claims).unwrap();
            prop_assert!(second_opinion(key, &token));
            let read = verify_access(&only(key), &token);
            prop_assert_eq!(read.as_ref(), Some(&claims));
        }
    }
}
