//! Where a marker is kept: its id has 44 bits of a MAC, so in a large deployment two things come to have one id. Each is believed by 160
//! bits more, and goes to another place where something else is in its way (design, "Single use is `insert`").

use std::sync::Arc;
use std::time::Duration;

use regrant::{Endpoints, Grant, GrantId, RootSecret, Timestamp, TokenStore};

use crate::keyed::*;
use crate::kit::portal::{OnShelf, Portal, run};
use crate::kit::{Reply, Shelf, at};

/// The marker of the desk, of which there is one; what else it has are logins.
fn marker_of(desk: &OnShelf) -> Grant {
    let mut markers = desk.store.grants().into_iter().filter(Grant::is_marker);
    let marker = markers.next().expect("a marker");
    assert_eq!(markers.next(), None);
    marker
}

/// The same record of another thing, under the same id: the member begins with what it is of.
fn of_another(marker: &Grant, end: Option<Timestamp>) -> Grant {
    let mut record = marker.encode();
    let at = record.windows(3).rposition(|head| head[0] == 4 && head[1] == 0 && [40, 48].contains(&head[2])).unwrap();
    record[at + 3] ^= 1;
    let other = Grant::decode(&record).unwrap();
    assert_ne!(other, *marker);
    let Some(end) = end else { return other };
    let (old, new) = (marker.expires_at().as_millis().to_be_bytes(), end.as_millis().to_be_bytes());
    for place in 0..record.len() - 6 {
        if record[place..place + 6] == old[2..] {
            record[place..place + 6].copy_from_slice(&new[2..]);
        }
    }
    let other = Grant::decode(&record).unwrap();
    assert_eq!(other.expires_at(), end);
    other
}

fn taken_by_others(desk: &OnShelf, places: &[Grant]) {
    for place in places {
        desk.store.misplace(place.id(), of_another(place, None));
    }
}

fn keyed() -> OnShelf {
    desk([key_client()])
}

fn spend(desk: &OnShelf, body: &str, secs: u64) -> Reply {
    // Made at second 0, whenever it is sent.
    let assertion = signer().assertion("key-client", "a", 0);
    desk.ask(At::Token, &crate::kit::form(crate::kit::signer::with_assertion(body, &assertion)), secs)
}

/// The places of the assertion, in the order in which they are tried, and the marker as it is at the first.
fn places() -> Vec<Grant> {
    let mut others: Vec<Grant> = Vec::new();
    while others.len() < 4 {
        let desk = keyed();
        taken_by_others(&desk, &others);
        spend(&desk, CREDENTIALS, 0).assert_ok();
        let is_new = |id: GrantId| others.iter().all(|other| other.id() != id);
        let marker = desk.store.grants().into_iter().find(|grant| grant.is_marker() && is_new(grant.id()));
        others.push(marker.expect("it went to another place"));
    }
    others
}

#[test]
fn a_place_that_another_thing_has_is_stepped_over() {
    let places = places();
    assert!(places.iter().all(|place| place.id().as_u64() >> 62 == 0b11), "the ids of markers begin so");
    for taken in 0..4 {
        let desk = keyed();
        taken_by_others(&desk, &places[..taken]);
        spend(&desk, CREDENTIALS, 0).assert_ok();
        let held = desk.held();
        // Known again there, for the same and for something else; neither is written.
        spend(&desk, CREDENTIALS, 1).assert_ok();
        spend(&desk, "grant_type=client_credentials&scope=write", 1).assert_error(400, "invalid_grant");
        assert_eq!(desk.held(), held, "{taken}");
    }
}

/// After the last of them nobody is let in, and it may be sent again when a place is free.
#[test]
fn after_the_last_place_it_is_refused_and_not_spent() {
    let desk = keyed();
    let places = places();
    taken_by_others(&desk, &places);
    let held = desk.held();
    desk.events.take();
    spend(&desk, CREDENTIALS, 0).assert_error(503, "temporarily_unavailable");
    assert_eq!(desk.held(), held);
    assert!(desk.events.take().iter().any(|event| event.contains("Contention")));
    run(desk.store.remove(places[0].id())).unwrap();
    spend(&desk, CREDENTIALS, 1).assert_ok();
}

/// What would be gone first is not stepped over: its place would be free for what has been used already.
#[test]
fn what_ends_earlier_is_waited_for() {
    let first = &places()[0];
    let sooner = of_another(first, Some(first.expires_at() - Duration::from_millis(1)));
    let desk = keyed();
    desk.store.misplace(first.id(), sooner.clone());
    spend(&desk, CREDENTIALS, 0).assert_error(503, "temporarily_unavailable");
    assert_eq!(desk.store.grants(), [sooner]);
    // As long as the other is there, whatever the marker of this one would have done.
    run(desk.store.purge_expired(first.expires_at(), 10)).unwrap();
    spend(&desk, CREDENTIALS, 1).assert_ok();
    spend(&desk, "grant_type=client_credentials&scope=write", 1).assert_error(400, "invalid_grant");
}

/// As long as any node could accept the thing: until its end and the leeway, on a clock that is behind by the skew, where the marker was
/// purged by one that is ahead by it; and a store may take its time.
#[test]
fn a_marker_ends_no_earlier_than_anybody_could_accept_the_thing() {
    for (skew, is_durable) in [(5, false), (5, true), (30, true)] {
        let store = Arc::new(if is_durable { Shelf::durable() } else { Shelf::default() });
        let node = || -> OnShelf {
            Portal::new(Arc::clone(&store), [key_client()], |builder| {
                let builder = builder.root_secret(RootSecret::from_bytes(1, &[5; 32])).endpoints(Endpoints::new());
                builder.clock_skew(Duration::from_secs(skew))
            })
        };
        let desk = node();
        spend(&desk, CREDENTIALS, 0).assert_ok();
        let commit = if is_durable { 30 } else { 0 };
        // It says a minute; ten seconds are the leeway.
        assert_eq!(marker_of(&desk).expires_at(), at(60 + 10 + 2 * skew + commit));
        // The last moment of all, by a clock that is behind, after a purge by one that is ahead.
        run(store.purge_expired(at(60 + 10 + 2 * skew) - Duration::from_millis(1), 10)).unwrap();
        let other = node();
        spend(&other, "grant_type=client_credentials&scope=write", 69).assert_error(400, "invalid_grant");
        spend(&other, "grant_type=client_credentials&scope=write", 71).assert_error(401, "invalid_client");
    }
}
