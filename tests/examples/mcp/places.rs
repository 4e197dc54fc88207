//! What is where, for whom, and across restarts.

use serde_json::json;

use super::{BOB, call, client, in_query, log_in, machine, message, refresh, register, said, start};
use crate::kit::servers::Folder;

/// RFC 9728 section 3.1 and 5.1, RFC 8414 section 3.
#[test]
fn a_client_finds_its_way_from_a_resource_to_every_endpoint() {
    let server = start(&[]);
    let issuer = format!("http://{}", server.address());
    for path in ["/mcp", "/files"] {
        let refused = message(&server, path, None, "{}");
        assert_eq!(refused.status, 401);
        let document = format!("{issuer}/.well-known/oauth-protected-resource{path}");
        assert_eq!(
            refused.header("www-authenticate"),
            format!(r#"Bearer realm="mcp", scope="mcp:read", resource_metadata="{document}""#)
        );
        let metadata = server.get(document.strip_prefix(&issuer).unwrap(), None).json();
        assert_eq!(metadata["resource"], format!("{issuer}{path}"));
        assert_eq!(metadata["authorization_servers"], json!([issuer]));
        assert_eq!(metadata["scopes_supported"], json!(["mcp:read", "mcp:write", "mcp:admin"]));
    }
    let metadata = server.get("/.well-known/oauth-authorization-server", None).json();
    for (member, path) in [
        ("authorization_endpoint", "/authorize"),
        ("token_endpoint", "/token"),
        ("registration_endpoint", "/register"),
        ("revocation_endpoint", "/revoke"),
        ("jwks_uri", "/jwks"),
    ] {
        assert_eq!(metadata[member], format!("{issuer}{path}"));
    }
    assert_eq!(metadata["issuer"], issuer);
    assert_eq!(metadata["scopes_supported"], json!(["mcp:read", "mcp:write", "mcp:admin", "offline_access"]));
    assert_eq!(server.get("/jwks", None).json()["keys"][0]["alg"], "ES256");
    assert_eq!(server.get("/.well-known/oauth-protected-resource/other", None).status, 404);
}

/// A proxy may send on the path of the issuer, or take it off.
#[test]
fn an_issuer_with_a_path_is_served() {
    for issuer in ["https://mcp.example/tenant", "https://mcp.example/tenant/"] {
        let server = start(&["--issuer", issuer]);
        for prefix in ["", "/tenant"] {
            let refused = message(&server, &format!("{prefix}/mcp"), None, "{}");
            let document = "https://mcp.example/.well-known/oauth-protected-resource/tenant/mcp";
            assert!(refused.header("www-authenticate").contains(document), "{refused:?}");
            assert_eq!(server.post(&format!("{prefix}/token"), "").status, 401);
        }
        let document = server.get("/.well-known/oauth-protected-resource/tenant/mcp", None).json();
        assert_eq!(document["resource"], "https://mcp.example/tenant/mcp");
        assert_eq!(document["authorization_servers"], json!(["https://mcp.example/tenant"]));
        let metadata = server.get("/.well-known/oauth-authorization-server/tenant", None).json();
        assert_eq!(metadata["token_endpoint"], "https://mcp.example/tenant/token");
        let token = machine(&server, "");
        assert!(said(&call(&server, "/tenant/mcp", &token, "whoami")).contains("https://mcp.example/tenant/mcp"));
    }
}

/// RFC 8252 section 7.1, 7.3 and 8.4; what editors and assistants really have.
#[test]
fn redirect_uris_that_can_be_registered() {
    let server = start(&[]);
    let registers = |uri: &str| {
        let metadata = json!({ "client_name": "One", "redirect_uris": [uri], "token_endpoint_auth_method": "none" });
        register(&server, &metadata).status
    };
    for uri in [
        "http://localhost/callback",
        "http://127.0.0.1/callback",
        "http://[::1]/callback",
        "https://app.example/callback",
        "cursor://anysphere.cursor-mcp/oauth/callback",
        "vscode://vendor.extension/cb",
        "claude://oauth/callback",
        "com.example.app:/cb",
    ] {
        assert_eq!(registers(uri), 201, "{uri}");
    }
    for uri in [
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "about:blank",
        "blob:https://app.example/x",
        "vbscript:x",
        "http://app.example/callback",
        "https://app.example/callback#fragment",
        "windsurf://cb",
        "//app.example/cb",
    ] {
        assert_eq!(registers(uri), 400, "{uri}");
    }
    // Any port of `localhost`, and no other host that only looks like it.
    let client = client(&server, "Editor");
    for (uri, status) in [
        ("http://localhost:58135/callback", 200),
        ("http://localhost/callback", 200),
        ("http://localhost:58135/other", 400),
        ("http://localhost.evil.example/callback", 400),
        ("http://127.0.0.1:58135/callback", 400),
    ] {
        let query = format!(
            "response_type=code&client_id={client}&redirect_uri={}&code_challenge={}&code_challenge_method=S256",
            in_query(uri),
            super::CHALLENGE
        );
        assert_eq!(server.get(&format!("/authorize?{query}"), None).status, status, "{uri}");
    }
}

/// Nothing of a client is kept, and a login is: after a restart, with the same keys, both are as good as before.
#[test]
fn a_restart_logs_nobody_out() {
    let folder = Folder::new("mcp");
    let (store, key_file) = (folder.path().join("grants"), folder.path().join("keys.json"));
    let store = format!("file:{}", store.display());
    let options = ["--store", &store, "--key-file", key_file.to_str().unwrap(), "--issuer", "http://id.example"];
    let server = start(&options);
    let client = client(&server, "Editor");
    let (tokens, _) = log_in(&server, &client, &[], &BOB);
    server.kill();
    let server = start(&options);
    assert!(said(&call(&server, "/mcp", &tokens.member("access_token"), "whoami")).contains("subject: bob"));
    let renewed = refresh(&server, &client, &tokens.member("refresh_token"));
    assert_eq!(renewed.status, 200, "{renewed:?}");
    // It can begin anew as well.
    log_in(&server, &client, &[], &BOB);
    server.kill();
}

#[test]
fn access_tokens_last_as_long_as_it_is_told() {
    let server = start(&["--access-ttl", "7"]);
    let client = client(&server, "Editor");
    let (tokens, _) = log_in(&server, &client, &[], &BOB);
    assert_eq!(tokens.json()["expires_in"], 7);
}
