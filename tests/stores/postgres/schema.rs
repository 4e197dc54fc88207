//! The making of the tables, and servers that are refused.

use regrant::TokenStore;
use regrant::store::{Insert, KeyFingerprint, PostgresSetupError, PostgresStore};

use super::{server, store};
use crate::kit::records::{Fields, at};
use crate::kit::servers::postgres::Postgres;

/// All that was made, as the server describes it.
fn shape(server: &Postgres, database: &str) -> String {
    let mut dump = server.client("pg_dump");
    let output = dump.args(["--inserts", "--no-comments", database]).output().unwrap();
    assert!(output.status.success());
    // Each dump is between two marks of its own.
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter(|line| !line.starts_with('\\') && !line.starts_with("--")).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn the_printed_schema_is_what_a_migration_makes() {
    let Some((server, migrated, store)) = store().await else { return };
    let printed = server.fresh_database();
    server.sql(&printed, &store.schema_sql());
    assert_eq!(shape(server, &printed), shape(server, &migrated));
    assert!(shape(server, &printed).contains("regrant_grants_keys"));
    assert_eq!(PostgresStore::builder().schema_sql().unwrap(), store.schema_sql());
    // And then there is nothing to migrate.
    let store = PostgresStore::connect(&server.url_of(&printed)).await.unwrap();
    store.check().await.unwrap();
    store.migrate().await.unwrap();
    assert_eq!(shape(server, &printed), shape(server, &migrated));
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_processes_may_migrate_at_once() {
    let Some(server) = server() else { return };
    for isolation in ["read committed", "serializable"] {
        let database = server.fresh_database();
        server.sql(&database, &format!("ALTER DATABASE {database} SET default_transaction_isolation = '{isolation}'"));
        let mut tasks = Vec::new();
        for _ in 0..8 {
            let url = server.url_of(&database);
            tasks.push(tokio::spawn(async move {
                let store = PostgresStore::connect(&url).await.unwrap();
                store.migrate().await.unwrap();
                store.migrate().await.unwrap();
                store.check().await.unwrap();
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(server.sql(&database, "SELECT version FROM regrant_grants_schema"), "1");
    }
}

#[tokio::test]
async fn a_schema_of_a_later_version_is_left_alone() {
    let Some((server, database, store)) = store().await else { return };
    server.sql(&database, "UPDATE regrant_grants_schema SET version = 2");
    let before = shape(server, &database);
    let newer = |error| matches!(error, PostgresSetupError::NewerSchema { found: 2, known: 1 });
    assert!(newer(store.migrate().await.unwrap_err()));
    assert!(newer(store.check().await.unwrap_err()));
    assert!(newer(PostgresStore::connect(&server.url_of(&database)).await.unwrap_err()));
    assert_eq!(shape(server, &database), before);
}

#[tokio::test]
async fn tables_can_have_any_name_in_any_schema() {
    let Some(server) = server() else { return };
    let database = server.fresh_database();
    server.sql(&database, "CREATE SCHEMA \"My \"\"own\"");
    let builder = PostgresStore::builder().schema("My \"own").table("gränts; --");
    let store = builder.connect(&server.url_of(&database)).await.unwrap();
    let missing = store.check().await.unwrap_err();
    assert!(matches!(missing, PostgresSetupError::NotMigrated { found: 0, known: 1 }), "{missing}");
    store.migrate().await.unwrap();
    store.check().await.unwrap();
    assert_eq!(store.insert(&Fields::new(1, 1, "a").grant(), at(0)).await.unwrap(), Insert::Added);
    assert_eq!(server.sql(&database, "SELECT count(*) FROM \"My \"\"own\".\"gränts; --\""), "1");
    // Two stores in one database know nothing of one another.
    let other = PostgresStore::connect(&server.url_of(&database)).await.unwrap();
    other.migrate().await.unwrap();
    assert_eq!(other.insert(&Fields::new(1, 1, "a").grant(), at(0)).await.unwrap(), Insert::Added);
}

#[tokio::test]
async fn a_role_needs_no_more_than_the_documentation_gives_it() {
    let Some((server, database, _)) = store().await else { return };
    server.sql(
        &database,
        "CREATE ROLE app LOGIN; GRANT SELECT, INSERT, UPDATE, DELETE ON regrant_grants TO app; \
         GRANT SELECT, INSERT ON regrant_grants_keys TO app; GRANT SELECT ON regrant_grants_schema TO app;",
    );
    let url = server.url_of(&database).replace("regrant@", "app@");
    let store = PostgresStore::connect(&url).await.unwrap();
    store.migrate().await.unwrap();
    let grant = Fields::new(1, 1, "a").grant();
    assert_eq!(store.insert(&grant, at(0)).await.unwrap(), Insert::Added);
    store.compare_and_swap(grant.version(), &grant, at(0)).await.unwrap();
    assert_eq!(store.purge_expired(at(0), 10).await.unwrap(), 0);
    store.keep_key_fingerprints(&[KeyFingerprint::new(1, [1; 16])]).await.unwrap();
    assert!(!store.remove(grant.id()).await.unwrap().is_nothing());
}

#[tokio::test]
async fn the_queries_of_the_documentation_run() {
    let Some((server, database, store)) = store().await else { return };
    let mut fields = Fields::new(0x5f33_f0c4_0000_00a7, 1, "usuario.teste").expires_at((1 << 48) - 1);
    store.insert(&fields.grant(), at(0)).await.unwrap();
    (fields.id, fields.times[5]) = (u64::MAX, 1_000);
    store.insert(&fields.grant(), at(0)).await.unwrap();
    let who = "SELECT lpad(to_hex(id), 16, '0') AS grant, client, created_at, expires_at \
               FROM regrant_grants WHERE subject = 'usuario.teste' ORDER BY id";
    server.sql(&database, "ALTER ROLE regrant SET timezone = 'UTC'");
    assert_eq!(
        server.sql(&database, who),
        "ffffffffffffffff|app|1970-01-01 00:00:01+00|1970-01-01 00:00:01+00\n\
         5f33f0c4000000a7|app|1970-01-01 00:00:01+00|10889-08-02 05:31:50.655+00"
    );
    assert_eq!(server.sql(&database, "SELECT client, count(*) FROM regrant_grants GROUP BY client"), "app|2");
    server.sql(&database, "DELETE FROM regrant_grants WHERE expires_at < now()");
    assert_eq!(server.sql(&database, "SELECT count(*) FROM regrant_grants"), "1");
}

#[tokio::test]
async fn a_server_that_cannot_be_trusted_is_refused() {
    let Some(server) = server() else { return };
    let refusal = async |setting: &str| {
        let database = server.fresh_database();
        server.sql("postgres", &format!("ALTER DATABASE {database} SET {setting}"));
        let ours = PostgresStore::connect(&server.url_of(&database)).await.unwrap_err();
        // On a pool whose sessions were not asked whether they may write.
        let config: tokio_postgres::Config = server.url_of(&database).parse().unwrap();
        let manager = deadpool_postgres::Manager::new(config, tokio_postgres::NoTls);
        let pool = deadpool_postgres::Pool::builder(manager).build().unwrap();
        let theirs = PostgresStore::builder().connect_pool(pool).await.unwrap_err();
        (ours, theirs)
    };
    let refused = refusal("default_transaction_read_only = on").await;
    assert!(matches!(refused, (PostgresSetupError::ReadOnly, PostgresSetupError::ReadOnly)), "{refused:?}");
    let refused = refusal("synchronous_commit = off").await;
    let asynchronous =
        matches!(refused, (PostgresSetupError::AsynchronousCommit, PostgresSetupError::AsynchronousCommit));
    assert!(asynchronous, "{refused:?}");
    let latin = "CREATE DATABASE latin ENCODING latin1 LOCALE 'C' TEMPLATE template0";
    server.sql("postgres", latin);
    let refused = PostgresStore::connect(&server.url_of("latin")).await.unwrap_err();
    assert!(matches!(&refused, PostgresSetupError::Encoding(encoding) if encoding == "LATIN1"), "{refused:?}");
    let absent = PostgresStore::connect("host=/nowhere user=x password=hunter2").await.unwrap_err();
    assert!(matches!(absent, PostgresSetupError::Server(_)), "{absent:?}");
    assert!(!format!("{absent} {absent:?}").contains("hunter2"));
    for unreadable in ["postgres:/u:hun=ter2@h", "postgres://u:hunter2@h/db?hunter2=1", "nonsense"] {
        let refused = PostgresStore::connect(unreadable).await.unwrap_err();
        assert!(matches!(refused, PostgresSetupError::InvalidUrl), "{refused:?}");
        assert!(!format!("{refused} {refused:?}").contains("ter2"));
    }
}
