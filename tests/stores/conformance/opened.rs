//! Stores that are wrong when they are closed and opened again, or open on two nodes.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use regrant::conformance::{Conformance, Place, Report};
use regrant::grant::{Owner, Version};
use regrant::store::{Cursor, Durability, KeyFingerprint, Listed, StoreError, Swap};
use regrant::{Grant, GrantId, Timestamp};

use super::case::Case;
use super::shelf::{Behaves, Shelf, Store};
use super::writes::Plain;

/// Opens a store on the shelf of each place.
pub(crate) fn opened<B: Behaves + 'static>(kit: &Conformance, on: impl Fn(Arc<Shelf>) -> B) -> Report {
    let places: Mutex<BTreeMap<String, Arc<Shelf>>> = Mutex::default();
    let shelf = |place: &Place| Arc::clone(places.lock().entry(place.name().to_owned()).or_default());
    kit.check_reopening_blocking(async |place| Store(on(shelf(&place))))
}

/// The right one.
pub(crate) struct Kept(pub(crate) Arc<Shelf>);

impl Behaves for Kept {
    fn shelf(&self) -> &Shelf {
        &self.0
    }
}

/// A store on a shelf that is kept, with what it has in memory besides.
macro_rules! on_a_shelf {
    ($($(#[$doc:meta])* $name:ident, $caught_by:expr, { $($method:item)* })*) => {
        $(
            $(#[$doc])*
            struct $name {
                kept: Arc<Shelf>,
                #[allow(dead_code, reason = "not all of them have something in memory")]
                memory: Shelf,
            }

            impl Behaves for $name {
                fn shelf(&self) -> &Shelf {
                    &self.kept
                }

                $($method)*
            }
        )*

        pub(crate) const CASES: &[Case] = &[$(Case {
            name: stringify!($name),
            caught_by: &$caught_by,
            run: |kit| opened(kit, |kept| $name { kept, memory: Shelf::default() }),
        }),*];
    };
}

on_a_shelf! {
    /// As an example had it from which it was copied.
    SaysVolatileOnAFile, [
        "volatile_grants_are_gone_when_the_store_is_opened_again", "a_volatile_store_keeps_no_fingerprints",
    ], {
        fn durability(&self) -> Durability {
            Durability::Volatile
        }
    }

    /// A removal is a note in memory, and is written when the process ends well.
    RemovesLater, ["a_restart_undoes_no_write"], {
        fn load(&self, id: GrantId) -> Option<Grant> {
            self.kept.get(id).filter(|_| !self.memory.ends.lock().contains_key(&id))
        }

        fn remove(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
            let stored = self.kept.get(id);
            Ok(stored.filter(|_| self.memory.ends.lock().insert(id, None).is_none()))
        }

        fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Listed {
            let gone = self.memory.ends.lock().clone();
            let grants = self.kept.all(|grant| owner.owns(grant) && !gone.contains_key(&grant.id()));
            super::shelf::page(grants, super::shelf::by_id, after, limit)
        }
    }

    /// An index of owners in memory, built as grants are written.
    IndexIsNotRebuilt, ["lists_and_purges_go_on_when_the_store_is_opened_again"], {
        fn insert(&self, grant: &Grant, now: Timestamp) -> Result<regrant::store::Insert, StoreError> {
            self.memory.put(grant);
            Plain(&self.kept).insert(grant, now)
        }

        fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Listed {
            let known = self.memory.all(|grant| owner.owns(grant));
            let grants = known.iter().filter_map(|grant| self.kept.get(grant.id())).collect();
            super::shelf::page(grants, super::shelf::by_id, after, limit)
        }
    }

    /// Expiries in memory, in the order of which it purges.
    ExpiriesAreNotRebuilt, ["lists_and_purges_go_on_when_the_store_is_opened_again"], {
        fn insert(&self, grant: &Grant, now: Timestamp) -> Result<regrant::store::Insert, StoreError> {
            self.memory.put(grant);
            Plain(&self.kept).insert(grant, now)
        }

        fn purge(&self, now: Timestamp, limit: usize) -> usize {
            let known = self.memory.all(|grant| grant.expires_at() <= now);
            let mut kept = self.kept.grants.lock();
            let is_due = |id| kept.get(&id).is_some_and(|grant: &Grant| grant.expires_at() <= now);
            let due: Vec<GrantId> = known.iter().map(Grant::id).filter(|id| is_due(*id)).take(limit).collect();
            due.iter().filter(|id| kept.remove(id).is_some()).count()
        }
    }

    FingerprintsInMemory, ["fingerprints_are_there_when_the_store_is_opened_again"], {
        fn fingerprints(&self, add: &[KeyFingerprint]) -> Vec<KeyFingerprint> {
            Plain(&self.memory).fingerprints(add)
        }
    }

    /// What a node has loaded or written it remembers.
    CachePerNode, ["every_node_sees_what_another_wrote", "a_load_sees_every_acknowledged_swap"], {
        fn load(&self, id: GrantId) -> Option<Grant> {
            let known = self.memory.get(id).or_else(|| self.kept.get(id));
            self.memory.grants.lock().extend(known.clone().map(|grant| (id, grant)));
            known
        }

        fn swap(&self, expected: Version, next: &Grant, now: Timestamp) -> Result<Swap, StoreError> {
            let swap = Plain(&self.kept).swap(expected, next, now);
            match swap {
                Ok(Swap::Swapped) => self.memory.put(next),
                _ => drop(self.memory.grants.lock().remove(&next.id())),
            }
            swap
        }

        fn remove(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
            self.memory.grants.lock().remove(&id);
            Plain(&self.kept).remove(id)
        }
    }

    /// Reads and writes under a lock, which the other node has another of.
    LockPerNode, ["one_of_many_swaps_wins", "no_update_is_lost"], {
        fn swap(&self, expected: Version, next: &Grant, _: Timestamp) -> Result<Swap, StoreError> {
            let _locked = self.memory.copies.lock();
            if self.kept.get(next.id()).is_none_or(|stored| stored.version() != expected) {
                return Ok(Swap::Lost);
            }
            std::thread::sleep(std::time::Duration::from_micros(100));
            if let Some(stored) = self.kept.grants.lock().get_mut(&next.id()) {
                *stored = next.clone();
            }
            Ok(Swap::Swapped)
        }
    }

    /// A cursor is the number of a list that the node has in memory.
    CursorsOfOneNode, ["a_cursor_of_one_node_leads_on_at_another"], {
        fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Listed {
            let mut places = self.memory.copies.lock();
            let place = match after.map(|cursor| GrantId::from_u64(cursor.to_u64().unwrap_or(u64::MAX))) {
                None => None,
                Some(number) => match places.get(&number) {
                    Some(last) => Some(Cursor::from_u64(last.id().as_u64())),
                    None => return Listed::default(),
                },
            };
            let listed = Plain(&self.kept).list(owner, place, limit);
            let next = listed.next.as_ref().and(listed.grants.last()).map(|last| {
                let number = places.len() as u64;
                places.insert(GrantId::from_u64(number), last.clone());
                Cursor::from_u64(number)
            });
            Listed { next, ..listed }
        }
    }
}

/// A map in memory, until there is a database.
pub(crate) const SAYS_DURABLE_IN_MEMORY: &[Case] = &[Case {
    name: "SaysDurableInMemory",
    caught_by: &[
        "durable_grants_are_there_when_the_store_is_opened_again",
        "a_restart_undoes_no_write",
        "lists_and_purges_go_on_when_the_store_is_opened_again",
        "fingerprints_are_there_when_the_store_is_opened_again",
        "every_node_sees_what_another_wrote",
    ],
    run: |kit| opened(kit, |_| Kept(Arc::default())),
}];

#[test]
fn a_shelf_that_is_kept_passes() {
    let report = opened(&Conformance::new(), Kept);
    report.assert();
    let idle: Vec<&str> = report.nothing_to_do().map(|(name, _)| name).collect();
    let expected = [
        "an_error_tells_what_happened_to_the_write",
        "volatile_grants_are_gone_when_the_store_is_opened_again",
        "a_volatile_store_keeps_no_fingerprints",
    ];
    assert_eq!(idle, expected);
    let last = report.to_string().lines().last().map(str::to_owned);
    let passed = report.passed().count();
    assert_eq!(last.unwrap(), format!("the store passed {passed} checks; 3 had nothing to do"));
}

#[test]
fn what_is_open_once_at_a_time_is_never_opened_twice() {
    struct Locked(Kept, Arc<Shelf>);
    impl Behaves for Locked {
        fn shelf(&self) -> &Shelf {
            self.0.shelf()
        }
    }
    impl Drop for Locked {
        fn drop(&mut self) {
            self.1.ends.lock().clear();
        }
    }
    let kit = Conformance::new().exclusive();
    let report = opened(&kit, |kept| {
        let lock = GrantId::from_u64(0);
        assert!(kept.ends.lock().insert(lock, None).is_none(), "the file is locked");
        Locked(Kept(Arc::clone(&kept)), kept)
    });
    report.assert();
    assert!(report.nothing_to_do().any(|(name, _)| name == "every_node_sees_what_another_wrote"));
}
