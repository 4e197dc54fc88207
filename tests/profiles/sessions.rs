//! Sessions that are bound to the key that their client authenticated by: atproto, "Confidential Client Authentication".

use std::sync::Arc;

use regrant::Authorization;
use serde_json::json;

use crate::kit::profiles::{
    App, Hand, Pkce, Place, SERVICE, SERVICE_KEYS, Site, Square, asking, keys_of, phone, redemption, said, service,
    service_document, site, square,
};
use crate::kit::signer::Signer;
use crate::kit::world::renewal;
use crate::kit::{Shelf, at};

/// A document is fresh for 10 minutes, at hand for a day more.
const STALE: u64 = 900;

/// A site, its clock, and a square.
struct Town {
    site: Site,
    hand: Hand,
    square: Square<Arc<Shelf>>,
}

fn town() -> Town {
    let (site, hand) = (site(), Hand::default());
    let square = square(Arc::new(Shelf::default()), &site, &hand, |builder| builder);
    Town { site, hand, square }
}

impl Town {
    /// The service has these keys from now on.
    fn has(&self, kids: &[&'static str]) {
        self.site.puts(SERVICE, &service_document(&keys_of(kids)));
    }

    fn refresh(&self, kid: &'static str, token: &str, secs: u64) -> String {
        self.hand.is_at(secs);
        said(&self.square.refresh(&service().with_signer(kid), token, secs))
    }

    fn login(&self, kid: &'static str) -> String {
        self.square.login(&service().with_signer(kid), 0).refresh_token()
    }

    fn logins(&self) -> usize {
        self.square.store.grants().iter().filter(|grant| !grant.is_marker()).count()
    }
}

/// The same key for the whole life of the session.
#[test]
fn another_key_of_the_client_is_not_the_sessions() {
    let town = town();
    let token = town.login("one");
    let stored = town.square.store.bytes();
    assert_eq!(town.refresh("two", &token, 10), "400 invalid_grant");
    assert_eq!(town.square.store.bytes(), stored, "nothing changes, and no assertion is spent");
    assert!(town.square.events.take().iter().any(|event| event.contains("AnotherClientKey")));
    assert_eq!(town.refresh("one", &token, 20), "200");
    // A session that began by the other one is the other's.
    let other = town.login("two");
    assert_eq!(town.refresh("one", &other, 30), "400 invalid_grant");
    assert_eq!(town.refresh("two", &other, 40), "200");
}

/// Before anything is said of its age: who finds an old token, and has another key of the client, cannot end the session.
#[test]
fn another_key_finds_no_replay() {
    let town = town();
    let first = town.login("one");
    let second = town.square.refresh(&service(), &first, 1).refresh_token();
    let third = town.square.refresh(&service(), &second, 2).refresh_token();
    assert_eq!(town.refresh("two", &first, 1_000), "400 invalid_grant");
    assert!(!town.square.events.names().contains(&String::from("ReplayFound")));
    assert_eq!(town.refresh("one", &third, 1_001), "200");
}

/// "The server must revoke the session … if the client authentication key becomes absent from the client metadata."
#[test]
fn a_key_that_is_gone_ends_the_session() {
    let town = town();
    let [one, two] = ["one", "two"].map(|kid| town.login(kid));
    town.has(&["two"]);
    // It authenticates no longer, and nothing has changed by that.
    assert_eq!(town.refresh("one", &one, STALE), "401 invalid_client");
    assert_eq!(town.logins(), 2);
    town.square.events.take();
    assert_eq!(town.refresh("two", &one, STALE + 1), "400 invalid_grant");
    // The first asks for a nonce.
    assert_eq!(town.square.events.names(), ["Refused", "ClientKeyGone", "Revoked", "Refused"]);
    assert_eq!(town.logins(), 1);
    assert_eq!(town.refresh("two", &two, STALE + 2), "200");
    // For good, also where the key comes back.
    town.has(&["one", "two"]);
    assert_eq!(town.refresh("one", &one, 3 * STALE), "400 invalid_grant");
}

/// A bad minute of the client's site logs nobody out: what cannot be had, or only of before, says nothing.
#[test]
fn a_set_that_cannot_be_had_ends_nothing() {
    let town = town();
    let token = town.login("one");
    // At hand, and of before: another key of it.
    town.site.is_down(true);
    assert_eq!(town.refresh("two", &token, STALE), "503 temporarily_unavailable");
    assert_eq!(town.logins(), 1);
    // With no keys at all, or none that is one.
    town.site.is_down(false);
    for keys in [json!({"keys": []}), json!({"keys": [{"kty": "RSA", "n": "AA", "e": "AA"}]})] {
        town.site.puts(SERVICE, &service_document(&keys));
        assert_eq!(town.refresh("two", &token, STALE + 100), "503 temporarily_unavailable");
    }
    // Or a document that is none.
    town.site.puts(SERVICE, &json!({"client_id": "https://elsewhere.example"}));
    assert_eq!(town.refresh("two", &token, STALE + 200), "503 temporarily_unavailable");
    assert_eq!(town.logins(), 1);
    town.has(&["one", "two"]);
    assert_eq!(town.refresh("one", &token, STALE + 300), "200");
}

/// The document is fresh and has the other key alone, and the set of a minute ago had both: it is looked for anew.
#[test]
fn a_set_that_is_at_hand_does_not_end_a_session_by_itself() {
    let town = town();
    let token = town.login("one");
    // Fetched a moment ago, without the key; then the key is back before anybody asks.
    town.has(&["two"]);
    assert_eq!(town.refresh("one", &token, STALE), "401 invalid_client");
    town.has(&["one", "two"]);
    assert_eq!(town.refresh("two", &token, STALE + 61), "400 invalid_grant");
    assert_eq!(town.logins(), 1, "the newest has both");
    assert_eq!(town.refresh("one", &token, STALE + 62), "200");
}

/// Keys elsewhere: the same of a `jwks_uri`.
#[test]
fn keys_at_a_uri_are_judged_alike() {
    let town = town();
    let elsewhere = {
        let mut document = service_document(&json!(null));
        document.as_object_mut().unwrap().remove("jwks");
        document["jwks_uri"] = json!(SERVICE_KEYS);
        document
    };
    town.site.puts(SERVICE, &elsewhere);
    town.site.puts(SERVICE_KEYS, &keys_of(&["one", "two"]));
    let token = town.login("one");
    assert_eq!(town.refresh("two", &token, 10), "400 invalid_grant");
    town.site.is_down(true);
    assert_eq!(town.refresh("two", &token, STALE), "503 temporarily_unavailable");
    town.site.is_down(false);
    town.site.puts(SERVICE_KEYS, &json!({"keys": []}));
    assert_eq!(town.refresh("two", &token, 2 * STALE), "503 temporarily_unavailable");
    assert_eq!(town.logins(), 1);
    town.site.puts(SERVICE_KEYS, &keys_of(&["two"]));
    assert_eq!(town.refresh("two", &token, 3 * STALE), "400 invalid_grant");
    assert_eq!(town.logins(), 0);
}

/// `kid` and `alg` stay as they are, too.
#[test]
fn the_names_of_the_key_stay() {
    let town = town();
    let token = town.login("one");
    let signer = Signer::new("one");
    // The same key, called otherwise.
    let mut keys = signer.jwks();
    for key in keys["keys"].as_array_mut().unwrap() {
        key["kid"] = json!("renamed");
    }
    let mut document = service_document(&keys);
    document.as_object_mut().unwrap().remove("token_endpoint_auth_signing_alg");
    town.site.puts(SERVICE, &document);
    town.hand.is_at(STALE);
    let send = |kid: &str, alg: &str, secs: u64| {
        let claims = crate::kit::signer::claims(SERVICE, &format!("{kid}{alg}{secs}"), secs);
        let jwt = signer.jwt(&json!({"alg": alg, "kid": kid}), &claims);
        said(&town.square.send_with(Place::Token, &service(), &renewal(&token), Some(&jwt), secs))
    };
    assert_eq!(send("renamed", "EdDSA", STALE), "400 invalid_grant");
    // The other algorithm is another key of the set.
    town.site.puts(SERVICE, &{
        let mut document = service_document(&signer.jwks());
        document.as_object_mut().unwrap().remove("token_endpoint_auth_signing_alg");
        document
    });
    town.hand.is_at(2 * STALE);
    assert_eq!(send("one", "ES256", 2 * STALE), "400 invalid_grant");
    assert_eq!(town.logins(), 1);
    // Two names of one algorithm (RFC 9864).
    assert_eq!(send("one", "Ed25519", 2 * STALE + 1), "200");
}

/// The session begins with the push: what was pushed by one key is not redeemed by another.
#[test]
fn the_key_is_the_one_of_the_push() {
    let town = town();
    let (app, pkce) = (service(), Pkce::new());
    let code = town.square.code(&app, &pkce, 0);
    let body = redemption(&app, &code, &pkce);
    let other = app.with_signer("two");
    assert_eq!(said(&town.square.send(Place::Token, &other, &body, 1)), "400 invalid_grant");
    assert_eq!(said(&town.square.send(Place::Token, &app, &body, 2)), "200", "the code is as it was");
    // Also where the page carried it.
    let pkce = Pkce::new();
    let query = town.square.pushed(&app, &asking(&app, &pkce), 0);
    let request = regrant::Request::new("GET", b"").with_query(query.as_bytes());
    let code = crate::kit::schedule::run(async {
        let engine = &town.square.engine;
        let asked = engine.authorize(&request, at(0)).await.unwrap();
        let handle = engine.interaction_handle(&asked, at(0)).unwrap();
        let interaction = engine.open_interaction(&handle, at(1)).unwrap();
        let asked = engine.resume(&interaction).await.unwrap();
        let alice = Authorization::of("alice").with_page_shown();
        let landing = engine.approve(&asked, alice, at(1)).await.unwrap().response;
        crate::kit::portal::Landing::of(&landing).get("code").unwrap().to_owned()
    });
    let body = redemption(&app, &code, &pkce);
    assert_eq!(said(&town.square.send(Place::Token, &other, &body, 2)), "400 invalid_grant");
    assert_eq!(said(&town.square.send(Place::Token, &app, &body, 3)), "200");
}

/// A client that says a key in its request is not heard: the engine's own word is sealed beside what was pushed.
#[test]
fn nobody_names_a_key_in_a_request() {
    let town = town();
    let named = |app: &App, pkce: &Pkce| {
        let mut says = asking(app, pkce);
        says.push(("client_auth_key", "A".repeat(86)));
        let query = town.square.pushed(app, &says, 0);
        town.square.approve(&query, Authorization::of("alice"), 0).unwrap().get("code").unwrap().to_owned()
    };
    let (app, pkce) = (service(), Pkce::new());
    let body = redemption(&app, &named(&app, &pkce), &pkce);
    assert_eq!(said(&town.square.send(Place::Token, &app.with_signer("two"), &body, 1)), "400 invalid_grant");
    town.square.send(Place::Token, &app, &body, 1).assert_ok();
    // Nor one that has no keys.
    let (app, pkce) = (phone(), Pkce::new());
    let code = named(&app, &pkce);
    town.square.redeem(&app, &code, &pkce, 1).assert_ok();
}

/// A client that becomes a public one has no key to show: its sessions stay where they are.
#[test]
fn a_client_without_keys_has_no_session_of_before() {
    let town = town();
    let token = town.login("one");
    let mut document = service_document(&json!(null));
    let members = document.as_object_mut().unwrap();
    members.remove("jwks");
    members.remove("token_endpoint_auth_signing_alg");
    document["token_endpoint_auth_method"] = json!("none");
    town.site.puts(SERVICE, &document);
    town.hand.is_at(STALE);
    let public = App { signer: None, ..service() };
    assert_eq!(said(&town.square.refresh(&public, &token, STALE)), "400 invalid_grant");
    assert_eq!(town.logins(), 1);
    town.has(&["one"]);
    assert_eq!(town.refresh("one", &token, 2 * STALE), "200");
}

/// Whose site is slow to say it: the record is as it was when the store fails, and the same request then ends it.
#[test]
fn a_store_that_fails_leaves_it_to_the_next_request() {
    let town = town();
    let token = town.login("one");
    town.has(&["two"]);
    town.square.store.fail_next(crate::kit::Fault::RemoveFails);
    assert_eq!(town.refresh("two", &token, STALE), "503 temporarily_unavailable");
    assert_eq!(town.logins(), 1);
    assert_eq!(town.refresh("two", &token, STALE + 1), "400 invalid_grant");
    assert_eq!(town.logins(), 0);
}
