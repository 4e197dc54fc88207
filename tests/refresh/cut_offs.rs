//! Where "log me out everywhere" is kept for logins at another server that were never presented: under an id of 62 bits, believed by 160.

use regrant::{Client, Grant, RootSecret, Timestamp};

use crate::kit::foreign::{OldServer, UUID};
use crate::kit::schedule::run;
use crate::kit::{Fault, World, app, at};

fn world() -> World {
    let old = OldServer::default().ready().with(UUID, "app", "alice", Timestamp::from_secs(1_590_000_000));
    World::new([app(), Client::public("mobile")], |builder| {
        builder.root_secret(RootSecret::from_bytes(1, &[0x77; 32])).foreign_tokens(old)
    })
}

fn end_all(world: &World, now: Timestamp) -> Result<usize, regrant::store::StoreError> {
    world.engine.blocking().end_sessions_of("alice", now).unwrap()
}

/// The same record of somebody else: 26 bytes at the end, of which the first 20 say whose it is.
fn of_another(cut_off: &Grant) -> Grant {
    let mut record = cut_off.encode();
    let at = record.len() - 26;
    record[at] ^= 1;
    Grant::decode(&record).unwrap()
}

/// What was not written is written by the next attempt, and what was is seen there.
#[test]
fn a_lost_reply_is_no_failure_and_a_lost_write_is_made_good() {
    for (added, moved) in
        [(Fault::InsertLost, Fault::SwapLost), (Fault::InsertAppliedAndReplyLost, Fault::SwapAppliedAndReplyLost)]
    {
        let world = world();
        for (fault, secs) in [(added, 1), (moved, 3)] {
            world.store.fail_next(fault);
            assert_eq!(end_all(&world, at(secs)).unwrap(), 0, "{fault:?}");
            assert!(!world.store.fails_yet(), "{fault:?}");
            world.refresh(UUID, at(secs + 1)).assert_error(400, "invalid_grant");
        }
    }
    // One that did not take place, and says so, is told.
    for (fault, secs) in [(Fault::InsertNotApplied, 1), (Fault::SwapNotApplied, 3)] {
        let world = world();
        if secs > 1 {
            end_all(&world, at(1)).unwrap();
        }
        let held = world.store.bytes();
        world.store.fail_next(fault);
        assert!(end_all(&world, at(secs)).is_err(), "{fault:?}");
        assert_eq!(world.store.bytes(), held, "{fault:?}");
    }
}

fn taken_by_others(world: &World, places: &[Grant]) {
    for place in places {
        world.store.misplace(place.id(), of_another(place));
    }
}

#[test]
fn a_cut_off_goes_to_another_place_where_something_is_in_its_way() {
    let mut places: Vec<Grant> = Vec::new();
    for taken in 0..2 {
        let world = world();
        taken_by_others(&world, &places);
        assert_eq!(end_all(&world, at(1)).unwrap(), 0);
        let is_new = |grant: &Grant| places.iter().all(|place| place.id() != grant.id());
        places.push(world.store.grants().into_iter().find(is_new).expect("it went to another place"));
        world.refresh(UUID, at(2)).assert_error(400, "invalid_grant");
        // It is moved forward there.
        let held = world.store.bytes().len();
        end_all(&world, at(3)).unwrap();
        assert_eq!(world.store.bytes().len(), held, "{taken}");
    }
    // Where all are another's, the host hears that not all has ended; and somebody else's cut-off is not this one's.
    let world = world();
    taken_by_others(&world, &places);
    let held = world.store.bytes();
    assert!(end_all(&world, at(1)).is_err());
    assert_eq!(world.store.bytes(), held);
    world.refresh(UUID, at(2)).assert_ok();
    let world = self::world();
    taken_by_others(&world, &places);
    run(regrant::TokenStore::remove(&*world.store, places[1].id())).unwrap();
    end_all(&world, at(1)).unwrap();
    world.refresh(UUID, at(2)).assert_error(400, "invalid_grant");
}

/// In her place or not, bob's ends none of alice's logins.
#[test]
fn a_cut_off_is_believed_by_whose_it_is() {
    let [alices, bobs] = ["alice", "bob"].map(|person| {
        let world = world();
        world.engine.blocking().end_sessions_of(person, at(1)).unwrap().unwrap();
        world.store.grants().remove(0)
    });
    let mut record = bobs.encode();
    record[2..10].copy_from_slice(&alices.id().as_u64().to_be_bytes());
    let world = world();
    world.store.misplace(alices.id(), Grant::decode(&record).unwrap());
    world.refresh(UUID, at(2)).assert_ok();
}
