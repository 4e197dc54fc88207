//! All of it together, with the oracle of `kit::laws::spec` looking at each answer.

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use regrant::TokenStore;

use super::{cases, setup};
use crate::kit::laws::actions::{Action, Manner, Mix, Which};
use crate::kit::laws::sim::Sim;
use crate::kit::laws::world::{Hook, Setup, World};
use crate::kit::store::faulty::{Fault, Op, Shelf};

const ALL: Mix = Mix {
    login: 2,
    newest: 10,
    older: 4,
    refused: 4,
    check: 4,
    remove: 1,
    drop: 4,
    advance: 4,
    fault: 0,
    roll_back: 0,
};

/// The history is one that the oracle explains, whatever is asked of it.
fn explained<S: TokenStore>(store: Shelf<S>, actions: &[Action]) -> TestCaseResult {
    let setup = Setup { hook: Some(Hook::default()), ..setup() };
    Sim::new(&World::new(store, setup))?.run(actions)
}

/// A token that is ahead of the store is presented, and before it is answered, later, the one before it: whichever takes
/// its step last, the session lasts as long as the later clock said.
#[test]
fn a_clock_behind_the_last_rotation_takes_nothing_back() -> TestCaseResult {
    let present = |which| Action::Present { grant: 0, which, manner: Manner::Plain };
    let actions = [
        Action::Snapshot,
        present(Which::Newest),
        Action::RollBack,
        present(Which::Newest),
        Action::Advance(1),
        present(Which::Predecessor),
        // The later one first, to its end.
        Action::Poll(1),
        Action::Poll(1),
        Action::Poll(1),
        Action::Poll(1),
        Action::Poll(1),
        Action::Poll(1),
        Action::Poll(1),
        Action::Poll(1),
    ];
    on_every_store!(explained, &actions);
    Ok(())
}

/// A write that comes late is followed by one that saw the same token current, by a clock that is past the window: the
/// second is a retry.
#[test]
fn a_late_write_makes_a_retry_of_whoever_saw_the_token_current() -> TestCaseResult {
    let present = || Action::Present { grant: 0, which: Which::Newest, manner: Manner::Plain };
    let actions = [
        Action::Fail(Op::Load, Fault::NotApplied),
        Action::Fail(Op::Load, Fault::NotApplied),
        Action::Fail(Op::Swap, Fault::Late(3)),
        Action::Walk { grant: 0, steps: 2 },
        Action::Fail(Op::Remove, Fault::NotApplied),
        present(),
        Action::Fail(Op::Swap, Fault::NotApplied),
        present(),
        Action::Drop(0),
        Action::Advance(60_000),
        present(),
        present(),
    ];
    on_every_store!(explained, &actions);
    Ok(())
}

proptest! {
    #![proptest_config(cases(250))]

    #[test]
    fn every_history_is_explained(actions in ALL.actions(60)) {
        on_every_store!(explained, &actions);
    }

    /// Requests that fail took effect or did not, or do so late; nothing else.
    #[test]
    fn every_history_over_a_failing_store_is_explained(actions in Mix { fault: 8, ..ALL }.actions(60)) {
        on_every_store!(explained, &actions);
    }

    /// Old states come back, and with them tokens that are ahead.
    #[test]
    fn every_history_over_a_store_that_loses_writes_is_explained(
        actions in Mix { fault: 2, roll_back: 4, newest: 16, advance: 2, remove: 0, ..ALL }.actions(80)
    ) {
        on_every_store!(explained, &actions);
    }
}
