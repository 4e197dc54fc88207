//! What a commit changes in the tables, as it stands in the log.
//!
//! ```text
//! 0 | id 8 | indexed expiry 8 | length 4 | record      a grant is this
//! 1 | id 8                                             it is no more
//! 2 | key 24                                           it is in the index of owners
//! 3 | key 24                                           it is not any more
//! 4 | key 16                                           it is in the index of expiries
//! 5 | key 16                                           it is not any more
//! 6 | key id 1 | fingerprint 16                        a key is in use
//! ```

use crate::grant::DecodeError;

/// One change of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change<'a> {
    PutGrant { id: u64, indexed: u64, record: &'a [u8] },
    RemoveGrant(u64),
    PutOwner([u8; 24]),
    RemoveOwner([u8; 24]),
    PutExpiry([u8; 16]),
    RemoveExpiry([u8; 16]),
    PutKey(u8, [u8; 16]),
}

impl Change<'_> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let mut put = |kind: u8, parts: &[&[u8]]| {
            out.push(kind);
            for part in parts {
                out.extend_from_slice(part);
            }
        };
        match self {
            Self::PutGrant { id, indexed, record } => {
                // None is as long as that, and then it would not be read.
                let length = u32::try_from(record.len()).unwrap_or(u32::MAX);
                put(0, &[&id.to_be_bytes(), &indexed.to_be_bytes(), &length.to_be_bytes(), record]);
            }
            Self::RemoveGrant(id) => put(1, &[&id.to_be_bytes()]),
            Self::PutOwner(key) => put(2, &[key]),
            Self::RemoveOwner(key) => put(3, &[key]),
            Self::PutExpiry(key) => put(4, &[key]),
            Self::RemoveExpiry(key) => put(5, &[key]),
            Self::PutKey(id, fingerprint) => put(6, &[&[*id], fingerprint]),
        }
    }
}

/// The changes of a commit, one after another.
pub(super) struct Changes<'a>(pub(super) &'a [u8]);

impl<'a> Changes<'a> {
    /// The next one; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Change<'a>>, DecodeError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let [kind] = self.take()?;
        Ok(Some(match kind {
            0 => {
                let id = u64::from_be_bytes(self.take()?);
                let indexed = u64::from_be_bytes(self.take()?);
                let length = usize::try_from(u32::from_be_bytes(self.take()?)).map_err(|_| DecodeError::Corrupt)?;
                let (record, rest) = self.0.split_at_checked(length).ok_or(DecodeError::Corrupt)?;
                self.0 = rest;
                Change::PutGrant { id, indexed, record }
            }
            1 => Change::RemoveGrant(u64::from_be_bytes(self.take()?)),
            2 => Change::PutOwner(self.take()?),
            3 => Change::RemoveOwner(self.take()?),
            4 => Change::PutExpiry(self.take()?),
            5 => Change::RemoveExpiry(self.take()?),
            6 => {
                let [id] = self.take()?;
                Change::PutKey(id, self.take()?)
            }
            _ => return Err(DecodeError::Corrupt),
        }))
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(DecodeError::Corrupt)?;
        self.0 = rest;
        Ok(*bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Change<'_>; 8] = [
        Change::PutGrant { id: 1, indexed: 2, record: b"record" },
        Change::PutGrant { id: u64::MAX, indexed: u64::MAX, record: b"" },
        Change::RemoveGrant(2),
        Change::PutOwner([3; 24]),
        Change::RemoveOwner([4; 24]),
        Change::PutExpiry([5; 16]),
        Change::RemoveExpiry([6; 16]),
        Change::PutKey(7, [8; 16]),
    ];

    #[test]
    fn what_was_written_is_read() {
        let mut bytes = Vec::new();
        for change in ALL {
            change.encode(&mut bytes);
        }
        let mut changes = Changes(&bytes);
        for change in ALL {
            assert_eq!(changes.next(), Ok(Some(change)));
        }
        assert_eq!(changes.next(), Ok(None));
    }

    #[test]
    fn what_is_cut_short_or_unknown_is_an_error() {
        for change in ALL {
            let mut bytes = Vec::new();
            change.encode(&mut bytes);
            for end in 1..bytes.len() {
                assert_eq!(Changes(&bytes[..end]).next(), Err(DecodeError::Corrupt), "{change:?} to {end}");
            }
        }
        for kind in 7..=255 {
            assert_eq!(Changes(&[kind; 100]).next(), Err(DecodeError::Corrupt));
        }
    }
}
