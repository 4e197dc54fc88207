//! Attacks on devices, and by them: RFC 8628 section 5.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use regrant::client::{ClientRef, ClientsError, Lookup};
use regrant::engine::{DeviceAuthorization, DeviceError, EngineSlot};
use regrant::jwt::{JwtAccessTokens, SigningAlgorithm, SigningKey};
use regrant::throttle::MemoryThrottle;
use regrant::{
    Authorization, Client, Clients, Engine, Grant, Lifetimes, MemoryStore, Request, RootSecret, Scope, Timestamp,
    TokenStore as _,
};

use crate::kit::ask::FORM;
use crate::kit::registry::Registry;
use crate::kit::schedule::run;
use crate::kit::wire::Answer;
use crate::kit::{Shelf, at};
use crate::place::{BOX, Begun, DEVICE_CODE, KIOSK, Place, TV, of_robot, settings};

/// Section 5.1: a user code has few bits, so wrong ones are counted before they are looked at, by person and by address, and without the host
/// saying so.
#[test]
fn user_codes_are_guessed_a_few_times_an_hour() {
    for own in [true, false] {
        let place =
            Place::of(settings(), |builder| if own { builder } else { builder.throttle(MemoryThrottle::new()) });
        let begun = place.begin(TV);
        for _ in 0..5 {
            assert_eq!(place.find("BBBB-BBBB", "mallory").err(), Some(DeviceError::UnknownCode));
        }
        let refused = place.find("BBBB-BBBB", "mallory").err().unwrap();
        assert_eq!(refused.status(), 429);
        let right = place.find(&begun.user_code, "mallory").err().unwrap();
        assert_eq!(right, refused, "a right one is answered as a wrong one");
        assert!(place.find(&begun.user_code, "alice").is_ok(), "and nobody else is kept out");
        // What cannot be a code is no guess, and a right one costs nothing.
        for _ in 0..50 {
            assert_eq!(place.find("hello", "bob").err(), Some(DeviceError::UnknownCode));
            assert!(place.find(&begun.user_code, "bob").is_ok());
        }
    }
}

/// Nobody begins anew because the host builds another engine, for other lifetimes for example; neither with guesses nor with devices.
#[test]
fn an_engine_that_takes_anothers_place_goes_on_counting() {
    let store = Arc::new(MemoryStore::new());
    let build = || Place::on(Arc::clone(&store), settings().with_most_per_address(2), |builder| builder).engine;
    let slot = EngineSlot::new(build());
    let now = Timestamp::from_secs(1_700_000_000);
    let (peer, begins) = ("192.0.2.1".parse().unwrap(), Request::new("POST", TV.as_bytes()));
    let begins = begins.with_header("content-type", b"application/x-www-form-urlencoded").with_peer(peer);
    let (mut looked_at, mut begun) = (0, 0);
    for _ in 0..8 {
        let engine = slot.engine();
        let found = run(engine.device_login("BBBB-BBBB", "mallory", None, now));
        looked_at += usize::from(found.err() == Some(DeviceError::UnknownCode));
        begun += usize::from(run(engine.begin_device(&begins, now)).status() == 200);
        slot.exchange(build()).unwrap();
    }
    assert_eq!((looked_at, begun), (5, 2));
}

/// Off, for tests alone.
#[test]
fn without_the_limit_codes_are_guessed_as_often_as_anybody_likes() {
    let place = Place::of(settings().with_guess_limit(false), |builder| builder);
    for _ in 0..50 {
        assert_eq!(place.find("BBBB-BBBB", "mallory").err(), Some(DeviceError::UnknownCode));
    }
}

#[test]
fn many_people_at_one_address_guess_as_one() {
    let place = Place::new();
    let begun = place.begin(TV);
    let guess = |person: usize, code: &str, peer: &str| {
        let peer = Some(peer.parse().unwrap());
        let found = run(place.engine.device_login(code, &format!("mallory{person}"), peer, place.now()));
        found.map(drop).map_err(|error| error.status())
    };
    let looked_at = (0..100).filter(|person| guess(*person, "BBBB-BBBB", "2001:db8::1") == Err(400)).count();
    assert_eq!(looked_at, 15);
    assert_eq!(guess(200, &begun.user_code, "2001:db8::ffff"), Err(429), "the same network");
    assert_eq!(guess(200, &begun.user_code, "2001:db8:1::1"), Ok(()));
}

/// Whoever's client may have to be fetched: one address causes no more fetches than its share (client ID metadata documents section 6.5).
#[test]
fn the_client_is_looked_up_for_the_address_that_the_code_is_typed_in_at() {
    struct Asked(Registry, Arc<Mutex<Vec<Option<IpAddr>>>>);

    impl Clients for Asked {
        async fn find(&self, client_id: &str, lookup: Lookup) -> Result<Option<ClientRef<'_>>, ClientsError> {
            self.1.lock().push(lookup.peer());
            self.0.find(client_id, lookup).await
        }
    }

    let (registry, asked) = (Registry::default(), Arc::<Mutex<Vec<_>>>::default());
    registry.set(Client::public("tv").grant_type("urn:ietf:params:oauth:grant-type:device_code"));
    let engine = Engine::builder(MemoryStore::new(), Asked(registry, Arc::clone(&asked)))
        .root_secret(RootSecret::from_bytes(1, &[7; 32]))
        .issuer("https://id.example")
        .device_authorization(DeviceAuthorization::new("/device").with_public_clients(true))
        .build()
        .unwrap();
    let [sofa, phone]: [IpAddr; 2] = [[192, 0, 2, 1].into(), [192, 0, 2, 2].into()];
    let request = Request::new("POST", b"client_id=tv").with_peer(sofa);
    let begun = run(engine.begin_device(&request.with_header("content-type", FORM.as_bytes()), at(0)));
    let begun: serde_json::Value = serde_json::from_slice(begun.body()).unwrap();
    let user_code = begun["user_code"].as_str().unwrap().to_owned();
    assert_eq!(std::mem::take(&mut *asked.lock()), [Some(sofa)]);
    run(engine.device_login(&user_code, "alice", Some(phone), at(1))).unwrap();
    assert_eq!(std::mem::take(&mut *asked.lock()), [Some(phone)]);
}

/// By many people from many addresses: nobody is locked out by it, and the host hears of it.
#[test]
fn the_host_hears_of_many_guesses() {
    let place = Place::new();
    for person in 0..100 {
        assert!(place.find("BBBB-BBBB", &format!("mallory{person}")).is_err());
    }
    let begun = place.begin(TV);
    assert!(place.find(&begun.user_code, "alice").is_ok());
    let told = place.events.take();
    assert_eq!(told.iter().filter(|event| event.starts_with("UserCodesGuessed")).count(), 1, "{told:?}");
    assert!(told.iter().all(|event| !event.contains("BBBB") && !event.contains("mallory")));
}

/// One stranger fills 1,000 places of one client at most, and no more than some of them from one address.
#[test]
fn a_flood_of_devices_is_bounded() {
    let place = Place::new();
    let begin = |peer: &str| place.post(TV, Some(peer));
    for _ in 0..20 {
        assert_eq!(begin("192.0.2.1").status(), 200);
    }
    let refused = begin("192.0.2.1");
    assert_eq!(Answer::of(&refused).error(), Some("temporarily_unavailable"));
    assert_eq!((refused.status(), refused.headers().any(|header| header == ("retry-after", "600"))), (429, true));
    let mut full = 0;
    for address in 0..3_000_u32 {
        let [_, b, c, d] = address.to_be_bytes();
        let status = begin(&format!("10.{b}.{c}.{d}")).status();
        assert!(status == 200 || status == 429);
        full += usize::from(status == 429);
    }
    assert!(full > 1_000);
    assert!(place.engine.store().len() <= 2_000, "a device and its code each");
    // Another client has places of its own, and these are free again in time.
    assert_eq!(place.post(BOX, Some("192.0.2.2")).status(), 200);
    place.advance(600 + 300);
    assert_eq!(begin("192.0.2.1").status(), 200);
}

/// A place is used again: the code that was there before leads to nobody else's device.
#[test]
fn an_old_code_is_not_believed_in_a_place_that_is_another_s() {
    let place = Place::new();
    let old = place.begin(TV);
    place.advance(901);
    run(place.engine.store().purge_expired(place.now(), 100)).unwrap();
    // All places of the client, so that one of them is the old one.
    for _ in 0..1_500 {
        let _ = place.post(TV, None);
    }
    assert!(place.poll(TV, &old.device_code).is_invalid_grant());
    assert_eq!(place.find(&old.user_code, "alice").err(), Some(DeviceError::UnknownCode));
}

/// Of two answers one counts, and the other leaves nothing behind.
#[test]
fn of_two_people_who_answer_at_once_one_is_logged_in() {
    let place = Place::new();
    let begun = place.begin(TV);
    let alice = place.find(&begun.user_code, "alice").unwrap();
    let mallory = place.find(&begun.user_code, "mallory").unwrap();
    let stored = place.engine.store().len();
    let first = place.approve(&alice).unwrap();
    assert_eq!(place.approve(&alice), Ok(first), "the answer got lost");
    assert_eq!(place.approve(&mallory), Err(DeviceError::Answered));
    assert_eq!(place.deny(&mallory), Err(DeviceError::Answered), "nor is it taken back by somebody else");
    assert_eq!(place.engine.store().len(), stored + 1, "one grant, and none left over");
    assert!(place.poll(TV, &begun.device_code).is_ok());
    let sessions = |who| run(place.engine.sessions(who, None, 10, place.now())).unwrap().sessions.len();
    assert_eq!((sessions("alice"), sessions("mallory")), (1, 0));
}

/// At once: law `device_code_is_single_use`.
#[test]
fn polls_one_after_the_other_hear_the_same() {
    let place = Place::new();
    let begun = place.let_in(TV, "alice");
    let answers: Vec<Answer> = (0..4).map(|_| place.poll(TV, &begun.device_code)).collect();
    assert!(answers.iter().all(|answer| answer.is_ok() && answer.refresh_token() == answers[0].refresh_token()));
}

/// The codes that are out are found under both secrets while one takes the other's place.
#[test]
fn a_root_secret_is_replaced_while_devices_wait() {
    let [old, new] = [RootSecret::from_bytes(1, &[0x77; 32]), RootSecret::from_bytes(2, &[0x78; 32])];
    let place = Place::new();
    let begun = place.begin(TV);
    let until = Timestamp::from_secs(1_700_000_500);
    let next = Place::of(settings(), |builder| {
        builder.root_secret(new).subject_secret(old.subject_secret()).accept_root(old, until)
    });
    // Each has a store of its own here, so what is found is its own: written under the old one, and after its time under the new.
    let during = next.begin(TV);
    assert!(next.find(&during.user_code, "alice").is_ok());
    next.advance(400);
    let late = next.begin(TV);
    next.advance(200);
    assert!(next.find(&late.user_code, "alice").is_ok(), "written before the old one went");
    assert!(place.find(&begun.user_code, "alice").is_ok());
}

/// Meanwhile some nodes have not heard of the new secret, and later some have forgotten the old one.
#[test]
fn codes_are_found_by_nodes_that_know_one_of_two_root_secrets() {
    let [old, new] = [(1, 0x77), (2, 0x78)].map(|(id, byte)| RootSecret::from_bytes(id, &[byte; 32]));
    let store = Arc::new(MemoryStore::new());
    let before = Place::on(Arc::clone(&store), settings(), |builder| builder);
    let until = before.now() + Duration::from_secs(100);
    let kept = old.subject_secret();
    let during = Place::on(Arc::clone(&store), settings(), |builder| {
        builder.root_secret(new.clone()).subject_secret(kept).accept_root(old.clone(), until)
    });
    let kept = old.subject_secret();
    let after = Place::on(store, settings(), |builder| builder.root_secret(new).subject_secret(kept));
    let finds = |place: &Place<_>, code: &str| place.find(code, "alice").is_ok();
    let [early, newer] = [before.begin(TV).user_code, after.begin(TV).user_code];
    assert!(finds(&during, &early) && finds(&during, &newer));
    during.advance(99);
    let late = during.begin(TV).user_code;
    assert!(finds(&before, &late) && finds(&during, &late));
    // The old one goes now.
    during.advance(1);
    let next = during.begin(TV).user_code;
    assert!(finds(&after, &next));
    assert!([early, newer, late, next].iter().all(|code| finds(&during, code)));
}

/// An engine that takes another's place, and leaves out the secret that one accepted, finds the codes that are out.
#[test]
fn an_exchange_forgets_no_code_of_the_secret_before() {
    let [old, new] = [(1, 0x77), (2, 0x78)].map(|(id, byte)| RootSecret::from_bytes(id, &[byte; 32]));
    let store = Arc::new(MemoryStore::new());
    let node = |accepts_old: bool| {
        Place::on(Arc::clone(&store), settings(), |builder| {
            let builder = builder.root_secret(new.clone()).subject_secret(old.subject_secret());
            if accepts_old { builder.accept_root(old.clone(), Timestamp::from_secs(1_700_000_100)) } else { builder }
        })
    };
    let first = node(true);
    let (begun, now) = (first.begin(TV), first.now());
    let slot = EngineSlot::new(first.engine);
    for _ in 0..2 {
        slot.exchange(node(false).engine).unwrap();
        let engine = slot.engine();
        assert!(run(engine.device_login(&begun.user_code, "alice", None, now)).is_ok());
    }
}

/// A client that may not log devices in any more, or whose logins of before are void, is shown to nobody.
#[test]
fn a_client_that_has_lost_the_right_to_it_is_not_shown() {
    let store = Arc::new(MemoryStore::new());
    let place = Place::on(Arc::clone(&store), settings(), |builder| builder);
    let begun = place.begin(TV);
    let later = place.now() + Duration::from_millis(1);
    for (may_begin, not_before, is_shown) in
        [(true, place.now(), true), (true, later, false), (false, place.now(), false), (false, later, false)]
    {
        let settings = settings().with_public_clients(may_begin);
        let place = Place::on(Arc::clone(&store), settings, |builder| builder.not_before(not_before));
        let found = place.find(&begun.user_code, "alice").map(drop);
        assert_eq!(found, if is_shown { Ok(()) } else { Err(DeviceError::UnknownCode) }, "{may_begin} {not_before:?}");
    }
}

/// A store that gives another record than it was asked for: nobody lets another device in by this one's code.
#[test]
fn a_record_out_of_its_place_is_not_believed() {
    let store = Arc::new(Shelf::default());
    let place = Place::on(Arc::clone(&store), settings(), |builder| builder);
    let begun = place.begin(TV);
    let device = store.grants().into_iter().find(|grant| grant.client_id() == "public-tv").unwrap();
    let mut bytes = device.encode();
    bytes[9] ^= 1;
    store.misplace(device.id(), Grant::decode(&bytes).unwrap());
    assert_eq!(place.find(&begun.user_code, "alice").err(), Some(DeviceError::UnknownCode));
    assert!(place.poll(TV, &begun.device_code).is_unavailable());
}

/// A failover that loses the first answer: the tokens that are out are refused, the host hears why, and the record waits for its
/// device's code as before. Neither does a token that was made up move anything, nor is it told of.
#[test]
fn a_store_that_forgot_the_first_answer_is_told_of_and_moves_nothing() {
    for jwt in [false, true] {
        let store = Arc::new(Shelf::default());
        let place = Place::on(Arc::clone(&store), settings(), |builder| {
            let (key, _) = SigningKey::generate(SigningAlgorithm::Es256).unwrap();
            if jwt { builder.signing_key(key).jwt_access_tokens(JwtAccessTokens::new()) } else { builder }
        });
        let begun = place.let_in(TV, "alice");
        let approved = store.grants().into_iter().find(|grant| grant.subject() == Some("alice")).unwrap();
        let first = place.poll(TV, &begun.device_code);
        let second = place.refresh(TV, first.refresh_token());
        store.misplace(approved.id(), approved.clone());
        let stored = store.bytes();
        for token in [first.refresh_token(), second.refresh_token()] {
            place.events.take();
            assert!(place.refresh(TV, token).is_invalid_grant());
            assert_eq!(place.events.names(), ["StoreBehind", "Refused"]);
        }
        for token in [first.access_token(), second.access_token()] {
            let header = format!("Bearer {token}");
            let request = Request::new("GET", b"").with_header("authorization", header.as_bytes());
            place.events.take();
            assert!(run(place.engine.bearer(&request, &Scope::empty(), place.now())).is_err());
            assert_eq!(place.events.names()[0], "StoreBehind", "{jwt}");
        }
        place.events.take();
        let mut made_up = first.refresh_token().to_owned();
        let last = if made_up.pop() == Some('A') { 'Q' } else { 'A' };
        made_up.push(last);
        assert!(place.refresh(TV, &made_up).is_invalid_grant());
        assert_eq!(place.events.names(), ["Refused"]);
        assert_eq!(store.bytes(), stored);
        assert!(place.poll(TV, &begun.device_code).is_ok());
    }
}

/// A public client begins where the host lets it.
#[test]
fn public_clients_need_a_switch() {
    let place = Place::of(settings().with_public_clients(false), |builder| builder);
    assert_eq!(Answer::of(&place.post(TV, None)).error(), Some("unauthorized_client"));
    assert_eq!(place.post(BOX, None).status(), 200);
    assert_eq!(place.poll(TV, "x").error(), Some("unauthorized_client"));
}

/// A used code stays used. Where tokens do not rotate a refresh leaves the grant as the first answer did, and a store may keep the
/// device's record for longer than it counts.
#[test]
fn no_refresh_brings_a_used_code_back() {
    let place = Place::new();
    let begun = place.let_in(KIOSK, "alice");
    let first = place.poll(KIOSK, &begun.device_code);
    assert!(first.is_ok(), "{first:?}");
    place.advance(600 + 300);
    let refreshed = place.refresh(KIOSK, first.refresh_token());
    assert_eq!(refreshed.refresh_token(), first.refresh_token());
    assert!(place.poll(KIOSK, &begun.device_code).is_invalid_grant());
}

/// Section 3.3: what the person allowed. Who goes back and allows less is told that the first answer stands.
#[test]
fn an_answer_for_another_scope_is_not_the_same_again() {
    let place = Place::new();
    let begun = place.begin(TV);
    let login = place.find(&begun.user_code, "alice").unwrap();
    let first = place.approve(&login).unwrap();
    assert_eq!(place.approve(&login), Ok(first));
    let less = Authorization::of("alice").with_scope(Scope::parse("read").unwrap());
    assert_eq!(run(place.engine.approve_device(&login, less, place.now())), Err(DeviceError::Answered));
    assert_eq!(place.poll(TV, &begun.device_code).scope(), "read write");
}

/// A login never outlives what the host gives it, its time as an approved device included.
#[test]
fn a_login_that_has_ended_is_not_fetched() {
    let short = Lifetimes::default().with_absolute(Some(Duration::from_secs(300)));
    let place = Place::of(settings(), |builder| builder.lifetimes(short));
    let begun = [place.let_in(TV, "alice"), place.let_in(TV, "alice")];
    place.advance(299);
    assert!(place.poll(TV, &begun[0].device_code).is_ok());
    place.advance(1);
    assert_eq!(place.poll(TV, &begun[1].device_code).error(), Some("expired_token"));
}

/// RFC 7523 section 3, item 7: where a client's tokens do not rotate, each refresh looks like the first answer; a poll that was caught with
/// its assertion is not answered after it for as long as the record of the device is there.
#[test]
fn a_poll_that_was_caught_gets_nothing_after_the_window() {
    let place = Place::new();
    let begun = Begun::of(&place.post(&of_robot("scope=read", "begin"), None));
    place.approve(&place.find(&begun.user_code, "alice").unwrap()).unwrap();
    let poll = format!("grant_type={DEVICE_CODE}&device_code={}", begun.device_code);
    let caught = of_robot(&poll, "poll");
    let token = place.token(&caught).refresh_token().to_owned();
    let refresh = format!("grant_type=refresh_token&refresh_token={token}");
    place.advance(60);
    assert_eq!(place.token(&caught).refresh_token(), token, "an answer that got lost");
    for n in 0..4 {
        place.advance(60);
        assert!(place.token(&of_robot(&refresh, &format!("refresh {n}"))).is_ok());
        assert!(place.token(&caught).is_invalid_grant(), "{n}");
    }
    assert!(place.token(&of_robot(&refresh, "last")).is_ok(), "and the login goes on");
}

/// The same of the request that a device begins with: it takes no place of its client's any more.
#[test]
fn a_device_that_was_caught_beginning_fills_no_places() {
    let place = Place::new();
    let caught = of_robot("scope=read", "begin");
    for _ in 0..2 {
        Begun::of(&place.post(&caught, None));
        place.advance(60);
    }
    for _ in 0..3 {
        let response = place.post(&caught, None);
        assert_eq!(response.status(), 400);
        assert!(String::from_utf8_lossy(response.body()).contains("invalid_grant"));
        place.advance(60);
    }
    Begun::of(&place.post(&of_robot("scope=read", "another"), None));
}
