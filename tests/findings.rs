//! Attacks and accidents that once succeeded, each kept as a test.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;

use common::{Events, Password, Reply, SECRET, Shelf, World, app, at, form};
use regrant::{Client, ClientError, DecodeError, Engine, Grant, Key, Scope, StaticClients, StoreError, Timestamp};

/// A store mixes two records up: the replay of one token must not end the other's grant.
#[test]
fn a_record_of_another_id_is_damaged_and_ends_nobody() {
    let world = World::simple();
    let first = world.login(at(0));
    let [mine] = &world.store.grants()[..] else { panic!("one grant") };
    world.login(at(1));
    let theirs = world.store.grants().into_iter().find(|grant| grant.id() != mine.id()).unwrap();
    let mut bytes = mine.encode();
    bytes[2..10].copy_from_slice(&theirs.id().as_u64().to_be_bytes());
    // A later generation, so that the token counts as a replay.
    bytes[34..37].copy_from_slice(&[0, 0, 9]);
    world.store.misplace(mine.id(), Grant::decode(&bytes).unwrap());
    let stored = world.store.bytes();
    world.events.take();

    world.refresh(&first.refresh_token(), at(2)).assert_error(503, "temporarily_unavailable");
    let ask = form("").header("authorization", format!("Bearer {}", first.access_token()));
    let refused = world.engine.blocking().bearer(&ask.request(), &Scope::empty(), at(2)).unwrap().unwrap_err();
    assert_eq!(refused.status(), 503);
    assert_eq!(world.store.bytes(), stored, "nobody was logged out");
    assert!(world.events.take().iter().all(|event| event.contains("Corrupt")));
}

/// A damaged record whose fields would break out of the response, or stand in for its members.
#[test]
fn fields_that_are_not_members_of_their_own_are_damaged() {
    let world = World::simple();
    world.login(at(0));
    let record = world.store.grants()[0].encode();
    let without_fields = &record[..record.len() - 2];
    let with = |fields: &str| {
        let len = u16::try_from(fields.len()).unwrap().to_be_bytes();
        Grant::decode(&[without_fields, &len, fields.as_bytes()].concat())
    };
    assert!(with(r#""a":1,"b":[{"a":2}]"#).is_ok());
    for damaged in
        [" ", "\n", r#""access_token":"evil""#, r#""error":"x""#, r#""a":1,"a":2"#, r#""a":1},{"b":2"#, "1", ","]
    {
        assert_eq!(with(damaged), Err(DecodeError::Corrupt), "{damaged:?}");
    }
    assert_eq!(StoreError::from(DecodeError::Corrupt).kind(), regrant::StoreErrorKind::Corrupt);
}

/// A node whose clock says 1970 refreshes a session; on the other nodes it must live on.
#[test]
fn a_clock_far_behind_ends_no_session() {
    let world = World::simple();
    let first = world.login(at(0)).refresh_token();
    let second = world.refresh(&first, Timestamp::from_secs(10)).refresh_token();
    world.refresh(&second, at(60)).assert_ok();
}

/// Keys were rolled out in the wrong order: a retry reaches a node that has not got the record's key.
#[test]
fn a_retry_on_a_node_without_the_records_key_may_be_sent_again() {
    let store = Arc::new(Shelf::default());
    let events = Events::default();
    let key = |id| Key::from_bytes(id, &[id; 32]);
    let engine = |signing: Key, accepted: Option<Key>| {
        let clients = StaticClients::new().with(app().build().unwrap()).unwrap();
        let builder = Engine::builder(Arc::clone(&store), clients).grant(Password).events(events.clone()).key(signing);
        accepted.into_iter().fold(builder, regrant::EngineBuilder::accept_key).build().unwrap()
    };
    let (old, new) = (engine(key(1), None), engine(key(2), Some(key(1))));
    let send = |engine: &Engine<Arc<Shelf>, StaticClients>, body: &str, secs| {
        Reply::of(&engine.blocking().token(&form(body).basic("app", SECRET).request(), at(secs)).unwrap())
    };
    let first = send(&old, common::LOGIN, 0).refresh_token();
    let renewal = format!("grant_type=refresh_token&refresh_token={first}");
    let second = send(&new, &renewal, 1).refresh_token();
    let stored = store.bytes();
    send(&old, &renewal, 2).assert_error(503, "temporarily_unavailable");
    assert_eq!(store.bytes(), stored);
    assert_eq!(send(&new, &renewal, 3).refresh_token(), second);
}

/// A window without an end would turn detection off.
#[test]
fn a_retry_window_has_an_end() {
    let window = |window| Client::public("mobile").retry_window(window).build().map(drop);
    assert_eq!(window(Client::MAX_RETRY_WINDOW), Ok(()));
    assert_eq!(window(std::time::Duration::MAX), Err(ClientError::RetryWindow));
}
