//! The server as a process: started, stopped, killed, and how much memory it has.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

use crate::config::Config;

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
        let [program, arguments @ ..] = self.config.server.start[node].as_slice() else {
            return Err("a command that is empty".to_owned());
        };
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        if let Some(folder) = &self.config.server.folder {
            command.current_dir(folder);
        }
        self.nodes[node] = Some(command.spawn().map_err(|error| format!("{program}: {error}"))?);
        self.wait_until_it_answers(node).await
    }

    /// Anything that is HTTP.
    async fn wait_until_it_answers(&mut self, node: usize) -> Result<(), String> {
        let http = reqwest::Client::builder().no_proxy().build().map_err(|error| error.to_string())?;
        for _ in 0..600 {
            // It first: another server may be listening there, and answers for one that could not.
            if let Some(Ok(Some(status))) = self.nodes[node].as_mut().map(Child::try_wait) {
                return Err(format!("the server ended: {status}"));
            }
            if http.get(&self.config.token_endpoints[node]).send().await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err("the server does not answer".to_owned())
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

fn resident(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kilobytes| kilobytes * 1_024)
}
