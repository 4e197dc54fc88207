//! The `PostgreSQL` store on servers of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test fails by panicking")]

mod basics;
mod fields;
#[path = "../servers/mod.rs"]
mod servers;

use std::sync::OnceLock;

use regrant::PostgresStore;
use servers::postgres::Postgres;

/// One server for all that need nothing special of it.
fn server() -> Option<&'static Postgres> {
    static SERVER: OnceLock<Option<Postgres>> = OnceLock::new();
    SERVER.get_or_init(Postgres::start).as_ref()
}

/// A store in a database of its own.
async fn store() -> Option<(&'static Postgres, String, PostgresStore)> {
    let server = server()?;
    let database = server.fresh_database();
    let store = PostgresStore::connect(&server.url_of(&database)).await.unwrap();
    store.migrate().await.unwrap();
    Some((server, database, store))
}
