//! Trouble with one operation, or with the file.

use crate::grant::DecodeError;

/// Why an operation could not be done within a transaction.
pub(super) enum Trouble {
    /// Its record cannot be read. Nothing was written by it, and the others of the transaction go on.
    Record(DecodeError),
    /// The file cannot be read or written; none of the transaction takes place.
    Storage(redb::Error),
}

impl From<DecodeError> for Trouble {
    fn from(error: DecodeError) -> Self {
        Self::Record(error)
    }
}

impl From<redb::Error> for Trouble {
    fn from(error: redb::Error) -> Self {
        Self::Storage(error)
    }
}
