//! Clients that authenticate by assertions: RFC 7521 section 4.2, RFC 7523 sections 2.2 and 3, OpenID Connect Core section 9, the FAPI 2.0
//! Security Profile section 5.3.2.1. What is wrong with one is in `assertion_attacks.rs`.

use std::sync::Arc;

use regrant::client::{ClientError, RecoverableSecret};
use regrant::engine::DeviceAuthorization;
use regrant::jwt::JwsAlgorithm;
use regrant::{BuildError, Client, Engine, MemoryStore, RootSecret, StaticClients};
use serde_json::{Value, json};

use crate::keyed::*;
use crate::kit::portal::{ISSUER, Portal, run};
use crate::kit::schedule::run_and_drop;
use crate::kit::signer::{ALGORITHMS, Signer, claims, with_assertion};
use crate::kit::store::faulty::Shelf as FaultyShelf;
use crate::kit::{Fault, OTHER_SECRET, Reply, SECRET, Shelf, at, form, renewal, scope};

#[test]
fn each_way_at_each_endpoint() {
    let desk = desk([key_client(), mac_client(), moving()]);
    for (n, endpoint) in At::ALL.into_iter().enumerate() {
        let body = if endpoint == At::Token { CREDENTIALS } else { "token=anything" };
        for algorithm in ALGORITHMS {
            let jti = format!("{algorithm}{n}");
            let assertion = signer().jwt(&signer().header(algorithm), &claims("key-client", &jti, 0));
            let reply = desk.ask(endpoint, &form(with_assertion(body, &assertion)), 0);
            assert_eq!(reply.status, 200, "{endpoint:?} by {algorithm}: {reply:?}");
        }
        let assertion = mac_assertion(&n.to_string(), 0);
        assert_eq!(desk.ask(endpoint, &form(with_assertion(body, &assertion)), 0).status, 200, "{endpoint:?}");
        // A client on its way from a secret to keys has both, one in each request.
        let assertion = signer().assertion("moving", &n.to_string(), 0);
        assert_eq!(desk.ask(endpoint, &form(with_assertion(body, &assertion)), 0).status, 200, "{endpoint:?}");
        assert_eq!(desk.ask(endpoint, &form(body).basic("moving", OTHER_SECRET), 0).status, 200, "{endpoint:?}");
        // RFC 7521 section 4.2: the client id may be there too.
        let assertion = signer().assertion("key-client", &format!("id{n}"), 0);
        let body = with_assertion(&format!("{body}&client_id=key-client"), &assertion);
        assert_eq!(desk.ask(endpoint, &form(body), 0).status, 200, "{endpoint:?}");
    }
}

#[test]
fn without_a_kid_keys_of_the_right_kind_are_tried() {
    let desk = desk([key_client()]);
    for algorithm in ALGORITHMS {
        let assertion = signer().jwt(&json!({"alg": algorithm}), &claims("key-client", algorithm, 0));
        desk.ask(At::Token, &form(with_assertion(CREDENTIALS, &assertion)), 0).assert_ok();
    }
}

#[test]
fn a_type_says_what_it_is_or_nothing() {
    let desk = desk([key_client()]);
    for (n, typ) in ["JWT", "client-authentication+jwt", "application/client-authentication+jwt"].iter().enumerate() {
        let header = json!({"alg": "EdDSA", "kid": "one", "typ": typ});
        let assertion = signer().jwt(&header, &claims("key-client", &n.to_string(), 0));
        desk.ask(At::Token, &form(with_assertion(CREDENTIALS, &assertion)), 0).assert_ok();
    }
}

#[test]
fn the_audience_is_the_issuer_and_the_token_endpoint_by_a_switch() {
    let lenient = able("lenient").keys(signer().keys()).private_key_jwt(true).danger_token_endpoint_as_audience(true);
    let desk = desk([key_client(), lenient]);
    let ask = |client: &str, jti: &str, audience: Value| {
        let mut claims = claims(client, jti, 0);
        claims["aud"] = audience;
        let assertion = signer().jwt(&signer().header("EdDSA"), &claims);
        desk.ask(At::Token, &form(with_assertion(CREDENTIALS, &assertion)), 0).status
    };
    let token_endpoint = format!("{ISSUER}/token");
    // Client, audience, outcome.
    for (n, (client, audience, status)) in [
        ("key-client", json!(ISSUER), 200),
        ("key-client", json!([ISSUER]), 200),
        ("key-client", json!([ISSUER, "https://other.example"]), 401),
        ("key-client", json!([ISSUER, ISSUER]), 401),
        ("key-client", json!(token_endpoint), 401),
        ("key-client", json!(format!("{ISSUER}/")), 401),
        ("lenient", json!(ISSUER), 200),
        ("lenient", json!(token_endpoint), 200),
        ("lenient", json!([ISSUER, token_endpoint]), 401),
        ("lenient", json!(format!("{ISSUER}/introspect")), 401),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(ask(client, &n.to_string(), audience.clone()), status, "{client} {audience}");
    }
}

/// RFC 9126 section 2: where a request is pushed "the authorization server MUST accept its issuer identifier, token endpoint URL, or
/// pushed authorization request endpoint URL". Its successor (draft-ietf-oauth-rfc7523bis) has the issuer alone, and so has a client
/// without the switch. By their mTLS aliases too (RFC 8705 section 5), and at the token endpoint no other endpoint's.
#[test]
fn endpoints_and_their_aliases_are_an_audience_by_the_switch_alone() {
    let lenient = able("lenient").keys(signer().keys()).private_key_jwt(true).danger_token_endpoint_as_audience(true);
    let aliases = regrant::Endpoints::new()
        .with_token("https://mtls.id.example/token")
        .with_pushed_authorization("https://mtls.id.example/par");
    let desk = Portal::new(Arc::new(Shelf::default()), [key_client(), lenient], |builder| {
        builder
            .root_secret(RootSecret::from_bytes(1, &[5; 32]))
            .pushed_authorization_requests()
            .endpoints(places().with_pushed_authorization("/par").with_mtls_aliases(aliases))
    });
    let mut jti = 0;
    let mut ask = |client: &str, is_pushed: bool, audience: &str| {
        jti += 1;
        let mut claims = claims(client, &jti.to_string(), 0);
        claims["aud"] = json!(audience);
        let assertion = signer().jwt(&signer().header("EdDSA"), &claims);
        if is_pushed {
            let query = crate::kit::portal::query(client).replace("openid+read", "read");
            let ask = form(with_assertion(&query, &assertion));
            return Reply::of(&run(desk.engine.push(&ask.request(), at(0)))).status;
        }
        desk.ask(At::Token, &form(with_assertion(CREDENTIALS, &assertion)), 0).status
    };
    // Audience; as it is pushed, and at the token endpoint.
    for (audience, pushed, asked) in [
        (ISSUER, 201, 200),
        ("https://id.example/token", 201, 200),
        ("https://mtls.id.example/token", 201, 200),
        ("https://id.example/par", 201, 401),
        ("https://mtls.id.example/par", 201, 401),
        ("https://mtls.id.example", 401, 401),
        ("https://id.example/authorize", 401, 401),
        ("https://id.example/revoke", 401, 401),
        ("https://evil.example/par", 401, 401),
    ] {
        assert_eq!(ask("lenient", true, audience), pushed, "{audience}");
        assert_eq!(ask("lenient", false, audience), asked, "{audience}");
        let strict = audience == ISSUER;
        assert_eq!(ask("key-client", true, audience), if strict { 201 } else { 401 }, "{audience}");
        assert_eq!(ask("key-client", false, audience), if strict { 200 } else { 401 }, "{audience}");
    }
}

/// Clocks differ (FAPI 2.0 Security Profile section 5.3.2.1, item 13), and what is remembered must end.
#[test]
fn times_at_both_edges() {
    let desk = desk([key_client()]);
    let now = at(0).as_secs();
    let mut jti = 0;
    let mut ask = |endpoint: At, name: &str, time: u64| {
        jti += 1;
        let mut claims = claims("key-client", &jti.to_string(), 0);
        claims[name] = json!(time);
        let assertion = signer().jwt(&signer().header("EdDSA"), &claims);
        let body = if endpoint == At::Token { CREDENTIALS } else { "token=anything" };
        desk.ask(endpoint, &form(with_assertion(body, &assertion)), 0).status
    };
    for endpoint in At::ALL {
        let longest = if endpoint == At::Token { 3_600 } else { 300 };
        for (name, time, status) in [
            ("exp", now - 9, 200),
            ("exp", now - 10, 401),
            ("exp", now + longest, 200),
            ("exp", now + longest + 11, 401),
            ("iat", now + 10, 200),
            ("iat", now + 61, 401),
            ("nbf", now + 10, 200),
            ("nbf", now + 61, 401),
            ("iat", now - 100_000, 200),
        ] {
            assert_eq!(ask(endpoint, name, time), status, "{endpoint:?} {name} {time}");
        }
    }
}

#[test]
fn an_algorithm_that_was_registered_is_the_only_one() {
    let desk = desk([key_client().assertion_algorithm(JwsAlgorithm::Es256)]);
    let ask = |algorithm: &str| {
        let assertion = signer().jwt(&signer().header(algorithm), &claims("key-client", algorithm, 0));
        desk.ask(At::Token, &form(with_assertion(CREDENTIALS, &assertion)), 0).status
    };
    assert_eq!(ALGORITHMS.map(ask), [401, 401, 200]);
}

/// RFC 7523 section 3, item 7: used once, for what it was made for.
#[test]
fn an_assertion_is_spent_once() {
    let desk = desk([key_client()]);
    let first = login(&desk, "a", 0);
    // The same assertion for something else: the client is proven, the grant is not given.
    let reply = refresh_by_key(&desk, &first, "a", 1);
    let same = with_assertion(&renewal(&first), &signer().assertion("key-client", "a", 0));
    assert_eq!(reply.status, 200, "another one of that `jti`, which ends at another time, is another");
    desk.ask(At::Token, &form(&same), 1).assert_error(400, "invalid_grant");
    let told = desk.events.take();
    assert!(told.last().unwrap().contains("AssertionSpent"), "{told:?}");
    // And not for tokens of its own either, after a refresh.
    let second = reply.refresh_token();
    let spent = signer().assertion("key-client", "b", 2);
    desk.ask(At::Token, &form(with_assertion(&renewal(&second), &spent)), 2).assert_ok();
    let held = desk.held();
    desk.ask(At::Token, &form(with_assertion(CREDENTIALS, &spent)), 3).assert_error(400, "invalid_grant");
    assert_eq!(desk.held(), held, "nothing is made of it");
}

/// The client's HTTP layer sends the same body again.
#[test]
fn the_same_request_again_is_a_lost_answer() {
    let desk = desk([key_client()]);
    let first = login(&desk, "a", 0);
    let ask = form(with_assertion(&renewal(&first), &signer().assertion("key-client", "b", 1)));
    let one = desk.ask(At::Token, &ask, 1);
    let two = desk.ask(At::Token, &ask, 9);
    assert_eq!(one.assert_ok().refresh_token(), two.assert_ok().refresh_token());
    // A retry by a new assertion is one too, and spends it.
    let before = markers(&desk);
    assert_eq!(refresh_by_key(&desk, &first, "c", 10).assert_ok().refresh_token(), one.refresh_token());
    assert_eq!(markers(&desk), before + 1);
    let elsewhere = with_assertion(CREDENTIALS, &signer().assertion("key-client", "c", 10));
    desk.ask(At::Token, &form(elsewhere), 11).assert_error(400, "invalid_grant");
}

/// Where a device begins nothing else stands for the step either: the same request again begins one more, and any other is refused. What
/// a stranger's client begins is kept for some minutes, and no marker beside it.
#[test]
fn an_assertion_begins_devices_by_one_request() {
    const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
    let open = able("open-client").keys(signer().keys()).private_key_jwt(true).grant_type(DEVICE_CODE);
    let stranger = Client::confidential("stranger").keys(signer().keys()).private_key_jwt(true).stranger(true);
    let stranger = stranger.danger_grant_type_of_stranger(DEVICE_CODE).scope(scope("read write"));
    let desk = Portal::new(Arc::new(Shelf::default()), [open, stranger], |builder| {
        let builder = builder.root_secret(RootSecret::from_bytes(1, &[5; 32])).endpoints(places());
        builder.device_authorization(DeviceAuthorization::new("/device"))
    });
    let begin = |client: &str, body: &str| {
        let ask = form(with_assertion(body, &signer().assertion(client, "a", 0)));
        Reply::of(&run(desk.engine.begin_device(&ask.request(), at(1))))
    };
    for (client, is_spent) in [("open-client", true), ("stranger", false)] {
        let before = markers(&desk);
        begin(client, "scope=read").assert_ok();
        begin(client, "scope=read").assert_ok();
        let other = begin(client, "scope=write");
        assert_eq!(markers(&desk) - before, usize::from(is_spent), "{client}");
        if is_spent {
            other.assert_error(400, "invalid_grant");
        } else {
            other.assert_ok();
        }
    }
}

/// Where no code or token stands for the step, the marker does.
#[test]
fn one_assertion_makes_one_grant() {
    let desk = desk([key_client().grant_type("refresh_token")]);
    let ask = form(with_assertion(CREDENTIALS, &signer().assertion("key-client", "a", 0)));
    desk.ask(At::Token, &ask, 0).assert_ok();
    let held = desk.held();
    assert_eq!(held.len(), 2, "a grant and a marker");
    // Lost, and sent again: of the same grant.
    desk.ask(At::Token, &ask, 5).assert_ok();
    assert_eq!(desk.held(), held);
    assert!(desk.events.names().contains(&"Retried".to_owned()));
    // Long after: no lost answer any more. Its end is still to come, so it has to be told from a new one.
    let mut late = claims("key-client", "late", 0);
    late["exp"] = json!(at(3_000).as_secs());
    let ask = form(with_assertion(CREDENTIALS, &signer().jwt(&signer().header("EdDSA"), &late)));
    desk.ask(At::Token, &ask, 10).assert_ok();
    let held = desk.held();
    desk.ask(At::Token, &ask, 10 + 121).assert_error(400, "invalid_grant");
    assert_eq!(desk.held(), held);
}

/// Law 18 with assertions: dropped at any await, and sent again as it was.
#[test]
fn a_dropped_request_is_no_replay() {
    for body in ["code", "refresh", CREDENTIALS] {
        let mut lost = 0;
        for polls in 1..30 {
            let store = Arc::clone(&FaultyShelf::of(Shelf::default()));
            let desk = Portal::new(Arc::clone(&store), [key_client()], |builder| {
                builder.root_secret(RootSecret::from_bytes(1, &[5; 32])).endpoints(places())
            });
            let send = |body: &str, jti: &str| {
                let ask = form(with_assertion(body, &signer().assertion("key-client", jti, 0)));
                Reply::of(&run(desk.engine.token(&ask.request(), at(0))))
            };
            let query = crate::kit::portal::query("key-client").replace("openid+read", "read");
            let code = desk.approve(&query, regrant::Authorization::of("alice"), at(0)).get("code").unwrap().to_owned();
            let body = match body {
                "code" => redemption_of(&code),
                "refresh" => renewal(&send(&redemption_of(&code), "a").assert_ok().refresh_token()),
                own => own.to_owned(),
            };
            let ask = form(with_assertion(&body, &signer().assertion("key-client", "b", 0)));
            if run_and_drop(desk.engine.token(&ask.request(), at(0)), polls).is_some() {
                break;
            }
            lost += 1;
            let again = send(&body, "b");
            // A code is redeemed once and its answer not sent again, with or without an assertion (RFC 6749 section 4.1.2).
            let redeemed = body.starts_with("grant_type=authorization_code") && again.status == 400;
            let replayed = desk.events.take().iter().any(|event| event.starts_with("CodeReplayed"));
            assert!(again.status == 200 || redeemed && replayed, "{body} dropped after {polls}: {again:?}");
        }
        assert!(lost >= 3, "{body}: it waits for the marker and for the write at least");
    }
}

/// What a marker is written before, and what fails after it.
#[test]
fn a_store_that_fails_costs_no_assertion() {
    for fault in [Fault::InsertNotApplied, Fault::InsertAppliedAndReplyLost, Fault::InsertLost, Fault::SwapNotApplied] {
        let desk = desk([key_client()]);
        let first = login(&desk, "a", 0);
        let ask = form(with_assertion(&renewal(&first), &signer().assertion("key-client", "b", 1)));
        desk.store.fail_next(fault);
        let reply = desk.ask(At::Token, &ask, 1);
        assert!(matches!(reply.status, 200 | 503), "{fault:?}: {reply:?}");
        desk.ask(At::Token, &ask, 2).assert_ok();
    }
}

/// The host is asked before the marker is written: what it refuses spends nothing.
#[test]
fn a_host_that_refuses_costs_no_assertion() {
    use regrant::engine::{HookError, IssueDecision, IssueHook, IssueRequest};
    use std::sync::atomic::{AtomicBool, Ordering};
    struct Gate(Arc<AtomicBool>);
    impl IssueHook for Gate {
        async fn on_issue(&self, _: &IssueRequest<'_>) -> Result<IssueDecision, HookError> {
            Ok(if self.0.load(Ordering::Relaxed) { IssueDecision::Allow } else { IssueDecision::Refuse })
        }
    }
    let is_open = Arc::new(AtomicBool::new(true));
    let desk = Portal::new(Arc::new(Shelf::default()), [key_client()], |builder| {
        builder
            .root_secret(RootSecret::from_bytes(1, &[5; 32]))
            .endpoints(places())
            .on_issue(Gate(Arc::clone(&is_open)))
    });
    let token = login(&desk, "a", 0);
    let code = code_of(&desk, "key-client", 0);
    for (body, jti) in [(renewal(&token), "r"), (redemption_of(&code), "c"), (CREDENTIALS.to_owned(), "own")] {
        is_open.store(false, Ordering::Relaxed);
        let held = desk.held();
        desk.by_key(At::Token, &body, jti, 1).assert_error(400, "invalid_grant");
        assert_eq!(desk.held(), held, "{body}");
        is_open.store(true, Ordering::Relaxed);
        desk.by_key(At::Token, &body, jti, 1).assert_ok();
    }
}

/// Two nodes whose clocks and orders differ have one store: the second sees what the first has spent.
#[test]
fn an_assertion_is_spent_on_all_nodes() {
    let store = Arc::new(Shelf::default());
    let node = || {
        Portal::new(Arc::clone(&store), [key_client()], |builder| {
            builder.root_secret(RootSecret::from_bytes(1, &[5; 32])).endpoints(places())
        })
    };
    let (here, there) = (node(), node());
    let ask = form(with_assertion(CREDENTIALS, &signer().assertion("key-client", "a", 0)));
    here.ask(At::Token, &ask, 0).assert_ok();
    let other = form(with_assertion("grant_type=client_credentials", &signer().assertion("key-client", "a", 0)));
    there.ask(At::Token, &other, 1).assert_error(400, "invalid_grant");
    there.ask(At::Token, &ask, 1).assert_ok();
    assert_eq!(store.bytes().len(), 2);
}

/// CAPABILITIES rule 3: introspection is a resource server's hot path, and writes nothing.
#[test]
fn introspection_and_revocation_leave_no_marker() {
    let desk = desk([key_client()]);
    let token = login(&desk, "a", 0);
    let held = desk.held();
    for n in 0..3 {
        let reply = desk.by_key(At::Introspection, &format!("token={token}"), "same", n);
        assert_eq!(reply.json()["active"], true);
        assert_eq!(desk.by_key(At::Revocation, "token=anything", "same", n).status, 200);
    }
    assert_eq!(desk.held(), held);
    assert_eq!(desk.by_key(At::Revocation, &format!("token={token}"), "same", 3).status, 200);
    assert_eq!(desk.by_key(At::Introspection, &format!("token={token}"), "same", 3).json()["active"], false);
}

/// Markers of a flood that a client was let in for: as many as answers, and gone when nobody could accept the assertion.
#[test]
fn markers_end() {
    let store = MemoryStore::new();
    let clients = StaticClients::new().with(key_client().build().unwrap()).unwrap();
    let engine = Engine::builder(store, clients)
        .issuer(ISSUER)
        .root_secret(RootSecret::from_bytes(1, &[5; 32]))
        .authorization_code()
        .grant_handler(regrant::engine::ClientCredentials)
        .build()
        .unwrap();
    let send = |jti: u64, secs: u64| {
        let ask = form(with_assertion(CREDENTIALS, &signer().assertion("key-client", &jti.to_string(), secs)));
        engine.blocking().token(&ask.request(), at(secs)).unwrap().status()
    };
    let mut most = 0;
    for minute in 0..600 {
        for n in 0..4 {
            assert_eq!(send(minute * 4 + n, minute * 60), 200);
        }
        most = most.max(engine.store().markers());
    }
    assert!(most <= 4 * 10, "{most} of 2,400 are left: those of the last minutes");
}

#[test]
fn what_is_missing_is_said_when_it_is_built() {
    let build = |issuer: bool, root: bool| {
        let clients = StaticClients::new().with(key_client().build().unwrap()).unwrap();
        let builder = Engine::builder(MemoryStore::new(), clients);
        let builder = if issuer { builder.issuer(ISSUER) } else { builder };
        let builder = if root { builder.root_secret(RootSecret::generate(1)) } else { builder };
        builder.build().err()
    };
    assert_eq!(build(false, true), Some(BuildError::IssuerForAssertions));
    assert_eq!(build(true, false), Some(BuildError::RootSecretForAssertions));
    assert_eq!(build(true, true), None);
}

#[test]
fn what_does_not_go_together_is_no_client() {
    let keys = || Signer::new("one").keys();
    let recoverable = || RecoverableSecret::new(SECRET).unwrap();
    let confidential = || Client::confidential("app");
    for (builder, fault) in [
        (confidential().keys(keys()), ClientError::NoSecret),
        (confidential().private_key_jwt(true), ClientError::NoKeys),
        (confidential().self_signed_tls_client_auth(true), ClientError::NoKeys),
        (confidential().client_secret_jwt(true), ClientError::SecretNotKept),
        (confidential().secret(crate::kit::secret(SECRET)).client_secret_jwt(true), ClientError::SecretNotKept),
        (Client::public("app").keys(keys()).private_key_jwt(true), ClientError::MethodOfPublicClient),
        (confidential().jwks_uri("http://app.example/jwks").private_key_jwt(true), ClientError::JwksUri),
        (confidential().jwks_uri("https://app.example/jwks#a").private_key_jwt(true), ClientError::JwksUri),
        (
            confidential().secret(recoverable().into()).client_secret_basic(false).client_secret_post(false),
            ClientError::NoAuthMethod,
        ),
    ] {
        assert_eq!(builder.build().unwrap_err(), fault);
    }
    // Keys by themselves open nothing, and a public client may have them for what it signs.
    assert!(Client::public("app").keys(keys()).build().unwrap().is_public());
    // One secret for both: as it is, and as it signs ID tokens.
    assert!(confidential().recoverable_secret(recoverable()).client_secret_jwt(true).build().is_ok());
    let shown = format!("{:?}", confidential().secret(recoverable().into()).build().unwrap());
    assert!(!shown.contains(SECRET), "{shown}");
}

/// RFC 8414 section 2: exactly what is on.
#[test]
fn metadata_name_what_is_on() {
    let metadata = |clients: Vec<regrant::client::ClientBuilder>| -> Value {
        let all = clients.into_iter().fold(StaticClients::new(), |all, one| all.with(one.build().unwrap()).unwrap());
        let builder = Engine::builder(MemoryStore::new(), all).issuer(ISSUER).endpoints(places());
        let engine = builder.root_secret(RootSecret::generate(1)).build().unwrap();
        serde_json::from_slice(engine.metadata().unwrap().body()).unwrap()
    };
    let by_key = json!(["ES256", "PS256", "RS256", "EdDSA", "Ed25519"]);
    let by_both = json!(["ES256", "PS256", "RS256", "EdDSA", "Ed25519", "HS256"]);
    for (clients, methods, algorithms) in [
        (vec![crate::kit::app()], json!(["client_secret_basic", "client_secret_post"]), Value::Null),
        (vec![key_client()], json!(["private_key_jwt"]), by_key),
        (vec![mac_client()], json!(["client_secret_jwt"]), json!(["HS256"])),
        (vec![mac_client(), key_client()], json!(["client_secret_jwt", "private_key_jwt"]), by_both),
        (vec![ca_client()], json!(["tls_client_auth"]), Value::Null),
        (vec![mtls_client()], json!(["self_signed_tls_client_auth"]), Value::Null),
    ] {
        let said = metadata(clients);
        for endpoint in ["token", "revocation", "introspection"] {
            assert_eq!(said[format!("{endpoint}_endpoint_auth_methods_supported")], methods, "{said}");
            assert_eq!(said[format!("{endpoint}_endpoint_auth_signing_alg_values_supported")], algorithms, "{said}");
        }
    }
}
