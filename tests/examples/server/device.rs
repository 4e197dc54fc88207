//! The bank's page for devices: RFC 8628 section 3.3. A browser looks at it in `tests/clients`.

use super::BANK;
use super::process::{Reply, Running};

const TV: &str = "client_id=living-room-tv";
const PERSON: &str = "username=00506493296&password=senha123";
const GRANT: &str = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code";

fn begin(server: &Running, client: &str) -> (String, String) {
    let answer = server.post("/oauth2/device_authorization", client);
    assert_eq!(answer.status, 200, "{}", answer.body);
    (answer.member("device_code"), answer.member("user_code"))
}

fn poll(server: &Running, client: &str, device_code: &str) -> Reply {
    server.post("/oauth2/token", &format!("{GRANT}&device_code={device_code}&{client}"))
}

/// The page's hidden fields, and the cookie that they go with.
fn form_of(page: &Reply) -> (String, String) {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for rest in page.body.split(r#"<input type="hidden" name=""#).skip(1) {
        let (name, rest) = rest.split_once(r#"" value=""#).unwrap();
        form.append_pair(name, &rest.split_once('"').unwrap().0.replace("&amp;", "&"));
    }
    let cookie = page.header("set-cookie").split(';').next().unwrap().to_owned();
    (form.finish(), format!("sec-fetch-site: same-origin\r\ncookie: {cookie}\r\n"))
}

#[test]
fn a_television_is_let_in_by_a_browser_and_by_a_program() {
    let server = Running::start(&[]);
    let metadata = server.get("/.well-known/openid-configuration", None).json();
    let endpoint = metadata["device_authorization_endpoint"].as_str().unwrap();
    assert!(endpoint.ends_with("/oauth2/device_authorization"), "{metadata}");

    let (device_code, user_code) = begin(&server, TV);
    assert_eq!(poll(&server, TV, &device_code).member("error"), "authorization_pending");
    let first = server.get(&format!("/device?user_code={user_code}&username=x&decision=allow"), None);
    assert!(first.status == 200 && first.body.contains(&user_code), "{}", first.body);
    assert!(!first.body.contains(r#"value="x""#), "a link fills in the code and nothing else");
    assert_eq!(first.header("x-frame-options"), "DENY");
    let (form, headers) = form_of(&first);
    let question = server.post_with("/device", &headers, &format!("{form}&user_code={user_code}&{PERSON}"));
    assert!(question.body.contains("Living room TV") && question.body.contains(&user_code), "{}", question.body);
    assert_eq!(poll(&server, TV, &device_code).member("error"), "authorization_pending", "asked, and not answered");
    let (form, headers) = form_of(&question);
    let done = server.post_with("/device", &headers, &format!("{form}&decision=allow"));
    assert!(done.status == 200 && done.body.contains("is logged in"), "{}", done.body);
    let tokens = poll(&server, TV, &device_code);
    assert_eq!(tokens.status, 200, "{}", tokens.body);
    let token = tokens.member("refresh_token");
    assert_eq!(
        server.post("/oauth2/token", &format!("grant_type=refresh_token&refresh_token={token}&{TV}")).status,
        200
    );
    assert_eq!(server.post_with("/device", &headers, &format!("{form}&decision=allow")).status, 400, "it counts once");

    // The portal has a secret, and a program sends everything at once.
    let (device_code, user_code) = begin(&server, BANK);
    let sent = format!("user_code={}&{PERSON}", user_code.to_lowercase().replace('-', ""));
    assert_eq!(server.post("/device", &format!("{sent}&decision=allow")).status, 200);
    assert_eq!(poll(&server, BANK, &device_code).status, 200);
    let (device_code, user_code) = begin(&server, BANK);
    assert_eq!(server.post("/device", &format!("user_code={user_code}&{PERSON}&decision=deny")).status, 200);
    assert_eq!(poll(&server, BANK, &device_code).member("error"), "access_denied");
    server.kill();
}

/// RFC 8628 section 5.4, RFC 6749 section 10.12: neither a form of another site nor a link logs anybody's device in.
#[test]
fn no_other_site_lets_a_device_in() {
    let server = Running::start(&[]);
    let (device_code, user_code) = begin(&server, TV);
    let page = server.get("/device", None);
    let (form, headers) = form_of(&page);
    let question = server.post_with("/device", &headers, &format!("{form}&user_code={user_code}&{PERSON}"));
    let (question, of_question) = form_of(&question);
    let cookie = of_question.split_once("\r\n").unwrap().1.to_owned();
    let yes = format!("{question}&decision=allow");
    let everything = format!("user_code={user_code}&{PERSON}&decision=allow");
    for (what, headers, form, status) in [
        ("another site", format!("sec-fetch-site: cross-site\r\n{cookie}"), &yes, 403),
        ("another site, by its origin", format!("origin: https://evil.example\r\n{cookie}"), &yes, 403),
        ("no origin", format!("origin: null\r\n{cookie}"), &yes, 403),
        ("another browser", headers.clone(), &yes, 403),
        ("a made-up token", of_question.clone(), &format!("user_code={user_code}&form_token=AAAA&decision=allow"), 403),
        ("the token of another form", headers.clone(), &format!("{form}&user_code={user_code}&decision=allow"), 403),
        ("no token, in a browser", headers.clone(), &everything, 403),
        ("nobody", String::new(), &format!("user_code={user_code}&decision=allow"), 403),
        ("a wrong password", String::new(), &everything.replace("senha123", "wrong"), 403),
        ("a wrong code", String::new(), &everything.replace(&user_code, "BBBB-BBBB"), 400),
    ] {
        let answer = server.post_with("/device", &headers, form);
        assert_eq!(answer.status, status, "{what}: {}", answer.body);
    }
    let link = server.get(&format!("/device?{everything}&form_token=x"), None);
    assert!(link.status == 200 && link.body.contains("Continue"), "{}", link.body);
    assert_eq!(poll(&server, TV, &device_code).member("error"), "authorization_pending");
    server.kill();
}

/// Section 5.1.
#[test]
fn codes_are_guessed_a_few_times() {
    let server = Running::start(&["--throttle", "on"]);
    let guess = || server.post("/device", &format!("user_code=BBBB-BBBB&{PERSON}&decision=allow"));
    let answers: Vec<u16> = (0..6).map(|_| guess().status).collect();
    assert_eq!(answers, [400, 400, 400, 400, 400, 429]);
    assert!(!guess().header("retry-after").is_empty());
    server.kill();
}
