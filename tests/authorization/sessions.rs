//! What is logged in where, and the end of it.

use regrant::GrantId;

use super::world::{APP, PORTAL, Query, bank, portal_form};
use crate::common::at;

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
    assert!(!blocking.end_session("bob", id).unwrap().unwrap(), "another's");
    assert!(!blocking.end_session("", id).unwrap().unwrap());
    assert!(!blocking.end_session("alice", GrantId::from_u64(7)).unwrap().unwrap());
    assert_eq!(world.store.grants().len(), 2);
    world.events.take();
    assert!(blocking.end_session("alice", id).unwrap().unwrap());
    assert!(!blocking.end_session("alice", id).unwrap().unwrap(), "once");
    assert_eq!(world.events.names(), ["Revoked"]);
    let alive = [&one, &other].map(|tokens| world.lets_in(&tokens.access_token(), at(3)));
    assert_eq!(alive.iter().filter(|alive| **alive).count(), 1);
}

#[test]
fn all_of_a_subject_and_all_of_a_client() {
    let world = bank();
    let tokens = world.log_in(at(0));
    let code = world.authorize(&Query::portal(), at(1)).code();
    assert_eq!(world.engine.blocking().end_all("alice").unwrap().unwrap(), 2);
    assert!(!world.lets_in(&tokens.access_token(), at(2)));
    world.redeem_portal(&code, at(2)).assert_error(400, "invalid_grant");
    assert_eq!(world.engine.blocking().end_all("alice").unwrap().unwrap(), 0);

    let tokens = world.log_in(at(10));
    let client = world.engine.clients().get(PORTAL).unwrap();
    client.end_all_before(at(11));
    client.end_all_before(at(5));
    assert!(!world.lets_in(&tokens.access_token(), at(11)));
    let body = format!("grant_type=refresh_token&refresh_token={}", tokens.refresh_token());
    world.send(&portal_form(&body), at(11)).assert_error(400, "invalid_grant");
    assert!(world.engine.blocking().sessions("alice", None, 10, at(11)).unwrap().unwrap().sessions.is_empty());
    assert!(world.lets_in(&world.log_in(at(11)).access_token(), at(12)), "those that come after are good");
    assert!(world.engine.clients().get(APP).is_some());
}
