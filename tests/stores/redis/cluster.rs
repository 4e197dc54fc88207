//! What only a cluster does: slots move, nodes fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use regrant::grant::{Owner, Version};
use regrant::store::{StoreErrorKind, Swap};
use regrant::{GrantId, TokenStore};

use super::basics::all;
use super::builder;
use super::grants::{NOW, grant, wanted};
use crate::kit::servers::redis::{Redis, RedisCluster, prefix};

fn node_id(node: &Redis) -> String {
    node.ask(&["CLUSTER", "MYID"])
}

/// Moves a slot key by key, as `redis-cli --cluster reshard` does it, and stops after so many keys.
struct Move<'a> {
    from: &'a Redis,
    to: &'a Redis,
    slot: String,
}

impl Move<'_> {
    fn begin(&self) {
        let () = self.to.ask(&["CLUSTER", "SETSLOT", &self.slot, "IMPORTING", &node_id(self.from)]);
        let () = self.from.ask(&["CLUSTER", "SETSLOT", &self.slot, "MIGRATING", &node_id(self.to)]);
    }

    fn keys(&self, keys: &str) -> usize {
        let keys: Vec<String> = self.from.ask(&["CLUSTER", "GETKEYSINSLOT", &self.slot, keys]);
        let port = self.to.port().to_string();
        for key in &keys {
            let _: String = self.from.ask(&["MIGRATE", "127.0.0.1", &port, key, "0", "5000"]);
        }
        keys.len()
    }

    fn end(&self) {
        for node in [self.to, self.from] {
            let () = node.ask(&["CLUSTER", "SETSLOT", &self.slot, "NODE", &node_id(self.to)]);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_moves_takes_its_grants_along_while_they_are_refreshed() {
    let Some(cluster) = RedisCluster::start() else { return };
    // All keys in one slot.
    let prefix = "{one}:";
    let store = Arc::new(builder(prefix).connect_cluster(cluster.urls()).await.unwrap());
    let slot: u16 = cluster.nodes()[0].ask(&["CLUSTER", "KEYSLOT", prefix]);
    let from = if slot < 5_461 {
        0
    } else if slot < 10_923 {
        1
    } else {
        2
    };
    let (from, to) = (&cluster.nodes()[from], &cluster.nodes()[(from + 1) % 3]);
    for id in 0..20 {
        store.insert(&grant(id, "alice"), NOW).await.unwrap();
    }
    let (stop, swaps) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let refreshers: Vec<_> = (0..20_u64)
        .map(|id| {
            let (store, stop, swaps) = (store.clone(), stop.clone(), swaps.clone());
            tokio::spawn(async move {
                let mut version = 1;
                while !stop.load(Ordering::Relaxed) {
                    assert_eq!(store.load(GrantId::from_u64(id)).await.unwrap().unwrap().version().as_u64(), version);
                    let next = wanted(id, "alice").version(version + 1).grant();
                    let swap = store.compare_and_swap(Version::from_u64(version), &next, NOW).await.unwrap();
                    assert_eq!(swap, Swap::Swapped);
                    version += 1;
                    swaps.fetch_add(1, Ordering::Relaxed);
                }
                version
            })
        })
        .collect();
    let some_swaps = async || {
        let enough = swaps.load(Ordering::Relaxed) + 40;
        super::until("some swaps", async || swaps.load(Ordering::Relaxed) >= enough).await;
    };
    let slot = Move { from, to, slot: slot.to_string() };
    some_swaps().await;
    slot.begin();
    while tokio::task::block_in_place(|| slot.keys("5")) > 0 {
        some_swaps().await;
    }
    slot.end();
    some_swaps().await;
    // An insertion and a listing on the way as well.
    store.insert(&grant(99, "alice"), NOW).await.unwrap();
    stop.store(true, Ordering::Relaxed);
    for (id, refresher) in refreshers.into_iter().enumerate() {
        let version = refresher.await.unwrap();
        assert_eq!(store.load(GrantId::from_u64(id as u64)).await.unwrap().unwrap().version().as_u64(), version);
    }
    assert_eq!(all(&store, &Owner::subject("alice"), 4).await.len(), 21);
}

#[tokio::test]
async fn a_node_that_died_takes_its_part_and_comes_back() {
    let Some(cluster) = RedisCluster::start() else { return };
    let store =
        builder(&prefix()).timeout(std::time::Duration::from_secs(2)).connect_cluster(cluster.urls()).await.unwrap();
    for id in 0..30 {
        store.insert(&grant(id, &format!("user-{id}")), NOW).await.unwrap();
    }
    let dead = &cluster.nodes()[1];
    dead.signal("STOP");
    let mut under_way = 0;
    for id in 0..30 {
        let next = wanted(id, &format!("user-{id}")).version(2).grant();
        match store.compare_and_swap(Version::from_u64(1), &next, NOW).await {
            Ok(swap) => assert_eq!(swap, Swap::Swapped),
            Err(error) if under_way == 0 => {
                assert_eq!(error.kind(), StoreErrorKind::Indeterminate, "{error:?}");
                under_way += 1;
                dead.kill9();
            }
            // A node is missing, and after a while the others do not go on without it.
            Err(_) => {}
        }
    }
    assert_eq!(under_way, 1);
    dead.restart();
    super::until("the cluster to be whole", async || {
        store.insert(&grant(rand::random(), "bob"), NOW).await.is_ok() && store.load(GrantId::from_u64(1)).await.is_ok()
    })
    .await;
}
