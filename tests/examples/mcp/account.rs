//! The account page: what is connected, and the forms that end it.

use super::{ALICE, BOB, OURS, Page, call, client, encoded, log_in, refresh, start, with_cookie};
use crate::server::process::{Reply, Running};

#[track_caller]
fn account(server: &Running, cookie: &str) -> Page {
    let reply = server.ask("GET", "/account", &with_cookie(cookie));
    assert_eq!(reply.status, 200, "{reply:?}");
    assert!(reply.header("content-security-policy").contains("frame-ancestors 'none'"));
    Page::of(&reply, cookie)
}

fn ids(page: &Page) -> Vec<&str> {
    page.hidden.iter().filter(|(name, _)| name == "id").map(|(_, value)| value.as_str()).collect()
}

fn post(server: &Running, path: &str, from: &str, cookie: &str, form: &[(&str, &str)]) -> Reply {
    server.post_with(path, &format!("{from}{}", with_cookie(cookie)), &encoded(form))
}

#[test]
fn a_person_sees_what_is_connected_and_ends_it() {
    let server = start(&[]);
    let client = client(&server, "Somebody's editor");
    let (first, _) = log_in(&server, &client, &[], &ALICE);
    let files = format!("http://{}/files", server.address());
    let (second, cookie) = log_in(&server, &client, &[("resource", &files)], &ALICE);
    let (other, _) = log_in(&server, &client, &[], &BOB);
    let page = account(&server, &cookie);
    for part in [
        "Connected to alice",
        "Somebody&#39;s editor",
        "localhost",
        &files,
        "/mcp",
        "change things",
        "Nobody here has checked it",
    ] {
        let raw = part.replace("&#39;", "'");
        assert!(page.html.contains(part) || page.html.contains(&raw), "{part} in {}", page.html);
    }
    assert_eq!(ids(&page).len(), 2);

    let ended = ids(&page)[0].to_owned();
    let csrf = page.field("csrf").to_owned();
    let reply = post(&server, "/account/end", OURS, &cookie, &[("id", &ended), ("csrf", &csrf)]);
    assert_eq!((reply.status, reply.header("location").as_str()), (303, "../account"));
    assert_eq!(ids(&account(&server, &cookie)).len(), 1);
    let works = |tokens: &Reply, path: &str| call(&server, path, &tokens.member("access_token"), "whoami").status;
    let mut alive = [works(&first, "/mcp"), works(&second, "/files")];
    alive.sort_unstable();
    assert_eq!(alive, [200, 401], "one of them, at once");

    assert_eq!(post(&server, "/account/end-all", OURS, &cookie, &[("csrf", &csrf)]).status, 303);
    assert!(account(&server, &cookie).html.contains("Nothing is connected"));
    assert_eq!([works(&first, "/mcp"), works(&second, "/files")], [401, 401]);
    assert_eq!(refresh(&server, &client, &second.member("refresh_token")).status, 400);
    assert_eq!(works(&other, "/mcp"), 200, "bob is still there");
}

#[test]
fn without_the_cookie_there_is_no_account() {
    let server = start(&[]);
    for cookie in ["", "mcp-browser=AAAAAAAAAAAAAAAAAAAAAA", "mcp-browser=x", "other=1"] {
        let reply = server.ask("GET", "/account", &with_cookie(cookie));
        assert_eq!(reply.status, 401, "{reply:?}");
        assert_eq!(post(&server, "/account/end-all", OURS, cookie, &[("csrf", "AAAA")]).status, 401);
    }
}

/// A POST from elsewhere, with another's token or none, and with another's session.
#[test]
fn forms_that_end_nothing() {
    let server = start(&[]);
    let client = client(&server, "Editor");
    let (_, alices) = log_in(&server, &client, &[], &ALICE);
    let (_, bobs) = log_in(&server, &client, &[], &BOB);
    let (alice, bob) = (account(&server, &alices), account(&server, &bobs));
    let id = ids(&alice)[0];
    let good = alice.field("csrf");
    let authorization = super::page(&server, &super::asks(&client, &[]), &alices);
    for path in ["/account/end", "/account/end-all"] {
        for from in ["sec-fetch-site: cross-site\r\n", "origin: null\r\n", "origin: https://evil.example\r\n"] {
            assert_eq!(post(&server, path, from, &alices, &[("id", id), ("csrf", good)]).status, 403, "{from}");
        }
        // Of bob's page, of the authorization page, of none.
        for csrf in [bob.field("csrf"), authorization.field("form_token"), "", "AAAA"] {
            for from in [OURS, ""] {
                assert_eq!(post(&server, path, from, &alices, &[("id", id), ("csrf", csrf)]).status, 403, "{csrf}");
            }
        }
        assert_eq!(server.ask("GET", path, &with_cookie(&alices)).status, 405);
    }
    // Bob has a right form, and alice's id.
    let form = [("id", id), ("csrf", bob.field("csrf"))];
    assert_eq!(post(&server, "/account/end", OURS, &bobs, &form).status, 303);
    for id in ["", "x", "0000000000000000", "../account"] {
        assert_eq!(post(&server, "/account/end", OURS, &bobs, &[("id", id), ("csrf", bob.field("csrf"))]).status, 303);
    }
    assert_eq!(ids(&account(&server, &alices)), [id]);
    assert_eq!(ids(&account(&server, &bobs)).len(), 1);
}

/// Whoever ends everything because a browser was stolen is rid of that as well.
#[test]
fn to_end_everything_forgets_the_other_browsers() {
    let server = start(&[]);
    let client = client(&server, "Editor");
    let (_, stolen) = log_in(&server, &client, &[], &ALICE);
    let (_, own) = log_in(&server, &client, &[], &ALICE);
    let csrf = account(&server, &own).field("csrf").to_owned();
    assert_eq!(post(&server, "/account/end-all", OURS, &own, &[("csrf", &csrf)]).status, 303);
    assert_eq!(server.ask("GET", "/account", &with_cookie(&stolen)).status, 401);
    account(&server, &own);
}
