//! Lifetimes that change while the engine serves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use regrant::engine::EngineSlot;
use regrant::{BuildError, Client, Engine, Lifetimes, MemoryStore, StaticClients};

use crate::kit::{LOGIN, OTHER_SECRET, Password, Reply, SECRET, World, app, at, basic, form, renewal, scope, secret};

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

fn lifetimes(access_token: u64, idle: u64, absolute: u64) -> Lifetimes {
    let [access_token, idle, absolute] = [access_token, idle, absolute].map(Duration::from_secs);
    Lifetimes::default().with_access_token(access_token).with_idle(idle).with_absolute(Some(absolute))
}

fn world() -> World {
    World::new([app()], |builder| builder.grant_handler(Password).lifetimes(lifetimes(HOUR, 30 * DAY, 365 * DAY)))
}

fn expires_in(reply: &Reply) -> u64 {
    reply.assert_ok().json()["expires_in"].as_u64().unwrap()
}

fn is_let_in(world: &World, token: &str, secs: u64) -> bool {
    let header = format!("Bearer {token}");
    let request = regrant::Request::new("GET", b"").with_header("authorization", header.as_bytes());
    world.engine.blocking().bearer(&request, &regrant::Scope::empty(), at(secs)).unwrap().is_ok()
}

#[test]
fn they_hold_from_the_next_login_and_the_next_refresh_on() {
    let world = world();
    let before = world.login(at(0));
    assert_eq!(expires_in(&before), HOUR);
    world.engine.set_lifetimes(lifetimes(300, 2 * HOUR, 10 * HOUR)).unwrap();
    let login = world.login(at(0));
    assert_eq!(expires_in(&login), 300);
    let next = world.refresh(&before.refresh_token(), at(1));
    assert_eq!(expires_in(&next), 300);
    // Idle for longer than it may be now.
    world.refresh(&next.refresh_token(), at(1 + 2 * HOUR)).assert_error(400, "invalid_grant");
    world.refresh(&login.refresh_token(), at(2 * HOUR)).assert_error(400, "invalid_grant");
    assert_eq!(world.engine.usual_lifetimes(), lifetimes(300, 2 * HOUR, 10 * HOUR));
}

/// Nobody is told one thing and served another: `expires_in` (RFC 6749 section 5.1) was a promise.
#[test]
fn what_was_issued_keeps_what_it_was_told() {
    let world = world();
    let (login, other) = (world.login(at(0)), world.login(at(0)));
    world.engine.set_lifetimes(lifetimes(60, HOUR, 2 * HOUR)).unwrap();
    assert!(is_let_in(&world, &login.access_token(), HOUR - 1));
    assert!(!is_let_in(&world, &login.access_token(), HOUR));
    // Also when a refresh has written a record that is idle sooner.
    let next = world.refresh(&login.refresh_token(), at(1));
    assert!(is_let_in(&world, &login.access_token(), HOUR - 1));
    assert!(!is_let_in(&world, &next.access_token(), 61));
    // The end of a grant is settled when it begins, and its idle time until it is refreshed.
    let mut token = world.refresh(&other.refresh_token(), at(30 * DAY - 1)).refresh_token();
    for hours in 1..20 {
        token = world.refresh(&token, at(30 * DAY - 1 + hours * (HOUR - 1))).refresh_token();
    }
}

#[test]
fn longer_ones_reach_no_further_than_the_grant() {
    let world = World::new([app()], |builder| builder.grant_handler(Password).lifetimes(lifetimes(60, 2 * HOUR, DAY)));
    let login = world.login(at(0));
    world.engine.set_lifetimes(lifetimes(HOUR, 2 * DAY, 365 * DAY)).unwrap();
    let next = world.refresh(&login.refresh_token(), at(HOUR));
    assert_eq!(expires_in(&next), HOUR);
    let last = world.refresh(&next.refresh_token(), at(DAY - 60));
    assert_eq!(expires_in(&last), 60);
    assert!(!is_let_in(&world, &last.access_token(), DAY));
    world.refresh(&last.refresh_token(), at(DAY)).assert_error(400, "invalid_grant");
    assert_eq!(expires_in(&world.login(at(DAY))), HOUR);
}

#[test]
fn a_client_with_its_own_keeps_them() {
    let other = Client::confidential("other")
        .secret(secret(OTHER_SECRET))
        .grant_type("password")
        .grant_type("refresh_token")
        .scope(scope("read"))
        .lifetimes(lifetimes(120, DAY, 7 * DAY));
    let world = World::new([app(), other], |builder| builder.grant_handler(Password));
    world.engine.set_lifetimes(lifetimes(60, HOUR, DAY)).unwrap();
    let own = world.send(&form(LOGIN).basic("other", OTHER_SECRET), at(0));
    assert_eq!((expires_in(&own), expires_in(&world.login(at(0)))), (120, 60));
    let own = world.send(&form(renewal(&own.refresh_token())).basic("other", OTHER_SECRET), at(DAY - 1));
    assert_eq!(expires_in(&own), 120);
}

#[test]
fn how_many_grants_a_person_may_have_changes_too() {
    let world = world();
    let logins: Vec<_> = (0..3).map(|secs| world.login(at(secs)).refresh_token()).collect();
    world.engine.set_lifetimes(Lifetimes::default().with_most_per_owner(Some(2))).unwrap();
    let last = world.login(at(3)).refresh_token();
    for token in &logins[..2] {
        world.refresh(token, at(4)).assert_error(400, "invalid_grant");
    }
    for token in [&logins[2], &last] {
        world.refresh(token, at(4)).assert_ok();
    }
}

#[test]
fn what_the_builder_refuses_is_refused_and_changes_nothing() {
    let world = world();
    let before = world.engine.usual_lifetimes();
    for (access_token, idle, absolute) in [(0, 1, 1), (1, 0, 1), (1, 1, 0)] {
        let none = lifetimes(access_token, idle, absolute);
        assert_eq!(world.engine.set_lifetimes(none), Err(BuildError::Lifetimes));
    }
    let below_a_second = before.with_access_token(Duration::from_millis(999));
    assert_eq!(world.engine.set_lifetimes(below_a_second), Err(BuildError::Lifetimes));
    assert_eq!(world.engine.usual_lifetimes(), before);
    assert_eq!(expires_in(&world.login(at(0))), HOUR);
}

/// The engine that takes its place has what it was built with.
#[test]
fn an_exchange_brings_those_of_the_new_engine() {
    let store = Arc::new(MemoryStore::new());
    let build = |secs: u64| {
        let clients = StaticClients::new().with(app().build().unwrap()).unwrap();
        let builder = Engine::builder(Arc::clone(&store), clients).key(regrant::Key::from_bytes(1, &[1; 32]));
        builder.grant_handler(Password).lifetimes(lifetimes(secs, DAY, DAY)).build().unwrap()
    };
    let slot = EngineSlot::new(build(HOUR));
    slot.engine().set_lifetimes(lifetimes(60, DAY, DAY)).unwrap();
    slot.exchange(build(300)).unwrap();
    assert_eq!(slot.engine().usual_lifetimes(), lifetimes(300, DAY, DAY));
}

/// Threads refresh while another changes them again and again: each answer is of one or the other, and nobody is logged out.
#[test]
fn requests_that_are_on_their_way_see_one_or_the_other() {
    let [short, long] = [lifetimes(300, HOUR, DAY), lifetimes(900, 2 * HOUR, DAY)];
    let clients = StaticClients::new().with(app().build().unwrap()).unwrap();
    let builder = Engine::builder(MemoryStore::new(), clients).grant_handler(Password).lifetimes(short);
    let (engine, stop) = (builder.build().unwrap(), AtomicBool::new(false));
    let send = |body: &str| {
        let ask = form(body).authorization(basic("app", SECRET));
        Reply::of(&engine.blocking().token(&ask.request(), at(0)).unwrap())
    };
    std::thread::scope(|threads| {
        let refreshers: Vec<_> = (0..3)
            .map(|_| {
                threads.spawn(|| {
                    let (mut token, mut seen) = (send(LOGIN).refresh_token(), [0_u32; 2]);
                    // As long as it takes until both were seen.
                    while seen.contains(&0) || seen.iter().sum::<u32>() < 500 {
                        let reply = send(&renewal(&token));
                        match expires_in(&reply) {
                            300 => seen[0] += 1,
                            900 => seen[1] += 1,
                            other => panic!("{other} is neither"),
                        }
                        token = reply.refresh_token();
                    }
                })
            })
            .collect();
        let changing = threads.spawn(|| {
            for turn in [long, short].iter().cycle() {
                engine.set_lifetimes(*turn).unwrap();
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                std::thread::yield_now();
            }
        });
        let outcomes: Vec<_> = refreshers.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        stop.store(true, Ordering::Relaxed);
        changing.join().unwrap();
        assert!(outcomes.iter().all(Result::is_ok), "each was served to the end");
    });
}
