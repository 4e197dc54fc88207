//! A store that loses replies while a device begins: what was written is told by its version, and what was not is nobody's.

use std::sync::Arc;

use regrant::MemoryStore;
use regrant::engine::DeviceError;

use super::place::*;
use crate::kit::store::faulty::{Fault, Faulty, Op, Shelf};

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
