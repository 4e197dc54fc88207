//! One order of checks, what is cheap first and what is spent last: where two things are wrong, the earlier one is the answer,
//! and whatever is refused has spent nothing.

use std::sync::Arc;

use parking_lot::Mutex;
use regrant::client::{ClientRef, ClientsError, Lookup, Purpose, ReadyClients};
use regrant::{Client, Clients, Engine};

use crate::kit::ask::form;
use crate::kit::order::{Fault, Parts, common, earlier_wins, fault, refusals};
use crate::kit::portal::{Portal, VERIFIER, query};
use crate::kit::{OTHER_SECRET, SECRET, World, app, at, forged};

#[test]
fn a_refresh_is_judged_in_one_order() {
    let world = World::new([app(), other()], |builder| builder.grant_handler(crate::kit::Password));
    let (mine, theirs) = (world.login(at(0)), login_of_other(&world));
    let token = mine.refresh_token();
    let base = Parts::new("app", &[("grant_type", "refresh_token"), ("refresh_token", &token)]);
    let unknown_key = crate::kit::altered(&token, 0);
    let no_grant = crate::kit::altered(&token, 5);
    let made_up = forged(&token);
    let (mut faults, of_token) = (common(), ["Shape", "UnknownKey", "NoGrant", "Mac", "AnotherClient"]);
    faults.push(fault("UnsupportedGrantType", |parts| parts.set("grant_type", "urn:nobody")));
    for (why, text) in of_token.into_iter().zip(["short", &unknown_key, &no_grant, &made_up, &theirs]) {
        let mut faults: Vec<Fault<'_>> = faults.iter().map(|(why, change)| fault(why, change)).collect();
        faults.push(fault(why, |parts| parts.set("refresh_token", text)));
        faults.push(fault("Scope", |parts| parts.set("scope", "everything")));
        // Of one grant type the token is of no account.
        let pairs = faults;
        earlier_wins(
            &base,
            &pairs,
            |ask| world.engine.blocking().token(&ask.request(), at(1)).unwrap(),
            || refusals(&world.events.take()),
            || world.store.bytes(),
        );
    }
    // Whatever was tried, the token is as good as it was.
    world.refresh(&token, at(2)).refresh_token();
}

fn other() -> regrant::client::ClientBuilder {
    regrant::Client::confidential("other")
        .secret(crate::kit::secret(OTHER_SECRET))
        .grant_type("password")
        .grant_type("refresh_token")
}

fn login_of_other(world: &World) -> String {
    let body = "grant_type=password&username=alice&password=wonderland";
    let token = world.send(&form(body).basic("other", OTHER_SECRET), at(0)).refresh_token();
    world.events.take();
    token
}

#[test]
fn revocation_and_introspection_are_judged_in_the_same_order() {
    let world =
        World::new([app().resource_server(true), other()], |builder| builder.grant_handler(crate::kit::Password));
    let token = world.login(at(0)).refresh_token();
    world.events.take();
    let base = Parts::new("app", &[("token", &token)]);
    let mut faults = common();
    faults.push(fault("MissingParameter", |parts| parts.parameters.retain(|parameter| parameter.0 != "token")));
    let blocking = world.engine.blocking();
    let told = || refusals(&world.events.take());
    earlier_wins(
        &base,
        &faults,
        |ask| blocking.introspect(&ask.request(), at(1)).unwrap(),
        told,
        || world.store.bytes(),
    );
    earlier_wins(&base, &faults, |ask| blocking.revoke(&ask.request(), at(1)).unwrap(), told, || world.store.bytes());
    world.refresh(&token, at(2)).refresh_token();
}

/// A code is not burnt by any of it.
#[test]
fn a_code_is_judged_in_one_order() {
    let world = Portal::simple();
    let code = world.code("portal", at(0));
    let query = query("portal");
    let uri = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "redirect_uri").unwrap().1;
    let base = Parts::new(
        "portal",
        &[("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", &uri), ("code_verifier", VERIFIER)],
    );
    let made_up = forged(&code);
    for (why, text) in [("Shape", "short"), ("Mac", made_up.as_str())] {
        let mut faults = common();
        faults.push(fault("UnsupportedGrantType", |parts| parts.set("grant_type", "urn:nobody")));
        // The verifier by its form stands with the code's, before the record.
        faults.push(fault(why, |parts| parts.set("code", text)));
        faults.push(fault("RedirectUri", |parts| parts.set("redirect_uri", "https://portal.example/other")));
        faults.push(fault("Verifier", |parts| parts.set("code_verifier", &VERIFIER.replace('d', "e"))));
        earlier_wins(
            &base,
            &faults,
            |ask| world.engine.blocking().token(&ask.request(), at(1)).unwrap(),
            || refusals(&world.events.take()),
            || world.store.bytes(),
        );
    }
    world.redeem("portal", &code, at(2)).assert_ok();
}

/// A registry that has to go out for its one client, whose id is a URL.
#[derive(Default)]
struct FarAway {
    is_down: Mutex<bool>,
    went_out: Mutex<usize>,
}

const FAR: &str = "https://far.example/client.json";

impl Clients for FarAway {
    async fn find(&self, client_id: &str, lookup: Lookup) -> Result<Option<ClientRef<'_>>, ClientsError> {
        if !client_id.starts_with("https://") {
            return Ok(None);
        }
        if !lookup.may_fetch() {
            return Err(ClientsError::not_at_hand());
        }
        assert!(matches!(lookup.purpose(), Purpose::Authorization | Purpose::Licensed));
        *self.went_out.lock() += 1;
        if *self.is_down.lock() {
            return Err(ClientsError::unavailable("the site is down", None));
        }
        let client = Client::public(client_id)
            .grant_type("authorization_code")
            .grant_type("refresh_token")
            .redirect_uri("https://portal.example/cb")
            .scope(crate::kit::scope("openid read"));
        Ok(Some(Arc::new(client.build().map_err(ClientsError::new)?).into()))
    }
}

impl ReadyClients for FarAway {}

/// A client that would have to be fetched: what it presents is proven before anything is fetched for it, and whoever it is comes
/// after that.
#[test]
fn a_client_that_is_not_at_hand_is_judged_by_its_token_first() {
    let (store, events) = (Arc::new(crate::kit::Shelf::default()), crate::kit::Events::default());
    let engine = Engine::builder(Arc::clone(&store), FarAway::default())
        .key(regrant::Key::from_bytes(7, &[9; 32]))
        .issuer("https://id.example")
        .authorization_code()
        .events(events.clone())
        .build()
        .unwrap();
    let port = Portal { engine, store: Arc::clone(&store), events: events.clone() };
    let mine = port.login(FAR, at(0));
    let theirs = port.login("https://other.example/client.json", at(0));
    events.take();
    let token = mine.refresh_token();
    let mut base = Parts::new("", &[("grant_type", "refresh_token"), ("refresh_token", &token), ("client_id", FAR)]);
    base.basic.clear();
    let (unknown_key, no_grant) = (crate::kit::altered(&token, 0), crate::kit::altered(&token, 5));
    let (made_up, others) = (forged(&token), theirs.refresh_token());
    for (why, text) in [
        ("Shape", "short"),
        ("UnknownKey", &unknown_key),
        ("NoGrant", &no_grant),
        ("Mac", &made_up),
        ("AnotherClient", &others),
    ] {
        let mut faults = common();
        faults.retain(|(why, _)| !["TwoAuthentications", "WrongSecret"].contains(why));
        faults.push(fault("TwoAuthentications", |parts| {
            parts.basic = vec![(FAR, SECRET)];
            parts.set("client_secret", SECRET);
        }));
        faults.push(fault(why, |parts| parts.set("refresh_token", text)));
        let judged_first = faults.len();
        // The site is down: a parameter that nobody knows tells the test so.
        faults.push(fault("ClientDocument", |parts| parts.set("down", "yes")));
        faults.push(fault("WrongSecret", |parts| parts.set("client_secret", SECRET)));
        faults.push(fault("Scope", |parts| parts.set("scope", "everything")));
        let clients = port.engine.clients();
        *clients.went_out.lock() = 0;
        earlier_wins(
            &base,
            &faults[..judged_first],
            |ask| port.engine.blocking().token(&ask.request(), at(1)).unwrap(),
            || refusals(&events.take()),
            || store.bytes(),
        );
        assert_eq!(*clients.went_out.lock(), 0, "nothing is fetched before {why}");
        earlier_wins(
            &base,
            &faults,
            |ask| {
                *clients.is_down.lock() = String::from_utf8_lossy(&ask.body).contains("down=yes");
                port.engine.blocking().token(&ask.request(), at(1)).unwrap()
            },
            || refusals(&events.take()),
            || store.bytes(),
        );
        *clients.is_down.lock() = false;
    }
    port.refresh(FAR, &token, at(2)).assert_ok();
}

/// A client with keys: its assertion by shape, then by claims, then by signature; all before the token, and its marker after
/// everything. So whatever is refused spends neither.
#[test]
fn an_assertion_is_judged_in_one_order() {
    use crate::kit::jwt::signed;
    use crate::kit::signer::{Signer, claims, with_assertion};
    let signer = Signer::new("one");
    let keyed = regrant::Client::confidential("key-client")
        .keys(signer.keys())
        .private_key_jwt(true)
        .grant_type("password")
        .grant_type("refresh_token")
        .scope(crate::kit::scope("read"));
    let world = World::new([app(), keyed], |builder| {
        builder
            .issuer(crate::kit::portal::ISSUER)
            .root_secret(regrant::RootSecret::from_bytes(1, &[5; 32]))
            .grant_handler(crate::kit::Password)
    });
    let login = form(with_assertion(crate::kit::LOGIN, &signer.assertion("key-client", "login", 0)));
    let token = world.send(&login, at(0)).refresh_token();
    let theirs = world.login(at(0)).refresh_token();
    world.events.take();
    let good = signer.assertion("key-client", "good", 1);
    let (kind, assertion) = ("client_assertion_type", "client_assertion");
    let jwt_bearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let mut base = Parts::new(
        "",
        &[("grant_type", "refresh_token"), ("refresh_token", &token), (kind, jwt_bearer), (assertion, &good)],
    );
    base.basic.clear();
    let of = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut claims = claims("key-client", "good", 1);
        change(&mut claims);
        signer.jwt(&signer.header("EdDSA"), &claims)
    };
    let nobody = of(&|claims| claims["sub"] = "nobody".into());
    let elsewhere = of(&|claims| claims["aud"] = "https://other.example".into());
    let stranger = Signer::new("another");
    let forged_one =
        signed(&signer.header("EdDSA"), &claims("key-client", "good", 1), |message| stranger.sign("EdDSA", message));
    let (no_grant, made_up) = (crate::kit::altered(&token, 5), forged(&token));
    for (why, text) in [("Shape", "short"), ("NoGrant", &no_grant), ("Mac", &made_up), ("AnotherClient", &theirs)] {
        let mut faults = common();
        faults.retain(|(why, _)| *why != "WrongSecret");
        faults.push(fault("Credentials", |parts| parts.set(kind, "urn:another")));
        faults.push(fault("Jws(Compact)", |parts| parts.set(assertion, "a.b")));
        faults.push(fault("ClientIdMismatch", |parts| parts.set("client_id", "app")));
        faults.push(fault("UnknownClient", |parts| parts.set(assertion, &nobody)));
        faults.push(fault("Audience", |parts| parts.set(assertion, &elsewhere)));
        faults.push(fault("Signature", |parts| parts.set(assertion, &forged_one)));
        faults.push(fault("UnsupportedGrantType", |parts| parts.set("grant_type", "urn:nobody")));
        faults.push(fault(why, |parts| parts.set("refresh_token", text)));
        faults.push(fault("Scope", |parts| parts.set("scope", "everything")));
        earlier_wins(
            &base,
            &faults,
            |ask| world.engine.blocking().token(&ask.request(), at(1)).unwrap(),
            || refusals(&world.events.take()),
            || world.store.bytes(),
        );
    }
    world.send(&base.ask(), at(1)).assert_ok();
}
