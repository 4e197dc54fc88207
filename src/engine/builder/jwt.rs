//! What of an engine's settings is about JWTs.

use super::EngineBuilder;
use crate::client::Clients;
#[cfg(doc)]
use crate::engine::Engine;
use crate::engine::host::ClaimsProvider;
use crate::engine::jwt::JwtAccessTokens;
use crate::engine::openid::OpenIdProvider;
use crate::grant::Timestamp;
use crate::store::TokenStore;
use crate::token::SigningKey;

impl<S: TokenStore, C: Clients> EngineBuilder<S, C> {
    /// The key that signs JWTs: access tokens, and the ID tokens of clients without a recoverable secret. Default: none.
    ///
    /// ```
    /// use regrant::jwt::{SigningAlgorithm, SigningKey};
    /// use regrant::{Engine, MemoryStore, StaticClients};
    /// let (key, _) = SigningKey::generate(SigningAlgorithm::Es256)?;
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .issuer("https://id.example")
    ///     .signing_key(key)
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn signing_key(mut self, key: SigningKey) -> Self {
        self.jwt.sign_with(key);
        self
    }

    /// Another key whose JWTs are accepted, and which is in the JWK set: the next one or the previous one. To replace a
    /// key, accept the new one everywhere and wait until no cache of the JWK set is older, sign with it everywhere and
    /// accept the old one, and drop that once its last token has expired; [`Engine::publish_signing_key`] does it in a running
    /// engine. ID tokens that come back as an `id_token_hint` count
    /// while their key is here, expired or not.
    ///
    /// ```
    /// use regrant::jwt::{SigningAlgorithm, SigningKey};
    /// use regrant::{Engine, MemoryStore, StaticClients};
    /// let ((old, _), (new, _)) =
    ///     (SigningKey::generate(SigningAlgorithm::Es256)?, SigningKey::generate(SigningAlgorithm::EdDsa)?);
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .issuer("https://id.example")
    ///     .signing_key(new)
    ///     .accept_signing_key(old)
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn accept_signing_key(mut self, key: SigningKey) -> Self {
        self.jwt.accept(key, None);
        self
    }

    /// The same of a key whose publication the host remembers: it has been in the JWK set since then, at this engine or at the
    /// one before a restart. [`Engine::sign_with`] then waits for what is left of five minutes, and not from the beginning.
    ///
    /// ```
    /// use regrant::jwt::{SigningAlgorithm, SigningKey};
    /// use regrant::{Engine, MemoryStore, StaticClients, Timestamp};
    /// # let (old, _) = SigningKey::generate(SigningAlgorithm::Es256)?;
    /// # let (new, _) = SigningKey::generate(SigningAlgorithm::Es256)?;
    /// # let published_at = Timestamp::now(); // from the host's configuration
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .issuer("https://id.example")
    ///     .signing_key(old)
    ///     .accept_signing_key_since(new, published_at)
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn accept_signing_key_since(mut self, key: SigningKey, published_at: Timestamp) -> Self {
        self.jwt.accept(key, Some(published_at));
        self
    }

    /// Makes access tokens JWTs (RFC 9068). Default: opaque, which is smaller, and seven to a hundred and fifty times quicker by the algorithm; JWTs
    /// are for resource servers that are not behind this engine. Opaque tokens that were issued before are still accepted.
    ///
    /// ```
    /// use regrant::jwt::{JwtAccessTokens, SigningAlgorithm, SigningKey};
    /// use regrant::{Engine, MemoryStore, StaticClients};
    /// let (key, _) = SigningKey::generate(SigningAlgorithm::Es256)?;
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .issuer("https://id.example")
    ///     .signing_key(key)
    ///     .jwt_access_tokens(JwtAccessTokens::new())
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn jwt_access_tokens(mut self, tokens: JwtAccessTokens) -> Self {
        self.jwt.sign_access_tokens(tokens);
        self
    }

    /// Issues ID tokens (OpenID Connect Core section 2) with each answer to a person's login, code or refresh whose
    /// scope has `openid`; the provider adds further claims. Default: none.
    ///
    /// ```
    /// use regrant::engine::HookError;
    /// use regrant::jwt::{ClaimsProvider, IdClaims, IdTokenRequest};
    /// use regrant::Engine;
    /// use regrant::jwt::{SigningAlgorithm, SigningKey};
    /// use regrant::{MemoryStore, StaticClients};
    /// struct Nothing;
    /// impl ClaimsProvider for Nothing {
    ///     async fn claims(&self, _: &IdTokenRequest<'_>) -> Result<IdClaims, HookError> {
    ///         Ok(IdClaims::new())
    ///     }
    /// }
    /// let (key, _) = SigningKey::generate(SigningAlgorithm::Es256)?;
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .issuer("https://id.example")
    ///     .signing_key(key)
    ///     .id_tokens(Nothing)
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn id_tokens(mut self, claims: impl ClaimsProvider + 'static) -> Self {
        self.jwt.issue_id_tokens(claims);
        self
    }

    /// What it offers as an OpenID provider besides ID tokens. Default: nothing.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// use regrant::jwt::OpenIdProvider;
    /// let provider = OpenIdProvider::new().with_claims(["email"]).with_claims_parameter(true);
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).openid(provider).build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn openid(mut self, provider: OpenIdProvider) -> Self {
        *self.settings.openid = provider;
        self
    }
}
