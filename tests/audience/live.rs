//! A resource that is added while the engine serves, and metadata that change: RFC 8707, RFC 8414, RFC 9728.

use std::sync::atomic::{AtomicUsize, Ordering};

use regrant::engine::{AccessTokenFormat, EngineSlot, MetadataMembers};
use regrant::{BuildError, Endpoints, Resource};
use serde_json::Value;

use super::town::{
    Builder, FILES, MCP, OTHER, both, files, mcp, only_files, only_mcp, plain, query, rebuilt, town, world,
};
use crate::kit::bank::{KEY, claims};
use crate::kit::{World, at, scope};

fn only_the_default(builder: Builder) -> Builder {
    plain(builder).resource(mcp()).endpoints(Endpoints::new().with_token("/token"))
}

/// As one that the builder was given: for who names it, and for nobody else.
#[test]
fn tokens_can_be_for_it_from_then_on() {
    let world = world(only_the_default);
    assert_eq!(world.authorize(&query(None, &[FILES]), at(0)).error(), "invalid_target");
    assert!(world.engine.protected_resource_metadata(FILES).is_none());
    world.engine.add_resource(files()).unwrap();
    let reply = world.agent_redeem(&world.agent_code(None, &["HTTPS://MCP.example:443/files"], at(0)), &[], at(1));
    assert_eq!(reply.text("scope"), "files:read");
    assert_eq!(world.lets_into(&reply.access_token(), at(2)), only_files("files:read"));
    let next = world.agent_refresh(&reply.refresh_token(), &[FILES], "", at(3));
    assert_eq!(world.lets_into(&next.access_token(), at(4)), only_files("files:read"));
    world.agent_refresh(&next.refresh_token(), &[MCP], "", at(5)).assert_error(400, "invalid_target");
    // Both, of which the request at hand names one.
    let both = world.agent_redeem(&world.agent_code(None, &[FILES, MCP], at(6)), &[MCP], at(7));
    assert_eq!(world.lets_into(&both.access_token(), at(8)), only_mcp("mcp:read mcp:write"));
    // It has a document, where clients look for it.
    let path = "/.well-known/oauth-protected-resource/files";
    let document = world.engine.document_at(path).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(document.body()).unwrap()["resource"], FILES);
}

/// The default one never changes while the engine serves: what a request without `resource` is for, and a grant without any.
#[test]
fn it_logs_nobody_out_and_is_nobodys_default() {
    let world = world(only_the_default);
    let unnamed = world.agent_redeem(&world.agent_code(Some("mcp:read"), &[], at(0)), &[], at(1));
    let named = world.agent_redeem(&world.agent_code(Some("mcp:read"), &[MCP], at(0)), &[], at(1));
    world.engine.add_resource(files()).unwrap();
    for reply in [&unnamed, &named] {
        assert_eq!(world.lets_into(&reply.access_token(), at(2)), only_mcp("mcp:read"));
        let next = world.agent_refresh(&reply.refresh_token(), &[], "", at(3));
        assert_eq!(world.lets_into(&next.access_token(), at(4)), only_mcp("mcp:read"));
        // What was consented to was not this.
        world.agent_refresh(&next.refresh_token(), &[FILES], "", at(5)).assert_error(400, "invalid_target");
    }
    let new = world.agent_redeem(&world.agent_code(Some("mcp:read"), &[], at(6)), &[], at(7));
    assert_eq!(world.lets_into(&new.access_token(), at(8)), only_mcp("mcp:read"));
}

/// A scope is the engine's until a resource defines it; then other tokens do not have it. So is it with one that is built in, and
/// the two agree to the last answer.
#[test]
fn its_scopes_are_its_own_as_if_it_had_been_there_at_the_start() {
    let [live, built] = [world(only_the_default), world(both)];
    let before = live.agent_redeem(&live.agent_code(None, &[], at(0)), &[], at(1));
    assert_eq!(before.text("scope"), "mcp:read mcp:write files:read");
    live.engine.add_resource(files()).unwrap();
    assert_eq!(live.lets_into(&before.access_token(), at(2)), only_mcp("mcp:read mcp:write"));
    for (asked, resources) in [
        (None, &[][..]),
        (None, &[MCP]),
        (None, &[FILES]),
        (None, &[MCP, FILES]),
        (Some("files:read"), &[MCP]),
        (Some("files:read"), &[FILES]),
        (Some("mcp:read files:write"), &[FILES, MCP]),
        (None, &[OTHER]),
    ] {
        let outcome = |world: &World| {
            let landed = world.authorize(&query(asked, resources), at(3));
            if let Some(error) = landed.parameter("error") {
                return error.to_owned();
            }
            let reply = world.agent_redeem(&landed.code(), &[], at(4));
            let token = reply.json().get("access_token").and_then(Value::as_str).map(str::to_owned);
            format!("{} {:?}", reply.status, token.map(|token| world.lets_into(&token, at(5))))
        };
        assert_eq!(outcome(&live), outcome(&built), "{asked:?} {resources:?}");
    }
}

#[test]
fn what_is_refused_changes_nothing() {
    let world = world(only_the_default);
    let engine = &world.engine;
    for none in ["not a URI", "/files", "https://mcp.example/files#part", "https://me:secret@mcp.example/files"] {
        assert_eq!(engine.add_resource(Resource::new(none)), Err(BuildError::Resource), "{none}");
    }
    // Written in another way, too.
    assert_eq!(engine.add_resource(Resource::new("https://MCP.example:443/mcp")), Err(BuildError::DuplicateResource));
    let jwts = files().with_token_format(AccessTokenFormat::Jwt);
    assert_eq!(engine.add_resource(jwts), Err(BuildError::SigningKeyRequired));
    assert!(engine.protected_resource_metadata(FILES).is_none());
    engine.add_resource(files()).unwrap();
    let wider = Resource::new("HTTPS://mcp.example/files").with_scopes(scope("mcp:read"));
    assert_eq!(engine.add_resource(wider), Err(BuildError::DuplicateResource));
    let token = world.machine("grant_type=client_credentials", &[FILES], at(0)).access_token();
    assert_eq!(world.lets_into(&token, at(1)), only_files("files:read"));
    // Which would be the default one?
    let without = super::town::world(plain);
    assert_eq!(without.engine.add_resource(files()), Err(BuildError::DefaultResource));
    assert_eq!(town().engine.add_resource(files()), Err(BuildError::DuplicateResource));
}

/// The first whose tokens are JWTs; those of the others stay what they are (RFC 9068).
#[test]
fn it_may_be_the_first_whose_tokens_are_jwts() {
    let world = world(|builder| only_the_default(builder).signing_key(KEY.clone()));
    let jwts = files().with_token_format(AccessTokenFormat::Jwt);
    // Refused as a duplicate it has turned nothing on.
    let mcp = mcp().with_token_format(AccessTokenFormat::Jwt);
    assert_eq!(world.engine.add_resource(mcp), Err(BuildError::DuplicateResource));
    world.engine.add_resource(jwts).unwrap();
    let token = |resource: &str| world.machine("grant_type=client_credentials", &[resource], at(0)).access_token();
    assert_eq!(claims(&token(FILES))["aud"], FILES);
    assert_eq!(world.lets_into(&token(FILES), at(1)), only_files("files:read"));
    assert!(!token(MCP).contains('.'));
    assert_eq!(world.lets_into(&token(MCP), at(1)), only_mcp("mcp:read"));
    // One token is not for both.
    let both = world.machine("grant_type=client_credentials", &[MCP, FILES], at(0));
    both.assert_error(400, "invalid_target");
}

/// A node that does not have it yet: nothing is lost by asking there.
#[test]
fn a_node_without_it_refuses_and_changes_nothing() {
    let here = world(only_the_default);
    let there = rebuilt(&here, only_the_default);
    here.engine.add_resource(files()).unwrap();
    let reply = here.agent_redeem(&here.agent_code(None, &[FILES], at(0)), &[], at(1));
    let stored = here.store.bytes();
    there.agent_refresh(&reply.refresh_token(), &[], "", at(2)).assert_error(400, "invalid_target");
    // Neither its own, nor any other's; a resource that the node knows nothing of is a fault of the host, not of the token.
    assert!(there.at_default(&reply.access_token(), at(2)).is_err());
    assert_eq!(there.at(FILES, &reply.access_token(), at(2)).unwrap_err().status(), 503);
    assert_eq!(here.store.bytes(), stored);
    there.engine.add_resource(files()).unwrap();
    let next = there.agent_refresh(&reply.refresh_token(), &[], "", at(3));
    assert_eq!(here.lets_into(&next.access_token(), at(4)), only_files("files:read"));
}

/// An engine that takes the place has the resources that it was built with.
#[test]
fn it_goes_with_the_engine() {
    let world = world(only_the_default);
    world.engine.add_resource(files()).unwrap();
    let next = rebuilt(&world, only_the_default);
    let slot = EngineSlot::new(std::sync::Arc::clone(&world.engine));
    slot.exchange(std::sync::Arc::into_inner(next.engine).unwrap()).unwrap();
    assert!(slot.engine().protected_resource_metadata(FILES).is_none());
}

/// Requests for it while it is added: `invalid_target` before, a token for it after, and never another thing; requests for the
/// default one are served throughout.
#[test]
fn requests_go_on_while_resources_are_added() {
    const RESOURCES: usize = 50;
    let world = world(only_the_default);
    let uri = |number: usize| format!("https://mcp.example/{number}");
    let added = AtomicUsize::new(0);
    std::thread::scope(|threads| {
        let asking = |_: usize| {
            threads.spawn(|| {
                let mut served = 0;
                while served < RESOURCES {
                    let (known, next) = (added.load(Ordering::SeqCst), uri(served));
                    let reply = world.machine("grant_type=client_credentials", &[&next], at(0));
                    if reply.status == 200 {
                        assert!(world.at(&next, &reply.access_token(), at(1)).is_ok(), "{next}");
                        assert!(world.at_default(&reply.access_token(), at(1)).is_err(), "{next}");
                        served += 1;
                    } else {
                        reply.assert_error(400, "invalid_target");
                        assert!(known <= served, "{next} was added before");
                    }
                    world.machine("grant_type=client_credentials", &[], at(0)).assert_ok();
                }
            })
        };
        let asking: Vec<_> = (0..2).map(asking).collect();
        for number in 0..RESOURCES {
            world.engine.add_resource(Resource::new(&uri(number)).with_scopes(scope("files:read"))).unwrap();
            added.store(number + 1, Ordering::SeqCst);
            std::thread::yield_now();
        }
        for thread in asking {
            thread.join().unwrap();
        }
    });
}

/// RFC 8414 section 2: the host's members of now, and the engine's own whatever these are.
#[test]
fn metadata_members_change() {
    let world = world(|builder| {
        let members = MetadataMembers::new().with("service_documentation", "https://id.example/docs").unwrap();
        only_the_default(builder).metadata(members)
    });
    let document = || serde_json::from_slice::<Value>(world.engine.metadata().unwrap().body()).unwrap();
    let (before, members) = (document(), MetadataMembers::new().with("op_policy_uri", "https://id.example/p").unwrap());
    world.engine.set_metadata(members);
    let after = document();
    assert_eq!((after.get("service_documentation"), &after["op_policy_uri"]), (None, &"https://id.example/p".into()));
    world.engine.set_metadata(MetadataMembers::new());
    let (mut before, bare) = (before, document());
    before.as_object_mut().unwrap().remove("service_documentation").unwrap();
    assert_eq!(bare, before, "the engine's own stay");
}
