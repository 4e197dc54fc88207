//! The project's goals, each as a ratio of two things measured in turns in the same run, since machines are noisy and
//! ratios are less so.
//!
//! ```text
//! cargo bench --bench goals                        # among a million grants
//! cargo bench --bench goals -- 10000000
//! ```

#![allow(missing_docs, clippy::unwrap_used, clippy::cast_precision_loss, reason = "a benchmark")]

mod support;

use std::time::Duration;

use support::fleet::Fleet;
use support::floor::Floor;
use support::{replays, threads};

const ROUNDS: usize = 5;
const STRETCH: usize = 400_000;
const REPLAYS: usize = 20_000;

fn main() {
    // Cargo passes `--bench`; a number is the number of grants.
    let grants = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000);
    let mut fleet = Fleet::new(grants, 20, 0, |_| ());
    let mut floor = [Floor::new(grants)];
    let mut floors = [Floor::new(grants / 2), Floor::new(grants / 2)];
    let mut keyed = [Floor::keyed(grants)];

    let (mut ratios, mut keyed_ratios, mut scalings, mut replayed) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut refresh_ns, mut floor_ns, mut keyed_ns) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let start = round * 7;
        // In short turns, so that a neighbour's burst falls on both.
        let (mut one, mut two, mut floor_one, mut floor_two, mut keyed_one) = Default::default();
        for turn in 0..8 {
            let start = start + turn;
            one += threads::refresh_on(&mut fleet, 1, STRETCH / 8, start);
            floor_one += threads::floor_on(&mut floor, STRETCH / 8, start);
            keyed_one += threads::floor_on(&mut keyed, STRETCH / 8, start);
            two += threads::refresh_on(&mut fleet, 2, STRETCH / 8, start);
            floor_two += threads::floor_on(&mut floors, STRETCH / 8, start);
        }
        let replay = replays::replay(&fleet, (round + 2) * grants, REPLAYS);
        ratios.push(ratio(one, floor_one));
        keyed_ratios.push(ratio(one, keyed_one));
        keyed_ns.push(per(keyed_one, STRETCH));
        scalings.push(ratio(one, two) / ratio(floor_one, floor_two));
        replayed.push(per(replay, REPLAYS) / per(one, STRETCH));
        refresh_ns.push(per(one, STRETCH));
        floor_ns.push(per(floor_one, STRETCH));
    }

    println!("among {grants} grants, medians of {ROUNDS} rounds:");
    println!("refresh                        {:8.0} ns", median(&mut refresh_ns));
    println!("floor                          {:8.0} ns", median(&mut floor_ns));
    println!("floor, table keyed by id       {:8.0} ns", median(&mut keyed_ns));
    println!("refresh over floor             {:8.2}     goal: at most 1.5", median(&mut ratios));
    println!("refresh over the keyed floor   {:8.2}", median(&mut keyed_ratios));
    println!("two threads, beside the floor's{:8.2}     goal: at least 0.9", median(&mut scalings));
    println!("replay over refresh            {:8.2}     goal: at most 2", median(&mut replayed));
}

fn ratio(of: Duration, to: Duration) -> f64 {
    of.as_secs_f64() / to.as_secs_f64()
}

fn per(time: Duration, count: usize) -> f64 {
    time.as_secs_f64() * 1e9 / count as f64
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
