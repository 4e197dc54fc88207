//! The endpoints, and what a host plugs into them.

mod access;
mod answer;
mod authenticate;
mod authorization;
mod authorize;
mod bearer;
mod blocking;
mod build_error;
mod builder;
mod check_keys;
#[cfg(feature = "jwt")]
mod claims;
mod client_credentials;
#[cfg(feature = "jwt")]
mod discovery;
mod event;
mod grants;
mod handler;
mod hook;
mod id_token;
mod introspect;
#[cfg(feature = "jwt")]
mod jwt;
#[cfg(feature = "jwt")]
mod jwt_builder;
mod login;
mod metadata;
mod redeem;
mod refresh;
mod refusal;
mod renewal;
mod revoke;
mod sessions;
#[cfg(feature = "argon2")]
mod slow;
mod token;
#[cfg(feature = "tracing")]
mod tracing;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use access::Access;
pub use authorization::{AuthorizationError, AuthorizationRequest, Denial, Prompt, ShownError};
pub use bearer::{BearerError, BearerErrorKind};
pub use blocking::{Blocking, NotReady};
pub use build_error::BuildError;
pub use builder::EngineBuilder;
pub use check_keys::KeyError;
#[cfg(feature = "jwt")]
pub use claims::{ClaimsProvider, IdTokenRequest};
pub use client_credentials::ClientCredentials;
pub use event::{Cause, Event, EventSink};
pub use handler::{Authorization, GrantError, GrantHandler, GrantRequest};
pub use hook::{HookError, RefreshHook, RefreshRequest, Renew};
#[cfg(feature = "jwt")]
pub use jwt::JwtAccessTokens;
pub use metadata::Endpoints;
pub use refusal::Refusal;
pub use renewal::RenewalPolicy;
pub use sessions::{Session, Sessions};
#[cfg(feature = "argon2")]
pub use slow::{BlockingPool, SlowVerifier};
#[cfg(feature = "tracing")]
pub use tracing::TracingEvents;

use crate::client::{Client, Clients, NotBefore, ReadyClients};
use crate::grant::{Lifetimes, Timestamp};
use crate::store::{ReadyStore, TokenStore};
use crate::token::KeyRing;
use crate::wire::{FormError, Limits, Response, ResponseStyle};

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
/// let engine = Engine::builder(MemoryStore::new(), StaticClients::new().with(app)?).grant(Password).build()?;
///
/// let body = b"grant_type=password&username=alice&password=wonderland\
///     &client_id=app&client_secret=a-secret-of-32-characters-or-more";
/// let request = Request::new("POST", body).header("content-type", b"application/x-www-form-urlencoded");
/// let response = engine.blocking().token(&request, Timestamp::now())?;
/// assert_eq!(response.status(), 200);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Engine<S, C> {
    store: S,
    clients: C,
    keys: KeyRing,
    lifetimes: Lifetimes,
    renewal: RenewalPolicy,
    style: ResponseStyle,
    limits: Limits,
    basic_challenge: Arc<str>,
    bearer_challenge: Arc<str>,
    clock_skew: Duration,
    /// Without a slash at its end; the claim and parameter `iss`.
    issuer: Option<Arc<str>>,
    authorization_code: bool,
    endpoints: Endpoints,
    #[cfg(feature = "jwt")]
    jwt: Option<jwt::Jwt>,
    /// See [`Engine::end_all_before`].
    not_before: NotBefore,
    handlers: Vec<Box<dyn handler::DynGrantHandler>>,
    hook: Option<Box<dyn hook::DynRefreshHook>>,
    events: Option<Box<dyn EventSink>>,
    #[cfg(feature = "argon2")]
    slow: Option<SlowVerifier>,
}

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
    /// assert_eq!(engine.limits().get_body_bytes(), 64 * 1_024);
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub const fn limits(&self) -> &Limits {
        &self.limits
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
        self.refuse(&Refusal::Form(FormError::TooLarge).into())
    }

    /// Voids every grant that was made before this time, at this engine and until it is built again: keep the time and
    /// give it to [`EngineBuilder::not_before`] as well. It never moves back. Where nodes share a store, add what their clocks
    /// may differ by.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients, Timestamp};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
    /// engine.end_all_before(Timestamp::now());
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn end_all_before(&self, time: Timestamp) {
        self.not_before.raise(time);
    }

    /// What a client's grants must not be older than.
    fn not_before(&self, client: &Client) -> Timestamp {
        self.not_before.get().max(client.not_before())
    }

    /// The lifetimes that hold for a client.
    fn lifetimes<'a>(&'a self, client: &'a Client) -> &'a Lifetimes {
        client.lifetimes().unwrap_or(&self.lifetimes)
    }

    fn emit(&self, event: &Event<'_>) {
        if let Some(sink) = &self.events {
            sink.event(event);
        }
    }
}

impl<S: ReadyStore, C: ReadyClients> Engine<S, C> {
    /// The same engine for a host without an async runtime: each call polls once.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, Request, StaticClients, Timestamp};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
    /// let response = engine.blocking().token(&Request::new("GET", b""), Timestamp::now())?;
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
            .field("keys", &self.keys)
            .field("lifetimes", &self.lifetimes)
            .field("renewal", &self.renewal)
            .field("style", &self.style)
            .finish_non_exhaustive()
    }
}
