//! Which keys are taken, and what is told of them.

use super::*;
use crate::token::jwt::pkcs8;
use SigningKeyError as E;

#[test]
fn a_key_tells_its_algorithm() {
    assert_eq!(each().map(SigningKey::algorithm).map(SigningAlgorithm::as_str), ["RS256", "ES256", "EdDSA"]);
    assert_eq!(each().map(|key| key.kid().len()), [43; 3]);
}

#[test]
fn what_is_no_key_to_sign_with_is_an_error() {
    let cases = [
        ("", E::Pem),
        ("garbage", E::Pem),
        ("-----BEGIN PRIVATE KEY-----", E::Pem),
        ("-----BEGIN PRIVATE KEY----------END PRIVATE KEY-----", E::Pem),
        ("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----", E::Pem),
        ("-----BEGIN PRIVATE KEY-----\nAAA\n-----END PRIVATE KEY-----", E::Pem),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", E::Pem),
        (pem::RSA_PUBLIC, E::Pem),
        (pem::RSA_PKCS1, E::Pem),
        (pem::P_256_SEC1, E::Pem),
        (pem::ED25519_ENCRYPTED, E::Pem),
        (pem::RSA_1024, E::RsaSize),
        (pem::P_384, E::Unsupported),
        (pem::SECP256K1, E::Unsupported),
        (pem::X25519, E::Unsupported),
        (pem::ED448, E::Unsupported),
        (pem::RSA_PSS, E::Unsupported),
        (pem::RSA_OF_NO_PRIMES, E::Invalid),
        (pem::RSA_TORN, E::Invalid),
    ];
    for (pem, error) in cases {
        assert_eq!(SigningKey::from_pkcs8_pem(pem).err(), Some(error), "{pem}");
    }
    let two = format!("{}{}", pem::ED25519, pem::ED25519);
    assert_eq!(SigningKey::from_pkcs8_pem(&two).err(), Some(E::Pem));
    let relabelled = pem::RSA_PUBLIC.replace("PUBLIC", "PRIVATE");
    assert_eq!(SigningKey::from_pkcs8_pem(&relabelled).err(), Some(E::Pkcs8));
    let long = format!("-----BEGIN PRIVATE KEY-----\n{}-----END PRIVATE KEY-----", "A".repeat(1 << 20));
    assert_eq!(SigningKey::from_pkcs8_pem(&long).err(), Some(E::Pem));
}

#[test]
fn line_ends_and_white_space_around_do_not_matter() {
    let windows = format!("\r\n {}\r\n", pem::ED25519.replace('\n', "\r\n"));
    assert_eq!(key(&windows).kid(), ED25519.kid());
}

/// Any bytes between PEM lines.
fn wrapped(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}

/// Bits of a key flipped, and prefixes of it: an error, or a key that signs.
#[test]
fn a_damaged_key_never_panics() {
    for (pem, step) in [(pem::RSA, 5), (pem::P_256, 1), (pem::ED25519, 1)] {
        let good = pkcs8::from_pem(pem).unwrap().as_bytes().to_vec();
        // All of the headers, where the shape is, and a part of the numbers.
        for at in (0..40).chain((40..good.len()).step_by(step)) {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            if let Ok(key) = SigningKey::from_pkcs8_pem(&wrapped(&bad)) {
                let signature = key.sign(b"still a key").unwrap();
                assert!(key.verify(b"still a key", &signature), "byte {at}");
            }
            assert!(SigningKey::from_pkcs8_pem(&wrapped(&good[..at])).is_err(), "{at} bytes");
        }
        let mut longer = good;
        longer.push(0);
        assert_eq!(SigningKey::from_pkcs8_pem(&wrapped(&longer)).err(), Some(E::Pem));
    }
}

#[test]
fn a_new_key_is_read_back() {
    for algorithm in [SigningAlgorithm::Rs256, SigningAlgorithm::Es256, SigningAlgorithm::EdDsa] {
        let (made, text) = SigningKey::generate(algorithm).unwrap();
        let read = key(text.reveal());
        assert_eq!((read.kid(), read.algorithm()), (made.kid(), algorithm));
        assert!(text.reveal().lines().all(|line| line.len() <= 64), "{algorithm}");
        let token = sign_access(&made, &claims()).unwrap();
        assert_eq!(verify_access(&only(&read), &token), Some(claims()));
        let (other, _) = SigningKey::generate(algorithm).unwrap();
        assert_ne!(other.kid(), made.kid());
    }
}

#[test]
fn pem_is_written_as_it_is_read() {
    for pem in [pem::RSA, pem::P_256, pem::ED25519] {
        assert_eq!(**pkcs8::to_pem(pkcs8::from_pem(pem).unwrap().as_bytes()).unwrap(), *pem);
    }
}

#[test]
fn debug_shows_no_key() {
    assert_eq!(format!("{:?}", *ED25519), "SigningKey(EdDSA kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k)");
    let keys = accepting(&ED25519, &[&RSA]);
    assert_eq!(format!("{keys:?}").matches("SigningKey(").count(), 2);
    assert_eq!(format!("{:?}", SigningKey::generate(SigningAlgorithm::EdDsa).unwrap().1), "GeneratedPem");
}

#[test]
fn the_jwk_set_is_public() {
    let keys = accepting(&ED25519, &[&RSA, &ED25519, &P_256, &RSA]);
    let set: serde_json::Value = serde_json::from_str(&keys.jwks()).unwrap();
    let members: Vec<Vec<&str>> = set["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key.as_object().unwrap().keys().map(String::as_str).collect())
        .collect();
    assert_eq!(
        members,
        [
            vec!["alg", "crv", "kid", "kty", "use", "x"],
            vec!["alg", "e", "kid", "kty", "n", "use"],
            vec!["alg", "crv", "kid", "kty", "use", "x", "y"],
        ]
    );
    assert_eq!(set["keys"][0]["kid"], keys.signing().kid());
    assert_eq!(
        only(&ED25519).jwks(),
        r#"{"keys":[{"kty":"OKP","use":"sig","alg":"EdDSA","kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#
    );
    assert_eq!(set["keys"][1]["e"], "AQAB");
    assert_eq!(set["keys"][2]["x"], "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU");
    assert_eq!(set["keys"][2]["y"], "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
    assert!(keys.get(RSA.kid()).is_some() && keys.get("").is_none());
}
