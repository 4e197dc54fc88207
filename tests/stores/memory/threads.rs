//! Real threads.

use super::*;

#[test]
fn of_many_threads_one_wins_each_version() {
    let store = MemoryStore::builder().shards(2).build();
    let (grants, rounds, threads) = (2_u64, 20_000_u64, 4_u64);
    for id in 0..grants {
        insert(&store, &Fields::new(id, 0, "a").grant(), at(0));
    }
    let won: Vec<AtomicUsize> = (0..grants * rounds).map(|_| AtomicUsize::new(0)).collect();
    let start = Barrier::new(4);
    thread::scope(|scope| {
        for thread in 1..=threads {
            let (store, won, start) = (&store, &won, &start);
            scope.spawn(move || {
                start.wait();
                for round in 0..rounds {
                    for id in 0..grants {
                        // The round is the upper part of a version, the thread that wrote it the lower.
                        let current = load(store, id).unwrap().version().as_u64();
                        if current >> 8 == round {
                            let next = Fields::new(id, ((round + 1) << 8) | thread, "a").grant();
                            if swap(store, current, &next, at(0)) == Swap::Swapped {
                                won[usize::try_from(id * rounds + round).unwrap()].fetch_add(1, Ordering::Relaxed);
                            }
                        }
                    }
                }
            });
        }
    });
    assert!(won.iter().all(|won| won.load(Ordering::Relaxed) == 1));
}

#[test]
fn threads_that_come_and_go_leave_nothing_behind() {
    let store = MemoryStore::builder().shards(4).capacity(300).build();
    let start = Barrier::new(4);
    let (inserted, removed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for thread in 0..4_u64 {
            let (store, start, inserted, removed) = (&store, &start, &inserted, &removed);
            scope.spawn(move || {
                start.wait();
                let mut random = thread + 1;
                for _ in 0..20_000 {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let id = random >> 33 & 511;
                    let subject = format!("subject {}", id % 10);
                    match random >> 60 {
                        0..6 => {
                            let result = wait(store.insert(&Fields::new(id, 1, &subject).grant(), at(0)));
                            if matches!(result, Ok(Insert::Added)) {
                                inserted.fetch_add(1, Ordering::Relaxed);
                            }
                        }
                        6..10 => {
                            if remove(store, id).is_some() {
                                removed.fetch_add(1, Ordering::Relaxed);
                            }
                        }
                        10..14 => {
                            if let Some(stored) = load(store, id) {
                                assert_eq!(stored.subject(), Some(subject.as_str()));
                                swap(store, 1, &Fields::new(id, 1, &subject).grant(), at(0));
                            }
                        }
                        _ => {
                            let listed = list(store, &Owner::subject(&subject), 5);
                            assert!(listed.iter().all(|grant| grant.subject() == Some(subject.as_str())));
                        }
                    }
                    assert!(store.len() <= 300);
                }
            });
        }
    });
    assert_eq!(store.len(), inserted.into_inner() - removed.into_inner());
    let mut left = 0;
    for subject in 0..10 {
        for grant in list(&store, &Owner::subject(&format!("subject {subject}")), 5) {
            assert_eq!(remove(&store, grant.id().as_u64()), Some(grant));
            left += 1;
        }
    }
    assert!(left > 0 && store.is_empty());
}
