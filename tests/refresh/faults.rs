//! The design over a store that fails: before a write, after it, late, slowly, for good, or by losing what it had.
#![allow(clippy::needless_pass_by_value, reason = "each check has a store of its own")]

use std::collections::BTreeMap;
use std::time::Duration;

use regrant::event::Unavailable;
use regrant::store::StoreErrorKind;
use regrant::{MemoryStore, TokenStore};

use crate::kit::events::Seen;
use crate::kit::laws::world::{APP, Hook, KEEPER, Setup, World, grant_of};
use crate::kit::schedule::{Scheduler, run, run_and_drop};
use crate::kit::store::bytes::BytesStore;
use crate::kit::store::faulty::{Fault, Op, Shelf};
use crate::kit::wire::{Answer, Call};

fn hooked() -> (Setup, Hook) {
    let hook = Hook::default();
    (Setup { hook: Some(hook.clone()), ..Setup::default() }, hook)
}

/// Runs a check on a memory store and on one of bytes.
macro_rules! on_both {
    ($check:ident) => {{
        $check(Shelf::of(MemoryStore::builder().shards(1).build()));
        $check(Shelf::of(BytesStore::default()));
    }};
}

fn replays(events: &[Seen]) -> usize {
    events.iter().filter(|event| matches!(event, Seen::ReplayFound { .. })).count()
}

#[test]
fn a_write_whose_reply_is_lost_is_a_success() {
    fn check<S: TokenStore>(store: Shelf<S>) {
        let (setup, hook) = hooked();
        let world = World::new(store, setup);
        let first = world.login(APP);
        let grant = grant_of(first.refresh_token());
        world.events.take();
        world.store.plan(Op::Swap, Fault::LostAfter);
        let second = world.refresh(APP, first.refresh_token());
        assert!(second.is_ok(), "{second:?}");
        assert_eq!(
            world.events.take(),
            [Seen::Refreshed { grant, generation: 2 }],
            "a step, not a retry, not a replay"
        );
        assert_eq!(hook.calls(), 1);
        assert!(world.refresh(APP, second.refresh_token()).is_ok());
    }
    on_both!(check);
}

/// The window does not help here: the store's own version does.
#[test]
fn a_lost_reply_is_no_replay_without_a_window_either() {
    fn check<S: TokenStore>(store: Shelf<S>) {
        let world = World::new(store, Setup { window: Duration::ZERO, ..Setup::default() });
        let first = world.login(APP);
        world.store.plan(Op::Swap, Fault::LostBefore);
        world.store.plan(Op::Swap, Fault::LostAfter);
        let second = world.refresh(APP, first.refresh_token());
        assert!(second.is_ok(), "{second:?}");
        assert_eq!(replays(&world.events.take()), 0);
        assert!(world.refresh(APP, second.refresh_token()).is_ok());
    }
    on_both!(check);
}

#[test]
fn a_narrowed_refresh_stays_narrow_over_a_lost_reply() {
    fn check<S: TokenStore>(store: Shelf<S>) {
        let world = World::new(store, Setup::default());
        let first = world.login(APP);
        world.store.plan(Op::Swap, Fault::LostAfter);
        let second = world.send(Call::refresh(APP, first.refresh_token()).with("scope", "read"));
        assert_eq!(second.scope(), "read");
        let access = run(world.check(second.access_token())).unwrap();
        assert_eq!(access.scope().as_str(), "read");
    }
    on_both!(check);
}

#[test]
fn the_hook_runs_once_over_lost_swaps() {
    fn check<S: TokenStore>(store: Shelf<S>) {
        let (setup, hook) = hooked();
        let world = World::new(store, setup);
        let mut token = world.login(APP).refresh_token().to_owned();
        for lost in 0..4 {
            for _ in 0..lost {
                world.store.plan(Op::Swap, Fault::LostBefore);
            }
            let answer = world.refresh(APP, &token);
            assert!(answer.is_ok(), "after {lost} lost: {answer:?}");
            assert_eq!(hook.calls(), 1);
            answer.refresh_token().clone_into(&mut token);
        }
        // Lost to other requests: ten at once ask ten times.
        let mut scheduler: Scheduler<'_, Answer> = Scheduler::new();
        for _ in 0..10 {
            scheduler.spawn(world.call(Call::refresh(APP, &token)));
        }
        for number in 0.. {
            let Some(id) = scheduler.pick(number) else { break };
            scheduler.poll(id);
        }
        assert_eq!(hook.calls(), 10);
    }
    on_both!(check);
}

#[test]
fn attempts_come_to_an_end() {
    fn check<S: TokenStore>(store: Shelf<S>) {
        let (setup, hook) = hooked();
        let world = World::new(store, setup);
        let first = world.login(APP);
        let stored = world.store.stored();
        for _ in 0..100 {
            world.store.plan(Op::Swap, Fault::LostBefore);
        }
        let before = world.store.operations();
        assert!(world.refresh(APP, first.refresh_token()).is_unavailable());
        assert!(world.store.operations() - before < 50, "a bounded number of times");
        assert_eq!(hook.calls(), 1);
        assert_eq!(world.store.stored(), stored);
        world.store.heal();
        assert!(world.refresh(APP, first.refresh_token()).is_ok());
    }
    on_both!(check);
}

#[test]
fn a_dead_store_is_503_and_nothing_is_issued() {
    fn check<S: TokenStore>(store: Shelf<S>) {
        let world = World::new(store, Setup::default());
        let first = world.login(APP);
        let second = world.refresh(APP, first.refresh_token());
        let stored = world.store.stored();
        world.store.kill();
        world.events.take();
        for call in [
            Call::login(APP, "alice"),
            Call::refresh(APP, second.refresh_token()),
            Call::refresh(APP, first.refresh_token()),
        ] {
            assert!(world.send(call).is_unavailable());
        }
        let why = Unavailable::Store(StoreErrorKind::Indeterminate).into();
        assert_eq!(world.events.take(), [Seen::Failed { why }; 3]);
        let refused = run(world.check(second.access_token())).unwrap_err();
        assert_eq!(refused.status(), 503, "not 401: the token may be good");
        assert_eq!(refused.challenge(), "Bearer realm=\"token\"", "and nothing said against it");
        assert_eq!(world.store.stored(), stored);
        // What needs no store is answered as ever.
        assert!(world.refresh(APP, "no token").is_invalid_grant());
        world.store.heal();
        assert!(world.lets_in(second.access_token()));
        assert!(world.refresh(APP, second.refresh_token()).is_ok());
    }
    on_both!(check);
}

#[test]
fn a_replay_whose_removal_fails_stays_repeatable() {
    fn check<S: TokenStore>(store: Shelf<S>) {
        for fault in [Fault::NotApplied, Fault::LostBefore, Fault::Late(100), Fault::LostAfter] {
            let world = World::new(store.clone(), Setup::default());
            let first = world.login(APP);
            let grant = grant_of(first.refresh_token());
            let second = world.refresh(APP, first.refresh_token());
            let third = world.refresh(APP, second.refresh_token());
            world.events.take();
            world.store.plan(Op::Remove, fault);
            assert!(world.refresh(APP, first.refresh_token()).is_unavailable(), "{fault:?}");
            let events = world.events.take();
            assert_eq!(events[0], Seen::ReplayFound { grant, presented: 1, current: 3 });
            assert!(matches!(events[1..], [Seen::Failed { .. }]), "{events:?}");
            let gone = fault == Fault::LostAfter;
            assert_eq!(world.store.peek(grant).is_none(), gone);
            // Sent again, it is a replay again, until the grant is gone.
            assert!(world.refresh(APP, first.refresh_token()).is_invalid_grant());
            assert_eq!(replays(&world.events.take()), usize::from(!gone));
            assert!(world.store.peek(grant).is_none());
            world.store.catch_up();
            assert!(world.refresh(APP, third.refresh_token()).is_invalid_grant());
            assert!(!world.lets_in(third.access_token()));
        }
    }
    on_both!(check);
}

#[test]
fn a_store_that_was_set_back_is_moved_forward() {
    fn check<S: TokenStore>(store: Shelf<S>) {
        let (setup, hook) = hooked();
        let world = World::new(store, setup);
        let mut tokens = vec![world.login(APP).refresh_token().to_owned()];
        let grant = grant_of(&tokens[0]);
        let mut earlier = BTreeMap::new();
        for step in 0..5 {
            if step == 1 {
                earlier = world.store.stored();
            }
            tokens.push(world.refresh(APP, &tokens[step]).refresh_token().to_owned());
        }
        // Back to generation 2, with generation 6 in the client's hands.
        world.store.roll_back(&earlier);
        world.events.take();
        hook.calls();
        world.store.plan(Op::Swap, Fault::LostBefore);
        let seventh = world.refresh(APP, &tokens[5]);
        assert!(seventh.is_ok(), "{seventh:?}");
        let told = world.events.take();
        assert_eq!(
            told,
            [Seen::StoreBehind { grant, presented: 6, stored: 2 }, Seen::Refreshed { grant, generation: 7 }],
            "told once, whatever the attempts"
        );
        assert_eq!(hook.calls(), 1);
        // The predecessor is one again.
        assert_eq!(world.refresh(APP, &tokens[5]).refresh_token(), seventh.refresh_token());
        // Older ones are replays again, also those between the two states.
        assert!(world.refresh(APP, &tokens[3]).is_invalid_grant());
        assert_eq!(replays(&world.events.take()), 1);
        assert!(world.store.peek(grant).is_none());
    }
    on_both!(check);
}

#[test]
fn a_lost_write_and_a_lost_answer_together_lose_no_session() {
    fn check<S: TokenStore>(store: Shelf<S>) {
        let world = World::new(store, Setup::default());
        let first = world.login(APP);
        let earlier = world.store.stored();
        let second = world.refresh(APP, first.refresh_token());
        // The client never saw the second, and the store forgot it.
        world.store.roll_back(&earlier);
        let again = world.refresh(APP, first.refresh_token());
        assert_eq!(again.refresh_token(), second.refresh_token(), "computed, so the same");
        // The store is set back to before the login: nothing can be proven.
        world.store.roll_back(&BTreeMap::new());
        world.events.take();
        assert!(world.refresh(APP, again.refresh_token()).is_invalid_grant());
        assert_eq!(replays(&world.events.take()), 0);
    }
    on_both!(check);
}

#[test]
fn a_late_write_is_recognized_or_loses() {
    fn check<S: TokenStore>(store: Shelf<S>) {
        // 1: before the load that follows; 2: between that load and the next swap; 3 and more: after the next swap.
        for after in 1..6 {
            let (setup, hook) = hooked();
            let world = World::new(store.clone(), setup);
            let first = world.login(APP);
            let grant = grant_of(first.refresh_token());
            world.events.take();
            world.store.plan(Op::Swap, Fault::Late(after));
            let second = world.refresh(APP, first.refresh_token());
            assert!(second.is_ok(), "{after}: {second:?}");
            assert_eq!(world.events.take(), [Seen::Refreshed { grant, generation: 2 }], "{after}");
            assert_eq!(hook.calls(), 1);
            world.store.catch_up();
            assert_eq!(world.store.peek(grant).unwrap().generation().as_u32(), 2);
            assert_eq!(world.refresh(APP, first.refresh_token()).refresh_token(), second.refresh_token());
            assert!(world.refresh(APP, second.refresh_token()).is_ok());
        }
    }
    on_both!(check);
}

#[test]
fn a_write_that_comes_after_a_503_is_found_by_the_retry() {
    fn check<S: TokenStore>(store: Shelf<S>) {
        let world = World::new(store, Setup::default());
        let first = world.login(APP);
        let grant = grant_of(first.refresh_token());
        world.store.plan(Op::Swap, Fault::Late(200));
        world.store.plan(Op::Load, Fault::None);
        world.store.plan(Op::Load, Fault::LostBefore);
        assert!(world.refresh(APP, first.refresh_token()).is_unavailable());
        assert_eq!(world.store.peek(grant).unwrap().generation().as_u32(), 1);
        world.store.catch_up();
        assert_eq!(world.store.peek(grant).unwrap().generation().as_u32(), 2);
        world.advance(Duration::from_secs(50));
        let retry = world.refresh(APP, first.refresh_token());
        assert!(retry.is_ok(), "{retry:?}");
        assert_eq!(world.store.peek(grant).unwrap().generation().as_u32(), 2);
        assert_eq!(replays(&world.events.take()), 0);
    }
    on_both!(check);
}

/// Its own write took place unseen, another request got the successor by a retry and used it: so the token looks like a
/// replay, and is none.
#[test]
fn an_own_lost_write_is_never_taken_for_a_replay() {
    fn check<S: TokenStore>(store: Shelf<S>) {
        for fault in [Fault::LostAfter, Fault::Late(1)] {
            let world = World::new(store.clone(), Setup::default());
            let first = world.login(APP);
            let grant = grant_of(first.refresh_token());
            world.store.plan(Op::Swap, fault);
            let mut scheduler: Scheduler<'_, Answer> = Scheduler::new();
            let slow = scheduler.spawn(world.call(Call::refresh(APP, first.refresh_token())));
            let injected = world.store.injected();
            while world.store.injected() == injected {
                assert!(scheduler.poll(slow).is_none());
            }
            let second = world.refresh(APP, first.refresh_token());
            let third = world.refresh(APP, second.refresh_token());
            assert!(third.is_ok(), "{third:?}");
            let answer = (0..100).find_map(|_| scheduler.poll(slow)).unwrap();
            assert!(answer.is_unavailable(), "{fault:?}: {answer:?}");
            assert_eq!(replays(&world.events.take()), 0);
            assert!(world.store.peek(grant).is_some());
            assert!(world.refresh(APP, third.refresh_token()).is_ok());
        }
    }
    on_both!(check);
}

/// A request that hangs while its client, which has timed out, sends the same again and goes on.
#[test]
fn a_request_that_hangs_is_not_a_thief() {
    fn check<S: TokenStore>(store: Shelf<S>) {
        for polls in 0..8 {
            let world = World::new(store.clone(), Setup::default());
            let first = world.login(APP);
            world.events.take();
            let mut scheduler: Scheduler<'_, Answer> = Scheduler::new();
            let hangs = scheduler.spawn(world.call(Call::refresh(APP, first.refresh_token())));
            for _ in 0..polls {
                scheduler.poll(hangs);
            }
            // Longer than clocks may differ, and well within the window.
            world.advance(Duration::from_secs(30));
            let second = world.refresh(APP, first.refresh_token());
            assert!(second.is_ok(), "{second:?}");
            (0..100).find_map(|_| scheduler.poll(hangs));
            assert_eq!(replays(&world.events.take()), 0, "dropped by nobody after {polls} polls");
            let third = world.refresh(APP, second.refresh_token());
            assert!(third.is_ok(), "logged out after {polls} polls: {third:?}");
        }
    }
    on_both!(check);
}

/// The same, and its client has gone on by two steps: the request saw its token current, so it proves no theft.
#[test]
fn a_request_that_was_overtaken_is_not_a_thief() {
    fn check<S: TokenStore>(store: Shelf<S>) {
        let (setup, _) = hooked();
        let world = World::new(store, setup);
        let first = world.login(APP);
        world.events.take();
        let mut scheduler: Scheduler<'_, Answer> = Scheduler::new();
        let hangs = scheduler.spawn(world.call(Call::refresh(APP, first.refresh_token())));
        // Its load is done: it is at the hook.
        for _ in 0..3 {
            scheduler.poll(hangs);
        }
        let second = world.refresh(APP, first.refresh_token());
        let third = world.refresh(APP, second.refresh_token());
        let answer = (0..100).find_map(|_| scheduler.poll(hangs)).unwrap();
        assert!(!answer.is_ok(), "{answer:?}");
        assert_eq!(replays(&world.events.take()), 0);
        assert!(world.refresh(APP, third.refresh_token()).is_ok(), "logged out");
    }
    on_both!(check);
}

#[test]
fn a_login_whose_insert_is_lost_hands_out_nothing_that_fails() {
    fn check<S: TokenStore>(store: Shelf<S>) {
        let world = World::new(store, Setup::default());
        world.store.plan(Op::Insert, Fault::LostAfter);
        let answer = world.login(APP);
        assert!(world.lets_in(answer.access_token()), "its own write was recognized");
        assert!(world.refresh(APP, answer.refresh_token()).is_ok());
        assert_eq!(world.store.stored().len(), 1);
        world.events.take();

        for fault in [Fault::NotApplied, Fault::LostBefore, Fault::Late(50)] {
            world.store.plan(Op::Insert, fault);
            assert!(world.send(Call::login(APP, "alice")).is_unavailable(), "{fault:?}");
            assert_eq!(world.store.stored().len(), 1, "{fault:?}");
            assert!(matches!(world.events.take()[..], [Seen::Failed { .. }]));
        }
        // It comes after all: a grant that nobody has a token of, and that harms nobody.
        world.store.catch_up();
        assert_eq!(world.store.stored().len(), 2);
        assert!(world.login(APP).is_ok());

        // Dropped at any await, it leaves at most such a grant.
        for polls in 0..8 {
            run_and_drop(world.call(Call::login(APP, "alice")), polls);
        }
        assert!(world.login(APP).is_ok());
    }
    on_both!(check);
}

#[test]
fn a_token_that_is_kept_survives_every_fault() {
    fn check<S: TokenStore>(store: Shelf<S>) {
        let world = World::new(store, Setup::default());
        let token = world.login(KEEPER).refresh_token().to_owned();
        for fault in [Fault::NotApplied, Fault::LostBefore, Fault::LostAfter, Fault::Late(1), Fault::Late(3)] {
            world.store.plan(Op::Swap, fault);
            let answer = world.refresh(KEEPER, &token);
            assert!(answer.is_unavailable() || answer.refresh_token() == token);
            assert_eq!(world.refresh(KEEPER, &token).refresh_token(), token, "{fault:?}");
        }
    }
    on_both!(check);
}

/// A record that cannot be read is nobody's: 503, and it stays as it is.
#[test]
fn a_record_that_cannot_be_read_is_never_rewritten() {
    let world = World::new(Shelf::of(BytesStore::default()), Setup::default());
    let first = world.login(APP);
    let second = world.refresh(APP, first.refresh_token());
    let id = grant_of(first.refresh_token());
    let good = world.store.inner().raw()[&id].clone();
    let mut newer = good.clone();
    newer[0] = 2;
    newer.push(200);
    for (bytes, kind) in [(newer, StoreErrorKind::NewerFormat), (good[..40].to_vec(), StoreErrorKind::Corrupt)] {
        world.store.inner().damage(id, bytes.clone());
        world.events.take();
        for token in [&first, &second] {
            assert!(world.refresh(APP, token.refresh_token()).is_unavailable());
        }
        assert_eq!(world.events.take(), [Seen::Failed { why: Unavailable::Store(kind).into() }; 2]);
        assert_eq!(run(world.check(second.access_token())).unwrap_err().status(), 503);
        world.events.take();
        // Nor is it revoked by who cannot be proven to hold its token (RFC 7009 section 2.1); 503 has it sent again (2.2.1).
        for token in [first.refresh_token(), second.refresh_token(), second.access_token()] {
            let call = Call::from(APP).with("token", token);
            assert!(Answer::of(&run(world.engine.revoke(&call.request(), world.now()))).is_unavailable());
        }
        assert_eq!(
            world.events.take(),
            [Seen::Failed { why: regrant::event::Refusal::Unavailable(regrant::event::Unavailable::Store(kind)) }; 3]
        );
        assert_eq!(world.store.inner().raw()[&id], bytes);
    }
    world.store.inner().damage(id, good);
    assert!(world.refresh(APP, second.refresh_token()).is_ok());
}
