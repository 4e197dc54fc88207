//! Refresh tokens that another server made: how their logins end, and stay ended.

use crate::kit::foreign::{OldServer, UUID};
use crate::kit::laws::world::{APP, Setup, World as Lawful};
use crate::kit::schedule::{Scheduler, run};
use crate::kit::store::bytes::BytesStore;
use crate::kit::store::faulty::{Fault as Broken, Op, Shelf as Faulty};
use crate::kit::store::stalling::{Hand, Stalling};
use crate::kit::wire::{Answer, Call};
use crate::kit::{Fault, SECRET, app, at, form};
use regrant::engine::{Clock, ForeignLogin};
use regrant::{Authorization, Client, Engine, GrantId, HostData, ResponseFields, StaticClients, TokenStore};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

use super::foreign::{BEGAN, End, end_all, introspect, moved, old, post, revoke, root, sessions, world_of};

/// RFC 7009 section 2. Each way in which a grant ends, and the table that still has the token.
#[test]
fn what_has_ended_is_kept_and_says_nothing() {
    let ways: [(&str, End); 5] = [
        ("revoked by the token", |world, _| assert_eq!(post(world, revoke, UUID, at(10)).status, 200)),
        ("revoked by its successor", |world, own| assert_eq!(post(world, revoke, own, at(10)).status, 200)),
        ("a replay", |world, _| {
            world.refresh(UUID, at(1_000)).assert_error(400, "invalid_grant");
        }),
        ("its session", |world, _| {
            let id = world.store.grants()[0].id();
            assert!(world.engine.blocking().end_session("alice", id, at(10)).unwrap().unwrap());
            assert!(!world.engine.blocking().end_session("alice", id, at(10)).unwrap().unwrap(), "once");
        }),
        ("all sessions", |world, _| assert_eq!((end_all(world, at(10)), end_all(world, at(10))), (1, 0))),
    ];
    for (way, end) in ways {
        let authorization =
            Authorization::of("alice").with_fields(ResponseFields::new().with("name", "Alice").unwrap());
        let authorization =
            authorization.with_host_data(HostData::of("gold").unwrap()).with_acr("mfa").with_amr(["otp"]);
        let old = old().with_login(UUID, "app", ForeignLogin::new(authorization, BEGAN, at(100_000)));
        let world = world_of(app(), &old, |builder| builder);
        let own = world.refresh(UUID, at(0));
        let grant = world.store.grants().into_iter().find(|grant| grant.client_id() == "app").unwrap();
        assert!(grant.acr() == Some("mfa") && grant.amr().eq(["otp"]), "{way}");
        world.events.take();
        end(&world, &own.refresh_token());
        assert_eq!(world.events.names().iter().filter(|name| *name == "Revoked").count(), 1, "{way}");
        let grant = world.store.grants().into_iter().find(|grant| grant.client_id() == "app").unwrap();
        assert!(grant.scope().is_empty() && grant.fields().is_empty() && grant.host_data().is_none(), "{way}");
        assert!(
            grant.acr().is_none()
                && grant.amr().count() == 0
                && !grant.is_renewable()
                && grant.authenticated_at() != Some(BEGAN),
            "{way}"
        );
        assert_eq!((grant.subject(), sessions(&world, at(11))), (Some("alice"), 0), "{way}");
        assert!(!world.engine.blocking().has_grants_at("alice", "app", at(11)).unwrap().unwrap(), "{way}");
        // Until nobody could accept it, by whatever clock.
        assert_eq!(grant.expires_at(), at(100_010), "{way}");
        assert_eq!(run(world.store.purge_expired(at(100_009), 10)).unwrap(), 0, "{way}");
        let before = world.store.bytes();
        old.asked();
        for secs in [11, 2_000, 99_999] {
            for token in [UUID, &own.refresh_token()] {
                world.refresh(token, at(secs)).assert_error(400, "invalid_grant");
                assert_eq!(post(&world, revoke, token, at(secs)).status, 200, "{way}");
                assert_eq!(post(&world, introspect, token, at(secs)).json()["active"], json!(false), "{way}");
            }
        }
        let access = post(&world, introspect, &own.access_token(), at(11));
        assert_eq!(access.json()["active"], json!(false), "{way}");
        assert_eq!(world.store.bytes(), before, "{way}");
        assert!(old.asked().is_empty(), "{way}: the record says it");
        run(world.store.purge_expired(at(100_010), 10)).unwrap();
        world.refresh(UUID, at(100_010)).assert_error(400, "invalid_grant");
        assert!(world.store.grants().iter().all(|grant| grant.client_id() != "app"), "{way}");
    }
}

/// A refresh that is on its way does not undo the end, nor does a store that loses replies.
#[test]
fn an_end_is_one_swap_however_the_store_answers() {
    for fault in [Fault::SwapAppliedAndReplyLost, Fault::SwapNotApplied, Fault::SwapLost] {
        let (world, _) = moved();
        let own = world.refresh(UUID, at(0)).refresh_token();
        world.store.fail_next(fault);
        let status = post(&world, revoke, UUID, at(1)).status;
        let ends = post(&world, revoke, UUID, at(1)).status;
        assert_eq!(ends, 200, "{fault:?}");
        assert!(status == 200 || status == 503, "{fault:?}");
        world.refresh(&own, at(2)).assert_error(400, "invalid_grant");
        world.refresh(UUID, at(2)).assert_error(400, "invalid_grant");
        let revoked = world.events.names().iter().filter(|name| *name == "Revoked").count();
        assert_eq!(revoked, 1, "{fault:?}");
    }
}

/// One that never came here is ended by a record of its own, once however the store answers.
#[test]
fn the_end_of_one_that_never_came_is_one_insert_however_the_store_answers() {
    for (fault, status) in
        [(Fault::InsertLost, 200), (Fault::InsertAppliedAndReplyLost, 200), (Fault::InsertNotApplied, 503)]
    {
        let (world, _) = moved();
        world.store.fail_next(fault);
        assert_eq!(post(&world, revoke, UUID, at(1)).status, status, "{fault:?}");
        assert!(!world.store.fails_yet(), "{fault:?}");
        assert_eq!(post(&world, revoke, UUID, at(1)).status, 200, "{fault:?}");
        assert_eq!(world.store.bytes().len(), 1, "{fault:?}");
        world.refresh(UUID, at(2)).assert_error(400, "invalid_grant");
    }
}

/// "Log me out everywhere" reaches tokens that nobody has presented yet, and a table that is put back from a backup does not undo it.
#[test]
fn a_cut_off_reaches_what_was_never_presented() {
    let old = old().with("later", "app", "alice", at(50)).with("bob's", "app", "bob", BEGAN);
    let world = world_of(app(), &old, |builder| builder);
    assert_eq!(end_all(&world, at(100)), 0);
    let before = world.store.bytes();
    for token in [UUID, "later"] {
        world.refresh(token, at(101)).assert_error(400, "invalid_grant");
        assert_eq!(post(&world, introspect, token, at(101)).json()["active"], json!(false));
    }
    assert_eq!(world.store.bytes(), before, "law 13");
    world.refresh("bob's", at(101)).assert_ok();
    // A login that began afterwards counts, until the next time. A cut-off is moved forward, and never back.
    let old = old.with("new", "app", "alice", at(280)).with("newer", "app", "alice", at(400));
    assert_eq!(end_all(&world, at(300)), 0);
    assert_eq!(end_all(&world, at(250)), 0);
    world.refresh("new", at(401)).assert_error(400, "invalid_grant");
    let newer = world.refresh("newer", at(401)).refresh_token();
    world.refresh(&newer, at(402)).assert_ok();
    // A date that is yet to come is no way round.
    let _ = old.with("of tomorrow", "app", "alice", at(90_000));
    assert_eq!(end_all(&world, at(500)), 1);
    world.refresh("of tomorrow", at(500)).assert_error(400, "invalid_grant");
    // In the same millisecond nobody can tell.
    world.refresh("of tomorrow", at(501)).assert_ok();
}

/// Law 13. One that was taken over while all was ended, and that the end has not reached: whoever asks about it ends nothing.
#[test]
fn asking_about_one_that_is_cut_off_changes_nothing() {
    let (world, _) = moved();
    world.refresh(UUID, at(0)).assert_ok();
    world.store.fail_next(Fault::ListFails);
    assert!(world.engine.blocking().end_sessions_of("alice", at(1)).unwrap().is_err());
    let held = world.store.bytes();
    assert_eq!(post(&world, introspect, UUID, at(2)).json()["active"], json!(false));
    assert_eq!(world.store.bytes(), held);
    world.refresh(UUID, at(3)).assert_error(400, "invalid_grant");
    assert_ne!(world.store.bytes(), held, "whoever presents it does");
}

/// Of two calls at once the later one counts, whichever writes first.
#[test]
fn a_cut_off_is_not_lost_to_an_earlier_one() {
    for (polls, is_there) in (0..20).flat_map(|polls| [(polls, false), (polls, true)]) {
        let store = Faulty::of(BytesStore::default());
        let client = Client::public("public-phone").grant_type("refresh_token").build().unwrap();
        let old = OldServer::default().with(UUID, "public-phone", "alice", at(20));
        let builder = Engine::builder(Arc::clone(&store), StaticClients::new().with(client).unwrap());
        let engine = builder.root_secret(root()).foreign_tokens(old).build().unwrap();
        if is_there {
            run(engine.end_sessions_of("alice", at(1))).unwrap();
        }
        let mut scheduler: Scheduler<'_, usize> = Scheduler::new();
        let task = scheduler.spawn(async { engine.end_sessions_of("alice", at(30)).await.unwrap() });
        let done = (0..polls).find_map(|_| scheduler.poll(task));
        run(engine.end_sessions_of("alice", at(10))).unwrap();
        assert!(done.is_some() || (0..1_000).find_map(|_| scheduler.poll(task)).is_some());
        let answer = Answer::of(&run(engine.token(&Call::refresh("public-phone", UUID).request(), at(40))));
        assert!(answer.is_invalid_grant(), "after {polls} polls, {is_there}");
    }
}

/// Nobody's end fails for a store that loses one reply after the other, nor for refreshes that win each time.
#[test]
fn an_end_is_tried_again_and_again() {
    let store = Faulty::of(BytesStore::default());
    let client = Client::public("public-phone").grant_type("refresh_token").build().unwrap();
    let old = OldServer::default().with(UUID, "public-phone", "alice", BEGAN);
    let old = old.with("later", "public-phone", "alice", at(5));
    let builder = Engine::builder(Arc::clone(&store), StaticClients::new().with(client).unwrap());
    let engine = builder.root_secret(root()).foreign_tokens(old).build().unwrap();
    let refresh =
        |token: &str, secs| Answer::of(&run(engine.token(&Call::refresh("public-phone", token).request(), at(secs))));
    (0..4).for_each(|_| store.plan(Op::Insert, Broken::LostBefore));
    run(engine.end_sessions_of("alice", at(1))).unwrap();
    assert!(refresh(UUID, 2).is_invalid_grant());
    assert!(refresh("later", 6).is_ok());
    (0..20).for_each(|_| store.plan(Op::Swap, Broken::LostBefore));
    let ask = Call::from("public-phone").with("token", "later");
    assert_eq!(run(engine.revoke(&ask.request(), at(7))).status(), 200);
    assert_eq!(store.injected(), 24);
    assert!(refresh("later", 8).is_invalid_grant());
}

/// At one client alone.
#[test]
fn a_cut_off_at_one_client_is_one() {
    let old = old().with("on the phone", "mobile", "alice", BEGAN);
    let world = world_of(app(), &old, |builder| builder);
    assert_eq!(world.engine.blocking().end_sessions_at("alice", "app", at(1)).unwrap().unwrap(), 0);
    world.refresh(UUID, at(2)).assert_error(400, "invalid_grant");
    let phone = form("grant_type=refresh_token&refresh_token=on+the+phone&client_id=mobile");
    world.send(&phone, at(2)).assert_ok();
}

/// It goes when no token counts any more, and is not written then.
#[test]
fn a_cut_off_lasts_as_long_as_the_tokens() {
    let old = old().until(at(1_000));
    let world = world_of(app(), &old, |builder| builder);
    end_all(&world, at(1));
    assert_eq!(run(world.store.purge_expired(at(1_009), 10)).unwrap(), 0);
    world.refresh(UUID, at(999)).assert_error(400, "invalid_grant");
    assert_eq!(run(world.store.purge_expired(at(1_010), 10)).unwrap(), 1);
    world.refresh(UUID, at(1_010)).assert_error(400, "invalid_grant");
    end_all(&world, at(1_010));
    assert!(world.store.bytes().is_empty());
}

/// Whoever comes at the same time: of the two, one sees the other, whether or not a millisecond has passed while it was kept waiting.
#[test]
fn a_login_that_is_taken_over_while_all_is_ended_does_not_stay() {
    for (polls, tick) in (0..40).flat_map(|polls| [0, 1].map(|tick| (polls, Duration::from_millis(tick)))) {
        let what = format!("after {polls} polls of {tick:?}");
        let old = OldServer::default().with(UUID, APP, "alice", BEGAN);
        let world = Lawful::new(Faulty::of(BytesStore::default()), Setup { foreign: Some(old), ..Setup::default() });
        let mut scheduler: Scheduler<'_, Answer> = Scheduler::new();
        let (engine, clock) = (&world.engine, Hand::at(world.now()));
        let request = clock.clone();
        let task = scheduler
            .spawn(async move { Answer::of(&engine.token(&Call::refresh(APP, UUID).request(), request).await) });
        let mut poll = |_| {
            clock.advance(tick);
            world.set_now(clock.read());
            scheduler.poll(task)
        };
        let mut answer = (0..polls).find_map(&mut poll);
        run(world.engine.end_sessions_of("alice", world.now())).unwrap();
        // Dropped, or to its end.
        if polls % 2 == 0 && answer.is_none() {
            answer = (0..1_000).find_map(&mut poll);
        }
        if let Some(answer) = answer.filter(Answer::is_ok) {
            assert!(world.refresh(APP, answer.refresh_token()).is_invalid_grant(), "{what}");
            assert!(!world.lets_in(answer.access_token()));
        }
        assert!(world.refresh(APP, UUID).is_invalid_grant(), "{what}");
        assert!(run(world.engine.sessions("alice", None, 10, world.now())).unwrap().sessions.is_empty());
    }
}

/// RFC 7009. One that has no grant yet is remembered, so that it will never have one.
#[test]
fn a_token_that_was_never_presented_is_revoked_for_good() {
    let (world, old) = moved();
    assert_eq!(post(&world, revoke, "unknown", at(0)).status, 200);
    assert!(world.store.bytes().is_empty());
    assert_eq!(post(&world, revoke, UUID, at(0)).status, 200);
    let [grant] = &world.store.grants()[..] else { panic!("one record") };
    assert_eq!((grant.subject(), grant.scope().is_empty()), (None, true), "nobody's");
    old.asked();
    world.refresh(UUID, at(1)).assert_error(400, "invalid_grant");
    assert_eq!(post(&world, introspect, UUID, at(1)).json()["active"], json!(false));
    assert_eq!(post(&world, revoke, UUID, at(1)).status, 200);
    assert!(old.asked().is_empty());
    // Like a JWT of ours it looks, and is none.
    let _ = old.with("a.b.c", "app", "alice", BEGAN);
    world.refresh("a.b.c", at(2)).assert_ok();
    assert_eq!(post(&world, introspect, "a.b.c", at(2)).json()["active"], json!(true));
    assert_eq!(post(&world, revoke, "a.b.c", at(3)).status, 200);
    world.refresh("a.b.c", at(4)).assert_error(400, "invalid_grant");
}

/// A record that cannot be read cannot say what it came from: then the whole person is cut off.
#[test]
fn an_unreadable_record_that_is_ended_does_not_come_back() {
    for all in [false, true] {
        let (world, _) = moved();
        world.refresh(UUID, at(0)).assert_ok();
        let id: GrantId = world.store.grants()[0].id();
        world.store.damage(id);
        world.refresh(UUID, at(1)).assert_error(503, "temporarily_unavailable");
        if all {
            assert_eq!(end_all(&world, at(2)), 1);
        } else {
            assert!(world.engine.blocking().end_session("alice", id, at(2)).unwrap().unwrap());
        }
        world.refresh(UUID, at(3)).assert_error(400, "invalid_grant");
    }
}

/// What has ended is kept until nobody could accept its first token any more, and from then on there is nothing to keep.
#[test]
fn nothing_is_kept_of_what_nobody_accepts_any_more() {
    for (secs, is_kept) in [(909, true), (910, false)] {
        let old = old().with_login(UUID, "app", ForeignLogin::new(Authorization::of("alice"), BEGAN, at(900)));
        let world = world_of(app(), &old, |builder| builder);
        let own = world.refresh(UUID, at(0)).refresh_token();
        assert_eq!(post(&world, revoke, &own, at(secs)).status, 200);
        assert_eq!(world.store.bytes().is_empty(), !is_kept, "{secs}");
        world.refresh(UUID, at(secs)).assert_error(400, "invalid_grant");
        world.refresh(&own, at(secs)).assert_error(400, "invalid_grant");
    }
}

/// That is for as long as clocks differ, both ways, and a write may be on its way.
#[test]
fn a_write_that_is_late_does_not_bring_one_back() {
    let store = Arc::new(Stalling::of(BytesStore::default(), Hand::at(at(0)), Duration::from_secs(7)));
    let old =
        OldServer::default().with_login(UUID, "app", ForeignLogin::new(Authorization::of("alice"), BEGAN, at(900)));
    let builder = Engine::builder(Arc::clone(&store), StaticClients::new().with(app().build().unwrap()).unwrap());
    let engine = builder.root_secret(root()).foreign_tokens(old).clock_skew(Duration::from_secs(3)).build().unwrap();
    let ask = form(format!("token={UUID}")).basic("app", SECRET);
    assert_eq!(run(engine.revoke(&ask.request(), at(1))).status(), 200);
    let purge = |secs| run(store.purge_expired(at(secs), 10)).unwrap();
    assert_eq!((purge(912), purge(913)), (0, 1));
}
