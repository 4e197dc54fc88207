//! The OAuth profile of atproto (<https://atproto.com/specs/oauth>): what it asks of an authorization server, each a row. The section is the
//! heading it stands under.

use std::sync::Arc;

use regrant::jwt::{JwtAccessTokens, SigningAlgorithm, SigningKey};
use regrant::{Authorization, Request, Scope};
use serde_json::{Value, json};

use crate::kit::portal::ISSUER;
use crate::kit::profiles::{
    App, Hand, PHONE, Pkce, Place, SERVICE, Square, asking, but, claims_but, encoded, for_ever, phone, said, service,
    site, square,
};
use crate::kit::proof::ProofKey;
use crate::kit::schedule::run;
use crate::kit::signer::Signer;
use crate::kit::{Shelf, at};
use crate::rows::{Row, run_all};

type Desk = Square<Arc<Shelf>>;

const DAY: u64 = 86_400;

fn usual() -> Desk {
    square(Arc::new(Shelf::default()), &site(), &Hand::default(), |builder| builder.lifetimes(for_ever()))
}

fn member(square: &Desk, name: &str) -> String {
    square.metadata().get(name).map(ToString::to_string).unwrap_or_default()
}

fn has(square: &Desk, name: &str, value: &str) -> bool {
    square.metadata()[name].as_array().is_some_and(|all| all.contains(&json!(value)))
}

fn push_but(square: &Desk, name: &'static str, value: Option<&str>) -> String {
    said(&square.push(&phone(), &but(asking(&phone(), &Pkce::new()), name, value), 0))
}

/// What comes of a pushed request of the service by an assertion with this claim.
fn assertion_but(square: &Desk, name: &str, value: Option<Value>) -> String {
    let signer = Signer::new("one");
    let jwt = signer.jwt(&signer.header("EdDSA"), &claims_but(SERVICE, "j", 0, name, value));
    let body = encoded(&asking(&service(), &Pkce::new()));
    said(&square.send_with(Place::Push, &service(), &body, Some(&jwt), 0))
}

fn landing(square: &Desk, app: &App, authorization: Authorization) -> crate::kit::portal::Landing {
    let query = square.pushed(app, &asking(app, &Pkce::new()), 0);
    square.approve(&query, authorization, 0).unwrap()
}

/// How long the tokens of a login of this app live: the access token, and the refresh token without a use.
fn lives(square: &Desk, app: &App) -> (u64, u64) {
    let access = square.login(app, 0).json()["expires_in"].as_u64().unwrap();
    let grants = square.store.grants();
    let grant = grants.iter().find(|grant| !grant.is_marker()).unwrap();
    (access, grant.refresh_expires_at().as_secs() - at(0).as_secs())
}

/// At the resource.
fn resource(square: &Desk, header: &str, proof: Option<&str>) -> u16 {
    let request = Request::new("GET", b"").with_url("/xrpc/x").with_header("authorization", header.as_bytes());
    let request = match proof {
        Some(proof) => request.with_header("dpop", proof.as_bytes()),
        None => request,
    };
    match run(square.engine.bearer(&request, &Scope::parse("atproto").unwrap(), at(0))) {
        Ok(_) => 200,
        Err(error) => error.status(),
    }
}

fn proof_at_resource(square: &Desk, key: u8, token: &str, with_nonce: bool) -> String {
    let proof = ProofKey::of(key).proof("GET", &format!("{ISSUER}/xrpc/x")).ath(token);
    if with_nonce { proof.nonce(&square.nonce(0)).sign() } else { proof.sign() }
}

const ROWS: &[Row<Desk>] = &[
    Row {
        section: "intro",
        rule: "codes and refresh tokens alone",
        request: |square| member(square, "grant_types_supported"),
        answer: r#"["authorization_code","refresh_token"]"#,
    },
    Row {
        section: "Types of Clients",
        rule: "a public client has no key, and is served",
        request: |square| said(&square.login(&phone(), 0)),
        answer: "200",
    },
    Row {
        section: "Types of Clients",
        rule: "a confidential client has one, and is nobody without",
        request: |square| said(&square.push(&App { signer: None, ..service() }, &asking(&service(), &Pkce::new()), 0)),
        answer: "401 invalid_client",
    },
    Row {
        section: "Client ID Metadata Document",
        rule: "who has no document is nobody",
        request: |square| {
            let app = App { id: "https://app.example.com/nothing.json".into(), ..phone() };
            said(&square.push(&app, &asking(&app, &Pkce::new()), 0))
        },
        answer: "503 temporarily_unavailable",
    },
    Row {
        section: "Identity Authentication",
        rule: "the token response has the account as sub, at every refresh too",
        request: |square| {
            let first = square.login(&phone(), 0);
            let second = square.refresh(&phone(), &first.refresh_token(), 1);
            format!("{} {}", first.text("sub"), second.text("sub"))
        },
        answer: "alice alice",
    },
    Row {
        section: "Authorization Scopes",
        rule: "atproto is demanded",
        request: |square| push_but(square, "scope", Some("transition:generic")),
        answer: "400 invalid_scope",
    },
    Row {
        section: "Authorization Scopes",
        rule: "the granted scope is always said, also where it is what was asked for",
        request: |square| {
            let first = square.login(&phone(), 0);
            format!("{}; {}", first.text("scope"), square.refresh(&phone(), &first.refresh_token(), 1).text("scope"))
        },
        answer: "atproto transition:generic; atproto transition:generic",
    },
    Row {
        section: "Authorization Scopes",
        rule: "a person may allow less",
        request: |square| {
            let less = Authorization::of("alice").with_scope(Scope::parse("atproto").unwrap());
            landing(square, &phone(), less).get("code").is_some().to_string()
        },
        answer: "true",
    },
    Row {
        section: "Authorization Scopes",
        rule: "but not less than atproto: no session is without",
        request: |square| {
            let less = Authorization::of("alice").with_scope(Scope::parse("transition:generic").unwrap());
            landing(square, &phone(), less).get("error").unwrap().to_owned()
        },
        answer: "server_error",
    },
    Row {
        section: "Request Fields",
        rule: "response_type is code",
        request: |square| push_but(square, "response_type", Some("token")),
        answer: "400 unsupported_response_type",
    },
    Row {
        section: "Request Fields",
        rule: "state is mandatory",
        request: |square| push_but(square, "state", None),
        answer: "400 invalid_request",
    },
    Row {
        section: "Request Fields",
        rule: "redirect_uri too, also where one is registered",
        request: |square| push_but(square, "redirect_uri", None),
        answer: "400 invalid_request",
    },
    Row {
        section: "Request Fields",
        rule: "and has to be one of those",
        request: |square| push_but(square, "redirect_uri", Some("com.example.app:/other")),
        answer: "400 invalid_request",
    },
    Row {
        section: "Request Fields",
        rule: "scope is required",
        request: |square| push_but(square, "scope", None),
        answer: "400 invalid_request",
    },
    Row {
        section: "Request Fields",
        rule: "and no more than was declared",
        request: |square| push_but(square, "scope", Some("atproto transition:email")),
        answer: "400 invalid_scope",
    },
    Row {
        section: "Proof Key for Code Exchange",
        rule: "a challenge is mandatory",
        request: |square| {
            let says = but(asking(&service(), &Pkce::new()), "code_challenge", None);
            said(&square.push(&service(), &but(says, "code_challenge_method", None), 0))
        },
        answer: "400 invalid_request",
    },
    Row {
        section: "Proof Key for Code Exchange",
        rule: "plain is not allowed",
        request: |square| push_but(square, "code_challenge_method", Some("plain")),
        answer: "400 invalid_request",
    },
    Row {
        section: "Proof Key for Code Exchange",
        rule: "a challenge is for one session, of any client",
        request: |square| {
            let pkce = Pkce::new();
            square.code(&phone(), &pkce, 0);
            let query = square.pushed(&service(), &asking(&service(), &pkce), 1);
            square.approve(&query, Authorization::of("bob"), 1).unwrap().get("error").unwrap().to_owned()
        },
        answer: "invalid_request",
    },
    Row {
        section: "Proof Key for Code Exchange",
        rule: "a code is used once, and its second use ends the session",
        request: |square| {
            let (app, pkce) = (phone(), Pkce::new());
            let code = square.code(&app, &pkce, 0);
            let token = square.redeem(&app, &code, &pkce, 1).refresh_token();
            let again = said(&square.redeem(&app, &code, &pkce, 2));
            format!("{again}, {}", said(&square.refresh(&app, &token, 3)))
        },
        answer: "400 invalid_grant, 400 invalid_grant",
    },
    Row {
        section: "Pushed Authorization Requests",
        rule: "mandatory for all, and the metadata say so",
        request: |square| {
            let says = but(asking(&phone(), &Pkce::new()), "client_id", Some(PHONE));
            let shown = square.approve(&encoded(&says), Authorization::of("alice"), 0).unwrap_err();
            format!("{shown}; {}", member(square, "require_pushed_authorization_requests"))
        },
        answer: "authorization requests of this client must be pushed; true",
    },
    Row {
        section: "Pushed Authorization Requests",
        rule: "a public client pushes too",
        request: |square| said(&square.push(&phone(), &asking(&phone(), &Pkce::new()), 0)),
        answer: "201",
    },
    Row {
        section: "Confidential Client Authentication",
        rule: "ES256 is supported",
        request: |square| {
            let signer = Signer::new("one");
            let site = site();
            let mut document = crate::kit::profiles::service_document(&signer.jwks());
            document["token_endpoint_auth_signing_alg"] = json!("ES256");
            site.puts(SERVICE, &document);
            let own =
                crate::kit::profiles::square(Arc::clone(&square.store), &site, &Hand::default(), |builder| builder);
            let jwt = signer.jwt(&signer.header("ES256"), &claims_but(SERVICE, "j", 0, "x", None));
            let body = encoded(&asking(&service(), &Pkce::new()));
            said(&own.send_with(Place::Push, &service(), &body, Some(&jwt), 0))
        },
        answer: "201",
    },
    Row {
        section: "Confidential Client Authentication",
        rule: "an assertion has iat",
        request: |square| assertion_but(square, "iat", None),
        answer: "401 invalid_client",
    },
    Row {
        section: "Confidential Client Authentication",
        rule: "one that was made less than a minute ago is not rejected",
        request: |square| assertion_but(square, "iat", Some(json!(at(0).as_secs() - 59))),
        answer: "201",
    },
    Row {
        section: "Confidential Client Authentication",
        rule: "it has jti",
        request: |square| assertion_but(square, "jti", None),
        answer: "401 invalid_client",
    },
    Row {
        section: "Confidential Client Authentication",
        rule: "which is used once",
        request: |square| {
            let (app, pkce) = (service(), Pkce::new());
            let assertion = Signer::new("one").assertion(SERVICE, "once", 0);
            let code = square.code(&app, &pkce, 0);
            let redemption = crate::kit::profiles::redemption(&app, &code, &pkce);
            let first = square.send_with(Place::Token, &app, &redemption, Some(&assertion), 0);
            let renewal = crate::kit::world::renewal(&first.refresh_token());
            said(&square.send_with(Place::Token, &app, &renewal, Some(&assertion), 1))
        },
        answer: "400 invalid_grant",
    },
    Row {
        section: "Confidential Client Authentication",
        rule: "its audience is the issuer",
        request: |square| assertion_but(square, "aud", Some(json!(Place::Token.url()))),
        answer: "401 invalid_client",
    },
    Row {
        section: "Tokens and Session Lifetime",
        rule: "tokens are bound to the client",
        request: |square| {
            let token = square.login(&phone(), 0).refresh_token();
            said(&square.refresh(&service(), &token, 1))
        },
        answer: "400 invalid_grant",
    },
    Row {
        section: "Tokens and Session Lifetime",
        rule: "and to one key of the session, of a public client",
        request: |square| {
            let token = square.login(&phone(), 0).refresh_token();
            said(&square.refresh(&phone().with_proof(2), &token, 1))
        },
        answer: "400 invalid_grant",
    },
    Row {
        section: "Tokens and Session Lifetime",
        rule: "and of a confidential one",
        request: |square| {
            let token = square.login(&service(), 0).refresh_token();
            let other = said(&square.refresh(&service().with_proof(2), &token, 1));
            format!("{other}, {}", said(&square.refresh(&service(), &token, 1)))
        },
        answer: "400 invalid_grant, 200",
    },
    Row {
        section: "Tokens and Session Lifetime",
        rule: "a refresh token is used once",
        request: |square| {
            let first = square.login(&phone(), 0).refresh_token();
            (square.refresh(&phone(), &first, 1).refresh_token() != first).to_string()
        },
        answer: "true",
    },
    Row {
        section: "Tokens and Session Lifetime",
        rule: "an access token lives less than 30 minutes, whatever the host said",
        request: |square| format!("{} {}", lives(square, &phone()).0 < 1_800, lives(square, &service()).0 < 1_800),
        answer: "true true",
    },
    Row {
        section: "Tokens and Session Lifetime",
        rule: "session and refresh token of a public client that nobody knows: two weeks",
        request: |square| {
            let (_, idle) = lives(square, &phone());
            let mut token = square.login(&phone(), 0).refresh_token();
            for days in 1..14 {
                token = square.refresh(&phone(), &token, days * DAY).refresh_token();
            }
            format!("{} {}", idle <= 14 * DAY, said(&square.refresh(&phone(), &token, 14 * DAY)))
        },
        answer: "true 400 invalid_grant",
    },
    Row {
        section: "Tokens and Session Lifetime",
        rule: "a refresh token of a confidential client: 180 days, its session for ever",
        request: |square| {
            let (_, idle) = lives(square, &service());
            let mut token = square.login(&service(), 0).refresh_token();
            for years in 1..5 {
                token = square.refresh(&service(), &token, years * 179 * DAY).refresh_token();
            }
            format!("{} {}", idle == 180 * DAY, said(&square.refresh(&service(), &token, (4 * 179 + 180) * DAY)))
        },
        answer: "true 400 invalid_grant",
    },
    Row {
        section: "Demonstrating Proof of Possession",
        rule: "mandatory from the push on",
        request: |square| said(&square.push(&phone().without_proof(), &asking(&phone(), &Pkce::new()), 0)),
        answer: "400 invalid_dpop_proof",
    },
    Row {
        section: "Demonstrating Proof of Possession",
        rule: "and at the token endpoint",
        request: |square| {
            let (app, pkce) = (phone(), Pkce::new());
            let code = square.code(&app, &pkce, 0);
            let bare = said(&square.redeem(&app.without_proof(), &code, &pkce, 0));
            format!("{bare}, {}", said(&square.redeem(&app, &code, &pkce, 1)))
        },
        answer: "400 invalid_dpop_proof, 200",
    },
    Row {
        section: "Demonstrating Proof of Possession",
        rule: "and at the resource",
        request: |square| {
            let token = square.login(&phone(), 0).access_token();
            let bearer = resource(square, &format!("Bearer {token}"), None);
            let proof = proof_at_resource(square, 1, &token, true);
            format!("{bearer} {}", resource(square, &format!("DPoP {token}"), Some(&proof)))
        },
        answer: "401 200",
    },
    Row {
        section: "Demonstrating Proof of Possession",
        rule: "nonces are mandatory, at the push",
        request: |square| {
            let proof = ProofKey::of(1).proof("POST", &Place::Push.url()).sign();
            let body = encoded(&asking(&phone(), &Pkce::new()));
            let reply = square.send_proven(Place::Push, &phone(), &body, (None, Some(&proof)), 0);
            format!("{} {}", said(&reply), reply.header("dpop-nonce").len())
        },
        answer: "400 use_dpop_nonce 1",
    },
    Row {
        section: "Demonstrating Proof of Possession",
        rule: "and at the resource",
        request: |square| {
            let token = square.login(&phone(), 0).access_token();
            let proof = proof_at_resource(square, 1, &token, false);
            resource(square, &format!("DPoP {token}"), Some(&proof)).to_string()
        },
        answer: "401",
    },
    Row {
        section: "Demonstrating Proof of Possession",
        rule: "they live 5 minutes in all",
        request: |square| {
            let nonce = square.nonce(0);
            let ask = |secs: u64| {
                let proof = ProofKey::of(1).proof("POST", &Place::Push.url()).nonce(&nonce).sign();
                let body = encoded(&asking(&phone(), &Pkce::new()));
                said(&square.send_proven(Place::Push, &phone(), &body, (None, Some(&proof)), secs))
            };
            format!("{}, {}", ask(300), ask(301))
        },
        answer: "201, 400 use_dpop_nonce",
    },
    Row {
        section: "Demonstrating Proof of Possession",
        rule: "a clock that is off is no matter with a right nonce",
        request: |square| {
            let proof = square.proof(&ProofKey::of(1), Place::Push, 0).with("iat", at(0).as_secs() + DAY).sign();
            let body = encoded(&asking(&phone(), &Pkce::new()));
            said(&square.send_proven(Place::Push, &phone(), &body, (None, Some(&proof)), 0))
        },
        answer: "201",
    },
    Row {
        section: "Demonstrating Proof of Possession",
        rule: "every answer to a request with a proof has a nonce",
        request: |square| {
            let first = square.login(&phone(), 0);
            let wrong = square.refresh(&phone(), "made-up", 1);
            let pushed = square.push(&phone(), &asking(&phone(), &Pkce::new()), 0);
            [first, wrong, pushed].map(|reply| reply.header("dpop-nonce").len().to_string()).join(" ")
        },
        answer: "1 1 1",
    },
    Row {
        section: "Demonstrating Proof of Possession",
        rule: "a proof is used once",
        request: |square| {
            let token = square.login(&phone(), 0).access_token();
            let (proof, header) = (proof_at_resource(square, 1, &token, true), format!("DPoP {token}"));
            let first = resource(square, &header, Some(&proof));
            format!("{first} {}", resource(square, &header, Some(&proof)))
        },
        answer: "200 401",
    },
    Row {
        section: "Demonstrating Proof of Possession",
        rule: "ES256",
        request: |square| has(square, "dpop_signing_alg_values_supported", "ES256").to_string(),
        answer: "true",
    },
    Row {
        section: "Server Metadata",
        rule: "at the well-known place, as JSON",
        request: |square| {
            let response = square.engine.document_at("/.well-known/oauth-authorization-server").unwrap();
            let kind = response.headers().find(|(name, _)| *name == "content-type").unwrap().1.to_owned();
            format!("{} {kind}", response.status())
        },
        answer: "200 application/json",
    },
    Row {
        section: "Server Metadata",
        rule: "issuer, and where the endpoints are",
        request: |square| {
            let names = ["issuer", "authorization_endpoint", "token_endpoint", "pushed_authorization_request_endpoint"];
            names.map(|name| member(square, name)).join(" ").replace('"', "")
        },
        answer: "https://id.example https://id.example/authorize https://id.example/token https://id.example/par",
    },
    Row {
        section: "Server Metadata",
        rule: "code, S256, none and private_key_jwt, ES256, atproto",
        request: |square| {
            let all = [
                ("response_types_supported", "code"),
                ("grant_types_supported", "authorization_code"),
                ("grant_types_supported", "refresh_token"),
                ("code_challenge_methods_supported", "S256"),
                ("token_endpoint_auth_methods_supported", "none"),
                ("token_endpoint_auth_methods_supported", "private_key_jwt"),
                ("token_endpoint_auth_signing_alg_values_supported", "ES256"),
                ("scopes_supported", "atproto"),
            ];
            all.iter().all(|(name, value)| has(square, name, value)).to_string()
        },
        answer: "true",
    },
    Row {
        section: "Server Metadata",
        rule: "none is no algorithm of assertions",
        request: |square| has(square, "token_endpoint_auth_signing_alg_values_supported", "none").to_string(),
        answer: "false",
    },
    Row {
        section: "Server Metadata",
        rule: "iss, documents of clients, and require_request_uri_registration is not false",
        request: |square| {
            let names = [
                "authorization_response_iss_parameter_supported",
                "client_id_metadata_document_supported",
                "require_request_uri_registration",
            ];
            names.map(|name| member(square, name)).join(",")
        },
        answer: "true,true,",
    },
    Row {
        section: "Summary of Authorization Flow",
        rule: "the answer has state and iss",
        request: |square| {
            let landing = landing(square, &phone(), Authorization::of("alice"));
            format!("{:?} {:?}", landing.get("state"), landing.get("iss"))
        },
        answer: r#"Some("st4te") Some("https://id.example")"#,
    },
    Row {
        section: "Authorization Interface",
        rule: "the page is told the client id, the scope and the login hint",
        request: |square| {
            let says = but(asking(&phone(), &Pkce::new()), "login_hint", Some("alice.example"));
            let query = square.pushed(&phone(), &says, 0);
            let request = Request::new("GET", b"").with_query(query.as_bytes());
            let asked = run(square.engine.authorize(&request, at(0))).unwrap();
            format!("{} {} {}", asked.client().id(), asked.scope(), asked.parameter("login_hint").unwrap())
        },
        answer: "https://app.example.com/phone.json atproto transition:generic alice.example",
    },
    Row {
        section: "Authorization Interface",
        rule: "a person sees what is logged in, and ends it",
        request: |square| {
            let token = square.login(&phone(), 0).refresh_token();
            let sessions = run(square.engine.sessions("alice", None, 10, at(1))).unwrap();
            let [session] = &sessions.sessions[..] else { return format!("{} sessions", sessions.sessions.len()) };
            run(square.engine.end_session("alice", session.id(), regrant::Timestamp::EPOCH)).unwrap();
            said(&square.refresh(&phone(), &token, 2))
        },
        answer: "400 invalid_grant",
    },
];

#[test]
fn every_requirement_of_atproto_on_a_server() {
    run_all(ROWS, usual);
}

/// "Demonstrating Proof of Possession": the key of a session is of one device, and never one that the client authenticates by.
#[test]
fn a_proof_by_a_key_of_the_client_is_none() {
    let square = usual();
    let own = Signer::new("one");
    let site = site();
    // Its key of P-256 is one that makes proofs as well.
    let key = ProofKey::of(7);
    let mut jwks = own.jwks();
    let jwk = key.jwk();
    jwks["keys"].as_array_mut().unwrap().push(jwk);
    site.puts(SERVICE, &crate::kit::profiles::service_document(&jwks));
    let square = crate::kit::profiles::square(Arc::clone(&square.store), &site, &Hand::default(), |builder| builder);
    let app = App { proof: Some(key), ..service() };
    assert_eq!(said(&square.push(&app, &asking(&app, &Pkce::new()), 0)), "400 invalid_dpop_proof");
    assert!(square.events.take().iter().any(|event| event.contains("KeyOfClient")));
    let token = square.login(&service(), 0).refresh_token();
    assert_eq!(said(&square.refresh(&app, &token, 1)), "400 invalid_dpop_proof");
    square.refresh(&service(), &token, 2).assert_ok();
}

/// A request without the nonce of now is sent again as it is, with the same assertion.
#[test]
fn a_nonce_spends_no_assertion() {
    let square = usual();
    let (app, pkce) = (service(), Pkce::new());
    let key = app.proof.clone().unwrap();
    for (place, body) in [
        (Place::Push, encoded(&asking(&app, &pkce))),
        (Place::Token, crate::kit::profiles::redemption(&app, &square.code(&app, &pkce, 0), &pkce)),
    ] {
        let assertion = Signer::new("one").assertion(SERVICE, &format!("{place:?}"), 0);
        let stale = key.proof("POST", &place.url()).sign();
        let reply = square.send_proven(place, &app, &body, (Some(&assertion), Some(&stale)), 0);
        assert_eq!(said(&reply), "400 use_dpop_nonce");
        let fresh = key.proof("POST", &place.url()).nonce(reply.header("dpop-nonce")[0]).sign();
        let reply = square.send_proven(place, &app, &body, (Some(&assertion), Some(&fresh)), 0);
        assert!(matches!(reply.status, 200 | 201), "{reply:?}");
    }
}

/// "Tokens and Session Lifetime": where no revocation reaches an access token, 15 minutes are the most.
#[test]
fn a_token_that_is_believed_by_its_signature_lives_shorter() {
    let (signing, _) = SigningKey::generate(SigningAlgorithm::Es256).unwrap();
    let lives = |tokens: JwtAccessTokens| {
        let square = square(Arc::new(Shelf::default()), &site(), &Hand::default(), |builder| {
            builder.lifetimes(for_ever()).signing_key(signing.clone()).jwt_access_tokens(tokens)
        });
        square.login(&phone(), 0).json()["expires_in"].as_u64().unwrap()
    };
    assert_eq!(lives(JwtAccessTokens::new().danger_signature_alone()), 900);
    assert_eq!(lives(JwtAccessTokens::new()), 1_799);
}

/// The bounds hold as well for lifetimes that change while the engine serves.
#[test]
fn lifetimes_that_change_are_cut_as_those_of_the_builder_are() {
    let desk = || square(Arc::new(Shelf::default()), &site(), &Hand::default(), |builder| builder);
    for app in [phone(), service()] {
        let [changed, built] = [desk(), usual()];
        changed.engine.set_lifetimes(for_ever()).unwrap();
        assert_eq!(lives(&changed, &app), lives(&built, &app));
        // Shorter ones are nobody's business.
        let short = for_ever().with_access_token(std::time::Duration::from_secs(60));
        changed.engine.set_lifetimes(short).unwrap();
        assert_eq!(changed.login(&app, 0).json()["expires_in"], 60);
    }
}
