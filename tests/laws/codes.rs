//! `code_is_single_use`.

use std::pin::Pin;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use regrant::TokenStore;

use super::{cases, setup};
use crate::kit::events::Seen;
use crate::kit::laws::codes::{Knows, redeem};
use crate::kit::laws::world::{APP, KEEPER, OTHER, PUBLIC, World, grant_of};
use crate::kit::schedule::{Scheduler, interleave, run, run_and_drop};
use crate::kit::store::faulty::{Fault, Op, Shelf};
use crate::kit::wire::Answer;

type Pending<'a> = Pin<Box<dyn Future<Output = Answer> + 'a>>;

fn ignorant() -> impl Strategy<Value = Knows> {
    prop::sample::select(vec![Knows::NotTheVerifier, Knows::AnotherVerifier, Knows::AnotherUri, Knows::AnotherClient])
}

fn count(events: &[Seen], kind: fn(&Seen) -> bool) -> usize {
    events.iter().filter(|event| kind(event)).count()
}

/// Requests that know all of it and requests that do not, at once and in any order.
fn redeems_once<S: TokenStore>(
    store: Shelf<S>,
    client: &str,
    requests: &[Option<Knows>],
    age: u64,
    order: &[u8],
) -> TestCaseResult {
    let world = World::new(store, setup());
    let code = world.code(client, "alice");
    let id = grant_of(&code);
    let outstanding = world.store.stored();
    world.events.take();
    world.advance(Duration::from_millis(age));
    let calls = requests
        .iter()
        .map(|knows| Box::pin(world.call(redeem(client, OTHER, &code, knows.unwrap_or(Knows::All)))) as Pending<'_>);
    let answers = interleave(calls.collect(), order);
    let right = requests.iter().filter(|knows| knows.is_none()).count();
    let redeemed: Vec<&Answer> = answers.iter().filter(|answer| answer.is_ok()).collect();
    for (answer, knows) in answers.iter().zip(requests) {
        prop_assert!(answer.is_ok() || answer.is_invalid_grant(), "{:?}", answer);
        prop_assert!(!answer.is_ok() || knows.is_none(), "{:?} redeemed it", knows);
    }
    let events = world.events.take();
    if age >= 60_000 {
        prop_assert!(redeemed.is_empty());
        prop_assert_eq!(count(&events, |event| matches!(event, Seen::CodeReplayed { .. } | Seen::Revoked { .. })), 0);
        return Ok(());
    }
    prop_assert_eq!(redeemed.len(), right.min(1), "exactly one of {} redeems it", right);
    let Some(tokens) = redeemed.first() else {
        prop_assert_eq!(world.store.stored(), outstanding, "whoever does not know all of it changes nothing");
        prop_assert!(world.send(redeem(client, OTHER, &code, Knows::All)).is_ok(), "and does not burn the code");
        return Ok(());
    };
    prop_assert_eq!(count(&events, |event| matches!(event, Seen::Issued { .. })), 1);
    // A second one that knows all of it ends the grant.
    prop_assert_eq!(world.store.peek(id).is_some(), right == 1);
    prop_assert_eq!(count(&events, |event| matches!(event, Seen::CodeReplayed { .. })) > 0, right > 1);
    prop_assert_eq!(count(&events, |event| matches!(event, Seen::Revoked { .. })), usize::from(right > 1));
    prop_assert_eq!(world.lets_in(tokens.access_token()), right == 1);
    prop_assert_eq!(world.refresh(client, tokens.refresh_token()).is_ok(), right == 1);
    Ok(())
}

/// What happens after the one redemption, in the code's life and after it.
fn later<S: TokenStore>(store: Shelf<S>, client: &str, steps: &[(u64, Option<Knows>, bool)]) -> TestCaseResult {
    let world = World::new(store, setup());
    let code = world.code(client, "alice");
    let id = grant_of(&code);
    let began = world.now();
    let mut tokens = world.send(redeem(client, OTHER, &code, Knows::All));
    prop_assert!(tokens.is_ok());
    for (wait, knows, refreshes) in steps {
        world.advance(Duration::from_millis(*wait));
        if *refreshes {
            tokens = world.refresh(client, tokens.refresh_token());
            prop_assert!(tokens.is_ok(), "{:?}", tokens);
        }
        let stored = world.store.stored();
        world.events.take();
        let answer = world.send(redeem(client, OTHER, &code, knows.unwrap_or(Knows::All)));
        prop_assert!(answer.is_invalid_grant());
        let replayed = knows.is_none() && world.now() < began + Duration::from_secs(60);
        let events = world.events.take();
        prop_assert_eq!(count(&events, |event| matches!(event, Seen::CodeReplayed { .. })), usize::from(replayed));
        if replayed {
            prop_assert!(world.store.peek(id).is_none());
            prop_assert!(!world.lets_in(tokens.access_token()));
            return Ok(());
        }
        prop_assert_eq!(world.store.stored(), stored, "a leaked code logs nobody out");
    }
    prop_assert!(world.refresh(client, tokens.refresh_token()).is_ok());
    Ok(())
}

/// Faults of swaps or loads, and after how many polls the connection is lost.
type Try = (Vec<(bool, Fault)>, Option<u8>);

/// One after the other over a store that fails, with connections that are lost.
fn at_most_one<S: TokenStore>(store: Shelf<S>, tries: &[Try]) -> TestCaseResult {
    let world = World::new(store, setup());
    let code = world.code(APP, "alice");
    let mut redeemed: Option<Answer> = None;
    let mut gone_on = false;
    for (number, (faults, dropped)) in tries.iter().enumerate() {
        for (swap, fault) in faults {
            world.store.plan(if *swap { Op::Swap } else { Op::Load }, *fault);
        }
        let polls = dropped.map_or(10_000, usize::from);
        let answer = run_and_drop(world.call(redeem(APP, OTHER, &code, Knows::All)), polls);
        world.store.heal();
        gone_on |= redeemed.is_some();
        if let Some(answer) = answer {
            prop_assert!(answer.is_ok() || answer.is_unavailable() || answer.is_invalid_grant(), "{:?}", answer);
            prop_assert!(number > 0 || !answer.is_invalid_grant(), "its own write is no replay");
            if answer.is_ok() {
                prop_assert!(redeemed.is_none(), "redeemed twice");
                redeemed = Some(answer);
            }
        }
    }
    world.store.catch_up();
    if let (Some(tokens), false) = (&redeemed, gone_on) {
        prop_assert!(world.lets_in(tokens.access_token()), "what was handed out works");
        prop_assert!(world.refresh(APP, tokens.refresh_token()).is_ok());
    }
    Ok(())
}

/// A redemption in flight while the host ends the grant.
fn ended_for_good<S: TokenStore>(store: Shelf<S>, begun: usize, faults: &[Fault], order: &[u8]) -> TestCaseResult {
    let world = World::new(store, setup());
    let code = world.code(APP, "alice");
    let id = grant_of(&code);
    let mut scheduler: Scheduler<'_, Answer> = Scheduler::new();
    for _ in 0..2 {
        scheduler.spawn(world.call(redeem(APP, OTHER, &code, Knows::All)));
    }
    for fault in faults {
        world.store.plan(Op::Swap, *fault);
    }
    let mut answers = Vec::new();
    for number in order.iter().take(begun) {
        answers.extend(scheduler.pick(usize::from(*number)).and_then(|task| scheduler.poll(task)));
    }
    prop_assert!(run(world.engine.end_sessions_of("alice", world.now())).is_ok());
    for number in order.iter().skip(begun).map(|&number| usize::from(number)).chain(0..) {
        let Some(task) = scheduler.pick(number) else { break };
        answers.extend(scheduler.poll(task));
    }
    world.store.heal();
    world.store.catch_up();
    prop_assert!(world.store.peek(id).is_none(), "nothing revives it");
    for tokens in answers.iter().filter(|answer| answer.is_ok()) {
        prop_assert!(!world.lets_in(tokens.access_token()));
        prop_assert!(world.refresh(APP, tokens.refresh_token()).is_invalid_grant());
    }
    Ok(())
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(Fault::None),
        Just(Fault::NotApplied),
        Just(Fault::LostBefore),
        Just(Fault::LostAfter),
        (1..8_u8).prop_map(Fault::Late),
        (1..8_u8).prop_map(Fault::Slow),
    ]
}

proptest! {
    #![proptest_config(cases(120))]

    /// Law 15.
    #[test]
    fn code_is_single_use(
        client in prop::sample::select(vec![APP, PUBLIC, KEEPER]),
        requests in prop::collection::vec(prop::option::weighted(0.5, ignorant()), 1..6),
        age in prop_oneof![4 => 0..59_999_u64, 1 => Just(59_999), 1 => Just(60_000), 1 => 60_000..100_000_u64],
        order in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        on_every_store!(redeems_once, client, &requests, age, &order);
    }

    #[test]
    fn code_is_single_use_and_replayed_by_who_knows_all_of_it(
        client in prop::sample::select(vec![APP, PUBLIC, KEEPER]),
        steps in prop::collection::vec(
            (0..25_000_u64, prop::option::weighted(0.8, ignorant()), prop::bool::weighted(0.3)), 1..6),
    ) {
        on_every_store!(later, client, &steps);
    }

    #[test]
    fn code_is_single_use_over_a_failing_store(
        tries in prop::collection::vec(
            (prop::collection::vec((prop::bool::weighted(0.7), fault()), 0..4), prop::option::weighted(0.3, 0..16_u8)), 1..4),
    ) {
        on_every_store!(at_most_one, &tries);
    }

    #[test]
    fn a_code_of_a_grant_that_was_ended_redeems_nothing(
        begun in 0..24_usize,
        faults in prop::collection::vec(fault(), 0..3),
        order in prop::collection::vec(any::<u8>(), 24..48),
    ) {
        on_every_store!(ended_for_good, begun, &faults, &order);
    }
}
