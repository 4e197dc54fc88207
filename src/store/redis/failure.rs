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

impl Failure {
    /// The same in a cluster. Where its client fails to learn anew which node has what, it hands that failure to every command that
    /// is under way, also to those that a node is just executing. So only what a node says of the command itself counts.
    pub(super) fn in_cluster(error: RedisError) -> Self {
        let is_void = is_void(&error) && !may_be_of_another(&error);
        Self { is_void, ..Self::from(error) }
    }
}

/// Whether it can come of connecting to a node, of a `PING`, or of asking it for the slots.
fn may_be_of_another(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Server(kind) => {
            matches!(kind, ServerErrorKind::BusyLoading | ServerErrorKind::MasterDown | ServerErrorKind::NoPerm)
        }
        ErrorKind::Extension => !matches!(error.code(), Some("OOM" | "MISCONF" | "NOREPLICAS" | "WRONGTYPE")),
        _ => true,
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

/// Of the connection and not of a command, whose own error is a value: the server is there, and does not let this client in, or is none.
/// That may be for the moment: while its password is set, or another one is behind the address.
pub(super) fn is_not_let_in(error: &RedisError) -> bool {
    !error.is_io_error()
}

/// Whoever is there is not the server any more, or not yet.
pub(super) fn is_by_replica(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown))
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

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::store::StoreErrorKind;

    fn refused() -> RedisError {
        io::Error::from(io::ErrorKind::ConnectionRefused).into()
    }

    fn said(line: &str) -> RedisError {
        let value = redis::parse_redis_value(format!("-{line}\r\n").as_bytes());
        value.and_then(redis::Value::extract_error).unwrap_err()
    }

    fn not_found() -> RedisError {
        (ErrorKind::ClusterConnectionNotFound, "No connections found").into()
    }

    #[test]
    fn what_a_cluster_fails_with_while_it_looks_for_its_nodes_says_nothing_of_a_write() {
        let others = ["LOADING wait", "MASTERDOWN no", "NOPERM no", "NOAUTH no", "BUSY no", "WRONGPASS no"];
        for error in others.map(said).into_iter().chain([refused(), not_found()]) {
            assert_eq!(Failure::in_cluster(error.clone()).of_write().kind(), StoreErrorKind::Indeterminate, "{error}");
            assert_eq!(Failure::in_cluster(error.clone()).of_nothing().kind(), StoreErrorKind::NotApplied, "{error}");
            // To one server alone it is said of this command.
            assert_eq!(Failure::from(error.clone()).of_write().kind(), StoreErrorKind::NotApplied, "{error}");
        }
    }

    #[test]
    fn what_a_node_says_of_the_command_itself_is_believed() {
        let own = ["MOVED 1 a:1", "ASK 1 a:1", "TRYAGAIN no", "CLUSTERDOWN no", "READONLY no", "OOM no", "MISCONF no"];
        for error in own.map(said) {
            assert_eq!(Failure::in_cluster(error.clone()).of_write().kind(), StoreErrorKind::NotApplied, "{error}");
        }
        assert_eq!(Failure::in_cluster(said("ERR what")).of_write().kind(), StoreErrorKind::Indeterminate);
    }
}
