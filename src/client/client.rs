//! One client, and what it may do.

use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;
use smol_str::SmolStr;

use super::AuthMethod;
use super::about::About;
use super::destination::Destination;
use super::dynamic::ClientMetadata;
use super::not_before::NotBefore;
use super::redirect_uri::{RedirectUri, RedirectUriFault};
use super::secret::ClientSecret;
#[cfg(feature = "jwt")]
use super::secret::RecoverableSecret;
#[cfg(feature = "proof")]
use super::strong::Strong;
use super::unknown_scopes::UnknownScopes;
use crate::grant::{Lifetimes, OnReplay, Rotation, Scope, Timestamp};
#[cfg(feature = "proof")]
use crate::proof::JwsAlgorithm;

/// A registered client (RFC 6749 section 2): who it is, how it authenticates, what it may ask for.
///
/// ```
/// use regrant::{Client, ClientSecret, Scope};
/// use std::time::Duration;
///
/// let client = Client::confidential("marketplace-app")
///     .secret(ClientSecret::new("marketplace-secret-for-trying-out-only")?)
///     .grant_type("password")
///     .grant_type("refresh_token")
///     .scope(Scope::parse("scope_1 scope_2")?)
///     .retry_window(Duration::from_secs(60))
///     .build()?;
/// assert_eq!(client.id(), "marketplace-app");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    pub(super) id: SmolStr,
    pub(super) public: bool,
    pub(super) basic: bool,
    pub(super) basic_is_raw: bool,
    pub(super) post: bool,
    pub(super) secrets: SmallVec<[ClientSecret; 2]>,
    pub(super) grant_types: Vec<SmolStr>,
    pub(super) may_refresh: bool,
    pub(super) scope: Scope,
    pub(super) default_scope: Scope,
    pub(super) unknown_scopes: Option<UnknownScopes>,
    pub(super) lifetimes: Option<Lifetimes>,
    pub(super) retry_window: Duration,
    pub(super) foreign_grace: Duration,
    /// Where nothing was said, it is the engine's.
    pub(super) rotation: Option<Rotation>,
    pub(super) on_replay: OnReplay,
    pub(super) not_before: NotBefore,
    pub(super) redirect_uris: Vec<RedirectUri>,
    pub(super) requires_pkce: bool,
    /// Nobody made it by hand.
    pub(super) stranger: bool,
    pub(super) asked_each_time: bool,
    pub(super) resource_server: bool,
    /// From then on it starts no logins.
    pub(super) logins_until: Timestamp,
    /// What it says of itself, where nobody made it by hand.
    pub(super) metadata: Option<Arc<ClientMetadata>>,
    pub(super) about: Option<Box<About>>,
    pub(super) guards: Vec<SmolStr>,
    #[cfg(feature = "proof")]
    pub(super) binding: super::binding::Binding,
    pub(super) requires_pushed: bool,
    #[cfg(feature = "proof")]
    pub(super) requires_signed: bool,
    /// Of request objects.
    #[cfg(feature = "proof")]
    pub(super) request_algorithm: Option<JwsAlgorithm>,
    /// Of answers by JARM.
    #[cfg(feature = "jwt")]
    pub(super) answer_algorithm: Option<SmolStr>,
    #[cfg(feature = "jwt")]
    pub(super) id_token_secret: Option<RecoverableSecret>,
    #[cfg(feature = "jwt")]
    pub(super) openid: Option<Box<super::openid::OpenId>>,
    /// Its keys, and how it authenticates by them or by a certificate.
    #[cfg(feature = "proof")]
    pub(super) strong: Option<Box<Strong>>,
}

/// Why a client cannot be registered.
///
/// ```
/// use regrant::client::ClientError;
/// use regrant::Client;
/// assert!(matches!(Client::confidential("app").build(), Err(ClientError::NoSecret)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The id is empty, longer than [`Client::MAX_ID_BYTES`], or changes when a Basic header is form-decoded (it has a `%`, a `+` or a
    /// control character).
    #[error("a client id is 1 to {} bytes that form-decoding does not change", Client::MAX_ID_BYTES)]
    Id,
    /// A confidential client with nothing to authenticate by: no secret, and neither keys nor a certificate that it may use for it.
    #[error("a confidential client has a secret, or authenticates by a key or a certificate")]
    NoSecret,
    /// A public client with a secret: it could not keep one.
    #[error("a public client has no secret")]
    SecretOfPublicClient,
    /// More than two secrets: one to use and one to replace it.
    #[error("a client has at most two secrets")]
    TooManySecrets,
    /// Neither `client_secret_basic` nor `client_secret_post`, nor another way.
    #[error("a confidential client has a way to authenticate")]
    NoAuthMethod,
    /// `private_key_jwt` or `self_signed_tls_client_auth` without keys.
    #[error("a client that authenticates by its keys has keys")]
    NoKeys,
    /// A `jwks_uri` that is not an https URL of at most 2,048 bytes, or has a fragment or user information.
    #[error("a jwks_uri is an https URL of at most 2,048 bytes, without a fragment or user information")]
    JwksUri,
    /// `client_secret_jwt` where no secret is kept as it is, as a `RecoverableSecret` is.
    #[error("client_secret_jwt needs a secret that is kept as it is")]
    SecretNotKept,
    /// A public client that is to authenticate by a key or a certificate.
    #[error("a client that authenticates by a key or a certificate is confidential")]
    MethodOfPublicClient,
    /// [`Rotation::Never`] for a public client (RFC 9700 section 2.2.2).
    #[error("refresh tokens of public clients rotate (RFC 9700 section 2.2.2)")]
    PublicWithoutRotation,
    /// A default scope outside of the client's scope.
    #[error("the default scope is part of the client's scope")]
    DefaultScope,
    /// A lifetime of zero.
    #[error("a lifetime is longer than zero, that of access tokens at least a second")]
    Lifetimes,
    /// A retry window longer than [`Client::MAX_RETRY_WINDOW`]: within it, replays are not found.
    #[error("a retry window is at most a day")]
    RetryWindow,
    /// A redirect URI that cannot be registered; see [`ClientBuilder::redirect_uri`](crate::client::ClientBuilder::redirect_uri).
    #[error(transparent)]
    RedirectUri(RedirectUriFault),
    /// `authorization_code` without a redirect URI (RFC 6749 section 3.1.2.2).
    #[error("a client that may use authorization codes has a redirect URI")]
    NoRedirectUri,
    /// `client_credentials` for a public client (RFC 6749 section 4.4).
    #[error("client credentials are for confidential clients")]
    PublicClientCredentials,
    /// Another grant type than `authorization_code` and `refresh_token` for a
    /// [stranger](crate::client::ClientBuilder::stranger)'s client.
    #[error("a client that nobody made by hand may use authorization codes and refresh tokens")]
    GrantTypeOfStranger,
    /// A public client as a resource server: anybody could introspect in its name (RFC 7662 section 2.1).
    #[error("a resource server authenticates, so it is a confidential client")]
    PublicResourceServer,
    /// A name that is empty, longer than 512 bytes, or has a control character.
    #[error("the name of a client is 1 to 512 bytes without control characters")]
    Name,
    /// A link that is neither an `https` nor an `http` URL, or longer than 2,048 bytes.
    #[error("a link of a client is an http or https URL of at most 2,048 bytes")]
    Link,
    /// Where it hears of logouts is no `http` or `https` URL of at most 2,048 bytes, or has a fragment.
    #[error("a backchannel_logout_uri is an http or https URL of at most 2,048 bytes without a fragment")]
    BackchannelLogoutUri,
    /// The sector of its pairwise subjects is empty, longer than 255 bytes, or has a control character.
    #[error("a sector is the name of a host, of 1 to 255 bytes")]
    Sector,
    /// Two clients of one id.
    #[error("a client of this id is there already")]
    Duplicate,
}

impl Client {
    /// The most bytes that a client id can have: URLs and ids that carry what a client said of itself are long. Stores index
    /// [`Grant::client_key`](crate::Grant::client_key), which never is.
    pub const MAX_ID_BYTES: usize = 1_024;

    /// The retry window of a confidential client: 120 seconds. A thief of its tokens needs its secret too.
    pub const CONFIDENTIAL_RETRY_WINDOW: Duration = Duration::from_secs(120);

    /// The longest retry window: a day.
    pub const MAX_RETRY_WINDOW: Duration = Duration::from_secs(86_400);

    /// The retry window of a public client: 30 seconds.
    pub const PUBLIC_RETRY_WINDOW: Duration = Duration::from_secs(30);

    /// The client id.
    ///
    /// ```
    /// assert_eq!(regrant::Client::public("mobile-app").build()?.id(), "mobile-app");
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether it is a public client, without a secret.
    ///
    /// ```
    /// assert!(regrant::Client::public("mobile-app").build()?.is_public());
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub const fn is_public(&self) -> bool {
        self.public
    }

    /// The most that it may ask for.
    ///
    /// ```
    /// assert!(regrant::Client::public("mobile-app").build()?.scope().is_empty());
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// What it gets where it asks for nothing.
    ///
    /// ```
    /// use regrant::{Client, Scope};
    /// let client = Client::public("mobile-app").scope(Scope::parse("a b")?).build()?;
    /// assert_eq!(client.default_scope().as_str(), "a b");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn default_scope(&self) -> &Scope {
        &self.default_scope
    }

    /// Whether it may use this grant type.
    ///
    /// ```
    /// let client = regrant::Client::public("mobile-app").grant_type("refresh_token").build()?;
    /// assert!(client.may_use("refresh_token") && !client.may_use("password"));
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn may_use(&self, grant_type: &str) -> bool {
        self.grant_types.iter().any(|allowed| allowed == grant_type)
    }

    /// Whether nobody made it by hand, so that nobody vouches for it: what is known of it is what it says. Its name and
    /// links are claims, and a page says so.
    ///
    /// Such a client may use codes and refresh tokens alone, needs PKCE, hears of nothing before a person has answered, and is asked
    /// for each time where its redirect URI is on [the person's own machine](Destination::is_on_this_device).
    ///
    /// ```
    /// assert!(!regrant::Client::public("mobile-app").build()?.is_stranger());
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub const fn is_stranger(&self) -> bool {
        self.stranger
    }

    /// What a client says of itself that registered itself, or that is known by a [document](crate::fetch::DocumentClients).
    ///
    /// ```
    /// fn name(client: &regrant::Client) -> Option<&str> {
    ///     client.metadata()?.name()
    /// }
    /// ```
    pub fn metadata(&self) -> Option<&ClientMetadata> {
        self.metadata.as_deref()
    }

    /// Whether it may start a login now; where nothing was said, for ever.
    pub(crate) fn starts_logins_at(&self, now: Timestamp) -> bool {
        // At the end of time too, where there is no such limit.
        now < self.logins_until || self.logins_until == Timestamp::MAX
    }

    /// What becomes of unknown scopes, where it is not what the engine says.
    pub(crate) const fn unknown_scopes(&self) -> Option<UnknownScopes> {
        self.unknown_scopes
    }

    pub(crate) const fn may_refresh(&self) -> bool {
        self.may_refresh
    }

    /// Whether the secret in its Basic header is not encoded.
    pub(crate) const fn basic_is_raw(&self) -> bool {
        self.basic_is_raw
    }

    /// Whether it may authenticate in this way.
    ///
    /// ```
    /// use regrant::client::AuthMethod;
    /// use regrant::{Client, ClientSecret};
    /// let (secret, _) = ClientSecret::generate();
    /// let client = Client::confidential("app").secret(secret).client_secret_post(false).build()?;
    /// assert!(client.allows(AuthMethod::ClientSecretBasic) && !client.allows(AuthMethod::ClientSecretPost));
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn allows(&self, method: AuthMethod) -> bool {
        match method {
            AuthMethod::None => self.public,
            AuthMethod::ClientSecretBasic => self.basic,
            AuthMethod::ClientSecretPost => self.post,
            #[cfg(feature = "proof")]
            method => self.strong.as_deref().is_some_and(|strong| strong.allows(method)),
            #[cfg(not(feature = "proof"))]
            _ => false,
        }
    }

    pub(crate) fn secrets(&self) -> &[ClientSecret] {
        &self.secrets
    }

    /// Whether it can authenticate by nothing but keys that are its own.
    #[cfg(feature = "proof")]
    pub(crate) fn has_keys_alone(&self) -> bool {
        let has_another_way = self.public || !self.secrets.is_empty() || self.allows(AuthMethod::TlsClientAuth);
        !has_another_way
    }

    pub(crate) const fn lifetimes(&self) -> Option<&Lifetimes> {
        self.lifetimes.as_ref()
    }

    pub(crate) const fn foreign_grace(&self) -> Duration {
        self.foreign_grace
    }

    pub(crate) const fn retry_window(&self) -> Duration {
        self.retry_window
    }

    /// What was said of it.
    pub(crate) const fn said_rotation(&self) -> Option<Rotation> {
        self.rotation
    }

    pub(crate) const fn on_replay(&self) -> OnReplay {
        self.on_replay
    }

    /// Voids every grant of the client that was made before this time, from now on and until the client is built again:
    /// keep the time and give it to [`ClientBuilder::not_before`](crate::client::ClientBuilder::not_before) as well. It never
    /// moves back. Clones of the client share it; a registry that builds clients anew for each request keeps the time
    /// itself. Where nodes share a store, tell each, and add what their clocks may differ by.
    ///
    /// ```
    /// use regrant::{Client, Engine, MemoryStore, StaticClients, Timestamp};
    /// let clients = StaticClients::new().with(Client::public("app").build()?)?;
    /// let engine = Engine::builder(MemoryStore::new(), clients).build()?;
    /// if let Some(client) = engine.clients().get("app") {
    ///     client.void_grants_before(Timestamp::now());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn void_grants_before(&self, time: Timestamp) {
        self.not_before.raise(time);
    }

    pub(crate) fn not_before(&self) -> Timestamp {
        self.not_before.get()
    }

    /// The mask of what is in the client's scope of this one, which is a grant's.
    pub(crate) fn mask_of_kept(&self, scope: &Scope) -> u64 {
        // Nearly every grant has the one or the other, so a refresh pays for one comparison.
        if *scope == self.default_scope || *scope == self.scope {
            return Scope::WHOLE;
        }
        scope.mask_within(&self.scope)
    }

    pub(crate) fn redirect_uris(&self) -> &[RedirectUri] {
        &self.redirect_uris
    }

    /// Whether its authorization requests need a challenge (RFC 7636).
    pub(crate) const fn requires_pkce(&self) -> bool {
        // Whatever the host said: with a client that nobody knows, a code that was found can be injected otherwise.
        self.public || self.requires_pkce || self.stranger
    }

    /// Whether its authorization requests have to be pushed (RFC 9126 section 6).
    pub(crate) const fn requires_pushed(&self) -> bool {
        self.requires_pushed
    }

    /// Whether its authorization requests have to be signed (RFC 9101 section 10.5).
    #[cfg(feature = "proof")]
    pub(crate) const fn requires_signed(&self) -> bool {
        self.requires_signed
    }

    /// By what its requests have to be signed, if it said so.
    #[cfg(feature = "proof")]
    pub(crate) const fn request_algorithm(&self) -> Option<JwsAlgorithm> {
        self.request_algorithm
    }

    /// By what its answers are signed, where it has a say in that.
    #[cfg(feature = "jwt")]
    pub(crate) fn answer_algorithm(&self) -> Option<&str> {
        self.answer_algorithm.as_deref()
    }

    /// Whether the person is asked each time where the answer goes there, whatever was consented to before (RFC 8252 section
    /// 8.6): any program of that machine could begin a login in the client's name.
    pub(crate) const fn is_asked_each_time(&self, destination: Destination<'_>) -> bool {
        (self.stranger || self.asked_each_time) && destination.is_on_this_device()
    }

    /// Whether it may introspect the tokens of other clients.
    pub(crate) const fn is_resource_server(&self) -> bool {
        self.resource_server
    }

    /// The resources that it is the server of, as a host spelt them; `None` where it says none.
    pub(crate) fn guards(&self) -> Option<impl Iterator<Item = &str>> {
        (!self.guards.is_empty()).then(|| self.guards.iter().map(SmolStr::as_str))
    }

    /// Whether its ID tokens are signed by a secret of its own.
    #[cfg_attr(not(feature = "jwt"), expect(clippy::unused_self, reason = "the feature is off"))]
    #[cfg_attr(not(feature = "jwt"), expect(clippy::missing_const_for_fn, reason = "the feature is off"))]
    pub(crate) fn signs_id_tokens(&self) -> bool {
        #[cfg(feature = "jwt")]
        return self.id_token_secret().is_some();
        #[cfg(not(feature = "jwt"))]
        false
    }

    /// What its ID tokens are signed with, where it is not the engine's key.
    #[cfg(feature = "jwt")]
    pub(crate) fn id_token_secret(&self) -> Option<&RecoverableSecret> {
        // It may have one to authenticate by, and want a key's signature.
        self.id_token_secret.as_ref().filter(|_| self.id_token_algorithm().is_none_or(|algorithm| algorithm == "HS256"))
    }

    #[cfg(not(feature = "jwt"))]
    #[expect(clippy::unused_self, reason = "the feature is off")]
    pub(super) const fn wants_id_token_algorithm(&self) -> bool {
        false
    }

    #[cfg(not(feature = "jwt"))]
    #[expect(clippy::unused_self, reason = "the feature is off")]
    pub(super) const fn is_pairwise(&self) -> bool {
        false
    }

    #[cfg(not(feature = "jwt"))]
    #[expect(clippy::unused_self, reason = "the feature is off")]
    pub(super) const fn hears_logouts(&self) -> bool {
        false
    }

    /// Whether it may authenticate otherwise than by sending its secret.
    #[cfg_attr(not(feature = "proof"), expect(clippy::unused_self, reason = "the feature is off"))]
    pub(super) fn has_strong_way(&self) -> bool {
        #[cfg(feature = "proof")]
        return self.strong.as_deref().is_some_and(Strong::is_a_way);
        #[cfg(not(feature = "proof"))]
        false
    }

    /// Whether its access tokens are bound to its certificate.
    #[cfg_attr(not(feature = "proof"), expect(clippy::unused_self, reason = "the feature is off"))]
    pub(super) const fn wants_certificate_bound_tokens(&self) -> bool {
        #[cfg(feature = "proof")]
        return self.has_certificate_bound_tokens();
        #[cfg(not(feature = "proof"))]
        false
    }

    /// The id, shared with the records of its grants.
    pub(crate) fn shared_id(&self) -> SmolStr {
        self.id.clone()
    }
}
