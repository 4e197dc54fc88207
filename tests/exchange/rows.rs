//! The table of RFC 8693 section 2: where a rule is written, what it says, who sends what, and the answer.

use crate::town::{ACCESS, API, Exchange, ID, JWT, LEDGER, VAULT};

/// What is sent, given a token of alice's and one of the desk's.
pub(crate) type Sent = fn(&str, &str) -> Exchange;

/// Section, rule, client, request, status and error.
pub(crate) type Row = (&'static str, &'static str, &'static str, Sent, u16, Option<&'static str>);

const REFRESH: &str = "urn:ietf:params:oauth:token-type:refresh_token";
const SAML2: &str = "urn:ietf:params:oauth:token-type:saml2";

#[rustfmt::skip]
pub(crate) fn rows() -> Vec<Row> {
    const REQUEST: Option<&str> = Some("invalid_request");
    const TARGET: Option<&str> = Some("invalid_target");
    const SCOPE: Option<&str> = Some("invalid_scope");
    const CLIENT: Option<&str> = Some("unauthorized_client");
    vec![
        ("2.1", "the grant type", "shop", |alice, _| Exchange::of(alice).to(LEDGER), 200, None),
        ("2.1", "subject_token is there", "shop", |alice, _| Exchange::of(alice).without("subject_token"), 400, REQUEST),
        ("2.1", "and not empty", "shop", |alice, _| Exchange::of(alice).set("subject_token", ""), 400, REQUEST),
        ("2.1", "and once", "shop", |alice, _| Exchange::of(alice).and("subject_token", "x"), 400, REQUEST),
        ("2.1", "subject_token_type is there", "shop", |alice, _| Exchange::of(alice).without("subject_token_type"), 400, REQUEST),
        ("2.1", "a type that is not known", "shop", |alice, _| Exchange::of(alice).set("subject_token_type", "urn:x"), 400, REQUEST),
        ("3", "a type that is not taken", "shop", |alice, _| Exchange::of(alice).set("subject_token_type", SAML2), 400, REQUEST),
        ("3", "a JWT of no type in particular", "shop", |alice, _| Exchange::of(alice).set("subject_token_type", JWT), 400, REQUEST),
        ("3", "a refresh token", "shop", |alice, _| Exchange::of(alice).set("subject_token_type", REFRESH), 400, REQUEST),
        ("3", "an access token is no ID token", "shop", |alice, _| Exchange::of_id_token(alice), 400, REQUEST),
        ("2.1", "an actor token", "shop", |alice, desk| Exchange::of(alice).to(LEDGER).by(desk), 200, None),
        ("2.1", "actor_token_type is REQUIRED with an actor token", "shop", |alice, desk| Exchange::of(alice).by(desk).without("actor_token_type"), 400, REQUEST),
        ("2.1", "and MUST NOT be there without one", "shop", |alice, _| Exchange::of(alice).and("actor_token_type", ACCESS), 400, REQUEST),
        ("2.1", "an actor token that is none", "shop", |alice, _| Exchange::of(alice).to(LEDGER).by("x"), 400, REQUEST),
        ("2.1", "an actor token of another type", "shop", |alice, desk| Exchange::of(alice).to(LEDGER).by(desk).set("actor_token_type", ID), 400, REQUEST),
        ("2.1", "requested_token_type", "shop", |alice, _| Exchange::of(alice).to(LEDGER).and("requested_token_type", ACCESS), 200, None),
        ("2.1", "a JWT, which it is", "shop", |alice, _| Exchange::of(alice).to(LEDGER).and("requested_token_type", JWT), 200, None),
        ("2.1", "no refresh token", "shop", |alice, _| Exchange::of(alice).to(LEDGER).and("requested_token_type", REFRESH), 400, REQUEST),
        ("2.1", "no ID token", "shop", |alice, _| Exchange::of(alice).to(LEDGER).and("requested_token_type", ID), 400, REQUEST),
        ("2.1", "resource, an absolute URI", "shop", |alice, _| Exchange::of(alice).and("resource", LEDGER), 200, None),
        ("2.1", "one that is not absolute", "shop", |alice, _| Exchange::of(alice).and("resource", "ledger"), 400, TARGET),
        ("2.1", "one with a fragment", "shop", |alice, _| Exchange::of(alice).and("resource", "https://ledger.example/#a"), 400, TARGET),
        ("2.1", "several resources", "shop", |alice, _| Exchange::of(alice).and("resource", LEDGER).and("resource", API), 200, None),
        ("2.1", "several audiences, and a resource", "shop", |alice, _| Exchange::of(alice).to(VAULT).to(LEDGER).and("resource", API), 200, None),
        ("2.1", "an audience is any name", "shop", |alice, _| Exchange::of(alice).to(VAULT), 200, None),
        ("2.2.2", "an audience that nobody allows", "shop", |alice, _| Exchange::of(alice).to("urn:example:other"), 400, TARGET),
        ("2.2.2", "one of two", "shop", |alice, _| Exchange::of(alice).to(LEDGER).to("urn:example:other"), 400, TARGET),
        ("2.2.2", "a resource that nobody allows", "shop", |alice, _| Exchange::of(alice).and("resource", "https://other.example/"), 400, TARGET),
        ("2.1", "scope", "shop", |alice, _| Exchange::of(alice).to(LEDGER).and("scope", "ledger:read"), 200, None),
        ("RFC 6749 5.2", "a scope of none", "shop", |alice, _| Exchange::of(alice).to(LEDGER).and("scope", "\""), 400, SCOPE),
        ("RFC 6749 5.2", "a scope that the subject token has not", "shop", |_, desk| Exchange::of(desk).to(LEDGER).and("scope", "ledger:read"), 400, SCOPE),
        ("RFC 6749 5.2", "a scope that the client may not have", "shop", |alice, _| Exchange::of(alice).to(API).and("scope", "write"), 400, SCOPE),
        ("RFC 8707 2", "a scope that is not the resource's", "shop", |alice, _| Exchange::of(alice).to(LEDGER).and("scope", "read"), 400, SCOPE),
        ("2.2.2", "a subject token that is none", "shop", |_, _| Exchange::of("x").to(LEDGER), 400, REQUEST),
        ("2.2.2", "a forged one", "shop", |alice, _| Exchange::of(&crate::kit::forged(alice)).to(LEDGER), 400, REQUEST),
        ("5", "a client that may not", "desk", |alice, _| Exchange::of(alice).to(LEDGER), 400, CLIENT),
        ("5", "a public client", "phone", |alice, _| Exchange::of(alice).to(LEDGER), 400, CLIENT),
        ("5", "whatever it is registered with", "open", |alice, _| Exchange::of(alice).to(LEDGER), 400, CLIENT),
    ]
}
