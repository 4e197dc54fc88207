//! A store that loses replies while a device begins: what was written is told by its version, and what was not is nobody's.

use std::sync::Arc;
use std::time::Duration;

use regrant::engine::{Clock, DeviceError};
use regrant::{Lifetimes, MemoryStore, Request};

use super::place::*;
use crate::kit::schedule::Scheduler;
use crate::kit::store::faulty::{Fault, Faulty, Op, Shelf};
use crate::kit::store::stalling::Hand;
use crate::kit::wire::Answer;

type Lossy = Place<Arc<Faulty<MemoryStore>>>;

fn place() -> Lossy {
    Place::on(Arc::clone(&Shelf::of(MemoryStore::new())), settings(), |builder| builder)
}

fn waits_and_is_approved(place: &Lossy, begun: &Begun) {
    assert_eq!(place.poll(TV, &begun.device_code).error(), Some("authorization_pending"));
    place.advance(6);
    place.approve(&place.find(&begun.user_code, "alice").unwrap()).unwrap();
    place.advance(6);
    assert!(place.poll(TV, &begun.device_code).is_ok());
}

/// Two records are written: the device, and where its code leads.
#[test]
fn a_reply_that_is_lost_is_a_beginning_and_a_write_that_is_lost_is_none() {
    for before in [0, 1] {
        for (fault, begins) in [(Fault::LostAfter, true), (Fault::LostBefore, false), (Fault::NotApplied, false)] {
            let place = place();
            let store = place.engine.store();
            for _ in 0..before {
                store.plan(Op::Insert, Fault::None);
            }
            store.plan(Op::Insert, fault);
            let response = place.post(TV, None);
            assert_eq!(store.injected(), 1);
            assert_eq!(response.status(), if begins { 200 } else { 503 }, "{before} {fault:?}");
            if begins {
                assert_eq!(store.stored().len(), 2);
                waits_and_is_approved(&place, &Begun::of(&response));
            }
            // One that has heard nothing begins again.
            waits_and_is_approved(&place, &place.begin(TV));
        }
    }
}

/// The place of a device that waits no longer is written over by a swap.
#[test]
fn the_same_where_a_place_was_used_before() {
    for (fault, begins) in [(Fault::LostAfter, true), (Fault::LostBefore, false), (Fault::NotApplied, false)] {
        let place = place();
        let store = place.engine.store();
        for _ in 0..300 {
            place.begin(TV);
        }
        // They have expired, and nothing has purged them.
        place.advance(3_600);
        store.plan(Op::Swap, fault);
        let response = (0..1_000).map(|_| place.post(TV, None)).find(|_| store.injected() == 1);
        let response = response.expect("of a thousand places some are used");
        assert_eq!(response.status(), if begins { 200 } else { 503 }, "{fault:?}");
        if begins {
            waits_and_is_approved(&place, &Begun::of(&response));
        }
    }
}

/// Where nobody can tell whether a yes was written, the login that it may name stays.
#[test]
fn an_answer_in_doubt_keeps_its_login() {
    for (fault, was_written) in [(Fault::LostAfter, true), (Fault::LostBefore, false)] {
        let place = place();
        let store = place.engine.store();
        let begun = place.begin(TV);
        let login = place.find(&begun.user_code, "alice").unwrap();
        store.plan(Op::Swap, fault);
        store.plan(Op::Load, Fault::NotApplied);
        let answer = place.approve(&login);
        assert!(matches!(answer, Err(DeviceError::Refused(why)) if why.status() == 503), "{answer:?}");
        assert_eq!(store.injected(), 2);
        if !was_written {
            assert_eq!(place.poll(TV, &begun.device_code).error(), Some("authorization_pending"));
            place.approve(&login).unwrap();
        }
        assert!(place.poll(TV, &begun.device_code).is_ok(), "{fault:?}");
    }
}

/// Two polls at once of somebody who may have one login: what one has got the other does not make room of.
#[test]
fn a_device_does_not_take_its_own_place() {
    let one = Lifetimes::default().with_most_per_owner(Some(1));
    let mut waited = 0;
    for polls in 0..40 {
        let store = Arc::clone(&Shelf::of(MemoryStore::new()));
        let place = Place::on(store, settings(), |builder| builder.lifetimes(one));
        let begun = place.let_in(TV, "alice");
        place.advance(6);
        let mut scheduler = Scheduler::new();
        let body = format!("grant_type={DEVICE_CODE}&device_code={}&{TV}", begun.device_code);
        let slow = scheduler.spawn(polled(&place, body, place.now()));
        if (0..polls).any(|_| scheduler.poll(slow).is_some()) {
            break;
        }
        waited += 1;
        let quick = place.poll(TV, &begun.device_code);
        let slow = (0..1_000).find_map(|_| scheduler.poll(slow)).unwrap();
        assert!(quick.is_ok() && slow.is_ok(), "after {polls}: {quick:?}, {slow:?}");
        assert_eq!(quick.refresh_token(), slow.refresh_token());
        assert!(place.refresh(TV, slow.refresh_token()).is_ok(), "after {polls}");
        assert!(!place.events.names().contains(&"Displaced".to_owned()), "after {polls}");
    }
    assert!(waited > 5, "it waits for the store");
}

async fn polled<T: Clock>(place: &Lossy, body: String, clock: T) -> Answer {
    let request =
        Request::new("POST", body.as_bytes()).with_header("content-type", b"application/x-www-form-urlencoded");
    Answer::of(&place.engine.token(&request, clock).await)
}

/// Law 24: a poll that came within the window after an answer that got lost is answered, however long the store made it wait.
#[test]
fn a_poll_that_waits_inside_the_engine_came_when_it_came() {
    // The window of a public client is 30 seconds.
    for (late, is_answered) in [(29_999, true), (30_000, false)] {
        let place = place();
        let begun = place.let_in(TV, "alice");
        place.advance(6);
        let first = place.poll(TV, &begun.device_code);
        let clock = Hand::at(place.now() + Duration::from_millis(late));
        let mut scheduler = Scheduler::new();
        let body = format!("grant_type={DEVICE_CODE}&device_code={}&{TV}", begun.device_code);
        let task = scheduler.spawn(polled(&place, body, clock.clone()));
        assert!(scheduler.poll(task).is_none(), "it waits for the store");
        clock.advance(Duration::from_secs(60));
        let again = (0..1_000).find_map(|_| scheduler.poll(task)).unwrap();
        assert_eq!(again.is_ok(), is_answered, "{late}: {again:?}");
        if is_answered {
            assert_eq!(again.refresh_token(), first.refresh_token());
        }
    }
}
