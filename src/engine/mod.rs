//! The endpoints, and what a host plugs into them.

mod authorization_endpoint;
#[cfg(feature = "proof")]
mod binding;
#[cfg(not(feature = "proof"))]
#[path = "binding_off.rs"]
mod binding;
mod blocking;
mod bounds;
mod builder;
pub(crate) mod by_path;
mod check_keys;
mod client_auth;
#[cfg(feature = "root-secret")]
mod device;
mod displacement;
mod documents;
#[cfg(feature = "jwt")]
mod exchange;
mod failure;
#[cfg(feature = "root-secret")]
mod foreign;
mod grants;
mod head;
pub(crate) mod host;
#[cfg(feature = "jwt")]
pub(crate) mod id_token_hint;
mod introspection;
mod issue;
#[cfg(feature = "jwt")]
pub(crate) mod jwt;
#[cfg(not(feature = "jwt"))]
#[path = "jwt_off.rs"]
mod jwt;
#[cfg(feature = "proof")]
mod jwt_bearer;
mod live;
#[cfg(all(feature = "jwt", feature = "root-secret"))]
mod logout;
#[cfg(feature = "root-secret")]
mod markers;
mod new_grant;
#[cfg(feature = "jwt")]
pub(crate) mod openid;
mod prefix;
#[cfg(feature = "proof")]
pub(crate) mod profile;
#[cfg(not(feature = "proof"))]
#[path = "profile_off.rs"]
mod profile;
mod realm;
pub(crate) mod refusal;
mod registration;
mod resource;
mod resources;
mod revocation;
#[cfg(feature = "root-secret")]
mod roots;
mod session;
mod sessions;
mod settings;
#[cfg(feature = "jwt")]
mod signing_keys;
mod slot;
#[cfg(all(feature = "jwt", feature = "root-secret"))]
mod subjects;
#[cfg(all(feature = "jwt", not(feature = "root-secret")))]
#[path = "subjects_off.rs"]
mod subjects;
mod swap;
mod throttling;
mod time;
mod token_endpoint;

use std::fmt;

pub use authorization_endpoint::{
    Approval, AuthorizationError, AuthorizationRequest, Denial, Display, Person, Prompt, ShownError, WayOn,
};
#[cfg(feature = "root-secret")]
pub use authorization_endpoint::{Interaction, InteractionError};
#[cfg(feature = "proof")]
pub use binding::Dpop;
pub use blocking::{Blocking, NotReady};
pub use builder::{BuildError, EngineBuilder};
pub use check_keys::KeyCheckError;
#[cfg(feature = "argon2")]
pub use client_auth::{BlockingPool, SlowVerifier};
#[cfg(feature = "root-secret")]
pub use device::{DeviceAuthorization, DeviceError, DeviceLogin};
pub use documents::{Endpoints, MetadataError, MetadataMembers};
#[cfg(feature = "jwt")]
pub use exchange::{ExchangeParty, ExchangeToken};
#[cfg(feature = "proof")]
pub use host::{AssertionPolicy, AssertionRequest};
pub use host::{
    Authorization, ClientCredentials, Clock, GrantChanges, GrantError, GrantHandler, GrantRequest, HookError,
    IssueDecision, IssueHook, IssueKind, IssueRequest, PendingGuess, RenewalPolicy,
};
#[cfg(feature = "jwt")]
pub use host::{ExchangeDecision, ExchangePolicy, ExchangeRequest, ExchangeTerms};
#[cfg(feature = "root-secret")]
pub use host::{ForeignLogin, ForeignToken, ForeignTokens};
#[cfg(feature = "proof")]
pub use jwt_bearer::{JwtBearer, TrustedIssuer};
#[cfg(all(feature = "jwt", feature = "root-secret"))]
pub use logout::{LoggedOut, LogoutConsent, LogoutFault, LogoutNotice, LogoutRequest};
#[cfg(feature = "proof")]
pub use profile::{Profile, ProfileGap};
pub use resource::{Access, BearerCheck, BearerError, BearerErrorKind};
pub use resources::{AccessTokenFormat, Resource, ResourceRef, Resources};
pub use session::Session;
pub use sessions::Sessions;
pub use slot::{EngineSlot, ExchangeError};

use failure::Failure;
use host::{Event, Host, Subject};
use jwt::Jwt;
use realm::Realm;
use refusal::RequestRefusal;
use settings::Settings;
use time::Time;

use crate::client::{Client, Clients, DynClientRegistry, NotBefore, ReadyClients};
use crate::grant::{Grant, Lifetimes, Timestamp};
#[cfg(feature = "proof")]
pub use crate::proof::AssertionProfile;
use crate::store::{ReadyStore, TokenStore};
use crate::wire::{FormError, Limits, Response};

/// The token engine: requests in, responses out, grants in a store.
///
/// It holds no socket, starts no task and reads no clock. Share it behind an `Arc`; every method takes `&self`.
///
/// ```
/// use regrant::{
///     Authorization, Client, ClientSecret, Engine, GrantError, GrantHandler, GrantRequest, MemoryStore, Request,
///     Scope, StaticClients, Timestamp,
/// };
///
/// struct Password;
///
/// impl GrantHandler for Password {
///     fn grant_type(&self) -> &str {
///         "password"
///     }
///
///     async fn authorize(&self, request: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
///         match (request.required("username")?, request.required("password")?) {
///             ("alice", "wonderland") => Ok(Authorization::of("alice")),
///             _ => Err(GrantError::invalid_grant()),
///         }
///     }
/// }
///
/// let app = Client::confidential("app")
///     .secret(ClientSecret::new("a-secret-of-32-characters-or-more")?)
///     .grant_type("password")
///     .grant_type("refresh_token")
///     .scope(Scope::parse("read")?)
///     .build()?;
/// let engine = Engine::builder(MemoryStore::new(), StaticClients::new().with(app)?).grant_handler(Password).build()?;
///
/// let body = b"grant_type=password&username=alice&password=wonderland\
///     &client_id=app&client_secret=a-secret-of-32-characters-or-more";
/// let request = Request::new("POST", body).with_header("content-type", b"application/x-www-form-urlencoded");
/// let response = engine.blocking().token(&request, Timestamp::now)?;
/// assert_eq!(response.status(), 200);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Engine<S, C> {
    store: S,
    clients: C,
    realm: Realm,
    settings: Settings,
    /// Where the endpoints are, for the documents.
    endpoints: Endpoints,
    jwt: Jwt,
    /// Where clients register themselves, if they may.
    registry: Option<AsRegistry<C>>,
    /// See [`Engine::void_grants_before`].
    not_before: NotBefore,
    host: Host,
    #[cfg(feature = "root-secret")]
    roots: Option<roots::Roots>,
    /// What the subject secret is known again by, where there is one.
    #[cfg(feature = "root-secret")]
    subject: Option<roots::SubjectPrint>,
    /// Tokens of another server.
    #[cfg(feature = "root-secret")]
    foreign: Option<Box<foreign::ForeignEngine>>,
    /// Devices that are logged in.
    #[cfg(feature = "root-secret")]
    device: Option<Box<device::DeviceEngine>>,
    /// Where there is a subject secret.
    #[cfg(all(feature = "jwt", feature = "root-secret"))]
    subjects: Option<Box<subjects::Subjects>>,
    #[cfg(feature = "proof")]
    dpop: Option<Box<binding::DpopEngine>>,
    /// Where assertions of others are grants.
    #[cfg(feature = "proof")]
    jwt_bearer: Option<Box<jwt_bearer::JwtBearerEngine>>,
    #[cfg(feature = "argon2")]
    slow: Option<SlowVerifier>,
    /// Keys of clients that are to be fetched.
    #[cfg(feature = "proof")]
    client_keys: Option<Box<client_auth::FetchedKeys>>,
}

/// The clients as a registry that takes clients in: the type says whether they are one, and the host whether they are used as
/// one.
pub(in crate::engine) type AsRegistry<C> = fn(&C) -> &dyn DynClientRegistry;

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Begins an engine on this store, for these clients.
    ///
    /// ```
    /// use regrant::{Engine, MemoryStore, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn builder(store: S, clients: C) -> EngineBuilder<S, C> {
        EngineBuilder::new(store, clients)
    }

    /// The store.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
    /// assert_eq!(engine.store().len(), 0);
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub const fn store(&self) -> &S {
        &self.store
    }

    /// The clients.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
    /// assert!(engine.clients().get("app").is_none());
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub const fn clients(&self) -> &C {
        &self.clients
    }

    /// How much of a request is read: what a host that reads bodies itself keeps to.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
    /// assert_eq!(engine.limits().body_bytes(), 64 * 1_024);
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub const fn limits(&self) -> &Limits {
        &self.settings.limits
    }

    /// The response to a body that the host stopped reading at the limit: 413.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
    /// assert_eq!(engine.body_too_large().status(), 413);
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn body_too_large(&self) -> Response {
        self.refuse(&Failure::from(RequestRefusal::Form(FormError::TooLarge)))
    }

    /// The response to a body that broke off while the host read it: 400 `invalid_request`. Half a request is none: nothing is said of its
    /// secrets and tokens, on which a client might throw its own away.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
    /// assert_eq!(engine.body_broken().status(), 400);
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn body_broken(&self) -> Response {
        self.refuse(&Failure::from(RequestRefusal::BrokenBody))
    }

    /// Voids every grant that was made before this time, at this engine and until it is built again: keep the time and
    /// give it to [`EngineBuilder::not_before`] as well. It never moves back. Where nodes share a store, add what their clocks
    /// may differ by.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients, Timestamp};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
    /// engine.void_grants_before(Timestamp::now());
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn void_grants_before(&self, time: Timestamp) {
        self.not_before.raise(time);
    }

    /// What a client's grants must not be older than.
    fn not_before(&self, client: &Client) -> Timestamp {
        self.not_before.get().max(client.not_before())
    }

    /// The same of a client that may not be at hand.
    fn not_before_of(&self, client: Option<&Client>) -> Timestamp {
        client.map_or_else(|| self.not_before.get(), |client| self.not_before(client))
    }

    /// The lifetimes that hold for a client.
    fn lifetimes(&self, client: &Client) -> Lifetimes {
        match client.lifetimes() {
            Some(own) => *own,
            #[cfg(feature = "proof")]
            None if client.is_public() && client.is_stranger() => {
                self.settings.untrusted_lifetimes.as_deref().unwrap_or(&self.settings.lifetimes).get()
            }
            None => self.settings.lifetimes.get(),
        }
    }

    /// As it was configured, to the byte.
    fn issuer(&self) -> Option<&str> {
        self.settings.issuer.as_deref()
    }

    /// Its [realm](EngineBuilder::realm); `None` where it has its store for itself.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).realm("shop").build()?;
    /// assert_eq!(engine.realm(), Some("shop"));
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn realm(&self) -> Option<&str> {
        self.realm.name()
    }

    /// Begins the time of a request.
    fn time<'c>(&self, clock: &'c dyn Clock) -> Time<'c> {
        // A store that takes time to commit may do so without its future ever being pending: one that blocks.
        Time::new(clock, !self.settings.longest_commit.is_zero())
    }

    /// The resource owner of a grant, as events have them.
    fn subject_of<'g>(&self, grant: &'g Grant) -> Option<Subject<'g>> {
        if self.host.names_subjects() { self.host.subject(grant.subject()) } else { None }
    }

    fn emit(&self, event: &Event<'_>) {
        self.host.tell(event);
    }
}

impl<S: ReadyStore, C: ReadyClients> Engine<S, C> {
    /// The same engine for a host without an async runtime: each call polls once.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, Request, StaticClients, Timestamp};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
    /// let response = engine.blocking().token(&Request::new("GET", b""), Timestamp::now)?;
    /// assert_eq!(response.status(), 405);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn blocking(&self) -> Blocking<'_, S, C> {
        Blocking::new(self)
    }
}

impl<S, C> fmt::Debug for Engine<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("realm", &self.realm.name())
            .field("keys", self.realm.keys())
            .field("lifetimes", &self.usual_lifetimes())
            .field("renewal", &self.settings.renewal)
            .field("style", &self.settings.style)
            .finish_non_exhaustive()
    }
}
