//! What two refreshes on two threads share, and how long one keeps the other waiting, by counting and not by the clock.
//!
//! ```text
//! cargo bench --bench sharing
//! ```
//!
//! **Lines.** A thread that writes to a line of memory (64 bytes) takes it from every other core that reads or writes it: nobody waits for a
//! lock, and threads slow one another down all the same. So `valgrind --tool=lackey` writes down every access of two threads that
//! refresh a grant each, in turn, and the lines that one wrote and the other touched are counted. Each thread has a stack and an arena
//! of its own, so those fall out by themselves; the two grants were made one after the other, which is how neighbours come about.
//!
//! **Locks.** Of two grants in one shard the byte of its lock is among those lines, and the first that both write. Between a write that
//! takes it and the one that lets it go are the instructions that another thread may have to wait for.
//!
//! **Waits.** A thread that waits for a lock is parked, which the system counts as a voluntary switch (`/proc/thread-self/status`).

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a benchmark")]
#![allow(clippy::cast_precision_loss, clippy::float_cmp, reason = "counts")]

#[path = "../tests/kit/anyone.rs"]
mod anyone;
#[path = "sharing/bank.rs"]
mod bank;
#[path = "sharing/trace.rs"]
mod trace;
#[path = "sharing/waits.rs"]
mod waits;

use bank::CASES;

fn main() {
    // Cargo passes `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let named = |name: &str| CASES.iter().find(|case| case.name == name).expect("a case of that name");
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["traced", name] => trace::run(named(name)),
        ["lines", name] => {
            let seen = trace::measure(named(name));
            seen.print(named(name));
            seen.name_lines();
        }
        ["waits"] => waits::measure(),
        [] => {
            let is_as_said = lines();
            waits::measure();
            assert!(is_as_said, "what is shared is not what is said of it");
        }
        _ => panic!("nothing, `waits`, or `lines` and the name of a case"),
    }
}

/// Prints what each case shares, and whether that is what the case says.
fn lines() -> bool {
    if !trace::is_possible() {
        println!("there is no valgrind here: lines were not counted");
        return std::env::var_os("REGRANT_TEST_SERVERS").is_none();
    }
    println!(
        "{:<44}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}",
        "of two refreshes", "instr.", "stores", "lines", "shared", "locks", "held"
    );
    let mut is_as_said = true;
    for case in CASES {
        let seen = trace::measure(case);
        seen.print(case);
        is_as_said &= seen.is_as_said(case);
    }
    println!(
        "stores and lines: of one refresh; shared: lines that one writes and the other touches; held: instructions under locks\n"
    );
    is_as_said
}
