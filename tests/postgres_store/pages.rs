//! What refreshes do to the table: updates stay within their page, and it does not grow.

use std::sync::Arc;

use regrant::{GrantId, PostgresStore, Swap, TokenStore, Version};

use crate::records::{Fields, at};
use crate::servers::postgres::Postgres;
use crate::servers::until;

const DAY: u64 = 86_400_000;
const GRANTS: u64 = 2_000;
const WORKERS: u64 = 8;

/// A grant as it usually is, refreshed `times`, each time an hour later, for another 30 days.
fn refreshed(id: u64, times: u64) -> Fields {
    let now = 20_000 * DAY + times * DAY / 24;
    let mut fields = Fields::new(id, times, &format!("usuario.teste.{id:06}")).expires_at(now + 30 * DAY).salted();
    fields.client_id = "marketplace-app".into();
    fields.generation = u32::try_from(times).unwrap() + 1;
    fields
}

/// Ids as they are given out: of the second, and random.
const fn id(n: u64) -> u64 {
    (1_700_000_000 + n / 20) << 32 | (n.wrapping_mul(2_654_435_761) & 0xffff_ffff)
}

async fn refresh_all(store: &Arc<PostgresStore>, grants: u64, times: u64) {
    let mut tasks = Vec::new();
    for worker in 0..WORKERS {
        let store = Arc::clone(store);
        tasks.push(tokio::spawn(async move {
            for n in (0..grants).filter(|n| n % WORKERS == worker) {
                let next = refreshed(id(n), times).grant();
                if times == 0 {
                    store.insert(&next, at(0)).await.unwrap();
                } else {
                    let swap = store.compare_and_swap(Version::from_u64(times - 1), &next, at(0)).await.unwrap();
                    assert_eq!(swap, Swap::Swapped);
                }
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

/// Updates, and those that stayed within their page.
fn updates(server: &Postgres, database: &str) -> (u64, u64) {
    let counted = server
        .sql(database, "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'regrant_grants'");
    let (all, hot) = counted.split_once('|').unwrap();
    (all.parse().unwrap(), hot.parse().unwrap())
}

fn bytes_per_grant(server: &Postgres, database: &str, grants: u64) -> u64 {
    let sizes = "SELECT pg_total_relation_size('regrant_grants')";
    server.sql(database, sizes).parse::<u64>().unwrap() / grants
}

/// A server as it comes, but for `fsync`: other tests' sessions would keep what this one's autovacuum is to remove.
async fn alone() -> Option<(Postgres, String, Arc<PostgresStore>)> {
    let server = Postgres::start()?;
    let database = server.fresh_database();
    let store = PostgresStore::builder()
        .danger_prepared_statements()
        .pool_size(8)
        .connect(&server.url_of(&database))
        .await
        .unwrap();
    store.migrate().await.unwrap();
    Some((server, database, Arc::new(store)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refreshes_stay_within_their_page_and_the_table_does_not_grow() {
    let Some((server, database, store)) = alone().await else { return };
    let grants = GRANTS;
    refresh_all(&store, grants, 0).await;
    refresh_all(&store, grants, 1).await;
    let after_one = bytes_per_grant(&server, &database, grants);
    for times in 2..=100 {
        refresh_all(&store, grants, times).await;
    }
    let after_hundred = bytes_per_grant(&server, &database, grants);
    until("the counts", || updates(&server, &database).0 >= 100 * grants);
    let (all, hot) = updates(&server, &database);
    let share = hot * 1_000 / all;
    eprintln!(
        "{grants} grants: {after_one} bytes each after 1 refresh, {after_hundred} after 100, {share} of 1000 HOT"
    );
    // An hour apart, so that 4 of 100 change the bucket, and are then in every index once more.
    assert!(share >= 900, "{share} of 1000 updates stayed within their page");
    // Of so few grants, most of it is pages that sessions took in advance.
    assert!(after_one <= 1_000, "{after_one} bytes per grant");
    assert!(after_hundred <= after_one + after_one / 4, "{after_hundred} bytes per grant after {after_one}");
    assert!(store.load(GrantId::from_u64(id(7))).await.unwrap().is_some());
}
