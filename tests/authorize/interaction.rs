//! The interaction handle: what a page carries, who may answer it, and how often.

use std::sync::Arc;
use std::time::Duration;

use regrant::engine::{InteractionError, KeyCheckError, Person};
use regrant::jwt::JwtAccessTokens;
use regrant::{
    Authorization, BuildError, Denial, Engine, EngineBuilder, Grant, Key, MemoryStore, Request, RootSecret, Scope,
    StaticClients, Timestamp, TokenStore,
};

use crate::kit::bank::KEY;
use crate::kit::portal::{ISSUER, Landing, OnShelf, Portal, STATE, from, portal, query, redemption, run};
use crate::kit::store::faulty;
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
    assert!(world.store.grants().iter().all(Grant::is_marker), "no login");
    assert!(world.events.take().iter().any(|event| event.contains("Answered")));
}

/// Between the two writes of an approval there may be nothing but the first of them: the grant is then written by the next try. Later than a code
/// lives, the grant may have been redeemed and ended, and nothing begins anew.
#[test]
fn an_approval_that_was_dropped_goes_on_for_as_long_as_a_code_lives() {
    let world = world();
    let carried = handle(&world, &query("portal"), at(0));
    let login = || world.store.grants().into_iter().find(|grant| grant.subject().is_some()).unwrap();
    let first = code(&answer(&world, &carried, Says::Yes("alice"), at(1)).unwrap());
    let id = login().id();
    run(world.store.remove(id)).unwrap();
    let second = code(&answer(&world, &carried, Says::Yes("alice"), at(60)).unwrap());
    assert!(login().id() == id && second != first);
    world.send(&redeems(&first), at(60)).assert_error(400, "invalid_grant");
    world.send(&redeems(&second), at(60)).assert_ok();
    run(world.store.remove(id)).unwrap();
    assert_eq!(answer(&world, &carried, Says::Yes("alice"), at(61)).err(), Some(400));
    assert!(world.store.grants().iter().all(Grant::is_marker));
}

/// Law 9: what was redeemed and has ended stays so, though the same page is approved once more within a code's life and the grant has the
/// same id again: no JWT of before counts for it.
#[test]
fn a_page_that_is_approved_again_revives_no_token() {
    let world =
        world_on(&Arc::default(), |builder| builder.signing_key(KEY.clone()).jwt_access_tokens(JwtAccessTokens::new()));
    let carried = handle(&world, &query("portal"), at(0));
    let let_in = |token: &str, secs: u64| {
        let header = format!("Bearer {token}");
        let request = Request::new("GET", b"").with_header("authorization", header.as_bytes());
        run(world.engine.bearer(&request, &Scope::empty(), at(secs))).is_ok()
    };
    let mut before: Vec<String> = Vec::new();
    for secs in [1, 20, 21, 59] {
        let code = code(&answer(&world, &carried, Says::Yes("alice"), at(secs)).unwrap());
        assert!(!before.iter().any(|token| let_in(token, secs)), "while the code waits, at {secs}");
        let token = world.send(&redeems(&code), at(secs)).assert_ok().access_token();
        assert!(let_in(&token, secs) && !before.iter().any(|token| let_in(token, secs)), "at {secs}");
        before.push(token);
        assert_eq!(run(world.engine.end_sessions_of("alice", Timestamp::EPOCH)).unwrap(), 1);
    }
}

/// What the store says of the write of the grant is what the host hears; in doubt it is looked for.
#[test]
fn a_grant_whose_write_failed_is_written_by_the_next_try() {
    let store = faulty::Shelf::of(MemoryStore::new());
    let portal = Portal::new(Arc::clone(&store), [], |builder| builder.root_secret(root(1)));
    let asks = query("portal");
    let asked = run(portal.engine.authorize(&Request::new("GET", b"").with_query(asks.as_bytes()), at(0))).unwrap();
    let carried = portal.engine.interaction_handle(&asked, at(0)).unwrap();
    let interaction = portal.engine.open_interaction(&carried, at(1)).unwrap();
    let asked = run(portal.engine.resume(&interaction)).unwrap();
    let approved = |fault: faulty::Fault| {
        // That of the marker goes well.
        for fault in [faulty::Fault::None, fault] {
            store.plan(faulty::Op::Insert, fault);
        }
        let done = run(portal.engine.approve(&asked, Authorization::of("alice"), at(1))).unwrap();
        (done.grant, Landing::of(&done.response), portal.events.take().concat())
    };
    for (fault, told) in [(faulty::Fault::NotApplied, "NotApplied"), (faulty::Fault::LostBefore, "Indeterminate")] {
        let (grant, landing, events) = approved(fault);
        assert_eq!((grant, landing.get("error")), (None, Some("temporarily_unavailable")));
        assert!(events.contains(told), "{events}");
    }
    let (grant, landing, events) = approved(faulty::Fault::LostAfter);
    assert!(grant.is_some() && landing.get("code").is_some());
    assert_eq!(events.matches("CodeIssued").count(), 1, "{events}");
    let again = approved(faulty::Fault::None);
    assert_eq!((again.0, again.1), (grant, landing));
    assert!(!again.2.contains("CodeIssued"), "told once: {}", again.2);
}

/// An id is 44 bits, so another grant may have the place of the one that was made for this answer.
#[test]
fn the_code_of_another_grant_is_handed_to_nobody() {
    let Portal { engine, store, events } = OnShelf::on_shelf(|builder| builder.root_secret(root(1)));
    let world = World { engine: Arc::new(engine), store, events };
    let logins = || world.store.grants().into_iter().filter(|grant| grant.subject().is_some());
    let logged_in = |client_id: &str, subject: &str| {
        let before: Vec<_> = logins().map(|grant| grant.id()).collect();
        let carried = handle(&world, &query(client_id), at(0));
        let code = code(&answer(&world, &carried, Says::Yes(subject), at(1)).unwrap());
        (carried, code, logins().find(|grant| !before.contains(&grant.id())).unwrap())
    };
    let (carried, first, own) = logged_in("portal", "alice");
    for (client_id, subject) in [("rival", "alice"), ("portal", "bob")] {
        let (.., other) = logged_in(client_id, subject);
        world.store.misplace(own.id(), other);
        let refused = answer(&world, &carried, Says::Yes("alice"), at(2)).err();
        assert_eq!(refused, Some(400), "{subject} at {client_id}");
    }
    world.store.misplace(own.id(), own);
    assert_eq!(code(&answer(&world, &carried, Says::Yes("alice"), at(2)).unwrap()), first);
}

/// The page is shown again, after a wrong password: it is the same question, with the same end.
#[test]
fn a_page_that_is_shown_again_keeps_its_question() {
    let world = world();
    let carried = handle(&world, &query("portal"), at(0));
    let interaction = world.engine.open_interaction(&carried, at(10)).unwrap();
    let asked = run(world.engine.resume(&interaction)).unwrap();
    let again = world.engine.interaction_handle(&asked, at(10)).unwrap();
    let shown = format!("{interaction:?}");
    assert!(shown.contains("expires_at") && !shown.contains(STATE), "{shown}");
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

/// A page carries 40 KiB, as the request is written in it.
#[test]
fn a_request_is_as_long_as_a_page_can_carry() {
    let world = world();
    let long = |len: usize| {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(form_urlencoded::parse(query("portal").as_bytes()));
        for number in 0..5 {
            form.append_pair(&format!("long{number}"), &"a".repeat(8_000));
        }
        let form = format!("{}&last=", form.finish());
        let rest = len - form.len();
        form + &"a".repeat(rest)
    };
    let sealed = |len: usize| {
        let asks = long(len);
        let asked = run(world.engine.authorize(&Request::new("GET", b"").with_query(asks.as_bytes()), at(0))).unwrap();
        world.engine.interaction_handle(&asked, at(0))
    };
    let carried = sealed(40 * 1_024).unwrap();
    let landing = answer(&world, &carried, Says::Yes("alice"), at(1)).unwrap();
    world.send(&redeems(&code(&landing)), at(2)).assert_ok();
    for len in [40 * 1_024 + 1, 41 * 1_024] {
        assert_eq!(sealed(len).unwrap_err(), InteractionError::TooLong);
    }
}

#[test]
fn what_is_missing_is_said_in_words() {
    let builder = || Engine::builder(MemoryStore::new(), StaticClients::new());
    assert_eq!(builder().accept_root(root(1), at(0)).build().unwrap_err(), BuildError::RootSecretRequired);
    let twice = builder().root_secret(root(1)).accept_root(RootSecret::from_bytes(1, &[9; 32]), at(0));
    assert_eq!(twice.build().unwrap_err(), BuildError::DuplicateRoot);
    let day = Duration::from_secs(24 * 3_600);
    for lifetime in [Duration::ZERO, day + Duration::from_millis(1)] {
        let error = builder().interaction_lifetime(lifetime).build().unwrap_err();
        assert_eq!(error, BuildError::InteractionLifetime);
    }
    for lifetime in [Duration::from_millis(1), day] {
        assert!(builder().interaction_lifetime(lifetime).build().is_ok(), "{lifetime:?}");
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
