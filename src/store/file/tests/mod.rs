//! The store on a disk that fails: at every write, every change of length and every sync.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod agree;
mod attacks;
mod batches;
pub(super) mod disk;
mod engine;
mod faults;
mod flips;
mod histories;
#[cfg(feature = "conformance")]
mod unreadable;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use self::disk::{Crash, Disk, Fault};
use super::{FileStore, FileStoreError};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

/// How long logs are, with how much of the file in memory: none, so that each commit writes the tables; one that is full
/// after a few commits; and one that is never full, with pages that leave the memory before their commit is on the disk.
const LOGS: [(u64, usize); 3] = [(0, 1 << 20), (640, 1 << 20), (65_536, 0)];

fn open(disk: &Disk) -> Result<FileStore, FileStoreError> {
    open_with(disk, LOGS[1])
}

fn open_with(disk: &Disk, (log_bytes, cache_bytes): (u64, usize)) -> Result<FileStore, FileStoreError> {
    let builder = FileStore::builder().accept_empty(true).log_bytes(log_bytes).cache_bytes(cache_bytes);
    builder.open_on(disk.clone())
}

/// Runs `script` with each log on a disk without faults to count its operations, then again with each fault at each of
/// them, and hands what every crash leaves to `check`.
fn at_every_operation<T>(script: impl Fn(&Disk, (u64, usize)) -> T, check: impl Fn(&FileStore, &T)) {
    for log in LOGS {
        let disk = Disk::new(Vec::new(), Fault::Never);
        script(&disk, log);
        let operations = disk.operations();
        println!("{operations} operations with a log of {} bytes", log.0);
        assert!(operations > 50);
        for at in 0..operations {
            for fault in [Fault::PowerAt(at), Fault::ErrorAt(at)] {
                let disk = Disk::new(Vec::new(), fault);
                let told = script(&disk, log);
                for crash in [Crash::DropAll, Crash::KeepSome(at), Crash::KeepSome(at + 1_000_000), Crash::KeepAll] {
                    let case = format!("log {log:?}, {fault:?} of {operations}, then {crash:?}");
                    let found = Disk::new(disk.after(crash), Fault::Never);
                    for opened in ["after the crash", "once more"] {
                        let store =
                            open_with(&found, log).unwrap_or_else(|error| panic!("{case}, {opened}: {error:?}"));
                        let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                            agree::indexes_agree(&store);
                            check(&store, &told);
                        }));
                        assert!(checked.is_ok(), "{case}, {opened}");
                    }
                }
            }
        }
    }
}
