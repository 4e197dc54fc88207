//! What a stranger, a thief or a client would try. ("F" and "G" name attacks on paper that the rules were made against.)

use ed25519_dalek::{Signer as _, SigningKey as Ed25519};
use regrant::Client;
use regrant::engine::{Dpop, ExchangeDecision, ExchangeRequest};
use regrant::jwt::{JwtAccessTokens, SigningKey};
use serde_json::{Value, json};

use crate::kit::bank::VERIFIER;
use crate::kit::jwt::{parts, signed};
use crate::kit::proof::ProofKey;
use crate::kit::{SECRET, World, at, scope, secret};
use crate::town::{
    API, EXCHANGE, Exchange, ID, ISSUER, LEDGER, Rule, VAULT, anywhere, ask, claims, clients, now, on, open_town,
    plain, town, with_resources,
};

/// A key of the engine's of which the tests have the private half, too.
fn known_key() -> (SigningKey, Ed25519) {
    use base64::Engine as _;
    let head = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    let der = base64::engine::general_purpose::STANDARD.encode([&head[..], &[9; 32]].concat());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----");
    (SigningKey::from_pkcs8_pem(&pem).unwrap(), Ed25519::from_bytes(&[9; 32]))
}

fn stolen_key(change: impl FnOnce(crate::town::Builder) -> crate::town::Builder) -> (World, Ed25519) {
    let (key, private) = known_key();
    let world = World::new(clients(), |builder| {
        change(with_resources(plain(builder)).signing_key(key).token_exchange(on(anywhere())))
    });
    (world, private)
}

/// Each kind of token and JWT that this engine or its clients make, as a subject token: only access and ID tokens are any.
#[test]
fn no_other_token_is_a_subject_or_an_actor() {
    let world = World::new(clients(), |builder| {
        with_resources(plain(builder)).dpop(Dpop::new()).token_exchange(on(anywhere()))
    });
    let login = world.log_in_as("shop", "alice", "scope=openid+read", at(0));
    let alice = world.alice(at(0));
    let (header, claims) = parts(&login.text("id_token"));
    let unsigned = signed(&json!({"alg": "none", "typ": "JWT"}), &claims, |_| Vec::new());
    let by_secret = signed(&json!({"alg": "HS256", "typ": "JWT"}), &claims, |message| {
        crate::kit::jwt::hs256(crate::kit::SECRET.as_bytes(), message)
    });
    let unkeyed = signed(&header, &claims, |_| vec![0; 64]);
    let proof = ProofKey::of(1).proof("POST", &format!("{ISSUER}/token")).sign();
    let assertion = crate::kit::signer::Signer::new("one").assertion("shop", "a", 0);
    for (what, token) in [
        ("a refresh token", login.refresh_token()),
        ("another's refresh token", alice.refresh_token()),
        ("a JWT of nobody", unsigned),
        ("a JWT by a secret", by_secret),
        ("a JWT with a wrong signature", unkeyed),
        ("a proof of possession", proof),
        ("an assertion", assertion),
        ("a code verifier", VERIFIER.to_owned()),
        ("dots", "..".to_owned()),
        ("white space", " ".to_owned()),
    ] {
        for subject in [Exchange::of(&token), Exchange::of_id_token(&token)] {
            world.exchange("shop", &subject.to(API), now()).assert_error(400, "invalid_request");
        }
        for kind in [crate::town::ACCESS, ID] {
            let acting = Exchange::of(&alice.access_token()).and("actor_token", &token).and("actor_token_type", kind);
            let reply = world.exchange("shop", &acting.to(API), now());
            assert_eq!(reply.outcome(), (400, Some("invalid_request".into())), "{what}");
        }
    }
}

/// A logout token and a signed answer are by the same key, and neither is an ID token.
#[test]
fn other_jwts_of_the_key_are_no_id_tokens() {
    let (world, private) = stolen_key(|builder| builder);
    let login = world.log_in_as("shop", "alice", "scope=openid+read", at(0));
    let (header, claims) = parts(&login.text("id_token"));
    let sign = |header: &Value, claims: &Value| signed(header, claims, |message| private.sign(message).to_vec());
    let but = |json: &Value, name: &str, value: Value| {
        let mut json = json.clone();
        json[name] = value;
        json
    };
    world.exchange("shop", &Exchange::of_id_token(&sign(&header, &claims)).to(API), now()).assert_ok();
    let bob = world.log_in_as("shop", "bob", "scope=openid+read", at(0));
    let bobs = parts(&bob.text("id_token")).1["jti"].clone();
    // Of the same person, at another client.
    let at_phone = world.alice(at(0)).access_token();
    let phones = parts(&world.exchanged("shop", &Exchange::of(&at_phone).to(API), now())).1;
    for token in [
        sign(&but(&header, "typ", json!("logout+jwt")), &claims),
        sign(&but(&header, "typ", json!("at+jwt")), &claims),
        sign(&but(&header, "crit", json!(["x"])), &claims),
        sign(&but(&header, "kid", json!("other")), &claims),
        sign(&header, &but(&claims, "iss", json!("https://other.example"))),
        sign(&header, &but(&claims, "aud", json!("ledger"))),
        sign(&header, &but(&claims, "azp", json!("ledger"))),
        sign(&header, &but(&claims, "exp", json!(at(0).as_secs()))),
        sign(&header, &but(&claims, "realm", json!("other"))),
        // The grant of another person, of another client, of nobody.
        sign(&header, &but(&claims, "sub", json!("bob"))),
        sign(&header, &but(&claims, "jti", bobs)),
        sign(&header, &but(&claims, "jti", phones["jti"].clone())),
        sign(&header, &but(&claims, "jti", json!("A".repeat(43)))),
        sign(&header, &but(&claims, "jti", Value::Null)),
    ] {
        world.exchange("shop", &Exchange::of_id_token(&token).to(API), now()).assert_error(400, "invalid_request");
    }
}

/// Nor is it worth anything to name the grant of another realm, though store and keys are the same.
#[test]
fn a_grant_of_another_realm_is_nobodys() {
    let (home, private) = stolen_key(|builder| builder.realm("shop"));
    let other = regrant::Engine::builder(home.store.clone(), home.engine.clients().clone());
    let other = with_resources(plain(other)).signing_key(known_key().0).realm("bank").token_exchange(on(anywhere()));
    let other = World { engine: other.build().unwrap().into(), store: home.store.clone(), events: home.events.clone() };
    let alice = home.alice(at(0)).access_token();
    let token = home.exchanged("shop", &Exchange::of(&alice).to(LEDGER), now());
    let (header, mut claims) = parts(&token);
    claims["realm"] = json!("bank");
    let forged = signed(&header, &claims, |message| private.sign(message).to_vec());
    assert!(home.at(LEDGER, &token, now()).is_ok());
    assert!(other.at(LEDGER, &forged, now()).is_err() && home.at(LEDGER, &forged, now()).is_err());
    let id_token = home.log_in_as("shop", "alice", "scope=openid+read", at(0)).text("id_token");
    let (header, mut claims) = parts(&id_token);
    claims["realm"] = json!("bank");
    let forged = signed(&header, &claims, |message| private.sign(message).to_vec());
    other.exchange("shop", &Exchange::of_id_token(&forged).to(API), now()).assert_error(400, "invalid_request");
}

/// A thief of the signing key still needs a grant of that person, within its scope.
#[test]
fn the_record_has_a_say_in_what_was_exchanged() {
    for tokens in [None, Some(JwtAccessTokens::new())] {
        let (world, private) = stolen_key(|builder| match tokens.clone() {
            None => builder,
            Some(tokens) => builder.jwt_access_tokens(tokens),
        });
        let alice = world.alice(at(0)).access_token();
        let own = world.log_in_as("shop", "alice", &format!("scope=read&resource={API}"), at(0)).access_token();
        let token = world.exchanged("shop", &Exchange::of(&alice).to(LEDGER), now());
        let of_own = world.exchanged("shop", &Exchange::of(&own).to(API), now());
        let (header, right) = parts(&token);
        let sign = |claims: &Value| signed(&header, claims, |message| private.sign(message).to_vec());
        assert!(world.at(LEDGER, &sign(&right), now()).is_ok());
        let but = |name: &str, value: Value| {
            let mut claims = right.clone();
            claims[name] = value;
            claims
        };
        let mut of_another = right.clone();
        of_another["jti"] = claims(&of_own)["jti"].clone();
        for claims in [
            but("sub", json!("bob")),
            but("scope", json!("ledger:read admin")),
            but("client_id", json!("nobody")),
            but("iss", json!("https://other.example")),
            but("realm", json!("other")),
            but("jti", json!("A".repeat(43))),
            but("exchanges", json!(256)),
            but("exchanges", json!("1")),
            but("act", json!("desk")),
            but("act", json!({})),
            but("may_act", json!("desk")),
            but("cnf", json!({})),
            but("aud", json!([])),
            of_another,
        ] {
            assert!(world.at(LEDGER, &sign(&claims), now()).is_err(), "{claims}");
            assert_eq!(world.asked_about("ledger", &sign(&claims), now())["active"], false, "{claims}");
        }
        // Without the claim it is a token of the grant's own client, and that is another.
        let mut plain = right.clone();
        plain.as_object_mut().unwrap().remove("exchanges");
        assert!(world.at(LEDGER, &sign(&plain), now()).is_err());
    }
}

/// F30 (a), as a thief of a short-lived token would do it: no exchange is a refresh.
#[test]
fn a_stolen_token_cannot_be_kept_alive() {
    let world = open_town();
    let login = world.alice(at(0));
    let end = login.json()["expires_in"].as_u64().unwrap();
    let mut token = login.access_token();
    let mut secs = 0;
    while secs + 60 < end {
        secs += end / 7;
        let reply = world.exchange("ledger", &Exchange::of(&token).to(LEDGER), at(secs.min(end - 1)));
        if reply.status != 200 {
            assert_eq!(world.why(), "Exchange(Depth)");
            break;
        }
        token = reply.access_token();
    }
    assert!(world.at(LEDGER, &token, at(end)).is_err());
    let body = format!("grant_type=refresh_token&refresh_token={token}");
    world.send(&ask("shop", &body), now()).assert_error(400, "invalid_grant");
}

/// F30: scope does not grow in a row of exchanges, whoever is in it.
#[test]
fn scope_never_grows() {
    let world = open_town();
    let alice =
        world.log_in_as("phone", "alice", &format!("scope=read+ledger:read&resource={API}&resource={LEDGER}"), at(0));
    let narrow = Exchange::of(&alice.access_token()).to(LEDGER).and("scope", "ledger:read");
    let token = world.exchanged("shop", &narrow, now());
    for wider in ["ledger:read ledger:write", "read", "ledger:write", "openid"] {
        let exchange = Exchange::of(&token).to(LEDGER).to(API).and("scope", wider);
        world.exchange("ledger", &exchange, now()).assert_error(400, "invalid_scope");
    }
    assert_eq!(world.exchange("ledger", &Exchange::of(&token).to(LEDGER), now()).text("scope"), "ledger:read");
}

/// G65: for whom a token may be is the policy's list, and nothing that the request says adds to it.
#[test]
fn the_list_is_the_policys() {
    let world = town(on(regrant::engine::ExchangeTerms::new().with_audience(LEDGER)));
    let alice = world.alice(at(0)).access_token();
    for wrong in [
        API,
        VAULT,
        "",
        "https://ledger.example.evil/",
        "https://ledger.example@evil/",
        "*",
        "https://ledger.example/%2e",
    ] {
        let exchange = Exchange::of(&alice).and("resource", LEDGER).to(wrong);
        let reply = world.exchange("shop", &exchange, now());
        if wrong.is_empty() {
            // As if it were not there.
            assert_eq!(claims(&reply.assert_ok().access_token())["aud"], LEDGER);
        } else if reply.status == 200 {
            assert_eq!(claims(&reply.access_token())["aud"], LEDGER, "{wrong}");
        } else {
            reply.assert_error(400, "invalid_target");
        }
    }
}

/// A client that found a token which is not for it is told apart, so that a policy can refuse it.
#[test]
fn a_policy_can_tell_whose_business_a_token_is() {
    let rule = Rule(|request: &ExchangeRequest<'_>| {
        if request.subject().is_for_client() { ExchangeDecision::Allow(anywhere()) } else { ExchangeDecision::Refuse }
    });
    // It says of none that it guards it, so that it is the default one's.
    let usual = Client::confidential("usual").secret(secret(SECRET)).grant_type(EXCHANGE).resource_server(true);
    let clients = clients().into_iter().chain([usual.scope(scope("read ledger:read"))]);
    let world = World::new(clients, |builder| with_resources(plain(builder)).token_exchange(rule));
    for (resource, asked, whose) in [(API, "read", ["shop", "usual"]), (LEDGER, "ledger:read", ["ledger", "ledger"])] {
        let more = format!("scope={asked}&resource={resource}");
        let token = world.log_in_as("phone", "alice", &more, at(0)).access_token();
        for client in ["shop", "ledger", "vault", "usual"] {
            let reply = world.exchange(client, &Exchange::of(&token).to(resource), now());
            assert_eq!(reply.status == 200, whose.contains(&client), "{client} {resource}");
        }
    }
}

/// An input is never echoed, nor in events.
#[test]
fn nothing_that_came_is_said_again() {
    const MARKER: &str = "zqMARKERqz";
    let world = open_town();
    let alice = world.alice(at(0)).access_token();
    world.events.take();
    for exchange in [
        Exchange::of(MARKER),
        Exchange::of_id_token(MARKER),
        Exchange::of(&alice).by(MARKER),
        Exchange::of(&alice).set("subject_token_type", MARKER),
        Exchange::of(&alice).and("requested_token_type", MARKER),
        Exchange::of(&alice).to(MARKER),
        Exchange::of(&alice).and("resource", &format!("urn:{MARKER}")),
        Exchange::of(&alice).to(LEDGER).and("scope", MARKER),
    ] {
        let reply = world.exchange("shop", &exchange, now());
        assert_eq!(reply.status, 400);
        assert!(!String::from_utf8_lossy(&reply.body).contains(MARKER));
    }
    assert!(!world.events.take().concat().contains(MARKER));
}
