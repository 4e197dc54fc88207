//! Whether devices are logged in.

use super::EngineBuilder;
use crate::client::Clients;
use crate::engine::device::DeviceAuthorization;
use crate::store::TokenStore;

impl<S: TokenStore, C: Clients> EngineBuilder<S, C> {
    /// Logs devices in that have no browser, or nothing to type with (RFC 8628): [`Engine::begin_device`](crate::Engine::begin_device), the
    /// grant type `urn:ietf:params:oauth:grant-type:device_code` for clients that have it, and the host's page, on
    /// [`Engine::device_login`](crate::Engine::device_login). Needs a [root secret](Self::root_secret), the same on every node.
    /// Default: off.
    ///
    /// Give a [throttle](Self::throttle) as well: without one the engine counts guesses at user codes by one of its own.
    ///
    /// ```
    /// use regrant::engine::DeviceAuthorization;
    /// use regrant::{Endpoints, Engine, MemoryStore, RootSecret, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .issuer("https://id.example")
    ///     .root_secret(RootSecret::from_bytes(1, &[7; 32]))
    ///     .device_authorization(DeviceAuthorization::new("/device").with_public_clients(true))
    ///     .endpoints(Endpoints::new().with_token("/token").with_device_authorization("/device_authorization"))
    ///     .build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn device_authorization(mut self, devices: DeviceAuthorization) -> Self {
        self.device = Some(devices);
        self
    }
}
