//! `single_step`, `retry_is_idempotent` and `replay_revokes`.

use std::pin::Pin;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use regrant::TokenStore;

use super::{cases, setup};
use crate::kit::events::Seen;
use crate::kit::laws::actions::{Action, Mix};
use crate::kit::laws::sim::Sim;
use crate::kit::laws::world::{APP, KEEPER, PUBLIC, Setup, World, grant_of};
use crate::kit::schedule::{interleave, run_and_drop};
use crate::kit::store::faulty::Shelf;
use crate::kit::wire::{Answer, Call};

type Pending<'a> = Pin<Box<dyn Future<Output = Answer> + 'a>>;

/// The same request, so many times at once.
fn at_once<S: TokenStore>(world: &World<S>, call: &Call, times: usize, order: &[u8]) -> Vec<Answer> {
    let calls = (0..times).map(|_| Box::pin(world.call(call.clone())) as Pending<'_>).collect();
    interleave(calls, order)
}

fn refreshed(events: &[Seen]) -> Vec<u32> {
    let generation =
        |event: &Seen| if let Seen::Refreshed { generation, .. } = event { Some(*generation) } else { None };
    events.iter().filter_map(generation).collect()
}

fn history<S: TokenStore>(store: Shelf<S>, actions: &[Action]) -> TestCaseResult {
    Sim::new(&World::new(store, setup()))?.run(actions)
}

fn steps_once<S: TokenStore>(
    store: Shelf<S>,
    client: &str,
    rounds: usize,
    times: usize,
    lost: &[u8],
    order: &[u8],
) -> TestCaseResult {
    let world = World::new(store, setup());
    let mut token = world.login(client).refresh_token().to_owned();
    let id = grant_of(&token);
    for round in 0..rounds {
        // Some are dropped first, wherever they are.
        for &polls in lost {
            run_and_drop(world.call(Call::refresh(client, &token)), polls.into());
        }
        let told_to_the_lost = refreshed(&world.events.take()).len();
        let answers = at_once(&world, &Call::refresh(client, &token), times, order);
        for answer in &answers {
            prop_assert!(answer.is_ok(), "{:?}", answer);
            prop_assert_eq!(answer.refresh_token(), answers[0].refresh_token(), "one successor for all");
        }
        prop_assert_ne!(answers[0].refresh_token(), &token);
        answers[0].refresh_token().clone_into(&mut token);
        let steps = refreshed(&world.events.take()).len() + told_to_the_lost;
        prop_assert!(steps <= 1, "told of {} steps", steps);
        prop_assert!(steps == 1 || !lost.is_empty(), "told of the step");
        prop_assert_eq!(world.store.peek(id).unwrap().generation().as_u32() as usize, round + 2);
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(120))]

    /// Law 1. However many concurrent requests present the current token, the generation advances once.
    #[test]
    fn single_step(
        public in any::<bool>(),
        rounds in 1..4_usize,
        times in 1..7_usize,
        lost in prop::collection::vec(0..12_u8, 0..3),
        order in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        on_every_store!(steps_once, if public { PUBLIC } else { APP }, rounds, times, &lost, &order);
    }

    #[test]
    fn single_step_over_histories(actions in Mix { drop: 4, ..Mix::CALM }.actions(50)) {
        on_every_store!(history, &actions);
    }

    /// A client that does not rotate keeps its token, however many requests present it.
    #[test]
    fn a_token_that_is_kept_stays(
        times in 1..7_usize,
        lost in prop::collection::vec(0..12_u8, 0..3),
        order in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        on_every_store!(keeps, times, &lost, &order);
    }
}

fn keeps<S: TokenStore>(store: Shelf<S>, times: usize, lost: &[u8], order: &[u8]) -> TestCaseResult {
    let world = World::new(store, setup());
    let first = world.login(KEEPER);
    let (token, id) = (first.refresh_token(), grant_of(first.refresh_token()));
    let mut idle_end = world.store.peek(id).unwrap().refresh_expires_at();
    for _ in 0..3 {
        world.advance(Duration::from_secs(1_000));
        for &polls in lost {
            run_and_drop(world.call(Call::refresh(KEEPER, token)), polls.into());
        }
        for answer in at_once(&world, &Call::refresh(KEEPER, token), times, order) {
            prop_assert!(answer.is_ok(), "{:?}", answer);
            prop_assert_eq!(answer.refresh_token(), token);
            prop_assert!(world.lets_in(answer.access_token()));
        }
        let grant = world.store.peek(id).unwrap();
        prop_assert_eq!(grant.generation().as_u32(), 1);
        prop_assert!(grant.refresh_expires_at() > idle_end, "extended");
        idle_end = grant.refresh_expires_at();
    }
    Ok(())
}

fn retries<S: TokenStore>(
    store: Shelf<S>,
    client: &str,
    steps: usize,
    after: u64,
    times: usize,
    polls: usize,
    order: &[u8],
) -> TestCaseResult {
    let world = World::new(store, setup());
    let mut token = world.login(client).refresh_token().to_owned();
    for _ in 1..steps {
        let next = world.refresh(client, &token);
        next.refresh_token().clone_into(&mut token);
        world.advance(Duration::from_secs(7));
    }
    let successor = world.refresh(client, &token);
    let stored = world.store.stored();
    world.events.take();
    world.advance(Duration::from_millis(after));
    run_and_drop(world.call(Call::refresh(client, &token)), polls);
    for answer in at_once(&world, &Call::refresh(client, &token), times, order) {
        prop_assert!(answer.is_ok(), "{:?}", answer);
        prop_assert_eq!(answer.refresh_token(), successor.refresh_token(), "byte-identical");
        prop_assert!(world.lets_in(answer.access_token()), "its access token works");
    }
    prop_assert_eq!(world.store.stored(), stored, "no write");
    let events = world.events.take();
    prop_assert!(events.iter().all(|event| matches!(event, Seen::Retried { .. })), "{:?}", events);
    prop_assert!(events.len() >= times, "every retry is an event");
    // The window closes when the successor is used.
    prop_assert!(world.refresh(client, successor.refresh_token()).is_ok());
    prop_assert!(world.refresh(client, &token).is_invalid_grant());
    prop_assert!(world.store.stored().is_empty(), "that was a replay");
    Ok(())
}

proptest! {
    #![proptest_config(cases(120))]

    /// Law 2. In the window the predecessor yields the byte-identical refresh token; the stored bytes stay the same.
    #[test]
    fn retry_is_idempotent(
        public in any::<bool>(),
        steps in 1..4_usize,
        // The window is 60 seconds.
        after in prop_oneof![Just(0), Just(59_999), 0..60_000_u64],
        times in 1..5_usize,
        polls in 0..8_usize,
        order in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        on_every_store!(retries, if public { PUBLIC } else { APP }, steps, after, times, polls, &order);
    }

    #[test]
    fn retry_is_idempotent_over_histories(actions in Mix { older: 4, drop: 4, ..Mix::CALM }.actions(50)) {
        on_every_store!(history, &actions);
    }
}

/// What a replay is made of.
#[derive(Clone, Debug)]
struct Replay {
    steps: u32,
    /// Which token; the last but one only after the window.
    token: u32,
    after: u64,
    times: usize,
    order: Vec<u8>,
}

fn replay() -> impl Strategy<Value = Replay> {
    let order = prop::collection::vec(any::<u8>(), 0..40);
    // The window is 60 seconds, and closed at its end.
    let after = prop_oneof![Just(60_000), 60_000..3_000_000_u64, 0..60_000_u64];
    (1..5_u32, any::<u32>(), after, 1..5_usize, order).prop_map(|(steps, token, after, times, order)| {
        let steps = if after < 60_000 { steps + 1 } else { steps };
        let oldest = if after < 60_000 { steps - 1 } else { steps };
        Replay { steps, token: token % oldest, after, times, order }
    })
}

fn ends_the_grant<S: TokenStore>(store: Shelf<S>, client: &str, replay: &Replay) -> TestCaseResult {
    let world = World::new(store, Setup { access_token: Duration::from_secs(3_500), ..setup() });
    let bystander = world.login(client);
    let first = world.login(client);
    let id = grant_of(first.refresh_token());
    let mut issued = vec![first];
    for _ in 0..replay.steps {
        let next = world.refresh(client, issued.last().unwrap().refresh_token());
        issued.push(next);
    }
    world.advance(Duration::from_millis(replay.after));
    prop_assert!(issued.iter().all(|answer| world.lets_in(answer.access_token())), "earlier access tokens live on");
    world.events.take();
    let call = Call::refresh(client, issued[replay.token as usize].refresh_token());
    for answer in at_once(&world, &call, replay.times, &replay.order) {
        prop_assert!(answer.is_invalid_grant(), "{:?}", answer);
    }
    let events = world.events.take();
    let found = events.iter().filter(|event| {
        let (presented, current) = (replay.token + 1, replay.steps + 1);
        **event == Seen::ReplayFound { grant: id, presented, current }
    });
    let (found, revoked) =
        (found.count(), events.iter().filter(|event| **event == Seen::Revoked { grant: id }).count());
    // Each of several at once tells of what it saw; the removal happens once.
    prop_assert!(found >= 1 && found <= replay.times, "{:?}", events);
    prop_assert_eq!(revoked, 1);
    prop_assert!(matches!(events[0], Seen::ReplayFound { .. }), "told before the removal: {:?}", events);
    let refusals = events.len() - found - revoked;
    prop_assert_eq!(refusals, replay.times - found, "the others found no grant: {:?}", events);
    prop_assert!(world.store.peek(id).is_none());
    for answer in &issued {
        prop_assert!(world.refresh(client, answer.refresh_token()).is_invalid_grant());
        prop_assert!(!world.lets_in(answer.access_token()), "every token of it dies");
    }
    let again = world.events.take();
    prop_assert!(!again.iter().any(|event| matches!(event, Seen::ReplayFound { .. })), "told once: {:?}", again);
    prop_assert!(world.lets_in(bystander.access_token()), "and no token of another grant");
    prop_assert!(world.refresh(client, bystander.refresh_token()).is_ok());
    Ok(())
}

/// However it was dropped, the host was told before anything was removed, and the next presentation ends the grant.
fn ends_the_grant_though_dropped<S: TokenStore>(store: Shelf<S>, steps: usize, polls: &[u8]) -> TestCaseResult {
    let world = World::new(store, setup());
    let first = world.login(APP);
    let (id, mut newest) = (grant_of(first.refresh_token()), first.refresh_token().to_owned());
    for _ in 0..steps {
        let next = world.refresh(APP, &newest);
        next.refresh_token().clone_into(&mut newest);
    }
    world.events.take();
    let call = Call::refresh(APP, first.refresh_token());
    for &polls in polls {
        run_and_drop(world.call(call.clone()), polls.into());
        let told = world.events.take().iter().any(|event| matches!(event, Seen::ReplayFound { .. }));
        prop_assert!(told || world.store.peek(id).is_some(), "removed and nobody told");
        if world.store.peek(id).is_none() {
            break;
        }
        if told {
            // The event stands where the request is dropped while the store works.
            prop_assert!(world.send(call.clone()).is_invalid_grant());
        }
    }
    prop_assert!(world.send(call).is_invalid_grant());
    prop_assert!(world.store.peek(id).is_none());
    prop_assert!(world.refresh(APP, &newest).is_invalid_grant());
    Ok(())
}

proptest! {
    #![proptest_config(cases(120))]

    /// Law 3. Any older token, or the predecessor after the window, ends the grant; exactly one event where nothing
    /// failed and nobody was concurrent; every token of it dies.
    #[test]
    fn replay_revokes(public in any::<bool>(), replay in replay()) {
        on_every_store!(ends_the_grant, if public { PUBLIC } else { APP }, &replay);
    }

    #[test]
    fn replay_revokes_though_dropped(steps in 2..4_usize, polls in prop::collection::vec(0..8_u8, 1..4)) {
        on_every_store!(ends_the_grant_though_dropped, steps, &polls);
    }

    #[test]
    fn replay_revokes_over_histories(actions in Mix { older: 6, check: 3, drop: 3, ..Mix::CALM }.actions(50)) {
        on_every_store!(history, &actions);
    }
}

/// Nodes whose clocks differ by no more than the skew: the rotation is as late as the latest of them says.
fn clocks_may_differ<S: TokenStore>(store: Shelf<S>, behind: u64, late: bool) -> TestCaseResult {
    let world = World::new(store, setup());
    let first = world.login(APP);
    world.advance(Duration::from_secs(100));
    let ahead = world.now();
    let second = world.refresh(APP, first.refresh_token());
    // A node that is behind answers the same, and its own step moves no time back.
    world.set_now(ahead - Duration::from_millis(behind));
    let retry = world.refresh(APP, first.refresh_token());
    prop_assert_eq!(retry.refresh_token(), second.refresh_token());
    let third = world.refresh(APP, second.refresh_token());
    prop_assert!(third.is_ok(), "{:?}", third);
    world.set_now(ahead + Duration::from_millis(if late { 60_000 } else { 59_999 }));
    let retry = world.refresh(APP, second.refresh_token());
    prop_assert_eq!(retry.is_ok(), !late);
    prop_assert_eq!(world.store.stored().is_empty(), late);
    Ok(())
}

proptest! {
    #![proptest_config(cases(30))]

    #[test]
    fn retry_is_idempotent_where_clocks_differ(behind in 1..=5_000_u64, late in any::<bool>()) {
        on_every_store!(clocks_may_differ, behind, late);
    }
}
