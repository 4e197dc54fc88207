//! A grant as a row and back.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::time::SystemTime;

use bytes::BytesMut;
use tokio_postgres::Row;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use crate::grant::{DecodeError, Grant, GrantId, Timestamp, Version};
use crate::store::StoreError;
use crate::token::KeyFingerprint;

const MINUTE: u64 = 60_000;
/// Begins what stands for a character that a text cannot have.
const ESCAPE: char = '\u{1}';

/// What a statement is given, with its types, so that the server is not asked for them first.
pub(super) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// A parameter that the driver cannot print: it prints those of prepared statements to the log, where that is as
/// verbose as can be.
pub(super) struct Unseen<T>(pub(super) T);

impl<T> fmt::Debug for Unseen<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl<T: ToSql> ToSql for Unseen<T> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.0.to_sql(kind, out)
    }

    fn accepts(kind: &Type) -> bool {
        T::accepts(kind)
    }

    to_sql_checked!();
}

/// The columns of one grant.
pub(super) struct Columns<'a> {
    pub(super) id: i64,
    version: i64,
    created_at: SystemTime,
    expires_at: SystemTime,
    purge_minute: i32,
    client: Unseen<Cow<'a, str>>,
    subject: Unseen<Option<Cow<'a, str>>>,
    record: Unseen<Vec<u8>>,
}

impl<'a> Columns<'a> {
    pub(super) fn of(grant: &'a Grant) -> Self {
        Self {
            id: id_column(grant.id()),
            version: version_column(grant.version()),
            created_at: grant.created_at().into(),
            expires_at: grant.expires_at().into(),
            purge_minute: minute(grant.expires_at()),
            client: Unseen(escape(grant.client_key())),
            subject: Unseen(grant.owner_key().map(escape)),
            record: Unseen(grant.encode()),
        }
    }

    /// In the order in which statements number them.
    pub(super) fn parameters(&self) -> [Parameter<'_>; 8] {
        [
            (&self.id, Type::INT8),
            (&self.version, Type::INT8),
            (&self.created_at, Type::TIMESTAMPTZ),
            (&self.expires_at, Type::TIMESTAMPTZ),
            (&self.purge_minute, Type::INT4),
            (&self.client, Type::TEXT),
            (&self.subject, Type::TEXT),
            (&self.record, Type::BYTEA),
        ]
    }
}

/// The same 64 bits: `to_hex` of the column is the id that logs show.
pub(super) const fn id_column(id: GrantId) -> i64 {
    i64::from_ne_bytes(id.as_u64().to_ne_bytes())
}

pub(super) const fn id_of(column: i64) -> GrantId {
    GrantId::from_u64(u64::from_ne_bytes(column.to_ne_bytes()))
}

pub(super) const fn version_column(version: Version) -> i64 {
    i64::from_ne_bytes(version.as_u64().to_ne_bytes())
}

/// The minute that it is in, since 1970; what never expires is in the last that there is.
pub(super) fn minute(time: Timestamp) -> i32 {
    i32::try_from(time.as_millis() / MINUTE).unwrap_or(i32::MAX)
}

/// The text that stands for any text, one to one: a database takes every character but U+0000. U+0000 becomes U+0001
/// and `0`, U+0001 becomes U+0001 and `1`; no text gets longer than twice.
pub(super) fn escape<'a>(text: impl Into<Cow<'a, str>>) -> Cow<'a, str> {
    let text = text.into();
    if !text.contains(['\0', ESCAPE]) {
        return text;
    }
    let mut out = String::with_capacity(2 * text.len());
    for character in text.chars() {
        match character {
            '\0' => out.extend([ESCAPE, '0']),
            ESCAPE => out.extend([ESCAPE, '1']),
            other => out.push(other),
        }
    }
    Cow::Owned(out)
}

/// The grant of a row whose first column is the record, if it is the one of that id.
pub(super) fn grant_of(row: &Row, id: GrantId) -> Result<Grant, DecodeError> {
    let bytes: &[u8] = row.try_get(0).map_err(|_| DecodeError::Corrupt)?;
    let grant = Grant::decode(bytes)?;
    if grant.id() == id { Ok(grant) } else { Err(DecodeError::Corrupt) }
}

/// The fingerprint of a row of key id and bytes.
pub(super) fn fingerprint_of(row: &Row) -> Result<KeyFingerprint, StoreError> {
    let id: i16 = row.try_get(0).map_err(|_| DecodeError::Corrupt)?;
    let bytes: &[u8] = row.try_get(1).map_err(|_| DecodeError::Corrupt)?;
    let id = u8::try_from(id).map_err(|_| DecodeError::Corrupt)?;
    let bytes = bytes.try_into().map_err(|_| DecodeError::Corrupt)?;
    Ok(KeyFingerprint::new(id, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_texts_have_the_same_column() {
        let letters = ['\0', '\u{1}', '0', '1', 'é'];
        let mut texts = vec![String::new()];
        for length in 0..4 {
            let longer: Vec<String> = texts
                .iter()
                .filter(|text| text.chars().count() == length)
                .flat_map(|text| letters.map(|letter| format!("{text}{letter}")))
                .collect();
            texts.extend(longer);
        }
        let columns: std::collections::BTreeSet<_> = texts.iter().map(escape).collect();
        assert_eq!(columns.len(), texts.len());
        assert!(columns.iter().all(|column| !column.contains('\0')));
        assert!(texts.iter().all(|text| escape(text).len() <= 2 * text.len()));
        assert!(matches!(escape("DOMAIN\\user"), Cow::Borrowed("DOMAIN\\user")));
    }

    #[test]
    fn a_minute_is_rounded_down() {
        let minute = |millis| minute(Timestamp::from_millis(millis));
        assert_eq!([0, MINUTE - 1, MINUTE, 2 * MINUTE - 1].map(minute), [0, 0, 1, 1]);
        assert_eq!([Timestamp::MAX.as_millis(), u64::MAX].map(minute), [i32::MAX; 2]);
    }

    #[test]
    fn an_id_keeps_its_bits() {
        for id in [0, 1, 1 << 63, u64::MAX, 0x5f33_f0c4_0000_00a7] {
            assert_eq!(id_of(id_column(GrantId::from_u64(id))).as_u64(), id);
        }
    }
}
