//! Clients that register themselves, and of which nothing is kept: the id says it all.
//!
//! ```text
//! "dcr." base64url( format 1 | random 16 | time 6 | metadata | MAC 16 )
//! ```
//!
//! The MAC is over all that stands before it. The random bits make each id one that nobody else has, whatever a client says of
//! itself (RFC 7591 section 3.2.1), and so its secret, which is computed from the id.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::compact::{decode_metadata, encode_metadata};
use super::keys::{ClientIdKeys, KeyNumber, MAC_LEN};
use super::metadata::Extra;
use super::terms::Terms;
use super::{ClientMetadata, ClientPolicy, ClientRegistry, MetadataFault, RegisteredClient, RegistrationDenial};
#[cfg(feature = "jwt")]
use crate::client::openid::one_https_host;
use crate::client::redirect_uri::RedirectUri;
use crate::client::{
    Client, ClientFeatures, ClientRef, ClientSecret, Clients, ClientsError, Lookup, NativeRedirects, NotBefore, OPENID,
    ReadyClients, digest,
};
use crate::grant::{Lifetimes, Scope, Timestamp};

const PREFIX: &str = "dcr.";
const FORMAT: u8 = 1;
const HEAD_LEN: usize = 1 + 16 + 6;

/// A registry with which clients register themselves, and which keeps nothing of them: a client's id is what it said of
/// itself, with 128 random bits and the time, under a MAC of 128 bits, and its secret is computed from the id. Any number of
/// registrations takes no memory and needs no cleaning up, any node knows the clients of the others, and a restart forgets
/// none.
///
/// Clients that were made by hand are asked for first. All others get codes and refresh tokens, always with PKCE by `S256`, and
/// are known by [`Client::is_stranger`]. Turn the endpoint on by
/// [`EngineBuilder::registration`](crate::EngineBuilder::registration).
///
/// An id has at most 512 characters: the usual one, of a name and one or two redirect URIs, stays below 255. Where it would be
/// longer, picture and links are left out, and then the version and id of the software; a client whose name, scope and redirect URIs
/// are longer still is refused. Contacts are never in it.
///
/// ```
/// use regrant::client::{ClientIdKeys, StatelessClients};
/// use regrant::{Endpoints, Engine, MemoryStore, RootSecret, Scope, StaticClients};
///
/// let clients = StatelessClients::new(StaticClients::new(), ClientIdKeys::new(&RootSecret::generate(1), None))
///     .with_scope(Scope::parse("read write")?)
///     .with_default_scope(Scope::parse("read")?);
/// let engine = Engine::builder(MemoryStore::new(), clients)
///     .issuer("https://id.example")
///     .authorization_code()
///     .registration()
///     .endpoints(Endpoints::new().with_token("/token").with_registration("/register"))
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct StatelessClients<C> {
    by_hand: C,
    keys: ClientIdKeys,
    terms: Terms,
    max_id_bytes: usize,
    expiry: Option<Duration>,
    not_before: NotBefore,
}

impl<C> StatelessClients<C> {
    /// The most characters of an id, where nothing else is [said](Self::with_max_id_bytes).
    pub const MAX_ID_BYTES: usize = 512;

    /// Beside clients that were made by hand.
    pub fn new(by_hand: C, keys: ClientIdKeys) -> Self {
        Self {
            by_hand,
            keys,
            terms: Terms::default(),
            max_id_bytes: Self::MAX_ID_BYTES,
            expiry: None,
            not_before: NotBefore::default(),
        }
    }

    /// With a say of the host's in who registers and who is let in.
    #[must_use]
    pub fn with_policy(mut self, policy: impl ClientPolicy + 'static) -> Self {
        self.terms.policy = Some(Arc::new(policy));
        self
    }

    /// The most that a client may ask for that registered itself; from now on, whenever it did. Default: no scope at all.
    #[must_use]
    pub fn with_scope(mut self, scope: Scope) -> Self {
        self.terms.scope = scope;
        self
    }

    /// What of its scope such a client gets where it asks for nothing. Default: all of it.
    #[must_use]
    pub fn with_default_scope(mut self, scope: Scope) -> Self {
        self.terms.default_scope = Some(scope);
        self
    }

    /// Whether the scope that a client registers with is what it gets where it asks for nothing, and not the most that it may
    /// ask for: that is what [`with_scope`](Self::with_scope) says, for all of them. Say so where clients register with what they
    /// need first and ask the person for more later, as those of the Model Context Protocol do. Default: it is the most (RFC
    /// 7591 section 2).
    ///
    /// ```
    /// # use regrant::client::{ClientIdKeys, StatelessClients};
    /// # use regrant::{RootSecret, Scope, StaticClients};
    /// # let clients = StatelessClients::new(StaticClients::new(), ClientIdKeys::new(&RootSecret::generate(1), None));
    /// let clients = clients.with_scope(Scope::parse("mcp:read mcp:admin")?).with_named_scope_as_default(true);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_named_scope_as_default(mut self, is_default: bool) -> Self {
        self.terms.named_scope_is_default = is_default;
        self
    }

    /// Other lifetimes than the engine's, for these clients.
    #[must_use]
    pub fn with_lifetimes(mut self, lifetimes: Lifetimes) -> Self {
        self.terms.lifetimes = Some(lifetimes);
        self
    }

    /// What redirect URIs of native apps may be, besides what RFC 8252 has: from now on, whenever a client registered. Default:
    /// `localhost` with any port.
    ///
    /// ```
    /// # use regrant::client::{ClientIdKeys, StatelessClients};
    /// # use regrant::{RootSecret, StaticClients};
    /// use regrant::client::NativeRedirects;
    /// # let clients = StatelessClients::new(StaticClients::new(), ClientIdKeys::new(&RootSecret::generate(1), None));
    /// let allowed = NativeRedirects::new().with_free_localhost_port(true).with_schemes(["cursor", "vscode", "claude"]);
    /// let clients = clients.with_native_redirects(allowed);
    /// ```
    #[must_use]
    pub fn with_native_redirects(mut self, allowed: NativeRedirects) -> Self {
        self.terms.native_redirects = allowed;
        self
    }

    /// Whether clients may register that authenticate by keys (`private_key_jwt`, with `jwks` or `jwks_uri`). They are given no secret;
    /// keys of EC and Ed25519 fit an id by value, those of RSA are taken by `jwks_uri`. The engine then needs an issuer and a root secret,
    /// and for `jwks_uri` something to [fetch](crate::EngineBuilder::fetch) by: without it a client with one is refused. Default: no.
    #[cfg(feature = "proof")]
    #[must_use]
    pub fn with_private_key_jwt(mut self, taken: bool) -> Self {
        self.terms.takes_keys = taken;
        self
    }

    /// Whether such clients may ask for access tokens that are bound to their certificates (`tls_client_certificate_bound_access_tokens`,
    /// RFC 8705 section 3.4). The host's TLS then has to ask for certificates, and to say what it was shown
    /// ([`Request::with_certificate`](crate::Request::with_certificate)). Default: no, and a client that asks for it is refused.
    #[cfg(feature = "mtls")]
    #[must_use]
    pub fn with_certificate_bound_tokens(mut self, taken: bool) -> Self {
        self.terms.takes_certificates = taken;
        self
    }

    /// Whether such clients may know people by pairwise subjects (`subject_type`, OpenID Connect Core section 8.1). The engine then needs a
    /// subject secret (`EngineBuilder::subject_secret`). Where a client has a `sector_identifier_uri`,
    /// [`Engine::register`](crate::Engine::register) [fetches](crate::EngineBuilder::fetch) it. Default: no, and the wish is passed by.
    #[cfg(feature = "jwt")]
    #[must_use]
    pub fn with_pairwise_subjects(mut self, offered: bool) -> Self {
        self.terms.takes_pairwise = offered;
        self
    }

    /// Whether such clients may hear of logouts (`backchannel_logout_uri`, Back-Channel Logout section 2.2), on the host of all
    /// their redirect URIs or of their sector; a URL elsewhere is passed by. Each is a stranger's: post by what goes to public addresses alone, as
    /// `ReqwestFetch` does. Default: no, and the wish is passed by.
    #[cfg(feature = "jwt")]
    #[must_use]
    pub fn with_backchannel_logout(mut self, offered: bool) -> Self {
        self.terms.takes_logouts = offered;
        self
    }

    /// The most characters of a new id: 255 to 1,024 ([`Client::MAX_ID_BYTES`]). Ids travel in headers, URLs and JWTs, and many
    /// clients keep them in columns of 255.
    #[must_use]
    pub fn with_max_id_bytes(self, most: usize) -> Self {
        Self { max_id_bytes: most.clamp(255, Client::MAX_ID_BYTES), ..self }
    }

    /// How long after its registration a client may start logins; `client_secret_expires_at` says so where it has a secret. The
    /// logins that it has by then go on to their end. Default: for ever.
    #[must_use]
    pub fn with_expiry(self, expiry: Duration) -> Self {
        Self { expiry: Some(expiry), ..self }
    }

    /// Clients that registered before this time are unknown, and so are all tokens of theirs. See
    /// [`forget_before`](Self::forget_before).
    #[must_use]
    pub fn with_not_before(self, time: Timestamp) -> Self {
        self.not_before.raise(time);
        self
    }

    /// Forgets, from now on and until it is built again, all clients that registered before this time: give the time to
    /// [`with_not_before`](Self::with_not_before) as well. It never moves back.
    pub fn forget_before(&self, time: Timestamp) {
        self.not_before.raise(time);
    }

    /// The clients that were made by hand.
    pub const fn by_hand(&self) -> &C {
        &self.by_hand
    }

    /// Takes a client in.
    fn register(&self, metadata: ClientMetadata, now: Timestamp) -> Result<RegisteredClient, RegistrationDenial> {
        let metadata = self.terms.narrow(metadata)?;
        let (id, metadata) = self.mint(metadata, now)?;
        // An id that is nobody's is of no use.
        self.client(metadata.clone(), &id, ClientIdKeys::CURRENT, now)?;
        let registered = RegisteredClient::new(&id, metadata, now);
        let registered = match self.expires_at(now) {
            Some(time) => registered.with_expiry(time),
            None => registered,
        };
        if registered.metadata().auth_method().is_by_secret() {
            return Ok(registered.with_secret(&self.secret(ClientIdKeys::CURRENT, &id)));
        }
        Ok(registered)
    }

    /// A new id, and what is in it.
    fn mint(&self, mut metadata: ClientMetadata, now: Timestamp) -> Result<(String, ClientMetadata), MetadataFault> {
        metadata.contacts.clear();
        #[cfg(feature = "proof")]
        if metadata.keys.as_ref().is_some_and(|keys| keys.encode(&mut Vec::new()).is_none()) {
            return Err(MetadataFault::KeyTooLongForAnId);
        }
        let most = (self.max_id_bytes - PREFIX.len()) * 3 / 4 - HEAD_LEN - MAC_LEN;
        let mut dispensable = Extra::ALL.into_iter().rev();
        let compact = loop {
            if let Some(compact) = encode_metadata(&metadata).filter(|compact| compact.len() <= most) {
                break compact;
            }
            let extra = dispensable.next().ok_or(MetadataFault::TooLongForAnId)?;
            metadata.extras[extra as usize] = None;
        };
        let mut bytes = Vec::with_capacity(HEAD_LEN + compact.len() + MAC_LEN);
        bytes.push(FORMAT);
        bytes.extend(rand::random::<[u8; 16]>());
        bytes.extend(&now.as_millis().to_be_bytes()[2..]);
        bytes.extend(compact);
        bytes.extend(self.keys.mac(&bytes));
        let mut id = String::from(PREFIX);
        URL_SAFE_NO_PAD.encode_string(&bytes, &mut id);
        Ok((id, metadata))
    }

    /// The client whose id this is, if it is one of these.
    fn read(&self, id: &str) -> Option<Client> {
        let bytes = URL_SAFE_NO_PAD.decode(id.strip_prefix(PREFIX)?).ok()?;
        let (message, mac) = bytes.split_last_chunk::<MAC_LEN>()?;
        let key = self.keys.verify(message, mac)?;
        // All that follows was written here.
        let (head, compact) = message.split_first_chunk::<HEAD_LEN>()?;
        let issued_at = issued_at(head)?;
        if issued_at < self.not_before.get() {
            return None;
        }
        let client = self.client(decode_metadata(compact)?, id, key, issued_at).ok()?;
        self.terms.admit(&client).then_some(client)
    }

    /// The client that an id speaks of.
    fn client(
        &self,
        metadata: ClientMetadata,
        id: &str,
        key: KeyNumber,
        issued_at: Timestamp,
    ) -> Result<Client, MetadataFault> {
        // By what it registered with: what it is called by must not follow from what is left of that.
        #[cfg(feature = "jwt")]
        let is_own_sector = metadata.pairwise_subjects()
            && metadata.sector_identifier_uri().is_none()
            && one_https_host(metadata.redirect_uris()).is_none();
        // What the host has ceased to allow is gone.
        let metadata =
            metadata.retain_redirect_uris(|uri| RedirectUri::parse(uri, &self.terms.native_redirects).is_ok())?;
        let secret = || ClientSecret::from_digest(digest(self.secret(key, id).as_bytes()));
        let secret = metadata.auth_method().is_by_secret().then(secret);
        let mut builder = self.terms.builder(&metadata, id, secret);
        #[cfg(feature = "jwt")]
        if is_own_sector {
            builder = builder.sector_of_its_own();
        }
        if let Some(time) = self.expires_at(issued_at) {
            builder = builder.no_logins_from(time);
        }
        builder.build().map_err(MetadataFault::of_client)
    }

    fn secret(&self, key: KeyNumber, id: &str) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(*self.keys.secret(key, id)))
    }

    fn expires_at(&self, issued_at: Timestamp) -> Option<Timestamp> {
        self.expiry.map(|expiry| issued_at + expiry)
    }
}

/// When an id was made; `None` where it has another format.
fn issued_at(head: &[u8; HEAD_LEN]) -> Option<Timestamp> {
    let (&format, rest) = head.split_first()?;
    let &[a, b, c, d, e, f] = rest.last_chunk()?;
    (format == FORMAT).then(|| Timestamp::from_millis(u64::from_be_bytes([0, 0, a, b, c, d, e, f])))
}

impl<C: Clients> Clients for StatelessClients<C> {
    async fn find(&self, client_id: &str, lookup: Lookup) -> Result<Option<ClientRef<'_>>, ClientsError> {
        match self.by_hand.find(client_id, lookup).await? {
            Some(client) => Ok(Some(client)),
            None => Ok(self.read(client_id).map(|client| Arc::new(client).into())),
        }
    }

    fn decoy(&self) -> Option<&ClientSecret> {
        self.by_hand.decoy()
    }

    fn knows_scope(&self, token: &str) -> bool {
        self.terms.scope.contains(token) || self.by_hand.knows_scope(token)
    }

    /// Also where this engine registers nobody: ids that another one made are good here.
    fn lets_strangers_in(&self) -> bool {
        true
    }

    fn features(&self) -> ClientFeatures {
        let mut features = self.by_hand.features();
        features.client_secret_basic = true;
        features.client_secret_post = true;
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
        features
    }
}

impl<C: ReadyClients> ReadyClients for StatelessClients<C> {}

impl<C: Clients> ClientRegistry for StatelessClients<C> {
    fn may_register(&self, initial_access_token: Option<&str>) -> bool {
        self.terms.policy.as_ref().is_none_or(|policy| policy.may_register(initial_access_token))
    }

    fn native_redirects(&self) -> NativeRedirects {
        self.terms.native_redirects.clone()
    }

    async fn create(&self, metadata: ClientMetadata, now: Timestamp) -> Result<RegisteredClient, RegistrationDenial> {
        self.register(metadata, now)
    }
}

impl<C: fmt::Debug> fmt::Debug for StatelessClients<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatelessClients")
            .field("by_hand", &self.by_hand)
            .field("scope", &self.terms.scope)
            .field("max_id_bytes", &self.max_id_bytes)
            .field("expiry", &self.expiry)
            .finish_non_exhaustive()
    }
}
