//! Settings of the store, and where its connections come from.

use std::str::FromStr;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::{Config, NoTls};

use super::PostgresStore;
use super::error::PostgresStoreError;
use super::session::Sessions;
use super::setup_error::PostgresSetupError;
use super::sql::Sql;

/// Settings of a [`PostgresStore`].
///
/// ```no_run
/// # async fn start() -> Result<(), regrant::store::PostgresSetupError> {
/// use regrant::store::PostgresStore;
/// use std::time::Duration;
///
/// let store = PostgresStore::builder()
///     .schema("auth")
///     .table("grants")
///     .pool_size(8)
///     .statement_timeout(Duration::from_secs(2))
///     .connect("postgres://regrant@db.internal/shop")
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct PostgresStoreBuilder {
    schema: Option<String>,
    table: String,
    pool_size: usize,
    acquire_timeout: Duration,
    statement_timeout: Duration,
    prepared: bool,
}

impl PostgresStoreBuilder {
    pub(super) fn new() -> Self {
        Self {
            schema: None,
            table: "regrant_grants".into(),
            pool_size: 16,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(5),
            prepared: false,
        }
    }

    /// The schema of the tables, which must be there; if not set, the first of the role's `search_path`.
    ///
    /// ```
    /// # fn main() -> Result<(), regrant::store::PostgresSetupError> {
    /// let sql = regrant::store::PostgresStore::builder().schema("auth").schema_sql()?;
    /// assert!(sql.contains(r#"CREATE TABLE "auth"."regrant_grants""#));
    /// # Ok(())
    /// # }
    /// ```
    pub fn schema(self, name: &str) -> Self {
        Self { schema: Some(name.into()), ..self }
    }

    /// The table of grants: `regrant_grants` if not set, at most 55 bytes. Two more begin with its name: `…_keys` and
    /// `…_schema`.
    ///
    /// ```
    /// # fn main() -> Result<(), regrant::store::PostgresSetupError> {
    /// let sql = regrant::store::PostgresStore::builder().table("logins").schema_sql()?;
    /// assert!(sql.contains(r#"CREATE TABLE "logins_keys""#));
    /// # Ok(())
    /// # }
    /// ```
    pub fn table(self, name: &str) -> Self {
        Self { table: name.into(), ..self }
    }

    /// The most connections at once of a store that makes its own: 16 if not set, at least 1. Each is a process of the
    /// server's.
    ///
    /// ```
    /// let builder = regrant::store::PostgresStore::builder().pool_size(4);
    /// ```
    pub fn pool_size(self, connections: usize) -> Self {
        Self { pool_size: connections.max(1), ..self }
    }

    /// How long an operation waits for a connection: 5 seconds if not set. Afterwards it fails, and nothing was
    /// written. A connection whose statement's future was dropped is not to be had until that statement has ended, or
    /// the time for statements is over.
    ///
    /// ```
    /// use std::time::Duration;
    /// let builder = regrant::store::PostgresStore::builder().acquire_timeout(Duration::from_millis(500));
    /// ```
    pub fn acquire_timeout(self, timeout: Duration) -> Self {
        Self { acquire_timeout: timeout, ..self }
    }

    /// How long an operation waits for the server's answer, however often it says its statement: 5 seconds if not set. Afterwards it
    /// fails, its connection is given up, and the write may have taken place.
    ///
    /// A swap takes place within this time or never, by the server's clock from when the statement came, also where its caller is
    /// gone: not one that waits for a row's lock, which the server ends, nor one that waits for the table's (`CREATE INDEX`,
    /// `VACUUM FULL`), which it does not end and which then finds that its time is over. So no refresh takes place long after
    /// its client was told to come again; but see what [`PostgresStore`] says of synchronous standbys. Other statements have no
    /// such bound: one that waits for a lock goes on waiting in a session that the pool does not count any more, unless the
    /// role has a time of its own, a little longer: `ALTER ROLE … SET statement_timeout`. That also ends the waiting of a swap
    /// for the table.
    ///
    /// ```
    /// use std::time::Duration;
    /// let builder = regrant::store::PostgresStore::builder().statement_timeout(Duration::from_secs(1));
    /// ```
    pub fn statement_timeout(self, timeout: Duration) -> Self {
        Self { statement_timeout: timeout, ..self }
    }

    /// Has the server prepare each statement once for each connection. It then does not parse and plan it each time, which is two
    /// thirds of its processor time for a read, and three quarters for an update (`pgbench -M prepared` beside `-M extended`, one
    /// session, two runs: 12 and 13 µs beside 30 and 37, 31 and 41 beside 139 and 172).
    ///
    /// Only where a connection leads to the same session all the time: straight to the server, or through a pooler in
    /// session mode, or one that knows of prepared statements (pgbouncer from 1.21 on, with `max_prepared_statements`).
    /// Behind another pooler in transaction mode statements fail, and worse: names of statements are the same in all
    /// processes, and one could run what another has prepared under that name, a removal instead of a look.
    ///
    /// ```
    /// let builder = regrant::store::PostgresStore::builder().danger_prepared_statements();
    /// ```
    pub fn danger_prepared_statements(self) -> Self {
        Self { prepared: true, ..self }
    }

    /// What [`migrate`](PostgresStore::migrate) makes in an empty database, for whoever may create tables to run. It is
    /// one transaction.
    ///
    /// # Errors
    ///
    /// [`PostgresSetupError::InvalidName`].
    ///
    /// ```
    /// # fn main() -> Result<(), regrant::store::PostgresSetupError> {
    /// let sql = regrant::store::PostgresStore::builder().schema_sql()?;
    /// assert!(sql.starts_with("BEGIN;"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn schema_sql(&self) -> Result<String, PostgresSetupError> {
        Ok(self.sql()?.schema())
    }

    /// A store with connections of its own, by a URL (`postgres://user:password@host:port/database`) or by words
    /// (`host=/run/postgresql user=regrant dbname=auth`). It talks without TLS, and refuses a server by a URL that has
    /// `sslmode=require`; for TLS see [`connect_pool`](Self::connect_pool). Of several hosts it takes the one that is no replica.
    ///
    /// # Errors
    ///
    /// [`PostgresSetupError`]; it is fine if the tables are not there yet.
    ///
    /// ```no_run
    /// # async fn start() -> Result<(), regrant::store::PostgresSetupError> {
    /// let store = regrant::store::PostgresStore::builder().connect("postgres://regrant@one,two/auth").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect(&self, url: &str) -> Result<PostgresStore, PostgresSetupError> {
        // What the parser says may have a piece of the password in it.
        let mut config = Config::from_str(url).map_err(|_| PostgresSetupError::InvalidUrl)?;
        // Asked of every new connection, so that after a failover none leads to what has become a replica.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        // The system goes on sending what it was given, also for a connection that is closed.
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(self.statement_timeout);
        }
        // Nothing is left in a session that would have to be cleared.
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let pool = Pool::builder(Manager::from_config(config, NoTls, recycling)).max_size(self.pool_size).build();
        let pool = pool.map_err(|error| PostgresStoreError::new(&error.to_string()))?;
        self.connect_pool(pool).await
    }

    /// A store on the host's own pool of `deadpool-postgres` 0.14: for TLS, for passwords that change, or to share it.
    ///
    /// Take `Manager::new(config, tls)` with the connector of `tokio-postgres-rustls` or another, `SslMode::Require`,
    /// and `TargetSessionAttrs::ReadWrite` so that no connection leads to a replica. Sessions must be in autocommit,
    /// as they come, and say `synchronous_commit` other than `off`.
    ///
    /// # Errors
    ///
    /// As for [`connect`](Self::connect).
    ///
    /// ```no_run
    /// use deadpool_postgres::{Manager, Pool};
    /// use deadpool_postgres::tokio_postgres::{Config, NoTls, config::{SslMode, TargetSessionAttrs}};
    /// use regrant::store::PostgresStore;
    ///
    /// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut config: Config = "host=db.internal user=regrant dbname=auth".parse()?;
    /// config.ssl_mode(SslMode::Require).target_session_attrs(TargetSessionAttrs::ReadWrite);
    /// # let tls = NoTls;
    /// let pool = Pool::builder(Manager::new(config, tls)).max_size(16).build()?;
    /// let store = PostgresStore::builder().connect_pool(pool).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect_pool(&self, pool: Pool) -> Result<PostgresStore, PostgresSetupError> {
        let (acquire_timeout, statement_timeout) = (self.acquire_timeout, self.statement_timeout);
        let sessions = Sessions { pool, acquire_timeout, statement_timeout, prepared: self.prepared };
        let store = PostgresStore { sessions, sql: self.sql()? };
        store.check_server().await?;
        Ok(store)
    }

    fn sql(&self) -> Result<Sql, PostgresSetupError> {
        Sql::new(self.schema.as_deref(), &self.table)
    }
}
