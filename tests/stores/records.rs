//! Records that are damaged or mixed up: they are found, and never rewritten or believed.

use std::sync::Arc;

use proptest::prelude::*;
use regrant::engine::BearerErrorKind;
use regrant::grant::DecodeError;
use regrant::store::StoreError;
use regrant::{Engine, Grant, Request, Scope, StaticClients};

use crate::kit::store::bytes::BytesStore;
use crate::kit::world::Injector;
use crate::kit::{Events, LOGIN, Reply, SECRET, World, app, at, check, form, renewal};

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
    assert_eq!(StoreError::from(DecodeError::Corrupt).kind(), regrant::store::StoreErrorKind::Corrupt);
}

/// Each bit of a record falls over once: every answer is a whole one, and what cannot be read is never rewritten.
#[test]
fn no_damaged_bit_of_a_record_breaks_an_answer() {
    let (disk, events) = (Arc::new(BytesStore::default()), Events::default());
    let clients = StaticClients::new().with(app().build().unwrap()).unwrap();
    let engine = Engine::builder(Arc::clone(&disk), clients).grant_handler(Injector).events(events).build().unwrap();
    let send = |body: &str, now| {
        let ask = form(body).basic("app", SECRET);
        let reply = Reply::of(&engine.blocking().token(&ask.request(), now).unwrap());
        check(&reply);
        reply
    };
    let first = send(LOGIN, at(0)).refresh_token();
    let second = send(&renewal(&first), at(1)).refresh_token();
    let third = send(&renewal(&second), at(2));
    let access = format!("Bearer {}", third.access_token());
    let request = Request::new("GET", b"").with_header("authorization", access.as_bytes());
    let (id, whole) = disk.raw().pop_first().unwrap();
    for bit in 0..whole.len() * 8 {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let can_be_read = Grant::decode(&damaged).is_ok();
        for token in [&first, &second, &third.refresh_token()] {
            disk.damage(id, damaged.clone());
            let bearer = engine.blocking().bearer(&request, &Scope::empty(), at(3)).unwrap();
            let reply = send(&renewal(token), at(3));
            if !can_be_read {
                assert_eq!(bearer.unwrap_err().kind(), BearerErrorKind::Unavailable);
                reply.assert_error(503, "temporarily_unavailable");
                assert_eq!(disk.raw()[&id], damaged);
            } else if reply.status != 200 {
                assert!(matches!(reply.status, 400 | 503), "bit {bit}: {reply:?}");
            }
        }
    }
}

/// A later version's record in this format: of a stage, or with a member, that nobody knows yet. It is refused, whatever is asked for, and
/// left as it is; who ends everything of a person ends it.
#[test]
fn a_stage_or_a_member_of_a_later_version_is_refused_and_left_alone() {
    let (disk, clients) = (Arc::new(BytesStore::default()), StaticClients::new().with(app().build().unwrap()).unwrap());
    let engine = Engine::builder(Arc::clone(&disk), clients).grant_handler(Injector).build().unwrap();
    let send = |body: &str| {
        let ask = form(body).basic("app", SECRET);
        Reply::of(&engine.blocking().token(&ask.request(), at(1_000)).unwrap())
    };
    let older = send(LOGIN).refresh_token();
    let current = send(&renewal(&older));
    let access = format!("Bearer {}", current.access_token());
    let request = Request::new("GET", b"").with_header("authorization", access.as_bytes());
    let (id, record) = disk.raw().pop_first().unwrap();
    for tail in [&b"\x0c"[..], b"\xff", b"\x01\x22\x00\x00", b"\x01\xfe\x00\x01x"] {
        let newer = [&[2], &record[1..], tail].concat();
        assert_eq!(Grant::decode(&newer), Err(DecodeError::NewerFormat), "{tail:?}");
        disk.damage(id, newer.clone());
        for token in [&older, &current.refresh_token()] {
            send(&renewal(token)).assert_error(503, "temporarily_unavailable");
        }
        let bearer = engine.blocking().bearer(&request, &Scope::empty(), at(1_000)).unwrap();
        assert_eq!(bearer.unwrap_err().kind(), BearerErrorKind::Unavailable, "{tail:?}");
        let about = form(format!("token={}", current.refresh_token())).basic("app", SECRET);
        let (revoked, asked) = (
            engine.blocking().revoke(&about.request(), at(1_000)).unwrap(),
            engine.blocking().introspect(&about.request(), at(1_000)).unwrap(),
        );
        assert_eq!((revoked.status(), asked.status()), (503, 503), "{tail:?}");
        assert_eq!(disk.raw()[&id], newer, "{tail:?}");
    }
    // What it was is as good as ever.
    disk.damage(id, record);
    send(&renewal(&current.refresh_token())).assert_ok();
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is read is written again byte for byte: damage is found, or kept, never made worse.
    #[test]
    fn what_can_be_read_is_written_as_it_was(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
        more in prop::collection::vec(any::<u8>(), 0..3),
    ) {
        let mut bytes = regrant::internal::sample_grant("alice", "app").encode();
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        bytes.extend(more);
        if let Ok(grant) = Grant::decode(&bytes) {
            prop_assert_eq!(grant.encode(), bytes);
        }
    }
}
