//! Rotation, replay and retry as a client has them set.

use std::time::Duration;

use regrant::grant::{OnReplay, Rotation};
use regrant::{Lifetimes, Request, Scope};

use crate::kit::{Password, World, app, at};

/// RFC 6749 section 6: a new refresh token may be issued, or not.
#[test]
fn a_client_that_does_not_rotate_keeps_its_token() {
    let hour = Duration::from_secs(3_600);
    let lifetimes = Lifetimes::default().with_access_token(hour / 60).with_idle(hour).with_absolute(Some(hour * 3));
    let never = app().rotation(Rotation::Never).lifetimes(lifetimes);
    let world = World::new([never], |builder| builder.grant_handler(Password));
    let token = world.login(at(0)).refresh_token();
    let mut access = Vec::new();
    for secs in [3_000, 6_000, 9_000] {
        let reply = world.refresh(&token, at(secs));
        assert_eq!(reply.refresh_token(), token);
        access.push(reply.access_token());
        // The idle expiry moves on, up to the absolute one.
        assert_eq!(world.store.grants()[0].refresh_expires_at(), at((secs + 3_600).min(10_800)));
        assert_eq!(world.store.grants()[0].generation().as_u32(), 1);
    }
    access.dedup();
    assert_eq!(access.len(), 3);
    world.refresh(&token, at(10_799)).assert_ok();
    world.refresh(&token, at(10_800)).assert_error(400, "invalid_grant");
    // Another that is not refreshed ends after an hour.
    let token = world.login(at(20_000)).refresh_token();
    world.refresh(&token, at(23_600)).assert_error(400, "invalid_grant");
}

#[test]
fn a_replay_may_be_rejected_only() {
    let world = World::new([app().on_replay(OnReplay::DangerRejectOnly)], |builder| builder.grant_handler(Password));
    let first = world.login(at(0)).refresh_token();
    let second = world.refresh(&first, at(1)).refresh_token();
    let before = world.store.bytes();
    world.events.take();
    for _ in 0..2 {
        world.refresh(&first, at(1_000)).assert_error(400, "invalid_grant");
        assert_eq!(world.events.names(), ["ReplayFound"]);
    }
    assert_eq!(world.store.bytes(), before);
    world.refresh(&second, at(1_000)).assert_ok();
}

/// RFC 9700 section 4.14.2.
/// A grant is kept for as long as anything of it works: a client that may be idle for a minute has access tokens for ten.
#[test]
fn an_access_token_may_outlive_the_refresh_token_that_came_with_it() {
    let lifetimes = Lifetimes::default().with_idle(Duration::from_secs(60)).with_access_token(Duration::from_secs(600));
    let world = World::new([app().lifetimes(lifetimes)], |builder| builder.grant_handler(Password));
    let login = world.login(at(0));
    let next = world.refresh(&login.refresh_token(), at(50));
    assert_eq!(next.json()["expires_in"], 600);
    assert_eq!(world.store.grants()[0].expires_at(), at(650));
    world.refresh(&next.refresh_token(), at(110)).assert_error(400, "invalid_grant");
    let header = format!("Bearer {}", next.access_token());
    let request = Request::new("GET", b"").with_header("authorization", header.as_bytes());
    for (secs, lives) in [(649, true), (650, false)] {
        assert_eq!(
            world.engine.blocking().bearer(&request, &Scope::empty(), at(secs)).unwrap().is_ok(),
            lives,
            "{secs}"
        );
    }
}

#[test]
fn without_a_retry_window_the_predecessor_is_a_replay() {
    let world = World::new([app().retry_window(Duration::ZERO)], |builder| builder.grant_handler(Password));
    let first = world.login(at(0)).refresh_token();
    let second = world.refresh(&first, at(1)).refresh_token();
    world.refresh(&first, at(1)).assert_error(400, "invalid_grant");
    world.refresh(&second, at(1)).assert_error(400, "invalid_grant");
    assert!(world.store.bytes().is_empty());
}
