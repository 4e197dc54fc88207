//! An empty store, each time one is asked for.

use std::cell::OnceCell;
use std::path::Path;
use std::sync::OnceLock;

use proptest::test_runner::TestCaseError;
use regrant::{FileStore, PostgresStore, RedisStore, Timestamp, TokenStore};

use crate::servers::postgres::Postgres;
use crate::servers::redis::Redis;
use crate::support::waiting::wait;

/// How to make an empty store, and what to call it in a failure.
pub(crate) struct Fresh<S> {
    pub(crate) name: &'static str,
    pub(crate) expires_by_itself: bool,
    make: fn() -> S,
}

impl<S> Fresh<S> {
    pub(crate) fn make(&self) -> S {
        (self.make)()
    }
}

/// A failure that says on which store.
pub(crate) fn named(name: &str, error: TestCaseError) -> TestCaseError {
    match error {
        TestCaseError::Fail(reason) => TestCaseError::fail(format!("on {name}: {reason}")),
        TestCaseError::Reject(reason) => TestCaseError::Reject(reason),
    }
}

pub(crate) fn file() -> Fresh<FileStore> {
    Fresh { name: "a file", expires_by_itself: false, make: new_file }
}

/// In memory where there is such a folder: disks have tests of their own.
fn new_file() -> FileStore {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let path = folder.join(format!("regrant-laws-{:016x}", rand::random::<u64>()));
    let store = FileStore::open(&path).unwrap();
    // It stays where it is until the store is closed.
    std::fs::remove_file(path).unwrap();
    store
}

/// `None` where there is no PostgreSQL.
pub(crate) fn postgres() -> Option<Fresh<PostgresStore>> {
    shared_postgres().map(|_| Fresh { name: "PostgreSQL", expires_by_itself: false, make: empty_database })
}

fn shared_postgres() -> Option<&'static Postgres> {
    static SERVER: OnceLock<Option<Postgres>> = OnceLock::new();
    SERVER.get_or_init(Postgres::start).as_ref()
}

/// Each test's thread has a database of its own, emptied each time.
fn empty_database() -> PostgresStore {
    thread_local!(static DATABASE: OnceCell<String> = const { OnceCell::new() });
    let server = shared_postgres().unwrap();
    let database = DATABASE.with(|name| name.get_or_init(|| server.fresh_database()).clone());
    wait(async {
        let store = PostgresStore::connect(&server.url_of(&database)).await.unwrap();
        store.migrate().await.unwrap();
        store.purge_expired(Timestamp::from_millis(u64::MAX), usize::MAX).await.unwrap();
        store
    })
}

/// `None` where there is no Redis.
pub(crate) fn redis() -> Option<Fresh<RedisStore>> {
    shared_redis().map(|_| Fresh { name: "Redis", expires_by_itself: true, make: own_prefix })
}

fn shared_redis() -> Option<&'static Redis> {
    static SERVER: OnceLock<Option<Redis>> = OnceLock::new();
    SERVER.get_or_init(Redis::start).as_ref()
}

fn own_prefix() -> RedisStore {
    let prefix = format!("{:016x}:", rand::random::<u64>());
    wait(RedisStore::builder().key_prefix(&prefix).connect(&shared_redis().unwrap().url())).unwrap()
}
