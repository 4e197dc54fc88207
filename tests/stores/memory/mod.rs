//! The memory store against a naive model, by its public interface alone.

#[path = "../../kit/records/calls.rs"]
mod calls;
mod model;
mod threads;

use std::collections::BTreeSet;
use std::error::Error;
use std::future::Future;
use std::pin::pin;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;

use calls::{insert, list, load, remove, swap};
use proptest::prelude::*;
use regrant::grant::Owner;
use regrant::store::{CapacityError, Cursor, Durability, Insert, ReadyStore, StoreErrorKind, Swap};
use regrant::{MemoryStore, Timestamp, TokenStore};

use crate::kit::records::model::EXTRAS;
use crate::kit::records::{Fields, at, ids};

/// The store never waits, so one poll is enough.
fn wait<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a future of the memory store was pending"),
    }
}

#[test]
fn every_field_comes_back_and_can_be_swapped() {
    let store = MemoryStore::new();
    let mut id = 0;
    let long = "ü".repeat(512);
    let subjects = [
        None,
        Some(""),
        Some("a"),
        Some("zwölf"),
        Some("22 bytes, or nearly so"),
        Some("23 bytes, and not more."),
        Some("24 bytes, which is more."),
        Some(long.as_str()),
    ];
    for subject in subjects {
        for extra in EXTRAS {
            for renewable in [false, true] {
                id += 1;
                let first = Fields {
                    renewable,
                    id,
                    version: u64::MAX,
                    salt: *b"0123456789abcdef",
                    generation: (1 << 24) - 1,
                    key_id: 255,
                    epoch: (1 << 24) - 2,
                    times: [0, 1, (1 << 48) - 1, 0x0102_0304_0506, 1 << 47, (1 << 48) - 1],
                    client_id: "é".repeat(100),
                    subject: subject.map(Into::into),
                    scope: (0..64).map(|n| format!("scope-{n}")).collect::<Vec<_>>().join(" "),
                    extra: extra.into(),
                };
                assert_eq!(insert(&store, &first.grant(), at(0)), Insert::Added);
                assert_eq!(load(&store, id).unwrap().encode(), first.grant().encode());
                // Swapped for each other kind of grant, and back.
                let mut version = first.version;
                for other in subjects {
                    let next = Fields {
                        version: version - 1,
                        salt: [9; 16],
                        times: [6, 5, 4, 3, 2, 1],
                        client_id: String::new(),
                        subject: other.map(Into::into),
                        scope: String::new(),
                        extra: if extra.is_empty() { EXTRAS[1].into() } else { String::new() },
                        ..first.clone()
                    };
                    for next in [next, Fields { version: version - 2, ..first.clone() }] {
                        assert_eq!(swap(&store, version, &next.grant(), at(0)), Swap::Swapped);
                        version = next.version;
                        assert_eq!(load(&store, id).unwrap().encode(), next.grant().encode());
                    }
                }
                let last = Fields { version, ..first }.grant();
                assert_eq!(remove(&store, id), Some(last));
                assert_eq!(load(&store, id), None);
            }
        }
    }
    assert!(store.is_empty());
}

#[test]
fn ids_anywhere_are_told_apart() {
    let store = MemoryStore::new();
    let ids = (0..64).flat_map(|bit| [1_u64 << bit, !(1 << bit), u64::MAX >> bit]).collect::<BTreeSet<_>>();
    for &id in &ids {
        assert_eq!(insert(&store, &Fields::new(id, id, "a").grant(), at(0)), Insert::Added);
    }
    assert_eq!(store.len(), ids.len());
    for &id in &ids {
        assert_eq!(load(&store, id).unwrap().version().as_u64(), id);
    }
    assert_eq!(list(&store, &Owner::subject("a"), 7).len(), ids.len());
}

#[test]
fn a_full_store_refuses_and_evicts_nothing() {
    let store = MemoryStore::builder().capacity(100).build();
    assert_eq!(store.capacity(), Some(100));
    for id in 0..100 {
        insert(&store, &Fields::new(id, 1, "a").expires_at(if id < 3 { 50 } else { 90 }).grant(), at(10));
    }
    let more = |id| wait(store.insert(&Fields::new(id, 1, "b").expires_at(90).grant(), at(49)));
    let error = more(100).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotApplied);
    assert!(error.source().unwrap().is::<CapacityError>());
    assert_eq!(more(5).unwrap(), Insert::Duplicate, "also when it is full");
    assert_eq!(ids(&list(&store, &Owner::subject("a"), 1_000)), (0..100).collect::<Vec<_>>());
    // A removal makes room, and so does what expired in whatever shard.
    remove(&store, 7).unwrap();
    assert_eq!(more(100).unwrap(), Insert::Added);
    for id in 101..104 {
        let grant = Fields::new(id, 1, "b").expires_at(90).grant();
        assert_eq!(insert(&store, &grant, at(50)), Insert::Added);
    }
    let grant = Fields::new(104, 1, "b").expires_at(90).grant();
    assert!(wait(store.insert(&grant, at(50))).is_err());
    assert_eq!(store.len(), 100);
    assert_eq!((0..3).filter_map(|id| load(&store, id)).count(), 0);
}

#[test]
fn writes_keep_expired_grants_few() {
    let store = MemoryStore::builder().shards(4).build();
    let live = 1_000;
    for now in 0..20_000_u64 {
        insert(&store, &Fields::new((now << 32) | (now % 7), 1, "a").expires_at(now + live).grant(), at(now));
        assert!(store.len() <= 1_000 + 1_000 + 4 * 64, "{} after {now}", store.len());
    }
    // And so do swaps, of a grant that lives.
    let last = 19_999_u64 << 32;
    for version in 1..=100_000 {
        let next = Fields::new(last, version + 1, "a").expires_at(1 << 40).grant();
        assert_eq!(swap(&store, version, &next, at(1 << 30)), Swap::Swapped);
    }
    let (one, removed) = (store.len(), wait(store.purge_expired(at(1 << 30), usize::MAX)).unwrap());
    assert_eq!(one - removed, 1);
    assert!(removed < 2_000 * 4 / 5, "its shard was swept: {removed}");
}

#[test]
fn a_purge_removes_what_expired_and_no_more_than_asked() {
    let store = MemoryStore::new();
    for id in 0..1_000 {
        insert(&store, &Fields::new(id << 20, 1, "a").expires_at(100 + id).grant(), at(0));
    }
    assert_eq!(wait(store.purge_expired(at(99), 10)).unwrap(), 0);
    assert_eq!(wait(store.purge_expired(at(599), 0)).unwrap(), 0);
    for _ in 0..7 {
        assert_eq!(wait(store.purge_expired(at(599), 70)).unwrap(), 70);
    }
    assert_eq!(wait(store.purge_expired(at(599), 70)).unwrap(), 10);
    assert_eq!(wait(store.purge_expired(at(599), 70)).unwrap(), 0);
    assert_eq!(ids(&list(&store, &Owner::subject("a"), 13)), (500..1_000).map(|id| id << 20).collect::<Vec<_>>());
    assert_eq!(wait(store.purge_expired(Timestamp::MAX, usize::MAX)).unwrap(), 500);
    assert!(store.is_empty());
    assert_eq!(wait(store.purge_expired(Timestamp::MAX, usize::MAX)).unwrap(), 0);
}

#[test]
fn owners_are_told_apart() {
    let store = MemoryStore::builder().shards(8).build();
    for id in 0..9_000 {
        let mut fields = Fields::new((id << 32) | (id * 77), 1, &format!("subject {}", id % 900));
        fields.client_id = format!("client {}", id % 5);
        insert(&store, &fields.grant(), at(0));
    }
    for subject in 0..900_u64 {
        let owner = Owner::subject(&format!("subject {subject}"));
        let expected: Vec<u64> = (0..10).map(|n| subject + n * 900).map(|id| (id << 32) | (id * 77)).collect();
        assert_eq!(ids(&list(&store, &owner, 3)), expected);
        let client = format!("client {}", subject % 5);
        assert_eq!(list(&store, &owner.clone().at_client(&client), 3).len(), 10);
        assert_eq!(list(&store, &owner.at_client("client x"), 3).len(), 0);
        for id in expected {
            remove(&store, id).unwrap();
        }
        assert!(list(&store, &Owner::subject(&format!("subject {subject}")), 3).is_empty());
    }
    assert!(store.is_empty());
}

#[test]
fn a_limit_of_zero_is_one_and_the_largest_is_all() {
    let store = MemoryStore::builder().shards(4).build();
    for id in 0..10 {
        insert(&store, &Fields::new(id, 1, "a").grant(), at(0));
    }
    let owner = Owner::subject("a");
    assert_eq!(wait(store.list(&owner, None, 0)).unwrap().grants.len(), 1);
    assert_eq!(ids(&list(&store, &owner, 0)), (0..10).collect::<Vec<_>>());
    let all = wait(store.list(&owner, None, usize::MAX)).unwrap();
    assert_eq!((all.grants.len(), all.next), (10, None));
    let all = wait(store.list(&owner, None, 10)).unwrap();
    assert_eq!((all.grants.len(), all.next), (10, None), "no empty page at the end");
    assert!(wait(store.list(&owner, Some(Cursor::new(vec![1, 2, 3])), 10)).is_err());
}

proptest! {
    #[test]
    fn a_listing_is_complete_while_grants_come_and_go(
        before in prop::collection::btree_set(0..400_u64, 1..80),
        churn in prop::collection::vec(prop::collection::vec((any::<bool>(), 0..400_u64), 0..12), 0..40),
        limit in 1..9_usize,
        shards in prop::sample::select(vec![1, 3, 256]),
    ) {
        let store = MemoryStore::builder().shards(shards).build();
        for &id in &before {
            insert(&store, &Fields::new(id, 1, "a").grant(), at(0));
        }
        let mut removed = BTreeSet::new();
        let mut seen = Vec::new();
        let mut churn = churn.into_iter();
        let mut after = None;
        loop {
            let page = wait(store.list(&Owner::subject("a"), after, limit)).unwrap();
            seen.extend(ids(&page.grants));
            let Some(next) = page.next else { break };
            after = Some(next);
            for (add, id) in churn.next().unwrap_or_default() {
                if add {
                    insert(&store, &Fields::new(id, 1, "a").grant(), at(0));
                } else if remove(&store, id).is_some() {
                    removed.insert(id);
                }
            }
        }
        let distinct: BTreeSet<u64> = seen.iter().copied().collect();
        prop_assert_eq!(distinct.len(), seen.len(), "no repeats");
        for id in before.difference(&removed) {
            prop_assert!(distinct.contains(id), "{} was left out", id);
        }
    }
}

#[test]
fn its_debug_form_shows_counts_alone() {
    fn is_ready(_: &impl ReadyStore) {}
    let store = MemoryStore::default();
    insert(&store, &Fields::new(1, 1, "alice").grant(), at(0));
    assert_eq!(format!("{store:?}"), "MemoryStore { len: 1, capacity: None, shards: 256, .. }");
    assert_eq!(store.durability(), Durability::Volatile);
    is_ready(&store);
}

/// Markers have a share of their own: a quarter of the capacity, or what the host says. Neither takes the other's room.
#[test]
fn markers_have_a_share_of_the_capacity_of_their_own() {
    use regrant::internal::{sample_login, sample_marker};
    let later = Timestamp::from_secs(1_700_000_060);
    let now = Timestamp::from_secs(1_700_000_000);
    for (builder, logins, markers) in [
        (MemoryStore::builder().capacity(40), 40, 10),
        (MemoryStore::builder().capacity(41), 41, 11),
        (MemoryStore::builder().capacity(40).marker_capacity(3), 40, 3),
        (MemoryStore::builder().marker_capacity(3), 100, 3),
        (MemoryStore::builder(), 100, 100),
    ] {
        let store = builder.build();
        for markers_first in [true, false] {
            for round in [markers_first, !markers_first] {
                let most = if round { markers } else { logins };
                let put = |number: u32| {
                    let record = if round { sample_marker(number, later) } else { sample_login(number) };
                    wait(store.insert(&record, now))
                };
                for number in 0..most {
                    assert_eq!(put(number).unwrap(), Insert::Added);
                }
                if most < 100 {
                    let error = put(most).unwrap_err();
                    assert_eq!(error.kind(), StoreErrorKind::NotApplied);
                    assert!(error.source().is_some_and(<dyn Error>::is::<CapacityError>));
                }
            }
            assert_eq!((store.len(), store.markers()), (logins as usize, markers as usize));
            (0..logins).for_each(|number| drop(wait(store.remove(sample_login(number).id())).unwrap()));
            (0..markers).for_each(|number| drop(wait(store.remove(sample_marker(number, later).id())).unwrap()));
        }
    }
}
