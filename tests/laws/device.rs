//! `device_code_is_single_use` and `user_code_guesses_are_bounded`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use regrant::engine::{DeviceAuthorization, DeviceError};
use regrant::{
    Authorization, Client, Engine, Key, Request, Response, RootSecret, Scope, StaticClients, Timestamp, TokenStore,
};
use serde_json::Value;

use super::cases;
use crate::kit::schedule::{Scheduler, run};
use crate::kit::store::faulty::{Fault, Faulty, Op, Shelf};
use crate::kit::wire::{Answer, Call};

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const TV: &str = "public-tv";
const START: Timestamp = Timestamp::from_millis(1_700_000_000_321);

type House<S> = Engine<Arc<Faulty<S>>, StaticClients>;

fn house<S: TokenStore>(store: &Shelf<S>) -> House<S> {
    let tv = Client::public(TV)
        .grant_type(DEVICE_CODE)
        .grant_type("refresh_token")
        .scope(Scope::parse("read").expect("a scope"))
        .retry_window(Duration::from_secs(60))
        .build()
        .expect("a client");
    Engine::builder(Arc::clone(store), StaticClients::new().with(tv).expect("one client"))
        .key(Key::from_bytes(1, &[0x11; 32]))
        .root_secret(RootSecret::from_bytes(1, &[0x77; 32]))
        .issuer("https://id.example")
        .device_authorization(DeviceAuthorization::new("/device").with_public_clients(true))
        .build()
        .expect("an engine")
}

async fn begin<S: TokenStore>(house: &House<S>, now: Timestamp) -> Response {
    let request = Request::new("POST", b"client_id=public-tv");
    house.begin_device(&request.with_header("content-type", b"application/x-www-form-urlencoded"), now).await
}

/// Device code and user code.
fn begun<S: TokenStore>(house: &House<S>, now: Timestamp) -> [String; 2] {
    let response = run(begin(house, now));
    let json: Value = serde_json::from_slice(response.body()).expect("JSON");
    ["device_code", "user_code"].map(|name| json[name].as_str().expect(name).to_owned())
}

/// What somebody does to one device, at the same time as the others.
#[derive(Clone, Copy, Debug)]
enum Act {
    Poll,
    Approve(u8),
    Deny(u8),
    EndAll(u8),
}

/// What came of it.
#[derive(Debug)]
enum Came {
    Polled(Answer),
    Approved(u8, Result<regrant::GrantId, DeviceError>),
    Denied(Result<(), DeviceError>),
    Ended,
}

const PEOPLE: [&str; 2] = ["alice", "bob"];

async fn act<S: TokenStore>(house: &House<S>, act: Act, codes: &[String; 2], now: Timestamp) -> Came {
    let [device_code, user_code] = codes;
    match act {
        Act::Poll => {
            let call = Call::from(TV).with("grant_type", DEVICE_CODE).with("device_code", device_code);
            Came::Polled(Answer::of(&house.token(&call.request(), now).await))
        }
        Act::Approve(who) => {
            let person = PEOPLE[usize::from(who)];
            let approved = match house.device_login(user_code, person, None, now).await {
                Ok(login) => house.approve_device(&login, Authorization::of(person), now).await,
                Err(error) => Err(error),
            };
            Came::Approved(who, approved)
        }
        Act::Deny(who) => {
            Came::Denied(match house.device_login(user_code, PEOPLE[usize::from(who)], None, now).await {
                Ok(login) => house.deny_device(&login, now).await,
                Err(error) => Err(error),
            })
        }
        Act::EndAll(who) => {
            let _ = house.end_sessions_of(PEOPLE[usize::from(who)], now).await;
            Came::Ended
        }
    }
}

/// However people answer and devices poll, at once and with requests that are dropped and stores that fail: one answer counts, one grant
/// comes of it, and all that the device is told is the same refresh token.
fn is_single_use<S: TokenStore>(store: Shelf<S>, acts: &[Act], faults: &[(Op, Fault)], order: &[u8]) -> TestCaseResult {
    let house = house(&store);
    let codes = begun(&house, START);
    for (op, fault) in faults {
        store.plan(*op, *fault);
    }
    let mut scheduler: Scheduler<'_, Came> = Scheduler::new();
    for one in acts {
        scheduler.spawn(act(&house, *one, &codes, START));
    }
    let mut came = Vec::new();
    for (at, number) in order.iter().map(|&number| usize::from(number)).chain(0..).enumerate() {
        let Some(task) = scheduler.pick(number) else { break };
        if at < order.len() && number % 16 == 15 {
            scheduler.drop(task);
        } else {
            came.extend(scheduler.poll(task));
        }
    }
    store.heal();
    store.catch_up();
    // Let in at last, if nobody has said anything.
    let now = START + Duration::from_secs(20);
    came.push(run(act(&house, Act::Approve(0), &codes, now)));
    for _ in 0..2 {
        came.push(run(act(&house, Act::Poll, &codes, now)));
    }
    let (mut tokens, mut approved, mut denied) = (Vec::new(), Vec::new(), false);
    for one in &came {
        match one {
            Came::Polled(answer) if answer.is_ok() => tokens.push(answer.refresh_token().to_owned()),
            Came::Polled(answer) => {
                let errors =
                    ["authorization_pending", "slow_down", "access_denied", "temporarily_unavailable", "invalid_grant"];
                prop_assert!(answer.error().is_some_and(|error| errors.contains(&error)), "{:?}", answer);
            }
            Came::Approved(who, Ok(id)) => approved.push((*who, *id)),
            Came::Denied(Ok(())) => denied = true,
            Came::Approved(..) | Came::Denied(_) | Came::Ended => {}
        }
    }
    approved.dedup();
    prop_assert!(approved.len() <= 1, "one person let it in, once: {:?}", approved);
    prop_assert!(!denied || approved.is_empty() && tokens.is_empty(), "no means no: {:?}", came);
    prop_assert!(tokens.windows(2).all(|pair| pair[0] == pair[1]), "{:?}", tokens);
    let sessions: Vec<_> = PEOPLE
        .iter()
        .flat_map(|person| run(house.sessions(person, None, 10, now)).expect("a list").sessions)
        .map(|session| session.id())
        .collect();
    prop_assert!(sessions.len() <= 1, "{:?}", sessions);
    let ended = acts.iter().any(|act| matches!(act, Act::EndAll(_)));
    if let Some(token) = tokens.first().filter(|_| !ended) {
        prop_assert_eq!(sessions.len(), 1);
        let next = |token: &str| Answer::of(&run(house.token(&Call::refresh(TV, token).request(), now)));
        let refreshed = next(token);
        prop_assert!(refreshed.is_ok(), "{:?}", refreshed);
        // From here on the code is worth nothing, and harms nobody.
        let Came::Polled(again) = run(act(&house, Act::Poll, &codes, now)) else { unreachable!() };
        prop_assert!(again.is_invalid_grant(), "{:?}", again);
        prop_assert!(next(refreshed.refresh_token()).is_ok());
    }
    Ok(())
}

/// Who guesses, from where, and how long after the one before.
#[derive(Clone, Copy, Debug)]
struct Guess {
    person: u8,
    address: u8,
    after: u64,
    right: bool,
}

/// In no hour are more than ten wrong codes of one person looked at, and thirty from one address; what is not looked at writes
/// nothing, and tells a right one from a wrong one no more.
fn guesses_are_bounded<S: TokenStore>(store: Shelf<S>, guesses: &[Guess]) -> TestCaseResult {
    let house = house(&store);
    let mut now = START;
    let mut looked_at: BTreeMap<(bool, u8), Vec<Timestamp>> = BTreeMap::new();
    let [_, mut user_code] = begun(&house, now);
    let mut begun_at = now;
    for guess in guesses {
        now = now + Duration::from_secs(guess.after);
        if now.since(begun_at).as_secs() > 500 {
            [_, user_code] = begun(&house, now);
            begun_at = now;
        }
        let code = if guess.right { user_code.clone() } else { wrong(&user_code, guess.after) };
        let person = format!("person {}", guess.person);
        let peer = std::net::IpAddr::from([192, 0, 2, guess.address]);
        let before = store.stored();
        let found = run(house.device_login(&code, &person, Some(peer), now)).map(drop);
        match found {
            Err(DeviceError::Throttled(_)) => prop_assert_eq!(store.stored(), before),
            Err(DeviceError::UnknownCode) => {
                prop_assert!(!guess.right);
                for (key, most) in [((false, guess.person), 10), ((true, guess.address), 30)] {
                    let times = looked_at.entry(key).or_default();
                    times.push(now);
                    times.retain(|time| now.since(*time) < Duration::from_secs(3_600));
                    prop_assert!(times.len() <= most, "{:?}", key);
                }
            }
            Ok(()) => prop_assert!(guess.right),
            other => prop_assert!(false, "{:?}", other),
        }
    }
    // Whoever has tried nothing is let in, whatever others did.
    let found = run(house.device_login(&user_code, "somebody else", Some([198, 51, 100, 1].into()), now)).map(drop);
    prop_assert_eq!(found, Ok(()));
    Ok(())
}

/// Another code than this one.
fn wrong(right: &str, salt: u64) -> String {
    let letters = "BCDFGHJKLMNPQRSTVWXZ";
    let at = usize::try_from(salt % 7).expect("a small number");
    let turned = |(place, letter): (usize, char)| {
        let next = letters.find(letter).map_or(letter, |at| letters.as_bytes()[(at + 1) % 20].into());
        if place == at || place == 8 { next } else { letter }
    };
    right.chars().enumerate().map(turned).collect()
}

fn fault() -> impl Strategy<Value = (Op, Fault)> {
    let op = prop::sample::select(vec![Op::Insert, Op::Load, Op::Swap, Op::Remove]);
    let fault = prop_oneof![
        2 => Just(Fault::None),
        1 => Just(Fault::NotApplied),
        1 => Just(Fault::LostBefore),
        2 => Just(Fault::LostAfter),
        1 => (1..8_u8).prop_map(Fault::Slow),
    ];
    (op, fault)
}

fn some_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => Just(Act::Poll),
        3 => (0..2_u8).prop_map(Act::Approve),
        1 => (0..2_u8).prop_map(Act::Deny),
        1 => (0..2_u8).prop_map(Act::EndAll),
    ]
}

fn guess() -> impl Strategy<Value = Guess> {
    let after = prop::sample::select(vec![0, 0, 0, 1, 60, 700, 3_000]);
    (0..3_u8, 0..2_u8, after, prop::bool::weighted(0.2)).prop_map(|(person, address, after, right)| Guess {
        person,
        address,
        after,
        right,
    })
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn device_code_is_single_use(
        acts in prop::collection::vec(some_act(), 1..7),
        faults in prop::collection::vec(fault(), 0..5),
        order in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        on_every_store!(is_single_use, &acts, &faults, &order);
    }

    #[test]
    fn user_code_guesses_are_bounded(guesses in prop::collection::vec(guess(), 1..120)) {
        on_every_store!(guesses_are_bounded, &guesses);
    }
}
