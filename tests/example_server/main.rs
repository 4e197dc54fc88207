//! The example server on stores that outlive it: killed and started again, with its keys, with others, and without.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod attacks;
mod process;
#[path = "../servers/mod.rs"]
mod servers;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use process::{Running, fails_to_start};
use servers::Folder;
use servers::postgres::Postgres;
use servers::redis::Redis;

const LOGIN: &str = "grant_type=password&username=usuario.teste&password=senha123&campaign_id=1001\
    &refresh_token_active=true&client_id=marketplace-app&client_secret=marketplace-secret-for-trying-out-only";
const MARKETPLACE: &str = "client_id=marketplace-app&client_secret=marketplace-secret-for-trying-out-only";
const BANK: &str = "client_id=developers.devportal&client_secret=devportal-secret-for-trying-out-only";
const AUTHORIZE: &str = "response_type=code&client_id=developers.devportal&redirect_uri=http%3A%2F%2F127.0.0.1%2Fcallback\
    &scope=openid%20apps&state=af0ifjsldkj&username=00506493296&password=senha123";

#[test]
fn on_a_file() {
    let folder = Folder::new("example");
    outlives_the_server(&format!("file:{}", folder.path().join("grants").display()));
}

#[test]
fn on_postgresql() {
    if let Some(server) = Postgres::start() {
        outlives_the_server(&server.url());
    }
}

#[test]
fn on_redis() {
    if let Some(server) = Redis::start() {
        outlives_the_server(&server.url());
    }
}

fn outlives_the_server(store: &str) {
    let folder = Folder::new("keys");
    let key_file = folder.path().join("keys.json");
    let told = fails_to_start(&["--store", store]);
    assert!(told.contains("--key-file"), "{told}");
    assert!(!key_file.exists());

    let (server, tokens) = logged_in(store, &key_file);
    assert_eq!(fs::metadata(&key_file).unwrap().permissions().mode() & 0o777, 0o600);
    let made = fs::read(&key_file).unwrap();
    let jwks = server.get("/oauth2/jwks", None).json();
    server.kill();

    let server = start(store, &key_file);
    assert_eq!(fs::read(&key_file).unwrap(), made, "not made anew");
    assert_eq!(server.get("/oauth2/jwks", None).json(), jwks);
    tokens.all_work(&server);
    server.kill();

    let other = folder.path().join("other.json");
    let told = fails_to_start(&["--store", store, "--key-file", other.to_str().unwrap()]);
    assert!(told.contains("key 1 is not the one"), "{told}");
    // The right one is as good as before.
    start(store, &key_file).kill();
}

#[test]
fn a_key_file_that_others_can_read_is_refused() {
    let folder = Folder::new("keys");
    let key_file = folder.path().join("keys.json");
    start("memory", &key_file).kill();
    fs::set_permissions(&key_file, fs::Permissions::from_mode(0o640)).unwrap();
    let told = fails_to_start(&["--key-file", key_file.to_str().unwrap()]);
    assert!(told.contains("chmod 600"), "{told}");
}

#[test]
fn a_file_of_something_else_is_refused_and_stays() {
    let folder = Folder::new("keys");
    let key_file = folder.path().join("keys.json");
    for content in ["", "{}", "not JSON, but secret-looking", r#"{"key_id":1,"key":"c2hvcnQ","signing_key":"x"}"#] {
        fs::write(&key_file, content).unwrap();
        fs::set_permissions(&key_file, fs::Permissions::from_mode(0o600)).unwrap();
        let told = fails_to_start(&["--key-file", key_file.to_str().unwrap()]);
        assert!(told.contains("is not one"), "{told}");
        assert!(!told.contains("secret-looking") && !told.contains("c2hvcnQ"), "{told}");
        assert_eq!(fs::read_to_string(&key_file).unwrap(), content);
    }
}

#[test]
fn a_store_that_is_none_is_told_and_its_password_is_not() {
    let told = fails_to_start(&["--store", "mysql://host"]);
    assert!(told.contains("postgres://"), "{told}");
    let folder = Folder::new("keys");
    let key_file = folder.path().join("keys.json");
    for url in ["postgres://me:hunter2@127.0.0.1:1/none?connect_timeout=2", "redis://me:hunter2@127.0.0.1:1"] {
        let told = fails_to_start(&["--store", url, "--key-file", key_file.to_str().unwrap()]);
        assert!(told.contains("cannot keep grants"), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}

fn start(store: &str, key_file: &Path) -> Running {
    // Where it listens is another place each time, and who it is must not be.
    let issuer = "http://id.example";
    Running::start(&["--store", store, "--key-file", key_file.to_str().unwrap(), "--issuer", issuer])
}

/// What one user of each system holds.
struct Tokens {
    refresh: String,
    bank_access: String,
    bank_refresh: String,
}

fn logged_in(store: &str, key_file: &Path) -> (Running, Tokens) {
    let server = start(store, key_file);
    let refresh = server.post("/token", LOGIN).member("refresh_token");
    let location = server.post("/oauth2/authorize", AUTHORIZE).header("location");
    let (_, code) = location.split_once("code=").unwrap();
    let code = code.split('&').next().unwrap();
    let redeem =
        format!("grant_type=authorization_code&code={code}&redirect_uri=http%3A%2F%2F127.0.0.1%2Fcallback&{BANK}");
    let bank = server.post("/oauth2/token", &redeem);
    let (bank_access, bank_refresh) = (bank.member("access_token"), bank.member("refresh_token"));
    (server, Tokens { refresh, bank_access, bank_refresh })
}

impl Tokens {
    #[track_caller]
    fn all_work(&self, server: &Running) {
        let refresh = |token: &str, client| format!("grant_type=refresh_token&refresh_token={token}&{client}");
        assert_eq!(server.post("/token", &refresh(&self.refresh, MARKETPLACE)).status, 200);
        assert_eq!(server.get("/oauth2/resource", Some(&self.bank_access)).status, 200);
        assert_eq!(server.post("/oauth2/token", &refresh(&self.bank_refresh, BANK)).status, 200);
    }
}
