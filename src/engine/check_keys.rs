//! Whether the engine's keys are those that the grants of its store were made under.

use super::Engine;
use crate::client::Clients;
use crate::store::{Durability, StoreError, TokenStore};
use crate::token::{Key, KeyFingerprint};

/// Why an engine's keys do not fit its store.
///
/// ```
/// use regrant::KeyError;
/// fn is_worth_another_try(error: &KeyError) -> bool {
///     matches!(error, KeyError::Store(_))
/// }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Another key of this id has been in use on this store.
    #[error(
        "key {0} is not the one of that id that the grants in this store were made under; give the old one back, or another id to the new one"
    )]
    Changed(u8),
    /// None of the keys that have been in use on this store was given to the engine.
    #[error("none of the engine's keys has been in use on this store: every client would be logged out")]
    Unknown,
    /// The store is durable and keeps no fingerprints.
    #[error("the store does not keep the fingerprints of keys")]
    NotKept,
    /// The store could not tell.
    #[error("the store could not tell whether the keys fit")]
    Store(#[from] StoreError),
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Whether this engine's keys are those that the grants in its store were made under: call it once at start, before
    /// the first request. With a wrong key every token is refused with `invalid_grant`, and clients throw such tokens away.
    ///
    /// The store keeps a [fingerprint](Key::fingerprint) of every key it has ever seen here. A key of a known id must be
    /// the same key, at least one key must be known unless the store knows none, and keys of new ids are then known too.
    /// So ids are not used twice. On a store in memory there is nothing to check.
    ///
    /// It cannot tell a key that is in use from one that was in use once. Where a store knows no key yet, let one node go
    /// first: of two that come at the same moment with keys of different ids, both are content.
    ///
    /// # Errors
    ///
    /// [`KeyError`]; nothing is kept then, unless another node came at the same moment with another key of one of the
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
    pub async fn check_keys(&self) -> Result<(), KeyError> {
        self.make_known(true).await
    }

    /// Makes this engine's keys known to its store even if no key that was in use there is among them: after the old ones
    /// were lost or stolen. All older grants are void then, and their clients log in again. Afterwards
    /// [`check_keys`](Self::check_keys) is content.
    ///
    /// # Errors
    ///
    /// [`KeyError::Changed`] where an id was used before: a new key has an id that no old one had.
    ///
    /// ```
    /// # use regrant::{Engine, Key, MemoryStore, StaticClients};
    /// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).key(Key::generate(2)).build()?;
    /// engine.abandon_other_keys().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn abandon_other_keys(&self) -> Result<(), KeyError> {
        self.make_known(false).await
    }

    /// `one_is_known`: unless no key is, one of this engine's must be already.
    async fn make_known(&self, one_is_known: bool) -> Result<(), KeyError> {
        if self.store.durability() == Durability::Volatile {
            return Ok(());
        }
        let mine: Vec<KeyFingerprint> = self.keys.iter().map(Key::fingerprint).collect();
        let known = self.store.key_fingerprints(&[]).await?;
        none_changed(&mine, &known)?;
        if one_is_known && !known.is_empty() && !mine.iter().any(|fingerprint| known.contains(fingerprint)) {
            return Err(KeyError::Unknown);
        }
        let new: Vec<KeyFingerprint> =
            mine.iter().filter(|fingerprint| !known.contains(fingerprint)).copied().collect();
        if new.is_empty() {
            return Ok(());
        }
        // Another node may have come first with another key of that id.
        let kept = self.store.key_fingerprints(&new).await?;
        none_changed(&mine, &kept)?;
        if new.iter().all(|fingerprint| kept.contains(fingerprint)) { Ok(()) } else { Err(KeyError::NotKept) }
    }
}

fn none_changed(mine: &[KeyFingerprint], known: &[KeyFingerprint]) -> Result<(), KeyError> {
    let changed = |one: &&KeyFingerprint| known.iter().any(|other| other.key_id() == one.key_id() && other != *one);
    mine.iter().find(changed).map_or(Ok(()), |changed| Err(KeyError::Changed(changed.key_id())))
}
