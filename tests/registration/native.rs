//! Redirect URIs of native clients that nobody registered by hand: RFC 8252 sections 7.1, 7.3 and 8.3.

use regrant::Authorization;
use regrant::client::NativeRedirects;
use serde_json::{Value, json};

use crate::desk::{Desk, desk, id, json_post, strangers};
use crate::kit::at;
use crate::kit::portal::PKCE;

const REAL: [(&str, &str); 4] = [
    ("http://localhost/callback", "http://localhost:58135/callback"),
    ("cursor://anysphere.cursor-mcp/oauth/callback", "cursor://anysphere.cursor-mcp/oauth/callback"),
    ("vscode://vendor.extension/cb", "vscode://vendor.extension/cb"),
    ("claude://oauth/callback", "claude://oauth/callback"),
];

fn allowed() -> NativeRedirects {
    NativeRedirects::new().with_free_localhost_port(true).with_schemes(["cursor", "vscode", "claude"])
}

fn open_desk() -> Desk {
    desk(strangers().with_native_redirects(allowed()), |builder| builder)
}

fn says(uris: &[&str]) -> Value {
    json!({ "client_name": "Editor", "redirect_uris": uris, "token_endpoint_auth_method": "none" })
}

fn query(registered: &Value, uri: &str) -> String {
    let uri: String = form_urlencoded::byte_serialize(uri.as_bytes()).collect();
    format!("response_type=code&client_id={}&redirect_uri={uri}{PKCE}", id(registered))
}

#[test]
fn real_clients_register_and_log_in_where_the_host_allows_them() {
    let desk = open_desk();
    for (registered, asked) in REAL {
        let client = desk.register(&says(&[registered]));
        assert_eq!(client["redirect_uris"], json!([registered]));
        assert!(id(&client).len() < 255, "{} characters", id(&client).len());
        let landing = desk.approve(&query(&client, asked), Authorization::of("alice"), at(0));
        assert_eq!(landing.uri, asked);
        desk.store.clear();
    }
}

/// `localhost` is open to them without a word of the host, schemes are not.
#[test]
fn schemes_of_one_word_are_refused_until_the_host_lists_them() {
    let desk = Desk::usual();
    let client = desk.register(&says(&["http://localhost/callback"]));
    let asked = "http://localhost:58135/callback";
    assert_eq!(desk.approve(&query(&client, asked), Authorization::of("alice"), at(0)).uri, asked);
    desk.store.clear();
    for (registered, _) in &REAL[1..] {
        let refused = desk.ask_to_register(&json_post(says(&[registered]).to_string()), at(0));
        refused.assert_error(400, "invalid_redirect_uri");
    }
}

/// Whatever the host lists.
#[test]
fn what_a_browser_runs_or_sends_elsewhere_is_never_registered() {
    let everything = ["javascript", "data", "file", "about", "blob", "vbscript", "http", "https"];
    let desk = desk(strangers().with_native_redirects(allowed().with_schemes(everything)), |builder| builder);
    for bad in [
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "about:blank",
        "blob:https://app.example/1",
        "vbscript:x",
        "http://app.example/cb",
        "http://localhost.example/cb",
        "http://localhost/cb#x",
        "cursor://anysphere.cursor-mcp/cb#x",
        "windsurf://codeium/cb",
        // This machine for a browser, and a site for whoever reads the page (URL standard, "host parser").
        "https://2130706433/cb",
        "https://127.1/cb",
        "https://0x7f.1/cb",
        "https://127.0.0.1./cb",
        "https://127%2e0.0.1/cb",
    ] {
        for uris in [&[bad][..], &["https://app.example/cb", bad]] {
            let refused = desk.ask_to_register(&json_post(says(uris).to_string()), at(0));
            refused.assert_error(400, "invalid_redirect_uri");
        }
    }
}

/// The list is asked at every use: what is taken off it is gone at once, and a client of nothing else with it.
#[test]
fn a_scheme_that_is_taken_off_the_list_is_gone() {
    let open = open_desk();
    let both = open.register(&says(&["cursor://anysphere.cursor-mcp/oauth/callback", "http://127.0.0.1/cb"]));
    let alone = open.register(&says(&["cursor://anysphere.cursor-mcp/oauth/callback"]));
    let closed = Desk::usual();
    let cursor = "cursor://anysphere.cursor-mcp/oauth/callback";
    assert_eq!(closed.refused(&query(&both, cursor)), None, "shown");
    let loopback = "http://127.0.0.1:9004/cb";
    assert_eq!(closed.approve(&query(&both, loopback), Authorization::of("alice"), at(0)).uri, loopback);
    assert_eq!(closed.refused(&query(&alone, cursor)), None);
}

/// A page needs one look: what a stranger says of itself is where a client made by hand has it.
#[test]
fn a_page_has_its_name_and_links_as_those_of_any_client() {
    let desk = Desk::usual();
    let mut says = says(&["https://app.example/cb"]);
    says["client_uri"] = json!("https://app.example/");
    let registered = desk.register(&says);
    let query = query(&registered, "https://app.example/cb");
    let request = regrant::Request::new("GET", b"").with_query(query.as_bytes());
    let asked = crate::kit::portal::run(desk.engine.authorize(&request, at(0))).unwrap();
    assert_eq!(asked.client().name(), Some("Editor"));
    assert_eq!(asked.client().client_uri(), Some("https://app.example/"));
    assert!(asked.client().is_stranger());
}
