//! The store on a disk that fails: at every write, every change of length and every sync.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod agree;
mod attacks;
mod batches;
mod disk;
mod engine;
mod faults;

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

fn open(disk: &Disk) -> Result<FileStore, FileStoreError> {
    FileStore::builder().open_on(disk.clone())
}

/// Runs `script` on a disk without faults to count its operations, then again with each fault at each of them, and
/// hands what every crash leaves to `check`.
fn at_every_operation<T>(script: impl Fn(&Disk) -> T, check: impl Fn(&FileStore, &T)) {
    let disk = Disk::new(Vec::new(), Fault::Never);
    script(&disk);
    let operations = disk.operations();
    assert!(operations > 50);
    for at in 0..operations {
        for fault in [Fault::PowerAt(at), Fault::ErrorAt(at)] {
            let disk = Disk::new(Vec::new(), fault);
            let told = script(&disk);
            for crash in [Crash::DropAll, Crash::KeepSome(at), Crash::KeepSome(at + 1_000_000), Crash::KeepAll] {
                let case = format!("{fault:?} of {operations}, then {crash:?}");
                let found = Disk::new(disk.after(crash), Fault::Never);
                for opened in ["after the crash", "once more"] {
                    let store = open(&found).unwrap_or_else(|error| panic!("{case}, {opened}: {error:?}"));
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
