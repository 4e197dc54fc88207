//! The example server on stores that outlive it: killed and started again, with its keys, with others, and without.

mod attacks;
mod cors;
mod device;
mod import;
mod login_page;
mod logout;
pub(crate) mod process;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use process::{Running, fails_to_start};

use crate::kit::servers::postgres::Postgres;
use crate::kit::servers::redis::{Redis, RedisCluster};
use crate::kit::servers::{Folder, program};
use crate::store::Place;

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

#[test]
fn on_a_redis_cluster() {
    if let Some(cluster) = RedisCluster::start() {
        outlives_the_server(&cluster.url());
    }
}

#[test]
fn the_nodes_of_a_cluster_have_one_user() {
    let nodes = |text: &str| match text.parse() {
        Ok(Place::RedisCluster(nodes)) => nodes.join(" "),
        other => panic!("{other:?}"),
    };
    assert_eq!(nodes("redis-cluster://a:1,b:2"), "redis://a:1 redis://b:2");
    assert_eq!(nodes("redis-cluster://[::1]:7000"), "redis://[::1]:7000");
    assert_eq!(nodes("redis-cluster://me:p%40s@a:1,b"), "redis://me:p%40s@a:1 redis://me:p%40s@b");
    assert_eq!(nodes("redis-cluster://:secret@a:1,b:2"), "redis://:secret@a:1 redis://:secret@b:2");
    for none in [
        "redis-cluster:a:1",
        "redis-cluster://",
        "redis-cluster://a:1,",
        "redis-cluster://a:1/0",
        "redis-cluster://a:1?x=1",
    ] {
        assert!(none.parse::<Place>().is_err(), "{none}");
    }
}

/// The walk that the server prints, as printed: login, resource, refresh, retry, replay, the bank, revocation.
#[test]
fn the_walk_on_a_redis_cluster() {
    let (Some(cluster), Some(_)) = (RedisCluster::start(), program("curl")) else { return };
    let folder = Folder::new("keys");
    let key_file = folder.path().join("keys.json");
    let output = Command::new("bash")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/walk.sh"))
        .arg(process::built("server"))
        .args(["--store", &cluster.url(), "--key-file"])
        .arg(&key_file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    // The login that renews nothing is there still.
    assert!(cluster.nodes().iter().any(|node| node.ask::<u64>(&["DBSIZE"]) > 0));
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

/// What a page of one server carries is opened by the next one on the same key file: also on a file from before it had a root
/// secret, which stays as it is. The store knows the one from the other.
#[test]
fn a_page_outlives_the_server_with_its_key_file() {
    const QUERY: &str =
        "response_type=code&client_id=developers.devportal&redirect_uri=http%3A%2F%2F127.0.0.1%2Fcallback";
    let folder = Folder::new("keys");
    let key_file = folder.path().join("keys.json");
    let store = format!("file:{}", folder.path().join("grants").display());
    let shown = |server: &Running| {
        let page = server.get(&format!("/oauth2/authorize?{QUERY}"), None);
        let field = |name: &str| {
            let (_, rest) = page.body.split_once(&format!(r#"name="{name}" value=""#)).unwrap();
            format!("{name}={}&", rest.split('"').next().unwrap())
        };
        let headers = format!("sec-fetch-site: same-origin\r\ncookie: {}\r\n", page.header("set-cookie"));
        (headers, field("interaction") + &field("form_token") + "username=00506493296&password=senha123")
    };
    let answers = |server: &Running, (headers, form): &(String, String)| {
        server.post_with("/oauth2/authorize", headers, form).status
    };

    let server = start(&store, &key_file);
    let page = shown(&server);
    server.kill();
    let server = start(&store, &key_file);
    assert_eq!(answers(&server, &page), 303);
    server.kill();

    let whole: serde_json::Value = serde_json::from_slice(&fs::read(&key_file).unwrap()).unwrap();
    let mut old = whole.clone();
    assert!(old.as_object_mut().unwrap().remove("root_secret").is_some());
    let fails = |store: &str| {
        let told = fails_to_start(&["--store", store, "--key-file", key_file.to_str().unwrap()]);
        assert!(told.contains("none of the engine's keys"), "{told}");
    };
    fs::write(&key_file, old.to_string()).unwrap();
    fails(&store);
    let other_store = format!("file:{}", folder.path().join("other").display());
    let server = start(&other_store, &key_file);
    assert_eq!(answers(&server, &page), 400, "another secret");
    let page = shown(&server);
    server.kill();
    let server = start(&other_store, &key_file);
    assert_eq!(answers(&server, &page), 303);
    server.kill();
    assert_eq!(fs::read_to_string(&key_file).unwrap(), old.to_string());

    fs::write(&key_file, whole.to_string()).unwrap();
    fails(&other_store);
    // A root secret of another length is none.
    let mut short = whole;
    short["root_secret"] = "c2hvcnQ".into();
    fs::write(&key_file, short.to_string()).unwrap();
    let told = fails_to_start(&["--key-file", key_file.to_str().unwrap()]);
    assert!(told.contains("is not one") && !told.contains("c2hvcnQ"), "{told}");
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

/// Also to a client that sends all of it before it reads.
#[test]
fn a_body_that_is_too_large_is_told_so_by_every_route_that_reads_one() {
    let server = Running::start(&[]);
    let over = "&".repeat(900 * 1_024);
    for path in
        ["/token", "/oauth2/token", "/oauth2/revoke", "/oauth2/introspect", "/oauth2/authorize", "/oauth2/resource"]
    {
        assert_eq!(server.post(path, &over).status, 413, "{path}");
    }
    server.kill();
}

/// RFC 8414 section 3.1, OpenID Connect Discovery section 4: whatever the issuer is, everything is where a client that was
/// told of it alone looks, and where a proxy that takes the issuer's path off sends it.
#[test]
fn an_issuer_with_a_path_or_a_slash_is_served() {
    for (issuer, path) in [
        ("http://id.example", ""),
        ("http://id.example/", ""),
        ("http://id.example/tenant", "/tenant"),
        ("http://id.example/a/b/", "/a/b"),
    ] {
        let server = Running::start(&["--issuer", issuer]);
        for place in [
            format!("/.well-known/oauth-authorization-server{path}"),
            format!("{path}/.well-known/oauth-authorization-server"),
            format!("/.well-known/openid-configuration{path}"),
            format!("{path}/.well-known/openid-configuration"),
            "/.well-known/openid-configuration".to_owned(),
        ] {
            let document = server.get(&place, None).json();
            assert_eq!(document["issuer"], issuer, "{place}");
            let jwks = document["jwks_uri"].as_str().unwrap();
            let at = jwks.strip_prefix("http://id.example").unwrap();
            assert_eq!(at, format!("{path}/oauth2/jwks"));
            assert_eq!(server.get(at, None).status, 200, "{at}");
        }
        for prefix in [path, ""] {
            assert_eq!(server.get(&format!("{prefix}/oauth2/jwks"), None).status, 200);
            let location = server.post(&format!("{prefix}/oauth2/authorize"), AUTHORIZE).header("location");
            assert!(location.contains("code="), "{location}");
            assert_eq!(server.get(&format!("{prefix}/oauth2/resource"), None).status, 401);
        }
        assert_eq!(server.get("/.well-known/openid-configuration/other", None).status, 404);
        assert_eq!(server.post("/token", LOGIN).status, 200, "the marketplace is where it was");
        server.kill();
    }
}

fn start(store: &str, key_file: &Path) -> Running {
    start_with(store, key_file, &[])
}

fn start_with(store: &str, key_file: &Path, more: &[&str]) -> Running {
    // Where it listens is another place each time, and who it is must not be.
    let issuer = "http://id.example";
    let options = ["--store", store, "--key-file", key_file.to_str().unwrap(), "--issuer", issuer];
    Running::start(&[&options[..], more].concat())
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
