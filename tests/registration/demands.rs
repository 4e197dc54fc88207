//! What clients that nobody made by hand ask to be held to: RFC 9126 section 6, RFC 9101 section 10.5, JARM section 3, RFC 9449 section 5.2,
//! RFC 8705 section 3.4. Each means what the method of that name means of a client that was made by hand; what cannot be had is
//! refused or dropped (RFC 7591 section 3.2.1).

use regrant::client::{CertificateChain, MetadataFault};
use regrant::engine::Dpop;
use regrant::jwt::{SigningAlgorithm, SigningKey};
use regrant::{Authorization, Clients, Endpoints, EngineBuilder, Request, TokenStore};
use serde_json::{Value, json};

use crate::desk::{Desk, desk, id, json_post, root, site, strangers};
use crate::kit::jwt::parts;
use crate::kit::portal::{CHALLENGE, ISSUER, PKCE, STATE, VERIFIER, run};
use crate::kit::proof::ProofKey;
use crate::kit::signer::{Signer, with_assertion};
use crate::kit::{Reply, Shelf, at, form};
use crate::site::{APP, Hand, Port, Web, document, port_on, shown};

const CALLBACK: &str = "https://site.example/cb";

fn signer() -> Signer {
    Signer::new("one")
}

fn key(algorithm: SigningAlgorithm) -> SigningKey {
    SigningKey::generate(algorithm).unwrap().0
}

/// All that a client can be held to; answers by `ES256`, and for whom wants it by `EdDSA`.
fn able<S: TokenStore, C: Clients>(builder: EngineBuilder<S, C>) -> EngineBuilder<S, C> {
    builder
        .root_secret(root(7))
        .pushed_authorization_requests()
        .signed_requests()
        .signing_key(key(SigningAlgorithm::Es256))
        .accept_signing_key(key(SigningAlgorithm::EdDsa))
        .signed_responses()
        .endpoints(
            Endpoints::new().with_authorization("/authorize").with_token("/token").with_registration("/register"),
        )
        .dpop(Dpop::new())
}

fn able_desk() -> Desk {
    desk(strangers().with_private_key_jwt(true).with_certificate_bound_tokens(true), able)
}

/// With one key, of P-256 and of Ed25519.
fn with_keys() -> Value {
    let mut metadata = site();
    metadata["token_endpoint_auth_method"] = json!("private_key_jwt");
    metadata["jwks"] = signer().jwks();
    metadata
}

fn with(name: &str, value: Value) -> Value {
    let mut metadata = with_keys();
    metadata[name] = value;
    metadata
}

fn query(client_id: &str, more: &str) -> String {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!(
        "response_type=code&client_id={}&redirect_uri={}&state={STATE}{PKCE}{more}",
        encode(client_id),
        encode(CALLBACK)
    )
}

/// The client's request, signed by this algorithm.
fn signed_query(client_id: &str, algorithm: &str) -> String {
    let now = at(0).as_secs();
    let claims = json!({
        "iss": client_id, "aud": ISSUER, "exp": now + 300, "iat": now, "client_id": client_id, "response_type": "code",
        "redirect_uri": CALLBACK, "state": STATE, "code_challenge": CHALLENGE, "code_challenge_method": "S256",
    });
    format!("client_id={client_id}&request={}", signer().jwt(&signer().header(algorithm), &claims))
}

/// Redeems a code with this assertion, and a proof or a certificate.
fn redeem(desk: &Desk, id: &str, code: &str, by: &str, jti: &str, shows: &[&str]) -> Reply {
    let body = format!("grant_type=authorization_code&code={code}&redirect_uri={CALLBACK}&code_verifier={VERIFIER}");
    let claims = crate::kit::signer::claims(id, jti, 0);
    let mut ask = form(with_assertion(&body, &signer().jwt(&signer().header(by), &claims)));
    if shows.contains(&"proof") {
        let proof = || ProofKey::of(1).proof("POST", &format!("{ISSUER}/token"));
        let asked = form("grant_type=refresh_token").header("dpop", proof().sign());
        let nonce = Reply::of(&run(desk.engine.token(&asked.request(), at(0)))).header("dpop-nonce")[0].to_owned();
        ask = ask.header("dpop", proof().nonce(&nonce).sign());
    }
    let certificate = signer().certificate("whoever", 1, CertificateChain::NotVerified);
    let request = ask.request();
    let request = if shows.contains(&"certificate") { request.with_certificate(&certificate) } else { request };
    Reply::of(&run(desk.engine.token(&request, at(0))))
}

fn code(desk: &Desk, query: &str) -> String {
    desk.approve(query, Authorization::of("alice"), at(0)).get("code").unwrap().to_owned()
}

/// Of each member: without it, the client may; with it, it has to.
#[test]
fn each_member_holds_the_client_to_it() {
    let desk = able_desk();
    let plain = desk.register(&with_keys());
    let free = id(&plain).to_owned();
    let [pushed, signed, by_one, jarm, bound, on_tls, asserted] = [
        ("require_pushed_authorization_requests", json!(true)),
        ("require_signed_request_object", json!(true)),
        ("request_object_signing_alg", json!("ES256")),
        ("authorization_signed_response_alg", json!("EdDSA")),
        ("dpop_bound_access_tokens", json!(true)),
        ("tls_client_certificate_bound_access_tokens", json!(true)),
        ("token_endpoint_auth_signing_alg", json!("ES256")),
    ]
    .map(|(name, value)| {
        let registered = desk.register(&with(name, value.clone()));
        assert_eq!(registered[name], value);
        registered
    });
    assert!(code(&desk, &query(&free, "")).len() == 43);

    assert_eq!(shown(&desk, &query(id(&pushed), "")).0, 400);
    let body = with_assertion(&query(id(&pushed), ""), &signer().assertion(id(&pushed), "par", 0));
    let answer = Reply::of(&run(desk.engine.push(&form(body).request(), at(0))));
    assert_eq!(answer.status, 201, "{answer:?}");
    let uri: String = form_urlencoded::byte_serialize(answer.text("request_uri").as_bytes()).collect();
    assert_eq!(code(&desk, &format!("client_id={}&request_uri={uri}", id(&pushed))).len(), 43);

    assert_eq!(shown(&desk, &query(id(&signed), "")).0, 400);
    for algorithm in ["ES256", "EdDSA"] {
        code(&desk, &signed_query(id(&signed), algorithm));
        code(&desk, &signed_query(&free, algorithm));
    }

    code(&desk, &signed_query(id(&by_one), "ES256"));
    assert_eq!(shown(&desk, &signed_query(id(&by_one), "EdDSA")).0, 400);

    for (client_id, algorithm) in [(free.as_str(), "ES256"), (id(&jarm), "EdDSA")] {
        let landing = desk.approve(&query(client_id, "&response_mode=jwt"), Authorization::of("alice"), at(0));
        assert_eq!(parts(landing.get("response").unwrap()).0["alg"], algorithm);
    }

    let code_of_bound = code(&desk, &query(id(&bound), ""));
    redeem(&desk, id(&bound), &code_of_bound, "EdDSA", "a", &[]).assert_error(400, "invalid_dpop_proof");
    assert_eq!(redeem(&desk, id(&bound), &code_of_bound, "EdDSA", "b", &["proof"]).text("token_type"), "DPoP");

    let code_there = code(&desk, &query(id(&on_tls), ""));
    let refused = redeem(&desk, id(&on_tls), &code_there, "EdDSA", "a", &[]);
    assert_eq!(refused.status, 400, "{refused:?}");
    // A bound token is longer.
    let tokens = redeem(&desk, id(&on_tls), &code_there, "EdDSA", "b", &["certificate"]);
    assert_eq!(tokens.assert_ok().access_token().len(), 111);

    let of_asserted = code(&desk, &query(id(&asserted), ""));
    redeem(&desk, id(&asserted), &of_asserted, "EdDSA", "a", &[]).assert_error(401, "invalid_client");
    redeem(&desk, id(&asserted), &of_asserted, "ES256", "b", &[]).assert_ok();

    // The one that asked for nothing is held to nothing.
    redeem(&desk, &free, &code(&desk, &query(&free, "")), "EdDSA", "a", &[]).assert_ok();
}

/// The usual id pays nothing for it, and who asks for everything four bytes.
#[test]
fn the_id_stays_small() {
    let desk = able_desk();
    let length = |metadata: &Value| id(&desk.register(metadata)).len();
    let mut all = with_keys();
    for (name, value) in [
        ("require_pushed_authorization_requests", json!(true)),
        ("require_signed_request_object", json!(true)),
        ("request_object_signing_alg", json!("Ed25519")),
        ("authorization_signed_response_alg", json!("ES256")),
        ("dpop_bound_access_tokens", json!(true)),
        ("tls_client_certificate_bound_access_tokens", json!(true)),
    ] {
        all[name] = value;
    }
    let registered = desk.register(&all);
    for (name, value) in all.as_object().unwrap() {
        if name != "jwks" {
            assert_eq!(registered.get(name), Some(value), "{name}");
        }
    }
    assert!(id(&registered).len() <= length(&with_keys()) + 6);
    let mut refuses = with_keys();
    for name in ["require_pushed_authorization_requests", "dpop_bound_access_tokens"] {
        refuses[name] = json!(false);
    }
    let registered = desk.register(&refuses);
    assert_eq!(id(&registered).len(), length(&with_keys()));
    assert_eq!(registered.get("dpop_bound_access_tokens"), None, "absent is false");
}

/// What a client would count on and not get.
#[test]
fn what_cannot_be_had_is_refused() {
    type Row = (fn() -> Desk, Value, MetadataFault);
    let off = || desk(strangers().with_private_key_jwt(true), |builder| builder.root_secret(root(7)));
    let without_keys = || desk(strangers(), able);
    let public = |name: &str, value: Value| {
        let mut metadata = crate::desk::editor();
        metadata[name] = value;
        metadata
    };
    let rows: [Row; 21] = [
        (off, with("require_pushed_authorization_requests", json!(true)), MetadataFault::PushedRequestsNotServed),
        (off, with("require_signed_request_object", json!(true)), MetadataFault::SignedRequestsNotServed),
        (off, with("dpop_bound_access_tokens", json!(true)), MetadataFault::DpopNotServed),
        (off, with("tls_client_certificate_bound_access_tokens", json!(true)), MetadataFault::CertificatesNotServed),
        (
            without_keys,
            public("tls_client_certificate_bound_access_tokens", json!(true)),
            MetadataFault::CertificatesNotServed,
        ),
        (without_keys, public("require_signed_request_object", json!(true)), MetadataFault::NoKeyForRequests),
        // JARM section 3: a key of that kind, or none such.
        (able_desk, with("authorization_signed_response_alg", json!("RS256")), MetadataFault::ResponseSigningAlgorithm),
        (able_desk, with("authorization_signed_response_alg", json!("none")), MetadataFault::ResponseSigningAlgorithm),
        (able_desk, with("authorization_signed_response_alg", json!("HS256")), MetadataFault::ResponseSigningAlgorithm),
        (off, with("authorization_signed_response_alg", json!("none")), MetadataFault::ResponseSigningAlgorithm),
        (able_desk, with("request_object_signing_alg", json!("none")), MetadataFault::RequestSigningAlgorithm),
        (able_desk, with("request_object_signing_alg", json!("HS256")), MetadataFault::RequestSigningAlgorithm),
        (able_desk, with("request_object_signing_alg", json!("es256")), MetadataFault::RequestSigningAlgorithm),
        (off, with("request_object_signing_alg", json!("none")), MetadataFault::RequestSigningAlgorithm),
        (able_desk, with("token_endpoint_auth_signing_alg", json!("none")), MetadataFault::SigningAlgorithm),
        // Section 2: what is true or false is no text.
        (able_desk, with("require_pushed_authorization_requests", json!("true")), MetadataFault::Type),
        (able_desk, with("require_signed_request_object", json!(1)), MetadataFault::Type),
        (able_desk, with("dpop_bound_access_tokens", json!("false")), MetadataFault::Type),
        (able_desk, with("tls_client_certificate_bound_access_tokens", json!([])), MetadataFault::Type),
        (able_desk, with("request_object_signing_alg", json!(["ES256"])), MetadataFault::Type),
        (able_desk, with("authorization_signed_response_alg", json!({})), MetadataFault::Type),
    ];
    for (desk, metadata, fault) in rows {
        let reply = desk().ask_to_register(&json_post(metadata.to_string()), at(0));
        reply.assert_error(400, "invalid_client_metadata");
        assert_eq!(reply.text("error_description"), fault.to_string(), "{metadata}");
    }
}

/// RFC 7591 section 3.2.1: how requests or answers are signed, where none are, is nobody's loss. The answer says what was registered.
#[test]
fn what_would_mean_nothing_here_is_dropped() {
    let off = desk(strangers().with_private_key_jwt(true), |builder| builder.root_secret(root(7)));
    for (name, value) in [
        ("request_object_signing_alg", json!("ES256")),
        ("authorization_signed_response_alg", json!("RS256")),
        ("require_pushed_authorization_requests", Value::Null),
        ("dpop_bound_access_tokens", json!(false)),
        ("tls_client_certificate_bound_access_tokens", json!(false)),
    ] {
        assert_eq!(off.register(&with(name, value)).get(name), None, "{name}");
    }
    // Nor are requests of a client signed that has no keys.
    let mut metadata = crate::desk::editor();
    metadata["request_object_signing_alg"] = json!("ES256");
    assert_eq!(able_desk().register(&metadata).get("request_object_signing_alg"), None);
}

/// A client that is known by a document says it there.
#[test]
fn a_document_holds_its_client_to_it() {
    let port = |member: &str, change: fn(crate::site::Strangers) -> crate::site::Strangers| -> Port {
        let web = Web::default();
        let mut said = document(APP);
        said["redirect_uris"] = json!([CALLBACK]);
        said[member] = json!(true);
        web.puts(APP, &said);
        port_on(std::sync::Arc::<Shelf>::default(), change(crate::site::strangers(&web, &Hand::new())), able)
    };
    let pushed = port("require_pushed_authorization_requests", |clients| clients);
    assert_eq!(shown(&pushed, &query(APP, "")).0, 400);
    let request = |desk: &Port, code: &str| {
        let body = format!(
            "grant_type=authorization_code&code={code}&redirect_uri={CALLBACK}&code_verifier={VERIFIER}&client_id={APP}"
        );
        Reply::of(&run(desk.engine.token(&form(body).request(), at(0))))
    };
    let bound = port("dpop_bound_access_tokens", |clients| clients);
    let code = |port: &Port| {
        let landing = port.approve(&query(APP, ""), Authorization::of("alice"), at(0));
        landing.get("code").unwrap().to_owned()
    };
    request(&bound, &code(&bound)).assert_error(400, "invalid_dpop_proof");
    let member = "tls_client_certificate_bound_access_tokens";
    let on_tls = port(member, |clients| clients.with_certificate_bound_tokens(true));
    assert_eq!(request(&on_tls, &code(&on_tls)).status, 400, "no certificate");
    let off = port(member, |clients| clients);
    let asked = Request::new("GET", b"");
    let query = query(APP, "");
    let (status, description, _) = crate::site::shown_to(&off, &asked.with_query(query.as_bytes()));
    assert_eq!((status, description), (400, MetadataFault::CertificatesNotServed.to_string().as_str()));
    // A document is for all servers, but it says nothing that no server can do.
    let unsigned = port("require_signed_request_object", |clients| clients);
    let (_, description, _) = shown(&unsigned, &query);
    assert_eq!(description, MetadataFault::NoKeyForRequests.to_string());
}
