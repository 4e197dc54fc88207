//! How long a new token lives: with the grant of the subject token, and within its life.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use regrant::client::{ClientBuilder, ClientRef, ClientsError, Lookup};
use regrant::engine::ExchangeTerms;
use regrant::{Clients, StaticClients, Timestamp};
use serde_json::json;

use crate::kit::proof::ProofKey;
use crate::kit::schedule::{Scheduler, run};
use crate::kit::store::faulty::{Fault as StoreFault, Op, Shelf as FaultyShelf};
use crate::kit::{Ask, Reply, World, at, renewal, scope};
use crate::town::{API, Exchange, LEDGER, anywhere, ask, claims, clients, now, on, open_town, plain, with_resources};

/// F30 (a): exchanged again and again it never outlives the first one.
#[test]
fn no_row_of_exchanges_outlives_the_first_token() {
    let town = open_town();
    let login = town.alice(at(0));
    let end = login.json()["expires_in"].as_u64().unwrap();
    let (mut token, mut time) = (login.access_token(), 0);
    for client in ["shop", "ledger", "ledger", "shop", "ledger", "shop", "ledger", "ledger"] {
        time += (end - time) / 2;
        let reply = town.exchange(client, &Exchange::of(&token).to(LEDGER), at(time));
        token = reply.assert_ok().access_token();
        assert!(reply.json()["expires_in"].as_u64().unwrap() <= end - time);
        assert!(claims(&token)["exp"].as_u64().unwrap() <= at(end).as_secs());
    }
    assert!(town.at(LEDGER, &token, at(end - 1)).is_ok());
    assert!(town.at(LEDGER, &token, at(end)).is_err());
    town.exchange("shop", &Exchange::of(&token).to(LEDGER), at(end)).assert_error(400, "invalid_request");
}

/// Nor the actor's token, nor what the client's own tokens live, nor what the terms say.
#[test]
fn the_shortest_life_counts() {
    let short = |client: ClientBuilder, secs: u64| {
        client.lifetimes(regrant::Lifetimes::default().with_access_token(std::time::Duration::from_secs(secs)))
    };
    let with = |id: &'static str, secs: u64, terms: ExchangeTerms| {
        let all = clients().into_iter().map(move |client| {
            let is_it = client.clone().build().is_ok_and(|built| built.id() == id);
            if is_it { short(client, secs) } else { client }
        });
        World::new(all, |builder| with_resources(plain(builder)).token_exchange(on(terms)))
    };
    let minute = anywhere().with_lifetime(std::time::Duration::from_secs(60));
    for (id, secs, terms, expected) in [
        ("shop", 70, anywhere(), 70),
        ("desk", 80, anywhere(), 80 - crate::town::SOON),
        ("phone", 90, anywhere(), 90 - crate::town::SOON),
        ("shop", 70, minute, 60),
    ] {
        let town = with(id, secs, terms);
        let (alice, desk) = (town.alice(at(0)).access_token(), town.own_token("desk", at(0)));
        let reply = town.exchange("shop", &Exchange::of(&alice).to(LEDGER).by(&desk), now());
        assert_eq!(reply.json()["expires_in"], expected, "{id}");
    }
    // It is told in whole seconds: of a token in its last one nothing is made, and the host hears which it was.
    for (id, which) in [("phone", "SubjectToken"), ("desk", "ActorToken")] {
        let town = with(id, 80, anywhere());
        let (alice, desk) = (town.alice(at(0)).access_token(), town.own_token("desk", at(0)));
        let late = at(80) - std::time::Duration::from_millis(500);
        let reply = town.exchange("shop", &Exchange::of(&alice).to(LEDGER).by(&desk), late);
        reply.assert_error(400, "invalid_request");
        assert_eq!(town.why(), format!("Exchange({which}(Grant(Expired)))"));
    }
}

/// What is waited for is no time won: a store that takes its time, and a clock that goes on meanwhile.
#[test]
fn waiting_makes_no_token_live_longer() {
    let (mut made, mut refused) = (0, 0);
    for slow in 1..12 {
        let store = FaultyShelf::of(regrant::MemoryStore::new());
        let all = clients().into_iter().map(|client| client.build().unwrap());
        let all = all.fold(regrant::StaticClients::new(), |all, client| all.with(client).unwrap());
        let builder = with_resources(plain(regrant::Engine::builder(Arc::clone(&store), all)));
        let dpop = regrant::engine::Dpop::new().with_markers(true);
        let engine = builder.dpop(dpop).token_exchange(on(anywhere())).build().unwrap();
        let send = |ask: &Ask, now: Timestamp| Reply::of(&run(engine.token(&ask.request(), now)));
        let login = send(&ask("phone", "grant_type=password&username=alice&password=any&scope=read"), at(0));
        let end = login.json()["expires_in"].as_u64().unwrap();
        let proof = || ProofKey::of(7).proof("POST", "https://id.example/token");
        let asked = send(&ask("shop", "grant_type=none").header("dpop", proof().sign()), at(end - 20));
        let proof = proof().nonce(asked.header("dpop-nonce")[0]).sign();
        let exchange = Exchange::of(&login.access_token()).to(API).from("shop").header("dpop", proof);
        store.plan(Op::Insert, StoreFault::Slow(slow));
        let secs = AtomicU64::new(end - 20);
        let clock = || at(secs.load(Ordering::Relaxed));
        let request = exchange.request();
        let mut scheduler = Scheduler::new();
        let task = scheduler.spawn(engine.token(&request, clock));
        let reply = loop {
            match scheduler.poll(task) {
                Some(response) => break Reply::of(&response),
                None => drop(secs.fetch_add(3, Ordering::Relaxed)),
            }
        };
        if reply.status == 200 {
            made += 1;
            let said = claims(&reply.access_token());
            assert_eq!((&said["iat"], &said["exp"]), (&json!(clock().as_secs()), &json!(at(end).as_secs())), "{slow}");
        } else {
            refused += 1;
            reply.assert_error(400, "invalid_request");
        }
    }
    assert!(made > 1 && refused > 1, "{made} {refused}");
}

/// Every way in which the grant of the subject token ends.
#[test]
fn it_dies_with_the_grant_of_the_subject_token() {
    type End = fn(&World, &Reply);
    let ends: [(&str, End); 5] = [
        ("revocation of the refresh token", |town, login| {
            town.revoke(&ask("phone", &format!("token={}", login.refresh_token())), now()).assert_ok_revoked();
        }),
        ("revocation of the access token", |town, login| {
            town.revoke(&ask("phone", &format!("token={}", login.access_token())), now()).assert_ok_revoked();
        }),
        ("logout everywhere", |town, _| {
            town.engine.blocking().end_sessions_of("alice", now()).unwrap().unwrap();
        }),
        ("replay", |town, login| {
            let mut token = login.refresh_token();
            for _ in 0..2 {
                token = town.send(&ask("phone", &renewal(&token)), now()).assert_ok().refresh_token();
            }
            town.send(&ask("phone", &renewal(&login.refresh_token())), now()).assert_error(400, "invalid_grant");
        }),
        ("everybody", |town, _| town.engine.void_grants_before(at(9))),
    ];
    for (what, end) in ends {
        let town = open_town();
        let login = town.alice(at(0));
        let first = town.exchanged("shop", &Exchange::of(&login.access_token()).to(LEDGER), at(5));
        let second = town.exchanged("ledger", &Exchange::of(&first).to(LEDGER), at(5));
        for token in [&first, &second] {
            assert!(town.at(LEDGER, token, now()).is_ok(), "{what}");
        }
        end(&town, &login);
        for token in [&first, &second] {
            assert!(town.at(LEDGER, token, now()).is_err(), "{what}");
            assert_eq!(town.asked_about("ledger", token, now())["active"], false, "{what}");
            town.exchange("ledger", &Exchange::of(token).to(LEDGER), now()).assert_error(400, "invalid_request");
        }
    }
}

/// A refresh leaves it alive, as it leaves every access token.
#[test]
fn a_refresh_leaves_it_alive() {
    let town = open_town();
    let login = town.alice(at(0));
    let token = town.exchanged("shop", &Exchange::of(&login.access_token()).to(LEDGER), at(5));
    town.send(&ask("phone", &renewal(&login.refresh_token())), now()).assert_ok();
    assert!(town.at(LEDGER, &token, now()).is_ok());
}

/// G27: revoking it alone changes nothing, or it would kill the tokens of the person's own client.
#[test]
fn revoking_it_alone_changes_nothing() {
    let town = open_town();
    let login = town.alice(at(0));
    let token = town.exchanged("shop", &Exchange::of(&login.access_token()).to(LEDGER), at(5));
    let before = town.store.bytes();
    town.revoke(&ask("shop", &format!("token={token}")), now()).assert_ok_revoked();
    assert_eq!(town.store.bytes(), before);
    for other in ["phone", "ledger"] {
        town.revoke(&ask(other, &format!("token={token}")), now()).assert_error(400, "invalid_grant");
    }
    assert_eq!(town.store.bytes(), before);
    assert!(town.at(API, &login.access_token(), now()).is_ok() && town.at(LEDGER, &token, now()).is_ok());
    // The same with a token of its own.
    let own = town.log_in_as("shop", "alice", &format!("scope=read&resource={API}"), at(0));
    let token = town.exchanged("shop", &Exchange::of(&own.access_token()).to(API), at(5));
    town.revoke(&ask("shop", &format!("token={token}")), now()).assert_ok_revoked();
    assert!(town.at(API, &own.access_token(), now()).is_ok() && town.at(API, &token, now()).is_ok());
}

/// RFC 7662, G27: who may ask about it, and what they hear.
#[test]
fn introspection_asks_the_record() {
    let town = open_town();
    let login = town.alice(at(0));
    let token = town.exchanged("shop", &Exchange::of(&login.access_token()).to(LEDGER), at(5));
    for client in ["shop", "ledger"] {
        let said = town.asked_about(client, &token, now());
        assert_eq!(
            (&said["active"], &said["sub"], &said["client_id"]),
            (&json!(true), &json!("alice"), &json!("shop"))
        );
        assert_eq!((&said["aud"], &said["scope"]), (&json!(LEDGER), &json!("ledger:read ledger:write")));
        assert_eq!((&said["jti"], &said["exp"]), (&claims(&token)["jti"], &claims(&token)["exp"]));
    }
    for client in ["desk", "vault"] {
        assert_eq!(town.asked_about(client, &token, now()), json!({"active": false}));
    }
}

/// Userinfo is of the login, and not of what others have made of it.
#[test]
fn userinfo_takes_none_of_them() {
    let town = open_town();
    let login = town.log_in_as("phone", "alice", "scope=openid+read", at(0));
    let userinfo = |token: &str| {
        let header = format!("Bearer {token}");
        let request = regrant::Request::new("GET", b"").with_header("authorization", header.as_bytes());
        town.engine.blocking().userinfo(&request, now()).unwrap().status()
    };
    assert_eq!(userinfo(&login.access_token()), 200);
    let token = town.exchanged("shop", &Exchange::of(&login.access_token()).to(API), at(5));
    assert!(claims(&token)["scope"].as_str().unwrap().contains("openid"));
    assert_eq!(userinfo(&token), 401);
}

/// What either client may have no longer, nobody gets by the token.
#[test]
fn both_clients_bound_the_scope_for_as_long_as_it_lives() {
    let before = open_town();
    let login = before.alice(at(0));
    let token = before.exchanged("shop", &Exchange::of(&login.access_token()).to(LEDGER), at(5));
    let scope_with = |id: &'static str, left: &'static str| {
        let all = clients().into_iter().filter_map(move |client| {
            let is_it = client.clone().build().is_ok_and(|built| built.id() == id);
            match (is_it, left) {
                (true, "") => None,
                (true, left) => Some(client.scope(scope(left))),
                (false, _) => Some(client),
            }
        });
        let clients = all.fold(regrant::StaticClients::new(), |all, client| all.with(client.build().unwrap()).unwrap());
        let engine = regrant::Engine::builder(Arc::clone(&before.store), clients);
        let engine = with_resources(plain(engine)).token_exchange(on(anywhere())).build().unwrap();
        let world = World { engine: engine.into(), store: before.store.clone(), events: before.events.clone() };
        world.at(LEDGER, &token, now()).ok().map(|access| access.scope().to_string())
    };
    assert_eq!(scope_with("desk", "read").as_deref(), Some("ledger:read ledger:write"));
    assert_eq!(scope_with("phone", "ledger:read").as_deref(), Some("ledger:read"));
    assert_eq!(scope_with("shop", "ledger:write").as_deref(), Some("ledger:write"));
    assert_eq!(scope_with("phone", "read"), None);
    assert_eq!(scope_with("shop", "read"), None);
    assert_eq!(scope_with("phone", ""), None, "a client that is gone has no grants");
    assert_eq!(scope_with("shop", ""), None, "and got no tokens");
}

/// A registry that would have to fetch this client.
struct Away(StaticClients, &'static str);

impl Clients for Away {
    async fn find(&self, client_id: &str, lookup: Lookup) -> Result<Option<ClientRef<'_>>, ClientsError> {
        if client_id == self.1 {
            return Err(ClientsError::not_at_hand());
        }
        self.0.find(client_id, lookup).await
    }
}

/// One that is not at hand has no say: the token counts as it was made, for as long as it lives.
#[test]
fn a_client_that_is_not_at_hand_takes_nothing_away() {
    let town = open_town();
    let alice = town.alice(at(0)).access_token();
    let token = town.exchanged("shop", &Exchange::of(&alice).to(LEDGER), at(5));
    for away in ["shop", "phone"] {
        let all = clients().into_iter().map(|client| client.build().unwrap());
        let all = all.fold(StaticClients::new(), |all, client| all.with(client).unwrap());
        let builder = regrant::Engine::builder(town.store.clone(), Away(all, away));
        let engine = with_resources(plain(builder)).token_exchange(on(anywhere())).build().unwrap();
        let header = format!("Bearer {token}");
        let request = regrant::Request::new("GET", b"").with_header("authorization", header.as_bytes());
        let access = run(engine.bearer_for(LEDGER).check(&request, now())).unwrap();
        assert_eq!((access.subject(), access.client_id()), (Some("alice"), "shop"), "{away}");
        assert_eq!(access.scope().as_str(), "ledger:read ledger:write", "{away}");
    }
}

/// A `not_before` of the client that has exchanged voids what it got before, and not what it gets after.
#[test]
fn not_before_of_the_exchanging_client_counts() {
    let voided = |time: Timestamp| {
        let all = clients().into_iter().map(move |client| {
            let is_it = client.clone().build().is_ok_and(|built| built.id() == "shop");
            if is_it { client.not_before(time) } else { client }
        });
        World::new(all, |builder| with_resources(plain(builder)).token_exchange(on(anywhere())))
    };
    let town = voided(at(7));
    let alice = town.alice(at(0)).access_token();
    let early = town.exchanged("shop", &Exchange::of(&alice).to(LEDGER), at(5));
    let late = town.exchanged("shop", &Exchange::of(&alice).to(LEDGER), at(7));
    assert!(town.at(LEDGER, &early, now()).is_err());
    assert!(town.at(LEDGER, &late, now()).is_ok());
}
