//! RFC 7662: who learns what of which token.

use serde_json::json;

use super::world::{API, APP, ISSUER, PORTAL, Query, api_form, bank, claims, portal_form};
use crate::common::{Fault, OTHER_SECRET, SECRET, T0, at, form};

const INACTIVE: &[u8] = b"{\"active\":false}";

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
        ("a token of nobody", portal_form(&format!("token={}", crate::common::forged(&portal.refresh_token())))),
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
    let world = crate::common::World::new(
        [super::world::portal(), super::world::api().resource_server(false)],
        super::world::issuing,
    );
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
    assert_eq!(world.events.names(), ["CodeIssued", "Issued", "Refreshed"]);
}

#[test]
fn one_that_renews_nothing_is_not_active() {
    let world = bank();
    let authorization = regrant::Authorization::of("alice").renewable(false);
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
