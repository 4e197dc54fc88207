//! The owner's index: it may name grants that are gone, and never leaves out one that is there.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use regrant::grant::{Owner, Version};
use regrant::store::{Insert, Swap};
use regrant::{GrantId, Timestamp, TokenStore};

use super::basics::all;
use super::grants::{DAY, NOW, grant, wanted};
use super::{builder, stores};
use crate::kit::servers::redis::{Redis, prefix};

/// Polls a future so many times, each after it was woken. What came of it, if it came to an end.
pub(crate) async fn poll_times<T>(mut future: Pin<&mut impl Future<Output = T>>, times: usize) -> Option<T> {
    let mut polls = 0;
    poll_fn(|context| {
        if polls == times {
            return Poll::Ready(None);
        }
        polls += 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

#[tokio::test]
async fn cleaning_never_takes_the_entry_of_a_grant_that_is_being_inserted() {
    for (at, (store, _)) in stores().await.into_iter().enumerate() {
        let owner = Owner::subject("alice");
        let mut seen = Vec::new();
        for polls in 0..40 {
            let id = 1_000 * at as u64 + polls as u64;
            let grant = grant(id, "alice");
            let mut insertion = pin!(store.insert(&grant, NOW));
            let mut inserted = poll_times(insertion.as_mut(), polls).await;
            seen.push(inserted.is_some());
            // Cleans what it finds dead, between any two steps.
            all(&store, &owner, 100).await;
            if inserted.is_none() {
                inserted = Some(insertion.await);
            }
            assert!(matches!(inserted, Some(Ok(Insert::Added))));
            let listed = all(&store, &owner, 100).await;
            assert!(listed.iter().any(|listed| listed.id() == grant.id()), "left out after {polls} polls");
            store.remove(grant.id()).await.unwrap();
        }
        assert!(seen.iter().filter(|is_done| !**is_done).count() >= 4, "the steps were interrupted: {seen:?}");
        assert!(seen.last().unwrap(), "and all of them were covered");
    }
}

#[tokio::test]
async fn an_insertion_whose_room_is_lost_begins_again() {
    let Some(redis) = Redis::shared() else { return };
    let (owner, grant) = (Owner::subject("alice"), grant(1, "alice"));
    let mut lost = 0;
    for polls in 0..40 {
        let prefix = prefix();
        let store = builder(&prefix).connect(&redis.url()).await.unwrap();
        let mut insertion = pin!(store.insert(&grant, NOW));
        let done = poll_times(insertion.as_mut(), polls).await;
        let entries: usize = redis.ask(&["ZCARD", &format!("{prefix}owner:alice")]);
        let key = format!("{prefix}grant:{:016x}", 1);
        let is_room = redis.ask::<Vec<u8>>(&["GET", &key]).len() == 9;
        if done.is_some() || entries == 0 || !is_room {
            continue;
        }
        // As if the minute had passed: the room is gone, and its entry is thrown out.
        assert_eq!(store.load(grant.id()).await.unwrap(), None, "room is no grant");
        assert_eq!(store.compare_and_swap(grant.version(), &grant, NOW).await.unwrap(), Swap::Lost);
        let () = redis.ask(&["DEL", &key]);
        assert!(all(&store, &owner, 5).await.is_empty());
        assert_eq!(redis.ask::<usize>(&["ZCARD", &format!("{prefix}owner:alice")]), 0);
        lost += 1;
        assert_eq!(insertion.await.unwrap(), Insert::Added);
        assert_eq!(all(&store, &owner, 5).await, std::slice::from_ref(&grant));
    }
    assert!(lost > 0);
}

#[tokio::test]
async fn an_insertion_that_was_dropped_leaves_a_grant_or_nothing() {
    for (store, _) in stores().await {
        let owner = Owner::subject("alice");
        for polls in 0..40 {
            let grant = grant(polls as u64, "alice");
            {
                let mut insertion = pin!(store.insert(&grant, NOW));
                poll_times(insertion.as_mut(), polls).await;
            }
            // What was sent takes effect before what is sent now.
            let loaded = store.load(grant.id()).await.unwrap();
            let is_listed = all(&store, &owner, 100).await.contains(&grant);
            assert!(loaded.is_none() || is_listed, "after {polls} polls");
            let again = store.insert(&grant, NOW).await.unwrap();
            assert_eq!(again == Insert::Duplicate, loaded.is_some(), "room is in nobody's way");
        }
    }
}

#[tokio::test]
async fn one_insertion_of_many_of_an_id_wins() {
    for (store, _) in stores().await {
        let store = std::sync::Arc::new(store);
        for id in 0..20 {
            let insertions: Vec<_> = (0..16)
                .map(|version| {
                    let (store, grant) = (store.clone(), wanted(id, "alice").version(version).grant());
                    tokio::spawn(async move { (store.insert(&grant, NOW).await.unwrap(), grant) })
                })
                .collect();
            let mut inserted = Vec::new();
            for insertion in insertions {
                let (outcome, grant) = insertion.await.unwrap();
                inserted.extend((outcome == Insert::Added).then_some(grant));
            }
            assert_eq!(inserted.len(), 1);
            assert_eq!(store.load(GrantId::from_u64(id)).await.unwrap(), inserted.pop());
        }
        assert_eq!(all(&store, &Owner::subject("alice"), 7).await.len(), 20);
    }
}

#[tokio::test]
async fn a_listing_throws_out_what_is_gone() {
    let Some(redis) = Redis::shared() else { return };
    let prefix = prefix();
    let store = builder(&prefix).connect(&redis.url()).await.unwrap();
    let index = format!("{prefix}owner:alice");
    for id in 0..10 {
        store.insert(&grant(id, "alice"), NOW).await.unwrap();
    }
    store.remove(GrantId::from_u64(9)).await.unwrap();
    for id in 0..8 {
        let () = redis.ask(&["DEL", &format!("{prefix}grant:{id:016x}")]);
    }
    let listed = store.list(&Owner::subject("alice"), None, 1).await.unwrap();
    assert_eq!(listed.grants.len(), 1, "a page has a grant as long as any is left");
    assert_eq!(redis.ask::<usize>(&["ZCARD", &index]), 2, "that one, and the removed one after it");
    let () = redis.ask(&["DEL", &format!("{prefix}grant:{:016x}", 8)]);
    assert!(all(&store, &Owner::subject("alice"), 1).await.is_empty());
    assert_eq!(redis.ask::<usize>(&["EXISTS", &index]), 0);
}

#[tokio::test]
async fn an_index_of_many_logins_does_not_grow_with_those_that_are_gone() {
    let Some(redis) = Redis::shared() else { return };
    let prefix = prefix();
    let store = builder(&prefix).connect(&redis.url()).await.unwrap();
    let mut most = 0;
    for id in 0..600 {
        // A grant that dies at once; nobody ever lists them.
        store.insert(&wanted(id, "alice").expires(1_000).grant(), NOW).await.unwrap();
        most = most.max(redis.ask::<usize>(&["ZCARD", &format!("{prefix}owner:alice")]));
    }
    assert!(most <= 40, "{most} entries");
}

#[tokio::test]
async fn the_index_outlives_every_grant_in_it() {
    let Some(redis) = Redis::shared() else { return };
    let prefix = prefix();
    let store = builder(&prefix).connect(&redis.url()).await.unwrap();
    let index = format!("{prefix}owner:alice");
    let mut versions = vec![];
    let mut longest = 0;
    for step in 0..300_u64 {
        let days = rand::random::<u64>() % 100 + 1;
        let expires = NOW.as_millis() + days * DAY;
        let id = rand::random::<u64>() % 8;
        match versions.iter().position(|&(of, _)| of == id) {
            None => {
                store.insert(&wanted(id, "alice").expires(expires).grant(), NOW).await.unwrap();
                versions.push((id, 1));
            }
            Some(at) => {
                let next = wanted(id, "alice").version(step + 2).expires(expires).grant();
                let swap = store.compare_and_swap(Version::from_u64(versions[at].1), &next, NOW).await.unwrap();
                assert_eq!(swap, Swap::Swapped);
                versions[at].1 = step + 2;
            }
        }
        longest = longest.max(days);
        let left: u64 = redis.ask(&["PTTL", &index]);
        for &(id, _) in &versions {
            let grant: u64 = redis.ask(&["PTTL", &format!("{prefix}grant:{id:016x}")]);
            assert!(grant < left, "{grant} of {left}");
        }
        assert!(left <= (2 * longest).max(64) * DAY + 8 * DAY, "and not for ever: {left}");
    }
}

#[tokio::test]
async fn the_index_of_a_grant_that_never_expires_does_not_either() {
    let Some(redis) = Redis::shared() else { return };
    let prefix = prefix();
    let store = builder(&prefix).connect(&redis.url()).await.unwrap();
    let index = format!("{prefix}owner:alice");
    store.insert(&grant(1, "alice"), NOW).await.unwrap();
    assert!(redis.ask::<i64>(&["PTTL", &index]) > 0);
    let mut forever = wanted(1, "alice").version(2).expires(Timestamp::MAX.as_millis());
    forever.absolute = forever.expires;
    let swap = store.compare_and_swap(Version::from_u64(1), &forever.grant(), NOW).await.unwrap();
    assert_eq!((swap, redis.ask::<i64>(&["PTTL", &index])), (Swap::Swapped, -1));
    store.insert(&grant(2, "alice"), NOW).await.unwrap();
    assert_eq!(redis.ask::<i64>(&["PTTL", &index]), -1, "a shorter one takes nothing from it");
}

#[tokio::test]
async fn a_lost_entry_is_made_again_when_the_index_must_live_longer() {
    let Some(redis) = Redis::shared() else { return };
    let prefix = prefix();
    let store = builder(&prefix).connect(&redis.url()).await.unwrap();
    store.insert(&grant(1, "alice"), NOW).await.unwrap();
    // As after a failover of the node that has the index.
    let () = redis.ask(&["DEL", &format!("{prefix}owner:alice")]);
    assert!(all(&store, &Owner::subject("alice"), 5).await.is_empty());
    let next = wanted(1, "alice").version(2).expires(1_000 + 90 * DAY).grant();
    assert_eq!(store.compare_and_swap(Version::from_u64(1), &next, NOW).await.unwrap(), Swap::Swapped);
    assert_eq!(all(&store, &Owner::subject("alice"), 5).await, [next]);
    // An entry more for the same grant is one grant all the same.
    let next = wanted(1, "alice").version(3).expires(1_000 + 300 * DAY).grant();
    assert_eq!(store.compare_and_swap(Version::from_u64(2), &next, NOW).await.unwrap(), Swap::Swapped);
    assert_eq!(redis.ask::<usize>(&["ZCARD", &format!("{prefix}owner:alice")]), 2);
    for limit in [1, 2, 5] {
        assert_eq!(all(&store, &Owner::subject("alice"), limit).await, std::slice::from_ref(&next));
    }
}
