//! What can be registered of a client, and what cannot: each is a typed error when it is built.

use std::time::Duration;

use regrant::client::{ClientError, RecoverableSecret};
use regrant::grant::Rotation;
use regrant::{Client, ClientSecret, Lifetimes, StaticClients};

use crate::kit::{SECRET, app, scope, secret};

/// RFC 6749 sections 2.2, 2.3.1 and A.1, and what a client promises besides.
#[test]
fn a_client_that_breaks_a_rule_is_not_built() {
    let public = || Client::public("app");
    let never = || Lifetimes::default().with_idle(Duration::ZERO);
    let less_than_a_second = || Lifetimes::default().with_access_token(Duration::from_millis(999));
    let cases = [
        (Client::confidential("").secret(secret(SECRET)), ClientError::Id),
        (Client::confidential(&"a".repeat(Client::MAX_ID_BYTES + 1)).secret(secret(SECRET)), ClientError::Id),
        (Client::public("a%41"), ClientError::Id),
        (Client::public("a+b"), ClientError::Id),
        (Client::public("a\n"), ClientError::Id),
        (Client::public("a\u{80}"), ClientError::Id),
        (Client::confidential("app"), ClientError::NoSecret),
        (public().secret(secret(SECRET)), ClientError::SecretOfPublicClient),
        (app().secret(secret(SECRET)).secret(secret(SECRET)), ClientError::TooManySecrets),
        (app().client_secret_basic(false).client_secret_post(false), ClientError::NoAuthMethod),
        (public().rotation(Rotation::Never), ClientError::PublicWithoutRotation),
        (public().scope(scope("a")).default_scope(scope("a b")), ClientError::DefaultScope),
        (public().lifetimes(never()), ClientError::Lifetimes),
        (public().lifetimes(less_than_a_second()), ClientError::Lifetimes),
    ];
    for (client, error) in cases {
        assert_eq!(client.build().unwrap_err(), error);
    }
    for id in ["a", "https://client.example/a?b=c&d", "a b", "usuário", &"a".repeat(Client::MAX_ID_BYTES)] {
        assert_eq!(Client::public(id).build().unwrap().id(), id);
    }
    let twice = StaticClients::new().with(app().build().unwrap()).unwrap().with(public().build().unwrap());
    assert_eq!(twice.unwrap_err(), ClientError::Duplicate);
}

/// A window without an end would turn detection off.
#[test]
fn a_retry_window_has_an_end() {
    let window = |window| Client::public("mobile").retry_window(window).build().map(drop);
    assert_eq!(window(Client::MAX_RETRY_WINDOW), Ok(()));
    assert_eq!(window(std::time::Duration::MAX), Err(ClientError::RetryWindow));
}

/// RFC 6749 section 3.1.2, and RFC 8252 sections 7.1, 7.3 and 8.3.
#[test]
fn a_redirect_uri_that_leads_astray_is_not_registered() {
    for bad in [
        "",
        ":",
        "/cb",
        "//portal.example/cb",
        "portal.example/cb",
        "http://portal.example/cb",
        "HTTPS://portal.example/cb",
        "https:portal.example/cb",
        "https:/portal.example/cb",
        "https:///cb",
        "https://?a",
        "https://portal.example/cb#",
        "https://portal.example/cb#a",
        "https://portal.example/c b",
        "https://portal.example/cb\r\nset-cookie: a=b",
        "https://portal.example\\@evil.example",
        "https://portal.exampl\u{435}/cb",
        "https://portal.example/\0",
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "data:text/html,a",
        "blob:https://portal.example/a",
        "vbscript:a",
        "file:///etc/passwd",
        "app:/cb",
        "1com.example:/cb",
        "com.exam_ple:/cb",
        "com.example:",
        "http://127.0.0.1.evil.example/cb",
        "http://127.0.0.1@evil.example/cb",
        "http://127.0.0.1:80@evil.example/cb",
        "http://127.0.0.1:80:80/cb",
        "http://127.0.0.1:0/cb",
        "http://127.0.0.1:65536/cb",
        "http://127.0.0.1:/cb",
        "http://127.0.0.2/cb",
        "http://127.1/cb",
        "http://2130706433/cb",
        "http://0/cb",
        "http://[::1%25lo]/cb",
        "http://[::ffff:127.0.0.1]/cb",
        "http://[::1].evil.example/cb",
        "http://localhost.evil.example/cb",
        "http://localhost@evil.example/cb",
        "http://LOCALHOST/cb",
        &format!("https://portal.example/{}", "a".repeat(2_048)),
    ] {
        let built = Client::public("app").redirect_uri(bad).build();
        assert!(matches!(built, Err(ClientError::RedirectUri(_))), "{bad:?}: {built:?}");
        // Nor does a good one beside it hide it.
        let built = Client::public("app").redirect_uri(bad).redirect_uri("https://portal.example/cb").build();
        assert!(matches!(built, Err(ClientError::RedirectUri(_))), "{bad:?}: {built:?}");
    }
}

/// The first fault is told, in words that name the rule and not the input.
#[test]
fn the_error_says_which_rule_a_redirect_uri_breaks() {
    for (bad, rule) in [
        ("myapp:/callback", "dot"),
        ("myapp://callback", "RFC 8252 section 7.1"),
        ("com.example.app:", "path"),
        ("http://portal.example/callback", "https"),
        ("https://portal.example/callback#top", "RFC 6749 section 3.1.2"),
        ("https://user@portal.example/callback", "RFC 3986"),
        ("https://portal.example/callback?state=1", "parameter of a response"),
    ] {
        let built = Client::public("app").redirect_uri(bad).redirect_uri("https://portal.example/#b").build();
        let words = built.unwrap_err().to_string();
        assert!(
            words.contains(rule) && !words.contains("portal.example") && !words.contains("myapp"),
            "{bad}: {words}"
        );
    }
}

#[test]
fn a_client_that_contradicts_itself_is_not_built() {
    let (secret, _) = ClientSecret::generate();
    let recoverable = || RecoverableSecret::new("a-secret-of-32-characters-or-more").unwrap();
    let codes = Client::confidential("app").secret(secret.clone()).grant_type("authorization_code");
    for (client, error) in [
        (codes, ClientError::NoRedirectUri),
        (Client::public("app").resource_server(true), ClientError::PublicResourceServer),
        (Client::public("app").grant_type("client_credentials"), ClientError::PublicClientCredentials),
        // Anybody could sign with it.
        (Client::public("app").recoverable_secret(recoverable()), ClientError::SecretOfPublicClient),
        (
            Client::confidential("app").secret(secret.clone()).secret(secret).recoverable_secret(recoverable()),
            ClientError::TooManySecrets,
        ),
    ] {
        assert_eq!(client.build().map(drop), Err(error));
    }
    assert!(RecoverableSecret::new("short").is_err());
}

/// Claim: what can be registered is a well-formed URI that leads where it seems to. User information (RFC 9110 section
/// 4.2.4), ports and escapes that are none, and brackets anywhere are registered; so is a query that has the response's own
/// parameters already, of which a client may then read the first.
#[test]
fn a_redirect_uri_that_misleads_is_not_registered() {
    let mut registered = Vec::new();
    for uri in [
        "https://bank.example@evil.example/cb",
        "https://bank.example:443@evil.example/cb",
        "https://@portal.example/cb",
        "https://portal.example:99999/cb",
        "https://portal.example:80:90/cb",
        "https://:443/cb",
        "https://portal.example/%zz",
        "https://portal.example/%",
        "https://[fe80::1%25en0]/cb",
        "https://[portal.example/cb",
        "https://portal.example/cb?code=fixed",
        "https://portal.example/cb?iss=https://evil.example",
        "https://portal.example/cb?a=1&state=fixed",
    ] {
        match Client::public("app").redirect_uri(uri).build() {
            Ok(_) => registered.push(uri),
            Err(error) => assert!(matches!(error, ClientError::RedirectUri(_)), "{error}"),
        }
    }
    assert!(registered.is_empty(), "{registered:#?}");
}
