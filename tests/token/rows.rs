//! The tables of the wire rules: where a rule is written down, what it says, a request, and the response to it.
//!
//! A "design" is a choice where no specification has one. The sentences between are what the rows are of.

use crate::kit::ask::{Ask, FORM, basic, form};
use crate::kit::{LOGIN, OTHER_SECRET, SECRET};

/// Put wherever a request has room for it; no response and no event may have it.
pub(crate) const MARKER: &str = "zqMARKERqz";

/// A form from `app`; `{R}` is a live refresh token of it.
fn ours(body: &str) -> Ask {
    form(body).basic("app", SECRET)
}

/// The login of `app`, and more of the body.
fn login(more: &str) -> Ask {
    ours(&format!("{LOGIN}&{more}"))
}

fn refresh(more: &str) -> Ask {
    ours(&format!("grant_type=refresh_token&refresh_token={{R}}&{more}"))
}

/// Source, rule, request, and of the response status and code; then what the host is told.
pub(crate) type Refused = (&'static str, &'static str, Ask, u16, &'static str, &'static str);

#[rustfmt::skip]
#[expect(clippy::too_many_lines, reason = "a table")]
pub(crate) fn refused() -> Vec<Refused> {
    let too_large = format!("{LOGIN}&{MARKER}=%zz{}", "a".repeat(65_536 - LOGIN.len()));
    let post = |id: &str, secret: &str, more: &str| form(format!("{LOGIN}&client_id={id}&client_secret={secret}&{more}"));
    vec![
        // "POST only (405, `Allow: POST`)."
        ("RFC 6749 3.2", "GET", ours(LOGIN).method("GET"), 405, "invalid_request", "Method"),
        ("RFC 6749 3.2", "HEAD", ours(LOGIN).method("HEAD"), 405, "invalid_request", "Method"),
        ("RFC 6749 3.2", "PUT", ours(LOGIN).method("PUT"), 405, "invalid_request", "Method"),
        ("RFC 6749 3.2", "OPTIONS", ours(LOGIN).method("OPTIONS"), 405, "invalid_request", "Method"),
        ("RFC 9110 9.1", "methods have a case", ours(LOGIN).method("post"), 405, "invalid_request", "Method"),
        ("design", "a method of a stranger's making", ours(LOGIN).method(MARKER), 405, "invalid_request", "Method"),
        // "Body `application/x-www-form-urlencoded` …; another or no content type is 400 `invalid_request`."
        ("RFC 6749 3.2", "no content type", ours(LOGIN).without_content_type(), 400, "invalid_request", "ContentType"),
        ("RFC 6749 3.2", "JSON", ours(r#"{"grant_type":"password"}"#).content_type("application/json"), 400, "invalid_request", "ContentType"),
        ("RFC 6749 3.2", "multipart", ours(LOGIN).content_type("multipart/form-data; boundary=zqMARKERqz"), 400, "invalid_request", "ContentType"),
        ("RFC 6749 3.2", "plain text", ours(LOGIN).content_type("text/plain"), 400, "invalid_request", "ContentType"),
        ("RFC 6749 3.2", "an empty content type", ours(LOGIN).content_type(""), 400, "invalid_request", "ContentType"),
        ("RFC 9110 8.3", "two content types", ours(LOGIN).header("content-type", FORM), 400, "invalid_request", "ContentType"),
        ("RFC 9110 8.3", "two in one", ours(LOGIN).content_type("application/x-www-form-urlencoded, text/plain"), 400, "invalid_request", "ContentType"),
        // "A body over the limit (default 64 KiB, 64 parameters) is refused before it is parsed (413)."
        ("design", "64 KiB and a byte, malformed too", ours(&too_large), 413, "invalid_request", "Form(TooLarge)"),
        ("design", "64 KiB and a byte, from a stranger", form(&too_large), 413, "invalid_request", "Form(TooLarge)"),
        ("design", "65 parameters", ours(&format!("{LOGIN}{}", "&a=zqMARKERqz".repeat(62))), 413, "invalid_request", "Form(TooManyParameters)"),
        ("design", "a value over 8 KiB", login(&format!("a={}", "a".repeat(8_193))), 400, "invalid_request", "Form(TooLong)"),
        // "An empty value counts as absent"
        ("RFC 6749 3.2", "an empty grant_type", ours("grant_type=&username=zqMARKERqz"), 400, "invalid_request", "MissingParameter"),
        ("RFC 6749 3.2", "no grant_type", ours("username=zqMARKERqz"), 400, "invalid_request", "MissingParameter"),
        ("RFC 6749 3.2", "nothing at all", ours(""), 400, "invalid_request", "MissingParameter"),
        ("RFC 6749 6", "an empty refresh_token", ours("grant_type=refresh_token&refresh_token="), 400, "invalid_request", "MissingParameter"),
        ("RFC 6749 6", "no refresh_token", ours("grant_type=refresh_token"), 400, "invalid_request", "MissingParameter"),
        ("RFC 6749 4.3.2", "an empty username", ours("grant_type=password&username=&password=wonderland"), 400, "invalid_request", "MissingParameter"),
        ("RFC 6749 4.3.2", "no password", ours("grant_type=password&username=alice"), 400, "invalid_request", "MissingParameter"),
        // "a repeated parameter that a specification defines is `invalid_request` … Repeats are counted before empties are dropped."
        ("RFC 6749 3.2", "a parameter twice", login("scope=read&scope=zqMARKERqz"), 400, "invalid_request", "RepeatedParameter"),
        ("RFC 6749 3.2", "twice the same", login("scope=read&scope=read"), 400, "invalid_request", "RepeatedParameter"),
        ("RFC 6749 3.2", "an empty one and another", login("scope=&scope=read"), 400, "invalid_request", "RepeatedParameter"),
        ("RFC 6749 3.2", "two empty ones", login("scope=&scope="), 400, "invalid_request", "RepeatedParameter"),
        ("RFC 6749 3.2", "a name that is escaped once", login("scope=read&sc%6Fpe=read"), 400, "invalid_request", "RepeatedParameter"),
        ("RFC 6749 3.2", "a refresh token twice", refresh("refresh_token={R}"), 400, "invalid_request", "RepeatedParameter"),
        ("RFC 6749 3.2", "one that the grant type does not use", login("code=a&code=b"), 400, "invalid_request", "RepeatedParameter"),
        ("RFC 6749 3.2", "before authentication", form("scope=a&scope=b"), 400, "invalid_request", "RepeatedParameter"),
        // "Bad percent-encoding or UTF-8 anywhere in the body is `invalid_request`"
        ("RFC 3986 2.1", "a stray percent sign", login("scope=read%"), 400, "invalid_request", "Form(PercentEncoding)"),
        ("RFC 3986 2.1", "no hexadecimal digits", login("scope=%zqMARKERqz"), 400, "invalid_request", "Form(PercentEncoding)"),
        ("RFC 3986 2.1", "in an unknown parameter", login("unknown=%2"), 400, "invalid_request", "Form(PercentEncoding)"),
        ("RFC 3986 2.1", "in an unknown name", login("%g0=1"), 400, "invalid_request", "Form(PercentEncoding)"),
        ("RFC 6749 B", "not UTF-8", login("scope=%ff"), 400, "invalid_request", "Form(Utf8)"),
        ("RFC 6749 B", "not UTF-8, unknown parameter", login("unknown=%c3%28"), 400, "invalid_request", "Form(Utf8)"),
        ("RFC 6749 B", "not UTF-8, raw", Ask { body: [LOGIN.as_bytes(), b"&a=\xff"].concat(), ..ours("") }, 400, "invalid_request", "Form(Utf8)"),
        // "and so is a control character in a parameter that a specification defines."
        ("RFC 6749 A", "NUL", login("scope=read%00"), 400, "invalid_request", "ControlCharacter"),
        ("RFC 6749 A", "a line break", login("state=a%0D%0Aset-cookie:zqMARKERqz"), 400, "invalid_request", "ControlCharacter"),
        ("RFC 6749 A", "delete", ours("grant_type=password%7F"), 400, "invalid_request", "ControlCharacter"),
        ("RFC 6749 A", "one beyond ASCII", login("resource=%C2%85"), 400, "invalid_request", "ControlCharacter"),
        // "`;` separates nothing."
        ("URL 5.1", "; separates nothing", ours("grant_type=password;username=alice;password=wonderland"), 400, "unsupported_grant_type", "UnsupportedGrantType"),
        // "more than one way to authenticate, or two Authorization headers, is 400 `invalid_request`"
        ("RFC 6749 2.3", "Basic and client_secret", login("client_secret=zqMARKERqz"), 400, "invalid_request", "TwoAuthentications"),
        ("RFC 6749 2.3", "Basic and the right client_secret", login(&format!("client_id=app&client_secret={SECRET}")), 400, "invalid_request", "TwoAuthentications"),
        ("RFC 7521 4.2", "Basic and an assertion", login("client_assertion=zqMARKERqz"), 400, "invalid_request", "TwoAuthentications"),
        ("RFC 7521 4.2", "Basic and a type of assertion", login("client_assertion_type=zqMARKERqz"), 400, "invalid_request", "TwoAuthentications"),
        ("RFC 7521 4.2", "client_secret and an assertion", post("app", SECRET, "client_assertion=zqMARKERqz"), 400, "invalid_request", "TwoAuthentications"),
        ("RFC 6749 2.3", "two Authorization headers", ours(LOGIN).basic("other", OTHER_SECRET), 400, "invalid_request", "TwoAuthentications"),
        ("RFC 6749 2.3", "twice the same header", ours(LOGIN).basic("app", SECRET), 400, "invalid_request", "TwoAuthentications"),
        ("RFC 6749 2.3", "Basic and Bearer", ours(LOGIN).authorization("Bearer zqMARKERqz"), 400, "invalid_request", "TwoAuthentications"),
        ("RFC 6749 2.3", "Bearer and client_secret", post("app", SECRET, "").authorization("Bearer zqMARKERqz"), 400, "invalid_request", "TwoAuthentications"),
        // "a body `client_id` beside Basic must agree with it (400 `invalid_request`)."
        ("RFC 6749 3.2.1", "another client_id than Basic's", login("client_id=zqMARKERqz"), 400, "invalid_request", "ClientIdMismatch"),
        ("RFC 6749 3.2.1", "a client_id in another case", login("client_id=App"), 400, "invalid_request", "ClientIdMismatch"),
        // "`client_secret_basic` and `client_secret_post` are allowed per client."
        ("RFC 6749 2.3.1", "Basic, where only the body is allowed", form(LOGIN).basic("post-only", OTHER_SECRET), 401, "invalid_client", "AuthMethod"),
        ("RFC 6749 2.3.1", "the body, where only Basic is allowed", post("basic-only", OTHER_SECRET, ""), 401, "invalid_client", "AuthMethod"),
        // "Credentials that cannot be read (bad base64, no colon, another scheme) are 401 `invalid_client`."
        ("RFC 7617 2", "not base64", form(LOGIN).authorization("Basic zqMARKERqz!"), 401, "invalid_client", "Credentials"),
        ("RFC 4648 4", "base64 without padding", form(LOGIN).authorization("Basic YXBwOg"), 401, "invalid_client", "Credentials"),
        ("RFC 7617 2", "no colon", form(LOGIN).authorization("Basic enFNQVJLRVJxeg=="), 401, "invalid_client", "Credentials"),
        ("RFC 7617 2", "no client id", form(LOGIN).basic("", SECRET), 401, "invalid_client", "Credentials"),
        ("RFC 7617 2", "no credentials after the scheme", form(LOGIN).authorization("Basic "), 401, "invalid_client", "Credentials"),
        ("RFC 6749 2.3.1", "a bad escape in the id", form(LOGIN).basic("%zqMARKERqz", SECRET), 401, "invalid_client", "Credentials"),
        ("RFC 6749 2.3.1", "an escaped NUL in the secret", form(LOGIN).basic("app", "zqMARKERqz%00"), 401, "invalid_client", "Credentials"),
        ("RFC 6749 2.3.1", "not UTF-8", form(LOGIN).basic("app", "%ff"), 401, "invalid_client", "Credentials"),
        ("RFC 6749 5.2", "Bearer", form(LOGIN).authorization("Bearer zqMARKERqz"), 401, "invalid_client", "Scheme"),
        ("RFC 6749 5.2", "Digest", form(LOGIN).authorization("Digest username=\"zqMARKERqz\""), 401, "invalid_client", "Scheme"),
        ("RFC 6749 5.2", "no scheme", form(LOGIN).authorization(""), 401, "invalid_client", "Scheme"),
        ("RFC 6749 5.2", "bytes that are no text", form(LOGIN).authorization(b"Basic \xff\xfe"), 401, "invalid_client", "Credentials"),
        // "Failed client authentication is `invalid_client`, 401, with `WWW-Authenticate: Basic realm=…`."
        ("RFC 6749 5.2", "no authentication", form(LOGIN), 401, "invalid_client", "Credentials"),
        ("RFC 6749 5.2", "an empty client_id", form(format!("{LOGIN}&client_id=")), 401, "invalid_client", "Credentials"),
        ("RFC 6749 5.2", "a client_secret without an id", form(format!("{LOGIN}&client_secret={SECRET}")), 401, "invalid_client", "Credentials"),
        ("RFC 7521 4.2.1", "an assertion, which is not supported", form(format!("{LOGIN}&client_id=app&client_assertion=zqMARKERqz")), 401, "invalid_client", "Credentials"),
        ("RFC 6749 5.2", "an unknown client", form(LOGIN).basic(MARKER, SECRET), 401, "invalid_client", "UnknownClient"),
        ("RFC 6749 5.2", "an unknown client, in the body", post(MARKER, SECRET, ""), 401, "invalid_client", "UnknownClient"),
        ("RFC 6749 5.2", "an unknown client without a secret", form(format!("{LOGIN}&client_id={MARKER}")), 401, "invalid_client", "UnknownClient"),
        ("RFC 6749 5.2", "an id in another case", form(LOGIN).basic("App", SECRET), 401, "invalid_client", "UnknownClient"),
        ("RFC 6749 5.2", "a wrong secret", form(LOGIN).basic("app", MARKER), 401, "invalid_client", "WrongSecret"),
        ("RFC 6749 5.2", "another client's secret", form(LOGIN).basic("app", OTHER_SECRET), 401, "invalid_client", "WrongSecret"),
        ("RFC 6749 5.2", "an empty secret", form(LOGIN).basic("app", ""), 401, "invalid_client", "WrongSecret"),
        ("RFC 6749 5.2", "the beginning of the secret", form(LOGIN).basic("app", &SECRET[..SECRET.len() - 1]), 401, "invalid_client", "WrongSecret"),
        ("RFC 6749 5.2", "a wrong secret, in the body", post("app", MARKER, ""), 401, "invalid_client", "WrongSecret"),
        ("RFC 6749 3.2.1", "a confidential client without a secret", form(format!("{LOGIN}&client_id=app")), 401, "invalid_client", "WrongSecret"),
        ("RFC 6749 2.3.1", "a public client with a secret", post("mobile", MARKER, ""), 401, "invalid_client", "WrongSecret"),
        ("RFC 6749 2.3.1", "a public client by Basic", form(LOGIN).basic("mobile", ""), 401, "invalid_client", "WrongSecret"),
        // "`unauthorized_client`, `unsupported_grant_type`, `invalid_scope` as RFC 6749 section 5.2 has them."
        ("RFC 6749 5.2", "a client that may not log in", form(LOGIN).basic("no-login", OTHER_SECRET), 400, "unauthorized_client", "UnauthorizedClient"),
        ("RFC 6749 5.2", "a client that may not refresh", form("grant_type=refresh_token&refresh_token={R}").basic("login-only", OTHER_SECRET), 400, "unauthorized_client", "UnauthorizedClient"),
        ("RFC 6749 5.2", "an unknown grant type", ours("grant_type=zqMARKERqz"), 400, "unsupported_grant_type", "UnsupportedGrantType"),
        ("RFC 6749 5.2", "a grant type in another case", ours("grant_type=Password&username=alice&password=wonderland"), 400, "unsupported_grant_type", "UnsupportedGrantType"),
        ("RFC 6749 5.2", "a grant type that is not served", ours("grant_type=client_credentials"), 400, "unsupported_grant_type", "UnsupportedGrantType"),
        ("RFC 6749 5.2", "a malformed scope", login("scope=read++write"), 400, "invalid_scope", "Scope"),
        ("RFC 6749 3.3", "a scope with a quote", login("scope=zqMARKERqz%22"), 400, "invalid_scope", "Scope"),
        ("RFC 6749 3.3", "a scope beyond ASCII", login("scope=%C3%A9"), 400, "invalid_scope", "Scope"),
        ("RFC 6749 3.3", "a scope that is a space", login("scope=+"), 400, "invalid_scope", "Scope"),
        // "A scope that the client may not have is `invalid_scope`, never silently dropped."
        ("RFC 6749 3.3", "a scope that the client may not have", login("scope=zqMARKERqz"), 400, "invalid_scope", "Scope"),
        ("RFC 6749 3.3", "one of two it may not have", login("scope=read+zqMARKERqz"), 400, "invalid_scope", "Scope"),
        ("RFC 6749 3.3", "scopes have a case", login("scope=Read"), 400, "invalid_scope", "Scope"),
        ("RFC 6749 6", "a refresh wider than the grant", refresh("scope=read+admin"), 400, "invalid_scope", "Scope"),
        ("RFC 6749 6", "a refresh with a malformed scope", refresh("scope=read++write"), 400, "invalid_scope", "Scope"),
        // "`invalid_grant` for … a wrong user or password"
        ("RFC 6749 5.2", "an unknown user", ours("grant_type=password&username=zqMARKERqz&password=wonderland"), 400, "invalid_grant", "Handler(InvalidGrant)"),
        ("RFC 6749 5.2", "a wrong password", ours("grant_type=password&username=alice&password=zqMARKERqz"), 400, "invalid_grant", "Handler(InvalidGrant)"),
    ]
}

#[rustfmt::skip]
pub(crate) fn accepted() -> Vec<(&'static str, &'static str, Ask)> {
    let padding = format!("&a={}", "a".repeat(8_150)).repeat(8);
    let full = format!("{LOGIN}{padding}&b={}", "b".repeat(65_536 - LOGIN.len() - padding.len() - 3));
    assert_eq!(full.len(), 65_536);
    vec![
        ("RFC 6749 3.2", "a login", ours(LOGIN)),
        ("RFC 6749 6", "a refresh", refresh("")),
        ("RFC 9110 8.3", "parameters of the media type", ours(LOGIN).content_type("application/x-www-form-urlencoded; charset=UTF-8")),
        ("RFC 9110 8.3", "the media type in another case", ours(LOGIN).content_type("Application/X-WWW-Form-Urlencoded")),
        ("design", "64 KiB to the byte", ours(&full)),
        ("design", "64 parameters", ours(&format!("{LOGIN}{}", "&a=1".repeat(61)))),
        ("RFC 6749 3.2", "an empty value counts as absent", login("scope=&client_id=&client_secret=&client_assertion=")),
        ("RFC 6749 3.2", "unknown parameters are ignored", login("campaign=zqMARKERqz")),
        ("RFC 6749 3.2", "unknown parameters are ignored, repeated", login("campaign=1&campaign=2&=&=")),
        ("RFC 6749 A", "a control character in an unknown parameter", login("campaign=%00%0A")),
        ("RFC 8707 2", "resource may repeat", login("resource=https%3A%2F%2Fa&resource=https%3A%2F%2Fb")),
        ("RFC 8693 2.1", "audience may repeat", login("audience=a&audience=b")),
        ("URL 5.1", "; is text", login("unknown=1;scope=zqMARKERqz")),
        ("RFC 6749 B", "escapes", ours("grant%5ftype=p%61ssword&user%6Eame=%61lice&password=w%6fnderland")),
        ("RFC 7617 2", "the scheme in any case", form(LOGIN).authorization(basic("app", SECRET).replace("Basic", "bASIC"))),
        ("RFC 9110 11.4", "more spaces than one", form(LOGIN).authorization(basic("app", SECRET).replace(' ', "   "))),
        ("RFC 6749 2.3.1", "id and secret form-encoded", form(LOGIN).basic("%61pp", &SECRET.replace('-', "%2D"))),
        ("RFC 6749 3.2.1", "a client_id that agrees with Basic", login("client_id=app")),
        ("RFC 6749 2.3.1", "credentials in the body", form(format!("{LOGIN}&client_id=app&client_secret={SECRET}"))),
        ("RFC 6749 2.3.1", "Basic, where only Basic is allowed", form(LOGIN).basic("basic-only", OTHER_SECRET)),
        ("RFC 6749 2.3.1", "the body, where only the body is allowed", form(format!("{LOGIN}&client_id=post-only&client_secret={OTHER_SECRET}"))),
        ("RFC 6749 3.2.1", "a public client", form(format!("{LOGIN}&client_id=mobile"))),
        ("RFC 6749 3.3", "a scope within the client's", login("scope=admin")),
        ("RFC 6749 3.3", "a scope that repeats itself", login("scope=read+read")),
        ("RFC 6749 6", "a refresh of less", refresh("scope=read")),
        ("RFC 9110 5.1", "header names in any case", ours(LOGIN).without_content_type().header("Content-TYPE", FORM)),
        ("RFC 9110 5.1", "other headers are not looked at", ours(LOGIN).header("x-client-id", MARKER).header("cookie", "client_id=other")),
    ]
}

/// Every parameter that a specification defines for a request of this kind, and which one does.
pub(crate) const DEFINED: &[(&str, &[&str])] = &[
    ("RFC 6749 11.2.2", &["client_id", "client_secret", "response_type", "redirect_uri", "scope", "state", "code"]),
    ("RFC 6749 11.2.2", &["grant_type", "username", "password", "refresh_token"]),
    ("RFC 6750 2.2", &["access_token"]),
    ("RFC 7009 2.1", &["token", "token_type_hint"]),
    ("RFC 7521 4", &["assertion", "client_assertion", "client_assertion_type"]),
    ("RFC 7636 4", &["code_verifier", "code_challenge", "code_challenge_method"]),
    ("RFC 8628 3.4", &["device_code"]),
    (
        "RFC 8693 2.1",
        &["requested_token_type", "subject_token", "subject_token_type", "actor_token", "actor_token_type"],
    ),
    ("RFC 9101 5", &["request", "request_uri"]),
    ("RFC 9396 2", &["authorization_details"]),
    ("RFC 9449 10", &["dpop_jkt"]),
    ("OpenID Connect Core 18.2", &["nonce", "id_token_hint", "login_hint", "claims", "prompt", "max_age", "display"]),
    ("OAuth 2.0 Multiple Response Types 2.1", &["response_mode"]),
    ("OpenID Connect CIBA 10.1", &["auth_req_id"]),
    ("UMA 2.0 Grant 3.3.1", &["claim_token", "claim_token_format", "ticket"]),
];
