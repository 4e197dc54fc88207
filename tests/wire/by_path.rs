//! All that the engine serves, by the path of a request: `Engine::respond_at`, its blocking form, and the service over it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Frame;
use http_body_util::{BodyExt, Full};
use regrant::engine::EngineSlot;
use regrant::http::EndpointService;
use regrant::wire::Limits;
use regrant::{Endpoints, Engine, MemoryStore, Request, StaticClients};

use crate::kit::ask::{Ask, form};
use crate::kit::portal::run;
use crate::kit::{LOGIN, Password, Reply, SECRET, World, app, at};

const METADATA: &str = "/.well-known/oauth-authorization-server";

/// Each endpoint by what nothing but it answers.
fn rows() -> [(&'static str, Ask, u16, &'static str); 8] {
    let ours = |body: &str| form(body).basic("app", SECRET);
    [
        ("/token", ours("grant_type=made-up"), 400, "unsupported_grant_type"),
        ("/revoke", ours("token=none"), 200, "{}"),
        ("/introspect", ours("token=none"), 200, "{\"active\":false}"),
        ("/register", ours("{}"), 404, "register"),
        ("/par", ours("a=b"), 404, "push"),
        ("/device_authorization", ours("a=b"), 404, "device"),
        ("/userinfo", form("").method("GET").authorization("Bearer none"), 503, "unavailable"),
        ("/jwks", form("").method("GET"), 200, "{\"keys\":[]}"),
    ]
}

/// All of them after this.
fn endpoints(before: &str) -> Endpoints {
    let at = |path: &str| format!("{before}{path}");
    Endpoints::new()
        .with_authorization(&at("/authorize"))
        .with_end_session(&at("/logout"))
        .with_token(&at("/token"))
        .with_revocation(&at("/revoke"))
        .with_introspection(&at("/introspect"))
        .with_registration(&at("/register"))
        .with_pushed_authorization(&at("/par"))
        .with_device_authorization(&at("/device_authorization"))
        .with_userinfo(&at("/userinfo"))
        .with_jwks(&at("/jwks"))
}

fn world(issuer: &str, endpoints: Endpoints) -> World {
    World::new([app()], |builder| builder.grant_handler(Password).issuer(issuer).endpoints(endpoints))
}

fn respond(world: &World, path: &str, ask: &Ask) -> Option<Reply> {
    let blocking = world.engine.blocking().respond_at(path, &ask.request(), at(0)).unwrap();
    blocking.as_ref().map(Reply::of)
}

/// The same through the service, whose 404 has no body where nothing is.
fn over_http(world: &World, target: &str, ask: &Ask) -> Option<Reply> {
    let request = http::Request::builder().method(ask.method).uri(target);
    let request = ask.headers.iter().fold(request, |request, (name, value)| request.header(*name, &value[..]));
    let service = EndpointService::by_path(Arc::clone(&world.engine)).with_clock(|| at(0));
    let response = run(service.respond(request.body(Full::<Bytes>::from(ask.body.clone())).unwrap()));
    let (head, body) = response.into_parts();
    let headers = head.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    let (headers, body) = (headers.collect(), run(body.collect()).unwrap().to_bytes().to_vec());
    let reply = Reply { status: head.status.as_u16(), headers, body };
    (reply.status != 404 || !reply.body.is_empty()).then_some(reply)
}

#[track_caller]
fn assert_serves(world: &World, path: &str, (endpoint, ask, status, says): &(&str, Ask, u16, &str)) {
    for reply in [respond(world, path, ask), over_http(world, &format!("{path}?a=b"), ask)] {
        let reply = reply.unwrap_or_else(|| panic!("nothing at {path}"));
        let body = String::from_utf8_lossy(&reply.body);
        assert!(reply.status == *status && body.contains(says), "{path} for {endpoint}: {} {body}", reply.status);
    }
}

#[track_caller]
fn assert_nothing(world: &World, path: &str) {
    for (_, ask, ..) in rows() {
        assert_eq!(respond(world, path, &ask), None, "{path}");
        assert_eq!(over_http(world, path, &ask), None, "{path}");
    }
}

#[test]
fn what_is_published_is_there() {
    for (issuer, path) in [
        ("https://id.example", ""),
        ("https://id.example/", ""),
        ("https://id.example/tenant", "/tenant"),
        ("https://id.example:8443/a/b/", "/a/b"),
    ] {
        let after_issuer = world(issuer, endpoints("/oauth2"));
        let origin = issuer.trim_end_matches('/').trim_end_matches(path);
        let by_url = world(issuer, endpoints(&format!("{origin}/elsewhere")));
        for row in rows() {
            assert_serves(&after_issuer, &format!("{path}/oauth2{}", row.0), &row);
            // A proxy that takes the issuer's path off sends it here, as it does for the documents.
            assert_serves(&after_issuer, &format!("/oauth2{}", row.0), &row);
            assert_serves(&by_url, &format!("/elsewhere{}", row.0), &row);
        }
        for place in [METADATA.to_owned(), format!("{METADATA}{path}"), format!("{path}{METADATA}")] {
            assert_serves(&after_issuer, &place, &("metadata", form("").method("GET"), 200, "token_endpoint"));
            assert_serves(&after_issuer, &place, &("metadata", form("").method("HEAD"), 200, "token_endpoint"));
        }
    }
}

/// What shows pages is the host's, and so is every path but those that were given, to the byte.
#[test]
fn nothing_else_is_anywhere() {
    let all = world("https://id.example/tenant", endpoints("/oauth2"));
    for path in [
        "",
        "/",
        "*",
        "/tenant",
        "/oauth2",
        "/oauth2/",
        "/oauth2/authorize",
        "/oauth2/logout",
        "/tenant/oauth2/logout",
        "/oauth2/token/",
        "/oauth2//token",
        "//oauth2/token",
        "/oauth2/Token",
        "/oauth2/%74oken",
        "/oauth2/./token",
        "/token",
        "oauth2/token",
        "/other/oauth2/token",
        "/tenant/tenant/oauth2/token",
        "/tenantx/oauth2/token",
        "/tenant/x/oauth2/token",
        "/x/.well-known/oauth-authorization-server",
    ] {
        for (_, ask, ..) in rows() {
            assert_eq!(respond(&all, path, &ask), None, "{path}");
        }
    }
    for path in ["/", "/oauth2/authorize", "/oauth2/token/", "/oauth2/%74oken", "/other/oauth2/token"] {
        assert_nothing(&all, path);
    }
    // What was given no path has none.
    let tokens = world("https://id.example", Endpoints::new().with_token("/token"));
    for (path, ..) in rows().iter().skip(1) {
        assert_nothing(&tokens, path);
    }
    let none = World::simple();
    for path in ["/token", METADATA] {
        assert_nothing(&none, path);
    }
}

/// What is published of another host is mounted there by whoever runs it: this one might be open to more people.
#[test]
fn another_hosts_endpoints_are_not_here() {
    for elsewhere in [
        "https://internal.example",
        "https://id.example:8443",
        "http://id.example",
        "https://xid.example",
        "https://id.example.evil",
        "https://id.example/more",
    ] {
        let world = world("https://id.example", endpoints(elsewhere));
        for (path, ..) in rows() {
            assert_nothing(&world, path);
        }
    }
    // Nor without an issuer, which is what says whose host this is.
    let nobodys = World::new([app()], |builder| builder.endpoints(endpoints("https://id.example")));
    assert_nothing(&nobodys, "/token");
    let nobodys = World::new([app()], |builder| builder.grant_handler(Password).endpoints(endpoints("")));
    assert_serves(&nobodys, "/token", &rows()[0]);
}

/// RFC 6749 section 3.2: the URI of the token endpoint may have a query.
#[test]
fn the_query_of_an_endpoint_is_no_part_of_its_path() {
    for given in ["/token?tenant=1", "https://id.example/token?tenant=1"] {
        let world = world("https://id.example", Endpoints::new().with_token(given));
        assert_serves(&world, "/token", &rows()[0]);
        assert_nothing(&world, "/token/1");
    }
}

/// RFC 8705 section 5.
#[test]
fn aliases_for_certificates_are_served_where_they_are_of_this_host() {
    let aliases = Endpoints::new().with_token("/mtls/token").with_introspection("https://mtls.example/introspect");
    let world = world("https://id.example", Endpoints::new().with_token("/token").with_mtls_aliases(aliases));
    for path in ["/token", "/mtls/token"] {
        assert_serves(&world, path, &rows()[0]);
    }
    assert_nothing(&world, "/introspect");
}

/// RFC 9110 section 15.5.6.
#[test]
fn documents_are_read_by_get() {
    let world = world("https://id.example", endpoints(""));
    for path in [METADATA, "/jwks"] {
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "get"] {
            let ask = form("").method(method);
            for reply in [respond(&world, path, &ask), over_http(&world, path, &ask)] {
                let reply = reply.unwrap();
                assert_eq!((reply.status, reply.header("allow")), (405, vec!["GET, HEAD"]), "{method} {path}");
                assert_eq!(reply.text("error"), "invalid_request");
                assert_eq!(
                    (reply.header("cache-control"), reply.header("pragma")),
                    (vec!["no-store"], vec!["no-cache"])
                );
            }
        }
    }
}

/// A host reads a byte more than the limit, and is told that it is too much.
#[test]
fn a_body_that_is_too_large_is_refused_by_every_endpoint_that_reads_one() {
    const LIMIT: usize = 100;
    let world = World::new([app()], |builder| {
        let limits = Limits::default().with_body_bytes(LIMIT);
        builder.grant_handler(Password).issuer("https://id.example").endpoints(endpoints("")).limits(limits)
    });
    for path in ["/token", "/revoke", "/introspect"] {
        let body = |bytes: usize| form("&".repeat(bytes)).basic("app", SECRET);
        for (bytes, status) in [(LIMIT, 400), (LIMIT + 1, 413)] {
            for reply in [respond(&world, path, &body(bytes)), over_http(&world, path, &body(bytes))] {
                assert_eq!(reply.unwrap().status, status, "{bytes} at {path}");
            }
        }
    }
}

/// A body that nobody may ask for.
struct Unread;

impl http_body::Body for Unread {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        panic!("the body was read")
    }
}

#[test]
fn nothing_is_read_where_no_endpoint_is() {
    let service = EndpointService::by_path(Arc::clone(&world("https://id.example", endpoints("")).engine));
    for (target, status) in [("/", 404), ("/other", 404), (METADATA, 405), ("/jwks", 405)] {
        let request = http::Request::post(target).body(Unread).unwrap();
        assert_eq!(run(service.respond(request)).status(), status, "{target}");
    }
}

/// A login by an engine that another takes the place of: the paths are those of the new one.
#[test]
fn an_exchange_moves_the_paths() {
    let store = Arc::new(MemoryStore::new());
    let build = |path: &str| {
        let clients = StaticClients::new().with(app().build().unwrap()).unwrap();
        let builder = Engine::builder(Arc::clone(&store), clients).key(regrant::Key::from_bytes(1, &[1; 32]));
        builder.grant_handler(Password).endpoints(Endpoints::new().with_token(path)).build().unwrap()
    };
    let slot = EngineSlot::new(build("/token"));
    let service = EndpointService::by_path(slot.clone());
    let status = |target: &str| {
        let ask = form(LOGIN).basic("app", SECRET);
        let request = http::Request::post(target).header("content-type", &ask.headers[0].1[..]);
        let request =
            request.header("authorization", &ask.headers[1].1[..]).body(Full::<Bytes>::from(ask.body)).unwrap();
        run(service.respond(request)).status().as_u16()
    };
    assert_eq!((status("/token"), status("/oauth2/token")), (200, 404));
    slot.exchange(build("/oauth2/token")).unwrap();
    assert_eq!((status("/token"), status("/oauth2/token")), (404, 200));
}

/// Headers that are handed over together count as those that come one by one: a repeated one is seen.
#[test]
fn headers_are_handed_over_together() {
    let world = world("https://id.example", endpoints(""));
    let status = |headers: &[(&str, &str)]| {
        let headers = headers.iter().map(|(name, value)| (*name, value.as_bytes()));
        let request = Request::new("POST", LOGIN.as_bytes()).with_headers(headers);
        world.engine.blocking().respond_at("/token", &request, at(0)).unwrap().unwrap().status()
    };
    let (content_type, secret) = (crate::kit::ask::FORM, crate::kit::basic("app", SECRET));
    assert_eq!(status(&[("Content-Type", content_type), ("x", "y"), ("AUTHORIZATION", &secret)]), 200);
    assert_eq!(status(&[("content-type", content_type), ("authorization", &secret), ("Authorization", "x")]), 400);
    assert_eq!(status(&[("content-type", content_type)]), 401);
}
