//! Tests of the room as a whole; what is small is tested where it is.

mod confusion;
mod keys;
pub(crate) mod pem;
mod steps;
mod tokens;
mod vectors;

use std::sync::LazyLock;

use super::*;
use crate::grant::GrantId;

/// One key of each kind. Loaded once: an RSA key takes its time without optimization.
static RSA: LazyLock<SigningKey> = LazyLock::new(|| key(pem::RSA));
static P_256: LazyLock<SigningKey> = LazyLock::new(|| key(pem::P_256));
static ED25519: LazyLock<SigningKey> = LazyLock::new(|| key(pem::ED25519));

fn key(pem: &str) -> SigningKey {
    SigningKey::from_pkcs8_pem(pem).expect("a key")
}

fn each() -> [&'static SigningKey; 3] {
    [&RSA, &P_256, &ED25519]
}

fn only(key: &SigningKey) -> SigningKeys {
    SigningKeys::new(key.clone(), Vec::new())
}

fn accepting(signing: &SigningKey, accepted: &[&SigningKey]) -> SigningKeys {
    let accepted = accepted.iter().map(|key| Published::new((*key).clone(), None));
    SigningKeys::new(signing.clone(), accepted.collect())
}

fn claims() -> AccessClaims<'static> {
    AccessClaims {
        acr: None,
        auth_time: None,
        realm: None,
        cnf: None,
        act: None,
        may_act: None,
        exchanges: None,
        iss: "https://id.example".into(),
        sub: "00506493296".into(),
        aud: Audience::new(["https://api.example"]),
        exp: 1_597_326_660,
        iat: 1_597_240_260,
        jti: Jti { grant: GrantId::from_u64(0x5f33_f0c4_0000_00a7), epoch: 3, nonce: [9; 21] },
        client_id: "developers.devportal".into(),
        scope: "apps email openid".into(),
    }
}

/// A token of exactly this header and these claims.
fn forge(header: &str, claims: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let claims: Box<serde_json::Value> = serde_json::from_str(claims).expect("JSON");
    compact::write(header, &claims, |message| Ok(sign(message))).expect("signed")
}

/// A part, read.
fn part(token: &str, at: usize) -> String {
    let part = token.split('.').nth(at).expect("a part");
    String::from_utf8(compact::decode(part).expect("base64url")).expect("UTF-8")
}
