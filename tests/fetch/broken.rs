//! A fetch that breaks one promise is told by the check of it; one that breaks none passes all.

use regrant::conformance::{Failure, FailureKind, Report, check_fetch};
use tokio::task::LocalSet;

use crate::naive::{Fault, Naive};

async fn report(fault: Option<Fault>) -> Report {
    check_fetch(async |rig| Naive::new(rig, fault)).await
}

#[tokio::test]
async fn one_that_keeps_all_promises_passes() {
    let report = report(None).await;
    report.assert();
    assert_eq!(report.nothing_to_do().count(), 0);
    assert_eq!(report.passed().count(), 19);
    assert!(report.to_string().ends_with("the fetch passed 19 checks"));
}

/// The checks that fail, by name, in the order that they are run in.
const BROKEN: &[(Fault, &[&str])] = &[
    (Fault::FollowsRedirects, &["redirects_are_not_followed"]),
    (Fault::KeepsCookies, &["no_cookie_is_kept"]),
    (Fault::TellsReferrer, &["nothing_is_told_of_this_server"]),
    (Fault::SaysStatus200, &["the_status_is_told_as_it_is", "redirects_are_not_followed"]),
    (Fault::SaysJson, &["the_type_is_told_as_it_is"]),
    (Fault::HidesEncoding, &["nothing_is_decompressed"]),
    (Fault::CutsBodies, &["the_limit_counts_to_the_byte", "an_endless_body_is_not_read"]),
    (Fault::TakesHalfBodies, &["a_body_that_breaks_off_is_no_document"]),
    (Fault::TakesFirstLength, &["what_contradicts_itself_is_no_document"]),
    (Fault::ForgetsCacheControl, &["a_document_arrives_whole"]),
    (Fault::KeepsConnections, &["answers_do_not_mix"]),
    (
        Fault::JudgesNoAddress,
        &[
            "only_public_addresses_are_connected_to",
            "a_name_of_both_kinds_leads_to_none_inside",
            "a_name_is_looked_up_once",
        ],
    ),
    (Fault::JudgesFirstAddress, &["a_name_of_both_kinds_leads_to_none_inside"]),
    (Fault::LooksUpTwice, &["a_name_is_looked_up_once"]),
    (Fault::GuessesAddress, &["a_name_without_addresses_is_an_error"]),
    (Fault::GoesOnWhenDropped, &["a_dropped_fetch_ends_its_connection"]),
];

async fn assert_told(fault: Fault, checks: &'static [&'static str]) {
    let report = report(Some(fault)).await;
    let failed: Vec<&str> = report.failures().iter().map(Failure::name).collect();
    assert_eq!(failed, checks, "{fault:?}: {report}");
    assert!(report.failures().iter().all(|failure| failure.kind() == FailureKind::BrokenPromise), "{report}");
    assert!(report.to_string().contains("the fetch failed "));
}

#[tokio::test]
async fn each_broken_promise_is_told_by_its_check() {
    // All at the same time, since each waits for what is slow.
    let at_once = LocalSet::new();
    let runs: Vec<_> = BROKEN.iter().map(|&(fault, checks)| at_once.spawn_local(assert_told(fault, checks))).collect();
    at_once.await;
    for run in runs {
        run.await.unwrap();
    }
}

#[tokio::test]
async fn no_limit_of_time_is_told() {
    assert_told(Fault::HasNoTimeLimit, &["an_endless_head_is_not_read", "slow_answers_end_in_time"]).await;
}

#[tokio::test]
async fn no_limit_of_the_body_is_told() {
    assert_told(Fault::ReadsAllBodies, &["an_endless_body_is_not_read"]).await;
}

#[tokio::test]
async fn no_limit_of_the_head_is_told() {
    assert_told(Fault::ReadsAllHeads, &["an_endless_head_is_not_read"]).await;
}

#[tokio::test]
async fn a_panic_is_told_as_one() {
    let report = report(Some(Fault::Panics)).await;
    assert_eq!(report.passed().count(), 0);
    assert!(report.failures().iter().all(|failure| failure.kind() == FailureKind::Panic), "{report}");
    assert!(report.to_string().contains("a panic of the fetch"));
}
