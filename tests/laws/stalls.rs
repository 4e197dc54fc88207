//! Law 24: time that a request spends waiting inside the engine is held against nobody.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use regrant::engine::Clock;
use regrant::{Client, ClientSecret, Engine, Key, Lifetimes, Scope, StaticClients, Timestamp, TokenStore};

use super::cases;
use crate::kit::events::{Recorder, Seen};
use crate::kit::laws::world::{APP, Anyone, Hook};
use crate::kit::schedule::{Scheduler, TaskId, run};
use crate::kit::store::faulty::Shelf;
use crate::kit::store::stalling::{Hand, Stalling};
use crate::kit::wire::{Answer, Call, secret};

const WINDOW: Duration = Duration::from_secs(30);
/// What the store says, and holds.
const LONGEST_COMMIT: Duration = Duration::from_secs(45);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3_600);

#[derive(Clone, Copy, Debug)]
enum Action {
    /// The client sends its newest token, if it still may: before the window of the token's own step is over.
    Send,
    /// Some request goes on, until the next await.
    Poll(u8),
    /// The request at this place goes on to its end.
    Finish(u8),
    /// Some request's connection is lost.
    Drop(u8),
    Advance(Duration),
    /// The next swap takes place this much later than it was sent.
    Delay(Duration),
}

fn action() -> impl Strategy<Value = Action> {
    let seconds = |most: u64| (0..most * 1_000).prop_map(Duration::from_millis);
    prop_oneof![
        4 => Just(Action::Send),
        12 => any::<u8>().prop_map(Action::Poll),
        1 => any::<u8>().prop_map(Action::Drop),
        3 => prop_oneof![seconds(5), seconds(29), seconds(100), seconds(10_000)].prop_map(Action::Advance),
        2 => seconds(46).prop_map(Action::Delay),
    ]
}

/// A request in flight.
struct Flight {
    /// The place of its token in the order of issue; refresh tokens begin at generation 1.
    token: usize,
    sent: Timestamp,
    /// Whether it has seen its token current.
    saw: bool,
}

fn logs_nobody_out<S: TokenStore>(shelf: Shelf<S>, actions: &[Action]) -> TestCaseResult {
    let clock = Hand::at(Timestamp::from_millis(1_700_000_000_321));
    let store = Stalling::of(Arc::clone(&shelf), clock.clone(), LONGEST_COMMIT);
    let client = Client::confidential(APP)
        .secret(ClientSecret::new(&secret(APP)).unwrap())
        .grant_type("password")
        .grant_type("refresh_token")
        .scope(Scope::parse("read write").unwrap())
        .retry_window(WINDOW)
        .build()
        .unwrap();
    let events = Recorder::default();
    let engine = Engine::builder(store, StaticClients::new().with(client).unwrap())
        .key(Key::from_bytes(1, &[0x11; 32]))
        .lifetimes(Lifetimes::default().with_idle(YEAR).with_absolute(None))
        .grant_handler(Anyone)
        .on_issue(Hook::default())
        .events(events.clone())
        .build()
        .unwrap();
    let send = |call: Call| {
        let (engine, clock) = (&engine, clock.clone());
        async move { Answer::of(&engine.token(&call.request(), clock).await) }
    };
    let login = run(send(Call::login(APP, "alice")));
    let mut tokens = vec![login.refresh_token().to_owned()];
    let (mut tasks, mut flights) = (Scheduler::new(), BTreeMap::<TaskId, Flight>::new());
    engine.store().take_loaded();
    // In the end all that is under way comes to its end.
    let settle = (0..1_000_u32).map(|step| match step % 20 {
        0 => Action::Advance(LONGEST_COMMIT),
        number => Action::Poll(u8::try_from(number).unwrap()),
    });
    let mut actions: VecDeque<Action> = actions.iter().copied().chain(settle).collect();
    while let Some(action) = actions.pop_front() {
        match action {
            Action::Send => {
                let token = tokens.len() - 1;
                // Whoever comes later than the window after the step that nobody told it of may be a thief.
                let generation = u32::try_from(token).unwrap() + 2;
                let committed = engine.store().committed_at(generation);
                if committed.is_none_or(|at| clock.read() < at + WINDOW) && flights.len() < 6 {
                    let id = tasks.spawn(send(Call::refresh(APP, &tokens[token])));
                    // What is not polled has not come yet.
                    let first = tasks.poll(id);
                    assert!(first.is_none(), "nothing is answered before the store was asked");
                    flights.insert(id, Flight { token, sent: clock.read(), saw: false });
                }
            }
            Action::Poll(number) => {
                let Some(id) = tasks.pick(number.into()) else { continue };
                let flight = flights.get_mut(&id).unwrap();
                let current = u32::try_from(flight.token).unwrap() + 1;
                // No clock tells of a wait of no time: whoever is overtaken has waited for a millisecond.
                let is_overtaken = engine.store().committed_at(current + 2).is_some();
                if is_overtaken && clock.read() == flight.sent {
                    clock.advance(Duration::from_millis(1));
                }
                let done = tasks.poll(id);
                flight.saw |= engine.store().take_loaded().contains(&current);
                let Some(answer) = done else { continue };
                let flight = flights.remove(&id).unwrap();
                // The successor was presented by the client itself: it does not wait for this answer any more.
                let moved_on = engine.store().committed_at(current + 2).is_some();
                prop_assert!(
                    answer.is_ok() || moved_on && answer.is_unavailable(),
                    "sent {:?}, saw {}: {:?}",
                    flight.sent,
                    flight.saw,
                    answer
                );
                if answer.is_ok() {
                    match tokens.get(flight.token + 1) {
                        Some(text) => prop_assert_eq!(text, answer.refresh_token()),
                        None => tokens.push(answer.refresh_token().to_owned()),
                    }
                }
            }
            Action::Finish(place) => {
                if tasks.len() > place.into() {
                    actions.push_front(Action::Finish(place));
                    actions.push_front(Action::Poll(place));
                }
            }
            Action::Drop(number) => {
                if let Some(id) = tasks.pick(number.into()) {
                    tasks.drop(id);
                    flights.remove(&id);
                }
            }
            Action::Advance(by) => clock.advance(by),
            Action::Delay(by) => engine.store().delay_next(by),
        }
    }
    prop_assert!(flights.is_empty() && !engine.store().is_late(), "a request is stuck");
    let seen = events.take();
    prop_assert!(!seen.iter().any(|event| matches!(event, Seen::ReplayFound { .. })), "{:?}", seen);
    Ok(())
}

/// Began at 1 s, committed at 46 s with nobody there any more, asked again at 75 s: within the window of 30 s.
#[test]
fn a_swap_that_is_as_late_as_it_may_be_leaves_the_whole_window() -> TestCaseResult {
    let second = Duration::from_secs(1);
    let mut actions = vec![Action::Advance(second), Action::Delay(LONGEST_COMMIT), Action::Send];
    actions.extend([Action::Poll(0); 6]);
    actions.extend([Action::Drop(0), Action::Advance(Duration::from_secs(74)), Action::Send]);
    on_every_store!(logs_nobody_out, &actions);
    Ok(())
}

/// It hangs while the client goes on by two steps, and sees the record afterwards; also where they take place in the
/// millisecond in which it came.
#[test]
fn a_request_that_hung_while_its_client_went_on_ends_nothing() -> TestCaseResult {
    for (first, each) in [(Duration::from_secs(1), Duration::from_secs(100)), (Duration::ZERO, Duration::ZERO)] {
        let mut actions = vec![Action::Send, Action::Advance(first)];
        for _ in 0..3 {
            actions.push(Action::Send);
            actions.extend([Action::Finish(1), Action::Advance(each)]);
        }
        on_every_store!(logs_nobody_out, &actions);
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(300))]

    /// Law 24. A request that saw its token current, or that comes within the window, is answered, however long store and
    /// hook made it wait; also over a store that commits as late as it says it may, and requests dropped at any await.
    #[test]
    fn stalls_log_nobody_out(actions in prop::collection::vec(action(), 1..120)) {
        on_every_store!(logs_nobody_out, &actions);
    }
}
