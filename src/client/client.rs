//! One client, and what it may do.

use std::time::Duration;

use smallvec::SmallVec;
use smol_str::SmolStr;

use super::secret::{ClientSecret, is_plain};
use crate::grant::{Lifetimes, OnReplay, Rotation, Scope, Timestamp};

const REFRESH_TOKEN: &str = "refresh_token";

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
    id: SmolStr,
    public: bool,
    basic: bool,
    post: bool,
    secrets: SmallVec<[ClientSecret; 2]>,
    grant_types: Vec<SmolStr>,
    may_refresh: bool,
    scope: Scope,
    default_scope: Scope,
    lifetimes: Option<Lifetimes>,
    retry_window: Duration,
    rotation: Rotation,
    on_replay: OnReplay,
    not_before: Timestamp,
}

/// Why a client cannot be registered.
///
/// ```
/// use regrant::{Client, ClientError};
/// assert!(matches!(Client::confidential("app").build(), Err(ClientError::NoSecret)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The id is empty, longer than 255 bytes, or changes when a Basic header is form-decoded (it has a `%`, a `+` or a
    /// control character).
    #[error("a client id is 1 to {} bytes that form-decoding does not change", Client::MAX_ID_BYTES)]
    Id,
    /// A confidential client without a secret.
    #[error("a confidential client has a secret")]
    NoSecret,
    /// A public client with a secret: it could not keep one.
    #[error("a public client has no secret")]
    SecretOfPublicClient,
    /// More than two secrets: one to use and one to replace it.
    #[error("a client has at most two secrets")]
    TooManySecrets,
    /// Neither `client_secret_basic` nor `client_secret_post`.
    #[error("a confidential client has a way to authenticate")]
    NoAuthMethod,
    /// [`Rotation::Never`] for a public client (RFC 9700 section 2.2.2).
    #[error("refresh tokens of public clients rotate (RFC 9700 section 2.2.2)")]
    PublicWithoutRotation,
    /// A default scope outside of the client's scope.
    #[error("the default scope is part of the client's scope")]
    DefaultScope,
    /// A lifetime of zero.
    #[error("a lifetime is longer than zero, that of access tokens at least a second")]
    Lifetimes,
    /// Two clients of one id.
    #[error("a client of this id is there already")]
    Duplicate,
}

impl Client {
    /// The most bytes that a client id can have.
    pub const MAX_ID_BYTES: usize = 255;

    /// The retry window of a confidential client: 120 seconds. A thief of its tokens needs its secret too.
    pub const CONFIDENTIAL_RETRY_WINDOW: Duration = Duration::from_secs(120);

    /// The retry window of a public client: 30 seconds.
    pub const PUBLIC_RETRY_WINDOW: Duration = Duration::from_secs(30);

    /// Begins a client that can keep a secret, such as a server.
    ///
    /// ```
    /// use regrant::{Client, ClientSecret};
    /// let (kept, shown_once) = ClientSecret::generate();
    /// let client = Client::confidential("back-office").secret(kept).build()?;
    /// assert!(!client.is_public());
    /// # Ok::<(), regrant::ClientError>(())
    /// ```
    pub fn confidential(id: &str) -> ClientBuilder {
        ClientBuilder::new(id, false)
    }

    /// Begins a client that cannot keep a secret, such as an app on a telephone.
    ///
    /// ```
    /// let client = regrant::Client::public("mobile-app").grant_type("refresh_token").build()?;
    /// assert!(client.is_public());
    /// # Ok::<(), regrant::ClientError>(())
    /// ```
    pub fn public(id: &str) -> ClientBuilder {
        ClientBuilder::new(id, true)
    }

    /// The client id.
    ///
    /// ```
    /// assert_eq!(regrant::Client::public("mobile-app").build()?.id(), "mobile-app");
    /// # Ok::<(), regrant::ClientError>(())
    /// ```
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether it is a public client, without a secret.
    ///
    /// ```
    /// assert!(regrant::Client::public("mobile-app").build()?.is_public());
    /// # Ok::<(), regrant::ClientError>(())
    /// ```
    pub const fn is_public(&self) -> bool {
        self.public
    }

    /// The most that it may ask for.
    ///
    /// ```
    /// assert!(regrant::Client::public("mobile-app").build()?.scope().is_empty());
    /// # Ok::<(), regrant::ClientError>(())
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
    /// # Ok::<(), regrant::ClientError>(())
    /// ```
    pub fn may_use(&self, grant_type: &str) -> bool {
        self.grant_types.iter().any(|allowed| allowed == grant_type)
    }

    pub(crate) const fn may_refresh(&self) -> bool {
        self.may_refresh
    }

    pub(crate) const fn allows_basic(&self) -> bool {
        self.basic
    }

    pub(crate) const fn allows_post(&self) -> bool {
        self.post
    }

    pub(crate) fn secrets(&self) -> &[ClientSecret] {
        &self.secrets
    }

    pub(crate) const fn lifetimes(&self) -> Option<&Lifetimes> {
        self.lifetimes.as_ref()
    }

    pub(crate) const fn retry_window(&self) -> Duration {
        self.retry_window
    }

    pub(crate) const fn rotation(&self) -> Rotation {
        self.rotation
    }

    pub(crate) const fn on_replay(&self) -> OnReplay {
        self.on_replay
    }

    pub(crate) const fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// The id, shared with the records of its grants.
    pub(crate) fn shared_id(&self) -> SmolStr {
        self.id.clone()
    }
}

/// Builds a [`Client`].
///
/// ```
/// use regrant::{Client, ClientBuilder};
/// let builder: ClientBuilder = Client::public("mobile-app");
/// assert!(builder.build().is_ok());
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ClientBuilder {
    client: Client,
    default_scope: Option<Scope>,
}

impl ClientBuilder {
    fn new(id: &str, public: bool) -> Self {
        Self {
            client: Client {
                id: id.into(),
                public,
                basic: !public,
                post: !public,
                secrets: SmallVec::new(),
                grant_types: Vec::new(),
                may_refresh: false,
                scope: Scope::empty(),
                default_scope: Scope::empty(),
                lifetimes: None,
                retry_window: if public { Client::PUBLIC_RETRY_WINDOW } else { Client::CONFIDENTIAL_RETRY_WINDOW },
                rotation: Rotation::Always,
                on_replay: OnReplay::EndGrant,
                not_before: Timestamp::EPOCH,
            },
            default_scope: None,
        }
    }

    /// Adds a secret. With two, either one authenticates, so that a secret is replaced without downtime.
    ///
    /// ```
    /// use regrant::{Client, ClientSecret};
    /// let ((old, _), (new, _)) = (ClientSecret::generate(), ClientSecret::generate());
    /// let client = Client::confidential("app").secret(old).secret(new).build()?;
    /// # Ok::<(), regrant::ClientError>(())
    /// ```
    pub fn secret(mut self, secret: ClientSecret) -> Self {
        self.client.secrets.push(secret);
        self
    }

    /// Allows a grant type: `refresh_token`, `password`, or the absolute URI of an extension grant. A client that may
    /// not use `refresh_token` is handed no refresh tokens. Default: none.
    ///
    /// ```
    /// let builder = regrant::Client::public("app").grant_type("urn:ietf:params:oauth:grant-type:device_code");
    /// assert!(builder.build()?.may_use("urn:ietf:params:oauth:grant-type:device_code"));
    /// # Ok::<(), regrant::ClientError>(())
    /// ```
    pub fn grant_type(mut self, grant_type: &str) -> Self {
        if !self.client.may_use(grant_type) {
            self.client.grant_types.push(grant_type.into());
        }
        self.client.may_refresh |= grant_type == REFRESH_TOKEN;
        self
    }

    /// The most that the client may ask for. Default: no scope at all.
    ///
    /// ```
    /// use regrant::{Client, Scope};
    /// let client = Client::public("app").scope(Scope::parse("read write")?).build()?;
    /// assert!(client.scope().contains("write"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn scope(mut self, scope: Scope) -> Self {
        self.client.scope = scope;
        self
    }

    /// What the client gets where it asks for nothing. Default: all of its scope.
    ///
    /// ```
    /// use regrant::{Client, Scope};
    /// let scope = Scope::parse("read write")?;
    /// let client = Client::public("app").scope(scope).default_scope(Scope::parse("read")?).build()?;
    /// assert_eq!(client.default_scope().as_str(), "read");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn default_scope(mut self, scope: Scope) -> Self {
        self.default_scope = Some(scope);
        self
    }

    /// Other lifetimes than the engine's.
    ///
    /// ```
    /// use regrant::{Client, Lifetimes};
    /// use std::time::Duration;
    /// let short = Lifetimes::default().with_idle(Duration::from_secs(900));
    /// let client = Client::public("app").lifetimes(short).build()?;
    /// # Ok::<(), regrant::ClientError>(())
    /// ```
    pub fn lifetimes(mut self, lifetimes: Lifetimes) -> Self {
        self.client.lifetimes = Some(lifetimes);
        self
    }

    /// How long a refresh token that was just rotated is answered with its successor again, for clients that lost the
    /// response. Default: 120 seconds for confidential clients, 30 for public ones. Time-outs of clients are 30 to 60
    /// seconds, so a shorter window logs honest people out; with zero, honest requests that happen at the same time are
    /// replays too.
    ///
    /// ```
    /// use std::time::Duration;
    /// let client = regrant::Client::public("app").retry_window(Duration::from_secs(60)).build()?;
    /// # Ok::<(), regrant::ClientError>(())
    /// ```
    pub fn retry_window(mut self, window: Duration) -> Self {
        self.client.retry_window = window;
        self
    }

    /// Whether a refresh hands out a new refresh token. Default: always.
    ///
    /// ```
    /// use regrant::{Client, ClientError, Rotation};
    /// let refused = Client::public("app").rotation(Rotation::Never).build();
    /// assert!(matches!(refused, Err(ClientError::PublicWithoutRotation)));
    /// ```
    pub fn rotation(mut self, rotation: Rotation) -> Self {
        self.client.rotation = rotation;
        self
    }

    /// What a replay does to its grant. Default: ends it.
    ///
    /// ```
    /// use regrant::{Client, OnReplay};
    /// let client = Client::public("app").on_replay(OnReplay::RejectOnly).build()?;
    /// # Ok::<(), regrant::ClientError>(())
    /// ```
    pub fn on_replay(mut self, on_replay: OnReplay) -> Self {
        self.client.on_replay = on_replay;
        self
    }

    /// Voids all grants of the client that were made before this time, as after a breach. Default: none.
    ///
    /// ```
    /// let client = regrant::Client::public("app").not_before(regrant::Timestamp::now()).build()?;
    /// # Ok::<(), regrant::ClientError>(())
    /// ```
    pub fn not_before(mut self, time: Timestamp) -> Self {
        self.client.not_before = time;
        self
    }

    /// Whether it may authenticate by a Basic header (`client_secret_basic`). Default: yes, if confidential.
    ///
    /// ```
    /// use regrant::{Client, ClientSecret};
    /// let (secret, _) = ClientSecret::generate();
    /// let client = Client::confidential("app").secret(secret).client_secret_basic(false).build()?;
    /// # Ok::<(), regrant::ClientError>(())
    /// ```
    pub fn client_secret_basic(mut self, allowed: bool) -> Self {
        self.client.basic = allowed;
        self
    }

    /// Whether it may authenticate by `client_id` and `client_secret` in the body (`client_secret_post`). Default: yes,
    /// if confidential.
    ///
    /// ```
    /// use regrant::{Client, ClientSecret};
    /// let (secret, _) = ClientSecret::generate();
    /// let client = Client::confidential("app").secret(secret).client_secret_post(false).build()?;
    /// # Ok::<(), regrant::ClientError>(())
    /// ```
    pub fn client_secret_post(mut self, allowed: bool) -> Self {
        self.client.post = allowed;
        self
    }

    /// The client.
    ///
    /// # Errors
    ///
    /// [`ClientError`], where the settings contradict each other or a specification.
    ///
    /// ```
    /// use regrant::{Client, ClientError};
    /// assert!(matches!(Client::public("a+b").build(), Err(ClientError::Id)));
    /// ```
    pub fn build(self) -> Result<Client, ClientError> {
        let Self { mut client, default_scope } = self;
        if client.id.is_empty() || client.id.len() > Client::MAX_ID_BYTES || !is_plain(&client.id) {
            return Err(ClientError::Id);
        }
        match (client.public, client.secrets.len()) {
            (true, 0) | (false, 1..=2) => {}
            (true, _) => return Err(ClientError::SecretOfPublicClient),
            (false, 0) => return Err(ClientError::NoSecret),
            (false, _) => return Err(ClientError::TooManySecrets),
        }
        if !client.public && !client.basic && !client.post {
            return Err(ClientError::NoAuthMethod);
        }
        if client.public && client.rotation == Rotation::Never {
            return Err(ClientError::PublicWithoutRotation);
        }
        client.default_scope = default_scope.unwrap_or_else(|| client.scope.clone());
        if !client.default_scope.is_subset_of(&client.scope) {
            return Err(ClientError::DefaultScope);
        }
        if client.lifetimes.is_some_and(|lifetimes| !lifetimes.are_usable()) {
            return Err(ClientError::Lifetimes);
        }
        Ok(client)
    }
}
