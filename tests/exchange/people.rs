//! What people are called: clients with pairwise subjects (OpenID Connect Core section 8.1, RFC 8693 section 6).

use regrant::client::ClientBuilder;
use serde_json::json;

use crate::kit::{World, at};
use crate::town::{API, Exchange, LEDGER, anywhere, ask, claims, clients, now, on, plain, with_resources};

/// Where the clients of these ids call people by names of their own.
fn pairwise(ids: &'static [&'static str]) -> World {
    let own = |client: ClientBuilder| {
        let id = client.clone().build().unwrap().id().to_owned();
        if ids.contains(&id.as_str()) { client.pairwise_subjects() } else { client }
    };
    World::new(clients().into_iter().map(own), |builder| with_resources(plain(builder)).token_exchange(on(anywhere())))
}

/// A client reads its own name for a person in all that it gets; resources and other clients have theirs.
#[test]
fn the_exchanging_client_reads_its_own_name() {
    let town = pairwise(&["shop"]);
    let alice = town.alice(at(0)).access_token();
    let agent = town.log_in_as("desk", "agent", "", at(0)).access_token();
    let token = town.exchanged("shop", &Exchange::of(&alice).to(LEDGER).by(&agent), now());
    let said = claims(&token);
    let sub = said["sub"].as_str().unwrap();
    assert!(sub.len() == 43 && said["act"]["sub"].as_str().unwrap().len() == 43, "{said}");
    let own = claims(&town.log_in_as("shop", "alice", "scope=openid", at(0)).text("id_token"))["sub"].clone();
    assert_eq!(own, sub, "the one that it has for her everywhere");
    assert_eq!(town.asked_about("shop", &token, now())["sub"], sub);
    assert_eq!(town.asked_about("ledger", &token, now())["sub"], "alice");
    assert_eq!(town.at(LEDGER, &token, now()).unwrap().subject(), Some("alice"));
    // And on from there.
    let next = town.exchanged("ledger", &Exchange::of(&token).to(LEDGER), now());
    assert_eq!(claims(&next)["sub"], "alice");
    assert!(town.at(LEDGER, &next, now()).is_ok());
}

/// The token of a client with such names, exchanged by one without, and its ID token by itself.
#[test]
fn a_pairwise_token_is_the_same_person() {
    let town = pairwise(&["shop"]);
    let login = town.log_in_as("shop", "alice", &format!("scope=openid+read&resource={API}"), at(0));
    let by_other = town.exchanged("ledger", &Exchange::of(&login.access_token()).to(API), now());
    assert_eq!(claims(&by_other)["sub"], "alice");
    let by_itself = town.exchanged("shop", &Exchange::of_id_token(&login.text("id_token")).to(API), now());
    assert_eq!(claims(&by_itself)["sub"], claims(&login.text("id_token"))["sub"]);
    assert_eq!(town.at(API, &by_itself, now()).unwrap().subject(), Some("alice"));
    town.revoke(&ask("shop", &format!("token={by_itself}")), now()).assert_ok_revoked();
}

/// A client that acts for itself goes by its id, whoever reads it.
#[test]
fn a_client_is_no_person() {
    let town = pairwise(&["shop", "desk"]);
    let desk = town.own_token("desk", at(0));
    let token = town.exchanged("shop", &Exchange::of(&desk).to(API).by(&desk), now());
    assert_eq!((&claims(&token)["sub"], &claims(&token)["act"]), (&json!("desk"), &json!({"sub": "desk"})));
    assert_eq!(town.asked_about("shop", &token, now())["sub"], "desk");
}
