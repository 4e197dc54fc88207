//! What is known after a failure of the server, of a connection or of the pool.

use std::error::Error;
use std::fmt;
use std::io;

use deadpool_postgres::PoolError;
use tokio_postgres::error::Severity;

use crate::store::StoreError;

/// What PostgreSQL, the connection to it or the pool said: the [`source`](std::error::Error::source) of the store's
/// errors.
///
/// It has the server's message and SQLSTATE, and not its details, in which the server may repeat a row.
///
/// ```
/// use regrant::store::{PostgresStoreError, StoreError};
/// use std::error::Error;
///
/// fn is_disk_full(error: &StoreError) -> bool {
///     let cause = error.source().and_then(|source| source.downcast_ref::<PostgresStoreError>());
///     cause.and_then(PostgresStoreError::sqlstate) == Some("53100")
/// }
/// assert!(!is_disk_full(&StoreError::not_applied("full")));
/// ```
#[derive(Debug)]
pub struct PostgresStoreError {
    sqlstate: Option<String>,
    severity: Option<Severity>,
    message: String,
    /// Whether the driver looked for a server that takes writes, and found none.
    read_only: bool,
}

impl PostgresStoreError {
    /// The server's five characters for what it is; `None` where it was not the server who failed.
    ///
    /// ```
    /// # fn log(error: &regrant::store::PostgresStoreError) {
    /// println!("{}: {error}", error.sqlstate().unwrap_or("no SQLSTATE"));
    /// # }
    /// ```
    pub fn sqlstate(&self) -> Option<&str> {
        self.sqlstate.as_deref()
    }

    pub(super) fn new(message: &str) -> Self {
        Self { sqlstate: None, severity: None, message: message.into(), read_only: false }
    }

    pub(super) const fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// Whether the statement was rolled back because of another one, and may be said again.
    pub(super) fn is_conflict(&self) -> bool {
        self.is_plain_error() && matches!(self.sqlstate(), Some("40001" | "40P01"))
    }

    /// An `ERROR` ends a statement, and what it did is undone. `FATAL` and `PANIC` end a session, perhaps between the
    /// commit and its confirmation.
    pub(super) fn is_plain_error(&self) -> bool {
        matches!(self.severity, Some(Severity::Error))
    }

    /// Whether the session is of no use any more: it has ended, or nobody knows where it is, or it takes no writes (25006),
    /// so that what it says of a grant may be old, or it has lost what was prepared (26000).
    pub(super) fn spoils_session(&self) -> bool {
        !self.is_plain_error() || matches!(self.sqlstate(), Some("25006" | "26000"))
    }

    /// Whether it certainly ended the statement without an effect.
    ///
    /// Every statement is a transaction of its own, and its outcome is read up to the server's `ReadyForQuery`, so an
    /// error in place of that is an error before the commit. What is not in this list is in doubt: a connection that
    /// broke, a shutdown (57P01, 57P02), 40003, what a pooler says in the server's place (08xxx), failures inside the
    /// server (58xxx, `XXxxx`).
    fn is_rolled_back(&self) -> bool {
        let Some(state) = self.sqlstate().filter(|_| self.is_plain_error()) else { return false };
        match state.as_bytes() {
            // In class 40 all but "statement completion unknown"; of operator interventions a cancelled statement.
            b"40000" | b"40001" | b"40002" | b"40P01" | b"57014" => true,
            [class @ .., _, _, _] => matches!(
                class,
                // Features, cardinality, data, constraints, transaction state, statement names, privileges.
                b"0A" | b"0L" | b"0P" | b"21" | b"22" | b"23" | b"25" | b"26" | b"27" | b"28"
                // Schemas, syntax and names, check options, resources, limits, locks, what functions raise.
                | b"3D" | b"3F" | b"42" | b"44" | b"53" | b"54" | b"55" | b"P0"
            ),
            _ => false,
        }
    }

    /// What is known of a statement that was sent.
    pub(super) fn after_sending(self) -> StoreError {
        if self.is_rolled_back() { StoreError::not_applied(self) } else { StoreError::indeterminate(self) }
    }
}

impl From<tokio_postgres::Error> for PostgresStoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        if let Some(said) = error.as_db_error() {
            return Self {
                sqlstate: Some(said.code().code().to_owned()),
                severity: said.parsed_severity(),
                message: said.message().to_owned(),
                read_only: false,
            };
        }
        let mut message = error.to_string();
        let mut cause = error.source();
        let mut read_only = false;
        while let Some(error) = cause {
            message.push_str(": ");
            message.push_str(&error.to_string());
            // A socket that may not be opened has the system's number for it, too.
            read_only |= error
                .downcast_ref::<io::Error>()
                .is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied && error.raw_os_error().is_none());
            cause = error.source();
        }
        Self { read_only, ..Self::new(&message) }
    }
}

impl From<PoolError> for PostgresStoreError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => error.into(),
            other => Self::new(&other.to_string()),
        }
    }
}

impl fmt::Display for PostgresStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.sqlstate {
            Some(state) => write!(f, "{} ({state})", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl Error for PostgresStoreError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreErrorKind;

    fn said(sqlstate: &str, severity: Severity) -> PostgresStoreError {
        PostgresStoreError {
            sqlstate: Some(sqlstate.into()),
            severity: Some(severity),
            ..PostgresStoreError::new("no")
        }
    }

    #[test]
    fn what_the_server_undid_was_not_applied() {
        for state in [
            "22001", "22P05", "23502", "23505", "25006", "25P02", "26000", "28000", "3F000", "40001", "40002", "40P01",
            "42501", "42P01", "53100", "53200", "53300", "54000", "55P03", "57014", "0A000", "P0001",
        ] {
            assert_eq!(said(state, Severity::Error).after_sending().kind(), StoreErrorKind::NotApplied, "{state}");
            // The session ended with it, nobody knows when.
            assert_eq!(said(state, Severity::Fatal).after_sending().kind(), StoreErrorKind::Indeterminate, "{state}");
        }
    }

    #[test]
    fn everything_else_is_in_doubt() {
        for state in ["08P01", "08006", "40003", "57P01", "57P02", "57P03", "57P05", "58030", "XX000", "", "ü", "99999"]
        {
            for severity in [Severity::Error, Severity::Fatal, Severity::Panic, Severity::Warning] {
                assert_eq!(said(state, severity).after_sending().kind(), StoreErrorKind::Indeterminate, "{state}");
            }
        }
        assert_eq!(PostgresStoreError::new("connection closed").after_sending().kind(), StoreErrorKind::Indeterminate);
    }

    #[test]
    fn a_session_that_takes_no_writes_or_lost_its_statements_is_given_up() {
        for (state, severity, spoils) in [
            ("25006", Severity::Error, true),
            ("26000", Severity::Error, true),
            ("57P01", Severity::Fatal, true),
            ("23505", Severity::Error, false),
            ("57014", Severity::Error, false),
        ] {
            assert_eq!(said(state, severity).spoils_session(), spoils, "{state}");
        }
        assert!(PostgresStoreError::new("connection closed").spoils_session());
    }

    #[test]
    fn only_conflicts_are_tried_again() {
        assert!(said("40001", Severity::Error).is_conflict());
        assert!(said("40P01", Severity::Error).is_conflict());
        assert!(!said("40001", Severity::Fatal).is_conflict());
        assert!(!said("40003", Severity::Error).is_conflict());
        assert!(!PostgresStoreError::new("40001").is_conflict());
    }
}
