//! What is known when Redis fails.

use std::error::Error;
use std::fmt;

use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::store::StoreError;

/// Why there is no [`RedisStore`](crate::store::RedisStore).
///
/// ```
/// use regrant::store::RedisStoreError;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let error = regrant::store::RedisStore::connect("mysql://localhost").await.unwrap_err();
/// assert!(matches!(error, RedisStoreError::Address(_)));
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedisStoreError {
    /// The address is none that the client understands, or wants TLS, which the `redis` crate has not got on.
    #[error("that is not an address of a Redis server")]
    Address(#[source] Box<dyn Error + Send + Sync>),
    /// The server was not reached, or did not let this client in.
    #[error("the Redis server does not answer")]
    Connect(#[source] Box<dyn Error + Send + Sync>),
    /// Older than Redis 7.
    #[error("the server is Redis {version}; it must be 7 or later, or Valkey")]
    TooOld {
        /// What the server says it is.
        version: String,
    },
    /// The server may throw away what it was told to keep, once its memory is full: people would be logged out, and,
    /// where an owner's index is thrown away, not be logged out when they ask for it.
    #[error("the server's maxmemory-policy is {policy}: it must be noeviction, or grants are lost when memory is full")]
    Evicts {
        /// The server's `maxmemory-policy`.
        policy: String,
    },
}

/// A command that failed.
#[derive(Debug)]
pub(super) struct Failure {
    /// Whether it certainly did nothing and will do nothing.
    is_void: bool,
    /// Whether this user may not send that command.
    is_forbidden: bool,
    cause: Cause,
}

/// What an operator reads. The `redis` crate's own error is not passed on: a server repeats the beginning of what it does
/// not understand, and that may be a record.
pub(super) struct Cause(String);

impl Failure {
    pub(super) fn timed_out() -> Self {
        Self { is_void: false, is_forbidden: false, cause: Cause("no answer from the server in time".into()) }
    }

    /// Before it was sent.
    pub(super) fn out_of_time() -> Self {
        Self { is_void: true, ..Self::timed_out() }
    }

    pub(super) fn unexpected_answer() -> Self {
        Self {
            is_void: false,
            is_forbidden: false,
            cause: Cause("the server gave an answer that is none to the command".into()),
        }
    }

    /// Of a write.
    pub(super) fn of_write(self) -> StoreError {
        if self.is_void { self.of_nothing() } else { StoreError::indeterminate(self.cause) }
    }

    /// Of what writes nothing, or nothing that is seen.
    pub(super) fn of_nothing(self) -> StoreError {
        StoreError::not_applied(self.cause)
    }

    /// Whether the server knows the command and this user well enough, and will not have it.
    pub(super) const fn is_refusal_to_say(&self) -> bool {
        self.is_forbidden
    }

    pub(super) fn into_cause(self) -> Box<dyn Error + Send + Sync> {
        self.cause.into()
    }
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        let is_forbidden =
            matches!(error.kind(), ErrorKind::Server(ServerErrorKind::NoPerm | ServerErrorKind::ResponseError));
        Self { is_void: is_void(&error), is_forbidden, cause: Cause(text(&error)) }
    }
}

/// Whether the command certainly was not executed. Only what a server says before it executes anything counts, by name:
/// proxies have errors of their own, also for what they have passed on.
fn is_void(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Server(kind) => matches!(
            kind,
            ServerErrorKind::BusyLoading
                | ServerErrorKind::NoScript
                | ServerErrorKind::Moved
                | ServerErrorKind::Ask
                | ServerErrorKind::TryAgain
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::CrossSlot
                | ServerErrorKind::MasterDown
                | ServerErrorKind::ReadOnly
                | ServerErrorKind::NoPerm
        ),
        ErrorKind::Extension => matches!(
            error.code(),
            Some("OOM" | "MISCONF" | "NOREPLICAS" | "BUSY" | "NOAUTH" | "WRONGPASS" | "WRONGTYPE" | "DENIED")
        ),
        // Of the handshake, before any command.
        ErrorKind::AuthenticationFailed
        | ErrorKind::InvalidClientConfig
        | ErrorKind::RESP3NotSupported
        | ErrorKind::ClusterConnectionNotFound => true,
        _ => is_refusal(error),
    }
}

/// Nobody listens there; nothing was sent.
pub(super) fn is_refusal(error: &RedisError) -> bool {
    error.is_connection_refusal()
}

fn text(error: &RedisError) -> String {
    let text = error.to_string();
    match text.find(", with args beginning") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

impl Error for Cause {}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
