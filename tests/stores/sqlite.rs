//! The store of `examples/sqlite`: it is right, and its errors say what is so.

#[path = "../../examples/sqlite/store.rs"]
mod store;

use std::future::Future as _;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use regrant::conformance::{Conformance, Place};
use regrant::store::{DynTokenStore, StoreErrorKind};
use regrant::{Timestamp, TokenStore};
use store::SqliteStore;

use crate::kit::servers::Folder;

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_passes_every_check_on_two_nodes_and_behind_any_pointer() {
    let folder = Folder::new("sqlite-conformance");
    let open = async |place: Place| SqliteStore::open(&folder.path().join(place.name()), PATIENCE).unwrap();
    let spawn = |task| drop(tokio::spawn(task));
    let kit = Conformance::new();
    let report = kit.check_reopening(spawn, open).await;
    report.assert();
    let idle: Vec<&str> = report.nothing_to_do().map(|(name, _)| name).collect();
    let expected = [
        "an_error_tells_what_happened_to_the_write",
        "volatile_grants_are_gone_when_the_store_is_opened_again",
        "a_volatile_store_keeps_no_fingerprints",
    ];
    assert_eq!(idle, expected);
    let boxed = async |place| Box::new(open(place).await) as Box<dyn DynTokenStore>;
    kit.check_reopening(spawn, boxed).await.assert();
    let shared = async |place| Arc::new(open(place).await) as Arc<dyn DynTokenStore>;
    kit.check_reopening(spawn, shared).await.assert();
}

#[tokio::test]
async fn what_another_process_holds_up_is_not_applied() {
    let folder = Folder::new("sqlite-busy");
    let path = folder.path().join("grants");
    let store = SqliteStore::open(&path, Duration::ZERO).unwrap();
    let grant = regrant::internal::sample_grant("alice", "app");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = store.insert(&grant, Timestamp::now()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotApplied);
    assert_eq!(store.load(grant.id()).await.unwrap(), None);
    other.execute_batch("COMMIT").unwrap();
    store.insert(&grant, Timestamp::now()).await.unwrap();
    assert_eq!(store.load(grant.id()).await.unwrap(), Some(grant));
}

/// Nor is what waits for others of this process, longer than the store says that a commit can take.
#[tokio::test]
async fn what_this_process_holds_up_is_not_applied_either() {
    let folder = Folder::new("sqlite-queue");
    let path = folder.path().join("grants");
    let store = SqliteStore::open(&path, PATIENCE).unwrap();
    let [first, second] = ["alice", "bob"].map(|name| regrant::internal::sample_grant(name, "app"));
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut writes = Box::pin(store.insert(&first, Timestamp::now()));
    let mut waits = Box::pin(store.insert(&second, Timestamp::now()));
    tokio::time::pause();
    // In this order, so that the first has the connection.
    for write in [&mut writes, &mut waits] {
        assert!(std::future::poll_fn(|context| Poll::Ready(write.as_mut().poll(context))).await.is_pending());
    }
    tokio::time::advance(PATIENCE + Duration::from_secs(1)).await;
    let error = waits.await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotApplied);
    tokio::time::resume();
    other.execute_batch("COMMIT").unwrap();
    writes.await.unwrap();
    assert_eq!(store.load(first.id()).await.unwrap(), Some(first));
}

/// A commit that fails is told as it is also where rows came before it.
#[tokio::test]
async fn an_error_at_the_commit_of_a_removal_is_told() {
    let folder = Folder::new("sqlite-commit");
    let path = folder.path().join("grants");
    let store = SqliteStore::open(&path, PATIENCE).unwrap();
    let grant = regrant::internal::sample_grant("alice", "app");
    store.insert(&grant, Timestamp::now()).await.unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    // A constraint that is looked at when the transaction ends.
    let sql = "PRAGMA foreign_keys = ON;
               CREATE TABLE held (id INTEGER REFERENCES grants (id) DEFERRABLE INITIALLY DEFERRED);";
    other.execute_batch(sql).unwrap();
    other.execute("INSERT INTO held VALUES (?1)", [grant.id().as_u64().cast_signed()]).unwrap();
    let error = store.remove(grant.id()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Indeterminate);
    assert_eq!(store.load(grant.id()).await.unwrap(), Some(grant));
}

#[tokio::test]
async fn a_spoilt_record_is_an_error_until_it_is_removed() {
    let folder = Folder::new("sqlite-spoilt");
    let path = folder.path().join("grants");
    let store = SqliteStore::open(&path, PATIENCE).unwrap();
    let grant = regrant::internal::sample_grant("alice", "app");
    store.insert(&grant, Timestamp::now()).await.unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    // A record of another id, as after a row was written by hand.
    let mut anothers = grant.encode();
    anothers[9] ^= 1;
    for spoilt in [&b"\x01"[..], &anothers] {
        other.execute("UPDATE grants SET record = ?1", [spoilt]).unwrap();
        assert_eq!(store.load(grant.id()).await.unwrap_err().kind(), StoreErrorKind::Corrupt);
        let rows: i64 = other.query_row("SELECT count(*) FROM grants", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 1);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_and_its_log_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new("sqlite-mode");
    let path = folder.path().join("grants");
    let store = SqliteStore::open(&path, PATIENCE).unwrap();
    store.insert(&regrant::internal::sample_grant("alice", "app"), Timestamp::now()).await.unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.file_name());
    }
    drop(store);
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
    assert!(SqliteStore::open(&path, PATIENCE).is_err());
}
