//! Proofs of possession.

use super::EngineBuilder;
use crate::client::Clients;
use crate::engine::binding::Dpop;
use crate::store::TokenStore;

impl<S: TokenStore, C: Clients> EngineBuilder<S, C> {
    /// Takes proofs of possession (RFC 9449). A client that sends one with its token request gets an access token that is bound to the
    /// proof's key: its `token_type` is `DPoP`, and a [resource](crate::Engine::bearer) wants a proof by that key with each request. A client that
    /// sends none is served as ever, unless it is [marked](crate::client::ClientBuilder::require_dpop).
    ///
    /// - **Refresh tokens** of public clients are bound to the key. Those of confidential clients are not, since the client
    ///   proves who it is: it may change its key; but once its first token was bound, a refresh without a proof is refused.
    /// - **Codes** are bound by the parameter `dpop_jkt`.
    /// - **Nonces** are demanded by the token endpoint, and by resources unless [said otherwise](Dpop::with_resource_nonces). They are
    ///   computed under the [root secret](Self::root_secret), and an answer to a request with a proof brings the next one. With a right
    ///   one the client's clock does not count.
    /// - **A proof is for a URL**: of the token endpoint the one that the metadata publish, so the engine needs an
    ///   [issuer](Self::issuer) and the place of its token endpoint; of a resource see [`Request::with_url`](crate::Request::with_url).
    ///
    /// A grant that is bound is kept in format 2: turn this on when every node reads it.
    ///
    /// ```
    /// use regrant::engine::Dpop;
    /// use regrant::{BuildError, Endpoints, Engine, MemoryStore, RootSecret, StaticClients};
    /// let builder = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .issuer("https://id.example")
    ///     .endpoints(Endpoints::new().with_token("/token"))
    ///     .dpop(Dpop::new());
    /// assert!(matches!(builder.build(), Err(BuildError::NonceRootRequired)));
    /// ```
    pub fn dpop(mut self, dpop: Dpop) -> Self {
        self.dpop = Some(dpop);
        self
    }
}
