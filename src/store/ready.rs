//! Stores that never wait.

use super::TokenStore;

/// A store all of whose futures are ready at the first poll, so that a host without an async runtime can use the engine
/// through [`Engine::blocking`](crate::Engine::blocking).
///
/// A promise, not a check by the compiler: a future that is not ready after all makes the call fail with
/// [`NotReady`](crate::engine::NotReady), and nothing worse.
///
/// ```
/// fn serves_blocking_hosts<S: regrant::store::ReadyStore>(_: &S) {}
/// serves_blocking_hosts(&regrant::MemoryStore::new());
/// ```
pub trait ReadyStore: TokenStore {}
