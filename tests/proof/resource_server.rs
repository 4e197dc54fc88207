//! A resource server that has no engine: the whole check of RFC 9449 section 7 on headers as an HTTP stack has them.

use axum::http::{HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use regrant::dpop::{Nonces, Presented, ProofFault, Verifier};
use regrant::jwt::Thumbprint;
use regrant::{RootSecret, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const NOW: Timestamp = Timestamp::from_secs(1_597_240_260);
const TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
const URL: &str = "https://api.example/files/7";

/// A client, and the key that it keeps.
struct Phone(SigningKey);

impl Phone {
    fn x(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.verifying_key().as_bytes())
    }

    /// RFC 7638, written out by hand.
    fn jkt(&self) -> Thumbprint {
        let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, self.x());
        Thumbprint::from_bytes(Sha256::digest(members).into())
    }

    fn proof(&self, token: &str, iat: u64, nonce: Option<&str>) -> HeaderValue {
        let header = json!({"typ": "dpop+jwt", "alg": "EdDSA", "jwk": {"kty": "OKP", "crv": "Ed25519", "x": self.x()}});
        let mut claims = json!({
            "jti": format!("{iat}"), "htm": "GET", "htu": URL, "iat": iat, "ath": URL_SAFE_NO_PAD.encode(Sha256::digest(token)),
        });
        if let Some(nonce) = nonce {
            claims["nonce"] = json!(nonce);
        }
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let message = format!("{}.{}", part(&header), part(&claims));
        let signature = self.0.sign(message.as_bytes()).to_bytes();
        HeaderValue::from_str(&format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))).unwrap()
    }
}

fn headers(proofs: impl IntoIterator<Item = HeaderValue>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for proof in proofs {
        headers.append("DPoP", proof);
    }
    headers
}

#[test]
fn a_phone_whose_clock_is_off_gets_in_by_a_nonce() {
    let phone = Phone(SigningKey::from_bytes(&[7; 32]));
    let verifier = Verifier::new().nonces(Nonces::new(&RootSecret::from_bytes(1, &[7; 32]), None));
    let request = Presented::new("GET", "https://api.example/files/7?page=2")
        .with_access_token(TOKEN)
        .with_bound_key(phone.jkt());
    let verify = |headers: &HeaderMap, now| verifier.verify(headers.get_all("dpop"), &request, now);

    let yesterday = NOW.as_secs() - 86_400;
    let first = headers([phone.proof(TOKEN, yesterday, None)]);
    let refused = verify(&first, NOW).unwrap_err();
    assert!(refused.wants_nonce());
    let nonce = verifier.new_nonce(NOW).unwrap();
    let again = headers([phone.proof(TOKEN, yesterday, Some(&nonce))]);
    let proven = verify(&again, NOW).unwrap();
    assert_eq!(proven.thumbprint(), &phone.jkt());
    // What a host has to remember so that it is used once.
    assert_eq!((proven.jti(), proven.fresh_until()), (yesterday.to_string().as_str(), Some(NOW + Nonces::LIFETIME)));
}

#[test]
fn whoever_has_the_token_alone_does_not_get_in() {
    let (phone, thief) = (Phone(SigningKey::from_bytes(&[7; 32])), Phone(SigningKey::from_bytes(&[8; 32])));
    let verifier = Verifier::new();
    let request = Presented::new("GET", URL).with_access_token(TOKEN).with_bound_key(phone.jkt());
    let verify = |request: &Presented<'_>, proofs: &[HeaderValue]| {
        verifier.verify(headers(proofs.to_vec()).get_all("dpop"), request, NOW).map(drop)
    };
    let secs = NOW.as_secs();
    assert_eq!(verify(&request, &[phone.proof(TOKEN, secs, None)]), Ok(()));
    assert_eq!(verify(&request, &[]), Err(ProofFault::Missing));
    assert_eq!(verify(&request, &[thief.proof(TOKEN, secs, None)]), Err(ProofFault::OtherKey));
    assert_eq!(verify(&request, &[phone.proof("another-token", secs, None)]), Err(ProofFault::AccessToken));
    let both = [phone.proof(TOKEN, secs, None), thief.proof(TOKEN, secs, None)];
    assert_eq!(verify(&request, &both), Err(ProofFault::Several));
    // Captured, and sent elsewhere.
    let elsewhere =
        Presented::new("GET", "https://api.example/files/8").with_access_token(TOKEN).with_bound_key(phone.jkt());
    assert_eq!(verify(&elsewhere, &both[..1]), Err(ProofFault::Target));
    let otherwise = Presented::new("DELETE", URL).with_access_token(TOKEN).with_bound_key(phone.jkt());
    assert_eq!(verify(&otherwise, &both[..1]), Err(ProofFault::Method));
    // The host's own URL is no URL: nothing is for it.
    assert_eq!(verify(&Presented::new("GET", "/files/7"), &both[..1]), Err(ProofFault::Target));
}
