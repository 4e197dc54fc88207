//! The file store, by its public interface alone.

mod basics;
#[path = "../../kit/records/calls.rs"]
mod calls;
mod files;
mod growth;
mod killed;
mod model;
mod opening;
mod place;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use regrant::grant::{Owner, Version};
use regrant::store::{Cursor, FileStore, Insert, Swap};
use regrant::{Grant, GrantId, Timestamp, TokenStore};

use crate::kit::records::{Fields, at, ids};
use calls::{insert, list, load, remove, swap};
use place::Place;

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
