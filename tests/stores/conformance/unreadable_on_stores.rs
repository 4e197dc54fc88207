//! Records that cannot be read, on the stores that are servers. That of the file store's is beside it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use regrant::GrantId;
use regrant::conformance::Conformance;
use regrant::store::{PostgresStore, RedisStore};

use crate::kit::servers::postgres::Postgres;
use crate::kit::servers::redis::Redis;

/// A name for each store.
fn number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgresql() {
    let Some(server) = Postgres::start() else { return };
    // One store is made for each check, and checks come one after the other.
    let table = Arc::new(Mutex::new(String::new()));
    let make = async || {
        let name = format!("grants_{}", number());
        let store = PostgresStore::builder().table(&name).pool_size(4).connect(&server.url()).await.unwrap();
        store.migrate().await.unwrap();
        *table.lock() = name;
        store
    };
    let (url, table) = (server.url(), Arc::clone(&table));
    let spoil = move |_: Arc<PostgresStore>, id: GrantId, record: Vec<u8>| {
        let (url, table) = (url.clone(), table.lock().clone());
        async move {
            let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
            let connection = tokio::spawn(connection);
            let update = format!("UPDATE {table} SET record = $2 WHERE id = $1");
            let updated = client.execute(&update, &[&id.as_u64().cast_signed(), &record]).await.unwrap();
            assert_eq!(updated, 1);
            drop(client);
            connection.await.unwrap().unwrap();
        }
    };
    Conformance::new().check_unreadable(|task| drop(tokio::spawn(task)), make, spoil).await.assert();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redis() {
    let Some(server) = Redis::start() else { return };
    let server = Arc::new(server);
    let prefix = Arc::new(Mutex::new(String::new()));
    let make = async || {
        let name = format!("{}:", number());
        let store = RedisStore::builder().key_prefix(&name).connect(&server.url()).await.unwrap();
        *prefix.lock() = name;
        store
    };
    let (servers, prefix) = (Arc::clone(&server), Arc::clone(&prefix));
    let spoil = move |_: Arc<RedisStore>, id: GrantId, record: Vec<u8>| {
        let key = format!("{}grant:{id}", prefix.lock());
        let mut connection = servers.look();
        // Before the record there is what the store says of it itself.
        let head: Vec<u8> = redis::cmd("GETRANGE").arg(&key).arg(0).arg(14).query(&mut connection).unwrap();
        assert_eq!(head.len(), 15);
        let value = [head, record].concat();
        let () = redis::cmd("SET").arg(&key).arg(value).arg("KEEPTTL").query(&mut connection).unwrap();
        std::future::ready(())
    };
    Conformance::new().check_unreadable(|task| drop(tokio::spawn(task)), make, spoil).await.assert();
}
