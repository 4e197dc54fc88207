//! Each operation by itself.

use regrant::grant::{Owner, Version};
use regrant::store::{
    Cursor, Durability, Insert, KeyFingerprint, PostgresStore, PostgresStoreBuilder, Removed, StoreErrorKind, Swap,
};
use regrant::{Grant, GrantId, Timestamp, TokenStore};

use super::{store, store_by};
use crate::kit::records::{Fields, all, at, ids};

async fn insert(store: &PostgresStore, grant: &Grant) {
    assert_eq!(store.insert(grant, at(0)).await.unwrap(), Insert::Added);
}

async fn swap(store: &PostgresStore, expected: u64, next: &Grant) -> Swap {
    store.compare_and_swap(Version::from_u64(expected), next, at(0)).await.unwrap()
}

#[tokio::test]
async fn every_field_comes_back_and_can_be_swapped() {
    every_field(&PostgresStore::builder()).await;
}

#[tokio::test]
async fn and_by_prepared_statements() {
    every_field(&PostgresStore::builder().danger_prepared_statements()).await;
}

async fn every_field(builder: &PostgresStoreBuilder) {
    let Some((_, _, store)) = store_by(builder).await else { return };
    let long = "ü".repeat(512);
    let nothing_but_nul = "\0".repeat(1_024);
    let subjects =
        [None, Some(""), Some("zwölf"), Some("nul \0 in it"), Some("\u{1}"), Some(&*long), Some(&*nothing_but_nul)];
    let times = [0, 1, (1 << 48) - 1, 0x0102_0304_0506, 1 << 47, (1 << 48) - 1];
    for (subject, id) in subjects.into_iter().zip((0..).map(|n: u64| (u64::MAX - 3).wrapping_add(n << 61))) {
        for extra in [String::new(), format!("\"{}\":\"{}\"", "k".repeat(64), "ñ".repeat(4_000))] {
            let mut first = Fields::new(id, u64::MAX, "").expires_at((1 << 48) - 1);
            first.subject = subject.map(Into::into);
            first.client_id = "é".repeat(127);
            first.scope = (10..74).map(|n| format!("scope-{n}-{}", "x".repeat(40))).collect::<Vec<_>>().join(" ");
            (first.times, first.extra) = (times, extra);
            let load = || async { store.load(GrantId::from_u64(id)).await.unwrap() };
            assert_eq!(load().await, None);
            insert(&store, &first.grant()).await;
            assert_eq!(store.insert(&Fields::new(id, 5, "x").grant(), at(0)).await.unwrap(), Insert::Duplicate);
            assert_eq!(load().await.unwrap().encode(), first.grant().encode());
            let other = Fields { times: [6, 5, 4, 3, 2, 1], extra: String::new(), ..Fields::new(id, 1 << 63, "o") };
            assert_eq!(swap(&store, 1, &other.grant()).await, Swap::Lost);
            assert_eq!(load().await.unwrap().encode(), first.grant().encode());
            assert_eq!(swap(&store, u64::MAX, &other.grant()).await, Swap::Swapped);
            assert_eq!(load().await.unwrap().encode(), other.grant().encode());
            assert_eq!(ids(&all(&store, &Owner::subject("o"), 3).await), [id]);
            assert_eq!(swap(&store, 1 << 63, &first.grant()).await, Swap::Swapped);
            if let Some(subject) = subject {
                assert_eq!(ids(&all(&store, &Owner::subject(subject), 3).await), [id]);
            }
            assert_eq!(store.remove(GrantId::from_u64(id)).await.unwrap(), Removed::Grant(first.grant()));
            assert_eq!(store.remove(GrantId::from_u64(id)).await.unwrap(), Removed::Nothing);
            assert_eq!(swap(&store, u64::MAX, &other.grant()).await, Swap::Lost, "nothing comes back");
            assert_eq!(load().await, None);
        }
    }
    assert_eq!(store.durability(), Durability::Durable);
}

#[tokio::test]
async fn ids_and_owners_anywhere_are_told_apart() {
    let Some((_, _, store)) = store().await else { return };
    let ids_of: Vec<u64> = (0..64).flat_map(|bit| [1_u64 << bit, !(1 << bit)]).collect();
    let subjects = ["a", "A", "a ", "\0", "\u{1}", "\u{1}0", "\u{1}1", ""];
    for (&id, n) in ids_of.iter().zip(0..) {
        let mut fields = Fields::new(id, id, subjects[n % subjects.len()]);
        fields.client_id = ["app", "web\0"][n / 64].into();
        insert(&store, &fields.grant()).await;
    }
    for (at, subject) in subjects.into_iter().enumerate() {
        let mut expected: Vec<u64> = ids_of.iter().copied().skip(at).step_by(subjects.len()).collect();
        expected.sort_unstable();
        for limit in [0, 1, 5, 16, usize::MAX] {
            assert_eq!(ids(&all(&store, &Owner::subject(subject), limit).await), expected, "{subject:?}");
        }
        let at_one = all(&store, &Owner::subject(subject).at_client("web\0"), 3).await;
        assert_eq!(at_one.len(), 8);
        assert!(at_one.iter().all(|grant| grant.client_id() == "web\0"));
        assert!(all(&store, &Owner::subject(subject).at_client("web"), 3).await.is_empty());
    }
    let last = Cursor::from_u64(i64::MAX.cast_unsigned());
    assert!(store.list(&Owner::subject("a"), Some(last), 3).await.unwrap().grants.is_empty());
    let error = store.list(&Owner::subject("a"), Some(Cursor::new(vec![1])), 3).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotApplied);
}

#[tokio::test]
async fn a_purge_removes_what_expired_and_no_more_than_asked() {
    let Some((_, _, store)) = store().await else { return };
    let day = 86_400_000;
    for id in 0..300 {
        // Around midnight, so that both buckets have both.
        insert(&store, &Fields::new(id, 1, "a").expires_at(20 * day - 150 + id).grant()).await;
    }
    insert(&store, &Fields::new(1_000, 1, "a").expires_at(u64::MAX >> 16).grant()).await;
    let purge = async |now, limit| store.purge_expired(at(now), limit).await.unwrap();
    assert_eq!(purge(20 * day - 151, 1_000).await, 0);
    assert_eq!(purge(20 * day - 150, 0).await, 0);
    assert_eq!(purge(20 * day - 150, 1_000).await, 1);
    assert_eq!(purge(20 * day - 1, 100).await, 100);
    assert_eq!(purge(20 * day - 1, 100).await, 49);
    assert_eq!(purge(20 * day, 100).await, 1);
    assert_eq!(purge(20 * day + 48, usize::MAX).await, 48);
    assert_eq!(ids(&all(&store, &Owner::subject("a"), 50).await).len(), 102);
    assert_eq!(store.purge_expired(Timestamp::MAX, usize::MAX).await.unwrap(), 102);
}

#[tokio::test]
async fn fingerprints_are_put_if_absent_and_stay() {
    let Some((_, _, store)) = store().await else { return };
    let print = |id, byte| KeyFingerprint::new(id, [byte; 16]);
    assert_eq!(store.keep_key_fingerprints(&[]).await.unwrap(), []);
    assert_eq!(store.keep_key_fingerprints(&[print(3, 1), print(255, 2)]).await.unwrap(), [print(3, 1), print(255, 2)]);
    let kept = store.keep_key_fingerprints(&[print(3, 9), print(0, 4), print(0, 5)]).await.unwrap();
    assert_eq!(kept, [print(0, 4), print(3, 1), print(255, 2)]);
    let many: Vec<_> = (0..=255).map(|id| print(id, id)).collect();
    assert_eq!(store.keep_key_fingerprints(&many).await.unwrap().len(), 256);
}

#[tokio::test]
async fn a_record_of_another_grant_or_of_none_is_corrupt_and_listed_so_until_it_is_removed() {
    let Some((server, database, store)) = store().await else { return };
    for id in 1..4 {
        insert(&store, &Fields::new(id, 1, "a").grant()).await;
    }
    let update = "UPDATE regrant_grants SET record = ";
    server.sql(&database, &format!("{update}(SELECT record FROM regrant_grants WHERE id = 3) WHERE id = 1"));
    server.sql(&database, &format!("{update}'\\x09' WHERE id = 2"));
    let kind = async |id| store.load(GrantId::from_u64(id)).await.unwrap_err().kind();
    assert_eq!(kind(1).await, StoreErrorKind::Corrupt);
    assert_eq!(kind(2).await, StoreErrorKind::NewerFormat);
    let listed = store.list(&Owner::subject("a"), None, 10).await.unwrap();
    assert_eq!(ids(&listed.grants), [3]);
    assert_eq!(listed.unreadable, [1, 2].map(GrantId::from_u64));
    // The record wins: another owner's grant is not listed, and a row that says so is damaged.
    server.sql(&database, "UPDATE regrant_grants SET subject = 'b' WHERE id = 3");
    let listed = store.list(&Owner::subject("b"), None, 10).await.unwrap();
    assert_eq!((listed.grants.len(), listed.unreadable), (0, vec![GrantId::from_u64(3)]));
    assert_eq!(server.sql(&database, "SELECT count(*) FROM regrant_grants"), "3");
    for id in [1, 2] {
        assert_eq!(store.remove(GrantId::from_u64(id)).await.unwrap(), Removed::Unreadable);
        assert_eq!(store.remove(GrantId::from_u64(id)).await.unwrap(), Removed::Nothing);
    }
}

#[tokio::test]
async fn nothing_printed_says_whom_it_talks_to() {
    let Some((_, _, store)) = store().await else { return };
    let printed = format!("{store:?}");
    assert!(printed.starts_with("PostgresStore { table: \"\\\"regrant_grants\\\"\""), "{printed}");
    assert!(!printed.contains('@') && !printed.contains("sock"), "{printed}");
}
