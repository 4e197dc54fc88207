//! `lifetimes_hold`.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use regrant::TokenStore;

use super::{cases, setup};
use crate::kit::laws::actions::{Action, Mix};
use crate::kit::laws::sim::Sim;
use crate::kit::laws::world::{APP, KEEPER, PUBLIC, Setup, World, grant_of};
use crate::kit::store::faulty::Shelf;
use crate::kit::wire::{Answer, Call};

/// Lifetimes in every order of length, and what the client does: waits so long, then refreshes.
#[derive(Clone, Debug)]
struct Life {
    client: &'static str,
    access: u64,
    idle: u64,
    absolute: Option<u64>,
    waits: Vec<Wait>,
}

/// How long to wait, by what is to be met.
#[derive(Clone, Copy, Debug)]
enum Wait {
    Millis(u64),
    /// To so many milliseconds before or after the idle expiry.
    Idle(i64),
    Absolute(i64),
    Access(i64),
}

fn life() -> impl Strategy<Value = Life> {
    let edge = prop_oneof![Just(-1_i64), Just(0), Just(1), -2_000..2_000_i64];
    let wait = prop_oneof![
        3 => (0..40_000_u64).prop_map(Wait::Millis),
        1 => edge.clone().prop_map(Wait::Idle),
        1 => edge.clone().prop_map(Wait::Absolute),
        2 => edge.prop_map(Wait::Access),
    ];
    (
        prop::sample::select(vec![APP, PUBLIC, KEEPER]),
        1..100_u64,
        1..100_000_u64,
        prop::option::weighted(0.8, 1..300_000_u64),
        prop::collection::vec(wait, 1..8),
    )
        .prop_map(|(client, access, idle, absolute, waits)| Life { client, access, idle, absolute, waits })
}

/// An access token and the time it was issued at.
struct Held {
    text: String,
    issued: u64,
    dead_from: u64,
}

/// The oracle: three sums.
fn held(answer: &Answer, now: u64) -> Held {
    Held { text: answer.access_token().to_owned(), issued: now, dead_from: now + answer.expires_in() * 1_000 }
}

fn hold<S: TokenStore>(store: Shelf<S>, life: &Life) -> TestCaseResult {
    let setup = Setup {
        access_token: Duration::from_secs(life.access),
        idle: Duration::from_millis(life.idle),
        absolute: life.absolute.map(Duration::from_millis),
        ..setup()
    };
    let world = World::new(store, setup);
    let clock = || world.now().as_millis();
    let first = world.login(life.client);
    let id = grant_of(first.refresh_token());
    let absolute_end = life.absolute.map_or(u64::MAX, |absolute| clock() + absolute);
    let mut idle_end = (clock() + life.idle).min(absolute_end);
    let mut token = first.refresh_token().to_owned();
    let mut access = vec![held(&first, clock())];
    for wait in &life.waits {
        let to = |time: u64, by: i64| time.saturating_add_signed(by).saturating_sub(clock());
        let wait = match *wait {
            Wait::Millis(millis) => millis,
            Wait::Idle(by) => to(idle_end, by),
            Wait::Absolute(by) if absolute_end < u64::MAX => to(absolute_end, by),
            Wait::Access(by) => to(access.last().unwrap().dead_from, by),
            Wait::Absolute(_) => 0,
        };
        world.advance(Duration::from_millis(wait));
        let now = clock();
        for held in &access {
            let lets_in = world.lets_in(&held.text);
            prop_assert!(!lets_in || now < held.dead_from, "no access token past its own");
            prop_assert!(!lets_in || now < absolute_end, "nothing past the absolute one");
            // What it was promised, but for the part of a second that the wire does not tell.
            prop_assert!(
                lets_in || now + 1_000 > held.dead_from,
                "expires_in was true, at {} of {}",
                now - held.issued,
                held.dead_from - held.issued
            );
        }
        let stored = world.store.stored();
        let answer = world.send(Call::refresh(life.client, &token));
        if now >= idle_end || now >= absolute_end {
            prop_assert!(answer.is_invalid_grant(), "no refresh token past its idle expiry");
            prop_assert_eq!(world.store.stored(), stored);
            continue;
        }
        prop_assert!(answer.is_ok(), "alive until then: {:?}", answer);
        idle_end = (now + life.idle).min(absolute_end);
        // A retry issues another access token, which keeps to the same ends.
        let retry = world.send(Call::refresh(life.client, &token));
        for answer in [&answer, &retry] {
            prop_assert!(answer.expires_in() <= life.access);
            prop_assert!(now + answer.expires_in() * 1_000 <= absolute_end, "it never outlives the record");
            access.push(held(answer, now));
        }
        answer.refresh_token().clone_into(&mut token);
        let grant = world.store.peek(id).unwrap();
        prop_assert_eq!(grant.refresh_expires_at().as_millis(), idle_end);
        for held in &access {
            prop_assert!(
                held.dead_from <= grant.expires_at().as_millis() || now >= held.dead_from,
                "the record outlives them"
            );
        }
    }
    Ok(())
}

fn history<S: TokenStore>(store: Shelf<S>, actions: &[Action]) -> TestCaseResult {
    Sim::new(&World::new(store, setup()))?.run(actions)
}

proptest! {
    #![proptest_config(cases(300))]

    /// Law 7. No refresh token works past its idle expiry, nothing past the absolute one, no access token past its own.
    #[test]
    fn lifetimes_hold(life in life()) {
        on_every_store!(hold, &life);
    }
}

proptest! {
    #![proptest_config(cases(120))]

    #[test]
    fn lifetimes_hold_over_histories(actions in Mix { check: 6, advance: 10, older: 2, ..Mix::CALM }.actions(50)) {
        on_every_store!(history, &actions);
    }
}

/// `not_before` ends what was made earlier, refresh and access tokens alike, and nothing that was made later.
fn not_before_holds<S: TokenStore>(store: Shelf<S>, before: u64, after: u64) -> TestCaseResult {
    let world = World::new(store, setup());
    let old = world.login(APP);
    world.advance(Duration::from_millis(before));
    world.engine.void_grants_before(world.now());
    let new = world.login(APP);
    let stored = world.store.stored();
    world.advance(Duration::from_millis(after));
    prop_assert!(world.refresh(APP, old.refresh_token()).is_invalid_grant());
    prop_assert!(!world.lets_in(old.access_token()));
    prop_assert_eq!(world.store.stored(), stored);
    prop_assert!(world.lets_in(new.access_token()));
    prop_assert!(world.refresh(APP, new.refresh_token()).is_ok());
    Ok(())
}

proptest! {
    #![proptest_config(cases(30))]

    #[test]
    fn not_before_voids_what_is_older(before in 1..1_000_000_u64, after in 0..100_000_u64) {
        on_every_store!(not_before_holds, before, after);
    }
}
