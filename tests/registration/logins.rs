//! What clients may that nobody made by hand, from the login to the end.

use std::sync::Arc;
use std::time::Duration;

use regrant::client::NativeRedirects;
use regrant::engine::{ClientCredentials, Person};
use regrant::{Authorization, Denial, Request};
use serde_json::{Value, json};

use crate::desk::{Desk, desk, desk_on, editor, id, json_post, secret_of, site, strangers};
use crate::kit::portal::{Landing, PKCE, STATE, VERIFIER, renewal, run};
use crate::kit::{Ask, Password, Reply, at, form, scope};

const LOOPBACK: &str = "http%3A%2F%2F127.0.0.1%3A9004%2Fcb";
const SITE: &str = "https%3A%2F%2Fsite.example%2Fcb";

fn query(registered: &Value, redirect_uri: &str, rest: &str) -> String {
    format!("response_type=code&client_id={}&redirect_uri={redirect_uri}&state={STATE}{rest}", id(registered))
}

fn redemption(code: &str, redirect_uri: &str) -> String {
    format!("grant_type=authorization_code&code={code}&redirect_uri={redirect_uri}&code_verifier={VERIFIER}")
}

impl Desk {
    fn send(&self, ask: &Ask, secs: u64) -> Reply {
        Reply::of(&run(self.engine.token(&ask.request(), at(secs))))
    }

    fn approved(&self, query: &str, secs: u64) -> Landing {
        self.approve(query, Authorization::of("alice"), at(secs))
    }
}

fn by_id(registered: &Value, body: &str) -> Ask {
    form(format!("{body}&client_id={}", id(registered)))
}

fn by_basic(registered: &Value, body: &str) -> Ask {
    form(body).basic(id(registered), secret_of(registered))
}

/// A program on a person's machine: any port of the loopback address (RFC 8252 section 7.3), a rotating refresh token.
#[test]
fn a_public_client_logs_in_refreshes_and_is_ended() {
    let desk = Desk::usual();
    let editor = desk.register(&editor());
    let landing = desk.approved(&query(&editor, LOOPBACK, PKCE), 0);
    assert_eq!(landing.uri, "http://127.0.0.1:9004/cb");
    let tokens = desk.send(&by_id(&editor, &redemption(landing.get("code").unwrap(), LOOPBACK)), 1);
    tokens.assert_ok();
    assert_eq!(tokens.text("scope"), "read", "the default of these clients");
    assert!(desk.bearer(&tokens.access_token(), at(2)).is_ok());
    let renewed = desk.send(&by_id(&editor, &renewal(&tokens.refresh_token())), 3);
    renewed.assert_ok();
    assert_ne!(renewed.refresh_token(), tokens.refresh_token());
    // Somebody else's, with the very same metadata.
    let other =
        desk.engine.blocking().register(&crate::desk::json_post(crate::desk::editor().to_string()).request(), at(4));
    let other = Value::Object(Reply::of(&other.unwrap()).json());
    desk.send(&by_id(&other, &renewal(&renewed.refresh_token())), 5).assert_error(400, "invalid_grant");
    assert_eq!(run(desk.engine.end_sessions_of("alice", regrant::Timestamp::EPOCH)).unwrap(), 1);
    desk.send(&by_id(&editor, &renewal(&renewed.refresh_token())), 6).assert_error(400, "invalid_grant");
}

/// RFC 9700 section 2.1.1; MCP demands it of all. A client that keeps a secret is no better known than one that does not.
#[test]
fn all_of_them_need_a_challenge() {
    let desk = Desk::usual();
    for (client, uri) in [(editor(), LOOPBACK), (site(), SITE)] {
        let registered = desk.register(&client);
        for rest in ["", "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=plain"] {
            let refused = desk.shown(&query(&registered, uri, rest));
            assert_eq!(refused.code().as_str(), "invalid_request", "{rest}");
        }
        let code = desk.approved(&query(&registered, uri, PKCE), 0);
        assert!(code.get("code").is_some());
        run(desk.engine.end_sessions_of("alice", regrant::Timestamp::EPOCH)).unwrap();
    }
}

/// The way to authenticate that it named, and no other (RFC 7591 section 2).
#[test]
fn a_confidential_client_authenticates_as_it_said() {
    for (method, by_header, by_body) in [("client_secret_basic", 200, 401), ("client_secret_post", 401, 200)] {
        for (in_header, status) in [(true, by_header), (false, by_body)] {
            let desk = Desk::usual();
            let mut metadata = site();
            metadata["token_endpoint_auth_method"] = json!(method);
            let site = desk.register(&metadata);
            let landing = desk.approved(&query(&site, SITE, PKCE), 0);
            let body = redemption(landing.get("code").unwrap(), SITE);
            desk.send(&form(&body).basic(id(&site), &"x".repeat(43)), 1).assert_error(401, "invalid_client");
            desk.send(&by_id(&site, &body), 1).assert_error(401, "invalid_client");
            let ask = if in_header {
                by_basic(&site, &body)
            } else {
                by_id(&site, &format!("{body}&client_secret={}", secret_of(&site)))
            };
            assert_eq!(desk.send(&ask, 1).status, status, "{method} {in_header}");
        }
    }
}

/// Codes and refresh tokens, whatever the engine serves besides and whatever it asked for.
#[test]
fn no_other_grant_type_is_open_to_them() {
    let desk = desk(strangers(), |builder| builder.grant_handler(Password).grant_handler(ClientCredentials));
    let mut metadata = site();
    metadata["grant_types"] = json!(["authorization_code", "client_credentials", "password"]);
    let site = desk.register(&metadata);
    assert_eq!(site["grant_types"], json!(["authorization_code"]));
    for body in ["grant_type=client_credentials", "grant_type=password&username=alice&password=wonderland"] {
        desk.send(&by_basic(&site, body), 0).assert_error(400, "unauthorized_client");
    }
    // It did not say that it refreshes, so it is handed nothing to refresh with.
    let landing = desk.approved(&query(&site, SITE, PKCE), 0);
    let tokens = desk.send(&by_basic(&site, &redemption(landing.get("code").unwrap(), SITE)), 1);
    assert_eq!(tokens.assert_ok().json().get("refresh_token"), None);
    let asked = desk.shown(&query(&site, SITE, &format!("{PKCE}&scope=admin")));
    assert_eq!(asked.code().as_str(), "invalid_scope");
    let introspected = Reply::of(&run(desk.engine.introspect(&by_basic(&site, "token=x").request(), at(2))));
    assert_eq!(introspected.json()["active"], false);
}

/// An id that has expired starts no new logins; those that it has go on to their end (RFC 7591 section 3.2.1).
#[test]
fn an_expired_client_starts_nothing_new_and_logs_nobody_out() {
    let desk = desk(strangers().with_expiry(Duration::from_secs(100)), |builder| builder);
    let site = desk.register(&site());
    assert_eq!(site["client_secret_expires_at"].as_u64(), Some(crate::kit::T0 + 100));
    let query = query(&site, SITE, PKCE);
    let last = desk.approved(&query, 99);
    // A code that is out is redeemed.
    let tokens = desk.send(&by_basic(&site, &redemption(last.get("code").unwrap(), SITE)), 101);
    let token = tokens.assert_ok().refresh_token();
    for secs in [100, 101, 1_000_000] {
        let refused = desk.approved(&query, secs);
        assert_eq!((refused.get("error"), refused.get("code")), (Some("unauthorized_client"), None), "{secs}");
    }
    assert_eq!(desk.store.grants().len(), 1);
    desk.send(&by_basic(&site, &renewal(&token)), 200).assert_ok();
    // A person's "no" is heard as ever.
    let request = Request::new("GET", b"").with_query(query.as_bytes());
    let asked = run(desk.engine.authorize(&request, at(0))).unwrap();
    assert_eq!(
        Landing::of(&run(desk.engine.deny(&asked, Denial::AccessDenied, Person::AtThePage, at(200))).unwrap())
            .get("error"),
        Some("access_denied")
    );
}

/// "Any node knows the clients of the others, and a restart forgets none."
#[test]
fn another_node_goes_on_where_one_began() {
    let one = Desk::usual();
    let site = one.register(&site());
    let code = one.approved(&query(&site, SITE, PKCE), 0).get("code").unwrap().to_owned();
    let two = desk_on(Arc::clone(&one.store), strangers(), |builder| builder);
    let tokens = two.send(&by_basic(&site, &redemption(&code, SITE)), 1);
    one.send(&by_basic(&site, &renewal(&tokens.assert_ok().refresh_token())), 2).assert_ok();
}

/// What a host takes from these clients is gone at the next use.
#[test]
fn a_scope_that_is_taken_from_them_is_gone() {
    let one = Desk::usual();
    let editor = one.register(&editor());
    let code = one.approved(&query(&editor, LOOPBACK, &format!("{PKCE}&scope=read+write")), 0);
    let tokens = one.send(&by_id(&editor, &redemption(code.get("code").unwrap(), LOOPBACK)), 1);
    assert_eq!(tokens.assert_ok().text("scope"), "read write");
    let two = desk_on(Arc::clone(&one.store), strangers().with_scope(scope("read")), |builder| builder);
    assert_eq!(two.bearer(&tokens.access_token(), at(2)).unwrap().scope().as_str(), "read");
    let renewed = two.send(&by_id(&editor, &renewal(&tokens.refresh_token())), 2);
    assert_eq!(renewed.assert_ok().text("scope"), "read");
}

/// The redirect URIs of real clients, where the host allows them; what a browser runs, never.
#[test]
fn native_clients_register_the_redirect_uris_that_they_have() {
    let allowed = || NativeRedirects::new().with_free_localhost_port(true);
    let schemes = ["cursor", "vscode", "claude", "javascript", "data", "file"];
    let host = || strangers().with_native_redirects(allowed().with_schemes(schemes));
    let (plain, desk) = (Desk::usual(), desk(host(), |builder| builder));
    let metadata = |uri: &str| json!({ "redirect_uris": [uri], "token_endpoint_auth_method": "none" });
    let register = |desk: &Desk, uri: &str| desk.ask_to_register(&json_post(metadata(uri).to_string()), at(0));
    for uri in
        ["cursor://anysphere.cursor-mcp/oauth/callback", "vscode://vendor.extension/cb", "claude://oauth/callback"]
    {
        register(&plain, uri).assert_error(400, "invalid_redirect_uri");
        let registered = Value::Object(register(&desk, uri).json());
        assert_eq!(registered["application_type"], "native");
        let encoded = uri.replace(':', "%3A").replace('/', "%2F");
        let landing = desk.approved(&query(&registered, &encoded, PKCE), 0);
        assert_eq!((landing.uri.as_str(), landing.get("code").is_some()), (uri, true));
        run(desk.engine.end_sessions_of("alice", regrant::Timestamp::EPOCH)).unwrap();
        // What the host has ceased to allow is gone with the next use.
        assert_eq!(plain.refused(&query(&registered, &encoded, PKCE)), None, "a page");
    }
    for uri in ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "blob:x", "vbscript:x", "about:blank"]
    {
        register(&desk, uri).assert_error(400, "invalid_redirect_uri");
    }
    let localhost = Value::Object(register(&plain, "http://localhost/callback").json());
    let landing = plain.approved(&query(&localhost, "http%3A%2F%2Flocalhost%3A58135%2Fcallback", PKCE), 0);
    assert_eq!(landing.uri, "http://localhost:58135/callback");
}

/// What it registered with is the most that it may ask for (RFC 7591 section 2), or, where the host says so, what it gets where it
/// asks for nothing: clients of the Model Context Protocol register with what a first call needs, and ask for more later.
#[test]
fn the_scope_that_a_client_registers_with() {
    let asks = |scope: &str| format!("{PKCE}&scope={}", scope.replace(' ', "%20"));
    let mut client = editor();
    client["scope"] = json!("write");
    for is_default in [false, true] {
        let desk = desk(strangers().with_named_scope_as_default(is_default), |builder| builder);
        let (editor, silent) = (desk.register(&client), desk.register(&editor()));
        assert_eq!(editor["scope"], "write");
        let granted = |rest: &str, secs: u64| {
            let code = desk.approved(&query(&editor, LOOPBACK, rest), secs).get("code").unwrap().to_owned();
            let tokens = desk.send(&by_id(&editor, &redemption(&code, LOOPBACK)), secs + 1);
            desk.bearer(&tokens.access_token(), at(secs + 2)).unwrap().scope().to_string()
        };
        assert_eq!(granted(PKCE, 0), "write", "not the default of all of them");
        let asked = query(&editor, LOOPBACK, &asks("read write"));
        if is_default {
            assert_eq!(granted(&asks("read write"), 10), "read write");
        } else {
            assert_eq!(desk.shown(&asked).code().as_str(), "invalid_scope");
        }
        let more = query(&editor, LOOPBACK, &asks("read admin"));
        assert_eq!(desk.shown(&more).code().as_str(), "invalid_scope", "never more than the host's");
        // One that named none is as before.
        let code = desk.approved(&query(&silent, LOOPBACK, PKCE), 20).get("code").unwrap().to_owned();
        let tokens = desk.send(&by_id(&silent, &redemption(&code, LOOPBACK)), 21);
        assert_eq!(tokens.assert_ok().text("scope"), "read");
    }
}
