//! Introspection says whom a token is for, and to others nothing: RFC 7662 sections 2.2 and 4, RFC 9700 section 2.3.

use serde_json::{Map, Value, json};

use super::town::{FILES, MCP, both, plain, town, world};
use crate::kit::{Reply, SECRET, World, at, basic, form};

/// What a client hears of a token; `None` where it is inactive.
#[track_caller]
fn hears(world: &World, client: &str, token: &str) -> Option<Map<String, Value>> {
    let ask = form(format!("token={token}")).authorization(basic(client, SECRET));
    let reply = Reply::of(&world.engine.blocking().introspect(&ask.request(), at(1)).unwrap());
    assert_eq!(reply.status, 200);
    let members = reply.json();
    if members["active"] == true {
        return Some(members);
    }
    assert_eq!(reply.body, br#"{"active":false}"#);
    None
}

#[test]
fn a_resource_server_hears_of_what_is_for_its_own_resources() {
    let world = town();
    let both_places = json!([MCP, FILES]);
    for (resources, client, heard) in [
        (&[][..], "mcp-server", Some((json!(MCP), "mcp:read"))),
        (&[], "files-server", None),
        // Registered before there were resources: it is that of the default one.
        (&[], "api", Some((json!(MCP), "mcp:read"))),
        (&[], "machine", Some((json!(MCP), "mcp:read"))),
        (&[MCP], "mcp-server", Some((json!(MCP), "mcp:read"))),
        (&[MCP], "api", Some((json!(MCP), "mcp:read"))),
        (&[MCP], "files-server", None),
        (&[FILES], "files-server", Some((json!(FILES), "files:read"))),
        (&[FILES], "mcp-server", None),
        (&[FILES], "api", None),
        (&[FILES], "machine", Some((json!(FILES), "files:read"))),
        // Of a token for both each hears its own scope.
        (&[MCP, FILES], "mcp-server", Some((both_places.clone(), "mcp:read"))),
        (&[MCP, FILES], "files-server", Some((both_places.clone(), "files:read"))),
        (&[MCP, FILES], "machine", Some((both_places, "mcp:read files:read"))),
    ] {
        let reply = world.machine("grant_type=client_credentials", resources, at(0));
        let members = hears(&world, client, &reply.access_token());
        let heard = heard.map(|(audience, scope)| (audience, Value::from(scope)));
        assert_eq!(members.map(|all| (all["aud"].clone(), all["scope"].clone())), heard, "{resources:?} {client}");
    }
}

/// RFC 8707 section 2: a retired resource's server hears nothing, and its own client may still end the token.
#[test]
fn what_is_for_nothing_any_more_is_inactive_and_can_be_revoked() {
    let world = town();
    let token = world.machine("grant_type=client_credentials", &[FILES], at(0)).access_token();
    let without = super::town::rebuilt(&world, plain);
    for client in ["api", "machine"] {
        assert!(hears(&without, client, &token).is_none(), "{client}");
    }
    assert!(hears(&world, "files-server", &token).is_some());
    let ask = form(format!("token={token}")).authorization(basic("machine", SECRET));
    assert_eq!(without.engine.blocking().revoke(&ask.request(), at(1)).unwrap().status(), 200);
    assert!(hears(&world, "files-server", &token).is_none());
}

#[test]
fn a_server_of_a_resource_that_the_engine_does_not_have_hears_nothing() {
    let world = world(|builder| plain(builder).resource(super::town::mcp()));
    let token = world.machine("grant_type=client_credentials", &[MCP], at(0)).access_token();
    assert!(hears(&world, "files-server", &token).is_none());
    assert!(hears(&world, "mcp-server", &token).is_some());
}

/// Without resources a resource server learns of all, and an opaque token is for whoever asks.
#[test]
fn without_resources_nothing_changes() {
    let world = world(plain);
    let token = world.machine("grant_type=client_credentials", &[FILES], at(0)).access_token();
    for client in ["api", "mcp-server", "files-server"] {
        assert!(!hears(&world, client, &token).unwrap().contains_key("aud"));
    }
}

/// As the token endpoint would answer: one that could renew nothing any more, since what it is for is gone, is inactive.
#[test]
fn a_refresh_token_for_nothing_any_more_is_inactive() {
    let before = world(both);
    let body = "grant_type=password&username=alice&password=wonderland";
    let token = before.machine(body, &[FILES], at(0)).refresh_token();
    assert!(hears(&before, "machine", &token).is_some());
    let one_is_gone = super::town::rebuilt(&before, |builder| plain(builder).resource(super::town::mcp()));
    let none_is_left = super::town::rebuilt(&before, plain);
    for after in [one_is_gone, none_is_left] {
        assert!(hears(&after, "machine", &token).is_none());
        let renewal = format!("grant_type=refresh_token&refresh_token={token}");
        after.machine(&renewal, &[], at(2)).assert_error(400, "invalid_target");
    }
}

/// A refresh token is for the engine, and nobody's audience.
#[test]
fn a_refresh_token_has_no_audience() {
    let world = world(both);
    let body = "grant_type=password&username=alice&password=wonderland";
    let token = world.machine(body, &[FILES], at(0)).refresh_token();
    assert!(!hears(&world, "machine", &token).unwrap().contains_key("aud"));
    assert!(hears(&world, "files-server", &token).is_none());
}
