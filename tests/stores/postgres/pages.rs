//! What refreshes do to the table: updates stay within their page, and it does not grow.

use std::sync::Arc;

use regrant::grant::Version;
use regrant::store::{PostgresStore, Swap};
use regrant::{GrantId, TokenStore};

use crate::kit::records::{Fields, at};
use crate::kit::servers::postgres::{Disk, Postgres};
use crate::kit::servers::until;

const DAY: u64 = 86_400_000;
const GRANTS: u64 = 1_000;
const REFRESHES: u64 = 100;

/// When it expires after `times` refreshes, each an hour after the last, and each for another 30 days.
const fn expiry(times: u64) -> u64 {
    20_030 * DAY + times * DAY / 24
}

/// A grant as it usually is, refreshed `times`.
fn refreshed(id: u64, times: u64) -> Fields {
    let mut fields = Fields::new(id, times, &format!("usuario.teste.{id:06}")).expires_at(expiry(times)).salted();
    fields.client_id = "marketplace-app".into();
    fields.generation = u32::try_from(times).unwrap() + 1;
    fields
}

/// Ids as they are given out: of the second, and random.
const fn id(n: u64) -> u64 {
    (1_700_000_000 + n / 20) << 32 | (n.wrapping_mul(2_654_435_761) & 0xffff_ffff)
}

/// Brings all grants to `times` refreshes, by so many sessions at once.
async fn refresh_all(store: &Arc<PostgresStore>, sessions: u64, times: u64) {
    let mut tasks = Vec::new();
    for session in 0..sessions {
        let store = Arc::clone(store);
        tasks.push(tokio::spawn(async move {
            for n in (0..GRANTS).filter(|n| n % sessions == session) {
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

/// Of the table and all its indexes.
fn bytes_per_grant(server: &Postgres, database: &str) -> u64 {
    let size = "SELECT pg_total_relation_size('regrant_grants')";
    server.sql(database, size).parse::<u64>().unwrap() / GRANTS
}

/// What came of a hundred refreshes of every grant.
struct Course {
    /// Bytes per grant.
    after_one: u64,
    /// Bytes per grant.
    after_all: u64,
    updates: u64,
    /// Those of them that stayed within their page.
    hot: u64,
}

/// On a server of its own: other tests' sessions would keep what this one's leave to be cleared away.
async fn course(sessions: u64, settings: &[&str]) -> Option<Course> {
    let server = Postgres::with(Disk::Fast, settings)?;
    let database = server.fresh_database();
    let store = PostgresStore::builder()
        .danger_prepared_statements()
        .pool_size(usize::try_from(sessions).unwrap())
        .connect(&server.url_of(&database))
        .await
        .unwrap();
    store.migrate().await.unwrap();
    let store = Arc::new(store);
    refresh_all(&store, sessions, 0).await;
    refresh_all(&store, sessions, 1).await;
    let after_one = bytes_per_grant(&server, &database);
    for times in 2..=REFRESHES {
        refresh_all(&store, sessions, times).await;
    }
    let after_all = bytes_per_grant(&server, &database);
    assert!(store.load(GrantId::from_u64(id(7))).await.unwrap().is_some());
    until("the counts", || updates(&server, &database).0 >= REFRESHES * GRANTS);
    let (updates, hot) = updates(&server, &database);
    eprintln!("{sessions} sessions: {after_one} bytes per grant, then {after_all}; {hot} of {updates} HOT");
    Some(Course { after_one, after_all, updates, hot })
}

/// The worst that autovacuum can do is not to come, and then nothing here depends on when things happen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_refresh_stays_within_its_page_though_nobody_vacuums() {
    let Some(course) = course(1, &["autovacuum=off"]).await else { return };
    assert_eq!(course.updates, REFRESHES * GRANTS);
    assert_eq!(course.hot, course.updates, "no update is in the indexes");
    // Of so few grants, much of it is pages that are not full.
    assert!(course.after_one <= 1_000, "{} bytes per grant", course.after_one);
    assert!(course.after_all <= course.after_one + course.after_one / 4, "{} bytes per grant", course.after_all);
}

/// A session that the machine keeps waiting keeps what the others leave, for so long: on a busy one the table takes what
/// stands in the bound, and takes it once. A row per refresh would be thirty times as much as one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_table_does_not_grow_under_many_sessions_vacuumed_as_it_comes() {
    let Some(course) = course(8, &[]).await else { return };
    assert!(course.hot * 10 >= course.updates * 8, "{} of {} updates HOT", course.hot, course.updates);
    assert!(course.after_all <= 3 * course.after_one, "{} bytes after {}", course.after_all, course.after_one);
}
