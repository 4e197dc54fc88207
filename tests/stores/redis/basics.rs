//! What every store does, on one server and on a cluster.

use regrant::grant::{Owner, Version};
use regrant::store::{Cursor, Durability, Insert, KeyFingerprint, RedisStore, Removed, Swap};
use regrant::{Grant, GrantId, Timestamp, TokenStore};

use super::grants::{DAY, NOW, grant, wanted};
use super::{builder, stores, until};
use crate::kit::servers::redis::{Redis, prefix};

/// All grants of an owner, by pages of this size.
pub(crate) async fn all(store: &RedisStore, owner: &Owner, limit: usize) -> Vec<Grant> {
    let (mut grants, mut after) = (Vec::new(), None);
    loop {
        let page = store.list(owner, after, limit).await.unwrap();
        assert!(page.grants.len() <= limit.max(1));
        grants.extend(page.grants);
        after = page.next;
        if after.is_none() {
            return grants;
        }
    }
}

#[tokio::test]
async fn a_grant_is_inserted_loaded_swapped_and_removed() {
    for (store, _) in stores().await {
        let first = grant(7, "alice");
        assert_eq!(store.load(first.id()).await.unwrap(), None);
        assert_eq!(store.insert(&first, NOW).await.unwrap(), Insert::Added);
        assert_eq!(store.insert(&first, NOW).await.unwrap(), Insert::Duplicate);
        let other = wanted(7, "mallory").version(5).grant();
        assert_eq!(store.insert(&other, NOW).await.unwrap(), Insert::Duplicate);
        assert_eq!(store.load(first.id()).await.unwrap().as_ref(), Some(&first));

        let next = wanted(7, "alice").version(2).grant();
        assert_eq!(store.compare_and_swap(Version::from_u64(9), &next, NOW).await.unwrap(), Swap::Lost);
        assert_eq!(store.compare_and_swap(first.version(), &next, NOW).await.unwrap(), Swap::Swapped);
        assert_eq!(store.compare_and_swap(first.version(), &next, NOW).await.unwrap(), Swap::Lost);
        assert_eq!(store.load(first.id()).await.unwrap().as_ref(), Some(&next));

        assert_eq!(store.remove(first.id()).await.unwrap(), Removed::Grant(next.clone()));
        assert_eq!(store.remove(first.id()).await.unwrap(), Removed::Nothing);
        assert_eq!(store.compare_and_swap(next.version(), &first, NOW).await.unwrap(), Swap::Lost);
        assert_eq!(store.load(first.id()).await.unwrap(), None);
        assert_eq!(store.insert(&first, NOW).await.unwrap(), Insert::Added);
        assert_eq!(store.durability(), Durability::Durable);
        assert_eq!(store.purge_expired(Timestamp::MAX, 10).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn one_swap_of_many_wins() {
    for (store, _) in stores().await {
        let store = std::sync::Arc::new(store);
        store.insert(&grant(1, "alice"), NOW).await.unwrap();
        let swaps: Vec<_> = (2..34)
            .map(|version| {
                let (store, next) = (store.clone(), wanted(1, "alice").version(version).grant());
                tokio::spawn(async move { store.compare_and_swap(Version::from_u64(1), &next, NOW).await.unwrap() })
            })
            .collect();
        let mut swapped = 0;
        for swap in swaps {
            swapped += usize::from(swap.await.unwrap() == Swap::Swapped);
        }
        assert_eq!(swapped, 1);
    }
}

#[tokio::test]
async fn a_listing_is_complete_and_without_repeats() {
    for (store, _) in stores().await {
        // Subjects are any text; in a cluster what is in braces decides where a key lies.
        for subject in ["alice", "", "usuário {de} teste\r\n\0", "{", "ünïcødé 🦀", &"x".repeat(1_024)] {
            let mut ids = std::collections::BTreeSet::new();
            for _ in 0..23_u8 {
                let id: u64 = rand::random();
                ids.insert(id);
                let mut wanted = wanted(id, subject);
                wanted.client = if id % 2 == 0 { "app".into() } else { "web".into() };
                assert_eq!(store.insert(&wanted.grant(), NOW).await.unwrap(), Insert::Added);
            }
            let owner = Owner::subject(subject);
            for limit in [0, 1, 2, 7, 22, 23, 24, usize::MAX] {
                let listed: Vec<u64> =
                    all(&store, &owner, limit).await.iter().map(|grant| grant.id().as_u64()).collect();
                assert_eq!(listed, ids.iter().copied().collect::<Vec<_>>(), "{subject:?} by {limit}");
            }
            let at_app = all(&store, &owner.clone().at_client("app"), 3).await;
            assert_eq!(at_app.len(), ids.iter().filter(|id| **id % 2 == 0).count());
            let last = Cursor::from_u64(*ids.last().unwrap());
            assert!(store.list(&owner, Some(last), 5).await.unwrap().grants.is_empty());
            assert!(store.list(&owner, Some(Cursor::new(b"?".to_vec())), 5).await.unwrap().grants.is_empty());
        }
        assert!(all(&store, &Owner::subject("bob"), 5).await.is_empty());
    }
}

#[tokio::test]
async fn the_largest_record_and_the_least_come_back() {
    for (store, _) in stores().await {
        let mut large = wanted(u64::MAX, &"ß".repeat(512));
        large.client = "c".repeat(1_000);
        large.fields = format!("\"a\":\"{}\"", "é".repeat(1_900));
        large.expires = Timestamp::MAX.as_millis();
        large.absolute = large.expires;
        let mut least = wanted(0, "");
        least.subject = None;
        least.client = String::new();
        for grant in [large.grant(), least.grant()] {
            assert_eq!(store.insert(&grant, NOW).await.unwrap(), Insert::Added);
            assert_eq!(store.insert(&grant, NOW).await.unwrap(), Insert::Duplicate);
            assert_eq!(store.load(grant.id()).await.unwrap().as_ref(), Some(&grant));
            assert_eq!(store.compare_and_swap(grant.version(), &grant, NOW).await.unwrap(), Swap::Swapped);
            assert_eq!(store.remove(grant.id()).await.unwrap(), Removed::Grant(grant));
        }
    }
}

#[tokio::test]
async fn a_grant_goes_by_itself_when_it_expires_as_the_caller_counts() {
    for (store, _) in stores().await {
        // A clock in the past, and one far in the future: what counts is the difference.
        for now in [NOW, Timestamp::from_millis(1 << 47)] {
            let soon = wanted(1, "alice").expires(now.as_millis() + 200).grant();
            let later = wanted(2, "alice").expires(now.as_millis() + DAY).grant();
            let past = wanted(3, "alice").expires(now.as_millis() - 500).grant();
            for grant in [&soon, &later, &past] {
                assert_eq!(store.insert(grant, now).await.unwrap(), Insert::Added);
            }
            until("the grants to expire", async || {
                store.load(soon.id()).await.unwrap().is_none() && store.load(past.id()).await.unwrap().is_none()
            })
            .await;
            assert_eq!(store.load(later.id()).await.unwrap().as_ref(), Some(&later));
            assert_eq!(all(&store, &Owner::subject("alice"), 5).await, std::slice::from_ref(&later));
            store.remove(later.id()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_swap_moves_the_expiry_both_ways() {
    let Some(redis) = Redis::shared() else { return };
    let prefix = prefix();
    let store = builder(&prefix).connect(&redis.url()).await.unwrap();
    store.insert(&grant(1, "alice"), NOW).await.unwrap();
    let key = format!("{prefix}grant:{:016x}", 1);
    for (version, days) in [(2, 9), (3, 2), (4, 40)] {
        let next = wanted(1, "alice").version(version).expires(1_000 + days * DAY).grant();
        assert_eq!(store.compare_and_swap(Version::from_u64(version - 1), &next, NOW).await.unwrap(), Swap::Swapped);
        let left: u64 = redis.ask(&["PTTL", &key]);
        assert!(left <= days * DAY && left > days * DAY - 60_000, "{left}");
    }
}

#[tokio::test]
async fn prefixes_keep_stores_apart() {
    let Some(redis) = Redis::shared() else { return };
    let (one, other) = (prefix(), prefix());
    let one = builder(&one).connect(&redis.url()).await.unwrap();
    let other = builder(&other).connect(&redis.url()).await.unwrap();
    one.insert(&grant(1, "alice"), NOW).await.unwrap();
    assert_eq!(other.load(GrantId::from_u64(1)).await.unwrap(), None);
    assert_eq!(other.remove(GrantId::from_u64(1)).await.unwrap(), Removed::Nothing);
    assert!(all(&other, &Owner::subject("alice"), 5).await.is_empty());
    assert_eq!(all(&one, &Owner::subject("alice"), 5).await.len(), 1);
}

#[tokio::test]
async fn the_first_fingerprint_of_a_key_stays() {
    for (store, prefix) in stores().await {
        assert_eq!(store.keep_key_fingerprints(&[]).await.unwrap(), []);
        let (one, two) = (KeyFingerprint::new(0, [1; 16]), KeyFingerprint::new(255, [0xfe; 16]));
        assert_eq!(store.keep_key_fingerprints(&[one]).await.unwrap(), [one]);
        let mut kept = store.keep_key_fingerprints(&[KeyFingerprint::new(0, [9; 16]), two]).await.unwrap();
        kept.sort();
        assert_eq!(kept, [one, two]);
        if let (Some(redis), true) = (Redis::shared(), format!("{store:?}").contains("server")) {
            assert_eq!(redis.ask::<i64>(&["PTTL", &format!("{prefix}keys")]), -1, "it never expires");
        }
    }
}

#[tokio::test]
async fn a_server_that_has_forgotten_the_scripts_is_told_them_again() {
    let Some(redis) = Redis::start() else { return };
    let store = builder("").connect(&redis.url()).await.unwrap();
    for id in 0..3 {
        let () = redis.ask(&["SCRIPT", "FLUSH"]);
        assert_eq!(store.insert(&grant(id, "alice"), NOW).await.unwrap(), Insert::Added);
        let () = redis.ask(&["SCRIPT", "FLUSH"]);
        let next = wanted(id, "alice").version(2).grant();
        assert_eq!(store.compare_and_swap(Version::from_u64(1), &next, NOW).await.unwrap(), Swap::Swapped);
        let () = redis.ask(&["SCRIPT", "FLUSH"]);
        assert_eq!(all(&store, &Owner::subject("alice"), 5).await, [next]);
        let () = redis.ask(&["SCRIPT", "FLUSH"]);
        assert!(!store.remove(GrantId::from_u64(id)).await.unwrap().is_nothing());
    }
}
