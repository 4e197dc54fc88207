//! The public keys of a client (RFC 7517 section 5).

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::JwsAlgorithm;
use super::json::{JsonFault, Object, read_object};
use super::jwk::{self, JwkFault};
use super::jws::Jws;
use crate::token::{PublicKey, Thumbprint};

/// The public keys by which a client authenticates and signs: its JWK set, by value or as its `jwks_uri` gave it. P-256, Ed25519, and RSA of
/// 2048 to 4096 bits with the exponent 65537. Cloning shares it.
///
/// Keys that are for something else are passed over, as RFC 7517 section 5 has it: of another kind, curve or size, or that say so by
/// `use`, `key_ops` or `alg`. One that is private or secret is an error, since somebody has just published it.
///
/// ```
/// use regrant::client::ClientKeys;
/// let keys = ClientKeys::from_json(
///     br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"one","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#,
/// )?;
/// assert_eq!(keys.len(), 1);
/// # Ok::<(), regrant::client::ClientKeysError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ClientKeys(Arc<[ClientKey]>);

/// One of them.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientKey {
    kid: Option<Box<str>>,
    /// The one that it says it is for; else all of its kind.
    algorithm: Option<JwsAlgorithm>,
    public: PublicKey,
    thumbprint: Thumbprint,
}

/// Why there are no keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientKeysError {
    /// More than [`ClientKeys::MAX_BYTES`].
    #[error("a JWK set has at most 16 KiB")]
    TooLong,
    /// No JSON object with an array of objects `keys`.
    #[error("no JWK set")]
    NotASet,
    /// A member stands twice.
    #[error("a member stands twice")]
    Repeated,
    /// More than [`ClientKeys::MAX_KEYS`].
    #[error("a JWK set has at most 16 keys")]
    TooMany,
    /// A key that cannot be read, or that is private or secret.
    #[error("a key of the set cannot be used: {0}")]
    Key(#[from] JwkFault),
    /// None by which a client can sign; perhaps each was passed over.
    #[error("no key of the set can sign")]
    NoneUsable,
}

impl ClientKeys {
    /// The longest JSON that is read.
    pub const MAX_BYTES: usize = 16 * 1_024;

    /// The most keys in a set, those that are passed over among them.
    pub const MAX_KEYS: usize = 16;

    /// How many keys are tried for one signature: a stranger must not choose how much work that is.
    const MAX_TRIED: usize = 2;

    /// Reads a JWK set.
    ///
    /// # Errors
    ///
    /// [`ClientKeysError`] says what is wrong with it, and nothing of what was read.
    ///
    /// ```
    /// use regrant::client::{ClientKeys, ClientKeysError};
    /// assert_eq!(ClientKeys::from_json(br#"{"keys":[]}"#), Err(ClientKeysError::NoneUsable));
    /// ```
    pub fn from_json(json: &[u8]) -> Result<Self, ClientKeysError> {
        if json.len() > Self::MAX_BYTES {
            return Err(ClientKeysError::TooLong);
        }
        let set = read_object(json).map_err(|fault| match fault {
            JsonFault::NotAnObject => ClientKeysError::NotASet,
            JsonFault::Repeated => ClientKeysError::Repeated,
        })?;
        Self::from_set(&set)
    }

    /// The same, of JSON that was read; members that repeat were the reader's to refuse.
    pub(crate) fn from_set(set: &Object) -> Result<Self, ClientKeysError> {
        let items = set.get("keys").and_then(Value::as_array).ok_or(ClientKeysError::NotASet)?;
        if items.len() > Self::MAX_KEYS {
            return Err(ClientKeysError::TooMany);
        }
        let mut keys = Vec::new();
        for item in items {
            let jwk = item.as_object().ok_or(ClientKeysError::NotASet)?;
            keys.extend(ClientKey::read(jwk)?);
        }
        if keys.is_empty() { Err(ClientKeysError::NoneUsable) } else { Ok(Self(keys.into())) }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none, which never is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What the keys are known by (RFC 7638).
    ///
    /// ```
    /// use regrant::client::ClientKeys;
    /// let keys = ClientKeys::from_json(
    ///     br#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#,
    /// )?;
    /// let thumbprint = keys.thumbprints().next().map(|thumbprint| thumbprint.to_string());
    /// assert_eq!(thumbprint.as_deref(), Some("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"));
    /// # Ok::<(), regrant::client::ClientKeysError>(())
    /// ```
    pub fn thumbprints(&self) -> impl Iterator<Item = Thumbprint> {
        self.0.iter().map(|key| key.thumbprint)
    }

    /// Whether this key is among them: of a set that was replaced, whether the key that something is bound to is still the client's.
    ///
    /// ```
    /// use regrant::client::ClientKeys;
    /// let set = |x: &str| format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}]}}"#);
    /// let before = ClientKeys::from_json(set("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").as_bytes())?;
    /// let after = ClientKeys::from_json(set("PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw").as_bytes())?;
    /// assert!(before.thumbprints().all(|bound| before.contains(&bound) && !after.contains(&bound)));
    /// # Ok::<(), regrant::client::ClientKeysError>(())
    /// ```
    pub fn contains(&self, thumbprint: &Thumbprint) -> bool {
        self.thumbprints().any(|one| one == *thumbprint)
    }

    /// The set as JSON, with what counts alone: what a registration answers, and what a store may keep. Read again it is equal.
    ///
    /// ```
    /// use regrant::client::ClientKeys;
    /// let keys = ClientKeys::from_json(
    ///     br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"one","x5c":["..."],"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#,
    /// )?;
    /// let kept = keys.to_json();
    /// assert_eq!(ClientKeys::from_json(kept.as_bytes())?, keys);
    /// assert!(kept.contains("one") && !kept.contains("x5c"));
    /// # Ok::<(), regrant::client::ClientKeysError>(())
    /// ```
    pub fn to_json(&self) -> String {
        let keys: Vec<Value> = self.0.iter().map(ClientKey::to_json).collect();
        serde_json::json!({ "keys": keys }).to_string()
    }

    /// Whether the key of this JWT is among them: one of the name that it says, or where it says none, the one that signed it. Where there is
    /// none, a newer set may have it.
    pub(super) fn know(&self, jws: &Jws<'_>) -> bool {
        let Ok(algorithm) = jws.algorithm() else { return false };
        let is_named = jws.kid().is_some();
        self.candidates(algorithm, jws.kid()).any(|key| is_named || jws.is_signed_by(key.public()))
    }

    /// The keys that a JWT by this algorithm may be signed by: those of the name that it says, or where it says none, all; of
    /// the right kind, and for that algorithm. Two at most, so that one `kid` for many keys buys no signature checks.
    pub(super) fn candidates(&self, algorithm: JwsAlgorithm, kid: Option<&str>) -> impl Iterator<Item = &ClientKey> {
        let named = move |key: &&ClientKey| kid.is_none_or(|kid| key.kid.as_deref() == Some(kid));
        self.0.iter().filter(named).filter(move |key| key.signs_by(algorithm)).take(Self::MAX_TRIED)
    }
}

impl ClientKey {
    /// `None` for one that is passed over.
    fn read(jwk: &Object) -> Result<Option<Self>, JwkFault> {
        let family = jwk.get("kty").and_then(Value::as_str).ok_or(JwkFault::Malformed)?;
        if family == "oct" {
            return Err(JwkFault::Symmetric);
        }
        // Whatever it is for.
        if jwk::is_private(jwk) {
            return Err(JwkFault::Private);
        }
        let kid = optional_text(jwk, "kid")?;
        if optional_text(jwk, "use")?.is_some_and(|purpose| purpose != "sig") || !may_verify(jwk)? {
            return Ok(None);
        }
        let algorithm = match optional_text(jwk, "alg")?.map(JwsAlgorithm::from_name) {
            None => None,
            Some(Some(algorithm)) => Some(algorithm),
            Some(None) => return Ok(None),
        };
        let public = match jwk::read_public_key(jwk) {
            Ok(public) => public,
            // Values out of the supported ranges.
            Err(JwkFault::Unsupported | JwkFault::Rsa) => return Ok(None),
            Err(fault) => return Err(fault),
        };
        if algorithm.is_some_and(|algorithm| !algorithm.is_of(&public)) {
            return Ok(None);
        }
        let thumbprint = Thumbprint::from_bytes(public.thumbprint());
        Ok(Some(Self { kid: kid.map(Into::into), algorithm, public, thumbprint }))
    }

    fn signs_by(&self, algorithm: JwsAlgorithm) -> bool {
        algorithm.is_of(&self.public) && self.algorithm.is_none_or(|own| own.is(algorithm))
    }

    pub(super) const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// What it is known by.
    pub const fn thumbprint(&self) -> &Thumbprint {
        &self.thumbprint
    }

    /// Its name in the set.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    fn to_json(&self) -> Value {
        let mut members: Object =
            self.public.members().into_iter().map(|(name, text)| (name.to_owned(), text.into())).collect();
        if let Some(kid) = self.kid() {
            members.insert("kid".to_owned(), kid.into());
        }
        if let Some(algorithm) = self.algorithm {
            members.insert("alg".to_owned(), algorithm.as_str().into());
        }
        Value::Object(members)
    }
}

/// `key_ops` (RFC 7517 section 4.3), where it is there, must allow to verify.
fn may_verify(jwk: &Object) -> Result<bool, JwkFault> {
    let Some(operations) = jwk.get("key_ops") else { return Ok(true) };
    let operations = operations.as_array().ok_or(JwkFault::Malformed)?;
    Ok(operations.iter().any(|operation| operation == "verify"))
}

fn optional_text<'a>(jwk: &'a Object, name: &str) -> Result<Option<&'a str>, JwkFault> {
    match jwk.get(name) {
        None => Ok(None),
        Some(value) => value.as_str().map(Some).ok_or(JwkFault::Malformed),
    }
}

impl fmt::Debug for ClientKeys {
    /// The thumbprints.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientKeys")?;
        f.debug_list().entries(self.thumbprints()).finish()
    }
}
