//! The conformance kit on the stores of this crate that outlive a process, each plain, boxed and shared.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../servers/mod.rs"]
mod servers;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use regrant::{DynTokenStore, FileStore, PostgresStore, RedisStore, TokenStore, conformance};
use servers::Folder;
use servers::postgres::Postgres;
use servers::redis::{Redis, RedisCluster};

/// Every check on `T`, `Box<dyn …>` and `Arc<dyn …>`.
fn conforms<S: TokenStore + 'static>(make: impl AsyncFn() -> S) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    let spawn = |task| drop(tokio::spawn(task));
    runtime.block_on(async {
        conformance::check(spawn, &make).await.assert();
        conformance::check(spawn, async || -> Box<dyn DynTokenStore> { Box::new(make().await) as _ }).await.assert();
        conformance::check(spawn, async || -> Arc<dyn DynTokenStore> { Arc::new(make().await) as _ }).await.assert();
    });
}

/// One that no other call has given.
fn number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[test]
fn a_file() {
    let folder = Folder::new("conformance");
    conforms(async || FileStore::open(folder.path().join(format!("grants-{}", number()))).unwrap());
}

#[test]
fn postgresql() {
    let Some(server) = Postgres::start() else { return };
    conforms(async || {
        let builder = PostgresStore::builder().table(&format!("grants_{}", number())).pool_size(4);
        let store = builder.connect(&server.url()).await.unwrap();
        store.migrate().await.unwrap();
        store
    });
}

#[test]
fn redis() {
    let Some(server) = Redis::start() else { return };
    conforms(async || {
        RedisStore::builder().key_prefix(&format!("{}:", number())).connect(&server.url()).await.unwrap()
    });
}

#[test]
fn a_redis_cluster() {
    let Some(servers) = RedisCluster::start() else { return };
    conforms(async || {
        RedisStore::builder().key_prefix(&format!("{}:", number())).cluster(servers.urls()).await.unwrap()
    });
}
