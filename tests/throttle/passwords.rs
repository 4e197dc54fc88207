//! Passwords: in a grant handler (RFC 6749 section 4.3.2), and behind a page. One password has one set of counters.

use std::future::{Future, pending};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use regrant::throttle::{GuessKind, GuessLimits, GuessRate, Guessed, MemoryThrottle};
use regrant::{Authorization, GrantError, GrantHandler, GrantRequest};

use super::{assert_throttled, home, send, stranger};
use crate::kit::{Ask, LOGIN, SECRET, World, app, at, form, renewal};

/// `alice`, whose password is `wonderland`, guarded as a host has to; a password `slow` takes for ever to look at, and at `busy` nobody
/// can look.
struct Guarded;

impl GrantHandler for Guarded {
    fn grant_type(&self) -> &'static str {
        "password"
    }

    async fn authorize(&self, request: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
        let (username, password) = (request.required("username")?, request.required("password")?);
        let guess = request.guess(Guessed::Password(username))?;
        if password == "slow" {
            pending::<()>().await;
        }
        if password == "busy" {
            guess.not_looked_at();
            return Err(GrantError::failed("nobody could look at the password"));
        }
        if password != "wonderland" {
            return Err(GrantError::invalid_grant());
        }
        guess.right();
        Ok(Authorization::of(username))
    }
}

fn world(throttle: &Arc<MemoryThrottle>) -> World {
    World::new([app()], |builder| builder.grant_handler(Guarded).throttle(Arc::clone(throttle)))
}

fn ask(username: &str, password: &str) -> Ask {
    form(format!("grant_type=password&username={username}&password={password}")).basic("app", SECRET)
}

#[test]
fn guesses_at_a_password_are_bounded() {
    let world = world(&Arc::default());
    for _ in 0..10 {
        send(&world, &ask("alice", "rabbit"), stranger(1), at(0)).assert_error(400, "invalid_grant");
    }
    // A right one is answered as a wrong one then, or the answers would tell them apart.
    for password in ["rabbit", "wonderland"] {
        assert_throttled(&send(&world, &ask("alice", password), stranger(1), at(0)), 60);
        assert_throttled(&send(&world, &ask("alice", password), stranger(1), at(59)), 1);
    }
    send(&world, &ask("alice", "wonderland"), stranger(1), at(60)).assert_ok();
}

/// The host hears of each, as of something that was refused: nothing has failed. Nothing of what was sent is in it.
#[test]
fn the_host_hears_of_it() {
    let world = world(&Arc::default());
    for _ in 0..10 {
        send(&world, &ask("alice", "rabbit"), stranger(1), at(0));
    }
    world.events.take();
    send(&world, &ask("alice", "rabbit"), stranger(1), at(0));
    let events = world.events.take();
    assert_eq!(events.len(), 1, "{events:?}");
    assert!(events[0].starts_with(r#"Refused { client_id: Some("app"), grant: None, subject: None, why: Throttled("#));
    assert!(events[0].contains("Password") && events[0].contains("60"), "{events:?}");
    assert!(!events[0].contains("alice") && !events[0].contains("rabbit"), "{events:?}");
}

/// A flood at one account from a hundred thousand addresses, through the endpoint.
#[test]
fn a_flood_at_one_account_leaves_honest_logins_their_answer() {
    let world = world(&Arc::default());
    send(&world, &ask("alice", "wonderland"), home(), at(0)).assert_ok();
    let mut looked_at = 0;
    for number in 0..100_000 {
        looked_at += u32::from(send(&world, &ask("alice", "rabbit"), stranger(number), at(1)).status == 400);
        if number % 10_000 == 0 {
            send(&world, &ask("alice", "wonderland"), home(), at(1)).assert_ok();
            send(&world, &ask("bob", "wonderland"), stranger(number), at(1)).assert_ok();
            send(&world, &ask("carol", "wonderland"), home(), at(1)).assert_ok();
        }
    }
    assert_eq!(looked_at, 100);
    // At an address that has never logged in as her she waits, with them.
    assert_throttled(&send(&world, &ask("alice", "wonderland"), "203.0.113.1".parse().unwrap(), at(1)), 60);
}

/// Refreshes have nothing to do with it, wherever they come from.
#[test]
fn a_refresh_is_never_throttled_by_logins() {
    let world = world(&Arc::default());
    let mut token = send(&world, &ask("alice", "wonderland"), home(), at(0)).assert_ok().refresh_token();
    for number in 0..200 {
        send(&world, &ask("alice", "rabbit"), home(), at(1));
        send(&world, &ask(&format!("person{number}"), "rabbit"), home(), at(1));
        send(&world, &form(LOGIN).basic("app", "wrong"), home(), at(1));
    }
    assert_throttled(&send(&world, &ask("alice", "wonderland"), home(), at(1)), 60);
    for secs in 2..50 {
        let refresh = form(renewal(&token)).basic("app", SECRET);
        token = send(&world, &refresh, home(), at(secs)).assert_ok().refresh_token();
    }
}

/// Counted before it is looked at, so hanging up before the answer is no way round, and a burst is none.
#[test]
fn whoever_hangs_up_has_guessed() {
    let world = world(&Arc::default());
    for _ in 0..10 {
        let ask = ask("alice", "slow");
        let request = ask.request().with_peer(stranger(1));
        let asked = pin!(world.engine.token(&request, at(0)));
        assert!(matches!(asked.poll(&mut Context::from_waker(Waker::noop())), Poll::Pending));
    }
    assert_throttled(&send(&world, &ask("alice", "wonderland"), stranger(1), at(0)), 60);
}

/// Whoever fills the verifier has not guessed, and has not logged in either: their addresses are not known for the person, and
/// that of the person is not forgotten for theirs.
#[test]
fn whoever_is_not_looked_at_has_neither_guessed_nor_logged_in() {
    let world = world(&Arc::default());
    send(&world, &ask("alice", "wonderland"), home(), at(0)).assert_ok();
    for number in 0..500 {
        send(&world, &ask("alice", "busy"), stranger(number % 10), at(1)).assert_error(503, "temporarily_unavailable");
    }
    let looked_at = (0..500).filter(|number| {
        send(&world, &ask("alice", "rabbit"), stranger(number % 10 + 10 * (number % 2)), at(1)).status == 400
    });
    assert_eq!(looked_at.count(), 100);
    assert_throttled(&send(&world, &ask("alice", "wonderland"), stranger(1), at(1)), 60);
    send(&world, &ask("alice", "wonderland"), home(), at(1)).assert_ok();
}

/// The page of the authorization endpoint and the token endpoint are two ways to one password.
#[test]
fn a_page_counts_with_the_same_counters() {
    let world = world(&Arc::default());
    let guess = || world.engine.guess(Guessed::Password("alice"), Some(stranger(1)), at(0));
    for _ in 0..5 {
        send(&world, &ask("alice", "rabbit"), stranger(1), at(0)).assert_error(400, "invalid_grant");
        drop(guess().unwrap());
    }
    world.events.take();
    let refused = guess().unwrap_err();
    assert_eq!((refused.kind(), refused.retry_after_secs()), (GuessKind::Password, 60));
    assert_eq!(world.events.names(), ["Refused"]);
    assert_throttled(&send(&world, &ask("alice", "wonderland"), stranger(1), at(0)), 60);
    // A login at the page makes the address known.
    world.engine.guess(Guessed::Password("alice"), Some(home()), at(0)).unwrap().right();
    for number in 0..1_000 {
        send(&world, &ask("alice", "rabbit"), stranger(number), at(0));
    }
    send(&world, &ask("alice", "wonderland"), home(), at(0)).assert_ok();
}

/// What a device's page tries (RFC 8628 section 5.1).
#[test]
fn user_codes_are_guessed_ten_times_an_hour() {
    let world = world(&Arc::default());
    let guess = |secs| world.engine.guess(Guessed::UserCode("alice"), Some(home()), at(secs)).is_ok();
    let passed: Vec<u64> = (0..=3_600).filter(|&secs| guess(secs)).collect();
    assert_eq!(passed, [0, 1, 2, 3, 4, 720, 1_440, 2_160, 2_880, 3_600]);
}

/// Settings change while the engine serves: the host has the throttle.
#[test]
fn limits_change_while_it_serves() {
    let throttle = Arc::default();
    let world = world(&throttle);
    throttle
        .set_limits(GuessLimits::default().with_password_here(GuessRate::new(1, std::time::Duration::from_secs(7))));
    send(&world, &ask("alice", "rabbit"), home(), at(0)).assert_error(400, "invalid_grant");
    assert_throttled(&send(&world, &ask("alice", "rabbit"), home(), at(0)), 7);
}

/// Without one nothing is counted, and nothing said.
#[test]
fn without_a_throttle_nothing_is_counted() {
    let world = World::new([app()], |builder| builder.grant_handler(Guarded));
    for _ in 0..500 {
        send(&world, &ask("alice", "rabbit"), home(), at(0)).assert_error(400, "invalid_grant");
        world.engine.guess(Guessed::UserCode("alice"), None, at(0)).unwrap().right();
    }
    assert!(world.events.names().iter().all(|name| name == "Refused"));
}

/// A host that gives no address hears of it, once.
#[test]
fn a_missing_address_is_told_once() {
    let world = world(&Arc::default());
    for _ in 0..3 {
        world.post("grant_type=password&username=alice&password=wonderland", at(0)).assert_ok();
        world.send(&form(LOGIN).basic("app", "wrong"), at(0)).assert_error(401, "invalid_client");
    }
    let unknown = world.events.names().iter().filter(|name| *name == "PeerUnknown").count();
    assert_eq!(unknown, 1);
}
