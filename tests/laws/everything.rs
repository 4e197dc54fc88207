//! All of it together, with the oracle of `support::spec` looking at each answer.

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use regrant::TokenStore;

use crate::cases;
use crate::support::actions::{Action, Mix};
use crate::support::faulty::Shelf;
use crate::support::sim::Sim;
use crate::support::world::{Hook, Setup, World};

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
    let setup = Setup { hook: Some(Hook::default()), ..Setup::default() };
    Sim::new(&World::new(store, setup))?.run(actions)
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
