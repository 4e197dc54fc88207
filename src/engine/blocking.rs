//! The engine for hosts without an async runtime.

use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use super::Engine;
use super::bearer::{Access, BearerError};
use crate::client::ReadyClients;
use crate::grant::{Scope, Timestamp};
use crate::store::ReadyStore;
use crate::wire::{Request, Response};

/// An [`Engine`] on a store and a registry that never wait. Handlers and hooks must not wait either.
///
/// ```
/// use regrant::{Engine, MemoryStore, Request, StaticClients, Timestamp};
///
/// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
/// let response = engine.blocking().token(&Request::new("POST", b""), Timestamp::now())?;
/// assert_eq!(response.status(), 400);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Blocking<'a, S, C>(&'a Engine<S, C>);

/// Something waited that had promised not to: a handler, a hook, or a store or registry that is not ready after all. The
/// request was dropped at that point, and may be sent again.
///
/// ```
/// assert_eq!(regrant::NotReady.to_string(), "a call was not ready at the first poll");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a call was not ready at the first poll")]
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
    /// let response = engine.blocking().token(&Request::new("GET", b""), Timestamp::now())?;
    /// assert_eq!(response.status(), 405);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn token(&self, request: &Request<'_>, now: Timestamp) -> Result<Response, NotReady> {
        poll_once(pin!(self.0.token(request, now)))
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
    /// let access = engine.blocking().bearer(&Request::new("GET", b""), &Scope::empty(), Timestamp::now())?;
    /// assert_eq!(access.unwrap_err().status(), 401);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn bearer(
        &self,
        request: &Request<'_>,
        required: &Scope,
        now: Timestamp,
    ) -> Result<Result<Access, BearerError>, NotReady> {
        poll_once(pin!(self.0.bearer(request, required, now)))
    }
}

impl<S, C> fmt::Debug for Blocking<'_, S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Blocking").field(self.0).finish()
    }
}

/// Takes the future where it is: it is large enough for a copy to be felt.
fn poll_once<F: Future>(future: Pin<&mut F>) -> Result<F::Output, NotReady> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Ok(output),
        Poll::Pending => Err(NotReady),
    }
}
