//! What a host has to say: who registers, with what, and who is let in afterwards.

use std::sync::Arc;

use parking_lot::Mutex;
use regrant::client::{ClientMetadata, ClientPolicy, RegistrationDenial};
use regrant::{Authorization, Client};
use serde_json::json;

use crate::desk::{Desk, desk, editor, id, json_post, site, strangers};
use crate::kit::portal::{PKCE, VERIFIER, renewal, run};
use crate::kit::{Reply, at, form, scope};

/// Takes whoever has the token and leads to this machine or the site, without links; blocks by name.
#[derive(Clone, Default)]
struct House {
    blocked: Arc<Mutex<Vec<String>>>,
}

impl ClientPolicy for House {
    fn may_register(&self, initial_access_token: Option<&str>) -> bool {
        initial_access_token == Some("let-me-in")
    }

    fn take_in(&self, metadata: ClientMetadata) -> Result<ClientMetadata, RegistrationDenial> {
        match metadata.name() {
            Some("Unwanted") => Err(RegistrationDenial::Unwanted),
            Some("Too many") => Err(RegistrationDenial::Busy),
            // Wider than any of them may have.
            Some("Wide") => Ok(metadata.with_scope(scope("read admin"))),
            Some("Forgetful") => Ok(metadata.without_refresh_token()),
            Some("Stated") => match metadata.software_statement() {
                Some("of.a.friend") => Ok(metadata.accept_software_statement()),
                Some("of.a.stranger") => Err(RegistrationDenial::UnapprovedSoftwareStatement),
                Some("of.nobody") => Err(RegistrationDenial::InvalidSoftwareStatement),
                _ => Ok(metadata),
            },
            _ => Ok(metadata.retain_redirect_uris(|uri| !uri.contains("evil"))?.without_links()),
        }
    }

    fn admits(&self, client: &Client) -> bool {
        let name = client.metadata().and_then(ClientMetadata::name).unwrap_or_default();
        !self.blocked.lock().iter().any(|blocked| blocked == name)
    }
}

fn house() -> (Desk, House) {
    let house = House::default();
    (desk(strangers().with_policy(house.clone()), |builder| builder), house)
}

fn ask(desk: &Desk, name: &str) -> Reply {
    let body = json!({
        "client_name": name, "redirect_uris": ["https://a.example/cb", "https://evil.example/cb"], "logo_uri": "https://a.example/l",
        "grant_types": ["authorization_code", "refresh_token"], "token_endpoint_auth_method": "none",
    });
    desk.ask_to_register(&json_post(body.to_string()).authorization("Bearer let-me-in"), at(0))
}

/// RFC 7591 section 3: the initial access token is a bearer token, refused as RFC 6750 has it. Whoever lacks it does not even hear
/// whether the metadata are well-formed.
#[test]
fn only_those_register_whom_the_host_lets() {
    let (desk, _) = house();
    for body in [editor().to_string(), "{}".into(), "[".into()] {
        let wrong = "Bearer realm=\"token\", error=\"invalid_token\"";
        for (ask, challenge) in
            [(json_post(&body), "Bearer realm=\"token\""), (json_post(&body).authorization("Bearer let-me-out"), wrong)]
        {
            let refused = desk.ask_to_register(&ask, at(0));
            refused.assert_error(401, "invalid_token");
            assert_eq!(refused.header("www-authenticate"), [challenge]);
        }
    }
    let right = json_post(editor().to_string()).authorization("bearer let-me-in");
    assert_eq!(desk.ask_to_register(&right, at(0)).status, 201);
    desk.ask_to_register(&json_post("{}").authorization("Bearer let-me-in"), at(0))
        .assert_error(400, "invalid_redirect_uri");
}

/// It may narrow and refuse, and the client is told what was made of it (section 3.2.1).
#[test]
fn the_host_narrows_or_refuses() {
    let (desk, _) = house();
    ask(&desk, "Unwanted").assert_error(400, "invalid_client_metadata");
    ask(&desk, "Too many").assert_error(503, "temporarily_unavailable");
    let narrowed = ask(&desk, "Editor").json();
    assert_eq!(narrowed["redirect_uris"], json!(["https://a.example/cb"]));
    assert_eq!(narrowed.get("logo_uri"), None);
    assert_eq!(ask(&desk, "Wide").json()["scope"], "read");
    assert_eq!(ask(&desk, "Forgetful").json()["grant_types"], json!(["authorization_code"]));
    let evil = json!({ "redirect_uris": ["https://evil.example/cb"] });
    let evil = json_post(evil.to_string()).authorization("Bearer let-me-in");
    desk.ask_to_register(&evil, at(0)).assert_error(400, "invalid_redirect_uri");
}

/// RFC 7591 sections 2.3, 3.1.1, 3.2.1 and 3.2.2: the host reads it, believes it or not, and it comes back if it was used. It is in no id.
#[test]
fn a_software_statement_is_the_hosts_to_judge() {
    let (desk, _) = house();
    let ask = |statement: &str| {
        let body = json!({
            "client_name": "Stated", "redirect_uris": ["https://a.example/cb"], "token_endpoint_auth_method": "none",
            "software_statement": statement,
        });
        desk.ask_to_register(&json_post(body.to_string()).authorization("Bearer let-me-in"), at(0))
    };
    ask("of.nobody").assert_error(400, "invalid_software_statement");
    ask("of.a.stranger").assert_error(400, "unapproved_software_statement");
    let (used, passed_by) = (ask("of.a.friend"), ask("of.whom.not"));
    assert_eq!((used.status, passed_by.status), (201, 201));
    assert_eq!(used.json()["software_statement"], "of.a.friend");
    assert_eq!(passed_by.json().get("software_statement"), None);
    let client = |reply: &Reply| reply.text("client_id");
    assert_eq!(client(&used).len(), client(&passed_by).len());
    // As a registry of the host's own would keep it.
    let json = br#"{"redirect_uris":["https://a.example/cb"],"token_endpoint_auth_method":"none","software_statement":"a.b.c"}"#;
    let metadata = ClientMetadata::from_json(json).unwrap().accept_software_statement();
    let kept = metadata.client("app", None, &scope("read")).build().unwrap();
    assert_eq!(kept.metadata().unwrap().software_statement(), None);
}

/// The policy is asked at every use, not at registration alone: one client is blocked, and let in again.
#[test]
fn a_client_that_is_blocked_is_unknown_everywhere_and_at_once() {
    let (desk, house) = house();
    let registered = serde_json::Value::Object(ask(&desk, "Editor").json());
    let client = id(&registered);
    let query = format!("response_type=code&client_id={client}&redirect_uri=https%3A%2F%2Fa.example%2Fcb{PKCE}");
    let token = |body: &str, secs: u64| {
        Reply::of(&run(desk.engine.token(&form(format!("{body}&client_id={client}")).request(), at(secs))))
    };
    let code = desk.approve(&query, Authorization::of("alice"), at(0));
    let redemption = format!(
        "grant_type=authorization_code&code={}&redirect_uri=https%3A%2F%2Fa.example%2Fcb&code_verifier={VERIFIER}",
        code.get("code").unwrap()
    );
    let tokens = token(&redemption, 1);
    tokens.assert_ok();
    house.blocked.lock().push("Editor".into());
    assert_eq!(desk.refused(&query), None, "a page, and no redirect");
    token(&renewal(&tokens.refresh_token()), 2).assert_error(401, "invalid_client");
    assert!(desk.bearer(&tokens.access_token(), at(2)).is_err());
    let before = desk.store.grants();
    house.blocked.lock().clear();
    assert!(desk.bearer(&tokens.access_token(), at(3)).is_ok());
    token(&renewal(&tokens.refresh_token()), 3).assert_ok();
    assert_eq!(before.len(), 1, "nothing was ended");
    // Clients that were made by hand are not asked about.
    house.blocked.lock().push(String::new());
    assert!(
        run(regrant::Clients::find(
            desk.engine.clients(),
            "app",
            regrant::client::Lookup::new(regrant::client::Purpose::Authorization)
        ))
        .unwrap()
        .is_some()
    );
    let _ = site();
}
