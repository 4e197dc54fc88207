//! Grants in PostgreSQL: one table, one row per grant.

mod builder;
mod error;
mod migrate;
mod row;
mod session;
mod setup_error;
mod sql;

use std::fmt;
use std::time::Duration;

use tokio_postgres::types::Type;

use self::row::{
    Columns, Parameter, Unseen, escape, fingerprint_of, grant_of, id_column, id_of, minute, version_column,
};
use self::session::Sessions;
use self::sql::Sql;
use super::{Cursor, Durability, Insert, Listed, Removed, StoreError, Swap, TokenStore};
use crate::grant::{DecodeError, Grant, GrantId, Owner, Timestamp, Version};
use crate::token::KeyFingerprint;

pub use self::builder::PostgresStoreBuilder;
pub use self::error::PostgresStoreError;
pub use self::setup_error::PostgresSetupError;

/// Keeps grants in PostgreSQL: one table, one row per grant, for any number of processes. Its tests run on PostgreSQL
/// 15.
///
/// Each operation is one statement and one round trip, in a transaction of its own: a refresh is a `SELECT` and an
/// `UPDATE` by primary key. It needs tokio, as its driver does.
///
/// ```no_run
/// # async fn start(
/// #     clients: regrant::StaticClients,
/// #     key: regrant::Key,
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// use regrant::store::PostgresStore;
/// use regrant::Engine;
///
/// let store = PostgresStore::connect("postgres://regrant@db.internal/auth").await?;
/// store.migrate().await?;
/// let engine = Engine::builder(store, clients).key(key).build()?;
/// engine.check_keys().await?;
/// # Ok(())
/// # }
/// ```
///
/// # The tables
///
/// [`migrate`](Self::migrate) makes them, or your DBA does, by [`schema_sql`](Self::schema_sql). In
/// `regrant_grants`, or what it is [called](PostgresStoreBuilder::table):
///
/// | column | what it is |
/// |---|---|
/// | `id` | the grant's id, the same 64 bits: `to_hex(id)` is what logs show |
/// | `version` | the write that the row is of; what a swap compares |
/// | `created_at`, `expires_at` | times, to the millisecond; what never expires says the year 10889 |
/// | `purge_minute` | the minute since 1970 in which a purge looks at the row: that of `expires_at`, or an earlier one |
/// | `client`, `subject` | whose it is: [`Grant::client_key`], a digest where the client's id is long, and [`Grant::owner_key`]; no subject is `NULL` |
/// | `record` | the grant, as [`Grant::encode`] has it |
///
/// **The record wins.** It is all that the engine believes; the other columns are written with it by the same
/// statement, and serve conditions, indexes and operators. A record that is of another id than its row is damaged, and
/// is left as it is. Since a database takes every character but U+0000, U+0000 in a subject is U+0001 and `0` in its
/// column, and U+0001 is U+0001 and `1`.
///
/// `regrant_grants_keys` has the fingerprints of keys, `regrant_grants_schema` the version of all this.
///
/// # For operators
///
/// Records hold salts: keep them, and what backups have of them, as you keep password hashes. The role of the engine
/// needs
///
/// ```sql
/// GRANT SELECT, INSERT, UPDATE, DELETE ON regrant_grants TO app;
/// GRANT SELECT, INSERT ON regrant_grants_keys TO app;
/// GRANT SELECT ON regrant_grants_schema TO app;
/// ```
///
/// Look as you like, and delete what you like: a row that is gone is a login that has ended. Never update or insert.
///
/// ```sql
/// SELECT lpad(to_hex(id), 16, '0') AS grant, client, created_at, expires_at
///     FROM regrant_grants WHERE subject = 'usuario.teste' ORDER BY id;
/// SELECT client, count(*) FROM regrant_grants GROUP BY client;
/// DELETE FROM regrant_grants WHERE expires_at < now();
/// ```
///
/// The last is what [`purge_expired`](TokenStore::purge_expired) does, a thousand at a time and by an index: call it
/// now and then, from any number of processes. They pass by each other's rows, and by one that is just being extended.
///
/// It looks at a row in the minute in which it expires, as the index has it, and moves on in the index what was extended
/// since: so it reads each row once in the grant's lifetime, and of those that expire later only what expires within the
/// same minute. For the time of its statement a refresh of such a row waits. Call it every few minutes: the first in
/// a month writes every row that is there, once.
///
/// A row whose record cannot be read is listed by its columns ([`Listed::unreadable`](crate::store::Listed::unreadable)), purged
/// by them, and removed like any other.
///
/// # What it takes
///
/// No index is on a column that a refresh changes. So an update stays within its page (HOT), leaves nothing in the
/// indexes, and its predecessor is cleared away by whoever comes to the page next. A fifth of each page is kept free for
/// that. 20,000 grants with records of 160 bytes took 424 bytes each after 1 refresh, indexes included, and 514 after 100
/// (`pgbench`, 8 sessions, autovacuum as it comes); 99.8 in 100 updates were HOT. A purge that then found all of them
/// extended at once left 712.
///
/// It is bounded, whenever autovacuum comes. Of 1,000 grants and one session that nobody vacuums the tests find 524 bytes
/// each after 1 refresh and after 100; a quarter more is the bound. What a session sees is kept while it works on a
/// statement, so with 8 of them on a busy machine it may be more, and three times the first is the bound. A transaction of
/// somebody else's that stays open for hours has no bound.
///
/// # Poolers
///
/// Nothing is prepared and nothing is left in a session, so a pooler in transaction mode may stand in between; tests
/// run through pgbouncer 1.18. But what others set in a session of such a pooler stays in it: let nobody else come
/// through that pool, and name the [schema](PostgresStoreBuilder::schema). Straight to the server, [prepared
/// statements](PostgresStoreBuilder::danger_prepared_statements) are faster.
///
/// # What must hold of the server
///
/// - **Every session is on the primary.** A replica is behind, and what it says of a grant lets a token be used twice.
///   Connections of the store's own are asked whether they may write; for your own pool set
///   `TargetSessionAttrs::ReadWrite`.
/// - **`synchronous_commit` is not `off`**, for no session that writes to the table: a crash would lose refreshes and
///   revocations that were confirmed. Construction refuses such a session, and one whose database is not in UTF-8. Nor is
///   `fsync` off, which nobody checks.
/// - **A failover loses what was not replicated.** With asynchronous replicas (`synchronous_standby_names` empty, or
///   `synchronous_commit` at `local`) the last moments before it are gone, though they were confirmed. Of a lost
///   refresh the engine makes good what it can: a token ahead of its record is genuine, so the record is moved forward
///   to it, with the event [`StoreBehind`](crate::event::Event::StoreBehind). A lost login is a login again. A lost
///   *revocation* is a grant that lives again, and nobody can tell: where that matters, replicate synchronously.
/// - **A synchronous standby that stands still has no time-out.** A commit that waits for it (the wait event `SyncRep`) has taken
///   place and is seen by nobody; neither `statement_timeout` nor a cancellation undoes it. So for as long as that
///   lasts refreshes fail, and some of them are seen when it is over, later than [`longest_commit`](TokenStore::longest_commit)
///   says, under the time at which they began. A client that gave up on such a refresh, and comes back with its old token
///   later after that time than its [retry window](crate::client::ClientBuilder::retry_window) and `longest_commit` together, is
///   taken for a replay, and its login ends. Sound an alarm on sessions that wait for `SyncRep`, let any of several standbys
///   do (`ANY 1 (a, b)`), and prefer a retry window that is longer than such stalls.
/// - **Nothing holds a statement back on its way.** The server counts the time of a swap from when it comes. In front of a pooler's queue
///   set `query_wait_timeout` as low as can be, and let the pooler have as many sessions as its clients: it may hand on
///   what has waited there though its sender is gone. What a network held back is sent again for no longer than the
///   [time-out](PostgresStoreBuilder::statement_timeout) where this store makes its connections, on systems that can; for your own pool set
///   `tcp_user_timeout`. A swap can be later by these two.
/// - The isolation of transactions may be any. Where it is repeatable read or serializable the server undoes a
///   statement that meets another one; it is then said again.
///
/// # When it fails
///
/// The source of an error is a [`PostgresStoreError`]. Nothing was applied where there was no connection to be had, and
/// where the server said that it undid the statement: constraints, conflicts, privileges, no space, too many
/// connections, a lock that was not given, a cancelled statement. What is in doubt is reported so: a connection that
/// broke, no answer in time, a shutdown, what a pooler says in the server's place. The engine then looks for the
/// version that it drew.
///
/// A future that is dropped leaves its statement to run to its end, or never to be sent. Its session is kept from others until
/// that end, so that nothing waits behind a statement that nobody waits for; one that is not idle within
/// the [time-out](PostgresStoreBuilder::statement_timeout) is closed, and so is one that is dropped outside of a runtime.
pub struct PostgresStore {
    sessions: Sessions,
    sql: Sql,
}

impl PostgresStore {
    /// At how many rows one statement of a purge looks at most, so that none takes long.
    const LOOKED_AT_AT_ONCE: i64 = 1_000;
    /// And at least, so that few to be removed are found among many that were extended.
    const LOOKED_AT_AT_LEAST: i64 = 100;

    /// A store with connections of its own and settings as they come: [`PostgresStoreBuilder::connect`].
    ///
    /// # Errors
    ///
    /// [`PostgresSetupError`].
    ///
    /// ```no_run
    /// # async fn start() -> Result<(), regrant::store::PostgresSetupError> {
    /// let store = regrant::store::PostgresStore::connect("postgres://regrant@db.internal/auth").await?;
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
    /// let builder = regrant::store::PostgresStore::builder().pool_size(8);
    /// ```
    pub fn builder() -> PostgresStoreBuilder {
        PostgresStoreBuilder::new()
    }

    /// [`PostgresStoreBuilder::schema_sql`] of this store's tables.
    ///
    /// ```no_run
    /// # fn print(store: &regrant::store::PostgresStore) {
    /// println!("{}", store.schema_sql());
    /// # }
    /// ```
    pub fn schema_sql(&self) -> String {
        self.sql.schema()
    }
}

#[deny(clippy::missing_trait_methods)]
impl TokenStore for PostgresStore {
    async fn insert(&self, grant: &Grant, _now: Timestamp) -> Result<Insert, StoreError> {
        let columns = Columns::of(grant);
        let rows = self.sessions.execute(&self.sql.insert, &columns.parameters()).await?;
        Ok(if rows == 1 { Insert::Added } else { Insert::Duplicate })
    }

    async fn load(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        let rows = self.sessions.query(&self.sql.load, &[(&id_column(id), Type::INT8)]).await?;
        Ok(rows.first().map(|row| grant_of(row, id)).transpose()?)
    }

    async fn compare_and_swap(&self, expected: Version, next: &Grant, _now: Timestamp) -> Result<Swap, StoreError> {
        let columns = Columns::of(next);
        let expected = version_column(expected);
        let [a, b, c, d, e, f, g, h] = columns.parameters();
        let parameters = [a, b, c, d, e, f, g, h, (&expected, Type::INT8)];
        let rows = self.sessions.execute_in_time(&self.sql.compare_and_swap, &parameters).await?;
        Ok(if rows == 1 { Swap::Swapped } else { Swap::Lost })
    }

    async fn remove(&self, id: GrantId) -> Result<Removed, StoreError> {
        let rows = self.sessions.query(&self.sql.remove, &[(&id_column(id), Type::INT8)]).await?;
        Ok(rows.first().map_or(Removed::Nothing, |row| grant_of(row, id).into()))
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
            (Unseen(escape(owner.owner_key())), owner.client_key().map(|client| Unseen(escape(client))));
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
        let (mut listed, mut last) = (Listed::default(), None);
        for row in rows.iter().take(limit) {
            let id = id_of(row.try_get(1).map_err(|_| DecodeError::Corrupt)?);
            // A row whose columns say another owner than its record is damaged as well.
            let own = |grant: Grant| if owner.owns(&grant) { Ok(grant) } else { Err(DecodeError::Corrupt) };
            listed.add(id, grant_of(row, id).and_then(own));
            last = Some(id);
        }
        listed.next = last.filter(|_| rows.len() > limit).map(|id| Cursor::from_u64(id.as_u64()));
        Ok(listed)
    }

    async fn purge_expired(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let (time, minute) = (std::time::SystemTime::from(now), minute(now));
        let (mut removed, mut begun) = (0, false);
        while removed < limit {
            let left = limit - removed;
            let look = i64::try_from(left).unwrap_or(i64::MAX).clamp(Self::LOOKED_AT_AT_LEAST, Self::LOOKED_AT_AT_ONCE);
            let most = i64::try_from(left).unwrap_or(i64::MAX);
            let parameters: [Parameter<'_>; 4] =
                [(&time, Type::TIMESTAMPTZ), (&minute, Type::INT4), (&look, Type::INT8), (&most, Type::INT8)];
            let rows = match self.sessions.query(&self.sql.purge, &parameters).await {
                Ok(rows) => rows,
                Err(error) if begun => return Err(error.after_a_write()),
                Err(error) => return Err(error),
            };
            begun = true;
            let count = |at: usize| rows.first().and_then(|row| row.try_get::<_, i64>(at).ok()).unwrap_or_default();
            removed = removed.saturating_add(usize::try_from(count(1)).unwrap_or_default());
            if count(0) < look {
                break;
            }
        }
        Ok(removed)
    }

    fn expect_load(&self, _id: GrantId) {}

    /// Random: an index finds any id.
    fn propose_id(&self, _now: Timestamp) -> Option<u32> {
        None
    }

    fn durability(&self) -> Durability {
        Durability::Durable
    }

    /// The sum of both time-outs, which the server keeps too: it writes nothing once a swap's time is over, whatever it waited for.
    /// What that cannot bound is a commit that waits for a synchronous standby, and a statement that is held back on its
    /// way: see "What must hold of the server" of [`PostgresStore`].
    fn longest_commit(&self) -> Duration {
        self.sessions.acquire_timeout.saturating_add(self.sessions.statement_timeout)
    }

    async fn keep_key_fingerprints(&self, add: &[KeyFingerprint]) -> Result<Vec<KeyFingerprint>, StoreError> {
        let rows = if add.is_empty() {
            self.sessions.query(&self.sql.fingerprints, &[]).await?
        } else {
            let ids: Vec<i16> = add.iter().map(|one| one.key_id().into()).collect();
            let bytes: Vec<&[u8]> = add.iter().map(|one| &one.bytes()[..]).collect();
            let parameters: [Parameter<'_>; 2] = [(&ids, Type::INT2_ARRAY), (&bytes, Type::BYTEA_ARRAY)];
            self.sessions.execute(&self.sql.keep_fingerprints, &parameters).await?;
            self.sessions.query(&self.sql.fingerprints, &[]).await.map_err(StoreError::after_a_write)?
        };
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
