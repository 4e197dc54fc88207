//! Realms: JWTs and sessions of engines that share a store, and the grants that an engine had before it had a realm.

use std::collections::BTreeSet;
use std::sync::Arc;

use regrant::client::ClientBuilder;
use regrant::engine::KeyCheckError;
use regrant::jwt::{ClaimsProvider, IdClaims, IdTokenRequest};
use regrant::store::KeyFingerprint;
use regrant::{
    Access, Authorization, BuildError, Client, Engine, EngineBuilder, GrantId, Key, MemoryStore, Request, Scope,
    StaticClients, TokenStore,
};

use super::jwt::{both, ed25519};
use crate::kit::jwt::claims;
use crate::kit::schedule::{Scheduler, run};
use crate::kit::store::faulty;
use crate::kit::{Password, Reply, SECRET, Shelf, World, app, at, form, renewal, secret};

type Builder = EngineBuilder<Arc<Shelf>, StaticClients>;

fn key() -> Key {
    Key::from_bytes(1, &[7; 32])
}

/// The other client of alice's.
fn other() -> ClientBuilder {
    Client::confidential("other").secret(secret(SECRET)).grant_type("password").grant_type("refresh_token")
}

/// An engine on this store, under the one key, with two clients.
fn world(store: &Arc<Shelf>, change: impl FnOnce(Builder) -> Builder) -> World {
    let clients = [app(), other()]
        .into_iter()
        .fold(StaticClients::new(), |clients, client| clients.with(client.build().unwrap()).unwrap());
    let events = crate::kit::Events::default();
    let builder = Engine::builder(Arc::clone(store), clients).events(events.clone()).grant_handler(Password).key(key());
    World { engine: Arc::new(change(builder).build().unwrap()), store: Arc::clone(store), events }
}

fn login(world: &World, client: &str) -> Reply {
    let body = "grant_type=password&username=alice&password=wonderland";
    world.send(&form(body).basic(client, SECRET), at(0))
}

fn believes(world: &World, token: &str) -> Option<Access> {
    let header = format!("Bearer {token}");
    let request = Request::new("GET", b"").with_header("authorization", header.as_bytes());
    world.engine.blocking().bearer(&request, &Scope::empty(), at(1)).unwrap().ok()
}

fn sessions(world: &World, limit: usize) -> Vec<GrantId> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = world.engine.blocking().sessions("alice", after, limit, at(1)).unwrap().unwrap();
        found.extend(page.sessions.iter().map(regrant::engine::Session::id));
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

/// One issuer, one signing key, one audience; the second mode believes signatures alone.
#[test]
fn a_jwt_is_believed_in_its_realm_alone() {
    for tokens in both() {
        let store = Arc::new(Shelf::default());
        let jwt = |builder: Builder| {
            builder.issuer("https://id.example").signing_key(ed25519(1).0).jwt_access_tokens(tokens.clone())
        };
        let worlds = [
            world(&store, |builder| jwt(builder).realm("shop")),
            world(&store, |builder| jwt(builder).realm("bank")),
            world(&store, jwt),
        ];
        for (at, made) in worlds.iter().enumerate() {
            let token = login(made, "app").access_token();
            assert_eq!(claims(&token).get("realm").and_then(|realm| realm.as_str()), made.engine.realm());
            for (place, asked) in worlds.iter().enumerate() {
                let access = believes(asked, &token);
                assert_eq!(access.is_some(), place == at, "of {at}, at {place}");
                assert!(access.is_none_or(|access| access.subject() == Some("alice")));
            }
        }
    }
}

struct Nothing;

impl ClaimsProvider for Nothing {
    async fn claims(&self, _: &IdTokenRequest<'_>) -> Result<IdClaims, regrant::engine::HookError> {
        Ok(IdClaims::new())
    }
}

/// OpenID Connect Core section 3.1.2.1: an ID token of another realm is no hint here.
#[test]
fn an_id_token_is_a_hint_in_its_realm_alone() {
    let store = Arc::new(Shelf::default());
    let id = |builder: Builder| builder.issuer("https://id.example").signing_key(ed25519(1).0).id_tokens(Nothing);
    let shop = |builder: Builder| id(builder).realm("shop");
    let worlds = [world(&store, shop), world(&store, |builder| id(builder).realm("bank")), world(&store, id)];
    let openid = app().scope(crate::kit::scope("openid")).default_scope(crate::kit::scope("openid"));
    let issuing = {
        let clients = StaticClients::new().with(openid.build().unwrap()).unwrap();
        let builder = Engine::builder(Arc::clone(&store), clients).grant_handler(Password).key(key());
        shop(builder).build().unwrap()
    };
    let body = "grant_type=password&username=alice&password=wonderland";
    let ask = form(body).basic("app", SECRET);
    let token = Reply::of(&issuing.blocking().token(&ask.request(), at(0)).unwrap()).text("id_token");
    let hints = worlds.map(|world| world.engine.blocking().verify_id_token_hint(&token, Some("app")).unwrap().is_ok());
    assert_eq!(hints, [true, false, false]);
}

/// Naming a realm logs nobody out: grants of the clients that are adopted go on, stay as they are, and are listed and ended
/// with the rest.
#[test]
fn grants_from_before_the_realm_are_adopted_by_their_clients() {
    for tokens in both().map(Some).into_iter().chain([None]) {
        let store = Arc::new(Shelf::default());
        let jwt = |builder: Builder| match &tokens {
            Some(tokens) => {
                let builder = builder.issuer("https://id.example").signing_key(ed25519(1).0);
                builder.jwt_access_tokens(tokens.clone())
            }
            None => builder,
        };
        let before = world(&store, jwt);
        let (mine, foreign) = (login(&before, "app"), login(&before, "other"));
        let named = world(&store, |builder| jwt(builder).realm("shop").adopt_grants_of(["app"]));
        let walled = world(&store, |builder| jwt(builder).realm("shop"));
        for (world, client, login, works) in [
            (&named, "app", &mine, true),
            (&named, "other", &foreign, false),
            (&walled, "app", &mine, false),
            (&walled, "other", &foreign, false),
        ] {
            assert_eq!(believes(world, &login.access_token()).is_some(), works);
            let refreshed = world.send(&form(renewal(&login.refresh_token())).basic(client, SECRET), at(1));
            assert_eq!(refreshed.status == 200, works);
            if works {
                // A lost response, a replay and so on are judged as ever.
                let again = world.send(&form(renewal(&login.refresh_token())).basic(client, SECRET), at(2));
                assert_eq!(again.refresh_token(), refreshed.refresh_token());
                assert!(believes(world, &refreshed.access_token()).is_some());
            }
        }
        // It is what it was: nobody's of a realm.
        let of_nobody = named.engine.store().load(sessions(&before, 9)[0]);
        assert!(run(of_nobody).unwrap().is_some_and(|grant| grant.realm().is_none()));
        let new = login(&named, "app");
        assert!(believes(&before, &new.access_token()).is_none());
        let listed: Vec<BTreeSet<GrantId>> =
            [1, 2, 50].map(|limit| sessions(&named, limit).into_iter().collect()).into();
        assert!(listed.iter().all(|page| page.len() == 2 && *page == listed[0]), "{listed:?}");
        let (of_before, of_walled) = (sessions(&before, 50), sessions(&walled, 50));
        assert_eq!((of_before.len(), of_walled.len()), (2, 1));
        assert!(of_walled.iter().all(|id| listed[0].contains(id)));
        // Another client's grant from before is not this engine's to end.
        let foreign_id = of_before.iter().find(|id| !listed[0].contains(id)).unwrap();
        assert!(
            !named.engine.blocking().end_session("alice", *foreign_id, regrant::Timestamp::EPOCH).unwrap().unwrap()
        );
        assert_eq!(named.engine.blocking().end_sessions_of("alice", regrant::Timestamp::EPOCH).unwrap().unwrap(), 2);
        assert_eq!(sessions(&before, 50), [*foreign_id]);
    }
}

/// Fingerprints are of a realm: the same key is another in each, and a realm knows nothing of another's.
#[test]
fn keys_are_checked_in_their_realm() {
    let store = Arc::new(Shelf::durable());
    let engine = |key: Key, realm: Option<&str>, adopted: &[&str]| {
        let builder = Engine::builder(Arc::clone(&store), StaticClients::new()).key(key);
        let builder = realm.into_iter().fold(builder, EngineBuilder::realm);
        builder.adopt_grants_of(adopted.iter().copied()).build().unwrap()
    };
    let check = |key: Key, realm: Option<&str>| run(engine(key, realm, &[]).check_keys());
    let kept = || -> Vec<KeyFingerprint> { run(store.keep_key_fingerprints(&[])).unwrap() };
    let another = || Key::from_bytes(1, &[8; 32]);
    check(key(), Some("shop")).unwrap();
    check(key(), Some("shop")).unwrap();
    assert!(kept().is_empty(), "those of a realm are in a record of its own");
    // The same id, and another key: in another realm it is nobody's business.
    check(another(), Some("bank")).unwrap();
    check(another(), None).unwrap();
    assert_eq!(kept(), [another().fingerprint()]);
    for (wrong, realm) in [(another(), "shop"), (key(), "bank")] {
        assert!(matches!(check(wrong, Some(realm)), Err(KeyCheckError::Changed(1))));
    }
    let new = || Key::from_bytes(2, &[9; 32]);
    assert!(matches!(check(new(), Some("shop")), Err(KeyCheckError::Unknown)));
    // One that is known vouches for the new one.
    let both = Engine::builder(Arc::clone(&store), StaticClients::new()).key(new()).accept_key(key()).realm("shop");
    run(both.build().unwrap().check_keys()).unwrap();
    check(new(), Some("shop")).unwrap();
    run(engine(Key::from_bytes(3, &[1; 32]), Some("bank"), &[]).abandon_other_keys()).unwrap();
    check(Key::from_bytes(3, &[1; 32]), Some("bank")).unwrap();
    // Who adopts grants from before needs the key that these were made under.
    let adopting = |key: Key| run(engine(key, Some("new"), &["app"]).check_keys());
    assert!(matches!(adopting(key()), Err(KeyCheckError::Changed(1))));
    adopting(another()).unwrap();
}

/// Two nodes that start at the same moment with other keys of one id: wherever one overtakes the other, one of them hears of it.
#[test]
fn of_two_nodes_with_another_key_of_one_id_one_is_told() {
    for (known, polls) in [false, true].into_iter().flat_map(|known| (0..20).map(move |polls| (known, polls))) {
        let store = faulty::Shelf::of(Arc::new(Shelf::durable()));
        let node = |own: Key| {
            let builder = Engine::builder(Arc::clone(&store), StaticClients::new()).realm("shop").key(own);
            if known { builder.accept_key(key()) } else { builder }
        };
        if known {
            let first = Engine::builder(Arc::clone(&store), StaticClients::new()).realm("shop").key(key());
            run(first.build().unwrap().check_keys()).unwrap();
        }
        let [slow, quick] = [8, 9].map(|byte| node(Key::from_bytes(2, &[byte; 32])).build().unwrap());
        let mut scheduler = Scheduler::new();
        let checking = scheduler.spawn(slow.check_keys());
        let early = (0..polls).find_map(|_| scheduler.poll(checking));
        let quick = run(quick.check_keys());
        let slow = early.unwrap_or_else(|| (0..100).find_map(|_| scheduler.poll(checking)).unwrap());
        let told: Vec<KeyCheckError> = [slow, quick].into_iter().filter_map(Result::err).collect();
        assert!(matches!(told[..], [KeyCheckError::Changed(2)]), "{known}, overtaken after {polls}: {told:?}");
        // As `main` shows it.
        assert_eq!(format!("{:?}", told[0]), told[0].to_string());
    }
}

#[test]
fn names_of_realms_are_short_and_printable() {
    let builder = || Engine::builder(MemoryStore::new(), StaticClients::new());
    let longest = "r".repeat(64);
    for realm in ["a", "https://id.example/shop", "!~", &longest] {
        assert_eq!(builder().realm(realm).build().unwrap().realm(), Some(realm));
    }
    let too_long = "r".repeat(65);
    for realm in ["", " ", "the shop", "shop\u{1f}", "\u{1f}", "läden", "a\0", &too_long] {
        assert_eq!(builder().realm(realm).build().unwrap_err(), BuildError::Realm, "{realm:?}");
    }
    assert_eq!(builder().adopt_grants_of(["app"]).build().unwrap_err(), BuildError::RealmRequired);
}

/// The form of an owner in a realm begins with a character that no subject has, so nobody can be given a name in another realm.
#[test]
fn a_subject_cannot_write_a_realm() {
    let store = Arc::new(Shelf::default());
    for (subject, status) in [("\u{1f}shop\u{1f}alice", 500), ("a\u{1f}b", 500), ("shop|alice", 200)] {
        let clients = StaticClients::new().with(app().grant_type("named").build().unwrap()).unwrap();
        let engine =
            Engine::builder(Arc::clone(&store), clients).key(key()).grant_handler(Named(subject)).build().unwrap();
        let world =
            World { engine: Arc::new(engine), store: Arc::clone(&store), events: crate::kit::Events::default() };
        let reply = world.send(&form("grant_type=named").basic("app", SECRET), at(0));
        assert_eq!(reply.status, status, "{subject:?}");
    }
}

struct Named(&'static str);

impl regrant::GrantHandler for Named {
    fn grant_type(&self) -> &'static str {
        "named"
    }

    async fn authorize(&self, _: &regrant::GrantRequest<'_>) -> Result<Authorization, regrant::GrantError> {
        Ok(Authorization::of(self.0))
    }
}
