//! The key that signs tokens, and those whose signatures are accepted besides.

use super::SigningKey;

/// As [`KeyRing`](crate::token::KeyRing) is for opaque tokens.
#[derive(Clone, Debug)]
pub(crate) struct SigningKeys {
    signing: SigningKey,
    accepted: Vec<SigningKey>,
}

impl SigningKeys {
    /// The signing key may be among the accepted ones too; that changes nothing.
    pub(crate) fn new(signing: SigningKey, mut accepted: Vec<SigningKey>) -> Self {
        let mut seen = vec![signing.clone()];
        accepted.retain(|key| {
            let new = seen.iter().all(|earlier| earlier.kid() != key.kid());
            if new {
                seen.push(key.clone());
            }
            new
        });
        Self { signing, accepted }
    }

    pub(crate) const fn signing(&self) -> &SigningKey {
        &self.signing
    }

    pub(crate) fn get(&self, kid: &str) -> Option<&SigningKey> {
        self.all().find(|key| key.kid() == kid)
    }

    /// The JWK set (RFC 7517 section 5): the public half of each key, the signing one first.
    pub(crate) fn jwks(&self) -> String {
        let keys: Vec<_> = self.all().map(SigningKey::jwk).collect();
        format!(r#"{{"keys":[{}]}}"#, keys.join(","))
    }

    fn all(&self) -> impl Iterator<Item = &SigningKey> {
        std::iter::once(&self.signing).chain(&self.accepted)
    }
}
