//! What each store cannot be quicker than.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use deadpool_postgres::{Manager, Pool};
use redis::AsyncCommands;
use redis::aio::ConnectionManager;
use tokio::sync::oneshot;
use tokio_postgres::NoTls;
use tokio_postgres::types::{ToSql, Type};

use crate::Work;

/// About what a record of the fleet takes.
const RECORD: [u8; 160] = [0x5a; 160];
/// So many rows or keys for each caller.
const PLACES: usize = 16;

/// A record appended to a file and synced. Whoever waits meanwhile shares the next sync.
pub(crate) struct AppendFloor(Sender<oneshot::Sender<()>>);

impl AppendFloor {
    pub(crate) fn new(folder: &Path) -> Self {
        let mut file = File::create(folder.join("floor")).unwrap();
        let (sender, receiver) = channel::<oneshot::Sender<()>>();
        std::thread::spawn(move || {
            while let Ok(first) = receiver.recv() {
                let mut waiting = vec![first];
                waiting.extend(receiver.try_iter());
                let mut bytes = Vec::new();
                for _ in &waiting {
                    bytes.extend(RECORD);
                }
                file.write_all(&bytes).unwrap();
                file.sync_data().unwrap();
                for waiting in waiting {
                    let _ = waiting.send(());
                }
            }
        });
        Self(sender)
    }

    pub(crate) fn work(self) -> Work {
        Arc::new(move |_| {
            let (told, synced) = oneshot::channel();
            self.0.send(told).unwrap();
            Box::pin(async move { synced.await.unwrap() })
        })
    }
}

/// SELECT and UPDATE of a row by its primary key, by the same driver and a pool like the store's; prepared where the store
/// prepares.
pub(crate) struct PostgresFloor {
    pool: Pool,
    prepared: bool,
}

const SELECT: &str = "SELECT version, record FROM floor WHERE id = $1";
const UPDATE: &str = "UPDATE floor SET version = $2, record = $3 WHERE id = $1";

impl PostgresFloor {
    pub(crate) async fn new(url: &str, prepared: bool) -> Self {
        let manager = Manager::new(url.parse().unwrap(), NoTls);
        let pool = Pool::builder(manager).max_size(16).build().unwrap();
        let client = pool.get().await.unwrap();
        let table = "CREATE TABLE floor (id bigint PRIMARY KEY, version bigint, record bytea) WITH (fillfactor = 80)";
        client.batch_execute(&format!("DROP TABLE IF EXISTS floor; {table}")).await.unwrap();
        for id in 0..i64::try_from(32 * PLACES).unwrap() {
            client.execute("INSERT INTO floor VALUES ($1, 0, $2)", &[&id, &&RECORD[..]]).await.unwrap();
        }
        drop(client);
        Self { pool, prepared }
    }

    pub(crate) fn work(self) -> Work {
        Arc::new(move |caller| {
            let (pool, prepared) = (self.pool.clone(), self.prepared);
            Box::pin(async move {
                let id = place(caller);
                let client = pool.get().await.unwrap();
                let row = if prepared {
                    let select = client.prepare_cached(SELECT).await.unwrap();
                    client.query_one(&select, &[&id]).await.unwrap()
                } else {
                    client.query_typed(SELECT, &[(&id, Type::INT8)]).await.unwrap().remove(0)
                };
                let (version, record): (i64, &[u8]) = (row.get(0), row.get(1));
                drop(client);
                let (client, version) = (pool.get().await.unwrap(), version + 1);
                let updated = if prepared {
                    let update = client.prepare_cached(UPDATE).await.unwrap();
                    client.execute(&update, &[&id, &version, &record]).await.unwrap()
                } else {
                    let values: [(&(dyn ToSql + Sync), Type); 3] =
                        [(&id, Type::INT8), (&version, Type::INT8), (&record, Type::BYTEA)];
                    client.execute_typed(UPDATE, &values).await.unwrap()
                };
                assert_eq!(updated, 1);
            })
        })
    }
}

/// GET and SET of a key, by the same client.
pub(crate) struct RedisFloor(ConnectionManager);

impl RedisFloor {
    pub(crate) async fn new(url: &str) -> Self {
        let mut connection = redis::Client::open(url).unwrap().get_connection_manager().await.unwrap();
        for id in 0..i64::try_from(32 * PLACES).unwrap() {
            let _: () = connection.set(format!("floor:{id}"), &RECORD[..]).await.unwrap();
        }
        Self(connection)
    }

    pub(crate) fn work(self) -> Work {
        Arc::new(move |caller| {
            let mut connection = self.0.clone();
            Box::pin(async move {
                let key = format!("floor:{}", place(caller));
                let record: Vec<u8> = connection.get(&key).await.unwrap();
                let _: () = connection.set(&key, record).await.unwrap();
            })
        })
    }
}

/// One of the caller's own.
fn place(caller: usize) -> i64 {
    i64::try_from(caller * PLACES + rand::random_range(0..PLACES)).unwrap()
}
