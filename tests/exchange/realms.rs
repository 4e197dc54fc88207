//! Law 25: a token of another realm is refused, though the store and all keys are the same.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use regrant::jwt::JwtAccessTokens;
use regrant::{Engine, Grant};

use crate::kit::{Events, Shelf, World, at};
use crate::town::{API, Builder, Exchange, ISSUER, LEDGER, anywhere, claims, clients, now, on, plain, with_resources};

fn world(store: &Arc<Shelf>, change: impl FnOnce(Builder) -> Builder) -> World {
    let clients = clients()
        .into_iter()
        .fold(regrant::StaticClients::new(), |all, client| all.with(client.build().unwrap()).unwrap());
    let events = Events::default();
    let builder = Engine::builder(Arc::clone(store), clients).events(events.clone());
    let builder = with_resources(plain(builder)).token_exchange(on(anywhere()));
    World { engine: Arc::new(change(builder).build().unwrap()), store: Arc::clone(store), events }
}

type Change = fn(Builder) -> Builder;

#[test]
fn a_token_of_another_realm_is_none() {
    // Opaque tokens, JWTs, and where signatures alone are believed.
    let formats: [Change; 3] = [
        |builder| builder,
        |builder| builder.jwt_access_tokens(JwtAccessTokens::new()),
        |builder| builder.jwt_access_tokens(JwtAccessTokens::new().danger_signature_alone()),
    ];
    for format in formats {
        let store = Arc::new(Shelf::default());
        let worlds = [
            world(&store, |builder| format(builder).realm("shop")),
            world(&store, |builder| format(builder).realm("bank")),
            world(&store, format),
        ];
        for (own, home) in worlds.iter().enumerate() {
            let alice = home.alice(at(0)).access_token();
            let id_token = home.log_in_as("shop", "alice", "scope=openid+read", at(0)).text("id_token");
            let desk = home.own_token("desk", at(0));
            let exchanged = home.exchanged("shop", &Exchange::of(&alice).to(LEDGER).by(&desk), now());
            for (other, world) in worlds.iter().enumerate().filter(|(other, _)| *other != own) {
                let theirs = world.alice(at(0)).access_token();
                for exchange in [
                    Exchange::of(&alice),
                    Exchange::of(&exchanged),
                    Exchange::of_id_token(&id_token),
                    Exchange::of(&theirs).by(&desk),
                    Exchange::of(&theirs).by(&exchanged),
                ] {
                    world.exchange("shop", &exchange.to(API), now()).assert_error(400, "invalid_request");
                }
                assert!(world.at(LEDGER, &exchanged, now()).is_err(), "{own} at {other}");
                assert_eq!(world.asked_about("ledger", &exchanged, now())["active"], false);
            }
            assert!(home.at(LEDGER, &exchanged, now()).is_ok());
        }
    }
}

/// Grants of before the realm had its name go on, and what is made of their tokens is of the realm, whoever exchanges.
#[test]
fn tokens_of_adopted_grants_are_exchanged() {
    let store = Arc::new(Shelf::default());
    let before = world(&store, |builder| builder);
    let alice = before.alice(at(0)).access_token();
    let id_token = before.log_in_as("shop", "alice", "scope=openid+read", at(0)).text("id_token");
    let old = before.exchanged("shop", &Exchange::of(&alice).to(LEDGER), at(1));
    let named = world(&store, |builder| builder.realm("town").adopt_grants_of(["phone", "shop"]));
    // `ledger` has no grants that are adopted, and needs none.
    for client in ["shop", "ledger"] {
        let token = named.exchanged(client, &Exchange::of(&alice).to(LEDGER), now());
        assert_eq!(claims(&token)["realm"], "town");
        assert_eq!(named.at(LEDGER, &token, now()).unwrap().subject(), Some("alice"));
        let again = named.exchanged("ledger", &Exchange::of(&token).to(LEDGER), now());
        assert!(named.at(LEDGER, &again, now()).is_ok());
        assert!(before.at(LEDGER, &token, now()).is_err(), "the engine without a realm is another");
    }
    named.exchange("shop", &Exchange::of_id_token(&id_token).to(API), now()).assert_ok();
    // What was exchanged before is gone with its minutes: it names no realm, and anybody's engine could have made it.
    assert!(named.at(LEDGER, &old, now()).is_err());
    assert!(claims(&old)["realm"].is_null() && claims(&old)["iss"] == ISSUER);
    // An ID token of before is of a grant of before, whatever has the id of that.
    let jti = URL_SAFE_NO_PAD.decode(claims(&id_token)["jti"].as_str().unwrap()).unwrap();
    let whose = |grant: &Grant| jti.windows(8).any(|bytes| bytes == grant.id().as_u64().to_be_bytes());
    let of_before = store.grants().into_iter().find(whose).unwrap();
    named.log_in_as("shop", "alice", "scope=openid+read", at(0));
    let is_new = |grant: &Grant| grant.realm() == Some("town") && grant.client_id() == "shop";
    let mut record = store.grants().into_iter().find(is_new).unwrap().encode();
    record[2..10].copy_from_slice(&of_before.id().as_u64().to_be_bytes());
    store.misplace(of_before.id(), Grant::decode(&record).unwrap());
    named.exchange("shop", &Exchange::of_id_token(&id_token).to(API), now()).assert_error(400, "invalid_request");
    assert_eq!(named.why(), "Exchange(SubjectToken(IdToken))");
}
