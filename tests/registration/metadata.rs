//! What a client says of itself: each rule of RFC 7591 section 2, by a row that breaks it.

use regrant::client::{ApplicationType, AuthMethod, ClientMetadata, MetadataFault, RedirectUriFault};
use serde_json::{Value, json};

use crate::desk::{Desk, json_post};
use crate::kit::at;

/// What has nothing wrong with it, and what is put in the place of a member or beside them.
fn with(name: &str, value: Value) -> String {
    let mut members = json!({ "redirect_uris": ["https://app.example/cb"] });
    members[name] = value;
    members.to_string()
}

fn uris(uris: &[&str]) -> String {
    with("redirect_uris", json!(uris))
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn refused() -> Vec<(String, MetadataFault)> {
    use MetadataFault::{
        ApplicationType, AuthMethod, GrantTypes, Keys, Link, NoRedirectUri, NoUsableKey, NotAnObject, NotJson,
        RedirectUri, RedirectUriOfWebApplication, Repeated, ResponseTypes, Scope, ScopeNotAllowed, Text, TooLong,
        TooLongForAnId, TooManyContacts, TooManyRedirectUris, Type,
    };
    let of = RedirectUri;
    let long = |length: usize| "x".repeat(length);
    let web = |uri: &str| json!({ "application_type": "web", "redirect_uris": [uri] }).to_string();
    vec![
        // Section 3.1: a JSON object. RFC 8259 sections 2, 4, 8.1, 9.
        (String::new(), NotJson),
        ("client_name=Editor&redirect_uris=https%3A%2F%2Fapp.example".into(), NotJson),
        ("{\"redirect_uris\":[\"https://app.example/cb\"]".into(), NotJson),
        ("{\"redirect_uris\":[\"https://app.example/cb\",]}".into(), NotJson),
        ("{\"redirect_uris\":[\"https://app.example/cb\"]}{}".into(), NotJson),
        ("\u{feff}{\"redirect_uris\":[\"https://app.example/cb\"]}".into(), NotJson),
        (with("jwks", json!(1)).replace("\"jwks\":1", &format!("\"jwks\":{}{}", "[".repeat(500), "]".repeat(500))), NotJson),
        ("[]".into(), NotAnObject),
        ("[{\"redirect_uris\":[\"https://app.example/cb\"]}]".into(), NotAnObject),
        ("null".into(), NotAnObject),
        ("\"{}\"".into(), NotAnObject),
        (with("x", json!(long(ClientMetadata::MAX_JSON_BYTES))), TooLong),
        // Two readers, two meanings.
        ("{\"redirect_uris\":[\"https://a.example\"],\"redirect_uris\":[\"https://b.example\"]}".into(), Repeated),
        ("{\"redirect_uris\":[\"https://a.example\"],\"redirect\\u005furis\":[\"https://b.example\"]}".into(), Repeated),
        ("{\"redirect_uris\":[\"https://a.example\"],\"x\":1,\"x\":2}".into(), Repeated),
        ("{\"redirect_uris\":[\"https://a.example\"],\"scope\":null,\"scope\":\"read\"}".into(), Repeated),
        // Section 2, redirect_uris.
        ("{}".into(), NoRedirectUri),
        ("{\"redirect_uris\":null}".into(), NoRedirectUri),
        (uris(&[]), NoRedirectUri),
        (with("redirect_uris", json!("https://app.example/cb")), Type),
        (with("redirect_uris", json!({ "0": "https://app.example/cb" })), Type),
        (with("redirect_uris", json!(["https://app.example/cb", 1])), Type),
        (with("redirect_uris", json!([null])), Type),
        (with("redirect_uris", json!((0..17).map(|n| format!("https://app.example/{n}")).collect::<Vec<_>>())), TooManyRedirectUris),
        (uris(&[""]), of(RedirectUriFault::Malformed)),
        (uris(&["/cb"]), of(RedirectUriFault::Malformed)),
        (uris(&["https://app.example/cb", "https://app.example/cb#x"]), of(RedirectUriFault::Fragment)),
        (uris(&["http://app.example/cb"]), of(RedirectUriFault::Http)),
        (uris(&["http://127.0.0.1.app.example/cb"]), of(RedirectUriFault::Http)),
        (uris(&["http://169.254.169.254/latest"]), of(RedirectUriFault::Http)),
        (uris(&["https://user@app.example/cb"]), of(RedirectUriFault::Malformed)),
        (uris(&["https://app.example:0/cb"]), of(RedirectUriFault::Malformed)),
        (uris(&["HTTPS://app.example/cb"]), of(RedirectUriFault::Malformed)),
        (uris(&["https://app.example/\r\nset-cookie: a=b"]), of(RedirectUriFault::Malformed)),
        (uris(&["https://*.app.example/cb", "https://app.example/ "]), of(RedirectUriFault::Malformed)),
        (uris(&["javascript:alert(1)"]), of(RedirectUriFault::BrowserScheme)),
        (uris(&["data:text/html,x"]), of(RedirectUriFault::BrowserScheme)),
        (uris(&["file:///etc/passwd"]), of(RedirectUriFault::BrowserScheme)),
        (uris(&["blob:https://app.example/1"]), of(RedirectUriFault::BrowserScheme)),
        (uris(&["vbscript:x"]), of(RedirectUriFault::BrowserScheme)),
        (uris(&["about:blank"]), of(RedirectUriFault::BrowserScheme)),
        (uris(&["myapp:/cb"]), of(RedirectUriFault::SchemeWithoutDot)),
        (uris(&["vscode://vendor.extension/cb"]), of(RedirectUriFault::SchemeWithoutDot)),
        (uris(&["com.example.app:"]), of(RedirectUriFault::NoPath)),
        (uris(&["https://app.example/cb?code=fixed"]), of(RedirectUriFault::ResponseParameter)),
        (uris(&["https://app.example/cb?iss=https://evil.example"]), of(RedirectUriFault::ResponseParameter)),
        (uris(&[&format!("https://app.example/{}", long(2_048))]), of(RedirectUriFault::TooLong)),
        // Section 2, token_endpoint_auth_method.
        (with("token_endpoint_auth_method", json!("private_key_jwt")), NoUsableKey),
        (with("token_endpoint_auth_method", json!("client_secret_jwt")), AuthMethod),
        (with("token_endpoint_auth_method", json!("tls_client_auth")), AuthMethod),
        (with("token_endpoint_auth_method", json!("None")), AuthMethod),
        (with("token_endpoint_auth_method", json!(["none"])), Type),
        (with("token_endpoint_auth_method", json!(false)), Type),
        // Section 2, grant_types and response_types, and section 2.1.
        (with("grant_types", json!([])), GrantTypes),
        (with("grant_types", json!(["refresh_token"])), GrantTypes),
        (with("grant_types", json!(["client_credentials"])), GrantTypes),
        (with("grant_types", json!(["password", "implicit"])), GrantTypes),
        (with("grant_types", json!(["urn:ietf:params:oauth:grant-type:device_code"])), GrantTypes),
        (with("grant_types", json!("authorization_code")), Type),
        (with("grant_types", json!([["authorization_code"]])), Type),
        (with("response_types", json!([])), ResponseTypes),
        (with("response_types", json!(["token"])), ResponseTypes),
        (with("response_types", json!(["code id_token"])), ResponseTypes),
        (with("response_types", json!("code")), Type),
        // OpenID Connect Dynamic Client Registration section 2.
        (with("application_type", json!("desktop")), ApplicationType),
        (with("application_type", json!(1)), Type),
        (web("http://localhost/cb"), RedirectUriOfWebApplication),
        (web("http://127.0.0.1/cb"), RedirectUriOfWebApplication),
        (web("https://localhost/cb"), RedirectUriOfWebApplication),
        (web("com.example.app:/cb"), RedirectUriOfWebApplication),
        // Section 2: names and links, which a page may show.
        (with("client_name", json!(7)), Type),
        (with("client_name", json!(long(129))), Text),
        (with("client_name", json!("Editor\u{0}")), Text),
        (with("client_name", json!("Editor\nfrom your bank")), Text),
        (with("client_name", json!("Editor\u{2028}")), Text),
        (with("client_name", json!("\u{202e}rotidE")), Text),
        (with("client_name", json!("Editor\u{2066}")), Text),
        (with("client_name", json!("Edit\u{200b}or")), Text),
        (with("client_uri", json!("http://app.example")), Link),
        (with("logo_uri", json!("data:image/png;base64,AAAA")), Link),
        (with("logo_uri", json!("//app.example/logo.png")), Link),
        (with("policy_uri", json!("javascript:alert(1)")), Link),
        (with("tos_uri", json!("https://bank.example@app.example/")), Link),
        (with("tos_uri", json!(["https://app.example/"])), Type),
        (with("contacts", json!("dev@app.example")), Type),
        (with("contacts", json!(["dev@app.example\r\nbcc: all@bank.example"])), Text),
        (with("contacts", json!(vec!["dev@app.example"; 9])), TooManyContacts),
        (with("software_id", json!({})), Type),
        (with("software_version", json!(long(129))), Text),
        (with("software_statement", json!({ "alg": "none" })), Type),
        // RFC 6749 section 3.3.
        (with("scope", json!("read \"write\"")), Scope),
        (with("scope", json!(["read"])), Type),
        (with("scope", json!("admin")), ScopeNotAllowed),
        // Section 2: "MUST NOT both be present".
        (with("jwks_uri", json!("http://app.example/jwks")), Link),
        (with("jwks_uri", json!("https://app.example/jwks#a")), Link),
        (with("jwks", json!([])), Type),
        (with("jwks", json!({})), Keys),
        (with("jwks", json!({ "keys": {} })), Keys),
        (
            json!({ "redirect_uris": ["https://app.example/cb"], "jwks": { "keys": [] }, "jwks_uri": "https://app.example/k" })
                .to_string(),
            Keys,
        ),
        // What does not fit an id.
        (uris(&[&format!("https://app.example/{}", long(400))]), TooLongForAnId),
        (with("client_name", json!("é".repeat(127))).replace("/cb", &format!("/{}", long(120))), TooLongForAnId),
    ]
}

/// Each is refused by its own rule, in words that say the rule and nothing of what was sent (section 3.2.2).
#[test]
fn what_breaks_a_rule_is_refused_by_that_rule() {
    let desk = Desk::usual();
    let rows = refused();
    assert!(rows.len() >= 60, "{}", rows.len());
    for (body, fault) in rows {
        let reply = desk.ask_to_register(&json_post(&body), at(0));
        assert_eq!(reply.outcome(), (400, Some(fault.code().as_str().into())), "{body}");
        assert_eq!(reply.text("error_description"), fault.to_string(), "{body}");
        assert!(fault.to_string().bytes().all(|byte| matches!(byte, 0x20..=0x7e if byte != b'"' && byte != b'\\')));
    }
    // No UTF-8, even where it is passed by (RFC 8259 section 8.1).
    let mut bytes = with("x", json!("?")).into_bytes();
    let at_x = bytes.iter().position(|byte| *byte == b'?').unwrap();
    bytes[at_x] = 0xff;
    desk.ask_to_register(&json_post(&bytes), at(0)).assert_error(400, "invalid_client_metadata");
}

/// Sections 2 and 3.2.1: what is not understood or not open is dropped, what is not said has its default.
#[test]
fn what_is_left_out_has_its_default_and_what_is_not_open_is_dropped() {
    let read = |json: Value| ClientMetadata::from_json(json.to_string().as_bytes()).unwrap();
    let least = read(json!({ "redirect_uris": ["https://app.example/cb"] }));
    assert_eq!(least.auth_method(), AuthMethod::ClientSecretBasic);
    assert_eq!(least.grant_types().collect::<Vec<_>>(), ["authorization_code"]);
    assert_eq!(least.application_type(), ApplicationType::Web);
    assert_eq!((least.name(), least.scope(), least.contacts().len()), (None, None, 0));

    let most = read(json!({
        "redirect_uris": ["http://localhost:3000/cb", "http://localhost:3000/cb"],
        "grant_types": ["password", "refresh_token", "authorization_code", "implicit", "client_credentials"],
        "response_types": ["token", "code", "code id_token"],
        "client_name": "", "logo_uri": "", "tos_uri": null, "contacts": ["dev@app.example"],
        "client_id": "mine", "client_secret": "mine", "client_id_issued_at": 1, "registration_access_token": "mine",
        "backchannel_logout_uri": "http://169.254.169.254/", "sector_identifier_uri": "http://10.0.0.1/",
        "client_name#ja": "エディタ", "jwks": { "keys": [] }, "software_statement": "a.b.c", "x": { "y": [1, {}] }
    }));
    assert_eq!(most.redirect_uris().collect::<Vec<_>>(), ["http://localhost:3000/cb"]);
    assert_eq!(most.grant_types().collect::<Vec<_>>(), ["authorization_code", "refresh_token"]);
    assert_eq!(most.application_type(), ApplicationType::Native);
    assert_eq!((most.name(), most.logo_uri(), most.tos_uri()), (None, None, None));
    assert_eq!(most.contacts().collect::<Vec<_>>(), ["dev@app.example"]);
    // An app may claim an https URI (RFC 8252 section 7.2).
    let claimed = read(json!({ "redirect_uris": ["https://app.example/cb"], "application_type": "native" }));
    assert_eq!(claimed.application_type(), ApplicationType::Native);
}
