//! Whom a person is asked for each time: RFC 8252 section 8.6. Any program on a machine can begin a login in the name of an
//! app, so consent that was given once says nothing of the next program.

use std::sync::Arc;

use regrant::client::{ClientBuilder, NativeRedirects};
use regrant::engine::ShownError;
use regrant::{Authorization, Client, Request};

use crate::kit::portal::{Landing, OnShelf, PKCE, Portal, run};
use crate::kit::{Shelf, at, scope};

const LOCAL: [&str; 5] = [
    "http%3A%2F%2F127.0.0.1%3A9004%2Fcb",
    "http%3A%2F%2F%5B%3A%3A1%5D%3A9004%2Fcb",
    "http%3A%2F%2Flocalhost%3A58135%2Fcb",
    "com.example.app%3A%2Fcb",
    "cursor%3A%2F%2Fanysphere.cursor-mcp%2Foauth%2Fcallback",
];
const SITE: &str = "https%3A%2F%2Fapp.example%2Fcb";

/// One that has redirect URIs of every kind.
fn app(id: &str) -> ClientBuilder {
    let uris = [
        "http://127.0.0.1/cb",
        "http://[::1]/cb",
        "http://localhost/cb",
        "com.example.app:/cb",
        "cursor://anysphere.cursor-mcp/oauth/callback",
        "https://app.example/cb",
    ];
    let native = NativeRedirects::new().with_free_localhost_port(true).with_schemes(["cursor"]);
    let client = Client::public(id).grant_type("authorization_code").grant_type("refresh_token").scope(scope("read"));
    uris.into_iter().fold(client, ClientBuilder::redirect_uri).native_redirects(native)
}

fn world() -> OnShelf {
    let clients = [app("stranger").stranger(true), app("by-hand"), app("careful").ask_each_time(true)];
    Portal::new(Arc::new(Shelf::default()), clients, |builder| builder)
}

fn approve(world: &OnShelf, client: &str, uri: &str, rest: &str, shown: bool) -> Result<Landing, ShownError> {
    let query = format!("response_type=code&client_id={client}&redirect_uri={uri}{PKCE}{rest}");
    run(async {
        let request = Request::new("GET", b"").with_query(query.as_bytes());
        let asked = world.engine.authorize(&request, at(0)).await.unwrap();
        let alice = Authorization::of("alice");
        let alice = if shown { alice.with_page_shown() } else { alice };
        world.engine.approve(&asked, alice, at(0)).await.map(|approval| Landing::of(&approval.response))
    })
}

/// A host that remembers consent and forgets this hears of it before anything is written.
#[test]
fn an_approval_without_the_page_is_the_hosts_fault() {
    let world = world();
    for client in ["stranger", "careful"] {
        for uri in LOCAL {
            world.events.take();
            let error = approve(&world, client, uri, "", false).unwrap_err();
            assert_eq!((error.status(), error.code().as_str()), (500, "server_error"), "{client} {uri}");
            assert!(world.store.grants().is_empty(), "{client} {uri}");
            let events = world.events.take();
            assert!(matches!(&events[..], [one] if one.starts_with("Failed") && one.contains("PageNotShown")));
            assert!(approve(&world, client, uri, "", true).unwrap().get("code").is_some(), "{client} {uri}");
            run(world.engine.end_sessions_of("alice", regrant::Timestamp::EPOCH)).unwrap();
        }
    }
}

/// A site is known by its name in the DNS: there, consent that was given before may count. And of clients made by hand
/// nothing is asked that was not asked before.
#[test]
fn elsewhere_the_host_decides() {
    let world = world();
    for client in ["stranger", "careful", "by-hand"] {
        assert!(approve(&world, client, SITE, "", false).unwrap().get("code").is_some(), "{client}");
        assert!(approve(&world, client, SITE, "&prompt=none", false).unwrap().get("code").is_some(), "{client}");
    }
    for uri in LOCAL {
        for rest in ["", "&prompt=none"] {
            assert!(approve(&world, "by-hand", uri, rest, false).unwrap().get("code").is_some(), "{uri} {rest}");
        }
    }
}

/// Who must be asked and may not be: `consent_required`, which a client made by hand hears and a stranger's does not.
#[test]
fn silence_is_no_consent() {
    let world = world();
    for uri in LOCAL {
        let landing = approve(&world, "careful", uri, "&prompt=none", false).unwrap();
        assert_eq!(landing.get("error"), Some("consent_required"), "{uri}");
        let error = approve(&world, "stranger", uri, "&prompt=none", false).unwrap_err();
        assert_eq!((error.status(), error.code().as_str()), (400, "consent_required"), "{uri}");
        assert!(error.way_on().is_some());
    }
    assert!(world.store.grants().is_empty());
}
