//! The key that signs tokens, and those whose signatures are accepted besides; and how one follows another.
//!
//! A key is published, signs, and is retired, in this order and each after the wait that others need: whoever verifies reads
//! the JWK set from a cache. Pure: the time is passed in.

use std::time::Duration;

use super::SigningKey;
use super::key_step::SigningKeyStepError;
use crate::grant::Timestamp;

/// As [`KeyRing`](crate::token::KeyRing) is for opaque tokens.
#[derive(Clone, Debug)]
pub(crate) struct SigningKeys {
    signing: Published,
    accepted: Vec<Published>,
}

/// A key in the JWK set.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    pub(crate) key: SigningKey,
    /// Since when it is in the set; `None`: nobody knows, so the wait begins when it matters.
    pub(crate) since: Option<Timestamp>,
    /// Since when it is known to be in the set, where that is found out only as it is to sign.
    waits_since: Option<Timestamp>,
    quiet: Quiet,
    /// It is to go, so another signs where there is one.
    retiring: bool,
}

/// Since when a key signs nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Quiet {
    /// It never did.
    Always,
    Since(Timestamp),
    /// It came with the engine, and may have signed up to then, here or elsewhere.
    Unknown,
}

impl Published {
    pub(crate) const fn new(key: SigningKey, since: Option<Timestamp>) -> Self {
        Self { key, since, waits_since: None, quiet: Quiet::Unknown, retiring: false }
    }

    /// From when on no cache of the JWK set, which may be `cached` old, is without it. One that came with the engine has been there, as far as
    /// anybody knows.
    fn known_at(&self, cached: Duration) -> Timestamp {
        self.since.map_or(Timestamp::EPOCH, |since| since + cached)
    }
}

impl SigningKeys {
    /// The signing key may be among the accepted ones too; that changes nothing.
    pub(crate) fn new(signing: SigningKey, mut accepted: Vec<Published>) -> Self {
        let mut seen = vec![signing.clone()];
        accepted.retain(|Published { key, .. }| {
            let new = seen.iter().all(|earlier| earlier.kid() != key.kid());
            if new {
                seen.push(key.clone());
            }
            new
        });
        Self { signing: Published::new(signing, None), accepted }
    }

    pub(crate) const fn signing(&self) -> &SigningKey {
        &self.signing.key
    }

    pub(crate) fn get(&self, kid: &str) -> Option<&SigningKey> {
        self.all().find(|key| key.kid() == kid)
    }

    /// The JWK set (RFC 7517 section 5): the public half of each key, the signing one first.
    pub(crate) fn jwks(&self) -> String {
        let keys: Vec<_> = self.all().map(SigningKey::jwk).collect();
        format!(r#"{{"keys":[{}]}}"#, keys.join(","))
    }

    /// The one that signs is the first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &SigningKey> {
        std::iter::once(&self.signing).chain(&self.accepted).map(|published| &published.key)
    }

    /// The first step: others may verify by it from now on. One that is there stays as it is.
    pub(crate) fn publish(&mut self, key: SigningKey, now: Timestamp) {
        if self.get(key.kid()).is_none() {
            self.accepted.push(Published { quiet: Quiet::Always, ..Published::new(key, Some(now)) });
        }
    }

    /// The second: it signs, and the one that signed until now is accepted. Only when no cache of the JWK set, which may be
    /// `cached` old, is without it.
    pub(crate) fn sign_with(&mut self, kid: &str, cached: Duration, now: Timestamp) -> Result<(), SigningKeyStepError> {
        if self.signing.key.kid() == kid {
            return Ok(());
        }
        let next = self.accepted.iter_mut().find(|published| published.key.kid() == kid);
        let next = next.ok_or(SigningKeyStepError::NotPublished)?;
        let at = next.since.unwrap_or(*next.waits_since.get_or_insert(now)) + cached;
        if now < at {
            return Err(SigningKeyStepError::TooEarly { at });
        }
        std::mem::swap(&mut self.signing, next);
        next.quiet = Quiet::Since(now);
        self.signing.retiring = false;
        Ok(())
    }

    /// The key that signs what is wanted by one algorithm: the signing key where it is of that, or else the first of the accepted ones that
    /// everybody knows, and of those rather one that is not to be retired.
    pub(crate) fn signing_by(&self, algorithm: &str, cached: Duration, now: Timestamp) -> Option<&SigningKey> {
        let is_of = |published: &&Published| published.key.algorithm().as_str() == algorithm;
        let own = Some(&self.signing).filter(is_of);
        let beside = || {
            let known = self.accepted.iter().filter(is_of).filter(|published| now >= published.known_at(cached));
            known.min_by_key(|published| published.retiring)
        };
        own.or_else(beside).map(|published| &published.key)
    }

    /// The third: it is gone. Only when the last token that it signed has expired; `longest` is what such a token may live. One that signs beside the
    /// signing key, for clients that want its algorithm, hands over to another of that algorithm first, as soon as that is known to all.
    pub(crate) fn retire(
        &mut self,
        kid: &str,
        longest: Duration,
        cached: Duration,
        now: Timestamp,
    ) -> Result<(), SigningKeyStepError> {
        if self.signing.key.kid() == kid {
            return Err(SigningKeyStepError::Signing);
        }
        let place = self.accepted.iter().position(|published| published.key.kid() == kid);
        let place = place.ok_or(SigningKeyStepError::NotPublished)?;
        let algorithm = self.accepted[place].key.algorithm();
        let signs_beside = self
            .signing_by(algorithm.as_str(), cached, now)
            .is_some_and(|key| key.kid() == kid && algorithm != self.signing.key.algorithm());
        let of_it =
            |other: &&Published| other.key.kid() != kid && other.key.algorithm() == algorithm && !other.retiring;
        let next = self.accepted.iter().filter(of_it).map(|other| other.known_at(cached)).min();
        let published = &mut self.accepted[place];
        published.retiring = true;
        // Where nobody can follow it nobody knows whether any client wants it: what it signs tells.
        let quiet_from = next.map_or(now, |known| known.max(now));
        if published.quiet == Quiet::Unknown || signs_beside && (published.quiet == Quiet::Always || next.is_some()) {
            published.quiet = Quiet::Since(quiet_from);
        }
        let quiet_at = match published.quiet {
            Quiet::Since(time) => time + longest,
            Quiet::Always | Quiet::Unknown => Timestamp::EPOCH,
        };
        let at = quiet_at.max(published.key.last_expiry());
        if now < at {
            return Err(SigningKeyStepError::TooEarly { at });
        }
        self.accepted.remove(place);
        Ok(())
    }
}
