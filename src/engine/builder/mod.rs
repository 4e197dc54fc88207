//! Building an engine.

mod answers;
mod assemble;
mod checks;
#[cfg(feature = "root-secret")]
mod device;
#[cfg(feature = "proof")]
mod dpop;
pub(super) mod error;
#[cfg(feature = "jwt")]
mod exchange;
#[cfg(feature = "root-secret")]
mod foreign;
#[cfg(feature = "jwt")]
mod jwt;
#[cfg(feature = "proof")]
mod jwt_bearer;
#[cfg(feature = "proof")]
mod profile;
#[cfg(feature = "proof")]
mod proof;
mod realm;
mod requests;
mod resources;
mod throttle;

pub use error::BuildError;

use std::time::Duration;

use smol_str::SmolStr;

#[cfg(feature = "proof")]
use super::client_auth::FetchedKeys;
#[cfg(feature = "argon2")]
use super::client_auth::SlowVerifier;
use super::documents::Endpoints;
#[cfg(feature = "root-secret")]
use super::host::DynForeignTokens;
use super::host::{EventSink, GrantHandler, Host, IssueHook, RenewalPolicy};
use super::jwt::JwtSettings;
use super::live::LiveLifetimes;
use super::resources::ResourceSettings;
use super::settings::Settings;
use super::{AsRegistry, Engine};
use crate::client::{ClientRegistry, Clients, UnknownScopes};
use crate::grant::{Lifetimes, Timestamp};
#[cfg(feature = "root-secret")]
use crate::secret::root::{RootSecret, SubjectSecret};
use crate::store::TokenStore;
use crate::token::Key;
use crate::wire::Limits;

/// Builds an [`Engine`].
///
/// ```
/// use regrant::{Engine, EngineBuilder, Key, MemoryStore, StaticClients};
/// let builder: EngineBuilder<_, _> = Engine::builder(MemoryStore::new(), StaticClients::new());
/// let engine = builder.key(Key::generate(1)).realm("shop").build()?;
/// # Ok::<(), regrant::BuildError>(())
/// ```
#[must_use]
pub struct EngineBuilder<S, C> {
    store: S,
    clients: C,
    key: Option<Key>,
    accepted: Vec<Key>,
    settings: Settings,
    challenge_realm: String,
    realm: Option<SmolStr>,
    adopted: Vec<SmolStr>,
    #[cfg(feature = "root-secret")]
    root: Option<RootSecret>,
    #[cfg(feature = "root-secret")]
    old_root: Option<(RootSecret, Timestamp)>,
    #[cfg(feature = "root-secret")]
    subject_secret: Option<SubjectSecret>,
    #[cfg(feature = "root-secret")]
    foreign: Option<Box<dyn DynForeignTokens>>,
    #[cfg(feature = "root-secret")]
    device: Option<super::device::DeviceAuthorization>,
    #[cfg(feature = "proof")]
    dpop: Option<super::binding::Dpop>,
    #[cfg(feature = "proof")]
    jwt_bearer: Option<Box<super::jwt_bearer::JwtBearer>>,
    endpoints: Endpoints,
    jwt: JwtSettings,
    registry: Option<AsRegistry<C>>,
    resources: ResourceSettings,
    not_before: Timestamp,
    host: Host,
    #[cfg(feature = "argon2")]
    slow: Option<SlowVerifier>,
    #[cfg(feature = "proof")]
    pub(super) client_keys: Option<Box<FetchedKeys>>,
}

impl<S: TokenStore, C: Clients> EngineBuilder<S, C> {
    pub(super) fn new(store: S, clients: C) -> Self {
        Self {
            store,
            clients,
            key: None,
            accepted: Vec::new(),
            settings: Settings::default(),
            challenge_realm: String::from("token"),
            realm: None,
            adopted: Vec::new(),
            #[cfg(feature = "root-secret")]
            root: None,
            #[cfg(feature = "root-secret")]
            old_root: None,
            #[cfg(feature = "root-secret")]
            subject_secret: None,
            #[cfg(feature = "root-secret")]
            foreign: None,
            #[cfg(feature = "root-secret")]
            device: None,
            #[cfg(feature = "proof")]
            dpop: None,
            #[cfg(feature = "proof")]
            jwt_bearer: None,
            endpoints: Endpoints::default(),
            jwt: JwtSettings::default(),
            registry: None,
            resources: ResourceSettings::default(),
            not_before: Timestamp::EPOCH,
            host: Host::default(),
            #[cfg(feature = "argon2")]
            slow: None,
            #[cfg(feature = "proof")]
            client_keys: None,
        }
    }

    /// The key that tokens are made under. Default: a generated one, which is an error on a store that outlives the
    /// process.
    ///
    /// ```
    /// # use regrant::{Engine, Key, MemoryStore, StaticClients};
    /// # let secret_bytes = [7; 32];
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .key(Key::from_bytes(2, &secret_bytes))
    ///     .build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn key(mut self, key: Key) -> Self {
        self.key = Some(key);
        self
    }

    /// A key whose tokens are accepted besides: the one to come, or the one that was. See [`Key`].
    ///
    /// ```
    /// # use regrant::{Engine, Key, MemoryStore, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .key(Key::generate(2))
    ///     .accept_key(Key::generate(1))
    ///     .build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn accept_key(mut self, key: Key) -> Self {
        self.accepted.push(key);
        self
    }

    /// How long tokens and grants live, where a client has no lifetimes of its own. [`Engine::set_lifetimes`] changes them
    /// while the engine serves.
    ///
    /// ```
    /// # use regrant::{Engine, Lifetimes, MemoryStore, StaticClients};
    /// # use std::time::Duration;
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .lifetimes(Lifetimes::default().with_access_token(Duration::from_secs(300)))
    ///     .build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn lifetimes(mut self, lifetimes: Lifetimes) -> Self {
        self.settings.lifetimes = LiveLifetimes::new(lifetimes);
        self
    }

    /// Who this server is: an `https` URL (`http` for trying out) without query and fragment (RFC 8414 section 2). It may have
    /// a path, and end in a slash: clients compare it to the byte, so it stands as it is written here in authorization
    /// responses (RFC 9207), JWTs, introspection and metadata. [`Engine::document_at`] says where its documents are.
    /// Default: none.
    ///
    /// ```
    /// # use regrant::{BuildError, Engine, MemoryStore, StaticClients};
    /// let builder = Engine::builder(MemoryStore::new(), StaticClients::new());
    /// assert!(builder.issuer("https://id.example/tenant/").build().is_ok());
    /// let builder = Engine::builder(MemoryStore::new(), StaticClients::new());
    /// assert!(matches!(builder.issuer("id.example").build(), Err(BuildError::Issuer)));
    /// ```
    pub fn issuer(mut self, url: &str) -> Self {
        self.settings.issuer = Some(url.into());
        self
    }

    /// Turns the authorization code grant on (RFC 6749 section 4.1): [`Engine::authorize`], [`Engine::approve`], and
    /// `grant_type=authorization_code`. Default: off.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .issuer("https://id.example")
    ///     .authorization_code()
    ///     .build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn authorization_code(mut self) -> Self {
        self.settings.authorization_code = true;
        self
    }

    /// What becomes of scopes that nobody here knows, in authorization requests. Default: ignored where `openid` is asked
    /// for, refused elsewhere.
    ///
    /// ```
    /// # use regrant::client::UnknownScopes;
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// let engine =
    ///     Engine::builder(MemoryStore::new(), StaticClients::new()).unknown_scopes(UnknownScopes::Refuse).build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn unknown_scopes(mut self, policy: UnknownScopes) -> Self {
        self.settings.unknown_scopes = policy;
        self
    }

    /// Where the host mounts the endpoints, for [`Engine::metadata`]. Default: nowhere.
    ///
    /// ```
    /// # use regrant::{Endpoints, Engine, MemoryStore, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .endpoints(Endpoints::new().with_token("/oauth2/token"))
    ///     .build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn endpoints(mut self, endpoints: Endpoints) -> Self {
        self.endpoints = endpoints;
        self
    }

    /// Which logins make a renewable grant. Default: all.
    ///
    /// ```
    /// # use regrant::engine::RenewalPolicy;
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// let engine =
    ///     Engine::builder(MemoryStore::new(), StaticClients::new()).renewal(RenewalPolicy::Never).build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn renewal(mut self, policy: RenewalPolicy) -> Self {
        self.settings.renewal = policy;
        self
    }

    /// Lets clients register themselves (RFC 7591): [`Engine::register`] takes them in, and the metadata say where. Default: off.
    ///
    /// ```
    /// # use regrant::client::{ClientIdKeys, StatelessClients};
    /// # use regrant::{Engine, MemoryStore, RootSecret, StaticClients};
    /// let clients = StatelessClients::new(StaticClients::new(), ClientIdKeys::new(&RootSecret::generate(1), None));
    /// let engine = Engine::builder(MemoryStore::new(), clients).registration().build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn registration(mut self) -> Self
    where
        C: ClientRegistry,
    {
        self.registry = Some(|clients| clients);
        self
    }

    /// How much of a request is read.
    ///
    /// ```
    /// # use regrant::wire::Limits;
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .limits(Limits::default().with_body_bytes(8 * 1_024))
    ///     .build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// The realm of the challenges in `WWW-Authenticate`. Default: `token`.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).challenge_realm("marketplace").build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn challenge_realm(mut self, realm: &str) -> Self {
        realm.clone_into(&mut self.challenge_realm);
        self
    }

    /// How far the clocks of the nodes that share a store may be apart: so much of a negative elapsed time counts as
    /// inside the retry window. Further back nothing can be said of the predecessor, and it is answered 503. Default: 5
    /// seconds.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// # use std::time::Duration;
    /// let engine =
    ///     Engine::builder(MemoryStore::new(), StaticClients::new()).clock_skew(Duration::from_secs(2)).build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn clock_skew(mut self, skew: Duration) -> Self {
        self.settings.clock_skew = skew;
        self
    }

    /// Voids every grant that was made before this time. See [`Engine::void_grants_before`].
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients, Timestamp};
    /// let engine =
    ///     Engine::builder(MemoryStore::new(), StaticClients::new()).not_before(Timestamp::now()).build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn not_before(mut self, time: Timestamp) -> Self {
        self.not_before = time;
        self
    }

    /// Adds a grant type. `refresh_token` is there; everything else, `password` too, is off until it is added here.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// # use regrant::{Authorization, GrantError, GrantHandler, GrantRequest};
    /// # struct Password;
    /// # impl GrantHandler for Password {
    /// #     fn grant_type(&self) -> &str { "password" }
    /// #     async fn authorize(&self, _: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
    /// #         Err(GrantError::invalid_grant())
    /// #     }
    /// # }
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).grant_handler(Password).build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn grant_handler(mut self, handler: impl GrantHandler + 'static) -> Self {
        self.host.add_handler(handler);
        self
    }

    /// Asks the host about every answer that hands out tokens, whatever the [kind](crate::engine::IssueKind): codes, refreshes, grant
    /// handlers, devices, assertions and exchanges. The last two have policies of their own, which are asked before.
    ///
    /// ```
    /// # use regrant::engine::{HookError, IssueDecision, IssueHook, IssueRequest};
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// struct Closed;
    /// impl IssueHook for Closed {
    ///     async fn on_issue(&self, _: &IssueRequest<'_>) -> Result<IssueDecision, HookError> {
    ///         Ok(IssueDecision::Refuse)
    ///     }
    /// }
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).on_issue(Closed).build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn on_issue(mut self, hook: impl IssueHook + 'static) -> Self {
        self.host.set_hook(hook);
        self
    }

    /// Where events go; each sink that is given hears of all of them, in order. Default: nowhere.
    ///
    /// ```
    /// # use regrant::event::Event;
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .events(|event: &Event<'_>| println!("{event:?}"))
    ///     .build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn events(mut self, sink: impl EventSink + 'static) -> Self {
        self.host.add_events(sink);
        self
    }

    /// Whether events say whose grant they are about, so that a line of an audit log can be written from the event alone. Off
    /// by default: it is a person, and event sinks often write to logs that anybody reads.
    ///
    /// ```
    /// # use regrant::event::Event;
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .subjects_in_events(true)
    ///     .events(|event: &Event<'_>| {
    ///         if let Event::Revoked { grant, client_id, subject, .. } = event {
    ///             println!("{client_id} {grant} {:?}", subject.map(|subject| subject.as_str()));
    ///         }
    ///     })
    ///     .build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn subjects_in_events(mut self, named: bool) -> Self {
        self.host.name_subjects(named);
        self
    }

    /// Verifies secrets that are kept as PHC strings (feature `argon2`).
    ///
    /// ```
    /// # use regrant::engine::SlowVerifier;
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .slow_verifier(SlowVerifier::inline())
    ///     .build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    #[cfg(feature = "argon2")]
    pub fn slow_verifier(mut self, verifier: SlowVerifier) -> Self {
        self.slow = Some(verifier);
        self
    }

    /// The engine.
    ///
    /// # Errors
    ///
    /// [`BuildError`], in words that say what to change.
    ///
    /// ```
    /// # use regrant::{BuildError, Engine, Key, MemoryStore, StaticClients};
    /// let twice = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .key(Key::generate(1))
    ///     .accept_key(Key::generate(1))
    ///     .build();
    /// assert!(matches!(twice, Err(BuildError::DuplicateKey)));
    /// ```
    pub fn build(self) -> Result<Engine<S, C>, BuildError> {
        #[cfg(feature = "proof")]
        let this = self.under_profile()?;
        #[cfg(not(feature = "proof"))]
        let this = self;
        this.build_described()
    }
}
