//! Whether assertions of other servers are grants.

use super::EngineBuilder;
use crate::client::Clients;
use crate::engine::jwt_bearer::JwtBearer;
use crate::store::TokenStore;

impl<S: TokenStore, C: Clients> EngineBuilder<S, C> {
    /// Takes assertions of [trusted issuers](crate::engine::TrustedIssuer) as grants (RFC 7523 section 2.1): the grant type
    /// `urn:ietf:params:oauth:grant-type:jwt-bearer`, for confidential clients that have it. By it workloads get access tokens for what their
    /// platform says they are, and applications for what an identity provider says of a person
    /// ([`AssertionProfile::IdJag`](crate::engine::AssertionProfile::IdJag)). What is granted is within what the assertion, the client and the
    /// [policy](crate::engine::AssertionPolicy) allow. There is no refresh token: when the access token ends, the client brings another
    /// assertion.
    ///
    /// Needs an [issuer](Self::issuer), the audience of assertions, and a [root secret](Self::root_secret) where they are used once. The
    /// guide `guide::assertions` has the whole. Default: off.
    ///
    /// ```
    /// use regrant::engine::{AssertionPolicy, AssertionProfile, AssertionRequest, JwtBearer, TrustedIssuer};
    /// use regrant::client::ClientKeys;
    /// use regrant::jwt::JwsAlgorithm;
    /// use regrant::{Authorization, Endpoints, Engine, GrantError, MemoryStore, RootSecret, StaticClients};
    ///
    /// struct Directory;
    ///
    /// impl AssertionPolicy for Directory {
    ///     async fn authorize(&self, request: &AssertionRequest<'_>) -> Result<Authorization, GrantError> {
    ///         match (request.issuer(), request.tenant(), request.subject()) {
    ///             ("https://idp.example", None, "U019488227") => Ok(Authorization::of("alice")),
    ///             _ => Err(GrantError::invalid_grant()),
    ///         }
    ///     }
    /// }
    ///
    /// # let keys = ClientKeys::from_json(
    /// #     br#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#,
    /// # )?;
    /// let provider = TrustedIssuer::by_keys("https://idp.example", [JwsAlgorithm::Ed25519], keys)
    ///     .with_profile(AssertionProfile::IdJag);
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .issuer("https://chat.example")
    ///     .endpoints(Endpoints::new().with_token("/token"))
    ///     .root_secret(RootSecret::from_bytes(1, &[7; 32]))
    ///     .jwt_bearer(JwtBearer::new(Directory).with_issuer(provider))
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn jwt_bearer(mut self, bearer: JwtBearer) -> Self {
        self.jwt_bearer = Some(Box::new(bearer));
        self
    }
}
