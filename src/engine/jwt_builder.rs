//! What of an engine's settings is about JWTs.

use super::build_error::BuildError;
use super::builder::EngineBuilder;
use super::claims::{ClaimsProvider, DynClaimsProvider};
use super::jwt::{Jwt, JwtAccessTokens};
use crate::client::Clients;
use crate::store::TokenStore;
use crate::token::{SigningKey, SigningKeys};

#[derive(Default)]
pub(super) struct JwtSettings {
    signing: Option<SigningKey>,
    accepted: Vec<SigningKey>,
    access: Option<JwtAccessTokens>,
    claims: Option<Box<dyn DynClaimsProvider>>,
}

impl JwtSettings {
    pub(super) fn build(self, has_issuer: bool) -> Result<Option<Jwt>, BuildError> {
        let Some(signing) = self.signing else {
            let is_needed = self.access.is_some() || self.claims.is_some() || !self.accepted.is_empty();
            return if is_needed { Err(BuildError::SigningKeyRequired) } else { Ok(None) };
        };
        if !has_issuer {
            return Err(BuildError::IssuerRequired);
        }
        let keys = SigningKeys::new(signing, self.accepted);
        Ok(Some(Jwt { keys, access: self.access, claims: self.claims }))
    }
}

impl<S: TokenStore, C: Clients> EngineBuilder<S, C> {
    /// The key that signs JWTs: access tokens, and the ID tokens of clients without a recoverable secret. Default: none.
    ///
    /// ```
    /// use regrant::{Engine, MemoryStore, SigningAlgorithm, SigningKey, StaticClients};
    /// let (key, _) = SigningKey::generate(SigningAlgorithm::Es256)?;
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .issuer("https://id.example")
    ///     .signing_key(key)
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn signing_key(mut self, key: SigningKey) -> Self {
        self.jwt.signing = Some(key);
        self
    }

    /// A key whose JWTs are accepted besides, and which is in the JWK set: the one to come, or the one that was. To replace
    /// a key, accept the new one everywhere and wait until no cache of the JWK set is older, sign with it everywhere and
    /// accept the old one, and drop that once its last token has expired.
    ///
    /// ```
    /// use regrant::{Engine, MemoryStore, SigningAlgorithm, SigningKey, StaticClients};
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
        self.jwt.accepted.push(key);
        self
    }

    /// Makes access tokens JWTs (RFC 9068). Default: opaque, which is smaller and a hundred times quicker; JWTs are for
    /// resource servers that are not behind this engine. Opaque tokens that were issued before are accepted on.
    ///
    /// ```
    /// use regrant::{Engine, JwtAccessTokens, MemoryStore, SigningAlgorithm, SigningKey, StaticClients};
    /// let (key, _) = SigningKey::generate(SigningAlgorithm::Es256)?;
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .issuer("https://id.example")
    ///     .signing_key(key)
    ///     .jwt_access_tokens(JwtAccessTokens::new())
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn jwt_access_tokens(mut self, tokens: JwtAccessTokens) -> Self {
        self.jwt.access = Some(tokens);
        self
    }

    /// Issues ID tokens (OpenID Connect Core section 2) with each answer to a person's login, code or refresh whose scope
    /// has `openid`; the provider gives what is to be in them besides. Default: none.
    ///
    /// ```
    /// use regrant::{ClaimsProvider, Engine, HookError, IdClaims, IdTokenRequest};
    /// use regrant::{MemoryStore, SigningAlgorithm, SigningKey, StaticClients};
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
        self.jwt.claims = Some(Box::new(claims));
        self
    }
}
