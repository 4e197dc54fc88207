//! Operations that meet, on several connections.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use deadpool_postgres::Pool;
use regrant::grant::{Owner, Version};
use regrant::store::{Insert, PostgresStore, Removed, Swap};
use regrant::{Grant, GrantId, TokenStore};

use super::{server, store};
use crate::kit::records::{Fields, at};
use crate::kit::servers::postgres::{PgBouncer, Postgres};
use crate::kit::servers::until;

/// How many sessions wait for a lock.
fn waiting(server: &Postgres, database: &str) -> usize {
    let waiting =
        format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND wait_event_type = 'Lock'");
    server.sql("postgres", &waiting).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_extending_swap_wins_over_a_purge() {
    let Some((server, database, store)) = store().await else { return };
    let store = Arc::new(store);
    let old = Fields::new(1, 1, "a").expires_at(9_000).grant();
    // Long before, and in the same bucket.
    for extended in [1 << 40, 9_002] {
        store.insert(&old, at(0)).await.unwrap();
        let next = Fields::new(1, 2, "a").expires_at(extended).grant();
        let session = Session::open(server, &database).await;
        // The swap has written and not committed: a purge passes by.
        session.batch("BEGIN").await;
        session.swap(&next).await;
        assert_eq!(store.purge_expired(at(9_001), 10).await.unwrap(), 0);
        session.batch("COMMIT").await;
        assert_eq!(store.load(old.id()).await.unwrap(), Some(next));
        store.remove(old.id()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_that_is_extended_after_a_purge_has_begun_stays() {
    let Some((server, database, store)) = store().await else { return };
    // Looking at grant 1 takes until a lock is free, for all but the owner of the table.
    server.sql(
        &database,
        "CREATE ROLE janitor LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO janitor; \
         CREATE FUNCTION look(id bigint) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$ BEGIN \
         IF id = 1 THEN PERFORM pg_advisory_xact_lock_shared(77); END IF; RETURN true; END $$; \
         CREATE POLICY slow ON regrant_grants USING (look(id)); \
         ALTER TABLE regrant_grants ENABLE ROW LEVEL SECURITY;",
    );
    let janitor = server.url_of(&database).replace("regrant@", "janitor@");
    let janitor = Arc::new(PostgresStore::connect(&janitor).await.unwrap());
    for extended in [1 << 40, 9_002] {
        for id in 1..=3 {
            store.insert(&Fields::new(id, 1, "a").expires_at(9_000).grant(), at(0)).await.unwrap();
        }
        let session = Session::open(server, &database).await;
        session.batch("BEGIN; SELECT pg_advisory_xact_lock(77)").await;
        let purge = tokio::spawn({
            let janitor = Arc::clone(&janitor);
            async move { janitor.purge_expired(at(9_001), 10).await.unwrap() }
        });
        until("the purge to wait", || waiting(server, &database) == 1);
        // In its snapshot grant 2 has expired.
        let next = Fields::new(2, 2, "a").expires_at(extended).grant();
        assert_eq!(store.compare_and_swap(Version::from_u64(1), &next, at(0)).await.unwrap(), Swap::Swapped);
        session.batch("COMMIT").await;
        assert_eq!(purge.await.unwrap(), 2);
        assert_eq!(store.load(next.id()).await.unwrap(), Some(next));
        store.remove(GrantId::from_u64(2)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swap_that_comes_after_a_purge_is_lost() {
    let Some((server, database, store)) = store().await else { return };
    let store = Arc::new(store);
    for id in [1, 2] {
        store.insert(&Fields::new(id, 1, "a").expires_at(9_000).grant(), at(0)).await.unwrap();
    }
    // Whoever deletes grant 1 waits for a lock, in the middle of the statement.
    server.sql(
        &database,
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         IF OLD.id = 1 THEN PERFORM pg_advisory_xact_lock(77); END IF; RETURN OLD; END $$; \
         CREATE TRIGGER wait BEFORE DELETE ON regrant_grants FOR EACH ROW EXECUTE FUNCTION wait();",
    );
    let session = Session::open(server, &database).await;
    session.batch("BEGIN; SELECT pg_advisory_xact_lock(77)").await;
    let purge = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.purge_expired(at(9_001), 10).await.unwrap() }
    });
    until("the purge to wait", || waiting(server, &database) == 1);
    // It holds the locks of both rows: a swap of the second waits, and finds nothing afterwards.
    let swap = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            let next = Fields::new(2, 2, "a").expires_at(1 << 40).grant();
            store.compare_and_swap(Version::from_u64(1), &next, at(0)).await.unwrap()
        }
    });
    until("the swap to wait", || waiting(server, &database) == 2);
    session.batch("COMMIT").await;
    assert_eq!((purge.await.unwrap(), swap.await.unwrap()), (2, Swap::Lost));
    assert_eq!(store.load(GrantId::from_u64(2)).await.unwrap(), None);
}

/// A session in which a test can hold a transaction open.
struct Session(deadpool_postgres::Client);

impl Session {
    async fn open(server: &Postgres, database: &str) -> Self {
        let config: tokio_postgres::Config = server.url_of(database).parse().unwrap();
        let manager = deadpool_postgres::Manager::new(config, tokio_postgres::NoTls);
        Self(Pool::builder(manager).build().unwrap().get().await.unwrap())
    }

    async fn batch(&self, sql: &str) {
        self.0.batch_execute(sql).await.unwrap();
    }

    async fn swap(&self, next: &Grant) {
        let update = "UPDATE regrant_grants SET version = $2, expires_at = to_timestamp($3::bigint / 1000.0), \
                      record = $4 WHERE id = $1";
        let (id, version) = (next.id().as_u64().cast_signed(), next.version().as_u64().cast_signed());
        let millis = next.expires_at().as_millis().cast_signed();
        assert_eq!(self.0.execute(update, &[&id, &version, &millis, &next.encode()]).await.unwrap(), 1);
    }
}

/// Of all that swap at once one wins, and a removal ends it.
async fn swaps_meet(stores: Vec<Arc<PostgresStore>>) {
    for round in 0..5 {
        let grant = Fields::new(round, 0, "a").expires_at(1 << 40);
        assert_eq!(stores[0].insert(&grant.grant(), at(0)).await.unwrap(), Insert::Added);
        for version in 0..6 {
            let mut tasks = Vec::new();
            for n in 0..16 {
                let store = Arc::clone(&stores[n % stores.len()]);
                let next = Fields { version: (version + 1) * 100 + n as u64, ..grant.clone() }.grant();
                let expected = if version == 0 { 0 } else { u64::MAX - version };
                tasks.push(tokio::spawn(async move {
                    let swap = store.compare_and_swap(Version::from_u64(expected), &next, at(0)).await.unwrap();
                    (swap, next)
                }));
            }
            let mut winner = None;
            for task in tasks {
                if let (Swap::Swapped, next) = task.await.unwrap() {
                    assert!(winner.replace(next).is_none(), "two winners");
                }
            }
            let winner = winner.expect("one wins");
            assert_eq!(stores[1].load(winner.id()).await.unwrap().as_ref(), Some(&winner));
            let known = Fields { version: u64::MAX - version - 1, ..grant.clone() }.grant();
            assert_eq!(stores[0].compare_and_swap(winner.version(), &known, at(0)).await.unwrap(), Swap::Swapped);
        }
        let id = GrantId::from_u64(round);
        let (one, two) = tokio::join!(stores[0].remove(id), stores[1].remove(id));
        let removed = [one.unwrap(), two.unwrap()];
        assert_eq!(removed.into_iter().filter_map(Removed::grant).count(), 1, "returned once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_many_swaps_wins() {
    let Some((server, database, store)) = store().await else { return };
    let other = PostgresStore::connect(&server.url_of(&database)).await.unwrap();
    swaps_meet(vec![Arc::new(store), Arc::new(other)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_many_swaps_wins_where_transactions_are_serializable() {
    let Some(server) = server() else { return };
    for isolation in ["serializable", "repeatable read"] {
        let database = server.fresh_database();
        server.sql("postgres", &format!("ALTER DATABASE {database} SET default_transaction_isolation = '{isolation}'"));
        let stores = two_stores(&server.url_of(&database)).await;
        let mut purges = Vec::new();
        for store in stores.clone() {
            purges.push(tokio::spawn(async move { store.purge_expired(at(1), 10).await.unwrap() }));
        }
        swaps_meet(stores).await;
        for purge in purges {
            assert_eq!(purge.await.unwrap(), 0);
        }
    }
}

async fn two_stores(url: &str) -> Vec<Arc<PostgresStore>> {
    let store = PostgresStore::connect(url).await.unwrap();
    store.migrate().await.unwrap();
    vec![Arc::new(store), Arc::new(PostgresStore::connect(url).await.unwrap())]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_mode_pooler_may_stand_in_between() {
    let Some(server) = server() else { return };
    let database = server.fresh_database();
    let Some(bouncer) = PgBouncer::start(server, &database, 3) else { return };
    let stores = two_stores(bouncer.url()).await;
    swaps_meet(stores.clone()).await;
    let mut tasks = Vec::new();
    for n in 0..32_u64 {
        let store = Arc::clone(&stores[(n % 2) as usize]);
        tasks.push(tokio::spawn(async move {
            for version in 0..20 {
                let grant = Fields::new(n, version, "many").expires_at(9_000).grant();
                if version == 0 {
                    assert_eq!(store.insert(&grant, at(0)).await.unwrap(), Insert::Added);
                } else {
                    let swap = store.compare_and_swap(Version::from_u64(version - 1), &grant, at(0)).await;
                    assert_eq!(swap.unwrap(), Swap::Swapped);
                }
                assert_eq!(store.load(grant.id()).await.unwrap(), Some(grant));
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let sessions = format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}'");
    assert_eq!(server.sql("postgres", &sessions), "3", "they were shared");
    assert_eq!(stores[1].list(&Owner::subject("many"), None, 100).await.unwrap().grants.len(), 32);
    assert_eq!(stores[0].purge_expired(at(9_000), 100).await.unwrap(), 32);
    assert_eq!(
        stores[0].keep_key_fingerprints(&[regrant::store::KeyFingerprint::new(1, [1; 16])]).await.unwrap().len(),
        1
    );
}

/// Polls a future so often at most, lets the runtime work in between, and drops it.
async fn dropped_after<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..polls {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Some(output);
        }
        tokio::time::sleep(std::time::Duration::from_micros(300)).await;
    }
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_dropped_has_happened_or_not_and_nobody_gets_its_answer() {
    let Some(server) = server() else { return };
    let database = server.fresh_database();
    // So few connections that the next operation has that of the dropped one.
    let store = PostgresStore::builder().pool_size(2).connect(&server.url_of(&database)).await.unwrap();
    store.migrate().await.unwrap();
    let witness = Fields::new(1 << 40, 1, "w").expires_at(1 << 40).grant();
    store.insert(&witness, at(0)).await.unwrap();
    let mut outcomes = [0; 3];
    for round in 0..200_u64 {
        let (id, polls) = (GrantId::from_u64(round), (round % 10) as usize);
        let first = Fields::new(round, 1, "a").expires_at(1 << 40).grant();
        let next = Fields::new(round, 2, "a").expires_at(1 << 40).grant();
        let dropped = dropped_after(polls, store.insert(&first, at(0))).await;
        assert_eq!(store.load(witness.id()).await.unwrap().as_ref(), Some(&witness));
        let inserted = store.insert(&first, at(0)).await.unwrap();
        assert!(dropped.is_none() || inserted == Insert::Duplicate);
        let dropped = dropped_after(polls, store.compare_and_swap(Version::from_u64(1), &next, at(0))).await;
        assert!(store.remove(GrantId::from_u64(u64::MAX)).await.unwrap().is_nothing());
        let swap = store.compare_and_swap(Version::from_u64(1), &next, at(0)).await.unwrap();
        let dropped = dropped.map(Result::unwrap);
        assert_ne!((dropped, swap), (Some(Swap::Swapped), Swap::Swapped));
        assert_eq!(store.load(id).await.unwrap().as_ref(), Some(&next));
        let dropped = dropped_after(polls, store.remove(id)).await;
        assert_eq!(store.load(witness.id()).await.unwrap().as_ref(), Some(&witness));
        let removed = store.remove(id).await.unwrap();
        outcomes[match (&dropped, &removed) {
            (Some(Ok(Removed::Grant(_))), Removed::Nothing) => 0,
            (None, Removed::Nothing) => 1,
            (None, Removed::Grant(_)) => 2,
            other => panic!("{other:?}"),
        }] += 1;
    }
    assert!(outcomes.iter().all(|&times| times > 0), "some of each: {outcomes:?}");
}
