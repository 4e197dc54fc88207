//! An engine that takes the place of another while requests are served.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use regrant::engine::{EngineSlot, ExchangeError};
use regrant::http::EndpointService;
use regrant::jwt::{JwtAccessTokens, SigningAlgorithm, SigningKey};
use regrant::{Engine, EngineBuilder, Key, Lifetimes, MemoryStore, Resource, RootSecret, StaticClients, Timestamp};

use crate::kit::portal::run;
use crate::kit::{LOGIN, Password, SECRET, T0, app, basic, renewal};

type Store = Arc<MemoryStore>;
type TestEngine = Engine<Store, StaticClients>;
type Builder = EngineBuilder<Store, StaticClients>;

fn key(id: u8) -> Key {
    Key::from_bytes(id, &[id; 32])
}

fn build(store: &Store, change: impl FnOnce(Builder) -> Builder) -> TestEngine {
    let clients = StaticClients::new().with(app().build().unwrap()).unwrap();
    let builder = Engine::builder(Arc::clone(store), clients).key(key(1)).grant_handler(Password);
    change(builder).build().unwrap()
}

fn with_access_of(secs: u64) -> impl FnOnce(Builder) -> Builder {
    move |builder| builder.lifetimes(Lifetimes::default().with_access_token(Duration::from_secs(secs)))
}

fn ask(service: &EndpointService<Store, StaticClients>, form: &str) -> (u16, serde_json::Value) {
    let request = http::Request::post("/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("authorization", basic("app", SECRET))
        .body(Full::<Bytes>::from(form.to_owned()))
        .unwrap();
    let response = run(service.respond(request));
    let status = response.status().as_u16();
    let body = run(response.into_body().collect()).unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

fn clock() -> Timestamp {
    Timestamp::from_secs(T0)
}

#[test]
fn requests_after_the_exchange_are_answered_by_the_new_engine_and_nobody_is_logged_out() {
    let store = Arc::new(MemoryStore::new());
    let slot = EngineSlot::new(build(&store, with_access_of(3_600)));
    let service = EndpointService::token(slot.clone()).with_clock(clock);
    let fixed = EndpointService::token(slot.engine()).with_clock(clock);
    let (_, login) = ask(&service, LOGIN);
    assert_eq!(login["expires_in"], 3_600);
    slot.exchange(build(&store, with_access_of(60))).unwrap();
    let (status, refreshed) = ask(&service, &renewal(login["refresh_token"].as_str().unwrap()));
    assert_eq!((status, &refreshed["expires_in"]), (200, &serde_json::json!(60)));
    // A clone made before the exchange, and one of another endpoint, see it; what was given the engine itself does not.
    assert_eq!(ask(&service.clone(), LOGIN).1["expires_in"], 60);
    assert_eq!(ask(&fixed, LOGIN).1["expires_in"], 3_600);
}

#[test]
#[allow(clippy::large_stack_arrays, reason = "engines")]
fn what_would_log_people_out_is_refused_and_the_engine_serves_on() {
    let store = Arc::new(MemoryStore::new());
    let (signing, _) = SigningKey::generate(SigningAlgorithm::EdDsa).unwrap();
    let root = |id: u8| RootSecret::from_bytes(id, &[id; 32]);
    let unrooted = |builder: Builder| builder.issuer("https://id.example").signing_key(signing.clone());
    let issuing = |builder: Builder| unrooted(builder).root_secret(root(1));
    let slot = EngineSlot::new(build(&store, issuing));
    for (name, next, why) in [
        ("a realm", build(&store, |builder| issuing(builder).realm("shop")), ExchangeError::Realm),
        ("an issuer", build(&store, |builder| issuing(builder).issuer("https://b.example")), ExchangeError::Issuer),
        ("another key", build(&store, |builder| issuing(builder).key(key(2))), ExchangeError::Key),
        (
            "the same id of another key",
            build(&store, |builder| issuing(builder).key(Key::from_bytes(1, &[9; 32]))),
            ExchangeError::Key,
        ),
        (
            "a key that signs before it was accepted",
            build(&store, |builder| issuing(builder).key(key(2)).accept_key(key(1))),
            ExchangeError::Key,
        ),
        ("no root secret", build(&store, unrooted), ExchangeError::RootSecret),
        (
            "another root secret",
            build(&store, |builder| issuing(builder).root_secret(root(2))),
            ExchangeError::RootSecret,
        ),
        (
            "no signing key",
            build(&store, |builder| builder.issuer("https://id.example").root_secret(root(1))),
            ExchangeError::SigningKeys,
        ),
    ] {
        let before = Arc::as_ptr(&slot.engine());
        assert_eq!(slot.exchange(next), Err(why), "{name}");
        assert_eq!(Arc::as_ptr(&slot.engine()), before);
    }
    let secret = root(3).subject_secret();
    let renamed = build(&store, |builder| issuing(builder).subject_secret(secret));
    assert_eq!(slot.exchange(renamed), Err(ExchangeError::SubjectSecret), "people would be called otherwise");
    let replaced = build(&store, |builder| {
        issuing(builder).root_secret(root(2)).accept_root(root(1), clock()).subject_secret(root(1).subject_secret())
    });
    assert_eq!(slot.exchange(replaced), Ok(()), "the old one is accepted");
    let derived = build(&store, |builder| issuing(builder).root_secret(root(2)));
    assert_eq!(slot.exchange(derived), Err(ExchangeError::SubjectSecret), "the kept one was forgotten");
    // One that was kept without a root secret: without it no session is found again.
    let kept = || root(1).subject_secret();
    let slot = EngineSlot::new(build(&store, |builder| unrooted(builder).subject_secret(kept())));
    assert_eq!(slot.exchange(build(&store, unrooted)), Err(ExchangeError::SubjectSecret), "some to none");
    assert_eq!(slot.exchange(build(&store, |builder| issuing(builder).subject_secret(kept()))), Ok(()));
    // Where there was none, nothing was computed under one.
    let slot = EngineSlot::new(build(&store, unrooted));
    assert_eq!(slot.exchange(build(&store, issuing)), Ok(()), "none to some");
}

/// Whoever named no resource has consented to the default one, so it moves only where the new engine says what it was (law 19).
#[test]
#[allow(clippy::large_stack_arrays, reason = "engines")]
fn the_default_resource_takes_nobodys_consent_along() {
    const DOCS: &str = "https://docs.example/";
    const ADMIN: &str = "https://admin.example/";
    let store = Arc::new(MemoryStore::new());
    let of = |default: &str, earlier: Option<(&str, u64)>| {
        build(&store, |builder| {
            let both = builder.resource(Resource::new(DOCS)).resource(Resource::new(ADMIN)).default_resource(default);
            match earlier {
                Some((uri, secs)) => both.earlier_default_resource(uri, Timestamp::from_secs(secs)),
                None => both,
            }
        })
    };
    let slot = EngineSlot::new(build(&store, |builder| builder));
    assert_eq!(slot.exchange(build(&store, |builder| builder.resource(Resource::new(DOCS)))), Ok(()), "the first one");
    assert_eq!(slot.exchange(of(DOCS, None)), Ok(()), "another besides");
    let refused = Err(ExchangeError::DefaultResource);
    assert_eq!(slot.exchange(of(ADMIN, None)), refused, "moved");
    assert_eq!(slot.exchange(of(DOCS, Some((ADMIN, 4_000_000_000)))), refused, "said to have been another");
    assert_eq!(slot.exchange(build(&store, |builder| builder.resource(Resource::new(ADMIN)))), refused, "the only one");
    assert_eq!(slot.exchange(build(&store, |builder| builder)), refused, "none");
    assert_eq!(slot.exchange(of("https://DOCS.example", None)), Ok(()), "spelt otherwise");
    assert_eq!(slot.exchange(of(ADMIN, Some((DOCS, 4_000_000_000)))), Ok(()), "and it says what it was");
    assert_eq!(slot.exchange(of(ADMIN, None)), refused, "forgotten");
    assert_eq!(slot.exchange(of(ADMIN, Some((DOCS, 4_000_000_001)))), refused, "of other logins");
    assert_eq!(slot.exchange(of(DOCS, Some((ADMIN, 4_000_000_001)))), refused, "back again");
    assert_eq!(slot.exchange(of(ADMIN, Some((DOCS, 4_000_000_000)))), Ok(()));
}

/// Accepted, then signing, then gone: each step is an exchange, and skipping one is refused (law 16).
#[test]
fn the_key_of_tokens_is_replaced_step_by_step() {
    let store = Arc::new(MemoryStore::new());
    let slot = EngineSlot::new(build(&store, |builder| builder));
    let service = EndpointService::token(slot.clone()).with_clock(clock);
    let first = ask(&service, LOGIN).1;
    let gone = || build(&store, |builder| builder.key(key(2)));
    slot.exchange(build(&store, |builder| builder.accept_key(key(2)))).unwrap();
    assert_eq!(slot.exchange(gone()), Err(ExchangeError::Key), "the old one signs yet");
    slot.exchange(build(&store, |builder| builder.key(key(2)).accept_key(key(1)))).unwrap();
    let (status, second) = ask(&service, &renewal(first["refresh_token"].as_str().unwrap()));
    assert_eq!(status, 200);
    slot.exchange(gone()).unwrap();
    assert_eq!(ask(&service, &renewal(second["refresh_token"].as_str().unwrap())).0, 200);
}

/// What was voided stays so, also for requests that the engine before is at; and what the new one knows besides counts.
#[test]
fn what_the_running_engine_knows_goes_over() {
    let store = Arc::new(MemoryStore::new());
    let (old, _) = SigningKey::generate(SigningAlgorithm::Es256).unwrap();
    let (new, _) = SigningKey::generate(SigningAlgorithm::EdDsa).unwrap();
    let issuing = |key: &SigningKey| {
        let key = key.clone();
        move |builder: Builder| {
            builder.issuer("https://id.example").signing_key(key).jwt_access_tokens(JwtAccessTokens::new())
        }
    };
    let slot = EngineSlot::new(build(&store, issuing(&old)));
    let before = slot.engine();
    let at = |secs| Timestamp::from_secs(T0 + secs);
    let service = EndpointService::token(slot.clone()).with_clock(clock);
    let login = ask(&service, LOGIN).1;
    before.publish_signing_key(new.clone(), at(0)).unwrap();
    before.sign_with(new.kid(), at(300)).unwrap();
    before.void_grants_before(at(1));
    // Built as the first was: it knows nothing of the steps.
    slot.exchange(build(&store, issuing(&old))).unwrap();
    assert_eq!(ask(&service, &renewal(login["refresh_token"].as_str().unwrap())).0, 400);
    let set = String::from_utf8(slot.engine().jwks().body().to_vec()).unwrap();
    let places = [new.kid(), old.kid()].map(|kid| set.find(kid).unwrap());
    assert!(places[0] < places[1], "the signing one first");
    slot.engine().retire_signing_key(old.kid(), at(100_000)).unwrap();
    assert!(!String::from_utf8_lossy(before.jwks().body()).contains(old.kid()), "and the one before follows");
    slot.engine().void_grants_before(at(5));
    slot.exchange(build(&store, |builder| issuing(&old)(builder).not_before(at(9)))).unwrap();
    let late = EndpointService::token(Arc::clone(&before)).with_clock(clock);
    let token = ask(&late, LOGIN).1;
    assert_eq!(ask(&late, &renewal(token["refresh_token"].as_str().unwrap())).0, 400, "made at 0, void before 9");
}
