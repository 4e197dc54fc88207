//! The engine for hosts without an async runtime.

use std::fmt;
use std::future::Future;
#[cfg(feature = "root-secret")]
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use super::Engine;
use super::authorization_endpoint::{Approval, AuthorizationError, AuthorizationRequest, Denial, Person, ShownError};
#[cfg(feature = "root-secret")]
use super::device::{DeviceError, DeviceLogin};
use super::host::{Authorization, Clock};
#[cfg(feature = "jwt")]
use super::id_token_hint::{IdTokenHint, IdTokenHintError};
#[cfg(all(feature = "jwt", feature = "root-secret"))]
use super::logout::{LoggedOut, LogoutRequest};
use super::resource::{Access, BearerCheck, BearerError};
use super::sessions::Sessions;
use crate::client::ReadyClients;
use crate::grant::{GrantId, Scope, Timestamp};
use crate::store::{Cursor, ReadyStore, StoreError};
use crate::wire::{Request, Response};

/// An [`Engine`] on a store and a registry that never wait. Handlers and hooks must not wait either.
///
/// ```
/// use regrant::{Engine, MemoryStore, Request, StaticClients, Timestamp};
///
/// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
/// let response = engine.blocking().token(&Request::new("POST", b""), Timestamp::now)?;
/// assert_eq!(response.status(), 400);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Blocking<'a, S, C>(&'a Engine<S, C>);

/// Something waited that had promised not to: a handler, a hook, or a store or registry that is not ready after all. The
/// request was dropped at that point, and may be sent again.
///
/// ```
/// assert_eq!(regrant::engine::NotReady.to_string(), "a call was not ready at the first poll");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a call was not ready at the first poll")]
#[expect(clippy::exhaustive_structs, reason = "its name says all that there is to say")]
pub struct NotReady;

impl<'a, S: ReadyStore, C: ReadyClients> Blocking<'a, S, C> {
    pub(super) const fn new(engine: &'a Engine<S, C>) -> Self {
        Self(engine)
    }

    /// [`Engine::token`].
    ///
    /// # Errors
    ///
    /// [`NotReady`].
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, Request, StaticClients, Timestamp};
    /// # let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
    /// let response = engine.blocking().token(&Request::new("GET", b""), Timestamp::now)?;
    /// assert_eq!(response.status(), 405);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn token(&self, request: &Request<'_>, clock: impl Clock) -> Result<Response, NotReady> {
        poll_once(pin!(self.0.token(request, clock)))
    }

    /// [`Engine::respond_at`].
    ///
    /// # Errors
    ///
    /// [`NotReady`].
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, Request, StaticClients, Timestamp};
    /// # let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
    /// assert!(engine.blocking().respond_at("/token", &Request::new("GET", b""), Timestamp::now)?.is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn respond_at(
        &self,
        path: &str,
        request: &Request<'_>,
        clock: impl Clock,
    ) -> Result<Option<Response>, NotReady> {
        poll_once(pin!(self.0.respond_at(path, request, clock)))
    }

    /// [`Engine::bearer`].
    ///
    /// # Errors
    ///
    /// [`NotReady`]; inside, what [`Engine::bearer`] says.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, Request, Scope, StaticClients, Timestamp};
    /// # let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
    /// let access = engine.blocking().bearer(&Request::new("GET", b""), &Scope::empty(), Timestamp::now)?;
    /// assert_eq!(access.unwrap_err().status(), 401);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn bearer(
        &self,
        request: &Request<'_>,
        required: &Scope,
        clock: impl Clock,
    ) -> Result<Result<Access, BearerError>, NotReady> {
        poll_once(pin!(self.0.bearer(request, required, clock)))
    }

    /// [`Engine::revoke`].
    ///
    /// # Errors
    ///
    /// [`NotReady`].
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, Request, StaticClients, Timestamp};
    /// # let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
    /// let response = engine.blocking().revoke(&Request::new("GET", b""), Timestamp::now)?;
    /// assert_eq!(response.status(), 405);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn revoke(&self, request: &Request<'_>, clock: impl Clock) -> Result<Response, NotReady> {
        poll_once(pin!(self.0.revoke(request, clock)))
    }

    /// [`Engine::introspect`].
    ///
    /// # Errors
    ///
    /// [`NotReady`].
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, Request, StaticClients, Timestamp};
    /// # let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
    /// let response = engine.blocking().introspect(&Request::new("GET", b""), Timestamp::now)?;
    /// assert_eq!(response.status(), 405);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn introspect(&self, request: &Request<'_>, clock: impl Clock) -> Result<Response, NotReady> {
        poll_once(pin!(self.0.introspect(request, clock)))
    }

    /// [`Engine::authorize`].
    ///
    /// # Errors
    ///
    /// [`NotReady`]; inside, what [`Engine::authorize`] says.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, Request, StaticClients, Timestamp};
    /// # let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    /// #     .issuer("https://id.example").authorization_code().build()?;
    /// assert!(engine.blocking().authorize(&Request::new("GET", b""), Timestamp::now())?.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn authorize(
        &self,
        request: &Request<'a>,
        now: Timestamp,
    ) -> Result<Result<AuthorizationRequest<'a>, AuthorizationError>, NotReady> {
        poll_once(pin!(self.0.authorize(request, now)))
    }

    /// [`Engine::approve`].
    ///
    /// # Errors
    ///
    /// [`NotReady`]; inside, what [`Engine::approve`] says.
    ///
    /// ```
    /// use regrant::engine::{Approval, NotReady, ShownError};
    /// use regrant::{Authorization, AuthorizationRequest, Engine, MemoryStore, StaticClients, Timestamp};
    /// fn logged_in(
    ///     engine: &Engine<MemoryStore, StaticClients>,
    ///     asked: &AuthorizationRequest<'_>,
    /// ) -> Result<Result<Approval, ShownError>, NotReady> {
    ///     engine.blocking().approve(asked, Authorization::of("alice"), Timestamp::now)
    /// }
    /// ```
    pub fn approve(
        &self,
        request: &AuthorizationRequest<'_>,
        authorization: Authorization,
        clock: impl Clock,
    ) -> Result<Result<Approval, ShownError>, NotReady> {
        poll_once(pin!(self.0.approve(request, authorization, clock)))
    }

    /// [`Engine::verify_id_token_hint`].
    ///
    /// # Errors
    ///
    /// [`NotReady`]; inside, what [`Engine::verify_id_token_hint`] says.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// # let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
    /// assert!(engine.blocking().verify_id_token_hint("not a JWT", None)?.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "jwt")]
    pub fn verify_id_token_hint(
        &self,
        hint: &str,
        client_id: Option<&str>,
    ) -> Result<Result<IdTokenHint, IdTokenHintError>, NotReady> {
        poll_once(pin!(self.0.verify_id_token_hint(hint, client_id)))
    }

    /// [`Engine::userinfo`].
    ///
    /// # Errors
    ///
    /// [`NotReady`].
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, Request, StaticClients, Timestamp};
    /// # let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
    /// let response = engine.blocking().userinfo(&Request::new("PUT", b""), Timestamp::now)?;
    /// assert_eq!(response.status(), 405);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "jwt")]
    pub fn userinfo(&self, request: &Request<'_>, clock: impl Clock) -> Result<Response, NotReady> {
        poll_once(pin!(self.0.userinfo(request, clock)))
    }

    /// [`Engine::end_session_request`].
    ///
    /// # Errors
    ///
    /// [`NotReady`]; inside, what [`Engine::end_session_request`] says.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, Request, StaticClients};
    /// # let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
    /// let request = Request::new("GET", b"");
    /// let asked = engine.blocking().end_session_request(&request)??;
    /// assert!(asked.needs_question(None));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(all(feature = "jwt", feature = "root-secret"))]
    pub fn end_session_request<'r>(
        &self,
        request: &Request<'r>,
    ) -> Result<Result<LogoutRequest<'r>, ShownError>, NotReady>
    where
        'a: 'r,
    {
        poll_once(pin!(self.0.end_session_request(request)))
    }

    /// [`Engine::log_out`].
    ///
    /// # Errors
    ///
    /// [`NotReady`]; inside, what [`Engine::log_out`] says.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients, Timestamp};
    /// # let root = regrant::RootSecret::generate(1);
    /// # let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).root_secret(root).build()?;
    /// assert_eq!(engine.blocking().log_out("alice", "a cookie", Timestamp::now)??.ended, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(all(feature = "jwt", feature = "root-secret"))]
    pub fn log_out(
        &self,
        subject: &str,
        session: &str,
        clock: impl Clock,
    ) -> Result<Result<LoggedOut, StoreError>, NotReady> {
        poll_once(pin!(self.0.log_out(subject, session, clock)))
    }

    /// [`BearerCheck::check`] of a resource of this engine.
    ///
    /// # Errors
    ///
    /// [`NotReady`]; inside, what [`BearerCheck::check`] says.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, Request, Resource, StaticClients, Timestamp};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .resource(Resource::new("https://files.example"))
    ///     .build()?;
    /// let files = engine.bearer_for("https://files.example");
    /// let refused = engine.blocking().check(files, &Request::new("GET", b""), Timestamp::now)?.unwrap_err();
    /// assert_eq!(refused.status(), 401);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn check(
        &self,
        resource: BearerCheck<'_, S, C>,
        request: &Request<'_>,
        clock: impl Clock,
    ) -> Result<Result<Access, BearerError>, NotReady> {
        poll_once(pin!(resource.check(request, clock)))
    }

    /// [`Engine::deny`].
    ///
    /// # Errors
    ///
    /// [`NotReady`]; inside, what [`Engine::deny`] says.
    ///
    /// ```
    /// use regrant::engine::{NotReady, Person, ShownError};
    /// use regrant::{AuthorizationRequest, Denial, Engine, MemoryStore, StaticClients, Timestamp};
    /// fn said_no(
    ///     engine: &Engine<MemoryStore, StaticClients>,
    ///     asked: &AuthorizationRequest<'_>,
    /// ) -> Result<Result<regrant::Response, ShownError>, NotReady> {
    ///     engine.blocking().deny(asked, Denial::AccessDenied, Person::AtThePage, Timestamp::now)
    /// }
    /// ```
    pub fn deny(
        &self,
        request: &AuthorizationRequest<'_>,
        denial: Denial,
        person: Person<'_>,
        clock: impl Clock,
    ) -> Result<Result<Response, ShownError>, NotReady> {
        poll_once(pin!(self.0.deny(request, denial, person, clock)))
    }

    /// [`Engine::sessions`].
    ///
    /// # Errors
    ///
    /// [`NotReady`]; inside, what [`Engine::sessions`] says.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients, Timestamp};
    /// # let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
    /// let page = engine.blocking().sessions("alice", None, 50, Timestamp::now())??;
    /// assert!(page.sessions.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sessions(
        &self,
        subject: &str,
        after: Option<Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Result<Sessions, StoreError>, NotReady> {
        poll_once(pin!(self.0.sessions(subject, after, limit, now)))
    }

    /// [`Engine::register`].
    ///
    /// # Errors
    ///
    /// [`NotReady`].
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, Request, StaticClients, Timestamp};
    /// # let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
    /// let response = engine.blocking().register(&Request::new("POST", b""), Timestamp::now)?;
    /// assert_eq!(response.status(), 404, "registration is off");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn register(&self, request: &Request<'_>, clock: impl Clock) -> Result<Response, NotReady> {
        poll_once(pin!(self.0.register(request, clock)))
    }

    /// [`Engine::push`].
    ///
    /// # Errors
    ///
    /// [`NotReady`].
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, Request, StaticClients, Timestamp};
    /// # let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
    /// let response = engine.blocking().push(&Request::new("POST", b""), Timestamp::now)?;
    /// assert_eq!(response.status(), 404, "pushed requests are off");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "root-secret")]
    pub fn push(&self, request: &Request<'_>, clock: impl Clock) -> Result<Response, NotReady> {
        poll_once(pin!(self.0.push(request, clock)))
    }

    /// [`Engine::begin_device`].
    ///
    /// # Errors
    ///
    /// [`NotReady`].
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, Request, StaticClients, Timestamp};
    /// # let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
    /// let response = engine.blocking().begin_device(&Request::new("POST", b""), Timestamp::now)?;
    /// assert_eq!(response.status(), 404, "devices are not logged in");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "root-secret")]
    pub fn begin_device(&self, request: &Request<'_>, clock: impl Clock) -> Result<Response, NotReady> {
        poll_once(pin!(self.0.begin_device(request, clock)))
    }

    /// [`Engine::device_login`].
    ///
    /// # Errors
    ///
    /// [`NotReady`]; inside, what [`Engine::device_login`] says.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients, Timestamp};
    /// # let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
    /// assert!(engine.blocking().device_login("WDJB-MJHT", "alice", None, Timestamp::now)?.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "root-secret")]
    pub fn device_login(
        &self,
        user_code: &str,
        subject: &str,
        peer: Option<IpAddr>,
        clock: impl Clock,
    ) -> Result<Result<DeviceLogin<'a>, DeviceError>, NotReady> {
        poll_once(pin!(self.0.device_login(user_code, subject, peer, clock)))
    }

    /// [`Engine::approve_device`].
    ///
    /// # Errors
    ///
    /// [`NotReady`]; inside, what [`Engine::approve_device`] says.
    #[cfg(feature = "root-secret")]
    pub fn approve_device(
        &self,
        login: &DeviceLogin<'_>,
        authorization: Authorization,
        clock: impl Clock,
    ) -> Result<Result<GrantId, DeviceError>, NotReady> {
        poll_once(pin!(self.0.approve_device(login, authorization, clock)))
    }

    /// [`Engine::deny_device`].
    ///
    /// # Errors
    ///
    /// [`NotReady`]; inside, what [`Engine::deny_device`] says.
    #[cfg(feature = "root-secret")]
    pub fn deny_device(&self, login: &DeviceLogin<'_>, clock: impl Clock) -> Result<Result<(), DeviceError>, NotReady> {
        poll_once(pin!(self.0.deny_device(login, clock)))
    }

    /// [`Engine::end_session`].
    ///
    /// # Errors
    ///
    /// [`NotReady`]; inside, what [`Engine::end_session`] says.
    ///
    /// ```
    /// # use regrant::{Engine, GrantId, MemoryStore, StaticClients, Timestamp};
    /// # let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
    /// assert!(!engine.blocking().end_session("alice", GrantId::from_u64(7), Timestamp::now())??);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn end_session(
        &self,
        subject: &str,
        id: GrantId,
        now: Timestamp,
    ) -> Result<Result<bool, StoreError>, NotReady> {
        poll_once(pin!(self.0.end_session(subject, id, now)))
    }

    /// [`Engine::end_sessions_at`].
    ///
    /// # Errors
    ///
    /// [`NotReady`]; inside, what [`Engine::end_sessions_at`] says.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients, Timestamp};
    /// # let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
    /// assert_eq!(engine.blocking().end_sessions_at("alice", "app", Timestamp::now())??, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn end_sessions_at(
        &self,
        subject: &str,
        client_id: &str,
        now: Timestamp,
    ) -> Result<Result<usize, StoreError>, NotReady> {
        poll_once(pin!(self.0.end_sessions_at(subject, client_id, now)))
    }

    /// [`Engine::has_grants_at`].
    ///
    /// # Errors
    ///
    /// [`NotReady`]; inside, what [`Engine::has_grants_at`] says.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients, Timestamp};
    /// # let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
    /// assert!(!engine.blocking().has_grants_at("alice", "app", Timestamp::now())??);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn has_grants_at(
        &self,
        subject: &str,
        client_id: &str,
        now: Timestamp,
    ) -> Result<Result<bool, StoreError>, NotReady> {
        poll_once(pin!(self.0.has_grants_at(subject, client_id, now)))
    }

    /// [`Engine::end_sessions_of`].
    ///
    /// # Errors
    ///
    /// [`NotReady`]; inside, what [`Engine::end_sessions_of`] says.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients, Timestamp};
    /// # let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
    /// assert_eq!(engine.blocking().end_sessions_of("alice", Timestamp::now())??, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn end_sessions_of(&self, subject: &str, now: Timestamp) -> Result<Result<usize, StoreError>, NotReady> {
        poll_once(pin!(self.0.end_sessions_of(subject, now)))
    }
}

impl<S, C> fmt::Debug for Blocking<'_, S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Blocking").field(self.0).finish()
    }
}

/// Polls the future in place: it is so large that a copy would cost time.
#[inline]
fn poll_once<F: Future>(future: Pin<&mut F>) -> Result<F::Output, NotReady> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Ok(output),
        Poll::Pending => Err(NotReady),
    }
}
