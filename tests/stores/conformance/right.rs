//! Stores that are right.

use std::sync::Arc;
use std::time::{Duration, Instant};

use regrant::MemoryStore;
use regrant::conformance::{self, Conformance};
use regrant::store::DynTokenStore;

use super::shelf::{Right, Store};

/// Of a whole run, in a build without optimization, beside other tests.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn the_memory_store_passes_on_threads() {
    let begun = Instant::now();
    Conformance::new().check_reopening_blocking(async |_| MemoryStore::new()).assert();
    println!("{:?}", begun.elapsed());
    assert!(begun.elapsed() < PATIENCE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_memory_store_passes_on_tokio() {
    let begun = Instant::now();
    conformance::check(|task| drop(tokio::spawn(task)), async || MemoryStore::new()).await.assert();
    println!("{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_memory_store_passes_behind_any_pointer() {
    let spawn = |task| drop(tokio::spawn(task));
    let kit = Conformance::new();
    kit.check_reopening(spawn, async |_| Box::new(MemoryStore::new()) as Box<dyn DynTokenStore>).await.assert();
    kit.check_reopening(spawn, async |_| Arc::new(MemoryStore::new()) as Arc<dyn DynTokenStore>).await.assert();
}

#[test]
fn a_memory_store_of_one_shard_passes() {
    conformance::check_blocking(async || MemoryStore::builder().shards(1).build()).assert();
}

#[test]
fn a_shelf_passes_on_threads() {
    conformance::check_blocking(async || Store::<Right>::default()).assert();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shelf_passes_on_tokio_behind_any_pointer() {
    let spawn = |task| drop(tokio::spawn(task));
    conformance::check(spawn, async || Box::new(Store::<Right>::default()) as Box<dyn DynTokenStore>).await.assert();
    conformance::check(spawn, async || Arc::new(Store::<Right>::default()) as Arc<dyn DynTokenStore>).await.assert();
}

#[test]
fn no_check_of_a_wrong_name_is_a_failure() {
    let report = Conformance::new().only("no_such_check").check_blocking(async || MemoryStore::new());
    assert!(!report.is_ok());
    assert_eq!(report.to_string(), "UNKNOWN \"no_such_check\": no check here has that name\nnothing was checked");
}
