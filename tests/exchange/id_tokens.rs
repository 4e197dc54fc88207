//! ID tokens that are exchanged: only by their client, unexpired, with their grant alive.

use regrant::engine::{ExchangeDecision, ExchangeRequest, ExchangeTerms, ExchangeToken, HookError};
use regrant::jwt::{ClaimsProvider, IdClaims, IdTokenRequest};
use serde_json::{Value, json};

use crate::kit::jwt::{hs256, signed};
use crate::kit::{Reply, SECRET, World, at, renewal};
use crate::town::{
    API, Exchange, ID, LEDGER, Rule, anywhere, ask, claims, clients, now, on, open_town, plain, town, with_resources,
};

const LOGIN: &str = "scope=openid+read";

#[track_caller]
fn refused(town: &World, client: &str, exchange: &Exchange, why: &str) {
    town.exchange(client, exchange, now()).assert_error(400, "invalid_request");
    assert_eq!(town.why(), why);
}

fn login(town: &World) -> Reply {
    town.log_in_as("shop", "alice", LOGIN, at(0))
}

#[test]
fn a_client_exchanges_its_own_id_token() {
    let town = town(Rule(|request: &ExchangeRequest<'_>| {
        let subject = request.subject();
        assert_eq!(
            (subject.token(), subject.subject(), subject.client_id()),
            (ExchangeToken::Id, Some("alice"), "shop")
        );
        assert_eq!((subject.scope().as_str(), subject.is_for_client()), ("openid read", true));
        ExchangeDecision::Allow(anywhere())
    }));
    let login = login(&town);
    let token = town.exchanged("shop", &Exchange::of_id_token(&login.text("id_token")).to(API), now());
    let access = town.at(API, &token, now()).unwrap();
    assert_eq!((access.subject(), access.scope().as_str()), (Some("alice"), "openid read"));
    // And from each refresh.
    let renewed = town.send(&ask("shop", &renewal(&login.refresh_token())), at(5));
    town.exchange("shop", &Exchange::of_id_token(&renewed.text("id_token")).to(API), now()).assert_ok();
}

/// An actor may be known by one, too.
#[test]
fn an_id_token_names_an_actor() {
    let town = open_town();
    let alice = town.alice(at(0)).access_token();
    let agent = town.log_in_as("shop", "agent", LOGIN, at(0)).text("id_token");
    let exchange = Exchange::of(&alice).to(LEDGER).and("actor_token", &agent).and("actor_token_type", ID);
    assert_eq!(claims(&town.exchanged("shop", &exchange, now()))["act"], json!({"sub": "agent"}));
    refused(&town, "ledger", &exchange, "Exchange(ActorToken(IdToken))");
}

/// F30 (c): they travel in `id_token_hint` and in logs, so they are worth nothing to others.
#[test]
fn another_clients_id_token_is_none() {
    let town = open_town();
    let id_token = login(&town).text("id_token");
    for client in ["ledger", "vault"] {
        refused(&town, client, &Exchange::of_id_token(&id_token), "Exchange(SubjectToken(IdToken))");
    }
    refused(&town, "shop", &Exchange::of(&id_token), "Exchange(SubjectToken(Access(Jwt)))");
}

#[test]
fn an_id_token_is_exchanged_while_it_lasts() {
    let town = open_town();
    let login = login(&town);
    let exchange = Exchange::of_id_token(&login.text("id_token")).to(API);
    let end = claims(&login.text("id_token"))["exp"].as_u64().unwrap() - at(0).as_secs();
    assert_eq!(town.exchange("shop", &exchange, at(end - 1)).json()["expires_in"], 1);
    town.exchange("shop", &exchange, at(end)).assert_error(400, "invalid_request");
    assert_eq!(town.why(), "Exchange(SubjectToken(Grant(Expired)))");
}

/// G66: it dies with its grant, and with the access tokens of its time.
#[test]
fn an_id_token_dies_with_its_grant() {
    let town = open_town();
    let first = login(&town);
    let exchange = Exchange::of_id_token(&first.text("id_token")).to(API);
    let token = town.exchanged("shop", &exchange, now());
    town.revoke(&ask("shop", &format!("token={}", first.access_token())), now()).assert_ok_revoked();
    refused(&town, "shop", &exchange, "Exchange(SubjectToken(Access(AccessRevoked)))");
    assert!(town.at(API, &token, now()).is_err());
    // A refresh goes on, and its ID token is of now.
    let renewed = town.send(&ask("shop", &renewal(&first.refresh_token())), now());
    let exchange = Exchange::of_id_token(&renewed.text("id_token")).to(API);
    let token = town.exchanged("shop", &exchange, now());
    town.revoke(&ask("shop", &format!("token={}", renewed.refresh_token())), now()).assert_ok_revoked();
    refused(&town, "shop", &exchange, "Exchange(SubjectToken(Grant(NoGrant)))");
    assert!(town.at(API, &token, now()).is_err());
    let last = login(&town);
    let exchange = Exchange::of_id_token(&last.text("id_token")).to(API);
    town.engine.blocking().end_sessions_of("alice", now()).unwrap().unwrap();
    refused(&town, "shop", &exchange, "Exchange(SubjectToken(Grant(NoGrant)))");
}

/// G66: ID tokens of before name no grant.
#[test]
fn an_older_id_token_is_no_subject_token() {
    let before = World::new(clients(), |builder| with_resources(plain(builder)));
    let id_token = login(&before).text("id_token");
    assert_eq!(claims(&id_token)["jti"], Value::Null, "off until asked for");
    let after = regrant::Engine::builder(before.store.clone(), before.engine.clients().clone());
    let after =
        with_resources(plain(after)).events(before.events.clone()).token_exchange(on(anywhere())).build().unwrap();
    let town = World { engine: after.into(), store: before.store.clone(), events: before.events.clone() };
    refused(&town, "shop", &Exchange::of_id_token(&id_token), "Exchange(SubjectToken(Untraceable))");
    let jti = claims(&login(&town).text("id_token"))["jti"].clone();
    assert_eq!(jti.as_str().unwrap().len(), 43);
}

/// A host's own claim of that name is kept, and is no name of a grant.
#[test]
fn a_hosts_own_jti_is_its_own() {
    struct Own(Value);
    impl ClaimsProvider for Own {
        async fn claims(&self, _: &IdTokenRequest<'_>) -> Result<IdClaims, HookError> {
            IdClaims::new().with("jti", &self.0).map_err(HookError::new)
        }
    }
    for jti in [json!("7301"), json!(7301), json!({"a": 1}), json!("A".repeat(43))] {
        let town = World::new(clients(), |builder| {
            with_resources(plain(builder)).id_tokens(Own(jti.clone())).token_exchange(on(anywhere()))
        });
        let id_token = login(&town).text("id_token");
        assert_eq!(claims(&id_token)["jti"], jti);
        town.exchange("shop", &Exchange::of_id_token(&id_token).to(API), now()).assert_error(400, "invalid_request");
        let hint = town.engine.blocking().verify_id_token_hint(&id_token, None).unwrap();
        assert!(hint.is_ok(), "as a hint it counts as before");
    }
}

/// What a client's own secret signs it can have made itself, with any life in it.
#[test]
fn an_id_token_by_the_clients_secret_is_none() {
    let town = open_town();
    let login = town.log_in_as("vault", "alice", LOGIN, at(0));
    let id_token = login.text("id_token");
    assert_eq!(crate::kit::jwt::part(&id_token, 0)["alg"], "HS256");
    refused(&town, "vault", &Exchange::of_id_token(&id_token).to(API), "Exchange(SubjectToken(IdToken))");
    let mut made = claims(&id_token);
    made["exp"] = json!(at(1_000_000).as_secs());
    let made = signed(&json!({"alg": "HS256"}), &made, |message| hs256(SECRET.as_bytes(), message));
    refused(&town, "vault", &Exchange::of_id_token(&made).to(API), "Exchange(SubjectToken(IdToken))");
}

/// What was consented to for one resource is no token for whatever an engine without any guards.
#[test]
fn without_its_resources_a_grant_is_for_nothing() {
    let before = open_town();
    let named = before.log_in_as("shop", "alice", &format!("{LOGIN}&resource={API}"), at(0)).text("id_token");
    let unnamed = login(&before).text("id_token");
    let after = regrant::Engine::builder(before.store.clone(), before.engine.clients().clone());
    let after = plain(after).events(before.events.clone()).token_exchange(on(anywhere())).build().unwrap();
    let lone = World { engine: after.into(), store: before.store.clone(), events: before.events.clone() };
    refused(&lone, "shop", &Exchange::of_id_token(&named).to(API), "Exchange(SubjectToken(Grant(Target)))");
    lone.exchange("shop", &Exchange::of_id_token(&unnamed).to(API), now()).assert_ok();
}

/// What is left to the client of the scope of its grant.
#[test]
fn an_id_token_is_worth_what_its_client_may_have() {
    let town = town(on(ExchangeTerms::new().with_audience(API)));
    let id_token = town.log_in_as("shop", "alice", "scope=openid+read", at(0)).text("id_token");
    let wider = Exchange::of_id_token(&id_token).and("scope", "read ledger:read");
    town.exchange("shop", &wider, now()).assert_error(400, "invalid_scope");
    let narrower = Exchange::of_id_token(&id_token).and("scope", "read");
    assert_eq!(town.exchange("shop", &narrower, now()).text("scope"), "read");
}

impl Reply {
    #[track_caller]
    pub(crate) fn assert_ok_revoked(&self) {
        assert_eq!((self.status, &*self.body), (200, &b"{}"[..]));
    }
}
