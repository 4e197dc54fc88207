//! Issuers whose keys are at a URL: fetched once while fresh, anew for a key that is not there, and by nobody who has not authenticated.

use std::sync::Arc;

use parking_lot::Mutex;
use regrant::engine::{AssertionProfile, JwtBearer, TrustedIssuer};
use regrant::fetch::{Fetch, FetchError, FetchLimits, FetchResponse, FetchUrl};
use regrant::jwt::JwsAlgorithm;
use serde_json::json;

use super::desk::*;
use crate::kit::form;
use crate::kit::signer::Signer;

const URL: &str = "https://idp.example/jwks.json";

/// A site that has a JWK set, or is down, and how often it was asked.
#[derive(Clone, Default)]
struct Site(Arc<Mutex<(Option<Vec<u8>>, usize)>>);

impl Site {
    fn of(signer: &Signer) -> Self {
        let site = Self::default();
        site.says(Some(signer));
        site
    }

    fn says(&self, signer: Option<&Signer>) {
        self.0.lock().0 = signer.map(|signer| signer.jwks().to_string().into_bytes());
    }

    /// How often it was asked since this was asked last.
    fn fetches(&self) -> usize {
        std::mem::take(&mut self.0.lock().1)
    }
}

impl Fetch for Site {
    async fn fetch(&self, url: &FetchUrl, _: &FetchLimits) -> Result<FetchResponse, FetchError> {
        assert_eq!(url.as_str(), URL);
        let mut site = self.0.lock();
        site.1 += 1;
        let body = site.0.clone().ok_or(FetchError::TimedOut)?;
        let response = FetchResponse::new(200, body).with_header("content-type", b"application/jwk-set+json");
        Ok(response.with_header("cache-control", b"max-age=3600"))
    }
}

fn desk_with(site: &Site) -> Desk {
    let issuer = TrustedIssuer::by_jwks_uri(IDP, [JwsAlgorithm::EdDsa], URL).with_profile(AssertionProfile::IdJag);
    let bearer = JwtBearer::new(Directory).with_issuer(issuer);
    Desk::with(|builder| builder.jwt_bearer(bearer).fetch(site.clone()))
}

fn by(signer: &Signer, jti: &str, secs: u64) -> String {
    signer.jwt(&json!({"typ": "oauth-id-jag+jwt", "alg": "EdDSA", "kid": signer.kid}), &jag_claims(jti, secs))
}

#[test]
fn they_are_fetched_once_while_fresh_and_anew_for_a_new_key() {
    let (old, new) = (idp(), Signer::new("new"));
    let site = Site::of(&old);
    let desk = desk_with(&site);
    assert_eq!(site.fetches(), 0, "not before somebody asks");
    for n in 0..5 {
        desk.assert("chat", &by(&old, &n.to_string(), n), "", n).assert_ok();
    }
    assert_eq!(site.fetches(), 1);
    site.says(Some(&new));
    desk.assert("chat", &by(&new, "new", 100), "", 100).assert_ok();
    assert_eq!(site.fetches(), 1);
    desk.assert("chat", &by(&old, "old", 200), "", 200).assert_error(400, "invalid_grant");
}

/// Who cannot be asked says nothing: the client keeps its assertion and sends it again.
#[test]
fn keys_that_cannot_be_had_are_no_refusal() {
    let site = Site::default();
    let desk = desk_with(&site);
    let one = by(&idp(), "a", 0);
    desk.assert("chat", &one, "", 0).assert_error(503, "temporarily_unavailable");
    let events = desk.events.take();
    assert!(events.len() == 1 && events[0].starts_with("Failed") && events[0].contains("IssuerKeys"), "{events:?}");
    assert!(desk.store.bytes().is_empty());
    site.says(Some(&idp()));
    desk.assert("chat", &one, "", 70).assert_ok();
    // One that was had is good for a while longer.
    site.says(None);
    desk.assert("chat", &by(&idp(), "b", 4_000), "", 4_000).assert_ok();
}

/// Whoever has not authenticated, or whose claims are wrong, causes no fetch; a made-up `kid` one a minute.
#[test]
fn an_assertion_is_no_button_for_fetches() {
    let site = Site::of(&idp());
    let desk = desk_with(&site);
    let evil = Signer::new("evil");
    for (n, claims) in [
        but(jag_claims("a", 0), "aud", json!("https://another.example")),
        but(jag_claims("a", 0), "client_id", json!("mail")),
        but(jag_claims("a", 0), "exp", json!(1)),
        but(jag_claims("a", 0), "iss", json!("https://evil.example")),
    ]
    .into_iter()
    .enumerate()
    {
        let text = evil.jwt(&json!({"typ": "oauth-id-jag+jwt", "alg": "EdDSA", "kid": n.to_string()}), &claims);
        desk.assert("chat", &text, "", 0).assert_error(400, "invalid_grant");
    }
    for n in 0..50 {
        let text =
            evil.jwt(&json!({"typ": "oauth-id-jag+jwt", "alg": "EdDSA", "kid": n.to_string()}), &jag_claims("a", 0));
        let ask = form(body(&text, "")).basic("chat", "another-secret-of-32-characters-00");
        desk.send(&ask, 0).assert_error(401, "invalid_client");
    }
    assert_eq!(site.fetches(), 0);
    for n in 0..600_u64 {
        let secs = 60 + n / 2;
        let header = json!({"typ": "oauth-id-jag+jwt", "alg": "EdDSA", "kid": format!("made up {n}")});
        let reply = desk.assert("chat", &evil.jwt(&header, &jag_claims("a", secs)), "", secs);
        assert!(matches!(reply.status, 400 | 503), "{reply:?}");
    }
    let fetches = site.fetches();
    assert!((1..=6).contains(&fetches), "{fetches} in five minutes");
    // And whose key is there passes all the while.
    desk.assert("chat", &by(&idp(), "b", 360), "", 360).assert_ok();
    assert!(desk.grants().len() == 1);
}
