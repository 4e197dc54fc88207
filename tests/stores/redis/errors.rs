//! What a failure says: whether the write certainly did not take place, or may have.

use std::error::Error;
use std::fmt::Write;
use std::time::{Duration, Instant};

use regrant::grant::{Owner, Version};
use regrant::store::{RedisStore, RedisStoreError, Removed, StoreError, StoreErrorKind, Swap};
use regrant::{GrantId, TokenStore};

use super::grants::{NOW, grant, wanted};
use super::{builder, stores, until};
use crate::kit::servers::redis::{Redis, command, prefix};

fn cause(error: &StoreError) -> String {
    error.source().unwrap().to_string()
}

/// Every write of a grant that is there, and one of a new one, with the same fate.
async fn assert_not_applied(store: &RedisStore, code: &str) {
    let error = store.insert(&grant(99, "alice"), NOW).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotApplied, "{error:?}");
    assert!(cause(&error).contains(code), "{error:?}");
    let next = wanted(1, "alice").version(2).grant();
    let error = store.compare_and_swap(Version::from_u64(1), &next, NOW).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotApplied, "{error:?}");
    assert!(cause(&error).contains(code), "{error:?}");
}

#[tokio::test]
async fn a_full_server_refuses_and_nothing_was_written() {
    let Some(redis) = Redis::start() else { return };
    let store = builder("").connect(&redis.url()).await.unwrap();
    store.insert(&grant(1, "alice"), NOW).await.unwrap();
    let () = redis.ask(&["CONFIG", "SET", "maxmemory", "1000000"]);
    assert_not_applied(&store, "OOM").await;
    assert_eq!(store.load(grant(1, "alice").id()).await.unwrap(), Some(grant(1, "alice")));
    assert!(!store.remove(GrantId::from_u64(1)).await.unwrap().is_nothing(), "a full server still revokes");
    let () = redis.ask(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(store.load(GrantId::from_u64(99)).await.unwrap(), None);
    store.insert(&grant(99, "alice"), NOW).await.unwrap();
}

#[tokio::test]
async fn a_replica_neither_writes_nor_answers_for_the_server() {
    let Some(redis) =
        Redis::start_on(crate::kit::servers::free_port(), &["--save", "", "--repl-diskless-sync-delay", "0"])
    else {
        return;
    };
    let Some(replica) = redis.replica() else { return };
    let store = builder("").connect(&redis.url()).await.unwrap();
    store.insert(&grant(1, "alice"), NOW).await.unwrap();
    let store = builder("").connect(&replica.url()).await.unwrap();
    assert_not_applied(&store, "eadOnly").await;
    assert_eq!(store.remove(GrantId::from_u64(1)).await.unwrap_err().kind(), StoreErrorKind::NotApplied);
    store.load(GrantId::from_u64(1)).await.unwrap_err();
    store.list(&Owner::subject("alice"), None, 5).await.unwrap_err();
    store.keep_key_fingerprints(&[]).await.unwrap_err();
}

#[tokio::test]
async fn a_server_that_misses_its_replicas_does_not_go_on_alone() {
    let Some(redis) = Redis::start() else { return };
    let store = builder("").connect(&redis.url()).await.unwrap();
    store.insert(&grant(1, "alice"), NOW).await.unwrap();
    let () = redis.ask(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
    assert_not_applied(&store, "NOREPLICAS").await;
    store.load(GrantId::from_u64(1)).await.unwrap_err();
    store.list(&Owner::subject("alice"), None, 5).await.unwrap_err();
}

#[tokio::test]
async fn a_server_that_cannot_write_its_disk_refuses() {
    let Some(redis) = Redis::start_with(&["--save", "3600 1", "--appendonly", "no"]) else { return };
    let store = builder("").connect(&redis.url()).await.unwrap();
    store.insert(&grant(1, "alice"), NOW).await.unwrap();
    std::fs::create_dir(redis.path().join("dump.rdb")).unwrap();
    let _: String = redis.ask(&["BGSAVE"]);
    crate::kit::servers::until("the save to fail", || redis.info("rdb_last_bgsave_status") == "err");
    assert_not_applied(&store, "MISCONF").await;
}

/// What a restart brings back depends on it, so a host can ask.
#[tokio::test]
async fn whether_a_server_keeps_an_append_only_file_is_known_where_it_says_so() {
    for (options, keeps) in [(["--appendonly", "no"], false), (["--appendonly", "yes"], true)] {
        let Some(redis) = Redis::start_with(&options) else { return };
        let store = builder("").connect(&redis.url()).await.unwrap();
        assert_eq!(store.keeps_append_only_file(), Some(keeps));
        let () = redis.ask(&["ACL", "SETUSER", "default", "-info"]);
        let store = builder("").connect(&redis.url()).await.unwrap();
        assert_eq!(store.keeps_append_only_file(), None);
    }
}

#[tokio::test]
async fn where_nobody_listens_nothing_was_written() {
    let Some(redis) = Redis::start() else { return };
    let store = builder("").connect(&redis.url()).await.unwrap();
    store.insert(&grant(1, "alice"), NOW).await.unwrap();
    redis.kill9();
    // The first may still find the connection that is broken.
    let _ = store.insert(&grant(2, "alice"), NOW).await.unwrap_err();
    let begun = Instant::now();
    for _ in 0..3 {
        let error = store.compare_and_swap(Version::from_u64(1), &grant(1, "alice"), NOW).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::NotApplied, "{error:?}");
        store.load(GrantId::from_u64(1)).await.unwrap_err();
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "it does not wait for the server to come back");
    redis.restart();
    // The very next one finds it.
    store.insert(&grant(3, "alice"), NOW).await.unwrap();
}

#[tokio::test]
async fn what_was_under_way_when_the_server_died_is_indeterminate() {
    let Some(redis) = Redis::start() else { return };
    let store = builder("").connect(&redis.url()).await.unwrap();
    store.insert(&grant(1, "alice"), NOW).await.unwrap();
    redis.signal("STOP");
    let next = wanted(1, "alice").version(2).grant();
    let swap = store.compare_and_swap(Version::from_u64(1), &next, NOW);
    let remove = store.remove(GrantId::from_u64(1));
    let kill = async {
        // Both are on their way by then.
        tokio::time::sleep(Duration::from_millis(50)).await;
        redis.kill9();
    };
    let (swap, remove, ()) = tokio::join!(swap, remove, kill);
    assert_eq!(swap.unwrap_err().kind(), StoreErrorKind::Indeterminate);
    assert_eq!(remove.unwrap_err().kind(), StoreErrorKind::Indeterminate);
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_waited_for_so_long_and_no_longer() {
    let Some(redis) = Redis::start() else { return };
    let store = RedisStore::builder().timeout(Duration::from_millis(300)).connect(&redis.url()).await.unwrap();
    store.insert(&grant(1, "alice"), NOW).await.unwrap();
    // The server knows the script by then.
    store.compare_and_swap(Version::from_u64(9), &grant(1, "alice"), NOW).await.unwrap();
    redis.signal("STOP");
    let begun = Instant::now();
    let next = wanted(1, "alice").version(2).grant();
    let error = store.compare_and_swap(Version::from_u64(1), &next, NOW).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Indeterminate, "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(3));
    redis.signal("CONT");
    // It was carried out after all, and the answer that came late is nobody's else.
    until("the server to answer", async || store.load(GrantId::from_u64(1)).await.is_ok()).await;
    assert_eq!(store.load(GrantId::from_u64(1)).await.unwrap(), Some(next));
}

#[tokio::test]
async fn answers_go_to_those_who_asked_also_when_some_have_gone() {
    for (store, _) in stores().await {
        for id in 0..8 {
            store.insert(&grant(id, "alice"), NOW).await.unwrap();
        }
        for round in 0..200_usize {
            let id = GrantId::from_u64(round as u64 % 8);
            {
                let mut dropped = std::pin::pin!(store.load(GrantId::from_u64((round as u64 + 1) % 8)));
                super::index::poll_times(dropped.as_mut(), round % 3).await;
            }
            assert_eq!(store.load(id).await.unwrap().unwrap().id(), id);
        }
    }
}

#[tokio::test]
async fn a_swap_that_was_dropped_took_place_wholly_or_not_at_all() {
    for (store, _) in stores().await {
        store.insert(&grant(1, "alice"), NOW).await.unwrap();
        let mut stored = grant(1, "alice");
        let mut taken = 0;
        for polls in 0..20_usize {
            let next = wanted(1, "alice").version(polls as u64 + 2).grant();
            {
                let mut swap = std::pin::pin!(store.compare_and_swap(stored.version(), &next, NOW));
                super::index::poll_times(swap.as_mut(), polls % 5).await;
            }
            let now = store.load(stored.id()).await.unwrap().unwrap();
            assert!(now == stored || now == next);
            taken += usize::from(now == next);
            stored = now;
        }
        assert!(taken > 0);
        assert_eq!(store.compare_and_swap(Version::from_u64(999), &stored, NOW).await.unwrap(), Swap::Lost);
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_left_as_it_is_until_it_is_removed() {
    let Some(redis) = Redis::shared() else { return };
    let prefix = prefix();
    let store = builder(&prefix).connect(&redis.url()).await.unwrap();
    let key = format!("{prefix}grant:{:016x}", 1);
    store.insert(&grant(1, "alice"), NOW).await.unwrap();
    for (value, kind) in [("\u{2}later", StoreErrorKind::NewerFormat), ("\u{1}short", StoreErrorKind::Corrupt)] {
        let () = redis.ask(&["SET", &key, value]);
        assert_eq!(store.load(GrantId::from_u64(1)).await.unwrap_err().kind(), kind);
        let listed = store.list(&Owner::subject("alice"), None, 5).await.unwrap();
        assert_eq!((listed.grants.len(), listed.unreadable.len()), (0, 1));
        let swap = store.compare_and_swap(Version::from_u64(1), &grant(1, "alice"), NOW).await;
        assert_eq!(swap.unwrap(), Swap::Lost);
        assert_eq!(redis.ask::<String>(&["GET", &key]), value);
    }
    for value in ["\u{2}later", "\u{1}short"] {
        let () = redis.ask(&["SET", &key, value]);
        assert_eq!(store.remove(GrantId::from_u64(1)).await.unwrap(), Removed::Unreadable);
        assert_eq!(store.remove(GrantId::from_u64(1)).await.unwrap(), Removed::Nothing);
    }
    let () = redis.ask(&["RPUSH", &key, "not a string"]);
    assert_eq!(store.load(GrantId::from_u64(1)).await.unwrap_err().kind(), StoreErrorKind::NotApplied);
}

#[tokio::test]
async fn a_password_is_shown_nowhere() {
    let Some(redis) = Redis::start_with(&["--requirepass", "hunter2", "--save", ""]) else { return };
    let right = redis.url() + "?pass=hunter2";
    let store = builder("").connect(&right).await.unwrap();
    let mut shown = format!("{store:?} {:?}", builder(""));
    for url in [redis.url() + "?pass=hunter3", redis.url(), "redis://u:hunter2@[".into(), "nothing:hunter2".into()] {
        let error = builder("").connect(&url).await.unwrap_err();
        write!(shown, "{error} {error:?} {:?}", error.source()).unwrap();
    }
    let error = builder("").connect_cluster(["redis://u:hunter2@127.0.0.1:1"]).await.unwrap_err();
    assert!(matches!(error, RedisStoreError::Connect(_)), "{error:?}");
    write!(shown, "{error} {error:?} {:?}", error.source()).unwrap();
    redis.kill9();
    for _ in 0..2 {
        let error = store.load(GrantId::from_u64(1)).await.unwrap_err();
        write!(shown, "{error} {error:?} {}", cause(&error)).unwrap();
    }
    assert!(!shown.contains("hunter"), "{shown}");
}

/// While its password is set, or another server is behind the address. Who heard that once does not go on with it.
#[tokio::test]
async fn a_server_that_did_not_let_it_in_is_asked_again() {
    for protocol in ["resp2", "resp3"] {
        asked_again(protocol).await;
    }
}

async fn asked_again(protocol: &str) {
    let Some(redis) = Redis::start_with(&["--requirepass", "hunter2", "--save", ""]) else { return };
    let right = format!("{}?pass=hunter2&db=3&protocol={protocol}", redis.url());
    let store = builder("").connect(&right).await.unwrap();
    store.insert(&grant(1, "alice"), NOW).await.unwrap();
    let mut operator = redis::Client::open(right).unwrap().get_connection().unwrap();
    let mut says = |words: &[&str]| {
        let _: redis::Value = command(words).query(&mut operator).unwrap();
    };
    says(&["CONFIG", "SET", "requirepass", "hunter3"]);
    says(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    // The first one sees that the connection is gone.
    for _ in 0..5 {
        store.load(GrantId::from_u64(1)).await.unwrap_err();
        store.list(&Owner::subject("alice"), None, 5).await.unwrap_err();
    }
    says(&["CONFIG", "SET", "requirepass", "hunter2"]);
    until("it is let in", async || store.load(GrantId::from_u64(1)).await.is_ok()).await;
    assert_eq!(store.load(GrantId::from_u64(1)).await.unwrap(), Some(grant(1, "alice")));
}

#[tokio::test]
async fn a_record_is_not_repeated_from_what_a_server_says() {
    let Some(redis) = Redis::start_with(&["--rename-command", "SET", "", "--save", ""]) else { return };
    let store = builder("").connect(&redis.url()).await.unwrap();
    let mut machine = wanted(1, "");
    machine.subject = None;
    machine.client = "the-client".into();
    let error = store.insert(&machine.grant(), NOW).await.unwrap_err();
    let shown = format!("{error:?} {}", cause(&error));
    assert!(shown.contains("unknown command") && !shown.contains("grant:") && !shown.contains("client"), "{shown}");
}

#[tokio::test]
async fn a_server_that_throws_grants_away_is_refused_unless_told_otherwise() {
    let options = ["--maxmemory", "100mb", "--maxmemory-policy", "volatile-lru", "--save", ""];
    let Some(redis) = Redis::start_with(&options) else { return };
    let error = builder("").connect(&redis.url()).await.unwrap_err();
    assert!(matches!(&error, RedisStoreError::Evicts { policy } if policy == "volatile-lru"), "{error:?}");
    builder("").danger_allow_eviction().connect(&redis.url()).await.unwrap();
    // A user who may not ask is not refused for it.
    let () = redis.ask(&["ACL", "SETUSER", "shop", "on", ">pass", "~*", "+@all", "-info"]);
    builder("").connect(&(redis.url() + "?user=shop&pass=pass")).await.unwrap();
}
