//! atproto, "Localhost Client Development": ids of `http://localhost` that say who the client is. Nothing is fetched for them. What ids there are
//! is tested beside the code, `src/client/local.rs`.

use std::sync::Arc;

use regrant::Request;

use crate::kit::profiles::{App, Hand, Pkce, Site, Square, asking, phone, said, square};
use crate::kit::schedule::run;
use crate::kit::{Shelf, at};

const ID: &str = "http://localhost?redirect_uri=http%3A%2F%2F127.0.0.1%2Fcb&scope=atproto+transition%3Ageneric";

fn usual() -> Square<Arc<Shelf>> {
    // A site that is down, so that whatever is fetched fails.
    let site = Site::default();
    site.is_down(true);
    square(Arc::new(Shelf::default()), &site, &Hand::default(), |builder| builder)
}

fn app() -> App {
    App { id: ID.into(), redirect_uri: "http://127.0.0.1:4711/cb", ..phone() }
}

#[test]
fn a_client_of_localhost_logs_in_and_stays_in() {
    let square = usual();
    let first = square.login(&app(), 0);
    assert_eq!((first.text("sub"), first.text("scope")), ("alice".into(), "atproto transition:generic".into()));
    let second = square.refresh(&app(), &first.refresh_token(), 10).assert_ok().refresh_token();
    // Bound like any other.
    assert_eq!(said(&square.refresh(&app().with_proof(2), &second, 20)), "400 invalid_grant");
    assert_eq!(said(&square.refresh(&app().without_proof(), &second, 20)), "400 invalid_dpop_proof");
    // It is listed, and by what it says of itself.
    let sessions = run(square.engine.sessions("alice", None, 10, at(30))).unwrap();
    assert_eq!(sessions.sessions.len(), 1);
    assert_eq!(sessions.sessions[0].client_id(), ID);
}

#[test]
fn the_defaults_are_a_client_too() {
    let app = App { id: "http://localhost".into(), redirect_uri: "http://[::1]:9/", scope: "atproto", ..phone() };
    assert_eq!(usual().login(&app, 0).text("scope"), "atproto");
}

/// What the id does not say, it may not have.
#[test]
fn an_id_is_no_more_than_it_says() {
    let square = usual();
    for (app, answer) in [
        (App { redirect_uri: "http://127.0.0.1:4711/other", ..app() }, "400 invalid_request"),
        (App { redirect_uri: "http://[::1]:4711/cb", ..app() }, "400 invalid_request"),
        (App { id: "http://localhost".into(), redirect_uri: "http://127.0.0.1/", ..app() }, "400 invalid_scope"),
        (App { id: "http://localhost:3000".into(), ..app() }, "401 invalid_client"),
        (App { id: "http://localhost/app".into(), ..app() }, "401 invalid_client"),
        (App { id: "http://127.0.0.1".into(), ..app() }, "401 invalid_client"),
        // No confidential client.
        (app().with_signer("one"), "401 invalid_client"),
    ] {
        assert_eq!(said(&square.push(&app, &asking(&app, &Pkce::new()), 0)), answer, "{}", app.id);
    }
    assert!(square.store.bytes().is_empty());
}

/// A stranger: anybody can have made it up, so the person is asked each time, and nobody is redirected before.
#[test]
fn it_is_a_stranger() {
    let square = usual();
    let query = square.pushed(&app(), &asking(&app(), &Pkce::new()), 0);
    let request = Request::new("GET", b"").with_query(query.as_bytes());
    let asked = run(square.engine.authorize(&request, at(0))).unwrap();
    assert!(asked.client().is_stranger() && asked.is_asked_each_time());
    assert_eq!(asked.client().name(), Some("Development client"));
    let unseen = run(square.engine.approve(&asked, regrant::Authorization::of("alice"), at(0)));
    assert!(unseen.is_err(), "the page was not shown");
}

/// In that profile alone.
#[test]
fn without_the_profile_it_is_nobody() {
    let bank = crate::fapi_rows::usual();
    assert_eq!(said(&bank.push(&app(), &asking(&app(), &Pkce::new()), 0)), "401 invalid_client");
}
