//! The `PostgreSQL` store on servers of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test fails by panicking")]

#[path = "../servers/mod.rs"]
mod servers;

use servers::postgres::{PgBouncer, Postgres};

#[test]
fn a_server_comes_back_after_it_was_killed() {
    let Some(postgres) = Postgres::durable() else { return };
    let database = postgres.fresh_database();
    postgres.sql(&database, "CREATE TABLE kept (n int)");
    for n in 0..3 {
        postgres.sql(&database, &format!("INSERT INTO kept VALUES ({n})"));
        postgres.restart();
    }
    assert_eq!(postgres.sql(&database, "SELECT n FROM kept ORDER BY n"), "0\n1\n2");
    let Some(bouncer) = PgBouncer::start(&postgres, &database, 2) else { return };
    assert!(bouncer.url().contains("6432"));
}
