//! The file store, by its public interface alone.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test fails by panicking")]

#[path = "../support/anyone.rs"]
mod anyone;
mod basics;
#[path = "../records/calls.rs"]
mod calls;
mod files;
mod growth;
mod killed;
mod model;
mod place;
#[path = "../records/mod.rs"]
mod records;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use regrant::{Cursor, FileStore, Grant, GrantId, Inserted, Owner, Swap, Timestamp, TokenStore, Version};

use calls::{insert, list, load, remove, swap};
use place::Place;
use records::{Fields, at, ids};

/// Wakes a thread that waits for a future.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// No runtime is needed.
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
