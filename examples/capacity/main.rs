//! A planner for operators: how much memory and time so many grants take on this machine.
//!
//! ```text
//! cargo run --release --example capacity -- --grants 1000000 --refreshes 1
//! ```
//!
//! Fills a memory store with grants, refreshes each of them through the whole engine (bytes in, bytes out, client
//! authentication included), and prints one line of JSON. Beside each stretch of refreshes runs a stretch of the floor,
//! so that both see the same machine.

#[path = "../../benches/support/mod.rs"]
mod support;

use std::error::Error;
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use clap::Parser;
use serde_json::json;
use support::fleet::Fleet;
use support::floor::Floor;
use support::resident::resident_bytes;
use support::{RefreshBody, Shuffled};

/// How much memory and time so many grants take on this machine.
#[derive(Parser, Debug)]
struct Options {
    /// How many grants to make
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    grants: u64,
    /// How often to refresh each of them
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    refreshes: u64,
    /// Bytes of each subject
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1_024))]
    subject_bytes: u64,
    /// Bytes of extra response fields of each grant, as JSON
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=8_192))]
    extra_bytes: u64,
}

/// Refreshes in a stretch; the floor and the engine take turns.
const STRETCH: usize = 50_000;
/// The floor needs no more than this for a steady figure.
const FLOOR_MOST: usize = 10_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let grants = usize::try_from(options.grants)?;
    resident_bytes()?;
    let mut progress = Progress::new();

    let mut fleet =
        Fleet::new(grants, usize::try_from(options.subject_bytes)?, usize::try_from(options.extra_bytes)?, |i| {
            progress.tell_of_many("logins", i, grants);
        });
    let total = grants.checked_mul(usize::try_from(options.refreshes)?).ok_or("too many refreshes to count")?;
    let mut floor = Floor::hmac(grants);
    let (engine_time, floor_time, floor_done) = refresh_all(&mut fleet, &mut floor, total, &mut progress);

    // What remains is the engine and its store alone: the floor's table and the clients' tokens go first.
    drop(floor);
    let Fleet { engine, tokens, .. } = fleet;
    drop(tokens);
    let resident = resident_bytes()?;
    assert_eq!(engine.store().len(), grants, "all grants are there");

    let per = |time: Duration, count: usize| time.as_secs_f64() * 1e9 / to_f64(count);
    let ns_per_refresh = per(engine_time, total);
    let floor_ns = per(floor_time, floor_done);
    println!(
        "{}",
        json!({
            "grants": grants,
            "refreshes": options.refreshes,
            "subject_bytes": options.subject_bytes,
            "extra_bytes": options.extra_bytes,
            "bytes_per_grant": round(to_f64(resident) / to_f64(grants), 1),
            "refreshes_per_second": round(1e9 / ns_per_refresh, 0),
            "ns_per_refresh": round(ns_per_refresh, 1),
            "floor_ns": round(floor_ns, 1),
            "ratio": round(ns_per_refresh / floor_ns, 3),
        })
    );
    Ok(())
}

/// Refreshes in a shuffled order until `total` are done; the times of both, and how many the floor did.
fn refresh_all(
    fleet: &mut Fleet,
    floor: &mut Floor,
    total: usize,
    progress: &mut Progress,
) -> (Duration, Duration, usize) {
    let grants = fleet.tokens.len();
    let mut body = RefreshBody::new();
    let (mut order, mut floor_order) = (Shuffled::new(grants, 0), Shuffled::new(grants, 0));
    let (mut engine_time, mut floor_time) = (Duration::ZERO, Duration::ZERO);
    let (mut done, mut floor_done) = (0, 0);
    while done < total {
        let stretch = STRETCH.min(total - done);
        engine_time += timed(|| (0..stretch).for_each(|_| fleet.refresh(&mut body, order.next())));
        done += stretch;
        if floor_done < FLOOR_MOST {
            floor_time += timed(|| (0..stretch).for_each(|_| floor.refresh(&mut body, floor_order.next())));
            floor_done += stretch;
        }
        progress.tell("refreshes", done, total);
    }
    (engine_time, floor_time, floor_done)
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// Tells standard error how far it is, twice a second at most.
struct Progress {
    last: Instant,
    in_place: bool,
}

impl Progress {
    fn new() -> Self {
        Self { last: Instant::now(), in_place: std::io::stderr().is_terminal() }
    }

    /// For what happens often: asking the clock each time would cost a few per cent of a login.
    fn tell_of_many(&mut self, what: &str, done: usize, total: usize) {
        if done % 4_096 == 0 || done + 1 == total {
            self.tell(what, done + 1, total);
        }
    }

    fn tell(&mut self, what: &str, done: usize, total: usize) {
        let finished = done >= total;
        if !finished && self.last.elapsed() < Duration::from_millis(500) {
            return;
        }
        self.last = Instant::now();
        let percent = done * 100 / total;
        if self.in_place {
            eprint!("\r{what}: {percent:3} % of {total}{}", if finished { "\n" } else { "" });
        } else {
            eprintln!("{what}: {percent} % of {total}");
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
const fn to_f64(count: usize) -> f64 {
    count as f64
}

fn round(value: f64, digits: i32) -> f64 {
    let unit = 10f64.powi(digits);
    (value * unit).round() / unit
}
