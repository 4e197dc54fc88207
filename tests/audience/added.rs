//! Turning resources on, adding one and moving the default log nobody out, and widen nobody's consent.

use super::town::{FILES, MCP, both, files, mcp, only_files, only_mcp, plain, query, rebuilt, world};
use crate::kit::at;

/// Grants made before have no resources: they are for the default one, and their tokens that are out as well.
#[test]
fn who_was_logged_in_before_there_were_resources_stays_logged_in() {
    let before = world(plain);
    let reply = before.agent_redeem(&before.agent_code(None, &[], at(0)), &[], at(1));
    let scope = "mcp:read mcp:write files:read";
    assert_eq!(reply.text("scope"), scope);
    // What a client named was passed over; so is it now.
    let named = before.agent_redeem(&before.agent_code(None, &[FILES], at(0)), &[FILES], at(1));
    assert_eq!(before.at_default(&named.access_token(), at(2)).unwrap().scope().as_str(), scope);

    let after = rebuilt(&before, both);
    for reply in [reply, named] {
        assert_eq!(after.lets_into(&reply.access_token(), at(3)), only_mcp("mcp:read mcp:write"));
        let next = after.agent_refresh(&reply.refresh_token(), &[], "", at(4));
        assert_eq!(next.text("scope"), "mcp:read mcp:write");
        assert_eq!(after.lets_into(&next.access_token(), at(5)), only_mcp("mcp:read mcp:write"));
        let next = after.agent_refresh(&next.refresh_token(), &[MCP], "", at(6));
        assert_eq!(after.lets_into(&next.access_token(), at(7)), only_mcp("mcp:read mcp:write"));
        after.agent_refresh(&next.refresh_token(), &[FILES], "", at(8)).assert_error(400, "invalid_target");
    }
    // The record stays one that the version before can read.
    assert!(before.store.bytes().values().all(|bytes| bytes[0] == 1));
}

/// From one resource to two: the only one was the default, and has to stay it.
#[test]
fn a_second_resource_logs_nobody_out() {
    let one = world(|builder| plain(builder).resource(mcp()));
    let unnamed = one.agent_redeem(&one.agent_code(None, &[], at(0)), &[], at(1));
    let named = one.agent_redeem(&one.agent_code(None, &[MCP], at(0)), &[], at(1));
    let two = rebuilt(&one, both);
    for reply in [unnamed, named] {
        // The one resource defined no scope of files, so it was the engine's.
        assert_eq!(reply.text("scope"), "mcp:read mcp:write files:read");
        assert_eq!(two.lets_into(&reply.access_token(), at(2)), only_mcp("mcp:read mcp:write"));
        let next = two.agent_refresh(&reply.refresh_token(), &[], "", at(3));
        assert_eq!(two.lets_into(&next.access_token(), at(4)), only_mcp("mcp:read mcp:write"));
    }
}

/// Where nothing is left of the scope of who named nothing, the person has to log in anew.
#[test]
fn a_login_for_another_resource_by_its_scope_alone_ends_with_it() {
    let before = world(plain);
    let reply = before.agent_redeem(&before.agent_code(Some("files:read"), &[], at(0)), &[], at(1));
    let after = rebuilt(&before, both);
    assert_eq!(after.lets_into(&reply.access_token(), at(2)), [None, None]);
    after.agent_refresh(&reply.refresh_token(), &[], "", at(3)).assert_error(400, "invalid_grant");
}

/// A consent to the one is none to the other: the attack is a default that moves under a login.
#[test]
fn a_default_that_moves_takes_no_login_along() {
    let before = world(both);
    let old = before.agent_redeem(&before.agent_code(None, &[], at(0)), &[], at(1));
    let moved = rebuilt(&before, |builder| {
        plain(builder).resource(mcp()).resource(files()).default_resource(FILES).earlier_default_resource(MCP, at(100))
    });
    assert_eq!(moved.lets_into(&old.access_token(), at(101)), only_mcp("mcp:read mcp:write"));
    let next = moved.agent_refresh(&old.refresh_token(), &[], "", at(102));
    assert_eq!(moved.lets_into(&next.access_token(), at(103)), only_mcp("mcp:read mcp:write"));
    assert!(moved.at_default(&next.access_token(), at(103)).is_err(), "which is the new one");
    let new = moved.agent_redeem(&moved.agent_code(None, &[], at(104)), &[], at(105));
    assert_eq!(moved.lets_into(&new.access_token(), at(106)), only_files("files:read"));
}

/// A store that lost a redemption lost for which resources it was as well: the refresh that moves the login on names them.
#[test]
fn a_redemption_that_the_store_lost_names_its_resources_once_more() {
    let world = world(both);
    let code = world.agent_code(None, &[MCP, FILES], at(0));
    let before = world.store.grants().pop().unwrap();
    let first = world.agent_redeem(&code, &[FILES], at(1));
    world.store.misplace(before.id(), before);
    let second = world.agent_refresh(&first.refresh_token(), &[FILES], "", at(2));
    second.assert_ok();
    let third = world.agent_refresh(&second.refresh_token(), &[], "", at(3));
    assert_eq!(world.lets_into(&third.access_token(), at(4)), only_files("files:read"));
}

/// An engine that has none passes the parameter over, as it did.
#[test]
fn without_resources_nothing_changes() {
    let world = world(plain);
    let reply = world.machine("grant_type=client_credentials", &["anything", "https://a.example#b"], at(0));
    reply.assert_ok();
    assert_eq!(reply.access_token().len(), 67);
    let access = world.at_default(&reply.access_token(), at(1)).unwrap();
    assert_eq!(access.resources().count(), 0);
    let encoded = query(None, &["anything"]).encoded();
    let request = regrant::Request::new("GET", b"").with_query(encoded.as_bytes());
    let asked = world.engine.blocking().authorize(&request, at(0)).unwrap().unwrap();
    assert_eq!(asked.resources().collect::<Vec<_>>(), ["anything"], "the host's to judge");
    let parts: Vec<_> = asked.scope_by_resource().map(|(at, scope)| (at.is_some(), scope.to_string())).collect();
    assert_eq!(parts, [(false, "mcp:read mcp:write files:read".to_owned())]);
}
