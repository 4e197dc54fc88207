//! Protected resource metadata: RFC 9728.

use std::sync::Arc;

use regrant::engine::MetadataMembers;
use regrant::http::EndpointService;
use regrant::{Endpoints, Request, Resource};
use serde_json::{Value, json};

use super::town::{FILES, MCP, OTHER, mcp, plain, poll, town, world};
use crate::kit::{World, at, scope};

fn document(world: &World, path: &str) -> Option<Value> {
    world.engine.document_at(path).map(|response| serde_json::from_slice(response.body()).unwrap())
}

#[test]
fn a_resource_says_whose_tokens_it_takes() {
    let world = town();
    let response = world.engine.protected_resource_metadata("https://MCP.example/mcp").unwrap();
    assert_eq!(response.status(), 200);
    let header = |name: &str| response.headers().find(|header| header.0 == name).map(|header| header.1.to_owned());
    assert_eq!(header("content-type").as_deref(), Some("application/json"));
    assert_eq!(header("cache-control").as_deref(), Some("public, max-age=300"));
    let expected = json!({
        "resource": MCP,
        "authorization_servers": ["https://id.example"],
        "scopes_supported": ["mcp:read", "mcp:write", "mcp:admin"],
        "bearer_methods_supported": ["header"],
    });
    assert_eq!(serde_json::from_slice::<Value>(response.body()).unwrap(), expected);
    assert!(world.engine.protected_resource_metadata(OTHER).is_none());
    assert!(super::town::world(plain).engine.protected_resource_metadata(MCP).is_none());
}

/// Section 3.1: between host and path, without the slash that follows the host.
#[test]
fn it_stands_between_host_and_path() {
    for (uri, place) in [
        (MCP, "https://mcp.example/.well-known/oauth-protected-resource/mcp"),
        ("https://mcp.example", "https://mcp.example/.well-known/oauth-protected-resource"),
        ("https://mcp.example/", "https://mcp.example/.well-known/oauth-protected-resource"),
        ("https://mcp.example/a/", "https://mcp.example/.well-known/oauth-protected-resource/a/"),
        ("http://127.0.0.1:8090/a/b", "http://127.0.0.1:8090/.well-known/oauth-protected-resource/a/b"),
        ("https://mcp.example/a?t=1", "https://mcp.example/.well-known/oauth-protected-resource/a?t=1"),
        ("http://[::1]:8090/a", "http://[::1]:8090/.well-known/oauth-protected-resource/a"),
    ] {
        let world = world(|builder| plain(builder).resource(Resource::new(uri)));
        assert_eq!(world.engine.protected_resource_metadata_url(uri).as_deref(), Some(place));
        let path = place.split_once("//").unwrap().1;
        let path = &path[path.find('/').unwrap()..];
        assert_eq!(document(&world, path).unwrap()["resource"], uri, "{path}");
    }
    let urn = world(|builder| plain(builder).resource(Resource::new("urn:example:api")));
    assert_eq!(urn.engine.protected_resource_metadata_url("urn:example:api"), None);
    assert!(urn.engine.protected_resource_metadata("urn:example:api").is_none());
}

/// Sections 3.1 and 3.3: a challenge leads to the document of its own resource, also where a query alone tells two apart.
#[test]
fn a_query_tells_two_apart() {
    let (one, two, plain_one) = ("https://mcp.example/a?t=1", "https://mcp.example/a?t=2", "https://mcp.example/b");
    let world = world(|builder| {
        plain(builder)
            .resource(Resource::new(one))
            .resource(Resource::new(two))
            .resource(Resource::new(plain_one))
            .default_resource(one)
    });
    let place = "/.well-known/oauth-protected-resource";
    for (path, resource) in [("/a?t=1", Some(one)), ("/a?t=2", Some(two)), ("/a?t=3", None), ("/a", None)] {
        let found = document(&world, &format!("{place}{path}"));
        assert_eq!(found.as_ref().map(|found| found["resource"].as_str().unwrap()), resource, "{path}");
    }
    // What is asked besides is not looked at where no URI has a query.
    assert_eq!(document(&world, &format!("{place}/b?x=y")).unwrap()["resource"], plain_one);
    let request = Request::new("GET", b"").with_query(b"t=2");
    let response = poll(world.engine.respond_at(&format!("{place}/a"), &request, at(0))).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(response.body()).unwrap()["resource"], two);
}

/// Section 3.3: a client compares `resource` with what it asked for, so each is at its own place alone.
#[test]
fn each_is_at_its_own_place_alone() {
    let world = town();
    let place = "/.well-known/oauth-protected-resource";
    for (path, resource) in [
        (format!("{place}/mcp"), Some(MCP)),
        // Some clients add the slash, and some take it off.
        (format!("{place}/mcp/"), Some(MCP)),
        (format!("{place}/files"), Some(FILES)),
        (place.to_owned(), None),
        (format!("{place}/"), None),
        (format!("{place}/mcp/x"), None),
        (format!("{place}mcp"), None),
        (format!("/mcp{place}"), None),
        (format!("{place}/%6dcp"), None),
    ] {
        let found = document(&world, &path).map(|document| document["resource"].clone());
        assert_eq!(found, resource.map(Value::from), "{path}");
    }
    // One path on two hosts: that of the issuer's.
    let two = super::town::world(|builder| {
        let other = Resource::new("https://other.example/mcp");
        let own = Resource::new("https://id.example/mcp");
        plain(builder).resource(other).resource(own).default_resource("https://id.example/mcp")
    });
    assert_eq!(document(&two, &format!("{place}/mcp")).unwrap()["resource"], "https://id.example/mcp");
}

#[test]
fn it_is_served_with_the_other_documents() {
    let world = town();
    let service = EndpointService::documents(Arc::clone(&world.engine));
    let ask = |method: &str, path: &str| {
        let request = http::Request::builder().method(method).uri(path);
        poll(service.respond(request.body(http_body_util::Empty::<bytes::Bytes>::new()).unwrap()))
    };
    let path = "/.well-known/oauth-protected-resource/files";
    assert_eq!(ask("GET", path).status(), 200);
    assert_eq!(ask("POST", path).status(), 405);
    assert_eq!(ask("GET", "/.well-known/oauth-protected-resource/none").status(), 404);
    assert_eq!(ask("GET", "/.well-known/oauth-authorization-server").status(), 200);
}

#[test]
fn a_host_adds_members_to_both_documents() {
    let world = world(|builder| {
        let of_resource = MetadataMembers::new()
            .with("resource_name", "Notes")
            .and_then(|members| members.with("resource_documentation", "https://mcp.example/docs"));
        let of_server = MetadataMembers::new().with("service_documentation", "https://id.example/docs");
        plain(builder)
            .resource(mcp().with_metadata(of_resource.unwrap()))
            .metadata(of_server.unwrap())
            .endpoints(Endpoints::new().with_token("/token").with_scopes(scope("openid")))
    });
    let resource = document(&world, "/.well-known/oauth-protected-resource/mcp").unwrap();
    assert_eq!((&resource["resource_name"], &resource["resource"]), (&json!("Notes"), &json!(MCP)));
    let server = document(&world, "/.well-known/oauth-authorization-server").unwrap();
    assert_eq!(server["service_documentation"], "https://id.example/docs");
    assert_eq!(
        (&server["issuer"], &server["token_endpoint"]),
        (&json!("https://id.example"), &json!("https://id.example/token"))
    );
    // Not which resources there are (section 4), to whoever asks.
    assert!(server.get("protected_resources").is_none());
}
