//! The authorization request: RFC 8707 section 2, and what the page is shown.

use regrant::engine::Person;
use regrant::{Denial, Request};

use super::town::{FILES, MCP, OTHER, both, query, town, world};
use crate::kit::at;
use crate::kit::bank::Ended;

/// What a request comes to: the grant's resources as the host sees them, and the scope.
#[track_caller]
fn shown(asked: Option<&str>, resources: &[&str]) -> Result<(Vec<String>, String), String> {
    let (world, encoded) = (town(), query(asked, resources).encoded());
    let request = Request::new("GET", b"").with_query(encoded.as_bytes());
    match world.engine.blocking().authorize(&request, at(0)).unwrap() {
        Ok(asked) => Ok((asked.resources().map(String::from).collect(), asked.scope().to_string())),
        Err(regrant::AuthorizationError::Redirect(response)) => Err(Ended::of(&response).error().to_owned()),
        Err(regrant::AuthorizationError::Show(error)) => panic!("{error:?}"),
    }
}

#[test]
fn a_resource_is_known_however_it_is_spelt_and_shown_as_it_is_registered() {
    for (sent, seen) in [
        (&[][..], &[MCP][..]),
        (&[""], &[MCP]),
        (&[MCP], &[MCP]),
        (&[FILES], &[FILES]),
        (&[MCP, FILES], &[MCP, FILES]),
        (&[FILES, MCP, FILES], &[FILES, MCP]),
        (&["HTTPS://MCP.example:443/mcp"], &[MCP]),
        (&[MCP, "https://mcp.example/./mcp", "https://mcp.example/%6dcp"], &[MCP]),
    ] {
        let (resources, _) = shown(None, sent).unwrap();
        assert_eq!(resources, seen, "{sent:?}");
    }
}

/// "MUST be an absolute URI … MUST NOT include a fragment component".
#[test]
fn what_is_malformed_or_unknown_is_an_invalid_target() {
    for sent in [
        OTHER,
        "/mcp",
        "mcp",
        "https://mcp.example/mcp#",
        "https://mcp.example/mcp#x",
        "https://mcp.example/mcp/",
        "https://mcp.example/MCP",
        "https://mcp.example/mcp?",
        "https://mcp.example/mcp?x=1",
        "https://mcp.example",
        "http://mcp.example/mcp",
        "https://mcp.example:8443/mcp",
        "https://mcp.example@evil.example/mcp",
        "https://evil@mcp.example/mcp",
        "https://mcp.example.evil.example/mcp",
        "https://mcp.example/mcp/../../mcp/x",
        "https://mcp.example\\/mcp",
        "https://mcp.example/mcp%00",
        " https://mcp.example/mcp",
        "*",
    ] {
        assert_eq!(shown(None, &[sent]), Err("invalid_target".into()), "{sent:?}");
        assert_eq!(shown(None, &[MCP, sent]), Err("invalid_target".into()), "beside a good one: {sent:?}");
    }
    let long = format!("https://mcp.example/{}", "a".repeat(4_000));
    assert_eq!(shown(None, &[&long]), Err("invalid_target".into()));
}

/// A control character is malformed as in every parameter that is defined.
#[test]
fn a_control_character_is_an_invalid_request() {
    assert_eq!(shown(None, &["https://mcp.example/mcp\n"]), Err("invalid_request".into()));
}

#[test]
fn where_a_resource_has_to_be_named_none_is_an_invalid_target() {
    let world = world(|builder| both(builder).resource_must_be_named());
    assert_eq!(world.authorize(&query(None, &[]), at(0)).error(), "invalid_target");
    world.authorize(&query(None, &[MCP]), at(0)).code();
    let reply = world.machine("grant_type=client_credentials", &[], at(0));
    reply.assert_error(400, "invalid_target");
    world.machine("grant_type=client_credentials", &[FILES], at(0)).assert_ok();
}

/// A scope that neither the named resources nor the engine define.
#[test]
fn a_scope_is_asked_for_with_the_resource_that_defines_it() {
    let all = "mcp:read mcp:write files:read";
    for (asked, resources, left) in [
        (Some("mcp:read"), &[][..], Ok("mcp:read")),
        (Some("mcp:read"), &[MCP], Ok("mcp:read")),
        (Some("mcp:read files:read"), &[MCP, FILES], Ok("mcp:read files:read")),
        (Some("files:read"), &[FILES], Ok("files:read")),
        (Some("files:read"), &[], Err("invalid_scope")),
        (Some("files:read"), &[MCP], Err("invalid_scope")),
        (Some("mcp:read files:read"), &[MCP], Err("invalid_scope")),
        (Some("mcp:read"), &[FILES], Err("invalid_scope")),
        // OpenID Connect Core section 3.1.2.1.
        (Some("openid mcp:read"), &[FILES], Ok("openid")),
        (Some("openid files:read mcp:read"), &[FILES], Ok("openid files:read")),
        (Some("openid"), &[FILES], Ok("openid")),
        // Nothing is asked for: the default is cut.
        (None, &[MCP, FILES], Ok(all)),
        (None, &[], Ok("mcp:read mcp:write")),
        (None, &[FILES], Ok("files:read")),
    ] {
        let scope = shown(asked, resources).map(|(_, scope)| scope);
        assert_eq!(scope, left.map(String::from).map_err(String::from), "{asked:?} for {resources:?}");
    }
}

#[test]
fn the_page_is_shown_the_scope_by_resource() {
    let world = town();
    let parts = |asked: &str, resources: &[&str]| -> Vec<(String, String)> {
        let encoded = query(Some(asked), resources).encoded();
        let request = Request::new("GET", b"").with_query(encoded.as_bytes());
        let asked = world.engine.blocking().authorize(&request, at(0)).unwrap().unwrap();
        let parts = asked.scope_by_resource();
        parts.map(|(at, scope)| (at.unwrap_or_default().to_owned(), scope.to_string())).collect()
    };
    let pair = |at: &str, scope: &str| (at.to_owned(), scope.to_owned());
    assert_eq!(
        parts("files:read openid mcp:read mcp:admin", &[MCP, FILES]),
        [pair("", "openid"), pair(MCP, "mcp:read mcp:admin"), pair(FILES, "files:read")]
    );
    assert_eq!(parts("mcp:read", &[]), [pair(MCP, "mcp:read")]);
    assert_eq!(parts("openid", &[FILES]), [pair("", "openid"), pair(FILES, "")]);
}

#[test]
fn a_page_carries_every_resource_and_the_host_can_refuse() {
    let world = town();
    let encoded = query(None, &[MCP, FILES]).encoded();
    let request = Request::new("GET", b"").with_query(encoded.as_bytes());
    let asked = world.engine.blocking().authorize(&request, at(0)).unwrap().unwrap();
    let carried: Vec<_> = asked.carried().filter(|(name, _)| *name == "resource").collect();
    assert_eq!(carried, [("resource", MCP), ("resource", FILES)]);
    assert_eq!(
        Ended::of(
            &world.engine.blocking().deny(&asked, Denial::InvalidTarget, Person::Nobody, at(0)).unwrap().unwrap()
        )
        .error(),
        "invalid_target"
    );
}
