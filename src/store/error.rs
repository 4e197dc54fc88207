//! Why a store could not do it.

use std::error::Error;
use std::fmt;

use crate::grant::DecodeError;

/// What is known after a failure.
///
/// ```
/// use regrant::store::{StoreError, StoreErrorKind};
/// assert_eq!(StoreError::not_applied("full").kind(), StoreErrorKind::NotApplied);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// Nothing was written, and nothing will be.
    NotApplied,
    /// The write may have taken place, or may yet: a reply was lost. The engine loads again and compares versions.
    Indeterminate,
    /// What is stored cannot be read. It is left as it is.
    Corrupt,
    /// What is stored was written by a newer version of this crate. It is left as it is.
    NewerFormat,
}

/// A store's failure: what is known after it, and the cause for an operator to read.
///
/// The endpoint answers 503. Neither `Display` nor the response tells the cause; it is behind
/// [`source`](Error::source), for the host's log.
///
/// ```
/// use regrant::store::StoreError;
/// use std::error::Error;
///
/// let error = StoreError::indeterminate(std::io::Error::other("connection reset"));
/// assert_eq!(error.to_string(), "the store failed, and the write may have taken place");
/// assert_eq!(error.source().unwrap().to_string(), "connection reset");
/// ```
pub struct StoreError {
    kind: StoreErrorKind,
    source: Box<dyn Error + Send + Sync>,
}

impl StoreError {
    /// Nothing was written, and nothing will be.
    ///
    /// ```
    /// let _ = regrant::store::StoreError::not_applied("the disk is full");
    /// ```
    pub fn not_applied(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind: StoreErrorKind::NotApplied, source: source.into() }
    }

    /// The write may have taken place. When in doubt, this one.
    ///
    /// ```
    /// let _ = regrant::store::StoreError::indeterminate("timed out");
    /// ```
    pub fn indeterminate(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind: StoreErrorKind::Indeterminate, source: source.into() }
    }

    /// The same failure where an earlier step of the operation has written.
    #[cfg(feature = "postgres")]
    pub(crate) fn after_a_write(self) -> Self {
        match self.kind {
            StoreErrorKind::NotApplied => Self { kind: StoreErrorKind::Indeterminate, ..self },
            _ => self,
        }
    }

    /// What is known.
    ///
    /// ```
    /// use regrant::store::{StoreError, StoreErrorKind};
    /// assert_eq!(StoreError::indeterminate("?").kind(), StoreErrorKind::Indeterminate);
    /// ```
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl From<DecodeError> for StoreError {
    fn from(error: DecodeError) -> Self {
        let kind = match error {
            DecodeError::Corrupt => StoreErrorKind::Corrupt,
            DecodeError::NewerFormat => StoreErrorKind::NewerFormat,
        };
        Self { kind, source: error.into() }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            StoreErrorKind::NotApplied => "the store failed, and nothing was written",
            StoreErrorKind::Indeterminate => "the store failed, and the write may have taken place",
            StoreErrorKind::Corrupt => "a stored record is damaged",
            StoreErrorKind::NewerFormat => "a stored record was written by a newer version",
        })
    }
}

impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreError").field("kind", &self.kind).field("source", &self.source).finish()
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}
