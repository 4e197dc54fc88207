//! The conformance kit: stores that are right pass it, and stores that are wrong do not.

mod case;
mod fields;
mod halves;
mod indexes;
mod on_stores;
mod opened;
mod pages;
mod reads;
mod right;
mod shelf;
mod telling;
mod time;
mod unreadable;
mod unreadable_on_stores;
mod writes;

use std::collections::BTreeSet;

use case::Case;
use regrant::conformance::Conformance;

const WRONG: [&[Case]; 9] = [
    writes::CASES,
    reads::CASES,
    pages::CASES,
    indexes::CASES,
    time::CASES,
    fields::CASES,
    halves::CASES,
    opened::CASES,
    opened::SAYS_DURABLE_IN_MEMORY,
];

#[test]
fn stores_that_write_wrongly_are_caught() {
    writes::CASES.iter().for_each(Case::is_caught);
}

#[test]
fn stores_that_read_or_list_wrongly_are_caught() {
    reads::CASES.iter().for_each(Case::is_caught);
}

#[test]
fn stores_that_expire_or_purge_wrongly_are_caught() {
    // Most of them wait for time to pass.
    std::thread::scope(|scope| {
        for case in time::CASES {
            scope.spawn(|| case.is_caught());
        }
    });
}

#[test]
fn stores_that_lose_grants_between_pages_are_caught() {
    pages::CASES.iter().for_each(Case::is_caught);
}

#[test]
fn stores_with_indexes_that_go_astray_are_caught() {
    std::thread::scope(|scope| {
        for case in indexes::CASES {
            scope.spawn(|| case.is_caught());
        }
    });
}

#[test]
fn stores_that_are_wrong_when_opened_again_or_twice_are_caught() {
    opened::CASES.iter().chain(opened::SAYS_DURABLE_IN_MEMORY).for_each(Case::is_caught);
}

#[test]
fn stores_that_forget_are_caught() {
    fields::CASES.iter().for_each(Case::is_caught);
}

#[test]
fn stores_that_do_things_by_halves_are_caught() {
    halves::CASES.iter().for_each(Case::is_caught);
}

/// A check that no store fails checks nothing.
#[test]
fn each_check_is_failed_by_some_store() {
    let report = opened::opened(&Conformance::new(), opened::Kept);
    report.assert();
    let checks: BTreeSet<&str> = report.passed().chain(report.nothing_to_do().map(|(name, _)| name)).collect();
    let failed: BTreeSet<&str> = WRONG.into_iter().flatten().flat_map(|case| case.caught_by).copied().collect();
    assert_eq!(checks.difference(&failed).collect::<Vec<_>>(), [&""; 0], "nothing fails these");
    assert_eq!(failed.difference(&checks).collect::<Vec<_>>(), [&""; 0], "there are no such checks");
}
