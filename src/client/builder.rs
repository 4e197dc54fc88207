//! Describing a client.

use std::time::Duration;

use smallvec::SmallVec;

use super::client::{Client, ClientError};
use super::not_before::NotBefore;
use super::redirect_uri::RedirectUri;
#[cfg(feature = "jwt")]
use super::secret::RecoverableSecret;
use super::secret::{ClientSecret, is_plain};
use super::{AUTHORIZATION_CODE, CLIENT_CREDENTIALS, REFRESH_TOKEN};
use crate::grant::{Lifetimes, OnReplay, Rotation, Scope, Timestamp};

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
    redirect_uri_refused: bool,
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
                not_before: NotBefore::default(),
                redirect_uris: Vec::new(),
                requires_pkce: false,
                resource_server: false,
                #[cfg(feature = "jwt")]
                id_token_secret: None,
            },
            default_scope: None,
            redirect_uri_refused: false,
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

    /// Allows a grant type: `authorization_code`, `refresh_token`, `client_credentials`, `password`, or the absolute URI of
    /// an extension grant. A client that may not use `refresh_token` is handed no refresh tokens. Default: none.
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
        self.client.not_before = NotBefore::at(time);
        self
    }

    /// Adds a URI that authorization responses may be sent to (RFC 6749 section 3.1.2). A request has to name it as it is
    /// here, to the character (RFC 9700 section 2.1), or may leave it out where it is the only one; the port of
    /// `http://127.0.0.1` and `http://[::1]` is free (RFC 8252 section 7.3). It is `https`, `http` to the same machine, or
    /// of a scheme of an app's own with a dot in it, such as `com.example.app:/callback`; it has no fragment and at most
    /// 2,048 bytes.
    ///
    /// ```
    /// use regrant::{Client, ClientError};
    /// let app = Client::public("app").grant_type("authorization_code").redirect_uri("com.example.app:/callback");
    /// assert!(app.build().is_ok());
    /// let plain = Client::public("app").redirect_uri("http://app.example/callback");
    /// assert!(matches!(plain.build(), Err(ClientError::RedirectUri)));
    /// ```
    pub fn redirect_uri(mut self, uri: &str) -> Self {
        match RedirectUri::parse(uri) {
            Some(uri) => self.client.redirect_uris.push(uri),
            None => self.redirect_uri_refused = true,
        }
        self
    }

    /// Whether its authorization requests need a code challenge (RFC 7636). Those of public clients do in any case.
    /// Default: no; RFC 9700 section 2.1.1 recommends it, so turn it on where the client sends one.
    ///
    /// ```
    /// let builder = regrant::Client::confidential("portal").require_pkce(true);
    /// # let _ = builder;
    /// ```
    pub fn require_pkce(mut self, required: bool) -> Self {
        self.client.requires_pkce = required;
        self
    }

    /// Registers it as a resource server: it may introspect the access tokens of all clients (RFC 7662). Default: no; a
    /// client learns of its own tokens alone.
    ///
    /// ```
    /// use regrant::{Client, ClientSecret};
    /// let (secret, _) = ClientSecret::generate();
    /// let api = Client::confidential("accounts-api").secret(secret).resource_server(true).build()?;
    /// # Ok::<(), regrant::ClientError>(())
    /// ```
    pub fn resource_server(mut self, is_one: bool) -> Self {
        self.client.resource_server = is_one;
        self
    }

    /// Adds a secret that is kept as it is: it authenticates as any other, and its bytes key the `HS256` signatures of the
    /// client's ID tokens (OpenID Connect Core section 10.1). Of two, the one added last signs. Without one, ID tokens are
    /// signed by the engine's key, which is the better choice where the client can verify that.
    ///
    /// ```
    /// use regrant::{Client, RecoverableSecret};
    /// let secret = RecoverableSecret::new("a-secret-of-32-characters-or-more")?;
    /// let client = Client::confidential("portal").recoverable_secret(secret).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "jwt")]
    pub fn recoverable_secret(mut self, secret: RecoverableSecret) -> Self {
        self.client.secrets.push(secret.to_digest());
        self.client.id_token_secret = Some(secret);
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
        let Self { mut client, default_scope, redirect_uri_refused } = self;
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
        if redirect_uri_refused {
            return Err(ClientError::RedirectUri);
        }
        if client.may_use(AUTHORIZATION_CODE) && client.redirect_uris.is_empty() {
            return Err(ClientError::NoRedirectUri);
        }
        if client.public && client.may_use(CLIENT_CREDENTIALS) {
            return Err(ClientError::PublicClientCredentials);
        }
        if client.public && client.resource_server {
            return Err(ClientError::PublicResourceServer);
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
