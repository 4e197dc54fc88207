//! RFC 7009: what ends, and what does not.

use super::world::{APP, APP_URI, PORTAL, Query, VERIFIER, bank, portal_form};
use crate::common::{Fault, OTHER_SECRET, at, form};

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

#[test]
fn what_is_not_theirs_or_not_alive_is_200_and_changes_nothing() {
    let world = bank();
    let tokens = world.log_in(at(0));
    let code = world.authorize(&Query::app(), at(0)).code();
    let stored = world.store.bytes();
    let by_app = |token: &str| form(format!("client_id={APP}&token={token}"));
    for (name, ask, now) in [
        ("another client's refresh token", by_app(&tokens.refresh_token()), at(1)),
        ("another client's access token", by_app(&tokens.access_token()), at(1)),
        ("an expired access token", portal_form(&format!("token={}", tokens.access_token())), at(3_600)),
        ("an ID token", portal_form(&format!("token={}", tokens.text("id_token"))), at(1)),
        ("its own code", by_app(&code), at(1)),
        ("anything", portal_form("token=anything"), at(1)),
        ("a forgery", portal_form(&format!("token={}", crate::common::forged(&tokens.refresh_token()))), at(1)),
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

#[test]
fn who_asks_and_how() {
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
