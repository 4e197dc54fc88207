//! What an engine needs for clients that have keys.

use super::EngineBuilder;
use crate::client::Clients;
use crate::engine::client_auth::FetchedKeys;
use crate::fetch::Fetch;
use crate::store::TokenStore;

impl<S: TokenStore, C: Clients> EngineBuilder<S, C> {
    /// By what keys are fetched, of clients that have them at a [`jwks_uri`](crate::client::ClientBuilder::jwks_uri) and of
    /// [issuers](crate::engine::TrustedIssuer::by_jwks_uri) whose assertions are grants, and the lists of clients' sectors:
    /// `ReqwestFetch` of the feature `reqwest`, or a [`Fetch`] of the host's. There is room for 1,000 sets of at most 16 KiB; how often
    /// one is fetched is limited per URL, site and asking address, and fetched sets are kept as [`fetch`](crate::fetch) has it. Default:
    /// none, and such clients are answered 503.
    ///
    /// The keys of a client that the host made are fetched when it authenticates. Those of a
    /// [stranger](crate::Client::is_stranger) only where the request has a genuine code or token of that client's.
    ///
    /// ```
    /// use regrant::fetch::{Fetch, FetchError, FetchLimits, FetchResponse, FetchUrl};
    /// use regrant::{Engine, MemoryStore, StaticClients};
    ///
    /// struct Gateway;
    ///
    /// impl Fetch for Gateway {
    ///     async fn fetch(&self, url: &FetchUrl, limits: &FetchLimits) -> Result<FetchResponse, FetchError> {
    ///         # let _ = (url, limits);
    ///         // … through the gateway by which this host goes out …
    ///         # Err(FetchError::TimedOut)
    ///     }
    /// }
    ///
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).fetch(Gateway).build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn fetch(mut self, fetch: impl Fetch + 'static) -> Self {
        self.client_keys = Some(Box::new(FetchedKeys::new(fetch)));
        self
    }
}
