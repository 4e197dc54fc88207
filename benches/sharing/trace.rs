//! Every access to memory, as `lackey` writes it down.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;

use crate::bank::Case;

/// Refreshes before those that are looked at.
const WARM: u64 = 3;
const LINE: u64 = 64;
/// Instructions of a refresh that others may have to wait for.
const LONGEST_HOLD: f64 = 600.0;

/// How often a refresh locks its shard: for the look ahead, the load and the swap.
const LOCKS: f64 = 3.0;

/// Written where a thread begins to be looked at, and where that ends.
static MARKS: [AtomicU64; 4] = [const { AtomicU64::new(0) }; 4];

pub(crate) fn is_possible() -> bool {
    Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// The traced program: two threads in turn, so that whatever both touch is shared by what they do and not by when.
pub(crate) fn run(case: &Case) {
    println!("{}", MARKS.each_ref().map(|mark| format!("{:x}", mark.as_ptr() as usize)).join(" "));
    println!("{}", loaded_at());
    let (engine, holders) = case.bank();
    std::thread::scope(|scope| {
        let (done, is_done) = channel();
        let runners: Vec<_> = holders
            .into_iter()
            .zip([[&MARKS[0], &MARKS[1]], [&MARKS[2], &MARKS[3]]])
            .map(|(holder, [begin, end])| {
                let (go, turn) = channel::<()>();
                let (engine, done) = (&engine, done.clone());
                scope.spawn(move || {
                    // In memory of this thread.
                    let mut holder = holder.clone();
                    for refreshes in [WARM, case.refreshes] {
                        turn.recv().unwrap();
                        begin.store(1, Ordering::SeqCst);
                        for _ in 0..refreshes {
                            holder.refresh(engine);
                        }
                        end.store(1, Ordering::SeqCst);
                        done.send(()).unwrap();
                    }
                });
                go
            })
            .collect();
        // The first turn is to warm up: the second write of the mark counts.
        for _ in 0..2 {
            for go in &runners {
                go.send(()).unwrap();
                is_done.recv().unwrap();
            }
        }
    });
}

/// Where the program begins in memory.
fn loaded_at() -> String {
    let program = std::env::current_exe().unwrap();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let line = maps.lines().find(|line| line.ends_with(program.to_str().unwrap()));
    line.and_then(|line| line.split('-').next()).unwrap_or("0").to_owned()
}

/// What one thread did while it was looked at.
#[derive(Default)]
struct Stretch {
    instructions: u64,
    stores: u64,
    read: HashSet<u64>,
    /// By line, one instruction that wrote to it.
    written: BTreeMap<u64, BTreeSet<u64>>,
    /// Bytes that were changed in one step as locks are, and the instructions before each time.
    bytes: BTreeMap<u64, Vec<u64>>,
}

/// What two refreshes have in common.
pub(crate) struct Seen {
    instructions: f64,
    stores: f64,
    lines: usize,
    shared: BTreeMap<u64, BTreeSet<u64>>,
    locks: Option<(f64, f64)>,
    loaded_at: u64,
}

impl Seen {
    /// Whether two shards share nothing, and one shard no more than a lock that is taken to load and to swap, and held briefly.
    pub(crate) fn is_as_said(&self, case: &Case) -> bool {
        if case.shards > 1 {
            return self.shared.is_empty();
        }
        self.locks.is_some_and(|(locks, held)| !self.shared.is_empty() && locks == LOCKS && held < LONGEST_HOLD)
    }

    pub(crate) fn print(&self, case: &Case) {
        let said = self.locks.map(|(locks, held)| (format!("{locks:.1}"), format!("{held:.0}")));
        let (locks, held) = said.unwrap_or_default();
        println!(
            "{:<44}{:>9.0}{:>9.0}{:>9}{:>9}{locks:>9}{held:>9}",
            case.name,
            self.instructions,
            self.stores,
            self.lines,
            self.shared.len()
        );
    }

    /// Says which functions write to the lines that are shared, where there is something to say it by.
    pub(crate) fn name_lines(&self) {
        let program = std::env::current_exe().unwrap();
        for (line, writers) in &self.shared {
            println!("line {:x}", line * LINE);
            for writer in writers {
                let at = format!("{:x}", writer.saturating_sub(self.loaded_at));
                let named = Command::new("addr2line").args(["-fCi", "-e"]).arg(&program).arg(&at).output();
                let named = named.map(|output| String::from_utf8_lossy(&output.stdout).replace('\n', " "));
                println!("    {writer:x} {}", named.unwrap_or_default());
            }
        }
    }
}

/// Traces a case. What chance laid side by side, as both grants in one shard, lies elsewhere another time; what the code shares is there
/// each time. So a case has three tries.
pub(crate) fn measure(case: &Case) -> Seen {
    let mut seen = measure_once(case);
    for _ in 1..3 {
        if seen.is_as_said(case) {
            break;
        }
        seen = measure_once(case);
    }
    seen
}

fn measure_once(case: &Case) -> Seen {
    let path = std::env::temp_dir().join(format!("regrant-sharing-{}", std::process::id()));
    let output = Command::new("valgrind")
        .args(["--tool=lackey", "--basic-counts=no", "--trace-mem=yes"])
        .arg(format!("--log-file={}", path.display()))
        .arg(std::env::current_exe().unwrap())
        .args(["traced", case.name])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    let mut said = said.lines();
    let hex = |text: &str| u64::from_str_radix(text, 16).unwrap();
    let marks: Vec<u64> = said.next().unwrap().split(' ').map(hex).collect();
    let loaded_at = hex(said.next().unwrap());
    let [left, right] = read(&path, &marks);
    std::fs::remove_file(&path).unwrap();
    compare(&left, &right, case.refreshes, loaded_at)
}

/// The second stretch of each thread.
fn read(path: &Path, marks: &[u64]) -> [Stretch; 2] {
    let mut stretches = [Stretch::default(), Stretch::default()];
    let (mut begun, mut now, mut instruction) = ([0; 2], None, 0);
    let mut lines = BufReader::with_capacity(1 << 20, File::open(path).unwrap());
    let mut line = Vec::new();
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line).unwrap() == 0 {
            break;
        }
        let Some((kind, address, size)) = access(&line) else { continue };
        if kind != b'I' && kind != b'L' {
            match marks.iter().position(|mark| *mark == address) {
                Some(mark) if mark % 2 == 0 => {
                    begun[mark / 2] += 1;
                    now = (begun[mark / 2] == 2).then_some(mark / 2);
                    continue;
                }
                Some(_) => now = None,
                None => {}
            }
        }
        if kind == b'I' {
            instruction = address;
        }
        if let Some(now) = now {
            stretches[now].add(kind, address, size, instruction);
        }
    }
    assert_eq!(begun, [2, 2], "both threads had both their turns");
    stretches
}

/// `I  04001234,3`, ` L 1ffeff,8`, ` S …`, ` M …`.
fn access(line: &[u8]) -> Option<(u8, u64, u64)> {
    let line = std::str::from_utf8(line).ok()?;
    let kind = *line.trim_start().as_bytes().first()?;
    if !matches!(kind, b'I' | b'L' | b'S' | b'M') {
        return None;
    }
    let (address, size) = line.get(3..)?.trim().split_once(',')?;
    Some((kind, u64::from_str_radix(address, 16).ok()?, size.parse().ok()?))
}

impl Stretch {
    fn add(&mut self, kind: u8, address: u64, size: u64, instruction: u64) {
        if kind == b'I' {
            self.instructions += 1;
            return;
        }
        for line in address / LINE..=(address + size.max(1) - 1) / LINE {
            if kind != b'S' {
                self.read.insert(line);
            }
            if kind != b'L' {
                self.written.entry(line).or_default().insert(instruction);
            }
        }
        if kind != b'L' {
            self.stores += 1;
        }
        if kind == b'M' && size == 1 {
            self.bytes.entry(address).or_default().push(self.instructions);
        }
    }

    fn touches(&self, line: u64) -> bool {
        self.read.contains(&line) || self.written.contains_key(&line)
    }

    /// How often a lock was taken, and how many instructions it was held, if each write that takes it has one that lets it go.
    fn lock(&self, byte: u64, refreshes: u64) -> Option<(u64, u64)> {
        let times = self.bytes.get(&byte)?;
        let is_a_lock = times.len() % 2 == 0 && times.len() as u64 >= 2 * refreshes;
        is_a_lock.then(|| {
            let held = times.chunks(2).map(|pair| pair[1] - pair[0]).sum();
            (times.len() as u64 / 2, held)
        })
    }
}

fn compare(left: &Stretch, right: &Stretch, refreshes: u64, loaded_at: u64) -> Seen {
    let mut shared: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
    for (one, other) in [(left, right), (right, left)] {
        for (line, writers) in one.written.iter().filter(|(line, _)| other.touches(**line)) {
            shared.entry(*line).or_default().extend(writers);
        }
    }
    let per = |count: u64| count as f64 / refreshes as f64;
    // The lock of the shard, where it is one: the byte that both take and let go.
    let lock = |side: &Stretch, byte: u64| side.lock(byte, refreshes);
    let mut locks = left.bytes.keys().filter(|byte| lock(right, **byte).is_some()).filter_map(|byte| lock(left, *byte));
    Seen {
        instructions: per(left.instructions),
        stores: per(left.stores),
        lines: left.written.len(),
        shared,
        locks: locks.next().map(|(taken, held)| (per(taken), per(held))),
        loaded_at,
    }
}
