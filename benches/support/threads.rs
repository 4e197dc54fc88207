//! The same work on one thread or on several, timed from a common start to the last end.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use super::fleet::{Fleet, refresh};
use super::floor::Floor;
use super::{RefreshBody, Shuffled};

/// `iterations` refreshes in all, on `threads` threads that each have a part of the grants.
pub fn refresh_on(fleet: &mut Fleet, threads: usize, iterations: usize, start: usize) -> Duration {
    let (engine, header) = (&fleet.engine, &fleet.header);
    let part = fleet.tokens.len() / threads;
    race(fleet.tokens.chunks_mut(part).take(threads), |tokens| {
        let mut body = RefreshBody::new();
        let mut order = Shuffled::new(tokens.len(), start);
        for _ in 0..iterations / threads {
            let i = order.next();
            tokens[i] = refresh(engine, header, &mut body, &tokens[i]);
        }
    })
}

/// The same with the floor, of which each thread has one of its own.
pub fn floor_on(floors: &mut [Floor], iterations: usize, start: usize) -> Duration {
    let threads = floors.len();
    race(floors.iter_mut(), |floor| {
        let mut body = RefreshBody::new();
        let mut order = Shuffled::new(floor.tokens.len(), start);
        for _ in 0..iterations / threads {
            floor.refresh(&mut body, order.next());
        }
    })
}

fn race<P: Send>(parts: impl ExactSizeIterator<Item = P>, work: impl Fn(P) + Sync) -> Duration {
    let ready = Barrier::new(parts.len());
    std::thread::scope(|scope| {
        let runners: Vec<_> = parts
            .map(|part| {
                let (ready, work) = (&ready, &work);
                scope.spawn(move || {
                    ready.wait();
                    let start = Instant::now();
                    work(part);
                    (start, Instant::now())
                })
            })
            .collect();
        let times: Vec<_> = runners.into_iter().map(|runner| runner.join().unwrap()).collect();
        let start = times.iter().map(|(start, _)| *start).min().unwrap();
        let end = times.iter().map(|(_, end)| *end).max().unwrap();
        end - start
    })
}
