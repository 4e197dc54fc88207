//! What a removal and a listing come to, records that cannot be read among them.

use super::Cursor;
use crate::grant::{DecodeError, Grant, GrantId};

/// What a [removal](super::TokenStore::remove) removed.
///
/// ```
/// use regrant::store::Removed;
/// use regrant::Grant;
/// /// Of `DELETE … RETURNING record`.
/// fn removed(record: Option<&[u8]>) -> Removed {
///     record.map_or(Removed::Nothing, |bytes| Removed::from(Grant::decode(bytes)))
/// }
/// # let grant = regrant::internal::sample_grant("alice", "app");
/// assert_eq!(removed(Some(&grant.encode())), Removed::Grant(grant));
/// assert_eq!(removed(Some(b"damaged")), Removed::Unreadable);
/// assert_eq!(removed(None), Removed::Nothing);
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(clippy::large_enum_variant, reason = "nearly always the large one, as an `Option` of it was")]
#[expect(clippy::exhaustive_enums, reason = "a store answers one of these, and the engine decides on each")]
pub enum Removed {
    /// There was no record of that id.
    Nothing,
    /// This grant.
    Grant(Grant),
    /// A record that cannot be read: it is damaged, or was written by a later version of this crate. It is gone.
    Unreadable,
}

impl Removed {
    /// The grant, if there was one that could be read.
    ///
    /// ```
    /// assert_eq!(regrant::store::Removed::Unreadable.grant(), None);
    /// ```
    pub fn grant(self) -> Option<Grant> {
        match self {
            Self::Grant(grant) => Some(grant),
            Self::Nothing | Self::Unreadable => None,
        }
    }

    /// Whether nothing was there.
    ///
    /// ```
    /// use regrant::store::Removed;
    /// assert!(Removed::Nothing.is_nothing() && !Removed::Unreadable.is_nothing());
    /// ```
    pub const fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }
}

impl From<Option<Grant>> for Removed {
    fn from(grant: Option<Grant>) -> Self {
        grant.map_or(Self::Nothing, Self::Grant)
    }
}

impl From<Result<Grant, DecodeError>> for Removed {
    fn from(record: Result<Grant, DecodeError>) -> Self {
        record.map_or(Self::Unreadable, Self::Grant)
    }
}

/// A page of an owner's grants.
///
/// ```
/// let nothing = regrant::store::Listed::default();
/// assert!(nothing.is_empty() && nothing.next.is_none());
/// ```
#[derive(Clone, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a store makes it")]
pub struct Listed {
    /// The grants.
    pub grants: Vec<Grant>,
    /// The ids of records of this owner that cannot be read. They count towards the page as grants do, so the next page
    /// begins after them, and they can be [removed](super::TokenStore::remove).
    ///
    /// They are what the store holds to be the owner's without reading them: by a column, a key, an index. Where that
    /// tells the subject and not the client, a page of one client has those of all clients: better one session too many
    /// is ended than one too few.
    pub unreadable: Vec<GrantId>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<Cursor>,
}

impl Listed {
    /// Adds the record that is stored under this id, read or not. One that turns out to be of another id is damaged.
    ///
    /// ```
    /// use regrant::store::Listed;
    /// use regrant::{Grant, GrantId};
    /// let mut page = Listed::default();
    /// let id = GrantId::from_u64(7);
    /// page.add(id, Grant::decode(b"damaged"));
    /// assert_eq!(page.unreadable, [id]);
    /// ```
    pub fn add(&mut self, id: GrantId, record: Result<Grant, DecodeError>) {
        match record {
            Ok(grant) if grant.id == id => self.grants.push(grant),
            _ => self.unreadable.push(id),
        }
    }

    /// How many records are in it, read or not.
    ///
    /// ```
    /// assert_eq!(regrant::store::Listed::default().len(), 0);
    /// ```
    pub fn len(&self) -> usize {
        self.grants.len().saturating_add(self.unreadable.len())
    }

    /// Whether none is.
    ///
    /// ```
    /// assert!(regrant::store::Listed::default().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
