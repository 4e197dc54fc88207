//! What a report tells: an error is not a broken promise, and a name of no check is not passed over.

use regrant::conformance::{self, Conformance, FailureKind, Report};
use regrant::grant::{Owner, Version};
use regrant::store::{Cursor, Durability, Insert, Listed, Removed, StoreError, Swap};
use regrant::{Grant, GrantId, MemoryStore, Timestamp, TokenStore};

use super::pages;

/// A store on a server that is down, or without the runtime that its driver needs.
struct Down {
    needs_tokio: bool,
}

impl Down {
    async fn ask<T>(&self) -> Result<T, StoreError> {
        if self.needs_tokio {
            tokio::task::yield_now().await;
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        Err(StoreError::not_applied(std::io::Error::other("connection refused")))
    }
}

impl TokenStore for Down {
    async fn insert(&self, _: &Grant, _: Timestamp) -> Result<Insert, StoreError> {
        self.ask().await
    }

    async fn load(&self, _: GrantId) -> Result<Option<Grant>, StoreError> {
        self.ask().await
    }

    async fn compare_and_swap(&self, _: Version, _: &Grant, _: Timestamp) -> Result<Swap, StoreError> {
        self.ask().await
    }

    async fn remove(&self, _: GrantId) -> Result<Removed, StoreError> {
        self.ask().await
    }

    async fn list(&self, _: &Owner, _: Option<Cursor>, _: usize) -> Result<Listed, StoreError> {
        self.ask().await
    }

    async fn purge_expired(&self, _: Timestamp, _: usize) -> Result<usize, StoreError> {
        self.ask().await
    }

    fn durability(&self) -> Durability {
        Durability::Volatile
    }
}

fn all_but_a_few_are(report: &Report, kind: FailureKind) {
    // Where every call may fail, and where errors themselves are what is checked.
    let exceptions = ["list_survives_any_cursor", "list_takes_any_limit", "an_error_tells_what_happened_to_the_write"];
    let failures = report.failures().iter().filter(|failure| !exceptions.contains(&failure.name()));
    let mut count = 0;
    for failure in failures {
        assert_eq!(failure.kind(), kind, "{failure}");
        assert_eq!(failure.cost(), None);
        assert!(!failure.to_string().contains("cost:"), "{failure}");
        count += 1;
    }
    assert!(count > 50, "{report}");
}

#[test]
fn a_server_that_is_down_has_broken_no_promise() {
    let report = conformance::check_blocking(async || Down { needs_tokio: false });
    all_but_a_few_are(&report, FailureKind::StoreError);
    let law = report.failures().iter().find(|failure| failure.name() == "law_single_step").unwrap();
    assert!(law.seen().contains("connection refused"), "{law}");
    assert!(report.to_string().contains("by an error or a panic, without a promise seen broken"), "{report}");
}

#[test]
fn a_store_without_the_runtime_that_it_needs_has_broken_no_promise() {
    // On threads of their own, though the test itself is on tokio.
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let kit = Conformance::new();
    let report = runtime.block_on(kit.check(conformance::on_a_thread, async || Down { needs_tokio: true }));
    all_but_a_few_are(&report, FailureKind::Runtime);
}

#[test]
fn a_misspelt_name_beside_a_right_one_is_an_error() {
    let kit = Conformance::new().only("no_update_is_lost").only("swap_needs_the_expected_versoin");
    let report = kit.check_blocking(async || MemoryStore::new());
    assert_eq!(report.passed().collect::<Vec<_>>(), ["no_update_is_lost"]);
    assert!(!report.is_ok());
    assert!(report.to_string().contains("UNKNOWN \"swap_needs_the_expected_versoin\": no check here has that name"));
}

#[test]
fn checks_that_had_nothing_to_do_are_no_success() {
    let kit = Conformance::new().only("racing_fingerprints_agree");
    let report = kit.check_blocking(async || MemoryStore::new());
    assert_eq!(report.nothing_to_do().count(), 1);
    assert!(!report.is_ok());
}

#[test]
fn a_store_that_is_not_opened_again_is_told_what_was_not_checked() {
    let report = conformance::check_blocking(async || MemoryStore::new());
    let why = |wanted: &str| report.nothing_to_do().find(|(name, _)| *name == wanted).map(|(_, why)| why);
    let why = why("volatile_grants_are_gone_when_the_store_is_opened_again").unwrap();
    assert!(why.contains("check_reopening"), "{why}");
}

#[test]
fn a_long_subject_is_cut() {
    let kit = Conformance::new().only("list_never_shows_another_owners_grants");
    let case = pages::CASES.iter().find(|case| case.name == "ListsNoLongSubjects").unwrap();
    let report = (case.run)(&kit);
    let seen = report.failures()[0].seen();
    assert!(seen.len() < 150 && seen.contains("… (1024 bytes)"), "{seen}");
}
