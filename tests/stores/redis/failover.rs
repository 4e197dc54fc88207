//! What a failover loses, and what the engine makes of it: as the documentation of the store says.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use regrant::Timestamp;
use tokio::net::{UnixListener, UnixStream};

use super::bank::{Answer, Bank};
use super::builder;
use crate::kit::servers::redis::Redis;
use crate::kit::servers::{free_port, until};

/// A server, and a replica that has seen everything so far and no more.
fn lagging() -> Option<(Redis, Redis)> {
    Redis::start_on(free_port(), &["--save", "", "--repl-diskless-sync-delay", "0"])
        .and_then(|redis| redis.replica().map(|replica| (redis, replica)))
}

fn caught_up(redis: &Redis, replica: &Redis) {
    until("the replica to catch up", || redis.info("master_repl_offset") == replica.info("slave_repl_offset"));
}

/// The replica takes over, without what it has not seen.
fn fail_over(redis: &Redis, replica: &Redis) {
    redis.kill9();
    let () = replica.ask(&["REPLICAOF", "NO", "ONE"]);
}

#[tokio::test]
async fn a_lost_rotation_is_made_good_and_told() {
    let Some((redis, replica)) = lagging() else { return };
    let bank = Bank::new(builder("").connect(&redis.url()).await.unwrap());
    let first = bank.login("alice").await.token();
    caught_up(&redis, &replica);
    // From here on it sees nothing.
    let () = replica.ask(&["REPLICAOF", "127.0.0.1", "1"]);
    let second = bank.refresh(&first).await.token();
    let third = bank.refresh(&second).await.token();
    fail_over(&redis, &replica);
    let bank = Bank::new(builder("").connect(&replica.url()).await.unwrap());
    let fourth = bank.refresh(&third).await.token();
    assert_eq!(bank.count("StoreBehind"), 1);
    assert_eq!(bank.refresh(&third).await.token(), fourth, "a retry as ever");
    assert_eq!(bank.refresh(&first).await, Answer::InvalidGrant, "older ones are replays again");
    assert_eq!(bank.refresh(&fourth).await, Answer::InvalidGrant);
}

#[tokio::test]
async fn a_lost_login_is_over_and_a_lost_revocation_is_undone() {
    let Some((redis, replica)) = lagging() else { return };
    let bank = Bank::new(builder("").connect(&redis.url()).await.unwrap());
    let kept = bank.login("alice").await.token();
    let replayed = bank.login("alice").await.token();
    caught_up(&redis, &replica);
    let () = replica.ask(&["REPLICAOF", "127.0.0.1", "1"]);
    let lost = bank.login("alice").await.token();
    assert!(bank.revoke(&kept).await);
    assert_eq!(bank.engine.sessions("alice", None, 9, Timestamp::now()).await.unwrap().sessions.len(), 2);
    let second = bank.refresh(&replayed).await.token();
    let third = bank.refresh(&second).await.token();
    assert_eq!(bank.refresh(&replayed).await, Answer::InvalidGrant, "a replay, which ended the grant");
    assert_eq!(bank.refresh(&third).await, Answer::InvalidGrant);
    fail_over(&redis, &replica);
    let bank = Bank::new(builder("").connect(&replica.url()).await.unwrap());
    assert_eq!(bank.refresh(&lost).await, Answer::InvalidGrant, "the login is lost");
    bank.refresh(&kept).await.token();
    bank.refresh(&third).await.token();
    // Both are listed, and end when asked to.
    assert_eq!(bank.engine.end_sessions_of("alice", regrant::Timestamp::EPOCH).await.unwrap(), 2);
}

/// Where all that connect are led to the server that is there by then.
async fn front(listener: UnixListener, leads_to: Arc<Mutex<PathBuf>>) {
    while let Ok((mut client, _)) = listener.accept().await {
        let path = leads_to.lock().clone();
        let mut server = UnixStream::connect(path).await.unwrap();
        tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut server).await });
    }
}

/// A server that is made a replica where it is closes no connection; its address leads to the new one (a name, a service). Whoever is connected
/// to the old one has to come over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_goes_where_its_address_leads_once_a_replica_answers() {
    let Some((redis, replica)) = lagging() else { return };
    let path = redis.path().join("front.sock");
    let leads_to = Arc::new(Mutex::new(redis.path().join("redis.sock")));
    tokio::spawn(front(UnixListener::bind(&path).unwrap(), Arc::clone(&leads_to)));
    let bank = Bank::new(builder("").connect(&format!("redis+unix://{}", path.display())).await.unwrap());
    let first = bank.login("alice").await.token();
    caught_up(&redis, &replica);
    let () = replica.ask(&["REPLICAOF", "NO", "ONE"]);
    *leads_to.lock() = replica.path().join("redis.sock");
    let () = redis.ask(&["REPLICAOF", "127.0.0.1", &replica.port().to_string()]);
    let begun = Instant::now();
    let second = loop {
        match bank.refresh(&first).await {
            Answer::Unavailable if begun.elapsed() < Duration::from_secs(60) => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            answer => break answer.token(),
        }
    };
    assert_ne!(second, first);
    bank.login("bob").await.token();
}

#[tokio::test]
async fn with_min_replicas_nothing_is_told_that_only_one_server_has_for_long() {
    let Some((redis, replica)) = lagging() else { return };
    let () = redis.ask(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
    let () = redis.ask(&["CONFIG", "SET", "min-replicas-max-lag", "1"]);
    let is_alone = |redis: &Redis| redis.info("min_slaves_good_slaves") == "0";
    until("the server to count its replica", || !is_alone(&redis));
    let bank = Bank::new(builder("").connect(&redis.url()).await.unwrap());
    let mut token = bank.login("alice").await.token();
    replica.kill9();
    until("the server to notice", || is_alone(&redis));
    assert_eq!(bank.refresh(&token).await, Answer::Unavailable);
    assert!(!bank.revoke(&token).await);
    replica.restart();
    until("the replica to be back", || !is_alone(&redis));
    for _ in 0..3 {
        token = bank.refresh(&token).await.token();
    }
}
