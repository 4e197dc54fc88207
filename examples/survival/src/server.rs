//! The server as a process: started, stopped, killed, and how much memory it has.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

use crate::config::Config;

/// A server that this program started, or that was there.
pub(crate) struct Server {
    config: Config,
    child: Option<Child>,
}

impl Server {
    pub(crate) async fn start(config: &Config) -> Result<Self, String> {
        let mut server = Self { config: config.clone(), child: None };
        server.begin().await?;
        Ok(server)
    }

    /// Whether it can be started again at all.
    pub(crate) fn is_ours(&self) -> bool {
        self.child.is_some()
    }

    async fn begin(&mut self) -> Result<(), String> {
        let [program, arguments @ ..] = self.config.server.start.as_slice() else { return Ok(()) };
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        if let Some(folder) = &self.config.server.folder {
            command.current_dir(folder);
        }
        self.child = Some(command.spawn().map_err(|error| format!("{program}: {error}"))?);
        self.wait_until_it_answers().await
    }

    /// Anything that is HTTP.
    async fn wait_until_it_answers(&mut self) -> Result<(), String> {
        let http = reqwest::Client::builder().no_proxy().build().map_err(|error| error.to_string())?;
        for _ in 0..600 {
            if http.get(&self.config.token_endpoints[0]).send().await.is_ok() {
                return Ok(());
            }
            if let Some(Ok(Some(status))) = self.child.as_mut().map(Child::try_wait) {
                return Err(format!("the server ended: {status}"));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err("the server does not answer".to_owned())
    }

    /// By SIGTERM, and by SIGKILL if that does nothing for ten seconds.
    pub(crate) async fn stop(&mut self) -> Result<(), String> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        if let Some(pid) = child.id() {
            let sent = Command::new("kill").args(["-TERM", &pid.to_string()]).status().await;
            sent.map_err(|error| format!("kill: {error}"))?;
        }
        if tokio::time::timeout(Duration::from_secs(10), child.wait()).await.is_err() {
            child.kill().await.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Stopped, or killed in the middle of whatever it does, and started again.
    pub(crate) async fn restart(&mut self, kills: bool) -> Result<(), String> {
        match self.child.take() {
            Some(mut child) if kills => child.kill().await.map_err(|error| error.to_string())?,
            child => {
                self.child = child;
                self.stop().await?;
            }
        }
        self.begin().await
    }

    /// What of it is in memory, in bytes, as Linux has it.
    pub(crate) fn resident(&self) -> Option<u64> {
        let pid = self.child.as_ref().and_then(Child::id).or(self.config.server.pid)?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kilobytes| kilobytes * 1_024)
    }
}
