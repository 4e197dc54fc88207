//! The conformance kit: stores that are right pass it, and stores that are wrong do not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod case;
mod fields;
mod halves;
mod reads;
mod right;
mod shelf;
mod time;
mod writes;

use std::collections::BTreeSet;

use case::Case;
use regrant::conformance;
use shelf::{Right, Store};

const WRONG: [&[Case]; 5] = [writes::CASES, reads::CASES, time::CASES, fields::CASES, halves::CASES];

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
    let checks: BTreeSet<&str> = conformance::check_blocking(async || Store::<Right>::default()).passed().collect();
    let failed: BTreeSet<&str> = WRONG.into_iter().flatten().flat_map(|case| case.caught_by).copied().collect();
    assert_eq!(checks.difference(&failed).collect::<Vec<_>>(), [&""; 0], "nothing fails these");
    assert_eq!(failed.difference(&checks).collect::<Vec<_>>(), [&""; 0], "there are no such checks");
}
