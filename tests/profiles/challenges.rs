//! A challenge is for one session: atproto, "Proof Key for Code Exchange". It is spent where a person agrees, for 24 hours at least.

use std::sync::Arc;

use regrant::{Authorization, Request, TokenStore};

use crate::kit::profiles::{Hand, Pkce, Square, asking, phone, service, site, square};
use crate::kit::schedule::run;
use crate::kit::{Shelf, at};

const DAY: u64 = 86_400;

type Desk = Square<Arc<Shelf>>;

fn usual() -> Desk {
    square(Arc::new(Shelf::default()), &site(), &Hand::default(), |builder| builder)
}

/// What the client hears of a login with this challenge.
fn hears(square: &Desk, pkce: &Pkce, secs: u64) -> String {
    let query = square.pushed(&phone(), &asking(&phone(), pkce), secs);
    let landing = square.approve(&query, Authorization::of("alice"), secs).unwrap();
    landing.get("error").map_or_else(|| "a code".into(), str::to_owned)
}

/// Whatever time of the day it was.
#[test]
fn it_is_spent_for_a_day_at_least() {
    // The beginning of a day.
    let midnight = DAY - at(0).as_secs() % DAY;
    for first in [midnight, midnight + 1, midnight + DAY / 2, midnight + DAY - 1] {
        let (square, pkce) = (usual(), Pkce::new());
        assert_eq!(hears(&square, &pkce, first), "a code");
        for later in [0, 1, DAY / 2, DAY - 1, DAY] {
            assert_eq!(hears(&square, &pkce, first + later), "invalid_request", "{first} {later}");
        }
        assert!(square.events.take().iter().any(|event| event.contains("ChallengeSpent")));
        assert_eq!(hears(&square, &Pkce::new(), first), "a code", "another is another");
        // And not for ever.
        run(square.store.purge_expired(at(first + 5 * DAY), 100)).unwrap();
        assert!(square.store.bytes().is_empty(), "{first}");
    }
}

/// Two nodes, of which one's clock is on the other side of midnight.
#[test]
fn midnight_is_no_way_round() {
    let midnight = DAY - at(0).as_secs() % DAY;
    for (one, other) in [(midnight - 1, midnight + 1), (midnight + 1, midnight - 1)] {
        let (square, pkce) = (usual(), Pkce::new());
        assert_eq!(hears(&square, &pkce, one), "a code");
        assert_eq!(hears(&square, &pkce, other), "invalid_request");
    }
}

/// Law 20: what is pushed leaves nothing behind, and so does a page that nobody answers.
#[test]
fn a_push_spends_nothing() {
    let (square, pkce) = (usual(), Pkce::new());
    for _ in 0..3 {
        let query = square.pushed(&phone(), &asking(&phone(), &pkce), 0);
        let request = Request::new("GET", b"").with_query(query.as_bytes());
        run(square.engine.authorize(&request, at(0))).unwrap();
    }
    // Of a confidential one that nobody made by hand: its assertion neither.
    square.push(&service(), &asking(&service(), &pkce), 0);
    assert!(square.store.bytes().is_empty());
    assert_eq!(hears(&square, &pkce, 1), "a code");
}

/// The page comes back, because the answer got lost: that is the same session, which hears the same code.
#[test]
fn the_same_request_is_the_same_session() {
    let (square, pkce) = (usual(), Pkce::new());
    let query = square.pushed(&phone(), &asking(&phone(), &pkce), 0);
    let mut codes = (0..3).map(|secs| {
        let landing = square.approve(&query, Authorization::of("alice"), secs).unwrap();
        landing.get("code").unwrap().to_owned()
    });
    let first = codes.next().unwrap();
    assert!(codes.all(|code| code == first));
    // The same challenge, pushed again: another.
    assert_eq!(hears(&square, &pkce, 3), "invalid_request");
}

/// By the handle of a page as well, which is how hosts carry it.
#[test]
fn a_page_that_carries_it_spends_it_too() {
    let (square, pkce) = (usual(), Pkce::new());
    let query = square.pushed(&phone(), &asking(&phone(), &pkce), 0);
    let request = Request::new("GET", b"").with_query(query.as_bytes());
    let asked = run(square.engine.authorize(&request, at(0))).unwrap();
    let handle = square.engine.interaction_handle(&asked, at(0)).unwrap();
    let interaction = square.engine.open_interaction(&handle, at(300)).unwrap();
    let asked = run(square.engine.resume(&interaction)).unwrap();
    let alice = Authorization::of("alice").with_page_shown();
    assert!(run(square.engine.approve(&asked, alice, at(300))).unwrap().grant.is_some());
    assert_eq!(hears(&square, &pkce, 301), "invalid_request");
}
