//! Refreshes per second through the engine on each store, with one caller and with 32, each beside the floor of its store:
//! what the same writes cost without an engine, by the same driver, in turns in the same run.
//!
//! ```text
//! cargo bench --bench stores                  # all that there are programs for
//! cargo bench --bench stores -- redis
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
use std::time::{Duration, Instant};

use fleet::Fleet;
use floors::{AppendFloor, PostgresFloor, RedisFloor};
use regrant::MemoryStore;
use regrant::store::{BoxFuture, DynTokenStore, FileStore, PostgresStore, RedisStore};
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
    println!("{:<12}{:>9}{:>16}{:>14}{:>10}", "store", "callers", "refreshes/s", "floor/s", "ratio");
    if is_wanted("memory") {
        let memory: Arc<dyn DynTokenStore> = Arc::new(MemoryStore::new());
        compare(&runtime, "memory", &memory, None);
    }
    if is_wanted("file") {
        let folder = Folder::new("bench");
        let store: Arc<dyn DynTokenStore> = Arc::new(FileStore::open(folder.path().join("grants")).unwrap());
        compare(&runtime, "file", &store, Some(&AppendFloor::new(folder.path()).work()));
    }
    if is_wanted("postgres")
        && let Some(server) = Postgres::durable()
    {
        let builder = PostgresStore::builder;
        for (name, builder, prepared) in
            [("postgres", builder(), false), ("prepared", builder().danger_prepared_statements(), true)]
        {
            let (store, floor) = runtime.block_on(async {
                let store = builder.connect(&server.url()).await.unwrap();
                store.migrate().await.unwrap();
                (Arc::new(store) as Arc<dyn DynTokenStore>, PostgresFloor::new(&server.url(), prepared).await.work())
            });
            compare(&runtime, name, &store, Some(&floor));
        }
    }
    if is_wanted("redis")
        && let Some(server) = Redis::start()
    {
        let (store, floor) = runtime.block_on(async {
            let store = RedisStore::connect(&server.url()).await.unwrap();
            (Arc::new(store) as Arc<dyn DynTokenStore>, RedisFloor::new(&server.url()).await.work())
        });
        compare(&runtime, "redis", &store, Some(&floor));
    }
    println!("\ngoal: a ratio of at most 1.5; medians of {ROUNDS} rounds, in turns");
}

fn compare(runtime: &Runtime, name: &str, store: &Arc<dyn DynTokenStore>, floor: Option<&Work>) {
    for callers in [1, 32] {
        let fleet = runtime.block_on(Fleet::new(Arc::clone(store), callers));
        let refresh = fleet.work();
        let each = calibrate(runtime, &refresh, callers);
        let (mut refreshes, mut floors, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let (mut refresh_time, mut floor_time) = (Duration::ZERO, Duration::ZERO);
            // In short turns, so that a neighbour's burst falls on both.
            for _ in 0..2 {
                refresh_time += run(runtime, &refresh, callers, each);
                if let Some(floor) = floor {
                    floor_time += run(runtime, floor, callers, each);
                }
            }
            let done = (2 * callers * each) as f64;
            refreshes.push(done / refresh_time.as_secs_f64());
            floors.push(done / floor_time.as_secs_f64());
            ratios.push(refresh_time.as_secs_f64() / floor_time.as_secs_f64());
        }
        print!("{name:<12}{callers:>9}{:>16.0}", median(&mut refreshes));
        if floor.is_some() {
            print!("{:>14.0}{:>10.2}", median(&mut floors), median(&mut ratios));
        }
        println!();
    }
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
