//! Access tokens as JWTs: RFC 9068.

use smol_str::SmolStr;

use super::Engine;
use super::access::Access;
use super::answer::Issue;
use super::claims::DynClaimsProvider;
use super::grants::is_record_of;
use super::refusal::Refusal;
use super::token::Failure;
use crate::client::Clients;
use crate::grant::{Scope, Timestamp};
use crate::store::TokenStore;
use crate::token::{AccessClaims, Audience, Jti, SigningKeys, sign_access, verify_access};

/// Access tokens that are JWTs by RFC 9068, signed by the engine's [signing key](crate::EngineBuilder::signing_key), so
/// that resource servers of others can read and verify them.
///
/// ```
/// use regrant::{Engine, JwtAccessTokens, MemoryStore, SigningAlgorithm, SigningKey, StaticClients};
/// let (key, _) = SigningKey::generate(SigningAlgorithm::Es256)?;
/// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
///     .issuer("https://id.example")
///     .signing_key(key)
///     .jwt_access_tokens(JwtAccessTokens::new().audience("https://api.example"))
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
    /// For the audience of the issuer itself, and checked against the store at [`Engine::bearer`].
    ///
    /// ```
    /// let tokens = regrant::JwtAccessTokens::new();
    /// # let _ = tokens;
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds to the claim `aud`, which is the issuer where nothing is added (RFC 9068 section 2.2).
    /// [`Engine::bearer`] lets in tokens that have one of these. The audience is the engine's: the parameter `resource` of a
    /// request (RFC 8707) does not change it.
    ///
    /// ```
    /// let tokens = regrant::JwtAccessTokens::new().audience("https://api.example").audience("https://files.example");
    /// # let _ = tokens;
    /// ```
    pub fn audience(mut self, audience: &str) -> Self {
        self.audience.push(audience.to_owned());
        self
    }

    /// [`Engine::bearer`] believes the signature and asks no store. That gives up revocation: a token of a grant that was
    /// ended, or whose access tokens were revoked, lets in until it expires, a replay ends nothing at the resource, and
    /// [`Access::grant`] is `None`. Only a `not_before` still counts, against the second that the token was issued in: what
    /// is issued later in the same second is void too. A thief of the signing key mints tokens of grants that never were.
    /// Use it for resources that a database look-up would slow down, with lifetimes of minutes. Introspection and
    /// revocation go on asking the store.
    ///
    /// ```
    /// let tokens = regrant::JwtAccessTokens::new().danger_signature_alone();
    /// # let _ = tokens;
    /// ```
    pub fn danger_signature_alone(self) -> Self {
        Self { signature_alone: true, ..self }
    }
}

/// What an engine needs for JWTs.
pub(super) struct Jwt {
    pub(super) keys: SigningKeys,
    /// Where access tokens are JWTs.
    pub(super) access: Option<JwtAccessTokens>,
    /// Where there are ID tokens.
    pub(super) claims: Option<Box<dyn DynClaimsProvider>>,
}

impl JwtAccessTokens {
    fn audiences<'a>(&'a self, issuer: &'a str) -> impl Iterator<Item = &'a str> {
        let issuer = self.audience.is_empty().then_some(issuer);
        self.audience.iter().map(String::as_str).chain(issuer)
    }
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Signs an access token, where this engine's are JWTs.
    pub(super) fn jwt_access_token(
        &self,
        issue: &Issue<'_>,
        scope: &Scope,
        lifetime_secs: u32,
    ) -> Result<Option<String>, Failure> {
        let Some((jwt, tokens)) = self.jwt.as_ref().and_then(|jwt| Some((jwt, jwt.access.as_ref()?))) else {
            return Ok(None);
        };
        let grant = issue.grant;
        let issuer = self.issuer.as_deref().unwrap_or_default();
        let issued_at = issue.now.as_secs();
        let claims = AccessClaims {
            iss: issuer.into(),
            // A client that acts for itself is its own subject (RFC 9068 section 2.2).
            sub: grant.subject().unwrap_or(grant.client_id()).into(),
            aud: Audience::new(tokens.audiences(issuer)),
            exp: issued_at + u64::from(lifetime_secs),
            iat: issued_at,
            jti: Jti::new(grant.id, grant.access_epoch),
            client_id: grant.client_id().into(),
            scope: scope.as_str().into(),
        };
        sign_access(jwt.keys.signing(), &claims)
            .map(Some)
            .map_err(|_| Failure { grant: Some(grant.id), ..Refusal::Signing.into() })
    }

    /// A JWT of this engine: signature, issuer, audience, and what the grant says of it. A resource may be allowed to
    /// leave the grant out.
    pub(super) async fn live_jwt(&self, text: &str, now: Timestamp, at_resource: bool) -> Result<Access, Failure> {
        let (Some(jwt), Some(issuer)) = (&self.jwt, self.issuer.as_deref()) else { return Err(Refusal::Shape.into()) };
        let tokens = jwt.access.as_ref().ok_or(Refusal::Shape)?;
        let claims = verify_access(&jwt.keys, text).ok_or(Refusal::Jwt)?;
        if claims.iss != issuer || !tokens.audiences(issuer).any(|ours| claims.aud.contains(ours)) {
            return Err(Refusal::Jwt.into());
        }
        let jti = claims.jti;
        let scope = Scope::parse(&claims.scope).map_err(|_| Refusal::Jwt)?;
        let subject = (claims.sub != claims.client_id).then(|| SmolStr::new(&claims.sub));
        let mut access = Access {
            grant_id: jti.grant,
            client_id: SmolStr::new(&claims.client_id),
            subject,
            scope,
            issued_at: Timestamp::from_secs(claims.iat),
            expires_at: Timestamp::from_secs(claims.exp),
            epoch: jti.epoch,
            jti: std::str::from_utf8(&jti.encode()).ok().map(SmolStr::new),
            grant: None,
        };
        if at_resource && tokens.signature_alone {
            let refused = |why: Refusal| Err(Failure { grant: Some(jti.grant), ..why.into() });
            if access.issued_at < self.not_before_of(&access.client_id, jti.grant).await? {
                return refused(Refusal::NotBefore);
            }
            return if now < access.expires_at { Ok(access) } else { refused(Refusal::Expired) };
        }
        let grant = self.store.load(jti.grant).await?.ok_or(Refusal::NoGrant)?;
        is_record_of(&grant, jti.grant)?;
        // Signed by this engine, so of this grant, unless a thief of the signing key made it up.
        if grant.client_id() != access.client_id
            || grant.subject().unwrap_or(grant.client_id()) != claims.sub
            || !access.scope.is_subset_of(&grant.scope)
        {
            return Err(Refusal::Jwt.into());
        }
        self.check_grant(&grant, jti.epoch, access.expires_at, now).await?;
        access.subject.clone_from(&grant.subject);
        access.expires_at = access.expires_at.min(grant.expires_at);
        access.grant = Some(grant);
        Ok(access)
    }

    /// Whether `sub` of an access token may be read by others.
    pub(super) fn names_subjects_in_jwts(&self) -> bool {
        self.jwt.as_ref().is_some_and(|jwt| jwt.access.is_some())
    }

    /// The claim `aud` of the access tokens, for introspection.
    pub(super) fn audience(&self) -> Option<Audience<'_>> {
        let tokens = self.jwt.as_ref()?.access.as_ref()?;
        Some(Audience::new(tokens.audiences(self.issuer.as_deref()?)))
    }
}
