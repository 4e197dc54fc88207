//! The server as a process: started, stopped, killed, and how much memory it has.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, Command};
use tokio::task::JoinHandle;

use crate::config::Config;

/// What of a server's complaints is kept, in bytes: the last.
const COMPLAINTS: usize = 4_096;

/// The nodes that this program started, or a server that was there.
pub(crate) struct Server {
    config: Config,
    nodes: Vec<Option<Child>>,
    /// Whose turn it is to go away.
    turn: usize,
}

impl Server {
    pub(crate) async fn start(config: &Config) -> Result<Self, String> {
        if config.server.start.len() > config.token_endpoints.len() {
            return Err("there are more nodes than token endpoints".to_owned());
        }
        let nodes = config.server.start.iter().map(|_| None).collect();
        let mut server = Self { config: config.clone(), nodes, turn: 0 };
        for node in 0..server.nodes.len() {
            server.begin(node).await?;
        }
        Ok(server)
    }

    /// Whether it can be started again at all.
    pub(crate) fn is_ours(&self) -> bool {
        !self.nodes.is_empty()
    }

    async fn begin(&mut self, node: usize) -> Result<(), String> {
        let endpoint = &self.config.token_endpoints[node];
        if ask(endpoint).await.is_none_or(|error| !error.is_connect()) {
            return Err(format!("{endpoint}: there is another server already"));
        }
        let [program, arguments @ ..] = self.config.server.start[node].as_slice() else {
            return Err("a command that is empty".to_owned());
        };
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        if let Some(folder) = &self.config.server.folder {
            command.current_dir(folder);
        }
        let mut child = command.spawn().map_err(|error| format!("{program}: {error}"))?;
        let complaints = child.stderr.take().map(|stderr| tokio::spawn(read_complaints(stderr)));
        match wait_until_it_answers(&mut child, endpoint).await {
            Ok(()) => {
                self.nodes[node] = Some(child);
                Ok(())
            }
            Err(error) => {
                let _ = child.kill().await;
                Err(format!("{program}: {error}{}", of(complaints).await))
            }
        }
    }

    /// All of it.
    pub(crate) async fn stop(&mut self) -> Result<(), String> {
        for node in 0..self.nodes.len() {
            self.stop_node(node).await?;
        }
        Ok(())
    }

    /// By SIGTERM, and by SIGKILL if that does nothing for ten seconds.
    async fn stop_node(&mut self, node: usize) -> Result<(), String> {
        let Some(mut child) = self.nodes[node].take() else { return Ok(()) };
        if let Some(pid) = child.id() {
            let sent = Command::new("kill").args(["-TERM", &pid.to_string()]).status().await;
            sent.map_err(|error| format!("kill: {error}"))?;
        }
        if tokio::time::timeout(Duration::from_secs(10), child.wait()).await.is_err() {
            child.kill().await.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// One node is stopped, or killed in the middle of whatever it does, and started again.
    pub(crate) async fn restart(&mut self, kills: bool) -> Result<(), String> {
        let node = self.turn % self.nodes.len().max(1);
        self.turn += 1;
        if kills {
            if let Some(mut child) = self.nodes[node].take() {
                child.kill().await.map_err(|error| error.to_string())?;
            }
        } else {
            self.stop_node(node).await?;
        }
        self.begin(node).await
    }

    /// What of it is in memory, in bytes, as Linux has it.
    pub(crate) fn resident(&self) -> Option<u64> {
        let started = self.nodes.iter().flatten().filter_map(Child::id);
        let pids: Vec<_> = started.chain(self.config.server.pid).collect();
        if pids.is_empty() {
            return None;
        }
        pids.into_iter().map(resident).sum()
    }
}

/// `None` if there is HTTP, whatever it says.
async fn ask(endpoint: &str) -> Option<reqwest::Error> {
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build();
    match http {
        Ok(http) => http.get(endpoint).send().await.err(),
        Err(error) => Some(error),
    }
}

/// For half a minute.
async fn wait_until_it_answers(child: &mut Child, endpoint: &str) -> Result<(), String> {
    for _ in 0..600 {
        let is_there = ask(endpoint).await.is_none();
        // It, too: another server may have come to listen there, and answers for one that could not.
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            return Err(format!("the server ended: {status}"));
        }
        if is_there {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err("the server does not answer".to_owned())
}

/// All of it is read, since a server whose pipe is full stands still.
async fn read_complaints(mut stderr: ChildStderr) -> String {
    let (mut kept, mut some) = (Vec::new(), [0; COMPLAINTS]);
    while let Ok(read @ 1..) = stderr.read(&mut some).await {
        kept.extend_from_slice(&some[..read]);
        kept.drain(..kept.len().saturating_sub(COMPLAINTS));
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// What a server that ended has said. Where a child of its own goes on with the pipe there is no end to wait for.
async fn of(complaints: Option<JoinHandle<String>>) -> String {
    let Some(complaints) = complaints else { return String::new() };
    match tokio::time::timeout(Duration::from_secs(1), complaints).await {
        Ok(Ok(said)) if !said.trim().is_empty() => format!("\n{}", said.trim()),
        _ => String::new(),
    }
}

fn resident(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kilobytes| kilobytes * 1_024)
}
