//! The `PostgreSQL` store on servers of its own.

mod attacks;
mod basics;
mod crashes;
mod faults;
mod model;
mod pages;
mod purging;
mod races;
mod schema;

use regrant::store::{PostgresStore, PostgresStoreBuilder};

use crate::kit::servers::postgres::Postgres;

/// One server for all that need nothing special of it.
fn server() -> Option<&'static Postgres> {
    Postgres::shared()
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
