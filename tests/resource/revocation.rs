//! RFC 7009: what ends, and what does not.

use std::sync::Arc;

use regrant::MemoryStore;

use crate::kit::bank::{APP, APP_URI, PORTAL, Query, VERIFIER, bank, portal_form};
use crate::kit::portal::{OnShelf, Portal, from, renewal};
use crate::kit::schedule::interleave;
use crate::kit::store::faulty::Shelf as FaultyShelf;
use crate::kit::{Fault, OTHER_SECRET, Reply, at, forged, form};

/// RFC 7009 section 2.1.
#[test]
fn any_generation_of_a_refresh_token_ends_the_grant() {
    for generation in 0..3 {
        let world = bank();
        let mut tokens = vec![world.log_in(at(0))];
        for secs in 1..3 {
            let token = tokens.last().unwrap().refresh_token();
            let body = format!("grant_type=refresh_token&refresh_token={token}");
            tokens.push(world.send(&portal_form(&body), at(secs)));
        }
        world.events.take();
        let body = format!("token={}&token_type_hint=access_token", tokens[generation].refresh_token());
        let reply = world.revoke(&portal_form(&body), at(500));
        assert_eq!(reply.assert_ok().body, b"{}");
        assert_eq!(reply.header("cache-control"), ["no-store"]);
        assert_eq!(world.events.names(), ["Revoked"], "not a replay");
        assert!(world.store.grants().is_empty());
        assert!(tokens.iter().all(|tokens| !world.lets_in(&tokens.access_token(), at(501))));
        world.revoke(&portal_form(&body), at(502)).assert_ok();
    }
}

/// RFC 7009 section 2.1.
#[test]
fn an_access_token_takes_its_fellows_along_and_spares_the_refresh_token() {
    let world = bank();
    let first = world.log_in(at(0));
    let refresh =
        |token: &str, now| world.send(&portal_form(&format!("grant_type=refresh_token&refresh_token={token}")), now);
    let second = refresh(&first.refresh_token(), at(1));
    world.events.take();
    world.revoke(&portal_form(&format!("token={}", first.access_token())), at(2)).assert_ok();
    assert_eq!(world.events.names(), ["AccessRevoked"]);
    assert!(!world.lets_in(&first.access_token(), at(3)) && !world.lets_in(&second.access_token(), at(3)));
    let stored = world.store.bytes();
    for old in [&first, &second] {
        world.revoke(&portal_form(&format!("token={}", old.access_token())), at(3)).assert_ok();
    }
    assert_eq!(world.store.bytes(), stored, "old ones change nothing");
    let third = refresh(&second.refresh_token(), at(4));
    assert!(world.lets_in(&third.assert_ok().access_token(), at(5)));
}

/// RFC 7009 section 2.2: an invalid token is no error.
#[test]
fn what_is_not_theirs_or_not_alive_is_200_and_changes_nothing() {
    let world = bank();
    let tokens = world.log_in(at(0));
    let code = world.authorize(&Query::app(), at(0)).code();
    let stored = world.store.bytes();
    let by_app = |token: &str| form(format!("client_id={APP}&token={token}"));
    for (name, ask, now) in [
        ("another client's expired access token", by_app(&tokens.access_token()), at(3_600)),
        ("another client's expired refresh token", by_app(&tokens.refresh_token()), at(400 * 86_400)),
        ("a forgery of another client's", by_app(&forged(&tokens.refresh_token())), at(1)),
        ("an expired access token", portal_form(&format!("token={}", tokens.access_token())), at(3_600)),
        ("an ID token", portal_form(&format!("token={}", tokens.text("id_token"))), at(1)),
        ("its own code", by_app(&code), at(1)),
        ("anything", portal_form("token=anything"), at(1)),
        ("a forgery", portal_form(&format!("token={}", forged(&tokens.refresh_token()))), at(1)),
    ] {
        assert_eq!(world.revoke(&ask, now).assert_ok().body, b"{}", "{name}");
        assert_eq!(world.store.bytes(), stored, "{name}");
    }
    let body = format!(
        "client_id={APP}&grant_type=authorization_code&code={code}&redirect_uri={APP_URI}&code_verifier={VERIFIER}"
    );
    let own = world.send(&form(body), at(2));
    world.revoke(&by_app(&own.refresh_token()), at(3)).assert_ok();
    assert!(!world.lets_in(&own.access_token(), at(4)), "a public client revokes its own");
    assert_eq!(world.store.bytes(), {
        let mut left = stored;
        left.retain(|id, _| world.store.grants().iter().any(|grant| grant.id() == *id));
        left
    });
}

/// RFC 7009 section 2.1.
#[test]
fn a_revocation_has_one_token_and_a_client_that_authenticates() {
    let world = bank();
    world.revoke(&form("token=a"), at(0)).assert_error(401, "invalid_client");
    world.revoke(&form("token=a").basic(PORTAL, OTHER_SECRET), at(0)).assert_error(401, "invalid_client");
    world.revoke(&portal_form(""), at(0)).assert_error(400, "invalid_request");
    world
        .revoke(&portal_form("token=a&token_type_hint=x&token_type_hint=y"), at(0))
        .assert_error(400, "invalid_request");
    world.revoke(&portal_form("token=a").without_content_type(), at(0)).assert_error(400, "invalid_request");
}

#[test]
fn a_store_that_fails_is_503_and_a_retry_converges() {
    let world = bank();
    let tokens = world.log_in(at(0));
    for (token, fault) in [
        (tokens.access_token(), Fault::LoadFails),
        (tokens.access_token(), Fault::SwapNotApplied),
        (tokens.refresh_token(), Fault::LoadFails),
        (tokens.refresh_token(), Fault::RemoveFails),
    ] {
        world.store.fail_next(fault);
        let ask = portal_form(&format!("token={token}"));
        world.revoke(&ask, at(1)).assert_error(503, "temporarily_unavailable");
        assert!(world.lets_in(&tokens.access_token(), at(1)), "{fault:?}");
    }
    // A lost reply is looked into.
    world.events.take();
    world.store.fail_next(Fault::SwapAppliedAndReplyLost);
    world.revoke(&portal_form(&format!("token={}", tokens.access_token())), at(1)).assert_ok();
    assert_eq!(world.events.names(), ["AccessRevoked"], "once");
    assert!(!world.lets_in(&tokens.access_token(), at(1)));
    world.store.fail_next(Fault::RemoveAppliedAndReplyLost);
    let ask = portal_form(&format!("token={}", tokens.refresh_token()));
    world.revoke(&ask, at(1)).assert_error(503, "temporarily_unavailable");
    world.revoke(&ask, at(1)).assert_ok();
    assert!(world.store.grants().is_empty());
}

/// RFC 7009 section 2.1: "verifies whether the token was issued to the client making the revocation request. If this
/// validation fails, the request is refused and the client is informed of the error".
#[test]
fn another_clients_token_is_refused_and_the_client_is_told() {
    let world = bank();
    let first = world.log_in(at(0));
    let body = format!("grant_type=refresh_token&refresh_token={}", first.refresh_token());
    let second = world.send(&portal_form(&body), at(1));
    let stored = world.store.bytes();
    let mut replies = Vec::new();
    for token in [first.refresh_token(), second.refresh_token(), first.access_token(), second.access_token()] {
        world.events.take();
        let reply = world.revoke(&form(format!("client_id={APP}&token={token}")), at(500));
        reply.assert_error(400, "invalid_grant");
        replies.push(reply);
        let events = world.events.take();
        assert!(
            events.len() == 1 && events[0].starts_with("Refused") && events[0].contains("AnotherClient"),
            "{events:?}"
        );
        assert_eq!(world.store.bytes(), stored);
    }
    assert!(replies.windows(2).all(|two| two[0] == two[1]), "one answer for all of them");
    assert!(world.lets_in(&second.access_token(), at(501)));
}

/// RFC 7009 section 2.1: the token was issued to the client that asks.
#[test]
fn revocation_ends_what_is_ones_own_and_nothing_else() {
    let world = OnShelf::simple();
    let first = world.login("native", at(0));
    let second = world.refresh("native", &first.refresh_token(), at(1));
    let stored = world.store.bytes();
    for client in ["portal", "rival", "api"] {
        for token in [first.refresh_token(), second.refresh_token(), second.access_token()] {
            world.revoke(client, &token, at(2)).assert_error(400, "invalid_grant");
        }
    }
    for token in ["x", "", "e30.e30.e30", &forged(&second.refresh_token())] {
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
