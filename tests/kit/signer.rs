//! A client that has a key: what it signs, and its certificates.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::Signer as _;
use regrant::client::{CertificateChain, ClientCertificate, ClientKeys};
use serde_json::{Value, json};

use super::jwt::signed;
use super::portal::ISSUER;
use super::world::at;

/// A key, by its name; one name is always the same key.
#[derive(Clone)]
pub(crate) struct Signer {
    pub(crate) kid: &'static str,
    seed: [u8; 32],
}

/// Ed25519, P-256 with SHA-256.
pub(crate) const ALGORITHMS: [&str; 3] = ["EdDSA", "Ed25519", "ES256"];

impl Signer {
    /// `kid` is of at most 32 bytes.
    pub(crate) fn new(kid: &'static str) -> Self {
        let mut seed = [7; 32];
        seed[..kid.len()].copy_from_slice(kid.as_bytes());
        Self { kid, seed }
    }

    fn ed25519(&self) -> ed25519_dalek::SigningKey {
        ed25519_dalek::SigningKey::from_bytes(&self.seed)
    }

    fn p256(&self) -> p256::ecdsa::SigningKey {
        p256::ecdsa::SigningKey::from_slice(&self.seed).unwrap()
    }

    /// Two public keys of one name: of Ed25519, and of P-256.
    pub(crate) fn jwks(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let point = self.p256().verifying_key().to_encoded_point(false);
        let ed25519 = text(self.ed25519().verifying_key().as_bytes());
        json!({ "keys": [
            {"kty": "OKP", "crv": "Ed25519", "kid": self.kid, "x": ed25519},
            {"kty": "EC", "crv": "P-256", "kid": self.kid, "x": text(point.x().unwrap()), "y": text(point.y().unwrap())},
        ]})
    }

    pub(crate) fn keys(&self) -> ClientKeys {
        ClientKeys::from_json(self.jwks().to_string().as_bytes()).unwrap()
    }

    pub(crate) fn sign(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        if algorithm == "ES256" {
            let signature: p256::ecdsa::Signature = self.p256().sign(message);
            return signature.to_vec();
        }
        self.ed25519().sign(message).to_bytes().to_vec()
    }

    /// A JWT of this header, whose algorithm counts, and these claims.
    pub(crate) fn jwt(&self, header: &Value, claims: &Value) -> String {
        signed(header, claims, |message| self.sign(header["alg"].as_str().unwrap_or_default(), message))
    }

    pub(crate) fn header(&self, algorithm: &str) -> Value {
        json!({"alg": algorithm, "kid": self.kid})
    }

    /// What a careful client sends at this time.
    pub(crate) fn assertion(&self, client_id: &str, jti: &str, secs: u64) -> String {
        self.jwt(&self.header("EdDSA"), &claims(client_id, jti, secs))
    }

    /// Its certificate, of this subject, in DER. Nobody has signed it: whether somebody has is for the host to say.
    pub(crate) fn certificate_der(&self, common_name: &str, serial: u8) -> Vec<u8> {
        let ed25519 = tlv(0x30, &[&tlv(0x06, &[&[0x2b, 0x65, 0x70]])]);
        let spki = tlv(0x30, &[&ed25519, &tlv(0x03, &[&[0], self.ed25519().verifying_key().as_bytes()])]);
        let name = |text: &str| {
            let attribute = tlv(0x30, &[&tlv(0x06, &[&[0x55, 0x04, 0x03]]), &tlv(0x0c, &[text.as_bytes()])]);
            tlv(0x30, &[&tlv(0x31, &[&attribute])])
        };
        let time = |text: &str| tlv(0x17, &[text.as_bytes()]);
        let validity = tlv(0x30, &[&time("200101000000Z"), &time("300101000000Z")]);
        let version = tlv(0xa0, &[&tlv(0x02, &[&[2]])]);
        let (serial, issuer, subject) = (tlv(0x02, &[&[serial]]), name("an issuer"), name(common_name));
        let certificate = tlv(0x30, &[&version, &serial, &ed25519, &issuer, &validity, &subject, &spki]);
        tlv(0x30, &[&certificate, &ed25519, &tlv(0x03, &[&[0; 65]])])
    }

    pub(crate) fn certificate(&self, common_name: &str, serial: u8, chain: CertificateChain) -> ClientCertificate {
        ClientCertificate::from_der(&self.certificate_der(common_name, serial), chain).unwrap()
    }
}

/// Claims of an assertion that is good for a minute.
pub(crate) fn claims(client_id: &str, jti: &str, secs: u64) -> Value {
    let now = at(secs).as_secs();
    json!({"iss": client_id, "sub": client_id, "aud": ISSUER, "jti": jti, "iat": now, "exp": now + 60})
}

/// The parameters that carry it.
pub(crate) fn with_assertion(body: &str, assertion: &str) -> String {
    let assertion: String = form_urlencoded::byte_serialize(assertion.as_bytes()).collect();
    format!(
        "{body}&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer\
         &client_assertion={assertion}"
    )
}

/// A tag, a length, and what is in it (X.690 section 8.1).
fn tlv(tag: u8, contents: &[&[u8]]) -> Vec<u8> {
    let contents = contents.concat();
    let length = contents.len();
    let mut out = vec![tag];
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => out.push(short),
        Ok(short) => out.extend([0x81, short]),
        Err(_) => out.extend([0x82, length.to_be_bytes()[6], length.to_be_bytes()[7]]),
    }
    out.extend(contents);
    out
}
