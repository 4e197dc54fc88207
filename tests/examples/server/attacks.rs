//! Key files that somebody else laid there, or that two servers make at once, and passwords in what is typed wrong.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::process::{Running, fails_to_start};
use super::{logged_in, start};
use crate::kit::servers::Folder;

fn refused(key_file: &Path) -> String {
    fails_to_start(&["--key-file", key_file.to_str().unwrap()])
}

fn private(path: &Path, content: &[u8]) {
    fs::write(path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn names(folder: &Folder) -> Vec<String> {
    fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn servers_that_start_at_once_go_on_with_one_key_file_and_leave_nothing_beside_it() {
    let folder = Folder::new("keys");
    let key_file = folder.path().join("keys.json");
    // Built before, so that they do meet.
    assert!(refused(folder.path()).contains("key file"));
    let servers: Vec<Running> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..4).map(|_| scope.spawn(|| start("memory", &key_file))).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    let keys: Vec<_> = servers.iter().map(|server| server.get("/oauth2/jwks", None).json()).collect();
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    assert_eq!(names(&folder), ["keys.json"]);
    assert_eq!(fs::metadata(&key_file).unwrap().permissions().mode() & 0o7777, 0o600);
}

#[test]
fn a_link_is_judged_by_what_it_leads_to() {
    let folder = Folder::new("keys");
    let (link, target) = (folder.path().join("link"), folder.path().join("target"));
    symlink(&target, &link).unwrap();
    // Nothing is made where somebody's link leads.
    assert!(refused(&link).contains("cannot read"));
    assert_eq!(names(&folder), ["link"]);
    start("memory", &target).kill();
    start("memory", &link).kill();
    fs::set_permissions(&target, fs::Permissions::from_mode(0o604)).unwrap();
    assert!(refused(&link).contains("chmod 600"));
    fs::set_permissions(&target, fs::Permissions::from_mode(0o620)).unwrap();
    assert!(refused(&link).contains("chmod 600"));
}

#[test]
fn neither_a_huge_file_nor_one_that_is_no_text_nor_half_of_one_is_a_key_file() {
    let folder = Folder::new("keys");
    let key_file = folder.path().join("keys.json");
    start("memory", &key_file).kill();
    let whole = fs::read(&key_file).unwrap();
    for length in (0..whole.len() - 2).step_by(97) {
        private(&key_file, &whole[..length]);
        let told = refused(&key_file);
        assert!(told.contains("is not one") && !told.contains("BEGIN"), "{length}: {told}");
    }
    let mut huge = whole.clone();
    huge.splice(1..1, std::iter::repeat_n(b' ', 1 << 20));
    private(&key_file, &huge);
    assert!(refused(&key_file).contains("is not one"));
    private(&key_file, b"\xff\xfesecret-looking");
    let told = refused(&key_file);
    assert!(told.contains("cannot read") && !told.contains("secret"), "{told}");
    private(&key_file, &whole);
    start("memory", &key_file).kill();
}

#[test]
fn a_url_that_is_typed_wrong_is_not_repeated() {
    let folder = Folder::new("keys");
    let key_file = folder.path().join("keys.json");
    for url in [
        "mysql://me:hunter2@h/x",
        "postgress://me:hunter2@h/x",
        "POSTGRES://me:hunter2@h/x",
        " postgres://me:hunter2@h/x",
        "rediss://me:hunter2@h",
        "host=h password=hunter2",
        "postgres://me:p@hunter2@127.0.0.1:1/none?connect_timeout=2",
        "postgres://me:%zzhunter2@127.0.0.1:1/none",
        "postgres://me:hunter2@127.0.0.1:hunter2/none",
        "postgres://127.0.0.1:1/none?password=hunter2&hunter2=1",
        "postgres:host=127.0.0.1 port=1 password='hunter2",
        "redis://me:hunter2@127.0.0.1:hunter2",
        "redis://:hunter2@127.0.0.1:1/hunter2",
        "redis://me:p@hunter2@127.0.0.1:1",
        "redis-cluster://me:hunter2@",
        "redis-cluster://me:hunter2@127.0.0.1:1,",
        "redis-cluster://me:p@hunter2@127.0.0.1:1,127.0.0.1:1",
        "redis-cluster://me:hunter2@127.0.0.1:1/hunter2",
        "redis-cluster://me:hunter2@127.0.0.1:hunter2,127.0.0.1:1",
        "redis-cluster://:hunter2@127.0.0.1:1,127.0.0.1:1",
        "redis-cluster:me:hunter2@127.0.0.1:1",
        "redis+unix:///nowhere?pass=hunter2&db=hunter2",
    ] {
        let told = fails_to_start(&["--store", url, "--key-file", key_file.to_str().unwrap()]);
        assert!(!told.contains("hunter2"), "{told}");
        assert!(!told.contains("panicked"), "{told}");
    }
}

#[test]
fn a_key_of_another_server_on_the_same_store_is_told_apart_from_a_broken_one() {
    let (folder, other) = (Folder::new("keys"), Folder::new("other"));
    let store = format!("file:{}", folder.path().join("grants").display());
    logged_in(&store, &folder.path().join("keys.json")).0.kill();
    // The same key under another id is another key.
    let key_file = other.path().join("keys.json");
    let text = fs::read_to_string(folder.path().join("keys.json")).unwrap();
    private(&key_file, text.replace("\"key_id\": 1", "\"key_id\": 2").as_bytes());
    let told = fails_to_start(&["--store", &store, "--key-file", key_file.to_str().unwrap()]);
    assert!(told.contains("every client would be logged out"), "{told}");
}
