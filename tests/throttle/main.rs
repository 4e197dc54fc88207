//! How often anybody may guess: RFC 6749 sections 4.3.2 and 10.10. The counters themselves have their tests beside the code,
//! `src/throttle/tests.rs`, and their memory in `allocations/throttle.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test fails by panicking")]

#[path = "../kit/mod.rs"]
mod kit;

mod clients;
mod foreign;
mod passwords;
mod registration;

use std::net::{IpAddr, Ipv4Addr};

use regrant::Timestamp;

use crate::kit::{Ask, Reply, World, check};

/// Where those are who guess.
fn stranger(number: u32) -> IpAddr {
    Ipv4Addr::from(0x0a00_0000 + number).into()
}

/// Where the honest are.
fn home() -> IpAddr {
    "198.51.100.7".parse().unwrap()
}

#[track_caller]
fn send(world: &World, ask: &Ask, from: IpAddr, now: Timestamp) -> Reply {
    let request = ask.request().with_peer(from);
    let reply = Reply::of(&world.engine.blocking().token(&request, now).unwrap());
    check(&reply);
    reply
}

/// 429 that every SDK reads as what it is (RFC 6585 section 4): an OAuth error that is no end of a login, and when to come again.
#[track_caller]
fn assert_throttled(reply: &Reply, secs: u32) {
    reply.assert_error(429, "temporarily_unavailable");
    assert_eq!(reply.header("retry-after"), [secs.to_string()]);
    assert!(reply.header("www-authenticate").is_empty());
}
