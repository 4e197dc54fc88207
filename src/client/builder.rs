//! Describing a client.

use std::time::Duration;

use smallvec::SmallVec;
use smol_str::SmolStr;

use super::client::{Client, ClientError};
use super::describe::check as check_description;
use super::native_redirects::NativeRedirects;
use super::not_before::NotBefore;
use super::redirect_uri::RedirectUri;
use super::secret::is_plain;
use super::stranger::check as check_stranger;
use super::unknown_scopes::UnknownScopes;
use super::{AUTHORIZATION_CODE, CLIENT_CREDENTIALS, REFRESH_TOKEN};
use crate::grant::{Lifetimes, OnReplay, Rotation, Scope, Timestamp};

/// Builds a [`Client`].
///
/// ```
/// use regrant::client::ClientBuilder;
/// use regrant::Client;
/// let builder: ClientBuilder = Client::public("mobile-app");
/// assert!(builder.build().is_ok());
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ClientBuilder {
    pub(super) client: Client,
    default_scope: Option<Scope>,
    /// Read at the end, by what the client is allowed then.
    redirect_uris: Vec<SmolStr>,
    native_redirects: NativeRedirects,
    pub(super) id_is_url: bool,
    /// What the host opens to a stranger.
    pub(super) opened: Vec<SmolStr>,
}

impl Client {
    /// Begins a client that can keep a secret, such as a server.
    ///
    /// ```
    /// use regrant::{Client, ClientSecret};
    /// let (kept, shown_once) = ClientSecret::generate();
    /// let client = Client::confidential("back-office").secret(kept).build()?;
    /// assert!(!client.is_public());
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn confidential(id: &str) -> ClientBuilder {
        ClientBuilder::new(id, false)
    }

    /// Begins a client that cannot keep a secret, such as an app on a telephone.
    ///
    /// ```
    /// let client = regrant::Client::public("mobile-app").grant_type("refresh_token").build()?;
    /// assert!(client.is_public());
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn public(id: &str) -> ClientBuilder {
        ClientBuilder::new(id, true)
    }
}

impl ClientBuilder {
    fn new(id: &str, public: bool) -> Self {
        Self {
            client: Client {
                id: id.into(),
                public,
                basic: !public,
                basic_is_raw: false,
                post: !public,
                secrets: SmallVec::new(),
                grant_types: Vec::new(),
                may_refresh: false,
                scope: Scope::empty(),
                default_scope: Scope::empty(),
                unknown_scopes: None,
                lifetimes: None,
                retry_window: if public { Client::PUBLIC_RETRY_WINDOW } else { Client::CONFIDENTIAL_RETRY_WINDOW },
                foreign_grace: Duration::ZERO,
                rotation: None,
                on_replay: OnReplay::EndGrant,
                not_before: NotBefore::default(),
                redirect_uris: Vec::new(),
                requires_pkce: false,
                stranger: false,
                asked_each_time: false,
                resource_server: false,
                logins_until: Timestamp::MAX,
                metadata: None,
                about: None,
                guards: Vec::new(),
                #[cfg(feature = "proof")]
                binding: super::binding::Binding::default(),
                requires_pushed: false,
                #[cfg(feature = "proof")]
                requires_signed: false,
                #[cfg(feature = "proof")]
                request_algorithm: None,
                #[cfg(feature = "jwt")]
                answer_algorithm: None,
                #[cfg(feature = "jwt")]
                id_token_secret: None,
                #[cfg(feature = "jwt")]
                openid: None,
                #[cfg(feature = "proof")]
                strong: None,
            },
            default_scope: None,
            redirect_uris: Vec::new(),
            native_redirects: NativeRedirects::new(),
            id_is_url: false,
            opened: Vec::new(),
        }
    }

    /// Allows a grant type: `authorization_code`, `refresh_token`, `client_credentials`, `password`, or the absolute URI of
    /// an extension grant. A client that may not use `refresh_token` is handed no refresh tokens, and those that it has
    /// renew nothing while it may not (`unauthorized_client`). Default: none.
    ///
    /// Taking away another grant type ends no grant that began with it: see
    /// [`not_before`](Self::not_before) and [`Engine::end_session`](crate::Engine::end_session).
    ///
    /// ```
    /// let builder = regrant::Client::public("app").grant_type("urn:ietf:params:oauth:grant-type:device_code");
    /// assert!(builder.build()?.may_use("urn:ietf:params:oauth:grant-type:device_code"));
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn grant_type(mut self, grant_type: &str) -> Self {
        if !self.client.may_use(grant_type) {
            self.client.grant_types.push(grant_type.into());
        }
        self.client.may_refresh |= grant_type == REFRESH_TOKEN;
        self
    }

    /// The most that the client may ask for, and that its grants still give. Default: no scope at all.
    ///
    /// A client that is given less keeps its grants, and gets of each what is left to it. Where nothing is left, a refresh is
    /// `invalid_scope` if it named a scope and `invalid_grant` if not, and an access token is not valid. What is given
    /// back is there again. [`Clients`](crate::Clients#when-a-client-changes) says when it takes effect.
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

    /// What becomes of scopes that nobody here knows, in an authorization request of this client. Default: what
    /// [`EngineBuilder::unknown_scopes`](crate::EngineBuilder::unknown_scopes) says.
    ///
    /// ```
    /// use regrant::Client;
    /// use regrant::client::UnknownScopes;
    /// let client = Client::public("app").unknown_scopes(UnknownScopes::Refuse).build()?;
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn unknown_scopes(mut self, policy: UnknownScopes) -> Self {
        self.client.unknown_scopes = Some(policy);
        self
    }

    /// Other lifetimes than the engine's.
    ///
    /// ```
    /// use regrant::{Client, Lifetimes};
    /// use std::time::Duration;
    /// let short = Lifetimes::default().with_idle(Duration::from_secs(900));
    /// let client = Client::public("app").lifetimes(short).build()?;
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn lifetimes(mut self, lifetimes: Lifetimes) -> Self {
        self.client.lifetimes = Some(lifetimes);
        self
    }

    /// How long a refresh token that was just rotated is answered with its successor again, for clients that lost the
    /// response. Default: 120 seconds for confidential clients, 30 for public ones. Time-outs of clients are 30 to 60
    /// seconds, so a shorter window logs honest people out; with zero, honest requests that happen at the same time are
    /// replays too. A store that takes its time to commit makes a window that is not zero longer by that time
    /// ([`TokenStore::longest_commit`](crate::TokenStore::longest_commit)).
    ///
    /// ```
    /// use std::time::Duration;
    /// let client = regrant::Client::public("app").retry_window(Duration::from_secs(60)).build()?;
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn retry_window(mut self, window: Duration) -> Self {
        self.client.retry_window = window;
        self
    }

    /// How long after its login was taken over from another server (`EngineBuilder::foreign_tokens`) that server's refresh token
    /// is answered, again and again, with the current one, event [`ForeignAgain`](crate::event::Event::ForeignAgain): for apps of a
    /// server that never rotated, which ignore the new token. Without it the second use after the retry window is a replay and logs them
    /// out. Nothing is written by such an answer, so the login lasts as long as its [idle
    /// lifetime](crate::Lifetimes::with_idle). For that long a thief of the old token is not noticed, so keep it as short as updating the
    /// app takes. Default: zero.
    ///
    /// ```
    /// use std::time::Duration;
    /// let month = Duration::from_secs(30 * 86_400);
    /// let client = regrant::Client::public("old-app").foreign_grace(month).build()?;
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn foreign_grace(mut self, grace: Duration) -> Self {
        self.client.foreign_grace = grace;
        self
    }

    /// Whether a refresh hands out a new refresh token. Default: always, but where the engine's
    /// profile (`EngineBuilder::profile`) keeps them from rotating; there a client that says `Always` is refused.
    ///
    /// ```
    /// use regrant::client::ClientError;
    /// use regrant::grant::Rotation;
    /// use regrant::Client;
    /// let refused = Client::public("app").rotation(Rotation::Never).build();
    /// assert!(matches!(refused, Err(ClientError::PublicWithoutRotation)));
    /// ```
    pub fn rotation(mut self, rotation: Rotation) -> Self {
        self.client.rotation = Some(rotation);
        self
    }

    /// What a replay does to its grant. Default: ends it.
    ///
    /// ```
    /// use regrant::grant::OnReplay;
    /// use regrant::Client;
    /// let client = Client::public("app").on_replay(OnReplay::DangerRejectOnly).build()?;
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn on_replay(mut self, on_replay: OnReplay) -> Self {
        self.client.on_replay = on_replay;
        self
    }

    /// Voids all grants of the client that were made before this time, as after a breach. Default: none. Of several
    /// times, [`registered_at`](Self::registered_at) among them, the latest counts.
    ///
    /// ```
    /// let client = regrant::Client::public("app").not_before(regrant::Timestamp::now()).build()?;
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn not_before(mut self, time: Timestamp) -> Self {
        // Not raised in place: copies of the builder share it.
        self.client.not_before = NotBefore::at(time.max(self.client.not_before.get()));
        self
    }

    /// When the client was registered: grants that an earlier client of this id left behind are void. A registry that
    /// ever gives an id away a second time keeps the time with the client and says it each time it builds it. Default:
    /// none; every grant of the id is the client's.
    ///
    /// Grants made in the very millisecond are the client's. Where the clocks of nodes differ, add what they may differ by.
    ///
    /// ```
    /// use regrant::{Client, Timestamp};
    /// # let registered_at = Timestamp::now(); // from the host's database
    /// let client = Client::public("app").registered_at(registered_at).build()?;
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn registered_at(self, time: Timestamp) -> Self {
        self.not_before(time)
    }

    /// Adds a URI that authorization responses may be sent to (RFC 6749 section 3.1.2). A request has to name it as it is
    /// here, to the character (RFC 9700 section 2.1), or may leave it out where it is the only one; the port of
    /// `http://127.0.0.1` and `http://[::1]` is free (RFC 8252 section 7.3). It is `https`, `http` to the same machine, or
    /// of a scheme of an app's own with a dot in it, such as `com.example.app:/callback`; it has no fragment and at most
    /// 2,048 bytes. [`native_redirects`](Self::native_redirects) allows a client more. A code that was sent to a URI which is registered no longer is not redeemed.
    ///
    /// ```
    /// use regrant::client::{ClientError, RedirectUriFault};
    /// use regrant::Client;
    /// let app = Client::public("app").grant_type("authorization_code").redirect_uri("com.example.app:/callback");
    /// assert!(app.build().is_ok());
    /// let plain = Client::public("app").redirect_uri("http://app.example/callback");
    /// assert!(matches!(plain.build(), Err(ClientError::RedirectUri(RedirectUriFault::Http))));
    /// ```
    pub fn redirect_uri(mut self, uri: &str) -> Self {
        self.redirect_uris.push(uri.into());
        self
    }

    /// What its redirect URIs may be besides what RFC 8252 has for native apps: `localhost` with any port, schemes of one word.
    /// Default: nothing.
    ///
    /// ```
    /// use regrant::Client;
    /// use regrant::client::NativeRedirects;
    /// let client = Client::public("editor")
    ///     .redirect_uri("vscode://vendor.extension/cb")
    ///     .native_redirects(NativeRedirects::new().with_schemes(["vscode"]))
    ///     .build()?;
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn native_redirects(mut self, allowed: NativeRedirects) -> Self {
        self.native_redirects = allowed;
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
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn resource_server(mut self, is_one: bool) -> Self {
        self.client.resource_server = is_one;
        self
    }

    /// Registers it as the resource server of this [resource](crate::EngineBuilder::resource), and of others that are said
    /// so: it may introspect the access tokens that are for one of them. One that says none guards the
    /// [default one](crate::EngineBuilder::default_resource).
    ///
    /// ```
    /// use regrant::{Client, ClientSecret};
    /// let (secret, _) = ClientSecret::generate();
    /// let files = Client::confidential("files").secret(secret).guards("https://files.example").build()?;
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn guards(mut self, resource: &str) -> Self {
        self.client.resource_server = true;
        self.client.guards.push(resource.into());
        self
    }

    /// From this time on it starts no logins (`unauthorized_client`); those that it has go on to their end. Default: never.
    ///
    /// ```
    /// use regrant::{Client, Timestamp};
    /// let client = Client::public("app").no_logins_from(Timestamp::from_secs(1_800_000_000)).build()?;
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn no_logins_from(mut self, time: Timestamp) -> Self {
        self.client.logins_until = time;
        self
    }

    /// The client.
    ///
    /// # Errors
    ///
    /// [`ClientError`], where the settings contradict each other or a specification.
    ///
    /// ```
    /// use regrant::client::ClientError;
    /// use regrant::Client;
    /// assert!(matches!(Client::public("a+b").build(), Err(ClientError::Id)));
    /// ```
    pub fn build(self) -> Result<Client, ClientError> {
        let Self { mut client, default_scope, redirect_uris, native_redirects, id_is_url, opened } = self;
        if client.id.is_empty() || client.id.len() > Client::MAX_ID_BYTES || !(id_is_url || is_plain(&client.id)) {
            return Err(ClientError::Id);
        }
        #[cfg(feature = "proof")]
        super::strong::check(&client)?;
        let has_strong_way = client.has_strong_way();
        match (client.public, client.secrets.len()) {
            (true, 0) | (false, 1..=2) => {}
            // Nothing to send in a header or body.
            (false, 0) if has_strong_way => (client.basic, client.post) = (false, false),
            (true, _) => return Err(ClientError::SecretOfPublicClient),
            (false, 0) => return Err(ClientError::NoSecret),
            (false, _) => return Err(ClientError::TooManySecrets),
        }
        if !client.public && !client.basic && !client.post && !has_strong_way {
            return Err(ClientError::NoAuthMethod);
        }
        if client.public && client.rotation == Some(Rotation::Never) {
            return Err(ClientError::PublicWithoutRotation);
        }
        let redirect_uris = redirect_uris.iter().map(|uri| RedirectUri::parse(uri, &native_redirects));
        client.redirect_uris = redirect_uris.collect::<Result<_, _>>().map_err(ClientError::RedirectUri)?;
        if client.may_use(AUTHORIZATION_CODE) && client.redirect_uris.is_empty() {
            return Err(ClientError::NoRedirectUri);
        }
        if client.public && client.may_use(CLIENT_CREDENTIALS) {
            return Err(ClientError::PublicClientCredentials);
        }
        check_stranger(&client, &opened)?;
        if client.public && client.resource_server {
            return Err(ClientError::PublicResourceServer);
        }
        client.about.as_deref().map_or(Ok(()), check_description)?;
        #[cfg(feature = "jwt")]
        super::openid::check(&client)?;
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
