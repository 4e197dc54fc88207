//! What forgers try.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::*;
use crate::token::jwt::id_token::hs256;

/// All three keys are accepted.
fn keys() -> SigningKeys {
    accepting(&RSA, &[&P_256, &ED25519])
}

fn claims_json() -> String {
    serde_json::to_string(&claims()).unwrap()
}

fn header(alg: &str, typ: &str, kid: &str) -> String {
    format!(r#"{{"alg":"{alg}","typ":"{typ}","kid":"{kid}"}}"#)
}

/// Signed by this key, whatever the header says.
fn by(key: &SigningKey, header: &str) -> String {
    forge(header, &claims_json(), |message| key.sign(message).unwrap())
}

fn is_refused(token: &str) {
    assert_eq!(verify_access(&keys(), token), None, "{token}");
}

#[test]
fn the_way_tokens_are_forged_here_makes_good_ones() {
    for key in each() {
        let good = header(key.algorithm().as_str(), "at+jwt", key.kid());
        assert_eq!(verify_access(&keys(), &by(key, &good)), Some(claims()));
    }
}

/// The public key as the secret of an HMAC, in every form that it goes around in.
#[test]
fn a_public_key_is_no_secret() {
    let lines: String = pem::RSA_PUBLIC.lines().filter(|line| !line.starts_with('-')).collect();
    let spki = STANDARD.decode(lines).unwrap();
    let jwk: serde_json::Value = serde_json::from_str(&RSA.jwk()).unwrap();
    let n = jwk["n"].as_str().unwrap();
    let modulus = URL_SAFE_NO_PAD.decode(n).unwrap();
    let secrets: [&[u8]; 9] = [
        pem::RSA_PUBLIC.as_bytes(),
        pem::RSA_PUBLIC.trim_end().as_bytes(),
        &spki,
        // Without what says that it is RSA: PKCS#1.
        &spki[24..],
        &modulus,
        n.as_bytes(),
        RSA.jwk().leak().as_bytes(),
        only(&RSA).jwks().leak().as_bytes(),
        RSA.kid().as_bytes(),
    ];
    for secret in secrets {
        for alg in ["HS256", "hs256", "RS256"] {
            let header = header(alg, "at+jwt", RSA.kid());
            is_refused(&forge(&header, &claims_json(), |message| hs256(secret, message).unwrap()));
        }
    }
}

#[test]
fn no_signature_is_no_signature() {
    for alg in ["none", "None", "NONE", "nOnE", "", "RS256"] {
        for key in each() {
            let header = header(alg, "at+jwt", key.kid());
            is_refused(&forge(&header, &claims_json(), |_| Vec::new()));
            is_refused(&forge(&header, &claims_json(), |_| vec![0; 64]));
            is_refused(&forge(&header, &claims_json(), |_| vec![0; 256]));
        }
        is_refused(&by(&RSA, &header("none", "at+jwt", RSA.kid())));
        is_refused(&forge(&format!(r#"{{"alg":"{alg}"}}"#), &claims_json(), |_| Vec::new()));
    }
}

#[test]
fn the_algorithm_is_that_of_the_key() {
    for signer in each() {
        for named in each() {
            for alg in ["RS256", "ES256", "EdDSA", "RS384", "RS512", "PS256", "ES384", "Ed25519", "rs256", "HS256"] {
                if signer.kid() != named.kid() || alg != signer.algorithm().as_str() {
                    is_refused(&by(signer, &header(alg, "at+jwt", named.kid())));
                }
            }
        }
    }
}

#[test]
fn the_key_is_one_of_ours() {
    let (stranger, _) = SigningKey::generate(SigningAlgorithm::EdDsa).unwrap();
    is_refused(&by(&stranger, &header("EdDSA", "at+jwt", stranger.kid())));
    is_refused(&by(&stranger, &header("EdDSA", "at+jwt", ED25519.kid())));
    is_refused(&by(&RSA, &header("RS256", "at+jwt", "")));
    is_refused(&by(&RSA, r#"{"alg":"RS256","typ":"at+jwt"}"#));
    is_refused(&by(&RSA, r#"{"alg":"RS256","typ":"at+jwt","kid":null}"#));
    is_refused(&by(&RSA, &format!(r#"{{"alg":"RS256","typ":"at+jwt","kid":["{}"]}}"#, RSA.kid())));
    // One key of ours that is not accepted here.
    let token = sign_access(&RSA, &claims()).unwrap();
    assert_eq!(verify_access(&only(&P_256), &token), None);
}

/// Keys that a token brings along, and places to fetch them from.
#[test]
fn a_key_in_the_header_is_not_used() {
    let (stranger, _) = SigningKey::generate(SigningAlgorithm::EdDsa).unwrap();
    let extras = [
        format!(r#""jwk":{}"#, stranger.jwk()),
        r#""jku":"https://evil.example/jwks""#.to_owned(),
        r#""x5u":"https://evil.example/cert""#.to_owned(),
        r#""x5c":["MIIB"]"#.to_owned(),
    ];
    for extra in extras {
        for kid in [ED25519.kid(), stranger.kid()] {
            is_refused(&by(&stranger, &format!(r#"{{"alg":"EdDSA","typ":"at+jwt","kid":"{kid}",{extra}}}"#)));
        }
        is_refused(&by(&stranger, &format!(r#"{{"alg":"EdDSA","typ":"at+jwt",{extra}}}"#)));
        // They change nothing in a token of ours either.
        let ours = format!(r#"{{"alg":"EdDSA","typ":"at+jwt","kid":"{}",{extra}}}"#, ED25519.kid());
        assert_eq!(verify_access(&keys(), &by(&ED25519, &ours)), Some(claims()));
    }
}

#[test]
fn only_access_tokens_are_access_tokens() {
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
        let token = by(&ED25519, &header("EdDSA", typ, ED25519.kid()));
        assert_eq!(verify_access(&keys(), &token), Some(claims()), "{typ}");
    }
    for typ in ["JWT", "jwt", "", "at+jwt ", "at jwt", "text/at+jwt", "application/application/at+jwt", "logout+jwt"] {
        is_refused(&by(&ED25519, &header("EdDSA", typ, ED25519.kid())));
    }
    is_refused(&by(&ED25519, &format!(r#"{{"alg":"EdDSA","kid":"{}"}}"#, ED25519.kid())));
    let id_claims = IdClaims::new().with("client_id", "app").unwrap().with("jti", &claims().jti).unwrap();
    let id_token = IdToken {
        realm: None,
        issuer: "https://id.example",
        subject: "1",
        audience: "app",
        issued_at_secs: 1,
        lifetime_secs: 1,
        auth_time_secs: Some(1),
        acr: None,
        amr: Vec::new(),
        sid: None,
        jti: None,
        nonce: None,
        access_token: None,
        state_hash: None,
        claims: &id_claims,
    };
    is_refused(&sign_id_token(IdTokenKey::Engine(&ED25519), &id_token).unwrap());
    is_refused(&sign_id_token(IdTokenKey::ClientSecret(b"secret"), &id_token).unwrap());
}

#[test]
fn what_must_be_understood_is_not() {
    for crit in [r#"["exp"]"#, r#"["b64"],"b64":false"#, "[]", "null", "7", r#""exp""#] {
        let kid = ED25519.kid();
        is_refused(&by(&ED25519, &format!(r#"{{"alg":"EdDSA","typ":"at+jwt","kid":"{kid}","crit":{crit}}}"#)));
    }
}

#[test]
fn a_member_is_said_once() {
    let kid = ED25519.kid();
    is_refused(&by(&ED25519, &format!(r#"{{"alg":"none","alg":"EdDSA","typ":"at+jwt","kid":"{kid}"}}"#)));
    is_refused(&by(&ED25519, &format!(r#"{{"alg":"EdDSA","typ":"JWT","typ":"at+jwt","kid":"{kid}"}}"#)));
    let claims = claims_json();
    let twice = claims.replacen('{', r#"{"sub":"root","#, 1);
    let message = [header("EdDSA", "at+jwt", kid), twice].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
    let signature = URL_SAFE_NO_PAD.encode(ED25519.sign(message.as_bytes()).unwrap());
    is_refused(&format!("{message}.{signature}"));
}

#[test]
fn claims_are_there_and_well_formed() {
    let header = header("EdDSA", "at+jwt", ED25519.kid());
    let good: serde_json::Value = serde_json::from_str(&claims_json()).unwrap();
    let with = |name: &str, value: Option<serde_json::Value>| {
        let mut claims = good.clone();
        match value {
            Some(value) => claims[name] = value,
            None => drop(claims.as_object_mut().unwrap().remove(name)),
        }
        let token = forge(&header, &claims.to_string(), |message| ED25519.sign(message).unwrap());
        verify_access(&keys(), &token)
    };
    for name in ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"] {
        assert_eq!(with(name, None), None, "without {name}");
        for bad in ["null", r#""""#, "{}", "[]", "-1", "1.5", "true", "[1]", r#"[""]"#, "99999999999999999999"] {
            assert_eq!(with(name, Some(serde_json::from_str(bad).unwrap())), None, "{name} {bad}");
        }
    }
    assert_eq!(with("jti", Some("a".repeat(42).into())), None);
    assert_eq!(with("exp", Some("1597326660".into())), None);
    assert_eq!(with("scope", Some(serde_json::Value::Null)), None);
    assert_eq!(with("scope", None).unwrap().scope, "");
    assert!(with("scope", Some("".into())).is_some());
    let audiences = with("aud", Some(serde_json::json!(["a", "b"]))).unwrap().aud;
    assert!(audiences.contains("b") && !audiences.contains("ab") && audiences.iter().count() == 2);
    // Times are the caller's: this expired long ago, and that will be issued.
    assert!(with("exp", Some(1.into())).is_some());
    assert!(with("iat", Some(u64::MAX.into())).is_some());
    assert!(with("more", Some(1.into())).is_some());
}

#[test]
fn the_text_is_the_token() {
    for key in each() {
        let token = sign_access(key, &claims()).unwrap();
        let (message, signature) = token.rsplit_once('.').unwrap();
        let (head, body) = message.split_once('.').unwrap();
        let bad = [
            String::new(),
            ".".into(),
            "..".into(),
            "...".into(),
            message.into(),
            format!("{message}."),
            format!(".{body}.{signature}"),
            format!("{head}..{signature}"),
            format!("{head}.{signature}"),
            format!("{token}."),
            format!(".{token}"),
            format!("{token}.{signature}"),
            format!("{token} "),
            format!(" {token}"),
            format!("{token}\n"),
            format!("{token}="),
            format!("{token}=="),
            format!("{token}A"),
            format!("{head}=.{body}.{signature}"),
            format!("{head}==.{body}.{signature}"),
            format!("{head}.{body}=.{signature}"),
            format!("{token},{token}"),
            token.replacen('.', " .", 1),
            token.replace('.', "%2E"),
            format!("{message}.{}", STANDARD.encode(compact::decode(signature).unwrap())) + "=",
        ];
        for token in bad {
            is_refused(&token);
        }
        // Cut anywhere it is nothing; with a letter changed it is nothing.
        for at in (0..token.len()).step_by(7) {
            is_refused(&token[..at]);
            let other = if &token[at..=at] == "A" { "B" } else { "A" };
            is_refused(&format!("{}{other}{}", &token[..at], &token[at + 1..]));
        }
        // The last letter carries bits that belong to no byte.
        for last in
            signature.chars().last().into_iter().flat_map(|last| "AQgwBCDEFG".chars().filter(move |c| *c != last))
        {
            is_refused(&format!("{}{last}", &token[..token.len() - 1]));
        }
    }
}

/// A signature in the form that X.509 has, and one of zeros.
#[test]
fn a_p256_signature_is_two_numbers() {
    let token = sign_access(&P_256, &claims()).unwrap();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let raw = p256::ecdsa::Signature::from_slice(&compact::decode(signature).unwrap()).unwrap();
    is_refused(&format!("{message}.{}", URL_SAFE_NO_PAD.encode(raw.to_der().as_bytes())));
    is_refused(&format!("{message}.{}", URL_SAFE_NO_PAD.encode([0; 64])));
}

#[test]
fn long_texts_are_not_looked_at() {
    let long = AccessClaims { scope: "s".repeat(48_600).into(), ..claims() };
    let token = sign_access(&ED25519, &long).unwrap();
    assert!(token.len() <= 65_536 && verify_access(&keys(), &token) == Some(long));
    let longer = AccessClaims { scope: "s".repeat(49_000).into(), ..claims() };
    let token = sign_access(&ED25519, &longer).unwrap();
    assert!(token.len() > 65_536);
    is_refused(&token);
}
