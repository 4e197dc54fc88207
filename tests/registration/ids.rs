//! The client id that says it all: what it is believed for, and how long it gets.

use regrant::client::{ClientIdKeys, Lookup, Purpose, StatelessClients};
use regrant::{Client, Clients, RootSecret, StaticClients, Timestamp};
use serde_json::{Value, json};

use crate::desk::{Desk, Strangers, desk, editor, id, json_post, keys, root, secret_of, site, strangers};
use crate::kit::portal::run;
use crate::kit::{Reply, at, form, scope};

const LOOKUP: Lookup = Lookup::new(Purpose::Authentication);

fn known(clients: &Strangers, id: &str) -> bool {
    run(clients.find(id, LOOKUP)).unwrap().is_some()
}

fn with_keys(keys: ClientIdKeys) -> Strangers {
    StatelessClients::new(StaticClients::new(), keys).with_scope(scope("read"))
}

/// RFC 7591 section 3.2.1: the id "SHOULD NOT be currently valid for any other registered client", and so the secret, which is
/// "unique for each `client_id`".
#[test]
fn whoever_says_the_same_is_another_client_with_another_secret() {
    let desk = Desk::usual();
    let registered = [(); 3].map(|()| desk.register(&site()));
    for (at, one) in registered.iter().enumerate() {
        for other in &registered[..at] {
            assert_ne!(id(one), id(other));
            assert_ne!(secret_of(one), secret_of(other));
        }
        assert!(known(desk.engine.clients(), id(one)));
    }
}

/// What clients keep in columns of 255, and what travels in headers and JWTs.
#[test]
fn the_usual_id_has_less_than_255_characters() {
    let desk = Desk::usual();
    for (name, uris) in [
        ("Visual Studio Code", vec!["http://127.0.0.1:33418/", "https://vscode.dev/redirect"]),
        ("Claude", vec!["https://claude.ai/api/mcp/auth_callback"]),
        ("MCP Inspector", vec!["http://localhost:6274/oauth/callback", "http://localhost:6274/oauth/callback/debug"]),
    ] {
        let registered = desk.register(&json!({
            "client_name": name, "redirect_uris": uris, "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
        }));
        let id = id(&registered);
        assert!(id.len() < 255, "{name}: {}", id.len());
        // Unchanged in a form, a header, a URL and a log.
        assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)), "{id}");
        println!("{name}: {} characters", id.len());
    }
}

fn with_everything(path: usize) -> Value {
    let link = |name: &str| format!("https://app.example/{}/{name}", "p".repeat(path));
    json!({
        "client_name": "Editor", "redirect_uris": ["https://app.example/cb"], "scope": "read", "software_id": "4NRB1-0XZABZI9E6",
        "software_version": "2.2", "client_uri": link("home"), "policy_uri": link("policy"), "tos_uri": link("tos"),
        "logo_uri": link("logo"), "contacts": ["dev@app.example"],
    })
}

/// The picture goes first, then the links, then the software; name, scope and redirect URIs never.
#[test]
fn what_does_not_fit_is_left_out_in_order_before_a_client_is_refused() {
    let order = ["logo_uri", "tos_uri", "policy_uri", "client_uri", "software_version", "software_id"];
    let mut seen = std::collections::BTreeSet::new();
    for most in [255, 512, 1_024] {
        let desk = desk(strangers().with_max_id_bytes(most), |builder| builder);
        for path in 0..400 {
            let registered = desk.register(&with_everything(path));
            assert!(id(&registered).len() <= most, "{most} {path}");
            assert!(known(desk.engine.clients(), id(&registered)));
            let left_out = order.iter().take_while(|name| registered.get(**name).is_none()).count();
            assert!(
                order[left_out..].iter().all(|name| registered.get(*name).is_some()),
                "{most} {path}: {registered}"
            );
            assert!(registered.get("contacts").is_none(), "never in an id");
            assert_eq!((&registered["client_name"], &registered["scope"]), (&json!("Editor"), &json!("read")));
            seen.insert((most, left_out));
            // What a client is told is what it is.
            let client = run(desk.engine.clients().find(id(&registered), LOOKUP)).unwrap().unwrap();
            let metadata = client.metadata().unwrap();
            assert_eq!(metadata.logo_uri(), registered.get("logo_uri").and_then(Value::as_str));
            assert_eq!(metadata.client_uri(), registered.get("client_uri").and_then(Value::as_str));
            assert_eq!(metadata.software_id(), registered.get("software_id").and_then(Value::as_str));
        }
    }
    assert!(seen.contains(&(512, 0)) && seen.contains(&(512, 3)) && seen.contains(&(255, 4)), "{seen:?}");
}

/// An id is as long as the host says, to the character.
#[test]
fn an_id_is_at_most_as_long_as_the_host_says() {
    for (said, most) in [(0, 255), (255, 255), (512, 512), (600, 600), (9_999, Client::MAX_ID_BYTES)] {
        let desk = desk(strangers().with_max_id_bytes(said), |builder| builder);
        let mut longest = 0;
        for length in 0..1_100 {
            let body = json!({ "redirect_uris": [format!("https://app.example/{}", "x".repeat(length))] });
            let reply = desk.ask_to_register(&json_post(body.to_string()), at(0));
            match reply.status {
                201 => longest = longest.max(reply.text("client_id").len()),
                _ => drop(reply.assert_error(400, "invalid_client_metadata")),
            }
        }
        assert!(longest <= most && longest + 2 >= most, "{said}: {longest}");
    }
}

/// No other text is anybody's id: not with a character changed, one more or one less, another alphabet or padding.
#[test]
fn no_id_is_believed_that_was_not_made_here() {
    let desk = Desk::usual();
    let clients = desk.engine.clients();
    let registered = desk.register(&site());
    let id = id(&registered);
    assert!(known(clients, id));
    let bytes = id.as_bytes();
    for at in 0..bytes.len() {
        for other in *b"AB-_.+/= \0" {
            let mut changed = bytes.to_vec();
            if changed[at] != other {
                changed[at] = other;
                assert!(!known(clients, std::str::from_utf8(&changed).unwrap()), "{at}");
            }
        }
        assert!(!known(clients, &id[..at]));
        assert!(!known(clients, &id[at + 1..]));
    }
    for text in
        ["", "dcr.", "dcr.A", "dcr.AQ", "DCR.", &format!("{id}A"), &format!("{id}="), &format!("dcr.{id}"), &id[4..]]
    {
        assert!(!known(clients, text), "{text}");
    }
}

/// A node or a start later: the same secret knows them all, another knows none, and so does another realm.
#[test]
fn an_id_is_known_where_its_secret_is() {
    let desk = Desk::usual();
    let registered = desk.register(&site());
    let id = id(&registered);
    assert!(known(&with_keys(keys()), id));
    assert!(known(&with_keys(ClientIdKeys::new(&root(8), None).with_accepted(&root(7), None)), id));
    for others in [
        ClientIdKeys::new(&root(8), None),
        ClientIdKeys::new(&root(7), Some("shop")),
        ClientIdKeys::new(&RootSecret::generate(7), None),
        ClientIdKeys::new(&root(8), None).with_accepted(&root(7), Some("shop")),
    ] {
        assert!(!known(&with_keys(others), id));
    }
    // And so is the secret of one: computed under the root secret of its id, whichever place that has among those that are accepted.
    let accepted = ClientIdKeys::new(&root(8), None).with_accepted(&root(9), None).with_accepted(&root(7), None);
    for keys in [accepted, ClientIdKeys::new(&root(9), None).with_accepted(&root(7), None), keys()] {
        let later = crate::desk::desk(with_keys(keys), |builder| builder);
        let ask = |secret: &str| {
            let ask = form("grant_type=refresh_token&refresh_token=x").basic(id, secret);
            Reply::of(&later.engine.blocking().token(&ask.request(), at(1)).unwrap())
        };
        ask(secret_of(&registered)).assert_error(400, "invalid_grant");
        ask(&"x".repeat(43)).assert_error(401, "invalid_client");
    }
    assert_eq!(format!("{:?}", keys()), "ClientIdKeys(..)");
    assert!(!format!("{:?}", desk.engine.clients()).contains("07, 07"));
}

/// A client that was made by hand has its id for itself.
#[test]
fn clients_that_were_made_by_hand_come_first() {
    let desk = Desk::usual();
    let registered = desk.register(&editor());
    let by_hand = StaticClients::new().with(Client::public(id(&registered)).build().unwrap()).unwrap();
    let clients = StatelessClients::new(by_hand, keys());
    let found = run(clients.find(id(&registered), LOOKUP)).unwrap().unwrap();
    assert!(!found.is_stranger());
    assert!(!run(desk.engine.clients().find("app", LOOKUP)).unwrap().unwrap().is_stranger());
}

/// After a leak, or a flood: all before a time are forgotten, to the millisecond.
#[test]
fn all_before_a_time_can_be_forgotten() {
    let desk = Desk::usual();
    let time = |millis: u64| Timestamp::from_millis(at(0).as_millis() + millis);
    let registered_at =
        |millis: u64| desk.ask_to_register(&json_post(editor().to_string()), time(millis)).text("client_id");
    let (before, after) = (registered_at(4), registered_at(5));
    let clients = desk.engine.clients();
    assert!(known(clients, &before) && known(clients, &after));
    clients.forget_before(time(5));
    assert!(!known(clients, &before) && known(clients, &after));
    clients.forget_before(time(0));
    assert!(!known(clients, &before), "it never moves back");
    assert!(!known(&strangers().with_not_before(time(5)), &before));
}
