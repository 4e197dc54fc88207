//! Signing keys that are exchanged while the engine serves.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;

use super::Engine;
use super::jwt::Signing;
#[cfg(feature = "root-secret")]
use super::logout::NOTICE_LIFETIME;
use crate::client::Clients;
use crate::grant::Timestamp;
use crate::store::TokenStore;
#[cfg(feature = "proof")]
use crate::token::SigningAlgorithm;
use crate::token::{SigningKey, SigningKeyStepError, SigningKeys};
use crate::wire::PUBLIC_MAX_AGE;

/// The keys as they stand. Whoever signs or verifies takes them as they are at that moment, and holds no lock.
pub(super) struct LiveKeys(RwLock<Arc<SigningKeys>>);

impl LiveKeys {
    pub(super) fn new(keys: SigningKeys) -> Self {
        Self(RwLock::new(Arc::new(keys)))
    }

    pub(super) fn current(&self) -> Arc<SigningKeys> {
        Arc::clone(&self.0.read())
    }

    /// Kept where the step is refused, too: a wait may have begun.
    fn step<R>(&self, step: impl FnOnce(&mut SigningKeys) -> R) -> R {
        step(Arc::make_mut(&mut self.0.write()))
    }
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Puts a key into the JWK set, the first of three steps by which a running engine goes over from one key to another:
    ///
    /// 1. **Publish** the new one. Whoever verifies knows it once no cache has a JWK set without it, five minutes later.
    /// 2. **[Sign](Self::sign_with)** with it. The old one stays in the set.
    /// 3. **[Retire](Self::retire_signing_key)** the old one, when the last token that it signed has expired.
    ///
    /// A step that comes too early is refused, so no token is ever signed by a key that somebody cannot verify by. Several
    /// nodes take the first step everywhere before any takes the second, and the second everywhere before any takes the third:
    /// a node knows of itself alone. Keys of other algorithms may sign as soon as they are published for five minutes, or came with the builder: for clients that
    /// [want one](crate::client::ClientBuilder::id_token_signed_response_alg). Over a restart the host keeps the keys and gives them to the builder
    /// ([`accept_signing_key_since`](crate::EngineBuilder::accept_signing_key_since)).
    ///
    /// A key that is in the set stays as it is.
    ///
    /// # Errors
    ///
    /// [`SigningKeyStepError::NoSigningKeys`].
    ///
    /// ```
    /// use regrant::jwt::{SigningAlgorithm, SigningKey, SigningKeyStepError};
    /// use regrant::{Engine, MemoryStore, StaticClients, Timestamp};
    /// use std::time::Duration;
    ///
    /// let (old, _) = SigningKey::generate(SigningAlgorithm::Es256)?;
    /// let (new, _) = SigningKey::generate(SigningAlgorithm::Es256)?;
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .issuer("https://id.example")
    ///     .signing_key(old.clone())
    ///     .build()?;
    /// let now = Timestamp::now();
    /// engine.publish_signing_key(new.clone(), now)?;
    /// let too_early = engine.sign_with(new.kid(), now).unwrap_err();
    /// assert!(matches!(too_early, SigningKeyStepError::TooEarly { at, .. } if at == now + Duration::from_secs(300)));
    /// engine.sign_with(new.kid(), now + Duration::from_secs(300))?;
    /// engine.retire_signing_key(old.kid(), now + Duration::from_secs(86_400))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn publish_signing_key(&self, key: SigningKey, now: Timestamp) -> Result<(), SigningKeyStepError> {
        #[cfg(feature = "proof")]
        if self.is_of_fapi() && key.algorithm() == SigningAlgorithm::Rs256 {
            return Err(SigningKeyStepError::Algorithm);
        }
        self.signing_keys()?.keys.step(|keys| keys.publish(key, now));
        Ok(())
    }

    /// Signs with the key of this name from now on, the second of [three steps](Self::publish_signing_key). A key that signed
    /// before and is in the set still may sign again.
    ///
    /// # Errors
    ///
    /// [`SigningKeyStepError::TooEarly`] where it has not been in the JWK set for five minutes. Of a key that the builder was
    /// given without a time nobody knows: its five minutes begin with the first call.
    /// [`SigningKeyStepError::NotPublished`] and [`SigningKeyStepError::NoSigningKeys`].
    ///
    /// ```
    /// # fn step<S: regrant::TokenStore, C: regrant::Clients>(engine: &regrant::Engine<S, C>, next: &regrant::jwt::SigningKey)
    /// # -> Result<(), regrant::jwt::SigningKeyStepError> {
    /// engine.sign_with(next.kid(), regrant::Timestamp::now())
    /// # }
    /// ```
    pub fn sign_with(&self, kid: &str, now: Timestamp) -> Result<(), SigningKeyStepError> {
        self.signing_keys()?.keys.step(|keys| keys.sign_with(kid, PUBLIC_MAX_AGE, now))
    }

    /// Takes a key out of the JWK set, the last of [three steps](Self::publish_signing_key): nothing that it signed is believed
    /// any more, also not as an `id_token_hint`.
    ///
    /// # Errors
    ///
    /// [`SigningKeyStepError::TooEarly`] before the last token that it signed has expired: by what it signed here, and by the
    /// engine's and [its clients'](crate::client::ClientFeatures::longest_access_token) lifetimes since it stopped, and by the two
    /// minutes of a logout token where logins may name their session. Of a key that the builder was given nobody knows when that was: the wait
    /// begins with the first call. So it does of one that signs for clients that
    /// [want its algorithm](crate::client::ClientBuilder::id_token_signed_response_alg): from the first call on another of that algorithm signs for
    /// them, once it is published for five minutes; without another it goes on, and is in use for as long as they come.
    /// [`SigningKeyStepError::Signing`] of the one that signs,
    /// [`SigningKeyStepError::NotPublished`] and [`SigningKeyStepError::NoSigningKeys`].
    ///
    /// ```
    /// # fn step<S: regrant::TokenStore, C: regrant::Clients>(engine: &regrant::Engine<S, C>, old: &regrant::jwt::SigningKey)
    /// # -> Result<(), regrant::jwt::SigningKeyStepError> {
    /// engine.retire_signing_key(old.kid(), regrant::Timestamp::now())
    /// # }
    /// ```
    pub fn retire_signing_key(&self, kid: &str, now: Timestamp) -> Result<(), SigningKeyStepError> {
        // What another node signed a moment ago may be of a clock that is ahead, and of the lifetimes before these.
        let of_clients = self.features().longest_access_token.unwrap_or_default();
        let longest = self.settings.lifetimes.longest_access_token().max(of_clients);
        let longest = longest.max(self.longest_answer()).max(self.longest_notice()) + self.settings.clock_skew;
        self.signing_keys()?.keys.step(|keys| keys.retire(kid, longest, PUBLIC_MAX_AGE, now))
    }

    /// How long a logout token may be verified after it was signed.
    #[cfg(feature = "root-secret")]
    fn longest_notice(&self) -> Duration {
        // Whether or not a client wants any: one that did may be gone, and what was signed for it is out.
        if self.subjects.is_some() && self.jwt.issues_id_tokens() { NOTICE_LIFETIME } else { Duration::ZERO }
    }

    /// There are no sessions to log out of.
    #[cfg(not(feature = "root-secret"))]
    #[expect(clippy::unused_self, reason = "the feature is off")]
    const fn longest_notice(&self) -> Duration {
        Duration::ZERO
    }

    fn signing_keys(&self) -> Result<&Signing, SigningKeyStepError> {
        self.jwt.signing().ok_or(SigningKeyStepError::NoSigningKeys)
    }
}
