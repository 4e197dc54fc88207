//! Building an engine.

use std::sync::Arc;
use std::time::Duration;

use super::Engine;
use super::build_error::BuildError;
use super::event::EventSink;
use super::handler::{DynGrantHandler, GrantHandler};
use super::hook::{DynRefreshHook, RefreshHook};
use super::metadata::Endpoints;
use super::renewal::RenewalPolicy;
#[cfg(feature = "argon2")]
use super::slow::SlowVerifier;
use crate::client::{AUTHORIZATION_CODE, Clients, NotBefore, REFRESH_TOKEN};
use crate::grant::{Lifetimes, Timestamp};
use crate::store::{Durability, TokenStore};
use crate::token::{Key, KeyRing};
use crate::wire::{Limits, ResponseStyle, is_defined, is_error_text, read_uri, web_host};

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
    lifetimes: Lifetimes,
    renewal: RenewalPolicy,
    style: ResponseStyle,
    limits: Limits,
    realm: String,
    clock_skew: Duration,
    issuer: Option<String>,
    authorization_code: bool,
    endpoints: Endpoints,
    #[cfg(feature = "jwt")]
    pub(super) jwt: super::jwt_builder::JwtSettings,
    not_before: Timestamp,
    handlers: Vec<Box<dyn DynGrantHandler>>,
    hook: Option<Box<dyn DynRefreshHook>>,
    events: Option<Box<dyn EventSink>>,
    #[cfg(feature = "argon2")]
    slow: Option<SlowVerifier>,
}

impl<S: TokenStore, C: Clients> EngineBuilder<S, C> {
    pub(super) fn new(store: S, clients: C) -> Self {
        Self {
            store,
            clients,
            key: None,
            accepted: Vec::new(),
            lifetimes: Lifetimes::default(),
            renewal: RenewalPolicy::default(),
            style: ResponseStyle::default(),
            limits: Limits::default(),
            realm: String::from("token"),
            clock_skew: Duration::from_secs(5),
            issuer: None,
            authorization_code: false,
            endpoints: Endpoints::default(),
            #[cfg(feature = "jwt")]
            jwt: super::jwt_builder::JwtSettings::default(),
            not_before: Timestamp::EPOCH,
            handlers: Vec::new(),
            hook: None,
            events: None,
            #[cfg(feature = "argon2")]
            slow: None,
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

    /// How long tokens and grants live, where a client has no lifetimes of its own.
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
        self.lifetimes = lifetimes;
        self
    }

    /// Who this server is: an `https` URL (`http` for trying out) without query and fragment and without a slash at its
    /// end (RFC 8414 section 2). It is in authorization responses (RFC 9207), JWTs, introspection and metadata. Default:
    /// none.
    ///
    /// ```
    /// # use regrant::{BuildError, Engine, MemoryStore, StaticClients};
    /// let builder = Engine::builder(MemoryStore::new(), StaticClients::new());
    /// assert!(builder.issuer("https://id.example/tenant").build().is_ok());
    /// let builder = Engine::builder(MemoryStore::new(), StaticClients::new());
    /// assert!(matches!(builder.issuer("id.example").build(), Err(BuildError::Issuer)));
    /// ```
    pub fn issuer(mut self, url: &str) -> Self {
        self.issuer = Some(url.to_owned());
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
        self.authorization_code = true;
        self
    }

    /// Where the host mounts the endpoints, for [`Engine::metadata`]. Default: nowhere.
    ///
    /// ```
    /// # use regrant::{Endpoints, Engine, MemoryStore, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .endpoints(Endpoints::new().token("/oauth2/token"))
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
    /// # use regrant::{Engine, MemoryStore, RenewalPolicy, StaticClients};
    /// let engine =
    ///     Engine::builder(MemoryStore::new(), StaticClients::new()).renewal(RenewalPolicy::Never).build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn renewal(mut self, policy: RenewalPolicy) -> Self {
        self.renewal = policy;
        self
    }

    /// How responses are written. Default: as RFC 6749 has them.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, ResponseStyle, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .response_style(ResponseStyle::Katana)
    ///     .build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn response_style(mut self, style: ResponseStyle) -> Self {
        self.style = style;
        self
    }

    /// How much of a request is read.
    ///
    /// ```
    /// # use regrant::{Engine, Limits, MemoryStore, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .limits(Limits::default().body_bytes(8 * 1_024))
    ///     .build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The realm of the challenges in `WWW-Authenticate`. Default: `token`.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).realm("marketplace").build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn realm(mut self, realm: &str) -> Self {
        realm.clone_into(&mut self.realm);
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
        self.clock_skew = skew;
        self
    }

    /// Voids every grant that was made before this time. See [`Engine::end_all_before`].
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
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).grant(Password).build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn grant(mut self, handler: impl GrantHandler + 'static) -> Self {
        self.handlers.push(Box::new(handler));
        self
    }

    /// Asks the host about each refresh.
    ///
    /// ```
    /// # use regrant::{Engine, HookError, MemoryStore, RefreshHook, RefreshRequest, Renew, StaticClients};
    /// struct Closed;
    /// impl RefreshHook for Closed {
    ///     async fn on_refresh(&self, _: &RefreshRequest<'_>) -> Result<Renew, HookError> {
    ///         Ok(Renew::Refuse)
    ///     }
    /// }
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).on_refresh(Closed).build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn on_refresh(mut self, hook: impl RefreshHook + 'static) -> Self {
        self.hook = Some(Box::new(hook));
        self
    }

    /// Where events go. Default: nowhere.
    ///
    /// ```
    /// # use regrant::{Engine, Event, MemoryStore, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .events(|event: &Event<'_>| println!("{event:?}"))
    ///     .build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn events(mut self, sink: impl EventSink + 'static) -> Self {
        self.events = Some(Box::new(sink));
        self
    }

    /// Verifies secrets that are kept as PHC strings (feature `argon2`).
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, SlowVerifier, StaticClients};
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
        let signing = match (self.key, self.store.durability()) {
            (Some(key), _) => key,
            (None, Durability::Volatile) => {
                // An id that no accepted key has: there are 256 of them.
                let free = (0..=u8::MAX).find(|id| self.accepted.iter().all(|key| key.id() != *id));
                Key::generate(free.ok_or(BuildError::DuplicateKey)?)
            }
            (None, Durability::Durable) => return Err(BuildError::KeyRequired),
        };
        let mut ids: Vec<u8> = self.accepted.iter().map(Key::id).chain([signing.id()]).collect();
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(BuildError::DuplicateKey);
        }
        if !self.lifetimes.are_usable() {
            return Err(BuildError::Lifetimes);
        }
        if let RenewalPolicy::OptIn(parameter) = &self.renewal
            && (parameter.is_empty() || is_defined(parameter))
        {
            return Err(BuildError::OptInParameter);
        }
        let grant_types: Vec<&str> = self.handlers.iter().map(|handler| handler.grant_type_dyn()).collect();
        for (at, grant_type) in grant_types.iter().enumerate() {
            if grant_type.is_empty()
                || [REFRESH_TOKEN, AUTHORIZATION_CODE].contains(grant_type)
                || grant_types[..at].contains(grant_type)
            {
                return Err(BuildError::GrantType);
            }
        }
        if !is_error_text(&self.realm) {
            return Err(BuildError::Realm);
        }
        match &self.issuer {
            Some(issuer) if !is_issuer(issuer) => return Err(BuildError::Issuer),
            None if self.authorization_code => return Err(BuildError::IssuerRequired),
            _ => {}
        }
        if !self.endpoints.are_well_formed() {
            return Err(BuildError::Endpoint);
        }
        #[cfg(feature = "jwt")]
        let jwt = self.jwt.build(self.issuer.is_some())?;
        let slow_secrets = self.clients.decoy().is_some_and(crate::client::ClientSecret::is_phc);
        #[cfg(feature = "argon2")]
        let slow_secrets = slow_secrets && self.slow.is_none();
        if slow_secrets {
            return Err(BuildError::SlowVerifier);
        }
        Ok(Engine {
            store: self.store,
            clients: self.clients,
            keys: KeyRing::new(signing, self.accepted),
            lifetimes: self.lifetimes,
            renewal: self.renewal,
            style: self.style,
            limits: self.limits,
            basic_challenge: Arc::from(format!("Basic realm=\"{}\"", self.realm)),
            bearer_challenge: Arc::from(format!("Bearer realm=\"{}\"", self.realm)),
            clock_skew: self.clock_skew,
            issuer: self.issuer.map(Arc::from),
            authorization_code: self.authorization_code,
            endpoints: self.endpoints,
            #[cfg(feature = "jwt")]
            jwt,
            not_before: NotBefore::at(self.not_before),
            handlers: self.handlers,
            hook: self.hook,
            events: self.events,
            #[cfg(feature = "argon2")]
            slow: self.slow,
        })
    }
}

/// An issuer as RFC 8414 section 2 has it, and without a slash at its end, so that it compares as it is written.
fn is_issuer(text: &str) -> bool {
    read_uri(text).is_some_and(|uri| {
        let path = uri.path().as_str();
        web_host(&uri).is_some()
            && !uri.has_query()
            && !uri.has_fragment()
            && !path.ends_with('/')
            && !path.starts_with("//")
    })
}
