//! `access_revocation_spares_refresh` and `end_all_is_complete`.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use regrant::{GrantId, TokenStore};

use super::{cases, setup};
use crate::kit::events::Seen;
use crate::kit::laws::codes::{Knows, redeem};
use crate::kit::laws::world::{APP, KEEPER, OTHER, PUBLIC, World, grant_of};
use crate::kit::schedule::{Scheduler, run};
use crate::kit::store::faulty::{Fault, Op, Shelf};
use crate::kit::wire::{Answer, Call};

/// What was asked, and what came of it.
enum Done {
    Refreshed(Answer),
    /// The status.
    Revoked(u16),
}

/// Refreshes and revocations of the first access token, at once.
fn spares<S: TokenStore>(
    store: Shelf<S>,
    client: &str,
    refreshes: usize,
    revocations: usize,
    faults: &[Fault],
    order: &[u8],
) -> TestCaseResult {
    let world = World::new(store, setup());
    let login = world.login(client);
    let id = grant_of(login.refresh_token());
    // Another one of the same epoch, by an earlier refresh.
    let second = world.refresh(client, login.refresh_token());
    let mut scheduler: Scheduler<'_, Done> = Scheduler::new();
    for _ in 0..refreshes {
        let call = world.call(Call::refresh(client, second.refresh_token()));
        scheduler.spawn(async { Done::Refreshed(call.await) });
    }
    for _ in 0..revocations {
        let call = Call::from(client).with("token", login.access_token());
        let world = &world;
        scheduler.spawn(async move {
            let answer = world.engine.revoke(&call.request(), world.now()).await;
            Done::Revoked(answer.status())
        });
    }
    for fault in faults {
        world.store.plan(Op::Swap, *fault);
    }
    let mut newest = second.clone();
    let mut acknowledged = false;
    let mut issued_before = vec![login.clone(), second.clone()];
    for number in order.iter().map(|&number| usize::from(number)).chain(0..) {
        let Some(task) = scheduler.pick(number) else { break };
        match scheduler.poll(task) {
            Some(Done::Refreshed(answer)) => {
                prop_assert!(answer.is_ok() || answer.is_unavailable() && !faults.is_empty(), "{:?}", answer);
                if answer.is_ok() {
                    newest = answer;
                }
            }
            Some(Done::Revoked(status)) => {
                prop_assert!(status == 200 || status == 503 && !faults.is_empty(), "{}", status);
                acknowledged |= status == 200;
            }
            None => {}
        }
    }
    world.store.heal();
    world.store.catch_up();
    let stored = world.store.peek(id);
    prop_assert!(stored.is_some(), "the grant is there");
    if acknowledged {
        for earlier in issued_before.drain(..) {
            prop_assert!(!world.lets_in(earlier.access_token()), "revoked, for ever");
        }
        prop_assert_eq!(
            run(world.engine.revoke(&Call::from(client).with("token", login.access_token()).request(), world.now()))
                .status(),
            200
        );
        prop_assert_eq!(world.store.peek(id), stored, "an access token of an old epoch changes nothing");
    }
    // Whatever went on, the refresh token renews, and what it hands out works.
    let renewed = world.refresh(client, newest.refresh_token());
    prop_assert!(renewed.is_ok(), "{:?}", renewed);
    prop_assert!(world.lets_in(renewed.access_token()));
    let ended = |event: &Seen| matches!(event, Seen::ReplayFound { .. } | Seen::Revoked { .. });
    prop_assert!(!world.events.take().iter().any(ended));
    Ok(())
}

/// What is going on with a grant of the subject when it is ended.
#[derive(Clone, Copy, Debug)]
enum Kind {
    LoggedIn,
    Public,
    CodeOutstanding,
    CodeRedeemed,
}

fn is_complete<S: TokenStore>(
    store: Shelf<S>,
    kinds: &[Kind],
    many: usize,
    in_flight: &[u8],
    begun: usize,
    order: &[u8],
) -> TestCaseResult {
    let world = World::new(store, setup());
    let mut grants: BTreeMap<GrantId, Option<String>> = BTreeMap::new();
    let mut codes = Vec::new();
    for kind in kinds.iter().chain(std::iter::repeat_n(&Kind::LoggedIn, many)) {
        let token = match kind {
            Kind::LoggedIn => Some(world.login(APP).refresh_token().to_owned()),
            Kind::Public => Some(world.login(PUBLIC).refresh_token().to_owned()),
            Kind::CodeOutstanding => {
                codes.push(world.code(APP, "alice"));
                None
            }
            Kind::CodeRedeemed => {
                let code = world.code(APP, "alice");
                Some(world.send(redeem(APP, OTHER, &code, Knows::All)).refresh_token().to_owned())
            }
        };
        let id = grant_of(token.as_deref().or(codes.last().map(String::as_str)).expect("a token"));
        grants.insert(id, token);
    }
    let bob = world.send(Call::login(APP, "bob"));
    // Refreshes and redemptions that are somewhere on their way.
    let mut scheduler: Scheduler<'_, Answer> = Scheduler::new();
    let tokens: Vec<&String> = grants.values().flatten().collect();
    for number in in_flight.iter().map(|&number| usize::from(number)) {
        if let Some(code) = codes.get(number % 5) {
            scheduler.spawn(world.call(redeem(APP, OTHER, code, Knows::All)));
        } else if let Some(token) = number.checked_rem(tokens.len()).map(|at| tokens[at]) {
            scheduler.spawn(world.call(Call::refresh(APP, token)));
        }
    }
    let mut answers = Vec::new();
    let mut numbers = order.iter().map(|&number| usize::from(number)).chain(0..);
    for number in numbers.by_ref().take(begun) {
        answers.extend(scheduler.pick(number).and_then(|task| scheduler.poll(task)));
    }
    // They go on between any two steps of it.
    let mut ending = Scheduler::new();
    let task = ending.spawn(world.engine.end_sessions_of("alice", world.now()));
    let ended = loop {
        if let Some(ended) = ending.poll(task) {
            break ended;
        }
        let number = numbers.next().expect("no end of numbers");
        answers.extend(scheduler.pick(number).and_then(|task| scheduler.poll(task)));
    };
    prop_assert!(ended.is_ok_and(|ended| ended <= grants.len()));
    for id in grants.keys() {
        prop_assert!(world.store.peek(*id).is_none(), "{} was there before the call", id);
    }
    for number in numbers {
        let Some(task) = scheduler.pick(number) else { break };
        answers.extend(scheduler.poll(task));
    }
    world.advance(Duration::from_millis(1));
    for (id, token) in &grants {
        prop_assert!(world.store.peek(*id).is_none(), "and stays gone");
        prop_assert!(token.as_ref().is_none_or(|token| !world.refresh(APP, token).is_ok()));
    }
    for answer in answers.iter().filter(|answer| answer.is_ok()) {
        prop_assert!(!world.lets_in(answer.access_token()));
    }
    let listed = run(world.engine.sessions("alice", None, 10, world.now()));
    prop_assert!(listed.is_ok_and(|page| page.sessions.is_empty() && page.next.is_none()));
    prop_assert!(world.refresh(APP, bob.refresh_token()).is_ok(), "nobody else's");
    Ok(())
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        2 => Just(Fault::None),
        1 => Just(Fault::NotApplied),
        1 => Just(Fault::LostBefore),
        1 => Just(Fault::LostAfter),
        1 => (1..8_u8).prop_map(Fault::Slow),
    ]
}

proptest! {
    #![proptest_config(cases(100))]

    /// Law 14. Also while it races a rotation.
    #[test]
    fn access_revocation_spares_refresh(
        client in prop::sample::select(vec![APP, PUBLIC, KEEPER]),
        refreshes in 0..4_usize,
        revocations in 1..4_usize,
        faults in prop::collection::vec(fault(), 0..4),
        order in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        on_every_store!(spares, client, refreshes, revocations, &faults, &order);
    }

    /// Law 17. Every grant of the subject that was inserted before the call is gone after it.
    #[test]
    fn end_all_is_complete(
        kinds in prop::collection::vec(
            prop::sample::select(vec![Kind::LoggedIn, Kind::Public, Kind::CodeOutstanding, Kind::CodeRedeemed]), 1..12),
        many in prop_oneof![6 => 0..4_usize, 1 => 250..600_usize],
        in_flight in prop::collection::vec(any::<u8>(), 0..8),
        begun in 0..40_usize,
        order in prop::collection::vec(any::<u8>(), 40..120),
    ) {
        on_every_store!(is_complete, &kinds, many, &in_flight, begun, &order);
    }
}
