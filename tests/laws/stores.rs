//! An empty store, each time one is asked for.

use std::cell::{OnceCell, RefCell};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use proptest::test_runner::TestCaseError;
use regrant::store::{FileStore, PostgresStore, RedisStore};
use regrant::{Timestamp, TokenStore};

use crate::kit::servers::postgres::Postgres;
use crate::kit::servers::redis::Redis;
use crate::kit::store::waiting::wait;

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
#[allow(clippy::incompatible_msrv, reason = "the feature `file` asks for a Rust that has it")]
fn new_file() -> FileStore {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let path = folder.join(format!("regrant-laws-{:016x}", rand::random::<u64>()));
    let store = FileStore::open(&path).unwrap();
    FILES.with_borrow_mut(|files| {
        // A file has to stay for as long as its store is open, and so locked.
        files.0.retain(|path| {
            File::open(path).is_ok_and(|file| file.try_lock().is_err()) || fs::remove_file(path).is_err()
        });
        files.0.push(path);
    });
    store
}

thread_local! {
    static FILES: RefCell<Files> = const { RefCell::new(Files(Vec::new())) };
}

/// Those of a test, removed with its thread.
struct Files(Vec<PathBuf>);

impl Drop for Files {
    fn drop(&mut self) {
        for path in &self.0 {
            let _ = fs::remove_file(path);
        }
    }
}

/// `None` where there is no PostgreSQL.
pub(crate) fn postgres() -> Option<Fresh<PostgresStore>> {
    Postgres::shared().map(|_| Fresh { name: "PostgreSQL", expires_by_itself: false, make: empty_database })
}

/// Each test's thread has a database of its own, emptied each time.
fn empty_database() -> PostgresStore {
    thread_local!(static DATABASE: OnceCell<String> = const { OnceCell::new() });
    let server = Postgres::shared().unwrap();
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
    Redis::shared().map(|_| Fresh { name: "Redis", expires_by_itself: true, make: own_prefix })
}

fn own_prefix() -> RedisStore {
    let prefix = format!("{:016x}:", rand::random::<u64>());
    wait(RedisStore::builder().key_prefix(&prefix).connect(&Redis::shared().unwrap().url())).unwrap()
}
