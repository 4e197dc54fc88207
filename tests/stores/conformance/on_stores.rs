//! The conformance kit on the stores of this crate that outlive a process, each plain, boxed and shared.

use std::collections::BTreeSet;
use std::sync::Arc;

use regrant::TokenStore;
use regrant::conformance::{Conformance, Place};
use regrant::store::{DynTokenStore, FileStore, PostgresStore, RedisStore};

use crate::kit::servers::Folder;
use crate::kit::servers::postgres::Postgres;
use crate::kit::servers::redis::{Redis, RedisCluster};

/// What has nothing to do on a store that outlives the process and does not fail.
const DURABLE: [&str; 3] = [
    "an_error_tells_what_happened_to_the_write",
    "volatile_grants_are_gone_when_the_store_is_opened_again",
    "a_volatile_store_keeps_no_fingerprints",
];
/// On one that is open once at a time.
const EXCLUSIVE: [&str; 2] = ["every_node_sees_what_another_wrote", "a_cursor_of_one_node_leads_on_at_another"];
/// On one that expires records by itself.
const EXPIRING: [&str; 4] = [
    "list_shows_no_purged_grant",
    "stale_expiries_do_not_stop_a_purge",
    "racing_purges_count_each_grant_once",
    "a_purge_takes_what_expires_at_that_very_moment",
];

/// Every check on `T`, `Box<dyn …>` and `Arc<dyn …>`, but for these, which have nothing to do.
fn conforms<S: TokenStore + 'static>(kit: &Conformance, idle: &[&str], open: impl AsyncFn(Place) -> S) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    let spawn = |task| drop(tokio::spawn(task));
    runtime.block_on(async {
        let report = kit.check_reopening(spawn, &open).await;
        report.assert();
        let had_nothing_to_do: BTreeSet<&str> = report.nothing_to_do().map(|(name, _)| name).collect();
        assert_eq!(had_nothing_to_do, idle.iter().copied().chain(DURABLE).collect());
        let boxed = async |place| -> Box<dyn DynTokenStore> { Box::new(open(place).await) as _ };
        kit.check_reopening(spawn, boxed).await.assert();
        let shared = async |place| -> Arc<dyn DynTokenStore> { Arc::new(open(place).await) as _ };
        kit.check_reopening(spawn, shared).await.assert();
    });
}

#[test]
fn a_file() {
    let folder = Folder::new("conformance");
    let open = async |place: Place| FileStore::open(folder.path().join(place.name())).unwrap();
    conforms(&Conformance::new().exclusive(), &EXCLUSIVE, open);
}

#[test]
fn postgresql() {
    let Some(server) = Postgres::start() else { return };
    conforms(&Conformance::new(), &[], async |place: Place| {
        let builder = PostgresStore::builder().table(place.name()).pool_size(4);
        let store = builder.connect(&server.url()).await.unwrap();
        store.migrate().await.unwrap();
        store
    });
}

#[test]
fn redis() {
    let Some(server) = Redis::start() else { return };
    conforms(&Conformance::new(), &EXPIRING, async |place: Place| {
        RedisStore::builder().key_prefix(&format!("{place}:")).connect(&server.url()).await.unwrap()
    });
}

#[test]
fn a_redis_cluster() {
    let Some(servers) = RedisCluster::start() else { return };
    conforms(&Conformance::new(), &EXPIRING, async |place: Place| {
        RedisStore::builder().key_prefix(&format!("{place}:")).connect_cluster(servers.urls()).await.unwrap()
    });
}
