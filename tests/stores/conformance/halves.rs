//! Stores that do things by halves, when they are dropped in between, or not at all.

use regrant::conformance::Conformance;
use regrant::grant::{Owner, Version};
use regrant::store::{Cursor, Durability, Insert, KeyFingerprint, Listed, Removed, StoreError, Swap};
use regrant::{Grant, GrantId, Timestamp, TokenStore};

use super::case::Case;
use super::shelf::{Behaves, Right, by_id, page, pause};

/// What goes wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// The index of owners and the records are written one after the other.
    Halves,
    /// A swap removes the record, and inserts the next.
    SwapByTwoSteps,
    PanicsOn(Op),
    HangsOn(Op),
    BlocksOn(Op),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Op {
    Load,
    Swap,
    Purge,
}

struct Halved(Right, Fault);

impl Halved {
    async fn begin(&self, op: Op) {
        pause().await;
        assert!(self.1 != Fault::PanicsOn(op), "no connection");
        if self.1 == Fault::HangsOn(op) {
            std::future::pending::<()>().await;
        }
        if self.1 == Fault::BlocksOn(op) {
            std::thread::park_timeout(std::time::Duration::from_secs(20));
        }
    }

    fn index(&self, grant: &Grant) {
        self.0.shelf().copies.lock().insert(grant.id(), grant.clone());
    }
}

impl TokenStore for Halved {
    async fn insert(&self, grant: &Grant, now: Timestamp) -> Result<Insert, StoreError> {
        let inserted = self.0.insert(grant, now);
        if matches!(inserted, Ok(Insert::Added)) {
            pause().await;
            self.index(grant);
        }
        inserted
    }

    async fn load(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        self.begin(Op::Load).await;
        Ok(self.0.load(id))
    }

    async fn compare_and_swap(&self, expected: Version, next: &Grant, now: Timestamp) -> Result<Swap, StoreError> {
        self.begin(Op::Swap).await;
        if self.1 == Fault::SwapByTwoSteps {
            let Some(stored) = self.0.remove(next.id())? else { return Ok(Swap::Lost) };
            pause().await;
            let matched = stored.version() == expected;
            self.0.insert(if matched { next } else { &stored }, now)?;
            return Ok(if matched { Swap::Swapped } else { Swap::Lost });
        }
        let swap = self.0.swap(expected, next, now);
        if matches!(swap, Ok(Swap::Swapped)) {
            pause().await;
            self.index(next);
        }
        swap
    }

    async fn remove(&self, id: GrantId) -> Result<Removed, StoreError> {
        let removed = self.0.remove(id);
        pause().await;
        self.0.shelf().copies.lock().remove(&id);
        removed.map(Removed::from)
    }

    async fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Result<Listed, StoreError> {
        let grants = if self.1 == Fault::Halves { &self.0.shelf().copies } else { &self.0.shelf().grants };
        let grants = grants.lock().values().filter(|grant| owner.owns(grant)).cloned().collect();
        Ok(page(grants, by_id, after, limit))
    }

    async fn purge_expired(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.begin(Op::Purge).await;
        Ok(self.0.purge(now, limit))
    }

    fn durability(&self) -> Durability {
        Durability::Durable
    }

    async fn keep_key_fingerprints(&self, add: &[KeyFingerprint]) -> Result<Vec<KeyFingerprint>, StoreError> {
        Ok(self.0.fingerprints(add))
    }
}

fn halved(kit: &Conformance, fault: Fault) -> regrant::conformance::Report {
    kit.check_blocking(async || Halved(Right::default(), fault))
}

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "Halves",
        caught_by: &[
            "a_dropped_insert_is_whole_or_nothing",
            "a_dropped_swap_is_whole_or_nothing",
            "a_dropped_remove_is_whole_or_nothing",
        ],
        run: |kit| halved(kit, Fault::Halves),
    },
    Case {
        name: "SwapByTwoSteps",
        caught_by: &["a_dropped_swap_is_whole_or_nothing", "law_cancellation_is_safe"],
        run: |kit| halved(kit, Fault::SwapByTwoSteps),
    },
    Case {
        name: "PanicsOnLoad",
        caught_by: &["load_finds_nothing_that_was_not_inserted", "law_single_step"],
        run: |kit| halved(kit, Fault::PanicsOn(Op::Load)),
    },
    Case {
        name: "PanicsOnPurge",
        caught_by: &["purge_takes_only_what_has_expired", "a_purge_spares_a_grant_that_is_extended_meanwhile"],
        run: |kit| halved(kit, Fault::PanicsOn(Op::Purge)),
    },
];

#[test]
fn a_store_that_hangs_is_told_by_name_and_when_it_has_had_its_time() {
    let kit = Conformance::new().deadline(std::time::Duration::from_millis(200)).only("no_update_is_lost");
    for fault in [Fault::HangsOn(Op::Swap), Fault::BlocksOn(Op::Load)] {
        let report = halved(&kit, fault);
        assert_eq!(report.failures()[0].name(), "no_update_is_lost");
        assert_eq!(report.failures()[0].seen(), "it was not done after 0.2 seconds");
    }
}

#[test]
fn a_panic_is_told_in_its_own_words() {
    let kit = Conformance::new().only("one_of_many_swaps_wins");
    let report = halved(&kit, Fault::PanicsOn(Op::Swap));
    assert_eq!(report.failures()[0].seen(), "it panicked: no connection");
}

#[test]
fn a_spawner_that_drops_its_tasks_is_told() {
    let kit = Conformance::new().only("one_of_many_swaps_wins");
    let check = kit.check(drop, async || Halved(Right::default(), Fault::Halves));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let report = runtime.block_on(check);
    assert_eq!(report.failures()[0].seen(), "its task was dropped before it was done");
}
