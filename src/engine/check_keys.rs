//! Whether the engine's keys are those that the grants of its store were made under.

use std::fmt;

use super::Engine;
use super::failure::chain;
#[cfg(feature = "root-secret")]
use super::roots::{Roots, SubjectPrint};
use super::swap::{ATTEMPTS, new_version};
use crate::client::{Clients, digest};
use crate::grant::members::Special;
use crate::grant::{DecodeError, Grant, GrantId, Timestamp};
use crate::store::{Durability, Insert, StoreError, Swap, TokenStore};
use crate::token::{Key, KeyFingerprint, KeyRing};

/// Why an engine's keys do not fit its store.
///
/// ```
/// use regrant::engine::KeyCheckError;
/// fn is_worth_another_try(error: &KeyCheckError) -> bool {
///     matches!(error, KeyCheckError::Store(_))
/// }
/// ```
///
/// `Debug` writes the sentence and its cause too: it is what a person sees of an error that `main` returns.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum KeyCheckError {
    /// Another key of this id has been in use on this store.
    #[error(
        "key {0} is not the one of that id that the grants in this store were made under; give the old one back, or another id to the new one"
    )]
    Changed(u8),
    /// None of the keys that have been in use on this store was given to the engine.
    #[error("none of the engine's keys has been in use on this store: every client would be logged out")]
    Unknown,
    /// Another subject secret has been in use on this store, or in this realm: after the root secret was replaced, the one that the first
    /// gave has to be [given](crate::EngineBuilder) by `subject_secret`. Under this one every token of another server that was used before
    /// could be used anew, people had other names at clients that know them by pairwise subjects, and no logout found the logins of a session.
    #[error("the subject secret is not the one that has been in use on this store, and it is never replaced")]
    SubjectSecret,
    /// The store is durable and keeps no fingerprints.
    #[error("the store does not keep the fingerprints of keys")]
    NotKept,
    /// The store could not tell.
    #[error("the store could not tell whether the keys fit")]
    Store(#[from] StoreError),
}

impl fmt::Debug for KeyCheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&chain(self))
    }
}

/// What is asked of secrets before they are known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Demand {
    /// Unless none is known, one of them is already.
    OneKnown,
    /// No known one of the same id is another.
    NewIds,
    /// Nothing: they take the place of those that are known. Of the subject secret alone, which has no id.
    Nothing,
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Whether this engine's keys are those that the grants in its store were made under: call it once at start, before
    /// the first request. With a wrong key every token is refused with `invalid_grant`, and clients throw such tokens away.
    ///
    /// The store keeps a [fingerprint](Key::fingerprint) of every key it has ever seen here. A key of a known id must be
    /// the same key, at least one key must be known unless the store knows none, and keys of new ids are then known too.
    /// So ids are not used twice. The same holds of root secrets, and there is one subject secret, for ever. On a store in memory there is
    /// nothing to check.
    ///
    /// It cannot tell a key that is in use from one that was in use once. Where a store knows no key yet, let one node go
    /// first: of two that come at the same moment with keys of different ids, both are content.
    ///
    /// # Errors
    ///
    /// [`KeyCheckError`]; nothing is kept then, unless another node came at the same moment with another key of one of the
    /// ids: of this engine's other keys the fingerprints then stay.
    ///
    /// ```
    /// # use regrant::{Engine, Key, MemoryStore, StaticClients};
    /// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).key(Key::generate(1)).build()?;
    /// engine.check_keys().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn check_keys(&self) -> Result<(), KeyCheckError> {
        self.make_known(Demand::OneKnown).await
    }

    /// Makes this engine's keys known to its store even if no key that was in use there is among them: after the old ones
    /// were lost or stolen. All older grants are void then, and their clients log in again. Afterwards
    /// [`check_keys`](Self::check_keys) is content.
    ///
    /// A subject secret that was lost is abandoned too: people are somebody new at clients that know them by pairwise subjects, and a login that is
    /// not void, since its key is here yet, ends with no session. Not where tokens of another server are served: each would begin a login anew.
    ///
    /// # Errors
    ///
    /// [`KeyCheckError::Changed`] where an id was used before: a new key has an id that no old one had.
    /// [`KeyCheckError::SubjectSecret`] where tokens of another server are served, under another one than before.
    ///
    /// ```
    /// # use regrant::{Engine, Key, MemoryStore, StaticClients};
    /// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).key(Key::generate(2)).build()?;
    /// engine.abandon_other_keys().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn abandon_other_keys(&self) -> Result<(), KeyCheckError> {
        self.make_known(Demand::NewIds).await
    }

    async fn make_known(&self, demand: Demand) -> Result<(), KeyCheckError> {
        if self.store.durability() == Durability::Volatile {
            return Ok(());
        }
        if let Some(adopted) = self.realm.adopted_keys() {
            self.make_known_to_store(&fingerprints(adopted), demand).await?;
        }
        let mine = fingerprints(self.realm.keys());
        match self.realm.name() {
            None => self.make_known_to_store(&mine, demand).await,
            realm => self.make_known_in(realm, KEYS, &mine, demand).await,
        }?;
        #[cfg(feature = "root-secret")]
        self.make_secrets_known(demand).await?;
        Ok(())
    }

    /// Those that are no keys of tokens. The root secret is looked at first and written down last: one that has brought a wrong subject secret
    /// with it must not be the one that is asked for from then on.
    #[cfg(feature = "root-secret")]
    async fn make_secrets_known(&self, demand: Demand) -> Result<(), KeyCheckError> {
        let realm = self.realm.name();
        let roots = self.roots.as_ref().map(Roots::fingerprints);
        if let Some(roots) = &roots {
            new_of(roots, &self.known_in(realm, ROOTS).await?.1, demand)?;
        }
        if let Some(subject) = &self.subject {
            self.make_subject_known(subject, demand).await.map_err(|error| match error {
                KeyCheckError::Changed(_) => KeyCheckError::SubjectSecret,
                error => error,
            })?;
        }
        match &roots {
            Some(roots) => self.make_known_in(realm, ROOTS, roots, demand).await,
            None => Ok(()),
        }
    }

    /// What is adopted first: a wrong secret must not be written down as the realm's.
    #[cfg(feature = "root-secret")]
    async fn make_subject_known(&self, subject: &SubjectPrint, demand: Demand) -> Result<(), KeyCheckError> {
        // Tokens of another server begin no login anew, whatever else was lost.
        let is_for_ever = self.foreign.is_some() || demand == Demand::OneKnown;
        match subject.adopted {
            Some(adopted) if self.foreign.is_some() => {
                self.make_known_in(None, SUBJECT, &[adopted], Demand::OneKnown).await?;
            }
            // Not written down: of several realms that came from there, each may have its first secret only now.
            Some(adopted) if is_for_ever => {
                new_of(&[adopted], &self.known_in(None, SUBJECT).await?.1, Demand::OneKnown)?;
            }
            _ => {}
        }
        let demand = if is_for_ever { Demand::OneKnown } else { Demand::Nothing };
        self.make_known_in(self.realm.name(), SUBJECT, &[subject.own], demand).await
    }

    async fn make_known_to_store(&self, mine: &[KeyFingerprint], demand: Demand) -> Result<(), KeyCheckError> {
        let known = self.store.keep_key_fingerprints(&[]).await?;
        let new = new_of(mine, &known, demand)?;
        if new.is_empty() {
            return Ok(());
        }
        // Another node may have come first with another key of that id.
        let kept = self.store.keep_key_fingerprints(&new).await?;
        none_changed(mine, &kept)?;
        if new.iter().all(|fingerprint| kept.contains(fingerprint)) { Ok(()) } else { Err(KeyCheckError::NotKept) }
    }

    /// The store has one place for each key id, and realms share them: so those of a realm are in a record of its own.
    async fn make_known_in(
        &self,
        realm: Option<&str>,
        what: &str,
        mine: &[KeyFingerprint],
        demand: Demand,
    ) -> Result<(), KeyCheckError> {
        // For a record that never expires the time is of no account.
        let now = Timestamp::EPOCH;
        for _ in 0..ATTEMPTS {
            let (stored, mut known) = self.known_in(realm, what).await?;
            let new = new_of(mine, &known, demand)?;
            if new.is_empty() {
                return Ok(());
            }
            if demand == Demand::Nothing {
                known.clear();
            }
            let all: Vec<u8> =
                known.iter().chain(&new).flat_map(|one| [&[one.key_id()], &one.bytes()[..]].concat()).collect();
            let special = Special::Fingerprints(all.into());
            let next = Grant::special(place(what, realm), new_version(), realm, special, now, Timestamp::MAX);
            let written = match stored {
                None => self.store.insert(&next, now).await? == Insert::Added,
                Some(stored) => self.store.compare_and_swap(stored.version, &next, now).await? == Swap::Swapped,
            };
            if written {
                return Ok(());
            }
            // Another node was first: look again.
        }
        Err(KeyCheckError::Store(StoreError::not_applied("other nodes were first, again and again")))
    }

    /// What a realm's record says, and the record.
    async fn known_in(
        &self,
        realm: Option<&str>,
        what: &str,
    ) -> Result<(Option<Grant>, Vec<KeyFingerprint>), KeyCheckError> {
        let stored = self.store.load(place(what, realm)).await?;
        let known = stored.as_ref().map_or(Ok(Vec::new()), |record| kept_in(record, realm))?;
        Ok((stored, known))
    }
}

fn fingerprints(keys: &KeyRing) -> Vec<KeyFingerprint> {
    keys.iter().map(Key::fingerprint).collect()
}

/// Those that are not known yet, if all is well.
fn new_of(
    mine: &[KeyFingerprint],
    known: &[KeyFingerprint],
    demand: Demand,
) -> Result<Vec<KeyFingerprint>, KeyCheckError> {
    if demand == Demand::Nothing {
        return Ok(if mine == known { Vec::new() } else { mine.to_vec() });
    }
    none_changed(mine, known)?;
    if demand == Demand::OneKnown && !known.is_empty() && !mine.iter().any(|fingerprint| known.contains(fingerprint)) {
        return Err(KeyCheckError::Unknown);
    }
    Ok(mine.iter().filter(|fingerprint| !known.contains(fingerprint)).copied().collect())
}

/// Keys of a realm; those of none are where the store keeps fingerprints.
const KEYS: &str = "keys";
#[cfg(feature = "root-secret")]
const ROOTS: &str = "root secrets";
#[cfg(feature = "root-secret")]
const SUBJECT: &str = "subject secret";

/// Where a realm's fingerprints are. Nothing of it is secret: what they are of cannot be got from them.
fn place(what: &str, realm: Option<&str>) -> GrantId {
    let realm = realm.unwrap_or_default();
    GrantId::computed(&digest(&[b"regrant fingerprints of ", what.as_bytes(), b"\0", realm.as_bytes()].concat()))
}

/// What a realm's record says.
fn kept_in(record: &Grant, realm: Option<&str>) -> Result<Vec<KeyFingerprint>, StoreError> {
    let members = record.members.as_deref().filter(|members| members.realm.as_deref() == realm);
    let Some(Special::Fingerprints(bytes)) = members.and_then(|members| members.special.as_ref()) else {
        return Err(DecodeError::Corrupt.into());
    };
    let one = |bytes: &[u8]| Some(KeyFingerprint::new(*bytes.first()?, bytes.get(1..)?.try_into().ok()?));
    bytes.chunks(17).map(one).collect::<Option<Vec<_>>>().ok_or_else(|| DecodeError::Corrupt.into())
}

fn none_changed(mine: &[KeyFingerprint], known: &[KeyFingerprint]) -> Result<(), KeyCheckError> {
    let changed = |one: &&KeyFingerprint| known.iter().any(|other| other.key_id() == one.key_id() && other != *one);
    mine.iter().find(changed).map_or(Ok(()), |changed| Err(KeyCheckError::Changed(changed.key_id())))
}
