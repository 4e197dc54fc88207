//! Refreshes per second through the engine on each store, with one caller and with 32, each beside the floor of its store:
//! what the same writes cost without an engine, by the same driver, in turns in the same run.
//!
//! ```text
//! cargo bench --bench stores                  # all that there are programs for
//! cargo bench --bench stores -- redis
//! cargo bench --bench stores -- markers       # a single-use marker beside a login: an insert of each
//! ```

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a benchmark")]
#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts")]

#[path = "../tests/kit/anyone.rs"]
mod anyone;
#[path = "stores/fleet.rs"]
mod fleet;
#[path = "stores/floors.rs"]
mod floors;
#[allow(dead_code, reason = "tests use the rest")]
#[path = "../tests/kit/servers/mod.rs"]
mod servers;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use fleet::Fleet;
use floors::{AppendFloor, PostgresFloor, RedisFloor};
use regrant::internal::{sample_login, sample_marker};
use regrant::store::{BoxFuture, DynTokenStore, FileStore, Insert, PostgresStore, RedisStore, TokenStore as _};
use regrant::{Grant, MemoryStore, Timestamp};
use servers::Folder;
use servers::postgres::Postgres;
use servers::redis::Redis;
use tokio::runtime::{Builder, Runtime};

/// Of which the median counts.
const ROUNDS: usize = 7;
/// How long a turn is about to take.
const TURN: Duration = Duration::from_millis(400);

/// One operation of the caller of that number.
pub(crate) type Work = Arc<dyn Fn(usize) -> BoxFuture<'static, ()> + Send + Sync>;

fn main() {
    // Cargo passes `--bench`.
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let is_wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let folder = Folder::new("bench");
    let (postgres, redis) = (Postgres::durable(), Redis::start());
    if only.as_deref() == Some("markers") {
        println!("{:<12}{:>9}{:>16}{:>14}{:>10}", "store", "callers", "markers/s", "logins/s", "ratio");
        for (name, store) in runtime.block_on(stores(&folder, postgres.as_ref(), redis.as_ref())) {
            compare_inserts(&runtime, name, &store);
        }
        return;
    }
    println!("{:<12}{:>9}{:>16}{:>14}{:>10}", "store", "callers", "refreshes/s", "floor/s", "ratio");
    for (name, store) in runtime.block_on(stores(&folder, postgres.as_ref(), redis.as_ref())) {
        if !is_wanted(name) {
            continue;
        }
        let floor = runtime.block_on(async {
            match (name, &postgres, &redis) {
                ("file", ..) => Some(AppendFloor::new(folder.path()).work()),
                ("postgres" | "prepared", Some(server), _) => {
                    Some(PostgresFloor::new(&server.url(), name == "prepared").await.work())
                }
                ("redis", _, Some(server)) => Some(RedisFloor::new(&server.url()).await.work()),
                _ => None,
            }
        });
        compare(&runtime, name, &store, floor.as_ref());
    }
    println!("\ngoal: a ratio of at most 1.5; medians of {ROUNDS} rounds, in turns");
}

/// Those that there are programs for.
async fn stores(
    folder: &Folder,
    postgres: Option<&Postgres>,
    redis: Option<&Redis>,
) -> Vec<(&'static str, Arc<dyn DynTokenStore>)> {
    let mut stores: Vec<(_, Arc<dyn DynTokenStore>)> = vec![
        ("memory", Arc::new(MemoryStore::new())),
        ("file", Arc::new(FileStore::open(folder.path().join("grants")).unwrap())),
    ];
    if let Some(server) = postgres {
        let builder = PostgresStore::builder;
        for (name, builder) in [("postgres", builder()), ("prepared", builder().danger_prepared_statements())] {
            let store = builder.connect(&server.url()).await.unwrap();
            store.migrate().await.unwrap();
            stores.push((name, Arc::new(store)));
        }
    }
    if let Some(server) = redis {
        stores.push(("redis", Arc::new(RedisStore::connect(&server.url()).await.unwrap())));
    }
    stores
}

/// Numbers that no other record of this run has.
static NEXT: AtomicU32 = AtomicU32::new(1);

fn insert_work(store: &Arc<dyn DynTokenStore>, record: fn(u32) -> Grant) -> Work {
    let store = Arc::clone(store);
    Arc::new(move |_| {
        let (store, record) = (Arc::clone(&store), record(NEXT.fetch_add(1, Ordering::Relaxed)));
        Box::pin(async move {
            let now = record.expires_at() - Duration::from_secs(60);
            assert_eq!(store.insert(&record, now).await.unwrap(), Insert::Added);
        })
    })
}

fn compare_inserts(runtime: &Runtime, name: &str, store: &Arc<dyn DynTokenStore>) {
    let marker =
        |number| sample_marker(number, Timestamp::from_secs(1_700_000_000 + u64::from(number) / 1_000 % 3_600));
    let (marker, login) = (insert_work(store, marker), insert_work(store, sample_login));
    for callers in [1, 32] {
        compare_work(runtime, name, callers, &marker, Some(&login));
    }
}

fn compare(runtime: &Runtime, name: &str, store: &Arc<dyn DynTokenStore>, floor: Option<&Work>) {
    for callers in [1, 32] {
        let fleet = runtime.block_on(Fleet::new(Arc::clone(store), callers));
        compare_work(runtime, name, callers, &fleet.work(), floor);
    }
}

fn compare_work(runtime: &Runtime, name: &str, callers: usize, work: &Work, floor: Option<&Work>) {
    let each = calibrate(runtime, work, callers);
    let (mut done_by_work, mut done_by_floor, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (mut work_time, mut floor_time) = (Duration::ZERO, Duration::ZERO);
        // In short turns, so that a neighbour's burst falls on both.
        for _ in 0..2 {
            work_time += run(runtime, work, callers, each);
            if let Some(floor) = floor {
                floor_time += run(runtime, floor, callers, each);
            }
        }
        let done = (2 * callers * each) as f64;
        done_by_work.push(done / work_time.as_secs_f64());
        done_by_floor.push(done / floor_time.as_secs_f64());
        ratios.push(work_time.as_secs_f64() / floor_time.as_secs_f64());
    }
    print!("{name:<12}{callers:>9}{:>16.0}", median(&mut done_by_work));
    if floor.is_some() {
        print!("{:>14.0}{:>10.2}", median(&mut done_by_floor), median(&mut ratios));
    }
    println!();
}

/// How many operations of each caller fill a turn.
fn calibrate(runtime: &Runtime, work: &Work, callers: usize) -> usize {
    let mut each = 4;
    loop {
        let took = run(runtime, work, callers, each);
        if took > TURN / 4 {
            return ((each as f64 * TURN.as_secs_f64() / took.as_secs_f64()) as usize).max(1);
        }
        each *= 2;
    }
}

/// Every caller does it so often, all at once.
fn run(runtime: &Runtime, work: &Work, callers: usize, each: usize) -> Duration {
    runtime.block_on(async {
        let begun = Instant::now();
        let tasks: Vec<_> = (0..callers)
            .map(|caller| {
                let work = Arc::clone(work);
                tokio::spawn(async move {
                    for _ in 0..each {
                        work(caller).await;
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        begun.elapsed()
    })
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
