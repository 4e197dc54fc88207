//! `foreign_token_is_generation_zero` and `foreign_token_never_revives`.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use regrant::engine::ForeignLogin;
use regrant::{Authorization, Key, Timestamp, TokenStore};

use super::cases;
use crate::kit::events::Seen;
use crate::kit::foreign::{OldServer, UUID};
use crate::kit::laws::world::{APP, KEEPER, PUBLIC, Setup, World, grant_of};
use crate::kit::schedule::{Scheduler, run};
use crate::kit::store::faulty::{Fault, Op, Shelf};
use crate::kit::wire::{Answer, Call};

/// When the logins of the other server began.
const BEGAN: Timestamp = Timestamp::from_secs(1_690_000_000);
/// A token of the shape of this engine's, under a key that it has: `AQ` is key id 1.
const SHAPED: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";

/// A law of rotation, with another server's token as the one before the first.
fn is_generation_zero<S: TokenStore>(
    store: Shelf<S>,
    client: &str,
    token: &str,
    presenters: usize,
    faults: &[(Op, Fault)],
    order: &[u8],
) -> TestCaseResult {
    let old = OldServer::default().with(token, client, "alice", BEGAN);
    // One login at most: whoever comes at the same time makes no room for what it is itself.
    let world = World::new(store, Setup { foreign: Some(old), most: Some(1), ..Setup::default() });
    for (op, fault) in faults {
        world.store.plan(*op, *fault);
    }
    // At once, and some are dropped on their way.
    let mut scheduler: Scheduler<'_, Answer> = Scheduler::new();
    for _ in 0..presenters {
        scheduler.spawn(world.call(Call::refresh(client, token)));
    }
    let mut answers = Vec::new();
    for (at, number) in order.iter().map(|&number| usize::from(number)).chain(0..).enumerate() {
        let Some(task) = scheduler.pick(number) else { break };
        if at < order.len() && number % 16 == 15 {
            scheduler.drop(task);
        } else {
            answers.extend(scheduler.poll(task));
        }
    }
    world.store.heal();
    world.store.catch_up();
    for answer in &answers {
        prop_assert!(answer.is_ok() || answer.is_unavailable() && !faults.is_empty(), "{:?}", answer);
    }
    // Law 18: whatever became of them, the same request succeeds, and law 2: by the same successor.
    answers.retain(Answer::is_ok);
    answers.push(world.refresh(client, token));
    answers.push(world.refresh(client, token));
    for answer in &answers {
        prop_assert!(answer.is_ok(), "{:?}", answer);
        prop_assert_eq!(answer.refresh_token(), answers[0].refresh_token());
        prop_assert!(world.lets_in(answer.access_token()));
    }
    // Law 1: one grant, one step.
    prop_assert_eq!(world.store.stored().len(), 1);
    let page = run(world.engine.sessions("alice", None, 10, world.now())).unwrap();
    prop_assert_eq!(page.sessions.len(), 1);
    let begun = world.events.take().iter().filter(|event| matches!(event, Seen::TakenOver { .. })).count();
    prop_assert!(begun <= 1);
    if client == KEEPER {
        prop_assert_eq!(answers[0].refresh_token(), token, "a client that does not rotate keeps it");
        world.advance(Duration::from_secs(1_000));
        prop_assert!(world.refresh(client, token).is_ok(), "for as long as the grant lives");
        return Ok(());
    }
    let first = answers[0].refresh_token();
    let id = grant_of(first);
    let second = world.refresh(client, first);
    prop_assert!(second.is_ok(), "{:?}", second);
    world.events.take();
    // Law 3: older than the predecessor, and so a replay.
    prop_assert!(world.refresh(client, token).is_invalid_grant());
    let replay = Seen::ReplayFound { grant: id, presented: 0, current: 2 };
    prop_assert_eq!(world.events.take().iter().filter(|event| **event == replay).count(), 1);
    for dead in [token, first, second.refresh_token()] {
        prop_assert!(world.refresh(client, dead).is_invalid_grant());
    }
    for answer in answers.iter().chain([&second]) {
        prop_assert!(!world.lets_in(answer.access_token()));
    }
    Ok(())
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// The other server's token.
    Present(usize),
    /// The one that came of it.
    Refresh(usize),
    Revoke {
        token: usize,
        by_own: bool,
    },
    EndSession(usize),
    EndAll(usize),
    EndAt(usize),
    Advance(u64),
    Purge,
    /// The next one has another key, and accepts this one's.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let token = 0..TOKENS.len();
    prop_oneof![
        6 => token.clone().prop_map(Step::Present),
        2 => token.clone().prop_map(Step::Refresh),
        2 => (token.clone(), any::<bool>()).prop_map(|(token, by_own)| Step::Revoke { token, by_own }),
        1 => token.clone().prop_map(Step::EndSession),
        1 => token.clone().prop_map(Step::EndAll),
        1 => token.prop_map(Step::EndAt),
        3 => prop::sample::select(vec![5, 5, 200, 4_000, 30_000, 200_000]).prop_map(Step::Advance),
        2 => Just(Step::Purge),
        1 => Just(Step::Restart),
    ]
}

/// Token, client, person, and until when it counts, in seconds from the beginning.
const TOKENS: [(&str, &str, &str, u64); 5] = [
    (UUID, APP, "alice", u64::MAX),
    (SHAPED, PUBLIC, "alice", u64::MAX),
    ("kept", KEEPER, "alice", 100_000),
    ("of bob", APP, "bob", u64::MAX),
    ("a.b.c", APP, "bob", 10_000),
];

#[derive(Clone, Copy, PartialEq, Debug)]
enum State {
    Unseen,
    /// Taken over, and refreshed last; how often since.
    Live {
        begun: Timestamp,
        last: Timestamp,
        generation: u32,
    },
    Dead,
}

#[expect(clippy::too_many_lines, reason = "an arm for each step")]
fn never_revives<S: TokenStore>(store: Shelf<S>, steps: &[Step]) -> TestCaseResult {
    let start = Timestamp::from_millis(1_700_000_000_321);
    let ends = |at: usize| match TOKENS[at].3 {
        u64::MAX => Timestamp::MAX,
        secs => start + Duration::from_secs(secs),
    };
    let old = TOKENS.iter().enumerate().fold(OldServer::default(), |old, (at, (token, client, subject, _))| {
        old.with_login(token, client, ForeignLogin::new(Authorization::of(subject), BEGAN, ends(at)))
    });
    let setup = Setup { foreign: Some(old), ..Setup::default() };
    let mut world = World::new(store.clone(), setup.clone());
    let mut states = [State::Unseen; TOKENS.len()];
    let mut newest: [Option<Answer>; TOKENS.len()] = Default::default();
    let mut keys = vec![setup.sign.clone()];
    for step in steps {
        let now = world.now();
        // What time alone has ended.
        for (at, state) in states.iter_mut().enumerate() {
            let over = match *state {
                State::Unseen => now >= ends(at),
                State::Live { begun, last, .. } => {
                    now.since(last) >= setup.idle || Some(now.since(begun)) >= setup.absolute
                }
                State::Dead => true,
            };
            if over {
                *state = State::Dead;
            }
        }
        let end = |at: usize, states: &mut [State]| states[at] = State::Dead;
        match *step {
            Step::Present(at) => {
                let (token, client, ..) = TOKENS[at];
                let passed = match states[at] {
                    State::Live { last, .. } => now.since(last).as_secs(),
                    _ => 0,
                };
                // The window is as much longer as the store may take.
                if client != KEEPER && (55..150).contains(&passed) {
                    continue;
                }
                let answer = world.refresh(client, token);
                match states[at] {
                    State::Unseen => {
                        prop_assert!(answer.is_ok(), "{:?}", answer);
                        states[at] = State::Live { begun: now, last: now, generation: 1 };
                        newest[at] = Some(answer);
                    }
                    State::Live { begun, .. } if client == KEEPER => {
                        prop_assert!(answer.is_ok() && answer.refresh_token() == token, "{:?}", answer);
                        states[at] = State::Live { begun, last: now, generation: 0 };
                        newest[at] = Some(answer);
                    }
                    State::Live { generation: 1, .. } if passed < 55 => {
                        prop_assert!(answer.is_ok(), "{:?}", answer);
                        let before = newest[at].as_ref().unwrap();
                        prop_assert_eq!(answer.refresh_token(), before.refresh_token());
                    }
                    State::Live { .. } => {
                        prop_assert!(answer.is_invalid_grant(), "{:?}", answer);
                        end(at, &mut states);
                    }
                    State::Dead => prop_assert!(answer.is_invalid_grant(), "came back: {:?}", answer),
                }
            }
            Step::Refresh(at) => {
                let (token, client, ..) = TOKENS[at];
                let Some(before) = &newest[at] else { continue };
                let answer = world.refresh(client, before.refresh_token());
                match states[at] {
                    State::Live { begun, generation, .. } => {
                        prop_assert!(answer.is_ok(), "{:?}", answer);
                        prop_assert_eq!(client == KEEPER, answer.refresh_token() == token);
                        states[at] = State::Live { begun, last: now, generation: generation + 1 };
                        newest[at] = Some(answer);
                    }
                    _ => prop_assert!(answer.is_invalid_grant(), "{:?}", answer),
                }
            }
            Step::Revoke { token: at, by_own } => {
                let (token, client, ..) = TOKENS[at];
                let own = newest[at].as_ref().map(Answer::refresh_token).filter(|_| by_own);
                let call = Call::from(client).with("token", own.unwrap_or(token));
                prop_assert_eq!(run(world.engine.revoke(&call.request(), now)).status(), 200);
                end(at, &mut states);
            }
            Step::EndSession(at) => {
                let page = run(world.engine.sessions(TOKENS[at].2, None, 10, now)).unwrap();
                let Some(session) = page.sessions.iter().find(|session| session.client_id() == TOKENS[at].1) else {
                    continue;
                };
                let ids: Vec<usize> = (0..TOKENS.len())
                    .filter(|&at| newest[at].as_ref().is_some_and(|_| matches!(states[at], State::Live { .. })))
                    .filter(|&other| (TOKENS[other].1, TOKENS[other].2) == (TOKENS[at].1, TOKENS[at].2))
                    .collect();
                // Two of one person at one client: whose it is does not show.
                let [ended] = ids[..] else { continue };
                prop_assert!(run(world.engine.end_session(TOKENS[at].2, session.id(), now)).unwrap());
                end(ended, &mut states);
            }
            Step::EndAll(at) => {
                prop_assert!(run(world.engine.end_sessions_of(TOKENS[at].2, now)).is_ok());
                for other in (0..TOKENS.len()).filter(|&other| TOKENS[other].2 == TOKENS[at].2) {
                    end(other, &mut states);
                }
                let page = run(world.engine.sessions(TOKENS[at].2, None, 10, now)).unwrap();
                prop_assert!(page.sessions.is_empty(), "what has ended is in no list");
            }
            Step::EndAt(at) => {
                prop_assert!(run(world.engine.end_sessions_at(TOKENS[at].2, TOKENS[at].1, now)).is_ok());
                let same = |other: &usize| (TOKENS[*other].1, TOKENS[*other].2) == (TOKENS[at].1, TOKENS[at].2);
                for other in (0..TOKENS.len()).filter(same) {
                    end(other, &mut states);
                }
            }
            Step::Advance(secs) => world.advance(Duration::from_secs(secs)),
            Step::Purge => {
                prop_assert!(run(world.engine.store().purge_expired(now, 1_000)).is_ok());
            }
            Step::Restart if keys.len() < 5 => {
                let sign = Key::from_bytes(u8::try_from(keys.len() + 1).unwrap(), &[0x22; 32]);
                let accept = keys.clone();
                keys.push(sign.clone());
                world = World::new(store.clone(), Setup { sign, accept, ..setup.clone() });
                world.set_now(now);
            }
            Step::Restart => {}
        }
    }
    // Long after: nothing that has ended comes back, purged or not.
    for _ in 0..2 {
        world.advance(Duration::from_secs(400_000));
        prop_assert!(run(world.engine.store().purge_expired(world.now(), 1_000)).is_ok());
        for (at, (token, client, ..)) in TOKENS.iter().enumerate() {
            let answer = world.refresh(client, token);
            let may_begin = states[at] == State::Unseen && world.now() < ends(at);
            prop_assert_eq!(answer.is_ok(), may_begin, "{:?} {:?}", states[at], answer);
            states[at] = State::Dead;
        }
        // Begun just now, if at all, and over by the next time.
    }
    Ok(())
}

/// A second request that keeps the token, in the millisecond of the first, and does not know whether it has written: the login was
/// taken over once.
#[test]
fn a_login_is_taken_over_once() -> TestCaseResult {
    let faults = [(Op::Insert, Fault::None), (Op::Swap, Fault::LostAfter), (Op::Insert, Fault::LostBefore)];
    on_every_store!(is_generation_zero, KEEPER, UUID, 3, &faults, &[]);
    Ok(())
}

fn fault() -> impl Strategy<Value = (Op, Fault)> {
    let op = prop::sample::select(vec![Op::Insert, Op::Load, Op::Swap]);
    let fault = prop_oneof![
        2 => Just(Fault::None),
        1 => Just(Fault::NotApplied),
        1 => Just(Fault::LostBefore),
        2 => Just(Fault::LostAfter),
        1 => (1..8_u8).prop_map(Fault::Slow),
        1 => (1..8_u8).prop_map(Fault::Late),
    ];
    (op, fault)
}

proptest! {
    #![proptest_config(cases(100))]

    /// Laws 1 to 3 and 18 hold with the token of another server as generation 0.
    #[test]
    fn foreign_token_is_generation_zero(
        client in prop::sample::select(vec![APP, PUBLIC, KEEPER]),
        token in prop::sample::select(vec![UUID, SHAPED, "a.b.c", "é +&="]),
        presenters in 1..5_usize,
        faults in prop::collection::vec(fault(), 0..5),
        order in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        on_every_store!(is_generation_zero, client, token, presenters, &faults, &order);
    }

    /// Laws 9 and 17, with a table that still has the token: however it ended, it is never accepted again.
    #[test]
    fn foreign_token_never_revives(steps in prop::collection::vec(step(), 1..60)) {
        on_every_store!(never_revives, &steps);
    }
}
