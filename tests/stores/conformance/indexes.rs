//! Stores that keep an index of owners or of expiries beside the records, and let it go astray.

use std::thread::yield_now;
use std::time::{Duration, Instant};

use regrant::grant::{Owner, Version};
use regrant::store::{Cursor, Insert, Listed, StoreError, Swap};
use regrant::{Grant, GrantId, Timestamp};

use super::case::broken;
use super::shelf::{Shelf, by_id, page};
use super::writes::Plain;

fn meanwhile() {
    for _ in 0..3 {
        yield_now();
    }
}

/// Sets when a record goes by itself; the store has a clock of its own.
fn expire(shelf: &Shelf, grant: &Grant, now: Timestamp) {
    shelf.ends.lock().insert(grant.id(), Instant::now().checked_add(grant.expires_at().since(now)));
}

fn is_over(shelf: &Shelf, id: GrantId) -> bool {
    shelf.ends.lock().get(&id).copied().flatten().is_some_and(|end| end <= Instant::now())
}

/// Adds to the owner's list of ids.
fn index(shelf: &Shelf, grant: &Grant) {
    if let Some(subject) = grant.owner_key() {
        shelf.owners.lock().entry(subject.to_owned()).or_default().push(grant.id());
    }
}

/// The grants of the owner's list of ids.
fn indexed(shelf: &Shelf, owner: &Owner) -> Vec<Grant> {
    let ids = shelf.owners.lock().get(owner.owner_key()).cloned().unwrap_or_default();
    let mut grants: Vec<Grant> = ids.into_iter().filter_map(|id| shelf.get(id)).filter(|one| owner.owns(one)).collect();
    grants.sort_by_key(Grant::id);
    grants
}

broken! {
    /// A sorted set of expiries, to which each write adds. What has been refreshed since is passed by, and stays there.
    StaleExpiriesStopThePurge, ["stale_expiries_do_not_stop_a_purge"], {
        fn insert(&self, grant: &Grant, now: Timestamp) -> Result<Insert, StoreError> {
            self.0.expiries.lock().insert((grant.expires_at(), grant.id()));
            Plain(&self.0).insert(grant, now)
        }

        fn swap(&self, expected: Version, next: &Grant, now: Timestamp) -> Result<Swap, StoreError> {
            self.0.expiries.lock().insert((next.expires_at(), next.id()));
            Plain(&self.0).swap(expected, next, now)
        }

        fn purge(&self, now: Timestamp, limit: usize) -> usize {
            let due: Vec<_> = self.0.expiries.lock().iter().take_while(|due| due.0 <= now).take(limit).copied().collect();
            let mut grants = self.0.grants.lock();
            let mut removed = 0;
            for (expiry, id) in due {
                if grants.get(&id).is_some_and(|grant| grant.expires_at() <= now) {
                    grants.remove(&id);
                    self.0.expiries.lock().remove(&(expiry, id));
                    removed += 1;
                }
            }
            removed
        }
    }

    /// Each delete has its condition, and yet all that were selected count.
    PurgeCountsWhatItSelected, ["racing_purges_count_each_grant_once"], {
        fn purge(&self, now: Timestamp, limit: usize) -> usize {
            let due: Vec<GrantId> =
                self.0.all(|grant| grant.expires_at() <= now).iter().map(Grant::id).take(limit).collect();
            meanwhile();
            let mut grants = self.0.grants.lock();
            for id in &due {
                if grants.get(id).is_some_and(|grant| grant.expires_at() <= now) {
                    grants.remove(id);
                }
            }
            due.len()
        }
    }

    /// A table by id, and one by owner with the same records, since there are no joins.
    PurgeForgetsTheCopiesByOwner, ["list_shows_no_purged_grant"], {
        fn insert(&self, grant: &Grant, now: Timestamp) -> Result<Insert, StoreError> {
            let inserted = Plain(&self.0).insert(grant, now);
            self.0.copies.lock().entry(grant.id()).or_insert_with(|| grant.clone());
            inserted
        }

        fn swap(&self, expected: Version, next: &Grant, now: Timestamp) -> Result<Swap, StoreError> {
            let swap = Plain(&self.0).swap(expected, next, now);
            if matches!(swap, Ok(Swap::Swapped)) {
                self.0.copies.lock().insert(next.id(), next.clone());
            }
            swap
        }

        fn remove(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
            self.0.copies.lock().remove(&id);
            Plain(&self.0).remove(id)
        }

        fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Listed {
            let copies = self.0.copies.lock();
            page(copies.values().filter(|grant| owner.owns(grant)).cloned().collect(), by_id, after, limit)
        }
    }

    /// A server with a time to live: a page of ids, of which those that are left are loaded. A page of fewer than were
    /// asked for is taken for the last.
    ShortPagesAreTheLast, ["a_page_short_of_expired_grants_is_not_the_last"], {
        fn insert(&self, grant: &Grant, now: Timestamp) -> Result<Insert, StoreError> {
            expire(&self.0, grant, now);
            Plain(&self.0).insert(grant, now)
        }

        fn load(&self, id: GrantId) -> Option<Grant> {
            self.0.get(id).filter(|_| !is_over(&self.0, id))
        }

        fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Listed {
            let mut listed = Plain(&self.0).list(owner, after, limit);
            listed.grants.retain(|grant| !is_over(&self.0, grant.id()));
            let next = listed.grants.last().map(|last| Cursor::from_u64(last.id().as_u64()));
            Listed { next: next.filter(|_| listed.grants.len() == limit.max(1)), ..listed }
        }

        fn purge(&self, _: Timestamp, _: usize) -> usize {
            0
        }
    }

    /// Reads the owner's list of ids, takes one out and saves the rest, while another login adds to it.
    RemoveSavesTheOwnersIndex, ["a_grant_inserted_beside_removals_is_listed"], {
        fn insert(&self, grant: &Grant, now: Timestamp) -> Result<Insert, StoreError> {
            let inserted = Plain(&self.0).insert(grant, now);
            if matches!(inserted, Ok(Insert::Added)) {
                index(&self.0, grant);
            }
            inserted
        }

        fn remove(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
            let removed = Plain(&self.0).remove(id);
            if let Ok(Some(grant)) = &removed
                && let Some(subject) = grant.owner_key()
            {
                let mut ids = self.0.owners.lock().get(subject).cloned().unwrap_or_default();
                // The way to the server and back.
                std::thread::sleep(Duration::from_millis(1));
                ids.retain(|one| *one != id);
                self.0.owners.lock().insert(subject.to_owned(), ids);
            }
            removed
        }

        fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Listed {
            page(indexed(&self.0, owner), by_id, after, limit)
        }
    }

    /// Clears up a little with each login, by the clock of the machine.
    InsertPurgesByItsOwnClock, ["a_write_purges_by_no_clock_of_its_own"], {
        fn insert(&self, grant: &Grant, now: Timestamp) -> Result<Insert, StoreError> {
            Plain(&self.0).purge(Timestamp::now(), 10);
            Plain(&self.0).insert(grant, now)
        }
    }

    /// What has expired was not there.
    RemovesByItsOwnClock, ["list_and_remove_go_by_no_clock_of_their_own"], {
        fn remove(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
            Ok(Plain(&self.0).remove(id)?.filter(|grant| grant.expires_at() > Timestamp::now()))
        }
    }

    /// `WHERE expires_at < $1`.
    PurgesAMomentLate, ["a_purge_takes_what_expires_at_that_very_moment"], {
        fn purge(&self, now: Timestamp, limit: usize) -> usize {
            Plain(&self.0).purge(Timestamp::from_millis(now.as_millis() - 1), limit)
        }
    }
}
