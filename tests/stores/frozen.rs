//! A login of a version before, byte for byte: its record as that wrote it and the tokens that its client has, on every store.

use std::time::Duration;

use regrant::store::{FileStore, Insert, PostgresStore, RedisStore};
use regrant::{Engine, Grant, Key, MemoryStore, Request, Scope, StaticClients, Timestamp, TokenStore};

use crate::kit::servers::Folder;
use crate::kit::servers::postgres::Postgres;
use crate::kit::servers::redis::{Redis, RedisCluster};
use crate::kit::{Password, Reply, SECRET, app, at, form, renewal};

/// Format 1, after the first step: the person alice at the client app, since [`at`]`(1)`.
const RECORD: &str = "01035f33f3c55974f3d2890bf1eb2521e27aba9acb075634a75622316bc480b33eec0000010100000001\
                      73e2f039880173e2f039880173e2f0398801747d6f0188017b3aa1658801747d6f0188\
                      00036170700005616c696365000a726561642077726974650000";
/// Of generation 1, under the key of id 1.
const REFRESH_TOKEN: &str = "AV8z88VZdPPSAAABSRGLFXAqVoDpSEW0qy1ERK0JyZQ";
const ACCESS_TOKEN: &str = "AV8z88VZdPPSAAABAAAAXzPzxQAOEP__________APPTIfTDwrNij22-MwDeFXMyZ00";

fn record() -> Grant {
    let bytes: Vec<u8> = RECORD
        .as_bytes()
        .chunks(2)
        .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 16).unwrap())
        .collect();
    let grant = Grant::decode(&bytes).unwrap();
    assert_eq!(grant.encode(), bytes, "nothing new is in it, so it stays of its format");
    grant
}

async fn goes_on<S: TokenStore>(store: S) {
    assert_eq!(store.insert(&record(), at(1)).await.unwrap(), Insert::Added);
    let clients = StaticClients::new().with(app().build().unwrap()).unwrap();
    let builder = Engine::builder(store, clients).key(Key::from_bytes(1, &[7; 32])).grant_handler(Password);
    let engine = builder.build().unwrap();
    let refresh = async |token: &str, now: Timestamp| {
        Reply::of(&engine.token(&form(renewal(token)).basic("app", SECRET).request(), now).await)
    };

    let header = format!("Bearer {ACCESS_TOKEN}");
    let request = Request::new("GET", b"").with_header("authorization", header.as_bytes());
    assert_eq!(engine.bearer(&request, &Scope::empty(), at(60)).await.unwrap().subject(), Some("alice"));
    let sessions = engine.sessions("alice", None, 10, at(60)).await.unwrap();
    assert_eq!(sessions.sessions.len(), 1);

    let first = refresh(REFRESH_TOKEN, at(60)).await;
    let next = first.assert_ok().refresh_token();
    // A lost answer is the same answer again (RFC 9700 section 4.14.2), as it was of that version.
    assert_eq!(refresh(REFRESH_TOKEN, at(61)).await.assert_ok().refresh_token(), next);
    let last = refresh(&next, at(120)).await.assert_ok().refresh_token();
    let loaded = engine.store().load(record().id()).await.unwrap().unwrap();
    assert_eq!((loaded.encode()[0], loaded.generation().as_u32()), (1, 3));

    // And a replay is one.
    let late = at(60) + Duration::from_secs(3_600);
    refresh(REFRESH_TOKEN, late).await.assert_error(400, "invalid_grant");
    refresh(&last, late).await.assert_error(400, "invalid_grant");
    assert_eq!(engine.store().load(record().id()).await.unwrap(), None);
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

#[test]
fn in_memory() {
    run(goes_on(MemoryStore::new()));
}

#[test]
fn on_a_file() {
    let folder = Folder::new("frozen");
    run(goes_on(FileStore::open(folder.path().join("grants")).unwrap()));
}

#[test]
fn on_postgresql() {
    let Some(server) = Postgres::start() else { return };
    run(async {
        let store = PostgresStore::builder().connect(&server.url()).await.unwrap();
        store.migrate().await.unwrap();
        goes_on(store).await;
    });
}

#[test]
fn on_redis() {
    let Some(server) = Redis::start() else { return };
    run(async {
        let store = RedisStore::builder().connect(&server.url()).await.unwrap();
        goes_on(store).await;
    });
}

#[test]
fn on_a_redis_cluster() {
    let Some(servers) = RedisCluster::start() else { return };
    run(async { goes_on(RedisStore::builder().connect_cluster(servers.urls()).await.unwrap()).await });
}
