//! A client that retries within its window after any fault never loses its session.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use regrant::TokenStore;

use super::{cases, setup};
use crate::kit::events::Seen;
use crate::kit::laws::world::{APP, Hook, Setup, World};
use crate::kit::schedule::run_and_drop;
use crate::kit::store::faulty::{Fault, Op, Shelf};
use crate::kit::wire::{Answer, Call};

/// One try of a client that does not give up.
#[derive(Clone, Debug)]
struct Try {
    faults: Vec<(Op, Fault)>,
    /// The connection is lost after so many polls.
    dropped: Option<u8>,
    wait: u64,
}

fn a_try() -> impl Strategy<Value = Try> {
    let op = prop_oneof![1 => Just(Op::Load), 3 => Just(Op::Swap)];
    let fault = prop_oneof![
        Just(Fault::None),
        Just(Fault::NotApplied),
        Just(Fault::LostBefore),
        Just(Fault::LostAfter),
        (1..12_u8).prop_map(Fault::Late),
        (1..12_u8).prop_map(Fault::Slow),
    ];
    (
        prop::collection::vec((op, fault), 0..4),
        prop::option::weighted(0.3, 0..20_u8),
        // Five tries at most: all of them within the window of 60 seconds.
        0..10_000_u64,
    )
        .prop_map(|(faults, dropped, wait)| Try { faults, dropped, wait })
}

fn never_loses_its_session<S: TokenStore>(store: Shelf<S>, rounds: &[Vec<Try>]) -> TestCaseResult {
    let world = World::new(store, Setup { hook: Some(Hook::default()), ..setup() });
    let mut token = world.login(APP).refresh_token().to_owned();
    for tries in rounds {
        let mut seen: Option<Answer> = None;
        for one in tries {
            for &(op, fault) in &one.faults {
                world.store.plan(op, fault);
            }
            let polls = one.dropped.map_or(10_000, usize::from);
            if let Some(answer) = run_and_drop(world.call(Call::refresh(APP, &token)), polls) {
                prop_assert!(answer.is_ok() || answer.is_unavailable(), "{:?}", answer);
                if answer.is_ok() {
                    if let Some(seen) = &seen {
                        prop_assert_eq!(seen.refresh_token(), answer.refresh_token());
                    }
                    seen = Some(answer);
                }
            }
            world.store.heal();
            world.advance(Duration::from_millis(one.wait));
        }
        let answer = world.refresh(APP, &token);
        prop_assert!(answer.is_ok(), "logged out: {:?}", answer);
        prop_assert!(seen.is_none_or(|seen| seen.refresh_token() == answer.refresh_token()));
        answer.refresh_token().clone_into(&mut token);
    }
    let events = world.events.take();
    let replay = |event: &Seen| matches!(event, Seen::ReplayFound { .. });
    prop_assert!(!events.iter().any(replay), "no replay: {:?}", events);
    Ok(())
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn a_client_that_retries_within_its_window_never_loses_its_session(
        rounds in prop::collection::vec(prop::collection::vec(a_try(), 1..5), 1..5)
    ) {
        on_every_store!(never_loses_its_session, &rounds);
    }
}
