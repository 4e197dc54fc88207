//! The examples as they are if nothing is said: guesses are limited (RFC 6749 sections 4.3.2 and 10.10), and honest requests from the
//! same address go on.

use serde_json::json;

use crate::server::process::{Reply, Running};

const MARKETPLACE: &str = "client_id=marketplace-app&client_secret=marketplace-secret-for-trying-out-only";
const BANK: &str = "client_id=developers.devportal&client_secret=devportal-secret-for-trying-out-only";
const AUTHORIZE: &str = "response_type=code&client_id=developers.devportal&redirect_uri=http%3A%2F%2F127.0.0.1%2Fcallback\
    &scope=openid&state=theirs";

#[track_caller]
fn assert_throttled(reply: &Reply) {
    assert_eq!(reply.status, 429, "{reply:?}");
    let secs: u32 = reply.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&secs), "{secs}");
}

#[test]
fn the_server_limits_guesses_at_passwords_and_secrets() {
    let server = Running::start(&["--throttle", "on"]);
    let login = |password: &str| {
        let form = format!(
            "grant_type=password&username=usuario.teste&password={password}&campaign_id=1001&refresh_token_active=true&{MARKETPLACE}"
        );
        server.post("/token", &form)
    };
    let token = login("senha123").member("refresh_token");
    for _ in 0..10 {
        assert_eq!(login("senha124").status, 400);
    }
    for password in ["senha124", "senha123"] {
        let refused = login(password);
        assert_throttled(&refused);
        assert_eq!(refused.json(), json!({ "error": "temporarily_unavailable" }));
    }
    // A refresh is none of its business.
    let refreshed = server.post("/token", &format!("grant_type=refresh_token&refresh_token={token}&{MARKETPLACE}"));
    assert_eq!(refreshed.status, 200, "{refreshed:?}");

    // The page of the other system, whose people are others.
    let at_the_page = |password: &str, decision: &str| {
        let form = format!("{AUTHORIZE}&username=00506493296&password={password}&decision={decision}");
        server.post("/oauth2/authorize", &form)
    };
    for number in 0..10 {
        let reply = at_the_page("wrong", if number % 2 == 0 { "allow" } else { "deny" });
        assert_eq!(reply.status, if number % 2 == 0 { 403 } else { 303 }, "{reply:?}");
    }
    for password in ["wrong", "senha123"] {
        assert_throttled(&at_the_page(password, "allow"));
    }
    // Cancelling is nobody's guess.
    assert_eq!(at_the_page("", "deny").status, 303);

    let wrong = "grant_type=client_credentials&client_id=developers.devportal&client_secret=wrong";
    for _ in 0..20 {
        assert_eq!(server.post("/oauth2/token", wrong).status, 401);
    }
    assert_throttled(&server.post("/oauth2/token", wrong));
    assert_eq!(server.post("/oauth2/token", &format!("grant_type=client_credentials&{BANK}")).status, 200);
    server.kill();
}

#[test]
fn the_mcp_example_limits_registrations() {
    let server = Running::start_example("mcp", &["--throttle", "on"]);
    let metadata =
        json!({ "redirect_uris": ["http://localhost/cb"], "token_endpoint_auth_method": "none" }).to_string();
    let register = || server.post_of("application/json", "/register", "", &metadata);
    for _ in 0..20 {
        assert_eq!(register().status, 201);
    }
    assert_throttled(&register());
    server.kill();
}
