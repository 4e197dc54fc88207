//! Every MUST and SHOULD of RFC 7521 (sections 4.1 and 5) and RFC 7523 (grants: sections 2.1, 3, 3.1) that is on the server: section,
//! request, answer. [docs/assertions.md](../../docs/assertions.md) has them as a table.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use regrant::jwt::{SigningAlgorithm, SigningKey};
use regrant::{Grant, Request, Resource};
use serde_json::{Value, json};

use super::desk::*;
use crate::kit::jwt::claims as claims_of;
use crate::kit::portal::{ISSUER, ScopeAsClaim};
use crate::kit::schedule::run;
use crate::kit::signer::with_assertion;
use crate::kit::{Reply, SECRET, at, form};

struct Row {
    section: &'static str,
    rule: &'static str,
    request: fn(&Desk) -> String,
    answer: &'static str,
}

/// Status, error, and what there is of a token.
pub(crate) fn said(reply: &Reply) -> String {
    match reply.json().get("error").and_then(Value::as_str) {
        Some(error) => format!("{} {error}", reply.status),
        None => format!("{} {}", reply.status, reply.text("scope")),
    }
}

/// What comes of the partner's assertion with this claim.
fn claim(desk: &Desk, name: &str, value: Value) -> String {
    said(&desk.assert("chat", &signed_by(&partner(), &but(partner_claims(0), name, value)), "", 0))
}

fn lacking(desk: &Desk, name: &str) -> String {
    said(&desk.assert("chat", &signed_by(&partner(), &without(partner_claims(0), name)), "", 0))
}

fn good(desk: &Desk) -> Reply {
    desk.assert("chat", &signed_by(&partner(), &partner_claims(0)), "", 0)
}

const ROWS: &[Row] = &[
    Row {
        section: "7521 4.1",
        rule: "grant_type and assertion are required; the answer is that of RFC 6749 section 5.1",
        request: |desk| {
            let reply = good(desk);
            format!("{} {}", said(&reply), reply.text("token_type"))
        },
        answer: "200 read Bearer",
    },
    Row {
        section: "7521 4.1",
        rule: "no assertion",
        request: |desk| said(&desk.send(&form(format!("grant_type={JWT_BEARER}")).basic("chat", SECRET), 0)),
        answer: "400 invalid_request",
    },
    Row {
        section: "7521 4.1",
        rule: "an empty assertion is none",
        request: |desk| said(&desk.send(&form(format!("grant_type={JWT_BEARER}&assertion=")).basic("chat", SECRET), 0)),
        answer: "400 invalid_request",
    },
    Row {
        section: "7523 2.1",
        rule: "assertion contains a single JWT",
        request: |desk| {
            let one = signed_by(&partner(), &partner_claims(0));
            said(&desk.assert("chat", &one, &format!("&assertion={one}"), 0))
        },
        answer: "400 invalid_request",
    },
    Row {
        section: "7521 4.1",
        rule: "scope is optional, and may be less than the assertion stands for",
        request: |desk| said(&desk.assert("chat", &signed_by(&partner(), &partner_claims(0)), "&scope=read", 0)),
        answer: "200 read",
    },
    Row {
        section: "7521 4.1",
        rule: "a scope that exceeds what the client may have is invalid_scope",
        request: |desk| said(&desk.assert("chat", &signed_by(&partner(), &partner_claims(0)), "&scope=root", 0)),
        answer: "400 invalid_scope",
    },
    Row {
        section: "7521 4.1",
        rule: "a scope that exceeds what the assertion is for is invalid_scope",
        request: |desk| {
            let narrow = but(partner_claims(0), "scope", json!("read"));
            said(&desk.assert("chat", &signed_by(&partner(), &narrow), "&scope=read+admin", 0))
        },
        answer: "400 invalid_scope",
    },
    Row {
        section: "7521 4.1",
        rule: "a scope that the policy allows nothing of is invalid_scope",
        request: |desk| said(&desk.assert("chat", &signed_by(&partner(), &partner_claims(0)), "&scope=write", 0)),
        answer: "400 invalid_scope",
    },
    Row {
        section: "7521 4.1",
        rule: "client credentials that are there are validated",
        request: |desk| {
            let ask = form(body(&signed_by(&partner(), &partner_claims(0)), ""))
                .basic("chat", "another-secret-of-32-characters-00");
            said(&desk.send(&ask, 0))
        },
        answer: "401 invalid_client",
    },
    Row {
        section: "7521 4.1",
        rule: "whether a client has to authenticate is the server's to say: it has",
        request: |desk| said(&desk.send(&form(body(&signed_by(&partner(), &partner_claims(0)), "")), 0)),
        answer: "401 invalid_client",
    },
    Row {
        section: "7521 4.1",
        rule: "the client may use the grant type",
        request: |desk| said(&desk.assert("other", &signed_by(&partner(), &partner_claims(0)), "", 0)),
        answer: "400 unauthorized_client",
    },
    Row {
        section: "7521 4.1",
        rule: "no refresh token, whatever the policy says (typically none; ID-JAG section 4.4.3: SHOULD NOT)",
        request: |desk| good(desk).json().contains_key("refresh_token").to_string(),
        answer: "false",
    },
    Row {
        section: "7521 4.1",
        rule: "an access token SHOULD NOT outlive its assertion by a significant period",
        request: |desk| good(desk).json()["expires_in"].to_string(),
        // Five minutes, ten more, and the leeway.
        answer: "910",
    },
    Row {
        section: "7521 4.1.1",
        rule: "an assertion that is not valid, or has expired, is invalid_grant",
        request: |desk| said(&desk.assert("chat", "none", "", 0)),
        answer: "400 invalid_grant",
    },
    Row {
        section: "7521 5.2; 7523 3, 1",
        rule: "iss MUST be there",
        request: |desk| lacking(desk, "iss"),
        answer: "400 invalid_grant",
    },
    Row {
        section: "7521 5.2; 7523 3, 1",
        rule: "iss names whoever issued it, by simple string comparison: a slash more is somebody else",
        request: |desk| claim(desk, "iss", json!("https://partner.example/")),
        answer: "400 invalid_grant",
    },
    Row {
        section: "7521 5.2; 7523 3, 1",
        rule: "iss of somebody else, by the partner's key",
        request: |desk| claim(desk, "iss", json!(CLUSTER)),
        answer: "400 invalid_grant",
    },
    Row {
        section: "7521 5.2; 7523 3, 2",
        rule: "sub MUST be there",
        request: |desk| lacking(desk, "sub"),
        answer: "400 invalid_grant",
    },
    Row {
        section: "7523 3, 2A",
        rule: "sub identifies an authorized accessor: nobody whom the policy does not know",
        request: |desk| claim(desk, "sub", json!("mallory")),
        answer: "400 invalid_grant",
    },
    Row {
        section: "7521 5.2; 7523 3, 3",
        rule: "aud MUST be there",
        request: |desk| lacking(desk, "aud"),
        answer: "400 invalid_grant",
    },
    Row {
        section: "7523 3, 3",
        rule: "aud may be the token endpoint",
        request: |desk| claim(desk, "aud", json!("https://id.example/token")),
        answer: "200 read",
    },
    Row {
        section: "7523 3, 3",
        rule: "any JWT without this server as its audience MUST be rejected",
        request: |desk| claim(desk, "aud", json!("https://id.example.evil.example")),
        answer: "400 invalid_grant",
    },
    Row {
        section: "7523 3, 3",
        rule: "audiences are compared as strings",
        request: |desk| claim(desk, "aud", json!("https://id.example:443")),
        answer: "400 invalid_grant",
    },
    Row {
        section: "7523bis 4; G38",
        rule: "for several audiences: not unless the host says so of the issuer",
        request: |desk| claim(desk, "aud", json!([ISSUER, "https://another.example"])),
        answer: "400 invalid_grant",
    },
    Row {
        section: "7521 5.2; 7523 3, 4",
        rule: "exp MUST be there",
        request: |desk| lacking(desk, "exp"),
        answer: "400 invalid_grant",
    },
    Row {
        section: "7521 5.2; 7523 3, 4",
        rule: "exp in the past MUST be rejected",
        request: |desk| claim(desk, "exp", json!(at(0).as_secs() - 10)),
        answer: "400 invalid_grant",
    },
    Row {
        section: "7523 3, 4",
        rule: "with some leeway for clocks",
        request: |desk| claim(desk, "exp", json!(at(0).as_secs() - 9)),
        answer: "200 read",
    },
    Row {
        section: "7523 3, 4",
        rule: "exp unreasonably far ahead may be rejected",
        request: |desk| claim(desk, "exp", json!(at(0).as_secs() + 3_611)),
        answer: "400 invalid_grant",
    },
    Row {
        section: "7523 3, 5",
        rule: "nbf: not before then",
        request: |desk| claim(desk, "nbf", json!(at(0).as_secs() + 61)),
        answer: "400 invalid_grant",
    },
    Row {
        section: "7523 3, 6",
        rule: "iat ahead of now",
        request: |desk| claim(desk, "iat", json!(at(0).as_secs() + 61)),
        answer: "400 invalid_grant",
    },
    Row { section: "7523 3, 6", rule: "iat is optional", request: |desk| lacking(desk, "iat"), answer: "200 read" },
    Row {
        section: "7523 3, 7",
        rule: "jti is optional",
        request: |desk| claim(desk, "jti", json!("one")),
        answer: "200 read",
    },
    Row {
        section: "7521 5.2; 7523 3, 8",
        rule: "other claims may be there, and are ignored if not understood",
        request: |desk| claim(desk, "https://claims.example", json!({"any": ["thing"]})),
        answer: "200 read",
    },
    Row {
        section: "7521 5.2; 7523 3, 9",
        rule: "MUST be signed, and an invalid signature MUST be rejected",
        request: |desk| {
            let forged = crate::kit::signer::Signer::new("evil").jwt(&partner().header("EdDSA"), &partner_claims(0));
            said(&desk.assert("chat", &forged, "", 0))
        },
        answer: "400 invalid_grant",
    },
    Row {
        section: "7521 5.2; 7523 3, 9",
        rule: "not signed at all",
        request: |desk| {
            let none = crate::kit::jwt::signed(&json!({"alg": "none"}), &partner_claims(0), |_| Vec::new());
            said(&desk.assert("chat", &none, "", 0))
        },
        answer: "400 invalid_grant",
    },
    Row {
        section: "7523 3, 9",
        rule: "by the public key, as if it were a secret",
        request: |desk| {
            let key = partner().jwks()["keys"][0].to_string();
            let forged =
                crate::kit::jwt::signed(&json!({"alg": "HS256", "kid": "partner"}), &partner_claims(0), |message| {
                    crate::kit::jwt::hs256(key.as_bytes(), message)
                });
            said(&desk.assert("chat", &forged, "", 0))
        },
        answer: "400 invalid_grant",
    },
    Row {
        section: "7523 3, 10",
        rule: "what is no valid JWT in all other respects MUST be rejected: a member twice",
        request: |desk| {
            let twice = r#"{"alg":"EdDSA","kid":"partner","kid":"partner"}"#;
            let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
            let message = format!("{}.{}", part(twice), part(&partner_claims(0).to_string()));
            let signature = partner().sign("EdDSA", message.as_bytes());
            let signature = URL_SAFE_NO_PAD.encode(signature);
            said(&desk.assert("chat", &format!("{message}.{signature}"), "", 0))
        },
        answer: "400 invalid_grant",
    },
    Row {
        section: "7523 5",
        rule: "by each algorithm that the issuer is trusted with",
        request: |desk| {
            let text = partner().jwt(&partner().header("ES256"), &partner_claims(0));
            said(&desk.assert("chat", &text, "", 0))
        },
        answer: "200 read",
    },
    Row {
        section: "7521 8.2",
        rule: "what was used MUST not be used again, where that is asked for",
        request: |desk| {
            let one = signed_by(&partner(), &partner_claims(0));
            let first = said(&desk.assert("chat", &one, "", 0));
            format!("{first}, {}", said(&desk.assert("mail", &one, "", 1)))
        },
        answer: "200 read, 400 invalid_grant",
    },
    Row {
        section: "7521 6.4",
        rule: "on behalf of a workload: as often as it needs a token, where the host says so",
        request: |desk| {
            let one = workload(0);
            let first = said(&desk.assert("chat", &one, "", 0));
            format!("{first}, {}", said(&desk.assert("chat", &one, "", 600)))
        },
        answer: "200 read write, 200 read write",
    },
    Row {
        section: "7521 4.2; 7523 2.2",
        rule: "an assertion as a grant and one that authenticates the client",
        request: |desk| {
            let own = crate::kit::signer::Signer::new("keyed").assertion("keyed", "own", 0);
            let ask = form(with_assertion(&body(&signed_by(&partner(), &partner_claims(0)), ""), &own));
            said(&desk.send(&ask, 0))
        },
        answer: "200 read",
    },
    Row {
        section: "8414 2",
        rule: "the grant type is in the metadata",
        request: |desk| {
            let types = desk.metadata()["grant_types_supported"].clone();
            types.as_array().unwrap().contains(&json!(JWT_BEARER)).to_string()
        },
        answer: "true",
    },
];

#[test]
fn every_requirement_on_a_server() {
    let mut wrong = Vec::new();
    for Row { section, rule, request, answer } in ROWS {
        let desk = Desk::new();
        let got = request(&desk);
        if got != *answer {
            wrong.push(format!("{section}: {rule}: {got:?}, not {answer:?}"));
        }
        if !answer.starts_with("200") && !answer.contains(',') && answer.starts_with('4') {
            assert!(desk.store.bytes().is_empty(), "{section}: {rule}: what is refused leaves nothing behind");
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// One record for each grant: introspection, revocation, the account page and "log me out everywhere" work.
#[test]
fn the_token_stands_on_a_record() {
    let desk = Desk::new();
    let token = desk.assert("chat", &jag("a", 0), "", 0).assert_ok().access_token();
    assert_eq!(desk.grants().len(), 1);
    let grant = &desk.grants()[0];
    assert_eq!((grant.subject(), grant.is_renewable()), (Some("alice"), false));
    let told = desk.introspect(&token, 1);
    assert_eq!(
        (told["active"].as_bool(), told["sub"].as_str(), told["client_id"].as_str()),
        (Some(true), Some("alice"), Some("chat"))
    );
    let sessions = |secs| {
        let page = crate::kit::schedule::run(desk.engine.sessions("alice", None, 10, at(secs))).unwrap();
        page.sessions.len()
    };
    assert_eq!(sessions(1), 1);
    // Revoked by its client.
    let ask = form(format!("token={token}")).basic("chat", SECRET);
    assert_eq!(crate::kit::schedule::run(desk.engine.revoke(&ask.request(), at(2))).status(), 200);
    assert_eq!(desk.introspect(&token, 3), json!({"active": false}));
    // And everywhere.
    let token = desk.assert("chat", &jag("b", 3), "", 3).assert_ok().access_token();
    assert_eq!(desk.introspect(&token, 4)["active"], true);
    crate::kit::schedule::run(desk.engine.end_sessions_of("alice", at(5))).unwrap();
    assert_eq!(desk.introspect(&token, 6), json!({"active": false}));
    // What is gone does not come back by the same assertion.
    desk.assert("chat", &jag("b", 3), "", 200).assert_error(400, "invalid_grant");
    // Nothing is left when it ends.
    let token = desk.assert("chat", &jag("c", 10), "", 10).assert_ok().access_token();
    assert_eq!(desk.introspect(&token, 10 + 300 + 600 + 9)["active"], true);
    assert_eq!(desk.introspect(&token, 10 + 300 + 600 + 10), json!({"active": false}));
}

/// A client that acts for itself is its own subject.
#[test]
fn a_workload_gets_a_token_for_its_client() {
    let desk = Desk::new();
    let token = desk.assert("chat", &workload(0), "&scope=read", 0).assert_ok().access_token();
    assert_eq!(desk.grants()[0].subject(), None);
    assert_eq!(desk.introspect(&token, 1)["scope"], "read");
}

/// The host hears who vouched, in an event of its own, and why something was refused; no event has a claim in it.
#[test]
fn the_host_hears_who_vouched() {
    let desk = Desk::with(|builder| builder.jwt_bearer(bearer()).subjects_in_events(true));
    desk.assert("chat", &jag("zq-jti-Marker", 0), "", 0).assert_ok();
    let events = desk.events.take();
    assert_eq!(events.len(), 2, "{events:?}");
    assert!(events[0].starts_with("Asserted") && events[0].contains(IDP) && events[0].contains("chat"), "{events:?}");
    assert!(events[1].starts_with("Issued"), "{events:?}");
    let mut all = events;
    for (claims, why) in [
        (but(jag_claims("zq-jti-Marker2", 0), "sub", json!("zq-sub-Marker")), "Handler(InvalidGrant)"),
        (but(jag_claims("a", 0), "aud", json!("https://zq-aud-Marker.example")), "Assertion(Audience)"),
        (but(jag_claims("a", 0), "iss", json!("https://zq-iss-Marker.example")), "Assertion(Issuer)"),
        (but(jag_claims("a", 0), "client_id", json!("zq-client-Marker")), "Assertion(Client)"),
    ] {
        let reply = desk.assert("chat", &signed_jag(&claims), "", 0);
        reply.assert_error(400, "invalid_grant");
        assert!(!String::from_utf8_lossy(&reply.body).contains("Marker"));
        let events = desk.events.take();
        assert!(events.len() == 1 && events[0].contains(why) && events[0].contains("chat"), "{events:?}");
        all.extend(events);
    }
    assert!(all.iter().all(|event| !event.contains("zq-")), "{all:?}");
}

/// What the policy says that cannot be granted is the host's fault, and a policy that fails is no refusal.
#[test]
fn a_policy_that_fails_or_errs_leaves_nothing_behind() {
    let desk = Desk::new();
    for (subject, status, code) in [("down", 503, "temporarily_unavailable"), ("long", 500, "server_error")] {
        let text = signed_jag(&but(jag_claims("a", 0), "sub", json!(subject)));
        desk.assert("chat", &text, "", 0).assert_error(status, code);
        assert!(desk.store.bytes().is_empty());
    }
    // The assertion was not spent.
    desk.assert("chat", &jag("a", 0), "", 0).assert_ok();
}

/// A hook of the host's is asked, with a kind of its own.
#[test]
fn the_hook_has_a_say() {
    use regrant::engine::{HookError, IssueDecision, IssueHook, IssueKind, IssueRequest};
    struct Closed;
    impl IssueHook for Closed {
        async fn on_issue(&self, request: &IssueRequest<'_>) -> Result<IssueDecision, HookError> {
            assert_eq!((request.kind(), request.grant().subject()), (IssueKind::Assertion, Some("alice")));
            Ok(IssueDecision::Refuse)
        }
    }
    let desk = Desk::with(|builder| builder.jwt_bearer(bearer()).on_issue(Closed));
    desk.assert("chat", &jag("a", 0), "", 0).assert_error(400, "invalid_grant");
    assert!(desk.store.bytes().is_empty());
}

/// What a host or a client has voided up to a time, whoever vouched before that time does not bring back.
#[test]
fn an_assertion_from_before_a_not_before_is_refused() {
    let desk = Desk::new();
    desk.engine.void_grants_before(at(100));
    desk.assert("chat", &workload(50), "", 120).assert_error(400, "invalid_grant");
    desk.assert("chat", &workload(100), "", 120).assert_ok();
}

/// Lifetimes: never longer than the client's, and as long after the assertion as the host says of its issuer.
#[test]
fn a_token_ends_soon_after_its_assertion() {
    for (after, lasts) in [(0, 310), (60, 370), (86_400, 3_600)] {
        let issuer = trusted_idp().with_longest_after(Duration::from_secs(after));
        let desk =
            Desk::with(|builder| builder.jwt_bearer(regrant::engine::JwtBearer::new(Directory).with_issuer(issuer)));
        let reply = desk.assert("chat", &jag("a", 0), "", 0);
        assert_eq!(reply.assert_ok().json()["expires_in"], lasts, "{after}");
    }
}

/// Where ID tokens are issued and the scope has `openid`, there is one, of the person that the policy names and the login that the issuer saw.
#[test]
fn an_id_token_says_when_its_issuer_saw_the_person() {
    let (key, _) = SigningKey::generate(SigningAlgorithm::Es256).unwrap();
    let desk = Desk::with(|builder| builder.jwt_bearer(bearer()).signing_key(key).id_tokens(ScopeAsClaim));
    let text = |jti: &str, scope: &str| {
        let claims = but(jag_claims(jti, 100), "auth_time", json!(at(40).as_secs()));
        signed_jag(&but(claims, "scope", json!(scope)))
    };
    let reply = desk.assert("chat", &text("a", "openid read"), "", 100);
    let claims = crate::kit::jwt::claims(&reply.assert_ok().text("id_token"));
    assert_eq!((&claims["sub"], &claims["aud"]), (&json!("alice"), &json!(["chat"])));
    assert_eq!((claims["auth_time"].as_u64(), claims.get("acr")), (Some(at(40).as_secs()), None));
    assert!(!desk.assert("chat", &text("b", "read"), "", 100).json().contains_key("id_token"));
    // How the person logged in is for the policy to say (OpenID Connect Core section 2).
    let strong = but(but(jag_claims("c", 100), "sub", json!("strong")), "scope", json!("openid"));
    let claims =
        crate::kit::jwt::claims(&desk.assert("chat", &signed_jag(&strong), "", 100).assert_ok().text("id_token"));
    assert_eq!((&claims["acr"], &claims["amr"]), (&json!("urn:example:mfa"), &json!(["pwd", "otp"])));
}

/// The time of the login is what the issuer says of it, never a later one than now.
#[test]
fn the_login_is_as_old_as_its_issuer_says() {
    let desk = Desk::new();
    for (claims, secs) in [
        (but(jag_claims("a", 100), "auth_time", json!(at(40).as_secs())), 40),
        (but(jag_claims("b", 100), "auth_time", json!(at(9_000).as_secs())), 100),
    ] {
        desk.store.clear();
        desk.assert("chat", &signed_jag(&claims), "", 100).assert_ok();
        assert_eq!(desk.grants()[0].authenticated_at(), Some(at(secs)), "{claims}");
    }
}

/// RFC 9470 section 4: that the assertion is of now says nothing of the login, so no resource that asks for a recent one takes it, and no
/// token says when it was (OpenID Connect Core section 2).
#[test]
fn where_nobody_says_when_the_login_was_it_is_unknown() {
    const API: &str = "https://api.example/";
    let (key, _) = SigningKey::generate(SigningAlgorithm::Es256).unwrap();
    let desk = Desk::with(|builder| {
        let builder = builder.jwt_bearer(bearer()).signing_key(key).id_tokens(ScopeAsClaim);
        builder.resource(Resource::new(API))
    });
    let strong = |jti: &str| but(but(jag_claims(jti, 100), "sub", json!("strong")), "scope", json!("openid read"));
    let said = but(strong("b"), "auth_time", json!(at(40).as_secs()));
    for (claims, is_said) in [(strong("a"), false), (said, true)] {
        let reply = desk.assert("chat", &signed_jag(&claims), "", 100);
        let token = reply.assert_ok().access_token();
        let header = format!("Bearer {token}");
        let request = Request::new("GET", b"").with_header("authorization", header.as_bytes());
        let within = |secs| {
            let check = desk.engine.bearer_for(API).max_age(Duration::from_secs(secs));
            run(check.check(&request, at(100))).is_ok()
        };
        assert_eq!((within(300), within(59)), (is_said, false));
        let (introspected, id_token) = (desk.introspect(&token, 100), claims_of(&reply.text("id_token")));
        assert_eq!(introspected["acr"], "urn:example:mfa");
        for said in [&introspected["auth_time"], &id_token["auth_time"]] {
            assert_eq!(said.as_u64(), is_said.then(|| at(40).as_secs()));
        }
    }
    let known: BTreeSet<_> = desk.grants().iter().map(Grant::authenticated_at).collect();
    assert_eq!(known, BTreeSet::from([None, Some(at(40))]));
}

/// What a policy reads of an assertion beside who it is about. None of it is in logs.
#[test]
fn a_policy_reads_claims_by_name() {
    use regrant::engine::{AssertionPolicy, AssertionRequest, JwtBearer};
    use regrant::{Authorization, GrantError};
    struct Reads;
    impl AssertionPolicy for Reads {
        async fn authorize(&self, request: &AssertionRequest<'_>) -> Result<Authorization, GrantError> {
            let texts = ["email", "level", "none"].map(|name| request.text(name));
            assert_eq!(texts, [Some("carol@partner.example"), None, None]);
            let numbers = ["email", "level", "none"].map(|name| request.claim::<u32>(name));
            assert_eq!(numbers, [None, Some(3), None]);
            let shown = format!("{request:?}");
            assert!(shown.contains("chat") && !shown.contains("carol"), "{shown}");
            Ok(Authorization::of("carol"))
        }
    }
    let desk = Desk::with(|builder| builder.jwt_bearer(JwtBearer::new(Reads).with_issuer(trusted_partner())));
    let claims = but(but(partner_claims(0), "email", json!("carol@partner.example")), "level", json!(3));
    desk.assert("chat", &signed_by(&partner(), &claims), "", 0).assert_ok();
}
