//! The Redis store on servers of its own, one and a cluster.

mod attacks;
mod bank;
mod basics;
mod cluster;
mod errors;
mod failover;
mod grants;
mod growth;
mod index;
mod killed;
mod slow;

use std::time::Duration;

use regrant::store::{RedisStore, RedisStoreBuilder};

use crate::kit::servers::redis::{Redis, RedisCluster, prefix};

/// A store on one server that all tests share, and one on a cluster, each with a prefix of its own.
async fn stores() -> Vec<(RedisStore, String)> {
    let mut stores = Vec::new();
    if let Some(redis) = Redis::shared() {
        let prefix = prefix();
        stores.push((builder(&prefix).connect(&redis.url()).await.unwrap(), prefix));
    }
    if let Some(cluster) = RedisCluster::shared() {
        let prefix = prefix();
        stores.push((builder(&prefix).connect_cluster(cluster.urls()).await.unwrap(), prefix));
    }
    stores
}

fn builder(prefix: &str) -> RedisStoreBuilder {
    RedisStore::builder().key_prefix(prefix).timeout(Duration::from_secs(20))
}

/// Asks again and again, until it is so.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < Duration::from_secs(60), "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
