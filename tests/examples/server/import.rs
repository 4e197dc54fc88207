//! `--import`: the second system moves to this crate, and nobody is logged out.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use super::process::{Running, fails_to_start};
use super::{MARKETPLACE, start_with};
use crate::import::{ImportError, Imported};
use crate::kit::servers::Folder;
use crate::kit::servers::postgres::Postgres;
use crate::kit::servers::redis::Redis;
use crate::marketplace::known;

/// The one in the system's document, and others of its form.
const TOKENS: [&str; 4] = [
    "88642e36-ef83-49fe-baf9-40afda247059",
    "0b0f9a6c-1f5e-4a3e-9a51-2f7c1d1a9e01",
    "5d2c7c1e-8a4b-4d39-b0d4-6f0f3c2b7a02",
    "f3a1b8d7-7c6e-4f21-8e9d-1a2b3c4d5e03",
];
const HEADER: &str = "refresh_token,client_id,username,scope,login_at\n";

fn table() -> String {
    let [first, second, third, fourth] = TOKENS;
    format!(
        "{HEADER}{first},marketplace-app,usuario.teste,scope_1 scope_2 scope_3,2020-08-12T13:51:00Z\n\
        {second},marketplace-app,usuario.teste,\"scope_1, scope_2\",2020-08-12T10:51:00.5-03:00\r\n\
        {third},marketplace-app,zoë,scope_3,1597240260\n\
        {fourth},marketplace-app,outra,,1597240260\n"
    )
}

fn refresh(server: &Running, token: &str) -> super::process::Reply {
    server.post("/token", &format!("grant_type=refresh_token&refresh_token={token}&{MARKETPLACE}"))
}

#[test]
fn on_a_file() {
    let folder = Folder::new("import");
    nobody_is_logged_out(&format!("file:{}", folder.path().join("grants").display()));
}

#[test]
fn on_postgresql() {
    if let Some(server) = Postgres::start() {
        nobody_is_logged_out(&server.url());
    }
}

#[test]
fn on_redis() {
    if let Some(server) = Redis::start() {
        nobody_is_logged_out(&server.url());
    }
}

fn nobody_is_logged_out(store: &str) {
    let folder = Folder::new("import-keys");
    let (key_file, file) = (folder.path().join("keys.json"), folder.path().join("tokens.csv"));
    fs::write(&file, table()).unwrap();
    let import = ["--import", file.to_str().unwrap()];
    let server = start_with(store, &key_file, &import);
    let first = refresh(&server, TOKENS[0]);
    assert_eq!(first.status, 200, "{}", first.body);
    // All members of the login's answer, and a new token of this server's own.
    for member in ["access_token", "token_type", "expires_in", "authorization_id", "participant_id", "catalog_id"] {
        assert!(first.json().get(member).is_some(), "{member}");
    }
    assert_eq!((first.json()["name"].as_str(), first.json()["home_uri"].as_str()), (Some("Usuário Teste"), Some("/")));
    assert_eq!(first.json()["scopes"], "scope_1, scope_2, scope_3");
    let own = first.member("refresh_token");
    assert_eq!(own.len(), 43);
    // A response that was lost.
    assert_eq!(refresh(&server, TOKENS[0]).member("refresh_token"), own);
    assert_eq!(refresh(&server, TOKENS[1]).json()["scopes"], "scope_1, scope_2");
    assert_eq!(server.get("/resource", Some(&first.member("access_token"))).status, 200);
    assert_eq!(refresh(&server, "88642e36-ef83-49fe-baf9-40afda247050").status, 400, "of nobody");
    server.kill();

    // Again with the same file: what has begun goes on, what has not begins, and what is used up stays so.
    let server = start_with(store, &key_file, &import);
    let next = refresh(&server, &own).member("refresh_token");
    let third = refresh(&server, TOKENS[2]);
    assert_eq!((third.json()["scopes"].as_str(), third.json()["name"].as_str()), (Some("scope_3"), Some("zoë")));
    let replay = refresh(&server, TOKENS[0]);
    assert_eq!((replay.status, replay.body.as_str()), (400, r#"{"error":"invalid_grant"}"#));
    server.kill();

    let server = start_with(store, &key_file, &import);
    for dead in [TOKENS[0], &own, &next] {
        assert_eq!(refresh(&server, dead).status, 400, "for good");
    }
    assert_eq!(refresh(&server, TOKENS[3]).status, 200);
    // The rule of the system stays: who did not ask for it has a token that renews nothing.
    let login = "grant_type=password&username=usuario.teste&password=senha123&campaign_id=1001";
    let fixed = server.post("/token", &format!("{login}&{MARKETPLACE}")).member("refresh_token");
    assert_eq!(refresh(&server, &fixed).status, 400);
    server.kill();

    // Without the file the tokens that were used go on by those that came of them.
    let server = start_with(store, &key_file, &[]);
    assert_eq!(refresh(&server, TOKENS[1]).status, 400, "nobody to ask");
    assert_eq!(refresh(&server, &third.member("refresh_token")).status, 200);
    server.kill();
}

/// Most servers keep digests.
#[test]
fn digests_serve_as_well() {
    let folder = Folder::new("import");
    let file = folder.path().join("tokens.csv");
    let sha256 = |token: &str| Sha256::digest(token);
    let hex = |token: &str| sha256(token).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let digests = [
        hex(TOKENS[0]),
        hex(TOKENS[1]).to_uppercase(),
        URL_SAFE_NO_PAD.encode(sha256(TOKENS[2])),
        URL_SAFE.encode(sha256(TOKENS[3])),
    ];
    let rows = digests.map(|digest| format!("{digest},marketplace-app,usuario.teste,scope_1,1597240260\n"));
    fs::write(&file, format!("refresh_token_sha256,client_id,username,scope,login_at\n{}", rows.concat())).unwrap();
    let server = Running::start(&["--import", file.to_str().unwrap()]);
    for token in TOKENS {
        assert_eq!(refresh(&server, token).status, 200, "{token}");
    }
    assert_eq!(refresh(&server, &hex(TOKENS[0])).status, 400, "a digest is no token");
    server.kill();
}

/// Law 4. The system hands out a refresh token to everybody; that of a login without exactly `refresh_token_active=true` renews nothing.
#[test]
fn a_token_that_did_not_renew_there_does_not_here() {
    let folder = Folder::new("import");
    let file = folder.path().join("tokens.csv");
    let said = ["true", "True", "1", " true", "true ", "", "false", "true,"];
    let rows = said.iter().enumerate().map(|(at, said)| {
        let said = if said.contains(',') { format!("\"{said}\"") } else { (*said).to_owned() };
        format!("t{at},marketplace-app,usuario.teste,scope_1,1597240260,{said}\n")
    });
    let header = HEADER.replace('\n', ",refresh_token_active\n");
    fs::write(&file, header.clone() + &rows.collect::<String>()).unwrap();
    let server = Running::start(&["--import", file.to_str().unwrap()]);
    for (at, said) in said.iter().enumerate() {
        // In a refresh the parameter does nothing.
        let reply = server.post(
            "/token",
            &format!("grant_type=refresh_token&refresh_token=t{at}&refresh_token_active=true&{MARKETPLACE}"),
        );
        assert_eq!(reply.status == 200, *said == "true", "{said:?}: {}", reply.body);
        assert!(reply.status == 200 || reply.body == r#"{"error":"invalid_grant"}"#, "{}", reply.body);
    }
    server.kill();
    for header in [header.replace("active", "activ"), header.replace('\n', ",more\n")] {
        assert!(read(header.as_bytes()).unwrap_err().to_string().starts_with("line 1: "), "{header}");
    }
    let short = format!("{header}t1,marketplace-app,usuario.teste,scope_1,1597240260\n");
    assert!(read(short.as_bytes()).unwrap_err().to_string().starts_with("line 2: "));
}

fn read(text: &[u8]) -> Result<usize, ImportError> {
    Imported::read(text, &known().unwrap()).map(|imported| imported.len())
}

/// Nothing is imported, and the line is named by its number alone.
#[test]
fn a_bad_line_is_named_by_its_number() {
    let good = "t1,marketplace-app,usuario.teste,scope_1,1597240260\n";
    assert_eq!(read(HEADER.as_bytes()).unwrap(), 0);
    assert_eq!(read(format!("{HEADER}{good}\n").as_bytes()).unwrap(), 1, "a line without anything is none");
    assert_eq!(read(format!("\u{feff}{HEADER}{good}").as_bytes()).unwrap(), 1, "as spreadsheets write it");
    for (line, bad) in [
        "too,few,fields",
        "t2,marketplace-app,usuario.teste,scope_1,1597240260,more",
        ",marketplace-app,usuario.teste,scope_1,1597240260",
        "t2,another-app,usuario.teste,scope_1,1597240260",
        "t2,marketplace-app,,scope_1,1597240260",
        "t2,marketplace-app,usuario\u{1f}teste,scope_1,1597240260",
        "t2,marketplace-app,usuario.teste,scope_4,1597240260",
        "t2,marketplace-app,usuario.teste,scope_1,",
        "t2,marketplace-app,usuario.teste,scope_1,yesterday",
        "t2,marketplace-app,usuario.teste,scope_1,-1",
        "t2,marketplace-app,usuario.teste,scope_1,1597240260000000",
        "t2,marketplace-app,usuario.teste,scope_1,2020-08-12",
        "t2,marketplace-app,usuario.teste,scope_1,2020-13-12T13:51:00Z",
        "t2,marketplace-app,usuario.teste,scope_1,1969-08-12T13:51:00Z",
        "t1,marketplace-app,usuario.teste,scope_1,1597240260",
    ]
    .into_iter()
    .enumerate()
    {
        let mut text = format!("{HEADER}{good}");
        // In any place.
        (0..line).for_each(|number| text.push_str(&good.replace("t1", &format!("x{number}"))));
        text.push_str(bad);
        text.push_str("\nlast,marketplace-app,usuario.teste,scope_1,1597240260\n");
        let told = read(text.as_bytes()).unwrap_err().to_string();
        assert!(told.starts_with(&format!("line {}: ", line + 3)), "{told} of {bad}");
        assert!(!told.contains("t2") && !told.contains("another-app") && !told.contains("yesterday"), "{told}");
    }
    for header in ["", "refresh_token,client_id,username,scope", "t1,marketplace-app,usuario.teste,scope_1,1597240260"]
    {
        assert!(read(header.as_bytes()).unwrap_err().to_string().starts_with("line 1: "), "{header}");
    }
    let digests = "refresh_token_sha256,client_id,username,scope,login_at\n";
    let long = "é".repeat(32);
    for digest in ["", "t1", "zz", &"g".repeat(64), &"+".repeat(43), &"a".repeat(63), &long] {
        let text = format!("{digests}{digest},marketplace-app,usuario.teste,scope_1,1597240260\n");
        assert!(read(text.as_bytes()).unwrap_err().to_string().starts_with("line 2: "), "{digest}");
    }
    let told = read(&[HEADER.as_bytes(), good.as_bytes(), b"t2,marketplace-app,\xff,scope_1,1597240260\n"].concat());
    assert!(told.unwrap_err().to_string().starts_with("line 3: "));
    // The server does not start.
    let folder = Folder::new("import");
    let file = folder.path().join("tokens.csv");
    fs::write(&file, format!("{HEADER}{good}secret-token,marketplace-app,usuario.teste,scope_1,never\n")).unwrap();
    let told = fails_to_start(&["--import", file.to_str().unwrap()]);
    assert!(told.contains("nothing is imported") && told.contains("line 3"), "{told}");
    assert!(!told.contains("secret-token"), "{told}");
    let told = fails_to_start(&["--import", folder.path().join("none.csv").to_str().unwrap()]);
    assert!(told.contains("cannot be read"), "{told}");
}
