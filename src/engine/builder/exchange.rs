//! What of an engine's settings is about tokens that are exchanged.

use super::EngineBuilder;
use crate::client::Clients;
use crate::engine::host::ExchangePolicy;
use crate::store::TokenStore;

impl<S: TokenStore, C: Clients> EngineBuilder<S, C> {
    /// Exchanges tokens (RFC 8693), as the policy allows: a confidential client that may use the grant type
    /// `urn:ietf:params:oauth:grant-type:token-exchange` gets an access token for another audience, for the person or the client whose
    /// token it presents. What it gets is a JWT whatever other access tokens are, so the engine needs an [issuer](Self::issuer) and a
    /// [signing key](Self::signing_key). ID tokens name their grant from then on, so that they can be exchanged; older ones cannot.
    /// The guide `guide::token_exchange` has all of it. Default: off.
    ///
    /// The policy is asked first, then the [hook](Self::on_issue), which can only refuse. Nothing is stored.
    ///
    /// ```
    /// use regrant::engine::{ExchangeDecision, ExchangePolicy, ExchangeRequest, ExchangeTerms, HookError};
    /// use regrant::jwt::{SigningAlgorithm, SigningKey};
    /// use regrant::{Engine, MemoryStore, StaticClients};
    ///
    /// struct Internal;
    ///
    /// impl ExchangePolicy for Internal {
    ///     async fn decide(&self, request: &ExchangeRequest<'_>) -> Result<ExchangeDecision, HookError> {
    ///         Ok(match request.client().id() {
    ///             "shop" => ExchangeDecision::Allow(ExchangeTerms::new().with_audience("https://ledger.example")),
    ///             _ => ExchangeDecision::Refuse,
    ///         })
    ///     }
    /// }
    ///
    /// let (key, _) = SigningKey::generate(SigningAlgorithm::Es256)?;
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .issuer("https://id.example")
    ///     .signing_key(key)
    ///     .token_exchange(Internal)
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn token_exchange(mut self, policy: impl ExchangePolicy + 'static) -> Self {
        self.jwt.sign_exchanged();
        self.host.set_exchange(policy);
        self
    }
}
