//! The two resources: whose tokens they believe, for what, and how a client hears of it.

use std::fmt::Write as _;

use super::{
    ALICE, asks, call, client, encoded, log_in, machine, message, page, redeem, refresh, said, send, start, told,
};

#[test]
fn a_tool_hears_who_calls_and_the_token_is_for_one_resource() {
    let server = start(&[]);
    let issuer = format!("http://{}", server.address());
    let client = client(&server, "Editor");
    for (path, other) in [("/mcp", "/files"), ("/files", "/mcp")] {
        let resource = format!("{issuer}{path}");
        let (tokens, _) = log_in(&server, &client, &[("resource", &resource)], &ALICE);
        let token = tokens.member("access_token");
        assert_eq!(
            said(&call(&server, path, &token, "whoami")),
            format!("subject: alice\nclient: {client}\nresource: {resource}")
        );
        let refused = call(&server, other, &token, "whoami");
        assert_eq!(refused.status, 401);
        let challenge = refused.header("www-authenticate");
        assert!(challenge.contains(r#"error="invalid_token""#) && challenge.contains(other), "{challenge}");
        // It dies with the login.
        let form = encoded(&[("token", &tokens.member("refresh_token")), ("client_id", &client)]);
        assert_eq!(server.post("/revoke", &form).status, 200);
        assert_eq!(call(&server, path, &token, "whoami").status, 401);
    }
}

/// RFC 8707 section 2: a client that names no resource is one of the default one.
#[test]
fn the_default_resource_and_the_default_scope() {
    let server = start(&[]);
    let client = client(&server, "Editor");
    let (tokens, _) = log_in(&server, &client, &[], &ALICE);
    assert_eq!(tokens.member("scope"), "mcp:read mcp:write");
    let token = tokens.member("access_token");
    assert!(said(&call(&server, "/mcp", &token, "whoami")).ends_with("/mcp"));
    assert_eq!(call(&server, "/files", &token, "whoami").status, 401);
    let token = machine(&server, &format!("&resource=http://{}/files", server.address()));
    assert!(said(&call(&server, "/files", &token, "whoami")).starts_with("subject: machine\nclient: machine\n"));
    assert_eq!(call(&server, "/mcp", &token, "whoami").status, 401);
}

/// RFC 6750 section 3.1: 403, and the scope that would do.
#[test]
fn a_call_that_needs_more_says_what() {
    let server = start(&[]);
    let client = client(&server, "Editor");
    let (tokens, cookie) = log_in(&server, &client, &[("scope", "mcp:read")], &ALICE);
    let refused = call(&server, "/mcp", &tokens.member("access_token"), "admin");
    assert_eq!(refused.status, 403);
    let challenge = refused.header("www-authenticate");
    assert!(
        challenge.starts_with(r#"Bearer realm="mcp", error="insufficient_scope", scope="mcp:admin""#),
        "{challenge}"
    );
    assert!(challenge.contains("/.well-known/oauth-protected-resource/mcp"), "{challenge}");
    // A refresh brings no more than the person allowed, so the person is asked, and not for the password again.
    let renewed = refresh(&server, &client, &tokens.member("refresh_token"));
    assert_eq!(call(&server, "/mcp", &renewed.member("access_token"), "admin").status, 403);
    let page = page(&server, &asks(&client, &[("scope", "mcp:admin")]), &cookie);
    assert!(!page.asks_for_password() && page.html.contains("administrator"), "{}", page.html);
    let code = told(&send(&server, &page, &[("decision", "allow")]), "code").unwrap();
    let token = redeem(&server, &client, &code, "").member("access_token");
    assert!(said(&call(&server, "/mcp", &token, "admin")).starts_with("administered http://"));
    assert!(said(&call(&server, "/mcp", &token, "whoami")).contains("alice"), "who may administer may read");
}

/// However the call is written, nothing is administered by a token that may not.
#[test]
fn the_guard_and_the_tool_read_the_same_call() {
    let server = start(&[]);
    let token = machine(&server, "");
    let call = |params: &str| format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#);
    let admin = call(r#"{"name":"admin"}"#);
    let mut bodies = vec![
        admin.clone(),
        format!("[{admin}]"),
        format!("[{},{admin}]", call(r#"{"name":"whoami"}"#)),
        call(r#"{"name":"whoami","name":"admin"}"#),
        call(r#"{"name":"admin","name":"whoami"}"#),
        call(r#"{"name":"\u0061dmin"}"#),
        call(r#"{"arguments":{},"_meta":{},"name":"admin"}"#),
        admin.replacen("tools/call", r"tools\/call", 1),
        admin.replacen(r#""id":1"#, r#""id":"1""#, 1),
        format!("\u{feff}{admin}"),
        format!(" \n{admin}"),
        format!("{admin}{admin}"),
        admin.replacen(r#"{"jsonrpc""#, r#"{"method":"tools/list","jsonrpc""#, 1),
        admin.replacen(r#""params""#, r#""params":{"name":"whoami"},"params""#, 1),
        admin.replacen(r#""method""#, r#""result":{},"method""#, 1),
    ];
    bodies.push(bodies.iter().fold(String::new(), |mut all, body| {
        let _ = writeln!(all, "{body}");
        all
    }));
    for body in bodies {
        let reply = message(&server, "/mcp", Some(&token), &body);
        assert!(!reply.body.contains("administered"), "{body}: {reply:?}");
    }
    let token = machine(&server, "&scope=mcp:admin");
    assert!(message(&server, "/mcp", Some(&token), &admin).body.contains("administered"));
}

/// A stranger's body is not waited for, and nobody's is read without end.
#[test]
fn bodies_have_an_end() {
    let server = start(&[]);
    let over = format!("\"{}\"", "x".repeat(1 << 20));
    assert_eq!(message(&server, "/mcp", None, "").status, 401);
    assert_eq!(message(&server, "/mcp", Some(&machine(&server, "")), &over).status, 413);
    for path in ["/token", "/register", "/revoke", "/authorize", "/account/end", "/account/end-all"] {
        assert_eq!(server.post(path, &"&".repeat(900 * 1_024)).status, 413, "{path}");
    }
}

/// A page of another origin may call what needs no cookie, and sees why it was refused.
#[test]
fn what_pages_may_call() {
    let server = start(&[]);
    let asks = |path: &str, headers: &str| {
        let more = format!(
            "origin: https://app.example\r\naccess-control-request-method: POST\r\n\
            access-control-request-headers: {headers}\r\n"
        );
        server.ask("OPTIONS", path, &more).find_header("access-control-allow-origin")
    };
    for path in ["/token", "/register", "/revoke", "/jwks", "/mcp", "/files", "/.well-known/oauth-authorization-server"]
    {
        assert_eq!(asks(path, "authorization,content-type,mcp-protocol-version").as_deref(), Some("*"), "{path}");
    }
    for path in ["/authorize", "/account", "/account/end", "/account/end-all"] {
        assert_eq!(asks(path, "content-type"), None, "{path}");
    }
    let refused = server.ask("POST", "/mcp", "origin: https://app.example\r\n");
    assert_eq!(refused.status, 401);
    assert!(refused.header("access-control-expose-headers").contains("www-authenticate"));
    assert_eq!(refused.find_header("access-control-allow-credentials"), None);
}
