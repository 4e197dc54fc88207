//! Law 19: no token is believed by a resource that neither its request named within the consented ones nor was the default when
//! the grant was made.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use regrant::TokenStore;

use super::cases;
use crate::kit::laws::codes::{Knows, redeem};
use crate::kit::laws::world::{APP, OTHER, PUBLIC, Setup, SomeResources, World};
use crate::kit::schedule::run;
use crate::kit::store::faulty::Shelf;
use crate::kit::wire::{Answer, Call};

/// A set of these is a mask; the fourth is one that the engine does not have.
const RESOURCES: [&str; 4] = ["https://a.example/mcp", "https://b.example/mcp", "urn:example:c", "https://d.example/"];
const KNOWN: &[&str] = &[RESOURCES[0], RESOURCES[1], RESOURCES[2]];
const UNKNOWN: u8 = 0b1000;
/// When the default moves from the first to the second.
const MOVES_AT: u64 = 1_700_010_000;
const LONG: Duration = Duration::from_secs(1_000_000);

#[derive(Clone, Copy, Debug)]
enum Action {
    /// By a handler: what it names is what is consented to.
    Login {
        public: bool,
        named: u8,
    },
    /// By a code: consent first, and then a token for some of it.
    Code {
        public: bool,
        consented: u8,
        named: u8,
    },
    Refresh {
        grant: usize,
        named: u8,
    },
    /// The one before comes again, for whatever.
    Retry {
        grant: usize,
        named: u8,
    },
    Move,
}

fn action() -> impl Strategy<Value = Action> {
    // Mostly resources that there are.
    let set = || prop_oneof![3 => Just(0), 9 => 1_u8..8, 1 => 8_u8..16];
    prop_oneof![
        2 => (any::<bool>(), set()).prop_map(|(public, named)| Action::Login { public, named }),
        3 => (any::<bool>(), set(), set())
            .prop_map(|(public, consented, named)| Action::Code { public, consented, named }),
        6 => (0..6_usize, set()).prop_map(|(grant, named)| Action::Refresh { grant, named }),
        2 => (0..6_usize, set()).prop_map(|(grant, named)| Action::Retry { grant, named }),
        1 => Just(Action::Move),
    ]
}

/// What is known of a grant from its history.
struct Made {
    client: &'static str,
    /// Nothing where none was named.
    consented: u8,
    /// What the first token request named.
    first: u8,
    /// The default one when it was made.
    default: u8,
    refresh: String,
    before: Option<String>,
}

impl Made {
    /// What a token is for whose request names these; nothing where there is to be none.
    fn expected(&self, named: u8) -> u8 {
        let allowed = if self.consented == 0 { self.default } else { self.consented };
        match named {
            _ if named & !allowed != 0 => 0,
            0 if self.consented == 0 => self.default,
            0 if self.first != 0 => self.first,
            0 if self.consented.is_power_of_two() => self.consented,
            named => named,
        }
    }
}

fn naming(call: Call, set: u8) -> Call {
    let named = RESOURCES.iter().enumerate().filter(|(at, _)| set & (1 << at) != 0);
    named.fold(call, |call, (_, resource)| call.with("resource", resource))
}

/// The tokens of all answers so far, and whom each is for.
#[derive(Default)]
struct Tokens(Vec<(String, u8)>);

impl Tokens {
    /// An answer to a request whose token is to be for these.
    fn take(&mut self, answer: &Answer, expected: u8) -> TestCaseResult {
        if expected == 0 {
            prop_assert_eq!((answer.status, answer.error()), (400, Some("invalid_target")));
        } else {
            prop_assert!(answer.is_ok(), "{:?}", answer);
            self.0.push((answer.access_token().to_owned(), expected));
        }
        Ok(())
    }

    fn check<S: TokenStore>(&self, world: &World<S>) -> TestCaseResult {
        for (token, expected) in &self.0 {
            let believed =
                KNOWN.iter().enumerate().map(|(at, resource)| u8::from(world.lets_into(resource, token)) << at);
            prop_assert_eq!(believed.sum::<u8>(), *expected, "{}", token);
        }
        Ok(())
    }
}

fn never_widens<S: TokenStore>(store: Shelf<S>, actions: &[Action]) -> TestCaseResult {
    let of = |default: usize, earlier: Option<(&'static str, u64)>| {
        let resources = Some(SomeResources { all: KNOWN, default: RESOURCES[default], earlier, named: &[] });
        let setup = Setup { access_token: LONG, idle: LONG, absolute: None, resources, ..Setup::default() };
        World::new(store.clone(), setup)
    };
    let worlds = [of(0, None), of(1, Some((RESOURCES[0], MOVES_AT)))];
    worlds[1].set_now(regrant::Timestamp::from_secs(MOVES_AT));
    let mut moved = 0;
    let (mut made, mut tokens) = (Vec::<Made>::new(), Tokens::default());
    for &action in actions {
        let world = &worlds[moved];
        let client = |public: bool| if public { PUBLIC } else { APP };
        let default = 1 << moved;
        match action {
            Action::Login { public, named } if made.len() < 6 => {
                let client = client(public);
                let answer = world.send(naming(Call::login(client, "alice"), named));
                let expected = if named & UNKNOWN != 0 {
                    0
                } else if named == 0 {
                    default
                } else {
                    named
                };
                tokens.take(&answer, expected)?;
                if expected != 0 {
                    let refresh = answer.refresh_token().to_owned();
                    made.push(Made { client, consented: named, first: named, default, refresh, before: None });
                }
            }
            Action::Code { public, consented, named } if made.len() < 6 => {
                let (client, consented) = (client(public), consented & !UNKNOWN);
                let resources: Vec<&str> =
                    (0..3).filter(|at| consented & (1 << at) != 0).map(|at| RESOURCES[at]).collect();
                let code = world.code_for(client, "alice", &resources);
                let mut grant = Made { client, consented, first: 0, default, refresh: String::new(), before: None };
                let expected = grant.expected(named);
                let before = store.stored();
                let answer = world.send(naming(redeem(client, OTHER, &code, Knows::All), named));
                tokens.take(&answer, expected)?;
                if expected == 0 {
                    prop_assert_eq!(store.stored(), before, "it is not burned");
                } else {
                    grant.first = if consented == 0 { 0 } else { expected };
                    answer.refresh_token().clone_into(&mut grant.refresh);
                    made.push(grant);
                }
            }
            Action::Refresh { grant, named } => {
                let Some(grant) = made.get_mut(grant) else { continue };
                let expected = grant.expected(named);
                let before = store.stored();
                let answer = world.send(naming(Call::refresh(grant.client, &grant.refresh), named));
                tokens.take(&answer, expected)?;
                if expected == 0 {
                    prop_assert_eq!(store.stored(), before);
                } else {
                    let next = answer.refresh_token().to_owned();
                    grant.before = Some(std::mem::replace(&mut grant.refresh, next));
                }
            }
            Action::Retry { grant, named } => {
                let Some(grant) = made.get(grant) else { continue };
                // In its window, which a move of the default is not.
                let Some(token) = grant.before.as_ref().filter(|_| moved == 0 || grant.default == default) else {
                    continue;
                };
                let before = store.stored();
                let answer = world.send(naming(Call::refresh(grant.client, token), named));
                tokens.take(&answer, grant.expected(named))?;
                prop_assert!(!answer.is_ok() || answer.refresh_token() == grant.refresh);
                prop_assert_eq!(store.stored(), before);
            }
            Action::Move => moved = 1,
            Action::Login { .. } | Action::Code { .. } => {}
        }
    }
    tokens.check(&worlds[moved])?;
    // Nor by one that has begun before the default moved, and is still there.
    if moved == 0 {
        tokens.check(&worlds[1])?;
    }
    let _ = run(worlds[0].engine.end_sessions_of("alice", worlds[0].now()));
    Ok(())
}

proptest! {
    #![proptest_config(cases(150))]

    /// Law 19, at every resource, for every token that was ever handed out.
    #[test]
    fn audience_never_widens(actions in prop::collection::vec(action(), 1..30)) {
        on_every_store!(never_widens, &actions);
    }
}
