//! Tokens that are bound to a key or a certificate, and clients that prove one: RFC 9449, RFC 8705, F30 (b).

use std::sync::Arc;

use regrant::client::{CertificateChain, ClientBuilder, ClientCertificate};
use regrant::engine::{Dpop, ExchangeDecision, ExchangePolicy, ExchangeRequest};
use regrant::{Client, Engine, Timestamp};
use serde_json::{Value, json};

use crate::kit::proof::{Making, ProofKey};
use crate::kit::signer::{Signer, with_assertion};
use crate::kit::{Ask, Reply, SECRET, World, at, form, scope, secret};
use crate::town::{
    API, EXCHANGE, Exchange, ISSUER, LEDGER, Rule, anywhere, ask, claims, clients, now, on, plain, with_resources,
};

const ONE: &[u8] = include_bytes!("../proof/certificates/named.der");
const OTHER: &[u8] = include_bytes!("../proof/certificates/renewed.der");

fn proving(policy: impl ExchangePolicy + 'static) -> World {
    of(policy, Dpop::new(), [])
}

fn of(policy: impl ExchangePolicy + 'static, dpop: Dpop, more: impl IntoIterator<Item = ClientBuilder>) -> World {
    let clients = clients().into_iter().chain(more);
    World::new(clients, |builder| with_resources(plain(builder)).dpop(dpop).token_exchange(policy))
}

fn making(world: &World, key: u8, now: Timestamp) -> Making {
    let url = format!("{ISSUER}/token");
    let asked = form("grant_type=none&client_id=phone").header("dpop", ProofKey::of(99).proof("POST", &url).sign());
    let nonce = world.send(&asked, now).header("dpop-nonce")[0].to_owned();
    ProofKey::of(key).proof("POST", &url).nonce(&nonce)
}

fn proven(world: &World, ask: Ask, key: u8, now: Timestamp) -> Reply {
    let proof = making(world, key, now).sign();
    world.send(&ask.header("dpop", proof), now)
}

/// Alice's token, bound to the key of her phone.
fn bound(world: &World) -> Reply {
    let body = format!(
        "grant_type=password&username=alice&password=any&scope=read+ledger:read&resource={API}&resource={LEDGER}"
    );
    let reply = proven(world, ask("phone", &body), 1, at(0));
    assert_eq!(reply.assert_ok().text("token_type"), "DPoP");
    reply
}

fn jkt(key: u8) -> Value {
    json!({"jkt": ProofKey::of(key).thumbprint()})
}

/// F30 (b): by somebody else it would become a bearer token.
#[test]
fn a_bound_token_needs_the_proof_of_its_key() {
    let world = proving(on(anywhere()));
    let exchange = Exchange::of(&bound(&world).access_token()).to(LEDGER).from("shop");
    let before = world.store.bytes();
    world.send(&exchange, now()).assert_error(400, "invalid_dpop_proof");
    proven(&world, exchange.clone(), 2, now()).assert_error(400, "invalid_request");
    assert_eq!(world.why(), "Exchange(SubjectToken(Sender))");
    assert_eq!(world.store.bytes(), before);
    let reply = proven(&world, exchange, 1, now());
    assert_eq!(reply.assert_ok().text("token_type"), "DPoP");
    assert_eq!(claims(&reply.access_token())["cnf"], jkt(1), "what was bound stays bound");
    assert!(world.at(LEDGER, &reply.access_token(), now()).is_err(), "so it is no bearer token");
    assert_eq!(world.asked_about("ledger", &reply.access_token(), now())["cnf"], jkt(1));
}

/// The other way is a policy that names the client; its new token is bound to what the client itself proves.
#[test]
fn a_policy_may_trust_a_client_with_bound_tokens() {
    let world = proving(Rule(|request: &ExchangeRequest<'_>| {
        assert!(request.subject().is_bound());
        let is_trusted = request.client().id() == "shop";
        ExchangeDecision::Allow(if is_trusted { anywhere().danger_without_proof() } else { anywhere() })
    }));
    let token = bound(&world).access_token();
    let exchange = Exchange::of(&token).to(LEDGER);
    world.send(&exchange.from("ledger"), now()).assert_error(400, "invalid_dpop_proof");
    let bare = world.send(&exchange.from("shop"), now());
    assert_eq!(
        (bare.assert_ok().text("token_type"), &claims(&bare.access_token())["cnf"]),
        ("Bearer".to_owned(), &Value::Null)
    );
    let own = proven(&world, exchange.from("shop"), 7, now());
    assert_eq!(claims(&own.assert_ok().access_token())["cnf"], jkt(7));
}

/// The actor's token as well.
#[test]
fn a_bound_actor_token_needs_its_proof() {
    let world = proving(on(anywhere()));
    let desk = proven(&world, ask("desk", "grant_type=client_credentials"), 3, at(0)).assert_ok().access_token();
    let alice = world.alice(at(0)).access_token();
    let exchange = Exchange::of(&alice).to(LEDGER).by(&desk).from("shop");
    world.send(&exchange, now()).assert_error(400, "invalid_dpop_proof");
    proven(&world, exchange.clone(), 2, now()).assert_error(400, "invalid_request");
    assert_eq!(world.why(), "Exchange(ActorToken(Sender))");
    let reply = proven(&world, exchange, 3, now());
    assert_eq!(claims(&reply.assert_ok().access_token())["act"], json!({"sub": "desk"}));
}

/// Who proves a key gets a token that is bound to it, whatever the subject token was.
#[test]
fn an_unbound_token_is_exchanged_for_a_bound_one() {
    let world = proving(on(anywhere()));
    let alice = world.alice(at(0)).access_token();
    let reply = proven(&world, Exchange::of(&alice).to(LEDGER).from("shop"), 7, now());
    assert_eq!(
        (reply.assert_ok().text("token_type"), &claims(&reply.access_token())["cnf"]),
        ("DPoP".to_owned(), &jkt(7))
    );
    // And that one is bound, when it is exchanged in turn.
    let again = Exchange::of(&reply.access_token()).to(LEDGER).from("ledger");
    world.send(&again, now()).assert_error(400, "invalid_dpop_proof");
    proven(&world, again, 7, now()).assert_ok();
}

/// An ID token is bound to nothing, and worth as much as its grant, which is.
#[test]
fn an_id_token_of_a_bound_grant_needs_a_proof() {
    // One that has refresh tokens, and one whose logins end with their access tokens.
    let brief = Client::confidential("brief").secret(secret(SECRET)).grant_type(EXCHANGE).grant_type("password");
    let world = of(on(anywhere()), Dpop::new(), [brief.scope(scope("openid read"))]);
    let body = "grant_type=password&username=alice&password=any&scope=openid+read";
    for client in ["shop", "brief"] {
        let login = proven(&world, ask(client, body), 1, at(0));
        assert_eq!(login.json().contains_key("refresh_token"), client == "shop");
        let exchange = Exchange::of_id_token(&login.assert_ok().text("id_token")).to(API).from(client);
        world.send(&exchange, now()).assert_error(400, "invalid_dpop_proof");
        // Of a confidential client any key will do, so that it can be renewed.
        let reply = proven(&world, exchange, 2, now());
        assert_eq!(claims(&reply.assert_ok().access_token())["cnf"], jkt(2));
    }
}

/// That a client always proves a key holds here, too.
#[test]
fn a_marked_client_always_proves_a_key() {
    let marked = Client::confidential("marked").secret(secret(SECRET)).grant_type(EXCHANGE).require_dpop(true);
    let world = of(on(anywhere()), Dpop::new(), [marked.scope(scope("ledger:read"))]);
    let alice = world.alice(at(0)).access_token();
    let exchange = Exchange::of(&alice).to(LEDGER).from("marked");
    world.send(&exchange, now()).assert_error(400, "invalid_dpop_proof");
    assert_eq!(proven(&world, exchange, 7, now()).assert_ok().text("token_type"), "DPoP");
}

/// G34: there is no single step that a proof would go with, so each is used once, by client and key; what is refused spends none.
#[test]
fn a_proof_is_used_for_one_exchange() {
    for dpop in [Dpop::new(), Dpop::new().with_markers(true)] {
        let world = of(on(anywhere()), dpop.clone(), []);
        let alice = world.alice(at(0)).access_token();
        let proof = making(&world, 7, now()).sign();
        let send = |exchange: Exchange, world: &World| world.send(&exchange.from("shop").header("dpop", &proof), now());
        send(Exchange::of("x").to(LEDGER), &world).assert_error(400, "invalid_request");
        send(Exchange::of(&alice).to("urn:x"), &world).assert_error(400, "invalid_target");
        let reply = send(Exchange::of(&alice).to(LEDGER), &world);
        reply.assert_ok();
        assert_eq!(reply.header("dpop-nonce").len(), 1, "each answer has the next nonce");
        for exchange in [Exchange::of(&alice).to(LEDGER), Exchange::of(&alice).to(API)] {
            send(exchange, &world).assert_error(400, "invalid_dpop_proof");
        }
        let credentials = ask("shop", "grant_type=client_credentials").header("dpop", &proof);
        world.send(&credentials, now()).assert_error(400, "invalid_dpop_proof");
        // Over nodes where the host says so.
        let node = Engine::builder(Arc::clone(&world.store), world.engine.clients().clone());
        let node = with_resources(plain(node)).dpop(dpop.clone()).token_exchange(on(anywhere())).build().unwrap();
        let node = World { engine: node.into(), store: world.store.clone(), events: world.events.clone() };
        let status = send(Exchange::of(&alice).to(LEDGER), &node).status;
        assert_eq!(status, if format!("{dpop:?}").contains("markers: true") { 400 } else { 200 });
    }
}

/// An assertion is used for one exchange; the same request again is an answer that got lost, for as long as the retry window.
#[test]
fn an_assertion_is_used_for_one_exchange() {
    let keyed = Client::confidential("keyed")
        .keys(Signer::new("one").keys())
        .private_key_jwt(true)
        .grant_type(EXCHANGE)
        .scope(scope("ledger:read"));
    let world = of(on(anywhere()), Dpop::new(), [keyed]);
    let alice = world.alice(at(0)).access_token();
    let assertion = Signer::new("one").assertion("keyed", "a", 0);
    let asking = |exchange: Exchange| form(with_assertion(&exchange.body(), &assertion));
    world.send(&asking(Exchange::of(&alice).to("urn:x")), now()).assert_error(400, "invalid_target");
    let held = world.store.bytes().len();
    let exchange = asking(Exchange::of(&alice).to(LEDGER));
    world.send(&exchange, at(10)).assert_ok();
    assert_eq!(world.store.bytes().len(), held + 1, "a marker, and no refusal wrote one");
    world.send(&exchange, at(20)).assert_ok();
    world.send(&asking(Exchange::of(&alice).to(API)), at(20)).assert_error(400, "invalid_grant");
    world.send(&exchange, at(200)).assert_error(401, "invalid_client");
    let slow = Signer::new("one").assertion("keyed", "b", 0);
    assert_ne!(slow, assertion);
}

/// The retry window of such a request ends before the assertion does.
#[test]
fn after_the_window_an_assertion_is_spent() {
    // Of no window there is no retry, not even in the millisecond of the first, nor by a clock that is behind.
    for (window, sent) in
        [(5, &[(1, 200), (5, 200), (6, 400), (20, 400)][..]), (0, &[(1, 200), (1, 400), (0, 400), (20, 400)])]
    {
        let keyed = Client::confidential("keyed")
            .keys(Signer::new("one").keys())
            .private_key_jwt(true)
            .retry_window(std::time::Duration::from_secs(window))
            .grant_type(EXCHANGE)
            .scope(scope("ledger:read"));
        let world = of(on(anywhere()), Dpop::new(), [keyed]);
        let alice = world.alice(at(0)).access_token();
        let assertion = Signer::new("one").assertion("keyed", "a", 0);
        let exchange = form(with_assertion(&Exchange::of(&alice).to(LEDGER).body(), &assertion));
        for &(secs, status) in sent {
            assert_eq!(world.send(&exchange, at(secs)).status, status, "{window}: {secs}");
        }
    }
}

fn certificate(der: &[u8]) -> ClientCertificate {
    ClientCertificate::from_der(der, CertificateChain::NotVerified).unwrap()
}

fn on_tls(world: &World, ask: &Ask, der: &[u8]) -> Reply {
    let certificate = certificate(der);
    let request = ask.request().with_certificate(&certificate);
    Reply::of(&world.engine.blocking().token(&request, now()).unwrap())
}

/// RFC 8705 section 3: the same of certificates, which bind the new token though the client has no such setting.
#[test]
fn a_token_of_a_certificate_needs_it() {
    let tls = Client::public("tls-phone")
        .certificate_bound_tokens(true)
        .grant_type("password")
        .scope(scope("read ledger:read"));
    let world = of(on(anywhere()), Dpop::new(), [tls]);
    let body = "grant_type=password&username=alice&password=any&client_id=tls-phone";
    let token = on_tls(&world, &form(body), ONE).assert_ok().access_token();
    let exchange = Exchange::of(&token).to(API).from("shop");
    world.send(&exchange, now()).assert_error(400, "invalid_request");
    assert_eq!(world.why(), "Exchange(SubjectToken(Sender))");
    on_tls(&world, &exchange, OTHER).assert_error(400, "invalid_request");
    let reply = on_tls(&world, &exchange, ONE);
    let thumbprint = certificate(ONE).thumbprint().to_string();
    assert_eq!(claims(&reply.assert_ok().access_token())["cnf"], json!({"x5t#S256": thumbprint}));
}

/// And the same of an actor's.
#[test]
fn what_an_actor_is_bound_to_binds_the_new_token() {
    let tls = Client::confidential("tls-desk").secret(secret(SECRET)).certificate_bound_tokens(true);
    let tls = tls.grant_type("client_credentials").scope(scope("read"));
    let world = of(on(anywhere()), Dpop::new(), [tls]);
    let alice = world.alice(at(0)).access_token();
    let desk = on_tls(&world, &ask("tls-desk", "grant_type=client_credentials"), ONE).assert_ok().access_token();
    let exchange = Exchange::of(&alice).to(API).by(&desk).from("shop");
    world.send(&exchange, now()).assert_error(400, "invalid_request");
    let reply = on_tls(&world, &exchange, ONE);
    assert!(claims(&reply.assert_ok().access_token())["cnf"]["x5t#S256"].is_string());
}

/// FAPI 2.0: every token is bound to its sender, here as well.
#[test]
fn a_profile_holds_here_too() {
    use crate::kit::profiles::{Desk, Place, bank, key_app, key_client, said};
    use regrant::jwt::{SigningAlgorithm, SigningKey};
    let (signing, _) = SigningKey::generate(SigningAlgorithm::Es256).unwrap();
    let store = Arc::new(crate::kit::Shelf::default());
    let client = key_client().grant_type(EXCHANGE);
    let bank: Desk<_, _> = bank(store, [client], |builder| {
        builder
            .signing_key(signing)
            .grant_handler(regrant::engine::ClientCredentials)
            .token_exchange(on(anywhere().with_audience(crate::kit::portal::ISSUER)))
    });
    let app = key_app();
    let token = bank.send(Place::Token, &app, "grant_type=client_credentials", 0).assert_ok().access_token();
    let body = Exchange::of(&token).body();
    let reply = bank.send(Place::Token, &app, &body, 1);
    assert_eq!(
        (reply.assert_ok().text("token_type"), reply.json().contains_key("refresh_token")),
        ("DPoP".to_owned(), false)
    );
    assert!(claims(&reply.access_token())["cnf"]["jkt"].is_string());
    assert_eq!(said(&bank.send(Place::Token, &app.without_proof(), &body, 1)), "400 invalid_dpop_proof");
    assert_eq!(said(&bank.send(Place::Token, &app.with_proof(9), &body, 1)), "400 invalid_request");
}
