//! Every MUST and SHOULD of RFC 8693 that is on the server.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use regrant::engine::{
    ExchangeDecision, ExchangePolicy, ExchangeRequest, ExchangeTerms, ExchangeToken, HookError, IssueDecision,
    IssueHook, IssueRequest,
};
use regrant::event::Event;
use regrant::jwt::JwtAccessTokens;
use regrant::{BuildError, Client, Engine, MemoryStore, StaticClients, Timestamp};
use serde_json::{Value, json};

use crate::kit::{SECRET, World, at, form, scope, secret};
use crate::rows::rows;
use crate::town::{
    ACCESS, API, EXCHANGE, Exchange, JWT, LEDGER, Rule, VAULT, anywhere, claims, clients, lone, now, on, open_town,
    plain, town,
};

#[test]
fn requests_are_answered_as_section_2_has_it() {
    let town = open_town();
    let (alice, desk) = (town.alice(at(0)).access_token(), town.own_token("desk", at(0)));
    let before = town.store.bytes();
    for (section, rule, client, sent, status, error) in rows() {
        let reply = town.exchange(client, &sent(&alice, &desk), now());
        assert_eq!(reply.outcome(), (status, error.map(str::to_owned)), "{section}: {rule}");
        assert_eq!(town.store.bytes(), before, "{section}: {rule}: nothing is stored");
    }
    let body = Exchange::of(&alice).to(LEDGER).body();
    for (what, ask, error) in [
        ("no authentication", form(&body), "invalid_client"),
        ("a wrong secret", form(&body).basic("shop", "wrong"), "invalid_client"),
        ("no secret", form(format!("{body}&client_id=shop")), "invalid_client"),
    ] {
        town.send(&ask, now()).assert_error(401, error);
        assert_eq!(town.store.bytes(), before, "{what}");
    }
}

/// Section 2.2.1.
#[test]
fn the_answer_has_what_section_2_2_1_wants() {
    let town = open_town();
    let alice = town.alice(at(0)).access_token();
    for (asked, issued) in [(None, ACCESS), (Some(ACCESS), ACCESS), (Some(JWT), JWT)] {
        let exchange = Exchange::of(&alice).to(LEDGER);
        let exchange = asked.map_or(exchange.clone(), |asked| exchange.and("requested_token_type", asked));
        let reply = town.exchange("shop", &exchange, now());
        assert_eq!(reply.text("issued_token_type"), issued, "REQUIRED");
        assert_eq!(reply.text("token_type"), "Bearer", "REQUIRED");
        assert_eq!(reply.text("scope"), "ledger:read ledger:write", "REQUIRED where it is not what was asked for");
        assert!(reply.json().get("expires_in").is_some_and(Value::is_u64), "RECOMMENDED");
        assert!(!reply.json().contains_key("refresh_token") && !reply.json().contains_key("id_token"));
        let (header, claims) = crate::kit::jwt::parts(&reply.access_token());
        assert_eq!(header["typ"], "at+jwt");
        assert_eq!(
            (&claims["iss"], &claims["sub"], &claims["aud"]),
            (&json!("https://id.example"), &json!("alice"), &json!(LEDGER))
        );
        assert_eq!(
            (&claims["client_id"], &claims["act"], &claims["may_act"]),
            (&json!("shop"), &Value::Null, &Value::Null)
        );
    }
    let katana = World::new(clients(), |builder| {
        let builder = builder.response_style(regrant::wire::ResponseStyle::Katana);
        crate::town::with_resources(plain(builder)).token_exchange(on(anywhere()))
    });
    let alice = katana.alice(at(0)).access_token();
    let reply = katana.exchange("shop", &Exchange::of(&alice).to(LEDGER), now());
    assert_eq!((reply.text("issued_token_type"), reply.text("token_type")), (ACCESS.to_owned(), "bearer".to_owned()));
}

/// Section 2.2.2: whatever is wrong with a token looks the same, and the host alone is told.
#[test]
fn refusals_of_tokens_tell_nothing_apart() {
    let town = town(Rule(|request: &ExchangeRequest<'_>| match request.subject().subject() {
        Some("alice") => ExchangeDecision::Allow(anywhere()),
        _ => ExchangeDecision::Refuse,
    }));
    let alice = town.alice(at(0)).access_token();
    let bob = town.log_in_as("phone", "bob", "", at(0)).access_token();
    let whys = [
        (Exchange::of("x"), "Exchange(SubjectToken(Grant(Shape)))"),
        (Exchange::of(&crate::kit::forged(&alice)), "Exchange(SubjectToken(Grant(Mac)))"),
        (Exchange::of_id_token(&alice), "Exchange(SubjectToken(IdToken))"),
        (Exchange::of(&alice).by("x"), "Exchange(ActorToken(Grant(Shape)))"),
        (Exchange::of(&bob), "Exchange(Policy)"),
    ];
    let mut bodies = Vec::new();
    for (exchange, why) in whys {
        let reply = town.exchange("shop", &exchange.to(LEDGER), now());
        reply.assert_error(400, "invalid_request");
        assert_eq!(town.why(), why);
        bodies.push(reply.body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
}

/// Section 5, and the design: by default nobody exchanges anything.
#[test]
fn the_policy_that_says_nothing_refuses_everything() {
    struct Default;
    impl ExchangePolicy for Default {}
    let town = town(Default);
    let alice = town.alice(at(0)).access_token();
    for exchange in
        [Exchange::of(&alice), Exchange::of(&alice).to(LEDGER), Exchange::of(&town.own_token("shop", at(0)))]
    {
        town.exchange("shop", &exchange, now()).assert_error(400, "invalid_request");
        assert_eq!(town.why(), "Exchange(Policy)");
    }
    // Nor on terms that name nobody.
    let town = self::town(on(ExchangeTerms::new()));
    let alice = town.alice(at(0)).access_token();
    for exchange in [Exchange::of(&alice), Exchange::of(&alice).to(API)] {
        town.exchange("shop", &exchange, now()).assert_error(400, "invalid_target");
    }
}

/// A host's own handler of the grant type.
struct Own;

impl regrant::GrantHandler for Own {
    fn grant_type(&self) -> &'static str {
        EXCHANGE
    }
    async fn authorize(&self, _: &regrant::GrantRequest<'_>) -> Result<regrant::Authorization, regrant::GrantError> {
        Err(regrant::GrantError::invalid_grant())
    }
}

/// Off until asked for; then it needs a key, and no other handler serves the grant type.
#[test]
fn it_is_off_until_it_is_asked_for() {
    let off = World::new(clients(), |builder| crate::town::with_resources(plain(builder)));
    let alice = off.alice(at(0)).access_token();
    off.exchange("shop", &Exchange::of(&alice).to(LEDGER), now()).assert_error(400, "unsupported_grant_type");
    let of = |world: &World| -> Value {
        let metadata: Value = serde_json::from_slice(world.engine.metadata().unwrap().body()).unwrap();
        metadata["grant_types_supported"].clone()
    };
    assert!(!of(&off).as_array().unwrap().contains(&EXCHANGE.into()));
    assert!(of(&open_town()).as_array().unwrap().contains(&EXCHANGE.into()));

    let builder = || Engine::builder(MemoryStore::new(), StaticClients::new()).token_exchange(on(anywhere()));
    assert!(matches!(builder().issuer("https://id.example").build(), Err(BuildError::SigningKeyRequired)));
    let signing = || builder().signing_key(crate::kit::bank::KEY.clone());
    assert!(matches!(signing().build(), Err(BuildError::IssuerRequired)));
    assert!(signing().issuer("https://id.example").build().is_ok());
    assert!(matches!(signing().issuer("https://id.example").grant_handler(Own).build(), Err(BuildError::GrantType)));
    assert!(Engine::builder(MemoryStore::new(), StaticClients::new()).grant_handler(Own).build().is_ok());
}

/// The design: a client that nobody made by hand exchanges nothing unless the host has opened it to it.
#[test]
fn strangers_exchange_where_the_host_says_so() {
    let stranger =
        || Client::confidential("stranger").secret(secret(SECRET)).stranger(true).scope(scope("ledger:read"));
    assert!(matches!(stranger().grant_type(EXCHANGE).build(), Err(regrant::client::ClientError::GrantTypeOfStranger)));
    for (client, outcome) in [
        (stranger(), (400, Some("unauthorized_client".to_owned()))),
        (stranger().danger_grant_type_of_stranger(EXCHANGE), (200, None)),
    ] {
        let clients = clients().into_iter().chain([client]);
        let town =
            World::new(clients, |builder| crate::town::with_resources(plain(builder)).token_exchange(on(anywhere())));
        let alice = town.alice(at(0)).access_token();
        assert_eq!(town.exchange("stranger", &Exchange::of(&alice).to(LEDGER), now()).outcome(), outcome);
    }
}

/// Whose client is gone has no tokens any more: it is the token that is refused, and not who presents it.
#[test]
fn a_token_of_a_client_that_is_gone_is_none() {
    let before = open_town();
    let alice = before.alice(at(0)).access_token();
    let left = clients().into_iter().map(|client| client.build().unwrap()).filter(|client| client.id() != "phone");
    let left = left.fold(StaticClients::new(), |all, client| all.with(client).unwrap());
    let builder = plain(Engine::builder(before.store.clone(), left)).events(before.events.clone());
    let after = crate::town::with_resources(builder).token_exchange(on(anywhere())).build().unwrap();
    let town = World { engine: after.into(), store: before.store.clone(), events: before.events.clone() };
    town.exchange("shop", &Exchange::of(&alice).to(LEDGER), now()).assert_error(400, "invalid_request");
    assert_eq!(town.why(), "Exchange(SubjectToken(Client(UnknownClient)))");
}

/// What a policy is shown, and what it can leave out.
#[test]
fn the_policy_sees_whose_tokens_they_are() {
    let town = town(Rule(|request: &ExchangeRequest<'_>| {
        let (subject, actor) = (request.subject(), request.actor().unwrap());
        assert_eq!(
            (subject.subject(), subject.client_id(), subject.token()),
            (Some("alice"), "phone", ExchangeToken::Access)
        );
        assert_eq!(subject.resources().collect::<Vec<_>>(), [API, LEDGER]);
        assert!(subject.is_for_client() && actor.is_for_client());
        assert!(!subject.is_bound() && subject.is_proven() && subject.actor().is_none());
        assert_eq!(subject.exchanges(), 0);
        assert_eq!((actor.subject(), actor.client_id()), (None, "desk"));
        assert_eq!((request.client().id(), request.scope().as_str()), ("shop", "ledger:read"));
        assert_eq!(request.audience().collect::<Vec<_>>(), [LEDGER, "urn:x"]);
        assert_eq!(
            (request.parameter("reason"), request.parameter("none"), request.now()),
            (Some("ticket 7"), None, now())
        );
        assert!(!format!("{request:?}").contains("alice"), "no person in logs");
        ExchangeDecision::Allow(
            anywhere()
                .with_audience("urn:x")
                .with_scope(scope("read ledger:read"))
                .with_lifetime(Duration::from_secs(60)),
        )
    }));
    let (alice, desk) = (town.alice(at(0)).access_token(), town.own_token("desk", at(0)));
    let exchange = Exchange::of(&alice).by(&desk).and("resource", "HTTPS://LEDGER.example:443").to("urn:x");
    let reply = town.exchange("shop", &exchange.clone().and("scope", "ledger:read").and("reason", "ticket 7"), now());
    assert_eq!((reply.text("scope"), reply.json()["expires_in"].as_u64()), ("ledger:read".to_owned(), Some(60)));
    assert_eq!(claims(&reply.access_token())["aud"], json!([LEDGER, "urn:x"]), "as they are registered");
}

/// The terms narrow what is asked for, and the answer says it; where nothing is left there is no token.
#[test]
fn terms_narrow_the_scope() {
    let town = town(on(anywhere().with_scope(scope("ledger:read admin"))));
    let alice = town.alice(at(0)).access_token();
    assert_eq!(town.exchange("shop", &Exchange::of(&alice).to(LEDGER), now()).text("scope"), "ledger:read");
    let wider = Exchange::of(&alice).to(LEDGER).and("scope", "ledger:read ledger:write");
    assert_eq!(town.exchange("shop", &wider, now()).text("scope"), "ledger:read");
    let other = Exchange::of(&alice).to(LEDGER).and("scope", "ledger:write");
    town.exchange("shop", &other, now()).assert_error(400, "invalid_scope");
    town.exchange("shop", &Exchange::of(&alice).to(API), now()).assert_error(400, "invalid_scope");
}

/// RFC 6749 section 5.2, design: who cannot tell now says so, and nothing is issued.
#[test]
fn a_policy_that_fails_is_503() {
    struct Down;
    impl ExchangePolicy for Down {
        async fn decide(&self, _: &ExchangeRequest<'_>) -> Result<ExchangeDecision, HookError> {
            Err(HookError::new("the directory is down"))
        }
    }
    let town = town(Down);
    let alice = town.alice(at(0)).access_token();
    let reply = town.exchange("shop", &Exchange::of(&alice).to(LEDGER), now());
    reply.assert_error(503, "temporarily_unavailable");
    assert!(town.events.names().contains(&"Failed".to_owned()));
    // And a life of nothing is a no.
    let town = self::town(on(anywhere().with_lifetime(Duration::from_millis(999))));
    let alice = town.alice(at(0)).access_token();
    town.exchange("shop", &Exchange::of(&alice).to(LEDGER), now()).assert_error(400, "invalid_request");
    assert_eq!(town.why(), "Exchange(Policy)");
}

/// A store that fails is no reason to throw a token away.
#[test]
fn a_store_that_fails_is_503() {
    let town = open_town();
    let alice = town.alice(at(0)).access_token();
    town.store.fail_next(crate::kit::Fault::LoadFails);
    town.exchange("shop", &Exchange::of(&alice).to(LEDGER), now()).assert_error(503, "temporarily_unavailable");
}

/// The hook has a say in what the policy allows, and in nothing else (RFC 8693 section 2.2.2). Each way of issuing is in
/// `token/every_issue.rs`.
#[test]
fn the_hook_is_asked_about_what_the_policy_allows() {
    struct Closed;
    impl IssueHook for Closed {
        async fn on_issue(&self, request: &IssueRequest<'_>) -> Result<IssueDecision, HookError> {
            let is_login = request.client().id() == "phone";
            assert!(is_login || request.audience().iter().eq([LEDGER]), "what it would be for: {request:?}");
            Ok(if is_login { IssueDecision::Allow } else { IssueDecision::Refuse })
        }
    }
    let policy = Rule(|request: &ExchangeRequest<'_>| match request.client().id() {
        "shop" => ExchangeDecision::Allow(anywhere()),
        _ => ExchangeDecision::Refuse,
    });
    let town = World::new(clients(), |builder| {
        crate::town::with_resources(plain(builder)).token_exchange(policy).on_issue(Closed)
    });
    let alice = town.alice(at(0)).access_token();
    for (client, why) in [("shop", "Exchange(Hook)"), ("ledger", "Exchange(Policy)")] {
        town.exchange(client, &Exchange::of(&alice).to(LEDGER), now()).assert_error(400, "invalid_request");
        assert_eq!(town.why(), why);
    }
}

/// What the host hears.
#[test]
fn an_event_says_who_got_a_token_of_whom() {
    let people = Arc::new(Mutex::new(Vec::new()));
    let named = World::new(clients(), |builder| {
        let people = Arc::clone(&people);
        let sink = move |event: &Event<'_>| {
            if let Event::Exchanged { subject, actor, .. } = event {
                people.lock().extend([subject, actor].map(|person| person.map(|person| person.as_str().to_owned())));
            }
        };
        let builder = crate::town::with_resources(plain(builder)).subjects_in_events(true);
        builder.token_exchange(on(anywhere())).events(sink)
    });
    let desk = named.log_in_as("desk", "agent", "", at(0)).access_token();
    let alice = named.alice(at(0)).access_token();
    named.events.take();
    let reply = named.exchange("shop", &Exchange::of(&alice).by(&desk).to(LEDGER).to(VAULT), now());
    reply.assert_ok();
    let events = named.events.take();
    let [event] = &events[..] else { panic!("{events:?}") };
    assert_eq!(*people.lock(), [Some("alice".to_owned()), Some("agent".to_owned())]);
    for part in ["Exchanged", "client_id: \"shop\"", "of_client: \"phone\"", LEDGER, VAULT] {
        assert!(event.contains(part), "{part} in {event}");
    }
    assert!(!event.contains(&reply.access_token()) && !event.contains(&alice));
    let town = open_town();
    let alice = town.alice(at(0)).access_token();
    let exchange = Exchange::of(&alice).by(&town.log_in_as("desk", "agent", "", at(0)).access_token());
    town.events.take();
    town.exchanged("shop", &exchange.to(LEDGER), now());
    let event = town.events.take().concat();
    assert!(event.contains("subject: None") && event.contains("actor: None"), "where the host asks for them: {event}");
}

/// In an engine without resources, with opaque access tokens or with JWTs.
#[test]
fn an_engine_without_resources_exchanges_too() {
    let issuer = "https://id.example";
    let terms = || ExchangeTerms::new().with_audience(issuer).with_audience(LEDGER);
    for jwts in [false, true] {
        let world = World::new(clients(), |builder| {
            let builder = plain(builder).token_exchange(on(terms()));
            if jwts { builder.jwt_access_tokens(JwtAccessTokens::new()) } else { builder }
        });
        let alice = world.log_in_as("phone", "alice", "", at(0)).access_token();
        assert_eq!(alice.contains('.'), jwts, "other tokens are as they were");
        let unnamed = world.exchanged("shop", &Exchange::of(&alice), now());
        assert_eq!(claims(&unnamed)["aud"], issuer, "the default among several");
        let access = world.bearer(&unnamed, now()).unwrap();
        assert_eq!((access.subject(), access.client_id(), access.is_exchanged()), (Some("alice"), "shop", true));
        let elsewhere = world.exchanged("shop", &Exchange::of(&alice).to(LEDGER), now());
        assert!(world.bearer(&elsewhere, now()).is_err(), "for others than who is asked");
        let said = world.asked_about("ledger", &elsewhere, now());
        assert_eq!((&said["active"], &said["aud"], &said["client_id"]), (&json!(true), &json!(LEDGER), &json!("shop")));
    }
}

#[test]
fn a_time_that_is_over_is_over() {
    let town = lone(on(ExchangeTerms::new().with_audience(LEDGER)));
    let alice = town.log_in_as("phone", "alice", "", at(0));
    let end = alice.json()["expires_in"].as_u64().unwrap();
    let exchange = Exchange::of(&alice.access_token());
    let last = town.exchange("shop", &exchange, at(end - 1));
    assert_eq!(last.json()["expires_in"].as_u64(), Some(1), "no longer than the subject token");
    town.exchange("shop", &exchange, at(end)).assert_error(400, "invalid_request");
    assert_eq!(town.why(), "Exchange(SubjectToken(Grant(Expired)))");
    let half = Timestamp::from_millis(at(end - 1).as_millis() + 500);
    town.exchange("shop", &exchange, half).assert_error(400, "invalid_request");
}
