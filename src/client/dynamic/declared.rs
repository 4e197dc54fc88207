//! The keys that a client says it authenticates by (`private_key_jwt`): as it says them, and as its id carries them.
//!
//! ```text
//! algorithm 1 | by reference: text
//! algorithm 1 | by value: number 1 | each: kind and whether it has a name 1 | algorithm 1 | name: text | x 32 | P-256: y 32 | …
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use smol_str::SmolStr;

use super::MetadataFault;
use super::compact::{push, take};
use super::members::Members;
use crate::client::ClientBuilder;
use crate::proof::{ClientKeys, ClientKeysError, JwkFault, JwsAlgorithm};

/// Keys of a client that has said where they are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct DeclaredKeys {
    pub(super) source: Source,
    algorithm: Option<JwsAlgorithm>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Source {
    ByValue(ClientKeys),
    /// A link, which was checked.
    At(SmolStr),
}

const P_256: u8 = 1;
const ED25519: u8 = 2;
const HAS_KID: u8 = 1 << 7;

impl DeclaredKeys {
    /// What a client says that authenticates by keys. That not both members are there, and the URI is a link, was checked.
    pub(super) fn read(members: &Members) -> Result<Self, MetadataFault> {
        let algorithm = match members.text("token_endpoint_auth_signing_alg")? {
            None => None,
            Some(name) => Some(JwsAlgorithm::from_name(name).ok_or(MetadataFault::SigningAlgorithm)?),
        };
        let source = match (members.get("jwks"), members.text("jwks_uri")?) {
            (Some(set), _) => {
                let keys = ClientKeys::from_json(set.to_string().as_bytes());
                Source::ByValue(keys.map_err(|error| match error {
                    ClientKeysError::Key(JwkFault::Private | JwkFault::Symmetric) => MetadataFault::PrivateKey,
                    _ => MetadataFault::NoUsableKey,
                })?)
            }
            (None, Some(uri)) => Source::At(uri.into()),
            (None, None) => return Err(MetadataFault::NoUsableKey),
        };
        Ok(Self { source, algorithm })
    }

    /// What its assertions are signed by, where it says so.
    pub(super) const fn algorithm(&self) -> Option<JwsAlgorithm> {
        self.algorithm
    }

    /// The members that say it.
    pub(super) fn say(&self, members: &mut Map<String, Value>) {
        let (name, value) = match &self.source {
            Source::ByValue(keys) => ("jwks", set(keys)),
            Source::At(uri) => ("jwks_uri", json!(uri.as_str())),
        };
        members.insert(name.to_owned(), value);
        if let Some(algorithm) = self.algorithm {
            members.insert("token_endpoint_auth_signing_alg".to_owned(), json!(algorithm.as_str()));
        }
    }

    pub(super) fn describe(&self, builder: ClientBuilder) -> ClientBuilder {
        let builder = match &self.source {
            Source::ByValue(keys) => builder.keys(keys.clone()),
            Source::At(uri) => builder.jwks_uri(uri),
        };
        let builder = builder.private_key_jwt(true);
        self.algorithm.into_iter().fold(builder, ClientBuilder::assertion_algorithm)
    }

    /// `None` for a key that is too long for an id: of RSA.
    pub(super) fn encode(&self, out: &mut Vec<u8>) -> Option<()> {
        out.push(number_of(self.algorithm)?);
        let keys = match &self.source {
            Source::At(uri) => return push(out, uri),
            Source::ByValue(keys) => set(keys),
        };
        let keys = keys.get("keys")?.as_array()?;
        out.push(u8::try_from(keys.len()).ok()?);
        for key in keys {
            let text = |name: &str| key.get(name).and_then(Value::as_str);
            let (kind, coordinates): (u8, &[&str]) = match text("crv")? {
                "P-256" => (P_256, &["x", "y"]),
                "Ed25519" => (ED25519, &["x"]),
                _ => return None,
            };
            let name = text("kid");
            out.push(kind | if name.is_some() { HAS_KID } else { 0 });
            out.push(number_of(text("alg").and_then(JwsAlgorithm::from_name))?);
            if let Some(name) = name {
                push(out, name)?;
            }
            for coordinate in coordinates {
                let bytes: [u8; 32] = URL_SAFE_NO_PAD.decode(text(coordinate)?).ok()?.try_into().ok()?;
                out.extend(bytes);
            }
        }
        Some(())
    }

    /// Reads what [`encode`](Self::encode) wrote.
    pub(super) fn decode(rest: &mut &[u8], by_value: bool) -> Option<Self> {
        let algorithm = algorithm_of(byte(rest)?)?;
        if !by_value {
            return Some(Self { source: Source::At(take(rest)?.into()), algorithm });
        }
        let mut keys = Vec::new();
        for _ in 0..byte(rest)? {
            let kind = byte(rest)?;
            let own_algorithm = algorithm_of(byte(rest)?)?;
            let mut key = Map::new();
            if kind & HAS_KID != 0 {
                key.insert("kid".to_owned(), json!(take(rest)?));
            }
            let (family, curve, coordinates): (_, _, &[&str]) = match kind & !HAS_KID {
                P_256 => ("EC", "P-256", &["x", "y"]),
                ED25519 => ("OKP", "Ed25519", &["x"]),
                _ => return None,
            };
            key.insert("kty".to_owned(), json!(family));
            key.insert("crv".to_owned(), json!(curve));
            if let Some(algorithm) = own_algorithm {
                key.insert("alg".to_owned(), json!(algorithm.as_str()));
            }
            for coordinate in coordinates {
                let (bytes, after) = rest.split_at_checked(32)?;
                *rest = after;
                key.insert((*coordinate).to_owned(), json!(URL_SAFE_NO_PAD.encode(bytes)));
            }
            keys.push(Value::Object(key));
        }
        let number = keys.len();
        let keys = ClientKeys::from_json(json!({ "keys": keys }).to_string().as_bytes()).ok()?;
        // One that would be passed over was not written here.
        (keys.len() == number).then_some(Self { source: Source::ByValue(keys), algorithm })
    }
}

fn set(keys: &ClientKeys) -> Value {
    serde_json::from_str(&keys.to_json()).unwrap_or_default()
}

fn byte(rest: &mut &[u8]) -> Option<u8> {
    let (&byte, after) = rest.split_first()?;
    *rest = after;
    Some(byte)
}

fn number_of(algorithm: Option<JwsAlgorithm>) -> Option<u8> {
    let Some(algorithm) = algorithm else { return Some(0) };
    let place = JwsAlgorithm::ALL.iter().position(|one| *one == algorithm)?;
    u8::try_from(place + 1).ok()
}

#[expect(clippy::option_option, reason = "none was said, and none is known")]
fn algorithm_of(number: u8) -> Option<Option<JwsAlgorithm>> {
    match number.checked_sub(1) {
        None => Some(None),
        Some(place) => JwsAlgorithm::ALL.get(usize::from(place)).copied().map(Some),
    }
}
