//! atproto, "Localhost Client Development": ids of `http://localhost` that say who the client is. Nothing is fetched for them. What ids there are
//! is tested beside the code, `src/client/local.rs`.

use std::sync::Arc;

use regrant::Request;
use regrant::engine::Profile;
use regrant::jwt::{SigningAlgorithm, SigningKey};

use crate::kit::portal::{ISSUER, ScopeAsClaim};
use crate::kit::profiles::{
    App, Desk, Hand, Pkce, Site, Square, asking, endpoints, phone, profiled, said, square, strangers,
};
use crate::kit::schedule::run;
use crate::kit::{Events, Reply, Shelf, at, scope};

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

/// Wherever the client of a grant is looked for, it is found: OpenID Connect Core section 5.3 too.
#[test]
fn it_is_known_at_userinfo() {
    let (key, _) = SigningKey::generate(SigningAlgorithm::Es256).unwrap();
    let site = Site::default();
    site.is_down(true);
    let scopes = scope("atproto openid");
    let (store, events) = (Arc::new(Shelf::default()), Events::default());
    let clients = strangers(&site, &Hand::default()).with_scope(scopes.clone());
    let engine = profiled(Arc::clone(&store), clients, Profile::Atproto, &events)
        .endpoints(endpoints().with_scopes(scopes).with_jwks("/jwks").with_userinfo("/userinfo"))
        .fetch(site)
        .signing_key(key)
        .id_tokens(ScopeAsClaim)
        .build()
        .unwrap();
    let square = Desk { engine, store, events };
    let id = ID.replace("transition%3Ageneric", "openid");
    let app = App { id, redirect_uri: "http://127.0.0.1:4711/cb", scope: "atproto openid", ..phone() };
    let token = square.login(&app, 0).access_token();
    let proof = app.proof.as_ref().unwrap().proof("GET", &format!("{ISSUER}/userinfo"));
    let proof = proof.with("iat", at(1).as_secs()).nonce(&square.nonce(1)).ath(&token).sign();
    let header = format!("DPoP {token}");
    let request = Request::new("GET", b"").with_header("authorization", header.as_bytes());
    let request = request.with_header("dpop", proof.as_bytes());
    let reply = Reply::of(&run(square.engine.userinfo(&request, at(1))));
    assert_eq!(reply.assert_ok().text("sub"), "alice");
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
