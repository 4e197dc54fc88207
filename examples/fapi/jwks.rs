//! The keys of clients, and of whoever vouches for people.

use std::fs;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use regrant::client::{ClientKeys, ClientKeysError};
use serde_json::json;

use crate::clients::WITH_KEYS;

/// `CLIENT=FILE`: the JWK set of a client. Of a certificate in `x5c` (RFC 8705 section 2.2.2) the key counts, which the JWK has too.
#[derive(Clone, Debug)]
pub(crate) struct Jwks {
    client: String,
    keys: ClientKeys,
}

impl FromStr for Jwks {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (client, file) = text.split_once('=').ok_or("a client, =, and the file of its JWK set")?;
        if !WITH_KEYS.contains(&client) {
            return Err(format!("nobody here who has keys is called {client:?}; there are {}", WITH_KEYS.join(", ")));
        }
        let json = fs::read(file).map_err(|error| format!("cannot read {file}: {error}"))?;
        let keys = ClientKeys::from_json(&json).map_err(|error| format!("{file}: {error}"))?;
        Ok(Self { client: client.to_owned(), keys })
    }
}

/// The keys of a client. One that was given none has a key that nobody holds: the client is known, and nobody can be it.
pub(crate) fn keys_of(client: &str, given: &[Jwks]) -> Result<ClientKeys, ClientKeysError> {
    if let Some(given) = given.iter().rfind(|given| given.client == client) {
        return Ok(given.keys.clone());
    }
    let nobodys = ed25519_dalek::SigningKey::from_bytes(&rand::random()).verifying_key();
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(nobodys.as_bytes()) });
    ClientKeys::from_json(json!({ "keys": [jwk] }).to_string().as_bytes())
}
