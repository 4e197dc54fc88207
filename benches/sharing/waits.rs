//! How often threads wait for one another.

use std::sync::{Barrier, Mutex};

use crate::bank::{Bank, Holder, plain};

/// Refreshes of all threads together.
const REFRESHES: usize = 400_000;
const GRANTS: usize = 256;

/// Which grants the threads refresh.
#[derive(Clone, Copy)]
enum Of {
    /// Grants of its own, of a client of its own.
    ManyClients,
    /// Grants of its own, of one client.
    OneClient,
    /// All the same grant, of a client that keeps its refresh tokens.
    OneGrant,
}

pub(crate) fn measure() {
    println!("voluntary switches of all threads, in {REFRESHES} refreshes");
    println!("{:<44}{:>9}{:>9}{:>9}{:>9}", "threads", 1, 2, 4, 8);
    for (name, of) in [
        ("grants of their own, a client each", Of::ManyClients),
        ("grants of their own, one client", Of::OneClient),
        ("all on one grant", Of::OneGrant),
    ] {
        print!("{name:<44}");
        for threads in [1, 2, 4, 8] {
            print!("{:>9}", switches(of, threads));
        }
        println!();
    }
}

fn switches(of: Of, threads: usize) -> u64 {
    let names = ["0", "1", "2", "3", "4", "5", "6", "7", "stays"];
    let engine = plain(&names);
    let parts: Vec<Vec<Holder>> = match of {
        Of::OneGrant => vec![vec![Holder::new(&engine, "stays", "one"); 1]; threads],
        Of::ManyClients | Of::OneClient => (0..threads)
            .map(|thread| {
                let client = if matches!(of, Of::OneClient) { "0" } else { names[thread] };
                (0..GRANTS).map(|number| Holder::new(&engine, client, &format!("{thread}-{number}"))).collect()
            })
            .collect(),
    };
    let (ready, all) = (Barrier::new(threads), Mutex::new(0));
    std::thread::scope(|scope| {
        for mut holders in parts {
            let (engine, ready, all) = (&engine, &ready, &all);
            scope.spawn(move || {
                ready.wait();
                let switches = refresh(engine, &mut holders, REFRESHES / threads);
                *all.lock().unwrap() += switches;
            });
        }
    });
    all.into_inner().unwrap()
}

fn refresh(engine: &Bank, holders: &mut [Holder], count: usize) -> u64 {
    let before = voluntary_switches();
    for at in 0..count {
        let place = at % holders.len();
        holders[place].refresh(engine);
    }
    voluntary_switches() - before
}

/// Of this thread.
fn voluntary_switches() -> u64 {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
    line.trim().parse().unwrap()
}
