//! The login page's form: who may send it, in which browser, for what, and how often. RFC 6749 section 10.12 and 10.13, RFC 9700
//! section 4.7 and 4.16, OpenID Connect Core section 3.1.2.1. In a real browser `tests/clients/node/login_page.mjs` does it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use regrant::jwt::SigningAlgorithm;
use regrant::{MemoryStore, Timestamp};

use crate::bank::{self, CLIENT_ID, PASSWORD, REDIRECT_URI, Settings, USERNAME};
use crate::key_file::Keys;
use crate::kit::{Ask, Reply, http};

const PATH: &str = "/oauth2/authorize";
const HTTPS: &str = "https://bank.example";
const LOOPBACK: &str = "http://127.0.0.1:8080";
const ASKS: [(&str, &str); 4] =
    [("response_type", "code"), ("client_id", CLIENT_ID), ("redirect_uri", REDIRECT_URI), ("state", "theirs")];

/// The bank, and a clock that stands until it is moved.
struct Bank {
    server: SocketAddr,
    issuer: &'static str,
    secs: Arc<AtomicU64>,
}

/// One for all: they take their time to be made.
static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys::generate(SigningAlgorithm::Rs256).unwrap());

async fn bank(issuer: &'static str) -> Bank {
    let secs = Arc::new(AtomicU64::new(1_800_000_000));
    let read = Arc::clone(&secs);
    let settings = Settings {
        store: Arc::new(MemoryStore::new()),
        keys: Keys { token: KEYS.token.clone(), signing: KEYS.signing.clone(), root: KEYS.root.clone() },
        issuer: issuer.to_owned(),
        cors_origins: Vec::new(),
        backchannel_logout: None,
        redirect_uris: Vec::new(),
        access_token: Duration::from_secs(3_600),
        idle: Duration::from_secs(86_400),
        retry_window: Duration::from_secs(120),
        clock: Arc::new(move || Timestamp::from_secs(read.load(Ordering::Relaxed))),
        throttle: None,
    };
    Bank { server: http::serve(bank::router(settings).await.unwrap()).await, issuer, secs }
}

type Fields = Vec<(String, String)>;

fn fields(pairs: &[(&str, &str)]) -> Fields {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// What the page has in its hidden inputs, filled in by the person.
fn filled_in(page: &Page) -> Fields {
    let mut form = page.hidden.clone();
    form.extend(fields(&[("username", USERNAME), ("password", PASSWORD), ("decision", "allow")]));
    form
}

/// The login page as a browser has it.
#[derive(Clone)]
struct Page {
    hidden: Fields,
    /// Its `Cookie` header from now on.
    cookie: String,
}

impl Page {
    #[track_caller]
    fn of(reply: &Reply, cookie: Option<&str>) -> Self {
        let html = std::str::from_utf8(&reply.body).unwrap();
        let inputs = html.split(r#"<input type="hidden" name=""#).skip(1);
        let hidden: Fields = inputs
            .map(|rest| {
                let (name, rest) = rest.split_once(r#"" value=""#).unwrap();
                (name.to_owned(), rest.split_once('"').unwrap().0.to_owned())
            })
            .collect();
        assert_eq!(hidden.iter().map(|(name, _)| &**name).collect::<Vec<_>>(), ["interaction", "form_token"], "{html}");
        let new = header(reply, "set-cookie").map(|set| set.split(';').next().unwrap());
        assert!(new.is_none() || cookie.is_none(), "a cookie is kept");
        Self { hidden, cookie: new.or(cookie).unwrap().to_owned() }
    }

    fn field(&self, name: &str) -> String {
        self.hidden.iter().find(|(each, _)| each == name).unwrap().1.clone()
    }
}

/// Of a browser on the page itself.
const OURS: &[(&str, &str)] = &[("sec-fetch-site", "same-origin")];

impl Bank {
    async fn get(&self, query: &[(&str, &str)], headers: &[(&'static str, &str)]) -> Reply {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        let headers = headers.iter().map(|(name, value)| (*name, value.as_bytes().to_vec())).collect();
        http::send(self.server, &format!("{PATH}?{query}"), &Ask { method: "GET", headers, body: Vec::new() }).await
    }

    async fn post(&self, form: &Fields, headers: &[(&'static str, &str)]) -> Reply {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let mut headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_bytes().to_vec())).collect();
        headers.push(("content-type", b"application/x-www-form-urlencoded".to_vec()));
        http::send(self.server, PATH, &Ask { method: "POST", headers, body: body.into_bytes() }).await
    }

    async fn page(&self) -> Page {
        let reply = self.get(&ASKS, &[]).await;
        assert_eq!(reply.status, 200);
        Page::of(&reply, None)
    }

    async fn sends(&self, page: &Page, form: &Fields) -> Reply {
        self.post(form, &[OURS[0], ("cookie", &page.cookie)]).await
    }
}

/// A header that is there once, if at all.
#[track_caller]
fn header<'r>(reply: &'r Reply, name: &str) -> Option<&'r str> {
    let values = reply.header(name);
    assert!(values.len() < 2, "{name}: {values:?}");
    values.first().copied()
}

/// The query of the redirect, which goes to the client.
#[track_caller]
fn landing(reply: &Reply) -> String {
    assert_eq!(reply.status, 303, "{}", String::from_utf8_lossy(&reply.body));
    let location = header(reply, "location").unwrap();
    location.strip_prefix(REDIRECT_URI).unwrap().to_owned()
}

#[track_caller]
fn code(reply: &Reply) -> String {
    let query = landing(reply);
    let found = form_urlencoded::parse(query.trim_start_matches('?').as_bytes()).find(|(name, _)| name == "code");
    found.unwrap_or_else(|| panic!("{query}")).1.into_owned()
}

/// A page that says no more than this; nobody is sent anywhere.
#[track_caller]
fn says(reply: &Reply, status: u16, text: &str) {
    let html = std::str::from_utf8(&reply.body).unwrap();
    assert_eq!(reply.status, status, "{html}");
    assert!(html.contains(text), "{html}");
    assert_eq!(header(reply, "location"), None);
    is_guarded(reply);
}

/// The headers of every page.
#[track_caller]
fn is_guarded(reply: &Reply) {
    let policy = header(reply, "content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    for (name, value) in [
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(header(reply, name), Some(value));
    }
}

#[tokio::test]
async fn a_login_by_its_page() {
    for issuer in [HTTPS, LOOPBACK] {
        let bank = bank(issuer).await;
        let first = bank.get(&ASKS, &[]).await;
        is_guarded(&first);
        let page = Page::of(&first, None);
        let mut wrong = filled_in(&page);
        wrong.iter_mut().find(|(name, _)| name == "password").unwrap().1 = "senha124".into();
        let again = bank.sends(&page, &wrong).await;
        says(&again, 403, "is wrong");
        let page = Page::of(&again, Some(&page.cookie));
        assert!(landing(&bank.sends(&page, &filled_in(&page)).await).contains("state=theirs"));
    }
}

/// Fetch Metadata where it is sent, else `Origin`; `null` is nobody's.
#[tokio::test]
async fn a_form_comes_from_the_page_itself() {
    let bank = bank(HTTPS).await;
    let page = bank.page().await;
    let cookie = ("cookie", &*page.cookie);
    let strangers: [&[(&str, &str)]; 11] = [
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
        &[("sec-fetch-site", "")],
        &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "cross-site"), ("origin", HTTPS)],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "http://bank.example")],
        &[("origin", "https://bank.example:8443")],
        &[("origin", "https://bank.example.evil.example")],
    ];
    for headers in strangers {
        for form in [filled_in(&page), [page.hidden.clone(), fields(&[("decision", "deny")])].concat()] {
            let reply = bank.post(&form, &[headers, &[cookie]].concat()).await;
            says(&reply, 403, "by another site");
            assert!(!reply.body.windows(8).any(|part| part == b"password"));
        }
    }
    // A proxy may have another name for the server; `Sec-Fetch-Site` is the browser's own.
    let through_a_proxy = [OURS, &[("origin", "https://inner.example"), cookie]].concat();
    let first = code(&bank.post(&filled_in(&page), &through_a_proxy).await);
    // All that was refused before has spent nothing, and the same person hears the same code.
    assert_eq!(code(&bank.post(&filled_in(&page), &[("origin", bank.issuer), cookie]).await), first);
}

/// A POST without a handle begins an authorization and may come from anywhere, and decides nothing: OpenID Connect Core section
/// 3.1.2.1. Who copies the attacker's handle and form into a page of theirs gets no further.
#[tokio::test]
async fn a_post_from_elsewhere_begins_and_does_not_decide() {
    let bank = bank(HTTPS).await;
    let victim = bank.page().await;
    let elsewhere: [(&str, &str); 2] = [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")];
    let mut asks = fields(&ASKS);
    asks.extend(fields(&[("username", USERNAME), ("password", PASSWORD), ("decision", "allow")]));
    for headers in [&elsewhere[..], &[elsewhere[0], elsewhere[1], ("cookie", &victim.cookie)], &[("origin", "null")]] {
        let reply = bank.post(&asks, headers).await;
        says(&reply, 200, "Log in to continue");
        let kept = headers.iter().find(|(name, _)| *name == "cookie").map(|(_, value)| *value);
        // The page that it begins is a page as any other.
        let page = Page::of(&reply, kept);
        assert!(!code(&bank.sends(&page, &filled_in(&page)).await).is_empty());
    }
    asks.retain(|(name, _)| name != "password");
    asks.iter_mut().find(|(name, _)| name == "decision").unwrap().1 = "deny".into();
    says(&bank.post(&asks, &elsewhere).await, 200, "Log in to continue");
    // The attacker's own page, sent by the victim's browser: with the victim's cookie, with the attacker's, and without.
    let attacker = bank.page().await;
    for cookie in [Some(&victim.cookie), Some(&attacker.cookie), None] {
        let headers: Vec<_> = elsewhere.into_iter().chain(cookie.map(|cookie| ("cookie", &**cookie))).collect();
        says(&bank.post(&filled_in(&attacker), &headers).await, 403, "by another site");
    }
}

/// Even a form that seems to come from the page itself counts in the browser that it was shown in, and for the request that it
/// was shown for.
#[tokio::test]
async fn a_form_belongs_to_one_browser_and_one_request() {
    let bank = bank(HTTPS).await;
    let (own, others) = (bank.page().await, bank.page().await);
    assert_ne!(own.cookie, others.cookie);
    let second = Page::of(&bank.get(&ASKS, &[("cookie", &own.cookie)]).await, Some(&own.cookie));
    let with_token = |token: &str| {
        let mut form = filled_in(&own);
        form.retain(|(name, _)| name != "form_token");
        form.extend(fields(&[("form_token", token)]));
        form
    };
    let value = own.cookie.split_once('=').unwrap().1;
    let forged = [
        (with_token(&own.field("form_token")), others.cookie.clone()),
        (with_token(&others.field("form_token")), own.cookie.clone()),
        (with_token(&second.field("form_token")), own.cookie.clone()),
        (with_token(""), own.cookie.clone()),
        (with_token("AAAA"), own.cookie.clone()),
        (filled_in(&own), "unrelated=1".to_owned()),
        (filled_in(&own), format!("__Host-bank-form={value}x")),
        // The names for http, and without the prefix, are never read on https.
        (filled_in(&own), format!("bank-form={value}")),
        (filled_in(&own), format!("__Secure-bank-form={value}")),
    ];
    for (form, cookie) in forged {
        for headers in [OURS, &[("origin", HTTPS)]] {
            let reply = bank.post(&form, &[headers, &[("cookie", &cookie)]].concat()).await;
            says(&reply, 403, "was not shown to this browser");
            assert!(!String::from_utf8_lossy(&reply.body).contains(USERNAME), "nothing of the form counts");
        }
    }
    // Without any cookie, in a browser.
    says(&bank.post(&filled_in(&own), OURS).await, 403, "was not shown to this browser");
    // What neither says where it comes from nor has the right cookie is no better.
    says(&bank.post(&filled_in(&own), &[("cookie", &others.cookie)]).await, 403, "was not shown to this browser");
    // Two tabs of one browser are two questions.
    let codes = [code(&bank.sends(&own, &filled_in(&own)).await), code(&bank.sends(&own, &filled_in(&second)).await)];
    assert_ne!(codes[0], codes[1]);
}

/// The page that a dropped cookie leads to is good for the browser that it is shown to.
#[tokio::test]
async fn who_lost_the_cookie_logs_in_at_the_next_page() {
    let bank = bank(HTTPS).await;
    let lost = bank.page().await;
    let reply = bank.post(&filled_in(&lost), OURS).await;
    let page = Page::of(&reply, None);
    assert!(!code(&bank.sends(&page, &filled_in(&page)).await).is_empty());
}

/// RFC 6265bis section 4.1.3: over https with the prefix, on the loopback address without it and without `Secure`, which a
/// browser may refuse there; neither is read on the other.
#[tokio::test]
async fn the_cookie_has_a_name_for_each_scheme() {
    for (issuer, name, attributes) in [
        (HTTPS, "__Host-bank-form", "Path=/; Secure; HttpOnly; SameSite=Lax"),
        (LOOPBACK, "bank-form", "Path=/; HttpOnly; SameSite=Lax"),
    ] {
        let bank = bank(issuer).await;
        let reply = bank.get(&ASKS, &[]).await;
        let (pair, rest) = header(&reply, "set-cookie").unwrap().split_once("; ").unwrap();
        assert_eq!((pair.split_once('=').unwrap().0, rest), (name, attributes));
        let other = if issuer == HTTPS { "bank-form" } else { "__Host-bank-form" };
        let renamed = format!("{other}={}", pair.split_once('=').unwrap().1);
        let again = bank.get(&ASKS, &[("cookie", &renamed)]).await;
        assert_ne!(header(&again, "set-cookie").unwrap().split(';').next(), Some(pair), "it was not read");
        // One among others is found, and kept.
        let among = format!("a=b; {pair}; {renamed}");
        assert_eq!(header(&bank.get(&ASKS, &[("cookie", &among)]).await, "set-cookie"), None);
    }
}

#[tokio::test]
async fn a_form_is_answered_once() {
    let bank = bank(LOOPBACK).await;
    let page = bank.page().await;
    let first = code(&bank.sends(&page, &filled_in(&page)).await);
    assert_eq!(code(&bank.sends(&page, &filled_in(&page)).await), first, "the answer got lost");
    let no = [page.hidden.clone(), fields(&[("decision", "deny")])].concat();
    says(&bank.sends(&page, &no).await, 400, "This was answered already");
    bank.secs.fetch_add(61, Ordering::Relaxed);
    says(&bank.sends(&page, &filled_in(&page)).await, 400, "This was answered already");

    let page = bank.page().await;
    let mut no = filled_in(&page);
    no.iter_mut().find(|(name, _)| name == "decision").unwrap().1 = "deny".into();
    assert!(landing(&bank.sends(&page, &no).await).contains("error=access_denied"));
    says(&bank.sends(&page, &filled_in(&page)).await, 400, "This was answered already");
}

/// A stranger leaves nothing behind: anybody can press "Cancel", who may think better of it.
#[tokio::test]
async fn the_no_of_nobody_is_not_remembered() {
    let bank = bank(LOOPBACK).await;
    let page = bank.page().await;
    let no = [page.hidden.clone(), fields(&[("decision", "deny")])].concat();
    for _ in 0..2 {
        assert!(landing(&bank.sends(&page, &no).await).contains("error=access_denied"));
    }
    assert!(!code(&bank.sends(&page, &filled_in(&page)).await).is_empty());
}

#[tokio::test]
async fn a_page_expires() {
    let bank = bank(LOOPBACK).await;
    let (late, later) = (bank.page().await, bank.page().await);
    bank.secs.fetch_add(1_799, Ordering::Relaxed);
    let mut wrong = filled_in(&later);
    wrong.iter_mut().find(|(name, _)| name == "password").unwrap().1 = "senha124".into();
    let again = Page::of(&bank.sends(&later, &wrong).await, Some(&later.cookie));
    assert!(!code(&bank.sends(&late, &filled_in(&late)).await).is_empty(), "half an hour is long");
    bank.secs.fetch_add(1, Ordering::Relaxed);
    // A page that is shown again is none the younger.
    for page in [late, later, again] {
        says(&bank.sends(&page, &filled_in(&page)).await, 400, "The page has expired");
    }
}

/// The handle alone counts, whatever else of a request comes with it; and it is the form's, not the query's.
#[tokio::test]
async fn a_handle_is_not_changed_and_nothing_is_added_to_it() {
    let bank = bank(LOOPBACK).await;
    let page = bank.page().await;
    let handle = page.field("interaction");
    for altered in [&handle[..handle.len() - 1], &format!("{handle}A"), &handle.to_lowercase(), "made-up"] {
        let mut form = filled_in(&page);
        form.iter_mut().find(|(name, _)| name == "interaction").unwrap().1 = altered.to_owned();
        says(&bank.sends(&page, &form).await, 400, "The page has expired");
    }
    let more = fields(&[
        ("client_id", "mobile-app"),
        ("redirect_uri", "https://evil.example/callback"),
        ("state", "mine"),
        ("interaction", "made-up"),
    ]);
    let reply = bank.sends(&page, &[filled_in(&page), more].concat()).await;
    assert!(landing(&reply).contains("state=theirs"));
    // A link logs nobody in.
    let page = bank.page().await;
    let form = filled_in(&page);
    let query: Vec<_> = form.iter().map(|(name, value)| (&**name, &**value)).collect();
    let reply = bank.get(&query, &[OURS[0], ("cookie", &page.cookie)]).await;
    says(&reply, 400, "This link does not work");
    let reply = bank.get(&[&ASKS[..], &query].concat(), &[OURS[0], ("cookie", &page.cookie)]).await;
    says(&reply, 200, "Log in to continue");
}

/// What is no browser, and has no cookie, may send all at once, or the form of a page without its cookie.
#[tokio::test]
async fn a_program_needs_no_page() {
    let bank = bank(LOOPBACK).await;
    let at_once = |username, password, decision| {
        let mut asks = fields(&ASKS);
        asks.extend(fields(&[("username", username), ("password", password), ("decision", decision)]));
        asks
    };
    assert!(!code(&bank.post(&at_once(USERNAME, PASSWORD, ""), &[]).await).is_empty());
    assert!(landing(&bank.post(&at_once("", "", "deny"), &[]).await).contains("error=access_denied"));
    says(&bank.post(&at_once(USERNAME, "senha124", "allow"), &[]).await, 403, "is wrong");
    says(&bank.post(&at_once(USERNAME, "", "allow"), &[]).await, 200, "Log in to continue");
    let page = bank.page().await;
    assert!(!code(&bank.post(&filled_in(&page), &[]).await).is_empty());
}

#[tokio::test]
async fn a_request_that_is_too_long_for_a_page_is_told_so() {
    let bank = bank(LOOPBACK).await;
    let long = "x".repeat(8_000);
    let names = ["login_hint", "ui_locales", "display", "acr_values", "one", "two"];
    let mut asks = fields(&ASKS);
    asks.extend(names.iter().map(|name| ((*name).to_owned(), long.clone())));
    says(&bank.post(&asks, &[]).await, 413, "longer than a page can carry");
}
