//! `revocation_is_final` and `cancellation_is_safe`.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use regrant::TokenStore;

use super::{cases, setup};
use crate::kit::laws::actions::{Action, Mix};
use crate::kit::laws::sim::Sim;
use crate::kit::laws::world::{APP, Hook, KEEPER, PUBLIC, Setup, World, grant_of};
use crate::kit::schedule::{Scheduler, run, run_and_drop};
use crate::kit::store::faulty::{Fault, Op, Shelf};
use crate::kit::wire::{Answer, Call};

fn history<S: TokenStore>(store: Shelf<S>, actions: &[Action]) -> TestCaseResult {
    Sim::new(&World::new(store, setup()))?.run(actions)
}

/// Refreshes in flight while the host removes the grant; a fault may hide a write's outcome, but no write is lost.
fn is_final<S: TokenStore>(
    store: Shelf<S>,
    client: &str,
    times: usize,
    faults: &[Fault],
    begun: usize,
    order: &[u8],
) -> TestCaseResult {
    let world = World::new(store, Setup { hook: Some(Hook::default()), ..setup() });
    let first = world.login(client);
    let second = world.refresh(client, first.refresh_token());
    let id = grant_of(first.refresh_token());
    let mut scheduler: Scheduler<'_, Answer> = Scheduler::new();
    let ids: Vec<usize> =
        (0..times).map(|_| scheduler.spawn(world.call(Call::refresh(client, second.refresh_token())))).collect();
    for fault in faults {
        world.store.plan(Op::Swap, *fault);
    }
    for number in order.iter().take(begun) {
        scheduler.pick(usize::from(*number)).map(|id| scheduler.poll(id));
    }
    // From here on it is removed, whatever is still in flight.
    prop_assert!(!run(world.engine.store().remove(id)).unwrap().is_nothing());
    prop_assert!(world.store.peek(id).is_none());
    let mut issued = vec![first.clone(), second.clone()];
    for number in order.iter().skip(begun).map(|&number| usize::from(number)).chain(0..) {
        let Some(id) = scheduler.pick(number) else { break };
        issued.extend(scheduler.poll(id).filter(Answer::is_ok));
    }
    prop_assert!(issued.len() <= ids.len() + 2);
    world.store.heal();
    world.store.catch_up();
    prop_assert!(world.store.peek(id).is_none(), "nothing revives it");
    for answer in &issued {
        prop_assert!(world.refresh(client, answer.refresh_token()).is_invalid_grant());
        prop_assert!(!world.lets_in(answer.access_token()));
    }
    prop_assert!(world.store.peek(id).is_none());
    prop_assert!(run(world.engine.store().remove(id)).unwrap().is_nothing(), "removed once");
    Ok(())
}

fn any_fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        2 => Just(Fault::None),
        1 => Just(Fault::NotApplied),
        1 => Just(Fault::LostBefore),
        2 => Just(Fault::LostAfter),
        3 => (1..20_u8).prop_map(Fault::Late),
        1 => (1..10_u8).prop_map(Fault::Slow),
    ]
}

proptest! {
    #![proptest_config(cases(120))]

    /// Law 9. On a store that loses no acknowledged write nothing revives a removed grant.
    #[test]
    fn revocation_is_final(
        client in prop::sample::select(vec![APP, PUBLIC, KEEPER]),
        times in 0..6_usize,
        faults in prop::collection::vec(any_fault(), 0..4),
        begun in 0..40_usize,
        order in prop::collection::vec(any::<u8>(), 40..80),
    ) {
        on_every_store!(is_final, client, times, &faults, begun, &order);
    }

    #[test]
    fn revocation_is_final_over_histories(
        actions in Mix { remove: 2, older: 2, check: 4, drop: 3, fault: 3, ..Mix::CALM }.actions(50)
    ) {
        on_every_store!(history, &actions);
    }
}

/// A client whose connections are lost again and again, at any await, and that sends the same again.
fn is_safe<S: TokenStore>(store: Shelf<S>, client: &str, rounds: &[Vec<u8>], wait: u64) -> TestCaseResult {
    let world = World::new(store, Setup { hook: Some(Hook::default()), ..setup() });
    // A login that is dropped is no session; the next one is.
    for &polls in &rounds[0] {
        run_and_drop(world.call(Call::login(client, "alice")), polls.into());
    }
    let mut token = world.login(client).refresh_token().to_owned();
    for round in rounds {
        for &polls in round {
            run_and_drop(world.call(Call::refresh(client, &token)), polls.into());
            // Within the window, however often it was dropped.
            world.advance(Duration::from_millis(wait / round.len() as u64));
        }
        let answer = world.refresh(client, &token);
        prop_assert!(answer.is_ok(), "the retry succeeds: {:?}", answer);
        prop_assert!(world.lets_in(answer.access_token()));
        // And so does one whose answer was lost on the way.
        let again = world.refresh(client, &token);
        prop_assert_eq!(again.refresh_token(), answer.refresh_token());
        answer.refresh_token().clone_into(&mut token);
    }
    Ok(())
}

/// Many at once, some of which are dropped while the others go on.
fn is_safe_in_a_crowd<S: TokenStore>(store: Shelf<S>, times: usize, order: &[(u8, bool)]) -> TestCaseResult {
    let world = World::new(store, setup());
    let token = world.login(APP).refresh_token().to_owned();
    let mut scheduler: Scheduler<'_, Answer> = Scheduler::new();
    for _ in 0..times {
        scheduler.spawn(world.call(Call::refresh(APP, &token)));
    }
    let mut answers = Vec::new();
    for &(number, dropped) in order {
        let Some(id) = scheduler.pick(number.into()) else { break };
        if dropped {
            scheduler.drop(id);
        } else {
            answers.extend(scheduler.poll(id));
        }
    }
    drop(scheduler);
    let answer = world.refresh(APP, &token);
    prop_assert!(answer.is_ok(), "{:?}", answer);
    for earlier in &answers {
        prop_assert!(earlier.is_ok(), "{:?}", earlier);
        prop_assert_eq!(earlier.refresh_token(), answer.refresh_token());
    }
    prop_assert!(world.refresh(APP, answer.refresh_token()).is_ok());
    Ok(())
}

proptest! {
    #![proptest_config(cases(120))]

    /// Law 18. A request dropped anywhere leaves a state from which a retry succeeds.
    #[test]
    fn cancellation_is_safe(
        client in prop::sample::select(vec![APP, PUBLIC, KEEPER]),
        rounds in prop::collection::vec(prop::collection::vec(0..14_u8, 1..4), 1..5),
        wait in 0..60_000_u64,
    ) {
        on_every_store!(is_safe, client, &rounds, wait);
    }

    #[test]
    fn cancellation_is_safe_in_a_crowd(
        times in 1..6_usize,
        order in prop::collection::vec((any::<u8>(), prop::bool::weighted(0.1)), 0..60),
    ) {
        on_every_store!(is_safe_in_a_crowd, times, &order);
    }

    #[test]
    fn cancellation_is_safe_over_histories(actions in Mix { drop: 12, older: 1, ..Mix::CALM }.actions(60)) {
        on_every_store!(history, &actions);
    }
}
