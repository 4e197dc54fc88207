//! What a purge reads: each row that was extended once, and rows that expire in a later minute not at all.

use deadpool_postgres::{Manager, Pool};
use regrant::grant::Version;
use regrant::store::{PostgresStore, Swap};
use regrant::{GrantId, TokenStore};
use tokio_postgres::NoTls;

use super::server;
use crate::kit::records::{Fields, at};

const DAY: u64 = 86_400_000;
const MINUTE: u64 = 60_000;
const GRANTS: u64 = 2_000;

/// A store on one session, which is asked afterwards what it has read.
struct Counted {
    store: PostgresStore,
    pool: Pool,
}

impl Counted {
    async fn new() -> Option<Self> {
        let server = server()?;
        let database = server.fresh_database();
        let config: tokio_postgres::Config = server.url_of(&database).parse().unwrap();
        let pool = Pool::builder(Manager::new(config, NoTls)).max_size(1).build().unwrap();
        let store = PostgresStore::builder().connect_pool(pool.clone()).await.unwrap();
        store.migrate().await.unwrap();
        Some(Self { store, pool })
    }

    async fn fill(&self, expires_at: impl Fn(u64) -> u64) {
        for id in 0..GRANTS {
            self.store.insert(&Fields::new(id, 0, "a").expires_at(expires_at(id)).grant(), at(0)).await.unwrap();
        }
        self.pool.get().await.unwrap().batch_execute("ANALYZE regrant_grants").await.unwrap();
    }

    /// Brings a grant from a version to the next, and to another expiry.
    async fn refresh(&self, id: u64, version: u64, expires_at: u64) {
        let next = Fields::new(id, version + 1, "a").expires_at(expires_at).grant();
        let swap = self.store.compare_and_swap(Version::from_u64(version), &next, at(0)).await.unwrap();
        assert_eq!(swap, Swap::Swapped);
    }

    /// Rows of the table that this session has read, and updated.
    async fn counts(&self) -> (i64, i64) {
        let session = self.pool.get().await.unwrap();
        session.query("SELECT pg_stat_force_next_flush()", &[]).await.unwrap();
        let counts = "SELECT seq_tup_read + idx_tup_fetch, n_tup_upd FROM pg_stat_user_tables \
                      WHERE relname = 'regrant_grants'";
        let row = session.query_one(counts, &[]).await.unwrap();
        (row.get(0), row.get(1))
    }

    /// How many rows a purge removes, and how many it reads for that.
    async fn purge(&self, now: u64, limit: usize) -> (usize, i64) {
        let before = self.counts().await.0;
        let removed = self.store.purge_expired(at(now), limit).await.unwrap();
        (removed, self.counts().await.0 - before)
    }

    /// A purge removes nothing and reads nothing; the planner may look at the first row and the last.
    async fn reads_nothing(&self, now: u64) {
        let (removed, read) = self.purge(now, usize::MAX).await;
        assert_eq!(removed, 0);
        assert!(read <= 2, "{read} rows read at {now}");
    }
}

#[tokio::test]
async fn a_purge_that_removes_nothing_reads_nothing_of_what_expires_later_today() {
    let Some(counted) = Counted::new().await else { return };
    counted.fill(|id| 10 * DAY + DAY / 2 + id * MINUTE).await;
    for hour in 0..12 {
        counted.reads_nothing(10 * DAY + hour * DAY / 24).await;
    }
    // Of what has expired each row is read three times at most: to be found, to be locked, and to be removed.
    let (removed, read) = counted.purge(10 * DAY + DAY / 2 + 9 * MINUTE, 1_000).await;
    assert_eq!(removed, 10);
    assert!(read <= 3 * 10, "{read} rows read");
}

#[tokio::test]
async fn what_was_extended_is_read_once_and_then_not_before_it_expires() {
    let Some(counted) = Counted::new().await else { return };
    counted.fill(|id| 10 * DAY + id).await;
    for version in 0..3 {
        for id in 0..GRANTS {
            counted.refresh(id, version, (20 + version) * DAY + id).await;
        }
    }
    let updates = counted.counts().await.1;
    assert_eq!(updates, 6_000);
    // Nothing expired of it, and nothing is lost: 2,000 rows are moved on in the index.
    let (removed, read) = counted.purge(15 * DAY, usize::MAX).await;
    assert_eq!(removed, 0);
    assert!(read <= 3 * 2_000, "{read} rows read");
    assert_eq!(counted.counts().await.1 - updates, 2_000);
    for day in 15..22 {
        counted.reads_nothing(day * DAY).await;
    }
    assert_eq!(counted.purge(22 * DAY + 1_999, usize::MAX).await.0, 2_000);
}

/// One that has expired is found among many that were extended, with a limit of one, and the limit holds.
#[tokio::test]
async fn a_small_limit_gets_past_many_that_were_extended() {
    let Some(counted) = Counted::new().await else { return };
    counted.fill(|id| 10 * DAY + id).await;
    for id in (0..GRANTS).filter(|id| ![1_500, 1_700].contains(id)) {
        counted.refresh(id, 0, 20 * DAY).await;
    }
    for left in [1, 0] {
        assert_eq!(counted.purge(15 * DAY, 1).await.0, 1);
        let there = counted.store.load(GrantId::from_u64(1_700)).await.unwrap();
        assert_eq!(usize::from(there.is_some()), left);
    }
    assert_eq!(counted.purge(15 * DAY, 1).await.0, 0);
    counted.reads_nothing(15 * DAY).await;
}

/// To an earlier expiry the index follows at once: an engine that ends a login early does not wait for a purge.
#[tokio::test]
async fn what_expires_earlier_than_before_is_purged_then() {
    let Some(counted) = Counted::new().await else { return };
    counted.fill(|_| 20 * DAY).await;
    counted.refresh(7, 0, 5 * DAY).await;
    counted.reads_nothing(5 * DAY - 1).await;
    assert_eq!(counted.purge(5 * DAY, 10).await.0, 1);
    assert_eq!(counted.store.load(GrantId::from_u64(7)).await.unwrap(), None);
}
