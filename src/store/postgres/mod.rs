//! Grants in PostgreSQL: one table, one row per grant.

mod builder;
mod error;
mod migrate;
mod row;
mod session;
mod setup_error;
mod sql;

use std::fmt;

use tokio_postgres::types::Type;

use self::row::{
    Columns, Parameter, Unseen, escape, expiry_day, fingerprint_of, grant_of, id_column, id_of, version_column,
};
use self::session::Sessions;
use self::sql::Sql;
use super::{Cursor, Durability, Inserted, Listed, StoreError, Swap, TokenStore};
use crate::grant::{DecodeError, Grant, GrantId, Owner, Timestamp, Version};
use crate::token::KeyFingerprint;

pub use self::builder::PostgresStoreBuilder;
pub use self::error::PostgresError;
pub use self::setup_error::PostgresSetupError;

/// Keeps grants in PostgreSQL.
pub struct PostgresStore {
    sessions: Sessions,
    sql: Sql,
}

impl PostgresStore {
    /// How many expired grants are removed at once at most, so that no statement takes long.
    const PURGED_AT_ONCE: usize = 1_000;

    /// A store with connections of its own and settings as they come: [`PostgresStoreBuilder::connect`].
    ///
    /// # Errors
    ///
    /// [`PostgresSetupError`].
    ///
    /// ```no_run
    /// # async fn start() -> Result<(), regrant::PostgresSetupError> {
    /// let store = regrant::PostgresStore::connect("postgres://regrant@db.internal/auth").await?;
    /// store.migrate().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect(url: &str) -> Result<Self, PostgresSetupError> {
        Self::builder().connect(url).await
    }

    /// Settings for a store.
    ///
    /// ```
    /// let builder = regrant::PostgresStore::builder().pool_size(8);
    /// ```
    pub fn builder() -> PostgresStoreBuilder {
        PostgresStoreBuilder::new()
    }

    /// [`PostgresStoreBuilder::schema_sql`] of this store's tables.
    ///
    /// ```no_run
    /// # fn print(store: &regrant::PostgresStore) {
    /// println!("{}", store.schema_sql());
    /// # }
    /// ```
    pub fn schema_sql(&self) -> String {
        self.sql.schema()
    }
}

#[deny(clippy::missing_trait_methods)]
impl TokenStore for PostgresStore {
    async fn insert(&self, grant: &Grant, _now: Timestamp) -> Result<Inserted, StoreError> {
        let columns = Columns::of(grant);
        let rows = self.sessions.execute(&self.sql.insert, &columns.parameters()).await?;
        Ok(if rows == 1 { Inserted::Inserted } else { Inserted::Duplicate })
    }

    async fn load(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        let rows = self.sessions.query(&self.sql.load, &[(&id_column(id), Type::INT8)]).await?;
        rows.first().map(|row| grant_of(row, id)).transpose()
    }

    async fn compare_and_swap(&self, expected: Version, next: &Grant, _now: Timestamp) -> Result<Swap, StoreError> {
        let columns = Columns::of(next);
        let expected = version_column(expected);
        let [a, b, c, d, e, f, g, h] = columns.parameters();
        let parameters = [a, b, c, d, e, f, g, h, (&expected, Type::INT8)];
        let rows = self.sessions.execute(&self.sql.compare_and_swap, &parameters).await?;
        Ok(if rows == 1 { Swap::Swapped } else { Swap::Lost })
    }

    async fn remove(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        let rows = self.sessions.query(&self.sql.remove, &[(&id_column(id), Type::INT8)]).await?;
        rows.first().map(|row| grant_of(row, id)).transpose()
    }

    async fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Result<Listed, StoreError> {
        let first = match after.as_ref().map(Cursor::to_u64) {
            None => i64::MIN,
            Some(Some(last)) => match id_column(GrantId::from_u64(last)).checked_add(1) {
                Some(first) => first,
                None => return Ok(Listed::default()),
            },
            Some(None) => return Err(StoreError::not_applied("not a cursor of a PostgreSQL store")),
        };
        let limit = limit.max(1);
        // One more than asked for, to know whether there is another page.
        let wanted = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let (subject, client) =
            (Unseen(escape(owner.subject_id())), owner.client_id().map(|client| Unseen(escape(client))));
        let mut parameters: Vec<Parameter<'_>> =
            vec![(&subject, Type::TEXT), (&first, Type::INT8), (&wanted, Type::INT8)];
        let sql = match &client {
            None => &self.sql.list,
            Some(client) => {
                parameters.push((client, Type::TEXT));
                &self.sql.list_at_client
            }
        };
        let rows = self.sessions.query(sql, &parameters).await?;
        let mut grants = Vec::with_capacity(rows.len().min(limit));
        for row in rows.iter().take(limit) {
            let id = id_of(row.try_get(1).map_err(|_| DecodeError::Corrupt)?);
            let grant = grant_of(row, id)?;
            if !owner.owns(&grant) {
                return Err(DecodeError::Corrupt.into());
            }
            grants.push(grant);
        }
        let more = rows.len() > limit;
        let next = grants.last().filter(|_| more).map(|last| Cursor::from_u64(last.id().as_u64()));
        Ok(Listed { grants, next })
    }

    async fn purge_expired(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let (time, day) = (std::time::SystemTime::from(now), expiry_day(now));
        let mut removed = 0;
        while removed < limit {
            let wanted = (limit - removed).min(Self::PURGED_AT_ONCE);
            let rows = i64::try_from(wanted).unwrap_or(i64::MAX);
            let parameters: [Parameter<'_>; 3] = [(&time, Type::TIMESTAMPTZ), (&day, Type::INT4), (&rows, Type::INT8)];
            let now_removed = self.sessions.execute(&self.sql.purge, &parameters).await?;
            let now_removed = usize::try_from(now_removed).unwrap_or(usize::MAX);
            removed = removed.saturating_add(now_removed);
            if now_removed < wanted {
                break;
            }
        }
        Ok(removed)
    }

    fn durability(&self) -> Durability {
        Durability::Durable
    }

    async fn key_fingerprints(&self, add: &[KeyFingerprint]) -> Result<Vec<KeyFingerprint>, StoreError> {
        if !add.is_empty() {
            let ids: Vec<i16> = add.iter().map(|one| one.key_id().into()).collect();
            let bytes: Vec<&[u8]> = add.iter().map(|one| &one.bytes()[..]).collect();
            let parameters: [Parameter<'_>; 2] = [(&ids, Type::INT2_ARRAY), (&bytes, Type::BYTEA_ARRAY)];
            self.sessions.execute(&self.sql.keep_fingerprints, &parameters).await?;
        }
        let rows = self.sessions.query(&self.sql.fingerprints, &[]).await?;
        rows.iter().map(fingerprint_of).collect()
    }
}

impl fmt::Debug for PostgresStore {
    /// Nothing of whom it talks to.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("table", &self.sql.grants)
            .field("pool", &self.sessions.pool.status())
            .finish_non_exhaustive()
    }
}
