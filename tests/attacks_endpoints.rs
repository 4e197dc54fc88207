//! Attacks on revocation, introspection and sessions that failed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test fails by panicking")]

mod common;
#[path = "common/portal.rs"]
mod portal;
mod support;

use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use common::{Fault, Reply, at, form};
use portal::{OnShelf, Portal, from, query, redemption, renewal, run};
use regrant::{
    Authorization, BearerErrorKind, Event, GrantId, Lifetimes, MemoryStore, Refusal, RenewalPolicy, Timestamp,
};
use support::faulty::{Fault as Kind, Op, Shelf as FaultyShelf};
use support::schedule::interleave;

/// Every kind of token at every door but its own: refused there, and nothing of it is spent.
#[test]
fn no_token_passes_for_another_kind() {
    for client_id in ["portal", "native"] {
        let world = OnShelf::simple();
        let tokens = world.login(client_id, at(0));
        let code = world.code(client_id, at(0));
        let (refresh, access) = (tokens.refresh_token(), tokens.access_token());
        let stored = world.store.bytes();
        for token in [&refresh, &access] {
            world.redeem(client_id, token, at(1)).assert_error(400, "invalid_grant");
        }
        for token in [&code, &access] {
            world.refresh(client_id, token, at(1)).assert_error(400, "invalid_grant");
        }
        for token in [&code, &refresh] {
            assert_eq!(world.bearer(token, at(1)).unwrap_err().kind(), BearerErrorKind::InvalidToken);
            assert!(!world.is_active("api", token, at(1)), "a resource learns of neither");
        }
        let reply = world.revoke(client_id, &code, at(1));
        assert_eq!((reply.status, &*reply.body), (200, &b"{}"[..]));
        assert_eq!(world.store.bytes(), stored);
        world.redeem(client_id, &code, at(1)).assert_ok();
        world.refresh(client_id, &refresh, at(1)).assert_ok();
    }
}

#[test]
fn introspection_tells_nobody_of_what_is_not_theirs() {
    let world = OnShelf::simple();
    let first = world.login("portal", at(0));
    let second = world.refresh("portal", &first.refresh_token(), at(1));
    let native = world.login("native", at(1));
    let stored = world.store.bytes();
    for (client, token, is_live) in [
        ("portal", second.refresh_token(), true),
        // A lost response is asked for again in the window, and is a replay after it, which ends nothing here.
        ("portal", first.refresh_token(), true),
        ("portal", second.access_token(), true),
        ("portal", native.access_token(), false),
        ("portal", native.refresh_token(), false),
        ("rival", second.access_token(), false),
        ("rival", second.refresh_token(), false),
        ("api", second.access_token(), true),
        ("api", native.access_token(), true),
        ("api", second.refresh_token(), false),
        ("api", native.refresh_token(), false),
        ("api", common::altered(&native.access_token(), 50), false),
        ("api", "x".repeat(8_000), false),
    ] {
        assert_eq!(world.is_active(client, &token, at(2)), is_live, "{client} {token}");
    }
    assert!(!world.is_active("portal", &first.refresh_token(), at(121)));
    // Whoever cannot authenticate learns nothing, whether the client is there or not.
    let strangers = [("native", form("token=x&client_id=native")), ("nobody", form("token=x&client_id=nobody"))];
    let replies = strangers.map(|(_, ask)| Reply::of(&run(world.engine.introspect(&ask.request(), at(2)))));
    replies[0].assert_error(401, "invalid_client");
    assert_eq!(replies[0], replies[1]);
    assert_eq!(world.introspect("native", &native.access_token(), at(2)), replies[0]);
    world.introspect("portal", "", at(2)).assert_error(400, "invalid_request");
    world.introspect("portal", "x&token=y", at(2)).assert_error(400, "invalid_request");
    assert_eq!(world.store.bytes(), stored);
    // Not renewable looks like any other, and is not live.
    let never = OnShelf::on_shelf(|builder| builder.renewal(RenewalPolicy::Never));
    let token = never.login("portal", at(0)).refresh_token();
    assert!(!never.is_active("portal", &token, at(1)));
}

/// 503 means nobody knows; only a store that answered says that a token is not live, or is revoked.
#[test]
fn a_store_that_fails_is_no_answer() {
    let world = OnShelf::simple();
    let tokens = world.login("portal", at(0));
    let stored = world.store.bytes();
    for token in [tokens.refresh_token(), tokens.access_token()] {
        world.store.fail_next(Fault::LoadFails);
        world.introspect("portal", &token, at(1)).assert_error(503, "temporarily_unavailable");
        world.store.fail_next(Fault::LoadFails);
        world.revoke("portal", &token, at(1)).assert_error(503, "temporarily_unavailable");
        world.store.fail_next(Fault::LoadFails);
        let refused = world.bearer(&tokens.access_token(), at(1)).unwrap_err();
        assert_eq!(refused.kind(), BearerErrorKind::Unavailable);
    }
    world.store.fail_next(Fault::SwapNotApplied);
    world.revoke("portal", &tokens.access_token(), at(1)).assert_error(503, "temporarily_unavailable");
    world.store.fail_next(Fault::RemoveFails);
    world.revoke("portal", &tokens.refresh_token(), at(1)).assert_error(503, "temporarily_unavailable");
    assert_eq!(world.store.bytes(), stored);
    for fault in [Fault::SwapLost, Fault::SwapAppliedAndReplyLost] {
        let access = world.login("portal", at(1)).access_token();
        world.store.fail_next(fault);
        assert_eq!(world.revoke("portal", &access, at(1)).status, 200);
        assert!(world.bearer(&access, at(1)).is_err());
    }
    world.store.fail_next(Fault::RemoveAppliedAndReplyLost);
    world.revoke("portal", &tokens.refresh_token(), at(2)).assert_error(503, "temporarily_unavailable");
    assert_eq!(world.revoke("portal", &tokens.refresh_token(), at(2)).status, 200);
}

#[test]
fn revocation_ends_what_is_ones_own_and_nothing_else() {
    let world = OnShelf::simple();
    let first = world.login("native", at(0));
    let second = world.refresh("native", &first.refresh_token(), at(1));
    let stored = world.store.bytes();
    for client in ["portal", "rival", "api"] {
        for token in [first.refresh_token(), second.refresh_token(), second.access_token()] {
            assert_eq!(world.revoke(client, &token, at(2)).body, b"{}");
        }
    }
    for token in ["x", "", "e30.e30.e30", &common::forged(&second.refresh_token())] {
        let status = if token.is_empty() { 400 } else { 200 };
        assert_eq!(world.revoke("native", token, at(2)).status, status);
    }
    assert_eq!(world.store.bytes(), stored);
    // Access tokens of before are dead, those of after are not their business.
    assert_eq!(world.revoke("native", &first.access_token(), at(2)).status, 200);
    assert!(world.bearer(&second.access_token(), at(2)).is_err());
    let third = world.refresh("native", &second.refresh_token(), at(3));
    let stored = world.store.bytes();
    assert_eq!(world.revoke("native", &second.access_token(), at(3)).status, 200);
    assert_eq!(world.store.bytes(), stored, "of an old epoch");
    assert!(world.bearer(&third.access_token(), at(3)).is_ok());
    assert_eq!(world.revoke("native", &third.access_token(), at(3_700)).status, 200);
    assert_eq!(world.store.bytes(), stored, "expired");
    // The oldest refresh token there is ends it all, without an alarm.
    world.events.take();
    assert_eq!(world.revoke("native", &first.refresh_token(), at(4_000)).status, 200);
    assert_eq!(world.events.names(), ["Revoked"]);
    assert!(world.store.bytes().is_empty());
}

/// In every order of their steps: the access tokens of before are dead, and the refresh token goes on.
#[test]
fn a_revocation_of_access_tokens_and_a_rotation_both_take_place() {
    for order in 0..1_024_u32 {
        let order: Vec<u8> = (0..10).map(|bit| u8::from(order & (1 << bit) != 0)).collect();
        let shelf = FaultyShelf::of(MemoryStore::builder().shards(1).build());
        let world = Portal::new(Arc::clone(&shelf), [], |builder| builder);
        let first = world.login("portal", at(0));
        let asks = [
            from("portal", &renewal(&first.refresh_token())),
            from("portal", &format!("token={}", first.access_token())),
        ];
        let [refresh, revoke] = &asks;
        let replies = interleave::<Reply>(
            vec![
                Box::pin(async { Reply::of(&world.engine.token(&refresh.request(), at(1)).await) }),
                Box::pin(async { Reply::of(&world.engine.revoke(&revoke.request(), at(1)).await) }),
            ],
            &order,
        );
        assert_eq!((replies[0].status, replies[1].status), (200, 200), "{order:?}");
        assert!(world.bearer(&first.access_token(), at(2)).is_err());
        world.refresh("portal", &replies[0].refresh_token(), at(2)).assert_ok();
        assert!(world.events.names().iter().all(|name| name != "ReplayFound"));
    }
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
            assert!(!run(world.engine.end_session(other, id)).unwrap());
        }
    }
    assert!(run(world.engine.sessions("bob", None, 9, at(1))).unwrap().sessions.is_empty());
    assert_eq!(run(world.engine.end_all("portal")).unwrap(), 0);
    assert_eq!(world.store.bytes(), stored);
    let sessions = run(world.engine.sessions("alice", None, 9, at(1))).unwrap().sessions;
    assert_eq!(sessions.len(), 1, "a code is no session");
    world.redeem("portal", &code, at(1)).assert_ok();
    assert_eq!(run(world.engine.sessions("alice", None, 9, at(1))).unwrap().sessions.len(), 2);
    world.engine.end_all_before(at(1));
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
    assert_eq!(run(world.engine.end_all("alice")).unwrap(), 700);
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
    for fault in [Kind::None, Kind::LostAfter, Kind::None, Kind::LostBefore] {
        world.store.plan(Op::Remove, fault);
    }
    assert!(run(world.engine.end_all("alice")).is_err());
    assert!(run(world.engine.end_all("alice")).is_err());
    assert!(run(world.engine.end_all("alice")).is_ok());
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
        assert!(run(world.engine.end_session("alice", id)).unwrap());
        let reply = (!done).then(|| run(refresh)).filter(|reply| reply.status == 200);
        assert!(world.store.stored().is_empty());
        // It had taken its step, and what it hands out is dead.
        assert!(reply.is_none_or(|reply| world.bearer(&reply.access_token(), at(2)).is_err()));
    }
}

/// A record set back to before its access tokens were revoked: they live again, which the documentation of a store warns
/// of, but a token of the later epoch lets in and takes nothing back.
#[test]
fn an_epoch_ahead_of_the_record_is_genuine() {
    let world = OnShelf::simple();
    let first = world.login("portal", at(0));
    let [before] = &world.store.grants()[..] else { panic!("one grant") };
    world.revoke("portal", &first.access_token(), at(1));
    let second = world.refresh("portal", &first.refresh_token(), at(2));
    world.store.misplace(before.id(), before.clone());
    assert!(world.bearer(&second.access_token(), at(3)).is_ok());
    // Revoking it revokes the earlier ones with it.
    world.revoke("portal", &second.access_token(), at(3));
    for access in [first.access_token(), second.access_token()] {
        assert!(world.bearer(&access, at(4)).is_err());
    }
}

/// Times at both ends, and lifetimes of nothing: an answer each time.
#[test]
fn no_clock_makes_these_endpoints_panic() {
    let ends = [Timestamp::EPOCH, at(0), Timestamp::from_secs(u64::from(u32::MAX)), Timestamp::MAX];
    let lifetimes = Lifetimes::default().with_idle(Duration::from_millis(1)).with_access_token(Duration::from_secs(1));
    for (login, now) in ends.into_iter().flat_map(|login| ends.map(|now| (login, now))) {
        let world = OnShelf::on_shelf(|builder| builder.lifetimes(lifetimes));
        let code = world.code("portal", login);
        let reply = world.redeem("portal", &code, login);
        if reply.status == 200 {
            for token in [reply.refresh_token(), reply.access_token(), code] {
                assert_eq!(world.introspect("portal", &token, now).status, 200);
                assert_eq!(world.revoke("portal", &token, now).status, 200);
            }
        }
        assert!(run(world.engine.sessions("alice", None, 0, now)).is_ok());
    }
}

/// What a host is told of each refusal of a code names the reason; what the wire says does not.
#[test]
fn the_host_hears_the_reason_that_the_wire_keeps_to_itself() {
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let world = OnShelf::on_shelf(|builder| {
        builder.events(move |event: &Event<'_>| {
            if let Event::Refused { why, .. } = event {
                sink.lock().unwrap().push(*why);
            }
        })
    });
    let code = world.code("portal", at(0));
    let right = redemption("portal", &code);
    world.redeem("rival", &code, at(1));
    world.token("portal", &right.replace("/cb", "/other"), at(1));
    world.token("portal", &right.replace("code_verifier=d", "code_verifier=e"), at(1));
    world.redeem("portal", &common::forged(&code), at(1));
    world.redeem("portal", &code, at(60));
    let reasons = [Refusal::AnotherClient, Refusal::RedirectUri, Refusal::Verifier, Refusal::Mac, Refusal::Expired];
    assert_eq!(*seen.lock().unwrap(), reasons);
}
