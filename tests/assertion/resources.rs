//! Assertions that name resources (ID-JAG section 4.4.1, RFC 8707 section 2): the token is for these alone, and the answer says so.

use regrant::Resource;
use serde_json::{Value, json};

use super::desk::*;
use super::rules::said;
use crate::kit::schedule::run;
use crate::kit::{at, scope};

const FILES: &str = "https://files.example/";
const MAIL: &str = "https://mail.example/";

fn street() -> Desk {
    Desk::with(|builder| {
        builder
            .jwt_bearer(bearer())
            .resource(Resource::new(FILES).with_scopes(scope("read")))
            .resource(Resource::new(MAIL).with_scopes(scope("write")))
            .default_resource(FILES)
    })
}

fn jag_for(resource: Value) -> String {
    signed_jag(&but(jag_claims("a", 0), "resource", resource))
}

#[test]
fn the_token_is_for_what_the_assertion_and_the_request_name() {
    for (what, claim, more, answer) in [
        ("one", json!(MAIL), "", "200 write admin"),
        ("one, spelt otherwise", json!(["HTTPS://mail.example:443"]), "", "200 write admin"),
        ("one that is known among others", json!(["https://elsewhere.example", MAIL]), "", "200 write admin"),
        ("one twice", json!([MAIL, "https://mail.example"]), "", "200 write admin"),
        ("none that is known", json!("https://elsewhere.example"), "", "400 invalid_target"),
        ("two, and which is not said", json!([FILES, MAIL]), "", "400 invalid_target"),
        ("two, and one is said", json!([FILES, MAIL]), "&resource=https://mail.example/", "200 write admin"),
        (
            "two, and both are said",
            json!([FILES, MAIL]),
            "&resource=https://mail.example/&resource=https://files.example/",
            "200 read write admin",
        ),
        ("another than it names", json!(FILES), "&resource=https://mail.example/", "400 invalid_target"),
        (
            "one more than it names",
            json!(FILES),
            "&resource=https://files.example/&resource=https://mail.example/",
            "400 invalid_target",
        ),
        ("an unknown one is asked for", json!(FILES), "&resource=https://elsewhere.example/", "400 invalid_target"),
        ("a scope of another resource", json!(FILES), "&scope=write", "400 invalid_scope"),
    ] {
        // `admin` is the engine's own, and the client's default has it not.
        let desk = street();
        let text = signed_jag(&but(but(jag_claims("a", 0), "resource", claim), "scope", json!("read write admin")));
        assert_eq!(said(&desk.assert("chat", &text, more, 0)), answer, "{what}");
        if answer.starts_with('4') {
            assert!(desk.store.bytes().is_empty(), "{what}");
        }
    }
}

#[test]
fn the_answer_says_which_and_no_other_resource_believes_it() {
    let desk = street();
    let reply = desk.assert("chat", &jag_for(json!(MAIL)), "", 0);
    assert_eq!(reply.assert_ok().text("resource"), MAIL);
    let token = reply.access_token();
    let header = format!("Bearer {token}");
    let at_resource = |uri: &str| {
        let request = regrant::Request::new("GET", b"").with_header("authorization", header.as_bytes());
        run(desk.engine.bearer_for(uri).check(&request, at(1))).is_ok()
    };
    assert!(at_resource(MAIL) && !at_resource(FILES));
    let both = desk.assert(
        "chat",
        &signed_jag(&but(jag_claims("b", 0), "resource", json!([FILES, MAIL]))),
        "&resource=https://mail.example/&resource=https://files.example/",
        0,
    );
    assert_eq!(both.assert_ok().json()["resource"], json!([MAIL, FILES]));
    // Where the assertion names none it is as for everybody: the request names one, or it is the default one.
    let named = desk.assert("chat", &jag("c", 0), "&resource=https://mail.example/", 0);
    assert_eq!((named.text("scope").as_str(), named.text("resource").as_str()), ("write", MAIL));
    let usual = desk.assert("chat", &jag("d", 0), "", 0);
    assert_eq!((usual.text("scope").as_str(), usual.text("resource").as_str()), ("read", FILES));
}

/// What the policy sees of it.
#[test]
fn the_policy_sees_what_the_token_will_be_for() {
    use regrant::engine::{AssertionPolicy, AssertionRequest, JwtBearer};
    use regrant::{Authorization, GrantError};
    struct Mail;
    impl AssertionPolicy for Mail {
        async fn authorize(&self, request: &AssertionRequest<'_>) -> Result<Authorization, GrantError> {
            assert_eq!((request.now(), request.peer(), request.client().id()), (at(0), None, "chat"));
            if request.resources().eq([MAIL]) && request.scope().as_str() == "write" {
                Ok(Authorization::of("alice"))
            } else {
                Err(GrantError::invalid_target())
            }
        }
    }
    let desk = Desk::with(|builder| {
        builder
            .jwt_bearer(JwtBearer::new(Mail).with_issuer(trusted_idp()))
            .resource(Resource::new(FILES).with_scopes(scope("read")))
            .resource(Resource::new(MAIL).with_scopes(scope("write")))
            .default_resource(FILES)
    });
    desk.assert("chat", &jag_for(json!(MAIL)), "", 0).assert_ok();
    desk.assert("chat", &jag_for(json!(FILES)), "", 0).assert_error(400, "invalid_target");
}
