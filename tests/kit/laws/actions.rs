//! What can happen in a random history, and how often.

use proptest::prelude::*;
use proptest::strategy::Union;

use crate::kit::store::faulty::{Fault, Op};

/// Which of the refresh tokens of a grant.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Which {
    Newest,
    Predecessor,
    Any(u8),
}

/// How it is presented.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Manner {
    Plain,
    Narrower,
    Wider,
    OfAnotherClient,
    Forged(u8),
    AsAccessToken,
}

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Action {
    Login {
        public: bool,
        renewable: bool,
    },
    Present {
        grant: u8,
        which: Which,
        manner: Manner,
    },
    /// So many refreshes, each with the newest token and by itself.
    Walk {
        grant: u8,
        steps: u8,
    },
    Check {
        grant: u8,
        which: u8,
    },
    Remove {
        grant: u8,
    },
    Poll(u8),
    Drop(u8),
    Settle,
    Advance(u32),
    Fail(Op, Fault),
    CatchUp,
    Snapshot,
    RollBack,
}

/// How often what happens; 0 is never.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mix {
    pub(crate) login: u32,
    pub(crate) newest: u32,
    pub(crate) older: u32,
    pub(crate) refused: u32,
    pub(crate) check: u32,
    pub(crate) remove: u32,
    pub(crate) drop: u32,
    pub(crate) advance: u32,
    pub(crate) fault: u32,
    pub(crate) roll_back: u32,
}

impl Mix {
    /// Concurrent refreshes of current tokens.
    pub(crate) const CALM: Self = Self {
        login: 1,
        newest: 8,
        older: 0,
        refused: 0,
        check: 0,
        remove: 0,
        drop: 0,
        advance: 2,
        fault: 0,
        roll_back: 0,
    };

    pub(crate) fn actions(self, most: usize) -> impl Strategy<Value = Vec<Action>> {
        let which = prop_oneof![
            2 => Just(Which::Predecessor),
            1 => any::<u8>().prop_map(Which::Any),
        ];
        let manner = prop_oneof![
            Just(Manner::Wider),
            Just(Manner::Narrower),
            Just(Manner::OfAnotherClient),
            any::<u8>().prop_map(Manner::Forged),
            Just(Manner::AsAccessToken),
        ];
        let newest = prop_oneof![3 => Just(Manner::Plain), 1 => Just(Manner::Narrower)];
        let op = prop_oneof![Just(Op::Load), Just(Op::Swap), Just(Op::Swap), Just(Op::Remove)];
        let fault = prop_oneof![
            Just(Fault::NotApplied),
            Just(Fault::LostBefore),
            Just(Fault::LostAfter),
            (1..8_u8).prop_map(Fault::Late),
            (1..8_u8).prop_map(Fault::Slow),
            Just(Fault::None),
        ];
        // To the edges of window, access token, idle and absolute expiry of the usual setup, and anywhere.
        let time = prop_oneof![
            4 => 0..5_000_u32,
            3 => prop_oneof![Just(59_999_u32), Just(60_000), Just(60_001)],
            2 => 0..120_000_u32,
            1 => prop_oneof![Just(300_000_u32), Just(3_599_999), Just(3_600_000), Just(20_000_000)],
        ];
        let weighted = vec![
            (
                self.login,
                (any::<bool>(), prop::bool::weighted(0.85))
                    .prop_map(|(public, renewable)| Action::Login { public, renewable })
                    .boxed(),
            ),
            (
                self.newest,
                (any::<u8>(), newest)
                    .prop_map(|(grant, manner)| Action::Present { grant, which: Which::Newest, manner })
                    .boxed(),
            ),
            (
                self.newest.div_ceil(4),
                (any::<u8>(), 1..4_u8).prop_map(|(grant, steps)| Action::Walk { grant, steps }).boxed(),
            ),
            (
                self.older,
                (any::<u8>(), which)
                    .prop_map(|(grant, which)| Action::Present { grant, which, manner: Manner::Plain })
                    .boxed(),
            ),
            (
                self.refused,
                (any::<u8>(), any::<u8>().prop_map(Which::Any), manner)
                    .prop_map(|(grant, which, manner)| Action::Present { grant, which, manner })
                    .boxed(),
            ),
            (self.check, any::<(u8, u8)>().prop_map(|(grant, which)| Action::Check { grant, which }).boxed()),
            (self.remove, any::<u8>().prop_map(|grant| Action::Remove { grant }).boxed()),
            (30, any::<u8>().prop_map(Action::Poll).boxed()),
            (self.drop, any::<u8>().prop_map(Action::Drop).boxed()),
            (2, Just(Action::Settle).boxed()),
            (self.advance, time.prop_map(Action::Advance).boxed()),
            (self.fault, (op, fault).prop_map(|(op, fault)| Action::Fail(op, fault)).boxed()),
            (self.fault.div_ceil(4), Just(Action::CatchUp).boxed()),
            (self.roll_back, Just(Action::Snapshot).boxed()),
            (self.roll_back, Just(Action::RollBack).boxed()),
        ];
        let action = Union::new_weighted(weighted.into_iter().filter(|(weight, _)| *weight > 0).collect());
        prop::collection::vec(action, 1..=most)
    }
}
