//! Rotation, replay and retry as a client has them set.

use std::time::Duration;

use regrant::Lifetimes;
use regrant::grant::{OnReplay, Rotation};

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
#[test]
fn without_a_retry_window_the_predecessor_is_a_replay() {
    let world = World::new([app().retry_window(Duration::ZERO)], |builder| builder.grant_handler(Password));
    let first = world.login(at(0)).refresh_token();
    let second = world.refresh(&first, at(1)).refresh_token();
    world.refresh(&first, at(1)).assert_error(400, "invalid_grant");
    world.refresh(&second, at(1)).assert_error(400, "invalid_grant");
    assert!(world.store.bytes().is_empty());
}
