//! Floods of guesses: the throttle takes its memory when it is made, and no byte more.

use std::net::{IpAddr, Ipv4Addr};

use allocation_counter::measure;
use regrant::throttle::{Guess, Guessed, MemoryThrottle, Throttle};
use regrant::{Engine, MemoryStore, StaticClients};

use super::{Subject, assert_only_the_body, assert_only_the_body_and_the_refusal, counted, ours, renewal};
use crate::kit::{LOGIN, app, at, form};

/// As many places as it has if nothing else is said, of 16 bytes: of eleven counters, and four times as many of logins.
const BYTES: i64 = (11 + 4) * 16_384 * 16;

fn stranger(number: u32) -> IpAddr {
    Ipv4Addr::from(0x0a00_0000 + number).into()
}

/// A hundred thousand addresses at one account, and as many at made-up names, clients and registrations.
#[test]
fn a_flood_of_guesses_takes_no_memory() {
    let mut made = None;
    let info = measure(|| made = Some(MemoryThrottle::new()));
    assert_eq!(info.bytes_current, BYTES, "3.75 MiB");
    let throttle = made.unwrap();
    let names: Vec<_> = (0..100_000).map(|number| format!("made up {number}")).collect();
    let info = measure(|| {
        for (number, name) in (0..).zip(&names) {
            for what in [
                Guessed::Password("alice"),
                Guessed::Password(name),
                Guessed::ClientSecret(name),
                Guessed::UserCode(name),
                Guessed::Registration,
                Guessed::RegistrationToken,
                Guessed::Token,
                Guessed::ForeignToken(name),
            ] {
                let guess = Guess::new(what, Some(stranger(number)));
                if let (Ok(counted), 0) = (throttle.guess(&guess, at(0)), number % 7) {
                    throttle.right(&guess, counted);
                }
            }
        }
    });
    assert_eq!((info.count_total, info.bytes_current), (0, 0));
}

/// A refresh and a retry ask nothing of it, and a wrong secret is refused as without it.
#[test]
fn a_refresh_beside_a_throttle_allocates_the_response_body_alone() {
    let clients = StaticClients::new().with(app().build().unwrap()).unwrap();
    let store = MemoryStore::builder().shards(1).build();
    let builder = Engine::builder(store, clients).grant_handler(Subject(regrant::ResponseFields::new()));
    let engine = builder.throttle(MemoryThrottle::new()).build().unwrap();
    let mut token = counted(&engine, &ours(LOGIN), at(0)).0.refresh_token();
    for secs in 1..20 {
        let (refreshed, info) = counted(&engine, &renewal(&token), at(secs));
        assert_only_the_body(refreshed.assert_ok(), info);
        let (retried, info) = counted(&engine, &renewal(&token), at(secs));
        assert_only_the_body(retried.assert_ok(), info);
        let (refused, info) = counted(&engine, &form(LOGIN).basic("app", "wrong"), at(secs));
        assert_only_the_body_and_the_refusal(refused.assert_error(401, "invalid_client"), info);
        token = refreshed.refresh_token();
    }
}
