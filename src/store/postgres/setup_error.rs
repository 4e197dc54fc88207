//! Why there is no store.

use super::error::PostgresStoreError;

/// Why a [`PostgresStore`](crate::store::PostgresStore) cannot be had, or its tables not be made.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use regrant::store::{PostgresSetupError, PostgresStore};
/// let error = PostgresStore::connect("postgres://regrant:hunter2@db:port/").await.unwrap_err();
/// assert!(matches!(error, PostgresSetupError::InvalidUrl));
/// assert!(!format!("{error} {error:?}").contains("hunter2"), "no error shows what was in the URL");
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresSetupError {
    /// Not what a connection to PostgreSQL is described by. What is wrong with it is not said, since a password may be
    /// in it.
    #[error("the connection string cannot be read")]
    InvalidUrl,
    /// The name of a schema or table is empty, has U+0000 in it or is longer than 63 bytes (55 for a table, to which
    /// others' names are added).
    #[error("a name of a schema or table is empty or too long")]
    InvalidName,
    /// The server takes no writes in this session: it is a replica, or says so in `default_transaction_read_only`. What
    /// a replica knows is old, so a grant must not be read from it either.
    #[error("the server is a replica, or takes no writes in this session")]
    ReadOnly,
    /// `synchronous_commit` is `off` in this session: the server would confirm a refresh or a revocation, and lose it
    /// in a crash. Turn it on for the role: `ALTER ROLE … SET synchronous_commit = on`.
    #[error("synchronous_commit is off, so a crash would lose what was confirmed")]
    AsynchronousCommit,
    /// The database's encoding is another than `UTF8`, and could not hold every subject.
    #[error("the encoding of the database is {0}, not UTF8")]
    Encoding(String),
    /// The tables are not there, or of an earlier version: call [`migrate`](crate::store::PostgresStore::migrate).
    #[error("the schema is of version {found}, and this version of regrant needs {known}: it was not migrated")]
    NotMigrated {
        /// That of the tables; 0 where there are none.
        found: i32,
        /// That of this crate.
        known: i32,
    },
    /// The tables were made by a later version of this crate, which this one must not write to.
    #[error("the schema is of version {found}, and this version of regrant knows {known}: update it")]
    NewerSchema {
        /// That of the tables.
        found: i32,
        /// That of this crate.
        known: i32,
    },
    /// The server could not be reached, or refused.
    #[error("PostgreSQL could not be asked")]
    Server(#[source] PostgresStoreError),
}

impl From<PostgresStoreError> for PostgresSetupError {
    fn from(error: PostgresStoreError) -> Self {
        if error.is_read_only() { Self::ReadOnly } else { Self::Server(error) }
    }
}
