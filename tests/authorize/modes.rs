//! How answers travel: OAuth 2.0 Form Post Response Mode, and JWT Secured Authorization Response Mode (JARM).

use std::sync::Arc;
use std::time::Duration;

use regrant::engine::Person;
use regrant::jwt::{SigningAlgorithm, SigningKey, SigningKeyStepError};
use regrant::{
    Authorization, AuthorizationError, BuildError, Client, Denial, Endpoints, Engine, EngineBuilder, Lifetimes,
    MemoryStore, Request, Response, StaticClients,
};
use serde_json::{Value, json};

use crate::kit::jwt::parts;
use crate::kit::portal::{CALLBACK, ISSUER, Landing, OnShelf, PKCE, Portal, STATE, portal_as, query, run};
use crate::kit::{Reply, SECRET, Shelf, at, scope, secret};

type Builder = EngineBuilder<Arc<Shelf>, StaticClients>;

fn key(algorithm: SigningAlgorithm) -> SigningKey {
    SigningKey::generate(algorithm).unwrap().0
}

fn on(change: impl FnOnce(Builder) -> Builder) -> OnShelf {
    let picky = portal_as("picky").secret(secret(SECRET)).authorization_signed_response_alg("EdDSA");
    let fussy = portal_as("fussy").secret(secret(SECRET)).authorization_signed_response_alg("RS256");
    Portal::new(Arc::default(), [picky, fussy], change)
}

/// With all of them, by the key of `ES256` and for whom it wants one of `EdDSA`.
fn world() -> OnShelf {
    on(|builder| {
        let builder = builder.signing_key(key(SigningAlgorithm::Es256));
        builder.accept_signing_key(key(SigningAlgorithm::EdDsa)).form_post().signed_responses()
    })
}

fn asks(client_id: &str, mode: &str) -> String {
    format!("{}&response_mode={mode}", query(client_id))
}

/// Alice says yes.
fn approved(world: &OnShelf, query: &str) -> Response {
    run(async {
        let request = Request::new("GET", b"").with_query(query.as_bytes());
        let asked = world.engine.authorize(&request, at(0)).await.unwrap();
        world.engine.approve(&asked, Authorization::of("alice").with_page_shown(), at(0)).await.unwrap().response
    })
}

fn denied(world: &OnShelf, query: &str) -> Response {
    run(async {
        let request = Request::new("GET", b"").with_query(query.as_bytes());
        let asked = world.engine.authorize(&request, at(0)).await.unwrap();
        world.engine.deny(&asked, Denial::AccessDenied, Person::AtThePage, at(0)).await.unwrap()
    })
}

/// What is refused at once.
fn refused(world: &OnShelf, query: &str) -> Response {
    let request = Request::new("GET", b"").with_query(query.as_bytes());
    match run(world.engine.authorize(&request, at(0))) {
        Err(AuthorizationError::Redirect(response)) => response,
        other => panic!("{other:?}"),
    }
}

/// A page that posts, read as a browser reads it: where to, and what.
fn posted(response: &Response) -> Landing {
    let reply = Reply::of(response);
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), ["text/html; charset=utf-8"]);
    assert_eq!((reply.header("cache-control"), reply.header("pragma")), (vec!["no-store"], vec!["no-cache"]));
    assert!(reply.header("location").is_empty());
    let [policy] = reply.header("content-security-policy")[..] else { panic!("one policy") };
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-") && policy.ends_with("; base-uri 'none'"));
    let page = String::from_utf8(reply.body).unwrap();
    // No more of each than we wrote, whatever came with the request.
    for (what, times) in [("<form ", 1), ("<script>", 1), ("</script>", 1), ("<button", 1), ("<!DOCTYPE html>", 1)] {
        assert_eq!(page.matches(what).count(), times, "{what} in {page}");
    }
    let text = |text: &str| {
        let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
        text.replace("&#13;", "\r").replace("&#10;", "\n").replace("&amp;", "&")
    };
    let attribute = |tag: &str, name: &str| {
        let (_, rest) = tag.split_once(&format!(" {name}=\"")).unwrap();
        text(rest.split_once('"').unwrap().0)
    };
    let form = page.split("<form ").nth(1).unwrap();
    assert!(form.starts_with("method=\"post\""));
    let inputs = form.split("<input ").skip(1).map(|tag| format!(" {tag}"));
    Landing {
        uri: attribute(&format!(" {form}"), "action"),
        parameters: inputs.map(|tag| (attribute(&tag, "name"), attribute(&tag, "value"))).collect(),
    }
}

/// Form Post section 2: code, state and issuer in a form, the same as in a query.
#[test]
fn an_answer_is_posted() {
    let world = world();
    let landing = posted(&approved(&world, &asks("portal", "form_post")));
    assert_eq!((landing.uri.as_str(), landing.names()), (CALLBACK, vec!["code", "state", "iss"]));
    assert_eq!((landing.get("state"), landing.get("iss")), (Some(STATE), Some(ISSUER)));
    world.redeem("portal", landing.get("code").unwrap(), at(1)).assert_ok();
    let landing = posted(&denied(&world, &asks("portal", "form_post")));
    assert_eq!(landing.names(), ["error", "error_description", "state", "iss"]);
    assert_eq!(landing.get("error"), Some("access_denied"));
    let landing = posted(&refused(&world, &asks("portal", "form_post&max_age=soon")));
    assert_eq!((landing.get("error"), landing.get("state")), (Some("invalid_request"), Some(STATE)));
    // As it was, by redirect.
    assert!(Landing::of(&approved(&world, &asks("portal", "query"))).get("code").is_some());
    assert!(Landing::of(&approved(&world, &query("portal"))).get("code").is_some());
}

/// Form Post section 4: what a stranger wrote does not become a part of the page.
#[test]
fn a_state_stays_a_value() {
    let world = world();
    for state in [
        "\"><script>alert(1)</script>",
        "'--></form><form action=https://evil.example>",
        "&quot;&amp;&#0;<!DOCTYPE html>",
        "\u{2028}\u{202e}é",
    ] {
        let encoded: String = form_urlencoded::byte_serialize(state.as_bytes()).collect();
        let asks = asks("portal", "form_post").replace(STATE, &encoded);
        for response in [approved(&world, &asks), denied(&world, &asks)] {
            assert_eq!(posted(&response).get("state"), Some(state));
        }
    }
    let odd = portal_as("odd").secret(secret(SECRET)).redirect_uri("https://portal.example/cb?a='&b=1");
    let world = Portal::new(Arc::new(Shelf::default()), [odd], EngineBuilder::form_post);
    let asks = asks("odd", "form_post").replace(CALLBACK, "https://portal.example/cb?a=%27%26b=1");
    assert_eq!(posted(&approved(&world, &asks)).uri, "https://portal.example/cb?a='&b=1");
}

/// The only parameter there is, opened: JARM section 2.1, RFC 9207 section 2 for its `iss`, which is inside.
#[track_caller]
fn opened(landing: &Landing) -> (Value, Value) {
    assert_eq!((landing.uri.as_str(), landing.names()), (CALLBACK, vec!["response"]));
    parts(landing.get("response").unwrap())
}

#[test]
fn an_answer_is_signed() {
    let world = world();
    let kid = |response: &Value| response["kid"].as_str().unwrap().to_owned();
    for mode in ["jwt", "query.jwt", "form_post.jwt"] {
        let land = |response: &Response| {
            if mode == "form_post.jwt" { posted(response) } else { Landing::of(response) }
        };
        let landing = land(&approved(&world, &asks("portal", mode)));
        let (header, claims) = opened(&landing);
        assert_eq!((&header["alg"], &header["typ"]), (&json!("ES256"), &json!("JWT")), "{mode}");
        assert!(String::from_utf8_lossy(world.engine.jwks().body()).contains(&kid(&header)));
        let code = claims["code"].as_str().unwrap();
        let exp = at(600).as_secs();
        assert_eq!(claims, json!({ "iss": ISSUER, "aud": "portal", "exp": exp, "code": code, "state": STATE }));
        assert!(is_genuine(&world, landing.get("response").unwrap()));
        world.redeem("portal", code, at(1)).assert_ok();
        let (_, claims) = opened(&land(&denied(&world, &asks("portal", mode))));
        assert_eq!((&claims["error"], &claims["code"]), (&json!("access_denied"), &Value::Null));
        let (_, claims) = opened(&land(&refused(&world, &asks("portal", &format!("{mode}&max_age=soon")))));
        assert_eq!((&claims["error"], &claims["aud"]), (&json!("invalid_request"), &json!("portal")));
        assert!(claims["error_description"].is_string());
    }
}

/// By the public half as it is published, and by code that is not ours.
fn is_genuine(world: &OnShelf, jwt: &str) -> bool {
    // Where another backend is compiled in too, it has to be told by which; the answer is the same by each.
    let _ = jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER.install_default();
    let set: jsonwebtoken::jwk::JwkSet = serde_json::from_slice(world.engine.jwks().body()).unwrap();
    let header = jsonwebtoken::decode_header(jwt).unwrap();
    let key = jsonwebtoken::DecodingKey::from_jwk(set.find(&header.kid.unwrap()).unwrap()).unwrap();
    let mut validation = jsonwebtoken::Validation::new(header.alg);
    validation.validate_exp = false;
    validation.set_audience(&["portal", "picky"]);
    validation.set_issuer(&[ISSUER]);
    jsonwebtoken::decode::<Value>(jwt, &key, &validation).is_ok()
}

/// JARM section 3: `authorization_signed_response_alg`.
#[test]
fn a_client_has_its_algorithm_where_there_is_a_key_for_it() {
    let world = world();
    let landing = Landing::of(&approved(&world, &asks("picky", "jwt")));
    let (header, claims) = opened(&landing);
    assert_eq!((&header["alg"], &claims["aud"]), (&json!("EdDSA"), &json!("picky")));
    assert!(is_genuine(&world, landing.get("response").unwrap()));
    let landing = Landing::of(&refused(&world, &asks("fussy", "jwt")));
    assert_eq!(landing.get("error"), Some("invalid_request"), "in the clear: it could not be signed");
    assert!(Landing::of(&approved(&world, &asks("fussy", "query"))).get("code").is_some());
}

/// It is no access token, no ID token and no hint, though the same key signed it (RFC 8725 section 3.11).
#[test]
fn a_signed_answer_is_nothing_else() {
    let world = on(|builder| {
        let builder = builder.signing_key(key(SigningAlgorithm::Es256)).signed_responses();
        builder.id_tokens(crate::kit::portal::ScopeAsClaim).jwt_access_tokens(regrant::jwt::JwtAccessTokens::new())
    });
    let landing = Landing::of(&approved(&world, &asks("portal", "jwt")));
    let response = landing.get("response").unwrap();
    assert!(world.bearer(response, at(1)).is_err());
    assert!(!world.is_active("api", response, at(1)));
    assert!(run(world.engine.verify_id_token_hint(response, Some("portal"))).is_err());
    let hinted = Landing::of(&refused(&world, &format!("{}&id_token_hint={response}", query("portal"))));
    assert_eq!(hinted.get("error"), Some("invalid_request"));
}

/// Multiple Response Types section 2.1: what is not there is refused, and said as a query.
#[test]
fn modes_are_off_until_asked_for() {
    let only_post = on(EngineBuilder::form_post);
    let only_signed = on(|builder| builder.signing_key(key(SigningAlgorithm::Es256)).signed_responses());
    for (world, modes) in [
        (OnShelf::simple(), &["form_post", "jwt", "query.jwt", "form_post.jwt", "fragment", "fragment.jwt", "x"][..]),
        (only_post, &["jwt", "query.jwt", "form_post.jwt", "fragment"]),
        (only_signed, &["form_post", "form_post.jwt", "fragment.jwt", "Jwt", "jwt jwt"]),
    ] {
        for mode in modes {
            let landing = Landing::of(&refused(&world, &asks("portal", &mode.replace(' ', "+"))));
            assert_eq!((landing.get("error"), landing.get("iss")), (Some("invalid_request"), Some(ISSUER)), "{mode}");
        }
        let twice = Landing::of(&refused(&world, &asks("portal", "query&response_mode=query")));
        assert_eq!(twice.get("error"), Some("invalid_request"));
        assert!(Landing::of(&approved(&world, &asks("portal", "query"))).get("code").is_some());
    }
    let unsigned = Engine::builder(MemoryStore::new(), StaticClients::new()).issuer(ISSUER).signed_responses();
    assert_eq!(unsigned.build().unwrap_err(), BuildError::SigningKeyRequired);
}

/// An error that waits for a person goes the same way; the link on the page is a link.
#[test]
fn what_waits_for_a_login_goes_as_it_was_asked_for() {
    let stranger = Client::public("stranger").stranger(true).name("Anybody").scope(scope("read"));
    let stranger = stranger.grant_type("authorization_code").redirect_uri("https://anybody.example/cb");
    let world = Portal::new(Arc::new(Shelf::default()), [stranger], |builder| {
        builder.signing_key(key(SigningAlgorithm::Es256)).form_post().signed_responses()
    });
    let error = world.shown(&asks("portal", "form_post&max_age=soon"));
    assert_eq!(posted(&error.redirect_for(Person::LoggedIn("alice")).unwrap()).get("error"), Some("invalid_request"));
    assert!(error.way_on().unwrap().url().starts_with(&format!("{CALLBACK}?error=invalid_request&")));
    let error = world.shown(&asks("portal", "form_post.jwt&max_age=soon"));
    let landing = posted(&error.redirect_for(Person::LoggedIn("alice")).unwrap());
    assert_eq!(opened(&landing).1["error"], json!("invalid_request"));
    let url = error.way_on().unwrap().url();
    assert!(url.starts_with(&format!("{CALLBACK}?response=")) && !url.contains("error"));
    // A stranger's stays on the page, whatever it asks for.
    let asks = format!("response_type=code&client_id=stranger&response_mode=form_post&max_age=soon{PKCE}");
    assert!(world.shown(&asks).redirect_for(Person::LoggedIn("alice")).is_none());
}

/// The page of a handle has the mode of its request.
#[test]
fn a_page_keeps_the_mode() {
    let world = on(|builder| builder.form_post().root_secret(regrant::RootSecret::from_bytes(1, &[1; 32])));
    let asks = asks("portal", "form_post");
    let request = Request::new("GET", b"").with_query(asks.as_bytes());
    let asked = run(world.engine.authorize(&request, at(0))).unwrap();
    assert!(asked.carried().any(|pair| pair == ("response_mode", "form_post")));
    let handle = world.engine.interaction_handle(&asked, at(0)).unwrap();
    let interaction = world.engine.open_interaction(&handle, at(1)).unwrap();
    let resumed = run(world.engine.resume(&interaction)).unwrap();
    let approval = run(world.engine.approve(&resumed, Authorization::of("alice"), at(1))).unwrap();
    assert!(posted(&approval.response).get("code").is_some());
}

#[test]
fn metadata_list_what_is_on() {
    let documents = |change: fn(Builder) -> Builder| {
        let world = on(|builder| change(builder.endpoints(Endpoints::new().with_authorization("/authorize"))));
        serde_json::from_slice::<Value>(world.engine.metadata().unwrap().body()).unwrap()
    };
    let (modes, algorithms) = ("response_modes_supported", "authorization_signing_alg_values_supported");
    let plain = documents(|builder| builder.signing_key(key(SigningAlgorithm::Es256)));
    assert_eq!((&plain[modes], plain.get(algorithms)), (&json!(["query"]), None));
    let post = documents(EngineBuilder::form_post);
    assert_eq!((&post[modes], post.get(algorithms)), (&json!(["query", "form_post"]), None));
    let signed = documents(|builder| builder.signing_key(key(SigningAlgorithm::Es256)).signed_responses());
    assert_eq!((&signed[modes], &signed[algorithms]), (&json!(["query", "jwt", "query.jwt"]), &json!(["ES256"])));
    let all = documents(|builder| {
        let builder =
            builder.signing_key(key(SigningAlgorithm::EdDsa)).accept_signing_key(key(SigningAlgorithm::Es256));
        builder.accept_signing_key(key(SigningAlgorithm::EdDsa)).signed_responses().form_post()
    });
    assert_eq!(all[modes], json!(["query", "form_post", "jwt", "query.jwt", "form_post.jwt"]));
    assert_eq!(all[algorithms], json!(["EdDSA", "ES256"]));
}

/// Whoever gets an answer verifies it by the published set, for as long as it holds: another node may have signed one a moment ago.
#[test]
fn a_key_stays_until_its_last_answer_has_expired() {
    let (first, second) = (key(SigningAlgorithm::Es256), key(SigningAlgorithm::Es256));
    let (old, new) = (first.kid().to_owned(), second.kid().to_owned());
    let short = Lifetimes::default().with_access_token(Duration::from_secs(60));
    for (signs, wait) in [(false, 65), (true, 605)] {
        let world = on(|builder| {
            let builder = builder.signing_key(first.clone()).lifetimes(short);
            if signs { builder.signed_responses() } else { builder }
        });
        world.engine.publish_signing_key(second.clone(), at(0)).unwrap();
        world.engine.sign_with(&new, at(300)).unwrap();
        let early = world.engine.retire_signing_key(&old, at(300 + wait - 1)).unwrap_err();
        assert!(matches!(early, SigningKeyStepError::TooEarly { at: time, .. } if time == at(300 + wait)), "{early:?}");
        world.engine.retire_signing_key(&old, at(300 + wait)).unwrap();
    }
}

/// A key that was published this second is in no cache: an answer to a client that wants its algorithm waits for that, as its ID token does.
#[test]
fn an_answer_is_signed_by_a_key_that_clients_can_know() {
    let world = on(|builder| builder.signing_key(key(SigningAlgorithm::Es256)).signed_responses());
    world.engine.publish_signing_key(key(SigningAlgorithm::EdDsa), at(1_000)).unwrap();
    let query = format!("{}&response_mode=query.jwt", query("picky"));
    let ask = |seconds| {
        let request = Request::new("GET", b"").with_query(query.as_bytes());
        run(world.engine.authorize(&request, at(seconds))).is_ok()
    };
    assert!(!ask(1_000) && !ask(1_299));
    assert!(ask(1_300));
}
