//! The interaction handle: what a page carries, who may answer it, and how often.

use std::sync::Arc;
use std::time::Duration;

use regrant::engine::{InteractionError, KeyCheckError, Person};
use regrant::{
    Authorization, BuildError, Denial, Engine, EngineBuilder, Key, MemoryStore, Request, RootSecret, StaticClients,
    Timestamp,
};

use crate::kit::portal::{ISSUER, Landing, STATE, from, portal, query, redemption, run};
use crate::kit::{Ask, Events, Shelf, World, at};

type Builder = EngineBuilder<Arc<Shelf>, StaticClients>;

fn root(id: u8) -> RootSecret {
    RootSecret::from_bytes(id, &[id; 32])
}

/// The second root secret, while the first is accepted until then.
fn replaced(builder: Builder, until: Timestamp) -> Builder {
    builder.root_secret(root(2)).accept_root(root(1), until).subject_secret(root(1).subject_secret())
}

fn world_on(store: &Arc<Shelf>, change: impl FnOnce(Builder) -> Builder) -> World {
    let clients = StaticClients::new().with(portal().build().unwrap()).unwrap();
    let events = Events::default();
    let builder = Engine::builder(Arc::clone(store), clients).events(events.clone()).key(Key::from_bytes(1, &[7; 32]));
    let builder = builder.issuer(ISSUER).authorization_code().root_secret(root(1));
    World { engine: Arc::new(change(builder).build().unwrap()), store: Arc::clone(store), events }
}

fn world() -> World {
    world_on(&Arc::default(), |builder| builder)
}

/// What the page of this request carries.
fn handle(world: &World, query: &str, now: Timestamp) -> String {
    let request = Request::new("GET", b"").with_query(query.as_bytes());
    let asked = run(world.engine.authorize(&request, at(0))).unwrap();
    world.engine.interaction_handle(&asked, now).unwrap()
}

#[derive(Clone, Copy)]
enum Says<'a> {
    Yes(&'a str),
    No(Person<'a>),
}

/// The form comes back: a redirect, or the status of what is shown.
fn answer(world: &World, handle: &str, says: Says<'_>, now: Timestamp) -> Result<Landing, u16> {
    let interaction = world.engine.open_interaction(handle, now).unwrap();
    let asked = run(world.engine.resume(&interaction)).unwrap();
    let answer = match says {
        Says::Yes(person) => {
            run(world.engine.approve(&asked, Authorization::of(person), now)).map(|done| done.response)
        }
        Says::No(person) => run(world.engine.deny(&asked, Denial::AccessDenied, person, now)),
    };
    answer.map(|response| Landing::of(&response)).map_err(|error| error.status())
}

fn redeems(code: &str) -> Ask {
    from("portal", &redemption("portal", code))
}

fn code(landing: &Landing) -> String {
    landing.get("code").unwrap().to_owned()
}

#[test]
fn a_page_carries_the_request_and_its_approval_redeems() {
    let world = world();
    let asks = query("portal");
    let carried = handle(&world, &asks, at(0));
    // It is sealed: nothing of the request can be read in it.
    assert!(
        !carried.contains("portal")
            && carried.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    );
    // The person takes longer than a pushed request lives.
    let landing = answer(&world, &carried, Says::Yes("alice"), at(1_700)).unwrap();
    assert_eq!(landing.get("state"), Some(STATE));
    world.send(&redeems(&code(&landing)), at(1_701)).assert_ok();
}

/// The same person hears the same code, as the answer may have got lost; all else is that it was answered.
#[test]
fn a_form_is_answered_once() {
    let world = world();
    let carried = handle(&world, &query("portal"), at(0));
    let first = code(&answer(&world, &carried, Says::Yes("alice"), at(1)).unwrap());
    assert_eq!(code(&answer(&world, &carried, Says::Yes("alice"), at(60)).unwrap()), first);
    assert_eq!(world.store.grants().iter().filter(|grant| grant.subject().is_some()).count(), 1);
    for (says, now) in [
        (Says::Yes("bob"), 2),
        (Says::No(Person::LoggedIn("alice")), 2),
        (Says::No(Person::AtThePage), 2),
        (Says::Yes("alice"), 61),
    ] {
        assert_eq!(answer(&world, &carried, says, at(now)).err(), Some(400));
    }
    world.send(&redeems(&first), at(3)).assert_ok();
    let stored = world.store.bytes();
    assert_eq!(answer(&world, &carried, Says::Yes("alice"), at(4)).err(), Some(400));
    assert_eq!(world.store.bytes(), stored);
    // Another showing of the page is another question.
    let other = handle(&world, &query("portal"), at(0));
    assert_ne!(code(&answer(&world, &other, Says::Yes("bob"), at(5)).unwrap()), first);
}

#[test]
fn a_no_is_no_yes_afterwards() {
    let world = world();
    let carried = handle(&world, &query("portal"), at(0));
    for now in [1, 2] {
        let landing = answer(&world, &carried, Says::No(Person::LoggedIn("alice")), at(now)).unwrap();
        assert_eq!(landing.get("error"), Some("access_denied"));
    }
    assert_eq!(answer(&world, &carried, Says::Yes("alice"), at(3)).err(), Some(400));
    assert!(world.store.grants().iter().all(regrant::Grant::is_marker), "no login");
    assert!(world.events.take().iter().any(|event| event.contains("Answered")));
}

/// The page is shown again, after a wrong password: it is the same question, with the same end.
#[test]
fn a_page_that_is_shown_again_keeps_its_question() {
    let world = world();
    let carried = handle(&world, &query("portal"), at(0));
    let interaction = world.engine.open_interaction(&carried, at(10)).unwrap();
    let asked = run(world.engine.resume(&interaction)).unwrap();
    let again = world.engine.interaction_handle(&asked, at(10)).unwrap();
    assert_ne!(again, carried);
    assert_eq!(world.engine.open_interaction(&again, at(10)).unwrap().expires_at(), interaction.expires_at());
    let first = code(&answer(&world, &carried, Says::Yes("alice"), at(11)).unwrap());
    assert_eq!(code(&answer(&world, &again, Says::Yes("alice"), at(12)).unwrap()), first);
}

#[test]
fn only_this_engines_handles_are_opened_and_in_time() {
    let store = Arc::new(Shelf::default());
    let world = world_on(&store, |builder| builder);
    let carried = handle(&world, &query("portal"), at(0));
    assert!(world.engine.open_interaction(&carried, at(1_799)).is_ok());
    assert_eq!(world.engine.open_interaction(&carried, at(1_800)).unwrap_err(), InteractionError::NotOurs);
    for end in [0, 1, 10, carried.len() - 1] {
        assert_eq!(world.engine.open_interaction(&carried[..end], at(1)).unwrap_err(), InteractionError::NotOurs);
    }
    for place in 0..carried.len() {
        let mut altered = carried.clone();
        let other = if &carried[place..=place] == "A" { "B" } else { "A" };
        altered.replace_range(place..=place, other);
        assert_eq!(world.engine.open_interaction(&altered, at(1)).unwrap_err(), InteractionError::NotOurs, "{place}");
    }
    let others: [fn(Builder) -> Builder; 4] = [
        |builder| builder.realm("shop"),
        |builder| builder.root_secret(root(2)),
        |builder| builder.root_secret(RootSecret::from_bytes(1, &[9; 32])),
        |builder| builder.issuer("https://other.example"),
    ];
    for other in others {
        let refused = world_on(&store, other).engine.open_interaction(&carried, at(1)).unwrap_err();
        assert_eq!(refused, InteractionError::NotOurs);
    }
    // Too late while the person reads it: opened in time, approved after.
    let interaction = world.engine.open_interaction(&carried, at(1_799)).unwrap();
    let asked = run(world.engine.resume(&interaction)).unwrap();
    let late = run(world.engine.approve(&asked, Authorization::of("alice"), at(1_800))).unwrap_err();
    assert_eq!(late.status(), 400);
    assert!(store.grants().is_empty());
}

/// What was sealed and answered under the old secret counts until that goes, on nodes that have the new one and on those that
/// have not.
#[test]
fn a_root_secret_is_replaced_without_a_second_answer() {
    let store = Arc::new(Shelf::default());
    let old = world_on(&store, |builder| builder);
    let new = world_on(&store, |builder| replaced(builder, at(2_000)));
    let later = world_on(&store, |builder| replaced(builder, at(0)));
    let carried = handle(&old, &query("portal"), at(0));
    let first = code(&answer(&old, &carried, Says::Yes("alice"), at(1)).unwrap());
    assert_eq!(code(&answer(&new, &carried, Says::Yes("alice"), at(2)).unwrap()), first);
    assert_eq!(answer(&new, &carried, Says::Yes("bob"), at(2)).err(), Some(400));
    assert_eq!(later.engine.open_interaction(&carried, at(2)).unwrap_err(), InteractionError::NotOurs);
    // Sealed under the new one, and answered where the old one has just gone: it is looked for under both.
    let carried = handle(&new, &query("portal"), at(10));
    let first = code(&answer(&new, &carried, Says::Yes("alice"), at(11)).unwrap());
    assert_eq!(code(&answer(&later, &carried, Says::Yes("alice"), at(12)).unwrap()), first);
    assert_eq!(answer(&later, &carried, Says::Yes("bob"), at(12)).err(), Some(400));
}

#[test]
fn what_is_missing_is_said_in_words() {
    let builder = || Engine::builder(MemoryStore::new(), StaticClients::new());
    assert_eq!(builder().accept_root(root(1), at(0)).build().unwrap_err(), BuildError::RootSecretRequired);
    let twice = builder().root_secret(root(1)).accept_root(RootSecret::from_bytes(1, &[9; 32]), at(0));
    assert_eq!(twice.build().unwrap_err(), BuildError::DuplicateRoot);
    for lifetime in [Duration::ZERO, Duration::from_secs(24 * 3_600 + 1)] {
        let error = builder().interaction_lifetime(lifetime).build().unwrap_err();
        assert_eq!(error, BuildError::InteractionLifetime);
    }
    let without = World::new([portal()], |builder| builder.issuer(ISSUER).authorization_code());
    let asks = query("portal");
    let request = Request::new("GET", b"").with_query(asks.as_bytes());
    let asked = run(without.engine.authorize(&request, at(0))).unwrap();
    assert_eq!(without.engine.interaction_handle(&asked, at(0)).unwrap_err(), InteractionError::NoRootSecret);
}

/// Another root secret of the same id is found at start, as another key is.
#[test]
fn root_secrets_are_known_again() {
    let store = Arc::new(Shelf::durable());
    let check = |change: fn(Builder) -> Builder| run(world_on(&store, change).engine.check_keys());
    check(|builder| builder).unwrap();
    check(|builder| builder).unwrap();
    assert!(matches!(
        check(|builder| builder.root_secret(RootSecret::from_bytes(1, &[9; 32]))),
        Err(KeyCheckError::Changed(1))
    ));
    assert!(matches!(check(|builder| builder.root_secret(root(2))), Err(KeyCheckError::Unknown)));
    check(|builder| replaced(builder, at(0))).unwrap();
    check(|builder| builder.root_secret(root(2)).subject_secret(root(1).subject_secret())).unwrap();
    check(|builder| builder.root_secret(root(3)).realm("shop")).unwrap();
}
