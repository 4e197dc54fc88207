//! The document of the second system, walked through request by request over real HTTP, at the example server's router.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use regrant::{Key, MemoryStore, RootSecret};

use crate::kit::ask::Ask;
use crate::kit::{Reply, basic, check, form, http};
use crate::marketplace::{CAMPAIGN, CLIENT_ID, CLIENT_SECRET, PASSWORD, Settings, USERNAME};

const ACCESS_TOKEN: Duration = Duration::from_secs(3_600);

pub(crate) fn settings() -> Settings {
    Settings {
        store: Arc::new(MemoryStore::new()),
        key: Key::generate(1),
        access_token: ACCESS_TOKEN,
        idle: Duration::from_secs(30 * 24 * 3_600),
        retry_window: Duration::from_secs(120),
        throttle: None,
        root: RootSecret::from_bytes(1, &[7; 32]),
        imported: None,
    }
}

/// Every member of the document's example, sorted.
const MEMBERS: [&str; 13] = [
    ".expires",
    ".issued",
    "access_token",
    "authorization_id",
    "campaign_id",
    "catalog_id",
    "expires_in",
    "home_uri",
    "name",
    "participant_id",
    "refresh_token",
    "scopes",
    "token_type",
];

async fn serve(settings: Settings) -> SocketAddr {
    http::serve(crate::marketplace::router(settings).await.unwrap()).await
}

/// `Authorization: Basic` with the base64 of `clientid:clientsecret`.
fn ours(body: &str) -> Ask {
    form(body).basic(CLIENT_ID, CLIENT_SECRET)
}

/// The document's login, and more of the body.
fn login(more: &str) -> Ask {
    ours(&format!("grant_type=password&campaign_id={CAMPAIGN}&username={USERNAME}&password={PASSWORD}{more}"))
}

fn renewal(token: &str) -> Ask {
    ours(&format!("grant_type=refresh_token&refresh_token={token}"))
}

async fn token(server: SocketAddr, ask: Ask) -> Reply {
    let reply = http::send(server, "/token", &ask).await;
    check(&reply);
    reply
}

async fn resource(server: SocketAddr, authorization: Option<&str>) -> Reply {
    let ask = Ask { method: "GET", headers: Vec::new(), body: Vec::new() };
    let ask = match authorization {
        Some(value) => ask.authorization(value),
        None => ask,
    };
    http::send(server, "/resource", &ask).await
}

/// `{ "error": "invalid_grant" }` and nothing else.
#[track_caller]
fn assert_invalid_grant(reply: &Reply) {
    assert_eq!((reply.status, &*reply.body), (400, &br#"{"error":"invalid_grant"}"#[..]));
}

/// The form of the document's answers; the lifetime is that of [`settings`].
#[track_caller]
fn assert_answer(reply: &Reply) {
    reply.assert_ok();
    let members = reply.json();
    assert!(members.keys().eq(MEMBERS), "{members:?}");
    assert_eq!(members["token_type"], "bearer");
    assert_eq!(members["expires_in"], 3_599);
    assert_eq!(members["scopes"], "scope_1, scope_2, scope_3");
    assert_eq!(members["campaign_id"], CAMPAIGN);
    assert_eq!(members["home_uri"], "/");
    assert_eq!(members["name"], "Usuário Teste");
    // Not escaped: the document's own bytes.
    assert!(String::from_utf8_lossy(&reply.body).contains("\"Usuário Teste\""));
    for id in ["authorization_id", "participant_id", "catalog_id", "campaign_id"] {
        let id = reply.text(id);
        assert!(!id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()), "{id:?}");
    }
    let [issued, expires] = [".issued", ".expires"].map(|member| date(&reply.text(member)));
    assert_eq!(expires.duration_since(issued).unwrap(), ACCESS_TOKEN, "exactly the lifetime apart");
    let off = SystemTime::now().duration_since(issued).unwrap();
    assert!(off < Duration::from_secs(10), "issued now, not {off:?} ago");
    assert_ne!(reply.access_token(), reply.refresh_token());
}

/// A date such as `Wed, 12 Aug 2020 13:51:00 GMT`: RFC 1123 of fixed width.
fn date(text: &str) -> SystemTime {
    let time = httpdate::parse_http_date(text).unwrap();
    assert_eq!(httpdate::fmt_http_date(time), text, "the one form");
    assert_eq!(text.len(), "Wed, 12 Aug 2020 13:51:00 GMT".len());
    time
}

#[tokio::test]
async fn the_document_from_login_to_renewal() {
    let server = serve(settings()).await;
    // Login.
    let first = token(server, login("&refresh_token_active=true")).await;
    assert_answer(&first);
    // The access token opens the resource.
    let opened = resource(server, Some(&format!("Bearer {}", first.access_token()))).await;
    opened.assert_ok();
    assert_eq!(opened.text("sub"), USERNAME);
    assert_eq!(opened.text("scope"), "scope_1 scope_2 scope_3");
    // Renewal: a new access token and a new refresh token, in the same form, all members of the login's answer.
    let mut last = first.clone();
    for _ in 0..3 {
        let next = token(server, renewal(&last.refresh_token())).await;
        assert_answer(&next);
        assert_ne!(next.access_token(), last.access_token());
        assert_ne!(next.refresh_token(), last.refresh_token());
        for member in ["authorization_id", "participant_id", "catalog_id", "scopes", "campaign_id", "home_uri", "name"]
        {
            assert_eq!(next.text(member), first.text(member), "{member}");
        }
        resource(server, Some(&format!("Bearer {}", next.access_token()))).await.assert_ok();
        last = next;
    }
    // A renewal does not end access tokens that are out.
    resource(server, Some(&format!("Bearer {}", first.access_token()))).await.assert_ok();
}

#[tokio::test]
async fn a_lost_response_is_answered_again() {
    let server = serve(settings()).await;
    let first = token(server, login("&refresh_token_active=true")).await.refresh_token();
    let lost = token(server, renewal(&first)).await;
    let again = token(server, renewal(&first)).await;
    assert_answer(&again);
    assert_eq!(again.refresh_token(), lost.refresh_token());
    assert_answer(&token(server, renewal(&again.refresh_token())).await);
}

#[tokio::test]
async fn the_old_token_after_its_successor_was_used_ends_everything() {
    let server = serve(settings()).await;
    let first = token(server, login("&refresh_token_active=true")).await;
    let second = token(server, renewal(&first.refresh_token())).await;
    let third = token(server, renewal(&second.refresh_token())).await;
    assert_invalid_grant(&token(server, renewal(&first.refresh_token())).await);
    for dead in [&first, &second, &third] {
        assert_invalid_grant(&token(server, renewal(&dead.refresh_token())).await);
        let refused = resource(server, Some(&format!("Bearer {}", dead.access_token()))).await;
        refused.assert_error(401, "invalid_token");
    }
    // Another login is another grant.
    assert_answer(&token(server, login("&refresh_token_active=true")).await);
}

#[tokio::test]
async fn without_a_retry_window_the_old_token_ends_everything_at_once() {
    let server = serve(Settings { retry_window: Duration::ZERO, ..settings() }).await;
    let first = token(server, login("&refresh_token_active=true")).await.refresh_token();
    let second = token(server, renewal(&first)).await.refresh_token();
    assert_invalid_grant(&token(server, renewal(&first)).await);
    assert_invalid_grant(&token(server, renewal(&second)).await);
}

/// "Any other value, or leaving it out, does not turn it on", and "even without `refresh_token_active` the endpoint
/// answers with a refresh token, but that one is not valid for renewing".
#[tokio::test]
async fn only_true_turns_renewal_on() {
    let server = serve(settings()).await;
    for more in [
        "",
        "&refresh_token_active=",
        "&refresh_token_active",
        "&refresh_token_active=false",
        "&refresh_token_active=True",
        "&refresh_token_active=TRUE",
        "&refresh_token_active=1",
        "&refresh_token_active=yes",
        "&refresh_token_active=%20true",
        "&refresh_token_active=true+",
        "&refresh_token_active=true%00",
        "&refresh_token_active=truetrue",
        "&refresh_token_active=true&refresh_token_active=true",
        "&refresh_token_active=&refresh_token_active=true",
        "&refresh_token_active=true&refresh_token_active=false",
        "&Refresh_token_active=true",
        "&refresh_token_active%20=true",
        ";refresh_token_active=true",
    ] {
        // The last one is no parameter but the end of a password.
        if more.starts_with(';') {
            assert_invalid_grant(&token(server, login(more)).await);
            continue;
        }
        let fixed = token(server, login(more)).await;
        assert_answer(&fixed);
        let looks = fixed.refresh_token();
        assert_eq!(looks.len(), 43, "it looks like any other");
        for _ in 0..2 {
            assert_invalid_grant(&token(server, renewal(&looks)).await);
        }
        // On a renewal the parameter does nothing.
        let late = ours(&format!("grant_type=refresh_token&refresh_token={looks}&refresh_token_active=true"));
        assert_invalid_grant(&token(server, late).await);
        // Nothing changed: the access token works.
        resource(server, Some(&format!("Bearer {}", fixed.access_token()))).await.assert_ok();
    }
    for more in ["&refresh_token_active=true", "&refresh_token_active=tr%75e", "&refresh%5Ftoken_active=true"] {
        let opted_in = token(server, login(more)).await;
        assert_answer(&token(server, renewal(&opted_in.refresh_token())).await);
    }
}

#[tokio::test]
async fn what_a_login_is_refused_for() {
    let server = serve(settings()).await;
    let body = |campaign: &str, user: &str, password: &str| {
        format!(
            "grant_type=password&campaign_id={campaign}&username={user}&password={password}&refresh_token_active=true"
        )
    };
    let invalid_grant = [
        body("1002", USERNAME, PASSWORD),
        body("01001", USERNAME, PASSWORD),
        body("1001%20", USERNAME, PASSWORD),
        body(CAMPAIGN, "usuario", PASSWORD),
        body(CAMPAIGN, USERNAME, "senha1234"),
        body(CAMPAIGN, PASSWORD, USERNAME),
    ];
    for body in invalid_grant {
        assert_invalid_grant(&token(server, ours(&body)).await);
    }
    let incomplete = [
        format!("grant_type=password&username={USERNAME}&password={PASSWORD}"),
        body("", USERNAME, PASSWORD),
        format!("{}&campaign_id={CAMPAIGN}", body(CAMPAIGN, USERNAME, PASSWORD)),
        body(CAMPAIGN, "", PASSWORD),
        body(CAMPAIGN, USERNAME, ""),
        format!("campaign_id={CAMPAIGN}&username={USERNAME}&password={PASSWORD}"),
    ];
    for body in incomplete {
        let reply = token(server, ours(&body)).await;
        assert_eq!((reply.status, &*reply.body), (400, &br#"{"error":"invalid_request"}"#[..]), "{body}");
    }
    for credentials in [basic(CLIENT_ID, "wrong"), basic("wrong", CLIENT_SECRET), "Basic".into()] {
        let reply = token(server, form(login("").body).authorization(credentials)).await;
        assert_eq!((reply.status, &*reply.body), (401, &br#"{"error":"invalid_client"}"#[..]));
        assert_eq!(reply.header("www-authenticate"), [r#"Basic realm="marketplace""#]);
    }
    let reply = token(server, login("&scope=scope_4")).await;
    assert_eq!((reply.status, &*reply.body), (400, &br#"{"error":"invalid_scope"}"#[..]));
    let reply = token(server, ours("grant_type=client_credentials")).await;
    assert_eq!((reply.status, &*reply.body), (400, &br#"{"error":"unsupported_grant_type"}"#[..]));
}

#[tokio::test]
async fn what_a_renewal_is_refused_for() {
    let server = serve(settings()).await;
    let live = token(server, login("&refresh_token_active=true")).await;
    let token_text = live.refresh_token();
    for wrong in [
        "invalid".to_owned(),
        token_text[..42].to_owned(),
        format!("{token_text}A"),
        token_text.to_uppercase(),
        crate::kit::forged(&token_text),
        live.access_token(),
        format!("%20{token_text}"),
    ] {
        assert_invalid_grant(&token(server, renewal(&wrong)).await);
    }
    let reply = token(server, renewal("")).await;
    assert_eq!((reply.status, &*reply.body), (400, &br#"{"error":"invalid_request"}"#[..]));
    // None of it did any harm.
    assert_answer(&token(server, renewal(&token_text)).await);
}

#[tokio::test]
async fn the_resource_wants_a_live_access_token() {
    let server = serve(settings()).await;
    let live = token(server, login("&refresh_token_active=true")).await;
    let reply = resource(server, None).await;
    assert_eq!((reply.status, &*reply.body), (401, &b"{}"[..]));
    assert_eq!(reply.header("www-authenticate"), [r#"Bearer realm="marketplace""#]);
    for wrong in [live.refresh_token(), crate::kit::altered(&live.access_token(), 60), "x".into()] {
        let reply = resource(server, Some(&format!("Bearer {wrong}"))).await;
        reply.assert_error(401, "invalid_token");
        assert_eq!(reply.header("www-authenticate"), [r#"Bearer realm="marketplace", error="invalid_token""#]);
    }
    // Not in the query.
    let ask = Ask { method: "GET", headers: Vec::new(), body: Vec::new() };
    let reply = http::send(server, &format!("/resource?access_token={}", live.access_token()), &ask).await;
    assert_eq!(reply.status, 401);
}

#[tokio::test]
async fn tokens_expire() {
    let second = Duration::from_secs(1);
    let server = serve(Settings { access_token: second, idle: second, ..settings() }).await;
    let reply = token(server, login("&refresh_token_active=true")).await;
    assert_eq!(reply.json()["expires_in"], 0, "one less than the lifetime");
    tokio::time::sleep(second + Duration::from_millis(50)).await;
    assert_invalid_grant(&token(server, renewal(&reply.refresh_token())).await);
    resource(server, Some(&format!("Bearer {}", reply.access_token()))).await.assert_error(401, "invalid_token");
}

#[tokio::test]
async fn the_endpoint_takes_posts() {
    let server = serve(settings()).await;
    for method in ["GET", "PUT", "DELETE", "PATCH"] {
        let reply = token(server, login("").method(method)).await;
        assert_eq!((reply.status, reply.header("allow")), (405, vec!["POST"]), "{method}");
    }
}
