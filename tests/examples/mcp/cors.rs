//! What scripts of other origins may send and read, as a browser decides it: the Fetch standard, sections 3.3 and 4.8. Clients in a page, such
//! as an inspector, do all but the authorization request by script (RFC 9700 section 2.6).

use super::start;
use crate::server::process::{Reply, Running};

const ORIGIN: &str = "origin: https://inspector.example\r\n";

/// What each place is sent by clients of the protocol, in all its versions.
const SENT: [(&str, &str, &[&str]); 11] = [
    ("/token", "POST", &["authorization", "content-type", "dpop"]),
    ("/register", "POST", &["authorization", "content-type", "mcp-protocol-version"]),
    ("/revoke", "POST", &["authorization", "content-type", "dpop"]),
    ("/jwks", "GET", &[]),
    ("/.well-known/oauth-authorization-server", "GET", &["mcp-protocol-version"]),
    ("/.well-known/oauth-protected-resource/mcp", "GET", &["mcp-protocol-version"]),
    (
        "/mcp",
        "POST",
        &["authorization", "content-type", "dpop", "mcp-method", "mcp-name", "mcp-protocol-version", "mcp-session-id"],
    ),
    ("/mcp", "GET", &["authorization", "dpop", "last-event-id", "mcp-protocol-version", "mcp-session-id"]),
    // A session that is ended.
    ("/mcp", "DELETE", &["authorization", "dpop", "mcp-protocol-version", "mcp-session-id"]),
    ("/files", "POST", &["authorization", "content-type", "mcp-method", "mcp-name", "mcp-protocol-version"]),
    ("/files", "GET", &["authorization", "last-event-id"]),
];

/// What a script has to read to go on.
const READ: [&str; 5] = ["www-authenticate", "retry-after", "mcp-session-id", "mcp-protocol-version", "dpop-nonce"];

fn preflight(server: &Running, path: &str, method: &str, headers: &[&str]) -> Reply {
    let headers = headers.join(",");
    let asked = format!("access-control-request-method: {method}\r\naccess-control-request-headers: {headers}\r\n");
    server.ask("OPTIONS", path, &format!("{ORIGIN}{asked}"))
}

fn list(reply: &Reply, name: &str) -> Vec<String> {
    let value = reply.find_header(&format!("access-control-{name}")).unwrap_or_default();
    value.split(',').map(|item| item.trim().to_ascii_lowercase()).collect()
}

/// Whether a browser sends the request after this answer.
fn lets_pass(reply: &Reply, method: &str, headers: &[&str]) -> bool {
    let allowed = list(reply, "allow-headers");
    // A wildcard would not mean `authorization`.
    let all = headers.iter().all(|&name| allowed.iter().any(|own| own == name));
    let method =
        matches!(method, "GET" | "POST") || list(reply, "allow-methods").contains(&method.to_ascii_lowercase());
    let is_for_it = reply.find_header("access-control-allow-origin").is_some_and(|origin| origin == "*");
    (200..300).contains(&reply.status) && is_for_it && all && method
}

#[test]
fn pages_of_any_origin_may_send_what_the_protocol_does_and_read_what_they_need() {
    let server = start(&[]);
    for (path, method, headers) in SENT {
        let asked = preflight(&server, path, method, headers);
        assert!(lets_pass(&asked, method, headers), "{method} {path}: {asked:?}");
        assert!(!lets_pass(&preflight(&server, path, method, &["x-other"]), method, &["x-other"]), "{path}");
        assert_eq!(asked.find_header("access-control-allow-credentials"), None, "no cookie counts: {path}");
        // The request itself, refused or not.
        let reply = server.ask(method, path, &format!("{ORIGIN}content-length: 0\r\n"));
        assert_eq!(reply.header("access-control-allow-origin"), "*", "{method} {path}");
        let exposed = list(&reply, "expose-headers");
        assert!(READ.iter().all(|&name| exposed.iter().any(|own| own == name)), "{path}: {exposed:?}");
    }
    // A page learns that it needs a token, and where to ask (RFC 9728 section 5.1).
    let refused = server.ask("POST", "/mcp", &format!("{ORIGIN}content-length: 0\r\n"));
    assert_eq!(refused.status, 401);
    assert!(refused.header("www-authenticate").contains("resource_metadata="));
    server.kill();
}

/// Nor is any other page for people: a script that could read one would be logged in as who looks at it.
#[test]
fn no_script_calls_what_people_are_sent_to() {
    for (issuer, prefix) in [("http://localhost", ""), ("https://mcp.example/tenant", "/tenant")] {
        let server = start(&["--issuer", issuer]);
        for path in ["/authorize", "/account", "/account/end", "/account/end-all"] {
            let path = format!("{prefix}{path}");
            for reply in [
                preflight(&server, &path, "POST", &["content-type"]),
                server.ask("GET", &path, ORIGIN),
                server.ask("POST", &path, &format!("{ORIGIN}content-length: 0\r\n")),
            ] {
                for name in ["allow-origin", "allow-methods", "allow-headers", "expose-headers", "allow-credentials"] {
                    assert_eq!(reply.find_header(&format!("access-control-{name}")), None, "{path}: {reply:?}");
                }
            }
        }
        let token = format!("{prefix}/token");
        assert!(lets_pass(&preflight(&server, &token, "POST", &["dpop"]), "POST", &["dpop"]), "{token}");
        server.kill();
    }
}

/// What the guide tells a host to write lets through what the example does.
#[test]
fn the_guide_names_each_of_them() {
    let guide = include_str!("../../../src/guide/mcp_server.md");
    let recipe = guide.split_once("let own = [").unwrap().1.split_once("Router::new()").unwrap().0;
    let named = |name: &str| {
        let constant = name.replace('-', "_").to_ascii_uppercase();
        recipe.contains(&format!("\"{name}\"")) || recipe.contains(&constant)
    };
    for (_, method, headers) in SENT {
        assert!(recipe.contains(&format!("Method::{method}")), "{method}");
        for name in headers {
            assert!(named(name), "{name}");
        }
    }
    for name in READ {
        assert!(named(name), "{name}");
    }
}
