//! The form of the authorization page: who may send it, in which browser, for which request. RFC 6749 section 10.12 and 10.13, RFC
//! 9700 section 4.16. In a real browser `tests/clients/node/mcp_pages.mjs` does it.

use super::{ALICE, BOB, OURS, asks, client, cookie_after, log_in, page, send, start, told, with_cookie};
use crate::server::process::{Reply, Running};

const ALLOW: [(&str, &str); 1] = [("decision", "allow")];

/// A page that says no more than this; nobody is sent anywhere, and nobody can frame it.
#[track_caller]
fn says(reply: &Reply, status: u16, text: &str) {
    assert_eq!(reply.status, status, "{reply:?}");
    assert!(reply.body.contains(text), "{reply:?}");
    assert_eq!(reply.find_header("location"), None);
    let policy = reply.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(reply.header("x-frame-options"), "DENY");
    assert_eq!(reply.header("cache-control"), "no-store");
}

/// Somebody who is logged in, and an attacker's client that would like to be allowed too.
fn victim() -> (Running, String, String) {
    let server = start(&[]);
    let (_, cookie) = log_in(&server, &client(&server, "Editor"), &[], &ALICE);
    let evil = client(&server, "Evil");
    (server, cookie, evil)
}

/// The attacker has a page of his own for his own client, in his own browser, and lets the victim's send its form.
#[test]
fn a_form_from_elsewhere_decides_nothing() {
    let (server, cookie, evil) = victim();
    let theirs = page(&server, &asks(&evil, &[]), "");
    let own = page(&server, &asks(&evil, &[]), &cookie);
    for from in [
        "sec-fetch-site: cross-site\r\n",
        "sec-fetch-site: same-site\r\n",
        "sec-fetch-site: none\r\n",
        "sec-fetch-site: same-origin\r\nsec-fetch-site: cross-site\r\n",
        "sec-fetch-site: cross-site\r\norigin: http://localhost\r\n",
        "origin: https://evil.example\r\n",
        "origin: null\r\n",
    ] {
        // Not even the form that was shown to the victim, should it get out.
        for page in [&theirs, &own] {
            for form in [page.with(&ALLOW), page.with(&ALICE)] {
                let headers = format!("{from}{}", with_cookie(&cookie));
                says(&server.post_with("/authorize", &headers, &form), 403, "another site");
            }
        }
    }
}

/// Where a browser says nothing of where a form comes from, the cookie and the token of the form have to agree.
#[test]
fn a_form_that_was_shown_in_another_browser_or_for_another_request_decides_nothing() {
    let (server, cookie, evil) = victim();
    let theirs = page(&server, &asks(&evil, &[]), "");
    let shown = page(&server, &asks(&evil, &[]), &cookie);
    let other = page(&server, &asks(&client(&server, "Other"), &[]), &cookie);
    let mixed = |handle: &str, token: &str| {
        super::encoded(&[("interaction", handle), ("form_token", token), ("decision", "allow")])
    };
    let handle = shown.field("interaction");
    for (form, cookie) in [
        (theirs.with(&ALLOW), &*cookie),
        (mixed(theirs.field("interaction"), shown.field("form_token")), &cookie),
        (mixed(handle, other.field("form_token")), &cookie),
        (mixed(handle, theirs.field("form_token")), &cookie),
        (mixed(handle, ""), &cookie),
        (mixed(handle, "AAAA"), &cookie),
        // Laid there by somebody who knows what it is for.
        (theirs.with(&ALICE), "mcp-browser=AAAAAAAAAAAAAAAAAAAAAA"),
    ] {
        for from in [OURS, ""] {
            let reply = server.post_with("/authorize", &format!("{from}{}", with_cookie(cookie)), &form);
            says(&reply, 403, "not shown to this browser");
        }
    }
    // As it was shown it counts, once.
    assert!(told(&send(&server, &shown, &ALLOW), "code").is_some());
    assert!(told(&send(&server, &shown, &ALLOW), "code").is_some(), "the same answer again");
    says(&send(&server, &shown, &[("decision", "deny")]), 400, "answered before");
}

/// A page of one person is not answered by another who has logged in in the same browser meanwhile; and whoever laid a cookie there
/// before does not know the one that counts after the login.
#[test]
fn a_login_takes_another_cookie() {
    let server = start(&[]);
    let client = client(&server, "Editor");
    let (_, alices) = log_in(&server, &client, &[], &ALICE);
    let consent = page(&server, &asks(&client, &[]), &alices);
    assert!(!consent.asks_for_password());
    let again = page(&server, &asks(&client, &[("prompt", "login")]), &alices);
    assert!(again.asks_for_password());
    let answer = send(&server, &again, &BOB);
    let bobs = cookie_after(&answer, &alices);
    assert_ne!(bobs, alices);
    let set = answer.header("set-cookie");
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax") && !set.contains("Secure"), "{set}");
    let form = consent.with(&ALLOW);
    let reply = server.post_with("/authorize", &format!("{OURS}{}", with_cookie(&bobs)), &form);
    says(&reply, 403, "logged in as <strong>bob");
    // The cookie from before is nobody's.
    assert!(page(&server, &asks(&client, &[]), &alices).asks_for_password());
}

/// A page of another site posts an authorization request, which anybody may (OpenID Connect Core section 3.1.2.1). The browser's cookie does
/// not come with it, and is not replaced: the request goes on as a GET, with which it comes.
#[test]
fn a_request_that_another_site_posts_logs_nobody_out() {
    let (server, cookie, evil) = victim();
    for from in ["sec-fetch-site: cross-site\r\n", "sec-fetch-site: same-site\r\n", "origin: https://evil.example\r\n"]
    {
        for more in [&[][..], &[("prompt", "none")], &[("login_hint", "a+b & é"), ("password", "wonderland")]] {
            let reply = server.post_with("/authorize", from, &asks(&evil, more));
            assert_eq!((reply.status, reply.find_header("set-cookie")), (303, None), "{reply:?}");
            assert_eq!(reply.header("cache-control"), "no-store");
            let location = reply.header("location");
            let query = location.strip_prefix("authorize?").unwrap();
            assert!(!query.contains("password"), "{query}");
            if more.is_empty() {
                assert!(!page(&server, query, &cookie).asks_for_password());
            }
            if let Some((_, hint)) = more.iter().find(|(name, _)| *name == "login_hint") {
                let sent: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
                assert!(sent.iter().any(|(name, value)| name == "login_hint" && value == hint), "{query}");
            }
        }
        // What is none is answered so, and replaces no cookie either.
        let reply = server.post_with("/authorize", from, &asks("nobody", &[]));
        assert_eq!((reply.status, reply.find_header("set-cookie")), (400, None), "{reply:?}");
    }
    // A page of this server, and a program.
    let own = server.post_with("/authorize", &format!("{OURS}{}", with_cookie(&cookie)), &asks(&evil, &[]));
    assert_eq!((own.status, own.find_header("set-cookie")), (200, None));
    assert_eq!(server.post("/authorize", &asks(&evil, &[])).status, 200);
}

#[test]
fn behind_https_the_cookie_is_of_this_host_alone() {
    let server = start(&["--issuer", "https://mcp.example"]);
    let reply = server.get(&format!("/authorize?{}", asks(&client(&server, "Editor"), &[])), None);
    let set = reply.header("set-cookie");
    assert!(set.starts_with("__Host-mcp-browser=") && set.contains("; Secure") && set.contains("; Path=/;"), "{set}");
    // What is said of the origin is compared with who the server says it is.
    let shown = super::Page::of(&reply, "");
    for (origin, status) in [("https://mcp.example", 303), ("http://mcp.example", 403), ("http://localhost", 403)] {
        let headers = format!("origin: {origin}\r\n{}", with_cookie(&shown.cookie));
        assert_eq!(server.post_with("/authorize", &headers, &shown.with(&ALICE)).status, status, "{origin}");
    }
}

#[test]
fn a_wrong_password_and_half_a_form_let_nobody_in() {
    let server = start(&[]);
    let shown = page(&server, &asks(&client(&server, "Editor"), &[]), "");
    for (username, password) in [("alice", "builder"), ("bob", "wonderland"), ("carol", "x"), ("", "wonderland")] {
        let filled_in = [("username", username), ("password", password), ("decision", "allow")];
        says(&send(&server, &shown, &filled_in), 403, "is wrong");
    }
    for filled_in in [&ALLOW[..], &[("username", "alice"), ("decision", "allow")], &[]] {
        let reply = send(&server, &shown, filled_in);
        assert!(reply.status == 200 && reply.body.contains("password"), "{reply:?}");
    }
    // Who logs in and does not decide is asked.
    let reply = send(&server, &shown, &ALICE[..2]);
    assert_eq!(reply.status, 200, "{reply:?}");
    let asked = super::Page::of(&reply, &shown.cookie);
    assert!(!asked.asks_for_password());
    assert_eq!(told(&send(&server, &asked, &[("decision", "deny")]), "error").as_deref(), Some("access_denied"));
}

/// A program of the person's own, such as curl, sends the password with the form, and has neither cookie nor origin: nobody can be
/// lured into that. With a cookie, or without a password, it is treated as a browser.
#[test]
fn a_program_needs_no_browser() {
    let server = start(&[]);
    let client = client(&server, "Editor");
    let shown = page(&server, &asks(&client, &[]), "");
    let form = super::encoded(&[&[("interaction", shown.field("interaction"))], &ALICE[..]].concat());
    assert!(told(&server.post("/authorize", &form), "code").is_some());
    let form = super::encoded(&[("interaction", shown.field("interaction")), ("decision", "allow")]);
    assert_eq!(server.post("/authorize", &form).status, 200);
}

/// RFC 9700 section 4.11.2: whoever registers a redirect URI has no redirector here. What is wrong is said on a page, with where the
/// client would hear of it.
#[test]
fn nobody_is_sent_to_a_strangers_client_before_they_said_so() {
    let (server, cookie, evil) = victim();
    for more in [
        &[("scope", "unknown")][..],
        &[("resource", "https://other.example/")],
        &[("response_mode", "fragment")],
        &[("prompt", "none")],
    ] {
        for cookie in ["", &*cookie] {
            let path = format!("/authorize?{}", asks(&evil, more));
            let reply = server.ask("GET", &path, &with_cookie(cookie));
            assert!(reply.body.contains("href=\"http://localhost:58135/callback?error="), "{more:?}: {reply:?}");
            assert!(reply.body.contains("a program on this device (localhost)"), "{reply:?}");
            says(&reply, 400, "was not done");
        }
    }
    let query = asks(&evil, &[]).replace("58135%2Fcallback", "58135%2Felsewhere");
    let reply = server.get(&format!("/authorize?{query}"), None);
    says(&reply, 400, "was not done");
    assert!(!reply.body.contains("href"), "{reply:?}");
}
