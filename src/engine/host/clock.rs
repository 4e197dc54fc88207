//! Where an endpoint reads the time.

use crate::grant::Timestamp;

/// Where an endpoint reads the time. It is read when the request comes, and again after the store, the registry of clients
/// or a hook made the request wait, so that no such wait counts against a client: a retry window, an expiry or the `iat` of
/// a token begins when the wait is over.
///
/// [`Timestamp::now`] is the system's; a [`Timestamp`] is one that stands still, for tests and replays. In production give
/// a clock that moves: with one that stands still, a refresh that the store keeps waiting for longer than the
/// [retry window](crate::client::ClientBuilder::retry_window) leaves its client no time to ask again.
///
/// ```
/// # use regrant::{Engine, MemoryStore, Request, StaticClients, Timestamp};
/// # async fn serve(request: &Request<'_>) -> Result<(), regrant::BuildError> {
/// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
/// let response = engine.token(request, Timestamp::now).await;
/// let at_noon = engine.token(request, Timestamp::from_secs(1_597_233_600)).await;
/// # Ok(())
/// # }
/// ```
pub trait Clock: Send + Sync {
    /// What time it is.
    fn read(&self) -> Timestamp;
}

impl Clock for Timestamp {
    fn read(&self) -> Timestamp {
        *self
    }
}

impl<F: Fn() -> Timestamp + Send + Sync> Clock for F {
    fn read(&self) -> Timestamp {
        self()
    }
}
