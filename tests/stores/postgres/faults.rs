//! What is known after the server failed.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use regrant::grant::Version;
use regrant::store::{PostgresStore, PostgresStoreError, StoreError, StoreErrorKind, Swap};
use regrant::{GrantId, TokenStore};
use tokio::task::JoinHandle;

use super::{store, store_by};
use crate::kit::records::{Fields, at};
use crate::kit::servers::postgres::Postgres;
use crate::kit::servers::until;

fn sqlstate(error: &StoreError) -> Option<&str> {
    error.source().unwrap().downcast_ref::<PostgresStoreError>().unwrap().sqlstate()
}

/// A swap that waits for a lock which another session holds, and the `pid` of its own session.
async fn waiting_swap(server: &Postgres, database: &str, store: &Arc<PostgresStore>) -> (Blocker, Swapping, String) {
    store.insert(&Fields::new(1, 1, "a").expires_at(1 << 40).grant(), at(0)).await.unwrap();
    let blocker = Blocker::lock(server, database).await;
    let swapping = tokio::spawn({
        let store = Arc::clone(store);
        async move {
            let next = Fields::new(1, 2, "a").expires_at(1 << 40).grant();
            store.compare_and_swap(Version::from_u64(1), &next, at(0)).await
        }
    });
    let session =
        format!("SELECT pid FROM pg_stat_activity WHERE datname = '{database}' AND wait_event_type = 'Lock' LIMIT 1");
    let mut pid = String::new();
    until("the swap to wait", || {
        pid = server.sql("postgres", &session);
        !pid.is_empty()
    });
    (blocker, swapping, pid)
}

/// A process of the server that does nothing for now.
struct Stopped(String);

impl Stopped {
    fn new(pid: String) -> Self {
        let stopped = Self(pid);
        assert!(stopped.signal("STOP"), "the session is there");
        stopped
    }

    fn signal(&self, signal: &str) -> bool {
        let kill = std::process::Command::new("kill").args(["-s", signal, &self.0]).status();
        kill.is_ok_and(|status| status.success())
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        self.signal("CONT");
    }
}

type Swapping = JoinHandle<Result<Swap, StoreError>>;

/// A session that holds the lock of every row.
struct Blocker(tokio_postgres::Client);

impl Blocker {
    async fn lock(server: &Postgres, database: &str) -> Self {
        let (client, connection) =
            tokio_postgres::connect(&server.url_of(database), tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute("BEGIN; SELECT id FROM regrant_grants FOR UPDATE").await.unwrap();
        Self(client)
    }

    async fn let_go(self) {
        self.0.batch_execute("COMMIT").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_is_ended_leaves_it_in_doubt() {
    let Some((server, database, store)) = store().await else { return };
    let store = Arc::new(store);
    let (blocker, swapping, pid) = waiting_swap(server, &database, &store).await;
    server.sql("postgres", &format!("SELECT pg_terminate_backend({pid})"));
    let error = swapping.await.unwrap().unwrap_err();
    assert_eq!((error.kind(), sqlstate(&error)), (StoreErrorKind::Indeterminate, Some("57P01")));
    blocker.let_go().await;
    // The pool gives out no dead connection.
    for _ in 0..40 {
        assert!(store.load(GrantId::from_u64(1)).await.unwrap().is_some());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_is_cancelled_was_not_applied() {
    let Some((server, database, store)) = store().await else { return };
    let store = Arc::new(store);
    let (blocker, swapping, pid) = waiting_swap(server, &database, &store).await;
    server.sql("postgres", &format!("SELECT pg_cancel_backend({pid})"));
    let error = swapping.await.unwrap().unwrap_err();
    assert_eq!((error.kind(), sqlstate(&error)), (StoreErrorKind::NotApplied, Some("57014")));
    blocker.let_go().await;
    assert_eq!(store.load(GrantId::from_u64(1)).await.unwrap().unwrap().version().as_u64(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_does_not_come_in_time_leaves_it_in_doubt() {
    let builder = PostgresStore::builder().pool_size(1).statement_timeout(Duration::from_secs(3));
    let Some((server, database, store)) = store_by(&builder).await else { return };
    let store = Arc::new(store);
    let (blocker, swapping, pid) = waiting_swap(server, &database, &store).await;
    // The server gives up waiting for the lock at the same time, and would say so first where the machine is busy.
    let stopped = Stopped::new(pid);
    let error = swapping.await.unwrap().unwrap_err();
    assert_eq!((error.kind(), sqlstate(&error)), (StoreErrorKind::Indeterminate, None));
    // Who comes next does not wait behind it.
    assert!(store.load(GrantId::from_u64(1)).await.unwrap().is_some());
    drop(stopped);
    blocker.let_go().await;
    // And it may yet take place.
    until("the swap to have happened, or its session to have ended", || {
        let rest = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND query LIKE 'UPDATE%' \
             AND state = 'active'"
        );
        server.sql("postgres", &rest) == "0"
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_connection_nothing_was_applied() {
    let builder = PostgresStore::builder().pool_size(1).acquire_timeout(Duration::from_millis(200));
    let Some((server, database, store)) = store_by(&builder).await else { return };
    let store = Arc::new(store);
    let (blocker, swapping, _) = waiting_swap(server, &database, &store).await;
    let error = store.remove(GrantId::from_u64(1)).await.unwrap_err();
    assert_eq!((error.kind(), sqlstate(&error)), (StoreErrorKind::NotApplied, None));
    blocker.let_go().await;
    assert_eq!(swapping.await.unwrap().unwrap(), Swap::Swapped);
    // Nor where the database is not there to be connected to.
    let elsewhere = server.fresh_database();
    let store = PostgresStore::connect(&server.url_of(&elsewhere)).await.unwrap();
    server.sql("postgres", &format!("DROP DATABASE {elsewhere} WITH (FORCE)"));
    until("a failure to connect", || {
        // Until the end of its connection is known, a load is in doubt.
        let load = store.load(GrantId::from_u64(1));
        let loaded = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(load));
        loaded.is_err_and(|error| error.kind() == StoreErrorKind::NotApplied)
    });
}

#[tokio::test]
async fn what_the_server_undoes_was_not_applied() {
    let Some((server, database, store)) = store().await else { return };
    let grant = Fields::new(1, 1, "alice").grant();
    store.insert(&grant, at(0)).await.unwrap();
    // As a full disk does, and a deferred constraint at the very end.
    server.sql(
        &database,
        "CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100', MESSAGE = 'No space left on device'; END $$; \
         CREATE CONSTRAINT TRIGGER no_space AFTER UPDATE OR INSERT ON regrant_grants DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE FUNCTION no_space();",
    );
    let next = Fields::new(1, 2, "alice").grant();
    let error = store.compare_and_swap(Version::from_u64(1), &next, at(0)).await.unwrap_err();
    assert_eq!((error.kind(), sqlstate(&error)), (StoreErrorKind::NotApplied, Some("53100")));
    assert_eq!(error.source().unwrap().to_string(), "No space left on device (53100)");
    assert_eq!(store.load(grant.id()).await.unwrap(), Some(grant));
    server.sql(&database, "ALTER TABLE regrant_grants DISABLE TRIGGER ALL, ADD CHECK (client <> 'secret')");
    let mut fields = Fields::new(2, 1, "alice");
    fields.client_id = "secret".into();
    let error = store.insert(&fields.grant(), at(0)).await.unwrap_err();
    assert_eq!((error.kind(), sqlstate(&error)), (StoreErrorKind::NotApplied, Some("23514")));
    // The server's details have the whole row in them.
    assert!(!format!("{error:?}").contains("alice") && !format!("{error:?}").contains("\\x"), "{error:?}");
    server.sql(&database, "ALTER TABLE regrant_grants RENAME TO elsewhere");
    let error = store.load(GrantId::from_u64(1)).await.unwrap_err();
    assert_eq!(sqlstate(&error), Some("42P01"));
}
