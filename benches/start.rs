//! How long a file store takes to start, and how much memory, with so many logins in it: after it was closed, and after its
//! process was killed. Each start is in a process of its own, so that its peak is the start's alone.
//!
//! ```text
//! cargo bench --bench start -- 10000000                     # in a folder of the system's for such things: 6 GB
//! cargo bench --bench start -- 10000000 /srv/scratch        # in that one
//! ```

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::cast_precision_loss, reason = "a benchmark")]

#[path = "../tests/kit/anyone.rs"]
mod anyone;

use std::path::{Path, PathBuf};
use std::process::{Command, exit};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyone::Anyone;
use regrant::store::FileStore;
use regrant::{Client, ClientSecret, Engine, Key, Request, Scope, StaticClients, Timestamp};

const CREDENTIALS: &str = "client_id=app&client_secret=the-secret-of-the-app-for-tests-only";
/// Logins that wait for one sync together.
const CALLERS: u64 = 1_000;
/// Logins of a second of the requests' own time: ids begin with it.
const LOGINS_PER_SECOND: u64 = 1_000;
const STARTS: usize = 3;

fn main() {
    // Cargo passes `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["fill", path, grants] => fill(Path::new(path), grants.parse().unwrap()),
        ["start", path] => start(Path::new(path)),
        [] => measure(100_000, &std::env::temp_dir()),
        [grants] => measure(grants.parse().unwrap(), &std::env::temp_dir()),
        [grants, folder] => measure(grants.parse().unwrap(), Path::new(folder)),
        _ => panic!("how many grants, and in which folder"),
    }
}

fn measure(grants: u64, folder: &Path) {
    let file = Scratch(folder.join(format!("regrant-start-{}", std::process::id())));
    let path = file.0.to_str().unwrap();
    let begun = Instant::now();
    run(&["fill", path, &grants.to_string()], false);
    println!("{grants} logins in {:.0} s", begun.elapsed().as_secs_f64());
    let bytes = std::fs::metadata(&file.0).unwrap().len();
    println!("{bytes} bytes on the disk, {:.0} for each", bytes as f64 / grants as f64);
    print!("after its process was killed: ");
    run(&["start", path], true);
    for _ in 0..STARTS {
        print!("after it was closed:          ");
        run(&["start", path], true);
    }
}

/// Runs this program again.
fn run(arguments: &[&str], is_to_end_well: bool) {
    use std::io::Write as _;
    std::io::stdout().flush().unwrap();
    let status = Command::new(std::env::current_exe().unwrap()).args(arguments).status().unwrap();
    assert!(status.success() || !is_to_end_well, "{arguments:?}: {status}");
    assert!(is_to_end_well || status.code() == Some(KILLED), "{arguments:?}: {status}");
}

/// How the process ends that closes nothing.
const KILLED: i32 = 9;

/// Makes a file with so many logins, and leaves it as a process does that is killed.
fn fill(path: &Path, grants: u64) {
    let app = Client::confidential("app")
        .secret(ClientSecret::new("the-secret-of-the-app-for-tests-only").unwrap())
        .grant_type("password")
        .grant_type("refresh_token")
        .scope(Scope::parse("read write").unwrap())
        .build()
        .unwrap();
    let engine = Engine::builder(FileStore::open(path).unwrap(), StaticClients::new().with(app).unwrap())
        .key(Key::from_bytes(1, &[7; 32]))
        .grant_handler(Anyone)
        .build()
        .unwrap();
    let (engine, next) = (Arc::new(engine), Arc::new(AtomicU64::new(0)));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                let (engine, next) = (Arc::clone(&engine), Arc::clone(&next));
                tokio::spawn(async move {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= grants {
                            break;
                        }
                        let now = Timestamp::from_secs(1_800_000_000 + number / LOGINS_PER_SECOND);
                        let body = format!("grant_type=password&username=user-{number:015}&{CREDENTIALS}");
                        let request = Request::new("POST", body.as_bytes())
                            .with_header("content-type", b"application/x-www-form-urlencoded");
                        assert_eq!(engine.token(&request, now).await.status(), 200);
                    }
                })
            })
            .collect();
        for caller in callers {
            caller.await.unwrap();
        }
    });
    exit(KILLED);
}

fn start(path: &Path) {
    let before = peak_bytes();
    let begun = Instant::now();
    let store = FileStore::builder().create(false).open(path).unwrap();
    let took = begun.elapsed();
    println!(
        "{:>9.3} s, {:.1} MiB at most, of which {:.1} were there before",
        took.as_secs_f64(),
        peak_bytes() / MIB,
        before / MIB
    );
    let closing = Instant::now();
    drop(store);
    assert!(closing.elapsed() < Duration::from_secs(3_600), "it is closed");
}

const MIB: f64 = 1_048_576.0;

/// The most memory that this process has had at once.
fn peak_bytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<f64>().unwrap() * 1_024.0
}

/// A file that goes when this does.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
