//! What each call does, now and after the file was opened again.

use super::*;
use regrant::store::{Durability, KeyFingerprint, StoreErrorKind};

#[test]
fn what_was_written_is_there_after_opening_again() {
    let place = Place::new();
    let grant = Fields::new(7, 1, "alice").grant();
    let next = Fields::new(7, 2, "alice").grant();
    {
        let store = FileStore::open(place.file()).unwrap();
        assert_eq!(store.durability(), Durability::Durable);
        assert_eq!(load(&store, 7), None);
        assert_eq!(insert(&store, &grant, at(0)), Insert::Added);
        assert_eq!(insert(&store, &next, at(0)), Insert::Duplicate);
        assert_eq!(load(&store, 7), Some(grant.clone()));
    }
    {
        let store = FileStore::open(place.file()).unwrap();
        assert_eq!(load(&store, 7), Some(grant.clone()));
        assert_eq!(swap(&store, 9, &next, at(0)), Swap::Lost);
        assert_eq!(swap(&store, 1, &next, at(0)), Swap::Swapped);
        assert_eq!(swap(&store, 1, &next, at(0)), Swap::Lost);
    }
    {
        let store = FileStore::open(place.file()).unwrap();
        assert_eq!(load(&store, 7), Some(next.clone()));
        assert_eq!(list(&store, &Owner::subject("alice"), 10), std::slice::from_ref(&next));
        assert_eq!(remove(&store, 7), Some(next.clone()));
        assert_eq!(remove(&store, 7), None);
        assert_eq!(swap(&store, 2, &next, at(0)), Swap::Lost);
    }
    let store = FileStore::open(place.file()).unwrap();
    assert_eq!(load(&store, 7), None);
    assert_eq!(list(&store, &Owner::subject("alice"), 10), []);
}

#[test]
fn an_owner_is_a_subject_or_a_subject_at_a_client() {
    let place = Place::new();
    let store = FileStore::open(place.file()).unwrap();
    for id in 0..30 {
        let client = if id % 3 == 0 { "web" } else { "app" };
        let subject = if id < 20 { "alice" } else { "bob" };
        insert(&store, &Fields::new(id, 1, subject).client(client).grant(), at(0));
    }
    for limit in [0, 1, 7, 100] {
        assert_eq!(ids(&list(&store, &Owner::subject("alice"), limit)), (0..20).collect::<Vec<_>>());
        let at_web = list(&store, &Owner::subject("alice").at_client("web"), limit);
        assert_eq!(ids(&at_web), [0, 3, 6, 9, 12, 15, 18]);
        assert_eq!(list(&store, &Owner::subject("nobody"), limit), []);
    }
}

#[test]
fn a_cursor_of_another_owner_is_refused() {
    let place = Place::new();
    let store = FileStore::open(place.file()).unwrap();
    for id in 0..3 {
        insert(&store, &Fields::new(id, 1, "alice").grant(), at(0));
    }
    let page = wait(store.list(&Owner::subject("alice"), None, 1)).unwrap();
    let error = wait(store.list(&Owner::subject("bob"), page.next, 1)).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotApplied);
    assert!(wait(store.list(&Owner::subject("alice"), Some(Cursor::from_u64(1)), 1)).is_err());
}

#[test]
fn a_purge_takes_what_is_expired_and_nothing_that_was_extended() {
    let place = Place::new();
    let store = FileStore::open(place.file()).unwrap();
    for id in 0..900 {
        insert(&store, &Fields::new(id, 1, "alice").expires_at(1_000 + id).grant(), at(0));
    }
    // Every third is extended, and every third of those for ever.
    for id in (0..900).step_by(3) {
        let until = if id % 9 == 0 { Timestamp::MAX.as_millis() } else { 100_000 };
        swap(&store, 1, &Fields::new(id, 2, "alice").expires_at(until).grant(), at(0));
    }
    let purge = |now, limit| wait(store.purge_expired(at(now), limit)).unwrap();
    assert_eq!(purge(999, 10), 0);
    assert_eq!(purge(5_000, 0), 0);
    assert_eq!(purge(5_000, 10), 10);
    assert_eq!(purge(5_000, usize::MAX), 590);
    assert_eq!(purge(5_000, usize::MAX), 0);
    assert_eq!(list(&store, &Owner::subject("alice"), 1_000).len(), 300);
    // One is cut short.
    swap(&store, 2, &Fields::new(3, 3, "alice").expires_at(6_000).grant(), at(0));
    assert_eq!(purge(6_000, 10), 1);
    assert_eq!(purge(100_000, usize::MAX), 199);
    assert_eq!(purge(Timestamp::MAX.as_millis() - 1, usize::MAX), 0);
    assert_eq!(list(&store, &Owner::subject("alice"), 1_000).len(), 100);
}

#[test]
fn inserts_remove_what_is_expired() {
    let place = Place::new();
    let store = FileStore::open(place.file()).unwrap();
    for id in 0..300 {
        insert(&store, &Fields::new(id, 1, "alice").expires_at(id * 10 + 50).grant(), at(id * 10));
    }
    assert!(list(&store, &Owner::subject("alice"), 1_000).len() < 10);
}

#[test]
fn fingerprints_are_kept_for_ever_and_the_first_of_an_id_stays() {
    let place = Place::new();
    let (one, other, two) =
        (KeyFingerprint::new(1, [1; 16]), KeyFingerprint::new(1, [9; 16]), KeyFingerprint::new(2, [2; 16]));
    {
        let store = FileStore::open(place.file()).unwrap();
        assert_eq!(wait(store.keep_key_fingerprints(&[])).unwrap(), []);
        assert_eq!(wait(store.keep_key_fingerprints(&[one])).unwrap(), [one]);
    }
    let store = FileStore::open(place.file()).unwrap();
    assert_eq!(wait(store.keep_key_fingerprints(&[other, two])).unwrap(), [one, two]);
    assert_eq!(wait(store.keep_key_fingerprints(&[])).unwrap(), [one, two]);
}

#[test]
fn of_many_concurrent_swaps_one_wins() {
    let place = Place::new();
    let store = FileStore::open(place.file()).unwrap();
    insert(&store, &Fields::new(1, 0, "alice").grant(), at(0));
    for round in 1..=20_u64 {
        let expected = load(&store, 1).unwrap().version();
        let store = &store;
        let won = thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|caller| {
                    let next = Fields::new(1, round * 100 + caller, "alice").grant();
                    scope.spawn(move || wait(store.compare_and_swap(expected, &next, at(0))).unwrap())
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).filter(|swap| *swap == Swap::Swapped).count()
        });
        assert_eq!(won, 1, "round {round}");
    }
}

#[test]
fn a_dropped_future_is_done_wholly_or_not_at_all() {
    let place = Place::new();
    let store = FileStore::open(place.file()).unwrap();
    for id in 0..100 {
        let grant = Fields::new(id, 1, "alice").grant();
        let mut future = pin!(store.insert(&grant, at(0)));
        // One poll hands it to the thread; then nobody waits.
        let _ = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    }
    drop(store);
    let store = FileStore::open(place.file()).unwrap();
    assert_eq!(ids(&list(&store, &Owner::subject("alice"), 7)), (0..100).collect::<Vec<_>>());
}

#[test]
fn a_full_queue_makes_callers_wait_and_loses_none() {
    let place = Place::new();
    let store = FileStore::open(place.file()).unwrap();
    let grants: Vec<Grant> = (0..3_000).map(|id| Fields::new(id, 1, "alice").grant()).collect();
    let mut futures: Vec<_> = grants.iter().map(|grant| Box::pin(store.insert(grant, at(0)))).collect();
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    while !futures.is_empty() {
        let before = futures.len();
        futures.retain_mut(|future| match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(inserted) => {
                assert_eq!(inserted.unwrap(), Insert::Added);
                false
            }
            Poll::Pending => true,
        });
        if futures.len() == before {
            thread::park();
        }
    }
    assert_eq!(list(&store, &Owner::subject("alice"), 1_000).len(), 3_000);
}

#[test]
fn a_compacted_file_is_smaller_and_has_all_that_is_left() {
    let place = Place::new();
    let mut store = FileStore::open(place.file()).unwrap();
    let grants: Vec<Grant> = (0..20_000).map(|id| Fields::new(id, 1, "alice").grant()).collect();
    for chunk in grants.chunks(1_000) {
        let mut calls: Vec<_> = chunk.iter().map(|grant| Box::pin(store.insert(grant, at(0)))).collect();
        calls.retain_mut(|call| call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        for call in calls {
            assert_eq!(wait(call).unwrap(), Insert::Added);
        }
    }
    // Beside the log.
    let length = || std::fs::metadata(place.file()).unwrap().len() - (4 << 20);
    let before = length();
    assert_eq!(wait(store.purge_expired(at(1_000_000), 19_990)).unwrap(), 19_990);
    assert!(store.compact().unwrap());
    let after = length();
    assert!(after < before / 4, "{before}, then {after}");
    assert_eq!(list(&store, &Owner::subject("alice"), 100).len(), 10);
    drop(store);
    assert_eq!(list(&FileStore::open(place.file()).unwrap(), &Owner::subject("alice"), 100).len(), 10);
}
