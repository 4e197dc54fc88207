//! JWTs: the keys that sign them, and what is signed. `jwt_off.rs` is the same face for builds without the feature `jwt`.

use std::sync::{Arc, OnceLock};

use super::builder::error::BuildError;
use super::host::{ClaimsProvider, DynClaimsProvider};
pub(super) use super::id_token_hint::IdTokenHint;
use super::resources::{AccessTokenFormat, ResourceSet};
use super::signing_keys::LiveKeys;
use crate::grant::Timestamp;
#[cfg(feature = "proof")]
use crate::token::SigningAlgorithm;
use crate::token::{Audience, Published, SigningKey, SigningKeys};

/// Access tokens that are JWTs by RFC 9068, signed by the engine's [signing key](crate::EngineBuilder::signing_key), so
/// that resource servers of others can read and verify them.
///
/// ```
/// use regrant::jwt::{JwtAccessTokens, SigningAlgorithm, SigningKey};
/// use regrant::{Engine, MemoryStore, StaticClients};
/// let (key, _) = SigningKey::generate(SigningAlgorithm::Es256)?;
/// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
///     .issuer("https://id.example")
///     .signing_key(key)
///     .jwt_access_tokens(JwtAccessTokens::new().with_audience("https://api.example"))
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct JwtAccessTokens {
    audience: Vec<String>,
    signature_alone: bool,
}

impl JwtAccessTokens {
    /// For the audience of the issuer itself, and checked against the store at
    /// [`Engine::bearer`](crate::Engine::bearer).
    ///
    /// ```
    /// let tokens = regrant::jwt::JwtAccessTokens::new();
    /// # let _ = tokens;
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds to the claim `aud`, which is the issuer where nothing is added (RFC 9068 section 2.2).
    /// [`Engine::bearer`](crate::Engine::bearer) lets in tokens that have one of these. For an engine without
    /// [resources](crate::EngineBuilder::resource): where there are some, they are the audience.
    ///
    /// ```
    /// let tokens = regrant::jwt::JwtAccessTokens::new().with_audience("https://api.example").with_audience("https://files.example");
    /// # let _ = tokens;
    /// ```
    pub fn with_audience(mut self, audience: &str) -> Self {
        self.audience.push(audience.to_owned());
        self
    }

    /// [`Engine::bearer`](crate::Engine::bearer) trusts the signature and does not ask the store. That gives up
    /// revocation: a token of a grant that was ended, or whose access tokens were revoked, lets in until it expires, a
    /// replay ends nothing at the resource, and [`Access::grant`](crate::Access::grant) is `None`. Only a `not_before`
    /// still counts, against the second that the token was issued in: what is issued later in the same second is void
    /// too. A thief of the signing key mints tokens of grants that never were. Use it for resources that a database
    /// look-up would slow down, with lifetimes of minutes. Introspection and revocation go on asking the store.
    ///
    /// ```
    /// let tokens = regrant::jwt::JwtAccessTokens::new().danger_signature_alone();
    /// # let _ = tokens;
    /// ```
    pub fn danger_signature_alone(self) -> Self {
        Self { signature_alone: true, ..self }
    }
}

impl JwtAccessTokens {
    pub(super) fn audiences<'a>(&'a self, issuer: &'a str) -> impl Iterator<Item = &'a str> {
        let issuer = self.audience.is_empty().then_some(issuer);
        self.audience.iter().map(String::as_str).chain(issuer)
    }

    /// See [`danger_signature_alone`](Self::danger_signature_alone).
    pub(super) const fn signature_alone(&self) -> bool {
        self.signature_alone
    }
}

/// What an engine needs for JWTs; nothing where it has no signing key.
#[derive(Default)]
pub(super) struct Jwt(Option<Signing>);

/// An engine's signing keys, and what they sign.
pub(super) struct Signing {
    pub(super) keys: Arc<LiveKeys>,
    /// Where access tokens are JWTs, those for some resource at least: one that is added may be the first.
    pub(super) access: OnceLock<JwtAccessTokens>,
    /// What they are where no resource says it.
    pub(super) usual: AccessTokenFormat,
    /// Where there are ID tokens.
    pub(super) claims: Option<Box<dyn DynClaimsProvider>>,
}

impl Jwt {
    pub(super) const fn signing(&self) -> Option<&Signing> {
        self.0.as_ref()
    }

    /// Goes on with the keys of the engine before, as they stand. `false` where there were some and there are to be none.
    pub(super) fn inherit_keys(&mut self, before: &Self) -> bool {
        match (&mut self.0, &before.0) {
            (Some(signing), Some(before)) => signing.keys = Arc::clone(&before.keys),
            (None, Some(_)) => return false,
            (_, None) => {}
        }
        true
    }

    /// Makes JWTs of access tokens from now on, for the resources that want them. `false` where no key signs.
    pub(super) fn make_access_tokens(&self) -> bool {
        self.0.as_ref().is_some_and(|signing| {
            signing.access.get_or_init(JwtAccessTokens::default);
            true
        })
    }

    /// Whether there are keys to publish.
    pub(super) const fn signs(&self) -> bool {
        self.0.is_some()
    }

    /// Whether some key, of those that sign or are accepted, is one of RS256.
    #[cfg(feature = "proof")]
    pub(super) fn signs_by_rs256(&self) -> bool {
        let is_rs256 = |key: &SigningKey| key.algorithm() == SigningAlgorithm::Rs256;
        self.0.as_ref().is_some_and(|signing| signing.keys.current().all().any(is_rs256))
    }

    /// Whether access tokens may be believed by their signature, so that no revocation reaches them.
    #[cfg(feature = "proof")]
    pub(super) fn believes_signatures_alone(&self) -> bool {
        let tokens = self.0.as_ref().and_then(|signing| signing.access.get());
        tokens.is_some_and(JwtAccessTokens::signature_alone)
    }

    pub(super) fn issues_id_tokens(&self) -> bool {
        self.0.as_ref().is_some_and(|signing| signing.claims.is_some())
    }

    /// Whether `sub` of an access token may be read by others.
    pub(super) fn names_subjects(&self) -> bool {
        self.0.as_ref().is_some_and(|signing| signing.access.get().is_some())
    }

    /// The claim `aud` of the access tokens of this issuer, for introspection.
    pub(super) fn audience<'a>(&'a self, issuer: &'a str) -> Option<Audience<'a>> {
        let tokens = self.0.as_ref()?.access.get()?;
        Some(Audience::new(tokens.audiences(issuer)))
    }
}

/// What a host sets about JWTs, while it builds an engine.
#[derive(Default)]
pub(super) struct JwtSettings {
    signing: Option<SigningKey>,
    accepted: Vec<Published>,
    access: Option<JwtAccessTokens>,
    claims: Option<Box<dyn DynClaimsProvider>>,
    /// Whether tokens are exchanged for such as are always JWTs.
    exchanges: bool,
}

impl JwtSettings {
    pub(super) fn sign_with(&mut self, key: SigningKey) {
        self.signing = Some(key);
    }

    /// `since` when it is in the JWK set, if the host knows.
    pub(super) fn accept(&mut self, key: SigningKey, since: Option<Timestamp>) {
        self.accepted.push(Published::new(key, since));
    }

    pub(super) fn sign_access_tokens(&mut self, tokens: JwtAccessTokens) {
        self.access = Some(tokens);
    }

    pub(super) fn issue_id_tokens(&mut self, claims: impl ClaimsProvider + 'static) {
        self.claims = Some(Box::new(claims));
    }

    pub(super) fn sign_exchanged(&mut self) {
        self.exchanges = true;
    }

    /// What access tokens are where no resource says it.
    pub(super) const fn usual_format(&self) -> AccessTokenFormat {
        if self.access.is_some() { AccessTokenFormat::Jwt } else { AccessTokenFormat::Opaque }
    }

    pub(super) fn build(mut self, has_issuer: bool, resources: Option<&ResourceSet>) -> Result<Jwt, BuildError> {
        let usual = self.usual_format();
        if let Some(resources) = resources {
            if self.access.as_ref().is_some_and(|tokens| !tokens.audience.is_empty()) {
                return Err(BuildError::AudienceAndResource);
            }
            if resources.iter().any(|resource| resource.format == Some(AccessTokenFormat::Jwt)) {
                self.access.get_or_insert_default();
            }
        }
        if self.exchanges {
            self.access.get_or_insert_default();
        }
        let Some(signing) = self.signing else {
            let is_needed = self.access.is_some() || self.claims.is_some() || !self.accepted.is_empty();
            return if is_needed { Err(BuildError::SigningKeyRequired) } else { Ok(Jwt(None)) };
        };
        if !has_issuer {
            return Err(BuildError::IssuerRequired);
        }
        let keys = Arc::new(LiveKeys::new(SigningKeys::new(signing, self.accepted)));
        let access = self.access.map_or_else(OnceLock::new, OnceLock::from);
        Ok(Jwt(Some(Signing { keys, access, usual, claims: self.claims })))
    }
}
