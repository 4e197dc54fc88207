//! The memory store itself on shuttle's locks, under many schedules.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use regrant::grant::{Owner, Version};
use regrant::store::{Insert, Swap};
use regrant::{Grant, GrantId, MemoryStore, Timestamp, TokenStore};
use shuttle::thread;

const SCHEDULES: usize = 3_000;
/// How often a schedule that prefers one thread changes its mind.
const CHANGES: usize = 3;
const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

fn explore(test: impl Fn() + Send + Sync + Copy + 'static) {
    shuttle::check_random(test, SCHEDULES);
    shuttle::check_pct(test, SCHEDULES, CHANGES);
}

fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a future of the memory store was pending"),
    }
}

/// The sample grant with another id and version, which are at a fixed place of a record.
fn grant(id: u64, version: u64) -> Grant {
    let mut bytes = regrant::internal::sample_grant("alice", "app").encode();
    bytes[2..10].copy_from_slice(&id.to_be_bytes());
    bytes[10..18].copy_from_slice(&version.to_be_bytes());
    Grant::decode(&bytes).unwrap()
}

fn store(shards: usize) -> Arc<MemoryStore> {
    Arc::new(MemoryStore::builder().shards(shards).build())
}

fn insert(store: &MemoryStore, id: u64, version: u64) -> Insert {
    ready(store.insert(&grant(id, version), NOW)).unwrap()
}

fn load(store: &MemoryStore, id: u64) -> Option<Grant> {
    ready(store.load(GrantId::from_u64(id))).unwrap()
}

fn swap(store: &MemoryStore, expected: u64, id: u64, version: u64) -> Swap {
    ready(store.compare_and_swap(Version::from_u64(expected), &grant(id, version), NOW)).unwrap()
}

fn remove(store: &MemoryStore, id: u64) -> Option<Grant> {
    ready(store.remove(GrantId::from_u64(id))).unwrap().grant()
}

fn list(store: &MemoryStore, limit: usize) -> Vec<u64> {
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let page = ready(store.list(&Owner::subject("alice"), after, limit)).unwrap();
        ids.extend(page.grants.iter().map(|grant| grant.id().as_u64()));
        after = page.next;
        if after.is_none() {
            ids.sort_unstable();
            return ids;
        }
    }
}

/// Runs each on a thread of its own.
fn all<T: Send + 'static>(tasks: Vec<Box<dyn FnOnce() -> T + Send>>) -> Vec<T> {
    let threads: Vec<_> = tasks.into_iter().map(thread::spawn).collect();
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

/// A closure that owns a handle to the store.
fn on<T>(
    store: &Arc<MemoryStore>,
    task: impl FnOnce(&MemoryStore) -> T + Send + 'static,
) -> Box<dyn FnOnce() -> T + Send> {
    let store = Arc::clone(store);
    Box::new(move || task(&store))
}

#[test]
fn of_swaps_from_one_version_one_wins() {
    explore(|| {
        let store = store(2);
        insert(&store, 1, 10);
        let won = all((0..3).map(|thread| on(&store, move |store| swap(store, 10, 1, 20 + thread))).collect());
        assert_eq!(won.iter().filter(|&&swap| swap == Swap::Swapped).count(), 1);
        let winner = won.iter().position(|&swap| swap == Swap::Swapped).unwrap() as u64;
        assert_eq!(load(&store, 1).unwrap().version().as_u64(), 20 + winner);
    });
}

#[test]
fn nothing_revives_a_removed_grant() {
    explore(|| {
        let store = store(1);
        insert(&store, 1, 10);
        let removed = all(vec![
            on(&store, |store| {
                swap(store, 10, 1, 11);
                false
            }),
            on(&store, |store| {
                let gone = remove(store, 1).is_some();
                assert_eq!(load(store, 1), None);
                gone
            }),
            on(&store, |store| {
                if let Some(grant) = load(store, 1) {
                    swap(store, grant.version().as_u64(), 1, 12);
                }
                false
            }),
        ]);
        assert!(removed[1]);
        assert_eq!(load(&store, 1), None);
        assert!(store.is_empty());
        assert!(list(&store, 10).is_empty());
    });
}

#[test]
fn a_grant_is_removed_once() {
    explore(|| {
        let store = store(2);
        insert(&store, 1, 10);
        let removed = all((0..3).map(|_| on(&store, |store| remove(store, 1).is_some())).collect());
        assert_eq!(removed.iter().filter(|&&removed| removed).count(), 1);
        assert_eq!(store.len(), 0);
    });
}

#[test]
fn of_inserts_of_one_id_one_wins() {
    explore(|| {
        let store = store(2);
        let inserted = all((0..3).map(|thread| on(&store, move |store| insert(store, 1, thread))).collect());
        assert_eq!(inserted.iter().filter(|&&inserted| inserted == Insert::Added).count(), 1);
        let winner = inserted.iter().position(|&inserted| inserted == Insert::Added).unwrap() as u64;
        assert_eq!(load(&store, 1).unwrap().version().as_u64(), winner);
        assert_eq!(store.len(), 1);
    });
}

/// Proposals, grants of theirs, one that nothing was proposed for, and the dead that go: each grant is there once, by its own id.
#[test]
fn a_slot_that_is_proposed_is_one_grants() {
    explore(|| {
        let store = store(1);
        let placed = |store: &MemoryStore, version: u64| {
            let id = NOW.as_secs() << 32 | u64::from(store.propose_id(NOW).unwrap());
            assert_eq!(insert(store, id, version), Insert::Added);
            id
        };
        let old = placed(&store, 1);
        let ids = all(vec![
            on(&store, move |store| placed(store, 2)),
            on(&store, move |store| placed(store, 3)),
            on(&store, |store| {
                assert_eq!(insert(store, 1 << 63, 4), Insert::Added);
                1 << 63
            }),
            on(&store, move |store| {
                assert!(remove(store, old).is_some());
                old
            }),
        ]);
        for (id, version) in ids.iter().zip([2, 3, 4]) {
            assert_eq!(load(&store, *id).unwrap().version().as_u64(), version);
        }
        assert_eq!(load(&store, old), None);
        let mut live = ids[..3].to_vec();
        live.sort_unstable();
        assert_eq!((list(&store, 2), store.len()), (live, 3));
    });
}

#[test]
fn the_capacity_is_never_exceeded_and_always_reached() {
    explore(|| {
        let store = Arc::new(MemoryStore::builder().shards(4).capacity(2).build());
        let inserted: Vec<bool> = all((0..4_u64)
            .map(|thread| {
                on(&store, move |store| {
                    let inserted = ready(store.insert(&grant(thread << 32, 1), NOW)).is_ok();
                    assert!(store.len() <= 2);
                    inserted
                })
            })
            .collect());
        assert_eq!(inserted.iter().filter(|&&inserted| inserted).count(), 2);
        assert_eq!(list(&store, 1).len(), 2);
    });
}

#[test]
fn a_removal_makes_room_for_one() {
    explore(|| {
        let store = Arc::new(MemoryStore::builder().shards(4).capacity(1).build());
        insert(&store, 1, 1);
        let inserted = all(vec![
            on(&store, |store| remove(store, 1).is_none()),
            on(&store, |store| ready(store.insert(&grant(2, 1), NOW)).is_ok()),
            on(&store, |store| ready(store.insert(&grant(3, 1), NOW)).is_ok()),
        ]);
        let inserted = inserted.iter().filter(|&&inserted| inserted).count();
        assert!(inserted <= 1);
        assert_eq!(store.len(), inserted);
        assert_eq!(list(&store, 1).len(), inserted);
    });
}

#[test]
fn expired_grants_make_room_once_each() {
    explore(|| {
        let store = Arc::new(MemoryStore::builder().shards(2).capacity(1).build());
        insert(&store, 1, 1);
        let later = grant(1, 1).expires_at();
        let inserted: Vec<bool> = all((2..4_u64)
            .map(|id| {
                on(&store, move |store| {
                    // As if made later, so that it has not expired with the first.
                    let mut bytes = grant(id, 1).encode();
                    bytes[71..77].fill(0xff);
                    ready(store.insert(&Grant::decode(&bytes).unwrap(), later)).is_ok()
                })
            })
            .collect());
        assert_eq!(inserted.iter().filter(|&&inserted| inserted).count(), 1);
        assert_eq!(store.len(), 1);
        assert_eq!(list(&store, 1).len(), 1);
    });
}

#[test]
fn a_listing_misses_nothing_that_was_there() {
    explore(|| {
        let store = store(2);
        for id in [1, 2, 3] {
            insert(&store, id << 32, 1);
        }
        let listed = all(vec![
            on(&store, |store| list(store, 1)),
            on(&store, |store| {
                remove(store, 2 << 32);
                Vec::new()
            }),
            on(&store, |store| {
                insert(store, 4 << 32, 1);
                swap(store, 1, 1 << 32, 2);
                Vec::new()
            }),
        ]);
        let mut distinct = listed[0].clone();
        distinct.dedup();
        assert_eq!(distinct, listed[0], "no repeats");
        assert!(listed[0].contains(&(1 << 32)) && listed[0].contains(&(3 << 32)));
        assert_eq!(list(&store, 2), [1 << 32, 3 << 32, 4 << 32]);
    });
}

#[test]
fn a_purge_takes_no_grant_that_was_extended() {
    explore(|| {
        let store = store(1);
        insert(&store, 1, 1);
        let later = grant(1, 1).expires_at();
        let swapped = all(vec![
            on(&store, move |store| {
                let mut bytes = grant(1, 2).encode();
                bytes[71..77].fill(0xff);
                let next = Grant::decode(&bytes).unwrap();
                ready(store.compare_and_swap(Version::from_u64(1), &next, later)).unwrap() == Swap::Swapped
            }),
            on(&store, move |store| ready(store.purge_expired(later, 10)).unwrap() == 0),
        ]);
        assert_eq!(swapped[0], swapped[1], "either it was extended or it was purged");
        assert_eq!(load(&store, 1).is_some(), swapped[0]);
    });
}
