//! How many grants a person may have at once, and the one that another takes the place of.
//!
//! The attack: a member with an account logs in again and again, or each machine and each reinstall does, and a store fills with
//! grants that live for a month each.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use regrant::client::ClientBuilder;
use regrant::{Authorization, Client, GrantId, Lifetimes, Timestamp};

use crate::kit::portal::{LOOPBACK, OnShelf, PKCE, Portal, VERIFIER, renewal, run};
use crate::kit::{Fault, Password, Reply, Shelf, at, form, scope};

fn client(id: &str) -> ClientBuilder {
    Client::public(id)
        .grant_type("authorization_code")
        .grant_type("refresh_token")
        .redirect_uri(LOOPBACK)
        .scope(scope("read write"))
}

fn bounded(most: u32) -> Lifetimes {
    Lifetimes::default().with_most_per_owner(Some(most))
}

/// `few` has three; `many` as many as it likes; strangers from `s0` on.
fn world(strangers: usize) -> OnShelf {
    let strangers = (0..strangers).map(|number| client(&format!("s{number}")).stranger(true));
    let by_hand = [
        client("few").lifetimes(bounded(3)),
        client("many"),
        client("trusted").grant_type("password").lifetimes(bounded(3)),
    ];
    Portal::new(Arc::new(Shelf::default()), by_hand.into_iter().chain(strangers), |builder| {
        builder.grant_handler(Password)
    })
}

impl OnShelf {
    fn says_yes(&self, client: &str, authorization: Authorization, now: Timestamp) -> String {
        let query = format!("response_type=code&client_id={client}&redirect_uri={LOOPBACK}{PKCE}");
        self.approve(&query, authorization, now).get("code").unwrap_or_default().to_owned()
    }

    fn redeems(&self, client: &str, code: &str, now: Timestamp) -> Reply {
        let body = format!(
            "grant_type=authorization_code&code={code}&redirect_uri={LOOPBACK}&code_verifier={VERIFIER}&client_id={client}"
        );
        Reply::of(&run(self.engine.token(&form(body).request(), now)))
    }

    /// A login of a person; its refresh token.
    fn logs_in(&self, client: &str, person: &str, now: Timestamp) -> String {
        let code = self.says_yes(client, Authorization::of(person), now);
        let reply = self.redeems(client, &code, now);
        reply.assert_ok();
        reply.refresh_token()
    }

    fn refreshes(&self, client: &str, token: &str, now: Timestamp) -> Result<String, u16> {
        let reply =
            Reply::of(&run(self.engine.token(&form(format!("{}&client_id={client}", renewal(token))).request(), now)));
        if reply.status == 200 { Ok(reply.refresh_token()) } else { Err(reply.status) }
    }

    fn count(&self, person: &str, client: Option<&str>) -> usize {
        let grants = self.store.grants();
        let is_theirs = |grant: &&regrant::Grant| {
            grant.subject() == Some(person) && client.is_none_or(|id| grant.client_id() == id)
        };
        grants.iter().filter(is_theirs).count()
    }
}

/// The one that was refreshed longest ago ends, and nobody else's.
#[test]
fn the_grant_that_was_refreshed_longest_ago_makes_room() {
    let world = world(0);
    let tokens: Vec<_> = (0..3).map(|secs| world.logs_in("few", "alice", at(secs))).collect();
    let bob = world.logs_in("few", "bob", at(3));
    let elsewhere = world.logs_in("many", "alice", at(3));
    // The oldest is in use.
    let first = world.refreshes("few", &tokens[0], at(4)).unwrap();
    world.events.take();
    world.logs_in("few", "alice", at(5));
    let events = world.events.take();
    let place = |name: &str| events.iter().position(|event| event.starts_with(name)).unwrap();
    assert!(place("Displaced") < place("Revoked") && place("Revoked") < place("Issued"), "{events:?}");
    assert_eq!(world.count("alice", Some("few")), 3);
    assert_eq!(world.refreshes("few", &tokens[1], at(6)), Err(400));
    for (client, token) in [("few", &first), ("few", &tokens[2]), ("few", &bob), ("many", &elsewhere)] {
        assert!(world.refreshes(client, token, at(7)).is_ok());
    }
}

/// Off until asked for, and as good as it was where a login is by another grant type.
#[test]
fn others_are_not_counted_and_handlers_are() {
    let world = world(0);
    for secs in 0..60 {
        world.logs_in("many", "alice", at(secs));
    }
    assert_eq!(world.count("alice", None), 60);
    for secs in 60..65 {
        let body = "grant_type=password&username=alice&password=wonderland&client_id=trusted";
        Reply::of(&run(world.engine.token(&form(body).request(), at(secs)))).assert_ok();
    }
    assert_eq!(world.count("alice", Some("trusted")), 3);
}

/// A code that nobody has redeemed, and a grant that has expired, take nobody's place.
#[test]
fn only_live_grants_count() {
    // An hour later to the second, and some time later.
    for later in [3_601, 4_000] {
        let world = world(0);
        for _ in 0..9 {
            world.says_yes("few", Authorization::of("alice"), at(0));
        }
        let kept = world.logs_in("few", "alice", at(0));
        // Later than the one that is kept, and over in an hour.
        for _ in 0..2 {
            let code = world.says_yes("few", Authorization::of("alice").without_refresh_token(), at(1));
            world.redeems("few", &code, at(1)).assert_ok();
        }
        for secs in 0..2 {
            world.logs_in("few", "alice", at(later + secs));
        }
        assert!(world.refreshes("few", &kept, at(later + 10)).is_ok(), "{later}");
    }
}

/// 50 at one client that nobody made by hand, where the host says nothing.
#[test]
fn a_person_has_fifty_grants_at_one_strangers_client() {
    let world = world(1);
    let tokens: Vec<_> = (0..55).map(|secs| world.logs_in("s0", "alice", at(secs))).collect();
    assert_eq!(world.count("alice", None), 50);
    assert_eq!(world.refreshes("s0", &tokens[4], at(60)), Err(400));
    assert!(world.refreshes("s0", &tokens[5], at(60)).is_ok());
}

/// An account page can say so without looking the client up.
#[test]
fn a_session_says_whose_client_it_is_at() {
    let world = world(1);
    for (client, stranger) in [("s0", true), ("many", false)] {
        let token = world.logs_in(client, "alice", at(0));
        world.refreshes(client, &token, at(1)).unwrap();
        let sessions = run(world.engine.sessions("alice", None, 10, at(2))).unwrap().sessions;
        assert!(sessions.iter().all(|session| session.is_of_stranger() == stranger), "{client}");
        run(world.engine.end_sessions_of("alice", regrant::Timestamp::EPOCH)).unwrap();
    }
}

/// 200 at all of them: each registration is another client, so that a bound for each bounds nothing.
#[test]
fn a_person_has_two_hundred_grants_at_all_strangers_clients() {
    let world = world(210);
    let bob = world.logs_in("s0", "bob", at(0));
    let trusted = world.logs_in("many", "alice", at(0));
    let tokens: Vec<_> = (0..210).map(|n| world.logs_in(&format!("s{n}"), "alice", at(1 + n))).collect();
    assert_eq!(world.count("alice", None), 201);
    for (n, token) in tokens.iter().enumerate() {
        assert_eq!(world.refreshes(&format!("s{n}"), token, at(300)).is_ok(), n >= 10, "{n}");
    }
    assert!(world.refreshes("many", &trusted, at(300)).is_ok());
    assert!(world.refreshes("s0", &bob, at(300)).is_ok());
}

/// Where a limit is new there may be thousands: a login ends some of them, and the next ones the rest.
#[test]
fn a_login_costs_the_same_however_many_there_are() {
    let world = world(0);
    for secs in 0..600 {
        world.logs_in("many", "alice", at(secs));
    }
    let later =
        Portal::new(Arc::clone(&world.store), [client("many").lifetimes(bounded(5)).stranger(false)], |builder| {
            builder
        });
    for login in 1..40 {
        later.logs_in("many", "alice", at(1_000 + login));
        let left = usize::try_from(600 + login - 16 * login).unwrap_or_default().max(5);
        assert_eq!(later.count("alice", None), left.max(5), "{login}");
    }
}

/// The client gets its answer or can ask again: a store that fails here has not spent the code.
#[test]
fn a_store_that_fails_while_room_is_made_leaves_the_code() {
    let world = world(0);
    for secs in 0..3 {
        world.logs_in("few", "alice", at(secs));
    }
    let code = world.says_yes("few", Authorization::of("alice"), at(4));
    world.store.fail_next(Fault::ListFails);
    assert_eq!(world.redeems("few", &code, at(5)).status, 503);
    assert_eq!(world.count("alice", None), 4);
    world.redeems("few", &code, at(6)).assert_ok();
    assert_eq!(world.count("alice", None), 3);
}

fn grant_of(world: &OnShelf, token: &str) -> GrantId {
    let bytes = URL_SAFE_NO_PAD.decode(token).unwrap();
    let ids = world.store.grants().into_iter().map(|grant| grant.id());
    ids.into_iter().find(|id| bytes[1..9] == id.as_u64().to_be_bytes()).unwrap()
}

/// The login that a step-up came from lives until the new code is redeemed, and then ends.
#[test]
fn a_step_up_takes_the_place_of_the_login_it_came_from() {
    let world = world(1);
    for client in ["many", "few", "s0"] {
        let old = world.logs_in(client, "alice", at(0));
        let replaced = grant_of(&world, &old);
        let code = world.says_yes(client, Authorization::of("alice").with_replaces(replaced), at(1));
        let old = world.refreshes(client, &old, at(2)).unwrap();
        let new = world.redeems(client, &code, at(3));
        new.assert_ok();
        assert_eq!(world.refreshes(client, &old, at(4)), Err(400), "{client}");
        assert_eq!(world.count("alice", Some(client)), 1, "{client}");
        assert!(world.refreshes(client, &new.refresh_token(), at(5)).is_ok());
        // Twice is a replay, as ever, and ends nothing else.
        assert_eq!(world.redeems(client, &code, at(6)).status, 400);
    }
}

/// A record that says so once needs no more of it: it is one of format 1 again.
#[test]
fn what_was_replaced_is_forgotten() {
    let world = world(0);
    let old = world.logs_in("many", "alice", at(0));
    let code = world.says_yes("many", Authorization::of("alice").with_replaces(grant_of(&world, &old)), at(1));
    let format = |world: &OnShelf| world.store.grants().iter().map(|grant| grant.encode()[0]).max();
    assert_eq!(format(&world), Some(2));
    world.redeems("many", &code, at(2)).assert_ok();
    assert_eq!(format(&world), Some(1));
}

/// A store that went back to before the redemption has what it took the place of again: the refresh that moves the login on ends it, too.
#[test]
fn a_redemption_that_the_store_lost_takes_the_place_once_more() {
    for fault in [None, Some(Fault::SwapAppliedAndReplyLost), Some(Fault::SwapLost)] {
        let world = world(0);
        let old = world.logs_in("many", "alice", at(0));
        let replaced = grant_of(&world, &old);
        let code = world.says_yes("many", Authorization::of("alice").with_replaces(replaced), at(1));
        let before = world.store.grants();
        let new = world.redeems("many", &code, at(2)).refresh_token();
        for grant in before {
            world.store.misplace(grant.id(), grant);
        }
        if let Some(fault) = fault {
            world.store.fail_next(fault);
        }
        world.refreshes("many", &new, at(3)).unwrap();
        assert!(!world.store.bytes().contains_key(&replaced), "{fault:?}");
        assert_eq!(world.store.bytes().len(), 1, "{fault:?}");
    }
}

/// It makes room by itself: nobody else's grant ends for it.
#[test]
fn a_step_up_displaces_nobody() {
    let world = world(0);
    let tokens: Vec<_> = (0..3).map(|secs| world.logs_in("few", "alice", at(secs))).collect();
    let replaced = grant_of(&world, &tokens[2]);
    let code = world.says_yes("few", Authorization::of("alice").with_replaces(replaced), at(4));
    world.redeems("few", &code, at(5)).assert_ok();
    assert_eq!(world.count("alice", None), 3);
    for (token, lives) in tokens.iter().zip([true, true, false]) {
        assert_eq!(world.refreshes("few", token, at(6)).is_ok(), lives);
    }
}

/// "The grant may be another subject's or client's": a host that passes an id on as it came must not log others out.
#[test]
fn nobody_takes_the_place_of_anothers_grant() {
    let world = world(0);
    let (bob, elsewhere) = (world.logs_in("many", "bob", at(0)), world.logs_in("few", "alice", at(0)));
    let stored = world.store.bytes();
    for token in [&bob, &elsewhere] {
        let query = format!("response_type=code&client_id=many&redirect_uri={LOOPBACK}{PKCE}");
        let alice = Authorization::of("alice").with_replaces(grant_of(&world, token));
        let landing = world.approve(&query, alice, at(1));
        assert_eq!((landing.get("error"), landing.get("code")), (Some("server_error"), None));
        assert_eq!(world.store.bytes(), stored);
        assert!(world.events.take().iter().any(|event| event.contains("Replaces")));
    }
    // In another realm of the same store.
    let shop = Portal::new(Arc::clone(&world.store), [client("many")], |builder| builder.realm("shop"));
    let own = world.logs_in("many", "alice", at(2));
    let query = format!("response_type=code&client_id=many&redirect_uri={LOOPBACK}{PKCE}");
    let alice = Authorization::of("alice").with_replaces(grant_of(&world, &own));
    assert_eq!(shop.approve(&query, alice, at(3)).get("error"), Some("server_error"));
    assert!(world.refreshes("many", &own, at(4)).is_ok());
}

/// Ended meanwhile: there is nothing left to end, and no fault.
#[test]
fn what_is_gone_needs_no_end() {
    let world = world(0);
    let old = world.logs_in("many", "alice", at(0));
    let replaced = grant_of(&world, &old);
    let before = world.says_yes("many", Authorization::of("alice").with_replaces(replaced), at(1));
    run(world.engine.end_session("alice", replaced, regrant::Timestamp::EPOCH)).unwrap();
    world.redeems("many", &before, at(2)).assert_ok();
    let after = world.says_yes("many", Authorization::of("alice").with_replaces(replaced), at(3));
    world.redeems("many", &after, at(4)).assert_ok();
}

/// Looked at again when it is to end: a minute later another record may have the id, or be in the place.
#[test]
fn nothing_else_ends_that_is_in_its_place_by_then() {
    for (client, person, keeps_its_id) in
        [("many", "bob", false), ("few", "alice", false), ("many", "alice", true), ("many", "bob", true)]
    {
        let world = world(0);
        let replaced = grant_of(&world, &world.logs_in("many", "alice", at(0)));
        let code = world.says_yes("many", Authorization::of("alice").with_replaces(replaced), at(1));
        let token = world.logs_in(client, person, at(1));
        let other = grant_of(&world, &token);
        let mut record = world.store.grants().into_iter().find(|grant| grant.id() == other).unwrap().encode();
        if !keeps_its_id {
            record[2..10].copy_from_slice(&replaced.as_u64().to_be_bytes());
        }
        world.store.misplace(replaced, regrant::Grant::decode(&record).unwrap());
        world.redeems("many", &code, at(2)).assert_ok();
        assert!(world.store.bytes().contains_key(&replaced), "{client} {person}");
        assert!(world.refreshes(client, &token, at(3)).is_ok(), "{client} {person}");
    }
}

/// The client gets its tokens, the host hears that the old grant lives on.
#[test]
fn a_store_that_cannot_end_the_old_one_keeps_nobody_from_logging_in() {
    let world = world(0);
    let old = world.logs_in("many", "alice", at(0));
    let code = world.says_yes("many", Authorization::of("alice").with_replaces(grant_of(&world, &old)), at(1));
    world.events.take();
    world.store.fail_next(Fault::RemoveFails);
    world.redeems("many", &code, at(2)).assert_ok();
    assert!(world.events.take().iter().any(|event| event.starts_with("Failed")));
    assert!(world.refreshes("many", &old, at(3)).is_ok());
}
