//! The file store, by its public interface alone.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test fails by panicking")]

mod basics;
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

use place::Place;
use records::Fields;

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

const fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn insert(store: &FileStore, grant: &Grant, now: Timestamp) -> Inserted {
    wait(store.insert(grant, now)).unwrap()
}

fn load(store: &FileStore, id: u64) -> Option<Grant> {
    wait(store.load(GrantId::from_u64(id))).unwrap()
}

fn swap(store: &FileStore, expected: u64, next: &Grant, now: Timestamp) -> Swap {
    wait(store.compare_and_swap(Version::from_u64(expected), next, now)).unwrap()
}

fn remove(store: &FileStore, id: u64) -> Option<Grant> {
    wait(store.remove(GrantId::from_u64(id))).unwrap()
}

/// All pages of a listing.
fn list(store: &FileStore, owner: &Owner, limit: usize) -> Vec<Grant> {
    let (mut all, mut after): (Vec<Grant>, Option<Cursor>) = (Vec::new(), None);
    loop {
        let page = wait(store.list(owner, after, limit)).unwrap();
        assert!(page.grants.len() <= limit.max(1));
        assert!(page.next.is_none() || !page.grants.is_empty(), "a page of nothing, and more to come");
        all.extend(page.grants);
        match page.next {
            Some(next) => after = Some(next),
            None => return all,
        }
    }
}

fn ids(grants: &[Grant]) -> Vec<u64> {
    let mut ids: Vec<u64> = grants.iter().map(|grant| grant.id().as_u64()).collect();
    ids.sort_unstable();
    ids
}
