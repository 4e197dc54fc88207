//! Secrets of clients (RFC 6749 section 10.10): nobody shuts a client out.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
use regrant::client::ClientBuilder;
use regrant::engine::SlowVerifier;
use regrant::throttle::MemoryThrottle;
use regrant::{Client, ClientSecret};

use super::{assert_throttled, home, send, stranger};
use crate::kit::{Ask, LOGIN, Password, Reply, SECRET, World, app, at, form, scope};

fn login(id: &str, secret: &str) -> Ask {
    form(LOGIN).basic(id, secret)
}

fn slow(id: &str, text: &str) -> ClientBuilder {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap());
    let hash = argon2.hash_password_with_salt(text.as_bytes(), b"salt of eight").unwrap();
    let secret = ClientSecret::from_phc(&hash.to_string()).unwrap();
    Client::confidential(id).secret(secret).grant_type("password").scope(scope("read"))
}

type Job = Box<dyn FnOnce() + Send>;

/// Verifies at once, and counts; or keeps what it should verify.
#[derive(Clone, Default)]
struct Pool {
    runs: Arc<AtomicUsize>,
    kept: Option<Arc<Mutex<Vec<Job>>>>,
}

impl Pool {
    fn world(&self) -> World {
        let pool = self.clone();
        let verifier = SlowVerifier::new(move |job: Job| {
            pool.runs.fetch_add(1, Ordering::Relaxed);
            match &pool.kept {
                Some(kept) => kept.lock().unwrap().push(job),
                None => job(),
            }
        });
        World::new([app(), slow("shop", "hunter2"), slow("other", "hunter1")], |builder| {
            builder.grant_handler(Password).slow_verifier(verifier).throttle(MemoryThrottle::new())
        })
    }

    fn runs(&self) -> usize {
        self.runs.swap(0, Ordering::Relaxed)
    }
}

/// However often somebody guessed wrong, from anywhere and from the client's own address, the right secret passes.
#[test]
fn a_right_secret_passes_whatever_was_guessed() {
    let world = World::new([app()], |builder| builder.grant_handler(Password).throttle(MemoryThrottle::new()));
    for _ in 0..20 {
        let refused = send(&world, &login("app", "wrong"), home(), at(0));
        refused.assert_error(401, "invalid_client");
    }
    for _ in 0..200 {
        assert_throttled(&send(&world, &login("app", "wrong"), home(), at(0)), 10);
        send(&world, &login("app", SECRET), home(), at(0)).assert_ok();
    }
    for number in 0..10_000 {
        send(&world, &login("app", "wrong"), stranger(number), at(0)).assert_error(401, "invalid_client");
    }
    send(&world, &login("app", SECRET), home(), at(0)).assert_ok();
    send(&world, &login("app", SECRET), stranger(1), at(0)).assert_ok();
}

/// An id that nobody has is answered as one that somebody has, throttled too.
#[test]
fn ids_are_not_told_apart() {
    let world = World::new([app()], |builder| builder.grant_handler(Password).throttle(MemoryThrottle::new()));
    for number in 0..30 {
        let [known, unknown] = ["app", "nobody"].map(|id| send(&world, &login(id, "wrong"), stranger(7), at(0)));
        assert_eq!(known, unknown, "{number}");
        assert_eq!(known.status, if number < 20 { 401 } else { 429 });
    }
}

/// Not everything that is refused is a guess: without a secret there was none.
#[test]
fn what_is_no_guess_is_not_counted() {
    let world = World::new([app()], |builder| builder.grant_handler(Password).throttle(MemoryThrottle::new()));
    for _ in 0..1_000 {
        send(&world, &form(format!("{LOGIN}&client_id=app")), home(), at(0)).assert_error(401, "invalid_client");
        send(&world, &form(LOGIN), home(), at(0)).assert_error(401, "invalid_client");
        send(&world, &form(LOGIN).authorization("Bearer abc"), home(), at(0)).assert_error(401, "invalid_client");
    }
    send(&world, &login("app", "wrong"), home(), at(0)).assert_error(401, "invalid_client");
}

/// A secret is guessed at each endpoint that takes one.
#[test]
fn revocation_and_introspection_count_too() {
    let world = World::new([app()], |builder| builder.grant_handler(Password).throttle(MemoryThrottle::new()));
    let ask = form("token=anything").basic("app", "wrong");
    let request = ask.request().with_peer(home());
    let blocking = world.engine.blocking();
    for _ in 0..10 {
        assert_eq!(blocking.revoke(&request, at(0)).unwrap().status(), 401);
        assert_eq!(blocking.introspect(&request, at(0)).unwrap().status(), 401);
    }
    assert_throttled(&Reply::of(&blocking.revoke(&request, at(0)).unwrap()), 10);
    assert_throttled(&Reply::of(&blocking.introspect(&request, at(0)).unwrap()), 10);
    assert_throttled(&send(&world, &login("app", "wrong"), home(), at(0)), 10);
}

/// RFC 7009: whether a found token is alive is told ten times, and then no longer; the client's own are revoked as ever.
#[test]
fn whether_tokens_of_others_are_alive_is_told_a_few_times() {
    let mallory = Client::public("mallory").grant_type("password").scope(scope("read"));
    let world = World::new([app(), mallory], |builder| builder.grant_handler(Password).throttle(MemoryThrottle::new()));
    let found = send(&world, &login("app", SECRET), home(), at(0)).refresh_token();
    let dead = crate::kit::forged(&found);
    let ask = |token: &str, from| {
        let ask = form(format!("token={token}&client_id=mallory"));
        Reply::of(&world.engine.blocking().revoke(&ask.request().with_peer(from), at(0)).unwrap())
    };
    let of_dead = ask(&dead, stranger(1));
    for _ in 0..10 {
        ask(&found, stranger(1)).assert_error(400, "invalid_grant");
    }
    world.events.take();
    assert_eq!(ask(&found, stranger(1)), of_dead);
    assert_eq!(world.events.names(), ["Refused"]);
    ask(&found, stranger(2)).assert_error(400, "invalid_grant");
    // It is alive, and the client itself revokes it from there.
    let own = form(format!("token={found}")).basic("app", SECRET);
    let request = own.request().with_peer(stranger(1));
    assert_eq!(world.engine.blocking().revoke(&request, at(0)).unwrap().status(), 200);
    assert_eq!(ask(&found, stranger(2)), of_dead);
}

/// Where verification is dear it is that which is bounded: beyond the limit nothing is verified, of known and made-up ids alike.
#[test]
fn slow_secrets_are_counted_before_they_are_verified() {
    let pool = Pool::default();
    let world = pool.world();
    for id in ["shop", "nobody"] {
        for _ in 0..20 {
            send(&world, &login(id, "wrong"), stranger(1), at(0)).assert_error(401, "invalid_client");
        }
        assert_eq!(pool.runs(), 20, "{id}");
        for _ in 0..100 {
            assert_throttled(&send(&world, &login(id, "wrong"), stranger(1), at(0)), 10);
        }
        assert_eq!(pool.runs(), 0, "{id}");
    }
    // With a new id each time the address is what is counted by: 100, of which 40 are spent.
    for number in 0..1_000 {
        send(&world, &login(&format!("made-up-{number}"), "wrong"), stranger(1), at(0));
    }
    assert_eq!(pool.runs(), 60);
}

/// By the client and the address, never by the client alone: guesses from elsewhere shut nobody out.
#[test]
fn slow_secrets_are_not_shut_out_from_elsewhere() {
    let pool = Pool::default();
    let world = pool.world();
    for number in 0..1_000 {
        send(&world, &login("shop", "wrong"), stranger(number), at(0)).assert_error(401, "invalid_client");
    }
    send(&world, &login("shop", "hunter2"), home(), at(0)).assert_ok();
    // And one that was verified is remembered: it passes where others guess, too.
    for _ in 0..200 {
        send(&world, &login("shop", "wrong"), home(), at(0));
    }
    assert_throttled(&send(&world, &login("shop", "wrong"), home(), at(0)), 10);
    send(&world, &login("shop", "hunter2"), home(), at(0)).assert_ok();
    // One of another client that was not yet used waits there.
    send(&world, &login("other", "hunter1"), stranger(5_000), at(0)).assert_ok();
}

/// What no verifier looked at was no guess.
#[test]
fn a_busy_verifier_counts_nothing() {
    let pool = Pool { kept: Some(Arc::default()), ..Pool::default() };
    let world = pool.world();
    let ask = login("shop", "hunter2");
    let request = ask.request().with_peer(home());
    // Two that run, and never end.
    let mut running = Vec::new();
    for _ in 0..2 {
        let mut asked = Box::pin(world.engine.token(&request, at(0)));
        let waker = std::task::Waker::noop();
        assert!(asked.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_pending());
        running.push(asked);
    }
    for _ in 0..100 {
        send(&world, &login("shop", "hunter2"), home(), at(0)).assert_error(503, "temporarily_unavailable");
    }
    assert_eq!(pool.runs(), 2);
}
