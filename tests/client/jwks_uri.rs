//! Clients whose keys are at a URL: fetched when they authenticate, anew for a key that is not there, and never for nothing. RFC 7591
//! section 2 (`jwks_uri`).

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use parking_lot::Mutex;
use regrant::RootSecret;
use regrant::fetch::{Fetch, FetchError, FetchLimits, FetchResponse, FetchUrl};
use serde_json::json;

use crate::keyed::*;
use crate::kit::portal::{OnShelf, Portal};
use crate::kit::schedule::run_and_drop;
use crate::kit::signer::{Signer, claims, with_assertion};
use crate::kit::{Reply, Shelf, at, form, renewal};

const URL: &str = "https://app.example/jwks.json";

/// A site that has a JWK set, or is down, or does not answer for now.
#[derive(Clone, Default)]
struct Site {
    has: Arc<Mutex<(Option<Vec<u8>>, usize)>>,
    hangs: Arc<AtomicBool>,
}

impl Site {
    fn of(signer: &Signer) -> Self {
        let site = Self::default();
        site.says(signer.jwks().to_string().as_bytes());
        site
    }

    fn says(&self, body: &[u8]) {
        self.has.lock().0 = Some(body.to_vec());
    }

    fn is_down(&self) {
        self.has.lock().0 = None;
    }

    /// How often it was asked since this was asked last.
    fn fetches(&self) -> usize {
        std::mem::take(&mut self.has.lock().1)
    }
}

impl Fetch for Site {
    async fn fetch(&self, url: &FetchUrl, _: &FetchLimits) -> Result<FetchResponse, FetchError> {
        assert_eq!(url.as_str(), URL);
        self.has.lock().1 += 1;
        // Looked at whenever it is polled: tests poll by themselves.
        poll_fn(|_| if self.hangs.load(Ordering::Relaxed) { Poll::Pending } else { Poll::Ready(()) }).await;
        let body = self.has.lock().0.clone().ok_or(FetchError::TimedOut)?;
        let response = FetchResponse::new(200, body).with_header("content-type", b"application/jwk-set+json");
        Ok(response.with_header("cache-control", b"max-age=3600"))
    }

    /// Stands for one that is a task.
    fn goes_on_unpolled(&self) -> bool {
        true
    }
}

fn desk_with(site: &Site) -> OnShelf {
    let client = able("key-client").jwks_uri(URL).private_key_jwt(true);
    Portal::new(Arc::new(Shelf::default()), [client], |builder| {
        builder.root_secret(RootSecret::from_bytes(1, &[5; 32])).endpoints(places()).fetch(site.clone())
    })
}

fn ask(desk: &OnShelf, signer: &Signer, jti: &str, secs: u64) -> Reply {
    desk.ask(At::Token, &form(with_assertion(CREDENTIALS, &signer.assertion("key-client", jti, secs))), secs)
}

#[test]
fn they_are_fetched_once_while_fresh() {
    let site = Site::of(&signer());
    let desk = desk_with(&site);
    for n in 0..5 {
        ask(&desk, &signer(), &n.to_string(), n).assert_ok();
    }
    assert_eq!(desk.by_key(At::Introspection, "token=x", "i", 6).status, 200);
    assert_eq!(site.fetches(), 1);
}

#[test]
fn a_key_that_is_new_is_fetched_and_one_that_is_gone_is_refused() {
    let (old, new) = (signer(), Signer::new("new"));
    let site = Site::of(&old);
    let desk = desk_with(&site);
    let token = login(&desk, "a", 0);
    site.says(new.jwks().to_string().as_bytes());
    let reply =
        desk.ask(At::Token, &form(with_assertion(&renewal(&token), &new.assertion("key-client", "b", 100))), 100);
    reply.assert_ok();
    assert_eq!(site.fetches(), 2);
    ask(&desk, &old, "c", 200).assert_error(401, "invalid_client");
}

/// RFC 7515 section 4.1.4: `kid` may be left out, in set and header alike. Then the signature says whether the set is old.
#[test]
fn keys_without_names_are_replaced_too() {
    let unnamed = |signer: &Signer| {
        let mut set = signer.jwks();
        for key in set["keys"].as_array_mut().unwrap() {
            key.as_object_mut().unwrap().remove("kid");
        }
        set.to_string()
    };
    let (old, new) = (signer(), Signer::new("new"));
    let site = Site::default();
    site.says(unnamed(&old).as_bytes());
    let desk = desk_with(&site);
    let ask = |signer: &Signer, jti: &str, secs: u64| {
        let assertion = signer.jwt(&json!({"alg": "EdDSA"}), &claims("key-client", jti, secs));
        desk.ask(At::Token, &form(with_assertion(CREDENTIALS, &assertion)), secs)
    };
    ask(&old, "a", 0).assert_ok();
    ask(&old, "b", 1).assert_ok();
    assert_eq!(site.fetches(), 1);
    site.says(unnamed(&new).as_bytes());
    ask(&new, "c", 100).assert_ok();
    assert_eq!(site.fetches(), 1);
    ask(&old, "d", 200).assert_error(401, "invalid_client");
    assert_eq!(site.fetches(), 1);
    // Nobody's key, many times: one fetch a minute.
    for n in 0..100 {
        let reply = ask(&Signer::new("evil"), &format!("e{n}"), 300);
        assert!(matches!(reply.status, 401 | 503), "{reply:?}");
    }
    assert_eq!(site.fetches(), 1);
    ask(&new, "f", 301).assert_ok();
}

/// A stranger who makes up a `kid` for each request causes one fetch a minute, and none where the claims are wrong.
#[test]
fn a_made_up_kid_is_no_button_for_fetches() {
    let site = Site::of(&signer());
    let desk = desk_with(&site);
    ask(&desk, &signer(), "a", 0).assert_ok();
    assert_eq!(site.fetches(), 1);
    for n in 0..600 {
        let secs = 60 + n / 2;
        let header = json!({"alg": "EdDSA", "kid": format!("made up {n}")});
        let assertion = Signer::new("evil").jwt(&header, &claims("key-client", &n.to_string(), secs));
        let reply = desk.ask(At::Token, &form(with_assertion(CREDENTIALS, &assertion)), secs);
        assert!(matches!(reply.status, 401 | 503), "{reply:?}");
    }
    let fetches = site.fetches();
    assert!((1..=6).contains(&fetches), "{fetches} in five minutes");
    for n in 0..100 {
        let mut claims = claims("key-client", "x", 1_000);
        claims["aud"] = json!("https://evil.example");
        let assertion = Signer::new("evil").jwt(&json!({"alg": "EdDSA", "kid": format!("{n}")}), &claims);
        desk.ask(At::Token, &form(with_assertion(CREDENTIALS, &assertion)), 1_000).assert_error(401, "invalid_client");
    }
    assert_eq!(site.fetches(), 0);
    ask(&desk, &signer(), "b", 1_001).assert_ok();
    // Right by its `kid`, and by nobody's key: nothing is fetched for it.
    let forged = Signer::new("evil").jwt(&signer().header("EdDSA"), &claims("key-client", "x", 1_002));
    desk.ask(At::Token, &form(with_assertion(CREDENTIALS, &forged)), 1_002).assert_error(401, "invalid_client");
    assert_eq!(site.fetches(), 0);
}

/// Nor does one who hangs up each time keep a client out that has a new key, or the server from one that it has not seen yet.
#[test]
fn hanging_up_keeps_no_client_out() {
    let (old, new) = (signer(), Signer::new("new"));
    let hang_up = |desk: &OnShelf, secs: u64, n: usize| {
        let header = json!({"alg": "EdDSA", "kid": format!("made up {n}")});
        let assertion = Signer::new("evil").jwt(&header, &claims("key-client", &n.to_string(), secs));
        let ask = form(with_assertion(CREDENTIALS, &assertion));
        assert!(run_and_drop(desk.engine.token(&ask.request(), at(secs)), 50).is_none(), "{n}");
    };
    for later in [0, 1, 30, 59, 60, 61, 300] {
        let site = Site::of(&old);
        let desk = desk_with(&site);
        ask(&desk, &old, "a", 0).assert_ok();
        site.says(new.jwks().to_string().as_bytes());
        site.hangs.store(true, Ordering::Relaxed);
        for n in 0..20 {
            hang_up(&desk, if n < 10 { 100 } else { 100 + later }, n);
        }
        site.hangs.store(false, Ordering::Relaxed);
        ask(&desk, &new, "b", 100 + later).assert_ok();
        assert!(site.fetches() <= 3);
    }
    let site = Site::of(&old);
    let desk = desk_with(&site);
    site.hangs.store(true, Ordering::Relaxed);
    for n in 0..10 {
        hang_up(&desk, 0, n);
    }
    site.hangs.store(false, Ordering::Relaxed);
    ask(&desk, &old, "a", 1).assert_ok();
    assert_eq!(site.fetches(), 1);
}

/// SDKs throw client and tokens away on `invalid_client`, so a site that is down is 503, and costs no assertion.
#[test]
fn a_site_that_is_down_logs_nobody_out() {
    let site = Site::of(&signer());
    site.is_down();
    let desk = desk_with(&site);
    ask(&desk, &signer(), "a", 0).assert_error(503, "temporarily_unavailable");
    assert!(desk.events.take().iter().any(|event| event.contains("ClientKeys")));
    for bad in [&b"{}"[..], b"<html>", br#"{"keys":[]}"#, br#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#] {
        site.says(bad);
        ask(&desk, &signer(), "a", 0).assert_error(503, "temporarily_unavailable");
    }
    // Where the limit answers, it says after how long.
    let limited = ask(&desk, &signer(), "a", 15);
    limited.assert_error(503, "temporarily_unavailable");
    assert_eq!(limited.header("retry-after"), ["45"]);
    assert!(desk.held().is_empty());
    site.says(signer().jwks().to_string().as_bytes());
    ask(&desk, &signer(), "a", 61).assert_ok();
    // One that was fetched is good for a day past its time, while there is no other.
    site.is_down();
    ask(&desk, &signer(), "b", 3_700).assert_ok();
    ask(&desk, &signer(), "c", 3_661 + 86_400).assert_error(503, "temporarily_unavailable");
}

#[test]
fn without_a_fetch_nothing_is_fetched() {
    let client = able("key-client").jwks_uri(URL).private_key_jwt(true);
    let desk = desk([client]);
    ask(&desk, &signer(), "a", 0).assert_error(503, "temporarily_unavailable");
}
