//! FAPI 2.0 Security Profile (final), section 5.3.2 and 5.4: what it asks of an authorization server, and section 5.3.4 of a resource
//! server, each a row.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use regrant::client::ClientKeys;
use regrant::engine::ClientCredentials;
use regrant::jwt::{SigningAlgorithm, SigningKey};
use regrant::{Authorization, Request, Scope, StaticClients};
use serde_json::json;

use crate::kit::portal::ISSUER;
use crate::kit::profiles::{
    App, Desk, Pkce, Place, asking, bank, but, claims_but, encoded, key_app, key_client, mtls_app, mtls_client,
    redemption, said,
};
use crate::kit::proof::ProofKey;
use crate::kit::schedule::run;
use crate::kit::signer::Signer;
use crate::kit::world::renewal;
use crate::kit::{Shelf, at};
use crate::rows::{Row, run_all};

type Bank = Desk<Arc<Shelf>, StaticClients>;

pub(crate) fn usual() -> Bank {
    let (signing, _) = SigningKey::generate(SigningAlgorithm::Es256).unwrap();
    bank(Arc::new(Shelf::default()), [key_client(), mtls_client()], |builder| {
        builder.signing_key(signing).signed_requests().grant_handler(ClientCredentials)
    })
}

/// What is pushed, without this or with another value of it.
fn push_but(bank: &Bank, name: &'static str, value: Option<&str>) -> String {
    said(&bank.push(&key_app(), &but(asking(&key_app(), &Pkce::new()), name, value), 0))
}

/// What comes of an assertion with this claim.
fn assertion_but(bank: &Bank, name: &str, value: Option<serde_json::Value>) -> String {
    let (app, signer) = (key_app(), Signer::new("one"));
    let jwt = signer.jwt(&signer.header("EdDSA"), &claims_but(&app.id, "j", 0, name, value));
    said(&bank.send_with(Place::Token, &app, "grant_type=client_credentials", Some(&jwt), 0))
}

/// What comes of a proof whose clock is so many seconds ahead, with a right nonce.
fn proof_ahead(bank: &Bank, by: u64) -> String {
    let app = key_app();
    let key = app.proof.clone().unwrap();
    let proof = bank.proof(&key, Place::Token, 0).with("iat", at(by).as_secs()).sign();
    let assertion = Signer::new("one").assertion(&app.id, "ahead", 0);
    said(&bank.send_proven(Place::Token, &app, "grant_type=client_credentials", (Some(&assertion), Some(&proof)), 0))
}

fn credentials(bank: &Bank, app: &App) -> String {
    let reply = bank.send(Place::Token, app, "grant_type=client_credentials", 0);
    match reply.status {
        200 => format!("200 {}", reply.text("token_type")),
        _ => said(&reply),
    }
}

/// At the resource: by a scheme, where it is, and with or without a proof.
fn resource(bank: &Bank, scheme: &str, token: &str, in_query: bool, proof: Option<&ProofKey>) -> String {
    let header = format!("{scheme} {token}");
    let query = format!("access_token={token}");
    let request = Request::new("GET", b"").with_url("/accounts");
    let request = if in_query {
        request.with_query(query.as_bytes())
    } else {
        request.with_header("authorization", header.as_bytes())
    };
    let made = proof.map(|key| {
        let url = format!("{ISSUER}/accounts");
        key.proof("GET", &url).nonce(&bank.nonce(0)).ath(token).sign()
    });
    let request = match &made {
        Some(proof) => request.with_header("dpop", proof.as_bytes()),
        None => request,
    };
    match run(bank.engine.bearer(&request, &Scope::parse("accounts").unwrap(), at(0))) {
        Ok(_) => "let in".into(),
        Err(error) => {
            let code = error.challenge().split("error=\"").nth(1).and_then(|rest| rest.split('"').next());
            format!("{} {}", error.status(), code.unwrap_or_default())
        }
    }
}

fn member(bank: &Bank, name: &str) -> String {
    bank.metadata().get(name).map(ToString::to_string).unwrap_or_default()
}

const ROWS: &[Row<Bank>] = &[
    Row {
        section: "5.3.2.1, 1",
        rule: "metadata are distributed, with every endpoint",
        request: |bank| {
            let names = ["authorization_endpoint", "token_endpoint", "pushed_authorization_request_endpoint"];
            let at = "/.well-known/oauth-authorization-server";
            let served = bank.engine.document_at(at).is_some();
            format!("{served} {}", names.iter().filter(|name| !member(bank, name).is_empty()).count())
        },
        answer: "true 3",
    },
    Row {
        section: "5.3.2.1, 2",
        rule: "the password grant is rejected",
        request: |bank| said(&bank.send(Place::Token, &key_app(), "grant_type=password&username=a&password=b", 0)),
        answer: "400 unsupported_grant_type",
    },
    Row {
        section: "5.3.2.1, 4",
        rule: "no token without a sender: neither a proof nor a certificate",
        request: |bank| credentials(bank, &key_app().without_proof()),
        answer: "400 invalid_dpop_proof",
    },
    Row {
        section: "5.3.2.1, 4",
        rule: "nor for a code",
        request: |bank| {
            let (app, pkce) = (key_app(), Pkce::new());
            let code = bank.code(&app, &pkce, 0);
            said(&bank.redeem(&app.without_proof(), &code, &pkce, 0))
        },
        answer: "400 invalid_dpop_proof",
    },
    Row {
        section: "5.3.2.1, 4",
        rule: "nor at a refresh",
        request: |bank| {
            let token = bank.login(&key_app(), 0).refresh_token();
            said(&bank.refresh(&key_app().without_proof(), &token, 1))
        },
        answer: "400 invalid_dpop_proof",
    },
    Row { section: "5.3.2.1, 5", rule: "by DPoP", request: |bank| credentials(bank, &key_app()), answer: "200 DPoP" },
    Row {
        section: "5.3.2.1, 5",
        rule: "by a certificate, whether the client was registered so or not",
        request: |bank| {
            let reply = bank.send(Place::Token, &mtls_app(), "grant_type=client_credentials&scope=accounts", 0);
            let bare = resource(bank, "Bearer", &reply.access_token(), false, None);
            format!("{} {bare}", reply.text("token_type"))
        },
        answer: "Bearer 401 invalid_token",
    },
    Row {
        section: "5.3.2.1, 6",
        rule: "clients authenticate by keys or certificates, and the metadata name nothing else",
        request: |bank| member(bank, "token_endpoint_auth_methods_supported"),
        answer: r#"["private_key_jwt","self_signed_tls_client_auth"]"#,
    },
    Row {
        section: "5.3.2.1, 6",
        rule: "who authenticates by nothing is nobody",
        request: |bank| credentials(bank, &App { signer: None, ..key_app() }),
        answer: "401 invalid_client",
    },
    Row {
        section: "5.3.2.1, 7",
        rule: "no open redirector: what is not registered is shown",
        request: |bank| {
            let query = "response_type=code&client_id=key-client&redirect_uri=https%3A%2F%2Fevil.example";
            bank.approve(query, Authorization::of("alice"), 0).unwrap_err()
        },
        answer: "the redirect_uri is not one that the client has registered",
    },
    Row {
        section: "5.3.2.1, 8",
        rule: "the audience is the issuer as a string",
        request: |bank| assertion_but(bank, "aud", Some(json!(ISSUER))),
        answer: "200",
    },
    Row {
        section: "5.3.2.1, 8",
        rule: "and not in an array",
        request: |bank| assertion_but(bank, "aud", Some(json!([ISSUER]))),
        answer: "401 invalid_client",
    },
    Row {
        section: "5.3.2.1, 8",
        rule: "nor the token endpoint",
        request: |bank| assertion_but(bank, "aud", Some(json!(Place::Token.url()))),
        answer: "401 invalid_client",
    },
    Row {
        section: "5.3.2.1, 9",
        rule: "refresh tokens do not rotate",
        request: |bank| {
            let token = bank.login(&key_app(), 0).refresh_token();
            let again: Vec<_> =
                (1..4).map(|secs| bank.refresh(&key_app(), &token, secs * 1_000).refresh_token()).collect();
            format!("{}", again.iter().all(|own| *own == token))
        },
        answer: "true",
    },
    Row {
        section: "5.3.2.1, 10",
        rule: "nonces of the server: one is given with the refusal",
        request: |bank| {
            let proof = ProofKey::of(1).proof("POST", &Place::Token.url()).sign();
            let body = "grant_type=client_credentials";
            let reply = bank.send_proven(Place::Token, &key_app(), body, (None, Some(&proof)), 0);
            format!("{} {}", said(&reply), reply.header("dpop-nonce").len())
        },
        answer: "400 use_dpop_nonce 1",
    },
    Row {
        section: "5.3.2.1, 11",
        rule: "a code lives for 60 seconds",
        request: |bank| {
            let (app, pkce) = (key_app(), Pkce::new());
            let codes = [bank.code(&app, &pkce, 0), bank.code(&app, &pkce, 0)];
            let [early, late] =
                [(0, 59), (1, 60)].map(|(code, secs)| said(&bank.redeem(&app, &codes[code], &pkce, secs)));
            format!("{early}, {late}")
        },
        answer: "200, 400 invalid_grant",
    },
    Row {
        section: "5.3.2.1, 12",
        rule: "dpop_jkt binds the code",
        request: |bank| {
            let (app, pkce) = (key_app(), Pkce::new());
            let says = but(asking(&app, &pkce), "dpop_jkt", Some(&ProofKey::of(2).thumbprint()));
            let query = bank.pushed(&app.without_proof(), &says, 0);
            let code = bank.approve(&query, Authorization::of("alice"), 0).unwrap().get("code").unwrap().to_owned();
            let other = said(&bank.redeem(&app, &code, &pkce, 1));
            format!("{other}, {}", said(&bank.redeem(&app.with_proof(2), &code, &pkce, 1)))
        },
        answer: "400 invalid_grant, 200",
    },
    Row {
        section: "5.3.2.1, 12",
        rule: "so does the proof of the pushed request (RFC 9449 section 10.1)",
        request: |bank| {
            let (app, pkce) = (key_app(), Pkce::new());
            let code = bank.code(&app, &pkce, 0);
            said(&bank.redeem(&app.with_proof(2), &code, &pkce, 1))
        },
        answer: "400 invalid_grant",
    },
    Row {
        section: "5.3.2.1, 13",
        rule: "an assertion of 10 seconds ahead is accepted, by iat",
        request: |bank| assertion_but(bank, "iat", Some(json!(at(10).as_secs()))),
        answer: "200",
    },
    Row {
        section: "5.3.2.1, 13",
        rule: "and by nbf",
        request: |bank| assertion_but(bank, "nbf", Some(json!(at(10).as_secs()))),
        answer: "200",
    },
    Row {
        section: "5.3.2.1, 13",
        rule: "one of more than 60 seconds ahead is rejected, by iat",
        request: |bank| assertion_but(bank, "iat", Some(json!(at(61).as_secs()))),
        answer: "401 invalid_client",
    },
    Row {
        section: "5.3.2.1, 13",
        rule: "and by nbf",
        request: |bank| assertion_but(bank, "nbf", Some(json!(at(61).as_secs()))),
        answer: "401 invalid_client",
    },
    Row {
        section: "5.3.2.1, 13",
        rule: "proofs are JWTs: 10 seconds ahead",
        request: |bank| proof_ahead(bank, 10),
        answer: "200",
    },
    Row {
        section: "5.3.2.1, 13",
        rule: "and more than 60, whatever the nonce",
        request: |bank| proof_ahead(bank, 61),
        answer: "400 invalid_dpop_proof",
    },
    Row {
        section: "5.3.2.1, 14",
        rule: "a token has no more scope than was asked for",
        request: |bank| bank.login(&key_app(), 0).text("scope"),
        answer: "accounts",
    },
    Row {
        section: "5.3.2.2, 1",
        rule: "response_type is code",
        request: |bank| {
            let refused = ["token", "code id_token"].map(|kind| push_but(bank, "response_type", Some(kind)));
            format!("{} {}", refused.join(" "), member(bank, "response_types_supported"))
        },
        answer: r#"400 unsupported_response_type 400 unsupported_response_type ["code"]"#,
    },
    Row {
        section: "5.3.2.2, 2",
        rule: "pushed requests are supported",
        request: |bank| push_but(bank, "response_mode", None),
        answer: "201",
    },
    Row {
        section: "5.3.2.2, 3",
        rule: "a request that was not pushed is rejected",
        request: |bank| {
            let says = but(asking(&key_app(), &Pkce::new()), "client_id", Some("key-client"));
            let landing = bank.approve(&encoded(&says), Authorization::of("alice"), 0).unwrap();
            format!("{:?} {:?}", landing.get("error"), member(bank, "require_pushed_authorization_requests"))
        },
        answer: r#"Some("invalid_request") "true""#,
    },
    Row {
        section: "5.3.2.2, 4",
        rule: "a push without authentication is rejected",
        request: |bank| said(&bank.push(&App { signer: None, ..key_app() }, &asking(&key_app(), &Pkce::new()), 0)),
        answer: "401 invalid_client",
    },
    Row {
        section: "5.3.2.2, 5",
        rule: "PKCE is demanded of confidential clients too",
        request: |bank| {
            let says = but(asking(&key_app(), &Pkce::new()), "code_challenge", None);
            said(&bank.push(&key_app(), &but(says, "code_challenge_method", None), 0))
        },
        answer: "400 invalid_request",
    },
    Row {
        section: "5.3.2.2, 5",
        rule: "by S256",
        request: |bank| push_but(bank, "code_challenge_method", Some("plain")),
        answer: "400 invalid_request",
    },
    Row {
        section: "5.3.2.2, 6",
        rule: "the pushed request names the redirect URI",
        request: |bank| push_but(bank, "redirect_uri", None),
        answer: "400 invalid_request",
    },
    Row {
        section: "5.3.2.2, 7",
        rule: "the answer has iss",
        request: |bank| {
            let query = bank.pushed(&key_app(), &asking(&key_app(), &Pkce::new()), 0);
            let landing = bank.approve(&query, Authorization::of("alice"), 0).unwrap();
            format!("{:?} {}", landing.get("iss"), member(bank, "authorization_response_iss_parameter_supported"))
        },
        answer: r#"Some("https://id.example") true"#,
    },
    Row {
        section: "5.3.2.2, 8",
        rule: "no answer goes to http",
        request: |bank| push_but(bank, "redirect_uri", Some("http://localhost/cb")),
        answer: "400 invalid_request",
    },
    Row {
        section: "5.3.2.2, 8",
        rule: "nor an error of a request that was not pushed",
        request: |bank| {
            let query = "response_type=code&client_id=key-client&redirect_uri=http%3A%2F%2Flocalhost%2Fcb";
            bank.approve(query, Authorization::of("alice"), 0).unwrap_err()
        },
        answer: "the redirect_uri is not one that the client has registered",
    },
    Row {
        section: "5.3.2.2, 8",
        rule: "but to the loopback interface (RFC 8252 section 7.3)",
        request: |bank| push_but(bank, "redirect_uri", Some("http://127.0.0.1:4711/cb")),
        answer: "201",
    },
    Row {
        section: "5.3.2.2, 9",
        rule: "a code is used once, and its second use ends what came of it",
        request: |bank| {
            let (app, pkce) = (key_app(), Pkce::new());
            let code = bank.code(&app, &pkce, 0);
            let token = bank.redeem(&app, &code, &pkce, 1).refresh_token();
            let again = said(&bank.redeem(&app, &code, &pkce, 2));
            format!("{again}, {}", said(&bank.refresh(&app, &token, 3)))
        },
        answer: "400 invalid_grant, 400 invalid_grant",
    },
    Row {
        section: "5.3.2.2, 10 and 11",
        rule: "redirects are 303 and never 307",
        request: |bank| {
            let query = bank.pushed(&key_app(), &asking(&key_app(), &Pkce::new()), 0);
            let request = Request::new("GET", b"").with_query(query.as_bytes());
            let asked = run(bank.engine.authorize(&request, at(0))).unwrap();
            run(bank.engine.approve(&asked, Authorization::of("alice"), at(0))).unwrap().response.status().to_string()
        },
        answer: "303",
    },
    Row {
        section: "5.3.2.2, 12",
        rule: "a pushed request lives less than 600 seconds",
        request: |bank| {
            let reply = bank.push(&key_app(), &asking(&key_app(), &Pkce::new()), 0);
            format!("{}", reply.json()["expires_in"].as_u64().unwrap() < 600)
        },
        answer: "true",
    },
    Row {
        section: "5.3.2.2, 13",
        rule: "the page is told who asks, and for what",
        request: |bank| {
            let query = bank.pushed(&key_app(), &asking(&key_app(), &Pkce::new()), 0);
            let request = Request::new("GET", b"").with_query(query.as_bytes());
            let asked = run(bank.engine.authorize(&request, at(0))).unwrap();
            format!("{} {} {}", asked.client().id(), asked.scope(), asked.redirect_uri())
        },
        answer: "key-client accounts https://app.example/cb",
    },
    Row {
        section: "5.3.2.2, 14",
        rule: "a nonce of 64 characters",
        request: |bank| push_but(bank, "nonce", Some(&"n".repeat(64))),
        answer: "201",
    },
    Row {
        section: "5.3.2.2, note 4",
        rule: "a state of more than 1000 characters",
        request: |bank| push_but(bank, "state", Some(&"s".repeat(1_200))),
        answer: "201",
    },
    Row {
        section: "5.3.4, 1",
        rule: "an access token comes in the header, with its proof",
        request: |bank| {
            let token = bank.login(&key_app(), 0).access_token();
            resource(bank, "DPoP", &token, false, Some(&ProofKey::of(1)))
        },
        answer: "let in",
    },
    Row {
        section: "5.3.4, 2",
        rule: "and not in the query",
        request: |bank| {
            let token = bank.login(&key_app(), 0).access_token();
            resource(bank, "DPoP", &token, true, Some(&ProofKey::of(1)))[..3].to_owned()
        },
        answer: "401",
    },
    Row {
        section: "5.3.4, 3",
        rule: "a revoked token is refused",
        request: |bank| {
            let first = bank.login(&key_app(), 0);
            bank.send(Place::Revocation, &key_app(), &format!("token={}", first.refresh_token()), 0);
            resource(bank, "DPoP", &first.access_token(), false, Some(&ProofKey::of(1)))
        },
        answer: "401 invalid_token",
    },
    Row {
        section: "5.3.4, 5",
        rule: "a bound token is no bearer token",
        request: |bank| {
            let token = bank.login(&key_app(), 0).access_token();
            resource(bank, "Bearer", &token, false, None)
        },
        answer: "401 invalid_token",
    },
    Row {
        section: "5.4.1, 1",
        rule: "PS256, ES256 and EdDSA alone, for proofs and assertions",
        request: |bank| {
            let names = [
                "dpop_signing_alg_values_supported",
                "token_endpoint_auth_signing_alg_values_supported",
                "request_object_signing_alg_values_supported",
            ];
            names.map(|name| member(bank, name)).join(" ").replace('"', "")
        },
        answer: "[ES256,PS256,EdDSA,Ed25519] [ES256,PS256,EdDSA,Ed25519] [ES256,PS256,EdDSA,Ed25519]",
    },
    Row {
        section: "5.4.1, 1",
        rule: "none is no algorithm",
        request: |bank| {
            let signer = Signer::new("one");
            let jwt = signer.jwt(&json!({"alg": "none"}), &claims_but("key-client", "j", 0, "x", None));
            said(&bank.send_with(Place::Token, &key_app(), "grant_type=client_credentials", Some(&jwt), 0))
        },
        answer: "401 invalid_client",
    },
    Row {
        section: "5.4.1, 2",
        rule: "RSA keys have 2,048 bits at least",
        request: |_| {
            let key = |bytes: usize| json!({"keys": [{"kty": "RSA", "e": "AQAB", "n": URL_SAFE_NO_PAD.encode(vec![0xff; bytes])}]});
            [128, 255, 256]
                .map(|bytes| ClientKeys::from_json(key(bytes).to_string().as_bytes()).is_ok().to_string())
                .join(" ")
        },
        answer: "false false true",
    },
    Row {
        section: "5.4.1, 3",
        rule: "and those of curves 224: there is P-256 and Ed25519",
        request: |_| {
            let key = |curve: &str, bytes: usize| {
                let text = URL_SAFE_NO_PAD.encode(vec![1; bytes]);
                let set = json!({"keys": [{"kty": "EC", "crv": curve, "x": text, "y": text}]});
                ClientKeys::from_json(set.to_string().as_bytes()).is_ok().to_string()
            };
            [key("P-192", 24), key("secp160r1", 20)].join(" ")
        },
        answer: "false false",
    },
    Row {
        section: "5.4.3",
        rule: "of keys with one kid the one of the right kind is tried",
        request: |bank| {
            let signer = Signer::new("one");
            let by = |alg: &str| {
                let jwt = signer.jwt(&signer.header(alg), &claims_but("key-client", alg, 0, "x", None));
                said(&bank.send_with(Place::Token, &key_app(), "grant_type=client_credentials", Some(&jwt), 0))
            };
            ["EdDSA", "ES256"].map(by).join(" ")
        },
        answer: "200 200",
    },
    Row {
        section: "5.4.1, 4",
        rule: "tokens and codes have 128 bits that nobody guesses: two of a login have 160 of a MAC each",
        request: |bank| {
            let first = bank.login(&key_app(), 0);
            format!("{}", first.refresh_token().len() >= 43 && first.access_token().len() >= 43)
        },
        answer: "true",
    },
];

#[test]
fn every_requirement_of_fapi_2_0_on_a_server() {
    run_all(ROWS, usual);
}

/// Section 5.4.1: an assertion by RS256 is refused before its signature is looked at, and so is a signed request; by an algorithm of the profile
/// they would be judged by the keys.
#[test]
fn rs256_is_no_algorithm_of_fapi_2_0() {
    let bank = usual();
    let signer = Signer::new("one");
    for (alg, why) in [("RS256", "Assertion(Algorithm)"), ("PS256", "Assertion(UnknownKey)")] {
        let jwt = signer.jwt(&json!({"alg": alg, "kid": "one"}), &claims_but("key-client", "j", 0, "x", None));
        bank.events.take();
        let reply = bank.send_with(Place::Token, &key_app(), "grant_type=client_credentials", Some(&jwt), 0);
        assert_eq!(said(&reply), "401 invalid_client");
        let events = bank.events.take();
        assert!(events.iter().any(|event| event.contains(why)), "{alg}: {events:?}");
        let mut claims = claims_but("key-client", "j", 0, "sub", None);
        claims["client_id"] = json!("key-client");
        let object = signer.jwt(&json!({"alg": alg, "kid": "one"}), &claims);
        let reply = bank.push(&key_app(), &vec![("request", object)], 0);
        assert_eq!(said(&reply), "400 invalid_request_object");
        let (events, why) = (bank.events.take(), why.replace("Assertion", "SignedRequest"));
        assert!(events.iter().any(|event| event.contains(&why)), "{alg}: {events:?}");
    }
}

/// A token of before the profile was on, or of a client that had none: section 5.3.2.1, item 4, where it is used.
#[test]
fn a_token_from_before_the_profile_is_nobodys() {
    let bank = usual();
    // The same engine without the profile, on the same store.
    let clients = StaticClients::new().with(key_client().build().unwrap()).unwrap();
    let before = regrant::Engine::builder(Arc::clone(&bank.store), clients)
        .key(regrant::Key::from_bytes(7, &[9; 32]))
        .root_secret(regrant::RootSecret::from_bytes(1, &[2; 32]))
        .issuer(ISSUER)
        .grant_handler(ClientCredentials)
        .build()
        .unwrap();
    let before = Desk { engine: before, store: Arc::clone(&bank.store), events: bank.events.clone() };
    let bare = key_app().without_proof();
    let token = before.send(Place::Token, &bare, "grant_type=client_credentials&scope=accounts", 0).access_token();
    assert_eq!(resource(&before, "Bearer", &token, false, None), "let in");
    assert_eq!(resource(&bank, "Bearer", &token, false, None), "401 invalid_token");
}

/// Section 5.3.2.1, item 5: what a client shows is what its token is bound to, though nobody registered it for that.
#[test]
fn a_token_by_certificate_is_bound_to_it() {
    let bank = usual();
    let reply = bank.send(Place::Token, &mtls_app(), "grant_type=client_credentials&scope=accounts", 0);
    let header = format!("Bearer {}", reply.access_token());
    let chain = regrant::client::CertificateChain::NotVerified;
    let own = mtls_app().certificate.unwrap();
    let other = Signer::new("two").certificate("mtls-client", 1, chain);
    for (certificate, lets_in) in [(Some(&own), true), (Some(&other), false), (None, false)] {
        let request = Request::new("GET", b"").with_url("/accounts").with_header("authorization", header.as_bytes());
        let request = match certificate {
            Some(certificate) => request.with_certificate(certificate),
            None => request,
        };
        assert_eq!(run(bank.engine.bearer(&request, &Scope::parse("accounts").unwrap(), at(0))).is_ok(), lets_in);
    }
}

/// A login by certificate: its refresh token is for who shows one, and for the client.
#[test]
fn a_login_by_certificate_is_bound_to_certificates() {
    let bank = usual();
    let (app, pkce) = (mtls_app(), Pkce::new());
    let code = bank.code(&app, &pkce, 0);
    let reply = bank.send(Place::Token, &app, &redemption(&app, &code, &pkce), 0);
    let token = reply.assert_ok().refresh_token();
    // Without a certificate the client is nobody; with another proof it is still itself.
    bank.refresh(&App { certificate: None, ..app.clone() }, &token, 1).assert_error(401, "invalid_client");
    bank.send(Place::Token, &app, &renewal(&token), 2).assert_ok();
}

/// Section 5.3.2.1, item 5, leaves the key to the client. One that is also what it authenticates by is refused by atproto alone.
#[test]
fn a_proof_may_be_by_a_key_of_the_client() {
    let key = ProofKey::of(7);
    let mut jwks = Signer::new("one").jwks();
    jwks["keys"].as_array_mut().unwrap().push(key.jwk());
    let client = key_client().keys(ClientKeys::from_json(jwks.to_string().as_bytes()).unwrap());
    let bank = bank(Arc::new(Shelf::default()), [client], |builder| builder.grant_handler(ClientCredentials));
    let app = App { proof: Some(key), ..key_app() };
    assert_eq!(credentials(&bank, &app), "200 DPoP");
}
