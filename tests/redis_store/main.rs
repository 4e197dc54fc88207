//! The Redis store on servers of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../servers/mod.rs"]
mod servers;

use servers::redis::{Redis, RedisCluster};

#[test]
fn servers_start_and_restart() {
    let Some(redis) = Redis::start_durable("always") else { return };
    let () = redis.ask(&["SET", "a", "1"]);
    redis.kill9();
    redis.restart();
    assert_eq!(redis.ask::<String>(&["GET", "a"]), "1");
    let Some(cluster) = RedisCluster::shared() else { return };
    assert_eq!(cluster.urls().len(), 3);
    let Some(master) = Redis::start_on(servers::free_port(), &["--save", ""]) else { return };
    let () = master.ask(&["SET", "a", "1"]);
    let Some(replica) = master.replica() else { return };
    assert_eq!(replica.ask::<String>(&["GET", "a"]), "1");
}
