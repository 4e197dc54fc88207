//! Client certificates (RFC 8705): what is known of one, and whose it is.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use regrant::client::{
    CertificateChain, CertificateError, CertificateName, CertificateNameError, ClientCertificate, ClientKeys,
};

macro_rules! file {
    ($name:literal) => {
        include_bytes!(concat!("certificates/", $name))
    };
}

fn verified(der: &[u8]) -> ClientCertificate {
    ClientCertificate::from_der(der, CertificateChain::Verified).unwrap()
}

fn subject(text: &str) -> CertificateName {
    CertificateName::subject(text).unwrap()
}

const NAMED: &[u8] = file!("named.der");
const SUBJECT: &str = r"CN=ca-client+OU=Payments,O=Example  Bank\, Inc.,C=DE";

/// RFC 8705 appendix A.
#[test]
fn the_thumbprint_of_rfc_8705() {
    let certificate = verified(file!("appendix_a.der"));
    assert_eq!(certificate.thumbprint().to_string(), "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0");
    assert!(certificate.is_of(&subject("CN=mtls")));
    let jwk = format!(
        r#"{{"keys":[{{"kty":"EC","crv":"P-256","x":"{}","y":"{}"}}]}}"#,
        "1yfLHCpXqFjxCeHHHMVDTcLscpb07KUxudBmOMn8C7Q", "8_coZwxS7LfA4vOLS9WuneIXhbGGWvsDSb0tH6IxLm8",
    );
    let keys = ClientKeys::from_json(jwk.as_bytes()).unwrap();
    assert!(keys.contains(certificate.key_thumbprint().unwrap()));
}

/// A self-signed `CN=ca-client` is nobody (section 2.1), but its key is what it is (section 2.2).
#[test]
fn a_name_is_believed_of_a_verified_chain_alone() {
    let name = subject(SUBJECT);
    assert!(verified(NAMED).is_of(&name));
    let own = ClientCertificate::from_der(NAMED, CertificateChain::NotVerified).unwrap();
    assert!(!own.is_of(&name) && !own.is_of(&CertificateName::dns("client.bank.example").unwrap()));
    assert_eq!(own.key_thumbprint(), verified(NAMED).key_thumbprint());
    assert_eq!(own.thumbprint(), verified(NAMED).thumbprint());
    assert_eq!(own.chain(), CertificateChain::NotVerified);
}

/// RFC 5280 section 7.1, RFC 4514.
#[test]
fn a_subject_is_compared_as_a_name() {
    let certificate = verified(NAMED);
    for same in [
        SUBJECT,
        r"cn=CA-Client+ou=payments,o=example bank\, inc.,c=de",
        r"OU=Payments + CN=ca-client, O=Example Bank\2c Inc., C=DE",
        r"2.5.4.3=ca-client+2.5.4.11=Payments,2.5.4.10=Example Bank\, Inc.,2.5.4.6=DE",
        r"CN=#130963612D636C69656E74+OU=Payments,O=Example Bank\, Inc.,C=DE",
    ] {
        assert!(certificate.is_of(&subject(same)), "{same}");
    }
    for other in [
        "CN=ca-client",
        r"CN=ca-client,OU=Payments,O=Example Bank\, Inc.,C=DE",
        r"C=DE,O=Example Bank\, Inc.,CN=ca-client+OU=Payments",
        r"CN=ca-client+OU=Payments,O=Example Bank\, Inc.",
        r"CN=ca-client+OU=Payments,O=ExampleBank\, Inc.,C=DE",
        r"CN=ca-client+OU=Payments,O=Example Bank\, Inc.,C=DE,C=DE",
        r"CN=ca-client+OU=Payments+OU=Payments,O=Example Bank\, Inc.,C=DE",
        r"CN=ca-client\00+OU=Payments,O=Example Bank\, Inc.,C=DE",
        r"GN=ca-client+OU=Payments,O=Example Bank\, Inc.,C=DE",
    ] {
        assert!(!certificate.is_of(&subject(other)), "{other}");
    }
    let foreign = verified(file!("rsa.der"));
    assert!(foreign.is_of(&subject(r"O=\C4\8Cesk\C3\A1 banka,CN=J\C3\A1n")));
    assert!(foreign.is_of(&subject("O=\u{10c}esk\u{e1} Banka, CN=j\u{e1}n")));
    assert!(!foreign.is_of(&subject("O=Ceska banka,CN=Jan")));
}

/// Section 2.1.2: one of the alternative names, of the kind that is registered.
#[test]
fn an_alternative_name_is_of_its_kind() {
    let certificate = verified(NAMED);
    let same = [
        CertificateName::dns("client.bank.example"),
        CertificateName::dns("CLIENT.bank.EXAMPLE"),
        CertificateName::uri("spiffe://bank.example/Client"),
        CertificateName::email("Ops@bank.example"),
        Ok(CertificateName::ip("192.0.2.7".parse().unwrap())),
        Ok(CertificateName::ip("2001:db8::7".parse().unwrap())),
    ];
    for name in same {
        assert!(certificate.is_of(name.as_ref().unwrap()), "{name:?}");
        assert!(!verified(file!("renewed.der")).is_of(&name.unwrap()), "it has none");
    }
    for name in [
        CertificateName::dns("bank.example"),
        CertificateName::dns("host.wild.example"),
        CertificateName::dns("ca-client"),
        CertificateName::dns("192.0.2.7"),
        CertificateName::uri("spiffe://bank.example/client"),
        CertificateName::uri("spiffe://bank.example/Client/"),
        CertificateName::email("ops@bank.example"),
        CertificateName::email("Ops@client.bank.example"),
        Ok(CertificateName::ip("192.0.2.8".parse().unwrap())),
        Ok(CertificateName::ip("::ffff:192.0.2.7".parse().unwrap())),
        Ok(subject("CN=client.bank.example")),
    ] {
        assert!(!certificate.is_of(name.as_ref().unwrap()), "{name:?}");
    }
    for name in ["", "*.wild.example", "a b", "a\0b", "\u{e9}.example", "a@b"] {
        assert_eq!(CertificateName::dns(name), Err(CertificateNameError::Alternative), "{name}");
    }
    for name in ["", "client", "/a", "https://user@bank.example/", "a b:c"] {
        assert_eq!(CertificateName::uri(name), Err(CertificateNameError::Alternative), "{name}");
    }
    for name in ["", "ops", "@bank.example", "ops@", "o ps@bank.example", "ops@bank.example\n"] {
        assert_eq!(CertificateName::email(name), Err(CertificateNameError::Alternative), "{name}");
    }
    assert_eq!(CertificateName::subject(""), Err(CertificateNameError::Subject));
    assert_eq!(CertificateName::subject(&format!("CN={}", "a".repeat(1_100))), Err(CertificateNameError::Subject));
}

/// Another certificate of the same key is another for tokens, and the same for `self_signed_tls_client_auth`.
#[test]
fn a_renewed_certificate_has_the_key_of_the_old_one() {
    let (old, new) = (verified(NAMED), verified(file!("renewed.der")));
    assert_ne!(old.thumbprint(), new.thumbprint());
    assert_eq!(old.key_thumbprint(), new.key_thumbprint());
    assert!(old.key_thumbprint().is_some());
}

/// The keys, as `openssl pkey -pubout` has them.
#[test]
fn a_key_is_that_of_its_jwk() {
    let base64url = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let (p256, ed25519, rsa) = (file!("p256.spki"), file!("ed25519.spki"), file!("rsa.spki"));
    let (x, y) = p256[27..].split_at(32);
    // The modulus has 256 bytes and a zero in front; behind it stands the exponent.
    let modulus = &rsa[rsa.len() - 5 - 256..rsa.len() - 5];
    for (der, jwk) in [
        (NAMED, format!(r#""kty":"EC","crv":"P-256","x":"{}","y":"{}""#, base64url(x), base64url(y))),
        (file!("ed25519.der"), format!(r#""kty":"OKP","crv":"Ed25519","x":"{}""#, base64url(&ed25519[12..]))),
        (file!("rsa.der"), format!(r#""kty":"RSA","e":"AQAB","n":"{}""#, base64url(modulus))),
    ] {
        let keys = ClientKeys::from_json(format!(r#"{{"keys":[{{{jwk}}}]}}"#).as_bytes()).unwrap();
        assert_eq!(keys.thumbprints().next().as_ref(), verified(der).key_thumbprint(), "{jwk}");
    }
    for der in [&file!("p384.der")[..], file!("rsa1024.der")] {
        assert_eq!(verified(der).key_thumbprint(), None);
        assert!(verified(der).is_of(&subject("CN=ca-client")), "its name is one");
    }
}

#[test]
fn what_is_no_certificate_is_an_error() {
    let read = |der: &[u8]| ClientCertificate::from_der(der, CertificateChain::Verified).map(drop);
    for end in 0..NAMED.len() {
        assert_eq!(read(&NAMED[..end]), Err(CertificateError::Malformed), "{end}");
    }
    let trailing = [NAMED, &[0]].concat();
    assert_eq!(read(&trailing), Err(CertificateError::Malformed));
    assert_eq!(read(&[NAMED, NAMED].concat()), Err(CertificateError::Malformed));
    assert_eq!(read(file!("p256.spki")), Err(CertificateError::Malformed));
    let long = vec![0x30; ClientCertificate::MAX_BYTES + 1];
    assert_eq!(read(&long), Err(CertificateError::TooLong));
    // Whatever a bit is changed to: an error or a certificate, and another thumbprint.
    for at in 0..NAMED.len() * 8 {
        let mut altered = NAMED.to_vec();
        altered[at / 8] ^= 1 << (at % 8);
        if let Ok(certificate) = ClientCertificate::from_der(&altered, CertificateChain::Verified) {
            assert_ne!(certificate.thumbprint(), verified(NAMED).thumbprint());
            let _ = (certificate.key_thumbprint(), certificate.is_of(&subject(SUBJECT)));
        }
    }
    let shown = format!("{:?}", verified(NAMED));
    assert!(shown.starts_with("ClientCertificate(") && !shown.contains("Bank"), "{shown}");
}
