//! Refresh, login, replay and bearer check through the whole engine, from bytes to bytes, among a thousand, a million and
//! ten million grants, on one thread and on two; and the floor in the same run.
//!
//! ```text
//! cargo bench --bench engine                       # all of it: some minutes and 5 GB
//! cargo bench --bench engine -- /1000000           # among a million
//! ```

#![allow(missing_docs, clippy::unwrap_used, clippy::cast_precision_loss, reason = "a benchmark")]

mod support;

use std::cell::{LazyCell, RefCell};
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use regrant::{Request, Scope};
use support::fleet::{Fleet, NOW, login};
use support::floor::Floor;
use support::{replays, threads};

const SIZES: [usize; 3] = [1_000, 1_000_000, 10_000_000];

fn count(iterations: u64) -> usize {
    usize::try_from(iterations).unwrap()
}

/// Scales a time for `done` iterations to `wanted` ones.
fn scaled(time: Duration, done: usize, wanted: u64) -> Duration {
    Duration::from_secs_f64(time.as_secs_f64() * count(wanted) as f64 / done as f64)
}

fn engine(criterion: &mut Criterion) {
    for size in SIZES {
        // Made when the first benchmark that was asked for needs it.
        let fleet = LazyCell::new(|| RefCell::new(Fleet::new(size, 20, 0, |_| ())));
        let mut group = criterion.benchmark_group("engine");
        group.sample_size(20);
        for threads in [1, 2] {
            group.bench_function(BenchmarkId::new(format!("refresh/{threads}-thread"), size), |bencher| {
                let mut start = 0;
                bencher.iter_custom(|iterations| {
                    start += 7;
                    let even = count(iterations).next_multiple_of(threads);
                    let time = threads::refresh_on(&mut fleet.borrow_mut(), threads, even, start);
                    scaled(time, even, iterations)
                });
            });
        }
        group.bench_function(BenchmarkId::new("bearer", size), |bencher| {
            let fleet = fleet.borrow();
            let access = bearer_headers(&fleet, 10_000.min(size));
            let mut next = access.iter().cycle();
            let anything = Scope::empty();
            bencher.iter(|| {
                let request = Request::new("GET", b"").with_header("authorization", next.next().unwrap());
                fleet.engine.blocking().bearer(&request, &anything, NOW).unwrap().unwrap()
            });
        });
        // These change the number of grants, or add to it, so they come last.
        group.bench_function(BenchmarkId::new("replay", size), |bencher| {
            let fleet = fleet.borrow();
            let mut first = size;
            bencher.iter_custom(|iterations| {
                first += count(iterations);
                replays::replay(&fleet, first, count(iterations))
            });
        });
        group.bench_function(BenchmarkId::new("login", size), |bencher| {
            let fleet = fleet.borrow();
            let mut i = 2 * size;
            bencher.iter_custom(|iterations| {
                let start = Instant::now();
                for _ in 0..iterations {
                    i += 1;
                    login(&fleet.engine, &fleet.header, i, 20);
                }
                start.elapsed()
            });
        });
        group.finish();
    }
}

/// The access tokens of some logins, as headers.
fn bearer_headers(fleet: &Fleet, count: usize) -> Vec<Vec<u8>> {
    (0..count)
        .map(|i| {
            let response = login(&fleet.engine, &fleet.header, i, 20);
            let token = &response[b"{\"access_token\":\"".len()..][..67];
            [b"Bearer ", token].concat()
        })
        .collect()
}

fn floor(criterion: &mut Criterion) {
    for size in SIZES {
        let mut group = criterion.benchmark_group("floor");
        group.sample_size(20);
        for threads in [1, 2] {
            group.bench_function(BenchmarkId::new(format!("refresh/{threads}-thread"), size), |bencher| {
                let mut floors: Vec<Floor> = (0..threads).map(|_| Floor::hmac(size / threads)).collect();
                let mut start = 0;
                bencher.iter_custom(|iterations| {
                    start += 7;
                    let even = count(iterations).next_multiple_of(threads);
                    scaled(threads::floor_on(&mut floors, even, start), even, iterations)
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, engine, floor);
criterion_main!(benches);
