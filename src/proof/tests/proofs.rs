//! Proofs as clients make them, and as attackers do (RFC 9449 section 4.3).

use std::time::Duration;

use sha2::Digest as _;

use super::dpop::{Nonces, Presented, Proof, ProofFault, Proven, Verifier};
use super::*;
use crate::secret::root::RootSecret;

const TOKEN: &str = "an-access-token";
const URL: &str = "https://id.example/token";

fn presented() -> Presented<'static> {
    Presented::new("POST", URL)
}

fn verify(text: &str) -> Result<Proven, ProofFault> {
    verify_at(text, NOW)
}

fn verify_at(text: &str, now: Timestamp) -> Result<Proven, ProofFault> {
    Verifier::new().verify([text], &presented(), now)
}

fn ath(token: &str) -> Value {
    json!(base64url(Sha256::digest(token)))
}

fn nonces() -> Nonces {
    Nonces::new(&RootSecret::from_bytes(1, &[1; 32]), None)
}

#[test]
fn a_proof_by_each_kind_of_key_is_one() {
    for holder in Holder::ALL {
        for algorithm in holder.algorithms() {
            let header = with(&proof_header(holder), "alg", json!(algorithm));
            let proven = verify(&holder.jwt(&header, &proof_claims())).unwrap();
            let keys = holder.keys();
            assert!(keys.contains(proven.thumbprint()), "{algorithm}");
            assert_eq!(proven.jti(), "-BwC3ESc6acc2lTc");
        }
    }
}

/// What must hold, by what breaks it: the header.
#[test]
fn a_header_that_lacks_something_makes_no_proof() {
    use JwkFault as K;
    use JwsFault as J;
    let good = proof_header(Holder::P256);
    let jwk = Holder::P256.jwk();
    let with_jwk = |name: &str, value: Value| with(&good, "jwk", with(&jwk, name, value));
    let mut rows: Vec<(Value, ProofFault)> = vec![
        (without(&good, "typ"), J::Type.into()),
        (with(&good, "typ", json!("JWT")), J::Type.into()),
        (with(&good, "typ", json!("at+jwt")), J::Type.into()),
        (with(&good, "typ", json!("dpop+jwt ")), J::Type.into()),
        (with(&good, "typ", json!("text/dpop+jwt")), J::Type.into()),
        (with(&good, "typ", json!("application/application/dpop+jwt")), J::Type.into()),
        (with(&good, "typ", json!(["dpop+jwt"])), J::Json.into()),
        (with(&good, "typ", json!(null)), J::Json.into()),
        (without(&good, "alg"), J::Algorithm.into()),
        (with(&good, "crit", json!(["exp"])), J::Critical.into()),
        (with(&good, "crit", json!([])), J::Critical.into()),
        (with(&good, "crit", json!(null)), J::Critical.into()),
        (with(&good, "b64", json!(false)), J::Critical.into()),
        (with(&good, "b64", json!(true)), J::Critical.into()),
        (with(&good, "kid", json!(7)), J::Json.into()),
        (without(&good, "jwk"), K::Malformed.into()),
        (with(&good, "jwk", json!(jwk.to_string())), K::Malformed.into()),
        (with(&good, "jwk", json!([jwk])), K::Malformed.into()),
        (with(&good, "jwk", json!({})), K::Malformed.into()),
        (with(&good, "jwk", without(&jwk, "y")), K::Malformed.into()),
        (with_jwk("kty", json!("oct")), K::Symmetric.into()),
        (with(&good, "jwk", json!({"kty": "oct", "k": "AAAA"})), K::Symmetric.into()),
        (with_jwk("kty", json!("ec")), K::Unsupported.into()),
        (with_jwk("crv", json!("P-384")), K::Unsupported.into()),
        (with_jwk("crv", json!("secp256k1")), K::Unsupported.into()),
        (with_jwk("x", json!(base64url([7; 31]))), K::Malformed.into()),
        (with_jwk("x", json!(base64url([7; 33]))), K::Malformed.into()),
        (with_jwk("x", json!(format!("{}=", jwk["x"].as_str().unwrap()))), K::Malformed.into()),
        (with_jwk("x", json!(7)), K::Malformed.into()),
        // The algorithm that the key names is not that of the proof.
        (with_jwk("alg", json!("ES384")), J::Algorithm.into()),
        (with_jwk("alg", json!(null)), J::Algorithm.into()),
    ];
    for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"] {
        rows.push((with_jwk(private, json!("AAAA")), K::Private.into()));
        rows.push((with_jwk(private, json!(null)), K::Private.into()));
    }
    for algorithm in [
        "none", "None", "NONE", "", "HS256", "HS512", "es256", "ES256 ", "ES384", "ES512", "ES256K", "RS384", "PS512",
        "Ed448", "dir", "A256GCM", "RSA-OAEP",
    ] {
        rows.push((with(&good, "alg", json!(algorithm)), J::Algorithm.into()));
    }
    // Of another kind of key than the one that comes with it (RFC 8725 section 3.1).
    for algorithm in ["RS256", "PS256", "EdDSA", "Ed25519"] {
        rows.push((with(&good, "alg", json!(algorithm)), J::Algorithm.into()));
    }
    assert!(rows.len() > 60);
    for (header, fault) in rows {
        let text = Holder::P256.jwt(&header, &proof_claims());
        assert_eq!(verify(&text), Err(fault), "{header}");
    }
    // Keys that it points to are not fetched, and not used.
    for (name, value) in [
        ("jku", json!("https://evil.example/jwks")),
        ("x5u", json!("https://evil.example/cert")),
        ("x5c", json!(["MIIB"])),
        ("kid", json!("../../key")),
        ("application/dpop+jwt", json!(1)),
    ] {
        assert!(verify(&Holder::P256.jwt(&with(&good, name, value), &proof_claims())).is_ok(), "{name}");
    }
    for typ in ["DPoP+JWT", "application/dpop+jwt", "Application/DPOP+jwt"] {
        assert!(verify(&Holder::P256.jwt(&with(&good, "typ", json!(typ)), &proof_claims())).is_ok(), "{typ}");
    }
}

/// Huge, tiny and odd keys of RSA, before anything is computed with them.
#[test]
fn a_key_of_rsa_has_its_bounds() {
    let good = Holder::Rsa.jwk();
    let n = URL_SAFE_NO_PAD.decode(good["n"].as_str().unwrap()).unwrap();
    let of = |bits: usize| {
        let mut n = vec![0xff; bits.div_ceil(8)];
        n[0] = 0xff >> (n.len() * 8 - bits);
        base64url(n)
    };
    let zero_first = base64url([&[0], &n[..]].concat());
    let mut even = n.clone();
    *even.last_mut().unwrap() &= 0xfe;
    for (name, value, fault) in [
        ("n", of(1_024), JwkFault::Rsa),
        ("n", of(2_047), JwkFault::Rsa),
        ("n", of(4_097), JwkFault::Rsa),
        ("n", of(16_384), JwkFault::Rsa),
        ("n", base64url(even), JwkFault::Rsa),
        ("n", zero_first, JwkFault::Malformed),
        ("n", String::new(), JwkFault::Malformed),
        ("n", "%%%%".to_owned(), JwkFault::Malformed),
        ("e", base64url([1]), JwkFault::Rsa),
        ("e", base64url([3]), JwkFault::Rsa),
        ("e", base64url([0, 1, 0, 1]), JwkFault::Rsa),
        ("e", base64url([1, 0, 0]), JwkFault::Rsa),
        ("e", base64url([1, 0, 1, 0, 1]), JwkFault::Rsa),
        ("e", base64url([0xff; 300]), JwkFault::Rsa),
        ("e", String::new(), JwkFault::Rsa),
    ] {
        let header = with(&proof_header(Holder::Rsa), "jwk", with(&good, name, json!(value)));
        let text = signed(&header.to_string(), &proof_claims().to_string(), |_| vec![1; 256]);
        assert_eq!(Proof::read(text.as_bytes()).err(), Some(fault.into()), "{name} {value}");
    }
    // As large as may be, and not by this key.
    let header = with(&proof_header(Holder::Rsa), "jwk", with(&good, "n", json!(of(4_096))));
    let text = signed(&header.to_string(), &proof_claims().to_string(), |_| vec![1; 512]);
    assert!(text.len() < Proof::MAX_BYTES);
    assert_eq!(verify(&text), Err(ProofFault::Signature));
}

/// Points of Ed25519 by which anybody can sign: the second opinion knows them as weak.
#[test]
fn a_key_by_which_anybody_signs_is_none() {
    let mut weak = 0;
    for last in [0x00, 0x80, 0x7f, 0xff, 0x05, 0x85, 0x7a, 0xfa] {
        for first in 0..=255_u8 {
            for middle in [0, 0xff] {
                let mut x = [middle; 32];
                (x[0], x[31]) = (first, last);
                let Ok(key) = ed25519_dalek::VerifyingKey::from_bytes(&x) else { continue };
                let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(x)});
                let read = jwk::read_public_key(jwk.as_object().unwrap());
                assert_eq!(read.err() == Some(JwkFault::Weak), key.is_weak(), "{x:?}");
                weak += u32::from(key.is_weak());
            }
        }
    }
    assert!(weak >= 8, "{weak}");
    // Those of order eight.
    for hex in [
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    ] {
        for sign in [0, 0x80] {
            let mut x: Vec<u8> = (0..32).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect();
            x[31] |= sign;
            let key = ed25519_dalek::VerifyingKey::from_bytes(x.as_slice().try_into().unwrap()).unwrap();
            assert!(key.is_weak());
            let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(x)});
            assert!(matches!(jwk::read_public_key(jwk.as_object().unwrap()), Err(JwkFault::Weak)));
        }
    }
}

/// A point that is not on the curve signs nothing.
#[test]
fn a_point_off_the_curve_signs_nothing() {
    for (x, y) in [([0; 32], [0; 32]), ([7; 32], [7; 32]), ([0xff; 32], [0xff; 32])] {
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": base64url(x), "y": base64url(y)});
        let header = with(&proof_header(Holder::P256), "jwk", jwk);
        assert_eq!(verify(&Holder::P256.jwt(&header, &proof_claims())), Err(ProofFault::Signature));
    }
}

/// What must hold, by what breaks it: the claims.
#[test]
fn claims_that_lack_something_make_no_proof() {
    use ClaimFault as C;
    let good = proof_claims();
    let mut rows: Vec<(Value, ProofFault)> = vec![
        (with(&good, "jti", json!("")), C::Missing.into()),
        (with(&good, "jti", json!("j".repeat(257))), C::Type.into()),
        (with(&good, "jti", json!(7)), C::Type.into()),
        (with(&good, "htm", json!("")), C::Missing.into()),
        (with(&good, "htm", json!(["POST"])), C::Type.into()),
        (with(&good, "htu", json!({})), C::Type.into()),
        (with(&good, "iat", json!("1597240260")), C::Type.into()),
        (with(&good, "iat", json!(-1)), C::Type.into()),
        (with(&good, "iat", json!(null)), C::Type.into()),
        (with(&good, "nonce", json!(7)), C::Type.into()),
        (with(&good, "ath", json!(7)), C::Type.into()),
        (with(&good, "htm", json!("GET")), ProofFault::Method),
        (with(&good, "htm", json!("post")), ProofFault::Method),
        (with(&good, "htm", json!("POST ")), ProofFault::Method),
        (with(&good, "exp", json!(NOW_SECS - 11)), ProofFault::Stale),
        (with(&good, "nbf", json!(NOW_SECS + 11)), ProofFault::Ahead),
        (with(&good, "exp", json!("soon")), C::Type.into()),
    ];
    for name in ["jti", "htm", "htu", "iat"] {
        rows.push((without(&good, name), C::Missing.into()));
    }
    for url in [
        "http://id.example/token",
        "https://id.example:8443/token",
        "https://id.example/token/",
        "https://id.example/TOKEN",
        "https://id.example/token%2f",
        "https://id.example//token",
        "https://id.example/par",
        "https://id.example.evil.example/token",
        "https://id.example@evil.example/token",
        "https://user@id.example/token",
        "https://evil.example/?https://id.example/token",
        "https://evil.example/#https://id.example/token",
        "https://evil.example/https://id.example/token",
        "//id.example/token",
        "/token",
        "token",
        "https:/id.example/token",
        "https://id.example\\@evil.example/token",
        "https://id.example/token\u{0}",
        "https://id.example/token\n",
        " https://id.example/token",
        "urn:id.example:token",
    ] {
        rows.push((with(&good, "htu", json!(url)), ProofFault::Target));
    }
    for (claims, fault) in rows {
        let text = Holder::Ed25519.jwt(&proof_header(Holder::Ed25519), &claims);
        assert_eq!(verify(&text), Err(fault), "{claims}");
    }
    for url in [
        "HTTPS://ID.example:443/token",
        "https://id.example/token?grant_type=refresh_token",
        "https://id.example/token#part",
        "https://id.example/a/../token",
        "https://id.example/%74oken",
    ] {
        let text = Holder::Ed25519.jwt(&proof_header(Holder::Ed25519), &with(&good, "htu", json!(url)));
        assert!(verify(&text).is_ok(), "{url}");
    }
    for url in ["https://id.example/token?query#part", "https://ID.example:443/token"] {
        let text = Holder::Ed25519.jwt(&proof_header(Holder::Ed25519), &good);
        assert!(Verifier::new().verify([&text], &Presented::new("POST", url), NOW).is_ok());
    }
    let longest = with(&good, "jti", json!("j".repeat(256)));
    assert!(verify(&Holder::Ed25519.jwt(&proof_header(Holder::Ed25519), &longest)).is_ok());
}

/// RFC 9449 section 4.3, item 11, at both edges.
#[test]
fn a_proof_is_fresh_for_a_minute_and_a_little_before_it() {
    let text = Holder::Ed25519.jwt(&proof_header(Holder::Ed25519), &proof_claims());
    let (secs, ms) = (Duration::from_secs, Duration::from_millis(1));
    assert_eq!(verify_at(&text, NOW).unwrap().fresh_until(), Some(NOW + secs(60)));
    assert!(verify_at(&text, NOW + secs(60)).is_ok());
    assert_eq!(verify_at(&text, NOW + secs(60) + ms), Err(ProofFault::Stale));
    assert!(verify_at(&text, NOW - secs(10)).is_ok());
    assert_eq!(verify_at(&text, NOW - secs(10) - ms), Err(ProofFault::Ahead));
    let absurd = with(&proof_claims(), "iat", json!(u64::MAX));
    assert_eq!(verify(&Holder::Ed25519.jwt(&proof_header(Holder::Ed25519), &absurd)), Err(ProofFault::Ahead));
    let absurd = with(&proof_claims(), "iat", json!(0));
    assert_eq!(verify(&Holder::Ed25519.jwt(&proof_header(Holder::Ed25519), &absurd)), Err(ProofFault::Stale));
    let fraction = with(&proof_claims(), "iat", json!(1_597_240_260.5));
    assert!(verify(&Holder::Ed25519.jwt(&proof_header(Holder::Ed25519), &fraction)).is_ok());
}

/// With a right nonce the client's clock does not count (RFC 9449 section 4.3, item 11).
#[test]
fn a_nonce_stands_in_for_a_clock() {
    let verifier = Verifier::new().nonces(nonces());
    let sign = |claims: &Value| Holder::Ed25519.jwt(&proof_header(Holder::Ed25519), claims);
    let check = |claims: &Value, now| verifier.verify([&sign(claims)], &presented(), now);
    let nonce = verifier.new_nonce(NOW).unwrap();
    for iat in [0, NOW_SECS - 86_400, NOW_SECS, NOW_SECS + 86_400, u64::MAX] {
        let mut claims = with(&with(&proof_claims(), "iat", json!(iat)), "nonce", json!(nonce));
        claims["exp"] = json!(iat);
        let proven = check(&claims, NOW + Duration::from_secs(1)).unwrap();
        assert_eq!(proven.nonce_given_at(), Some(NOW));
        assert_eq!(proven.fresh_until(), Some(NOW + Nonces::LIFETIME));
    }
    let claims = with(&proof_claims(), "nonce", json!(nonce));
    assert_eq!(check(&proof_claims(), NOW), Err(ProofFault::NonceMissing));
    assert_eq!(check(&with(&claims, "nonce", json!("")), NOW), Err(ProofFault::NonceUnknown));
    assert_eq!(check(&with(&claims, "nonce", json!(nonce.to_lowercase())), NOW), Err(ProofFault::NonceUnknown));
    let late = NOW + Nonces::LIFETIME + Duration::from_millis(1);
    assert_eq!(check(&claims, late), Err(ProofFault::NonceStale));
    assert_eq!(check(&claims, NOW - Duration::from_secs(11)), Err(ProofFault::NonceStale));
    for fault in [ProofFault::NonceMissing, ProofFault::NonceUnknown, ProofFault::NonceStale] {
        assert!(fault.wants_nonce());
    }
    // Where it may be left out, a wrong one is still wrong.
    let lenient = Verifier::new().nonces(nonces()).nonce_optional();
    assert!(lenient.verify([&sign(&proof_claims())], &presented(), NOW).is_ok());
    let wrong = sign(&with(&claims, "nonce", json!("wrong")));
    assert_eq!(lenient.verify([&wrong], &presented(), NOW), Err(ProofFault::NonceUnknown));
    // A server that gives none takes what a client says of it for nothing.
    assert!(verify(&wrong).is_ok());
    assert_eq!(Verifier::new().new_nonce(NOW), None);
}

/// RFC 9449 section 4.3, item 12.
#[test]
fn a_proof_for_a_resource_is_for_its_token() {
    let request = presented().with_access_token(TOKEN);
    let check = |claims: &Value| {
        let text = Holder::Ed25519.jwt(&proof_header(Holder::Ed25519), claims);
        Verifier::new().verify([&text], &request, NOW)
    };
    let good = with(&proof_claims(), "ath", ath(TOKEN));
    assert!(check(&good).is_ok());
    let padded = format!("{}=", ath(TOKEN).as_str().unwrap());
    let hex: Vec<_> = Sha256::digest(TOKEN).iter().map(|byte| format!("{byte:02x}")).collect();
    let hex = hex.concat();
    for wrong in [
        ath("another"),
        ath(""),
        json!(""),
        json!(TOKEN),
        json!(padded),
        json!(hex),
        json!(base64url(&Sha256::digest(TOKEN)[..31])),
    ] {
        assert_eq!(check(&with(&good, "ath", wrong)), Err(ProofFault::AccessToken));
    }
    assert_eq!(check(&without(&good, "ath")), Err(ProofFault::AccessToken));
}

/// RFC 9449 section 4.3, item 1; and what a proxy that joins two headers makes of them.
#[test]
fn there_is_one_proof() {
    let one = Holder::Ed25519.jwt(&proof_header(Holder::Ed25519), &proof_claims());
    let verifier = Verifier::new();
    assert!(verifier.verify([&one], &presented(), NOW).is_ok());
    assert_eq!(verifier.verify([&one, &one], &presented(), NOW), Err(ProofFault::Several));
    assert_eq!(verifier.verify::<str>([], &presented(), NOW), Err(ProofFault::Missing));
    for joined in [format!("{one}, {one}"), format!("{one},{one}"), format!("{one} {one}")] {
        assert_eq!(verify(&joined), Err(JwsFault::Compact.into()));
    }
}

/// RFC 9449 section 4.3, item 5: those that the server lists.
#[test]
fn a_server_takes_the_algorithms_that_it_lists() {
    let text = Holder::Rsa.jwt(&with(&proof_header(Holder::Rsa), "alg", json!("RS256")), &proof_claims());
    let strict = Verifier::new().algorithms([JwsAlgorithm::Ps256, JwsAlgorithm::Es256]);
    assert_eq!(strict.verify([&text], &presented(), NOW), Err(ProofFault::Algorithm));
    let text = Holder::Rsa.jwt(&proof_header(Holder::Rsa), &proof_claims());
    assert!(strict.verify([&text], &presented(), NOW).is_ok());
}

/// Every letter counts, and the signature is by the key that the proof brings.
#[test]
fn a_proof_that_was_altered_is_none() {
    for holder in Holder::ALL {
        let text = holder.jwt(&proof_header(holder), &proof_claims());
        for at in (0..text.len()).step_by(if holder == Holder::Rsa { 97 } else { 11 }) {
            let other = if &text[at..=at] == "A" { "B" } else { "A" };
            let altered = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            assert!(verify(&altered).is_err(), "{at}");
            assert!(verify(&text[..at]).is_err(), "{at}");
        }
        // By another key of the same kind, and with the key of somebody else.
        let stranger = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
        let forged = signed(&proof_header(holder).to_string(), &proof_claims().to_string(), |message| {
            let signature: p256::ecdsa::Signature = stranger.sign(message);
            signature.to_vec()
        });
        assert_eq!(verify(&forged), Err(ProofFault::Signature));
    }
}

/// A MAC under the public key, in the forms that it goes around in (RFC 8725 section 2.1).
#[test]
fn a_public_key_is_no_secret() {
    for holder in Holder::ALL {
        for algorithm in ["HS256", holder.algorithm()] {
            for secret in [holder.jwk().to_string(), holder.jwk()["x"].to_string(), holder.jwk()["n"].to_string()] {
                let header = with(&proof_header(holder), "alg", json!(algorithm));
                let text = signed(&header.to_string(), &proof_claims().to_string(), |message| {
                    hs256(secret.as_bytes(), message)
                });
                assert!(verify(&text).is_err(), "{algorithm}");
            }
        }
    }
}

/// Neither a proof nor what it has proven shows what it was for.
#[test]
fn debug_shows_the_key_alone() {
    let text = Holder::Ed25519.jwt(&proof_header(Holder::Ed25519), &proof_claims());
    let proof = Proof::read(text.as_bytes()).unwrap();
    assert_eq!(format!("{proof:?}"), "Proof(EdDSA kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k)");
    assert!(!format!("{:?}", presented().with_access_token(TOKEN)).contains(TOKEN));
    for fault in
        [ProofFault::Jws(JwsFault::Json), ProofFault::Key(JwkFault::Private), ProofFault::Claim(ClaimFault::Type)]
    {
        assert!(!fault.to_string().contains("dpop+jwt"), "{fault}");
    }
}
