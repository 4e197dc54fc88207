//! Clients that are known by a document: draft-ietf-oauth-client-id-metadata-document.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, OnceLock};

use super::budget::Asker;
use super::documents::{Documents, FetchFault, ROOM, Unavailable};
use super::fetch::{DynFetch, Fetch, FetchError, FetchLimits};
use super::response::FetchResponse;
use super::url::FetchUrl;
use crate::client::dynamic::terms::Terms;
#[cfg(feature = "proof")]
use crate::client::strong::KeySource;
use crate::client::{
    Client, ClientFeatures, ClientMetadata, ClientPolicy, ClientRef, ClientRegistry, ClientSecret, Clients,
    ClientsError, Lookup, MetadataFault, NativeRedirects, OPENID, Purpose, RegisteredClient, RegistrationDenial,
};
use crate::grant::{Lifetimes, Scope, Timestamp};

/// A registry of clients that nobody registered: a client's id is an https URL, and what is there says who the client is
/// (draft-ietf-oauth-client-id-metadata-document). Metadata then say `client_id_metadata_document_supported`.
///
/// Clients that were made by hand are asked for first, those whose ids are URLs too. All others are public, or where it is
/// allowed (`with_private_key_jwt`) authenticate by keys, get codes and refresh tokens, always with PKCE by `S256`, and are
/// known by [`Client::is_stranger`]: a page shows what they say of themselves as claims, and the host of the id
/// ([`FetchUrl::host`]), which is the one thing about them that is certain. A document whose client authenticates by keys is
/// otherwise refused: without them anybody could use that client's tokens.
///
/// # What is fetched, and when
///
/// - For an **authorization request**, a pushed one and a device that begins too, if no document is at hand that is fresh.
///   Anybody can send one, so what one address, one site and one URL may cause is limited; give
///   [`Request::with_peer`](crate::Request::with_peer). Beyond the limit, or where the document cannot be had,
///   [`Engine::authorize`](crate::Engine::authorize) has a page to show with 503; where it is wrong, one that says the rule it
///   breaks.
/// - For a **token request** only if it has a code or refresh token that this engine made, for this very client; revocation
///   likewise, and userinfo for a genuine token. Such fetches have a budget of their own, which nobody else can spend. With
///   `with_private_key_jwt` an assertion has its client's document and keys fetched, within the limits of strangers. Where
///   there is no document now, the answer is 503 `temporarily_unavailable`, with `Retry-After` where it is known, and never
///   `invalid_client`, on which clients throw their tokens away.
/// - For nothing else: where an access token is checked or a session listed, the document at hand counts, and without one what
///   was granted does.
///
/// So a restart logs nobody out, nor does a site that is down: a good document is kept in memory for as long as its
/// `Cache-Control` says, from 5 minutes to a day, and for another day while no new one can be had. What a document says *now*
/// counts, as with [every registry](Clients#when-a-client-changes). Failures and wrong documents are never kept. There is room for
/// 1,000 documents; those of clients with logins go last.
///
/// ```
/// use regrant::fetch::{DocumentClients, Fetch, FetchError, FetchLimits, FetchResponse, FetchUrl};
/// use regrant::{Endpoints, Engine, MemoryStore, Scope, StaticClients};
///
/// // `ReqwestFetch` of the feature `reqwest` is one that is ready.
/// struct Gateway;
///
/// impl Fetch for Gateway {
///     async fn fetch(&self, url: &FetchUrl, limits: &FetchLimits) -> Result<FetchResponse, FetchError> {
///         # let _ = (url, limits);
///         // … through the gateway by which this host goes out …
///         # Err(FetchError::TimedOut)
///     }
/// }
///
/// let clients = DocumentClients::new(StaticClients::new(), Gateway)
///     .with_scope(Scope::parse("read write")?)
///     .with_default_scope(Scope::parse("read")?);
/// let engine = Engine::builder(MemoryStore::new(), clients)
///     .issuer("https://id.example")
///     .authorization_code()
///     .endpoints(Endpoints::new().with_authorization("/authorize").with_token("/token"))
///     .build()?;
/// let metadata = engine.metadata().expect("it has an issuer");
/// assert!(String::from_utf8_lossy(metadata.body()).contains(r#""client_id_metadata_document_supported":true"#));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A fetch waits, so this is no [`ReadyClients`](crate::client::ReadyClients), and an engine with it serves hosts with an async
/// runtime alone.
///
/// With clients that register themselves, either goes around the other:
///
/// ```
/// # #[cfg(feature = "root-secret")]
/// # fn both(gateway: impl regrant::fetch::Fetch + 'static, root: &regrant::RootSecret) -> Result<(), regrant::BuildError> {
/// # use regrant::{Engine, MemoryStore, StaticClients};
/// use regrant::client::{ClientIdKeys, StatelessClients};
/// use regrant::fetch::DocumentClients;
/// let clients = StatelessClients::new(StaticClients::new(), ClientIdKeys::new(root, None));
/// let engine = Engine::builder(MemoryStore::new(), DocumentClients::new(clients, gateway)).registration().build()?;
/// # Ok(())
/// # }
/// ```
pub struct DocumentClients<C> {
    by_hand: C,
    fetch: Arc<dyn DynFetch>,
    terms: Arc<Terms>,
    limits: FetchLimits,
    room: usize,
    clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Made at the first look-up, of the settings that there are then.
    documents: OnceLock<Documents<Client>>,
}

/// The host's policy does not want the client of this document.
#[derive(Debug, thiserror::Error)]
#[error("the client is not wanted here")]
struct NotWanted;

impl<C> DocumentClients<C> {
    /// Beside clients that were made by hand.
    pub fn new(by_hand: C, fetch: impl Fetch + 'static) -> Self {
        Self {
            by_hand,
            fetch: Arc::new(fetch),
            terms: Arc::default(),
            limits: FetchLimits::default(),
            room: ROOM,
            clock: Arc::new(Timestamp::now),
            documents: OnceLock::new(),
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Terms)) -> Self {
        change(Arc::make_mut(&mut self.terms));
        // What was read under other terms does not count any more.
        self.documents = OnceLock::new();
        self
    }

    /// With a say of the host's in which clients are let in.
    #[must_use]
    pub fn with_policy(self, policy: impl ClientPolicy + 'static) -> Self {
        self.with(|terms| terms.policy = Some(Arc::new(policy)))
    }

    /// The most that such a client may ask for, whatever its document says. Default: no scope at all.
    #[must_use]
    pub fn with_scope(self, scope: Scope) -> Self {
        self.with(|terms| terms.scope = scope)
    }

    /// What of its scope such a client gets where it asks for nothing. Default: all of it.
    #[must_use]
    pub fn with_default_scope(self, scope: Scope) -> Self {
        self.with(|terms| terms.default_scope = Some(scope))
    }

    /// Whether the scope that a document names is what its client gets where it asks for nothing, and not the most that it may ask
    /// for: that is what [`with_scope`](Self::with_scope) says, for all of them. See `StatelessClients::with_named_scope_as_default`.
    /// Default: it is the most.
    #[must_use]
    pub fn with_named_scope_as_default(self, is_default: bool) -> Self {
        self.with(|terms| terms.named_scope_is_default = is_default)
    }

    /// Other lifetimes than the engine's, for these clients.
    #[must_use]
    pub fn with_lifetimes(self, lifetimes: Lifetimes) -> Self {
        self.with(|terms| terms.lifetimes = Some(lifetimes))
    }

    /// What redirect URIs of native apps may be, besides what RFC 8252 has. A document with one that is not allowed is refused.
    /// Default: `localhost` with any port.
    #[must_use]
    pub fn with_native_redirects(self, allowed: NativeRedirects) -> Self {
        self.with(|terms| terms.native_redirects = allowed)
    }

    /// Whether such clients may authenticate by keys (`private_key_jwt`, with `jwks` or `jwks_uri` in the document). The engine then needs an
    /// issuer and a root secret, and for `jwks_uri` something to [fetch](crate::EngineBuilder::fetch) by: without it a document with one is
    /// refused. Default: no, and a document that says so is refused.
    #[cfg(feature = "proof")]
    #[must_use]
    pub fn with_private_key_jwt(self, taken: bool) -> Self {
        self.with(|terms| terms.takes_keys = taken)
    }

    /// Whether such clients may ask for access tokens that are bound to their certificates (`tls_client_certificate_bound_access_tokens`,
    /// RFC 8705 section 3.4). The host's TLS then has to ask for certificates, and to say what it was shown
    /// ([`Request::with_certificate`](crate::Request::with_certificate)). Default: no, and a client that asks for it is refused.
    #[cfg(feature = "mtls")]
    #[must_use]
    pub fn with_certificate_bound_tokens(self, taken: bool) -> Self {
        self.with(|terms| terms.takes_certificates = taken)
    }

    /// Whether such clients may know people by pairwise subjects (`subject_type`, OpenID Connect Core section 8.1). The engine then needs a
    /// subject secret (`EngineBuilder::subject_secret`). A `sector_identifier_uri` has to be on the
    /// document's own host, which vouches for it without being asked. Without one the sector is that host where all redirect URIs are on it,
    /// and else the client itself, since a document changes when its author likes. Default: no, and the wish is passed by.
    #[cfg(feature = "jwt")]
    #[must_use]
    pub fn with_pairwise_subjects(self, offered: bool) -> Self {
        self.with(|terms| terms.takes_pairwise = offered)
    }

    /// Whether such clients may hear of logouts (`backchannel_logout_uri`, Back-Channel Logout section 2.2), on the host of all
    /// their redirect URIs or of their sector; a URL elsewhere is passed by. Each is a stranger's: post by what goes to public addresses alone, as
    /// `ReqwestFetch` does. Default: no, and the wish is passed by.
    #[cfg(feature = "jwt")]
    #[must_use]
    pub fn with_backchannel_logout(self, offered: bool) -> Self {
        self.with(|terms| terms.takes_logouts = offered)
    }

    /// Other limits of one fetch: 5 seconds and 5 KiB if not set. More than
    /// [`ClientMetadata::MAX_JSON_BYTES`] are not read.
    #[must_use]
    pub fn with_limits(self, limits: FetchLimits) -> Self {
        Self { limits, documents: OnceLock::new(), ..self }
    }

    /// How many documents are kept: 1,000 if not set, at least two. Each takes a few KiB. Half of them are for clients that somebody has
    /// logged in to, the other half for all others: of whichever have more than their half the one goes first that was used least lately.
    /// So give it twice as many as there are such clients; one whose document went is fetched again at its next token request.
    #[must_use]
    pub fn with_room(self, documents: usize) -> Self {
        Self { room: documents, documents: OnceLock::new(), ..self }
    }

    /// Where the age of documents is read, for tests and where the system has none: [`Timestamp::now`] if not set.
    #[must_use]
    pub fn with_clock(self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// The clients that were made by hand.
    pub const fn by_hand(&self) -> &C {
        &self.by_hand
    }

    fn documents(&self) -> &Documents<Client> {
        self.documents.get_or_init(|| {
            let terms = Arc::clone(&self.terms);
            let read = move |url: &FetchUrl, body: &[u8]| match terms.of_document(url.as_str(), body) {
                Ok(Some(client)) => match keys_elsewhere(&client) {
                    // It could never show who it is.
                    Some(at) if FetchUrl::parse(at).is_err() => Err(MetadataFault::JwksUri.into()),
                    _ => Ok(client),
                },
                Ok(None) => Err(NotWanted.into()),
                Err(fault) => Err(fault.into()),
            };
            Documents::with(Shared(Arc::clone(&self.fetch)), read, self.limits, self.room)
        })
    }

    /// The client of this URL, as far as it may be looked up for this purpose.
    async fn by_document(&self, url: &FetchUrl, lookup: Lookup) -> Result<Option<Arc<Client>>, ClientsError> {
        if !self.terms.admit_id(url.as_str()) {
            return Ok(None);
        }
        let client = match lookup.purpose() {
            // It gets no tokens of its own, and has not registered.
            Purpose::Subject | Purpose::Registration => return Ok(None),
            // Whether a document is at hand or not: what a request is answered must not depend on who was here before.
            Purpose::Authentication => return Err(ClientsError::not_at_hand()),
            Purpose::Authorization | Purpose::Licensed => {
                match self.documents().get(url, asker(lookup), (self.clock)()).await {
                    Ok(client) => client,
                    Err(unavailable) => return refusal(unavailable),
                }
            }
            Purpose::Anew => match self.documents().get_anew(url, asker(lookup), (self.clock)()).await {
                Ok(client) => client,
                Err(unavailable) => return refusal(unavailable),
            },
            _ => {
                let at_hand = self.documents().at_hand(url, asker(lookup), (self.clock)());
                at_hand.ok_or_else(ClientsError::not_at_hand)?
            }
        };
        Ok(self.terms.admit(&client).then_some(client))
    }
}

/// Who causes a fetch, or uses a document. An access token is genuine by the time that its client is looked up.
fn asker(lookup: Lookup) -> Asker {
    match (lookup.purpose(), lookup.peer()) {
        (Purpose::Licensed | Purpose::Anew | Purpose::AccessToken | Purpose::Sessions, _) => Asker::Licensed,
        (_, Some(peer)) => Asker::Peer(peer),
        (_, None) => Asker::Unknown,
    }
}

/// Where a client has its keys.
#[cfg(feature = "proof")]
fn keys_elsewhere(client: &Client) -> Option<&str> {
    match client.key_source()? {
        KeySource::At(at) => Some(at),
        KeySource::ByValue(_) => None,
    }
}

#[cfg(not(feature = "proof"))]
const fn keys_elsewhere(_: &Client) -> Option<&str> {
    None
}

fn refusal(unavailable: Unavailable) -> Result<Option<Arc<Client>>, ClientsError> {
    let wait = match &unavailable {
        Unavailable::Limited { wait } => Some(*wait),
        Unavailable::Failed(fault) => {
            if let FetchFault::Document(source) = &**fault {
                let source: &(dyn Error + 'static) = &**source;
                if let Some(fault) = source.downcast_ref::<MetadataFault>() {
                    return Err(ClientsError::document(*fault));
                }
                if source.is::<NotWanted>() {
                    return Ok(None);
                }
            }
            None
        }
    };
    Err(ClientsError::unavailable(unavailable, wait))
}

/// The host's fetch, for as many caches as the settings change.
struct Shared(Arc<dyn DynFetch>);

impl Fetch for Shared {
    async fn fetch(&self, url: &FetchUrl, limits: &FetchLimits) -> Result<FetchResponse, FetchError> {
        self.0.fetch_dyn(url, limits).await
    }

    fn goes_on_unpolled(&self) -> bool {
        self.0.goes_on_unpolled_dyn()
    }
}

impl<C: Clients> Clients for DocumentClients<C> {
    async fn find(&self, client_id: &str, lookup: Lookup) -> Result<Option<ClientRef<'_>>, ClientsError> {
        if let Some(client) = self.by_hand.find(client_id, lookup).await? {
            return Ok(Some(client));
        }
        match FetchUrl::parse(client_id) {
            Ok(url) => Ok(self.by_document(&url, lookup).await?.map(ClientRef::Shared)),
            Err(_) => Ok(None),
        }
    }

    fn decoy(&self) -> Option<&ClientSecret> {
        self.by_hand.decoy()
    }

    fn knows_scope(&self, token: &str) -> bool {
        self.terms.scope.contains(token) || self.by_hand.knows_scope(token)
    }

    fn lets_strangers_in(&self) -> bool {
        true
    }

    fn features(&self) -> ClientFeatures {
        let mut features = self.by_hand.features();
        features.private_key_jwt |= self.terms.takes_keys;
        features.certificate_bound_tokens |= self.terms.takes_certificates;
        #[cfg(feature = "jwt")]
        {
            features.pairwise_subjects |= self.terms.takes_pairwise;
            features.backchannel_logout |= self.terms.takes_logouts;
        }
        let own = self.terms.lifetimes.map(|lifetimes| lifetimes.access_token());
        features.longest_access_token = features.longest_access_token.max(own);
        features.public = true;
        features.refresh_token = true;
        features.id_token_engine_key |= self.terms.scope.contains(OPENID);
        features.client_id_metadata_documents = true;
        features
    }
}

/// That of the clients that were made by hand: those that are known by a document need none.
#[deny(clippy::missing_trait_methods)]
impl<C: ClientRegistry> ClientRegistry for DocumentClients<C> {
    fn may_register(&self, initial_access_token: Option<&str>) -> bool {
        self.by_hand.may_register(initial_access_token)
    }

    fn native_redirects(&self) -> NativeRedirects {
        self.by_hand.native_redirects()
    }

    async fn create(&self, metadata: ClientMetadata, now: Timestamp) -> Result<RegisteredClient, RegistrationDenial> {
        self.by_hand.create(metadata, now).await
    }

    fn is_managed(&self) -> bool {
        self.by_hand.is_managed()
    }

    async fn read(&self, client_id: &str, access_token: &str) -> Result<Option<RegisteredClient>, RegistrationDenial> {
        self.by_hand.read(client_id, access_token).await
    }

    async fn update(
        &self,
        client_id: &str,
        access_token: &str,
        metadata: ClientMetadata,
        now: Timestamp,
    ) -> Result<Option<RegisteredClient>, RegistrationDenial> {
        self.by_hand.update(client_id, access_token, metadata, now).await
    }

    async fn delete(&self, client_id: &str, access_token: &str) -> Result<bool, RegistrationDenial> {
        self.by_hand.delete(client_id, access_token).await
    }
}

impl<C: fmt::Debug> fmt::Debug for DocumentClients<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DocumentClients")
            .field("by_hand", &self.by_hand)
            .field("scope", &self.terms.scope)
            .field("limits", &self.limits)
            .field("documents", &self.documents.get())
            .finish_non_exhaustive()
    }
}
