//! The bank's userinfo endpoint and its page for logouts: OpenID Connect Core section 5.3, RP-Initiated Logout sections 2, 3 and 6, Back-Channel
//! Logout section 2.5. Real clients do the same in `tests/clients`.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use super::process::{Reply, Running};
use super::{AUTHORIZE, BANK};
use crate::kit::jwt::claims;

const OUT: &str = "http%3A%2F%2F127.0.0.1%3A7%2Fsigned-out";

/// A login: its tokens, and the cookie of the session that it is of.
struct Login {
    access: String,
    refresh: String,
    id_token: String,
    cookie: String,
}

fn log_in(server: &Running, scope: &str) -> Login {
    let asks = AUTHORIZE.replace("scope=openid%20apps", &format!("scope={scope}"));
    let answer = server.post("/oauth2/authorize", &asks);
    let location = answer.header("location");
    let code = location.split_once("code=").unwrap().1.split('&').next().unwrap();
    let redeem =
        format!("grant_type=authorization_code&code={code}&redirect_uri=http%3A%2F%2F127.0.0.1%2Fcallback&{BANK}");
    let tokens = server.post("/oauth2/token", &redeem);
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    assert!(cookie.starts_with("bank-session="), "{cookie}");
    let [access, refresh, id_token] = ["access_token", "refresh_token", "id_token"].map(|name| tokens.member(name));
    Login { access, refresh, id_token, cookie }
}

fn renews(server: &Running, token: &str) -> u16 {
    server.post("/oauth2/token", &format!("grant_type=refresh_token&refresh_token={token}&{BANK}")).status
}

/// The page's form, and the cookie that it goes with.
fn form_of(page: &Reply) -> (String, String) {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for rest in page.body.split(r#"<input type="hidden" name=""#).skip(1) {
        let (name, rest) = rest.split_once(r#"" value=""#).unwrap();
        form.append_pair(name, &rest.split_once('"').unwrap().0.replace("&amp;", "&"));
    }
    (form.finish(), page.header("set-cookie").split(';').next().unwrap().to_owned())
}

#[test]
fn a_person_is_read_and_logs_out_by_an_application() {
    let server = Running::start(&[]);
    let login = log_in(&server, "openid%20email");
    let metadata = server.get("/.well-known/openid-configuration", None).json();
    for (name, path) in [("userinfo_endpoint", "/oauth2/userinfo"), ("end_session_endpoint", "/oauth2/logout")] {
        assert!(metadata[name].as_str().unwrap().ends_with(path), "{metadata}");
    }
    let userinfo = server.get("/oauth2/userinfo", Some(&login.access)).json();
    assert_eq!((&userinfo["sub"], &userinfo["email"]), (&"00506493296".into(), &"teste@example.com".into()));
    assert_eq!(server.get("/oauth2/userinfo", None).status, 401);
    assert!(claims(&login.id_token)["sid"].is_string());

    // By the browser of the session, with its ID token: nobody needs to be asked.
    let path = format!("/oauth2/logout?id_token_hint={}&post_logout_redirect_uri={OUT}&state=s1", login.id_token);
    let asked = server.ask("GET", &path, "cookie: bank-session=AAAAAAAAAAAAAAAAAAAAAA\r\n");
    assert_eq!((asked.status, renews_is_ok(&server, &login)), (200, true), "another browser is asked");
    let out = server.ask("GET", &path, &format!("cookie: {}\r\n", login.cookie));
    assert_eq!((out.status, out.header("location")), (303, "http://127.0.0.1:7/signed-out?state=s1".to_owned()));
    assert_ne!(out.header("set-cookie").split(';').next().unwrap(), login.cookie, "another session from now on");
    assert_eq!(renews(&server, &login.refresh), 400);
    assert_eq!(server.get("/oauth2/userinfo", Some(&login.access)).status, 401);
    server.kill();
}

fn renews_is_ok(server: &Running, login: &Login) -> bool {
    server.get("/oauth2/userinfo", Some(&login.access)).status == 200
}

/// RP-Initiated Logout section 6: another site can show the page, and not answer it.
#[test]
fn the_page_asks_and_no_other_site_answers() {
    let server = Running::start(&[]);
    let login = log_in(&server, "openid");
    let session = format!("cookie: {}\r\n", login.cookie);
    let path = format!("/oauth2/logout?client_id=developers.devportal&post_logout_redirect_uri={OUT}");
    let page = server.ask("GET", &path, &session);
    assert!(page.status == 200 && page.body.contains("Log out?"), "{}", page.body);
    assert_eq!(page.header("x-frame-options"), "DENY");
    let (form, cookie) = form_of(&page);
    let cookies = format!("cookie: {}; {cookie}\r\n", login.cookie);
    let send = |headers: &str, form: &str| server.post_with("/oauth2/logout", headers, form);
    let yes = format!("{form}&decision=logout");
    for (what, headers, form, status) in [
        ("another site", format!("sec-fetch-site: cross-site\r\n{cookies}"), yes.clone(), 403),
        ("no origin", format!("origin: null\r\n{cookies}"), yes.clone(), 403),
        ("another browser's form", format!("sec-fetch-site: same-origin\r\n{session}"), yes.clone(), 403),
        ("another request", cookies.clone(), yes.replace("signed-out", "signed-in"), 403),
        ("a made-up token", cookies.clone(), "form_token=AAAA&decision=logout".to_owned(), 403),
        ("no answer", cookies.clone(), form.clone(), 200),
        ("no", format!("sec-fetch-site: same-origin\r\n{cookies}"), format!("{form}&decision=stay"), 200),
    ] {
        assert_eq!(send(&headers, &form).status, status, "{what}");
        assert!(renews_is_ok(&server, &login), "{what}");
    }
    let out = send(&format!("sec-fetch-site: same-origin\r\n{cookies}"), &yes);
    assert_eq!((out.status, out.header("location")), (303, "http://127.0.0.1:7/signed-out".to_owned()));
    assert_eq!(renews(&server, &login.refresh), 400);
    // A link that leads elsewhere leads nowhere.
    let wrong = server.ask("GET", "/oauth2/logout?client_id=developers.devportal&post_logout_redirect_uri=http%3A%2F%2F127.0.0.1%3A8%2Fsigned-out", "");
    assert!(wrong.body.contains("will not be sent back"), "{}", wrong.body);
    server.kill();
}

/// Core section 11, Back-Channel Logout section 2.5.
#[test]
fn the_application_hears_of_it_and_keeps_what_was_granted_for_longer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = format!("http://{}/hear", listener.local_addr().unwrap());
    let server = Running::start(&["--backchannel-logout", &at]);
    let offline = log_in(&server, "openid%20offline_access");
    let path = format!("/oauth2/logout?id_token_hint={}", offline.id_token);
    let out = server.ask("GET", &path, &format!("cookie: {}\r\n", offline.cookie));
    assert!(out.body.contains("You are logged out"), "{}", out.body);
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let (mut heard, mut buffer) = (String::new(), [0; 4_096]);
    while !heard.contains("logout_token=") || heard.rsplit('.').next().unwrap().len() < 43 {
        let read = stream.read(&mut buffer).unwrap();
        assert_ne!(read, 0, "{heard}");
        heard.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
    }
    stream.write_all(b"HTTP/1.1 204 No Content\r\ncache-control: no-store\r\n\r\n").unwrap();
    assert!(heard.starts_with("POST /hear HTTP/1.1\r\n"), "{heard}");
    let said = claims(heard.split_once("logout_token=").unwrap().1);
    assert_eq!(said["sid"], claims(&offline.id_token)["sid"]);
    assert_eq!(renews(&server, &offline.refresh), 200, "granted for while the person is away");
    server.kill();
}
