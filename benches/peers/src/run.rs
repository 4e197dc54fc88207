//! The run: all servers are started and filled, then measured in turns, so that what else the machine does meets all of them alike.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::load::{Replays, Round, Sessions, micros};
use crate::peer::{FLOOR, Kind, PEERS, Peer, Result};
use crate::process::{Server, on_server_core};
use crate::results::{Found, Load, Memory, Results, median};
use crate::{RunArguments, plots, table};

/// After how many refreshes of each session memory is read.
const READ_AT: [u32; 4] = [0, 1, 2, 4];
const REPLAYS: usize = 200;
const FIRST_PORT: u16 = 18_180;

struct Running {
    peer: &'static Peer,
    server: Server,
    sessions: Sessions,
    memory: Vec<Memory>,
    busy: Vec<Round>,
    one: Vec<Round>,
    cpu: Duration,
    in_process: Vec<f64>,
    replays: Option<Replays>,
}

pub async fn run(arguments: &RunArguments) -> Result<()> {
    let wanted = |peer: &&Peer| arguments.only.is_empty() || arguments.only.iter().any(|name| name == peer.name);
    let mut all = Vec::new();
    for (peer, port) in PEERS.iter().filter(wanted).zip(FIRST_PORT..) {
        eprintln!("{}", peer.name);
        all.push(fill(peer, port, arguments).await.map_err(|error| format!("{}: {error}", peer.name))?);
    }
    for round in 0..arguments.rounds {
        eprintln!("round {} of {}", round + 1, arguments.rounds);
        for running in &mut all {
            running.measure(arguments).await.map_err(|error| format!("{}: {error}", running.peer.name))?;
        }
    }
    for running in &mut all {
        if running.peer.name != FLOOR {
            running.replays = Some(running.sessions.replay(REPLAYS).await?);
        }
    }
    let results = Results {
        date: arguments.date.clone(),
        machine: arguments.machine.clone(),
        cores: std::fs::read_to_string("/proc/cpuinfo")?.matches("processor\t").count(),
        note: arguments.note.clone(),
        rust: version_of("rustc", "--version"),
        node: version_of("node", "--version"),
        python: version_of("python3", "--version"),
        rounds: arguments.rounds,
        seconds_a_round: Duration::from_millis(arguments.milliseconds).as_secs_f64(),
        connections: arguments.connections,
        peers: all.iter().map(Running::found).collect(),
    };
    fs::write(&arguments.json, serde_json::to_string_pretty(&results)? + "\n")?;
    fs::create_dir_all(&arguments.plots)?;
    plots::draw(&results, &arguments.plots)?;
    let table = table::of(&results);
    println!("{table}");
    match &arguments.table {
        Some(file) => table::put(file, &table),
        None => Ok(()),
    }
}

/// A server with its sessions, and what they take.
async fn fill(peer: &'static Peer, port: u16, arguments: &RunArguments) -> Result<Running> {
    let server = Server::start(peer, port, &arguments.folder)?;
    // What is loaded, compiled and allocated once is not a session's.
    let mut warm = Sessions::open(port, peer.login, 50 * arguments.connections, arguments.connections).await?;
    for _ in 0..3 {
        warm.refresh_all().await?;
    }
    let before = server.kept()?.bytes;
    let (login, connections) = (peer.login, arguments.connections);
    // A fifth is enough where a session is kilobytes, and it takes as long.
    let sessions = if peer.kind == Kind::Rust { arguments.sessions } else { arguments.sessions / 5 };
    let mut sessions = Sessions::open(port, login, sessions, connections).await?;
    let (mut memory, mut refreshed) = (Vec::new(), 0);
    // The floor knows no sessions.
    for &refreshes in if peer.name == FLOOR { &READ_AT[..1] } else { &READ_AT[..] } {
        while refreshed < refreshes {
            sessions.refresh_all().await?;
            refreshed += 1;
        }
        let bytes_a_session = difference(server.kept()?.bytes, before) / count(sessions.len());
        memory.push(Memory { refreshes, bytes_a_session });
    }
    let (busy, one, in_process) = (Vec::new(), Vec::new(), Vec::new());
    Ok(Running { peer, server, sessions, memory, busy, one, cpu: Duration::ZERO, in_process, replays: None })
}

impl Running {
    async fn measure(&mut self, arguments: &RunArguments) -> Result<()> {
        let time = Duration::from_millis(arguments.milliseconds);
        let before = self.server.usage()?.time;
        self.busy.push(self.sessions.refresh_for(arguments.connections, time).await?);
        self.cpu += self.server.usage()?.time.saturating_sub(before);
        self.one.push(self.sessions.refresh_for(1, time).await?);
        if self.peer.kind == Kind::Rust {
            let mut command = on_server_core(&std::env::current_exe()?);
            let (sessions, milliseconds) = (arguments.sessions.to_string(), arguments.milliseconds.to_string());
            let output = command.args(["in-process", self.peer.name, &sessions, &milliseconds]).output()?;
            if !output.status.success() {
                return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
            }
            self.in_process.push(String::from_utf8(output.stdout)?.trim().parse()?);
        }
        Ok(())
    }

    fn found(&self) -> Found {
        let busy = load(&self.busy);
        let first = self.memory.iter().find(|memory| memory.refreshes == 1);
        let bytes_a_refresh = match (first, self.memory.last()) {
            (Some(first), Some(last)) => {
                (last.bytes_a_session - first.bytes_a_session) / f64::from(last.refreshes - first.refreshes)
            }
            _ => f64::NAN,
        };
        Found {
            name: self.peer.name,
            version: self.peer.version,
            settings: self.peer.settings,
            sessions: self.sessions.len(),
            busy,
            one_connection: load(&self.one),
            server_cpu_us: micros(self.cpu) / count(busy.refreshes),
            in_process_us: (!self.in_process.is_empty()).then(|| median(self.in_process.iter().copied())),
            memory: self.memory.clone(),
            bytes_a_refresh,
            replays: self.replays,
        }
    }
}

fn load(rounds: &[Round]) -> Load {
    Load {
        per_second: median(rounds.iter().map(|round| round.per_second)),
        p50_us: median(rounds.iter().map(|round| micros(round.p50))),
        p99_us: median(rounds.iter().map(|round| micros(round.p99))),
        refreshes: rounds.iter().map(|round| round.refreshes).sum(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "nobody has so many")]
fn count(of: usize) -> f64 {
    of as f64
}

#[expect(clippy::cast_precision_loss, reason = "nobody has so many bytes")]
fn difference(after: u64, before: u64) -> f64 {
    after as f64 - before as f64
}

fn version_of(program: &str, flag: &str) -> String {
    let output = Command::new(program).arg(flag).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
