//! Native clients from the request to the tokens: RFC 8252 sections 7.1, 7.3 and 8.3, and what the largest ones send.

use std::sync::Arc;

use regrant::client::{ClientError, NativeRedirects, RedirectUriFault};
use regrant::{Authorization, Client};

use crate::kit::portal::{OnShelf, PKCE, Portal, VERIFIER};
use crate::kit::{at, scope};

/// Registered, and asked for.
const REAL: [(&str, &str); 5] = [
    ("http://localhost/callback", "http://localhost:58135/callback"),
    ("http://localhost:3118/callback", "http://localhost:3118/callback"),
    ("cursor://anysphere.cursor-mcp/oauth/callback", "cursor://anysphere.cursor-mcp/oauth/callback"),
    ("vscode://vendor.extension/cb", "vscode://vendor.extension/cb"),
    ("claude://oauth/callback", "claude://oauth/callback"),
];

fn allowed() -> NativeRedirects {
    NativeRedirects::new().with_free_localhost_port(true).with_schemes(["cursor", "vscode", "claude"])
}

fn editor(native: NativeRedirects, uris: &[&str]) -> regrant::client::ClientBuilder {
    let client = Client::public("editor").grant_type("authorization_code").grant_type("refresh_token");
    let client = client.scope(scope("read write")).native_redirects(native);
    uris.iter().fold(client, |client, uri| client.redirect_uri(uri))
}

fn query(uri: &str) -> String {
    let uri: String = form_urlencoded::byte_serialize(uri.as_bytes()).collect();
    format!("response_type=code&client_id=editor&redirect_uri={uri}{PKCE}")
}

#[test]
fn real_clients_log_in_where_the_host_allows_them() {
    let registered = REAL.map(|(registered, _)| registered);
    let world: OnShelf = Portal::new(Arc::default(), [editor(allowed(), &registered)], |builder| builder);
    for (_, asked) in REAL {
        let landing = world.approve(&query(asked), Authorization::of("alice"), at(0));
        assert_eq!(landing.uri, asked);
        let uri: String = form_urlencoded::byte_serialize(asked.as_bytes()).collect();
        let body = |uri: &str| {
            let code = landing.get("code").unwrap();
            format!("grant_type=authorization_code&code={code}&redirect_uri={uri}&code_verifier={VERIFIER}")
        };
        // The code is bound to what was asked for, the port included (RFC 6749 section 4.1.3).
        world.token("editor", &body("http://localhost/callback2"), at(1)).assert_error(400, "invalid_grant");
        if asked != "http://localhost:3118/callback" {
            world.token("editor", &body("http://localhost:3118/callback"), at(1)).assert_error(400, "invalid_grant");
        }
        let tokens = world.token("editor", &body(&uri), at(1));
        world.refresh("editor", &tokens.refresh_token(), at(2)).assert_ok();
    }
}

#[test]
fn they_are_off_until_the_host_allows_them() {
    for (registered, asked) in REAL {
        let built = editor(NativeRedirects::new(), &[registered]).build();
        if !registered.starts_with("http:") {
            let fault = ClientError::RedirectUri(RedirectUriFault::SchemeWithoutDot);
            assert_eq!(built.err(), Some(fault), "{registered}");
            continue;
        }
        let world: OnShelf =
            Portal::new(Arc::default(), [editor(NativeRedirects::new(), &[registered])], |builder| builder);
        if registered == asked {
            assert_eq!(world.approve(&query(asked), Authorization::of("alice"), at(0)).uri, asked, "as it was before");
        } else {
            assert_eq!(world.refused(&query(asked)), None, "{asked}: shown, not redirected");
        }
    }
}

/// What a careless list cannot allow; the order of the calls does not matter.
#[test]
fn a_list_of_the_host_opens_nothing_else() {
    let careless = allowed().with_schemes(["javascript", "data", "file", "about", "blob", "vbscript", "http"]);
    for bad in [
        "javascript:alert(document.cookie)",
        "data:text/html,<script>",
        "file:///etc/passwd",
        "about:blank",
        "blob:https://id.example/1",
        "vbscript:x",
        "http://app.example/callback",
        "http://localhost.evil.example/callback",
        "http://localhost@evil.example/callback",
        "http://localhost/callback#fragment",
        "cursor://anysphere.cursor-mcp/callback#fragment",
        "zed://oauth/callback",
    ] {
        let first = editor(careless.clone(), &[bad]).build();
        assert!(matches!(first, Err(ClientError::RedirectUri(_))), "{bad}");
        let last = Client::public("editor").redirect_uri(bad).native_redirects(careless.clone()).build();
        assert_eq!(last.err(), first.err(), "{bad}");
    }
}

/// Whoever asks for another port, host, scheme or path is shown a page and sent nowhere (RFC 9700 section 4.11).
#[test]
fn nothing_but_the_port_is_free() {
    let registered = ["http://localhost/callback", "cursor://anysphere.cursor-mcp/oauth/callback"];
    let world: OnShelf = Portal::new(Arc::default(), [editor(allowed(), &registered)], |builder| builder);
    for asked in [
        "http://localhost:0/callback",
        "http://localhost:99999/callback",
        "http://localhost:80@evil.example/callback",
        "http://localhost:80.evil.example/callback",
        "http://localhost.evil.example/callback",
        "http://localhost:58135/other",
        "http://localhost:58135/callback/../other",
        "http://LOCALHOST:58135/callback",
        "https://localhost:58135/callback",
        "http://127.0.0.1:58135/callback",
        "cursor://anysphere.cursor-mcp:80/oauth/callback",
        "cursor://anysphere.cursor-mcp/oauth/callback?x=1",
        "Cursor://anysphere.cursor-mcp/oauth/callback",
        "cursor://evil.example/oauth/callback",
        "javascript://anysphere.cursor-mcp/oauth/callback",
    ] {
        assert_eq!(world.refused(&query(asked)), None, "{asked}");
    }
}

/// A client that may no more: a code that was sent to such a URI is not redeemed.
#[test]
fn a_client_that_loses_the_right_loses_what_is_on_its_way() {
    use crate::kit::portal::Changing;
    let world = Changing::changing(|builder| builder);
    let uris = ["http://localhost/callback", "https://editor.example/cb"];
    world.set(editor(allowed(), &uris));
    let asked = "http://localhost:58135/callback";
    let code = world.approve(&query(asked), Authorization::of("alice"), at(0)).get("code").unwrap().to_owned();
    world.set(editor(NativeRedirects::new(), &uris));
    let body = format!("grant_type=authorization_code&code={code}&redirect_uri={asked}&code_verifier={VERIFIER}");
    world.token("editor", &body, at(1)).assert_error(400, "invalid_grant");
    world.set(editor(allowed(), &uris));
    world.token("editor", &body, at(2)).assert_ok();
}
