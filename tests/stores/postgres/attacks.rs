//! What an unlucky or careless neighbour, operator or server can do to the store.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Manager, Pool};
use regrant::grant::Version;
use regrant::store::{
    KeyFingerprint, PostgresSetupError, PostgresStore, PostgresStoreError, StoreError, StoreErrorKind, Swap,
};
use regrant::{Grant, GrantId, TokenStore};
use tokio_postgres::NoTls;

use super::{server, store, store_by};
use crate::kit::records::{Fields, at};
use crate::kit::servers::postgres::{PgBouncer, Postgres};
use crate::kit::servers::until;

const DAY: u64 = 86_400_000;

fn sqlstate(error: &StoreError) -> Option<&str> {
    error.source().unwrap().downcast_ref::<PostgresStoreError>().unwrap().sqlstate()
}

fn grant(version: u64) -> Grant {
    Fields::new(1, version, "a").expires_at(1 << 40).grant()
}

#[tokio::test]
async fn a_purge_that_fails_after_it_has_removed_some_does_not_say_that_nothing_happened() {
    let Some((server, database, store)) = store().await else { return };
    server.sql(
        &database,
        "INSERT INTO regrant_grants SELECT id, 1, now(), 'epoch', CASE WHEN id = 5000 THEN 1 ELSE 0 END, 'app', 'a', '' \
         FROM (SELECT generate_series(1, 1000) UNION SELECT 5000) AS of (id); \
         CREATE FUNCTION stays() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         IF OLD.id = 5000 THEN RAISE EXCEPTION 'not this one'; END IF; RETURN OLD; END $$; \
         CREATE TRIGGER stays BEFORE DELETE ON regrant_grants FOR EACH ROW EXECUTE FUNCTION stays();",
    );
    let purge = async || store.purge_expired(at(3 * DAY), 2_000).await.unwrap_err();
    let error = purge().await;
    assert_eq!(server.sql(&database, "SELECT count(*) FROM regrant_grants"), "1");
    assert_eq!((error.kind(), sqlstate(&error)), (StoreErrorKind::Indeterminate, Some("P0001")));
    // Alone, it is nothing that happened.
    assert_eq!(purge().await.kind(), StoreErrorKind::NotApplied);
}

#[tokio::test]
async fn those_that_expire_later_the_same_day_are_not_in_the_way_of_a_purge() {
    let Some((_, _, store)) = store().await else { return };
    for id in 0..20 {
        let expires_at = DAY / 2 + u64::from(id % 10 != 9);
        store.insert(&Fields::new(id, 1, "a").expires_at(expires_at).grant(), at(0)).await.unwrap();
    }
    for removed in [1, 1, 0] {
        assert_eq!(store.purge_expired(at(DAY / 2), 1).await.unwrap(), removed);
    }
}

#[tokio::test]
async fn fingerprints_that_were_kept_and_could_not_be_read_are_in_doubt() {
    let Some((server, database, _)) = store().await else { return };
    server.sql(
        &database,
        "CREATE ROLE blind LOGIN; GRANT SELECT ON regrant_grants_schema TO blind; \
         GRANT INSERT, SELECT (key_id) ON regrant_grants_keys TO blind;",
    );
    let store = PostgresStore::connect(&server.url_of(&database).replace("regrant@", "blind@")).await.unwrap();
    let error = store.keep_key_fingerprints(&[KeyFingerprint::new(1, [1; 16])]).await.unwrap_err();
    assert_eq!(server.sql(&database, "SELECT count(*) FROM regrant_grants_keys"), "1");
    assert_eq!((error.kind(), sqlstate(&error)), (StoreErrorKind::Indeterminate, Some("42501")));
    let error = store.keep_key_fingerprints(&[]).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotApplied);
}

#[tokio::test]
async fn a_session_that_takes_no_writes_any_more_is_not_read_from() {
    let Some(server) = Postgres::start() else { return };
    let database = server.fresh_database();
    let store = PostgresStore::builder().pool_size(1).connect(&server.url_of(&database)).await.unwrap();
    store.migrate().await.unwrap();
    store.insert(&grant(1), at(0)).await.unwrap();
    let read_only = |setting: &str| {
        server.sql("postgres", &format!("ALTER SYSTEM SET default_transaction_read_only = {setting}"));
        server.sql("postgres", "SELECT pg_reload_conf()");
        until("the setting", || server.sql("postgres", "SHOW default_transaction_read_only") == setting);
    };
    read_only("on");
    // What a session was told reaches it a moment later, and a swap to the same record changes nothing.
    let error = loop {
        match store.compare_and_swap(Version::from_u64(1), &grant(1), at(0)).await {
            Ok(swap) => assert_eq!(swap, Swap::Swapped),
            Err(error) => break error,
        }
    };
    assert_eq!((error.kind(), sqlstate(&error)), (StoreErrorKind::NotApplied, Some("25006")));
    let error = store.load(GrantId::from_u64(1)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotApplied, "{error:?}");
    read_only("off");
    assert_eq!(store.load(GrantId::from_u64(1)).await.unwrap(), Some(grant(1)));
    assert_eq!(store.compare_and_swap(Version::from_u64(1), &grant(2), at(0)).await.unwrap(), Swap::Swapped);
}

#[tokio::test]
async fn statements_that_a_session_has_forgotten_are_prepared_again_elsewhere() {
    let Some(server) = server() else { return };
    let database = server.fresh_database();
    let config: tokio_postgres::Config = server.url_of(&database).parse().unwrap();
    let pool = Pool::builder(Manager::new(config, NoTls)).max_size(1).build().unwrap();
    let store = PostgresStore::builder().danger_prepared_statements().connect_pool(pool.clone()).await.unwrap();
    store.migrate().await.unwrap();
    store.insert(&grant(1), at(0)).await.unwrap();
    store.load(grant(1).id()).await.unwrap();
    pool.get().await.unwrap().batch_execute("DEALLOCATE ALL").await.unwrap();
    let error = store.load(grant(1).id()).await.unwrap_err();
    assert_eq!((error.kind(), sqlstate(&error)), (StoreErrorKind::NotApplied, Some("26000")));
    assert_eq!(store.load(grant(1).id()).await.unwrap(), Some(grant(1)));
}

#[tokio::test]
async fn a_removal_that_the_commit_undoes_is_not_told_as_done() {
    let Some((server, database, store)) = store().await else { return };
    store.insert(&grant(1), at(0)).await.unwrap();
    // The removed row has reached the client by then.
    server.sql(
        &database,
        "CREATE FUNCTION too_late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'too late'; END $$; \
         CREATE CONSTRAINT TRIGGER too_late AFTER DELETE ON regrant_grants DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE FUNCTION too_late();",
    );
    let error = store.remove(grant(1).id()).await.unwrap_err();
    assert_eq!((error.kind(), sqlstate(&error)), (StoreErrorKind::NotApplied, Some("P0001")));
    assert_eq!(store.purge_expired(at(1 << 41), 10).await.unwrap_err().kind(), StoreErrorKind::NotApplied);
    assert_eq!(store.load(grant(1).id()).await.unwrap(), Some(grant(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_is_ended_in_the_commit_leaves_it_in_doubt_and_the_write_may_be_there() {
    let Some((server, database, store)) = store().await else { return };
    store.insert(&grant(1), at(0)).await.unwrap();
    // Ended in its own commit, after the server has said how many rows it wrote.
    server.sql(
        &database,
        "CREATE FUNCTION ends() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(5); RETURN NULL; END $$; \
         CREATE CONSTRAINT TRIGGER ends AFTER UPDATE OR DELETE ON regrant_grants DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE FUNCTION ends();",
    );
    let error = store.compare_and_swap(Version::from_u64(1), &grant(2), at(0)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Indeterminate, "{error:?}");
    let error = store.remove(grant(1).id()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Indeterminate, "{error:?}");
    assert_eq!(store.load(grant(1).id()).await.unwrap(), Some(grant(1)));
}

#[tokio::test]
async fn a_list_misses_nobody_while_others_come_before_its_cursor() {
    let Some(server) = server() else { return };
    let database = server.fresh_database();
    // However the server goes about it.
    server.sql("postgres", &format!("ALTER DATABASE {database} SET enable_indexscan = off"));
    let store = PostgresStore::connect(&server.url_of(&database)).await.unwrap();
    store.migrate().await.unwrap();
    let put = async |id: u64| {
        store.insert(&Fields::new(id, 1, "a").expires_at(1 << 40).grant(), at(0)).await.unwrap();
    };
    // Ids of either half of their range, which a signed column turns around.
    let there: Vec<u64> = (0..40).map(|n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
    for &id in &there {
        put(id).await;
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = store.list(&regrant::grant::Owner::subject("a"), after, 3).await.unwrap();
        seen.extend(page.grants.iter().map(|grant| grant.id().as_u64()));
        // Beside the cursor on both sides, and the row of the cursor itself goes.
        let last = *seen.last().unwrap();
        store.remove(GrantId::from_u64(last)).await.unwrap();
        put(last.wrapping_sub(1)).await;
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert!(there.iter().all(|id| seen.contains(id)), "one was left out");
    let all = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), all, "without repeats");
}

/// A pool whose sessions are not asked whether they may write.
fn pool(url: &str) -> Pool {
    Pool::builder(Manager::new(url.parse().unwrap(), NoTls)).max_size(1).build().unwrap()
}

#[tokio::test]
async fn a_server_that_has_become_a_replica_is_neither_read_from_nor_connected_to() {
    let Some(server) = Postgres::start() else { return };
    let store = PostgresStore::connect(&server.url()).await.unwrap();
    store.migrate().await.unwrap();
    store.insert(&grant(1), at(0)).await.unwrap();
    server.kill9();
    std::fs::write(server.folder().path().join("data/standby.signal"), "").unwrap();
    server.restart();
    assert_eq!(server.sql("postgres", "SELECT pg_is_in_recovery(), count(*) FROM regrant_grants"), "t|1");
    // First it learns that its sessions have ended.
    let error = loop {
        let error = store.load(GrantId::from_u64(1)).await.expect_err("a replica was read from");
        if error.kind() == StoreErrorKind::NotApplied {
            break error;
        }
    };
    assert!(format!("{error:?}").contains("read_only: true"), "{error:?}");
    let refused = PostgresStore::connect(&server.url()).await.unwrap_err();
    assert!(matches!(refused, PostgresSetupError::ReadOnly), "{refused:?}");
    let refused = PostgresStore::builder().connect_pool(pool(&server.url())).await.unwrap_err();
    assert!(matches!(refused, PostgresSetupError::ReadOnly), "{refused:?}");
}

#[tokio::test]
async fn what_a_neighbour_leaves_in_a_pooled_session_is_seen_by_a_check_alone() {
    let Some(server) = server() else { return };
    let database = server.fresh_database();
    let Some(bouncer) = PgBouncer::start(server, &database, 1) else { return };
    let store = PostgresStore::connect(bouncer.url()).await.unwrap();
    store.migrate().await.unwrap();
    store.insert(&grant(1), at(0)).await.unwrap();
    let neighbour = pool(bouncer.url()).get().await.unwrap();
    neighbour.batch_execute("SET synchronous_commit = off").await.unwrap();
    assert!(matches!(store.check().await.unwrap_err(), PostgresSetupError::AsynchronousCommit));
    neighbour.batch_execute("RESET synchronous_commit; SET search_path = elsewhere").await.unwrap();
    assert!(matches!(store.check().await.unwrap_err(), PostgresSetupError::NotMigrated { found: 0, .. }));
    assert_eq!(sqlstate(&store.load(GrantId::from_u64(1)).await.unwrap_err()), Some("42P01"));
    // Where the schema is named it is of no account.
    let named = PostgresStore::builder().schema("public").connect(bouncer.url()).await.unwrap();
    assert_eq!(named.load(GrantId::from_u64(1)).await.unwrap(), Some(grant(1)));
}

/// Law 24: a swap that waits for somebody's lock is given up on the server too, also where its caller is gone, so that it is
/// not later than the store says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swap_ends_in_the_server_when_its_time_is_over() {
    let builder = PostgresStore::builder().pool_size(2).statement_timeout(Duration::from_millis(300));
    let Some((server, database, store)) = store_by(&builder).await else { return };
    let store = Arc::new(store);
    assert_eq!(store.longest_commit(), Duration::from_millis(5_300));
    store.insert(&grant(1), at(0)).await.unwrap();
    let blocker = pool(&server.url_of(&database)).get().await.unwrap();
    blocker.batch_execute("BEGIN; SELECT id FROM regrant_grants FOR UPDATE").await.unwrap();
    let waiting =
        format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND wait_event_type = 'Lock'");
    let swap = || {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.compare_and_swap(Version::from_u64(1), &grant(2), at(0)).await })
    };
    // Either the server says so, and nothing was written, or its answer came too late.
    let error = swap().await.unwrap().unwrap_err();
    assert!(matches!(error.kind(), StoreErrorKind::NotApplied | StoreErrorKind::Indeterminate), "{error}");
    let dropped = swap();
    until("it waits", || server.sql("postgres", &waiting) == "1");
    dropped.abort();
    until("it is given up", || server.sql("postgres", &waiting) == "0");
    blocker.batch_execute("COMMIT").await.unwrap();
    assert_eq!(store.load(GrantId::from_u64(1)).await.unwrap(), Some(grant(1)));
    // The bound was of those statements alone.
    assert_eq!(server.sql(&database, "SHOW lock_timeout"), "0");
    assert_eq!(swap().await.unwrap().unwrap(), Swap::Swapped);
}

/// What the sessions of a database wait for.
fn waiting_for_locks(server: &Postgres, database: &str) -> String {
    server.sql(
        "postgres",
        &format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND wait_event_type = 'Lock'"),
    )
}

/// Until the server has carried out whatever it was sent.
fn until_idle(server: &Postgres, database: &str) {
    let busy = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND state = 'active' AND query <> ''"
    );
    until("the server to have done it all", || server.sql("postgres", &busy) == "0");
}

/// Until so much time has passed on the server's clock.
fn until_past(server: &Postgres, begun: &str, time: Duration) {
    let is_past = format!("SELECT clock_timestamp() > '{begun}'::timestamptz + interval '{} ms'", time.as_millis());
    until("its time to be over", || server.sql("postgres", &is_past) == "t");
}

fn clock(server: &Postgres) -> String {
    server.sql("postgres", "SELECT clock_timestamp()")
}

const IMPATIENT: Duration = Duration::from_millis(300);

/// Law 24: the lock of a whole table, as a `CREATE INDEX` has it, is waited for before a statement begins.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swap_that_waits_for_the_table_comes_in_time_or_never() {
    let builder = PostgresStore::builder().pool_size(1).acquire_timeout(IMPATIENT).statement_timeout(IMPATIENT);
    for builder in [builder.clone(), builder.danger_prepared_statements()] {
        let Some((server, database, store)) = store_by(&builder).await else { return };
        store.insert(&grant(1), at(0)).await.unwrap();
        // What can be prepared is.
        assert_eq!(store.compare_and_swap(Version::from_u64(1), &grant(2), at(0)).await.unwrap(), Swap::Swapped);
        let blocker = pool(&server.url_of(&database)).get().await.unwrap();
        blocker.batch_execute("BEGIN; LOCK TABLE regrant_grants IN SHARE MODE").await.unwrap();
        let begun = clock(server);
        let error = store.compare_and_swap(Version::from_u64(2), &grant(3), at(0)).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Indeterminate, "{error:?}");
        until_past(server, &begun, store.longest_commit());
        assert_eq!(waiting_for_locks(server, &database), "1", "nothing ends this wait");
        blocker.batch_execute("COMMIT").await.unwrap();
        until_idle(server, &database);
        assert_eq!(store.load(grant(1).id()).await.unwrap(), Some(grant(2)));
        assert_eq!(store.compare_and_swap(Version::from_u64(2), &grant(3), at(0)).await.unwrap(), Swap::Swapped);
    }
}

/// Law 24: who waits for a row behind another one who waits for it waits twice, each time for no longer than it may.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swap_that_waits_in_a_queue_for_its_row_comes_in_time_or_never() {
    let patience = Duration::from_secs(2);
    let builder = PostgresStore::builder().pool_size(2).acquire_timeout(IMPATIENT).statement_timeout(patience);
    let Some((server, database, store)) = store_by(&builder).await else { return };
    let store = Arc::new(store);
    store.insert(&grant(1), at(0)).await.unwrap();
    let blocker = pool(&server.url_of(&database)).get().await.unwrap();
    blocker.batch_execute("BEGIN; SELECT id FROM regrant_grants FOR UPDATE").await.unwrap();
    let swap = || {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.compare_and_swap(Version::from_u64(1), &grant(2), at(0)).await })
    };
    let first = clock(server);
    let one = swap();
    until("it waits", || waiting_for_locks(server, &database) == "1");
    until_past(server, &first, patience * 3 / 4);
    let second = clock(server);
    let other = swap();
    until("both wait", || waiting_for_locks(server, &database) == "2");
    // The first has gone, and the second is next.
    one.await.unwrap().unwrap_err();
    other.await.unwrap().unwrap_err();
    until_past(server, &second, store.longest_commit());
    blocker.batch_execute("COMMIT").await.unwrap();
    until_idle(server, &database);
    assert_eq!(store.load(grant(1).id()).await.unwrap(), Some(grant(1)));
}

/// A future that is dropped leaves its statement in the session. Whatever the server then waits for, no swap is put behind it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swap_is_not_sent_behind_a_statement_that_nobody_waits_for() {
    let builder = PostgresStore::builder().pool_size(1).acquire_timeout(IMPATIENT).statement_timeout(IMPATIENT);
    let Some((server, database, store)) = store_by(&builder).await else { return };
    let store = Arc::new(store);
    store.insert(&grant(1), at(0)).await.unwrap();
    let blocker = pool(&server.url_of(&database)).get().await.unwrap();
    let dropped = async |id: u64| {
        blocker.batch_execute("BEGIN; LOCK TABLE regrant_grants IN SHARE MODE").await.unwrap();
        let removal = tokio::spawn({
            let store = Arc::clone(&store);
            async move { store.remove(GrantId::from_u64(id)).await }
        });
        until("it waits", || waiting_for_locks(server, &database) == "1");
        removal.abort();
        assert!(removal.await.unwrap_err().is_cancelled());
    };
    let sessions = format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}'");
    // While it waits there is no session to be had, or another one. The caller of the swap is soon gone as well, and with it nobody
    // closes the session because of an answer that does not come.
    dropped(2).await;
    let begun = clock(server);
    let next = grant(2);
    let swap = tokio::time::timeout(IMPATIENT / 2, store.compare_and_swap(Version::from_u64(1), &next, at(0)));
    assert!(!matches!(swap.await, Ok(Ok(_))));
    until_past(server, &begun, store.longest_commit());
    blocker.batch_execute("COMMIT").await.unwrap();
    until_idle(server, &database);
    assert_eq!(store.load(grant(1).id()).await.unwrap(), Some(grant(1)));
    // One that is idle again is of use again.
    until("the others to have ended", || server.sql("postgres", &sessions) == "2");
    dropped(3).await;
    blocker.batch_execute("COMMIT").await.unwrap();
    assert_eq!(store.compare_and_swap(Version::from_u64(1), &grant(2), at(0)).await.unwrap(), Swap::Swapped);
}
