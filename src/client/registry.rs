//! Where clients are looked up.

use std::future::Future;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::{HashMap, HashSet};
use smol_str::SmolStr;

use super::client::{Client, ClientError};
use super::clients_error::ClientsError;
use super::lookup::Lookup;
use super::secret::ClientSecret;
use super::{AuthMethod, OPENID};
use crate::grant::Lifetimes;

/// A registry of clients: a host's own, or [`StaticClients`].
///
/// Asked once for each request, so cache what lies far away.
///
/// # When a client changes
///
/// Nothing of a client is kept with its grants but its id: each request is judged by the client as it is found then. So what
/// is taken from a client is gone with the next request that finds it so, and a cache is as late as its entries are old.
///
/// - **Scope**: refreshes, codes that are redeemed, [`Engine::bearer`](crate::Engine::bearer) and introspection give what was
///   granted *and* is the client's now. Resource servers that verify the signatures of JWTs themselves hear of it when the
///   token expires.
/// - **A grant type**: `refresh_token` renews nothing any more, outstanding codes are not redeemed. Access tokens live until
///   they expire.
/// - **A redirect URI**: codes that were sent to it are not redeemed.
/// - **A secret**, a way to authenticate, and being a [resource server](crate::client::ClientBuilder::resource_server): at once.
/// - **The secret that signs its ID tokens**: the next one is by what the client has then.
///
/// # When a client is deleted
///
/// `find` does not find it any more, and none of its tokens works, access tokens too (but see JWTs above). Its grants stay in
/// the store until they expire, and would work again if the id were found again. So either an id is never given to
/// anyone else, or a client says since when it has it:
/// [`ClientBuilder::registered_at`](crate::client::ClientBuilder::registered_at).
///
/// ```
/// use regrant::client::{ClientRef, ClientsError, Lookup};
/// use regrant::{Client, Clients};
/// use std::sync::Arc;
///
/// struct Tenants;
///
/// impl Clients for Tenants {
///     async fn find(&self, client_id: &str, _: Lookup) -> Result<Option<ClientRef<'_>>, ClientsError> {
///         // … ask a database or a cache …
///         let client = Client::public(client_id).build().map_err(ClientsError::new)?;
///         Ok(Some(Arc::new(client).into()))
///     }
/// }
/// ```
pub trait Clients: Send + Sync {
    /// The client of that id. `client_id` is what a stranger sent: up to [`Client::MAX_ID_BYTES`] bytes of any characters
    /// but control characters. A longer one, or one with a control character, is no client's and is not asked for.
    ///
    /// `lookup` says what for. It is for registries that would have to fetch a client from where a stranger says; one that has
    /// its clients in a database passes it by.
    ///
    /// # Errors
    ///
    /// [`ClientsError`] where it cannot be told now: answered 503. An unknown client is `Ok(None)`.
    fn find(
        &self,
        client_id: &str,
        lookup: Lookup,
    ) -> impl Future<Output = Result<Option<ClientRef<'_>>, ClientsError>> + Send;

    /// A secret of the kind that most clients here have: the secret of an unknown client is compared with it, so that it
    /// takes as long as a wrong one. Whether it matches is told to nobody. `None`, the default, stands for a digest.
    fn decoy(&self) -> Option<&ClientSecret> {
        None
    }

    /// Whether any client here may have this scope token. One that another client may have is refused and not ignored: see
    /// [`UnknownScopes`](crate::client::UnknownScopes). Asked of what a stranger sent, so answer from memory. Default: no.
    fn knows_scope(&self, token: &str) -> bool {
        let _ = token;
        false
    }

    /// Whether there may be clients here that nobody made by hand ([`Client::is_stranger`]). Where there are, anybody has a
    /// redirect URI that the engine takes for registered, so no authorization request is answered by a redirect before a person is
    /// there, those of other clients neither (RFC 9700 section 4.11.2). Default: no.
    fn lets_strangers_in(&self) -> bool {
        false
    }

    /// What of the protocol its clients use, for the metadata: nothing else is advertised. Default: both ways to
    /// authenticate by a secret, none by keys or certificates, no tokens that are bound to a certificate, public clients, refresh tokens, and ID tokens by the engine's key, but none by a client's own secret, and no
    /// client that is known by a document.
    fn features(&self) -> ClientFeatures {
        ClientFeatures {
            client_secret_basic: true,
            client_secret_post: true,
            private_key_jwt: false,
            client_secret_jwt: false,
            tls_client_auth: false,
            self_signed_tls_client_auth: false,
            certificate_bound_tokens: false,
            public: true,
            refresh_token: true,
            id_token_engine_key: true,
            id_token_hs256: false,
            client_id_metadata_documents: false,
            id_token_algorithms: false,
            pairwise_subjects: false,
            backchannel_logout: false,
            longest_access_token: None,
        }
    }
}

/// A registry all of whose futures are ready at the first poll; see [`ReadyStore`](crate::store::ReadyStore).
///
/// ```
/// fn serves_blocking_hosts<C: regrant::client::ReadyClients>(_: &C) {}
/// serves_blocking_hosts(&regrant::StaticClients::new());
/// ```
pub trait ReadyClients: Clients {}

/// A client on loan from its registry, or shared with it.
///
/// ```
/// use regrant::client::ClientRef;
/// use regrant::Client;
/// use std::sync::Arc;
/// let shared: ClientRef<'_> = Arc::new(Client::public("app").build()?).into();
/// assert_eq!(shared.id(), "app");
/// # Ok::<(), regrant::client::ClientError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ClientRef<'a> {
    /// Borrowed, so that threads do not contend for a count.
    Borrowed(&'a Client),
    /// Shared.
    Shared(Arc<Client>),
}

impl Deref for ClientRef<'_> {
    type Target = Client;

    fn deref(&self) -> &Client {
        match self {
            Self::Borrowed(client) => client,
            Self::Shared(client) => client,
        }
    }
}

impl<'a> From<&'a Client> for ClientRef<'a> {
    fn from(client: &'a Client) -> Self {
        Self::Borrowed(client)
    }
}

impl From<Arc<Client>> for ClientRef<'_> {
    fn from(client: Arc<Client>) -> Self {
        Self::Shared(client)
    }
}

/// Clients that are known when the server starts.
///
/// ```
/// use regrant::client::ClientError;
/// use regrant::{Client, StaticClients};
///
/// let app = Client::public("app").build()?;
/// let clients = StaticClients::new().with(app.clone())?;
/// assert_eq!(clients.len(), 1);
/// assert!(matches!(clients.with(app), Err(ClientError::Duplicate)));
/// # Ok::<(), ClientError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct StaticClients {
    clients: HashMap<SmolStr, Client>,
    /// The first slow secret: where there is one, unknown clients cost as much.
    slow_decoy: Option<ClientSecret>,
    /// The scope tokens that at least one of them may have.
    scopes: HashSet<SmolStr>,
    /// Whether nobody made one of them by hand.
    strangers: bool,
    features: ClientFeatures,
}

/// What of the protocol the clients of a registry use.
///
/// ```
/// use regrant::client::ClientFeatures;
/// use regrant::Client;
/// let app = Client::public("app").grant_type("refresh_token").build()?;
/// let features = ClientFeatures::default().and(&app);
/// assert!(features.public && features.refresh_token && !features.client_secret_basic);
/// # Ok::<(), regrant::client::ClientError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct ClientFeatures {
    /// Some authenticate by `client_secret_basic`.
    pub client_secret_basic: bool,
    /// Some authenticate by `client_secret_post`.
    pub client_secret_post: bool,
    /// Some authenticate by `private_key_jwt`. The engine then needs an issuer and a root secret.
    pub private_key_jwt: bool,
    /// Some authenticate by `client_secret_jwt`. As with keys, the engine then needs an issuer and a root secret.
    pub client_secret_jwt: bool,
    /// Some authenticate by `tls_client_auth`.
    pub tls_client_auth: bool,
    /// Some authenticate by `self_signed_tls_client_auth`.
    pub self_signed_tls_client_auth: bool,
    /// Some have access tokens that are bound to their certificates (RFC 8705 section 3). Clients that register themselves may ask for it
    /// then.
    pub certificate_bound_tokens: bool,
    /// Some are public: their authentication method is `none`.
    pub public: bool,
    /// Some may use refresh tokens.
    pub refresh_token: bool,
    /// Some may have `openid`, and their ID tokens are signed by the engine's key.
    pub id_token_engine_key: bool,
    /// Some may have `openid`, and their ID tokens are signed by a secret of their own.
    pub id_token_hs256: bool,
    /// A client id that is the URL of a document is known by that document: `client_id_metadata_document_supported` of
    /// draft-ietf-oauth-client-id-metadata-document.
    pub client_id_metadata_documents: bool,
    /// Some want their ID tokens signed by an algorithm of their own
    /// ([`id_token_signed_response_alg`](crate::client::ClientBuilder)): all for which the engine has a key are then advertised.
    pub id_token_algorithms: bool,
    /// Some know people by [pairwise subjects](crate::client::ClientBuilder). The engine then needs a subject secret.
    pub pairwise_subjects: bool,
    /// Some hear of logouts by the back channel (OpenID Connect Back-Channel Logout).
    pub backchannel_logout: bool,
    /// The longest that access tokens of those live that have [lifetimes of their own](crate::client::ClientBuilder::lifetimes): a
    /// signing key is not retired (`Engine::retire_signing_key`) before.
    pub longest_access_token: Option<Duration>,
}

impl ClientFeatures {
    /// These, and those of one client more.
    ///
    /// ```
    /// use regrant::client::ClientFeatures;
    /// use regrant::Client;
    /// let app = Client::public("app").build()?;
    /// assert!(ClientFeatures::default().and(&app).public);
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    #[must_use]
    pub fn and(self, client: &Client) -> Self {
        // Who may not have it gets no ID token.
        let has_openid = client.scope().contains(OPENID);
        Self {
            client_secret_basic: self.client_secret_basic || client.allows(AuthMethod::ClientSecretBasic),
            client_secret_post: self.client_secret_post || client.allows(AuthMethod::ClientSecretPost),
            private_key_jwt: self.private_key_jwt || client.allows(AuthMethod::PrivateKeyJwt),
            client_secret_jwt: self.client_secret_jwt || client.allows(AuthMethod::ClientSecretJwt),
            tls_client_auth: self.tls_client_auth || client.allows(AuthMethod::TlsClientAuth),
            self_signed_tls_client_auth: self.self_signed_tls_client_auth
                || client.allows(AuthMethod::SelfSignedTlsClientAuth),
            certificate_bound_tokens: self.certificate_bound_tokens || client.wants_certificate_bound_tokens(),
            public: self.public || client.is_public(),
            refresh_token: self.refresh_token || client.may_refresh(),
            id_token_engine_key: self.id_token_engine_key || (has_openid && !client.signs_id_tokens()),
            id_token_hs256: self.id_token_hs256 || (has_openid && client.signs_id_tokens()),
            client_id_metadata_documents: self.client_id_metadata_documents,
            id_token_algorithms: self.id_token_algorithms || client.wants_id_token_algorithm(),
            pairwise_subjects: self.pairwise_subjects || client.is_pairwise(),
            backchannel_logout: self.backchannel_logout || client.hears_logouts(),
            longest_access_token: self.longest_access_token.max(client.lifetimes().map(Lifetimes::access_token)),
        }
    }
}

impl ClientFeatures {
    /// Whether the host's TLS asks clients for certificates: nobody could use these otherwise.
    pub(crate) const fn show_certificates(self) -> bool {
        self.certificate_bound_tokens || self.tls_client_auth || self.self_signed_tls_client_auth
    }

    /// The ways to authenticate that prove something.
    pub(crate) fn proven_methods(self) -> impl Iterator<Item = AuthMethod> {
        [
            (self.client_secret_basic, AuthMethod::ClientSecretBasic),
            (self.client_secret_post, AuthMethod::ClientSecretPost),
            (self.client_secret_jwt, AuthMethod::ClientSecretJwt),
            (self.private_key_jwt, AuthMethod::PrivateKeyJwt),
            (self.tls_client_auth, AuthMethod::TlsClientAuth),
            (self.self_signed_tls_client_auth, AuthMethod::SelfSignedTlsClientAuth),
        ]
        .into_iter()
        .filter_map(|(is_used, method)| is_used.then_some(method))
    }
}

impl StaticClients {
    /// So many are looked through.
    const FEW: usize = 4;

    /// No clients.
    ///
    /// ```
    /// assert!(regrant::StaticClients::new().is_empty());
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a client.
    ///
    /// # Errors
    ///
    /// [`ClientError::Duplicate`] where one of that id is there.
    ///
    /// ```
    /// use regrant::{Client, StaticClients};
    /// let clients = StaticClients::new().with(Client::public("app").build()?)?;
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn with(mut self, client: Client) -> Result<Self, ClientError> {
        if self.clients.contains_key(client.id()) {
            return Err(ClientError::Duplicate);
        }
        if self.slow_decoy.is_none() {
            self.slow_decoy = client.secrets().iter().find(|secret| secret.is_phc()).cloned();
        }
        self.scopes.extend(client.scope().iter().map(SmolStr::new));
        self.strangers |= client.is_stranger();
        self.features = self.features.and(&client);
        self.clients.insert(client.shared_id(), client);
        Ok(self)
    }

    /// The client of this id.
    ///
    /// ```
    /// use regrant::{Client, StaticClients};
    /// let clients = StaticClients::new().with(Client::public("app").build()?)?;
    /// assert!(clients.get("app").is_some_and(|client| client.is_public()));
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn get(&self, client_id: &str) -> Option<&Client> {
        self.clients.get(client_id)
    }

    /// How many.
    ///
    /// ```
    /// assert_eq!(regrant::StaticClients::new().len(), 0);
    /// ```
    pub fn len(&self) -> usize {
        self.clients.len()
    }

    /// Whether there are none.
    ///
    /// ```
    /// assert!(regrant::StaticClients::new().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }
}

impl Clients for StaticClients {
    #[expect(clippy::manual_async_fn, reason = "what an `async fn` is given is moved once more when it begins")]
    fn find(
        &self,
        client_id: &str,
        _: Lookup,
    ) -> impl Future<Output = Result<Option<ClientRef<'_>>, ClientsError>> + Send {
        async move {
            // To compare a few ids costs less than to hash one. They are no secrets.
            let client = if self.clients.len() <= Self::FEW {
                self.clients.iter().find(|(id, _)| *id == client_id).map(|(_, client)| client)
            } else {
                self.clients.get(client_id)
            };
            Ok(client.map(ClientRef::Borrowed))
        }
    }

    fn decoy(&self) -> Option<&ClientSecret> {
        self.slow_decoy.as_ref()
    }

    fn knows_scope(&self, token: &str) -> bool {
        self.scopes.contains(token)
    }

    fn lets_strangers_in(&self) -> bool {
        self.strangers
    }

    fn features(&self) -> ClientFeatures {
        self.features
    }
}

impl ReadyClients for StaticClients {}

macro_rules! forward {
    ($pointer:ty) => {
        #[deny(clippy::missing_trait_methods)]
        impl<C: Clients + ?Sized> Clients for $pointer {
            fn find(
                &self,
                client_id: &str,
                lookup: Lookup,
            ) -> impl Future<Output = Result<Option<ClientRef<'_>>, ClientsError>> + Send {
                (**self).find(client_id, lookup)
            }

            fn decoy(&self) -> Option<&ClientSecret> {
                (**self).decoy()
            }

            fn knows_scope(&self, token: &str) -> bool {
                (**self).knows_scope(token)
            }

            fn lets_strangers_in(&self) -> bool {
                (**self).lets_strangers_in()
            }

            fn features(&self) -> ClientFeatures {
                (**self).features()
            }
        }

        impl<C: ReadyClients + ?Sized> ReadyClients for $pointer {}
    };
}

forward!(&C);
forward!(Arc<C>);
forward!(Box<C>);
