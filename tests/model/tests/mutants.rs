//! What the properties are worth: each way to get it wrong breaks one of them, by name. A mutant that survives says that the model does not see
//! what the rule is for.

use regrant_model::{Mutant, Protocol, Setting, Violation};
use stateright::{Checker, HasDiscoveries, Model};

/// The search ends with a state that breaks this property.
fn breaks(mutant: Mutant, setting: Setting, violation: Violation) {
    let property = violation.property();
    let protocol = Protocol::new(setting).with(mutant);
    let checker = protocol.checker().finish_when(HasDiscoveries::AnyOf([property].into())).spawn_dfs().join();
    println!("{mutant:?}: {} states", checker.unique_state_count());
    checker.assert_any_discovery(property);
}

macro_rules! mutants {
    ($($test:ident: $mutant:ident in $setting:ident breaks $violation:ident;)+) => {$(
        #[test]
        fn $test() {
            breaks(Mutant::$mutant, Setting::$setting, Violation::$violation);
        }
    )+};
}

mutants! {
    a_window_that_is_too_long: WindowTooLong in ALONE breaks ServedOutside;
    a_window_that_is_too_short: WindowTooShort in ALONE breaks HonestLogout;
    a_commit_that_takes_its_time: CommitTimeForgotten in ALONE breaks HonestLogout;
    a_successor_that_is_not_compared: SuccessorNotCompared in ALONE breaks TwoSuccessors;
    a_replay_that_ends_nothing: ReplayNotEnding in ALONE breaks ThiefBesideOwner;
    a_replay_that_is_served: ReplayServed in ALONE breaks ServedOutside;
    a_token_ahead_that_moves_nothing: AheadAccepted in SET_BACK breaks AheadOfRecord;
    a_token_ahead_that_is_a_replay: AheadIsReplay in SET_BACK breaks HonestLogout;
    a_clock_that_is_behind: NegativeIsReplay in ALONE breaks HonestLogout;
    a_wait_that_counts: WaitCounts in ALONE breaks HonestLogout;
    a_second_that_is_a_thief: LostIsReplay in ALONE breaks HonestLogout;
    an_own_write_that_is_a_thief: OwnWriteForgotten in SHARED breaks HonestLogout;
    a_token_that_is_handed_out_in_doubt: DoubtHandedOut in FAULTY breaks AheadOfRecord;
    a_step_of_two: StepOfTwo in ALONE breaks TwoSuccessors;
    a_current_token_without_a_write: CurrentIsRetry in ALONE breaks AheadOfRecord;
    a_store_that_compares_no_version: VersionNotCompared in ALONE breaks TwoSuccessors;
    a_store_that_writes_onto_nothing: AbsentSwapped in FAULTY breaks Revived;
    a_store_that_inserts_over_what_is_there: InsertOverwrites in FOREIGN breaks Revived;
    a_store_that_reads_what_is_over: StaleLoad in FAULTY breaks Revived;
    a_foreign_grant_that_is_removed: EndedIsRemoved in FOREIGN breaks Revived;
    a_resync_for_everybody: ResyncForBearers in RESYNC breaks ServedUnproven;
}
