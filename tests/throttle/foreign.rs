//! Refresh tokens of another server: the host's hook is asked behind the throttle, where the client is anybody.

use regrant::throttle::MemoryThrottle;
use regrant::{Client, RootSecret, Timestamp};

use super::{assert_throttled, home, send, stranger};
use crate::kit::foreign::{OldServer, UUID};
use crate::kit::{Ask, Password, Reply, SECRET, World, app, at, form, renewal, scope};

/// The old server has one token, alice's at `mobile`, which is public.
fn moved() -> (World, OldServer) {
    let old = OldServer::default().ready().with(UUID, "mobile", "alice", Timestamp::from_secs(1_590_000_000));
    let mobile = Client::public("mobile").grant_type("refresh_token").grant_type("password").scope(scope("read"));
    let hook = old.clone();
    let world = World::new([app(), mobile], |builder| {
        let builder = builder.grant_handler(Password).root_secret(RootSecret::from_bytes(1, &[7; 32]));
        builder.foreign_tokens(hook).throttle(MemoryThrottle::new())
    });
    (world, old)
}

fn of_mobile(body: &str) -> Ask {
    form(format!("{body}&client_id=mobile"))
}

#[test]
fn whoever_makes_up_tokens_has_the_host_asked_so_often() {
    let (world, old) = moved();
    let own = send(&world, &of_mobile("grant_type=password&username=alice&password=wonderland"), home(), at(0));
    let own = own.assert_ok().refresh_token();
    for number in 0..100 {
        let made_up = of_mobile(&renewal(&format!("made-up-{number}")));
        send(&world, &made_up, home(), at(0)).assert_error(400, "invalid_grant");
    }
    assert_eq!(old.asked().len(), 100);
    // 429, and not `invalid_grant`: nobody has looked, so nobody is logged out by it.
    assert_throttled(&send(&world, &of_mobile(&renewal("made-up")), home(), at(0)), 1);
    assert_throttled(&send(&world, &of_mobile(&renewal(UUID)), home(), at(0)), 1);
    let revocation = of_mobile("token=made-up");
    let revoked = Reply::of(&world.engine.blocking().revoke(&revocation.request().with_peer(home()), at(0)).unwrap());
    assert_throttled(&revoked, 1);
    assert_eq!(old.asked().len(), 0);
    // A token of ours is none of its business, and others are others.
    send(&world, &of_mobile(&renewal(&own)), home(), at(0)).assert_ok();
    let taken_over = send(&world, &of_mobile(&renewal(UUID)), stranger(1), at(0));
    // And one that was taken over is known by its record: a lost answer is answered again, there too.
    let again = send(&world, &of_mobile(&renewal(UUID)), home(), at(1));
    assert_eq!(taken_over.assert_ok().refresh_token(), again.assert_ok().refresh_token());
}

/// A client that has authenticated may send the tokens of all of its people from one address, the expired ones too.
#[test]
fn a_client_that_has_authenticated_is_not_counted() {
    let (world, old) = moved();
    for number in 0..1_000 {
        let stale = form(renewal(&format!("stale-{number}"))).basic("app", SECRET);
        send(&world, &stale, home(), at(0)).assert_error(400, "invalid_grant");
    }
    assert_eq!(old.asked().len(), 1_000);
}

/// What is right is given back, and so is what the host could not tell.
#[test]
fn honest_tokens_and_failures_of_the_host_are_not_counted() {
    let (world, old) = moved();
    old.fail(true);
    for _ in 0..200 {
        send(&world, &of_mobile(&renewal(UUID)), home(), at(0)).assert_error(503, "temporarily_unavailable");
    }
    old.fail(false);
    for number in 0..200 {
        let token = format!("honest-{number}");
        drop(old.clone().with(&token, "mobile", "bob", Timestamp::from_secs(1_590_000_000)));
        send(&world, &of_mobile(&renewal(&token)), home(), at(0)).assert_ok();
    }
}
