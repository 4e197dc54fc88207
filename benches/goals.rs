//! The project's goals, each as a ratio of two things measured in turns in the same run, since machines are noisy and
//! ratios are less so.
//!
//! ```text
//! cargo bench --bench goals                        # among a million grants, and among a thousand
//! cargo bench --bench goals -- 10000000            # among so many
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
    if let Some(grants) = std::env::args().skip(1).find_map(|argument| argument.parse().ok()) {
        measure(grants, None);
    } else {
        measure(1_000, Some(1.5));
        measure(1_000_000, Some(1.25));
    }
}

/// Prints the medians among so many grants, beside the most that a refresh should be of the bare floor.
fn measure(grants: usize, goal: Option<f64>) {
    let mut fleet = Fleet::new(grants, 20, 0, |_| ());
    let mut bare = [Floor::bare(grants)];
    let mut bare_twice = [Floor::bare(grants / 2), Floor::bare(grants / 2)];
    let mut hmac = [Floor::hmac(grants)];
    let mut keyed = [Floor::keyed(grants)];

    let [mut to_bare, mut to_hmac, mut to_keyed, mut scalings, mut replayed]: [Vec<f64>; 5] = Default::default();
    let [mut refresh_ns, mut bare_ns, mut hmac_ns, mut keyed_ns]: [Vec<f64>; 4] = Default::default();
    for round in 0..ROUNDS {
        let start = round * 7;
        // In short turns, so that a neighbour's burst falls on all.
        let [mut one, mut two, mut bare_one, mut bare_two, mut hmac_one, mut keyed_one]: [Duration; 6] =
            Default::default();
        for turn in 0..8 {
            let start = start + turn;
            one += threads::refresh_on(&mut fleet, 1, STRETCH / 8, start);
            bare_one += threads::floor_on(&mut bare, STRETCH / 8, start);
            hmac_one += threads::floor_on(&mut hmac, STRETCH / 8, start);
            keyed_one += threads::floor_on(&mut keyed, STRETCH / 8, start);
            two += threads::refresh_on(&mut fleet, 2, STRETCH / 8, start);
            bare_two += threads::floor_on(&mut bare_twice, STRETCH / 8, start);
        }
        to_bare.push(ratio(one, bare_one));
        to_hmac.push(ratio(one, hmac_one));
        to_keyed.push(ratio(one, keyed_one));
        scalings.push(ratio(one, two) / ratio(bare_one, bare_two));
        // Each ends its grant, so there have to be many.
        if grants >= ROUNDS * REPLAYS {
            let replay = replays::replay(&fleet, (round + 2) * grants, REPLAYS);
            replayed.push(per(replay, REPLAYS) / per(one, STRETCH));
        }
        refresh_ns.push(per(one, STRETCH));
        bare_ns.push(per(bare_one, STRETCH));
        hmac_ns.push(per(hmac_one, STRETCH));
        keyed_ns.push(per(keyed_one, STRETCH));
    }

    let goal = goal.map_or_else(String::new, |goal| format!("     goal: at most {goal}"));
    println!("among {grants} grants, medians of {ROUNDS} rounds:");
    println!("refresh                        {:8.0} ns", median(&mut refresh_ns));
    println!("bare floor                     {:8.0} ns", median(&mut bare_ns));
    println!("floor by hmac                  {:8.0} ns", median(&mut hmac_ns));
    println!("the same, table keyed by id    {:8.0} ns", median(&mut keyed_ns));
    println!("refresh over the bare floor    {:8.2}{goal}", median(&mut to_bare));
    println!("refresh over the floor by hmac {:8.2}", median(&mut to_hmac));
    println!("refresh over the keyed floor   {:8.2}", median(&mut to_keyed));
    println!("two threads, beside the floor's{:8.2}     goal: at least 0.9", median(&mut scalings));
    if !replayed.is_empty() {
        println!("replay over refresh            {:8.2}     goal: at most 2", median(&mut replayed));
    }
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
