//! Stores that expire or purge wrongly.

use std::thread::yield_now;
use std::time::{Duration, Instant};

use regrant::grant::{Owner, Version};
use regrant::store::{Cursor, Insert, KeyFingerprint, Listed, StoreError, Swap};
use regrant::{Grant, GrantId, Timestamp};

use super::case::broken;
use super::shelf::Shelf;
use super::writes::Plain;

/// Sets when a record goes by itself; the store has a clock of its own.
fn expire(shelf: &Shelf, grant: &Grant, now: Timestamp) {
    shelf.ends.lock().insert(grant.id(), Instant::now().checked_add(grant.expires_at().since(now)));
}

/// In place of an id, for what is of all grants.
const ALL: GrantId = GrantId::from_u64(0);

fn expire_all(shelf: &Shelf, grant: &Grant, now: Timestamp) {
    shelf.ends.lock().insert(ALL, Instant::now().checked_add(grant.expires_at().since(now)));
}

/// Drops it if its time has come.
fn drop_expired(shelf: &Shelf, id: GrantId) {
    if shelf.ends.lock().get(&id).copied().flatten().is_some_and(|end| end <= Instant::now()) {
        shelf.grants.lock().remove(&id);
    }
}

broken! {
    /// A store of the TTL kind that sets it once.
    KeepsTheFirstTtl, ["a_swap_to_a_later_expiry_keeps_the_grant"], {
        fn insert(&self, grant: &Grant, now: Timestamp) -> Result<Insert, StoreError> {
            expire(&self.0, grant, now);
            Plain(&self.0).insert(grant, now)
        }

        fn load(&self, id: GrantId) -> Option<Grant> {
            drop_expired(&self.0, id);
            self.0.get(id)
        }

        fn purge(&self, _: Timestamp, _: usize) -> usize {
            0
        }
    }

    /// A swap never brings the end nearer.
    KeepsTheLongestTtl, ["a_swap_to_an_earlier_expiry_lets_the_grant_go"], {
        fn insert(&self, grant: &Grant, now: Timestamp) -> Result<Insert, StoreError> {
            expire(&self.0, grant, now);
            Plain(&self.0).insert(grant, now)
        }

        fn swap(&self, expected: Version, next: &Grant, now: Timestamp) -> Result<Swap, StoreError> {
            let end = Instant::now() + next.expires_at().since(now);
            if let Some(Some(kept)) = self.0.ends.lock().get_mut(&next.id()) {
                *kept = end.max(*kept);
            }
            Plain(&self.0).swap(expected, next, now)
        }

        fn load(&self, id: GrantId) -> Option<Grant> {
            drop_expired(&self.0, id);
            self.0.get(id)
        }

        fn purge(&self, _: Timestamp, _: usize) -> usize {
            0
        }
    }

    /// The list of an owner's grants has one lifetime, that of the last one written.
    AnOwnersListEndsWithOneGrant, ["a_swap_to_a_later_expiry_keeps_the_grant"], {
        fn insert(&self, grant: &Grant, now: Timestamp) -> Result<Insert, StoreError> {
            expire_all(&self.0, grant, now);
            Plain(&self.0).insert(grant, now)
        }

        fn swap(&self, expected: Version, next: &Grant, now: Timestamp) -> Result<Swap, StoreError> {
            expire_all(&self.0, next, now);
            Plain(&self.0).swap(expected, next, now)
        }

        fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Listed {
            let end = self.0.ends.lock().get(&ALL).copied().flatten();
            if end.is_some_and(|end| end <= Instant::now()) {
                return Listed::default();
            }
            Plain(&self.0).list(owner, after, limit)
        }
    }

    /// A lifetime in whole seconds, rounded down.
    RoundsItsTtlDown, ["a_grant_stays_until_it_expires"], {
        fn insert(&self, grant: &Grant, now: Timestamp) -> Result<Insert, StoreError> {
            let secs = grant.expires_at().since(now).as_secs();
            self.0.ends.lock().insert(grant.id(), Instant::now().checked_add(Duration::from_secs(secs)));
            Plain(&self.0).insert(grant, now)
        }

        fn load(&self, id: GrantId) -> Option<Grant> {
            drop_expired(&self.0, id);
            self.0.get(id)
        }

        fn purge(&self, _: Timestamp, _: usize) -> usize {
            0
        }
    }

    /// Neither expires records nor purges them.
    NeverPurges, [
        "an_expired_grant_goes_or_can_be_purged", "a_swap_to_an_earlier_expiry_lets_the_grant_go",
        "an_expiry_that_has_passed_is_no_error",
    ], {
        fn purge(&self, _: Timestamp, _: usize) -> usize {
            0
        }
    }

    /// As if a grant were of no more use when it cannot be refreshed.
    PurgesByTheRefreshExpiry, ["a_grant_outlives_its_refresh_token"], {
        fn purge(&self, now: Timestamp, limit: usize) -> usize {
            let mut grants = self.0.grants.lock();
            let expired: Vec<GrantId> =
                grants.values().filter(|grant| grant.refresh_expires_at() <= now).map(Grant::id).take(limit).collect();
            for id in &expired {
                grants.remove(id);
            }
            expired.len()
        }
    }

    /// The same by itself.
    ExpiresByTheRefreshExpiry, ["a_grant_outlives_its_refresh_token"], {
        fn insert(&self, grant: &Grant, now: Timestamp) -> Result<Insert, StoreError> {
            let end = Instant::now().checked_add(grant.refresh_expires_at().since(now));
            self.0.ends.lock().insert(grant.id(), end);
            Plain(&self.0).insert(grant, now)
        }

        fn load(&self, id: GrantId) -> Option<Grant> {
            drop_expired(&self.0, id);
            self.0.get(id)
        }

        fn purge(&self, _: Timestamp, _: usize) -> usize {
            0
        }
    }

    /// Drops markers a minute at a time, and the minute before it is over.
    MarkersGoWithTheirMinute, ["a_marker_stays_until_its_end"], {
        fn purge(&self, now: Timestamp, limit: usize) -> usize {
            let minute = |time: Timestamp| time.as_secs() / 60;
            let mut grants = self.0.grants.lock();
            let before = grants.len();
            grants.retain(|_, grant| !grant.is_marker() || minute(grant.expires_at()) > minute(now));
            let markers = before - grants.len();
            drop(grants);
            markers + Plain(&self.0).purge(now, limit)
        }
    }

    /// Compares expiries with its own clock.
    ExpiresByItsOwnClock, ["expiry_counts_from_the_time_that_was_given"], {
        fn load(&self, id: GrantId) -> Option<Grant> {
            self.0.get(id).filter(|grant| grant.expires_at() > Timestamp::now())
        }
    }

    /// A lifetime of nothing is an error to its server.
    RefusesALifetimeOfNothing, ["an_expiry_that_has_passed_is_no_error"], {
        fn swap(&self, expected: Version, next: &Grant, now: Timestamp) -> Result<Swap, StoreError> {
            if next.expires_at() <= now {
                return Err(StoreError::not_applied("invalid expire time"));
            }
            Plain(&self.0).swap(expected, next, now)
        }
    }

    /// Seconds in 32 bits.
    LifetimesOverflow, ["the_latest_expiry_does_not_overflow"], {
        fn insert(&self, grant: &Grant, now: Timestamp) -> Result<Insert, StoreError> {
            match u32::try_from(grant.expires_at().since(now).as_secs()) {
                Ok(_) => Plain(&self.0).insert(grant, now),
                Err(error) => Err(StoreError::not_applied(error)),
            }
        }
    }

    /// Takes what expires within the hour.
    PurgesTooEarly, ["purge_takes_only_what_has_expired"], {
        fn purge(&self, now: Timestamp, limit: usize) -> usize {
            Plain(&self.0).purge(now + Duration::from_secs(3_600), limit)
        }
    }

    PurgesBeyondItsLimit, ["purge_keeps_to_its_limit_and_counts_truly"], {
        fn purge(&self, now: Timestamp, _: usize) -> usize {
            Plain(&self.0).purge(now, usize::MAX)
        }
    }

    PurgeMiscounts, ["purge_keeps_to_its_limit_and_counts_truly"], {
        fn purge(&self, now: Timestamp, limit: usize) -> usize {
            Plain(&self.0).purge(now, limit);
            limit
        }
    }

    PurgeSelectsThenDeletes, ["a_purge_spares_a_grant_that_is_extended_meanwhile"], {
        fn purge(&self, now: Timestamp, limit: usize) -> usize {
            let expired = self.0.all(|grant| grant.expires_at() <= now);
            for _ in 0..3 {
                yield_now();
            }
            let mut grants = self.0.grants.lock();
            expired.iter().take(limit).filter(|grant| grants.remove(&grant.id()).is_some()).count()
        }
    }

    FingerprintsAreOverwritten, ["a_fingerprint_is_never_overwritten", "racing_fingerprints_agree"], {
        fn fingerprints(&self, add: &[KeyFingerprint]) -> Vec<KeyFingerprint> {
            let mut kept = self.0.fingerprints.lock();
            kept.extend(add.iter().map(|one| (one.key_id(), *one)));
            kept.values().copied().collect()
        }
    }

    FingerprintsAreNotKept, ["fingerprints_are_kept_and_all_returned", "law_a_changed_key_is_found_at_start"], {
        fn fingerprints(&self, add: &[KeyFingerprint]) -> Vec<KeyFingerprint> {
            add.to_vec()
        }
    }

    /// Looks, then writes.
    FingerprintsRace, ["racing_fingerprints_agree"], {
        fn fingerprints(&self, add: &[KeyFingerprint]) -> Vec<KeyFingerprint> {
            let kept = self.0.fingerprints.lock().clone();
            yield_now();
            let new = add.iter().filter(|one| !kept.contains_key(&one.key_id())).map(|one| (one.key_id(), *one));
            let mut now_kept = self.0.fingerprints.lock();
            now_kept.extend(new);
            now_kept.values().copied().collect()
        }
    }
}
