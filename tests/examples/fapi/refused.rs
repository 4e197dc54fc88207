//! What each client is refused.

use serde_json::json;

use super::{CALLBACK, Town, encoded, now, refused, told};
use crate::kit::proof::ProofKey;

fn is(status: u16, error: &str) -> (u16, String) {
    (status, error.to_owned())
}

/// RFC 9126 section 5, RFC 9449 sections 5.2 and 10.1.
#[test]
fn a_client_that_has_to_push_and_to_prove() {
    let town = Town::http(&[]);
    let key = ProofKey::of(1);
    let client = town.client("key-client").proves(&key);
    // It did not push.
    let answer = town.get(None, &format!("/authorize?{}", client.asks(&[])), "");
    assert_eq!(told(&answer, "error"), "invalid_request");
    // It pushes, and proves nothing.
    let form = format!("{}{}", client.asks(&[]), client.assertion());
    assert_eq!(refused(&client.without_proof().post("/par", &form)), is(400, "invalid_dpop_proof"));
    // It redeems its code, and proves nothing; or with another key than it pushed with.
    let code = client.code();
    assert_eq!(refused(&client.without_proof().redeem(&code)), is(400, "invalid_dpop_proof"));
    assert_eq!(refused(&client.proves(&ProofKey::of(2)).redeem(&code)), is(400, "invalid_grant"));
    assert_eq!(refused(&client.without_proof().credentials()), is(400, "invalid_dpop_proof"));
    let tokens = client.redeem(&code);
    assert_eq!(tokens.status, 200, "none of them did any harm: {tokens:?}");
    let refresh = tokens.member("refresh_token");
    assert_eq!(refused(&client.without_proof().refresh(&refresh)), is(400, "invalid_dpop_proof"));
    assert_eq!(client.without_proof().resource(&tokens.member("access_token")).status, 401);
}

/// RFC 7523 section 3: whose assertion, for whom, and once.
#[test]
fn assertions_that_do_not_count() {
    let town = Town::http(&[]);
    let client = town.client("signed-client");
    let mut for_token_endpoint = client;
    for_token_endpoint.for_token_endpoint = true;
    assert_eq!(refused(&for_token_endpoint.credentials()), is(401, "invalid_client"));
    let mut by_secret = client;
    by_secret.by_secret = true;
    assert_eq!(refused(&by_secret.credentials()), is(401, "invalid_client"));
    // Another client's key.
    let claims = json!({
        "iss": "signed-client", "sub": "signed-client", "aud": town.issuer, "jti": "one", "iat": now(), "exp": now() + 60,
    });
    let stranger = town.key.jwt(&town.key.header("ES256"), &claims);
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let form = encoded(&[
        ("grant_type", "client_credentials"),
        ("client_assertion_type", kind),
        ("client_assertion", &stranger),
    ]);
    assert_eq!(refused(&town.post(None, "/token", "", &form)), is(401, "invalid_client"));
    // Twice, for two logins.
    let authentication = client.authentication();
    let redeem = |code: &str| {
        let form = encoded(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", super::VERIFIER),
        ]);
        town.post(None, "/token", "", &format!("{form}&{authentication}"))
    };
    assert_eq!(redeem(&client.code()).status, 200);
    assert_eq!(refused(&redeem(&client.code())), is(400, "invalid_grant"));
    // No assertion at all.
    let form = "grant_type=client_credentials&client_id=signed-client";
    assert_eq!(refused(&town.post(None, "/token", "", form)), is(401, "invalid_client"));
}

/// RFC 9101 section 10.5.
#[test]
fn a_client_that_has_to_sign() {
    let town = Town::http(&[]);
    let client = town.client("signed-client");
    let answer = town.get(None, &format!("/authorize?{}", client.asks(&[])), "");
    assert_eq!(told(&answer, "error"), "invalid_request");
    let form = format!("{}{}", client.asks(&[]), client.assertion());
    assert_eq!(refused(&client.post("/par", &form)), is(400, "invalid_request"));
    // A request object of the client's own address is not fetched.
    let by_reference = client.asks(&[("request_uri", "https://app.example/request.jwt")]);
    assert_ne!(town.get(None, &format!("/authorize?{by_reference}"), "").status, 200);
}

/// RFC 8705 sections 2 and 3: without TLS there is no certificate, whatever a header says.
#[test]
fn a_client_with_a_certificate_is_nobody_without_one() {
    for (town, id) in [
        (Town::http(&[]), "mtls-client"),
        (Town::http(&[]), "ca-client"),
        (Town::https(&[]), "mtls-client"),
        (Town::https(&[]), "ca-client"),
    ] {
        let form = format!("grant_type=client_credentials&client_id={id}");
        for header in ["", "x-client-cert: MIIB\r\n", "client-cert: :MIIB:\r\n", "x-ssl-client-s-dn: CN=ca-client\r\n"]
        {
            assert_eq!(refused(&town.post(None, "/token", header, &form)), is(401, "invalid_client"), "{id}");
        }
    }
}

/// A client whose keys nobody gave is known, and nobody can be it.
#[test]
fn nobody_has_the_key_that_nobody_gave() {
    let server = crate::server::process::Running::start_example("fapi", &[]);
    let metadata = server.get("/.well-known/oauth-authorization-server", None).json();
    assert!(metadata["token_endpoint_auth_methods_supported"].as_array().unwrap().contains(&json!("private_key_jwt")));
    let reply = server.post("/token", "grant_type=client_credentials&client_id=key-client");
    assert_eq!(refused(&reply), is(401, "invalid_client"));
}

/// RFC 7636 section 4.4.1; FAPI 2.0 Security Profile section 5.3.2.2.
#[test]
fn a_public_client_does_not_go_without_pkce_and_under_a_profile_none_does() {
    let query = |id: &str| {
        let redirect = ("redirect_uri", CALLBACK);
        encoded(&[("response_type", "code"), ("client_id", id), redirect, ("state", "theirs"), ("scope", "read")])
    };
    let town = Town::http(&[]);
    let answer = town.get(None, &format!("/authorize?{}", query("browser-client")), "");
    assert_eq!(told(&answer, "error"), "invalid_request");
    let (town, key) = (Town::http(&["--profile", "fapi2"]), ProofKey::of(1));
    let client = town.client("key-client").proves(&key);
    let pushed = client.post("/par", &format!("{}{}", query("key-client"), client.assertion()));
    assert_eq!(refused(&pushed), is(400, "invalid_request"));
}
