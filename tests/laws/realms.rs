//! Law 25: what an engine of one realm made, an engine of another neither believes, lists nor ends.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use regrant::{Access, GrantId, Key, TokenStore};

use super::cases;
use crate::kit::laws::codes::{Knows, redeem};
use crate::kit::laws::world::{APP, OTHER, PUBLIC, Setup, World, grant_of};
use crate::kit::schedule::run;
use crate::kit::store::faulty::Shelf;
use crate::kit::wire::{Answer, Call};

/// Who shares the store: two engines by name, and one that has none.
const REALMS: [Option<&str>; 3] = [Some("shop"), Some("bank"), None];
/// The same people everywhere.
const PEOPLE: [&str; 2] = ["alice", "bob"];

#[derive(Clone, Copy, Debug)]
enum Action {
    Login {
        engine: usize,
        public: bool,
        person: usize,
    },
    /// One engine's tokens are presented to another, or to itself.
    Refresh {
        engine: usize,
        grant: usize,
    },
    Bearer {
        engine: usize,
        grant: usize,
    },
    Introspect {
        engine: usize,
        grant: usize,
    },
    Revoke {
        engine: usize,
        grant: usize,
        access: bool,
    },
    /// A code of one engine, redeemed at another.
    Code {
        engine: usize,
        at: usize,
    },
    List {
        engine: usize,
        person: usize,
    },
    End {
        engine: usize,
        grant: usize,
    },
    EndAll {
        engine: usize,
        person: usize,
    },
}

fn action() -> impl Strategy<Value = Action> {
    let engine = 0..REALMS.len();
    let grant = 0..8_usize;
    let person = 0..PEOPLE.len();
    prop_oneof![
        3 => (engine.clone(), any::<bool>(), person.clone())
            .prop_map(|(engine, public, person)| Action::Login { engine, public, person }),
        4 => (engine.clone(), grant.clone()).prop_map(|(engine, grant)| Action::Refresh { engine, grant }),
        2 => (engine.clone(), grant.clone()).prop_map(|(engine, grant)| Action::Bearer { engine, grant }),
        2 => (engine.clone(), grant.clone()).prop_map(|(engine, grant)| Action::Introspect { engine, grant }),
        2 => (engine.clone(), grant.clone(), any::<bool>())
            .prop_map(|(engine, grant, access)| Action::Revoke { engine, grant, access }),
        1 => (engine.clone(), engine.clone()).prop_map(|(engine, at)| Action::Code { engine, at }),
        1 => (engine.clone(), person.clone()).prop_map(|(engine, person)| Action::List { engine, person }),
        1 => (engine.clone(), grant).prop_map(|(engine, grant)| Action::End { engine, grant }),
        1 => (engine, person).prop_map(|(engine, person)| Action::EndAll { engine, person }),
    ]
}

struct Made {
    engine: usize,
    client: &'static str,
    person: usize,
    id: GrantId,
    answer: Answer,
    ended: bool,
    access_revoked: bool,
}

fn are_walls<S: TokenStore>(store: Shelf<S>, keys: [u8; 3], actions: &[Action]) -> TestCaseResult {
    let worlds: Vec<World<S>> = REALMS
        .into_iter()
        .zip(keys)
        .map(|(realm, key)| {
            let setup = Setup { realm, sign: Key::from_bytes(1, &[key; 32]), ..Setup::default() };
            World::new(store.clone(), setup)
        })
        .collect();
    let mut made: Vec<Made> = Vec::new();
    for &action in actions {
        match action {
            Action::Login { engine, public, person } if made.len() < 8 => {
                let client = if public { PUBLIC } else { APP };
                let answer = worlds[engine].send(Call::login(client, PEOPLE[person]));
                prop_assert!(answer.is_ok(), "{:?}", answer);
                let id = grant_of(answer.refresh_token());
                made.push(Made { engine, client, person, id, answer, ended: false, access_revoked: false });
            }
            Action::Refresh { engine, grant } => {
                let Some(grant) = made.get_mut(grant) else { continue };
                let before = store.stored();
                let answer = worlds[engine].refresh(grant.client, grant.answer.refresh_token());
                if engine == grant.engine && !grant.ended {
                    prop_assert!(answer.is_ok(), "{:?}", answer);
                    (grant.answer, grant.access_revoked) = (answer, false);
                } else {
                    prop_assert!(answer.is_invalid_grant(), "{:?}", answer);
                    prop_assert_eq!(store.stored(), before);
                }
            }
            Action::Bearer { engine, grant } => {
                let Some(grant) = made.get(grant) else { continue };
                let works = engine == grant.engine && !grant.ended && !grant.access_revoked;
                let access = run(worlds[engine].check(grant.answer.access_token()));
                prop_assert_eq!(access.as_ref().ok().and_then(Access::subject), works.then_some(PEOPLE[grant.person]));
            }
            Action::Introspect { engine, grant } => {
                let Some(grant) = made.get(grant) else { continue };
                // Only its own client may know, and a public one may not ask.
                let works = engine == grant.engine && !grant.ended && grant.client == APP;
                let call = Call::from(APP).with("token", grant.answer.refresh_token());
                let world = &worlds[engine];
                let answer = run(world.engine.introspect(&call.request(), world.now()));
                let active = !answer.body().starts_with(b"{\"active\":false");
                prop_assert_eq!((answer.status(), active), (200, works));
            }
            Action::Revoke { engine, grant, access } => {
                let Some(grant) = made.get_mut(grant) else { continue };
                let before = store.stored();
                let token = if access { grant.answer.access_token() } else { grant.answer.refresh_token() };
                let call = Call::from(grant.client).with("token", token);
                let world = &worlds[engine];
                // To the client a token that is not this engine's is as good as a revoked one.
                prop_assert_eq!(run(world.engine.revoke(&call.request(), world.now())).status(), 200);
                if engine != grant.engine {
                    prop_assert_eq!(store.stored(), before);
                } else if access {
                    grant.access_revoked = true;
                } else {
                    grant.ended = true;
                }
            }
            Action::Code { engine, at } => {
                let code = worlds[engine].code(APP, "carol");
                let answer = worlds[at].send(redeem(APP, OTHER, &code, Knows::All));
                prop_assert_eq!(answer.is_ok(), engine == at, "{:?}", answer);
                // Out of the way of what is counted here.
                run(worlds[engine].engine.store().remove(grant_of(&code))).unwrap();
            }
            Action::List { engine, person } => {
                let world = &worlds[engine];
                let page = run(world.engine.sessions(PEOPLE[person], None, 100, world.now())).unwrap();
                let listed: BTreeSet<GrantId> = page.sessions.iter().map(regrant::engine::Session::id).collect();
                let own = made.iter().filter(|it| it.engine == engine && it.person == person && !it.ended);
                prop_assert_eq!(listed, own.map(|grant| grant.id).collect::<BTreeSet<_>>());
            }
            Action::End { engine, grant } => {
                let Some(grant) = made.get_mut(grant) else { continue };
                let ends = engine == grant.engine && !grant.ended;
                let before = store.stored();
                let world = &worlds[engine];
                let ended = world.engine.end_session(PEOPLE[grant.person], grant.id, world.now());
                prop_assert_eq!(run(ended).unwrap(), ends);
                prop_assert_eq!(store.stored() == before, !ends);
                grant.ended |= ends;
            }
            Action::EndAll { engine, person } => {
                let own = made.iter_mut().filter(|it| it.engine == engine && it.person == person && !it.ended);
                let own = own.map(|grant| grant.ended = true).count();
                let world = &worlds[engine];
                prop_assert_eq!(run(world.engine.end_sessions_of(PEOPLE[person], world.now())).unwrap(), own);
            }
            Action::Login { .. } => {}
        }
    }
    // What others did ended nothing.
    for grant in made.iter().filter(|grant| !grant.ended) {
        let world = &worlds[grant.engine];
        prop_assert!(world.refresh(grant.client, grant.answer.refresh_token()).is_ok());
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(80))]

    /// Law 25, under one key or three.
    #[test]
    fn realms_are_walls(one_key in any::<bool>(), actions in prop::collection::vec(action(), 1..60)) {
        let keys = if one_key { [1, 1, 1] } else { [1, 2, 3] };
        on_every_store!(are_walls, keys, &actions);
    }
}
