//! Redis for tests: one server, a server with a replica, and a cluster of three.

use std::sync::{Mutex, OnceLock};

use super::{Folder, Server, free_port, program, until};

/// One server, on a socket in a folder of its own.
pub(crate) struct Redis {
    folder: Folder,
    server: Mutex<Option<Server>>,
    options: Vec<String>,
    port: u16,
}

impl Redis {
    /// A server that keeps everything in memory, and answers on its socket alone.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(&["--appendonly", "no", "--save", ""])
    }

    /// A server that has on disk what it has answered, or with `everysec` what it answered a second ago.
    pub(crate) fn start_durable(appendfsync: &str) -> Option<Self> {
        Self::start_with(&["--appendonly", "yes", "--appendfsync", appendfsync, "--save", ""])
    }

    /// A server with these options. It has no port.
    pub(crate) fn start_with(options: &[&str]) -> Option<Self> {
        Self::start_on(0, options)
    }

    /// The same with a port, for what has to be reached by another server.
    pub(crate) fn start_on(port: u16, options: &[&str]) -> Option<Self> {
        program("redis-server")?;
        let folder = Folder::new("redis");
        let options = options.iter().map(|&option| option.to_owned()).collect();
        let redis = Self { folder, server: Mutex::new(None), options, port };
        redis.restart();
        Some(redis)
    }

    /// A replica of this server, which must have a port. It has everything when this returns.
    pub(crate) fn replica(&self) -> Option<Self> {
        let port = self.port.to_string();
        let options = ["--appendonly", "no", "--save", "", "--repl-diskless-sync-delay", "0"];
        let replica = Self::start_with(&[&options[..], &["--replicaof", "127.0.0.1", &port]].concat())?;
        until("the replica to have caught up", || replica.info("master_link_status") == "up");
        Some(replica)
    }

    /// The server that all tests of one target share; each takes a prefix of its own.
    pub(crate) fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Redis>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        format!("redis+unix://{}", self.folder.path().join("redis.sock").display())
    }

    /// The folder that it runs in.
    pub(crate) fn path(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Where it listens for other machines, if it has a port.
    pub(crate) fn tcp_url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// A connection that blocks, to look at what is there.
    pub(crate) fn look(&self) -> redis::Connection {
        redis::Client::open(self.url()).unwrap().get_connection().unwrap()
    }

    /// One command by its words, as in `redis-cli`.
    #[track_caller]
    pub(crate) fn ask<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        command(words).query(&mut self.look()).unwrap()
    }

    /// One line of `INFO everything`.
    pub(crate) fn info(&self, field: &str) -> String {
        let Ok(mut connection) = redis::Client::open(self.url()).and_then(|client| client.get_connection()) else {
            return String::new();
        };
        let info: String = command(&["INFO", "everything"]).query(&mut connection).unwrap_or_default();
        let line = info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        line.unwrap_or_default().to_owned()
    }

    /// Forgets everything.
    pub(crate) fn flush(&self) {
        let () = self.ask(&["FLUSHALL", "SYNC"]);
    }

    /// As a power cut does it for this one process.
    pub(crate) fn kill9(&self) {
        if let Some(server) = self.server.lock().unwrap().take() {
            server.kill();
        }
    }

    /// Sends a signal by its name: `STOP`, `CONT`.
    pub(crate) fn signal(&self, name: &str) {
        if let Some(server) = &*self.server.lock().unwrap() {
            server.signal(name);
        }
    }

    /// Starts it, again if it was killed, with what is on disk; it serves when this returns.
    ///
    /// # Panics
    ///
    /// If it does not serve within a minute.
    pub(crate) fn restart(&self) {
        self.kill9();
        let Some(path) = program("redis-server") else { return };
        let mut start = self.folder.command(&path);
        start.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--dir", "."]);
        start.args(["--unixsocket", "redis.sock", "--daemonize", "no", "--protected-mode", "no"]).args(&self.options);
        *self.server.lock().unwrap() = Some(self.folder.start("redis", &mut start));
        until("redis-server to serve", || {
            let ended = self.server.lock().unwrap().as_mut().is_none_or(Server::has_ended);
            assert!(!ended, "redis-server has ended: {}", self.folder.log("redis"));
            self.serves()
        });
    }

    fn serves(&self) -> bool {
        let connection = redis::Client::open(self.url()).and_then(|client| client.get_connection());
        let Ok(mut connection) = connection else { return false };
        match command(&["PING"]).query::<String>(&mut connection) {
            Ok(_) => true,
            // It would serve those who know the password.
            Err(error) => error.code() == Some("NOAUTH"),
        }
    }
}

/// Three masters with a third of the slots each.
pub(crate) struct RedisCluster {
    nodes: Vec<Redis>,
}

impl RedisCluster {
    /// The first slot of each node, and the end.
    const BOUNDS: [u16; 4] = [0, 5_461, 10_923, 16_384];

    pub(crate) fn start() -> Option<Self> {
        let options =
            ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--appendonly", "no", "--save", ""];
        let mut nodes = Vec::new();
        for node in 0..3 {
            let bus = free_port().to_string();
            let redis = Redis::start_on(free_port(), &[&options[..], &["--cluster-port", &bus]].concat())?;
            let (first, last) = (Self::BOUNDS[node].to_string(), (Self::BOUNDS[node + 1] - 1).to_string());
            let () = redis.ask(&["CLUSTER", "ADDSLOTSRANGE", &first, &last]);
            let () = redis.ask(&["CLUSTER", "SET-CONFIG-EPOCH", &(node + 1).to_string()]);
            nodes.push((redis, bus));
        }
        for (node, bus) in &nodes[1..] {
            let () = nodes[0].0.ask(&["CLUSTER", "MEET", "127.0.0.1", &node.port().to_string(), bus]);
        }
        let nodes: Vec<Redis> = nodes.into_iter().map(|(node, _)| node).collect();
        until("the cluster to be whole", || {
            nodes.iter().all(|node| {
                let info: String = node.ask(&["CLUSTER", "INFO"]);
                info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
            })
        });
        Some(Self { nodes })
    }

    /// The cluster that all tests of one target share; each takes a prefix of its own.
    pub(crate) fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<RedisCluster>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Redis::tcp_url).collect()
    }

    /// All of them in one, as the examples take it.
    pub(crate) fn url(&self) -> String {
        let nodes: Vec<String> = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())).collect();
        format!("redis-cluster://{}", nodes.join(","))
    }

    pub(crate) fn nodes(&self) -> &[Redis] {
        &self.nodes
    }
}

pub(crate) fn command(words: &[&str]) -> redis::Cmd {
    let mut command = redis::Cmd::new();
    for word in words {
        command.arg(word);
    }
    command
}

/// A prefix that no other test has.
pub(crate) fn prefix() -> String {
    format!("test-{:016x}:", rand::random::<u64>())
}
