//! Signing keys as a host sees them. What they sign is tested beside the code.

use regrant::{GeneratedPem, IdClaims, SigningAlgorithm, SigningKey, SigningKeyError};

/// The key of RFC 8037 appendix A.1.
const PEM: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
";

#[test]
fn a_key_is_named_by_its_thumbprint() {
    let key = SigningKey::from_pkcs8_pem(PEM).unwrap();
    // RFC 8037 appendix A.3.
    assert_eq!(key.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    assert_eq!(key.clone().algorithm(), SigningAlgorithm::EdDsa);
    assert_eq!(format!("{key:?}"), "SigningKey(EdDSA kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k)");
}

#[test]
fn a_generated_key_is_read_back() {
    for algorithm in [SigningAlgorithm::Rs256, SigningAlgorithm::Es256, SigningAlgorithm::EdDsa] {
        let (key, pem) = SigningKey::generate(algorithm).unwrap();
        let again = SigningKey::from_pkcs8_pem(pem.reveal()).unwrap();
        assert_eq!((again.kid(), again.algorithm()), (key.kid(), algorithm));
        assert_eq!(key.kid().len(), 43);
    }
}

/// By `openssl pkey`, where there is one.
#[test]
fn other_tools_read_the_pem() {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    for algorithm in [SigningAlgorithm::Rs256, SigningAlgorithm::Es256, SigningAlgorithm::EdDsa] {
        let (_, pem) = SigningKey::generate(algorithm).unwrap();
        let openssl = Command::new("openssl")
            .args(["pkey", "-noout", "-check"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut openssl) = openssl else { return };
        openssl.stdin.take().unwrap().write_all(pem.reveal().as_bytes()).unwrap();
        let output = openssl.wait_with_output().unwrap();
        assert!(output.status.success(), "{algorithm}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn errors_say_nothing_of_the_key() {
    let error = SigningKey::from_pkcs8_pem("-----BEGIN EC PRIVATE KEY-----\nsecret").unwrap_err();
    assert_eq!(error, SigningKeyError::Pem);
    assert!(!format!("{error} {error:?}").contains("secret"));
}

#[test]
fn keys_go_between_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<SigningKey>();
    shared::<GeneratedPem>();
    shared::<IdClaims>();
}
