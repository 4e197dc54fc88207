//! The protocol as it is: every property in every state.

use std::time::Instant;

use regrant_model::protocol::Reached;
use regrant_model::{Protocol, Setting};
use stateright::{Checker, Model};

/// Checks all of it, says how many states there were, and that what it is about was come upon.
fn check(name: &str, setting: Setting, reached: &[Reached]) {
    let protocol = Protocol::new(setting);
    let began = Instant::now();
    let checker = protocol.clone().checker().threads(2).spawn_dfs().join();
    println!(
        "{name}: {} states, {} unique, at most {} steps, {:?}",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth(),
        began.elapsed()
    );
    checker.assert_properties();
    for &what in reached {
        assert!(protocol.count(what) > 0, "{what:?} was not come upon");
    }
}

#[test]
fn alone() {
    check("alone", Setting::ALONE, &[Reached::Step, Reached::Retry, Reached::Replay, Reached::Lost]);
}

#[test]
fn on_a_store_that_fails() {
    let reached = [Reached::Retry, Reached::OwnWrite, Reached::CaughtUp, Reached::Replay];
    check("faulty", Setting::FAULTY, &reached);
}

#[test]
fn two_processes_share_a_login() {
    let reached = [Reached::Retry, Reached::Overtaken, Reached::OwnWrite, Reached::InDoubt, Reached::Replay];
    check("shared", Setting::SHARED, &reached);
}

#[test]
fn a_thief_has_copied_it() {
    check("stolen", Setting::STOLEN, &[Reached::Step, Reached::Retry, Reached::Replay]);
}

#[test]
fn a_thief_and_two_processes() {
    check("crowd", Setting::CROWD, &[Reached::Step, Reached::Retry, Reached::Replay, Reached::Lost]);
}

#[test]
fn a_store_that_lost_writes() {
    check("set back", Setting::SET_BACK, &[Reached::Ahead, Reached::Retry, Reached::Replay]);
}

#[test]
fn a_token_of_another_server() {
    let reached = [Reached::TakenOver, Reached::EndedAgain, Reached::OwnWrite, Reached::Retry, Reached::Replay];
    check("foreign", Setting::FOREIGN, &reached);
}

#[test]
fn who_proves_a_key_is_never_logged_out() {
    check("resync", Setting::RESYNC, &[Reached::Resync, Reached::Retry, Reached::Step]);
}
