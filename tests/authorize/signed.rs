//! Signed authorization requests: RFC 9101, and RFC 9126 section 3 for those that are pushed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer, SigningKey};
use regrant::client::{ClientBuilder, ClientKeys};
use regrant::fetch::{Fetch, FetchError, FetchLimits, FetchResponse, FetchUrl};
use regrant::jwt::JwsAlgorithm;
use regrant::{
    Authorization, AuthorizationError, Client, Endpoints, EngineBuilder, RootSecret, StaticClients, Timestamp,
};
use serde_json::{Value, json};

use crate::kit::jwt::{hs256, signed};
use crate::kit::portal::{CALLBACK, CHALLENGE, ISSUER, Landing, NONCE, OnShelf, Portal, STATE, portal_as, query, run};
use crate::kit::{Ask, Reply, SECRET, Shelf, at, form, scope, secret};
use crate::link::asked;

type Builder = EngineBuilder<Arc<Shelf>, StaticClients>;

fn key(byte: u8) -> SigningKey {
    SigningKey::from_bytes(&[byte; 32])
}

fn jwk_of(byte: u8) -> Value {
    let x = URL_SAFE_NO_PAD.encode(key(byte).verifying_key().as_bytes());
    json!({ "kty": "OKP", "crv": "Ed25519", "kid": format!("key {byte}"), "x": x })
}

fn keys(bytes: &[u8]) -> ClientKeys {
    let set = json!({ "keys": bytes.iter().copied().map(jwk_of).collect::<Vec<_>>() });
    ClientKeys::from_json(set.to_string().as_bytes()).unwrap()
}

/// Signs nothing else.
fn signer() -> ClientBuilder {
    portal_as("signer").secret(secret(SECRET)).keys(keys(&[1, 2]))
}

fn on(clients: impl IntoIterator<Item = ClientBuilder>, change: impl FnOnce(Builder) -> Builder) -> OnShelf {
    Portal::new(Arc::default(), clients, |builder| {
        change(builder.root_secret(RootSecret::from_bytes(1, &[1; 32])).signed_requests())
    })
}

fn world() -> OnShelf {
    on([signer()], |builder| builder)
}

/// What a careful client signs at this time.
fn claims(now: Timestamp) -> Value {
    json!({
        "iss": "signer", "aud": ISSUER, "exp": now.as_secs() + 300, "iat": now.as_secs(),
        "client_id": "signer", "response_type": "code", "redirect_uri": CALLBACK, "scope": "openid read",
        "state": STATE, "nonce": NONCE, "code_challenge": CHALLENGE, "code_challenge_method": "S256",
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims(at(0));
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims(at(0));
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn header() -> Value {
    json!({ "alg": "EdDSA", "kid": "key 1", "typ": "oauth-authz-req+jwt" })
}

fn object_of(header: &Value, claims: &Value, byte: u8) -> String {
    signed(header, claims, |message| key(byte).sign(message).to_bytes().to_vec())
}

fn object(claims: &Value) -> String {
    object_of(&header(), claims, 1)
}

fn asks(object: &str) -> String {
    format!("client_id=signer&request={object}")
}

/// What a page says of a request whose redirect URI nobody vouches for.
#[track_caller]
fn shown(world: &OnShelf, query: &str, now: Timestamp) -> (u16, String) {
    match asked(world, query, now, async |_| ()) {
        Err(AuthorizationError::Show(error)) => (error.status(), error.code().as_str().to_owned()),
        other => panic!("{other:?} of {query}"),
    }
}

fn invalid() -> (u16, String) {
    (400, "invalid_request_object".into())
}

fn push(world: &OnShelf, ask: &Ask, now: Timestamp) -> Reply {
    Reply::of(&run(world.engine.push(&ask.request(), now)))
}

/// Section 5: "parameters outside are ignored but `client_id`".
#[test]
fn what_was_signed_is_what_is_asked() {
    let world = world();
    for beside in [
        "",
        "&scope=write&state=other&redirect_uri=https://evil.example/cb&response_type=token",
        "&scope=read&scope=write&prompt=none+login",
    ] {
        let query = format!("{}{beside}", asks(&object(&claims(at(0)))));
        let landing = asked(&world, &query, at(0), async |asked| {
            assert_eq!((asked.scope().as_str(), asked.redirect_uri()), ("openid read", CALLBACK));
            assert_eq!(
                (asked.parameter("nonce"), asked.parameter("iss"), asked.parameter("request")),
                (Some(NONCE), None, None)
            );
            let approval = world.engine.approve(asked, Authorization::of("alice"), at(0)).await.unwrap();
            Landing::of(&approval.response)
        });
        let landing = landing.unwrap();
        assert_eq!((landing.uri.as_str(), landing.get("state")), (CALLBACK, Some(STATE)));
        assert!(landing.get("code").is_some());
    }
}

/// Each by what breaks it. The kinds of JWT that a client makes, each as a request object, are among them.
#[test]
fn what_does_not_hold_is_shown_and_nobody_is_redirected() {
    let fetched = Arc::new(AtomicUsize::new(0));
    let world = on([signer()], |builder| builder.fetch(Counts(Arc::clone(&fetched))));
    let far = at(0).as_secs() + 3_700;
    let mut none = header();
    none["alg"] = json!("none");
    let mut hmac = header();
    hmac["alg"] = json!("HS256");
    let headed_by = |byte: u8, name: &str, value: Value| {
        let mut header = header();
        header[name] = value;
        object_of(&header, &claims(at(0)), byte)
    };
    let headed = |name: &str, value: Value| headed_by(1, name, value);
    let by_stranger = |name: &str, value: Value| headed_by(3, name, value);
    let rows: [(&str, String); 33] = [
        ("no JWT", "e30".into()),
        ("section 10.1: unsigned", "e30.e30.".into()),
        ("alg none", signed(&none, &claims(at(0)), |_| Vec::new())),
        ("alg none with a signature", object_of(&none, &claims(at(0)), 1)),
        ("HMAC by the secret", signed(&hmac, &claims(at(0)), |message| hs256(SECRET.as_bytes(), message))),
        (
            "HMAC by the public key",
            signed(&hmac, &claims(at(0)), |message| hs256(key(1).verifying_key().as_bytes(), message)),
        ),
        ("section 6.2: another key", object_of(&header(), &claims(at(0)), 3)),
        ("the key of another kid", object_of(&header(), &claims(at(0)), 2)),
        ("an unknown kid", headed("kid", json!("key 9"))),
        ("a critical extension", headed("crit", json!(["exp"]))),
        ("not encoded", headed("b64", json!(false))),
        // RFC 7515 sections 4.1.2 to 4.1.6: a key that it brings along or points to is none, whoever could fetch it.
        ("a key beside it", by_stranger("jwk", jwk_of(3))),
        ("keys elsewhere", by_stranger("jku", json!("https://evil.example/jwks"))),
        ("a certificate elsewhere", by_stranger("x5u", json!("https://evil.example/cert"))),
        ("a certificate beside it", by_stranger("x5c", json!(["AAAA"]))),
        ("a proof of possession", headed("typ", json!("dpop+jwt"))),
        ("an access token", headed("typ", json!("at+jwt"))),
        ("an assertion by its type", headed("typ", json!("client-authentication+jwt"))),
        ("section 10.8: an assertion by its subject", object(&with("sub", json!("signer")))),
        ("JWE has five parts", format!("{}.e30.e30", object(&claims(at(0))))),
        ("section 4: nobody's", object(&without("iss"))),
        ("another's", object(&with("iss", json!("portal")))),
        ("section 5: no client id", object(&without("client_id"))),
        ("section 5: another client id", object(&with("client_id", json!("portal")))),
        ("section 4: for nobody", object(&without("aud"))),
        ("for somebody else", object(&with("aud", json!("https://other.example")))),
        ("for others besides", object(&with("aud", json!([ISSUER, "https://other.example"])))),
        ("for ever", object(&without("exp"))),
        ("expired", object(&with("exp", json!(at(0).as_secs() - 10)))),
        ("FAPI 2.0 Message Signing 5.3.1: for longer than an hour", object(&with("exp", json!(far)))),
        ("not yet", object(&with("nbf", json!(at(0).as_secs() + 100)))),
        ("section 4: a request in it", object(&with("request", json!("e30.e30.")))),
        ("section 4: or one elsewhere", object(&with("request_uri", json!("https://a.example/r")))),
    ];
    for (name, object) in rows {
        assert_eq!(shown(&world, &asks(&object), at(0)), invalid(), "{name}");
        let reply = push_on().engine_push(&object);
        assert_eq!(reply.outcome(), (400, Some("invalid_request_object".into())), "pushed: {name}");
    }
    assert_eq!(fetched.load(Ordering::Relaxed), 0, "nobody is asked for what an object points to");
    assert!(world.store.grants().is_empty());
    assert!(world.events.take().iter().all(|event| event.starts_with("Refused") && !event.contains(STATE)));
}

/// Counts what it is asked for, and has nothing.
struct Counts(Arc<AtomicUsize>);

impl Fetch for Counts {
    async fn fetch(&self, _: &FetchUrl, _: &FetchLimits) -> Result<FetchResponse, FetchError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Err(FetchError::TimedOut)
    }
}

struct Pushing(OnShelf);

fn push_on() -> Pushing {
    Pushing(on([signer()], EngineBuilder::pushed_authorization_requests))
}

impl Pushing {
    fn engine_push(&self, object: &str) -> Reply {
        push(&self.0, &form(asks(object)).basic("signer", SECRET), at(0))
    }
}

/// The parameters that were signed are judged as others are, and once the redirect URI is known the client hears of it.
#[test]
fn what_was_signed_may_be_wrong_all_the_same() {
    let world = world();
    let refused = |claims: &Value| match asked(&world, &asks(&object(claims)), at(0), async |_| ()) {
        Err(AuthorizationError::Redirect(response)) => {
            let landing = Landing::of(&response);
            (landing.get("state").map(String::from), landing.get("error").unwrap().to_owned())
        }
        other => panic!("{other:?} of {claims}"),
    };
    let state = || Some(STATE.to_owned());
    assert_eq!(refused(&with("scope", json!("admin read"))), (state(), "invalid_scope".into()));
    assert_eq!(refused(&with("response_type", json!("token"))), (state(), "unsupported_response_type".into()));
    assert_eq!(refused(&without("response_type")), (state(), "invalid_request".into()));
    assert_eq!(
        refused(&with("scope", json!(["read", "write"]))),
        (state(), "invalid_request".into()),
        "a list is repeated"
    );
    assert_eq!(refused(&with("max_age", json!("soon"))), (state(), "invalid_request".into()));
    let evil = with("redirect_uri", json!("https://evil.example/cb"));
    assert_eq!(shown(&world, &asks(&object(&evil)), at(0)), (400, "invalid_request".into()));
    // A number is a number, and a `+` is no space.
    asked(&world, &asks(&object(&with("max_age", json!(300)))), at(0), async |asked| {
        assert_eq!(asked.max_age().unwrap().as_secs(), 300);
    })
    .unwrap();
    asked(&world, &asks(&object(&with("state", json!("a+b c&d=e%41")))), at(0), async |asked| {
        assert_eq!(asked.parameter("state"), Some("a+b c&d=e%41"));
    })
    .unwrap();
}

/// Section 5: "MUST NOT be used together".
#[test]
fn a_request_is_given_once() {
    let world = world();
    let object = object(&claims(at(0)));
    for beside in ["&request_uri=https://a.example/r", "&request_uri="] {
        assert_eq!(shown(&world, &format!("{}{beside}", asks(&object)), at(0)), (400, "invalid_request".into()));
    }
    let twice = format!("{}&request={object}", asks(&object));
    assert_eq!(shown(&world, &twice, at(0)), (400, "invalid_request".into()));
    // Its client stands outside too (section 5), and is who signed it.
    assert_eq!(shown(&world, &format!("request={object}"), at(0)), (400, "invalid_request".into()));
    assert_eq!(shown(&world, &format!("client_id=portal&request={object}"), at(0)), invalid());
}

/// A page outlives the object by its handle, and nothing is asked for twice.
#[test]
fn a_person_takes_longer_than_the_object_lives() {
    let world = on([signer().require_signed_request_object(true)], |builder| builder);
    let query = asks(&object(&claims(at(0))));
    let handle = asked(&world, &query, at(309), async |asked| world.engine.interaction_handle(asked, at(309)).unwrap());
    let handle = handle.unwrap();
    assert_eq!(shown(&world, &query, at(310)), invalid(), "ten seconds after its end");
    let interaction = world.engine.open_interaction(&handle, at(1_500)).unwrap();
    let resumed = run(world.engine.resume(&interaction)).unwrap();
    assert!(run(world.engine.approve(&resumed, Authorization::of("alice"), at(1_500))).unwrap().grant.is_some());
}

/// Section 10.5.
#[test]
fn who_must_sign_is_refused_otherwise() {
    let world = on([signer().require_signed_request_object(true)], EngineBuilder::pushed_authorization_requests);
    let plain = query("portal").replace("portal&", "signer&");
    assert_eq!(world.refused(&plain).unwrap().get("error"), Some("invalid_request"));
    let reply = push(&world, &form(&plain).basic("signer", SECRET), at(0));
    assert_eq!(reply.outcome(), (400, Some("invalid_request".into())));
    assert!(asked(&world, &query("portal"), at(0), async |_| ()).is_ok(), "the others need not");
    // Pushed, it is what was signed that is asked for: RFC 9126 section 3.
    let body = format!("{}&scope=write&state=other", asks(&object(&claims(at(0)))));
    let reply = push(&world, &form(body).basic("signer", SECRET), at(0));
    assert_eq!(reply.status, 201, "{}", String::from_utf8_lossy(&reply.body));
    let uri: String = form_urlencoded::byte_serialize(reply.text("request_uri").as_bytes()).collect();
    // The parameters and not the JWT, so the object's end is no end of what was pushed.
    assert!(uri.len() < object(&claims(at(0))).len());
    asked(&world, &format!("client_id=signer&request_uri={uri}"), at(59), async |asked| {
        assert_eq!((asked.scope().as_str(), asked.parameter("state")), ("openid read", Some(STATE)));
        assert!(asked.was_pushed());
    })
    .unwrap();
    let all = on([signer()], EngineBuilder::require_signed_request_object);
    assert_eq!(all.refused(&query("portal")).unwrap().get("error"), Some("invalid_request"));
    assert!(asked(&all, &asks(&object(&claims(at(0)))), at(0), async |_| ()).is_ok());
}

/// Section 10.5 again: `request_object_signing_alg`. And RFC 9864, by which one algorithm has two names.
#[test]
fn the_registered_algorithm_counts() {
    let mut newer = header();
    newer["alg"] = json!("Ed25519");
    let newer = object_of(&newer, &claims(at(0)), 1);
    let of = |algorithm| on([signer().request_object_algorithm(algorithm)], |builder| builder);
    for (algorithm, taken) in [(JwsAlgorithm::EdDsa, true), (JwsAlgorithm::Ed25519, true), (JwsAlgorithm::Es256, false)]
    {
        for object in [&object(&claims(at(0))), &newer] {
            let outcome = asked(&of(algorithm), &asks(object), at(0), async |_| ());
            assert_eq!(outcome.is_ok(), taken, "{algorithm:?}");
        }
    }
}

#[test]
fn off_until_asked_for() {
    let world = Portal::new(Arc::new(Shelf::default()), [signer()], |builder| builder);
    let landing = world.refused(&format!("{}&redirect_uri={CALLBACK}", asks(&object(&claims(at(0)))))).unwrap();
    assert_eq!(landing.get("error"), Some("request_not_supported"));
    // On, for a client without keys.
    let world = on([portal_as("signer").secret(secret(SECRET))], |builder| builder);
    assert_eq!(shown(&world, &asks(&object(&claims(at(0)))), at(0)), invalid());
    let documents = |change: fn(Builder) -> Builder| {
        let endpoints = Endpoints::new().with_authorization("/authorize");
        let world = OnShelf::on_shelf(|builder| change(builder.endpoints(endpoints)));
        serde_json::from_slice::<Value>(world.engine.metadata().unwrap().body()).unwrap()
    };
    let (supported, algorithms, required) =
        ("request_parameter_supported", "request_object_signing_alg_values_supported", "require_signed_request_object");
    let off = documents(|builder| builder);
    assert_eq!((&off[supported], off.get(algorithms), off.get(required)), (&json!(false), None, None));
    let on = documents(EngineBuilder::signed_requests);
    assert_eq!((&on[supported], &on[required]), (&json!(true), &json!(false)));
    assert_eq!(on[algorithms], json!(["ES256", "PS256", "RS256", "EdDSA", "Ed25519"]));
    assert_eq!(on["request_uri_parameter_supported"], json!(false), "by reference none is read");
    assert_eq!(documents(EngineBuilder::require_signed_request_object)[required], json!(true));
}

/// A push by an assertion: spent with the push, and the same again is a lost answer. Beside a request object by the same key
/// neither passes for the other.
#[test]
fn an_assertion_and_a_request_object_by_one_key() {
    let strong = portal_as("signer").keys(keys(&[1])).private_key_jwt(true);
    let world = on([strong], EngineBuilder::pushed_authorization_requests);
    let now = at(0).as_secs();
    let assertion = |jti: &str| {
        let claims = json!({ "iss": "signer", "sub": "signer", "aud": ISSUER, "exp": now + 60, "jti": jti });
        object_of(&json!({ "alg": "EdDSA", "kid": "key 1" }), &claims, 1)
    };
    let jwt =
        "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=";
    let body = |assertion: &str, request: &str| format!("{}&{jwt}{assertion}", asks(request));
    let right = body(&assertion("one"), &object(&claims(at(0))));
    // What is refused spends nothing.
    let wrong = body(&assertion("one"), &object(&with("scope", json!("admin read"))));
    assert_eq!(push(&world, &form(&wrong), at(0)).outcome(), (400, Some("invalid_scope".into())));
    assert!(world.store.grants().is_empty());
    for _ in 0..2 {
        assert_eq!(push(&world, &form(&right), at(0)).status, 201);
    }
    assert_eq!(world.store.grants().len(), 1, "its marker");
    let other = body(&assertion("one"), &object(&with("state", json!("other"))));
    assert_eq!(push(&world, &form(&other), at(0)).outcome(), (400, Some("invalid_grant".into())));
    let swapped = [body(&object(&claims(at(0))), &assertion("two")), body(&assertion("two"), &assertion("two"))];
    assert_eq!(push(&world, &form(&swapped[0]), at(0)).outcome(), (401, Some("invalid_client".into())));
    assert_eq!(push(&world, &form(&swapped[1]), at(0)).outcome(), (400, Some("invalid_request_object".into())));
    assert_eq!(world.store.grants().len(), 1);
}

/// Markers are for clients that the host let in: a stranger's assertion is good for as many pushes as it likes, and nothing is kept.
#[test]
fn a_strangers_assertion_leaves_nothing_behind() {
    let stranger = Client::confidential("signer").stranger(true).name("Anybody").scope(scope("openid read"));
    let stranger = stranger.grant_type("authorization_code").redirect_uri(CALLBACK);
    let world = on([stranger.keys(keys(&[1])).private_key_jwt(true)], EngineBuilder::pushed_authorization_requests);
    let now = at(0).as_secs();
    let claims_of = json!({ "iss": "signer", "sub": "signer", "aud": ISSUER, "exp": now + 60, "jti": "one" });
    let assertion = object_of(&json!({ "alg": "EdDSA", "kid": "key 1" }), &claims_of, 1);
    let jwt =
        "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=";
    for state in ["one", "two", "three"] {
        let body = format!("{}&{jwt}{assertion}", asks(&object(&with("state", json!(state)))));
        assert_eq!(push(&world, &form(&body), at(0)).status, 201);
    }
    assert!(world.store.bytes().is_empty());
}
