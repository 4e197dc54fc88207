//! Attacks on the refresh token (RFC 6749 section 10.4, RFC 9700 section 4.14), and accidents that look like one: probes,
//! clocks that differ, requests that are overtaken, a store that is full, keys rolled out in the wrong order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use regrant::engine::{BearerErrorKind, HookError, IssueDecision, IssueHook, IssueRequest};
use regrant::wire::ResponseStyle;
use regrant::{Engine, Key, MemoryStore, Request, Scope, StaticClients, Timestamp};

use crate::kit::{Events, LOGIN, Password, Reply, SECRET, Shelf, World, app, at, form, renewal, scope};

/// A thief finds out whether a token is still current: nothing is consumed, and nothing is extended by it.
#[test]
fn a_probe_with_a_scope_that_is_refused_keeps_nothing_alive_and_hides_no_replay() {
    let world = World::simple();
    let first = world.login(at(0)).refresh_token();
    let second = world.refresh(&first, at(1)).refresh_token();
    let stored = world.store.bytes();
    for probe in ["unheard-of", "%22", "admin"] {
        for token in [&second, &first] {
            let probe = format!("{}&scope={probe}", renewal(token));
            world.post(&probe, at(2)).assert_error(400, "invalid_scope");
        }
        assert_eq!(world.store.bytes(), stored);
    }
    world.refresh(&second, at(3)).assert_ok();
    world.events.take();
    world.post(&format!("{}&scope=%22", renewal(&first)), at(4)).assert_error(400, "invalid_grant");
    assert_eq!(world.events.names(), ["ReplayFound", "Revoked"]);
    assert!(world.store.bytes().is_empty());
}

/// A thief looks for a node whose clock is behind, to present a stolen token without being found out.
#[test]
fn a_node_whose_clock_is_behind_serves_no_thief() {
    let world = World::simple();
    let first = world.login(at(0)).refresh_token();
    world.refresh(&first, at(1_000)).assert_ok();
    let stored = world.store.bytes();
    world.events.take();
    for secs in [0, 500, 994] {
        let reply = world.refresh(&first, at(secs));
        reply.assert_error(503, "temporarily_unavailable");
        assert_eq!(world.store.bytes(), stored);
        let events = world.events.take();
        assert!(events.len() == 1 && events[0].contains("ClockBehind"), "{events:?}");
    }
    // Put off, not hidden.
    world.refresh(&first, at(1_120)).assert_error(400, "invalid_grant");
    assert_eq!(world.events.names(), ["ReplayFound", "Revoked"]);

    // And what is older than the predecessor is found by any clock.
    let first = world.login(at(2_000)).refresh_token();
    let second = world.refresh(&first, at(3_000)).refresh_token();
    world.refresh(&second, at(3_001)).assert_ok();
    world.refresh(&first, at(2_000)).assert_error(400, "invalid_grant");
    assert!(world.store.bytes().is_empty());
}

/// Lets one call wait once, and all others through.
#[derive(Clone, Default)]
struct Gate(Arc<AtomicBool>);

impl IssueHook for Gate {
    async fn on_issue(&self, _: &IssueRequest<'_>) -> Result<IssueDecision, HookError> {
        let waits = || self.0.swap(false, Ordering::Relaxed);
        std::future::poll_fn(|_| if waits() { Poll::Pending } else { Poll::Ready(Ok(IssueDecision::Allow)) }).await
    }
}

/// A thief's request is in flight while the owner takes two steps: it is no proof of theft, the next one is.
#[test]
fn a_thief_who_was_overtaken_gets_nothing_and_is_found_by_the_next_try() {
    let gate = Gate::default();
    let world = World::new([app()], |builder| builder.grant_handler(Password).on_issue(gate.clone()));
    let first = world.login(at(0)).refresh_token();
    let ask = form(renewal(&first)).basic("app", SECRET);
    gate.0.store(true, Ordering::Relaxed);
    let thief = async { Reply::of(&world.engine.token(&ask.request(), at(1)).await) };
    let mut thief = std::pin::pin!(thief);
    let mut context = Context::from_waker(Waker::noop());
    assert!(thief.as_mut().poll(&mut context).is_pending());
    let second = world.refresh(&first, at(1)).refresh_token();
    let third = world.refresh(&second, at(1)).refresh_token();
    let stored = world.store.bytes();
    let Poll::Ready(reply) = thief.as_mut().poll(&mut context) else { panic!("still waiting") };
    reply.assert_error(503, "temporarily_unavailable");
    assert_eq!(world.store.bytes(), stored);
    world.events.take();
    world.refresh(&first, at(2)).assert_error(400, "invalid_grant");
    assert_eq!(world.events.names(), ["ReplayFound", "Revoked"]);
    world.refresh(&third, at(2)).assert_error(400, "invalid_grant");
}

/// Clocks at every end, and jumps between them.
#[test]
fn no_clock_makes_it_panic_or_a_token_outlive_its_grant() {
    let ends =
        [0, 1, u64::from(u32::MAX) * 1_000, (1 << 32) * 1_000, 253_402_300_799_000, 253_402_300_800_000, 1 << 63];
    let times = ends.map(Timestamp::from_millis).into_iter().chain([Timestamp::MAX, at(0)]);
    for style in [ResponseStyle::Rfc6749, ResponseStyle::Katana] {
        for (login, later) in times.clone().flat_map(|login| times.clone().map(move |later| (login, later))) {
            let world = World::new([app()], |builder| builder.grant_handler(Password).response_style(style));
            let reply = world.login(login);
            reply.assert_ok();
            let access = format!("Bearer {}", reply.access_token());
            let request = Request::new("GET", b"").with_header("authorization", access.as_bytes());
            for now in [later, login, later + Duration::from_secs(3_600), Timestamp::MAX] {
                let ends = world.store.grants()[0].expires_at();
                match world.engine.blocking().bearer(&request, &Scope::empty(), now).unwrap() {
                    Ok(access) => assert!(now < access.expires_at() && access.expires_at() <= ends),
                    Err(refused) => assert_eq!(refused.kind(), BearerErrorKind::InvalidToken),
                }
                let status = world.refresh(&reply.refresh_token(), now).status;
                assert!(matches!(status, 200 | 400 | 503), "{status}");
                if world.store.bytes().is_empty() {
                    break;
                }
            }
        }
    }
}

/// Every bit of the mask, at the greatest length a scope can have.
#[test]
fn no_bit_of_the_mask_widens_a_scope() {
    let names: Vec<String> = (0..64).map(|at| format!("s{at}")).collect();
    let all = names.join(" ");
    let client = app().scope(scope(&all)).default_scope(scope(&all));
    let world = World::new([client], |builder| builder.grant_handler(Password));
    let mut token = world.login(at(0)).refresh_token();
    for (place, name) in names.iter().enumerate() {
        let others = names.iter().filter(|other| *other != name).cloned().collect::<Vec<_>>().join("+");
        for (asked, is_in) in [(name.clone(), true), (others, false)] {
            let reply = world.post(&format!("{}&scope={asked}", renewal(&token)), at(1));
            token = reply.refresh_token();
            let access = format!("Bearer {}", reply.access_token());
            let request = Request::new("GET", b"").with_header("authorization", access.as_bytes());
            let access = world.engine.blocking().bearer(&request, &Scope::empty(), at(1)).unwrap().unwrap();
            assert_eq!(access.scope().as_str(), asked.replace('+', " "));
            assert_eq!(access.scope().contains(name), is_in);
            let next = world.engine.blocking().bearer(&request, &scope(&names[(place + 1) % 64]), at(1)).unwrap();
            assert_eq!(next.is_ok(), !is_in);
        }
    }
}

/// One user fills the store: that keeps others from logging in, and nothing else.
#[test]
fn a_store_that_was_filled_up_still_rotates_and_still_finds_replays() {
    let clients = StaticClients::new().with(app().build().unwrap()).unwrap();
    let store = MemoryStore::builder().capacity(100).shards(4).build();
    let engine = Engine::builder(store, clients).grant_handler(Password).build().unwrap();
    let send = |body: &str, now| {
        let ask = form(body).basic("app", SECRET);
        Reply::of(&engine.blocking().token(&ask.request(), now).unwrap())
    };
    let first = send(LOGIN, at(0)).refresh_token();
    while send(LOGIN, at(0)).status == 200 {}
    send(LOGIN, at(0)).assert_error(503, "temporarily_unavailable");
    let second = send(&renewal(&first), at(1)).refresh_token();
    send(&renewal(&second), at(2)).assert_ok();
    send(&renewal(&first), at(3)).assert_error(400, "invalid_grant");
    assert_eq!(engine.store().len(), 99);
    send(LOGIN, at(4)).assert_ok();
    send(LOGIN, at(4)).assert_error(503, "temporarily_unavailable");
}

/// A node whose clock says 1970 refreshes a session; on the other nodes it must live on.
#[test]
fn a_clock_far_behind_ends_no_session() {
    let world = World::simple();
    let first = world.login(at(0)).refresh_token();
    let second = world.refresh(&first, Timestamp::from_secs(10)).refresh_token();
    world.refresh(&second, at(60)).assert_ok();
}

/// Keys were rolled out in the wrong order: a retry reaches a node that has not got the record's key.
#[test]
fn a_retry_on_a_node_without_the_records_key_may_be_sent_again() {
    let store = Arc::new(Shelf::default());
    let events = Events::default();
    let key = |id| Key::from_bytes(id, &[id; 32]);
    let engine = |signing: Key, accepted: Option<Key>| {
        let clients = StaticClients::new().with(app().build().unwrap()).unwrap();
        let builder =
            Engine::builder(Arc::clone(&store), clients).grant_handler(Password).events(events.clone()).key(signing);
        accepted.into_iter().fold(builder, regrant::EngineBuilder::accept_key).build().unwrap()
    };
    let (old, new) = (engine(key(1), None), engine(key(2), Some(key(1))));
    let send = |engine: &Engine<Arc<Shelf>, StaticClients>, body: &str, secs| {
        Reply::of(&engine.blocking().token(&form(body).basic("app", SECRET).request(), at(secs)).unwrap())
    };
    let first = send(&old, LOGIN, 0).refresh_token();
    let renewal = renewal(&first);
    let second = send(&new, &renewal, 1).refresh_token();
    let stored = store.bytes();
    send(&old, &renewal, 2).assert_error(503, "temporarily_unavailable");
    assert_eq!(store.bytes(), stored);
    assert_eq!(send(&new, &renewal, 3).refresh_token(), second);
}
