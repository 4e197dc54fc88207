//! Who acts for whom: RFC 8693 sections 1.1, 4.1 and 4.4.

use regrant::engine::{ExchangeDecision, ExchangeRequest, ExchangeTerms};
use serde_json::{Value, json};

use crate::kit::{World, at};
use crate::town::{
    API, Exchange, LEDGER, Rule, Says, anywhere, claims, clients, now, on, open_town, plain, town, with_resources,
};

/// Section 1.1: impersonation names nobody, delegation the actor.
#[test]
fn an_actor_is_named_where_there_is_one() {
    let town = open_town();
    let alice = town.alice(at(0)).access_token();
    let exchange = Exchange::of(&alice).to(LEDGER);
    let silent = town.exchanged("shop", &exchange, now());
    assert_eq!(claims(&silent)["act"], Value::Null);
    let access = town.at(LEDGER, &silent, now()).unwrap();
    assert_eq!((access.subject(), access.client_id(), access.actor()), (Some("alice"), "shop", None));

    let desk = town.own_token("desk", at(0));
    let delegated = town.exchanged("shop", &exchange.clone().by(&desk), now());
    assert_eq!(claims(&delegated)["act"], json!({"sub": "desk"}));
    assert_eq!(claims(&delegated)["sub"], "alice", "top-level claims are the subject's");
    assert_eq!(town.at(LEDGER, &delegated, now()).unwrap().actor(), Some("desk"));
    let said = town.asked_about("ledger", &delegated, now());
    assert_eq!((&said["sub"], &said["act"]), (&json!("alice"), &json!({"sub": "desk"})));

    let agent = town.log_in_as("desk", "agent", "", at(0)).access_token();
    let by_person = town.exchanged("shop", &exchange.by(&agent), now());
    assert_eq!(claims(&by_person)["act"], json!({"sub": "agent"}));
}

#[test]
fn terms_may_name_the_client_as_the_actor() {
    let town = town(on(anywhere().with_client_as_actor()));
    let alice = town.alice(at(0)).access_token();
    let exchange = Exchange::of(&alice).to(LEDGER);
    assert_eq!(claims(&town.exchanged("shop", &exchange, now()))["act"], json!({"sub": "shop"}));
    let desk = town.own_token("desk", at(0));
    let by_desk = town.exchanged("shop", &exchange.by(&desk), now());
    assert_eq!(claims(&by_desk)["act"], json!({"sub": "desk"}), "an actor token says it better");
}

/// Section 4.1: the current actor is outside, and prior ones are kept whoever exchanges.
#[test]
fn a_row_of_exchanges_keeps_all_who_acted() {
    let town = open_town();
    let alice = town.alice(at(0)).access_token();
    let desk = town.own_token("desk", at(0));
    let first = town.exchanged("shop", &Exchange::of(&alice).to(LEDGER).by(&desk), now());
    let shop = town.own_token("shop", at(0));
    let second = town.exchanged("ledger", &Exchange::of(&first).to(LEDGER).by(&shop), now());
    assert_eq!(claims(&second)["act"], json!({"sub": "shop", "act": {"sub": "desk"}}));
    let access = town.at(LEDGER, &second, now()).unwrap();
    assert_eq!((access.actor(), access.prior_actors().collect::<Vec<_>>()), (Some("shop"), vec!["desk"]));
    // An exchange that names nobody launders nothing.
    let third = town.exchanged("ledger", &Exchange::of(&second).to(LEDGER), now());
    assert_eq!(claims(&third)["act"], claims(&second)["act"]);
    // Nor does one by whom somebody acts already.
    town.exchange("ledger", &Exchange::of(&alice).to(LEDGER).by(&second), now()).assert_error(400, "invalid_request");
    assert_eq!(town.why(), "Exchange(ActorToken(ActedFor))");
    // One that was exchanged, and nobody acts by, is as good as any.
    let plain = town.exchanged("shop", &Exchange::of(&desk).to(API), now());
    let by_plain = town.exchanged("shop", &Exchange::of(&alice).to(LEDGER).by(&plain), now());
    assert_eq!(claims(&by_plain)["act"], json!({"sub": "desk"}));
}

/// What a policy sees of a token that was exchanged before. Neither a person nor a token is shown in logs.
#[test]
fn a_policy_sees_who_acts_already() {
    let town = town(Rule(|request: &ExchangeRequest<'_>| {
        let subject = request.subject();
        assert_eq!(subject.actor(), (subject.exchanges() > 0).then_some("desk"));
        let shown = format!("{subject:?}");
        assert!(shown.contains(subject.client_id()) && !shown.contains("alice"), "{shown}");
        ExchangeDecision::Allow(anywhere())
    }));
    let (alice, desk) = (town.alice(at(0)).access_token(), town.own_token("desk", at(0)));
    let first = town.exchanged("shop", &Exchange::of(&alice).to(LEDGER).by(&desk), now());
    town.exchange("ledger", &Exchange::of(&first).to(LEDGER), now()).assert_ok();
}

/// The design: act chains are bounded.
#[test]
fn a_token_is_exchanged_eight_times_and_no_more() {
    let town = town(on(anywhere().with_client_as_actor()));
    let mut token = town.alice(at(0)).access_token();
    for times in 1..=8_u64 {
        token = town.exchanged("ledger", &Exchange::of(&token).to(LEDGER), now());
        assert_eq!(claims(&token)["exchanges"], times);
    }
    assert_eq!(town.at(LEDGER, &token, now()).unwrap().prior_actors().count(), 7);
    town.exchange("ledger", &Exchange::of(&token).to(LEDGER), now()).assert_error(400, "invalid_request");
    assert_eq!(town.why(), "Exchange(Depth)");
}

/// Section 4.4, of a token that came of an exchange.
#[test]
fn who_may_act_is_who_the_token_says() {
    let town = town(Rule(|request: &ExchangeRequest<'_>| {
        let terms = anywhere();
        let next = request.parameter("next");
        ExchangeDecision::Allow(next.map_or(terms.clone(), |next| terms.with_may_act(next)))
    }));
    let alice = town.alice(at(0)).access_token();
    let of = |next: &str| town.exchanged("shop", &Exchange::of(&alice).to(LEDGER).and("next", next), now());
    let (desk, shop) = (town.own_token("desk", at(0)), town.own_token("shop", at(0)));
    let agent = town.log_in_as("desk", "agent", "", at(0)).access_token();
    let for_ledger = of("ledger");
    assert_eq!(claims(&for_ledger)["may_act"], json!({"sub": "ledger"}));
    assert_eq!(town.asked_about("ledger", &for_ledger, now())["may_act"], json!({"sub": "ledger"}));
    for (may, client, actor, is_right) in [
        ("ledger", "ledger", None, true),
        ("ledger", "shop", None, false),
        ("ledger", "ledger", Some(&desk), false),
        ("desk", "ledger", Some(&desk), true),
        ("desk", "ledger", Some(&shop), false),
        ("desk", "ledger", Some(&agent), false),
        ("agent", "ledger", Some(&agent), true),
        ("agent", "ledger", None, false),
    ] {
        let exchange = Exchange::of(&of(may)).to(LEDGER);
        let exchange = actor.map_or(exchange.clone(), |actor| exchange.by(actor));
        let reply = town.exchange(client, &exchange, now());
        if is_right {
            // It is used up by the exchange that it allowed.
            assert_eq!(claims(&reply.assert_ok().access_token())["may_act"], Value::Null);
        } else {
            reply.assert_error(400, "invalid_request");
            assert_eq!(town.why(), "Exchange(MayAct)");
        }
    }
}

/// Section 4.4, of an ID token in which the host says it. What nobody can see to allows nobody.
#[test]
fn an_id_token_says_who_may_act() {
    let issuer = "https://id.example";
    for (may_act, is_right) in [
        (json!({"sub": "desk"}), true),
        (json!({"sub": "desk", "client_id": "desk", "iss": issuer}), true),
        (json!({"client_id": "desk"}), true),
        (json!({"sub": "shop"}), false),
        (json!({"sub": "desk", "client_id": "shop"}), false),
        (json!({"sub": "desk", "iss": "https://other.example"}), false),
        (json!({"sub": "desk", "email": "desk@example.com"}), false),
        (json!({}), false),
        (json!("desk"), false),
        (json!(["desk"]), false),
    ] {
        let says = Says(Some(may_act.clone()));
        let town = World::new(clients(), |builder| {
            with_resources(plain(builder)).id_tokens(says).token_exchange(on(ExchangeTerms::new().with_audience(API)))
        });
        let id_token = town.log_in_as("shop", "alice", "scope=openid+read", at(0)).text("id_token");
        let desk = town.own_token("desk", at(0));
        let reply = town.exchange("shop", &Exchange::of_id_token(&id_token).by(&desk), now());
        assert_eq!(reply.status == 200, is_right, "{may_act}");
        if !is_right {
            assert_eq!(town.why(), "Exchange(MayAct)");
        }
    }
}

/// A client that acts for itself may be the subject, too.
#[test]
fn a_client_may_be_acted_for() {
    let town = open_town();
    let desk = town.own_token("desk", at(0));
    let token = town.exchanged("shop", &Exchange::of(&desk).to(API), now());
    assert_eq!((&claims(&token)["sub"], &claims(&token)["client_id"]), (&json!("desk"), &json!("shop")));
    let access = town.at(API, &token, now()).unwrap();
    assert_eq!((access.subject(), access.client_id()), (Some("desk"), "shop"));
    assert_eq!(town.asked_about("shop", &token, now())["sub"], "desk");
    let again = town.exchanged("ledger", &Exchange::of(&token).to(API), now());
    assert_eq!(claims(&again)["sub"], "desk");
}
