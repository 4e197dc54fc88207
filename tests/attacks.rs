//! Attacks that failed, each kept as a test.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, PasswordHasher};
use bytes::Bytes;
use common::{Events, LOGIN, Password, Reply, SECRET, T0, World, app, at, form, scope};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use proptest::prelude::*;
use regrant::http::EndpointService;
use regrant::{
    Authorization, BearerErrorKind, Client, ClientSecret, Cursor, Durability, Engine, Grant, GrantError, GrantHandler,
    GrantId, GrantRequest, HookError, Inserted, Listed, MemoryStore, Owner, ReadyStore, RefreshHook, RefreshRequest,
    Renew, Request, ResponseFields, ResponseStyle, Scope, SlowVerifier, StaticClients, StoreError, Swap, Timestamp,
    TokenStore, Version,
};

fn renewal(token: &str) -> String {
    format!("grant_type=refresh_token&refresh_token={token}")
}

/// A thief finds out whether a token is still current: nothing is consumed, and nothing is extended by it.
#[test]
fn a_probe_with_a_scope_that_is_refused_keeps_nothing_alive_and_hides_no_replay() {
    let world = World::simple();
    let first = world.login(at(0)).refresh_token();
    let second = world.refresh(&first, at(1)).refresh_token();
    let stored = world.store.bytes();
    for probe in ["unheard-of", "%22", "admin"] {
        for token in [&second, &first] {
            let probe = format!("{}&scope={probe}", renewal(token));
            world.post(&probe, at(2)).assert_error(400, "invalid_scope");
        }
        assert_eq!(world.store.bytes(), stored);
    }
    world.refresh(&second, at(3)).assert_ok();
    world.events.take();
    world.post(&format!("{}&scope=%22", renewal(&first)), at(4)).assert_error(400, "invalid_grant");
    assert_eq!(world.events.names(), ["ReplayFound", "Revoked"]);
    assert!(world.store.bytes().is_empty());
}

/// A thief looks for a node whose clock is behind, to present a stolen token without being found out.
#[test]
fn a_node_whose_clock_is_behind_serves_no_thief() {
    let world = World::simple();
    let first = world.login(at(0)).refresh_token();
    world.refresh(&first, at(1_000)).assert_ok();
    let stored = world.store.bytes();
    world.events.take();
    for secs in [0, 500, 994] {
        let reply = world.refresh(&first, at(secs));
        reply.assert_error(503, "temporarily_unavailable");
        assert_eq!(world.store.bytes(), stored);
        let events = world.events.take();
        assert!(events.len() == 1 && events[0].contains("ClockBehind"), "{events:?}");
    }
    // Put off, not hidden.
    world.refresh(&first, at(1_120)).assert_error(400, "invalid_grant");
    assert_eq!(world.events.names(), ["ReplayFound", "Revoked"]);

    // And what is older than the predecessor is found by any clock.
    let first = world.login(at(2_000)).refresh_token();
    let second = world.refresh(&first, at(3_000)).refresh_token();
    world.refresh(&second, at(3_001)).assert_ok();
    world.refresh(&first, at(2_000)).assert_error(400, "invalid_grant");
    assert!(world.store.bytes().is_empty());
}

/// Lets one call wait once, and all others through.
#[derive(Clone, Default)]
struct Gate(Arc<AtomicBool>);

impl RefreshHook for Gate {
    async fn on_refresh(&self, _: &RefreshRequest<'_>) -> Result<Renew, HookError> {
        let waits = || self.0.swap(false, Ordering::Relaxed);
        std::future::poll_fn(|_| if waits() { Poll::Pending } else { Poll::Ready(Ok(Renew::Allow)) }).await
    }
}

/// A thief's request is in flight while the owner takes two steps: it is no proof of theft, the next one is.
#[test]
fn a_thief_who_was_overtaken_gets_nothing_and_is_found_by_the_next_try() {
    let gate = Gate::default();
    let world = World::new([app()], |builder| builder.grant(Password).on_refresh(gate.clone()));
    let first = world.login(at(0)).refresh_token();
    let ask = form(renewal(&first)).basic("app", SECRET);
    gate.0.store(true, Ordering::Relaxed);
    let thief = async { Reply::of(&world.engine.token(&ask.request(), at(1)).await) };
    let mut thief = std::pin::pin!(thief);
    let mut context = Context::from_waker(Waker::noop());
    assert!(thief.as_mut().poll(&mut context).is_pending());
    let second = world.refresh(&first, at(1)).refresh_token();
    let third = world.refresh(&second, at(1)).refresh_token();
    let stored = world.store.bytes();
    let Poll::Ready(reply) = thief.as_mut().poll(&mut context) else { panic!("still waiting") };
    reply.assert_error(503, "temporarily_unavailable");
    assert_eq!(world.store.bytes(), stored);
    world.events.take();
    world.refresh(&first, at(2)).assert_error(400, "invalid_grant");
    assert_eq!(world.events.names(), ["ReplayFound", "Revoked"]);
    world.refresh(&third, at(2)).assert_error(400, "invalid_grant");
}

static CLOCK: AtomicU64 = AtomicU64::new(T0);

/// A body whose second half takes a day.
struct Trickle(Vec<&'static [u8]>);

impl Body for Trickle {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        CLOCK.fetch_add(43_200, Ordering::Relaxed);
        Poll::Ready(self.0.pop().map(|part| Ok(Frame::data(Bytes::from_static(part)))))
    }
}

/// A request that is begun before something ends, and finished after it.
#[tokio::test]
async fn a_body_that_trickles_in_does_not_stop_the_clock() {
    let world = World::new([app()], |b| b.grant(Password).response_style(ResponseStyle::Katana));
    let service = EndpointService::token(Arc::clone(&world.engine))
        .with_clock(|| Timestamp::from_secs(CLOCK.load(Ordering::Relaxed)));
    let (head, tail) = LOGIN.as_bytes().split_at(20);
    let request = http::Request::post("/token")
        .header("content-type", common::ask::FORM)
        .header("authorization", common::basic("app", SECRET))
        .body(Trickle(vec![tail, head]))
        .unwrap();
    let response = service.respond(request).await;
    assert_eq!(response.status(), 200);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(String::from_utf8_lossy(&body).contains("Fri, 14 Aug 2020 01:51:00 GMT"), "{body:?}");
}

/// Clocks at every end, and jumps between them.
#[test]
fn no_clock_makes_it_panic_or_a_token_outlive_its_grant() {
    let ends =
        [0, 1, u64::from(u32::MAX) * 1_000, (1 << 32) * 1_000, 253_402_300_799_000, 253_402_300_800_000, 1 << 63];
    let times = ends.map(Timestamp::from_millis).into_iter().chain([Timestamp::MAX, at(0)]);
    for style in [ResponseStyle::Rfc6749, ResponseStyle::Katana] {
        for (login, later) in times.clone().flat_map(|login| times.clone().map(move |later| (login, later))) {
            let world = World::new([app()], |builder| builder.grant(Password).response_style(style));
            let reply = world.login(login);
            reply.assert_ok();
            let access = format!("Bearer {}", reply.access_token());
            let request = Request::new("GET", b"").header("authorization", access.as_bytes());
            for now in [later, login, later + Duration::from_secs(3_600), Timestamp::MAX] {
                let ends = world.store.grants()[0].expires_at();
                match world.engine.blocking().bearer(&request, &Scope::empty(), now).unwrap() {
                    Ok(access) => assert!(now < access.expires_at() && access.expires_at() <= ends),
                    Err(refused) => assert_eq!(refused.kind(), BearerErrorKind::InvalidToken),
                }
                let status = world.refresh(&reply.refresh_token(), now).status;
                assert!(matches!(status, 200 | 400 | 503), "{status}");
                if world.store.bytes().is_empty() {
                    break;
                }
            }
        }
    }
}

/// Gives a subject and fields that try to be more than that.
struct Injector;

const HOSTILE: [&str; 8] =
    ["\"", "\",\"access_token\":\"mine", "\\", "}{", "\r\nset-cookie: a=b", "\0", "\u{2028}</script>", "\u{fffe}é"];

impl GrantHandler for Injector {
    fn grant_type(&self) -> &'static str {
        "password"
    }

    async fn authorize(&self, _: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
        let fields = HOSTILE.iter().fold(ResponseFields::new(), |fields, text| fields.with(text, text).unwrap());
        Ok(Authorization::of(&HOSTILE.concat()).fields(fields))
    }
}

#[test]
fn no_field_breaks_out_of_the_response() {
    for style in [ResponseStyle::Rfc6749, ResponseStyle::Katana] {
        let world = World::new([app()], |builder| builder.grant(Injector).response_style(style));
        let login = world.login(at(0));
        for reply in [world.refresh(&login.refresh_token(), at(1)), login] {
            let members = reply.json();
            assert_eq!((reply.refresh_token().len(), reply.access_token().len()), (43, 67));
            assert!(HOSTILE.iter().all(|text| members[*text] == *text), "{members:?}");
            assert_eq!(String::from_utf8_lossy(&reply.body).matches("\"access_token\":").count(), 1);
        }
    }
}

/// Every bit of the mask, at the greatest length a scope can have.
#[test]
fn no_bit_of_the_mask_widens_a_scope() {
    let names: Vec<String> = (0..64).map(|at| format!("s{at}")).collect();
    let all = names.join(" ");
    let client = app().scope(scope(&all)).default_scope(scope(&all));
    let world = World::new([client], |builder| builder.grant(Password));
    let mut token = world.login(at(0)).refresh_token();
    for (place, name) in names.iter().enumerate() {
        let others = names.iter().filter(|other| *other != name).cloned().collect::<Vec<_>>().join("+");
        for (asked, is_in) in [(name.clone(), true), (others, false)] {
            let reply = world.post(&format!("{}&scope={asked}", renewal(&token)), at(1));
            token = reply.refresh_token();
            let access = format!("Bearer {}", reply.access_token());
            let request = Request::new("GET", b"").header("authorization", access.as_bytes());
            let access = world.engine.blocking().bearer(&request, &Scope::empty(), at(1)).unwrap().unwrap();
            assert_eq!(access.scope().as_str(), asked.replace('+', " "));
            assert_eq!(access.scope().contains(name), is_in);
            let next = world.engine.blocking().bearer(&request, &scope(&names[(place + 1) % 64]), at(1)).unwrap();
            assert_eq!(next.is_ok(), !is_in);
        }
    }
}

/// Guesses are many and must not push out what honest clients are remembered by.
#[test]
fn guesses_push_no_remembered_secret_out() {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let verifier = SlowVerifier::new(move |job: Box<dyn FnOnce() + Send>| {
        counted.fetch_add(1, Ordering::Relaxed);
        job();
    });
    let argon2 = Argon2::new(Algorithm::Argon2id, argon2::Version::V0x13, Params::new(8, 1, 1, None).unwrap());
    let hash = argon2.hash_password_with_salt(b"hunter2", b"salt salt").unwrap().to_string();
    let shop = Client::confidential("shop").secret(ClientSecret::from_phc(&hash).unwrap()).grant_type("password");
    let world = World::new([shop], |builder| builder.grant(Password).slow_verifier(verifier.remembered(1)));
    world.send(&form(LOGIN).basic("shop", "hunter2"), at(0)).assert_ok();
    for guess in 0..50 {
        world.send(&form(LOGIN).basic("shop", &format!("hunter{guess}x")), at(0)).assert_error(401, "invalid_client");
        world.send(&form(LOGIN).basic(&format!("no{guess}"), "guess"), at(0)).assert_error(401, "invalid_client");
    }
    assert_eq!(runs.swap(0, Ordering::Relaxed), 101);
    world.send(&form(LOGIN).basic("shop", "hunter2"), at(0)).assert_ok();
    assert_eq!(runs.load(Ordering::Relaxed), 0);
}

/// One user fills the store: that keeps others from logging in, and nothing else.
#[test]
fn a_store_that_was_filled_up_still_rotates_and_still_finds_replays() {
    let clients = StaticClients::new().with(app().build().unwrap()).unwrap();
    let store = MemoryStore::builder().capacity(100).shards(4).build();
    let engine = Engine::builder(store, clients).grant(Password).build().unwrap();
    let send = |body: &str, now| {
        let ask = form(body).basic("app", SECRET);
        Reply::of(&engine.blocking().token(&ask.request(), now).unwrap())
    };
    let first = send(LOGIN, at(0)).refresh_token();
    while send(LOGIN, at(0)).status == 200 {}
    send(LOGIN, at(0)).assert_error(503, "temporarily_unavailable");
    let second = send(&renewal(&first), at(1)).refresh_token();
    send(&renewal(&second), at(2)).assert_ok();
    send(&renewal(&first), at(3)).assert_error(400, "invalid_grant");
    assert_eq!(engine.store().len(), 99);
    send(LOGIN, at(4)).assert_ok();
    send(LOGIN, at(4)).assert_error(503, "temporarily_unavailable");
}

/// A store of bytes that somebody else writes to as well.
#[derive(Default)]
struct Disk(Mutex<BTreeMap<GrantId, Vec<u8>>>);

impl TokenStore for Disk {
    async fn insert(&self, grant: &Grant, _: Timestamp) -> Result<Inserted, StoreError> {
        self.0.lock().unwrap().insert(grant.id(), grant.encode());
        Ok(Inserted::Inserted)
    }

    async fn load(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        Ok(self.0.lock().unwrap().get(&id).map(|bytes| Grant::decode(bytes)).transpose()?)
    }

    async fn compare_and_swap(&self, expected: Version, next: &Grant, _: Timestamp) -> Result<Swap, StoreError> {
        let mut records = self.0.lock().unwrap();
        let Some(bytes) = records.get_mut(&next.id()) else { return Ok(Swap::Lost) };
        if Grant::decode(bytes)?.version() != expected {
            return Ok(Swap::Lost);
        }
        *bytes = next.encode();
        Ok(Swap::Swapped)
    }

    async fn remove(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        Ok(self.0.lock().unwrap().remove(&id).map(|bytes| Grant::decode(&bytes)).transpose()?)
    }

    async fn list(&self, _: &Owner, _: Option<Cursor>, _: usize) -> Result<Listed, StoreError> {
        Ok(Listed::default())
    }

    async fn purge_expired(&self, _: Timestamp, _: usize) -> Result<usize, StoreError> {
        Ok(0)
    }

    fn durability(&self) -> Durability {
        Durability::Volatile
    }
}

impl ReadyStore for Disk {}

/// Each bit of a record falls over once: every answer is a whole one, and what cannot be read is never rewritten.
#[test]
fn no_damaged_bit_of_a_record_breaks_an_answer() {
    let (disk, events) = (Arc::new(Disk::default()), Events::default());
    let clients = StaticClients::new().with(app().build().unwrap()).unwrap();
    let engine = Engine::builder(Arc::clone(&disk), clients).grant(Injector).events(events).build().unwrap();
    let send = |body: &str, now| {
        let ask = form(body).basic("app", SECRET);
        let reply = Reply::of(&engine.blocking().token(&ask.request(), now).unwrap());
        common::check(&reply);
        reply
    };
    let first = send(LOGIN, at(0)).refresh_token();
    let second = send(&renewal(&first), at(1)).refresh_token();
    let third = send(&renewal(&second), at(2));
    let access = format!("Bearer {}", third.access_token());
    let request = Request::new("GET", b"").header("authorization", access.as_bytes());
    let (id, whole) = disk.0.lock().unwrap().first_key_value().map(|(id, bytes)| (*id, bytes.clone())).unwrap();
    for bit in 0..whole.len() * 8 {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let can_be_read = Grant::decode(&damaged).is_ok();
        for token in [&first, &second, &third.refresh_token()] {
            *disk.0.lock().unwrap() = BTreeMap::from([(id, damaged.clone())]);
            let bearer = engine.blocking().bearer(&request, &Scope::empty(), at(3)).unwrap();
            let reply = send(&renewal(token), at(3));
            if !can_be_read {
                assert_eq!(bearer.unwrap_err().kind(), BearerErrorKind::Unavailable);
                reply.assert_error(503, "temporarily_unavailable");
                assert_eq!(disk.0.lock().unwrap()[&id], damaged);
            } else if reply.status != 200 {
                assert!(matches!(reply.status, 400 | 503), "bit {bit}: {reply:?}");
            }
        }
    }
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
        let mut bytes = Grant::sample("alice", "app").encode();
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
