//! The `PostgreSQL` store on servers of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test fails by panicking")]

#[path = "../support/anyone.rs"]
mod anyone;
mod attacks;
mod basics;
mod crashes;
#[path = "../support/events.rs"]
#[allow(dead_code, reason = "each test target uses its part")]
mod events;
mod faults;
mod model;
mod pages;
mod races;
#[path = "../records/mod.rs"]
mod records;
mod schema;
#[path = "../servers/mod.rs"]
mod servers;
#[path = "../support/wire.rs"]
#[allow(dead_code, reason = "each test target uses its part")]
mod wire;

use std::sync::OnceLock;

use regrant::{PostgresStore, PostgresStoreBuilder};
use servers::postgres::Postgres;

/// One server for all that need nothing special of it.
fn server() -> Option<&'static Postgres> {
    static SERVER: OnceLock<Option<Postgres>> = OnceLock::new();
    SERVER.get_or_init(Postgres::start).as_ref()
}

/// A store in a database of its own.
async fn store() -> Option<(&'static Postgres, String, PostgresStore)> {
    store_by(&PostgresStore::builder()).await
}

async fn store_by(builder: &PostgresStoreBuilder) -> Option<(&'static Postgres, String, PostgresStore)> {
    let server = server()?;
    let database = server.fresh_database();
    let store = builder.connect(&server.url_of(&database)).await.unwrap();
    store.migrate().await.unwrap();
    Some((server, database, store))
}
