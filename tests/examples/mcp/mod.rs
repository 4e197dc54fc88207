//! The MCP example as a process: what is where, its pages' forms, its resources. Real clients of the protocol drive it in
//! `tests/clients`.

mod account;
mod cors;
mod documents;
mod forms;
mod places;
mod resources;

use form_urlencoded::{Serializer, byte_serialize};
use serde_json::{Value, json};

use crate::server::process::{Reply, Running};

const MACHINE: &str = "client_id=machine&client_secret=machine-secret-for-trying-out-only-please";
const CALLBACK: &str = "http://localhost:58135/callback";
/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// Of a browser on the page itself.
const OURS: &str = "sec-fetch-site: same-origin\r\n";
const ALICE: [(&str, &str); 3] = [("username", "alice"), ("password", "wonderland"), ("decision", "allow")];
const BOB: [(&str, &str); 3] = [("username", "bob"), ("password", "builder"), ("decision", "allow")];

fn start(options: &[&str]) -> Running {
    Running::start_example("mcp", options)
}

/// Registers a client; what came back.
#[track_caller]
fn register(server: &Running, metadata: &Value) -> Reply {
    server.post_of("application/json", "/register", "", &metadata.to_string())
}

/// The id of a client that registered as most do.
#[track_caller]
fn client(server: &Running, name: &str) -> String {
    let metadata = json!({
        "client_name": name,
        "redirect_uris": ["http://localhost/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "none",
    });
    let reply = register(server, &metadata);
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.member("client_id")
}

fn encoded(pairs: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// The query of an authorization request.
fn asks(client: &str, more: &[(&str, &str)]) -> String {
    let all = [
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", CALLBACK),
        ("state", "theirs"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    encoded(&[&all, more].concat())
}

/// A page with a form, as a browser has it.
#[derive(Clone, Debug)]
struct Page {
    hidden: Vec<(String, String)>,
    /// The browser's `Cookie` from now on.
    cookie: String,
    html: String,
}

impl Page {
    #[track_caller]
    fn of(reply: &Reply, cookie: &str) -> Self {
        let inputs = reply.body.split(r#"<input type="hidden" name=""#).skip(1);
        let hidden = inputs.map(|rest| {
            let (name, rest) = rest.split_once(r#"" value=""#).unwrap();
            (name.to_owned(), rest.split_once('"').unwrap().0.to_owned())
        });
        Self { hidden: hidden.collect(), cookie: cookie_after(reply, cookie), html: reply.body.clone() }
    }

    #[track_caller]
    fn field(&self, name: &str) -> &str {
        let found = self.hidden.iter().find(|(own, _)| own == name);
        found.map_or_else(|| panic!("no {name} in {}", self.html), |(_, value)| value)
    }

    /// Its form, filled in.
    fn with(&self, filled_in: &[(&str, &str)]) -> String {
        let hidden: Vec<_> = self.hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        encoded(&[&hidden, filled_in].concat())
    }

    fn asks_for_password(&self) -> bool {
        self.html.contains(r#"type="password""#)
    }
}

/// The browser's cookie after an answer.
fn cookie_after(reply: &Reply, cookie: &str) -> String {
    let set = reply.find_header("set-cookie");
    set.map_or_else(|| cookie.to_owned(), |set| set.split(';').next().unwrap().to_owned())
}

fn with_cookie(cookie: &str) -> String {
    if cookie.is_empty() { String::new() } else { format!("cookie: {cookie}\r\n") }
}

#[track_caller]
fn page(server: &Running, query: &str, cookie: &str) -> Page {
    let reply = server.ask("GET", &format!("/authorize?{query}"), &with_cookie(cookie));
    assert_eq!(reply.status, 200, "{reply:?}");
    Page::of(&reply, cookie)
}

/// Sends a page's form from the browser that it was shown in.
fn send(server: &Running, page: &Page, filled_in: &[(&str, &str)]) -> Reply {
    server.post_with("/authorize", &format!("{OURS}{}", with_cookie(&page.cookie)), &page.with(filled_in))
}

/// What the client is told by a redirect.
#[track_caller]
fn told(reply: &Reply, name: &str) -> Option<String> {
    assert_eq!(reply.status, 303, "{reply:?}");
    let location = reply.header("location");
    let query = location.strip_prefix(CALLBACK).unwrap().trim_start_matches('?');
    form_urlencoded::parse(query.as_bytes()).find(|(own, _)| own == name).map(|(_, value)| value.into_owned())
}

#[track_caller]
fn redeem(server: &Running, client: &str, code: &str, more: &str) -> Reply {
    let form = encoded(&[
        ("grant_type", "authorization_code"),
        ("code", code),
        ("client_id", client),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]);
    server.post("/token", &format!("{form}{more}"))
}

fn refresh(server: &Running, client: &str, token: &str) -> Reply {
    let form = encoded(&[("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", client)]);
    server.post("/token", &form)
}

/// A whole login in a browser; the tokens, and the browser's cookie afterwards.
#[track_caller]
fn log_in(server: &Running, client: &str, more: &[(&str, &str)], who: &[(&str, &str)]) -> (Reply, String) {
    let page = page(server, &asks(client, more), "");
    let answer = send(server, &page, who);
    let code = told(&answer, "code").unwrap();
    let tokens = redeem(server, client, &code, "");
    assert_eq!(tokens.status, 200, "{tokens:?}");
    (tokens, cookie_after(&answer, &page.cookie))
}

/// Sends a message of the protocol to a resource.
fn message(server: &Running, path: &str, token: Option<&str>, body: &str) -> Reply {
    let authorization = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    let headers = format!("{authorization}accept: application/json, text/event-stream\r\n");
    server.post_of("application/json", path, &headers, body)
}

fn call(server: &Running, path: &str, token: &str, tool: &str) -> Reply {
    let body =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": tool, "arguments": {} } });
    message(server, path, Some(token), &body.to_string())
}

/// What a tool said.
#[track_caller]
fn said(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{reply:?}")).to_owned()
}

fn machine(server: &Running, more: &str) -> String {
    server.post("/token", &format!("grant_type=client_credentials&{MACHINE}{more}")).member("access_token")
}

fn in_query(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}
