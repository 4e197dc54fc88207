//! RFC 7662: who learns what of which token.

use std::time::Duration;

use regrant::engine::{BearerErrorKind, RenewalPolicy};
use regrant::{Lifetimes, Timestamp};
use serde_json::json;

use crate::kit::bank::{self, API, APP, ISSUER, PORTAL, Query, api_form, bank, claims, portal_form};
use crate::kit::portal::{OnShelf, run};
use crate::kit::{Fault, OTHER_SECRET, Reply, SECRET, T0, World, altered, at, forged, form};

const INACTIVE: &[u8] = b"{\"active\":false}";

/// RFC 7662 section 2.2.
#[test]
fn a_client_and_a_resource_server_learn_of_an_access_token() {
    let world = bank();
    let tokens = world.log_in(at(0));
    let jwt = tokens.access_token();
    let expected = json!({
        "active": true, "client_id": PORTAL, "sub": "alice", "scope": "openid email", "iss": ISSUER, "aud": ISSUER,
        "token_type": "Bearer", "iat": T0, "exp": T0 + 3_600, "jti": claims(&jwt)["jti"],
    });
    for ask in [portal_form(&format!("token={jwt}")), api_form(&format!("token={jwt}&token_type_hint=refresh_token"))] {
        let stored = world.store.bytes();
        let reply = world.introspect(&ask, at(1));
        assert_eq!(json!(reply.assert_ok().json()), expected);
        assert_eq!(reply.header("cache-control"), ["no-store"]);
        assert_eq!(world.store.bytes(), stored);
        assert_eq!(world.introspect(&ask, at(3_600)).body, INACTIVE, "once it has expired");
    }
}

/// RFC 7662 sections 2.2 and 4: what is not theirs is not active.
#[test]
fn nobody_learns_of_what_is_not_theirs() {
    let world = bank();
    let portal = world.log_in(at(0));
    let own = world.send(&portal_form("grant_type=client_credentials"), at(0));
    let app = world.authorize(&Query::app(), at(0)).code();
    for (name, ask) in [
        ("a refresh token, at a resource server", api_form(&format!("token={}", portal.refresh_token()))),
        ("a code", portal_form(&format!("token={app}"))),
        ("an ID token", portal_form(&format!("token={}", portal.text("id_token")))),
        ("anything", portal_form("token=anything")),
        ("a token of nobody", portal_form(&format!("token={}", forged(&portal.refresh_token())))),
    ] {
        assert_eq!(world.introspect(&ask, at(1)).assert_ok().body, INACTIVE, "{name}");
    }
    assert_ne!(world.introspect(&api_form(&format!("token={}", own.access_token())), at(1)).body, INACTIVE);
    world.introspect(&form(format!("client_id={APP}&token=a")), at(1)).assert_error(401, "invalid_client");
    world.introspect(&form("token=a").basic(PORTAL, OTHER_SECRET), at(1)).assert_error(401, "invalid_client");
    world.introspect(&form("token=a"), at(1)).assert_error(401, "invalid_client");
    world.introspect(&portal_form("token="), at(1)).assert_error(400, "invalid_request");
    world.introspect(&portal_form("token=a&token=a"), at(1)).assert_error(400, "invalid_request");
    let mut get = portal_form("token=a");
    get.method = "GET";
    world.introspect(&get, at(1)).assert_error(405, "invalid_request");
}

#[test]
fn a_client_that_is_no_resource_server_learns_nothing_of_anothers() {
    let world = World::new([bank::portal(), bank::api().resource_server(false)], bank::issuing);
    let tokens = world.log_in(at(0));
    for token in [tokens.access_token(), tokens.refresh_token()] {
        let reply = world.introspect(&api_form(&format!("token={token}")), at(1));
        assert_eq!(reply.assert_ok().body, INACTIVE, "{API} asks about {PORTAL}'s");
    }
}

#[test]
fn a_refresh_token_is_active_while_it_renews() {
    let world = bank();
    let tokens = world.log_in(at(0));
    let asks = |token: &str| portal_form(&format!("token={token}"));
    let is_active = |token: &str, now| world.introspect(&asks(token), now).assert_ok().json()["active"] == json!(true);
    let first = tokens.refresh_token();
    let reply = world.introspect(&asks(&first), at(1)).json();
    assert_eq!((&reply["sub"], &reply["client_id"]), (&json!("alice"), &json!(PORTAL)));
    let body = format!("grant_type=refresh_token&refresh_token={first}");
    let second = world.send(&portal_form(&body), at(2)).refresh_token();
    assert!(is_active(&first, at(3)), "a retry works");
    assert!(is_active(&second, at(3)));
    let stored = world.store.bytes();
    assert!(!is_active(&first, at(2 + 120)), "a replay is none, and ends nothing");
    assert!(is_active(&second, at(2 + 120)));
    assert_eq!(world.store.bytes(), stored);
    let names = world.events.names();
    assert_eq!(names, ["CodeIssued", "Issued", "Refreshed", "RetiredIntrospected", "RetiredIntrospected"]);
}

/// RFC 7662 section 2.2: `exp` tells a thief of an old token nothing about when its owner refreshed. The question itself
/// is told to the host.
#[test]
fn an_old_refresh_token_does_not_show_that_a_newer_one_was_used() {
    const YEAR: u64 = 365 * 86_400;
    for (absolute, exp) in [(Some(Duration::from_secs(YEAR)), json!(T0 + YEAR)), (None, json!(null))] {
        let lifetimes = Lifetimes::default().with_absolute(absolute);
        let world = World::new([bank::portal()], |builder| bank::issuing(builder).lifetimes(lifetimes));
        let mut token = world.log_in(at(0)).refresh_token();
        let first = token.clone();
        let ask = |token: &str, now| world.introspect(&portal_form(&format!("token={token}")), now).assert_ok().json();
        let said = ask(&first, at(1));
        assert_eq!((&said["active"], said.get("exp").unwrap_or(&json!(null))), (&json!(true), &exp));
        world.events.take();
        for (secs, active) in [(1_000, true), (2_000, false)] {
            let body = format!("grant_type=refresh_token&refresh_token={token}");
            token = world.send(&portal_form(&body), at(secs)).assert_ok().refresh_token();
            world.events.take();
            assert_eq!(json!(ask(&token, at(secs + 1))), json!(said), "the current one");
            assert!(world.events.names().is_empty());
            assert_eq!(ask(&first, at(secs + 1)) == said, active, "an old one");
            let events = world.events.take();
            let said = format!("active: {active}");
            assert!(events.len() == 1 && events[0].starts_with("RetiredIntrospected") && events[0].contains(&said));
        }
    }
}

#[test]
fn one_that_renews_nothing_is_not_active() {
    let world = bank();
    let authorization = regrant::Authorization::of("alice").with_renewable(false);
    let code = world.authorize_as(&Query::portal(), authorization, at(0)).code();
    let tokens = world.redeem_portal(&code, at(1));
    let asked = world.introspect(&portal_form(&format!("token={}", tokens.refresh_token())), at(2));
    assert_eq!(asked.body, INACTIVE);
    assert_ne!(world.introspect(&portal_form(&format!("token={}", tokens.access_token())), at(2)).body, INACTIVE);
}

#[test]
fn a_store_that_fails_is_503_and_never_inactive() {
    let world = bank();
    let tokens = world.log_in(at(0));
    for token in [tokens.access_token(), tokens.refresh_token()] {
        world.store.fail_next(Fault::LoadFails);
        let ask = form(format!("token={token}")).basic(PORTAL, SECRET);
        world.introspect(&ask, at(1)).assert_error(503, "temporarily_unavailable");
    }
}

/// RFC 7662 section 4: scanning for tokens.
#[test]
fn introspection_tells_nobody_of_what_is_not_theirs() {
    let world = OnShelf::simple();
    let first = world.login("portal", at(0));
    let second = world.refresh("portal", &first.refresh_token(), at(1));
    let native = world.login("native", at(1));
    let stored = world.store.bytes();
    for (client, token, is_live) in [
        ("portal", second.refresh_token(), true),
        // A lost response is asked for again in the window, and is a replay after it, which ends nothing here.
        ("portal", first.refresh_token(), true),
        ("portal", second.access_token(), true),
        ("portal", native.access_token(), false),
        ("portal", native.refresh_token(), false),
        ("rival", second.access_token(), false),
        ("rival", second.refresh_token(), false),
        ("api", second.access_token(), true),
        ("api", native.access_token(), true),
        ("api", second.refresh_token(), false),
        ("api", native.refresh_token(), false),
        ("api", altered(&native.access_token(), 50), false),
        ("api", "x".repeat(8_000), false),
    ] {
        assert_eq!(world.is_active(client, &token, at(2)), is_live, "{client} {token}");
    }
    assert!(!world.is_active("portal", &first.refresh_token(), at(121)));
    // Whoever cannot authenticate learns nothing, whether the client is there or not.
    let strangers = [("native", form("token=x&client_id=native")), ("nobody", form("token=x&client_id=nobody"))];
    let replies = strangers.map(|(_, ask)| Reply::of(&run(world.engine.introspect(&ask.request(), at(2)))));
    replies[0].assert_error(401, "invalid_client");
    assert_eq!(replies[0], replies[1]);
    assert_eq!(world.introspect("native", &native.access_token(), at(2)), replies[0]);
    world.introspect("portal", "", at(2)).assert_error(400, "invalid_request");
    world.introspect("portal", "x&token=y", at(2)).assert_error(400, "invalid_request");
    assert_eq!(world.store.bytes(), stored);
    // Not renewable looks like any other, and is not live.
    let never = OnShelf::on_shelf(|builder| builder.renewal(RenewalPolicy::Never));
    let token = never.login("portal", at(0)).refresh_token();
    assert!(!never.is_active("portal", &token, at(1)));
}

/// 503 means nobody knows; only a store that answered says that a token is not live, or is revoked.
#[test]
fn a_store_that_fails_is_503_at_introspection_revocation_and_resource() {
    let world = OnShelf::simple();
    let tokens = world.login("portal", at(0));
    let stored = world.store.bytes();
    for token in [tokens.refresh_token(), tokens.access_token()] {
        world.store.fail_next(Fault::LoadFails);
        world.introspect("portal", &token, at(1)).assert_error(503, "temporarily_unavailable");
        world.store.fail_next(Fault::LoadFails);
        world.revoke("portal", &token, at(1)).assert_error(503, "temporarily_unavailable");
        world.store.fail_next(Fault::LoadFails);
        let refused = world.bearer(&tokens.access_token(), at(1)).unwrap_err();
        assert_eq!(refused.kind(), BearerErrorKind::Unavailable);
    }
    world.store.fail_next(Fault::SwapNotApplied);
    world.revoke("portal", &tokens.access_token(), at(1)).assert_error(503, "temporarily_unavailable");
    world.store.fail_next(Fault::RemoveFails);
    world.revoke("portal", &tokens.refresh_token(), at(1)).assert_error(503, "temporarily_unavailable");
    assert_eq!(world.store.bytes(), stored);
    for fault in [Fault::SwapLost, Fault::SwapAppliedAndReplyLost] {
        let access = world.login("portal", at(1)).access_token();
        world.store.fail_next(fault);
        assert_eq!(world.revoke("portal", &access, at(1)).status, 200);
        assert!(world.bearer(&access, at(1)).is_err());
    }
    world.store.fail_next(Fault::RemoveAppliedAndReplyLost);
    world.revoke("portal", &tokens.refresh_token(), at(2)).assert_error(503, "temporarily_unavailable");
    assert_eq!(world.revoke("portal", &tokens.refresh_token(), at(2)).status, 200);
}

/// Times at both ends, and lifetimes of nothing: an answer each time.
#[test]
fn no_clock_makes_introspection_revocation_or_sessions_panic() {
    let ends = [Timestamp::EPOCH, at(0), Timestamp::from_secs(u64::from(u32::MAX)), Timestamp::MAX];
    let lifetimes = Lifetimes::default().with_idle(Duration::from_millis(1)).with_access_token(Duration::from_secs(1));
    for (login, now) in ends.into_iter().flat_map(|login| ends.map(|now| (login, now))) {
        let world = OnShelf::on_shelf(|builder| builder.lifetimes(lifetimes));
        let code = world.code("portal", login);
        let reply = world.redeem("portal", &code, login);
        if reply.status == 200 {
            for token in [reply.refresh_token(), reply.access_token(), code] {
                assert_eq!(world.introspect("portal", &token, now).status, 200);
                assert_eq!(world.revoke("portal", &token, now).status, 200);
            }
        }
        assert!(run(world.engine.sessions("alice", None, 0, now)).is_ok());
    }
}
