//! What is logged in where, and the end of it.

use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use regrant::{Authorization, GrantId, Lifetimes, MemoryStore};

use crate::kit::bank::{APP, PORTAL, Query, bank, portal_form};
use crate::kit::portal::{OnShelf, Portal, from, query, renewal, run};
use crate::kit::store::faulty::{Fault, Op, Shelf as FaultyShelf};
use crate::kit::{Reply, at};

#[test]
fn codes_that_nobody_redeemed_are_no_sessions() {
    let world = bank();
    let blocking = world.engine.blocking();
    world.authorize(&Query::app(), at(0)).code();
    assert!(blocking.sessions("alice", None, 10, at(1)).unwrap().unwrap().sessions.is_empty());
    let tokens = world.log_in(at(2));
    world.send(&portal_form(&format!("grant_type=refresh_token&refresh_token={}", tokens.refresh_token())), at(9));
    let page = blocking.sessions("alice", None, 10, at(10)).unwrap().unwrap();
    let [session] = page.sessions.as_slice() else { panic!("one session") };
    assert_eq!((session.client_id(), session.scope().as_str()), (PORTAL, "openid email"));
    assert_eq!((session.created_at(), session.last_refreshed_at()), (at(2), at(9)));
    assert_eq!(session.expires_at(), at(9 + 30 * 86_400));
    let shown = format!("{session:?}");
    assert!(!shown.contains("alice"), "{shown}");
    assert!(blocking.sessions("bob", None, 10, at(10)).unwrap().unwrap().sessions.is_empty());
    assert!(blocking.sessions("alice", None, 10, session.expires_at()).unwrap().unwrap().sessions.is_empty());
}

#[test]
fn one_is_ended_by_its_owner_alone() {
    let world = bank();
    let blocking = world.engine.blocking();
    let (one, other) = (world.log_in(at(0)), world.log_in(at(1)));
    let page = blocking.sessions("alice", None, 10, at(2)).unwrap().unwrap();
    let id = page.sessions[0].id();
    assert!(!blocking.end_session("bob", id, regrant::Timestamp::EPOCH).unwrap().unwrap(), "another's");
    assert!(!blocking.end_session("", id, regrant::Timestamp::EPOCH).unwrap().unwrap());
    assert!(!blocking.end_session("alice", GrantId::from_u64(7), regrant::Timestamp::EPOCH).unwrap().unwrap());
    assert_eq!(world.store.grants().len(), 2);
    world.events.take();
    assert!(blocking.end_session("alice", id, regrant::Timestamp::EPOCH).unwrap().unwrap());
    assert!(!blocking.end_session("alice", id, regrant::Timestamp::EPOCH).unwrap().unwrap(), "once");
    assert_eq!(world.events.names(), ["Revoked"]);
    let alive = [&one, &other].map(|tokens| world.lets_in(&tokens.access_token(), at(3)));
    assert_eq!(alive.iter().filter(|alive| **alive).count(), 1);
}

/// A store that fails has not said that there is none.
#[test]
fn a_store_that_fails_is_no_answer() {
    let world = bank();
    let blocking = world.engine.blocking();
    world.log_in(at(0));
    let id = world.store.grants()[0].id();
    for fault in [crate::kit::Fault::LoadFails, crate::kit::Fault::ListFails] {
        world.store.fail_next(fault);
        assert_eq!(blocking.end_session("alice", id, at(1)).unwrap().is_err(), fault == crate::kit::Fault::LoadFails);
        assert_eq!(world.store.grants().len(), usize::from(fault == crate::kit::Fault::LoadFails));
    }
    assert!(blocking.sessions("alice", None, 10, at(2)).unwrap().is_err(), "the list is still to fail");
    assert!(blocking.sessions("alice", None, 10, at(2)).unwrap().unwrap().sessions.is_empty());
}

#[test]
fn all_sessions_of_a_subject_or_a_client_end_at_once() {
    let world = bank();
    let tokens = world.log_in(at(0));
    let code = world.authorize(&Query::portal(), at(1)).code();
    assert_eq!(world.engine.blocking().end_sessions_of("alice", regrant::Timestamp::EPOCH).unwrap().unwrap(), 2);
    assert!(!world.lets_in(&tokens.access_token(), at(2)));
    world.redeem_portal(&code, at(2)).assert_error(400, "invalid_grant");
    assert_eq!(world.engine.blocking().end_sessions_of("alice", regrant::Timestamp::EPOCH).unwrap().unwrap(), 0);

    let tokens = world.log_in(at(10));
    let client = world.engine.clients().get(PORTAL).unwrap();
    client.void_grants_before(at(11));
    client.void_grants_before(at(5));
    assert!(!world.lets_in(&tokens.access_token(), at(11)));
    let body = format!("grant_type=refresh_token&refresh_token={}", tokens.refresh_token());
    world.send(&portal_form(&body), at(11)).assert_error(400, "invalid_grant");
    assert!(world.engine.blocking().sessions("alice", None, 10, at(11)).unwrap().unwrap().sessions.is_empty());
    assert!(world.lets_in(&world.log_in(at(11)).access_token(), at(12)), "those that come after are good");
    assert!(world.engine.clients().get(APP).is_some());
}

/// Claim: a session is "a grant whose tokens were handed out and still work", and `expires_at` is "when nothing of it works
/// any more". The record of a code is kept for 60 s to find a second redemption, and is listed for as long.
#[test]
fn a_session_of_which_nothing_works_is_none() {
    let lifetimes = Lifetimes::default().with_access_token(Duration::from_secs(5));
    let world = OnShelf::on_shelf(|builder| builder.lifetimes(lifetimes));
    let landing = world.approve(&query("portal"), Authorization::of("alice").without_refresh_token(), at(0));
    let reply = world.redeem("portal", landing.get("code").unwrap(), at(0));
    assert!(world.bearer(&reply.access_token(), at(4)).is_ok());
    assert!(world.bearer(&reply.access_token(), at(5)).is_err());
    let sessions = run(world.engine.sessions("alice", None, 10, at(6))).unwrap().sessions;
    assert!(sessions.is_empty(), "{sessions:?}");
}

#[test]
fn a_session_is_ended_by_its_own_subject_alone() {
    let world = OnShelf::simple();
    world.login("portal", at(0));
    let code = world.code("portal", at(0));
    world.token("portal", "grant_type=client_credentials", at(0)).assert_ok();
    let stored = world.store.bytes();
    for id in world.store.grants().iter().map(regrant::Grant::id).chain([GrantId::from_u64(0)]) {
        for other in ["bob", "", "Alice", "alice ", "alic", "portal"] {
            assert!(!run(world.engine.end_session(other, id, regrant::Timestamp::EPOCH)).unwrap());
        }
    }
    assert!(run(world.engine.sessions("bob", None, 9, at(1))).unwrap().sessions.is_empty());
    assert_eq!(run(world.engine.end_sessions_of("portal", regrant::Timestamp::EPOCH)).unwrap(), 0);
    assert_eq!(world.store.bytes(), stored);
    let sessions = run(world.engine.sessions("alice", None, 9, at(1))).unwrap().sessions;
    assert_eq!(sessions.len(), 1, "a code is no session");
    world.redeem("portal", &code, at(1)).assert_ok();
    assert_eq!(run(world.engine.sessions("alice", None, 9, at(1))).unwrap().sessions.len(), 2);
    world.engine.void_grants_before(at(1));
    assert!(run(world.engine.sessions("alice", None, 9, at(2))).unwrap().sessions.is_empty(), "voided");
}

/// Over many pages, while others come and go: what was there before is gone after.
#[test]
fn end_all_is_complete_over_many_pages() {
    let world = Portal::new(Arc::new(MemoryStore::new()), [], |builder| builder);
    let tokens: Vec<Reply> = (0..700).map(|_| world.login("portal", at(0))).collect();
    let codes: Vec<String> = (0..100).map(|_| world.code("native", at(0))).collect();
    let bob = world.approve(&query("portal"), Authorization::of("bob"), at(0)).get("code").unwrap().to_owned();
    for gone in tokens.iter().step_by(7) {
        world.revoke("portal", &gone.refresh_token(), at(0));
    }
    assert_eq!(run(world.engine.end_sessions_of("alice", regrant::Timestamp::EPOCH)).unwrap(), 700);
    for reply in &tokens {
        assert!(world.bearer(&reply.access_token(), at(1)).is_err());
    }
    for code in &codes {
        world.redeem("native", code, at(1)).assert_error(400, "invalid_grant");
    }
    world.redeem("portal", &bob, at(1)).assert_ok();
    assert_eq!(world.store.len(), 1);
    // A store that fails half way says so, and the rest is ended by the next call.
    let shelf = FaultyShelf::of(MemoryStore::new());
    let world = Portal::new(Arc::clone(&shelf), [], |builder| builder);
    let logins = [(); 5].map(|()| world.login("portal", at(0)));
    for fault in [Fault::None, Fault::LostAfter, Fault::None, Fault::LostBefore] {
        world.store.plan(Op::Remove, fault);
    }
    assert!(run(world.engine.end_sessions_of("alice", regrant::Timestamp::EPOCH)).is_err());
    assert!(run(world.engine.end_sessions_of("alice", regrant::Timestamp::EPOCH)).is_err());
    assert!(run(world.engine.end_sessions_of("alice", regrant::Timestamp::EPOCH)).is_ok());
    assert!(logins.iter().all(|reply| world.bearer(&reply.access_token(), at(1)).is_err()));
}

/// A refresh is in flight while the session is ended.
#[test]
fn a_refresh_in_flight_revives_no_ended_session() {
    for polls in 0..8 {
        let shelf = FaultyShelf::of(MemoryStore::builder().shards(1).build());
        let world = Portal::new(Arc::clone(&shelf), [], |builder| builder);
        let first = world.login("portal", at(0));
        let ask = from("portal", &renewal(&first.refresh_token()));
        let mut refresh = Box::pin(async { Reply::of(&world.engine.token(&ask.request(), at(1)).await) });
        let mut context = Context::from_waker(Waker::noop());
        let done = (0..polls).any(|_| refresh.as_mut().poll(&mut context).is_ready());
        let id = run(world.engine.sessions("alice", None, 1, at(1))).unwrap().sessions[0].id();
        assert!(run(world.engine.end_session("alice", id, regrant::Timestamp::EPOCH)).unwrap());
        let reply = (!done).then(|| run(refresh)).filter(|reply| reply.status == 200);
        assert!(world.store.stored().is_empty());
        // It had taken its step, and what it hands out is dead.
        assert!(reply.is_none_or(|reply| world.bearer(&reply.access_token(), at(2)).is_err()));
    }
}

/// A person takes back what they allowed one client: everything there ends, and nothing elsewhere.
#[test]
fn what_a_person_has_at_one_client_ends_alone() {
    for realm in [None, Some("shop")] {
        let world = OnShelf::on_shelf(|builder| match realm {
            Some(realm) => builder.realm(realm),
            None => builder,
        });
        let at_portal = [world.login("portal", at(0)), world.login("portal", at(0))];
        let elsewhere = world.login("native", at(0));
        let code = world.code("portal", at(1));
        let bob = world.approve(&query("portal"), Authorization::of("bob"), at(1)).get("code").unwrap().to_owned();
        let bob = world.redeem("portal", &bob, at(1));
        let left = |subject, client| run(world.engine.has_grants_at(subject, client, at(2))).unwrap();
        assert!(left("alice", "portal") && left("alice", "native") && left("bob", "portal"));
        assert!(!left("alice", "rival") && !left("carol", "portal"));
        assert_eq!(run(world.engine.end_sessions_at("alice", "rival", regrant::Timestamp::EPOCH)).unwrap(), 0);
        assert_eq!(run(world.engine.end_sessions_at("alice", "portal", regrant::Timestamp::EPOCH)).unwrap(), 3);
        assert!(!left("alice", "portal") && left("alice", "native") && left("bob", "portal"));
        for gone in &at_portal {
            assert!(world.bearer(&gone.access_token(), at(2)).is_err());
            world.refresh("portal", &gone.refresh_token(), at(2)).assert_error(400, "invalid_grant");
        }
        world.redeem("portal", &code, at(2)).assert_error(400, "invalid_grant");
        for there in [&elsewhere, &bob] {
            assert!(world.bearer(&there.access_token(), at(2)).is_ok());
        }
        assert_eq!(run(world.engine.end_sessions_at("alice", "portal", regrant::Timestamp::EPOCH)).unwrap(), 0);
    }
}

/// More than one page of the store's.
#[test]
fn all_pages_of_one_client_are_ended() {
    let world = Portal::new(Arc::new(MemoryStore::new()), [], |builder| builder);
    for client in ["portal", "native"] {
        for _ in 0..300 {
            world.code(client, at(0));
        }
    }
    assert_eq!(run(world.engine.end_sessions_at("alice", "portal", regrant::Timestamp::EPOCH)).unwrap(), 300);
    assert!(!run(world.engine.has_grants_at("alice", "portal", at(1))).unwrap());
    assert_eq!(run(world.engine.end_sessions_of("alice", regrant::Timestamp::EPOCH)).unwrap(), 300);
}

/// A code counts while it can be redeemed; what has expired or is void does not.
#[test]
fn what_nothing_can_come_of_is_not_left() {
    let world = OnShelf::simple();
    let left = |now| run(world.engine.has_grants_at("alice", "portal", now)).unwrap();
    world.code("portal", at(0));
    assert!(left(at(59)) && !left(at(60)));
    let tokens = world.login("portal", at(100));
    let end = 100 + 30 * 86_400;
    assert!(left(at(101)) && left(at(end - 1)) && !left(at(end)));
    world.engine.void_grants_before(at(200));
    assert!(!left(at(201)));
    assert!(world.bearer(&tokens.access_token(), at(201)).is_err());
}

/// Of what cannot be read nobody can say that it is nothing.
#[test]
fn records_that_cannot_be_read_are_left_until_they_are_ended() {
    let world = OnShelf::simple();
    world.login("portal", at(0));
    world.store.damage(world.store.grants()[0].id());
    assert!(!run(world.engine.has_grants_at("alice", "native", at(1))).unwrap(), "of another client");
    assert_eq!(run(world.engine.end_sessions_at("alice", "native", regrant::Timestamp::EPOCH)).unwrap(), 0);
    assert!(world.engine.blocking().has_grants_at("alice", "portal", at(1)).unwrap().unwrap());
    world.events.take();
    assert_eq!(run(world.engine.end_sessions_at("alice", "portal", regrant::Timestamp::EPOCH)).unwrap(), 1);
    assert_eq!(world.events.names(), ["UnreadableRevoked"]);
    assert!(!run(world.engine.has_grants_at("alice", "portal", at(1))).unwrap());
}
