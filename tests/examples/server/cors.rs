//! Which endpoints have CORS headers, and for whom: RFC 9700 section 2.6, and the Fetch standard's section 3.2. What a
//! browser makes of them is for `tests/clients/node/cors.mjs`.

use super::process::{Reply, Running, fails_to_start};

const ISSUER: &str = "https://id.example/tenant";
const FOR_PAGES: [&str; 10] = [
    "/oauth2/token",
    "/tenant/oauth2/token",
    "/oauth2/revoke",
    "/oauth2/resource",
    "/oauth2/userinfo",
    "/oauth2/jwks",
    "/.well-known/openid-configuration",
    "/tenant/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
    "/.well-known/oauth-authorization-server/tenant",
];
const FOR_OTHERS: [&str; 6] = [
    "/oauth2/authorize",
    "/tenant/oauth2/authorize",
    "/oauth2/introspect",
    "/tenant/oauth2/introspect",
    "/oauth2/device_authorization",
    "/token",
];
const ORIGIN: &str = "https://app.example";
const MARKS: [&str; 6] =
    ["allow-origin", "allow-methods", "allow-headers", "expose-headers", "max-age", "allow-credentials"];

fn mark(reply: &Reply, name: &str) -> Option<String> {
    reply.find_header(&format!("access-control-{name}"))
}

/// What a script of that origin sends, and what a browser asks first.
fn asks(server: &Running, path: &str, origin: &str) -> [Reply; 3] {
    let origin = format!("origin: {origin}\r\n");
    let preflight = format!(
        "{origin}access-control-request-method: POST\r\naccess-control-request-headers: authorization,content-type\r\n"
    );
    [
        server.ask("GET", path, &origin),
        server.ask("POST", path, &format!("{origin}content-length: 0\r\n")),
        server.ask("OPTIONS", path, &preflight),
    ]
}

#[test]
fn pages_of_a_listed_origin_may_call_what_they_need_and_nothing_else() {
    let server =
        Running::start(&["--issuer", ISSUER, "--cors-origin", "http://127.0.0.1:3000", "--cors-origin", ORIGIN]);
    for path in FOR_PAGES {
        let [get, post, preflight] = asks(&server, path, ORIGIN);
        for reply in [&get, &post, &preflight] {
            assert_eq!(mark(reply, "allow-origin").as_deref(), Some(ORIGIN), "{path}");
            assert_eq!(mark(reply, "allow-credentials"), None, "{path}");
            // A cache must not answer one origin with what is for another.
            assert!(reply.header("vary").contains("origin"), "{path}");
        }
        for reply in [get, post] {
            assert_eq!(
                mark(&reply, "expose-headers").as_deref(),
                Some("www-authenticate,retry-after,dpop-nonce"),
                "{path}"
            );
        }
        assert_eq!(preflight.status, 200, "{path}");
        assert_eq!(mark(&preflight, "allow-methods").as_deref(), Some("GET,POST"), "{path}");
        assert_eq!(mark(&preflight, "allow-headers").as_deref(), Some("authorization,content-type,dpop"), "{path}");
    }
    for path in FOR_OTHERS {
        for reply in asks(&server, path, ORIGIN) {
            assert_eq!(MARKS.map(|name| mark(&reply, name)), [const { None }; 6], "{path}");
        }
    }
    server.kill();
}

#[test]
fn an_origin_that_is_not_listed_is_never_allowed() {
    let listed = Running::start(&["--issuer", ISSUER, "--cors-origin", ORIGIN]);
    let closed = Running::start(&["--issuer", ISSUER]);
    for path in FOR_PAGES {
        for origin in
            ["null", "http://app.example", "https://app.example.evil.example", "https://app.example:8443", "*"]
        {
            for reply in asks(&listed, path, origin) {
                assert_eq!(mark(&reply, "allow-origin"), None, "{path} {origin}");
            }
        }
        for reply in asks(&closed, path, ORIGIN) {
            assert_eq!(mark(&reply, "allow-origin"), None, "{path}");
        }
    }
    listed.kill();
    closed.kill();
}

/// What no browser sends as its origin would be in the list for nothing, and `*` is everybody.
#[test]
fn what_is_no_origin_is_refused_at_the_start() {
    for text in [
        "*",
        "null",
        "app.example",
        "https://app.example/",
        "https://app.example:443",
        "HTTPS://app.example",
        "",
        "a b",
    ] {
        let told = fails_to_start(&["--cors-origin", text]);
        assert!(told.contains("https://app.example"), "{text}: {told}");
    }
}
