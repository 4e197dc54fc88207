//! Every MUST and SHOULD of draft-ietf-oauth-identity-assertion-authz-grant that is on the server which takes identity assertions (the
//! "Resource Authorization Server"): section, request, answer. By the sections of version 03.

use regrant::engine::Dpop;
use serde_json::{Value, json};

use super::desk::*;
use super::rules::said;
use crate::kit::portal::ISSUER;
use crate::kit::proof::ProofKey;

struct Row {
    section: &'static str,
    rule: &'static str,
    request: fn(&Desk) -> String,
    answer: &'static str,
}

fn claim(desk: &Desk, name: &str, value: Value) -> String {
    said(&desk.assert("chat", &signed_jag(&but(jag_claims("a", 0), name, value)), "", 0))
}

fn lacking(desk: &Desk, name: &str) -> String {
    said(&desk.assert("chat", &signed_jag(&without(jag_claims("a", 0), name)), "", 0))
}

fn typed(desk: &Desk, header: &Value) -> String {
    said(&desk.assert("chat", &idp().jwt(header, &jag_claims("a", 0)), "", 0))
}

const ROWS: &[Row] = &[
    Row {
        section: "4.4",
        rule: "an ID-JAG is exchanged for an access token",
        request: |desk| {
            let reply = desk.assert("chat", &jag("a", 0), "", 0);
            format!("{} {} {}", said(&reply), reply.text("token_type"), reply.json().contains_key("refresh_token"))
        },
        answer: "200 read write Bearer false",
    },
    Row { section: "3.1", rule: "iss is required", request: |desk| lacking(desk, "iss"), answer: "400 invalid_grant" },
    Row { section: "3.1", rule: "sub is required", request: |desk| lacking(desk, "sub"), answer: "400 invalid_grant" },
    Row { section: "3.1", rule: "aud is required", request: |desk| lacking(desk, "aud"), answer: "400 invalid_grant" },
    Row {
        section: "3.1",
        rule: "client_id is required",
        request: |desk| lacking(desk, "client_id"),
        answer: "400 invalid_grant",
    },
    Row { section: "3.1", rule: "jti is required", request: |desk| lacking(desk, "jti"), answer: "400 invalid_grant" },
    Row { section: "3.1", rule: "exp is required", request: |desk| lacking(desk, "exp"), answer: "400 invalid_grant" },
    Row { section: "3.1", rule: "iat is required", request: |desk| lacking(desk, "iat"), answer: "400 invalid_grant" },
    Row {
        section: "3.1",
        rule: "subjects are unique within issuer and tenant: another tenant's is another person",
        request: |desk| {
            let text = signed_jag(&but(jag_claims("a", 0), "tenant", json!("acme")));
            desk.assert("chat", &text, "", 0).assert_ok();
            desk.grants()[0].subject().unwrap_or_default().to_owned()
        },
        answer: "bob",
    },
    Row {
        section: "3.1",
        rule: "a tenant that the policy does not know is nobody's",
        request: |desk| claim(desk, "tenant", json!("evil")),
        answer: "400 invalid_grant",
    },
    Row {
        section: "3.1, 4.4.1",
        rule: "typ MUST be oauth-id-jag+jwt: none",
        request: |desk| typed(desk, &idp().header("EdDSA")),
        answer: "400 invalid_grant",
    },
    Row {
        section: "3.1, 4.4.1",
        rule: "typ MUST be oauth-id-jag+jwt: JWT",
        request: |desk| typed(desk, &json!({"typ": "JWT", "alg": "EdDSA", "kid": "idp"})),
        answer: "400 invalid_grant",
    },
    Row {
        section: "4.4.1",
        rule: "aud MUST be this issuer, else invalid_grant",
        request: |desk| claim(desk, "aud", json!("https://another.example")),
        answer: "400 invalid_grant",
    },
    Row {
        section: "4.4.1",
        rule: "aud is the issuer, never the token endpoint",
        request: |desk| claim(desk, "aud", json!("https://id.example/token")),
        answer: "400 invalid_grant",
    },
    Row {
        section: "4.4.1",
        rule: "aud MAY be an array of exactly this one",
        request: |desk| claim(desk, "aud", json!([ISSUER])),
        answer: "200 read write",
    },
    Row {
        section: "4.4.1",
        rule: "aud, an array of more than one MUST be rejected",
        request: |desk| claim(desk, "aud", json!([ISSUER, "https://another.example"])),
        answer: "400 invalid_grant",
    },
    Row {
        section: "4.4.1",
        rule: "aud, an empty array",
        request: |desk| claim(desk, "aud", json!([])),
        answer: "400 invalid_grant",
    },
    Row {
        section: "4.4.1",
        rule: "client_id MUST be the authenticated client, else invalid_grant",
        request: |desk| said(&desk.assert("mail", &jag("a", 0), "", 0)),
        answer: "400 invalid_grant",
    },
    Row {
        section: "4.4.1",
        rule: "scope: what is granted may be a subset, and is in the answer",
        request: |desk| claim(desk, "scope", json!("read root files")),
        answer: "200 read",
    },
    Row {
        section: "4.4.1",
        rule: "scope: none that the client may have",
        request: |desk| claim(desk, "scope", json!("root")),
        answer: "400 invalid_scope",
    },
    Row {
        section: "4.4.1",
        rule: "resource MUST be processed: a server that has none cannot grant it",
        request: |desk| claim(desk, "resource", json!("https://api.example")),
        answer: "400 invalid_target",
    },
    Row {
        section: "4.4.1",
        rule: "authorization_details MUST be parsed as an array: what is no array",
        request: |desk| claim(desk, "authorization_details", json!("all")),
        answer: "400 invalid_grant",
    },
    Row {
        section: "4.4.1",
        rule: "authorization_details that are not served are not passed over, since they limit what is granted",
        request: |desk| claim(desk, "authorization_details", json!([{"type": "chat"}])),
        answer: "400 invalid_grant",
    },
    Row {
        section: "9.1",
        rule: "SHOULD only be supported for confidential clients",
        request: |desk| {
            let text = signed_jag(&but(jag_claims("a", 0), "client_id", json!("phone")));
            said(&desk.assert("phone", &text, "", 0))
        },
        answer: "400 unauthorized_client",
    },
    Row {
        section: "9.6.1, cnf and proof",
        rule: "the proof MUST be validated",
        request: |desk| {
            let text = bound_to(1);
            said(&desk.send(&asking("chat", &text, "").header("dpop", "none"), 0))
        },
        answer: "400 invalid_dpop_proof",
    },
    Row {
        section: "9.6.1, cnf and proof",
        rule: "the thumbprints MUST match; the token SHOULD be bound to the same key",
        request: |desk| {
            let reply = desk.proven(asking("chat", &bound_to(1), ""), 1, 0);
            let told = desk.introspect(&reply.access_token(), 1);
            format!("{} {}", reply.text("token_type"), told["cnf"]["jkt"] == json!(ProofKey::of(1).thumbprint()))
        },
        answer: "DPoP true",
    },
    Row {
        section: "9.6.1, cnf and proof",
        rule: "of another key MUST fail with invalid_grant",
        request: |desk| said(&desk.proven(asking("chat", &bound_to(1), ""), 2, 0)),
        answer: "400 invalid_grant",
    },
    Row {
        section: "9.6.1, cnf without proof",
        rule: "MUST be rejected with invalid_grant",
        request: |desk| said(&desk.assert("chat", &bound_to(1), "", 0)),
        answer: "400 invalid_grant",
    },
    Row {
        section: "9.6.1, proof without cnf",
        rule: "the token may be bound to the key of the proof",
        request: |desk| desk.proven(asking("chat", &jag("a", 0), ""), 1, 0).text("token_type"),
        answer: "DPoP",
    },
    Row {
        section: "8.2",
        rule: "authorization_grant_profiles_supported is an array with the profile, and grant_types_supported MUST have the grant type",
        request: |desk| {
            let metadata = desk.metadata();
            let has = metadata["grant_types_supported"].as_array().unwrap().contains(&json!(JWT_BEARER));
            format!("{} {has}", metadata["authorization_grant_profiles_supported"])
        },
        answer: r#"["urn:ietf:params:oauth:grant-profile:id-jag"] true"#,
    },
    Row {
        section: "9.4",
        rule: "metadata MUST NOT say who is trusted",
        request: |desk| {
            let metadata = desk.metadata().to_string();
            [IDP, CLUSTER, PARTNER].iter().any(|issuer| metadata.contains(issuer)).to_string()
        },
        answer: "false",
    },
];

fn bound_to(key: u8) -> String {
    signed_jag(&but(jag_claims("a", 0), "cnf", json!({"jkt": ProofKey::of(key).thumbprint()})))
}

#[test]
fn every_requirement_on_a_server() {
    let mut wrong = Vec::new();
    for Row { section, rule, request, answer } in ROWS {
        let desk = Desk::new();
        let got = request(&desk);
        if got != *answer {
            wrong.push(format!("{section}: {rule}: {got:?}, not {answer:?}"));
        }
        if answer.starts_with('4') {
            assert!(desk.store.bytes().is_empty(), "{section}: {rule}: what is refused leaves nothing behind");
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Section 9.6.1, neither: where what the token is for takes no bearer tokens, it MUST fail with `invalid_grant`.
#[test]
fn where_bearer_tokens_are_not_taken_none_is_handed_out() {
    let strict = Dpop::new().with_required_at_resources(true);
    let desk = Desk::with(|builder| builder.jwt_bearer(bearer()).dpop(strict));
    desk.assert("chat", &jag("a", 0), "", 0).assert_error(400, "invalid_grant");
    assert!(desk.store.bytes().is_empty());
    assert_eq!(desk.proven(asking("chat", &jag("a", 0), ""), 1, 0).assert_ok().text("token_type"), "DPoP");
}

/// Without an issuer of identity assertions the profile is not advertised, and without any the grant type is not there at all.
#[test]
fn what_is_off_is_not_advertised() {
    let workloads = regrant::engine::JwtBearer::new(Directory).with_issuer(trusted_cluster());
    let desk = Desk::with(|builder| builder.jwt_bearer(workloads));
    assert_eq!(desk.metadata().get("authorization_grant_profiles_supported"), None);
    desk.assert("chat", &jag("a", 0), "", 0).assert_error(400, "invalid_grant");
    let off = Desk::with(|builder| builder);
    assert!(!off.metadata().to_string().contains("jwt-bearer"));
    off.assert("chat", &jag("a", 0), "", 0).assert_error(400, "unsupported_grant_type");
}
