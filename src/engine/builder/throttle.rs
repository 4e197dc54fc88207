//! How often anybody may guess.

use super::EngineBuilder;
use crate::client::Clients;
use crate::store::TokenStore;
use crate::throttle::Throttle;

impl<S: TokenStore, C: Clients> EngineBuilder<S, C> {
    /// Counts guesses at passwords, client secrets, user codes and tokens of registrations, and registrations (RFC 6749 sections 4.3.2
    /// and 10.10): see [`throttle`](crate::throttle). Default: off.
    ///
    /// Passwords are the host's: call [`GrantRequest::guess`](crate::GrantRequest::guess) or [`Engine::guess`](crate::Engine::guess)
    /// where one is looked at. And give the address of each request, [`Request::with_peer`](crate::Request::with_peer).
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// use regrant::throttle::MemoryThrottle;
    /// let engine =
    ///     Engine::builder(MemoryStore::new(), StaticClients::new()).throttle(MemoryThrottle::new()).build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn throttle(mut self, throttle: impl Throttle + 'static) -> Self {
        self.host.set_throttle(throttle);
        self
    }
}
