//! An engine that is exchanged for another while it serves.

use std::fmt;
use std::sync::Arc;

use parking_lot::RwLock;

use super::Engine;
#[cfg(feature = "proof")]
use super::profile::Profile;

/// A place for an engine, which is exchanged for another while requests are served: other lifetimes, clients, handlers, documents.
/// Clones share it.
///
/// Lifetimes, metadata members and resources that are added change without another engine: [`Engine::set_lifetimes`],
/// [`Engine::set_metadata`], [`Engine::add_resource`]. The engine that is exchanged has what it was built with.
///
/// Build the new engine on the same store, by an `Arc`, and [exchange](Self::exchange) it. A request is answered by the engine
/// that was there when it came. What a running engine knows goes over: what was voided
/// ([`Engine::void_grants_before`]), its signing keys as their steps have left them, whatever keys the new one was built with, the proofs that it
/// has seen, the root secret before its own where the new one names none (one that has leaked goes at once by a restart without it), and what devices and guesses at their user codes it has counted. A [throttle](crate::EngineBuilder::throttle) of the host's goes
/// over where both are built with the same.
///
/// ```
/// use regrant::engine::EngineSlot;
/// use regrant::{Engine, Key, Lifetimes, MemoryStore, StaticClients};
/// use std::{sync::Arc, time::Duration};
///
/// let (store, key) = (Arc::new(MemoryStore::new()), Key::generate(1));
/// let engine = Engine::builder(Arc::clone(&store), StaticClients::new()).key(key.clone()).build()?;
/// let slot = EngineSlot::new(engine);
///
/// let shorter = Lifetimes::default().with_access_token(Duration::from_secs(300));
/// let engine = Engine::builder(store, StaticClients::new()).key(key).lifetimes(shorter).build()?;
/// slot.exchange(engine)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct EngineSlot<S, C>(Arc<RwLock<Arc<Engine<S, C>>>>);

/// Why an engine cannot take the place of another. The one that was there serves on.
///
/// ```
/// use regrant::engine::{EngineSlot, ExchangeError};
/// use regrant::{Engine, MemoryStore, StaticClients};
/// use std::sync::Arc;
/// let store = Arc::new(MemoryStore::new());
/// let slot = EngineSlot::new(Engine::builder(Arc::clone(&store), StaticClients::new()).build()?);
/// let of_another_key = Engine::builder(store, StaticClients::new()).build()?;
/// assert!(matches!(slot.exchange(of_another_key), Err(ExchangeError::Key)));
/// # Ok::<(), regrant::BuildError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// Another realm: everybody would be logged out.
    #[error("the realm of an engine is for ever")]
    Realm,
    /// Another issuer: clients compare it to the byte.
    #[error("the issuer of an engine is for ever")]
    Issuer,
    /// The new engine does not accept the key that the old one signs with, or signs with one that the old one does not accept.
    /// A key is accepted everywhere before any node signs with it, and is accepted yet when it signs no more.
    #[error("each of the two engines accepts the key that the other signs with")]
    Key,
    /// The new engine does not have the root secret of the old one, nor accepts it: pages that are open, and what was used up, would
    /// be forgotten.
    #[error("an engine with a root secret is followed by one that has it or accepts it")]
    RootSecret,
    /// The new engine has another subject secret than the old one, or none: another server's tokens could be used anew, clients would know
    /// the same people by other names, and no logout would find the logins of a session.
    #[error("an engine with a subject secret is followed by one with the same")]
    SubjectSecret,
    /// Logins that named no resource would be for another one than their people have consented to. The new engine has the default resource of
    /// the old one, or says that it [was](crate::EngineBuilder::earlier_default_resource) that one, and what it was before that. Until when it
    /// was is the host's to get right.
    #[error("the default resource of an engine stays that of the grants that name none")]
    DefaultResource,
    /// The old engine signs JWTs, and the new one has no signing key: those that are out could not be verified. Or it has a
    /// profile (`EngineBuilder::profile`) that does not allow the keys that it would go on with.
    #[error("an engine that signs JWTs is followed by one that has a signing key, and may have theirs")]
    SigningKeys,
}

impl<S, C> EngineSlot<S, C> {
    /// With this engine in it.
    ///
    /// ```
    /// use regrant::engine::EngineSlot;
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// let slot = EngineSlot::new(Engine::builder(MemoryStore::new(), StaticClients::new()).build()?);
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn new(engine: impl Into<Arc<Engine<S, C>>>) -> Self {
        Self(Arc::new(RwLock::new(engine.into())))
    }

    /// The engine that is there now. Take it for each request, and keep it for one request alone.
    ///
    /// ```
    /// # use regrant::engine::EngineSlot;
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// let slot = EngineSlot::new(Engine::builder(MemoryStore::new(), StaticClients::new()).build()?);
    /// assert_eq!(slot.engine().store().len(), 0);
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn engine(&self) -> Arc<Engine<S, C>> {
        Arc::clone(&self.0.read())
    }

    /// Puts another engine in its place.
    ///
    /// # Errors
    ///
    /// [`ExchangeError`]: it could not go on where the other was.
    pub fn exchange(&self, mut next: Engine<S, C>) -> Result<(), ExchangeError> {
        let mut place = self.0.write();
        let before = &**place;
        if next.realm.name() != before.realm.name() {
            return Err(ExchangeError::Realm);
        }
        if next.settings.issuer != before.settings.issuer {
            return Err(ExchangeError::Issuer);
        }
        // Those that an engine without resources let in are for the first default that there is.
        let keeps_default = match (&next.settings.resources, &before.settings.resources) {
            (_, None) => true,
            (Some(next), Some(before)) => next.keeps_default_of(before),
            (None, Some(_)) => false,
        };
        if !keeps_default {
            return Err(ExchangeError::DefaultResource);
        }
        let (new, old) = (next.realm.keys(), before.realm.keys());
        if !new.has(old.signing()) || !old.has(new.signing()) {
            return Err(ExchangeError::Key);
        }
        #[cfg(feature = "root-secret")]
        if before.roots.as_ref().is_some_and(|before| !next.roots.as_ref().is_some_and(|next| next.follows(before))) {
            return Err(ExchangeError::RootSecret);
        }
        // Where there was none, nothing was computed under one: there the first comes in.
        #[cfg(feature = "root-secret")]
        if before.subject.as_ref().is_some_and(|before| next.subject.as_ref().is_none_or(|next| next.own != before.own))
        {
            return Err(ExchangeError::SubjectSecret);
        }
        #[cfg(feature = "root-secret")]
        let with_old_root = match (&mut next.roots, &before.roots) {
            (Some(next), Some(before)) => next.inherit(before),
            _ => false,
        };
        if !next.jwt.inherit_keys(&before.jwt) {
            return Err(ExchangeError::SigningKeys);
        }
        // What `build` has looked at were the new engine's own.
        #[cfg(feature = "proof")]
        if next.profile() == Some(Profile::Fapi2Security) && next.jwt.signs_by_rs256() {
            return Err(ExchangeError::SigningKeys);
        }
        #[cfg(feature = "proof")]
        if let (Some(next), Some(before)) = (&mut next.dpop, &before.dpop) {
            next.inherit(before);
        }
        #[cfg(feature = "root-secret")]
        if let (Some(next), Some(before)) = (&mut next.device, &before.device) {
            next.inherit(before, with_old_root);
        }
        #[cfg(feature = "jwt")]
        next.settings.lifetimes.remember_longest_of(&before.settings.lifetimes);
        // Shared from here on: a request that is on its way at the old one sees what the new one is told.
        let voided = before.not_before.clone();
        voided.raise(next.not_before.get());
        next.not_before = voided;
        *place = Arc::new(next);
        Ok(())
    }
}

impl<S, C> Clone for EngineSlot<S, C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S, C> fmt::Debug for EngineSlot<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EngineSlot").field(&self.engine()).finish()
    }
}
