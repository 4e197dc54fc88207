//! What the server must be like, and the making of the tables.

use deadpool_postgres::ClientWrapper;
use tokio_postgres::types::Type;
use tokio_postgres::{GenericClient, IsolationLevel};

use super::PostgresStore;
use super::error::PostgresStoreError;
use super::setup_error::PostgresSetupError;
use super::sql::SCHEMA_VERSION;

/// One at a time in a database: `regrant` in ASCII.
const MIGRATION_LOCK: i64 = 0x0072_6567_7261_6e74;

const SETTINGS: &str = "SELECT current_setting('transaction_read_only'), current_setting('synchronous_commit'), \
                        current_setting('server_encoding')";

impl PostgresStore {
    /// Makes the tables, or makes them what this version of the crate needs. Where there is nothing to do it only
    /// looks; of several that come at once one does it and the others wait. Everything happens in one transaction.
    ///
    /// The role needs the right to create tables; where it must not have it, let somebody run
    /// [`schema_sql`](Self::schema_sql) instead. No time is set for it, since a later version's migration may take
    /// long.
    ///
    /// # Errors
    ///
    /// [`PostgresSetupError::NewerSchema`] where a later version of this crate was here first; nothing is changed then.
    /// Otherwise what [`check`](Self::check) says.
    ///
    /// ```no_run
    /// # async fn start() -> Result<(), regrant::store::PostgresSetupError> {
    /// let store = regrant::store::PostgresStore::connect("postgres://regrant@db.internal/auth").await?;
    /// store.migrate().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn migrate(&self) -> Result<(), PostgresSetupError> {
        let mut session = self.sessions.session().await?;
        self.migrate_in(session.get()?).await?;
        session.give_back();
        Ok(())
    }

    async fn migrate_in(&self, client: &mut ClientWrapper) -> Result<(), PostgresSetupError> {
        self.check_settings(&**client).await?;
        if self.schema_version(&**client).await? == SCHEMA_VERSION {
            return Ok(());
        }
        // What this transaction sees after it has waited must be what the one before it did.
        let transaction = client.build_transaction().isolation_level(IsolationLevel::ReadCommitted);
        let transaction = transaction.start().await.map_err(PostgresStoreError::from)?;
        let lock = "SELECT pg_advisory_xact_lock($1)";
        transaction.query_typed(lock, &[(&MIGRATION_LOCK, Type::INT8)]).await.map_err(PostgresStoreError::from)?;
        // A look at what is there would not do: the session may remember that it was not.
        transaction.batch_execute(&self.sql.versions_table()).await.map_err(PostgresStoreError::from)?;
        let found = self.schema_version(&*transaction).await?;
        for step in self.sql.steps().iter().skip(usize::try_from(found).unwrap_or(0)) {
            transaction.batch_execute(step).await.map_err(PostgresStoreError::from)?;
        }
        transaction.commit().await.map_err(PostgresStoreError::from)?;
        Ok(())
    }

    /// Whether the server can be trusted with grants and the tables are those of this version of the crate: for a
    /// host's start, or its health check.
    ///
    /// # Errors
    ///
    /// [`PostgresSetupError`]: the server is a replica, would lose confirmed writes, is of another encoding, or has not
    /// been [migrated](Self::migrate).
    ///
    /// ```no_run
    /// # async fn start(store: regrant::store::PostgresStore) -> Result<(), regrant::store::PostgresSetupError> {
    /// store.check().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn check(&self) -> Result<(), PostgresSetupError> {
        match self.check_server().await? {
            SCHEMA_VERSION => Ok(()),
            found => Err(PostgresSetupError::NotMigrated { found, known: SCHEMA_VERSION }),
        }
    }

    /// The same, and content without tables.
    pub(super) async fn check_server(&self) -> Result<i32, PostgresSetupError> {
        let mut session = self.sessions.session().await?;
        let client = session.get()?;
        let checks = async {
            self.check_settings(&**client).await?;
            self.schema_version(&**client).await
        };
        match tokio::time::timeout(self.sessions.statement_timeout, checks).await {
            Ok(version) => {
                session.give_back();
                version
            }
            Err(_) => Err(PostgresStoreError::new("no answer in time").into()),
        }
    }

    async fn check_settings(&self, client: &impl GenericClient) -> Result<(), PostgresSetupError> {
        let settings = client.query_typed_one(SETTINGS, &[]).await.map_err(PostgresStoreError::from)?;
        let setting = |at: usize| settings.try_get::<_, String>(at).map_err(PostgresStoreError::from);
        if setting(0)? != "off" {
            return Err(PostgresSetupError::ReadOnly);
        }
        if setting(1)? == "off" {
            return Err(PostgresSetupError::AsynchronousCommit);
        }
        match setting(2)? {
            encoding if encoding == "UTF8" => Ok(()),
            other => Err(PostgresSetupError::Encoding(other)),
        }
    }

    /// At most what this crate knows; 0 where there are no tables.
    async fn schema_version(&self, client: &impl GenericClient) -> Result<i32, PostgresSetupError> {
        let versions = &self.sql.versions;
        let there = "SELECT to_regclass($1) IS NOT NULL";
        let there = client.query_typed_one(there, &[(versions, Type::TEXT)]).await.map_err(PostgresStoreError::from)?;
        if !there.try_get::<_, bool>(0).map_err(PostgresStoreError::from)? {
            return Ok(0);
        }
        let version = format!("SELECT version FROM {versions}");
        let version = client.query_typed_opt(&version, &[]).await.map_err(PostgresStoreError::from)?;
        let Some(version) = version else { return Ok(0) };
        match version.try_get(0).map_err(PostgresStoreError::from)? {
            found if found > SCHEMA_VERSION => Err(PostgresSetupError::NewerSchema { found, known: SCHEMA_VERSION }),
            found => Ok(found),
        }
    }
}
