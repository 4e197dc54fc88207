//! What strangers sign: whatever comes gives a typed fault, nothing is believed that no key of the client signed, and what a host
//! would keep of it is in bounds.
//!
//! The first byte of an input says what the rest is: a JWT as it stands, header and claims with a line break between, to be put
//! together, a JWK set, a certificate, or the text of a name.
#![no_main]

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use regrant::client::{CertificateChain, CertificateName, ClientCertificate, ClientKeys};
use regrant::dpop::{Nonces, Presented, Proof, ProofFault, Verifier};
use regrant::internal::{
    Assertion, AssertionRules, GrantAssertion, GrantAssertionRules, RequestObject, RequestObjectRules,
};
use regrant::{RootSecret, Timestamp};

const NOW: Timestamp = Timestamp::from_secs(1_597_240_260);
const CLIENT: &str = "key-client";
const ISSUER: &str = "https://id.example";

fn keys() -> &'static ClientKeys {
    static KEYS: OnceLock<ClientKeys> = OnceLock::new();
    KEYS.get_or_init(|| {
        let set = r#"{"keys":[
            {"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
            {"kty":"EC","crv":"P-256","kid":"b","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}
        ]}"#;
        ClientKeys::from_json(set.as_bytes()).expect("a set")
    })
}

fn jwt(text: &[u8]) {
    let nonces = Nonces::new(&RootSecret::from_bytes(1, &[7; 32]), None);
    let request = Presented::new("POST", "https://id.example/token");
    let strict = Verifier::new().nonces(nonces).verify([text], &request, NOW);
    assert!(strict.is_err(), "nobody has the key of the nonces");
    match Verifier::new().verify([text], &request, NOW) {
        // A key of the input's own may have signed it: the seeds have such.
        Ok(proven) => {
            assert!((1..=256).contains(&proven.jti().len()));
            assert!(proven.fresh_until().is_some_and(|until| until >= NOW));
        }
        Err(fault) => assert!(fault != ProofFault::Missing && !fault.wants_nonce()),
    }
    if let Ok(proof) = Proof::read(text) {
        assert!(text.len() <= Proof::MAX_BYTES);
        let again = proof.thumbprint().to_string().parse();
        assert_eq!(again, Ok(proof.thumbprint()));
    }
    if let Ok(assertion) = Assertion::read(text) {
        let rules = AssertionRules::new(CLIENT, ISSUER);
        if assertion.check(&rules, NOW).is_ok() {
            assert_eq!(assertion.client_id(), CLIENT);
        }
        if let Ok(proven) = assertion.verify(keys(), None) {
            assert!(assertion.knows_key(keys()) && proven.key().is_some());
        }
        assert!(assertion.verify_secret(&[7; 32]).is_err(), "256 bits were guessed");
    }
    if let Ok(grant) = GrantAssertion::read(text) {
        assert!((1..=1_024).contains(&grant.issuer().len()) && (1..=1_024).contains(&grant.subject().len()));
        assert!(!grant.name().is_empty());
        if grant.check(&GrantAssertionRules::new(CLIENT, ISSUER), NOW).is_ok() {
            // A client's own assertion is never a grant.
            assert!(grant.issuer() != grant.subject());
            assert!(
                Assertion::read(text).is_ok_and(|own| own.check(&AssertionRules::new(CLIENT, ISSUER), NOW).is_err())
                    || Assertion::read(text).is_err()
            );
        }
        if grant.verify(keys()).is_ok() {
            assert!(grant.knows_key(keys()));
        }
    }
    if let Ok(object) = RequestObject::read(text) {
        let _ = object.check(&RequestObjectRules::new(CLIENT, ISSUER), NOW);
        if let Ok(parameters) = object.verify(keys(), None) {
            assert!(parameters.iter().all(|(name, _)| name != "exp"));
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((&first, rest)) = input.split_first() else { return };
    match first % 5 {
        0 => jwt(rest),
        1 => {
            let (header, claims) = rest.split_at(rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()));
            let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
            jwt(format!("{}.{}.{}", part(header), part(claims.get(1..).unwrap_or_default()), part(&[7; 64])).as_bytes());
        }
        2 => {
            if let Ok(keys) = ClientKeys::from_json(rest) {
                assert!((1..=ClientKeys::MAX_KEYS).contains(&keys.len()));
                assert_eq!(ClientKeys::from_json(keys.to_json().as_bytes()), Ok(keys));
            }
        }
        3 => {
            let own = ClientCertificate::from_der(rest, CertificateChain::NotVerified);
            if let Ok(certificate) = own {
                let name = CertificateName::subject("CN=ca-client").expect("a name");
                assert!(!certificate.is_of(&name), "nobody vouches for it");
                assert_eq!(certificate.thumbprint().to_string().len(), 43);
            }
        }
        _ => {
            let Ok(text) = std::str::from_utf8(rest) else { return };
            if let Ok(name) = CertificateName::subject(text) {
                assert_eq!(
                    CertificateName::subject(&text.to_ascii_uppercase()).ok().as_ref().map(|same| same == &name),
                    {
                        // Escapes of bytes are letters too, and digits; names of attributes are known in any case.
                        Some(true)
                    }
                );
            }
        }
    }
});
