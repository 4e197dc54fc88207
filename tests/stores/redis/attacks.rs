//! What was tried against the store: stale servers, late commands, clocks that disagree, hostile values.

use std::pin::pin;
use std::time::Duration;

use regrant::grant::{Owner, Version};
use regrant::store::{Cursor, Insert, RedisStore, Removed, StoreErrorKind, Swap};
use regrant::{Grant, GrantId, Timestamp, TokenStore};

use super::basics::all;
use super::grants::{DAY, NOW, Wanted, grant, wanted};
use super::index::poll_times;
use super::{builder, stores, until};
use crate::kit::servers::redis::{Redis, prefix};

/// A replica that lags says of a grant that it is gone, or another, where the server would say otherwise. An answer that
/// writes nothing must not come from it either: a revocation that found nothing is told as done.
#[tokio::test]
async fn a_replica_does_not_say_that_there_is_nothing_to_remove_or_to_swap() {
    let Some(redis) =
        Redis::start_on(crate::kit::servers::free_port(), &["--save", "", "--repl-diskless-sync-delay", "0"])
    else {
        return;
    };
    let Some(replica) = redis.replica() else { return };
    let store = builder("").connect(&redis.url()).await.unwrap();
    store.insert(&grant(1, "alice"), NOW).await.unwrap();
    let lagging = builder("").connect(&replica.url()).await.unwrap();
    crate::kit::servers::until("the replica to have it", || replica.ask::<usize>(&["DBSIZE"]) == 2);
    let not_applied = |what: &str, kind: Option<StoreErrorKind>| {
        assert_eq!(kind, Some(StoreErrorKind::NotApplied), "{what}");
    };
    not_applied("remove", lagging.remove(GrantId::from_u64(2)).await.err().map(|error| error.kind()));
    let next = wanted(1, "alice").version(9).grant();
    let lost = lagging.compare_and_swap(Version::from_u64(8), &next, NOW).await;
    not_applied("swap", lost.err().map(|error| error.kind()));
    let absent = lagging.compare_and_swap(Version::from_u64(8), &grant(2, "alice"), NOW).await;
    not_applied("swap onto nothing", absent.err().map(|error| error.kind()));
    not_applied("insert", lagging.insert(&grant(1, "alice"), NOW).await.err().map(|error| error.kind()));
}

/// The last step of an insertion that timed out is carried out late. A removal that comes before or after it wins.
#[tokio::test]
async fn an_insertion_that_comes_late_does_not_undo_a_removal() {
    let Some(redis) = Redis::start() else { return };
    let id = GrantId::from_u64(1);
    let impatient = RedisStore::builder().key_prefix("").timeout(Duration::from_millis(400));
    let impatient = impatient.connect(&redis.url()).await.unwrap();
    let patient = builder("").connect(&redis.url()).await.unwrap();
    // The scripts are known by then.
    patient.insert(&grant(9, "bob"), NOW).await.unwrap();
    let mut tried = 0;
    for polls in 1..40 {
        let grant = grant(1, "alice");
        let mut insertion = pin!(impatient.insert(&grant, NOW));
        let done = poll_times(insertion.as_mut(), polls).await;
        let entered: usize = redis.ask(&["ZCARD", "owner:alice"]);
        if done.is_none() && entered > 0 && redis.ask::<Vec<u8>>(&["GET", "grant:0000000000000001"]).len() == 9 {
            redis.signal("STOP");
            let error = insertion.await.unwrap_err();
            assert!(matches!(error.kind(), StoreErrorKind::Indeterminate | StoreErrorKind::NotApplied));
            let (removed, ()) = tokio::join!(patient.remove(id), async { redis.signal("CONT") });
            removed.unwrap();
            until("the late command", async || impatient.load(GrantId::from_u64(9)).await.is_ok()).await;
            assert_eq!(patient.load(id).await.unwrap(), None, "after {polls} polls");
            tried += 1;
            if tried == 2 {
                return;
            }
        } else if done.is_none() {
            let _ = insertion.await;
        }
        redis.flush();
    }
    assert!(tried > 0);
}

/// What an insertion that was broken off has left is nobody's: where there is no grant, no insertion says that there is one, of whatever kind.
#[tokio::test]
async fn room_that_was_left_is_no_grant() {
    let Some(redis) = Redis::start() else { return };
    let store = builder("").connect(&redis.url()).await.unwrap();
    for subject in [Some("alice"), None] {
        let wanted = Wanted { subject: subject.map(Into::into), ..wanted(1, "alice") }.grant();
        let () = redis.ask(&["SET", "grant:0000000000000001", "\0nobody's", "PX", "60000"]);
        assert_eq!(store.load(wanted.id()).await.unwrap(), None);
        assert_eq!(store.insert(&wanted, NOW).await.unwrap(), Insert::Added, "{subject:?}");
        assert_eq!(store.insert(&wanted, NOW).await.unwrap(), Insert::Duplicate, "{subject:?}");
        assert_eq!(store.load(wanted.id()).await.unwrap(), Some(wanted.clone()));
        assert!(redis.ask::<u64>(&["PTTL", "grant:0000000000000001"]) > 60_000);
        assert!(!store.remove(wanted.id()).await.unwrap().is_nothing());
    }
}

/// One node's clock is six days ahead, another's is six days behind: the index is there as long as any grant.
#[tokio::test]
async fn clocks_that_disagree_by_days_leave_no_grant_without_its_index() {
    let Some(redis) = Redis::shared() else { return };
    let prefix = prefix();
    let store = builder(&prefix).connect(&redis.url()).await.unwrap();
    let noon = 1_000 * DAY;
    let (ahead, behind) = (Timestamp::from_millis(noon + 3 * DAY), Timestamp::from_millis(noon - 3 * DAY));
    let mut of = wanted(1, "alice").expires(noon + 60 * DAY);
    of.absolute = noon + 64 * DAY;
    store.insert(&of.grant(), ahead).await.unwrap();
    for version in 2..20 {
        let next = of.clone().version(version).expires(noon + (45 + version) * DAY).grant();
        let now = if version % 2 == 0 { behind } else { ahead };
        let swap = store.compare_and_swap(Version::from_u64(version - 1), &next, now).await.unwrap();
        assert_eq!(swap, Swap::Swapped);
        let index: u64 = redis.ask(&["PTTL", &format!("{prefix}owner:alice")]);
        let grant: u64 = redis.ask(&["PTTL", &format!("{prefix}grant:{:016x}", 1)]);
        assert!(grant < index, "{} days of {}", grant / DAY, index / DAY);
    }
}

/// A subject with many grants at one client, asked for those at another: by pages, not one round trip for each grant.
#[tokio::test]
async fn a_listing_for_one_client_does_not_ask_one_by_one_for_those_of_others() {
    let Some(redis) = Redis::start() else { return };
    let store = builder("").connect(&redis.url()).await.unwrap();
    for id in 0..600 {
        let mut of = wanted(id, "alice");
        of.client = if id % 300 == 299 { "rare" } else { "app" }.into();
        store.insert(&of.grant(), NOW).await.unwrap();
    }
    let () = redis.ask(&["CONFIG", "RESETSTAT"]);
    let rare = Owner::subject("alice").at_client("rare");
    let ids: Vec<u64> = all(&store, &rare, 1).await.iter().map(|grant: &Grant| grant.id().as_u64()).collect();
    assert_eq!(ids, [299, 599]);
    let commands = redis.info("cmdstat_evalsha");
    let calls: usize = commands.split([',', '=']).nth(1).unwrap().parse().unwrap();
    assert!(calls <= 30, "{calls} pages of the index for 600 grants");
}

#[tokio::test]
async fn whatever_is_in_the_server_is_an_error_at_most() {
    let Some(redis) = Redis::shared() else { return };
    let prefix = prefix();
    let store = builder(&prefix).connect(&redis.url()).await.unwrap();
    let (key, index) = (format!("{prefix}grant:{:016x}", 1), format!("{prefix}owner:alice"));
    let whole = {
        store.insert(&grant(1, "alice"), NOW).await.unwrap();
        redis.ask::<Vec<u8>>(&["GET", &key])
    };
    let owner = Owner::subject("alice");
    for round in 0..600_usize {
        let mut value = whole.clone();
        value.truncate(if round % 3 == 0 { round % (whole.len() + 1) } else { whole.len() });
        for _ in 0..round % 4 {
            let at = rand::random_range(0..value.len().max(1));
            if let Some(byte) = value.get_mut(at) {
                *byte = rand::random();
            }
        }
        let mut connection = redis.look();
        let () = redis::cmd("SET").arg(&key).arg(&value).query(&mut connection).unwrap();
        let _ = store.load(GrantId::from_u64(1)).await;
        let _ = store.list(&owner, None, usize::MAX).await;
        let _ = store.compare_and_swap(Version::from_u64(1), &grant(1, "alice"), NOW).await;
        let _ = store.remove(GrantId::from_u64(1)).await;
    }
    for member in ["", "g", "+00000000000000f11111111", "ffffffffffffffff", "FFFFFFFFFFFFFFFF00000000", "ÿÿÿÿÿÿÿÿÿÿÿÿ"]
    {
        let () = redis.ask(&["DEL", &index]);
        let () = redis.ask(&["ZADD", &index, "0", member]);
        let listed = tokio::time::timeout(Duration::from_secs(10), store.list(&owner, None, 1)).await;
        let _ = listed.expect("a listing that goes on for ever");
        for id in 0..12 {
            let _ = store.insert(&grant(id, "alice"), NOW).await;
        }
    }
    let () = redis.ask(&["SET", &index, "not a set"]);
    store.list(&owner, None, 1).await.unwrap_err();
    let error = store.insert(&grant(50, "alice"), NOW).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotApplied);
    assert_eq!(store.load(GrantId::from_u64(50)).await.unwrap(), None);
}

#[tokio::test]
async fn a_cursor_or_limit_of_any_kind_is_a_page() {
    for (store, _) in stores().await {
        for id in 0..5 {
            store.insert(&grant(id, "alice"), NOW).await.unwrap();
        }
        for len in 0..40_u8 {
            let cursor = Cursor::new(vec![len; len.into()]);
            let page = store.list(&Owner::subject("alice"), Some(cursor), usize::MAX).await.unwrap();
            assert!(page.grants.is_empty() || len == 8, "a cursor that is none is past the end");
        }
        assert_eq!(store.list(&Owner::subject("alice"), None, 0).await.unwrap().grants.len(), 1);
        assert_eq!(store.list(&Owner::subject("alice"), None, usize::MAX).await.unwrap().grants.len(), 5);
    }
}

/// Subjects that look like other keys, or parts of commands.
#[tokio::test]
async fn a_subject_is_a_name_and_nothing_else() {
    for (store, _) in stores().await {
        let subjects = [
            "",
            "keys",
            "grant:0000000000000001",
            "{",
            "}",
            "{}",
            "{a}b",
            "a\r\nFLUSHALL\r\n",
            "a\0b",
            "*",
            "ï",
            "a:owner:",
        ];
        for (id, subject) in subjects.iter().enumerate() {
            assert_eq!(store.insert(&grant(id as u64, subject), NOW).await.unwrap(), Insert::Added);
        }
        for (id, subject) in subjects.iter().enumerate() {
            assert_eq!(all(&store, &Owner::subject(subject), 3).await, [grant(id as u64, subject)], "{subject:?}");
        }
    }
}

/// The other protocol has other answers to the same commands.
#[tokio::test]
async fn the_third_version_of_the_protocol_is_understood() {
    let Some(redis) = Redis::shared() else { return };
    let url = redis.url() + "?protocol=resp3";
    let store = builder(&prefix()).connect(&url).await.unwrap();
    for id in 0..20 {
        assert_eq!(store.insert(&grant(id, "alice"), NOW).await.unwrap(), Insert::Added);
    }
    let next = wanted(3, "alice").version(2).expires(1_000 + 200 * DAY).grant();
    assert_eq!(store.compare_and_swap(Version::from_u64(1), &next, NOW).await.unwrap(), Swap::Swapped);
    assert_eq!(store.compare_and_swap(Version::from_u64(1), &next, NOW).await.unwrap(), Swap::Lost);
    assert_eq!(store.load(next.id()).await.unwrap(), Some(next.clone()));
    assert_eq!(store.remove(next.id()).await.unwrap(), Removed::Grant(next.clone()));
    assert_eq!(store.remove(next.id()).await.unwrap(), Removed::Nothing);
    assert_eq!(store.load(next.id()).await.unwrap(), None);
    assert_eq!(all(&store, &Owner::subject("alice"), 7).await.len(), 19);
    let fingerprint = regrant::store::KeyFingerprint::new(1, [3; 16]);
    assert_eq!(store.keep_key_fingerprints(&[fingerprint]).await.unwrap(), [fingerprint]);
}
