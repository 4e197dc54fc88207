//! Describing a client.

use std::time::Duration;

use smallvec::SmallVec;

use super::client::{Client, ClientError};
use super::secret::{ClientSecret, is_plain};
use crate::grant::{Lifetimes, OnReplay, Rotation, Scope, Timestamp};

const REFRESH_TOKEN: &str = "refresh_token";

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
    pub(super) fn new(id: &str, public: bool) -> Self {
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
    /// let client = Client::public("app").on_replay(OnReplay::DangerRejectOnly).build()?;
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
        if client.retry_window > Client::MAX_RETRY_WINDOW {
            return Err(ClientError::RetryWindow);
        }
        if client.lifetimes.is_some_and(|lifetimes| !lifetimes.are_usable()) {
            return Err(ClientError::Lifetimes);
        }
        Ok(client)
    }
}
