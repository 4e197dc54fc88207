//! Stores that write wrongly.

use std::thread::yield_now;

use regrant::conformance::Conformance;
use regrant::grant::Version;
use regrant::store::{Insert, StoreError, Swap};
use regrant::{Grant, GrantId, Timestamp};

use super::case::broken;
use super::shelf::{Behaves, Shelf, Store};

/// A window for others, as the way to a server is.
fn meanwhile() {
    for _ in 0..3 {
        yield_now();
    }
}

broken! {
    /// An upsert.
    InsertOverwrites, [
        "insert_refuses_an_id_that_exists", "one_of_many_inserts_of_an_id_wins", "a_marker_stays_until_its_end",
        "one_of_many_inserts_of_a_marker_wins",
    ], {
        fn insert(&self, grant: &Grant, _: Timestamp) -> Result<Insert, StoreError> {
            self.0.put(grant);
            Ok(Insert::Added)
        }
    }

    /// An upsert that at least knows what it did.
    InsertOverwritesAndSaysSo, [
        "insert_refuses_an_id_that_exists", "one_of_many_inserts_of_an_id_wins", "a_marker_stays_until_its_end",
        "one_of_many_inserts_of_a_marker_wins",
    ], {
        fn insert(&self, grant: &Grant, _: Timestamp) -> Result<Insert, StoreError> {
            let there = self.0.grants.lock().insert(grant.id(), grant.clone()).is_some();
            Ok(if there { Insert::Duplicate } else { Insert::Added })
        }
    }

    /// What it has proposed is free, it believes.
    InsertTrustsItsProposal, ["a_proposed_id_is_one_grants"], {
        fn propose(&self, _: Timestamp) -> Option<u32> {
            Some(7)
        }

        fn insert(&self, grant: &Grant, now: Timestamp) -> Result<Insert, StoreError> {
            if grant.id().as_u64() & u64::from(u32::MAX) != 7 {
                return Plain(&self.0).insert(grant, now);
            }
            self.0.put(grant);
            Ok(Insert::Added)
        }
    }

    InsertReadsThenWrites, ["one_of_many_inserts_of_an_id_wins", "one_of_many_inserts_of_a_marker_wins"], {
        fn insert(&self, grant: &Grant, _: Timestamp) -> Result<Insert, StoreError> {
            if self.0.get(grant.id()).is_some() {
                return Ok(Insert::Duplicate);
            }
            meanwhile();
            self.0.put(grant);
            Ok(Insert::Added)
        }
    }

    SwapReadsThenWrites, [
        "one_of_many_swaps_wins", "no_update_is_lost", "law_single_step", "law_code_is_single_use",
    ], {
        fn swap(&self, expected: Version, next: &Grant, _: Timestamp) -> Result<Swap, StoreError> {
            if self.0.get(next.id()).is_none_or(|stored| stored.version() != expected) {
                return Ok(Swap::Lost);
            }
            meanwhile();
            // Not onto nothing, at least.
            if let Some(stored) = self.0.grants.lock().get_mut(&next.id()) {
                *stored = next.clone();
            }
            Ok(Swap::Swapped)
        }
    }

    /// `UPDATE … WHERE id = $1`: the last one wins, and all are told that they did.
    LostUpdate, [
        "swap_needs_the_expected_version", "a_lost_swap_changes_nothing", "one_of_many_swaps_wins", "no_update_is_lost",
        "law_single_step", "law_code_is_single_use",
    ], {
        fn swap(&self, _: Version, next: &Grant, _: Timestamp) -> Result<Swap, StoreError> {
            Ok(self.0.grants.lock().get_mut(&next.id()).map_or(Swap::Lost, |stored| {
                *stored = next.clone();
                Swap::Swapped
            }))
        }
    }

    /// Says Swapped now and then without a write, as where a cache in between is lost.
    SwapForgets, ["no_update_is_lost"], {
        fn swap(&self, expected: Version, next: &Grant, now: Timestamp) -> Result<Swap, StoreError> {
            if self.0.every(11) { Ok(Swap::Swapped) } else { Plain(&self.0).swap(expected, next, now) }
        }
    }

    /// Writes onto an absent record.
    SwapResurrects, [
        "swap_never_writes_onto_an_absent_record", "a_removed_grant_is_never_written_back", "law_revocation_is_final",
    ], {
        fn swap(&self, expected: Version, next: &Grant, _: Timestamp) -> Result<Swap, StoreError> {
            let mut grants = self.0.grants.lock();
            if grants.get(&next.id()).is_some_and(|stored| stored.version() != expected) {
                return Ok(Swap::Lost);
            }
            grants.insert(next.id(), next.clone());
            Ok(Swap::Swapped)
        }
    }

    /// Writes, then says how many rows it changed by a rule of its own.
    LostSwapWrites, ["a_lost_swap_changes_nothing", "one_of_many_swaps_wins"], {
        fn swap(&self, expected: Version, next: &Grant, _: Timestamp) -> Result<Swap, StoreError> {
            let mut grants = self.0.grants.lock();
            let Some(stored) = grants.get_mut(&next.id()) else { return Ok(Swap::Lost) };
            let matched = stored.version() == expected;
            *stored = next.clone();
            Ok(if matched { Swap::Swapped } else { Swap::Lost })
        }
    }

    /// `UPDATE … WHERE version = $1`.
    SwapByVersionAlone, ["swap_changes_one_record_alone"], {
        fn swap(&self, expected: Version, next: &Grant, now: Timestamp) -> Result<Swap, StoreError> {
            let swap = Plain(&self.0).swap(expected, next, now);
            for stored in self.0.grants.lock().values_mut().filter(|stored| stored.version() == expected) {
                *stored = next.clone();
            }
            swap
        }
    }

    /// Soft deletion, and the id is the table's key.
    RemembersTheDead, ["a_removed_id_is_free_again"], {
        fn insert(&self, grant: &Grant, now: Timestamp) -> Result<Insert, StoreError> {
            if self.0.ends.lock().contains_key(&grant.id()) {
                return Ok(Insert::Duplicate);
            }
            Plain(&self.0).insert(grant, now)
        }

        fn remove(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
            self.0.ends.lock().insert(id, None);
            Plain(&self.0).remove(id)
        }
    }

    /// Tombstones that count as grants.
    RemoveReturnsTwice, ["remove_returns_a_grant_once", "one_of_many_removals_gets_the_grant"], {
        fn remove(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
            let mut graves = self.0.copies.lock();
            if let Some(removed) = self.0.grants.lock().remove(&id) {
                graves.insert(id, removed);
            }
            Ok(graves.get(&id).cloned())
        }
    }

    RemoveReadsThenDeletes, ["one_of_many_removals_gets_the_grant"], {
        fn remove(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
            let stored = self.0.get(id);
            meanwhile();
            self.0.grants.lock().remove(&id);
            Ok(stored)
        }
    }

    /// `DELETE … WHERE id = $1 AND version = $2`, after a read: it does nothing where a swap was faster.
    RemoveLosesToASwap, ["a_removed_grant_is_never_written_back"], {
        fn remove(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
            let Some(stored) = self.0.get(id) else { return Ok(None) };
            meanwhile();
            let mut grants = self.0.grants.lock();
            if grants.get(&id).is_some_and(|now| now.version() == stored.version()) {
                grants.remove(&id);
            }
            Ok(Some(stored))
        }
    }

    RemoveReturnsNothing, ["remove_returns_a_grant_once", "remove_returns_the_whole_record"], {
        fn remove(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
            self.0.grants.lock().remove(&id);
            Ok(None)
        }
    }

    /// `DELETE … WHERE subject = …`.
    RemoveTakesTheOwnersAll, ["remove_takes_one_record_alone", "removing_a_listed_grant_loses_none_of_the_rest"], {
        fn remove(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
            let mut grants = self.0.grants.lock();
            let removed = grants.remove(&id);
            if let Some(removed) = &removed {
                let mut others = 0;
                // Two of them, as a hash that is too short would.
                grants.retain(|_, grant| grant.owner_key() != removed.owner_key() || { others += 1; others > 2 });
            }
            Ok(removed)
        }
    }

    /// Says that it is gone.
    RemoveOnlySaysSo, [
        "remove_returns_a_grant_once", "list_shows_no_removed_grant", "a_load_sees_every_acknowledged_removal",
        "law_replay_revokes", "a_dropped_remove_is_whole_or_nothing", "law_end_all_is_complete",
    ], {
        fn remove(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
            Ok(self.0.get(id))
        }
    }

    /// Tells an error of a write that took place.
    ErrorHidesAWrite, ["an_error_tells_what_happened_to_the_write"], {
        fn swap(&self, expected: Version, next: &Grant, now: Timestamp) -> Result<Swap, StoreError> {
            let swap = Plain(&self.0).swap(expected, next, now);
            if self.0.every(7) { Err(StoreError::not_applied("timed out")) } else { swap }
        }
    }

    /// The same of an insert and of a removal.
    ErrorHidesAnInsertOrARemoval, ["an_error_tells_what_happened_to_the_write"], {
        fn insert(&self, grant: &Grant, now: Timestamp) -> Result<Insert, StoreError> {
            let inserted = Plain(&self.0).insert(grant, now);
            if self.0.every(7) { Err(StoreError::not_applied("timed out")) } else { inserted }
        }

        fn remove(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
            let removed = Plain(&self.0).remove(id);
            if self.0.every(7) { Err(StoreError::not_applied("timed out")) } else { removed }
        }
    }
}

/// The right way.
pub(crate) struct Plain<'a>(pub(crate) &'a Shelf);

impl Behaves for Plain<'_> {
    fn shelf(&self) -> &Shelf {
        self.0
    }
}

/// Reads and writes without a pause, each under a lock of its own: what no single thread ever finds out.
#[derive(Default)]
struct SwapReadsThenWritesAtOnce(Shelf);

impl Behaves for SwapReadsThenWritesAtOnce {
    fn shelf(&self) -> &Shelf {
        &self.0
    }

    fn swap(&self, expected: Version, next: &Grant, _: Timestamp) -> Result<Swap, StoreError> {
        if self.0.get(next.id()).is_none_or(|stored| stored.version() != expected) {
            return Ok(Swap::Lost);
        }
        self.0.put(next);
        Ok(Swap::Swapped)
    }
}

#[test]
fn a_swap_that_reads_and_writes_at_once_is_caught_by_who_looks_long_enough() {
    let kit = Conformance::new().rounds(2_000).only("no_update_is_lost");
    // On a machine that is busy with other things its callers are seldom at it at the same time.
    let is_caught = |_| !kit.check_blocking(async || Store::<SwapReadsThenWritesAtOnce>::default()).is_ok();
    assert!((0..50).any(is_caught));
}
